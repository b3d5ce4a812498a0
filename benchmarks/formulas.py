"""The losses as one writes them by hand, in what PyTorch, JAX and TensorFlow have in common.

A formula is what a user of the framework would take from a paper or a forum: with the framework's own cross-entropy
where there is one, and without an array that is larger than (N, N). All give the numbers that lossmith gives, and
`cpu.measure` looks whether they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .work import Work

Loss = Callable[[Any, Any], Any]


class Functions(NamedTuple):
    """What has another name, or another order of arguments, in each framework. Rows are (N, C)."""

    mean: Callable[..., Any]
    where: Callable[..., Any]
    abs: Callable[..., Any]
    exp: Callable[..., Any]
    sqrt: Callable[..., Any]
    softplus: Callable[..., Any]
    relu: Callable[..., Any]
    sum: Callable[..., Any]  # of each row, as max and min
    max: Callable[..., Any]
    min: Callable[..., Any]
    turned: Callable[..., Any]  # the transpose
    log_softmax: Callable[..., Any]
    unit: Callable[..., Any]  # rows divided by their length
    cross_entropy: Callable[..., Any]  # of each row of logits with its label
    constant: Callable[..., Any]  # of a NumPy array
    number: Callable[..., Any]  # booleans as float32


def written(work: Work, xp: Functions) -> Loss:
    """Return the mean loss of ``work`` as a function of prediction and target."""
    return {
        "squared_error": lambda x, y: xp.mean((x - y) ** 2),
        "huber": lambda x, y: xp.mean(xp.where(xp.abs(x - y) < 1, 0.5 * (x - y) ** 2, xp.abs(x - y) - 0.5)),
        "log_cosh": lambda x, y: xp.mean(x - y + xp.softplus(-2 * (x - y)) - 0.6931471805599453),
        "sigmoid_cross_entropy": lambda x, y: xp.mean(xp.softplus(x) - x * y),
        "softmax_cross_entropy": lambda x, y: _softmax(work, xp, x, y),
        "softmax_focal": lambda x, y: _focal(xp, x, y),
        "distillation_kl": lambda x, y: _kl(xp, x, y),
        "info_nce": lambda x, y: xp.mean(_own_columns(xp, xp.unit(x) @ xp.turned(xp.unit(y)) / 0.07)),
        "clip": lambda x, y: _clip(xp, x, y),
        "nt_xent": lambda x, _: _nt_xent(xp, x),
        "supervised_contrastive": lambda x, y: _supervised(xp, x, y),
        "triplet_hard": lambda x, y: _triplets(xp, x, y),
    }[work.name]


def _softmax(work: Work, xp: Functions, x: Any, y: Any) -> Any:
    return xp.mean(xp.cross_entropy(x, y) if work.target == "labels" else -xp.sum(y * xp.log_softmax(x)))


def _focal(xp: Functions, x: Any, y: Any) -> Any:
    surprise = xp.cross_entropy(x, y)
    return xp.mean((1 - xp.exp(-surprise)) ** 2 * surprise)


def _kl(xp: Functions, x: Any, y: Any) -> Any:
    theirs = xp.log_softmax(y)
    return xp.mean(xp.sum(xp.exp(theirs) * (theirs - xp.log_softmax(x))))


def _own_columns(xp: Functions, logits: Any) -> Any:
    return xp.cross_entropy(logits, xp.constant(np.arange(logits.shape[0])))


def _clip(xp: Functions, x: Any, y: Any) -> Any:
    logits = xp.unit(x) @ xp.turned(xp.unit(y)) / 0.07
    return xp.mean(_own_columns(xp, logits) + _own_columns(xp, xp.turned(logits))) / 2


def _alike(xp: Functions, x: Any, temperature: float) -> Any:
    """Similarities of the rows, -inf on the diagonal."""
    u = xp.unit(x)
    return xp.where(xp.constant(np.eye(x.shape[0], dtype=bool)), -np.inf, u @ xp.turned(u) / temperature)


def _nt_xent(xp: Functions, x: Any) -> Any:
    rows = x.shape[0]  # the other view of a sample is half a batch away
    return xp.mean(xp.cross_entropy(_alike(xp, x, 0.07), xp.constant((np.arange(rows) + rows // 2) % rows)))


def _pairs(xp: Functions, y: Any) -> Any:
    """Whether two rows are of one group, and not the same."""
    return (y[:, None] == y[None, :]) & xp.constant(~np.eye(y.shape[0], dtype=bool))


def _supervised(xp: Functions, x: Any, y: Any) -> Any:
    log_p, positives = xp.log_softmax(_alike(xp, x, 0.1)), _pairs(xp, y)
    return -xp.mean(xp.sum(xp.where(positives, log_p, 0.0)) / xp.sum(xp.number(positives)))


def _triplets(xp: Functions, x: Any, y: Any) -> Any:
    squares = xp.sum(x * x)
    squared = squares[:, None] + squares[None, :] - 2 * x @ xp.turned(x)
    away = xp.sqrt(xp.where(squared > 1e-12, squared, 1e-12))
    farthest = xp.max(xp.where(_pairs(xp, y), away, -np.inf))
    nearest = xp.min(xp.where(y[:, None] == y[None, :], np.inf, away))
    return xp.mean(xp.relu(1 + farthest - nearest))
