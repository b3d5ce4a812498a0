"""What every loss is, a second time: the textbook formula in 50-digit arithmetic, and its derivative as a difference.

Written from the mathematics, one number or one row at a time, without a look at ``lossmith.losses``: no stable forms,
no array operations, no closed-form gradients. At 50 digits the naive form is exact and a central difference is right to
1e-20, so these judge float64 without mercy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

from losses import textbook

DIGITS, STEP = 60, mpf(10) ** -20


def squared_error(p, t):
    return (p - t) ** 2


def absolute_error(p, t):
    return abs(p - t)


def huber(p, t, delta):
    error = abs(p - t)
    return error**2 / 2 if error <= delta else delta * (error - delta / 2)


def log_cosh(p, t):
    return mp.log(mp.cosh(p - t))


def squared_logarithmic_error(p, t):
    return (mp.log(1 + p) - mp.log(1 + t)) ** 2


def absolute_percentage_error(p, t, epsilon):
    return 100 * abs(p - t) / max(abs(t), epsilon)


def _stirling(t):
    return t * mp.log(t) - t + mp.log(2 * mp.pi * t) / 2 if t > 1 else mpf(0)


def poisson(p, t, epsilon, full):
    return p - (t * mp.log(p + epsilon) if t else 0) + (_stirling(t) if full else 0)


def poisson_log_rate(p, t, full):
    return poisson(mp.exp(p), t, 0, full)


def _log(p):
    return max(mp.log(p), mpf(-100)) if p > 0 else mpf(-100)


def _smoothed(t, label_smoothing, classes):
    return (1 - label_smoothing) * t + label_smoothing / classes


def binary_cross_entropy(p, t, pos_weight, label_smoothing, epsilon):
    t, p = _smoothed(t, label_smoothing, 2), min(max(p, epsilon), 1 - epsilon)
    return -pos_weight * t * _log(p) - (1 - t) * _log(1 - p)


def sigmoid_cross_entropy(p, t, pos_weight, label_smoothing):
    t = _smoothed(t, label_smoothing, 2)
    yes = 1 / (1 + mp.exp(-p))
    return -pos_weight * t * mp.log(yes) - (1 - t) * mp.log(1 - yes)


def hinge(p, t):
    return max(mpf(0), 1 - t * p)


def squared_hinge(p, t):
    return max(mpf(0), 1 - t * p) ** 2


def _cross_entropy(log_p, t, label_smoothing, class_weight):
    q = [_smoothed(x, label_smoothing, len(t)) for x in t]
    w = [mpf(1)] * len(t) if class_weight is None else [mpf(float(x)) for x in class_weight]
    return -sum(a * b * c for a, b, c in zip(w, q, log_p, strict=True) if a * b)


def softmax_cross_entropy(p, t, label_smoothing, class_weight, z_loss):
    norm = sum(mp.exp(x) for x in p)
    surprise = _cross_entropy([mp.log(mp.exp(x) / norm) for x in p], t, label_smoothing, class_weight)
    return surprise + z_loss * mp.log(norm) ** 2


def categorical_cross_entropy(p, t, label_smoothing, class_weight, epsilon):
    return _cross_entropy([_log(min(max(x, epsilon), 1 - epsilon)) for x in p], t, label_smoothing, class_weight)


def categorical_hinge(p, t, rivals_from_zero):
    true = t.index(1)
    rivals = [x for i, x in enumerate(p) if i != true] + ([mpf(0)] if rivals_from_zero else [])
    return max(mpf(0), 1 + max(rivals) - p[true])


def kl_divergence(p, t):
    return sum(b * mp.log(b / a) for a, b in zip(p, t, strict=True) if b)


def kl_divergence_log_probabilities(p, t):
    return sum(b * (mp.log(b) - a) for a, b in zip(p, t, strict=True) if b)


def cosine_similarity(p, t):
    dot = sum(a * b for a, b in zip(p, t, strict=True))
    return -dot / mp.sqrt(sum(a * a for a in p) * sum(b * b for b in t))


ELEMENT = (
    squared_error,
    absolute_error,
    huber,
    log_cosh,
    squared_logarithmic_error,
    absolute_percentage_error,
    poisson,
    poisson_log_rate,
    binary_cross_entropy,
    sigmoid_cross_entropy,
    hinge,
    squared_hinge,
)
ROW = (
    softmax_cross_entropy,
    categorical_cross_entropy,
    categorical_hinge,
    kl_divergence,
    kl_divergence_log_probabilities,
    cosine_similarity,
)
ORACLES: dict[str, Callable[..., Any]] = {f.__name__: f for f in (*ELEMENT, *ROW, *textbook.ELEMENT, *textbook.ROW)}
ROW_LOSSES = tuple(f.__name__ for f in (*ROW, *textbook.ROW))


class Expected(NamedTuple):
    """What a loss must give: per value, unreduced."""

    values: np.ndarray
    gradient: np.ndarray  # of the sum of the values, in the prediction's shape
    curvature: np.ndarray  # second derivative along each coordinate
    counts: np.ndarray  # what each value counts in the mean


def expected(name: str, prediction: Any, target: Any, axis: int = -1, extras: Any = (), **parameters: Any) -> Expected:
    """Return the exact values, gradient, curvature and counts in float64; the loss of row type if it consumes an axis.

    ``extras`` are further arrays, each of the prediction's shape or (for a row loss) one number per row; the oracle
    gets them after prediction and target.
    """
    prediction, target = np.asarray(prediction, np.float64), np.asarray(target)
    weight = parameters.pop("class_weight", None)
    if name in WEIGHTED:
        parameters["class_weight"] = None if weight is None else tuple(map(float, weight))
    rowwise = name in ROW_LOSSES
    if rowwise:
        if target.ndim == prediction.ndim:
            target = np.moveaxis(target, axis, -1)
        elif target.dtype.kind != "f":
            target = np.eye(prediction.shape[axis])[target]
        prediction = np.moveaxis(prediction, axis, -1)
    parameters = {
        k: tuple(map(float, v)) if isinstance(v, np.ndarray | list | tuple) else v for k, v in parameters.items()
    }
    arrays = tuple(_frozen(x) for x in (prediction, target, *extras))
    values, gradient, curvature = _exact(name, rowwise, arrays, tuple(sorted(parameters.items())))
    even = weight is None or name in textbook.PER_ROW
    counts = np.ones_like(values) if even else target @ np.asarray(weight, np.float64)
    if rowwise:
        gradient, curvature = np.moveaxis(gradient, -1, axis), np.moveaxis(curvature, -1, axis)
    return Expected(values, gradient, curvature, counts)


WEIGHTED = ("softmax_cross_entropy", "categorical_cross_entropy", *textbook.WEIGHTED)


def _frozen(x: Any) -> tuple[bytes, tuple[int, ...]]:
    x = np.asarray(x, np.float64)
    return x.tobytes(), x.shape


@cache
def _exact(name: str, rowwise: bool, arrays: tuple, parameters: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    prediction, *others = (np.frombuffer(raw, np.float64).reshape(shape) for raw, shape in arrays)
    shape = prediction.shape
    with mp.workdps(DIGITS):
        settings = {k: mpf(v) if isinstance(v, float) else v for k, v in parameters}
        groups = prediction.reshape(-1, shape[-1] if rowwise else 1)
        split = [x.reshape(len(groups), -1) for x in others]
        results = [
            _derivatives(ORACLES[name], p, rest, rowwise, settings) for p, *rest in zip(groups, *split, strict=True)
        ]
    values, gradient, curvature = (np.array([[float(x) for x in r[i]] for r in results]) for i in range(3))
    return values.reshape(shape[:-1] if rowwise else shape), gradient.reshape(shape), curvature.reshape(shape)


def _derivatives(f: Callable[..., Any], p: np.ndarray, others: list, rowwise: bool, settings: dict) -> tuple:
    """Value, first and second central differences of one number (or one row) along each coordinate."""
    p = [mpf(float(x)) for x in p]
    rest = [[mpf(float(x)) for x in other] for other in others]
    rest = [x if rowwise and len(x) == len(p) and len(p) > 1 else x[0] for x in rest]

    def at(i: int, step: Any) -> Any:
        moved = [x + step if i == j else x for j, x in enumerate(p)]
        return f(moved if rowwise else moved[0], *rest, **settings)

    middle = at(0, 0)
    sides = [(at(i, -STEP), at(i, STEP)) for i in range(len(p))]
    first = [(high - low) / (2 * STEP) for low, high in sides]
    second = [(high - 2 * middle + low) / STEP**2 for low, high in sides]
    return [middle], first, second
