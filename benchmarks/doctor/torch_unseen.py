"""PyTorch programs that were kept aside until the first recorded run; later changes may have learned from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, chains, classes, digits, discs, numbers, sentences, split, waves
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors
from .torch_models import Reader, Transformer, Two, by_class, digit_loop

SHELF = Shelf()
faulty, healthy = SHELF.faulty, SHELF.healthy


@faulty("U01 softmax before CrossEntropyLoss", "OUT02")
def _(rng: Rng, fixed: bool) -> Loop:
    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10), *([] if fixed else [nn.Softmax(dim=1)]))
    return digit_loop(rng, model=model, optimizer=adam(model))


@faulty("U02 NLLLoss on logits", "OUT11")
def _(rng: Rng, fixed: bool) -> Loop:
    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return F.log_softmax(model(x), dim=1) if fixed else model(x), y

    return digit_loop(rng, loss=nn.NLLLoss(), look=look)


@faulty("U03 KLDivLoss on probabilities", "OUT11")
def _(rng: Rng, fixed: bool) -> Loop:
    x = rng.normal(size=(500, 8)).astype(np.float32)
    z = np.tanh(x @ rng.normal(size=(8, 4)))
    shares = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)).astype(np.float32)
    model = nn.Sequential(*mlp(8, 32, 4), nn.LogSoftmax(dim=1) if fixed else nn.Softmax(dim=1))
    loss = nn.KLDivLoss(reduction="batchmean")
    return Loop(model=model, loss=loss, optimizer=adam(model), **tensors(split(x, shares)))


@faulty("U04 BCEWithLogitsLoss on labels -1 and 1", "LAB04", "OUT15")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 600)
    y = y.astype(np.float32)[:, None]
    model = mlp(10, 24, 1)
    sets = tensors(split(x, y if fixed else 2 * y - 1))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), **sets)


@faulty("U05 labels count from 1", "LAB03")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 500, 10, count=4)
    model = mlp(10, 24, 4)
    sets = tensors(split(x, y if fixed else y + 1))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), **sets)


@faulty("U06 missing targets as NaN", "LAB06")
def _(rng: Rng, fixed: bool) -> Loop:
    x, t = numbers(rng, 600)
    missing = rng.random(len(t)) < 0.1
    missing[0] = True
    x, t = (x[~missing], t[~missing]) if fixed else (x, np.where(missing[:, None], np.nan, t).astype(np.float32))
    model = mlp(8, 32, 1)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), epochs=12, **tensors(split(x, t)))


@faulty("U07 a table that was sorted by class before the split", "DATA05", severity="warning")
def _(rng: Rng, fixed: bool) -> Loop:
    x, y = classes(rng, 600, 10, count=4)
    order = np.arange(len(y)) if fixed else np.argsort(y, kind="stable")
    model = mlp(10, 24, 4)
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), **tensors(split(x[order], y[order])))


@faulty("U08 steps far too long", "OPT03", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = mlp(8, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 if fixed else 3.0)
    sets = tensors(split(*numbers(rng, 500)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=12, **sets)


@faulty("U09 the optimiser has another model's parameters", "OPT11", "OPT04", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model, other = mlp(10, 24, 4), mlp(10, 24, 4)
    sets = tensors(split(*classes(rng, 600, 10, count=4)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model if fixed else other), **sets)


@faulty("U10 sentences learned by heart", "GEN01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Loop:
    model = Reader(30, 2, width=16 if fixed else 48)
    epochs, rows = (4, 700) if fixed else (20, 120)
    sets = tensors(split(*sentences(rng, rows), part=0.4))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.01), epochs=epochs, **sets)


@healthy("kept: a perceptron with layer normalisation and GELU")
def _(rng: Rng) -> Loop:
    inner = [nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 10)]
    model = nn.Sequential(nn.Flatten(), *inner)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.05)
    return digit_loop(rng, model=model, optimizer=optimizer)


@healthy("kept: noisy targets, absolute error")
def _(rng: Rng) -> Loop:
    model = mlp(8, 32, 1)
    sets = tensors(split(*numbers(rng, 600, noise=0.6)))
    return Loop(model=model, loss=nn.L1Loss(), optimizer=adam(model, 0.005), **sets)


@healthy("kept: waiting times, exponential likelihood by hand")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    times = rng.exponential(np.exp(0.8 * t)).astype(np.float32)

    def likelihood(p: Tensor, t: Tensor) -> Tensor:
        return (p + t * (-p).exp()).mean()

    model = mlp(8, 24, 1)
    return Loop(model=model, loss=likelihood, optimizer=adam(model, 0.003), **tensors(split(x, times)))


@healthy("kept: tags of words, mostly none")
def _(rng: Rng) -> Loop:
    x = rng.integers(1, 30, size=(400, 10))
    y = np.where(x > 22, x - 22, 0)
    model = Transformer(30, 8, 10)
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.005), look=by_class, epochs=6,
                **tensors(split(x, y)))  # fmt: skip


@healthy("kept: a perceptron on raw amounts behind a logarithm")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 600)
    amounts = np.exp(5 + 0.8 * t).astype(np.float32)
    model = mlp(8, 32, 1)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model(x), torch.log(y) - 5

    return Loop(
        model=model, loss=nn.MSELoss(), optimizer=adam(model), look=look, epochs=10, **tensors(split(x, amounts))
    )


@healthy("kept: anomaly scores, autoencoder with tanh on -1 to 1")
def _(rng: Rng) -> Loop:
    x, _ = digits(rng, 600)
    x = (2 * x.reshape(-1, 64) - 1).astype(np.float32)
    model = nn.Sequential(*mlp(64, 32, 10, 32, 64), nn.Tanh())
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.005), **tensors(split(x, x)))


@healthy("kept: preferences, Bradley and Terry")
def _(rng: Rng) -> Loop:
    x, t = numbers(rng, 800)
    pairs, won = x.reshape(400, 2, 8), (t.reshape(400, 2)[:, 0] > t.reshape(400, 2)[:, 1]).astype(np.float32)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        scores = model(x)[..., 0]
        return scores[:, 0] - scores[:, 1], y

    model = mlp(8, 24, 1)
    sets = tensors(split(pairs, won))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), look=look, epochs=6, **sets)


@healthy("kept: masks of discs, Lovász-like soft Jaccard")
def _(rng: Rng) -> Loop:
    x, mask = discs(rng, 120)

    def jaccard(p: Tensor, t: Tensor) -> Tensor:
        q = torch.sigmoid(p)
        both = (q * t).sum(dim=(1, 2, 3))
        return (1 - (both + 1) / (q.sum(dim=(1, 2, 3)) + t.sum(dim=(1, 2, 3)) - both + 1)).mean()

    model = nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 1, 5, padding=2))
    return Loop(model=model, loss=jaccard, optimizer=adam(model), batch=12, **tensors(split(x[:, None], mask[:, None])))


@healthy("kept: actor and critic")
def _(rng: Rng) -> Loop:
    state = rng.normal(size=(512, 4)).astype(np.float32)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        logits, value = loop.model(x).split([3, 1], dim=1)
        chances = torch.distributions.Categorical(logits=logits)
        action = chances.sample()
        reward = (action == y).float()
        advantage = reward - value[:, 0]
        policy = -(chances.log_prob(action) * advantage.detach()).mean()
        return policy + 0.5 * (advantage**2).mean() - 0.01 * chances.entropy().mean()

    model = Two(mlp(4, 32, 16), nn.Linear(16, 4))
    best = np.argmax(state[:, :3], axis=1)
    train = (torch.from_numpy(state), torch.from_numpy(best))
    return Loop(model=model, loss=None, optimizer=adam(model), train=train, look=None, objective=objective)


@healthy("kept: forecast of three quantiles of a wave")
def _(rng: Rng) -> Loop:
    x, y = waves(rng, 400)
    levels = torch.tensor([0.1, 0.5, 0.9])

    def pinball(p: Tensor, t: Tensor) -> Tensor:
        return torch.maximum(levels * (t - p), (levels - 1) * (t - p)).mean()

    model = nn.Sequential(nn.Flatten(), *mlp(20, 32, 3))
    return Loop(model=model, loss=pinball, optimizer=adam(model), **tensors(split(x, y)))


@healthy("kept: next tokens, all rows of one length, tied weights")
def _(rng: Rng) -> Loop:
    x = chains(rng, 400)

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.recurrent = nn.Embedding(12, 24), nn.GRU(24, 24, batch_first=True)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.recurrent(self.embedding(tokens))[0] @ self.embedding.weight.T

    model = Tied()
    sets = tensors(split(x[:, :-1], x[:, 1:]))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), look=by_class, epochs=5, **sets)
