"""The kernels of the evaluation states: exact sums, score histograms, calibration bins and groups of rows.

What they compute is what the NumPy code of ``lossmith.evaluation.states`` computes, to the last bit: all of it is whole
numbers. They run on the calling thread without the GIL, as evaluation already has a split for each thread. Callers ask
``available()`` and go on with NumPy where it says no.
"""

from __future__ import annotations

import numpy as np

from . import _core

_Limbs = tuple[int, np.ndarray, np.ndarray]


def available() -> bool:
    """Return whether the kernels are there."""
    return _core is not None


def exact_add(a: np.ndarray, b: np.ndarray | None, index: np.ndarray | None, size: int) -> _Limbs:
    """Return sums of values, or of products that are not rounded, as limbs.

    Args:
        a: (N,) float64, contiguous.
        b: (N,) float64, contiguous: the other factors; None for the sums of ``a``.
        index: (N,) integers in [0, size): to which sum each belongs; None where there is one.
        size: How many sums.

    Returns:
        The number of the first limb, the limbs (L, size) int64, and counts (3 * size) of NaN, inf and -inf; limb j
        counts multiples of 2**(32 j).

    Raises:
        ValueError: An index is out of range.
    """
    first, count = _core.limb_window(a, b, a.size)
    limbs, odd = np.zeros((size, count), np.int64), np.zeros(3 * size, np.int64)
    at = None if index is None else np.ascontiguousarray(index, np.int64)
    bad = _core.exact_add(a, b, at, a.size, size, first, count, limbs, odd)
    if bad >= 0 and at is not None:
        raise ValueError(f"index is {at[bad]} at position {bad}; expected 0 <= index < {size}, the number of sums")
    return first, limbs.T, odd


def count_scores(
    score: np.ndarray,
    target: np.ndarray,
    probability: bool,
    keep: int,
    first_bits: int,
    counts: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Count scores in the bins of a ``ScoreHistogram``, in place.

    Args:
        score: (N,) float64, none of them NaN.
        target: (N,) 0 or 1.
        probability: Whether bins are mirrored around 0.5 instead of 0.
        keep: Bits of the mantissa that decide on the bin.
        first_bits: The top bits of the first bin.
        counts: (4 H,) int64: bins of negatives, then of positives.
        low: (2 H,) float64: smallest score of each bin.
        high: (2 H,) float64: largest score of each bin.

    Raises:
        ValueError: A target is neither 0 nor 1.
    """
    t = np.ascontiguousarray(target, np.int64)
    x = np.ascontiguousarray(score, np.float64)
    bad = _core.count_scores(x, t, x.size, probability, keep, first_bits, counts.size // 4, counts, low, high)
    if bad >= 0:
        raise ValueError(f"target is {t[bad]} at position {bad}; expected 0 or 1")


def calibrate(
    confidence: np.ndarray, outcome: np.ndarray, inner_edges: np.ndarray | None, rows: np.ndarray, hits: np.ndarray
) -> np.ndarray:
    """Count rows and outcomes by bin of the confidence, in place, and return the bins (N,) int64.

    Args:
        confidence: (N,) float64 in [0, 1].
        outcome: (N,) 0 or 1, of any dtype.
        inner_edges: (B - 1,) float64, ascending; None for bins of equal width.
        rows: (B,) int64.
        hits: (B,) int64.

    Raises:
        ValueError: A confidence is no probability.
    """
    x, y = np.ascontiguousarray(confidence, np.float64), np.ascontiguousarray(outcome != 0).view(np.uint8)
    index = np.empty(x.size, np.int64)
    bad = _core.calibrate(x, y, x.size, rows.size, inner_edges, index, rows, hits)
    if bad >= 0:
        raise ValueError(f"confidence is {x[bad]} at position {bad}; expected a number in [0, 1]")
    return index


def hash_groups(words: np.ndarray, seed: int, mask: int) -> np.ndarray:
    """Return ``splitmix64(word ^ seed) & mask`` of words (N,) uint64, as int64."""
    x = np.ascontiguousarray(words, np.uint64)
    group = np.empty(x.size, np.int64)
    _core.hash_groups(x, x.size, seed, mask, group)
    return group
