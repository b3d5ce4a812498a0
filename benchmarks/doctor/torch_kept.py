"""PyTorch programs kept aside for the second recorded run: no criterion was changed after the doctor had seen them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .data import Rng, chains, classes, numbers, split
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors
from .torch_models import Transformer, by_class

SHELF = Shelf()
faulty, healthy = SHELF.faulty, SHELF.healthy


@faulty("V01 one label in seven of a table is wrong", "DATA07", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 2400, 12, count=6, apart=2.0)
    if not fixed:
        wrong = rng.random(len(y)) < 1 / 7
        y = np.where(wrong, (y + rng.integers(1, 6, size=len(y))) % 6, y)
    model = mlp(12, 48, 6)
    sets = tensors(split(x, y))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.005), batch=64, **sets)


def _by_length(weighed: bool) -> object:
    """Return a step of four micro-batches, rows sorted by length, each trimmed to its longest row."""

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        order = (y != -100).sum(dim=1).argsort()
        total, counted = torch.zeros(()), (y != -100).sum()
        for rows in order.split(8):
            p, t = by_class(loop.model, x[rows], y[rows])
            value = loop.loss(p, t) * ((t != -100).sum() / counted if weighed else 1 / 4)
            value.backward()
            total += value.detach()
        loop.optimizer.step()
        return total

    return step


def _of_chains(rng: Rng, weighed: bool) -> Loop:
    x = torch.from_numpy(chains(rng, 400, words=10, length=16))
    y = torch.cat([x[:, 1:], torch.full((len(x), 1), -100)], dim=1)
    y[torch.arange(16) >= torch.from_numpy(rng.integers(3, 16, size=(len(x), 1)))] = -100
    model = Transformer(10, 10, 16, causal=True)
    sets = {"train": (x[:320], y[:320]), "validation": (x[320:], y[320:])}
    more = {"look": by_class, "step": _by_length(weighed), "epochs": 4}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.005), **more, **sets)


@faulty("V02 micro-batches sorted by length, means averaged", "OUT18", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    return _of_chains(rng, weighed=fixed)


@faulty("V03 Adam with a weight decay of one half", "OPT12", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = mlp(10, 32, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4 if fixed else 0.5)
    sets = tensors(split(*classes(rng, 800, 10, count=4)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **sets)


@faulty("V04 targets sorted, inputs not", "DATA08", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, t = numbers(rng, 2400)
    if not fixed:
        t = np.sort(t, axis=0)
    shuffled = rng.permutation(len(x))
    model = mlp(8, 32, 1)
    sets = tensors(split(x[shuffled], t[shuffled]))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.005), batch=64, **sets)


@faulty("V05 evaluation mode that is never left", "OPT14", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))
    steps = 0

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        nonlocal steps
        steps += 1
        if not fixed and steps > 20:
            loop.model.eval()
        loop.optimizer.zero_grad()
        value = loop.loss(loop.model(x), y)
        value.backward()
        loop.optimizer.step()
        return value

    sets = tensors(split(*classes(rng, 800, 10, count=4)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), step=step, **sets)


@faulty("V06 a learning rate that is divided in every step", "OPT02", "OPT11", "OPT04", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = mlp(8, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.loss(loop.model(x), y)
        value.backward()
        loop.optimizer.step()
        for group in loop.optimizer.param_groups:
            group["lr"] *= 0.999 if fixed else 0.3
        return value

    sets = tensors(split(*numbers(rng, 800)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, step=step, **sets)


@healthy("kept: six classes that overlap")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 2400, 12, count=6, apart=0.6)
    model = mlp(12, 48, 6)
    loss, sets = nn.CrossEntropyLoss(), tensors(split(x, y))
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.003), batch=64, epochs=6, **sets)


@healthy("kept: twenty groups of words, hardly more than frequencies to learn")
def _(rng: Rng) -> Loop:
    shares = rng.dirichlet(np.ones(20))
    y = rng.choice(20, p=shares, size=2400)
    x = (0.7 * rng.normal(size=(20, 16))[y] + rng.normal(size=(2400, 16))).astype(np.float32)
    model = mlp(16, 32, 20)
    loss, sets = nn.CrossEntropyLoss(), tensors(split(x, y))
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.003), batch=64, epochs=6, **sets)


@healthy("kept: momentum and a strong weight decay that fits")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 1000, 10, count=4)
    model = mlp(10, 64, 64, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **tensors(split(x, y)))


@healthy("kept: two losses of one module before each backward")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 800, outputs=6)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        p = loop.model(x)
        return loop.loss(p[:, :1], y[:, :1]) + 0.5 * loop.loss(p[:, 1:], y[:, 1:])

    model = mlp(8, 48, 6)
    sets = tensors(split(x, t))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.005), objective=objective, **sets)
