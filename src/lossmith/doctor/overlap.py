"""Whether a loss of the user's own is an overlap itself, which must grow, and not what it lacks to one.

Of a Dice or Jaccard coefficient all usual forms are tried: of numbers as they are, of their sigmoid or softmax; over
everything, samples, channels or both; with sums or sums of squares below; smoothed by one or by next to nothing. The
function is asked a second time, with half of the rows, for two values of the same form that agree by chance are rare.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_ENOUGH = 64  # numbers, of which some are 0 and some 1
_MOST = 1 << 20
_DIGITS = 2e-5  # single precision, summed
_SMOOTHED = (0.0, 1.0)  # other usual ones are too small to be seen

Form = tuple[str, str, int, bool, float]


def forms(value: float, prediction: np.ndarray, target: np.ndarray) -> dict[Form, np.ndarray]:
    """Return the forms of an overlap that have this value, each with the probabilities that it is of.

    A form is the definition's name, the activation, how the numbers are grouped, whether squares stand below, and the
    smoothing.

    Args:
        value: What the loss returned.
        prediction: (N, …) what it got.
        target: (N, …) of the same shape: 0 and 1.
    """
    p, t = prediction.astype(np.float64), target.astype(np.float64)
    if p.shape != t.shape or p.ndim < 2 or not _ENOUGH <= p.size <= _MOST or not 0.001 < value < 0.999:
        return {}
    if not (np.isfinite(p).all() and np.all((t == 0) | (t == 1)) and t.min() < t.max()):
        return {}
    found: dict[Form, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for activation, q in _activated(p):
            for way, axes in enumerate(_groups(p.ndim)):
                for (name, squares, smoothing), overlap in _overlaps(q, t, axes):
                    if abs(float(overlap.mean()) - value) <= _DIGITS * value:
                        found[name, activation, way, squares, smoothing] = q
    return found


def _activated(p: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if p.min() >= 0 and p.max() <= 1:
        yield "", p
    yield "sigmoid", 1 / (1 + np.exp(-p))
    if p.shape[1] > 1:
        e = np.exp(p - p.max(axis=1, keepdims=True))
        yield "softmax", e / e.sum(axis=1, keepdims=True)


def _groups(ndim: int) -> tuple[tuple[int, ...], ...]:
    """Return over which axes an overlap may be summed: all, those of a sample, of a channel, of a sample's channel."""
    every = tuple(range(ndim))
    ways = [every, every[1:]]
    return (*ways, (0, *every[2:]), every[2:]) if ndim > 2 else tuple(ways)


def _overlaps(
    q: np.ndarray, t: np.ndarray, axes: tuple[int, ...]
) -> Iterator[tuple[tuple[str, bool, float], np.ndarray]]:
    both, truth = (q * t).sum(axis=axes), t.sum(axis=axes)
    for squares in (False, True):
        total = (q * q if squares else q).sum(axis=axes) + truth
        for smoothing in _SMOOTHED:
            yield ("dice", squares, smoothing), (2 * both + smoothing) / (total + smoothing)
            yield ("jaccard", squares, smoothing), (both + smoothing) / (total - both + smoothing)
