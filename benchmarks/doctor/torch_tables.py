"""Healthy PyTorch programs on tables: numbers, classes, counts, times, ranks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lossmith as lm

from .data import Rng, classes, numbers, scaled, split
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors

SHELF = Shelf()
healthy = SHELF.healthy


def _regression(rng: Rng, loss: object, outputs: int = 1, rate: float = 0.01, **more: object) -> Loop:
    model = mlp(8, 32, outputs)
    given = {"loss": loss, "optimizer": adam(model, rate), "epochs": 12, **tensors(split(*numbers(rng, 500)))}
    return Loop(model=model, **{**given, **more})


@healthy("regression on scaled targets")
def _(rng: Rng) -> Loop:
    return _regression(rng, nn.MSELoss())


@healthy("regression, Huber loss and heavy tails")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 500)
    t = t + 0.2 * rng.standard_t(2, size=t.shape).astype(np.float32)
    return _regression(rng, nn.HuberLoss(), **tensors(split(x, t)))


class Unscaled(nn.Module):
    """A model that answers in euros: its last step multiplies and adds what the training set says."""

    def __init__(self, mean: float, spread: float) -> None:
        super().__init__()
        self.inner, self.mean, self.spread = mlp(8, 32, 1), mean, spread

    def forward(self, x: Tensor) -> Tensor:
        return self.mean + self.spread * self.inner(x)


@healthy("regression on raw targets that the model scales itself")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 500)
    model = Unscaled(20_000.0, 5000.0)
    sets = tensors(split(x, 20_000 + 5000 * t))
    return Loop(model=model, loss=nn.L1Loss(), optimizer=adam(model), epochs=12, **sets)


@healthy("heteroscedastic regression, Gaussian likelihood")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600, noise=0.1)
    t = t + 0.5 * np.abs(x[:, :1]) * rng.normal(size=t.shape).astype(np.float32)
    criterion = nn.GaussianNLLLoss()

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        out = loop.model(x)
        return criterion(out[:, :1], y, F.softplus(out[:, 1:]) + 1e-3)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x)[:, :1], y

    return _regression(rng, criterion, 2, 0.005, look=look, objective=objective, **tensors(split(x, t)))


@healthy("quantile regression, three quantiles")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    t = t + rng.exponential(0.5, size=t.shape).astype(np.float32)
    levels = torch.tensor([0.1, 0.5, 0.9])

    def pinball(p: Tensor, t: Tensor) -> Tensor:
        error = t - p
        return torch.maximum(levels * error, (levels - 1) * error).mean()

    return _regression(rng, pinball, 3, **tensors(split(x, t)))


@healthy("counts, Poisson on log-rates")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    counts = rng.poisson(np.exp(0.7 * t)).astype(np.float32)
    return _regression(rng, nn.PoissonNLLLoss(), rate=0.005, **tensors(split(x, counts)))


@healthy("positive amounts, Gamma deviance")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    amounts = (rng.gamma(4, size=t.shape) / 4 * np.exp(0.6 * t)).astype(np.float32)

    def gamma(p: Tensor, t: Tensor) -> Tensor:
        return (p + t * torch.exp(-p)).mean()

    return _regression(rng, gamma, **tensors(split(x, amounts)))


@healthy("two classes, one logit")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 600)
    sets = tensors(split(x, y.astype(np.float32)[:, None]))
    model = mlp(10, 24, 1)
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), **sets)


@healthy("two classes, sigmoid and BCELoss")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 600)
    model = nn.Sequential(*mlp(10, 24, 1), nn.Sigmoid(), nn.Flatten(0))
    return Loop(model=model, loss=nn.BCELoss(), optimizer=adam(model), **tensors(split(x, y.astype(np.float32))))


@healthy("several labels per row")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600, outputs=5)
    model = mlp(8, 48, 5)
    sets = tensors(split(x, (t > 0.5).astype(np.float32)))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), epochs=12, **sets)


@healthy("few positives, focal loss")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 900)
    model = mlp(8, 32, 1)
    nn.init.constant_(model[-1].bias, -2.0)
    sets = tensors(split(x, (t > 1.4).astype(np.float32)))
    return Loop(model=model, loss=lm.SigmoidFocal(), optimizer=adam(model), epochs=4, **sets)


@healthy("few positives, pos_weight")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 900)
    y = (t > 1.3).astype(np.float32)
    model, weight = mlp(8, 32, 1), torch.tensor([float((1 - y).sum() / y.sum())])
    loss = nn.BCEWithLogitsLoss(pos_weight=weight)
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.003), epochs=5, **tensors(split(x, y)))


@healthy("unequal classes, class weights")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 1200, 10, count=4)
    kept = (y != 3) | (rng.random(len(y)) < 0.2)
    x, y = x[kept], y[kept]
    counts = np.bincount(y)
    model, weight = mlp(10, 32, 4), torch.tensor(len(y) / (4 * counts), dtype=torch.float32)
    loss = nn.CrossEntropyLoss(weight=weight)
    return Loop(model=model, loss=loss, optimizer=adam(model, 0.005), epochs=6, **tensors(split(x, y)))


@healthy("support vectors, hinge on signs")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 500)

    def hinge(p: Tensor, t: Tensor) -> Tensor:
        return F.relu(1 - p * t).mean()

    model = nn.Linear(10, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=0.01)
    sets = tensors(split(x, 2 * y.astype(np.float32)[:, None] - 1))
    return Loop(model=model, loss=hinge, optimizer=optimizer, **sets)


@healthy("logistic regression by L-BFGS, all rows at once")
def _(rng: Rng) -> Loop:
    x, y = classes(rng, 400, 8, count=3)
    model = nn.Linear(8, 3)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        def closure() -> Tensor:
            loop.optimizer.zero_grad()
            value = loop.objective(loop, x, y)
            value.backward()
            return value

        return loop.optimizer.step(closure)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        return loop.loss(loop.model(x), y) + 0.03 * sum((p**2).sum() for p in loop.model.parameters())

    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
    sets = tensors(split(x, y))
    more = {"step": step, "objective": objective, "batch": 300}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **sets)


@healthy("grades in order, cumulative logits")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 700)
    grade = np.digitize(t[:, 0], [-0.8, 0, 0.8])
    steps = (grade[:, None] > np.arange(3)).astype(np.float32)
    model = mlp(8, 32, 3)
    sets = tensors(split(x, steps))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), epochs=12, **sets)


@healthy("survival, Cox partial likelihood")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 500)
    time = rng.exponential(np.exp(-t[:, 0]))
    event = rng.random(len(time)) < 0.7

    def cox(p: Tensor, t: Tensor) -> Tensor:
        time, event = t[:, 0], t[:, 1]
        later = time[None, :] >= time[:, None]
        risk = torch.logsumexp(torch.where(later, p[None, :, 0], -torch.inf), dim=1)
        return ((risk - p[:, 0]) * event).sum() / event.sum().clamp(min=1)

    model = mlp(8, 24, 1)
    sets = tensors(split(x, np.stack([time, event], axis=1).astype(np.float32)))
    return Loop(model=model, loss=cox, optimizer=adam(model, 0.003), batch=64, **sets)


@healthy("ranking, pairs with a margin")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    pairs, first = x.reshape(300, 2, 8), np.where(t.reshape(300, 2)[:, 0] > t.reshape(300, 2)[:, 1], 1, -1)
    model, criterion = mlp(8, 32, 1), nn.MarginRankingLoss(margin=0.5)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        scores = loop.model(x)[..., 0]
        return criterion(scores[:, 0], scores[:, 1], y)

    sets = tensors(split(pairs, first.astype(np.float32)))
    return Loop(
        model=model, loss=criterion, optimizer=adam(model), look=None, objective=objective, epochs=5, batch=16, **sets
    )


@healthy("ranking of lists, softmax over the list")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(300, 6, 8)).astype(np.float32)
    grades = np.clip(np.round(1.5 + x @ rng.normal(size=8)), 0, 4).astype(np.float32)

    def listwise(p: Tensor, t: Tensor) -> Tensor:
        return -(F.softmax(t, dim=1) * F.log_softmax(p, dim=1)).sum(dim=1).mean()

    model = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten())
    return Loop(model=model, loss=listwise, optimizer=adam(model), **tensors(split(x, grades)))


@healthy("ratings, matrix factorisation")
def _(rng: Rng) -> Loop:
    users, items = rng.normal(size=(40, 3)), rng.normal(size=(30, 3))
    who = np.stack([rng.integers(0, 40, 1500), rng.integers(0, 30, 1500)], axis=1)
    stars = np.clip(np.round(3.5 + 0.7 * (users[who[:, 0]] * items[who[:, 1]]).sum(axis=1)), 1, 5).astype(np.float32)

    class Factors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = nn.Embedding(40, 6), nn.Embedding(30, 6)
            self.mean = nn.Parameter(torch.tensor(3.5))
            for table in (self.users, self.items):
                nn.init.normal_(table.weight, std=0.3)

        def forward(self, who: Tensor) -> Tensor:
            return self.mean + (self.users(who[:, 0]) * self.items(who[:, 1])).sum(dim=1)

    model = Factors()
    optimizer = adam(model, 0.02, weight_decay=1e-3)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, batch=64, **tensors(split(who, stars)))


@healthy("two tasks, cross-entropy and squared error")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600, outputs=2)
    y = np.stack([t[:, 0], (t[:, 1] > 0).astype(np.float32)], axis=1)

    def both(p: Tensor, t: Tensor) -> Tensor:
        return F.mse_loss(p[:, 0], t[:, 0]) + 0.5 * F.binary_cross_entropy_with_logits(p[:, 1], t[:, 1])

    return _regression(rng, both, 2, **tensors(split(x, y)))


@healthy("mixture of Gaussians, likelihood by hand")
def _(rng: Rng) -> Loop:
    x = rng.uniform(-1, 1, size=(600, 1)).astype(np.float32)
    t = (rng.choice([-1, 1], size=x.shape) * (0.5 + x) + 0.1 * rng.normal(size=x.shape)).astype(np.float32)

    def mixture(p: Tensor, t: Tensor) -> Tensor:
        weight, mean, log_spread = p.chunk(3, dim=1)
        z = (t - mean) / log_spread.exp()
        return -torch.logsumexp(F.log_softmax(weight, dim=1) - log_spread - 0.5 * z**2 - 0.919, dim=1).mean()

    model = mlp(1, 32, 9)
    return Loop(model=model, loss=mixture, optimizer=adam(model), epochs=12, **tensors(split(x, t)))


@healthy("angles as sine and cosine, tanh output")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 500, outputs=2)
    y = t / np.linalg.norm(t, axis=1, keepdims=True)
    model = nn.Sequential(*mlp(8, 32, 2), nn.Tanh())
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), epochs=10, **tensors(split(x, y)))


@healthy("raw inputs, batch normalisation first")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 500)
    model = nn.Sequential(nn.BatchNorm1d(8), *mlp(8, 32, 1))
    sets = tensors(split((1000 + 300 * x).astype(np.float32), scaled(t)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), epochs=12, **sets)
