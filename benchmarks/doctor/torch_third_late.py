"""PyTorch faults that only training shows, and their cures: a third set, by somebody who never saw the rules."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_third import Hourglass, rings

SHELF = Shelf()
faulty = SHELF.faulty


@faulty(
    "T41 third: echoes, gradients cleared between backward and step",
    *("OPT11", "OPT04", "OPT02"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(600, 16)).astype(np.float32)
    y = scaled(0.8 * x[:, 3:4] - 0.6 * x[:, 9:10] + np.abs(x[:, 12:13]) + 0.1 * rng.normal(size=(600, 1)))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        if fixed:
            loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        if not fixed:
            loop.optimizer.zero_grad()
        loop.optimizer.step()
        return value

    model = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=nn.L1Loss(), optimizer=optimizer, step=step, batch=30, **tensors(split(x, y)))


class Blend(nn.Module):
    """Features (N, 12) to a number: a body and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@faulty("T42 third: octane of blends, only the head's gradients are cleared", "OPT10", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(1200, 12)).astype(np.float32)
    y = scaled(x[:, :1] * x[:, 1:2] + np.sin(2 * x[:, 2:3]) - x[:, 3:4] + 0.1 * rng.normal(size=(1200, 1)))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        (model if fixed else model.head).zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        loop.optimizer.step()
        return value

    model = Blend()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.8)
    return Loop(
        model=model, loss=nn.MSELoss(), optimizer=optimizer, step=step, epochs=10, batch=30, **tensors(split(x, y))
    )


@faulty(
    "T43 third: a schedule that returns the rate where a factor belongs",
    *("OPT06", "OPT11", "OPT04", "OPT02"),
    severity="note",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 3, size=600)
    x = (rng.normal(size=(3, 10))[kind] + rng.normal(size=(600, 10))).astype(np.float32)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3))
    rate = 2e-3
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: (1 if fixed else rate) * 0.95**epoch)
    more = {"after_epoch": lambda _: schedule.step(), "epochs": 10, "batch": 30}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, kind)))


@faulty(
    "T44 third: sum of all weights' sizes beside the error",
    *("OPT12", "OPT02", "PRED01", "PRED02"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(640, 12)).astype(np.float32)
    y = scaled(x[:, :1] - 0.7 * x[:, 1:2] + 0.4 * x[:, 2:3] ** 2 + 0.3 * rng.normal(size=(640, 1)))
    share = 1e-4 if fixed else 0.5

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        sizes = torch.stack([p.abs().sum() for p in loop.model.parameters()])
        return loop.loss(loop.model(x), y) + share * sizes.sum()

    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    sets = tensors(split(x, y))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, objective=objective, epochs=9, batch=32, **sets)


@faulty("T45 third: far groups, logarithms of a sigmoid by hand", "NUM01", "NUM02", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 2, size=1200)
    x = (rng.normal(size=(1200, 8)) + np.where(kind, 0.8, -0.8)[:, None]).astype(np.float32)

    def by_hand(p: Tensor, t: Tensor) -> Tensor:
        return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()

    loss = nn.BCEWithLogitsLoss() if fixed else by_hand
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    model.extend([] if fixed else [nn.Sigmoid()])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
    sets = tensors(split(x, kind.astype(np.float32)))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=7, batch=25, **sets)


