"""The mean of a loss, its spread and its extremes, overall or per group (such as the class of the row)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..intervals import Z
from .exact import ExactSums, quotient
from .parts import Counts, Extremes
from .state import State, rows_of


@dataclass(frozen=True, eq=False)
class LossSummary:
    """What is known of the values of each group, all (G,).

    Attributes:
        count: Rows.
        mean: Rounded once (with weights: of the sums); NaN without rows.
        variance: Of the values, with the denominator n - 1, rounded once; NaN below two rows or where one is infinite.
            With weights: ``error**2 * effective``.
        low: The smallest value; inf without rows. ``high`` likewise.
        error: The standard error of the mean; NaN where the variance is.
        effective: Rows, or with weights their effective number (Σ w)² / Σ w².
    """

    count: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    effective: np.ndarray

    def interval(self, group: int = 0) -> tuple[float, float]:
        """Return the normal 95 % confidence interval of a group's mean; NaN where it is not defined."""
        half = Z * float(self.error[group])
        return float(self.mean[group]) - half, float(self.mean[group]) + half


class LossSums(State):
    """Σ loss and Σ loss² without rounding, rows, smallest and largest value, per group.

    With weights w the sums are those of v = w * loss, rounded per row, and beside them stand Σ w, Σ w², Σ w v and Σ v².

    Args:
        groups: How many groups; 1 for the rows as a whole.
        spread: Whether squares and extremes are kept; without them variance, low and high are NaN.
        weighted: Whether rows have weights.

    >>> state = LossSums()
    >>> state.update(np.array([1.0, 2.0, 6.0]))
    >>> found = state.result()
    >>> found.mean.tolist(), found.variance.tolist()
    ([3.0], [7.0])
    >>> state = LossSums(weighted=True)
    >>> state.update(np.array([1.0, 2.0, 6.0]), weight=np.array([1.0, 2.0, 1.0]))
    >>> state.result().mean.tolist()
    [2.75]
    """

    kind = "loss"

    def __init__(self, groups: int = 1, spread: bool = True, weighted: bool = False) -> None:
        super().__init__(groups=int(groups), spread=bool(spread), weighted=bool(weighted))
        self._rows, self._extremes, self._sums = Counts(groups), Extremes(groups), ExactSums(groups)
        self._squares, self._weights = ExactSums(groups), ExactSums(groups)
        self._weight_squares, self._products = ExactSums(groups), ExactSums(groups)
        self.parts = {"rows": self._rows, "sums": self._sums}
        if weighted:
            self.parts |= {"weights": self._weights}
        if spread:
            self.parts |= {"squares": self._squares, "extremes": self._extremes}
        if weighted and spread:
            self.parts |= {"weight_squares": self._weight_squares, "products": self._products}

    def update(self, loss: np.ndarray, group: np.ndarray | None = None, weight: np.ndarray | None = None) -> None:
        """Look at values (N,) float64 of the groups (N,) integers, where there are several, and weights (N,) >= 0."""
        given = {"loss": loss, "group": group, "weight": weight}
        rows_of(**{name: x for name, x in given.items() if x is not None})
        self.check_weight(weight)
        if group is None:
            self._rows.values[0] += loss.size
        else:
            self._rows.add(group)
        values = loss if weight is None else weight * np.where(weight > 0, loss, 0.0)
        self._sums.add(values, group)
        if weight is not None:
            self._weights.add(weight, group)
        if self.settings["spread"]:
            self._squares.add_products(values, values, group)
            self._extremes.add(loss, group)
            if weight is not None:
                self._weight_squares.add_products(weight, weight, group)
                self._products.add_products(weight, values, group)

    def result(self) -> LossSummary:
        """Return the numbers per group."""
        rows = self._rows.values.copy()
        weighted = self.settings["weighted"]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._sums.result() / self._weights.result() if weighted else self._sums.result(rows)
        if not self.settings["spread"]:
            unknown = np.full(rows.size, np.nan)
            effective = unknown if weighted else rows.astype(np.float64)
            return LossSummary(rows, mean, unknown, unknown.copy(), unknown.copy(), unknown.copy(), effective.copy())
        if weighted:
            variance, effective = self._weighted_variances()
        else:
            variance, effective = _variances(self._sums, self._squares, rows), rows.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(variance / effective)
        low, high = self._extremes.low.copy(), self._extremes.high.copy()
        return LossSummary(rows, mean, variance, low, high, error, effective)

    @property
    def infinite(self) -> int:
        """How many values were NaN or infinite."""
        return self._sums.odd

    def mean_and_error(self) -> tuple[float, float, float]:
        """Return the mean of a state of one group, its standard error and the (effective) rows; NaN if not defined."""
        found = self.result()
        return float(found.mean[0]), float(found.error[0]), float(found.effective[0])

    def gain(self, constant: np.ndarray) -> tuple[float, float]:
        """Return mean and standard error of constant - loss over all rows, a constant (G,) per group; NaN if not known.

        The error is that of the rows' differences, Σ w² (difference - mean)², from the sums of each group.
        """
        weights, weight_squares, products = self._moments()
        sums, squares = self._sums.fractions(), self._squares.fractions()
        here = np.flatnonzero(self._rows.values)
        if sums is None or squares is None or weights is None or not np.isfinite(constant[here]).all():
            return math.nan, math.nan
        assert weight_squares is not None and products is not None
        level = {k: Fraction(float(constant[k])) for k in here.tolist()}
        total, rows = sum(weights), sum(weight_squares)
        if not total or total * total <= rows:  # one effective row
            return math.nan, math.nan
        mean = sum(weights[k] * level[k] - sums[k] for k in level) / total
        scatter = Fraction(0)
        for k, own in level.items():
            middle = own - mean
            scatter += squares[k] - 2 * middle * products[k] + middle * middle * weight_squares[k]
        effective = total * total / rows
        return float(mean), math.sqrt(max(0, scatter * effective / (effective - 1))) / float(total)

    def overall(self) -> LossSummary:
        """Return the numbers of all groups together, from the exact sums."""
        one = LossSums(spread=self.settings["spread"], weighted=self.settings["weighted"])
        for name, part in self.parts.items():
            whole = one.parts[name]
            if isinstance(part, ExactSums) and isinstance(whole, ExactSums):
                whole.absorb(part)
        one._rows.values[0] = self._rows.values.sum()
        one._extremes.low[0] = self._extremes.low.min(initial=np.inf)
        one._extremes.high[0] = self._extremes.high.max(initial=-np.inf)
        return one.result()

    def _moments(self) -> tuple[list[Fraction] | None, list[Fraction] | None, list[Fraction] | None]:
        """Return Σ w, Σ w² and Σ w v of each group; without weights all w are 1."""
        if self.settings["weighted"]:
            return self._weights.fractions(), self._weight_squares.fractions(), self._products.fractions()
        rows = [Fraction(n) for n in self._rows.values.tolist()]
        return rows, rows, self._sums.fractions()

    def _weighted_variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the variances, and the effective rows: NaN where there is one, or a value was not finite."""
        weights, weight_squares, products = self._moments()
        sums, squares = self._sums.fractions(), self._squares.fractions()
        assert weights is not None and weight_squares is not None
        variance, effective = np.full(len(weights), np.nan), np.zeros(len(weights))
        for k, (total, rows) in enumerate(zip(weights, weight_squares, strict=True)):
            if not rows:
                continue
            n = total * total / rows
            effective[k] = float(n)
            if n > 1 and sums is not None and squares is not None and products is not None:
                mean = sums[k] / total
                scatter = squares[k] - 2 * mean * products[k] + mean * mean * rows
                variance[k] = float(scatter * n * n / (n - 1) / (total * total))
        return variance, effective


def _variances(sums: ExactSums, squares: ExactSums, rows: np.ndarray) -> np.ndarray:
    """Return (n Σx² - (Σx)²) / (n (n - 1)) from whole numbers, so nothing cancels."""
    (firsts, e), (seconds, f) = sums.integers(), squares.integers()
    unit = min(2 * e, f)
    finite = np.isfinite(squares.result()) & np.isfinite(sums.result())
    found = np.full(rows.size, np.nan)
    for k, n in enumerate(rows.tolist()):
        if n > 1 and finite[k]:
            top = ((n * seconds[k]) << (f - unit)) - ((firsts[k] * firsts[k]) << (2 * e - unit))
            found[k] = quotient(top, n * (n - 1), unit)
    return found
