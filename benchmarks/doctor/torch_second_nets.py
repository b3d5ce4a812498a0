"""Healthy PyTorch networks and ways to train them that look suspicious: kept aside, no rule in their author's sight."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, split
from .program import Shelf
from .torch_loop import Loop, tensors
from .torch_models import Two
from .torch_second import chirps

SHELF = Shelf()
healthy = SHELF.healthy


def scheduled(schedule: torch.optim.lr_scheduler.LRScheduler) -> Callable[[Loop, Tensor, Tensor], Tensor]:
    """Return a step after which the learning rate changes."""

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        loop.optimizer.step()
        schedule.step()
        return value

    return step


@torch.no_grad()
def follow(model: Two, share: float) -> None:
    """Move the other network's weights towards the one's."""
    for slow, fast in zip(model.other.parameters(), model.one.parameters(), strict=True):
        slow.lerp_(fast, share)


class Backwards(nn.Module):
    """What is to be read (N, 7) and what was written so far (N, 8), side by side, to logits of the next token."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(14, 24)
        self.reader, self.writer = nn.GRU(24, 48, batch_first=True), nn.GRU(24, 48, batch_first=True)
        self.head = nn.Linear(96, 14)

    def forward(self, tokens: Tensor) -> Tensor:
        read, last = self.reader(self.words(tokens[:, :7]))
        written = self.writer(self.words(tokens[:, 7:]), last)[0]
        there = tokens[:, None, :7] != 0
        likeness = (written @ read.transpose(1, 2) / 7).masked_fill(~there, -1e9)
        return self.head(torch.cat([written, likeness.softmax(dim=-1) @ read], dim=-1))


@healthy("second: words written backwards, GRUs with attention, padding ignored")
def _(rng: Rng) -> Loop:
    lengths = rng.integers(3, 8, size=700)
    source, given, wanted = np.zeros((700, 7), int), np.zeros((700, 8), int), np.full((700, 8), -100)
    for row, n in enumerate(lengths):
        word = rng.integers(3, 14, size=n)
        source[row, :n] = word
        given[row, : n + 1] = [1, *word[::-1]]  # 1 begins, 2 ends
        wanted[row, : n + 1] = [*word[::-1], 2]

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x).flatten(0, 1), y.flatten()

    model = Backwards()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.012)
    sets = tensors(split(np.concatenate([source, given], axis=1), wanted, 0.2))
    loss = nn.CrossEntropyLoss(ignore_index=-100)
    return Loop(model=model, loss=loss, optimizer=optimizer, look=look, epochs=8, batch=35, **sets)


