"""Healthy PyTorch programs over tables, scores and generators: a third set, by somebody who never saw the rules."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_models import Two
from .torch_third import draw

SHELF = Shelf()
healthy = SHELF.healthy


class Leaves(nn.Module):
    """Features (N, 9) to logarithms of the shares of four classes, F.* throughout."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(9, 32), nn.Linear(32, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.elu(self.one(x))
        x = F.dropout(x, 0.2, training=self.training)
        return F.log_softmax(self.three(F.elu(self.two(x))), dim=1)


@healthy("third: log_softmax in forward and cross_entropy after it, which does no harm")
def _(rng: Rng) -> Loop:
    kind = rng.integers(0, 4, size=800)
    x = (rng.normal(size=(4, 9))[kind] + 0.9 * rng.normal(size=(800, 9))).astype(np.float32)
    model = Leaves()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    return Loop(model=model, loss=F.cross_entropy, optimizer=optimizer, epochs=8, batch=32, **tensors(split(x, kind)))


@healthy("third: chances of rain as numbers between 0 and 1, sigmoid and squared error")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(700, 6)).astype(np.float32)
    z = x[:, :1] - 0.8 * x[:, 1:2] * x[:, 2:3] + 0.3 * rng.normal(size=(700, 1))
    model = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 1), nn.Sigmoid())
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3, weight_decay=0.01)
    sets = tensors(split(x, (1 / (1 + np.exp(-z))).astype(np.float32)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=9, batch=35, **sets)


@healthy("third: calls per hour, softplus and PoissonNLLLoss of the rate itself")
def _(rng: Rng) -> Loop:
    hour = rng.uniform(0, 24, size=(800, 1))
    x = np.concatenate([np.sin(hour / 24 * 6.283), np.cos(hour / 24 * 6.283), rng.normal(size=(800, 2))], axis=1)
    count = rng.poisson(6 + 4 * x[:, :1] + 1.5 * np.abs(x[:, 2:3])).astype(np.float32)
    model = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 1), nn.Softplus())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x.astype(np.float32), count))
    loss = nn.PoissonNLLLoss(log_input=False)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=9, batch=40, **sets)


@healthy("third: scales with an error of their own, nn.GaussianNLLLoss, below nought in the end")
def _(rng: Rng) -> Loop:
    x = rng.uniform(-1, 1, size=(900, 3)).astype(np.float32)
    y = x[:, :1] ** 2 - 0.5 * x[:, 1:2] + 0.05 * np.exp(1.2 * x[:, 2:3]) * rng.normal(size=(900, 1))
    criterion = nn.GaussianNLLLoss()

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        mean, spread = loop.model(x).chunk(2, dim=1)
        return criterion(mean, y, F.softplus(spread) ** 2 + 1e-5)

    model = nn.Sequential(nn.Linear(3, 40), nn.Tanh(), nn.Linear(40, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x, y.astype(np.float32)))
    return Loop(
        model=model, loss=criterion, optimizer=optimizer, look=None, objective=objective, epochs=12, batch=45, **sets
    )


class Reverse(torch.autograd.Function):
    """The input itself on the way up, its gradient turned over on the way down."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:  # pyrefly: ignore
        return -gradient


class Adversary(nn.Module):
    """Features (N, 12) to three logits of the class and two of the machine, the second behind a reversed gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.kind, self.machine = nn.Linear(32, 3), nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.shared(x)
        return torch.cat([self.kind(h), self.machine(Reverse.apply(h))], dim=1)


@healthy("third: classes that do not tell the machine, a reversed gradient, whose loss must stay at ln 2")
def _(rng: Rng) -> Loop:
    kind, machine = rng.integers(0, 3, size=800), rng.integers(0, 2, size=800)
    x = rng.normal(size=(3, 12))[kind] + 0.4 * rng.normal(size=(2, 12))[machine] + 0.7 * rng.normal(size=(800, 12))

    def both(p: Tensor, t: Tensor) -> Tensor:
        return F.cross_entropy(p[:, :3], t[:, 0]) + 0.5 * F.cross_entropy(p[:, 3:], t[:, 1])

    model = Adversary()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    sets = tensors(split(x.astype(np.float32), np.stack([kind, machine], axis=1)))
    return Loop(model=model, loss=both, optimizer=optimizer, epochs=7, batch=40, **sets)


