"""Areas under the ROC and precision–recall curves, exact, from one sort of the scores.

Without weights ``roc_auc`` counts pairs in whole numbers, by the compiled core where it is there, on all threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..native import evaluation as kernels


class Ranking:
    """Scores in order, sorted once for any weights.

    Args:
        target: (N,) 0 and 1.
        score: (N,) numbers; larger means more positive.
    """

    def __init__(self, target: np.ndarray, score: np.ndarray) -> None:
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self._positive = target[self._order].astype(np.float64)

    def auc(self, weight: np.ndarray | None = None) -> float:
        """Return the area under the ROC curve; NaN where one kind of row is missing."""
        hits, alarms = self.cumulative(weight)
        hits, alarms = np.concatenate([[0.0], hits]), np.concatenate([[0.0], alarms])
        pairs = hits[-1] * alarms[-1]
        return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2) / pairs) if pairs else math.nan

    def average_precision(self, weight: np.ndarray | None = None) -> float:
        """Return the precision averaged over the steps of recall; NaN where there is no positive row."""
        hits, alarms = self.cumulative(weight)
        steps = np.diff(np.concatenate([[0.0], hits]))
        taken = hits + alarms
        area = np.sum(steps * hits / np.where(taken > 0, taken, 1))
        return float(area / hits[-1]) if hits[-1] else math.nan

    def lift(self, weight: np.ndarray | None = None, scale: float = 1.0) -> float:
        """Return by how much the average precision is above that of many rows, to second order.

        A positive is among the rows at or above its own score, so the first ones have a precision that is too high; and
        a share of two numbers that scatter is not, on average, the share of their means.

        Args:
            weight: (N,) or None.
            scale: Times a weight it is the effective number of rows behind it.
        """
        hits, alarms = self.cumulative(weight)
        taken = np.maximum(hits + alarms, 1e-300)
        precision, recall, fallout = hits / taken, hits / hits[-1], alarms / max(alarms[-1], 1e-300)
        above = ((1 - precision) * (1 - recall) + precision * (1 - precision) * (recall - fallout)) / (taken * scale)
        return float(np.diff(hits, prepend=0.0) @ above / hits[-1])

    def cumulative(self, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the weight of positives and of negatives at or above each distinct score, highest first."""
        weight = np.ones(self._order.size) if weight is None else weight[self._order]
        hits = np.cumsum(weight * self._positive)[self._last]
        return hits, np.cumsum(weight * (1 - self._positive))[self._last]

    def influences(self, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return how much each row moves each area, (N,) both, in the order the rows were given.

        An area's standard error is that of the mean of these values (the delta method; DeLong's for the first area).
        Both kinds of row must be there.
        """
        hits, alarms = self.cumulative(weight)
        block = np.searchsorted(self._last, np.arange(self._order.size))
        positives, negatives = hits[-1], alarms[-1]
        own_hits, own_alarms = np.diff(hits, prepend=0.0), np.diff(alarms, prepend=0.0)
        total, y = positives + negatives, self._positive
        area, average = self.auc(weight), self.average_precision(weight)
        below = (negatives - alarms + own_alarms / 2) / negatives - area
        above = (hits - own_hits / 2) / positives - area
        of_area = np.where(y > 0, below[block] * total / positives, above[block] * total / negatives)
        taken = np.maximum(hits + alarms, 1e-300)
        precision, share = hits / taken, own_hits / taken
        gained, lost = (np.cumsum(x[::-1])[::-1] for x in (share, share * precision))
        of_average = (y * (precision - average + gained)[block] - lost[block]) * total / positives
        found = np.empty((2, y.size))
        found[:, self._order] = of_area, of_average
        return found[0], found[1]


def areas(xp: Any, positive: Any, negative: Any) -> dict[str, Any]:
    """Return both areas of counts per bin (…, B), highest scores first; rows of one bin are tied.

    ``xp`` is a module with NumPy's names: ``numpy``, ``keras.ops``.
    """
    hits, alarms = xp.cumsum(positive, axis=-1), xp.cumsum(negative, axis=-1)
    positives, negatives = hits[..., -1:], alarms[..., -1:]
    below = negatives - alarms + negative / 2
    taken = hits + alarms
    precision = hits / xp.where(taken > 0, taken, 1)
    return {
        "auc": xp.sum((positive / positives) * (below / negatives), axis=-1),
        "average_precision": xp.sum((positive / positives) * precision, axis=-1),
    }


def roc_auc(target: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the chance that a positive row scores above a negative one (ties count half).

    Args:
        target: (N,) 0 and 1, both present.
        score: (N,) numbers; larger means more positive.
        weight: (N,) or None.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    found = kernels.pairs_in_order(score, target) if weight is None and kernels.available() else None
    if found is None:
        return Ranking(target, score).auc(weight)
    twice_won, positives, negatives = found
    pairs = positives * negatives
    return twice_won / (2 * pairs) if pairs else math.nan


def average_precision(target: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the precision averaged over the steps of recall, without interpolation; arguments as ``roc_auc``.

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    return Ranking(target, score).average_precision(weight)
