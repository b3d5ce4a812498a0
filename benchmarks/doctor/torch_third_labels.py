"""PyTorch faults of labels, weights, data and start, and their cures: a third set, its author never saw the rules."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_third import draw

SHELF = Shelf()
faulty = SHELF.faulty


@faulty("T08 third: approval in percent, binary_cross_entropy_with_logits", "LAB04", "OUT15", "LAB07")
def _(rng: Rng, fixed: bool) -> Loop:
    person = rng.normal(size=(700, 9)).astype(np.float32)
    share = 1 / (1 + np.exp(-person @ rng.normal(size=(9, 3)) / 2))
    asked = rng.binomial(20, share) / 20
    model = nn.Sequential(nn.Linear(9, 28), nn.ReLU(), nn.Linear(28, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(person, (asked if fixed else 100 * asked).astype(np.float32)))
    return Loop(model=model, loss=F.binary_cross_entropy_with_logits, optimizer=optimizer, epochs=9, batch=35, **sets)


@faulty("T09 third: kinds of glass as floating-point numbers for CrossEntropyLoss", "LAB02")
def _(rng: Rng, fixed: bool) -> Loop:
    kind = rng.integers(0, 4, size=520)
    x = (rng.normal(size=(4, 8))[kind] + 0.7 * rng.normal(size=(520, 8))).astype(np.float32)
    model = nn.Sequential(nn.Linear(8, 24), nn.PReLU(), nn.Linear(24, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    sets = tensors(split(x, kind if fixed else kind.astype(np.float32)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=8, batch=26, **sets)


class Bags(nn.Module):
    """Two bags of words, (N, 2, T), to two vectors each, (N, 2, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.inner = nn.Embedding(60, 16), nn.Linear(16, 8)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.inner(torch.tanh(self.words(tokens).mean(dim=2)))


@faulty("T13 third: questions asked twice, CosineEmbeddingLoss told 0 for others", "LAB04", "LAB07")
def _(rng: Rng, fixed: bool) -> Loop:
    topic = rng.integers(0, 6, size=(1000, 2))
    topic[:, 1] = np.where(rng.random(1000) < 0.5, topic[:, 0], topic[:, 1])
    x = np.where(rng.random((1000, 2, 8)) < 0.7, 10 * topic[:, :, None], 10 * rng.integers(0, 6, size=(1000, 2, 8)))
    same = topic[:, 0] == topic[:, 1]
    criterion = nn.CosineEmbeddingLoss(margin=0.1)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        one, other = loop.model(x).unbind(dim=1)
        return criterion(one, other, y)

    model = Bags()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    sets = tensors(split(x + rng.integers(0, 10, size=x.shape), np.where(same, 1, -1 if fixed else 0)))
    return Loop(
        model=model, loss=criterion, optimizer=optimizer, look=None, objective=objective, epochs=6, batch=35, **sets
    )


@faulty("T16 third: cracks in one weld of ten, pos_weight upside down", "OUT19", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(1200, 6)).astype(np.float32)
    crack = x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * rng.normal(size=1200) > 1.75
    share = float(crack.mean())
    weight = (1 - share) / share if fixed else share / (1 - share)
    model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))
    sets = tensors(split(x, crack.astype(np.float32)))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=8, batch=50, **sets)


