"""95 % confidence intervals: Wilson's for proportions, for means one that is as skewed as what is averaged.

With weights, n is Kish's effective number of rows, (Σ w)² / Σ w².
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
Interval = tuple[float | None, float | None]


class Mean(NamedTuple):
    """A (weighted) mean; NaN where something is not defined.

    Attributes:
        value: The mean.
        error: Its standard error.
        rows: The (effective) number of rows.
        skewness: Of the mean: that of the values over the square root of how many there are; 0 where it is not known.
    """

    value: float
    error: float
    rows: float
    skewness: float = 0.0

    def interval(self) -> Interval:
        """Return the 95 % interval of the mean; (None, None) where it is not defined.

        Student's t makes up for few rows, and what is skewed, as squared errors are, has an interval that is: see
        :func:`skewed_ends`.
        """
        if not math.isfinite(self.value) or not math.isfinite(self.error):
            return None, None
        low, high = skewed_ends(t_quantile(max(self.rows - 1, 1)), self.skewness)
        return self.value + low * self.error, self.value + high * self.error

    def share_interval(self) -> Interval:
        """Return the interval of a mean of numbers between 0 and 1: Wilson's, with as many rows as tell as much.

        Those are the yes-or-no rows whose share would have this mean's standard error (E. L. Korn and B. I. Graubard,
        "Confidence intervals for proportions with small expected number of positive counts estimated from survey
        data", Survey Methodology 24(2), 1998); where all values are equal, the rows themselves.
        """
        if not math.isfinite(self.value) or not math.isfinite(self.error):
            return None, None
        square, spread = self.error**2, self.value * (1 - self.value)
        return wilson(self.value, spread / square if square > 0 and spread > 0 else self.rows)


def effective_rows(weight: np.ndarray | None, rows: float) -> float:
    """Return the number of unweighted rows that tell as much as the weighted ones."""
    if weight is None:
        return rows
    squares = float(np.sum(weight * weight))
    return float(np.sum(weight)) ** 2 / squares if squares else 0.0


def wilson(share: float | None, n: float) -> Interval:
    """Return Wilson's interval of a share observed in ``n`` rows.

    >>> [round(x, 4) for x in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    if share is None or n <= 0:
        return None, None
    low, high = wilson_ends(np.float64(share), np.float64(n))
    return float(low), float(high)


def wilson_ends(share: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's intervals of shares, (…) each, observed in ``n`` rows, (…) above 0.

    >>> [x.round(4).tolist() for x in wilson_ends(np.array([0.9, 1.0]), np.array([100, 20]))]
    [[0.8256, 0.8389], [0.9448, 1.0]]
    """
    square = Z * Z / n
    middle = (share + square / 2) / (1 + square)
    half = Z * np.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return np.where(share > 0, middle - half, 0.0), np.where(share < 1, middle + half, 1.0)  # exact at the ends


def mean_of(values: np.ndarray, weight: np.ndarray | None) -> Mean:
    """Return the (weighted) mean of ``values``, (N,), with its standard error and its skewness."""
    n = effective_rows(weight, values.size)
    with np.errstate(all="ignore"):
        total = values.size if weight is None else float(weight.sum())
        middle = float(np.sum(values if weight is None else weight * values) / total)
        if n <= 1:
            return Mean(middle, math.nan, n)
        parts = values - middle if weight is None else weight * (values - middle)
        squares = parts * parts
        error = float(np.sqrt(np.sum(squares) * n / (n - 1)) / total)
        return Mean(middle, error, n, _skewness(parts))


def of_mean(values: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the interval of the (weighted) mean of ``values``, (N,): see :meth:`Mean.interval`."""
    return mean_of(values, weight).interval()


def normal(values: np.ndarray, weight: np.ndarray | None) -> Interval:
    """Return the normal interval of the (weighted) mean of ``values``, (N,); (None, None) where it is not defined."""
    middle, error, _, _ = mean_of(values, weight)
    if not math.isfinite(middle) or not math.isfinite(error):
        return None, None
    return middle - Z * error, middle + Z * error


def _skewness(distances: np.ndarray) -> float:
    """Return that of a mean of numbers with these (weighted) distances from it."""
    largest = float(np.abs(distances).max(initial=0.0))
    if not 0 < largest < math.inf:
        return 0.0
    parts = distances / largest  # cubes of any size
    squares = parts * parts
    return float(np.sum(squares * parts)) / float(np.sum(squares)) ** 1.5


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t, to 1e-3 from 4 degrees of freedom on (Cornish and Fisher's series).

    >>> round(t_quantile(10), 3), round(t_quantile(511), 3)
    (2.228, 1.965)
    """
    first = (Z**3 + Z) / (4 * freedom)
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * freedom**3)
    return Z + first + second + third


def skewed_ends(t: float, skewness: float) -> tuple[float, float]:
    """Return the ends of an interval for a mean in standard errors from it, where those of a normal one are -t and t.

    Where few values are large, as among squared errors, a mean that came out low has a small standard error, too, and
    the normal interval misses. The transformation is that of P. Hall, "On the removal of skewness by transformation",
    J. R. Statist. Soc. B 54(1), 1992.

    Args:
        t: The quantile.
        skewness: Of the mean: that of the values over the square root of how many there are.

    >>> [round(end, 2) for end in skewed_ends(1.96, 0.2)], skewed_ends(1.96, 0.0)
    ([-1.72, 2.34], (-1.96, 1.96))
    """
    if abs(skewness) < 1e-6:
        return -t, t
    low, high = (-3 / skewness * (np.cbrt(1 + skewness * (x - skewness / 6)) - 1) for x in (t, -t))
    return float(low), float(high)
