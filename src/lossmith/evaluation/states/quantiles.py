"""Quantiles with a guaranteed relative error, from bins that are floats with fewer bits."""

from __future__ import annotations

import math

import numpy as np

from ...errors import InputError
from .bracket import Bracket
from .parts import SparseCounts
from .state import State, rows_of
from .tallies import SparseSums

_MANTISSA = 52
_SIGN = np.int64(-(1 << 63))


class Quantiles(State):
    """Counts of values by the top bits of their float64: a quantile is known to within 2**-(keep + 1) of its size.

    Args:
        keep: How many bits of the mantissa decide on the bin.
        weighted: Whether values have weights.

    >>> state = Quantiles()
    >>> state.update(np.arange(1, 1001.0))
    >>> found = state.result(0.5)
    >>> found.low <= 500 <= found.high, round(found.bound / found.value, 3) <= 0.004
    (True, True)
    """

    kind = "quantiles"

    def __init__(self, keep: int = 7, weighted: bool = False) -> None:
        super().__init__(keep=int(keep), weighted=bool(weighted))
        self._counts = SparseSums() if weighted else SparseCounts()
        self.parts = {"counts": self._counts}

    def update(self, values: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Look at values (N,) float64, infinite ones too, with weights (N,) where these are asked for.

        Raises:
            InputError: One is NaN, which has no place in an order.
        """
        rows_of(values=values)
        self.check_weight(weight)
        if np.isnan(values).any():
            raise InputError("values hold NaN, which has no place in an order; leave such rows out")
        bits = (np.ascontiguousarray(values, np.float64) + 0.0).view(np.int64)
        size = (bits & ~_SIGN) >> (_MANTISSA - self.settings["keep"])
        keys = np.where(bits < 0, -1 - size, size)
        if isinstance(self._counts, SparseCounts):
            self._counts.add(keys)
        else:
            assert weight is not None
            self._counts.add(keys, weight)

    @property
    def count(self) -> float:
        """How many values there were, or the sum of their weights."""
        return self._counts.counts.sum().item()

    def result(self, q: float = 0.5) -> Bracket | None:
        """Return the smallest value that at least ``q`` of the values do not exceed, or None without values."""
        total = self.count
        if not 0 <= q <= 1:
            raise InputError(f"q is {q}; expected a number in [0, 1]")
        if not total:
            return None
        rank = q * total if self.settings["weighted"] else max(1, math.ceil(q * total))
        place = int(np.searchsorted(np.cumsum(self._counts.counts), rank))
        return self.bracket(int(self._counts.keys[min(place, self._counts.keys.size - 1)]))

    def bins(self) -> tuple[list[Bracket], np.ndarray]:
        """Return the bins that hold values, in order, and how many (or how much weight) each holds."""
        return [self.bracket(k) for k in self._counts.keys.tolist()], self._counts.counts.copy()

    def bracket(self, key: int) -> Bracket:
        """Return what is known of the values with one key."""
        shift = _MANTISSA - self.settings["keep"]
        size = key if key >= 0 else -1 - key
        low = _float(size << shift)
        if math.isinf(low):
            ends = (math.inf, math.inf)
        else:
            ends = (low, _float(((size + 1) << shift) - 1))
        if key < 0:
            ends = (-ends[1], -ends[0])
        return Bracket(ends[0] if ends[0] == ends[1] else ends[0] / 2 + ends[1] / 2, *ends)


def _float(bits: int) -> float:
    return float(np.array([bits], np.int64).view(np.float64)[0])
