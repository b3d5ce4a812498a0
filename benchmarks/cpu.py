"""Softmax cross-entropy with integer labels on the CPU: value and gradient, as a user calls it, allocation included.

Contenders take turns, so that a change of the machine's speed hits all alike; a ratio is the median of the pairs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

import lossmith as lm
from lossmith.arrays import load

from .shapes import ROWS_AND_CLASSES

REPEATS = 15


def contenders(rows: int, classes: int) -> dict[str, Callable[[], object]]:
    """Return the ways to compute value and gradient in float32 of one batch; absent frameworks are left out."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    labels = rng.integers(0, classes, rows)
    loss = lm.SoftmaxCrossEntropy()
    found = {"lossmith": lambda: loss.value_and_gradient(logits, labels), "numpy formula": _formula(logits, labels)}
    found |= _torch(logits, labels)
    found |= _jax(logits, labels)
    return found


def _formula(logits: np.ndarray, labels: np.ndarray) -> Callable[[], object]:
    definition, xp = lm.get("softmax_cross_entropy").definition, load("numpy")

    def run() -> object:
        value = definition.value(xp, logits, labels, **definition.defaults).mean()
        return value, definition.gradient(xp, logits, labels, **definition.defaults) / len(labels)

    return run


def _torch(logits: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], object]]:
    try:
        import torch
    except ImportError:
        return {}
    x, y = torch.from_numpy(logits).requires_grad_(True), torch.from_numpy(labels)

    def run() -> object:
        x.grad = None
        torch.nn.functional.cross_entropy(x, y).backward()
        return x.grad

    return {"torch eager": run}


def _jax(logits: np.ndarray, labels: np.ndarray) -> dict[str, Callable[[], object]]:
    try:
        import jax
        import optax
    except ImportError:
        return {}
    x, y = jax.numpy.asarray(logits), jax.numpy.asarray(labels)

    def mean(z: object) -> object:
        return optax.losses.softmax_cross_entropy_with_integer_labels(z, y).mean()

    step = jax.jit(jax.value_and_grad(mean))
    return {"jax jit (optax)": lambda: jax.block_until_ready(step(x))}


def measure() -> list[dict[str, object]]:
    """Return one row per contender and size: median milliseconds, and how many times ours is faster."""
    results = []
    for rows, classes in ROWS_AND_CLASSES:
        runs = contenders(rows, classes)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for repeat in range(REPEATS + 2):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                if repeat >= 2:  # the first two warm up
                    times[name].append(1e3 * (time.perf_counter() - start))
        for name, taken in times.items():
            ratio = median(theirs / ours for theirs, ours in zip(taken, times["lossmith"], strict=True))
            results.append(
                {
                    "work": "softmax cross-entropy, value and gradient, float32",
                    "shape": f"{rows}x{classes}",
                    "contender": name,
                    "median_ms": round(median(taken), 3),
                    "times_ours": round(ratio, 2),
                }
            )
    return results
