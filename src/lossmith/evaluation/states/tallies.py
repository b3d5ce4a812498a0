"""Rows that are counted, or whose weights are added up: one interface for both, and sums by any key."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import DataError
from .exact import ExactSums
from .parts import Counts, Part, integers_of


class SparseSums(Part):
    """Exact sums by any int64 keys, kept sorted by key."""

    def __init__(self) -> None:
        self.keys = np.zeros(0, np.int64)
        self._sums = ExactSums(0)

    @property
    def counts(self) -> np.ndarray:
        """The sum of each key, rounded once."""
        return self._sums.result()

    def add(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Add values (N,) float64 to the sums of keys (N,)."""
        self._make_room(np.unique(keys))
        self._sums.add(values, np.searchsorted(self.keys, keys))

    def merge(self, other: Part) -> None:
        """Add the sums of another."""
        assert isinstance(other, SparseSums)
        self._make_room(other.keys)
        if self.keys.size:
            self._sums.merge(other._sums.placed(np.searchsorted(self.keys, other.keys), self.keys.size))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the keys, sorted, and their sums."""
        return {"key": self.keys, **self._sums.arrays()}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` returned."""
        keys = integers_of(arrays, "key")
        if (np.diff(keys) <= 0).any():
            raise DataError("stored sums are damaged: expected ascending keys")
        self.keys, self._sums = keys, ExactSums(keys.size)
        self._sums.load({name: x for name, x in arrays.items() if name != "key"})

    def _make_room(self, keys: np.ndarray) -> None:
        if self.keys.size and np.array_equal(self.keys[np.searchsorted(self.keys[:-1], keys)], keys):
            return
        every = np.union1d(self.keys, keys)
        if every.size > self.keys.size:
            self._sums = self._sums.placed(np.searchsorted(every, self.keys), every.size)
            self.keys = every.astype(np.int64)


def tallies(size: int, weighted: bool) -> Counts | ExactSums:
    """Return a part that counts rows, or adds up their weights."""
    return ExactSums(size) if weighted else Counts(size)


def tally(part: Counts | ExactSums, index: np.ndarray, weight: np.ndarray | None) -> None:
    """Count each of the indices (N,), or add its weight (N,) where the part takes weights."""
    if isinstance(part, Counts):
        part.add(index)
    else:
        assert weight is not None
        part.add(weight, index)


def tallied(part: Counts | ExactSums) -> np.ndarray:
    """Return the counts, int64, or the sums of weights, float64."""
    return part.values if isinstance(part, Counts) else part.result()
