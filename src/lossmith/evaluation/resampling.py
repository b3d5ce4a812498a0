"""Intervals from replicates of a number, where rows, groups or images are drawn anew."""

from __future__ import annotations

import numpy as np

from .intervals import Interval


def percentiles(replicates: np.ndarray) -> Interval:
    """Return the 95 % percentile interval of the replicates that are finite; (None, None) where there is none."""
    known = replicates[np.isfinite(replicates)]
    if not known.size:
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