class Patches(nn.Module):
    """Images (N, 8, 8) to logits of ten classes: sixteen patches, a token for the class, a layer of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.places = nn.Linear(4, 32), nn.Parameter(0.02 * torch.randn(17, 32))
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.layer = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        patches = x.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3).flatten(1, 2)
        tokens = torch.cat([self.token.expand(len(x), 1, 32), self.patch(patches)], dim=1)
        return self.head(self.layer(tokens + self.places)[:, 0])


@healthy("second: digits as patches, attention, the rate warmed up to its peak and down within the training")
def _(rng: Rng) -> Loop:
    model = Patches()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=14 * 24)
    sets = tensors(split(*digits(rng, 960)))
    return Loop(
        model=model,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        step=scheduled(schedule),
        epochs=14,
        batch=30,
        **sets,
    )


@healthy("second: chirps, batch normalisation and one cycle of plain SGD up to a rate of one")
def _(rng: Rng) -> Loop:
    conv = [nn.Conv1d(1, 12, 9, stride=2, bias=False), nn.BatchNorm1d(12), nn.ReLU()]
    model = nn.Sequential(*conv, nn.Conv1d(12, 12, 5, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.Flatten())
    model.append(nn.Linear(192, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=9 * 15, base_momentum=0.4)

    sets = tensors(split(*chirps(rng, 800, noise=0.9)))
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return Loop(model=model, loss=loss, optimizer=optimizer, step=scheduled(schedule), epochs=9, batch=40, **sets)


@healthy("second: digits two at a time, group normalisation")
def _(rng: Rng) -> Loop:
    inner = [nn.Conv2d(1, 12, 3), nn.GroupNorm(3, 12), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*inner, nn.Linear(108, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    sets = tensors(split(*digits(rng, 640, channels=1, first=True)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=4, batch=2, **sets)


class Dilated(nn.Module):
    """Signals (N, 1, T) to the next value at every time, (N, T), from what was before it alone."""

    def __init__(self) -> None:
        super().__init__()
        self.dilations = (1, 2, 4)
        self.layers = nn.ModuleList(nn.Conv1d(1 if d == 1 else 10, 10, 3, dilation=d) for d in self.dilations)
        self.head = nn.Conv1d(10, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer, dilation in zip(self.layers, self.dilations, strict=True):
            h = F.gelu(layer(F.pad(x, (2 * dilation, 0))))
            x = h if x.shape[1] == 1 else x + h
        return self.head(x)[:, 0]


@healthy("second: three tides and noise, the next value at every hour, dilated convolutions")
def _(rng: Rng) -> Loop:
    t, phase = np.arange(41), rng.uniform(0, 6.28, size=(360, 3, 1))
    height = (np.sin(np.array([[0.5], [0.26], [0.11]]) * t + phase)).sum(axis=1) + 0.15 * rng.normal(size=(360, 41))
    x, y = (height[:, None, :-1] / 1.3).astype(np.float32), (height[:, 1:] / 1.3).astype(np.float32)
    model = Dilated()
    optimizer = torch.optim.RAdam(model.parameters(), lr=0.01)
    return Loop(model=model, loss=nn.SmoothL1Loss(), optimizer=optimizer, epochs=8, batch=15, **tensors(split(x, y)))


@healthy("second: features of digits that agree between views and do not repeat each other, Barlow twins")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 900)

    def view(x: Tensor) -> Tensor:
        return (x + 0.15 * torch.randn_like(x)) * (torch.rand_like(x) < 0.8)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        one, other = (loop.model(view(x)) for _ in range(2))
        one, other = ((z - z.mean(dim=0)) / (z.std(dim=0) + 1e-4) for z in (one, other))
        c = one.T @ other / len(x)
        on = torch.diagonal(c)
        return (1 - on).square().sum() + 0.05 * (c.square().sum() - on.square().sum())

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    sets = tensors(split(x, y))
    return Loop(model=model, loss=None, optimizer=optimizer, look=None, objective=objective, batch=75, **sets)


@healthy("second: supervised contrast of digits on a sphere")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 900)

    def contrast(z: Tensor, kind: Tensor) -> Tensor:
        itself = torch.eye(len(z), dtype=torch.bool)
        logits = (z @ z.T / 0.2).masked_fill(itself, -1e9)
        same = ((kind[:, None] == kind) & ~itself).float()
        shares = logits.log_softmax(dim=1)
        return -((shares * same).sum(dim=1) / same.sum(dim=1).clamp_min(1)).mean()

    class Sphere(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 16))

        def forward(self, x: Tensor) -> Tensor:
            return F.normalize(self.inner(x), dim=1)

    model = Sphere()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Loop(model=model, loss=contrast, optimizer=optimizer, epochs=8, batch=45, **tensors(split(x, y)))


@healthy("second: eighty labels and a teacher that is the student's average")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1000)
    y[:700][rng.permutation(700)[:620]] = -100  # eighty labels are left
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    model = Two(student, copy.deepcopy(student).requires_grad_(False))

    def look(model: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model.one(x), y

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        p = loop.model.one(x + 0.15 * torch.randn_like(x) if loop.model.training else x)
        with torch.no_grad():
            q = loop.model.other(x + 0.15 * torch.randn_like(x) if loop.model.training else x)
        labelled = y != -100
        known = loop.loss(p[labelled], y[labelled]) if labelled.any() else 0 * p.sum()
        return known + 2 * F.mse_loss(p.softmax(dim=1), q.softmax(dim=1))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        loop.optimizer.step()
        follow(model, 0.05)
        return value

    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
    more = {"look": look, "objective": objective, "step": step, "epochs": 10, "batch": 70}
    sets = tensors(split(x, y, 0.3))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **sets)


def adapter() -> nn.Sequential:
    """Return a narrow network that is nought at first."""
    last = nn.Linear(6, 40)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(40, 6), nn.GELU(), last)


class Adapted(nn.Module):
    """Two frozen layers with narrow ones between them that start at nought, and a head of its own."""

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body.requires_grad_(False)
        self.adapters = nn.ModuleList(adapter() for _ in body)
        self.head = nn.Linear(40, 5)

    def forward(self, x: Tensor) -> Tensor:
        for layer, adapter in zip(self.body, self.adapters, strict=True):
            h = F.relu(layer(x))
            x = h + adapter(h)
        return self.head(x)


@healthy("second: a network of the small digits, frozen, adapted to the large ones")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1600)
    x = x.reshape(-1, 64)
    small = y < 5
    body, first = nn.Sequential(nn.Linear(64, 40), nn.Linear(40, 40)), nn.Linear(40, 5)
    known, kind = torch.from_numpy(x[small]), torch.from_numpy(y[small])
    before = torch.optim.Adam([*body.parameters(), *first.parameters()], lr=0.01)
    for _ in range(60):
        before.zero_grad()
        F.cross_entropy(first(F.relu(body[1](F.relu(body[0](known))))), kind).backward()
        before.step()
    model = Adapted(body)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    sets = tensors(split(x[~small], y[~small] - 5))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=10, batch=30, **sets)


@healthy("second: a generator of waiting times against a judge, alternating, loss that stands still")
def _(rng: Rng) -> Loop:
    real = rng.gamma(6.0, 0.5, size=(480, 1)).astype(np.float32)
    model = Two(
        nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 1)),
        nn.Sequential(nn.Linear(1, 24), nn.LeakyReLU(0.2), nn.Linear(24, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1)),
    )
    makes = torch.optim.Adam(model.one.parameters(), lr=2e-3, betas=(0.5, 0.9))
    judges = torch.optim.Adam(model.other.parameters(), lr=4e-3, betas=(0.5, 0.9))

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = loop.model.one(torch.randn(len(x), 3)).detach()
        return F.softplus(-loop.model.other(x)).mean() + F.softplus(loop.model.other(made)).mean()

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        judges.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        judges.step()
        makes.zero_grad()
        F.softplus(-loop.model.other(loop.model.one(torch.randn(len(x), 3)))).mean().backward()
        makes.step()
        return value

    train = (torch.from_numpy(real), torch.ones(480, 1))
    more = {"objective": objective, "step": step, "epochs": 25, "batch": 40, "judged_at_end": False}
    return Loop(model=model, loss=None, optimizer=judges, train=train, look=None, **more)


@healthy("second: bfloat16, eight micro-batches of four, sums divided by all tokens, clipped, averaged")
def _(rng: Rng) -> Loop:
    kind = rng.integers(0, 4, size=(480, 12))
    x = (np.eye(4)[kind] @ rng.normal(size=(4, 6)) + 0.5 * rng.normal(size=(480, 12, 6))).astype(np.float32)
    kind[np.arange(12) >= rng.integers(4, 13, size=(480, 1))] = -100
    net = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 4))
    model = Two(net, copy.deepcopy(net).requires_grad_(False))

    def look(model: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        chosen = model.one if model.training else model.other
        with torch.autocast("cpu", dtype=torch.bfloat16):
            p = chosen(x)
        return p.float().flatten(0, 1), y.flatten()

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        total, tokens = torch.zeros(()), (y != -100).sum()
        for part, target in zip(x.split(4), y.split(4), strict=True):
            p, t = look(loop.model, part, target)
            value = loop.loss(p, t) * (t != -100).sum() / tokens
            value.backward()
            total += value.detach()
        nn.utils.clip_grad_norm_(loop.model.one.parameters(), 5.0)
        loop.optimizer.step()
        follow(model, 0.1)
        return total

    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    more = {"look": look, "step": step, "epochs": 8, "batch": 32}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, kind)))


@healthy("second: beats in a long signal, rare frames, pos_weight, no pooling")
def _(rng: Rng) -> Loop:
    beat = (rng.random((240, 60)) < 0.04).astype(np.float32)
    shape = np.exp(-0.5 * np.arange(-3, 4) ** 2 / 1.5)
    sound = np.stack([np.convolve(row, shape, mode="same") for row in beat]) + 0.2 * rng.normal(size=beat.shape)
    model = nn.Sequential(nn.Conv1d(1, 12, 7, padding=3), nn.ReLU(), nn.Conv1d(12, 1, 5, padding=2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = tensors(split(sound.astype(np.float32)[:, None], beat[:, None]))
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(12.0))
    return Loop(model=model, loss=loss, optimizer=optimizer, epochs=8, batch=12, **sets)
