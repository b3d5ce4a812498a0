"""R², correlation, means and variances of pairs, from sums and products that are never rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .exact import ExactSums, quotient
from .parts import Counts
from .state import State, rows_of


@dataclass(frozen=True)
class MomentSummary:
    """What is known of pairs (x, y), such as prediction and target; None where it is not defined.

    Attributes:
        count: Rows.
        mean_x: Mean of x; ``mean_y`` likewise.
        variance_x: With the denominator n; ``variance_y`` and ``covariance`` likewise.
        squared_error: Mean of (x - y)².
        r2: 1 - Σ(x - y)² / Σ(y - mean of y)²: R² of x as a prediction of y.
        correlation: Pearson's.
    """

    count: int
    mean_x: float | None
    mean_y: float | None
    variance_x: float | None
    variance_y: float | None
    covariance: float | None
    squared_error: float | None
    r2: float | None
    correlation: float | None


class Moments(State):
    """Rows, Σx, Σy, Σx², Σy² and Σxy, all exact, so that nothing cancels however far the mean is from 0.

    >>> state = Moments()
    >>> state.update(np.array([2.5, 0.0, 2.0, 8.0]), np.array([3.0, -0.5, 2.0, 7.0]))
    >>> round(state.result().r2, 4)
    0.9486
    """

    kind = "moments"

    def __init__(self) -> None:
        super().__init__()
        self._rows = Counts(1)
        self._sums = {name: ExactSums() for name in ("x", "y", "xx", "yy", "xy")}
        self.parts = {"rows": self._rows, **self._sums}

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Look at pairs, (N,) float64 both."""
        self._rows.values[0] += rows_of(x=x, y=y)
        self._sums["x"].add(x)
        self._sums["y"].add(y)
        self._sums["xx"].add_products(x, x)
        self._sums["yy"].add_products(y, y)
        self._sums["xy"].add_products(x, y)

    def sum_y(self) -> float:
        """Return Σy, rounded once."""
        return float(self._sums["y"].result()[0])

    def result(self) -> MomentSummary:
        """Return the moments, each rounded once."""
        n = int(self._rows.values[0])
        if not n or not all(s.is_finite for s in self._sums.values()):
            return MomentSummary(n, *[None] * 8)
        # All in one unit: sums times 2**unit, products times 4**unit.
        numbers = {name: s.integers() for name, s in self._sums.items()}
        unit = min(e // (2 if len(name) == 2 else 1) for name, (_, e) in numbers.items())
        x, y, xx, yy, xy = (m[0] << (e - unit * len(name)) for name, (m, e) in numbers.items())
        spread_x, spread_y, together = n * xx - x * x, n * yy - y * y, n * xy - x * y
        error = n * (xx - 2 * xy + yy)
        square = n * n
        return MomentSummary(
            count=n,
            mean_x=quotient(x, n, unit),
            mean_y=quotient(y, n, unit),
            variance_x=quotient(spread_x, square, 2 * unit),
            variance_y=quotient(spread_y, square, 2 * unit),
            covariance=quotient(together, square, 2 * unit),
            squared_error=quotient(error, square, 2 * unit),
            r2=quotient(spread_y - error, spread_y, 0) if spread_y else None,
            correlation=_correlation(together, spread_x, spread_y),
        )


def _correlation(together: int, spread_x: int, spread_y: int) -> float | None:
    if not spread_x or not spread_y:
        return None
    share = quotient(together * together, spread_x * spread_y, 0)
    return math.copysign(math.sqrt(min(1.0, share)), together)
