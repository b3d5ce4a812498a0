"""Which loss a function of one's own is, told by its value: the value of a known loss on the same numbers.

Formulas written by hand, and functions that call a loss of their framework, are recognised if they give, on one batch
of eight or more numbers, what a common loss gives, to four digits: as the mean or sum over everything or over samples,
half of it, its root, or minus it. What else they are (a weighting, a penalty, a mask) stays unknown, and so do they.
There are hundreds of such values, and one number may agree with one of them by chance: whoever asks has to ask again,
of other rows, or for as many digits as single precision has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays import load
from ..losses import Loss, find
from .loss import LossFacts, matched

_ENOUGH = 8  # numbers
_DIGITS = 1e-4
SINGLE = 5e-6  # as far as sums in single precision agree
_MOST = 1 << 20  # numbers that are looked at
_ELEMENTS = (
    *("squared_error", "absolute_error", "binary_cross_entropy", "sigmoid_cross_entropy", "huber", "log_cosh"),
    *("squared_logarithmic_error", "absolute_percentage_error", "poisson", "poisson_log_rate", "hinge"),
    "squared_hinge",
)
_ROWS = ("softmax_cross_entropy", "categorical_cross_entropy", "negative_log_likelihood")
_OFFSETS = (0.0, 1.0, -1.0)  # 1 - cos is a distance; 1 + cos, and cos, are minus one
_DIVERGENCES = ("kl_divergence_log_probabilities", "kl_divergence")
_ONE_WAY = ("absolute_percentage_error", "binary_cross_entropy", "categorical_cross_entropy", "poisson")
_PROBABILITIES = ("binary_cross_entropy", "categorical_cross_entropy", "kl_divergence")
_FLOORS = (1e-7, 1e-12, 1e-8, 1e-6, 1e-10, 1e-5)  # that keep logarithms of probabilities finite


def alike(
    value: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    shown: str,
    framework: str,
    digits: float = _DIGITS,
    least: int = _ENOUGH,
) -> LossFacts | None:
    """Return what is known of the loss that gave ``value``, or None where it is none of the common ones.

    Args:
        value: What it returned: one number, one for each sample, or one for each element.
        prediction: What it got.
        target: The same.
        shown: How it is written.
        framework: "torch" or "keras", whose axis of classes and reduction it shares.
        digits: To how much of itself the value has to agree.
        least: Numbers in a prediction, for a value to say anything.
    """
    return _found(value, prediction, target, shown, framework, _candidates, digits, least)


def alike_backwards(
    value: np.ndarray, prediction: np.ndarray, target: np.ndarray, shown: str, framework: str
) -> LossFacts | None:
    """Return what is known of the loss that gave ``value``, with prediction and target in each other's place.

    Only losses that nobody means so are looked for: a divergence may well be asked for the other way round.
    """
    return _found(value, target, prediction, shown, framework, _asymmetric)


_Candidate = tuple[Loss, dict[str, Any], np.ndarray]


def _found(
    value: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    shown: str,
    framework: str,
    candidates: Callable[[np.ndarray, np.ndarray, str], Iterator[_Candidate]],
    digits: float = _DIGITS,
    least: int = _ENOUGH,
) -> LossFacts | None:
    p, t = np.asarray(prediction), np.asarray(target)
    if not least <= p.size <= _MOST or p.dtype.kind not in "biuf" or t.dtype.kind not in "biuf":
        return None
    v, p = np.asarray(value, np.float64), p.astype(np.float64)
    if not np.isfinite(v).all() or not v.any() or not np.isfinite(p).all():
        return None
    with np.errstate(all="ignore"):
        for loss, settings, values in candidates(p, t, framework):
            sign = _sign(v, values, p.shape, digits) if np.isfinite(values).all() else 0
            if sign:
                return matched(framework, shown, loss, settings, negated=sign < 0)
    return None


def _candidates(p: np.ndarray, t: np.ndarray, framework: str) -> Iterator[_Candidate]:
    """Yield losses with their values by element or row, samples first."""
    if p.size == t.size and (p.shape == t.shape or p.squeeze().shape == t.squeeze().shape):
        same = t.reshape(p.shape).astype(np.float64)
        for name in _ELEMENTS:
            yield from ((find(name), {}, values) for values in _values(find(name), p, same))
    if p.ndim < 2:
        return
    if p.shape == t.shape and p.shape[-1] > 1 and p.size >= _ENOUGH * p.shape[-1]:
        cosine = find("cosine_similarity")
        values = cosine.value(load("numpy"), p, t.astype(np.float64))
        yield from ((cosine, {}, values + offset) for offset in _OFFSETS)
    for axis in dict.fromkeys((1, p.ndim - 1) if framework == "torch" else (p.ndim - 1,)):
        rows = np.moveaxis(p, axis, -1)
        labels = _labels(rows, t, axis)
        settings = {} if axis == (1 if framework == "torch" else p.ndim - 1) else {"axis": axis - p.ndim}
        if labels is None:
            continue
        for name in (*_ROWS, *_DIVERGENCES) if labels.ndim == rows.ndim else _ROWS:
            yield from ((find(name), settings, values) for values in _values(find(name), rows, labels))


def _asymmetric(p: np.ndarray, t: np.ndarray, framework: str) -> Iterator[_Candidate]:
    for loss, settings, values in _candidates(p, t, framework):
        if loss.name in _ONE_WAY:
            yield loss, settings, values
            if loss.name == "absolute_percentage_error":
                yield loss, settings, values / 100  # as a share, not in per cent


def _labels(rows: np.ndarray, t: np.ndarray, axis: int) -> np.ndarray | None:
    """Return the target as labels (…,) or rows (…, K) beside rows (…, K) over classes, or None where it is neither."""
    classes = rows.shape[-1]
    if classes < 2:
        return None
    if t.size == rows.size and t.ndim == rows.ndim:
        return np.moveaxis(t, axis, -1).astype(np.float64)
    if t.size * classes != rows.size or np.any(t != np.rint(t)) or t.min() < 0 or t.max() >= classes:
        return None
    return t.reshape(rows.shape[:-1]).astype(np.int64)


def _values(loss: Loss, p: np.ndarray, t: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the loss's values, for each floor under which a formula of one's own may keep probabilities."""
    xp = load("numpy")
    if loss.name not in _PROBABILITIES:
        yield loss.value(xp, p, t, **loss.defaults)
        return
    sums = p.sum(axis=-1, keepdims=True)
    ways = [p, p / sums] if loss.name == "categorical_cross_entropy" and sums.all() else [p]
    for way in ways:
        for floor in _FLOORS:
            yield loss.value(xp, np.clip(way, floor, 1 - floor), t, **loss.defaults)
            # Single precision has no number so close to 1, which tells where much is clipped.
            single = np.clip(way.astype(np.float32), np.float32(floor), np.float32(1 - floor))
            yield loss.value(xp, single, t.astype(np.float32) if t.dtype.kind == "f" else t, **loss.defaults)


def _sign(v: np.ndarray, values: np.ndarray, shape: tuple[int, ...], digits: float) -> int:
    """Return 1 where ``v`` is a usual reduction of a prediction's values, -1 where it is minus one, else 0."""
    samples = shape[0]
    by_sample = values.reshape(samples, -1)
    if v.size == 1:
        total = float(values.sum())
        counts = (values.size, 1, samples, 2 * values.size, 2 * samples, math.prod(shape))
        ways = [*(total / count for count in counts), np.sqrt(total / values.size)]
    elif v.shape == values.shape:
        ways = [values, values / 2]
    elif v.size == samples:
        v, ways = v.reshape(-1), [by_sample.mean(axis=1), by_sample.sum(axis=1), by_sample.mean(axis=1) / 2]
    elif values.ndim > 1 and v.shape == values.shape[:-1]:
        ways = [values.mean(axis=-1), values.sum(axis=-1)]
    else:
        return 0
    for sign in (1, -1):
        if any(np.allclose(v, sign * way, rtol=digits, atol=min(1e-6, digits)) for way in ways if np.any(way)):
            return sign
    return 0
