"""Areas under the ROC and precision–recall curves, exact, from one sort of the scores."""

from __future__ import annotations

import numpy as np


def roc_auc(target: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the chance that a positive row scores above a negative one (ties count half).

    Args:
        target: (N,) 0 and 1, both present.
        score: (N,) numbers; larger means more positive.
        weight: (N,) or None.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    hits, alarms = _cumulative(target, score, weight)
    hits, alarms = np.concatenate([[0.0], hits]), np.concatenate([[0.0], alarms])
    return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2) / (hits[-1] * alarms[-1]))


def average_precision(target: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the precision averaged over the steps of recall, without interpolation; arguments as ``roc_auc``.

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    hits, alarms = _cumulative(target, score, weight)
    steps = np.diff(np.concatenate([[0.0], hits]))
    taken = hits + alarms
    return float(np.sum(steps * hits / np.where(taken > 0, taken, 1)) / hits[-1])


def _cumulative(target: np.ndarray, score: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of positives and of negatives at or above each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    weight = np.ones(target.size) if weight is None else weight
    positive = (weight * target)[order]
    negative = (weight * (1 - target))[order]
    return np.cumsum(positive)[last], np.cumsum(negative)[last]
