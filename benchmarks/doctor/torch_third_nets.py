"""Healthy PyTorch networks for pictures and sequences: a third set, by somebody who never saw the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, tensors

SHELF = Shelf()
healthy = SHELF.healthy


class Zoom(nn.Module):
    """Pictures (N, 1, 8, 8) in -1 … 1 to themselves, past twelve numbers, by strides and transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.code, self.back = nn.Linear(64, 12), nn.Linear(12, 64)
        self.up1, self.up2 = nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ConvTranspose2d(8, 1, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.code(F.leaky_relu(self.down2(F.leaky_relu(self.down1(x)))).flatten(1))
        h = F.leaky_relu(self.back(z)).view(-1, 16, 2, 2)
        return torch.tanh(self.up2(F.leaky_relu(self.up1(h))))


@healthy("third: digits between -1 and 1 rebuilt by a tanh, absolute error")
def _(rng: Rng) -> Loop:
    x = 2 * digits(rng, 800, channels=1, first=True)[0] - 1
    model = Zoom()
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    return Loop(model=model, loss=nn.L1Loss(), optimizer=optimizer, epochs=9, batch=40, **tensors(split(x, x)))


@healthy("third: digits mixed two and two, soft targets and weighed classes")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1000, channels=1, first=True)
    loss = nn.CrossEntropyLoss(weight=torch.linspace(0.8, 1.2, 10))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        if not loop.model.training:
            return loss(loop.model(x), y)
        share, other = float(torch.distributions.Beta(0.4, 0.4).sample()), torch.randperm(len(x))
        soft = F.one_hot(y, 10).float()
        return loss(loop.model(share * x + (1 - share) * x[other]), share * soft + (1 - share) * soft[other])

    parts = [nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*parts, nn.Flatten(), nn.Linear(192, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    sets = tensors(split(x, y))
    return Loop(model=model, loss=loss, optimizer=optimizer, objective=objective, epochs=8, batch=50, **sets)


class Focal(nn.Module):
    """Focal loss of several classes, by hand."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, p: Tensor, kind: Tensor) -> Tensor:
        each = F.cross_entropy(p, kind, reduction="none")
        return ((1 - torch.exp(-each)) ** self.gamma * each).mean()


@healthy("third: rings, bars and nothing, most often nothing, a focal loss by hand")
def _(rng: Rng) -> Loop:
    kind = rng.choice(3, size=700, p=[0.7, 0.2, 0.1])
    i, j = np.mgrid[:12, :12]
    at = rng.uniform(4, 8, size=(700, 2, 1, 1))
    ring = np.abs(np.hypot(i - at[:, 0], j - at[:, 1]) - 3) < 0.7
    bar = np.abs(i - at[:, 0]) < 1
    shape = np.where((kind == 1)[:, None, None], ring, np.where((kind == 2)[:, None, None], bar, 0))
    x = (shape + 0.4 * rng.normal(size=shape.shape))[:, None].astype(np.float32)
    parts = [nn.Conv2d(1, 10, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*parts, nn.Linear(160, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    return Loop(model=model, loss=Focal(2.0), optimizer=optimizer, epochs=8, batch=35, **tensors(split(x, kind)))


@healthy("third: triplets of digits, drawn in the batch, squared distances")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 900)
    criterion = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).square().sum(-1), margin=0.5)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        z = loop.model(x)
        same = y[:, None] == y
        same.fill_diagonal_(False)
        anchor = torch.nonzero(same.any(dim=1) & (y[:, None] != y).any(dim=1))[:, 0]
        lot = torch.rand(len(z), len(z))
        positive, negative = (lot * same).argmax(dim=1), (lot * (y[:, None] != y)).argmax(dim=1)
        return criterion(z[anchor], z[positive[anchor]], z[negative[anchor]])

    class Unit(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return F.normalize(super().forward(x), dim=1)

    model = Unit(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    x, y, (xv, yv) = split(x, y, 0.05)
    sets = tensors((x, y, (xv, yv)))
    return Loop(
        model=model, loss=criterion, optimizer=optimizer, look=None, objective=objective, epochs=8, batch=45, **sets
    )


class Pairs(nn.Module):
    """Pictures and captions, side by side in (N, 72), to the likeness of all pairs, with a scale that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.sees, self.reads = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 12)), nn.Embedding(20, 12)
        self.scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        one = F.normalize(self.sees(x[:, :64]), dim=1)
        other = F.normalize(self.reads(x[:, 64:].long()).mean(dim=1), dim=1)
        return self.scale.exp() * one @ other.T


@healthy("third: digits and their captions, both directions, a temperature that is learned")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1000)
    caption = np.where(rng.random((1000, 8)) < 0.6, 2 * y[:, None], 2 * rng.integers(0, 10, size=(1000, 8)))
    x = np.concatenate([x.reshape(-1, 64), caption + rng.integers(0, 2, size=(1000, 8))], axis=1).astype(np.float32)

    def both(p: Tensor, t: Tensor) -> Tensor:
        same = (t[:, None] == t).float()
        aim = same / same.sum(dim=1, keepdim=True)
        return (F.cross_entropy(p, aim) + F.cross_entropy(p.T, aim)) / 2

    model = Pairs()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-3)
    return Loop(model=model, loss=both, optimizer=optimizer, epochs=8, batch=50, **tensors(split(x, y, 0.05)))


