"""The mean of a loss, its spread and its extremes, overall or per group (such as the class of the row)."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
        mean: Rounded once; NaN without rows.
        variance: Of the values, with the denominator n - 1, rounded once; NaN below two rows or where one is infinite.
        low: The smallest value; inf without rows. ``high`` likewise.
    """

    count: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def interval(self, group: int = 0) -> tuple[float, float]:
        """Return the normal 95 % confidence interval of a group's mean; NaN where it is not defined."""
        half = Z * float(np.sqrt(self.variance[group] / self.count[group]))
        return float(self.mean[group]) - half, float(self.mean[group]) + half


class LossSums(State):
    """Σ loss and Σ loss² without rounding, rows, smallest and largest value, per group.

    Args:
        groups: How many groups; 1 for the rows as a whole.
        spread: Whether squares and extremes are kept; without them variance, low and high are NaN.

    >>> state = LossSums()
    >>> state.update(np.array([1.0, 2.0, 6.0]))
    >>> found = state.result()
    >>> found.mean.tolist(), found.variance.tolist()
    ([3.0], [7.0])
    """

    kind = "loss"

    def __init__(self, groups: int = 1, spread: bool = True) -> None:
        super().__init__(groups=int(groups), spread=bool(spread))
        self._rows, self._extremes = Counts(groups), Extremes(groups)
        self._sums, self._squares = ExactSums(groups), ExactSums(groups)
        self.parts = {"rows": self._rows, "sums": self._sums}
        if spread:
            self.parts |= {"squares": self._squares, "extremes": self._extremes}

    def update(self, loss: np.ndarray, group: np.ndarray | None = None) -> None:
        """Look at values (N,) float64 of the groups (N,) integers, where there are several."""
        if group is None:
            rows_of(loss=loss)
            self._rows.values[0] += loss.size
        else:
            rows_of(loss=loss, group=group)
            self._rows.add(group)
        self._sums.add(loss, group)
        if self.settings["spread"]:
            self._squares.add_products(loss, loss, group)
            self._extremes.add(loss, group)

    def result(self) -> LossSummary:
        """Return the numbers per group."""
        rows = self._rows.values.copy()
        mean = self._sums.result(rows)
        if not self.settings["spread"]:
            unknown = np.full(rows.size, np.nan)
            return LossSummary(rows, mean, unknown, unknown.copy(), unknown.copy())
        return LossSummary(
            count=rows,
            mean=mean,
            variance=_variances(self._sums, self._squares, rows),
            low=self._extremes.low.copy(),
            high=self._extremes.high.copy(),
        )

    @property
    def infinite(self) -> int:
        """How many values were NaN or infinite."""
        return self._sums.odd

    def mean_and_error(self) -> tuple[float, float, float]:
        """Return the mean of a state of one group, its standard error and the rows; NaN for what is not defined."""
        found = self.result()
        rows = float(found.count[0])
        error = math.sqrt(found.variance[0] / rows) if rows > 1 else math.nan
        return float(found.mean[0]), error, rows

    def overall(self) -> LossSummary:
        """Return the numbers of all groups together, from the exact sums."""
        one = LossSums(spread=self.settings["spread"])
        one._rows.values[0] = self._rows.values.sum()
        for mine, whole in ((self._sums, one._sums), (self._squares, one._squares)):
            whole.absorb(mine)
        one._extremes.low[0] = self._extremes.low.min(initial=np.inf)
        one._extremes.high[0] = self._extremes.high.max(initial=-np.inf)
        return one.result()


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
