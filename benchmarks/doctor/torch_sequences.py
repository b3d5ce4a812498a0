"""Healthy PyTorch programs on sequences: tokens, series, games."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, chains, sentences, split, waves
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors
from .torch_models import Reader, Transformer, by_class

SHELF = Shelf()
healthy = SHELF.healthy


def _next_tokens(rng: Rng, padded: bool) -> dict:
    x = chains(rng, 400)
    y = np.concatenate([x[:, 1:], np.full((len(x), 1), -100)], axis=1)
    if padded:
        y[np.arange(y.shape[1]) >= rng.integers(5, 12, size=(len(x), 1))] = -100
    return tensors(split(x, y))


@healthy("N18 a transformer over sentences, attention inside")
def _(rng: Rng) -> Loop:
    model = Transformer(30, 2, 12, every=False)
    return Loop(
        model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.003), **tensors(split(*sentences(rng, 500)))
    )


@healthy("N20 label smoothing and ignored padding, language model")
def _(rng: Rng) -> Loop:
    model = Transformer(12, 12, 12, causal=True)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=-100)
    return Loop(
        model=model, loss=loss, optimizer=adam(model, 0.005), look=by_class, epochs=6, **_next_tokens(rng, True)
    )


@healthy("next tokens, a recurrent network")
def _(rng: Rng) -> Loop:
    model = Reader(12, 12, every=True)
    loss = nn.CrossEntropyLoss()
    return Loop(model=model, loss=loss, optimizer=adam(model), look=by_class, epochs=5, **_next_tokens(rng, False))


@healthy("masked tokens, a transformer that sees both sides")
def _(rng: Rng) -> Loop:
    x = chains(rng, 1000)
    hidden = rng.random(x.shape) < 0.2
    hidden[:, 3] = True
    model = Transformer(12, 12, 12)
    sets = tensors(split(np.where(hidden, 0, x), np.where(hidden, x, -100)))
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.005), look=by_class, **sets)


@healthy("sentences, a recurrent network")
def _(rng: Rng) -> Loop:
    model = Reader(30, 2)
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model), **tensors(split(*sentences(rng, 600))))


class Forecaster(nn.Module):
    """A recurrent layer over (N, T, 1) and a linear one."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.head = nn.LSTM(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.recurrent(x)[0][:, -1])


@healthy("forecast of a wave, LSTM and clipped gradients")
def _(rng: Rng) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
        loop.optimizer.step()
        return value

    model = Forecaster()
    return Loop(
        model=model, loss=nn.MSELoss(), optimizer=adam(model), step=step, epochs=6, **tensors(split(*waves(rng)))
    )


@healthy("forecast of a wave, convolutions over time")
def _(rng: Rng) -> Loop:
    x, y = waves(rng, 400)
    model = nn.Sequential(nn.Conv1d(1, 12, 5), nn.ReLU(), nn.Flatten(), nn.Linear(192, 1))
    return Loop(model=model, loss=nn.HuberLoss(), optimizer=adam(model), **tensors(split(x.transpose(0, 2, 1), y)))


@healthy("symbols of a stretched signal, CTC")
def _(rng: Rng) -> Loop:
    y = rng.integers(1, 5, size=(300, 4))
    x = np.repeat(np.eye(5)[y], 3, axis=1) + 0.2 * rng.normal(size=(300, 12, 5))
    criterion = nn.CTCLoss()

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        p = F.log_softmax(loop.model(x), dim=2).transpose(0, 1)
        return criterion(p, y, torch.full((len(x),), 12), torch.full((len(x),), 4))

    model = mlp(5, 24, 5)
    sets = tensors(split(x.astype(np.float32), y))
    return Loop(model=model, loss=criterion, optimizer=adam(model), look=None, objective=objective, **sets)


@healthy("values of states, targets from a slower network")
def _(rng: Rng) -> Loop:
    state = rng.normal(size=(600, 4)).astype(np.float32)
    reward = np.tanh(state.sum(axis=1, keepdims=True)).astype(np.float32)
    later = (0.9 * state + 0.1 * rng.normal(size=state.shape)).astype(np.float32)
    model, slow = mlp(4, 32, 1), mlp(4, 32, 1)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            target = y[:, :1] + 0.5 * slow(y[:, 1:])
        return model(x), target

    sets = tensors(split(state, np.concatenate([reward, later], axis=1)))
    loop = Loop(model=model, loss=nn.SmoothL1Loss(), optimizer=adam(model, 0.003), look=look, epochs=10, **sets)
    loop.after_epoch = lambda _epoch: slow.load_state_dict(model.state_dict())
    return loop


@healthy("policy gradient, a loss that may be negative")
def _(rng: Rng) -> Loop:
    state = rng.normal(size=(512, 4)).astype(np.float32)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        chances = torch.distributions.Categorical(logits=loop.model(x))
        action = chances.sample()
        reward = (action == y).float()
        return -(chances.log_prob(action) * (reward - reward.mean())).mean()

    model = mlp(4, 32, 3)
    best = np.argmax(state[:, :3], axis=1)
    train = (torch.from_numpy(state), torch.from_numpy(best))
    return Loop(model=model, loss=None, optimizer=adam(model), train=train, look=None, objective=objective)
