"""Healthy PyTorch programs that compare rows with each other, and others of unusual loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, classes, digits, numbers, split
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors

SHELF = Shelf()
healthy = SHELF.healthy


def _views(rng: Rng, rows: int = 480) -> dict:
    x, _ = classes(rng, rows, 12, count=4)
    views = np.stack([x + 0.2 * rng.normal(size=x.shape) for _ in range(2)], axis=1)
    return tensors(split(views.astype(np.float32), np.arange(rows)))


@healthy("contrast of two views, InfoNCE")
def _(rng: Rng) -> Loop:
    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        a, b = F.normalize(loop.model(x), dim=-1).unbind(dim=1)
        return loop.loss(a @ b.T / 0.2, torch.arange(len(x)))

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        a, b = F.normalize(model(x), dim=-1).unbind(dim=1)
        return a @ b.T / 0.2, torch.arange(len(x))

    model = mlp(12, 32, 8)
    loss = nn.CrossEntropyLoss()
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.003), look=look, objective=objective, **_views(rng))


@healthy("two views, stopped gradient, negative cosine")
def _(rng: Rng) -> Loop:
    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        a, b = loop.model(x).unbind(dim=1)
        return -F.cosine_similarity(a, b.detach(), dim=1).mean()

    model = mlp(12, 32, 8)
    loss = nn.CosineSimilarity()
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.003), look=None, objective=objective, **_views(rng))


@healthy("triplets with a margin")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 900)
    x = x.reshape(-1, 64)
    order = np.argsort(y, kind="stable")
    near = order[np.minimum(np.argsort(order) + 1, len(order) - 1)]
    far = rng.permutation(len(x))
    kept = (y[near] == y) & (y[far] != y)
    triplets = np.stack([x, x[near], x[far]], axis=1)[kept]
    criterion = nn.TripletMarginLoss(margin=0.5)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return criterion(*loop.model(x).unbind(dim=1))

    model = mlp(64, 32, 8)
    sets = tensors(split(triplets, np.arange(len(triplets))))
    return Loop(model=model, loss=criterion, optimizer=adam(model, 0.002), look=None, objective=objective, **sets)


@healthy("pairs that belong together or not, cosine embedding")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 800, 10, count=3)
    pairs, same = x.reshape(400, 2, 10), np.where(y.reshape(400, 2)[:, 0] == y.reshape(400, 2)[:, 1], 1, -1)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return criterion(*loop.model(x).unbind(dim=1), y)

    model = mlp(10, 32, 8)
    sets = tensors(split(pairs, same))
    return Loop(model=model, loss=criterion, optimizer=adam(model, 0.003), look=None, objective=objective, **sets)


@healthy("density by a flow, likelihood above 1")
def _(rng: Rng) -> Loop:
    x = (np.array([0.02, 0.05]) * rng.normal(size=(600, 2)) + 0.3).astype(np.float32)

    class Affine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift, self.log_scale = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

        def forward(self, x: Tensor) -> Tensor:
            return (x - self.shift) * (-self.log_scale).exp()

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return (0.5 * loop.model(x) ** 2 + loop.model.log_scale + 0.919).sum(dim=1).mean()

    model = Affine()
    return Loop(
        model=model, loss=None, optimizer=adam(model, 0.03), look=None, objective=objective, **tensors(split(x, x))
    )


@healthy("critic of Wasserstein, weights clipped")
def _(rng: Rng) -> Loop:
    real = (rng.normal(size=(400, 2)) @ np.array([[1, 0.5], [0, 0.5]]) + 2).astype(np.float32)
    model, maker = mlp(2, 32, 1), mlp(4, 32, 2)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001)
    making = torch.optim.RMSprop(maker.parameters(), lr=0.001)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = maker(torch.randn(len(x), 4))
        optimizer.zero_grad()
        value = loop.model(made.detach()).mean() - loop.model(x).mean()
        value.backward()
        optimizer.step()
        with torch.no_grad():
            for p in loop.model.parameters():
                p.clamp_(-0.1, 0.1)
        making.zero_grad()
        (-loop.model(made).mean()).backward()
        making.step()
        return value.detach()

    train = (torch.from_numpy(real), torch.ones(400, 1))
    return Loop(model=model, loss=None, optimizer=optimizer, train=train, look=None, step=step, judged_at_end=False)


@healthy("words and their neighbours, negative samples")
def _(rng: Rng) -> Loop:
    word = rng.integers(0, 30, size=1500)
    near = (word // 6) * 6 + rng.integers(0, 6, size=1500)
    other = np.where(rng.random(1500) < 0.5, near, rng.integers(0, 30, size=1500))
    y = (other // 6 == word // 6).astype(np.float32)

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.word, self.context = nn.Embedding(30, 8), nn.Embedding(30, 8)
            self.bias = nn.Parameter(torch.zeros(()))

        def forward(self, pair: Tensor) -> Tensor:
            return (self.word(pair[:, 0]) * self.context(pair[:, 1])).sum(dim=1) / 8**0.5 + self.bias

    model = Words()
    sets = tensors(split(np.stack([word, other], axis=1), y))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model, 0.02), batch=64, **sets)


@healthy("an equation of physics, derivatives of the network")
def _(rng: Rng) -> Loop:
    x = rng.uniform(0, 2, size=(256, 1)).astype(np.float32)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():  # u' = -u with u(0) = 1
            x = x.clone().requires_grad_()
            u = 1 + x * model(x)
            slope = torch.autograd.grad(u.sum(), x, create_graph=model.training)[0]
        return slope + u, y

    model = mlp(1, 24, 24, 1, activation=nn.Tanh)
    sets = tensors(split(x, np.zeros_like(x)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.003), look=look, **sets)


@healthy("regression with a penalty on weights")
def _(rng: Rng) -> Loop:
    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return loop.loss(loop.model(x), y) + 1e-3 * sum(p.abs().sum() for p in loop.model.parameters())

    model = mlp(8, 32, 1)
    sets = tensors(split(*numbers(rng, 500)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), objective=objective, epochs=12, **sets)
