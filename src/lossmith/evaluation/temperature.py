"""The temperature that mends over- or under-confidence: logits / T, T of least cross-entropy (Guo et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core import call
from ..losses import find
from .inputs import Inputs

ROWS = 100_000  # looked at, evenly spread; one parameter needs no more
_SPAN = (math.log(0.05), math.log(20.0))  # of log T
_STEPS = 40
_RATIO = 0.6180339887498949  # of the golden section


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """A temperature and what it gives.

    Attributes:
        value: Above 1 where the predictions are too sure.
        before: The mean cross-entropy as it is.
        after: That with the temperature.
        certain: Whether a likelihood-ratio test tells it from 1 (p < 0.001).
    """

    value: float
    before: float
    after: float
    certain: bool


def fit(inputs: Inputs) -> Temperature | None:
    """Return the best temperature; None for hard labels, other tasks and where the loss is infinite.

    >>> from lossmith.evaluation.inputs import prepare
    >>> z = np.repeat([2.0, -2.0], 100)
    >>> y = np.r_[np.ones(75, int), np.zeros(25, int), np.zeros(75, int), np.ones(25, int)]
    >>> round(fit(prepare(z, y, task="binary", form="logits")).value, 2)  # 2 / log(3)
    1.82
    """
    if inputs.task not in ("binary", "multiclass") or inputs.form == "labels":
        return None
    rows = np.linspace(0, inputs.rows - 1, min(inputs.rows, ROWS)).astype(np.int64)
    logits, target = _logits(inputs, rows), inputs.target[rows]
    weight = None if inputs.weight is None else inputs.weight[rows]
    if not np.isfinite(logits).all() or (weight is not None and not weight.sum()):
        return None
    loss = find("sigmoid_cross_entropy" if inputs.task == "binary" else "softmax_cross_entropy")

    def mean(log_t: float) -> float:
        return float(call(loss, logits / math.exp(log_t), target, parameters=loss.defaults, weight=weight))

    best = _least(mean)
    before, after = mean(0.0), mean(best)
    if not math.isfinite(before):
        return None
    gain = 2 * inputs.rows * (before - after)  # chi-squared with one degree of freedom
    return Temperature(value=math.exp(best), before=before, after=after, certain=weight is None and gain > 10.83)


def _logits(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    p = inputs.prediction[rows]
    if inputs.form == "logits":
        return p
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log1p(-p) if inputs.task == "binary" else np.log(p)


def _least(f: Callable[[float], float]) -> float:
    """Return where a function with one valley is least, by the golden section; the loss is convex in 1 / T."""
    low, high = _SPAN
    left, right = high - _RATIO * (high - low), low + _RATIO * (high - low)
    at_left, at_right = f(left), f(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _RATIO * (high - low)
            at_left = f(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _RATIO * (high - low)
            at_right = f(right)
    return (low + high) / 2
