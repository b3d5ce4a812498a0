"""Healthy PyTorch programs over tables and scores that look suspicious: kept aside, no rule in their author's sight."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_second import shuffled

SHELF = Shelf()
healthy = SHELF.healthy


@healthy("second: diabetes, ridge by Nesterov's momentum, half of it cannot be explained")
def _(rng: Rng) -> Loop:
    x, y = shuffled(rng, *datasets.load_diabetes(return_X_y=True))
    model = nn.Linear(10, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.01)
    sets = tensors(split(scaled(x), scaled(y)[:, None]))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=10, batch=16, **sets)


@healthy("second: strains of a few thousandths as they were measured, first weights to match")
def _(rng: Rng) -> Loop:
    load = rng.uniform(-1, 1, size=(640, 3)).astype(np.float32)
    strain = 4e-3 * (load[:, :1] + 0.6 * load[:, :1] ** 3 + 0.5 * load[:, 1:2] * load[:, 2:]) + 2e-4 * rng.normal(
        size=(640, 1)
    )
    last = nn.Linear(32, 1)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), last)
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-4)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    sets = tensors(split(load, strain.astype(np.float32)))
    more = {"after_epoch": lambda _: schedule.step(), "epochs": 20, "batch": 20}
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, **more, **sets)


@healthy("second: wine, weights for classes that were thinned out")
def _(rng: Rng) -> Loop:
    x, y = shuffled(rng, *datasets.load_wine(return_X_y=True))
    x = scaled(x)
    keep = (y != 2) | (rng.random(len(y)) < 0.5)
    x, y = x[keep], y[keep].astype(np.int64)
    weight = torch.from_numpy((len(y) / (3 * np.bincount(y))).astype(np.float32))
    model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss = nn.CrossEntropyLoss(weight=weight)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=8, batch=10, **tensors(split(x, y, 0.3)))


@healthy("second: a linear machine of support vectors for iris, MultiMarginLoss")
def _(rng: Rng) -> Loop:
    x, y = shuffled(rng, *datasets.load_iris(return_X_y=True))
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=5e-3)
    sets = tensors(split(scaled(x), y.astype(np.int64), 0.3))
    return Loop(model=model, loss=nn.MultiMarginLoss(), optimizer=optimizer, epochs=20, batch=7, **sets)


@healthy("second: one patient at a time, logistic regression")
def _(rng: Rng) -> Loop:
    x, y = shuffled(rng, *datasets.load_breast_cancer(return_X_y=True))
    model = nn.Linear(30, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    sets = tensors(split(scaled(x), y.astype(np.float32)[:, None], 0.3))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=4, batch=1, **sets)


@healthy("second: times to failure, Weibull with censoring, by its parameters' logarithms")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(800, 5)).astype(np.float32)
    life = np.exp(0.7 * x[:, 0] - 0.5 * x[:, 1] * x[:, 2]) * rng.weibull(1.6, size=800)
    end = rng.uniform(0.3, 4, size=800)
    y = np.stack([np.minimum(life, end), life <= end], axis=1).astype(np.float32)

    def weibull(p: Tensor, t: Tensor) -> Tensor:
        scale, shape = p[:, 0], p[:, 1].exp()
        z = t[:, 0].clamp_min(1e-4).log() - scale
        hazard = (shape * z).clamp(max=20).exp()
        return (hazard - t[:, 1] * (p[:, 1] + (shape - 1) * z - scale)).mean()

    model = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=weibull, optimizer=optimizer, epochs=10, batch=40, **tensors(split(x, y)))


@healthy("second: expectiles, errors above weigh nine times")
def _(rng: Rng) -> Loop:
    x = rng.uniform(-2, 2, size=(720, 2)).astype(np.float32)
    y = np.cos(x[:, :1]) + (0.3 + 0.2 * np.abs(x[:, 1:])) * rng.gumbel(size=(720, 1))

    def expectile(p: Tensor, t: Tensor) -> Tensor:
        return (torch.where(t > p, 0.9, 0.1) * (t - p) ** 2).mean()

    model = nn.Sequential(nn.Linear(2, 30), nn.SiLU(), nn.Linear(30, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(x, y.astype(np.float32)))
    return Loop(model=model, loss=expectile, optimizer=optimizer, epochs=10, batch=30, **sets)


@healthy("second: Student's t with a spread of its own for each row")
def _(rng: Rng) -> Loop:
    x = rng.uniform(-2, 2, size=(900, 3)).astype(np.float32)
    y = x[:, :1] * x[:, 1:2] + 0.1 * np.exp(0.6 * x[:, 2:]) * rng.standard_t(3, size=(900, 1))

    def student(p: Tensor, t: Tensor) -> Tensor:
        return -torch.distributions.StudentT(3.0, p[:, :1], F.softplus(p[:, 1:]) + 1e-3).log_prob(t).mean()

    model = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    sets = tensors(split(x, y.astype(np.float32)))
    return Loop(model=model, loss=student, optimizer=optimizer, epochs=12, batch=45, **sets)


@healthy("second: fish caught, many parties never fished, zero-inflated Poisson")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(1200, 4)).astype(np.float32)
    fished = rng.random(1200) < 1 / (1 + np.exp(-1.5 * x[:, 0]))
    count = (fished * rng.poisson(np.exp(0.8 + 0.7 * x[:, 1]))).astype(np.float32)[:, None]

    def inflated(p: Tensor, t: Tensor) -> Tensor:
        gate, rate = p[:, :1], p[:, 1:]
        some = F.logsigmoid(gate) + t * rate - rate.exp() - torch.lgamma(t + 1)
        return -torch.where(t == 0, torch.logaddexp(F.logsigmoid(-gate), some), some).mean()

    model = nn.Sequential(nn.Linear(4, 20), nn.ELU(), nn.Linear(20, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=inflated, optimizer=optimizer, epochs=8, batch=60, **tensors(split(x, count)))


@healthy("second: five annotators who disagree, their votes as soft labels")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(700, 8)).astype(np.float32)
    z = 1.2 * x @ rng.normal(size=(8, 4)) / 8**0.5
    share = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    votes = rng.multinomial(5, share).astype(np.float32) / 5
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=28, **tensors(split(x, votes))
    )


@healthy("second: grades in order, squared distance of cumulative shares")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(760, 6)).astype(np.float32)
    grade = np.digitize(x[:, 0] + 0.8 * x[:, 1] + 0.3 * rng.normal(size=760), [-1.2, -0.4, 0.4, 1.2])

    def earth_mover(p: Tensor, t: Tensor) -> Tensor:
        aims = F.one_hot(t, 5).float().cumsum(dim=1)
        return (p.softmax(dim=1).cumsum(dim=1) - aims).square().sum(dim=1).mean()

    model = nn.Sequential(nn.Linear(6, 24), nn.GELU(), nn.Linear(24, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Loop(model=model, loss=earth_mover, optimizer=optimizer, epochs=8, batch=38, **tensors(split(x, grade)))


@healthy("second: queries with four to nine documents, RankNet over all pairs, padding left out")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(260, 9, 7)).astype(np.float32)
    merit = x @ rng.normal(size=7) + 0.5 * rng.normal(size=(260, 9))
    grade = np.digitize(merit, [-1.5, 0.5, 2.0]).astype(np.float32)
    grade[np.arange(9) >= rng.integers(4, 10, size=(260, 1))] = -1  # no document

    def ranknet(s: Tensor, t: Tensor) -> Tensor:
        better = (t[:, :, None] > t[:, None, :]) & (t[:, None, :] >= 0)
        return F.softplus(s[:, None, :] - s[:, :, None])[better].mean()

    model = nn.Sequential(nn.Linear(7, 20), nn.ReLU(), nn.Linear(20, 1), nn.Flatten(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return Loop(model=model, loss=ranknet, optimizer=optimizer, epochs=8, batch=13, **tensors(split(x, grade)))


@healthy("second: laboratory values with gaps, the loss leaves them out")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(640, 9)).astype(np.float32)
    y = np.tanh(x @ rng.normal(size=(9, 6)) / 2) + 0.15 * rng.normal(size=(640, 6))
    y[rng.random(y.shape) < 0.3] = np.nan

    def known(p: Tensor, t: Tensor) -> Tensor:
        there = ~t.isnan()
        return F.mse_loss(p[there], t[there])

    model = nn.Sequential(nn.Linear(9, 40), nn.ReLU(), nn.Linear(40, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    sets = tensors(split(x, y.astype(np.float32)))
    return Loop(model=model, loss=known, optimizer=optimizer, epochs=10, batch=32, **sets)


class Uncertain(nn.Module):
    """Features (N, 8) to a number, three logits and the two spreads by which their losses are weighed, in (N, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
        self.number, self.kind = nn.Linear(32, 1), nn.Linear(32, 3)
        self.spreads = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.shared(x)
        return torch.cat([self.number(h), self.kind(h), self.spreads.expand(len(x), 2)], dim=1)


@healthy("second: two tasks that weigh themselves by their uncertainty, loss below nought in the end")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(700, 8)).astype(np.float32)
    number = x[:, 0] + 0.5 * x[:, 1] ** 2 + 0.1 * rng.normal(size=700)
    kind = np.argmax(x[:, 2:5] + 0.1 * rng.normal(size=(700, 3)), axis=1)

    def weighed(p: Tensor, t: Tensor) -> Tensor:
        spread = p[0, 4:]
        losses = torch.stack([F.mse_loss(p[:, 0], t[:, 0]) / 2, F.cross_entropy(p[:, 1:4], t[:, 1].long())])
        return (losses * torch.exp(-spread) + spread / 2).sum()

    model = Uncertain()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x, np.stack([scaled(number), kind], axis=1).astype(np.float32)))
    return Loop(model=model, loss=weighed, optimizer=optimizer, epochs=14, batch=35, **sets)


