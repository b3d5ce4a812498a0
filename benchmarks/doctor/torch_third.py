"""PyTorch faults between last layer and loss, and their cures: a third set, by somebody who never saw the rules."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Array, Rng, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_models import Two

SHELF = Shelf()
faulty = SHELF.faulty


def draw(rng: Rng) -> int:
    """Return a seed for what scikit-learn makes."""
    return int(rng.integers(2**31))


class Residual(nn.Module):
    """Features (N, 6) to four logits, or to their softmax, past a block that is skipped."""

    def __init__(self, shares: bool) -> None:
        super().__init__()
        self.enter, self.norm, self.inner = nn.Linear(6, 24), nn.LayerNorm(24), nn.Linear(24, 24)
        self.out, self.shares = nn.Linear(24, 4), shares

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.enter(x))
        h = self.out(h + F.relu(self.inner(self.norm(h))))
        return F.softmax(h, dim=-1) if self.shares else h


@faulty("T01 third: four shells, F.softmax at the end of forward, smoothed CrossEntropyLoss", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.make_gaussian_quantiles(n_samples=1100, n_features=6, n_classes=4, random_state=draw(rng))
    model = Residual(shares=not fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=10, batch=30, **tensors(split(scaled(x), y)))


def rings(rng: Rng, rows: int) -> tuple[Array, Array]:
    """Return noisy pictures (N, 1, 16, 16) with a ring in each, and the ring's mask."""
    at = rng.uniform(5, 11, size=(rows, 2, 1, 1))
    i, j = np.mgrid[:16, :16]
    away = np.sqrt((i - at[:, 0]) ** 2 + (j - at[:, 1]) ** 2)
    mask = np.abs(away - rng.uniform(2.5, 4.5, size=(rows, 1, 1))) < 0.9
    picture = mask + 0.4 * rng.normal(size=mask.shape)
    return picture[:, None].astype(np.float32), mask[:, None].astype(np.float32)


class Hourglass(nn.Module):
    """Pictures (N, 1, 16, 16) to one number per pixel, down once and up again."""

    def __init__(self, squash: bool) -> None:
        super().__init__()
        self.left, self.down = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.right, self.out = nn.Conv2d(20, 8, 3, padding=1), nn.Conv2d(8, 1, 1)
        self.squash = squash

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu(self.left(x))
        deep = F.interpolate(F.relu(self.down(F.max_pool2d(wide, 2))), scale_factor=2)
        z = self.out(F.relu(self.right(torch.cat([wide, deep], dim=1))))
        return torch.sigmoid(z) if self.squash else z


