"""95 % intervals of numbers that are no means over rows: a bootstrap of counts, so its cost hardly grows with the rows.

Rows that look alike (same class and answer, neighbouring scores) are counted first, and the counts are drawn anew with
Poisson weights, as drawing rows would give. With weights counts are scaled to the effective number of rows. The seed is
fixed: the same predictions always get the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .confusion import Counts
from .curves import Ranking, areas
from .intervals import Z, effective_rows, mean_and_error

Interval = tuple[float | None, float | None]

_REPLICATES = 400
_DRAWS = 20_000_000  # at most, cells times replicates
_BINS = 1024  # of scores
_SEED = 0

STATISTICS: dict[str, Callable[[Counts], np.ndarray]] = {
    "balanced_accuracy": Counts.balanced_accuracy,
    "macro_f1": Counts.macro_f1,
    "weighted_f1": Counts.weighted_f1,
    "mcc": Counts.mcc,
    "kappa": Counts.kappa,
    "f1": lambda counts: counts.f1()[..., -1],
}


def of_classes(
    target: np.ndarray, predicted: np.ndarray, classes: int, weight: np.ndarray | None
) -> dict[str, Interval]:
    """Return the intervals of ``STATISTICS``; ``f1`` is that of the last class.

    Args:
        target: (N,) class indices.
        predicted: (N,) likewise.
        classes: How many.
        weight: (N,) or None.
    """
    cells, index = np.unique(target * classes + predicted, return_inverse=True)
    counts = np.bincount(index, weights=weight).astype(np.float64)
    times = int(np.clip(_DRAWS / cells.size, 50, _REPLICATES))
    drawn = _poisson(counts, _scale(weight, target.size), times)
    true, guessed = cells // classes, cells % classes
    right = true == guessed
    support, guesses, hits = (
        np.stack([np.bincount(group[kept], weights=row[kept], minlength=classes) for row in drawn])
        for group, kept in ((true, slice(None)), (guessed, slice(None)), (true, right))
    )
    replicates = Counts(support, guesses, hits)
    with np.errstate(all="ignore"):
        return {name: percentiles(of(replicates)) for name, of in STATISTICS.items()}


def of_labels(target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> dict[str, Interval]:
    """Return the intervals of F1 over labels, (N, L) both; none where that would take too long."""
    rows, labels = target.shape
    if rows * labels * _REPLICATES > 50 * _DRAWS:
        return {}
    scale = _scale(weight, rows)
    drawn = _poisson(np.ones(rows) if weight is None else weight, scale, _REPLICATES // 2)
    support, guesses, hits = (drawn @ x.astype(np.float64) for x in (target, predicted, target * predicted))
    counts = Counts(support, guesses, hits)
    both = counts.support.sum(axis=1) + counts.predicted.sum(axis=1)
    with np.errstate(all="ignore"):
        return {
            "micro_f1": percentiles(2 * counts.hits.sum(axis=1) / both),
            "macro_f1": percentiles(counts.f1().mean(axis=1)),
            "weighted_f1": percentiles(counts.weighted_f1()),
        }


def of_ranking(ranking: Ranking, weight: np.ndarray | None, rows: int) -> dict[str, Interval]:
    """Return the intervals of the areas under both curves; scores are put in at most 1,024 bins for their spread."""
    hits, alarms = ranking.cumulative(weight)
    cut = np.unique(np.searchsorted(hits + alarms, np.linspace(0, hits[-1] + alarms[-1], _BINS + 1)[1:], side="left"))
    cut = np.minimum(cut, hits.size - 1)
    scale = _scale(weight, rows)
    positive, negative = (np.diff(x[cut], prepend=0.0) for x in (hits, alarms))
    rng = np.random.default_rng(_SEED)
    p, n = (rng.poisson(np.maximum(x, 0) * scale, (_REPLICATES, x.size)) for x in (positive, negative))
    with np.errstate(all="ignore"):
        drawn = areas(np, p.astype(np.float64), n.astype(np.float64))
    exact = {"auc": ranking.auc(weight), "average_precision": ranking.average_precision(weight)}
    few = min(float(hits[-1]), float(alarms[-1])) * scale
    return {name: _of_area(value, drawn[name], few) for name, value in exact.items()}


def _of_area(value: float, drawn: np.ndarray, few: float) -> Interval:
    """Return the normal interval on the logit scale, which keeps within 0 and 1, with the spread of the replicates."""
    known = drawn[np.isfinite(drawn)]
    if not known.size:
        return None, None
    if not 0 < value < 1:  # no pair is out of order, or all are: the rule of three for the rarer kind of row
        slack = min(1.0, 3 / few)
        return (1 - slack, 1.0) if value >= 1 else (0.0, slack)
    half = Z * float(known.std()) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-(middle + side))) for side in (-half, half))
    return low, high


def of_ratio(above: np.ndarray, below: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the normal interval of mean(above) / mean(below), by the delta method.

    Args:
        above: (N,) or (N, K); of K columns the mean of the ratios is meant.
        below: Likewise.
        weight: (N,) or None.
    """
    share = np.full(len(above), 1 / len(above)) if weight is None else weight / weight.sum()
    a, b = share @ above, share @ below
    if not np.all(b > 0) or not np.isfinite([a, b]).all():
        return None, None
    influence = (above - a) / b - a * (below - b) / b**2
    return around(float(np.mean(a / b)), influence if influence.ndim == 1 else influence.mean(axis=1), weight)


def around(value: float, influence: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the normal interval of a value that rows move by ``influence``, (N,) with the mean 0."""
    _, error, _ = mean_and_error(influence, weight)
    return (value - Z * error, value + Z * error) if np.isfinite(error) else (None, None)


def of_shortfall(above: np.ndarray, below: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the interval of 1 - mean(above) / mean(below); arguments as ``of_ratio``."""
    low, high = of_ratio(above, below, weight)
    return (None, None) if low is None or high is None else (1 - high, 1 - low)


def percentiles(replicates: np.ndarray) -> Interval:
    """Return the 95 % percentile interval of the replicates that are finite."""
    known = replicates[np.isfinite(replicates)]
    if not known.size:
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _scale(weight: np.ndarray | None, rows: int) -> float:
    return 1.0 if weight is None else effective_rows(weight, rows) / float(weight.sum())


def _poisson(counts: np.ndarray, scale: float, times: int) -> np.ndarray:
    return np.random.default_rng(_SEED).poisson(counts * scale, (times, counts.size)).astype(np.float64)
