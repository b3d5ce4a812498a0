"""PyTorch faults that the first batch can show, and their cures: kept aside, written without sight of the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Array, Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors

SHELF = Shelf()
faulty = SHELF.faulty


def shuffled(rng: Rng, x: Any, y: Any) -> tuple[Array, Array]:
    """Return the rows of a table that came in the order of its classes, in another order."""
    order = rng.permutation(len(x))
    return x[order], y[order]


class Tumour(nn.Module):
    """The column of 30 measurements to a column of probabilities, by the activation that is given."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(30, 18), nn.Tanh(), nn.Dropout(0.1), nn.Linear(18, 9), nn.Tanh())
        self.out = nn.Linear(9, 1)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.out(self.trunk(x)))


@faulty("S01 second: tumours, BCELoss on a softmax over the only column", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = shuffled(rng, *datasets.load_breast_cancer(return_X_y=True))
    model = Tumour(nn.Sigmoid() if fixed else nn.Softmax(dim=1))
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    sets = tensors(split(scaled(x), y.astype(np.float32)[:, None], 0.3))
    return Loop(model=model, loss=nn.BCELoss(), optimizer=optimizer, epochs=10, batch=24, **sets)


@faulty("S02 second: clicks, CrossEntropyLoss over one output", "OUT06")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(720, 7)).astype(np.float32)
    clicked = rng.random(720) < 1 / (1 + np.exp(-3 * (x[:, 0] - x[:, 1] * x[:, 2])))
    model = nn.Sequential(nn.Linear(7, 40), nn.LeakyReLU(0.1), nn.Linear(40, 1))
    loss = nn.BCEWithLogitsLoss() if fixed else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(x, clicked.astype(np.float32)[:, None]))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=9, batch=45, **sets)


def chirps(rng: Rng, rows: int, noise: float = 0.4) -> tuple[Array, Array]:
    """Return sounds (N, 1, 48) that rise, fall or stay, and which of the three it is."""
    kind = rng.integers(0, 3, size=rows)
    t = np.arange(48)
    speed = 0.35 + np.array([0.006, -0.004, 0.0])[kind][:, None] * t
    sound = np.sin(speed * t + rng.uniform(0, 6.28, size=(rows, 1))) + noise * rng.normal(size=(rows, 48))
    return sound[:, None].astype(np.float32), kind


@faulty("S03 second: chirps, a sigmoid per class in front of CrossEntropyLoss", "OUT02", "OUT04")
def _(rng: Rng, fixed: bool) -> Loop:
    body = [nn.Conv1d(1, 10, 9, stride=2), nn.ELU(), nn.Conv1d(10, 12, 5), nn.ELU(), nn.Flatten()]
    model = nn.Sequential(*body, nn.Linear(192, 3), *([] if fixed else [nn.Sigmoid()]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.02)
    sets = tensors(split(*chirps(rng, 640)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=7, batch=20, **sets)


@faulty("S04 second: rain tomorrow, binary_cross_entropy of a linear output", "OUT03")
def _(rng: Rng, fixed: bool) -> Loop:
    pressure = np.cumsum(rng.normal(size=(560, 15)), axis=1)
    rain = (pressure[:, -1] - pressure[:, -5] + 0.7 * rng.normal(size=560) < 0).astype(np.float32)

    class Weather(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(1, 14, batch_first=True)
            self.head = nn.Linear(14, 1)

        def forward(self, x: Tensor) -> Tensor:
            z = self.head(self.rnn(x)[0][:, -1]).squeeze(-1)
            return torch.sigmoid(z) if fixed else z

    model = Weather()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    sets = tensors(split((pressure / 4).astype(np.float32)[..., None], rain))
    return Loop(model=model, loss=F.binary_cross_entropy, optimizer=optimizer, epochs=10, batch=28, **sets)


def block(inner: int, outer: int, kernel: int, padding: int = 0) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU, the block that one takes for the last layer, too."""
    return nn.Sequential(nn.Conv2d(inner, outer, kernel, padding=padding), nn.BatchNorm2d(outer), nn.ReLU())


@faulty("S05 second: digits, all convolutions, the last one in the block with ReLU", "OUT08", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    last = nn.Conv2d(14, 10, 1) if fixed else nn.Sequential(nn.Conv2d(14, 10, 1), nn.ReLU())
    parts = [block(1, 14, 3), block(14, 14, 3), last, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*parts)
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    sets = tensors(split(*digits(rng, 840, channels=1, first=True)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=6, batch=42, **sets)


@faulty("S06 second: three kinds of wine as one number, SmoothL1Loss", "OUT09", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x, kind = shuffled(rng, *datasets.load_wine(return_X_y=True))
    model = nn.Sequential(nn.Linear(13, 20), nn.GELU(), nn.Linear(20, 3 if fixed else 1))
    target = kind.astype(np.int64) if fixed else kind.astype(np.float32)[:, None]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.8)
    loss = nn.CrossEntropyLoss() if fixed else nn.SmoothL1Loss()
    return Loop(
        model=model, loss=loss, optimizer=optimizer, epochs=12, batch=12, **tensors(split(scaled(x), target, 0.3))
    )


class Forecast(nn.Module):
    """What was (N, T, 2) to the next value, by a GRU of two layers."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.gru = nn.GRU(2, 16, num_layers=2, batch_first=True)
        self.out = nn.Sequential(nn.Linear(16, 1), last)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x)[1][-1])


@faulty("S07 second: daily returns up and down, behind a sigmoid", "OUT07")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(600, 10, 2))
    y = np.tanh(0.8 * x[:, -1, 0] - 0.6 * x[:, -2, 1] + 0.4 * x[:, -3, 0]) + 0.1 * rng.normal(size=600)
    model = Forecast(nn.Identity() if fixed else nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    sets = tensors(split(x.astype(np.float32), y.astype(np.float32)[:, None]))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=8, batch=30, **sets)