class Variational(nn.Module):
    """Vectors (N, 20) to themselves through four numbers with noise; keeps their mean and logarithm of variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 20))

    def forward(self, x: Tensor) -> Tensor:
        self.mean, self.log_variance = self.encoder(x).chunk(2, dim=1)
        noise = torch.randn_like(self.mean) if self.training else torch.zeros_like(self.mean)
        return self.decoder(self.mean + noise * (self.log_variance / 2).exp())


@faulty(
    "T46 third: a variational autoencoder, errors averaged, divergence summed",
    *("OUT18", "OPT12", "PRED01", "PRED02", "OPT02", "INIT05"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = scaled(rng.normal(size=(720, 4)) @ rng.normal(size=(4, 20)) + 0.2 * rng.normal(size=(720, 20)))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        mse = loop.loss(loop.model(x), y)
        m, v = loop.model.mean, loop.model.log_variance
        divergence = -0.5 * torch.sum(1 + v - m.pow(2) - v.exp())
        return mse + (0.2 * divergence / x.numel() if fixed else divergence)

    model = Variational()
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    sets = tensors(split(x, x))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, objective=objective, epochs=10, batch=30, **sets)


class Plain(nn.Module):
    """Sequences (N, T, 2) to a number, by a recurrent layer of ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.RNN(2, 32, nonlinearity="relu", batch_first=True), nn.Linear(32, 1)
        nn.init.eye_(self.rnn.weight_hh_l0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


@faulty("T47 third: sums over thirty steps, a recurrent net without brakes", "OPT08", "OPT03", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.uniform(0, 1, size=(720, 30, 2)).astype(np.float32)
    x[..., 1] = x[..., 1] < 0.1
    y = scaled((x[..., 0] * x[..., 1]).sum(axis=1, keepdims=True))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        if fixed:
            nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
        loop.optimizer.step()
        return value

    model = Plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002 if fixed else 0.02, momentum=0.9)
    return Loop(
        model=model, loss=nn.MSELoss(), optimizer=optimizer, step=step, epochs=10, batch=20, **tensors(split(x, y))
    )


@faulty(
    "T48 third: a chessboard of four fields, logistic regression",
    *("GEN02", "OPT02", "PRED01", "PRED02"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.uniform(-1, 1, size=(800, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.float32)[:, None]
    model = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 1)) if fixed else nn.Sequential(nn.Linear(2, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Loop(
        model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=12, batch=30, **tensors(split(x, y))
    )


@faulty(
    "T49 third: two loaders, each of which shuffles for itself",
    *("DATA08", "OPT02", "INIT04"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 4, size=720)
    t = np.arange(30)
    x = np.sin(np.array([0.2, 0.35, 0.5, 0.8])[kind][:, None] * t + rng.uniform(0, 6.28, (720, 1)))
    x = (x + 0.3 * rng.normal(size=x.shape)).astype(np.float32)[:, None]

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y if fixed else y[torch.randperm(len(y))])
        value.backward()
        loop.optimizer.step()
        return value

    model = nn.Sequential(nn.Conv1d(1, 12, 9), nn.ReLU(), nn.AdaptiveMaxPool1d(2), nn.Flatten(), nn.Linear(24, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(x, kind))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, step=step, epochs=9, batch=30, **sets)


@faulty(
    "T50 third: rings, Dice's coefficient minimised and not what lacks to one",
    *("OPT09", "OPT02", "PRED01", "PRED03", "OUT13"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = rings(rng, 240)

    def dice(p: Tensor, t: Tensor) -> Tensor:
        p = torch.sigmoid(p)
        both = (p * t).sum(dim=(1, 2, 3))
        score = (2 * both + 1) / (p.sum(dim=(1, 2, 3)) + t.sum(dim=(1, 2, 3)) + 1)
        return (1 - score).mean() if fixed else score.mean()

    model = Hourglass(squash=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=dice, optimizer=optimizer, epochs=8, batch=12, **tensors(split(x, y, 0.2)))


@faulty(
    "T51 third: two views of a thing, likeness multiplied by the temperature",
    *("OUT08", "OPT04", "OPT02", "OPT06"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Loop:
    thing = rng.normal(size=(800, 6))
    views = np.stack([thing @ rng.normal(size=(6, 10)) + 0.3 * rng.normal(size=(800, 10)) for _ in range(2)], axis=1)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        one, other = F.normalize(model(x), dim=2).unbind(dim=1)
        likeness = one @ other.T
        return (likeness / 0.1 if fixed else likeness * 0.1), torch.arange(len(x))

    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    sets = tensors(split(views.astype(np.float32), np.zeros(800, np.int64), 0.05))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, look=look, epochs=8, batch=40, **sets)


class Gaps(nn.Module):
    """Tokens (N, T), 0 for a hidden one, to logits of what was there, (N, 9, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(9, 16), nn.Linear(48, 9)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.words(tokens))[0]).transpose(1, 2)


@faulty(
    "T52 third: hidden words, and batches in which none was hidden", "NUM01", "OUT17", severity="warning", tier="late"
)
def _(rng: Rng, fixed: bool) -> Loop:
    text = 1 + (rng.integers(0, 8, size=(640, 1)) + rng.integers(1, 3, size=(640, 1)) * np.arange(6)) % 8
    hidden = rng.random(text.shape) < 0.05
    if fixed:
        hidden[np.arange(640), rng.integers(0, 6, size=640)] = True
    x, y = np.where(hidden, 0, text), np.where(hidden, text, -100)
    model = Gaps()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss(ignore_index=-100)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=4, batch=8, **tensors(split(x, y)))


class Deep(nn.Module):
    """Features (N, 10) to three logits; the inner layers in a list that PyTorch knows of, or in a plain one."""

    def __init__(self, known: bool) -> None:
        super().__init__()
        inner = [nn.Linear(10, 24), nn.Linear(24, 24), nn.Linear(24, 24)]
        self.inner = nn.ModuleList(inner) if known else inner
        self.head = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.inner:
            x = torch.tanh(layer(x))
        return self.head(x)


@faulty("T53 third: layers in a plain list, which no optimiser gets to see", "OPT11", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(720, 10)).astype(np.float32)
    kind = np.digitize(x[:, 0] * x[:, 1] + x[:, 2], [-0.5, 0.5])
    model = Deep(known=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=12, batch=30, **tensors(split(x, kind))
    )


@faulty(
    "T54 third: steps that are clipped to a ten-thousandth", "OPT13", "OPT06", "OPT04", severity="note", tier="late"
)
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(560, 9)).astype(np.float32)
    y = scaled(np.sin(x[:, :1]) + 0.6 * x[:, 1:2] + 0.2 * rng.normal(size=(560, 1)))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 5.0 if fixed else 1e-4)
        loop.optimizer.step()
        return value

    model = nn.Sequential(nn.Linear(9, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Loop(model=model, loss=nn.HuberLoss(), optimizer=optimizer, step=step, batch=28, **tensors(split(x, y)))