@healthy("third: several genres per song, each with its own pos_weight")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(900, 14)).astype(np.float32)
    z = x @ rng.normal(size=(14, 6)) / 2 + np.array([0.5, -1, -2, -2.5, 0, -1.5]) + 0.5 * rng.normal(size=(900, 6))
    y = (z > 0).astype(np.float32)
    weight = torch.from_numpy((1 - y.mean(axis=0)) / y.mean(axis=0))
    model = nn.Sequential(nn.Linear(14, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss = nn.BCEWithLogitsLoss(pos_weight=weight)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=8, batch=36, **tensors(split(x, y)))


@healthy("third: a small network after a large one, kl_div of two logarithms with log_target")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(800, 10)).astype(np.float32)
    z = torch.from_numpy(1.5 * np.tanh(x @ rng.normal(size=(10, 12)) / 3) @ rng.normal(size=(12, 5)) / 2)
    teacher = (z / 2).log_softmax(dim=1).float().numpy()

    class Student(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return F.log_softmax(super().forward(x) / 2, dim=1)

    model = Student(nn.Linear(10, 32), nn.GELU(), nn.Linear(32, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    loss = nn.KLDivLoss(reduction="batchmean", log_target=True)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=9, batch=40, **tensors(split(x, teacher)))


@healthy("third: digits, ArcFace with a scale of sixteen, first loss far above ln 10")
def _(rng: Rng) -> Loop:
    class Faces(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12))
            self.centres = nn.Parameter(torch.randn(10, 12))

        def forward(self, x: Tensor) -> Tensor:
            return F.normalize(self.inner(x), dim=1) @ F.normalize(self.centres, dim=1).T

    def arcface(cosine: Tensor, kind: Tensor) -> Tensor:
        angle = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
        wider = torch.cos(angle + 0.3 * F.one_hot(kind, 10))
        return F.cross_entropy(16 * wider, kind)

    model = Faces()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    return Loop(
        model=model, loss=arcface, optimizer=optimizer, epochs=6, batch=40, **tensors(split(*digits(rng, 1500)))
    )


class Experts(nn.Module):
    """Features (N, 5) to a number by four experts and a gate; keeps how much each expert was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(5, 4)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 1)) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        share = self.gate(x).softmax(dim=1)
        self.asked = share.mean(dim=0)
        return (share[:, None] * torch.stack([expert(x) for expert in self.experts], dim=2)).sum(dim=2)


@healthy("third: four experts and a gate that must ask all of them")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(800, 5)).astype(np.float32)
    y = np.where(x[:, :1] > 0, x[:, 1:2] + x[:, 2:3], np.sin(2 * x[:, 3:4])) + 0.1 * rng.normal(size=(800, 1))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        value = loop.loss(loop.model(x), y)
        return value + 0.02 * 4 * loop.model.asked.square().sum()

    model = Experts()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
    more = {"objective": objective, "epochs": 10, "batch": 30}
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, **more, **tensors(split(x, scaled(y))))


class Codes(nn.Module):
    """Vectors (N, 16) to themselves through eight bits, hard ones whose gradient goes straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.inward = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))
        self.outward = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        soft = torch.tanh(self.inward(x))
        return self.outward(soft + (soft.sign() - soft).detach())


@healthy("third: eight bits that stand for twenty groups, gradients straight through the rounding")
def _(rng: Rng) -> Loop:
    group = rng.integers(0, 20, size=900)
    x = scaled(rng.normal(size=(20, 16))[group] + 0.3 * rng.normal(size=(900, 16)))
    model = Codes()
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=10, batch=36, **tensors(split(x, x)))


@healthy("third: a swiss roll by flow matching, a loss that stays high")
def _(rng: Rng) -> Loop:
    x = scaled(datasets.make_swiss_roll(900, noise=0.2, random_state=draw(rng))[0][:, [0, 2]])

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        start, t = torch.randn_like(x), torch.rand(len(x), 1)
        at = (1 - t) * start + t * x
        return loop.loss(loop.model(torch.cat([at, t], dim=1)), x - start)

    model = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    sets = tensors(split(x, x))
    return Loop(
        model=model, loss=nn.MSELoss(), optimizer=optimizer, look=None, objective=objective, epochs=14, batch=45, **sets
    )


@healthy("third: a third of the digits' labels given, the surest guesses serve for the others")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1000)
    y[:750][rng.permutation(750)[:500]] = -1

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x), y

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        p, known = loop.model(x), y >= 0
        value = F.cross_entropy(p, y, ignore_index=-1, reduction="sum") / known.sum().clamp_min(1)
        with torch.no_grad():
            share, guess = p.softmax(dim=1).max(dim=1)
        sure = (share > 0.95) & ~known
        return value + 0.3 * (F.cross_entropy(p, guess, reduction="none") * sure).mean()

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    return Loop(
        model=model,
        loss=nn.CrossEntropyLoss(ignore_index=-1),
        optimizer=optimizer,
        look=look,
        objective=objective,
        epochs=9,
        batch=50,
        **tensors(split(x, y)),
    )


@healthy("third: a judge and a maker, relativistic, loss that hovers")
def _(rng: Rng) -> Loop:
    turn = rng.uniform(0, 6.28, size=400)
    real = np.stack([2 * np.cos(turn), np.sin(turn)], axis=1) + 0.1 * rng.normal(size=(400, 2))
    one = nn.Sequential(nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))
    other = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
    model, criterion = Two(one, other), nn.BCEWithLogitsLoss()
    makes = torch.optim.Adam(one.parameters(), lr=2e-3, betas=(0.5, 0.99))
    judges = torch.optim.Adam(other.parameters(), lr=2e-3, betas=(0.5, 0.99))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return criterion(other(x) - other(one(torch.randn(len(x), 4)).detach()), y)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        judges.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        judges.step()
        makes.zero_grad()
        criterion(other(one(torch.randn(len(x), 4))) - other(x), y).backward()
        makes.step()
        return value

    train = (torch.from_numpy(real.astype(np.float32)), torch.ones(400, 1))
    more = {"objective": objective, "step": step, "epochs": 15, "batch": 40, "judged_at_end": False}
    return Loop(model=model, loss=criterion, optimizer=judges, train=train, look=None, **more)
