"""PyTorch faults that only training shows, and their cures: kept aside, written without sight of the rules."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_second import chirps

SHELF = Shelf()
faulty = SHELF.faulty


@faulty("S31 second: chirps, four micro-batches added up and never cleared", "OPT10", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        if fixed:
            loop.optimizer.zero_grad()
        total = torch.zeros(())
        for part, target in zip(x.split(10), y.split(10), strict=True):
            value = loop.objective(loop, part, target) / 4
            value.backward()
            total += value.detach()
        loop.optimizer.step()
        return total

    body = [nn.Conv1d(1, 8, 11, stride=3), nn.Tanh(), nn.Flatten()]
    model = nn.Sequential(*body, nn.Linear(104, 24), nn.Tanh(), nn.Linear(24, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    sets = tensors(split(*chirps(rng, 640, noise=0.8)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, step=step, epochs=10, batch=40, **sets)


@faulty("S32 second: an optimiser that maximises the loss", "OPT09", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(600, 9)).astype(np.float32)
    y = scaled(x[:, :1] * x[:, 1:2] + np.sin(2 * x[:, 2:3]) + 0.2 * rng.normal(size=(600, 1)))
    model = nn.Sequential(nn.Linear(9, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, maximize=not fixed)
    return Loop(model=model, loss=nn.HuberLoss(), optimizer=optimizer, epochs=8, batch=30, **tensors(split(x, y)))


@faulty("S33 second: patients and findings joined by the wrong key", "DATA08", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    x, y = scaled(np.log1p(x)), np.asarray(y, np.float32)[:, None]
    mine = rng.permutation(len(x))
    theirs = mine if fixed else rng.permutation(len(x))
    model = nn.Sequential(nn.Linear(30, 12), nn.SELU(), nn.Linear(12, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    sets = tensors(split(x[mine], y[theirs], 0.3))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=10, batch=20, **sets)


class Steps(nn.Module):
    """Words (N, T) to logits of what the next one is, (N, T, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(16, 20)
        self.lstm = nn.LSTM(20, 28, batch_first=True)
        self.head = nn.Linear(28, 16)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.words(tokens))[0])


@faulty("S34 second: long and short songs, a mean per song", "OUT18", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    start, stride = rng.integers(0, 16, size=(360, 1)), rng.integers(1, 5, size=(360, 1))
    song = (start + stride * np.arange(21)) % 16
    song = np.where(rng.random(song.shape) < 0.1, rng.integers(0, 16, size=song.shape), song)
    x, y = song[:, :-1], song[:, 1:].copy()
    y[np.arange(20) >= rng.choice([2, 5, 20], size=(360, 1))] = -100

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x).flatten(0, 1), y.flatten()

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        total, notes = torch.zeros(()), (y != -100).sum()
        for one, target in zip(x.split(1), y.split(1), strict=True):
            value = loop.loss(*look(loop.model, one, target))
            value = value * (target != -100).sum() / notes if fixed else value / len(x)
            value.backward()
            total += value.detach()
        loop.optimizer.step()
        return total

    model = Steps()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.012)
    more = {"look": look, "step": step, "epochs": 4, "batch": 18}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, y)))


@faulty("S35 second: sensors, one label in four drawn anew", "DATA07", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    centre = rng.normal(size=(5, 12))
    kind = rng.integers(0, 5, size=1200)
    x = (centre[kind] + 0.55 * rng.normal(size=(1200, 12))).astype(np.float32)
    wrong = rng.random(1200) < (0 if fixed else 0.25)
    kind = np.where(wrong, rng.integers(0, 5, size=1200), kind)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=10, batch=36, **tensors(split(x, kind))
    )


@faulty("S36 second: ninety noisy chirps learned by heart", "GEN01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, kind = chirps(rng, 1200 if fixed else 290, noise=1.4)
    width = 8 if fixed else 48
    body = [nn.Conv1d(1, width, 9, stride=2), nn.ReLU(), nn.Flatten()]
    middle = [nn.Dropout(0.5)] if fixed else [nn.Linear(20 * width, 128), nn.ReLU()]
    model = nn.Sequential(*body, *middle, nn.Linear(20 * width if fixed else 128, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    epochs, part = (9, 0.25) if fixed else (25, 200 / 290)
    sets = tensors(split(x, kind, part))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=epochs, batch=15, **sets)


@faulty("S37 second: a new head after the optimiser was made", "OPT11", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.LayerNorm(40), nn.GELU(), nn.Linear(40, 1000))
    if fixed:
        model[4] = nn.Linear(40, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    if not fixed:
        model[4] = nn.Linear(40, 10)
    sets = tensors(split(*digits(rng, 760)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=6, batch=38, **sets)


@faulty("S38 second: speckles, steps ten thousand times too short", "OPT06", "OPT04", severity="note", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 2, size=500)
    x = rng.normal(size=(500, 1, 9, 9))
    x[kind == 1] += 0.8 * np.roll(x[kind == 1], 1, axis=3)
    parts = [nn.Conv2d(1, 8, 2), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*parts, nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2 if fixed else 1e-6)
    sets = tensors(split(x.astype(np.float32), kind))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=25, **sets)


@faulty("S39 second: a wage model, steps that overshoot", "OPT03", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(520, 14)).astype(np.float32)
    y = scaled(x @ rng.normal(size=(14, 1)) + 0.5 * rng.normal(size=(520, 1)))
    model = nn.Sequential(nn.Linear(14, 48), nn.SiLU(), nn.Linear(48, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02 if fixed else 1.5, momentum=0.9)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, batch=26, **tensors(split(x, y)))


class Stars(nn.Module):
    """Features (N, 8) to stars (N, 1) between 1 and 5, whole ones where wanted."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1))
        self.whole = whole

    def forward(self, x: Tensor) -> Tensor:
        p = 1 + 4 * torch.sigmoid(self.inner(x))
        return p.round() if self.whole else p


@faulty("S40 second: stars rounded before the loss", "OUT20", "OPT11", "OPT04", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(520, 8)).astype(np.float32)
    stars = np.clip(np.round(3 + x[:, :1] + 0.7 * x[:, 1:2]), 1, 5).astype(np.float32)
    model = Stars(whole=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return Loop(model=model, loss=F.l1_loss, optimizer=optimizer, epochs=8, batch=26, **tensors(split(x, stars)))
