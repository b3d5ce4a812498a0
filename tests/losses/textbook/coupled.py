"""Losses over regions and batches: the textbook formulas; ``losses.coupled`` says what they get and return."""

from __future__ import annotations

from mpmath import mp


def root_mean_squared_error(p, t, w):
    return mp.sqrt(sum(c * (a - b) ** 2 for a, b, c in zip(p, t, w, strict=True)) / sum(w)), 1


def normalised_root_mean_squared_error(p, t, w, by):
    mean = sum(b * c for b, c in zip(t, w, strict=True)) / sum(w)
    spread = mp.sqrt(sum(c * (b - mean) ** 2 for b, c in zip(t, w, strict=True)) / sum(w))
    return root_mean_squared_error(p, t, w)[0] / {"std": spread, "mean": abs(mean), "range": max(t) - min(t)}[by], 1


REGION = (root_mean_squared_error, normalised_root_mean_squared_error)
BATCH = ()
GRID = {"normalised_root_mean_squared_error": [{"by": "mean"}, {"by": "range"}]}