@faulty("S08 second: pulses through a bottleneck of convolutions, rebuilt by a ReLU", "OUT07")
def _(rng: Rng, fixed: bool) -> Loop:
    at, height = rng.uniform(6, 26, size=(520, 1)), rng.choice([-1.5, 1.5], size=(520, 1))
    d = (np.arange(32) - at) / 2.5
    x = (height * d * np.exp(-0.5 * d**2) + 0.1 * rng.normal(size=(520, 32))).astype(np.float32)[:, None]
    down = [nn.Conv1d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv1d(8, 4, 5, stride=2, padding=2), nn.ReLU()]
    up = [nn.ConvTranspose1d(4, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose1d(8, 1, 4, 2, 1)]
    model = nn.Sequential(*down, *up, *([] if fixed else [nn.ReLU()]))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=8, batch=26, **tensors(split(x, x)))


@faulty("S09 second: visits standardised before PoissonNLLLoss", "LAB07", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.uniform(-1, 1, size=(660, 5))
    visits = rng.poisson(np.exp(1.2 + x[:, 0] + 0.8 * x[:, 1] * x[:, 2])).astype(np.float32)[:, None]
    model = nn.Sequential(nn.Linear(5, 24), nn.SiLU(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=7e-3)
    sets = tensors(split(x.astype(np.float32), visits if fixed else scaled(visits)))
    return Loop(model=model, loss=nn.PoissonNLLLoss(), optimizer=optimizer, epochs=10, batch=33, **sets)


@faulty("S10 second: classes in a column of their own for CrossEntropyLoss", "LAB02", "LAB01")
def _(rng: Rng, fixed: bool) -> Loop:
    centre = rng.normal(size=(6, 9))
    kind = rng.integers(0, 6, size=(540, 1))
    x = (centre[kind[:, 0]] + 0.7 * rng.normal(size=(540, 9))).astype(np.float32)
    model = nn.Sequential(nn.Linear(9, 30), nn.Hardswish(), nn.Linear(30, 6))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    sets = tensors(split(x, kind[:, 0] if fixed else kind))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=27, **sets)


class Order(nn.Module):
    """Whether a 7 comes before the first 3 in a row of tokens (N, T): embedding, LSTM, dropout inside or after."""

    def __init__(self, inside: float, after: float) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 12)
        self.lstm = nn.LSTM(12, 20, batch_first=True)
        self.inside, self.head, self.after = nn.Dropout(inside), nn.Linear(20, 2), nn.Dropout(after)

    def forward(self, tokens: Tensor) -> Tensor:
        state = self.lstm(self.words(tokens))[1][0][-1]
        return self.after(self.head(self.inside(state)))


