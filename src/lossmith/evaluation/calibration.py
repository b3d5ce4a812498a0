"""Does a predicted probability of 0.8 come true in 80 % of the rows?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .intervals import Z
from .states.calibration import Reliability

_HALVINGS = 40  # of [0, 1] when a calibration error is searched


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
            error=float(of_gaps(np, gap, weight.sum())),
        )


def of_gaps(xp: Any, gaps: Any, rows: Any) -> Any:
    """Return the expected calibration error of sums of probability - outcome per bin, (B,), over so many rows.

    ``xp`` is a module with NumPy's names: ``numpy``, ``keras.ops``.
    """
    return xp.sum(xp.abs(gaps)) / rows


def calibration_error(
    confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None, *, bins: int = 15
) -> float:
    """Return the expected calibration error: the gap between confidence and outcome, averaged over the bins.

    Arguments as :func:`reliability`.

    >>> round(calibration_error(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0])), 4)
    0.25
    """
    return reliability(confidence, outcome, weight, bins=bins).error


@dataclass(frozen=True, kw_only=True)
class CalibrationTerms:
    """What the bins of a reliability diagram say in numbers.

    The Brier score of the drawn probability is ``reliability - resolution + uncertainty + within``: A. H. Murphy
    (1973), "A new vector partition of the probability score", and for the part within the bins D. B. Stephenson, C. A.
    S. Coelho and I. T. Jolliffe (2008), "Two extra components in the Brier score decomposition".

    Attributes:
        error: The expected calibration error, as it is usually computed.
        debiased: The same without what chance adds: the plain one is above 0 even for perfect probabilities.
        low: Lower end of the 95 % confidence interval of the true error; ``high`` likewise.
        brier: Mean squared difference of probability and outcome, or None where only the bins are known.
        reliability: Mean squared gap between a bin's probability and its share that came true; 0 is best.
        resolution: Mean squared gap between a bin's share and the share of all rows; more is better.
        uncertainty: ``share * (1 - share)`` of all rows: the Brier score of always answering the share.
        within: What the bins do not tell apart, or None where ``brier`` is.
    """

    error: float
    debiased: float | None
    low: float | None
    high: float | None
    brier: float | None
    reliability: float
    resolution: float
    uncertainty: float
    within: float | None


def terms(found: Reliability, brier: float | None = None, rows: float | None = None) -> CalibrationTerms:
    """Return the numbers of a reliability diagram.

    Args:
        found: The bins.
        brier: The Brier score of the same probabilities, if known.
        rows: How many (effective) rows the bins stand for; None gives no interval.

    >>> confidence, outcome = np.repeat([0.2, 0.8], 500), np.tile([0.0, 0.0, 0.0, 1.0], 250)
    >>> found = terms(reliability(confidence, outcome), brier=float(np.mean((confidence - outcome) ** 2)), rows=1000)
    >>> round(found.error, 3), round(found.reliability, 4), round(found.resolution, 4), round(found.uncertainty, 4)
    (0.3, 0.1525, 0.0, 0.1875)
    >>> round(found.low, 3), round(found.debiased, 3), round(found.high, 3)
    (0.273, 0.3, 0.327)
    """
    used = found.count > 0
    count, confidence, rate = (np.asarray(x, np.float64)[used] for x in (found.count, found.confidence, found.rate))
    share = count / count.sum()
    base = float(share @ rate)
    parts = float(share @ (confidence - rate) ** 2), float(share @ (rate - base) ** 2), base * (1 - base)
    interval = (None, None, None) if rows is None else error_interval(found, rows)
    return CalibrationTerms(
        error=found.error,
        low=interval[0],
        debiased=interval[1],
        high=interval[2],
        brier=brier,
        reliability=parts[0],
        resolution=parts[1],
        uncertainty=parts[2],
        within=None if brier is None else brier - (parts[0] - parts[1] + parts[2]),
    )


def error_interval(found: Reliability, rows: float) -> tuple[float, float, float]:
    """Return (low, estimate, high) of the expected calibration error: the 95 % interval of the true one.

    Each bin's gap scatters normally around the true one, so its size has a folded normal distribution, and their mean
    is above the true error. We ask how large the true error must be for the mean to come out as it did (estimate), or
    2.5 % and 97.5 % of the time beyond it (ends). The bins' true gaps are taken to be in proportion to those seen: to
    all, and for the ends also to those beyond two standard errors alone, as noise may hide that few bins are wrong.
    Simulated coverage is 89 to 99 % from 200 to 20,000 rows, whether all bins are wrong, some, or none.

    Args:
        found: The bins.
        rows: How many (effective) rows they stand for.
    """
    used = found.count > 0
    share, rate = found.count[used] / found.count[used].sum(), found.rate[used]
    gap, rows_of_bin = found.confidence[used] - rate, share * rows
    size = np.abs(gap)
    smoothed = (rows_of_bin * rate + rate + gap) / (rows_of_bin + 1)  # the bin's probability counts as one more row
    error = np.sqrt(smoothed * (1 - smoothed) / rows_of_bin)
    clear = np.where(size > 2 * error, size, 0.0)
    seen = float(share @ size)
    if seen == 0 or not error.any():
        return seen, seen, seen
    shapes = [x / float(share @ x) for x in (size, clear if clear.any() else size)]
    ends = [[_true_error(share, shape, error, seen, z) for z in (-Z, 0.0, Z)] for shape in shapes]
    return min(e[0] for e in ends), ends[0][1], max(seen, *(e[2] for e in ends))


def _true_error(share: np.ndarray, shape: np.ndarray, error: np.ndarray, seen: float, z: float) -> float:
    """Return the true error whose mean of folded normals lies ``z`` of its deviations above the one seen."""

    def beyond(true: float) -> float:
        middle, variance = _folded(true * shape, error)
        return float(share @ middle - seen) - z * float(share**2 @ variance) ** 0.5

    low, high = 0.0, 1.0
    if beyond(low) >= 0:
        return low
    for _ in range(_HALVINGS):
        half = (low + high) / 2
        low, high = (half, high) if beyond(half) < 0 else (low, half)
    return high


def _folded(middle: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the size of normal numbers, (B,) each."""
    safe = np.where(error > 0, error, 1.0)
    ratio = middle / safe
    inside = np.array([math.erf(r / math.sqrt(2)) for r in ratio.tolist()])
    mean = safe * math.sqrt(2 / math.pi) * np.exp(-ratio * ratio / 2) + middle * inside
    mean = np.where(error > 0, mean, middle)
    return mean, np.maximum(middle**2 + error**2 - mean**2, 0.0)
