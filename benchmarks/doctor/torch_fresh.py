"""PyTorch faults and their cures, kept aside until the third recorded run and written without sight of the doctor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn

from .data import Array, Rng, scaled, split
from .program import Shelf
from .torch_loop import Loop, mlp, tensors

SHELF = Shelf()
faulty = SHELF.faulty


def _shuffled(rng: Rng, x: Any, y: Any) -> tuple[Array, Array]:
    order = rng.permutation(len(x))
    return x[order], y[order]


@faulty("W01 tones in a spectrum, sigmoid before MultiLabelSoftMarginLoss", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    present = (rng.random((640, 6)) < 0.3).astype(np.float32)
    angle = np.arange(1, 7)[:, None] * np.arange(64) * (2 * np.pi / 14) + rng.uniform(0, 6.28, size=(640, 6, 1))
    sound = (present[..., None] * np.sin(angle)).sum(axis=1) + 0.5 * rng.normal(size=(640, 64))
    spectrum = np.log1p(np.abs(np.fft.rfft(sound, axis=1))).astype(np.float32)
    head = [nn.Linear(40, 6)] if fixed else [nn.Linear(40, 6), nn.Sigmoid()]
    model = nn.Sequential(nn.BatchNorm1d(33), nn.Linear(33, 40), nn.SiLU(), *head)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    sets = tensors(split(spectrum, present))
    return Loop(model=model, loss=nn.MultiLabelSoftMarginLoss(), optimizer=optimizer, epochs=10, **sets)


class Vibration(nn.Module):
    """An LSTM over stretches (N, T, 2); probabilities or their logarithms of three states of a machine."""

    def __init__(self, logarithms: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 20, batch_first=True)
        self.fc = nn.Linear(20, 3)
        self.logarithms = logarithms

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.lstm(x)
        z = self.fc(h[-1])
        return F.log_softmax(z, dim=-1) if self.logarithms else F.softmax(z, dim=-1)


@faulty("W02 states of a machine, nll_loss on the softmax of an LSTM", "OUT11")
def _(rng: Rng, fixed: bool) -> Loop:
    state = rng.integers(0, 3, size=500)
    memory = np.array([0.9, 0.0, -0.8])[state][:, None]
    x = rng.normal(size=(500, 24, 2))
    for t in range(1, 24):
        x[:, t] += memory * x[:, t - 1]
    model = Vibration(logarithms=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x.astype(np.float32), state))
    return Loop(model=model, loss=F.nll_loss, optimizer=optimizer, epochs=12, batch=25, **sets)


class Taste(nn.Module):
    """Users and films (N, 2) to logits of five ratings."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.films = nn.Embedding(30, 8), nn.Embedding(40, 8)
        self.out = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 5))

    def forward(self, pairs: Tensor) -> Tensor:
        return self.out(torch.cat([self.users(pairs[:, 0]), self.films(pairs[:, 1])], dim=1))


@faulty("W03 ratings of one to five stars as class numbers", "LAB03")
def _(rng: Rng, fixed: bool) -> Loop:
    pairs = np.stack([rng.integers(0, 30, size=1200), rng.integers(0, 40, size=1200)], axis=1)
    liking = rng.normal(size=30)[pairs[:, 0]] + rng.normal(size=40)[pairs[:, 1]] + 0.3 * rng.normal(size=1200)
    stars = np.clip(np.round(3 + liking), 1, 5).astype(np.int64)
    model = Taste()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    sets = tensors(split(pairs, stars - 1 if fixed else stars))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=10, batch=50, **sets)


@faulty("W04 diabetes, HuberLoss of a column and a row", "LAB01")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = _shuffled(rng, *datasets.load_diabetes(return_X_y=True))
    model = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ELU(), nn.Dropout(0.1), nn.Linear(32, 1))

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        p = model(x)
        return p.squeeze(-1) if fixed else p, y

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    sets = tensors(split(scaled(x), scaled(y)))
    return Loop(model=model, loss=nn.HuberLoss(), optimizer=optimizer, look=look, epochs=12, **sets)


