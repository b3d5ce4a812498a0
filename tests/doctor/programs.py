"""Small programs as arrays: data, random networks, a short training; what the doctor's cases are made of.

Everything is NumPy and drawn from the generator that is handed in, so that a case is the same in every run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import lossmith as lm

Array = np.ndarray
Call = dict[str, Any]  # the arguments of ``check``
Rng = np.random.Generator


def softmax(z: Array, axis: int = -1) -> Array:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(z: Array) -> Array:
    return np.log(softmax(z))


def sigmoid(z: Array) -> Array:
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def blobs(rng: Rng, rows: int = 128, classes: int = 5, features: int = 10, apart: float = 1.5) -> tuple[Array, Array]:
    """Return standardised inputs and class indices, every class there."""
    y = rng.permutation(np.arange(rows) % classes)
    centres = rng.normal(size=(classes, features)) * apart
    x = centres[y] + rng.normal(size=(rows, features))
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def numbers(rng: Rng, rows: int = 128, features: int = 10, outputs: int = 1, noise: float = 0.3) -> tuple[Array, Array]:
    """Return standardised inputs and targets (N, outputs) of unit scale that depend on them."""
    x = rng.normal(size=(rows, features))
    t = np.tanh(x @ rng.normal(size=(features, outputs))) + noise * rng.normal(size=(rows, outputs))
    return x, (t - t.mean(axis=0)) / t.std(axis=0)


class Network:
    """A perceptron with ReLU layers, started as torch or Keras do, trained by Adam on a loss of lossmith."""

    def __init__(self, rng: Rng, features: int, outputs: int, hidden: int = 32, layers: int = 1, init: str = "torch"):
        sizes = [features, *[hidden] * layers, outputs]
        self.parts = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            bound = {"torch": fan_in**-0.5, "keras": (6 / (fan_in + fan_out)) ** 0.5, "he": (6 / fan_in) ** 0.5}[init]
            w = rng.uniform(-bound, bound, size=(fan_in, fan_out))
            b = rng.uniform(-bound, bound, size=fan_out) if init == "torch" else np.zeros(fan_out)
            self.parts.append([w, b])

    def __call__(self, x: Array) -> Array:
        return self.forward(x)[-1]

    def forward(self, x: Array) -> list[Array]:
        found = [x]
        for i, (w, b) in enumerate(self.parts):
            z = found[-1] @ w + b
            found.append(z if i == len(self.parts) - 1 else relu(z))
        return found

    def train(self, loss: str, x: Array, t: Array, steps: int = 25, rate: float = 0.05, **settings: Any) -> Network:
        objective = lm.get(loss, **settings)
        moments = [[np.zeros_like(p), np.zeros_like(p)] for part in self.parts for p in part]
        for step in range(1, steps + 1):
            found = self.forward(x)
            _, g = objective.value_and_gradient(found[-1], t)
            gradients: list[Array] = []
            for i in reversed(range(len(self.parts))):
                w, _ = self.parts[i]
                gradients = [found[i].T @ g, g.sum(axis=0), *gradients]
                g = (g @ w.T) * (found[i] > 0) if i else g
            flat = [p for part in self.parts for p in part]
            for p, d, m in zip(flat, gradients, moments, strict=True):
                m[0] = 0.9 * m[0] + 0.1 * d
                m[1] = 0.999 * m[1] + 0.001 * d * d
                p -= rate * (m[0] / (1 - 0.9**step)) / (np.sqrt(m[1] / (1 - 0.999**step)) + 1e-8)
        return self


def logits(rng: Rng, x: Array, y: Array, classes: int, trained: bool, steps: int = 25) -> Array:
    """Return what a classifier answers, (N, classes), fresh or after training."""
    net = Network(rng, x.shape[1], classes, init=rng.choice(["torch", "keras", "he"]), layers=int(rng.integers(1, 4)))
    return (net.train("softmax_cross_entropy", x, y, steps) if trained else net)(x)


def scores(rng: Rng, x: Array, t: Array, trained: bool, steps: int = 25) -> Array:
    """Return what a binary or multi-label classifier answers, in the shape of ``t``."""
    t2 = t.reshape(len(t), -1).astype(float)
    net = Network(rng, x.shape[1], t2.shape[1], init=rng.choice(["torch", "keras", "he"]))
    return (net.train("sigmoid_cross_entropy", x, t2, steps) if trained else net)(x).reshape(t.shape)


def values(rng: Rng, x: Array, t: Array, trained: bool, steps: int = 25) -> Array:
    """Return what a regression answers, in the shape of ``t``."""
    t2 = t.reshape(len(t), -1)
    net = Network(rng, x.shape[1], t2.shape[1], init=rng.choice(["torch", "keras", "he"]))
    return (net.train("squared_error", x, t2, steps) if trained else net)(x).reshape(t.shape)


Make = Callable[[Rng, bool], Call]