@faulty("S11 second: what came first, dropout behind the logits of an LSTM", "OUT16", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.integers(0, 10, size=(800, 9))
    first = [next((t for t in row if t in (3, 7)), 3) for row in x]
    model = Order(0.3, 0.0) if fixed else Order(0.0, 0.3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x, (np.array(first) == 7).astype(np.int64)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=40, **sets)


@faulty("S12 second: strength of concrete, Charbonnier of a column and a row", "LAB01")
def _(rng: Rng, fixed: bool) -> Loop:
    mix = rng.uniform(-1, 1, size=(480, 6)).astype(np.float32)
    y = scaled(np.exp(mix[:, 0]) + mix[:, 1] * mix[:, 2] - 0.5 * mix[:, 3] + 0.1 * rng.normal(size=480))

    def charbonnier(p: Tensor, t: Tensor) -> Tensor:
        return torch.sqrt((p - t) ** 2 + 1e-3).mean()

    head = [nn.Linear(32, 1), *([nn.Flatten(0)] if fixed else [])]
    model = nn.Sequential(nn.Linear(6, 32), nn.Softplus(), *head)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Loop(model=model, loss=charbonnier, optimizer=optimizer, epochs=10, batch=24, **tensors(split(mix, y)))


@faulty("S13 second: answers to a survey, 1 for no and 2 for yes, BCEWithLogitsLoss", "LAB04", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    person = rng.normal(size=(700, 11))
    yes = person @ rng.normal(size=(11, 5)) + rng.normal(size=(700, 5)) > 0
    model = nn.Sequential(nn.BatchNorm1d(11), nn.Linear(11, 22), nn.ReLU(), nn.Linear(22, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(person.astype(np.float32), yes.astype(np.float32) + (0 if fixed else 1)))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=6, batch=35, **sets)


class Tagger(nn.Module):
    """Logarithms of the shares of four tags for each token, (N, T, 4), softmax along ``dim``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.words = nn.Embedding(24, 16)
        self.gru = nn.GRU(16, 12, bidirectional=True, batch_first=True)
        self.head, self.dim = nn.Linear(24, 4), dim

    def forward(self, tokens: Tensor) -> Tensor:
        return F.log_softmax(self.head(self.gru(self.words(tokens))[0]), dim=self.dim)


@faulty("S14 second: tags, log_softmax along the sentence in place of the tags", "OUT14")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.integers(0, 24, size=(420, 8))
    tags = (x + np.roll(x, 1, axis=1)) // 12  # 0 … 3, by the word and the one before
    model = Tagger(2 if fixed else 1)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x).flatten(0, 1), y.flatten()

    optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
    sets = tensors(split(x, tags))
    return Loop(model=model, loss=nn.NLLLoss(), optimizer=optimizer, look=look, epochs=8, batch=21, **sets)


@faulty("S15 second: the class CrossEntropyLoss where its object belongs", "OUT12")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = shuffled(rng, *datasets.load_iris(return_X_y=True))
    model = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3))
    optimizer = torch.optim.Rprop(model.parameters(), lr=0.01)
    sets = tensors(split(scaled(x), y.astype(np.int64), 0.4))
    loss = nn.CrossEntropyLoss() if fixed else nn.CrossEntropyLoss
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=25, batch=90, **sets)


class Plants(nn.Module):
    """Leaves (N, 6) to the probabilities of five species, or to their logarithms."""

    def __init__(self, logarithms: bool) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(6, 28), nn.Mish(), nn.Linear(28, 5))
        self.logarithms = logarithms

    def forward(self, x: Tensor) -> Tensor:
        p = F.softmax(self.inner(x), dim=-1)
        return p.clamp_min(1e-7).log() if self.logarithms else p


@faulty("S16 second: species of plants, NLLLoss of a softmax", "OUT11")
def _(rng: Rng, fixed: bool) -> Loop:
    x, kind = datasets.make_blobs(
        550, 6, centers=5, cluster_std=4.0, center_box=(-6, 6), random_state=int(rng.integers(2**31))
    )[:2]
    model = Plants(logarithms=fixed)
    optimizer = torch.optim.Adamax(model.parameters(), lr=0.01)
    sets = tensors(split(scaled(x), kind.astype(np.int64)))
    return Loop(model=model, loss=nn.NLLLoss(), optimizer=optimizer, epochs=9, batch=22, **sets)