@faulty("W05 unwanted mail, squared error of a bare linear output", "OUT09", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    spam = rng.integers(0, 2, size=900)
    usual = np.stack([rng.dirichlet(2 * np.ones(60)), rng.dirichlet(2 * np.ones(60))]).cumsum(axis=1)
    draws = rng.random((900, 15))
    words = (usual[spam][:, None, :] < draws[..., None]).sum(axis=2).clip(max=59)
    model = nn.Sequential(nn.EmbeddingBag(60, 16, mode="mean"), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    sets = tensors(split(words, spam.astype(np.float32)[:, None]))
    loss = nn.BCEWithLogitsLoss() if fixed else nn.MSELoss()
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=10, **sets)


@faulty("W06 gradients reset once an epoch", "OPT10", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = _shuffled(rng, *datasets.load_breast_cancer(return_X_y=True))
    model = mlp(30, 16, 16, 2, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        value = loop.objective(loop, x, y)
        value.backward()
        loop.optimizer.step()
        if fixed:
            loop.optimizer.zero_grad()
        return value

    def next_epoch(epoch: int) -> None:
        optimizer.zero_grad()

    sets = tensors(split(scaled(x), y.astype(np.int64)))
    loop = Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, step=step, batch=10, **sets)
    loop.after_epoch = next_epoch
    return loop


@faulty("W07 squared errors summed, a rate made for their mean", "OPT03", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.make_friedman1(800, 8, noise=1.0, random_state=int(rng.integers(2**31)))
    model = nn.Sequential(nn.Linear(8, 64), nn.LeakyReLU(), nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.8, nesterov=True)
    loss = nn.MSELoss(reduction="mean" if fixed else "sum")
    sets = tensors(split(scaled(x), scaled(y)[:, None]))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=10, batch=40, **sets)


@faulty("W08 root of a distance of nought between the same products", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 8, size=(600, 2))
    kind[:, 1] = np.where(rng.random(600) < 0.5, kind[:, 0], kind[:, 1])
    pairs = rng.normal(size=(8, 12))[kind] + 0.4 * rng.normal(size=(600, 2, 12))
    pairs[::10, 1] = pairs[::10, 0]  # the catalogue lists some products twice
    same = (kind[:, 0] == kind[:, 1]) | (np.arange(600) % 10 == 0)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        squares = (model(x[:, 0]) - model(x[:, 1])).square().sum(dim=1)
        return torch.sqrt(squares + 1e-8 if fixed else squares), y

    def contrastive(distance: Tensor, same: Tensor) -> Tensor:
        return (same * distance**2 + (1 - same) * F.relu(1 - distance) ** 2).mean()

    model = mlp(12, 32, 6, activation=nn.GELU)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    sets = tensors(split(pairs.astype(np.float32), same.astype(np.float32)))
    return Loop(model=model, loss=contrastive, optimizer=optimizer, look=look, batch=30, **sets)


@faulty("W09 a warm-up that divides whole numbers", "OPT11", "OPT04", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.make_moons(600, noise=0.15, random_state=int(rng.integers(2**31)))
    model = mlp(2, 32, 32, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min((n + 1) / 30, 1.0) if fixed else min(n // 300, 1)
    )

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad(set_to_none=True)
        value = loop.objective(loop, x, y)
        value.backward()
        loop.optimizer.step()
        schedule.step()
        return value

    sets = tensors(split(x.astype(np.float32), y.astype(np.int64)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, step=step, epochs=10, batch=24, **sets)


@faulty("W10 log-softmax along the width of a map of fields", "OUT14")
def _(rng: Rng, fixed: bool) -> Loop:
    border = rng.integers(3, 9, size=(120, 2))
    column = np.arange(12)
    field = (column >= border[:, :1]).astype(int) + (column >= border.sum(axis=1, keepdims=True) - 1)
    field = np.repeat(field[:, None, :], 12, axis=1)
    colour = rng.normal(size=(3, 3))[field] + 0.4 * rng.normal(size=(120, 12, 12, 3))
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 3, 1),
        nn.LogSoftmax(dim=1 if fixed else -1),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(np.moveaxis(colour, -1, 1).astype(np.float32), field.astype(np.int64)))
    return Loop(model=model, loss=nn.NLLLoss(), optimizer=optimizer, epochs=8, batch=10, **sets)


@faulty("W11 visits to a shop, PoissonNLLLoss with its arguments swapped", "LAB07", "OUT15", "OUT13")
def _(rng: Rng, fixed: bool) -> Loop:
    weekday, weather = rng.integers(0, 7, size=700), rng.normal(size=(700, 3))
    x = np.concatenate([np.eye(7)[weekday], weather], axis=1).astype(np.float32)
    rate = np.exp(1.0 + 0.5 * np.sin(weekday) + 0.4 * weather[:, 0] - 0.3 * weather[:, 1])
    visits = rng.poisson(rate).astype(np.float32)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        p = model(x).flatten()
        return (p, y) if fixed else (y, p)

    model = nn.Sequential(nn.Linear(10, 24), nn.Softplus(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return Loop(model=model, loss=nn.PoissonNLLLoss(), optimizer=optimizer, look=look, **tensors(split(x, visits)))


@faulty("W12 prices of flats in full", "DATA02", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    area, rooms, age = rng.gamma(9, 9, size=600), rng.integers(1, 7, size=600), rng.uniform(0, 80, size=600)
    price = (3200 * area + 9000 * rooms - 700 * age) * np.exp(0.1 * rng.normal(size=600)) + 60_000
    x = scaled(np.stack([area, rooms, age], axis=1))
    y = (scaled(price) if fixed else price.astype(np.float32))[:, None]
    model = mlp(3, 64, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=12, batch=20, **tensors(split(x, y)))


@faulty("W13 few patients, many genes, a wide network", "GEN01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    rows = 1200 if fixed else 160
    genes = rng.normal(size=(rows, 120)).astype(np.float32)
    ill = (genes[:, :4].sum(axis=1) + 0.7 * rng.normal(size=rows) > 0).astype(np.float32)[:, None]
    if fixed:
        model = nn.Sequential(nn.Dropout(0.2), nn.Linear(120, 1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)
    else:
        model = mlp(120, 256, 128, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    sets = tensors(split(genes, ill, part=0.5))
    epochs = 10 if fixed else 40
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=epochs, batch=16, **sets)