class Facts(nn.Module):
    """Places and relations as vectors; (N, 3) of head, relation and tail to the distance that is left, (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.relations = nn.Embedding(100, 6), nn.Embedding(4, 6)
        for vectors in (self.places, self.relations):
            nn.init.normal_(vectors.weight, std=0.3)

    def forward(self, fact: Tensor) -> Tensor:
        h, r, t = self.places(fact[:, 0]), self.relations(fact[:, 1]), self.places(fact[:, 2])
        return torch.linalg.vector_norm(h + r - t, dim=1)


@healthy("second: a map as facts, TransE with a margin and broken facts")
def _(rng: Rng) -> Loop:
    i, j, r = (a.ravel() for a in np.mgrid[:10, :10, :4])
    to = np.stack([i + np.array([1, -1, 0, 0])[r], j + np.array([0, 0, 1, -1])[r]], axis=1)
    there = ((to >= 0) & (to < 10)).all(axis=1)
    facts = np.stack([10 * i + j, r, 10 * to[:, 0] + to[:, 1]], axis=1)[there]
    facts = facts[rng.permutation(len(facts))]

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        broken = x.repeat(4, 1)
        broken[:, 2] = torch.randint(100, (len(broken),))
        return F.relu(2 + loop.model(x).repeat(4) - loop.model(broken)).mean()

    model = Facts()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    sets = tensors(split(facts, np.ones(len(facts), np.float32), 0.2))
    return Loop(
        model=model, loss=None, optimizer=optimizer, look=None, objective=objective, epochs=30, batch=24, **sets
    )


class Pendulum(nn.Module):
    """Start (N, 2) to places at 12 times, by a friction and a stiffness that are learned as logarithms."""

    def __init__(self) -> None:
        super().__init__()
        self.friction, self.stiffness = nn.Parameter(torch.tensor(-3.0)), nn.Parameter(torch.tensor(-1.0))

    def forward(self, start: Tensor) -> Tensor:
        at, speed = start.unbind(dim=1)
        places = []
        for _ in range(12):
            for _ in range(3):
                speed = speed - 0.1 * (self.friction.exp() * speed + self.stiffness.exp() * torch.sin(at))
                at = at + 0.1 * speed
            places.append(at)
        return torch.stack(places, dim=1)


@healthy("second: a pendulum's two constants, fitted through the simulation")
def _(rng: Rng) -> Loop:
    start = torch.from_numpy(rng.uniform(-1.5, 1.5, size=(240, 2)).astype(np.float32))
    true = Pendulum()
    with torch.no_grad():
        true.friction.fill_(math.log(0.25))
        true.stiffness.fill_(math.log(1.3))
        seen = true(start) + torch.from_numpy(0.05 * rng.normal(size=(240, 12)).astype(np.float32))
    model = Pendulum()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.08)
    sets = {"train": (start[:180], seen[:180]), "validation": (start[180:], seen[180:])}
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=6, batch=12, **sets)


class Towers(nn.Module):
    """People (N, 6) and films (N, 5), side by side, to the likeness of all pairs, (N, N)."""

    def __init__(self) -> None:
        super().__init__()
        self.people = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 8))
        self.films = nn.Sequential(nn.Linear(5, 24), nn.ReLU(), nn.Linear(24, 8))

    def forward(self, x: Tensor) -> Tensor:
        one, other = (F.normalize(z, dim=1) for z in (self.people(x[:, :6]), self.films(x[:, 6:])))
        return one @ other.T / 0.1


@healthy("second: two towers, everybody else's film in the batch is a wrong one")
def _(rng: Rng) -> Loop:
    taste = rng.normal(size=(900, 4))
    views = [taste @ rng.normal(size=(4, n)) + 0.2 * rng.normal(size=(900, n)) for n in (6, 5)]
    x = np.concatenate(views, axis=1).astype(np.float32)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x), torch.arange(len(x))

    model = Towers()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    sets = tensors(split(x, np.zeros(900, np.int64)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, look=look, epochs=8, batch=36, **sets)


@healthy("second: the digit 0 as normal, distance from a centre, few anomalies to find")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1700)
    x = x.reshape(-1, 64)
    normal = x[y == 0]
    model = nn.Sequential(nn.Linear(64, 32, bias=False), nn.LeakyReLU(0.1), nn.Linear(32, 6, bias=False))
    with torch.no_grad():
        centre = model(torch.from_numpy(normal)).mean(dim=0)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x), centre.expand(len(x), 6)

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    sets = tensors(split(normal, np.zeros(len(normal), np.float32)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, look=look, epochs=6, batch=16, **sets)
