"""The kernels of the evaluation states: exact sums, score histograms, calibration bins and groups of rows.

What they compute is what the NumPy code of ``lossmith.evaluation.states`` computes, to the last bit: all of it is whole
numbers. They run on the calling thread without the GIL, as evaluation already has a split for each thread. Callers ask
``available()`` and go on with NumPy where it says no.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import _core

PROBABILITY_UNIT = -32  # the powers of two of which BinaryRows counts multiples: probabilities per bin,
BINARY_UNITS = (-40, -46, -46)  # and losses, Brier scores and confidences per group
MOST_LOGIT = 127.0  # BinaryRows takes logits of this size, and no larger ones
_Limbs = tuple[int, np.ndarray, np.ndarray]
_Whole = list[tuple[np.ndarray, int]]  # whole numbers and their power of two; the sum is that of all pairs
_TYPES = {"f4": 0, "f8": 1, "b1": 2, "i1": 2, "u1": 2, "i4": 3, "u4": 3, "i8": 4, "u8": 4}
_BIN = np.dtype([("low", "<f8"), ("minus_high", "<f8"), ("count", "<i8", 2)])
_WORST = np.dtype([("loss", "<f8"), ("row_id", "<i8"), ("target", "<f8"), ("predicted", "<f8"), ("confidence", "<f8")])


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
    """Return the groups of words (N,) uint64, as int64: ``group_bits`` of ``states/hashing.py``, masked."""
    x = np.ascontiguousarray(words, np.uint64)
    group = np.empty(x.size, np.int64)
    _core.hash_groups(x, x.size, seed, mask, group)
    return group


@dataclass(frozen=True, eq=False)
class BinaryTotals:
    """What ``BinaryRows`` found; B bins of scores, K of probabilities, G groups.

    Attributes:
        scores: (2, B) int64: rows per bin of the score, by target.
        low: (B,) the smallest score of each bin; inf without rows. ``high`` likewise.
        cells: (G, 4) int64: rows of each group, by 2 * target + predicted.
        shares: Sums over the groups (G,): losses, Brier scores, confidences.
        calibrated: (K, 2) int64: rows per bin of the probability, by target.
        confidence: Sums of the probabilities of each bin (K,).
        loss: The sum of the losses (1,).
        worst: Columns of the rows with the largest losses.
    """

    scores: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cells: np.ndarray
    shares: list[_Whole]
    calibrated: np.ndarray
    confidence: _Whole
    loss: _Whole
    worst: dict[str, np.ndarray]


class BinaryRows:
    """Sums and counts of binary classifications, made in one pass over the columns; evaluation_rows.hpp has the rest.

    Args:
        logits: Whether scores are logits instead of probabilities.
        keep: Bits of a score's mantissa that decide on its bin, as ``first_bits`` and ``half`` for ``ScoreHistogram``.
        first_bits: The top bits of the first bin.
        half: Half the number of bins.
        calibration_bins: How many bins of equal width there are for probabilities.
        groups: How many groups of rows, a power of two.
        worst: How many rows to keep.
        seed: What the hashes of rows are changed by.
    """

    def __init__(
        self,
        *,
        logits: bool,
        keep: int,
        first_bits: int,
        half: int,
        calibration_bins: int,
        groups: int,
        worst: int,
        seed: int,
    ) -> None:
        self._rows = _core.BinaryRows(logits, keep, first_bits, half, calibration_bins, groups, worst, seed)

    def update(self, score: np.ndarray, target: np.ndarray, ids: np.ndarray | None, first: int) -> bool:
        """Look at all rows, or at none and return False, where one is not what the kernel takes.

        Args:
            score: (N,) float32 or float64.
            target: (N,) integers, booleans or floats.
            ids: (N,) integers; None for those from ``first`` on.
            first: The id of the first row.
        """
        types = [_TYPES.get(x.dtype.str[1:]) if x.dtype.isnative else None for x in (score, target)]
        if None in types or score.dtype.kind != "f" or score.ndim != 1 or target.shape != score.shape:
            return False
        words = None
        if ids is not None:
            if ids.dtype.kind not in "iu":
                return False
            words = np.ascontiguousarray(ids, np.int64 if ids.dtype.kind == "i" else np.uint64)
        x, y = np.ascontiguousarray(score), np.ascontiguousarray(target)
        return self._rows.update(x, types[0], y, types[1], x.size, words, first)

    def read(self) -> BinaryTotals:
        """Return what was found so far."""
        found = self._rows.read()
        bins = np.frombuffer(found["bins"], _BIN)
        loss = _numbers(found["loss"], 2, 1, 2)
        left = _numbers(found["left"], -1, 1)
        worst = np.frombuffer(found["worst"], _WORST)
        return BinaryTotals(
            scores=np.ascontiguousarray(bins["count"].T),
            low=bins["low"],
            high=-bins["minus_high"],
            cells=_numbers(found["cells"], -1, 4),
            shares=[
                _wide(share, unit)
                for share, unit in zip(
                    np.moveaxis(_numbers(found["shares"], -1, 3, 2), 1, 0), BINARY_UNITS, strict=True
                )
            ],
            calibrated=_numbers(found["calibrated"], -1, 2),
            confidence=_wide(_numbers(found["calibration"], -1, 2, 2).sum(axis=1), PROBABILITY_UNIT),
            loss=[
                *_wide(loss[0], _core.FIRST_LOSS_UNIT),
                *_wide(loss[1], _core.SECOND_LOSS_UNIT),
                *((limb, 32 * (_core.FIRST_LIMB + j)) for j, limb in enumerate(left) if limb.any()),
            ],
            worst={name: np.ascontiguousarray(worst[name]) for name in _WORST.names or ()},
        )


def _numbers(raw: bytes, *shape: int) -> np.ndarray:
    return np.frombuffer(raw, np.int64).reshape(shape)


def _wide(words: np.ndarray, unit: int) -> _Whole:
    """Return sums (…, 2) of low and high words of 32 bits as pairs."""
    return [(words[..., 0], unit), (words[..., 1], unit + 32)]
