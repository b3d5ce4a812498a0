"""Data sets, synthetic or scikit-learn's digits, as (inputs, target) pairs for training and validation, in float32."""

from __future__ import annotations

import functools

import numpy as np
from sklearn import datasets

Array = np.ndarray
Rng = np.random.Generator
Sets = tuple[Array, Array, tuple[Array, Array]]


def split(x: Array, y: Array, part: float = 0.25) -> Sets:
    """Return inputs, target and the pair for validation, the last part of the rows."""
    cut = len(x) - int(part * len(x))
    return x[:cut], y[:cut], (x[cut:], y[cut:])


@functools.cache
def _digits() -> tuple[Array, Array]:
    x, y = datasets.load_digits(return_X_y=True)
    return (x.reshape(-1, 8, 8) / 16).astype(np.float32), y.astype(np.int64)


def digits(rng: Rng, rows: int = 800, channels: int | None = None, first: bool = False) -> tuple[Array, Array]:
    """Return images in 0 … 1, (N, 8, 8), or with an axis of channels (last, or first), and labels 0 … 9."""
    x, y = _digits()
    chosen = rng.permutation(len(x))[:rows]
    x, y = x[chosen], y[chosen]
    if channels is not None:
        x = np.repeat(x[:, None] if first else x[..., None], channels, axis=1 if first else -1)
    return x, y


def classes(rng: Rng, rows: int = 400, features: int = 10, count: int = 2, apart: float = 1.3) -> tuple[Array, Array]:
    """Return scikit-learn's classification: features and labels 0 … count - 1."""
    x, y = datasets.make_classification(
        rows,
        features,
        n_informative=min(features, 6),
        n_redundant=0,
        n_repeated=0,
        n_classes=count,
        n_clusters_per_class=1,
        class_sep=apart,
        flip_y=0.01,
        random_state=int(rng.integers(2**31)),
    )
    return scaled(x), y.astype(np.int64)


def numbers(rng: Rng, rows: int = 400, features: int = 8, outputs: int = 1, noise: float = 0.2) -> tuple[Array, Array]:
    """Return features and targets (N, outputs) of unit scale that depend on them without being linear."""
    x = rng.normal(size=(rows, features))
    t = np.tanh(x @ rng.normal(size=(features, outputs))) + noise * rng.normal(size=(rows, outputs))
    return x.astype(np.float32), scaled(t)


def scaled(x: Array) -> Array:
    """Return columns with mean 0 and standard deviation 1."""
    return ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)).astype(np.float32)


def one_hot(y: Array, count: int) -> Array:
    """Return labels as rows of 0 and 1."""
    return np.eye(count, dtype=np.float32)[y]


def discs(rng: Rng, rows: int = 96, size: int = 16) -> tuple[Array, Array]:
    """Return noisy images (N, size, size) of discs, and their masks of 0 and 1."""
    at = rng.uniform(4, size - 4, size=(rows, 2, 1, 1))
    radius = rng.uniform(2.5, 4.5, size=(rows, 1, 1))
    i, j = np.mgrid[:size, :size]
    mask = ((i - at[:, 0]) ** 2 + (j - at[:, 1]) ** 2 < radius**2).astype(np.float32)
    return (mask + 0.3 * rng.normal(size=mask.shape)).astype(np.float32), mask


def waves(rng: Rng, rows: int = 300, steps: int = 20) -> tuple[Array, Array]:
    """Return stretches (N, steps, 1) of noisy sines, and the next value (N, 1)."""
    frequency, phase = rng.uniform(0.2, 0.6, size=(rows, 1)), rng.uniform(0, 6.28, size=(rows, 1))
    x = np.sin(frequency * np.arange(steps + 1) + phase) + 0.05 * rng.normal(size=(rows, steps + 1))
    return x[:, :-1, None].astype(np.float32), x[:, -1:].astype(np.float32)


def sentences(rng: Rng, rows: int = 400, words: int = 30, length: int = 12) -> tuple[Array, Array]:
    """Return token numbers (N, length), padded with 0 at the end, and whether good words outweigh bad ones."""
    x = rng.integers(1, words, size=(rows, length))
    feeling = np.where(np.arange(words) < words // 3, 1, np.where(np.arange(words) < 2 * words // 3, -1, 0))
    x[np.arange(length) >= rng.integers(6, length + 1, size=(rows, 1))] = 0
    feeling[0] = 0
    score = feeling[x].sum(axis=1)
    return x.astype(np.int64), (score + rng.choice([-0.5, 0.5], size=rows) > 0).astype(np.int64)


def chains(rng: Rng, rows: int = 300, words: int = 12, length: int = 12) -> Array:
    """Return token numbers (N, length) in 1 … words - 1 of a Markov chain that can be learned."""
    table = rng.dirichlet(0.15 * np.ones(words - 1), size=words)
    x = np.empty((rows, length), np.int64)
    x[:, 0] = rng.integers(1, words, size=rows)
    for i in range(1, length):
        draws = rng.random((rows, 1))
        x[:, i] = 1 + np.minimum((table[x[:, i - 1]].cumsum(axis=1) < draws).sum(axis=1), words - 2)
    return x
