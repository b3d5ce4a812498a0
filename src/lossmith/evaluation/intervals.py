"""95 % confidence intervals: Wilson's for proportions, for means one that is as skewed as what is averaged.

With weights, n is Kish's effective number of rows, (Σ w)² / Σ w².
"""

from __future__ import annotations

import math

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


def effective_rows(weight: np.ndarray | None, rows: float) -> float:
    """Return the number of unweighted rows that tell as much as the weighted ones."""
    if weight is None:
        return rows
    squares = float(np.sum(weight * weight))
    return float(np.sum(weight)) ** 2 / squares if squares else 0.0


def wilson(share: float | None, n: float) -> tuple[float | None, float | None]:
    """Return Wilson's interval of a share observed in ``n`` rows.

    >>> [round(x, 4) for x in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    if share is None or n <= 0:
        return None, None
    square = Z * Z / n
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return middle - half if share > 0 else 0.0, middle + half if share < 1 else 1.0  # exact at the ends


def mean_and_error(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float, float]:
    """Return the (weighted) mean, its standard error and the effective rows; NaN for what is not defined."""
    n = effective_rows(weight, values.size)
    weight = np.ones(values.size) if weight is None else weight
    with np.errstate(all="ignore"):
        total = weight.sum()
        middle = float(np.sum(weight * values) / total)
        if n <= 1:
            return middle, math.nan, n
        return middle, float(np.sqrt(np.sum((weight * (values - middle)) ** 2) * n / (n - 1)) / total), n


def normal(values: np.ndarray, weight: np.ndarray | None) -> tuple[float | None, float | None]:
    """Return the normal interval of the (weighted) mean of ``values``; (None, None) where it is not defined."""
    middle, error, _ = mean_and_error(values, weight)
    if not math.isfinite(middle) or not math.isfinite(error):
        return None, None
    return middle - Z * error, middle + Z * error


def of_mean(values: np.ndarray, weight: np.ndarray | None) -> tuple[float | None, float | None]:
    """Return the interval of the (weighted) mean of ``values``; (None, None) where it is not defined.

    Student's t makes up for few rows, and what is skewed, as squared errors are, has an interval that is: see
    :func:`skewed_ends`.
    """
    middle, error, rows = mean_and_error(values, weight)
    if not math.isfinite(middle) or not math.isfinite(error):
        return None, None
    low, high = skewed_ends(t_quantile(max(rows - 1, 1)), _skewness_of_mean(values - middle, weight))
    return middle + low * error, middle + high * error


def _skewness_of_mean(distances: np.ndarray, weight: np.ndarray | None) -> float:
    """Return that of the (weighted) mean of numbers with these distances from their mean."""
    parts = distances if weight is None else weight * distances
    largest = float(np.abs(parts).max(initial=0.0))
    if not largest > 0:
        return 0.0
    parts = parts / largest  # cubes of any size
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