@faulty("T02 third: rings, torch.sigmoid and binary_cross_entropy_with_logits in a closure", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = rings(rng, 200)

    def criterion(p: Tensor, t: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(p, t, pos_weight=torch.tensor(3.0))

    model = Hourglass(squash=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=criterion, optimizer=optimizer, epochs=8, batch=10, **tensors(split(x, y, 0.2)))


@faulty("T03 third: a judge with a sigmoid of its own under BCEWithLogitsLoss", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    real = np.where(rng.random((480, 1)) < 0.5, -1.5, 1.5) + 0.3 * rng.normal(size=(480, 1))
    judge = [nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)]
    maker = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    model = Two(maker, nn.Sequential(*judge, *([] if fixed else [nn.Sigmoid()])))
    criterion = nn.BCEWithLogitsLoss()
    judges = torch.optim.Adam(model.other.parameters(), lr=2e-3, betas=(0.5, 0.999))
    makes = torch.optim.Adam(model.one.parameters(), lr=2e-3, betas=(0.5, 0.999))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = maker(torch.randn(len(x), 4)).detach()
        return criterion(model.other(x), y) + criterion(model.other(made), 1 - y)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        judges.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        judges.step()
        makes.zero_grad()
        criterion(model.other(maker(torch.randn(len(x), 4))), y).backward()
        makes.step()
        return value

    train = (torch.from_numpy(real.astype(np.float32)), torch.ones(480, 1))
    more = {"objective": objective, "step": step, "epochs": 12, "batch": 40, "judged_at_end": False}
    return Loop(model=model, loss=criterion, optimizer=judges, train=train, look=None, **more)


@faulty("T04 third: a student at temperature two, kl_div of two softmaxes", "OUT11", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(640, 10)).astype(np.float32)
    teacher = np.tanh(x @ rng.normal(size=(10, 16)) / 2) @ rng.normal(size=(16, 6))

    def distil(p: Tensor, t: Tensor) -> Tensor:
        student = F.log_softmax(p / 2, dim=1) if fixed else F.softmax(p / 2, dim=1)
        return 4 * F.kl_div(student, F.softmax(t / 2, dim=1), reduction="batchmean")

    model = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    sets = tensors(split(x, teacher.astype(np.float32)))
    return Loop(model=model, loss=distil, optimizer=optimizer, epochs=9, batch=32, **sets)


class Dials(nn.Module):
    """Tokens (N, T) to logits of what each shows, classes last; first where wanted."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(18, 12)
        self.lstm = nn.LSTM(12, 20, batch_first=True, bidirectional=True)
        self.head, self.first = nn.Linear(40, 6), first

    def forward(self, tokens: Tensor) -> Tensor:
        z = self.head(self.lstm(self.words(tokens))[0])
        return z.permute(0, 2, 1) if self.first else z


@faulty("T05 third: six dials of six figures, classes last for CrossEntropyLoss", "OUT14", "LAB02")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.integers(0, 18, size=(600, 6))
    y = (x + np.roll(x, 1, axis=1)) % 18 // 3
    model = Dials(first=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=25, **tensors(split(x, y))
    )


@faulty("T06 third: friction with its spread, gaussian_nll_loss of a column and a row", "LAB01")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.make_friedman1(640, noise=0.5, random_state=draw(rng))

    def likelihood(p: Tensor, t: Tensor) -> Tensor:
        mean, spread = (p[:, 0], p[:, 1]) if fixed else (p[:, :1], p[:, 1:])
        return F.gaussian_nll_loss(mean, t, spread.exp())

    model = nn.Sequential(nn.Linear(10, 40), nn.SiLU(), nn.Linear(40, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    return Loop(
        model=model, loss=likelihood, optimizer=optimizer, epochs=10, batch=32, **tensors(split(scaled(x), scaled(y)))
    )


@faulty(
    "T07 third: rare breakdowns, a softplus before PoissonNLLLoss of logarithms", "OUT07", "OUT08", "OUT11", "OUT02"
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(800, 5)).astype(np.float32)
    count = rng.poisson(np.exp(-1.4 + 0.8 * x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3]).clip(max=6)).astype(np.float32)
    model = nn.Sequential(nn.Linear(5, 20), nn.Tanh(), nn.Linear(20, 1), nn.Softplus())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss = nn.PoissonNLLLoss(log_input=not fixed)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=9, batch=40, **tensors(split(x, count)))


class Spirals(nn.Module):
    """Places (N, 2) to a number each, the last layer in F.relu as the others are, or bare."""

    def __init__(self, bare: bool) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(2, 40), nn.Linear(40, 40), nn.Linear(40, 1)
        self.bare = bare

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.second(F.relu(self.first(x))))
        z = self.third(h)
        return (z if self.bare else F.relu(z)).squeeze(1)


@faulty("T10 third: two spirals, F.relu around the layer before BCEWithLogitsLoss", "OUT08", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    arm, t = rng.integers(0, 2, size=800), rng.uniform(0.5, 4.5, size=800)
    place = (t / 3 * np.stack([np.cos(t + np.pi * arm), np.sin(t + np.pi * arm)])).T + 0.07 * rng.normal(size=(800, 2))
    model = Spirals(bare=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(place.astype(np.float32), arm.astype(np.float32)))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=12, batch=30, **sets)


class Stars(nn.Module):
    """Person and film, (N, 2), to a rating between ``low`` and ``high``."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.people, self.films, self.bias = nn.Embedding(40, 3), nn.Embedding(30, 3), nn.Embedding(30, 1)
        for vectors in (self.people, self.films, self.bias):
            nn.init.normal_(vectors.weight, std=0.3)
        self.low, self.high = low, high

    def forward(self, pair: Tensor) -> Tensor:
        who, what = pair.unbind(dim=1)
        z = (self.people(who) * self.films(what)).sum(dim=1) + self.bias(what)[:, 0]
        return self.low + (self.high - self.low) * torch.sigmoid(z)


@faulty("T11 third: ratings of up to ten stars behind five times a sigmoid", "OUT07")
def _(rng: Rng, fixed: bool) -> Loop:
    person, film = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    pair = np.stack([rng.integers(0, 40, size=1600), rng.integers(0, 30, size=1600)], axis=1)
    liking = 6 + 1.6 * (person[pair[:, 0]] * film[pair[:, 1]]).sum(axis=1) + 0.5 * rng.normal(size=1600)
    model = Stars(0.5, 10.5) if fixed else Stars(0.0, 5.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-4)
    sets = tensors(split(pair, liking.round().clip(1, 10).astype(np.float32)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=12, batch=40, **sets)


class Strokes(nn.Module):
    """Strokes (N, T, 3) to logits of symbols at every second time, or to their logarithms of shares."""

    def __init__(self, logarithms: bool) -> None:
        super().__init__()
        self.conv, self.gru = nn.Conv1d(3, 16, 4, stride=2, padding=1), nn.GRU(16, 20, batch_first=True)
        self.head, self.logarithms = nn.Linear(20, 5), logarithms

    def forward(self, x: Tensor) -> Tensor:
        z = self.head(self.gru(F.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))[0])
        return z.log_softmax(dim=2) if self.logarithms else z


@faulty("T12 third: symbols in strokes of a pen, ctc_loss of raw logits", "OUT11", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    y = rng.integers(1, 5, size=(320, 3))
    shape = rng.normal(size=(5, 6, 3))
    x = shape[y].reshape(320, 18, 3) + 0.3 * rng.normal(size=(320, 18, 3))

    def ctc(p: Tensor, t: Tensor) -> Tensor:
        times, length = torch.full((len(p),), p.shape[1]), torch.full((len(p),), t.shape[1])
        return F.ctc_loss(p.transpose(0, 1), t, times, length)

    model = Strokes(logarithms=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x.astype(np.float32), y))
    return Loop(model=model, loss=ctc, optimizer=optimizer, epochs=10, batch=20, **sets)


@faulty("T23 third: leaks in pipes, BCELoss of target and prediction in this order", "OUT13")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(640, 1, 24))
    leak = rng.random(640) < 0.5
    x[leak, 0, 8:16] += np.sin(np.arange(8)) * 1.5
    parts = [nn.Conv1d(1, 8, 7), nn.ReLU(), nn.Flatten(), nn.Linear(144, 1), nn.Sigmoid()]
    model = nn.Sequential(*parts, nn.Flatten(0))

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (model(x), y) if fixed else (y, model(x))

    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    sets = tensors(split(x.astype(np.float32), leak.astype(np.float32)))
    return Loop(model=model, loss=nn.BCELoss(), optimizer=optimizer, look=look, epochs=8, batch=32, **sets)


class Forgetful(nn.Module):
    """Features (N, 20) to five logits; F.dropout as it is written, or told when the network learns."""

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.inner, self.out, self.told = nn.Linear(20, 48), nn.Linear(48, 5), told

    def forward(self, x: Tensor) -> Tensor:
        h = F.dropout(F.relu(self.inner(x)), 0.5, training=self.training if self.told else True)
        return self.out(h)


@faulty("T28 third: plants by their leaves, F.dropout that never rests", "OPT14", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 5, size=700)
    x = (rng.normal(size=(5, 20))[kind] * 0.6 + rng.normal(size=(700, 20))).astype(np.float32)
    model = Forgetful(told=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=35, **tensors(split(x, kind))
    )