class Packed(nn.Module):
    """Sequences (N, T, 2), NaN where they are over, to a number at each time, (N, T); packed for the LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(2, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        lengths = (x[..., 1] >= 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])
        return self.head(states)[..., 0]


@healthy("third: running means of unequal stretches, packed, the padding masked out of the squared error")
def _(rng: Rng) -> Loop:
    value, there = rng.normal(size=(500, 14)), np.arange(14) < rng.integers(5, 15, size=(500, 1))
    mean = value.copy()
    for t in range(1, 14):
        mean[:, t] = 0.7 * mean[:, t - 1] + 0.3 * value[:, t]
    x = np.stack([value * there, np.where(there, 1.0, -1.0)], axis=2).astype(np.float32)

    def masked(p: Tensor, t: Tensor) -> Tensor:
        known = t > -9
        return ((p - t) ** 2 * known).sum() / known.sum()

    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(x, np.where(there, mean, -9).astype(np.float32)))
    return Loop(model=model, loss=masked, optimizer=optimizer, epochs=9, batch=25, **sets)


@healthy("third: boats on a grid, objectness summed over cells, places where a boat is")
def _(rng: Rng) -> Loop:
    cell, at = rng.integers(0, 4, size=(420, 2)), rng.uniform(0.1, 0.9, size=(420, 2))
    i, j = np.mgrid[:16, :16]
    centre = 4 * (cell + at) - 0.5
    x = np.exp(-((i - centre[:, :1, None]) ** 2 + (j - centre[:, 1:, None]) ** 2) / 2) + 0.1 * rng.normal(
        size=(420, 16, 16)
    )
    y = np.zeros((420, 3, 4, 4), np.float32)
    rows = np.arange(420)
    y[rows, 0, cell[:, 0], cell[:, 1]] = 1
    y[rows, 1:, cell[:, 0], cell[:, 1]] = at

    def detect(p: Tensor, t: Tensor) -> Tensor:
        boat = t[:, :1]
        there = F.binary_cross_entropy_with_logits(p[:, :1], boat, reduction="sum")
        off = ((torch.sigmoid(p[:, 1:]) - t[:, 1:]).abs() * boat).sum()
        return (there + 2 * off) / len(p)

    parts = [nn.Conv2d(1, 10, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(10, 16, 4, stride=2, padding=1), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Conv2d(16, 3, 3, padding=1))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    sets = tensors(split(x.astype(np.float32)[:, None], y))
    return Loop(model=model, loss=detect, optimizer=optimizer, epochs=10, batch=21, **sets)


@healthy("third: stars of a sky, the rate halved whenever the loss rests")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(800, 8)).astype(np.float32)
    y = scaled(np.tanh(x[:, :1] * x[:, 1:2]) + 0.5 * x[:, 2:3] + 0.4 * rng.normal(size=(800, 1)))
    model = nn.Sequential(nn.Linear(8, 24), nn.SiLU(), nn.Dropout(0.1), nn.Linear(24, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)

    def after_epoch(epoch: int) -> None:
        with torch.no_grad():
            schedule.step(float(F.huber_loss(model(loop.train[0]), loop.train[1])))

    more: dict[str, Any] = {"after_epoch": after_epoch, "epochs": 14, "batch": 30}
    loop = Loop(model=model, loss=nn.HuberLoss(), optimizer=optimizer, **more, **tensors(split(x, y)))
    return loop


@healthy("third: a body that is frozen for two epochs and then learns at a tenth of the rate")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1000)
    body, head = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.ReLU()), nn.Linear(40, 10)
    with torch.no_grad():  # what a network of another task knows: the main directions
        axes = torch.linalg.svd(torch.from_numpy(x.reshape(-1, 64) - x.reshape(-1, 64).mean(axis=0)))[2][:40]
        body[1].weight.copy_(axes)
    body.requires_grad_(False)
    model = nn.Sequential(body, head)
    groups = [{"params": body.parameters(), "lr": 5e-4}, {"params": head.parameters(), "lr": 5e-3}]
    optimizer = torch.optim.Adam(groups)

    def after_epoch(epoch: int) -> None:
        if epoch == 1:
            body.requires_grad_(True)

    more: dict[str, Any] = {"after_epoch": after_epoch, "epochs": 9, "batch": 30}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, y)))


@healthy("third: two hundred words of very unequal frequency, adaptive softmax")
def _(rng: Rng) -> Loop:
    share = 1 / np.arange(1, 201)
    word, other = rng.choice(200, size=(2, 1500), p=share / share.sum())
    follow = np.where(rng.random(1500) < 0.7, 199 - (7 * word) % 200, other)
    body = nn.Sequential(nn.Embedding(200, 32), nn.LayerNorm(32))
    criterion = nn.AdaptiveLogSoftmaxWithLoss(32, 200, cutoffs=[20, 80])

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return criterion(body(x), y).loss

    model = nn.ModuleDict({"body": body, "criterion": criterion})
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    more = {"look": None, "objective": objective, "epochs": 6, "batch": 30}
    return Loop(model=model, loss=None, optimizer=optimizer, **more, **tensors(split(word, follow)))


class Drift(nn.Module):
    """Stretches (N, 12) to the next four values: the last one, and what is learned to be added."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(11, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, -1:] + self.inner(x.diff(dim=1))


