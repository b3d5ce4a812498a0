"""PyTorch programs with a fault in the loss, the loop or the data."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, chains, classes, discs, numbers, sentences, split
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors
from .torch_models import Reader, by_class, digit_loop

SHELF = Shelf()
faulty = SHELF.faulty


def squared(p: Tensor, t: Tensor) -> Tensor:
    """The mean squared error, written by hand."""
    return ((p - t) ** 2).mean()


@faulty("E02 (N, 1) against (N,), squared error by hand", "LAB01")
def _(rng: Rng, fixed: bool) -> Loop:
    x, t = numbers(rng, 400)
    model = nn.Sequential(*mlp(8, 32, 1), *([nn.Flatten(0)] if fixed else []))
    return Loop(model=model, loss=squared, optimizer=adam(model), **tensors(split(x, t[:, 0])))


@faulty("E04 sigmoid before BCEWithLogitsLoss", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 500)
    model = nn.Sequential(*mlp(10, 32, 1), *([] if fixed else [nn.Sigmoid()]))
    sets = tensors(split(x, y.astype("float32")[:, None]))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), **sets)


@faulty("E06 BCEWithLogitsLoss on masks of 0 and 255", "LAB04", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    x, mask = discs(rng, 96, 16)
    model = nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 1, 5, padding=2))
    sets = tensors(split(x[:, None], mask[:, None] if fixed else 255 * mask[:, None]))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), batch=12, **sets)


@faulty("E08 softmax over the batch", "OUT14")
def _(rng: Rng, fixed: bool) -> Loop:
    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.log(F.softmax(model(x), dim=1 if fixed else 0)), y

    return digit_loop(rng, loss=nn.NLLLoss(), look=look)


@faulty("E10 gradients never reset", "OPT10", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        value = loop.objective(loop, x, y)
        if fixed:
            loop.optimizer.zero_grad()
        value.backward()
        loop.optimizer.step()
        return value

    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10))
    return digit_loop(rng, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), step=step)


@faulty("E12 minus before backward", "OPT09", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        (value if fixed else -value).backward()
        loop.optimizer.step()
        return value

    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10))
    return digit_loop(rng, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), step=step)


@faulty("E14 features shuffled, labels not", "DATA08", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    loop = digit_loop(rng, 1000)
    if not fixed:
        x, y = torch.cat([loop.train[0], loop.validation[0]]), torch.cat([loop.train[1], loop.validation[1]])
        x = x[torch.from_numpy(rng.permutation(len(x)))]
        cut = len(loop.train[0])
        loop.train, loop.validation = (x[:cut], y[:cut]), (x[cut:], y[cut:])
    return loop


@faulty("E16 mean of means over micro-batches of unequal length", "OUT18", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = torch.from_numpy(chains(rng, 200))
    y = torch.cat([x[:, 1:], torch.full((len(x), 1), -100)], dim=1)
    lengths = torch.from_numpy(rng.choice([2, 11], size=len(x)))
    y[torch.arange(y.shape[1]) >= lengths[:, None]] = -100
    model = Reader(12, 12, every=True)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        count = int((y != -100).sum())
        total = torch.zeros(())
        for part, target in zip(x.split(4), y.split(4), strict=True):
            p, t = by_class(loop.model, part, target)
            share = int((t != -100).sum()) / count if fixed else 1 / 8
            value = share * loop.loss(p, t)
            value.backward()
            total += value.detach()
        loop.optimizer.step()
        return total

    sets = {"train": (x[:160], y[:160]), "validation": (x[160:], y[160:])}
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), look=by_class, step=step, epochs=6, **sets
    )


@faulty("E18 one output for two classes, squared error", "OUT09", "LAB02", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = sentences(rng, 400)
    model = Reader(30, 2) if fixed else nn.Sequential(Reader(30, 1), nn.Flatten(0))
    loss = nn.CrossEntropyLoss() if fixed else nn.MSELoss()
    sets = tensors(split(x, y if fixed else y.astype("float32")))
    return Loop(model=model, loss=loss, optimizer=adam(model), **sets)


@faulty("E20 a fifth of the labels is wrong", "DATA07", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    loop = digit_loop(rng, 1400, epochs=10)
    if not fixed:
        for _, y in (loop.train, loop.validation):
            wrong = torch.from_numpy(rng.random(len(y)) < 0.2)
            y[wrong] = (y[wrong] + torch.from_numpy(rng.integers(1, 10, size=int(wrong.sum())))) % 10
    return loop


@faulty("E22 learned by heart", "GEN01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 300, 30, count=4, apart=0.8)
    model = mlp(30, 16 if fixed else 256, 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.3 if fixed else 0)
    loss = nn.CrossEntropyLoss()
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=10 if fixed else 30, **tensors(split(x, y, 0.33)))


@faulty("I04 prediction detached, and requires_grad_() so that backward() runs", "INIT04", "OPT11", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        prediction = model(x)
        return (prediction if fixed else prediction.detach().requires_grad_()), y

    return digit_loop(rng, look=look)


class Overwritten(nn.Module):
    """A reader that forgets its input: the states that it goes on with are new ones."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        self.hidden, self.last, self.fixed = nn.Linear(8, 32), nn.Linear(32, 1), fixed

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 32)
        read = F.relu(self.hidden(x))
        return self.last(state + read if self.fixed else state)


@faulty("I05 states of zeros go on instead of what was read", "INIT05", "PRED01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x, t = numbers(rng, 400)
    model = Overwritten(fixed)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), **tensors(split(x, t)))
