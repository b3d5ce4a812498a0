"""The constant prediction that scores best under a loss: the yardstick that every value is held against.

Each function takes the target and one weight per row in NumPy, and the loss's parameters by keyword (most do not care);
it returns the prediction for one row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import load


def mean(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Weighted mean over the rows: best for squared error and for the likelihoods with the mean as parameter."""
    # Rounding must not carry it beyond the values: a label that every weighted row has is no more than 1.
    return np.clip(np.average(target, axis=0, weights=weight), target.min(axis=0), target.max(axis=0))


def median(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Weighted median over the rows: best for absolute error."""
    return _median_columns(target, np.broadcast_to(_columns(weight, target), target.shape))


def relative_median(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Median weighted by ``weight / |target|``: best for the absolute percentage error."""
    return _median_columns(target, _columns(weight, target) / np.maximum(np.abs(target), 1e-300))


def quantile(target: np.ndarray, weight: np.ndarray, *, level: float = 0.5, **parameters: Any) -> np.ndarray:
    """Weighted quantile over the rows, the lowest where several are as good: best for the quantile loss."""
    return _quantile_columns(target, np.broadcast_to(_columns(weight, target), target.shape), level)


def geometric_mean(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Normalised geometric mean of distributions: best for the reverse Kullback-Leibler divergence.

    Logarithms stop at -100, as those of the loss do.
    """
    with np.errstate(divide="ignore"):
        logs = mean(np.maximum(np.log(target), -100.0), weight)
    return load("numpy").softmax(logs)


def log_mean(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """``expm1`` of the mean of ``log1p``: best for the squared logarithmic error."""
    return np.expm1(mean(np.log1p(target), weight))


def log_of_mean(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Logarithm of the mean: best for a log-rate."""
    with np.errstate(divide="ignore"):
        return np.log(mean(target, weight))


def logit_of_mean(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """Log-odds of the mean: best for a binary logit."""
    m = mean(target, weight)
    with np.errstate(divide="ignore"):
        return np.log(m) - np.log1p(-m)


def majority_sign(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
    """The more frequent sign: best for the hinge losses' margin of one."""
    return np.where(mean(target, weight) >= 0, 1.0, -1.0)


def convex(gradient: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Return the search for losses without a closed form: bisection on the sum of a convex loss's gradient."""

    def best(target: np.ndarray, weight: np.ndarray, **parameters: Any) -> np.ndarray:
        low, high = target.min(axis=0), target.max(axis=0)
        columns = _columns(weight, target)
        for _ in range(100):
            middle = (low + high) / 2
            before = low, high
            rising = (
                np.sum(columns * gradient(load("numpy"), middle[None] + 0 * target, target, **parameters), axis=0) > 0
            )
            low, high = np.where(rising, low, middle), np.where(rising, middle, high)
            if np.array_equal(low, before[0]) and np.array_equal(high, before[1]):
                break  # neighbouring numbers: half of what is between them is one of the two
        return (low + high) / 2

    return best


def _columns(weight: np.ndarray, target: np.ndarray) -> np.ndarray:
    return weight.reshape(weight.shape + (1,) * (target.ndim - weight.ndim))


def _median_columns(target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return _quantile_columns(target, weight, 0.5)


def _quantile_columns(target: np.ndarray, weight: np.ndarray, level: float) -> np.ndarray:
    order = np.argsort(target, axis=0, kind="stable")
    heap = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    at = np.argmax(heap >= level * heap[-1:], axis=0, keepdims=True)
    return np.take_along_axis(target, np.take_along_axis(order, at, axis=0), axis=0)[0]