@healthy("third: prices that drift, what is added to the last one, from a good first guess")
def _(rng: Rng) -> Loop:
    speed = rng.normal(size=(700, 1)) * 0.4
    path = np.cumsum(speed + 0.15 * rng.normal(size=(700, 16)), axis=1) + rng.normal(size=(700, 1))
    model = Drift()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    path = path.astype(np.float32)
    sets = tensors(split(path[:, :12], path[:, 12:]))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=9, batch=35, **sets)


class Orbit(nn.Module):
    """Places (N, 2) to where they are after eight steps of a velocity that is learned, (N, 8, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.velocity = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 2))

    def forward(self, at: Tensor) -> Tensor:
        places = []
        for _ in range(8):
            half = at + 0.1 * self.velocity(at)
            at = at + 0.2 * self.velocity(half)
            places.append(at)
        return torch.stack(places, dim=1)


@healthy("third: circles of planets, a velocity learned through the solver")
def _(rng: Rng) -> Loop:
    start = rng.normal(size=(400, 2))
    turn = 0.2 * np.arange(1, 9)[:, None, None] * np.ones((1, 400, 1))
    x, y = start[:, 0], start[:, 1]
    path = np.stack(
        [x * np.cos(turn[..., 0]) - y * np.sin(turn[..., 0]), x * np.sin(turn[..., 0]) + y * np.cos(turn[..., 0])],
        axis=2,
    )
    path = path.transpose(1, 0, 2) + 0.03 * rng.normal(size=(400, 8, 2))
    model = Orbit()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(start.astype(np.float32), path.astype(np.float32)))
    return Loop(model=model, loss=F.smooth_l1_loss, optimizer=optimizer, epochs=9, batch=20, **sets)


class Field(nn.Module):
    """Tokens (N, T) to what speaks for each of four tags at each place, (N, T, 4); and how tags follow each other."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.gru = nn.Embedding(16, 12), nn.GRU(12, 16, batch_first=True, bidirectional=True)
        self.head, self.follow = nn.Linear(32, 4), nn.Parameter(torch.zeros(4, 4))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.gru(self.words(tokens))[0])


@healthy("third: tags by a conditional random field, likelihood of whole sentences")
def _(rng: Rng) -> Loop:
    tags = np.zeros((640, 8), int)
    tags[:, 0] = rng.integers(0, 4, size=640)
    for t in range(1, 8):
        tags[:, t] = (tags[:, t - 1] + rng.choice(3, size=640, p=[0.6, 0.3, 0.1])) % 4
    x = 4 * tags + rng.integers(0, 4, size=tags.shape)
    x = np.where(rng.random(x.shape) < 0.3, rng.integers(0, 16, size=x.shape), x)
    model = Field()

    def likelihood(p: Tensor, t: Tensor) -> Tensor:
        path = p.gather(2, t[..., None])[..., 0].sum(dim=1) + model.follow[t[:, :-1], t[:, 1:]].sum(dim=1)
        alpha = p[:, 0]
        for i in range(1, p.shape[1]):
            alpha = torch.logsumexp(alpha[:, :, None] + model.follow, dim=1) + p[:, i]
        return (alpha.logsumexp(dim=1) - path).mean()

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Loop(model=model, loss=likelihood, optimizer=optimizer, epochs=5, batch=24, **tensors(split(x, tags)))


@healthy("third: clean tones out of noise, absolute error of spectra beside that of samples")
def _(rng: Rng) -> Loop:
    t, f = np.arange(48), rng.uniform(0.3, 1.2, size=(360, 1))
    clean = np.sin(f * t + rng.uniform(0, 6.28, size=(360, 1)))[:, None]
    noisy = clean + 0.5 * rng.normal(size=clean.shape)

    def spectral(p: Tensor, t: Tensor) -> Tensor:
        of = [torch.fft.rfft(a, norm="ortho").abs() for a in (p, t)]
        return F.l1_loss(p, t) + 0.5 * F.l1_loss(*of)

    parts = [nn.Conv1d(1, 16, 15, padding=7), nn.PReLU(), nn.Conv1d(16, 16, 9, padding=4), nn.PReLU()]
    model = nn.Sequential(*parts, nn.Conv1d(16, 1, 9, padding=4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    sets = tensors(split(noisy.astype(np.float32), clean.astype(np.float32)))
    return Loop(model=model, loss=spectral, optimizer=optimizer, epochs=8, batch=18, **sets)
