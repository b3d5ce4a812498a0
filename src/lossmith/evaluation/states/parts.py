"""What states are made of: parts that merge, and that are stored as plain one-dimensional arrays.

A part has no settings of its own worth storing: the state that holds it makes it from its settings, then loads it.
Equal contents give equal arrays, whatever the order in which they came.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from ...errors import DataError, InputError, ShapeError


class Part(ABC):
    """A commutative monoid over arrays: ``merge`` adds another of the same kind and size."""

    @abstractmethod
    def merge(self, other: Part) -> None:
        """Add the contents of another part made from the same settings."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return what there is to store: one-dimensional arrays of int64, uint64, float64 or strings."""

    @abstractmethod
    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` returned.

        Raises:
            DataError: They are not what this part stores.
        """


class Counts(Part):
    """``size`` counts, int64; stored without those that are 0.

    >>> counts = Counts(3)
    >>> counts.add(np.array([2, 2, 0]))
    >>> counts.values.tolist()
    [1, 0, 2]
    """

    def __init__(self, size: int) -> None:
        self.values = np.zeros(size, np.int64)

    def add(self, index: np.ndarray) -> None:
        """Count each of the indices (N,), integers in [0, size)."""
        self.values += np.bincount(index, minlength=self.values.size)

    def merge(self, other: Part) -> None:
        """Add the counts of another."""
        assert isinstance(other, Counts)
        self.values += other.values

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the places of counts, and the counts."""
        at = np.flatnonzero(self.values)
        return {"at": at, "count": self.values[at]}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored counts."""
        at, count = integers_of(arrays, "at", self.values.size), integers_of(arrays, "count")
        if at.shape != count.shape or np.unique(at).size != at.size or (count <= 0).any():
            raise DataError("stored counts are damaged: expected one positive count for each of different places")
        self.values[:] = 0
        self.values[at] = count


class SparseCounts(Part):
    """Counts of any int64 keys, kept sorted by key."""

    def __init__(self) -> None:
        self.keys = np.zeros(0, np.int64)
        self.counts = np.zeros(0, np.int64)

    def add(self, keys: np.ndarray) -> None:
        """Count each of the keys (N,)."""
        self.fold(*np.unique(keys, return_counts=True))

    def merge(self, other: Part) -> None:
        """Add the counts of another."""
        assert isinstance(other, SparseCounts)
        self.fold(other.keys, other.counts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the keys, sorted, and their counts."""
        return {"key": self.keys, "count": self.counts}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored counts."""
        keys, counts = integers_of(arrays, "key"), integers_of(arrays, "count")
        if keys.shape != counts.shape or (np.diff(keys) <= 0).any() or (counts <= 0).any():
            raise DataError("stored counts are damaged: expected one positive count for each of ascending keys")
        self.keys, self.counts = keys, counts

    def fold(self, keys: np.ndarray, counts: np.ndarray) -> None:
        """Add positive counts of ascending keys, (K,) int64 both."""
        place = np.searchsorted(self.keys, keys)
        known = np.zeros(keys.size, bool)
        inside = place < self.keys.size
        known[inside] = self.keys[place[inside]] == keys[inside]
        self.counts[place[known]] += counts[known]
        if not known.all():
            new = ~known
            self.keys = np.insert(self.keys, place[new], keys[new])
            self.counts = np.insert(self.counts, place[new], counts[new])


class Extremes(Part):
    """The smallest and the largest of the values of ``size`` groups; NaN is passed over."""

    def __init__(self, size: int) -> None:
        self.low = np.full(size, np.inf)
        self.high = np.full(size, -np.inf)

    def add(self, values: np.ndarray, index: np.ndarray | None = None) -> None:
        """Look at values (N,) float64, of the groups ``index`` (N,), or all of group 0."""
        if index is None:
            self.low[0] = np.fmin(self.low[0], np.fmin.reduce(values, initial=np.inf))
            self.high[0] = np.fmax(self.high[0], np.fmax.reduce(values, initial=-np.inf))
        else:
            known = ~np.isnan(values)
            if not known.all():
                index, values = index[known], values[known]
            np.minimum.at(self.low, index, values)
            np.maximum.at(self.high, index, values)

    def merge(self, other: Part) -> None:
        """Take the extremes of both."""
        assert isinstance(other, Extremes)
        self.fold(other.low, other.high)

    def fold(self, low: np.ndarray, high: np.ndarray) -> None:
        """Take other extremes, (size,) each, into account."""
        self.low, self.high = np.fmin(self.low, low), np.fmax(self.high, high)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the groups that have a value, and both ends of each."""
        at = np.flatnonzero(self.low <= self.high)
        # -0.0 and 0.0 are equal, and which of them came first is chance: 0.0 is stored.
        return {"at": at, "low": self.low[at] + 0.0, "high": self.high[at] + 0.0}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored extremes."""
        at = integers_of(arrays, "at", self.low.size)
        low, high = floats_of(arrays, "low", at.size), floats_of(arrays, "high", at.size)
        self.low[:], self.high[:] = np.inf, -np.inf
        self.low[at], self.high[at] = low, high


class FirstRows(Part):
    """The ``k`` rows that come first by a key, ties by row id and then by what else is kept of the row.

    Args:
        k: How many.
        columns: Names of the float64 columns kept beside key and id.
        descending: Whether the largest key comes first.
    """

    def __init__(self, k: int, columns: tuple[str, ...] = (), *, descending: bool = False) -> None:
        self.k, self.columns, self._descending = k, columns, descending
        self.rows: dict[str, np.ndarray] = {}

    def add(self, key: np.ndarray, row_id: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Look at rows: key (N,) float64 or uint64, row_id (N,) integers or strings, the columns (N,) numbers."""
        if set(columns) != set(self.columns):
            raise InputError(f"columns are {sorted(columns)}; this state keeps {sorted(self.columns)}")
        for name, x in (("row_id", row_id), *columns.items()):
            if np.shape(x) != key.shape:
                raise ShapeError(f"{name} has shape {np.shape(x)}; expected {key.shape}, one per row")
        keep = self._candidates(key)
        ids = row_id[keep]
        found = {"key": key[keep], "id": ids if ids.dtype.kind in "U" else ids.astype(np.int64)}
        self._fold(found | {name: np.asarray(x)[keep].astype(np.float64) for name, x in columns.items()})

    def merge(self, other: Part) -> None:
        """Take the first of both."""
        assert isinstance(other, FirstRows)
        if other.rows:
            self._fold(other.rows)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the rows in order."""
        return dict(self.rows)

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored rows."""
        if arrays and set(arrays) != {"key", "id", *self.columns}:
            raise DataError(f"stored rows have columns {sorted(arrays)}; expected key, id and {sorted(self.columns)}")
        if len({x.shape for x in arrays.values()}) > 1:
            raise DataError("stored rows are damaged: their columns have different lengths")
        self.rows = dict(arrays)

    def _candidates(self, key: np.ndarray) -> np.ndarray:
        """Return the places of all rows that may be among the first: a cheap cut before the sort."""
        if key.size <= 2 * self.k or not self.k:
            return np.arange(key.size)
        at = key.size - self.k if self._descending else self.k - 1
        edge = np.partition(key, at)[at]
        return np.flatnonzero(key >= edge if self._descending else key <= edge)

    def _fold(self, rows: Mapping[str, np.ndarray]) -> None:
        if self.rows and (self.rows["id"].dtype.kind == "U") != (rows["id"].dtype.kind == "U"):
            raise InputError("row ids are strings in one part and numbers in another; expected one kind")
        every = {n: np.concatenate([self.rows[n], x]) if self.rows else x for n, x in rows.items()}
        key = -every["key"] if self._descending else every["key"]
        order = np.lexsort((*(every[name] for name in reversed(self.columns)), every["id"], key))[: self.k]
        self.rows = {name: x[order] for name, x in every.items()}


def integers_of(arrays: Mapping[str, np.ndarray], name: str, below: int | None = None) -> np.ndarray:
    """Return a stored array of int64, each in [0, below) where that is given.

    Raises:
        DataError: There is none, or its values are out of range.
    """
    x = arrays.get(name)
    if x is None or x.ndim != 1 or (x.size and x.dtype.kind not in "iu"):
        raise DataError(f"a stored state is damaged: {name!r} is no list of whole numbers")
    if below is not None and x.size and (x.min() < 0 or x.max() >= below):
        raise DataError(f"a stored state is damaged: {name!r} holds numbers outside of [0, {below})")
    return x.astype(np.int64)


def floats_of(arrays: Mapping[str, np.ndarray], name: str, size: int) -> np.ndarray:
    """Return a stored array of ``size`` float64.

    Raises:
        DataError: There is none of this length.
    """
    x = arrays.get(name)
    if x is None or x.shape != (size,) or x.dtype.kind not in "iuf":
        raise DataError(f"a stored state is damaged: {name!r} is no list of {size} numbers")
    return x.astype(np.float64)
