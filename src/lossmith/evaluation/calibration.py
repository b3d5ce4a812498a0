"""Does a predicted probability of 0.8 come true in 80 % of the rows?"""

from __future__ import annotations

import numpy as np

from .states.calibration import Reliability


def reliability(
    confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None, *, bins: int = 15
) -> Reliability:
    """Return, in bins of equal width over [0, 1], mean probability and share that came true.

    Args:
        confidence: (N,) predicted probabilities: of the positive class (binary), of the answer (multiclass).
        outcome: (N,) 0 and 1: whether it came true.
        weight: (N,) or None.
        bins: The number of bins.

    >>> found = reliability(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0]), bins=2)
    >>> found.rate.tolist(), found.count.tolist()
    ([0.0, 0.5], [2.0, 2.0])
    """
    weight = np.ones(confidence.size) if weight is None else weight
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count, confident, hits = (
        np.bincount(index, weights=w, minlength=bins) for w in (weight, weight * confidence, weight * outcome)
    )
    gap = np.bincount(index, weights=weight * (confidence - outcome), minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges=np.arange(bins + 1) / bins,
            count=count,
            confidence=confident / count,
            rate=hits / count,
            error=float(np.abs(gap).sum() / weight.sum()),
        )


def calibration_error(
    confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None, *, bins: int = 15
) -> float:
    """Return the expected calibration error: the gap between confidence and outcome, averaged over the bins.

    Arguments as :func:`reliability`.

    >>> round(calibration_error(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0])), 4)
    0.25
    """
    return reliability(confidence, outcome, weight, bins=bins).error
