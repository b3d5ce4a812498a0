"""Does a predicted probability of 0.8 come true in 80 % of the rows?"""

from __future__ import annotations

import numpy as np

from .states.calibration import Reliability

_DRAWS = 1000


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


def error_interval(found: Reliability, rows: float) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the expected calibration error.

    Noise alone makes gaps, so the error of a perfect model is not 0, and a bootstrap's errors are too large by about as
    much again. The basic bootstrap takes that off: gaps are drawn around those that were seen, and the quantiles of the
    error are mirrored at it. Where noise alone (gaps drawn around 0) makes errors as large, the interval starts at 0.

    Args:
        found: The bins.
        rows: How many (effective) rows they stand for.
    """
    used = found.count > 0
    share = found.count[used] / found.count[used].sum()
    if rows <= 1:
        return None, None
    in_bin = share * rows
    rate = (found.rate[used] * in_bin + 1) / (in_bin + 2)  # a bin whose rows all came true has a spread, too
    gap, spread = share * (found.confidence[used] - found.rate[used]), np.sqrt(share * rate * (1 - rate) / rows)
    noise = spread * np.random.default_rng(0).standard_normal((_DRAWS, gap.size))
    least, most = np.quantile(np.abs(gap + noise).sum(axis=1), [0.025, 0.975])
    real = found.error > np.quantile(np.abs(noise).sum(axis=1), 0.975)
    low, high = float(2 * found.error - most), float(2 * found.error - least)
    return max(0.0, low) if real else 0.0, max(found.error, high)
