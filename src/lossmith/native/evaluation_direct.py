"""The kernels of ``lossmith.evaluation.direct``: the usual numbers of whole arrays in one pass, on all threads.

Each returns None where it does not take the arrays: dtypes that it does not know, a row that is odd (NaN, a target that
is no class, a score that is no probability), or no compiled core. Callers go on with NumPy then, which says what is
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import _core
from .evaluation import _OWN_POOL, PROBABILITY_UNIT, _numbers, _typed, _wide, available

_SHARE_UNIT = -46  # of which the squared errors of binary predictions are multiples
_MOST_BINS, _MOST_CLASSES = 128, 4096


@dataclass(frozen=True, eq=False)
class ClassTotals:
    """What is found of N rows in C classes, with B bins of the probability.

    Attributes:
        cells: (C, C) int64: rows by true and predicted class.
        loss: The sum of the losses.
        squared: The sum of the Brier scores.
        rows: (B, 2) int64: rows per bin, by whether the probability came true.
        probability: (B,) float64: sums of the probabilities per bin.
    """

    cells: np.ndarray
    loss: float
    squared: float
    rows: np.ndarray
    probability: np.ndarray


def count_binary(score: np.ndarray, target: np.ndarray, threshold: float) -> np.ndarray | None:
    """Return how many rows there are of each kind, (2, 2) int64, by target and by whether the score is larger.

    Args:
        score: (N,) float32 or float64 without NaN.
        target: (N,) 0 or 1, integers, booleans or floats.
        threshold: Of the score.
    """
    columns = _columns(score, target)
    if columns is None:
        return None
    if score.dtype == np.float32:  # the largest one that is not above the threshold divides float32 as it does
        near = np.float32(threshold)
        threshold = float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
    cells = _core.count_binary(_OWN_POOL, *columns, score.size, threshold)
    return None if cells is None else np.array(cells, np.int64).reshape(2, 2)


def binary_numbers(score: np.ndarray, target: np.ndarray, logits: bool, bins: int) -> ClassTotals | None:
    """Return the totals of probabilities or finite logits; arguments as for ``count_binary``."""
    columns = _columns(score, target)
    if columns is None or bins > _MOST_BINS:
        return None
    found = _core.binary_numbers(_OWN_POOL, *columns, score.size, logits, bins)
    if found is None:
        return None
    low, high = found["squared"]
    squared = float(low + (high << 32)) * 2.0**_SHARE_UNIT
    return _totals(found, np.array(found["cells"], np.int64).reshape(2, 2), squared)


def class_numbers(score: np.ndarray, target: np.ndarray, logits: bool, bins: int) -> ClassTotals | None:
    """Return the totals of probabilities or finite logits of classes.

    Args:
        score: (N, C) float32 or float64.
        target: (N,) class indices, integers.
        logits: Whether scores are logits.
        bins: Of the probability of the answer.
    """
    x, y = _typed(score), _typed(target)
    if not available() or x is None or y is None or score.ndim != 2 or target.shape != score.shape[:1]:
        return None
    if x[1] > 1 or y[1] < 2 or bins > _MOST_BINS or not 1 <= score.shape[1] <= _MOST_CLASSES:
        return None
    rows, classes = score.shape
    found = _core.class_numbers(_OWN_POOL, *x, *y, rows, classes, logits, bins)
    return None if found is None else _totals(found, _numbers(found["cells"], classes, classes), found["squared"])


def value_numbers(prediction: np.ndarray, target: np.ndarray) -> tuple[float, ...] | None:
    """Return Σ error, Σ of its size, Σ of its square and the largest size; mean and Σ squared distance of the targets.

    Args:
        prediction: (N,) float32 or float64.
        target: Likewise.
    """
    columns = _columns(prediction, target)
    if columns is None or columns[3] > 1:
        return None
    return _core.value_numbers(_OWN_POOL, *columns, prediction.size)


def _columns(score: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, int, np.ndarray, int] | None:
    x, y = _typed(score), _typed(target)
    if not available() or x is None or y is None or x[1] > 1 or score.ndim != 1 or target.shape != score.shape:
        return None
    return *x, *y


def _totals(found: dict, cells: np.ndarray, squared: float) -> ClassTotals:
    bins = _numbers(found["rows"], -1, 2)
    whole = _wide(_numbers(found["probability"], -1, 2, 2).sum(axis=1), PROBABILITY_UNIT)
    probability = sum(np.ldexp(words.astype(np.float64), unit) for words, unit in whole)
    return ClassTotals(cells, found["loss"], squared, bins, np.asarray(probability))
