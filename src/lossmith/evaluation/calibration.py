"""Does a predicted probability of 0.8 come true in 80 % of the rows?"""

from __future__ import annotations

import numpy as np


def calibration_error(
    confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None, *, bins: int = 15
) -> float:
    """Return the expected calibration error: the gap between confidence and outcome, averaged over bins of equal width.

    Args:
        confidence: (N,) predicted probabilities: of the positive class (binary), of the answer (multiclass).
        outcome: (N,) 0 and 1: whether it came true.
        weight: (N,) or None.
        bins: The number of bins over [0, 1].

    >>> round(calibration_error(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0])), 4)
    0.25
    """
    weight = np.ones(confidence.size) if weight is None else weight
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, weights=weight * (confidence - outcome), minlength=bins)
    return float(np.abs(gap).sum() / weight.sum())
