"""95 % confidence intervals: Wilson's for proportions, the normal one for means.

With weights, n is Kish's effective number of rows, (Σ w)² / Σ w².
"""

from __future__ import annotations

import math

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
Mean = tuple[float, float, float]  # the mean, its standard error and the effective rows; NaN where not defined


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


def mean_and_error(values: np.ndarray, weight: np.ndarray | None) -> Mean:
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
    return ends(mean_and_error(values, weight))


def ends(mean: Mean) -> tuple[float | None, float | None]:
    """Return the normal interval of a mean as :func:`mean_and_error` gives it; (None, None) where it is not defined."""
    middle, error, _ = mean
    if not math.isfinite(middle) or not math.isfinite(error):
        return None, None
    return middle - Z * error, middle + Z * error
