"""95 % intervals of numbers that are no means over rows, from how much each row moves them (the delta method).

Nothing is drawn: each cell of a confusion matrix, or each row, has its influence on the number, whose standard error is
that of their mean. From there the way goes as for shares: a normal interval has no width where all answers are right,
and misses where a class has few rows, Wilson's does neither. So numbers that are like shares get Wilson's interval with
as many rows as make up their standard error (see :meth:`Mean.share_interval`), means over classes the score interval of
a mean of shares, and areas a normal one on the logit scale. Ratios, which are like means, have an interval as skewed as
the influences are. With weights, counts are scaled to the effective number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .counts import Counts
from .curves import Ranking
from .intervals import Interval, Mean, Z, effective_rows, mean_of, t_quantile, wilson_ends

_HALVINGS = 60  # of the interval in which Lagrange's factor is searched
_MOST = 1e18  # it is not searched beyond
_FAR = 700.0  # a logit below which no float is left


# --- functions of a confusion matrix ---------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a confusion matrix that hold rows, (K,) each, and the counts per class.

    Attributes:
        true: Class index.
        predicted: Likewise.
        count: Rows, or the sum of their weights.
        counts: Per class, over all cells.
    """

    true: np.ndarray
    predicted: np.ndarray
    count: np.ndarray
    counts: Counts

    @classmethod
    def of_rows(cls, target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None, counts: Counts) -> Cells:
        """Return the cells of class indices, (N,) both, with weights (N,) or None, and these counts per class."""
        classes = len(counts.support)
        cells, index = np.unique(target * classes + predicted, return_inverse=True)
        return cls(cells // classes, cells % classes, np.bincount(index.reshape(-1), weights=weight), counts)

    @classmethod
    def of_matrix(cls, matrix: np.ndarray, counts: Counts) -> Cells:
        """Return the cells of a confusion matrix (C, C) with these counts per class."""
        true, predicted = np.nonzero(matrix)
        return cls(true, predicted, matrix[true, predicted], counts)

    def intervals(self) -> dict[str, Interval]:
        """Return the intervals, by name, of the functions of the matrix that are no shares of rows."""
        rows = float(self.count.sum())
        effective = rows * self.counts.scale
        right = (self.true == self.predicted).astype(np.float64)
        found = {"balanced_accuracy": self._balanced_accuracy()}
        seen = self.counts.support + self.counts.predicted > 0
        found["macro_f1"] = of_f1(self.counts, seen / seen.sum(), lambda x: self._error(self._moved(x)))
        f1, value = self.counts.f1(), float(self.counts.weighted_f1())
        moved = self._moved(self.counts.support / rows) + f1[self.true] - value
        found["weighted_f1"] = Mean(value, self._error(moved), effective).share_interval()
        return found | self._beyond_chance(right, effective)

    def _balanced_accuracy(self) -> Interval:
        """Return the interval of the mean recall of the classes that occur."""
        there = self.counts.support > 0
        return of_shares(self.counts.recall()[there], self.counts.support[there] * self.counts.scale)

    def _beyond_chance(self, right: np.ndarray, effective: float) -> dict[str, Interval]:
        """Return the intervals of kappa and of Matthews' coefficient, where they are defined.

        Both are 0 for answers drawn at random, so they are no shares. But of two classes that are alike, answers have
        kappa's variance in proportion to (1 + kappa) (1 - kappa), of a rare one to kappa (1 - kappa), so that (kappa +
        lift) / (1 + lift) is like a share (D. A. Bloch and H. C. Kraemer, "2 x 2 kappa coefficients: measures of
        agreement or association", Biometrics 45(1), 1989). The lift is where the variance at kappa = 0 (J. L. Fleiss,
        J. Cohen and B. S. Everitt, "Large sample standard errors of kappa and weighted kappa", Psychol. Bull. 72(5),
        1969) and its slope at 1 meet such a curve.
        """
        rows, accuracy = float(self.count.sum()), float(self.counts.accuracy())
        together, true, guessed = self.counts.products()
        s, p = self.counts.support / rows, self.counts.predicted / rows
        by_chance = p[self.true] + s[self.predicted] - 2 * together
        noise = together + together**2 - float(np.sum(s * p * (s + p)))
        found = {}
        if together < 1:
            moved = ((right - accuracy) * (1 - together) - by_chance * (1 - accuracy)) / (1 - together) ** 2
            mean = Mean(float(self.counts.kappa()), self._error(moved), effective)
            found["kappa"] = _lifted(mean, noise / (1 - together), 1 - together)
        if true < 1 and guessed < 1:
            value, spread = float(self.counts.mcc()), math.sqrt((1 - true) * (1 - guessed))
            moved = (right - accuracy - by_chance) / spread
            moved += value * ((s[self.true] - true) / (1 - true) + (p[self.predicted] - guessed) / (1 - guessed))
            mean = Mean(value, self._error(moved), effective)
            found["mcc"] = _lifted(mean, noise * (1 - together) / spread**2, 1 - together)
        return found

    def _moved(self, factors: np.ndarray) -> np.ndarray:
        """Return the cells' influences, (K,), on the sum of F1 times ``factors``, (C,)."""
        f1, both = self.counts.f1(), _both(self.counts)
        of_hit, of_class = 2 * factors / both, factors * f1 / both
        right = self.true == self.predicted
        return float(self.count.sum()) * (right * of_hit[self.true] - of_class[self.true] - of_class[self.predicted])

    def _error(self, moved: np.ndarray) -> float:
        """Return the standard error of a number that the cells move so, (K,)."""
        rows = float(self.count.sum())
        return math.sqrt(float(self.count @ moved**2) / self.counts.scale) / rows


def _lifted(mean: Mean, ratio: float, slope: float) -> Interval:
    """Return the interval of kappa or the like.

    Args:
        mean: The number.
        ratio: Of its variance at 0 and the slope of that at 1.
        slope: 1 over the latter, times the rows.
    """
    value, error, rows, _ = mean
    if ratio >= 1 or (value < 0 and error > 0):  # worse than chance: that is no share, and the curve says little there
        return max(-1.0, value - Z * error), min(1.0, value + Z * error)
    lift = ratio / (1 - ratio)
    share = min(1.0, max(0.0, (value + lift) / (1 + lift)))
    low, high = Mean(share, error / (1 + lift), (1 + lift) * rows * slope).share_interval()
    assert low is not None and high is not None
    return low * (1 + lift) - lift, high * (1 + lift) - lift


def of_shares(share: np.ndarray, rows: np.ndarray, factors: np.ndarray | None = None, ratio: float = 1.0) -> Interval:
    """Return the score interval of a mean of independent shares, or of their sum with other factors.

    The ends are the means that are z standard errors from the one seen, where the error is that of the shares, of all
    that have this mean, which the rows make most likely: for one share Wilson's interval (A. Martín Andrés, M. Álvarez
    Hernández and I. Herranz Tejedor, "Inferences about a linear combination of proportions", Stat. Methods Med. Res.
    20(4), 2011).

    Args:
        share: (K,) each observed in
        rows: (K,) rows, above 0.
        factors: (K,) above 0, or None for a mean.
        ratio: By what the variance of the sum is larger than that of independent shares.

    >>> [round(end, 4) for end in of_shares(np.array([0.9]), np.array([100.0]))]
    [0.8256, 0.9448]
    """
    factors = np.full(share.size, 1 / share.size) if factors is None else factors
    low = _lower_end(share, rows, factors, ratio)
    return low, float(factors.sum()) - _lower_end(1 - share, rows, factors, ratio)


def _lower_end(share: np.ndarray, rows: np.ndarray, factors: np.ndarray, ratio: float) -> float:
    """Return the lower end of the score interval: Lagrange's factor is found by bisection."""

    def likely(factor: float) -> np.ndarray:
        """Return the shares p that solve rows (share - p) = factor p (1 - p)."""
        pull = factor * factors
        return 2 * rows * share / (rows + pull + np.sqrt((rows + pull) ** 2 - 4 * pull * rows * share))

    def squared(factor: float) -> float:
        """Return the square of the distance in standard errors, which grows with the factor."""
        p = likely(factor)
        return float(np.sum((factor * factors) ** 2 * p * (1 - p) / rows))

    if not share.any():
        return 0.0
    wanted = Z * Z * ratio
    low, high = 0.0, 1.0
    while squared(high) < wanted and high < _MOST:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if squared(middle) < wanted else (low, middle)
    return float(factors @ likely(high))


def of_f1(counts: Counts, factors: np.ndarray, error: Callable[[np.ndarray], float]) -> Interval:
    """Return the interval of the sum of F1 per class times ``factors``, (C,).

    Args:
        counts: Per class.
        factors: 0 for classes that neither occur nor are predicted.
        error: Returns the standard error of such a sum: mistakes belong to two classes, so these are not independent.
    """
    there = factors > 0
    f1, rows, factors_there = counts.f1()[there], rows_of_f1(counts)[there], factors[there]
    alone = float(np.sum(factors_there**2 * f1 * (1 - f1) / rows))
    return of_shares(f1, rows, factors_there, error(factors) ** 2 / alone if alone else 1.0)


def rows_of_f1(counts: Counts) -> np.ndarray:
    """Return the rows in which a share has the variance of F1, (C,), above 0.

    Of the rows U that are of a class or taken for it, those that are both are a plain share J, and F1 = 2 J / (1 + J):
    its variance J (1 - J) / U (2 / (1 + J)²)² is F1 (1 - F1) (2 - F1) / (support + predicted).
    """
    return _both(counts) * counts.scale / (2 - counts.f1())


def f1_limits(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % limits of F1 per class, (C,) both.

    >>> found = f1_limits(Counts(np.array([10.0]), np.array([10.0]), np.array([10.0])))
    >>> [round(end.item(), 3) for end in found]
    [0.839, 1.0]
    """
    return wilson_ends(counts.f1(), rows_of_f1(counts))


def _both(counts: Counts) -> np.ndarray:
    both = counts.support + counts.predicted
    return np.where(both > 0, both, 1)


# --- labels ----------------------------------------------------------------------------------------------------------
def of_labels(
    target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None, counts: Counts
) -> dict[str, Interval]:
    """Return the intervals of F1 over labels; the labels of a row are not independent.

    Args:
        target: (N, L) 0 and 1.
        predicted: (N, L) likewise.
        weight: (N,) or None.
        counts: Those of the labels.
    """
    rows = len(target) if weight is None else float(weight.sum())
    f1, both = counts.f1(), _both(counts)
    hits, either = target * predicted, target + predicted

    def moved(factors: np.ndarray) -> np.ndarray:
        return rows * (hits @ (2 * factors / both) - either @ (factors * f1 / both))

    found = {"macro_f1": of_f1(counts, np.full(f1.size, 1 / f1.size), lambda x: mean_of(moved(x), weight).error)}
    micro = counts.pooled_f1()
    if micro is not None:
        whole = float(counts.support.sum() + counts.predicted.sum())
        pull = rows * (2 * hits.sum(axis=1) - micro * either.sum(axis=1)) / whole
        found["micro_f1"] = around_share(micro, pull, weight)
    positives = float(counts.support.sum())
    if positives:
        value = float(counts.weighted_f1())
        pull = moved(counts.support / positives) + rows * (target @ (f1 - value)) / positives
        found["weighted_f1"] = around_share(value, pull, weight)
    return found


# --- areas -----------------------------------------------------------------------------------------------------------
def of_ranking(ranking: Ranking, weight: np.ndarray | None, rows: int) -> dict[str, Interval]:
    """Return the intervals of the areas under both curves; that of ROC is DeLong's on the logit scale.

    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", Biometrics 44(3), 1988; the logit as in M. S. Pepe, "The statistical evaluation of
    medical tests for classification and prediction", 2003.
    """
    hits, alarms = ranking.cumulative(weight)
    scale = effective_rows(weight, rows) / float(hits[-1] + alarms[-1])
    few = min(float(hits[-1]), float(alarms[-1])) * scale
    values = {
        "auc": (ranking.auc(weight), 0.0),
        "average_precision": (ranking.average_precision(weight), ranking.lift(weight, scale)),
    }
    return {
        name: of_area(value, moved, weight, few, lift)
        for (name, (value, lift)), moved in zip(values.items(), ranking.influences(weight), strict=True)
    }


def of_area(
    value: float,
    moved: np.ndarray,
    weight: np.ndarray | None,
    few: float,
    lift: float = 0.0,
    freedom: float | None = None,
) -> Interval:
    """Return the interval of an area, or of a mean of areas, normal on the logit scale, which keeps it within 0 and 1.

    Args:
        value: The area.
        moved: (N,) by how much each row moves it.
        weight: (N,) or None.
        few: Rows of the rarer kind, for the rule of three where no pair is out of order, or all are.
        lift: By how much the value is too high on average; the interval is around what is left.
        freedom: Degrees of freedom of the standard error, for Student's t; None for those of ``few`` rows.
    """
    error = mean_of(moved, weight).error
    if not math.isfinite(error):
        return None, None
    if not 0 < value < 1:
        slack = min(1.0, 3 / few)
        return (1 - slack, 1.0) if value >= 1 else (0.0, slack)
    centre = min(max(value - lift, value / 2), (1 + value) / 2)
    t = t_quantile(max(few - 1 if freedom is None else freedom, 1))
    half, middle = t * error / (centre * (1 - centre)), math.log(centre / (1 - centre))
    low, high = (1 / (1 + math.exp(-max(middle + side, -_FAR))) for side in (-half, half))
    return min(low, value), max(high, value)


# --- ratios ----------------------------------------------------------------------------------------------------------
def of_ratio(above: np.ndarray, below: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the interval of mean(above) / mean(below), as skewed as the influences on it.

    Args:
        above: (N,).
        below: (N,).
        weight: (N,) or None.
    """
    return _ratio(above, below, weight).interval()


def of_shortfall(above: np.ndarray, below: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the interval of 1 - mean(above) / mean(below), where both are spreads, such as R² is made of.

    It is not skewed: where large rows are large on both sides, influences lean to one side and the square, which they
    leave out, to the other.

    Args:
        above: (N,) or (N, K); of K columns the mean of the ratios is meant.
        below: Likewise.
        weight: (N,) or None.
    """
    low, high = _ratio(above, below, weight)._replace(skewness=0.0).interval()
    return (None, None) if low is None or high is None else (1 - high, 1 - low)


def _ratio(above: np.ndarray, below: np.ndarray, weight: np.ndarray | None) -> Mean:
    share = np.full(len(above), 1 / len(above)) if weight is None else weight / weight.sum()
    a, b = share @ above, share @ below
    if not np.all(b > 0) or not np.isfinite([a, b]).all():
        return Mean(math.nan, math.nan, math.nan)
    moved = (above - a) / b - a * (below - b) / b**2
    return mean_of(moved if moved.ndim == 1 else moved.mean(axis=1), weight)._replace(value=float(np.mean(a / b)))


def around_share(value: float, moved: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the interval of a value between 0 and 1 that rows move by ``moved``, (N,) with the mean 0."""
    return mean_of(moved, weight)._replace(value=value).share_interval()