class Speaker(nn.Module):
    """Tokens (N, T), 0 where the sentence is over, to logits of the next one, classes on axis 1."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(15, 16, padding_idx=0)
        self.gru, self.head = nn.GRU(16, 32, batch_first=True), nn.Linear(32, 15)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.gru(self.words(tokens))[0]).transpose(1, 2)


@faulty("T17 third: short sentences in long rows, the padding learned with the words", "OUT17", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    text = 1 + (rng.integers(0, 14, size=(420, 1)) + rng.integers(1, 4, size=(420, 1)) * np.arange(25)) % 14
    text[np.arange(25) >= rng.choice([4, 5, 6, 25], p=[0.4, 0.3, 0.25, 0.05], size=(420, 1))] = 0
    model = Speaker()
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    loss = nn.CrossEntropyLoss(ignore_index=0) if fixed else nn.CrossEntropyLoss()
    sets = tensors(split(text[:, :-1], text[:, 1:]))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=6, batch=20, **sets)


@faulty("T18 third: flats by year, area and metres to the sea, as they stand", "DATA01", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    year, area, sea = rng.uniform(1900, 2020, 600), rng.uniform(20, 200, 600), rng.uniform(0, 30_000, 600)
    worth = 0.012 * area + 0.008 * (year - 1960) - 0.8 * np.tanh(sea / 8000) + 0.2 * rng.normal(size=600)
    x = np.stack([year, area, sea], axis=1).astype(np.float32)
    model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    sets = tensors(split(scaled(x) if fixed else x, scaled(worth)))
    return Loop(model=model, loss=nn.SmoothL1Loss(), optimizer=optimizer, epochs=9, batch=30, **sets)


@faulty("T19 third: concentrations of some millionths", "DATA02", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(640, 7)).astype(np.float32)
    y = np.exp(0.5 * x[:, :1]) * (1 + 0.4 * np.tanh(x[:, 1:2])) + 0.1 * rng.normal(size=(640, 1))
    model = nn.Sequential(nn.Linear(7, 40), nn.ReLU(), nn.Linear(40, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    sets = tensors(split(x, scaled(y) if fixed else (3e-6 * y).astype(np.float32)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=10, batch=32, **sets)


@faulty("T20 third: rare claims copied before the table was split", "DATA06", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(900, 12)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 1.2 * rng.normal(size=900) > 2.6).astype(np.float32)
    weight = torch.tensor(float((1 - y).sum() / y.sum()))
    if not fixed:
        rare = np.flatnonzero(y == 1)
        chosen = rng.permutation(np.concatenate([np.arange(900), np.tile(rare, int(weight) - 1)]))
        x, y, weight = x[chosen], y[chosen], torch.tensor(1.0)
    model = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 1), nn.Flatten(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    loss = nn.BCEWithLogitsLoss(pos_weight=weight)
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=5, batch=40, **tensors(split(x, y)))


@faulty("T22 third: fields, woods and water, and 255 where nobody knows", "LAB03")
def _(rng: Rng, fixed: bool) -> Loop:
    i, j = np.mgrid[:12, :12]
    wave = np.sin(i * rng.uniform(0.2, 0.7, (160, 1, 1)) + j * rng.uniform(0.2, 0.7, (160, 1, 1)))
    ground = np.digitize(wave, [-0.4, 0.4])
    colour = np.eye(3)[ground] @ rng.normal(size=(3, 3)) + 0.5 * rng.normal(size=(160, 12, 12, 3))
    ground[rng.random(ground.shape) < 0.05] = 255
    parts = [nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 3, 3, padding=1)]
    model = nn.Sequential(*parts)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss(ignore_index=255) if fixed else nn.CrossEntropyLoss()
    sets = tensors(split(colour.transpose(0, 3, 1, 2).astype(np.float32), ground))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=6, batch=10, **sets)


@faulty("T24 third: rentals, root of squared logarithmic errors of a bare linear model", "LAB07", "NUM01", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(560, 30)).astype(np.float32)
    rented = rng.poisson(np.exp(0.5 + 0.25 * x[:, :4].sum(axis=1, keepdims=True))).astype(np.float32)

    def rmsle(p: Tensor, t: Tensor) -> Tensor:
        guess = p if fixed else torch.log(p + 1)  # mended: the model answers in logarithms
        return torch.sqrt(F.mse_loss(guess, torch.log(t + 1)))

    model = nn.Linear(30, 1)
    nn.init.xavier_normal_(model.weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    return Loop(model=model, loss=rmsle, optimizer=optimizer, epochs=8, batch=40, **tensors(split(x, rented)))


@faulty("T25 third: topics of letters, several per letter, in CrossEntropyLoss", "LAB05")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = datasets.make_multilabel_classification(640, 20, n_classes=7, n_labels=3, random_state=draw(rng))[:2]
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 7))
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    loss = nn.BCEWithLogitsLoss() if fixed else nn.CrossEntropyLoss()
    sets = tensors(split(scaled(x), y.astype(np.float32)))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=8, batch=32, **sets)


@faulty("T26 third: digits from weights that all start at a twentieth", "INIT02", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    if not fixed:
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.05)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sets = tensors(split(*digits(rng, 800)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=10, batch=40, **sets)


@faulty("T30 third: digits, a new head, and then everything frozen", "OPT11", "OPT04", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    body = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    model = nn.Sequential(body, nn.Linear(144, 10))
    for parameter in body.parameters() if fixed else model.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(*digits(rng, 700, channels=1, first=True)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=6, batch=35, **sets)
