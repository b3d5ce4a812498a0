"""Label maps: pixels by true and answered class, of all images and of groups of them, whatever the labels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import LabelError, ShapeError
from .bootstrap import REPLICATES, groups_of, weights_of
from .parts import Counts, SparseCounts
from .state import State, rows_of

_MOST_LABEL = 1 << 30
_BITS = 31  # of a label in a key, moved so that it is not negative
_MASK = np.int64((1 << _BITS) - 1)
_KINDS = 3  # support, predicted, hits
_DENSE = 1 << 16  # cells of a table that is filled rather than sorted


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """Counts of pixels.

    Attributes:
        labels: (C,) the labels that occur or are answered, ascending.
        counts: (3, C) pixels that have the label, for which it is answered, and both.
        matrix: (C, C), rows are true; None where there are too many labels.
        drawn: (3, R, C) counts of images drawn anew; None where there are too many labels, or one image.
        images: Images with a pixel that counts.
        ignored: Pixels that do not count.
    """

    labels: np.ndarray
    counts: np.ndarray
    matrix: np.ndarray | None
    drawn: np.ndarray | None
    images: int
    ignored: int


class MapCounts(State):
    """Pixels of label maps by true and answered label, and the same per group of images, for intervals over images.

    Args:
        labels: More different labels than these are an error, as they are none of classes.
        told: Up to so many labels pairs of them and groups of images are kept; beyond, the counts per label alone.
        groups: Of images, a power of two; which one an image is in is decided by the hash of its id.
        seed: Another seed is other groups.

    >>> state = MapCounts()
    >>> state.update(np.array([0, 1]), np.array([4, 4]), np.array([7, 7, 9, 9, 7, 7, 9, 9]), np.full(8, 7))
    >>> found = state.result()
    >>> found.labels.tolist(), found.counts.tolist(), found.images
    ([7, 9], [[4, 4], [8, 0], [4, 0]], 2)
    """

    kind = "maps"

    def __init__(self, labels: int = 4096, told: int = 1000, groups: int = 512, seed: int = 0) -> None:
        super().__init__(labels=int(labels), told=int(told), groups=int(groups), seed=int(seed))
        self._images, self._ignored = Counts(1), Counts(1)
        self._counts, self._pairs, self._groups = SparseCounts(), SparseCounts(), SparseCounts()
        self.parts = {
            "images": self._images,
            "ignored": self._ignored,
            "counts": self._counts,
            "pairs": self._pairs,
            "groups": self._groups,
        }

    def update(
        self, row_id: np.ndarray, pixels: np.ndarray, target: np.ndarray, predicted: np.ndarray, ignored: int = 0
    ) -> None:
        """Look at images.

        Args:
            row_id: (N,) integers or strings.
            pixels: (N,) how many pixels each has that count.
            target: (P,) int64 labels of these pixels, image after image.
            predicted: (P,) likewise.
            ignored: How many pixels do not count.

        Raises:
            LabelError: A label is beyond ±2**30, or there are too many different ones.
        """
        rows_of(row_id=row_id, pixels=pixels)
        if rows_of(target=target, predicted=predicted) != pixels.sum():
            raise ShapeError(f"there are {target.size} labels for {pixels.sum()} pixels; expected one for each")
        self._ignored.values[0] += ignored
        if not target.size:
            return
        labels, true, answered = _codes(target, predicted)
        found = [
            _cells(true[start:end], answered[start:end], labels.size)
            for start, end in zip(np.cumsum(pixels) - pixels, np.cumsum(pixels), strict=True)
            if end > start
        ]
        self._images.values[0] += len(found)
        image = np.repeat(np.arange(len(found)), [cells.size for cells, _ in found])
        cells, count = (np.concatenate(x) for x in zip(*found, strict=True))
        group = groups_of(row_id[pixels > 0], self.settings["groups"], self.settings["seed"])
        self._add(labels, cells, count, group[image])

    def merge(self, other: State) -> MapCounts:
        """Add the pixels of another state.

        Raises:
            LabelError: There are too many different labels.
        """
        super().merge(other)
        self._settle()
        return self

    def result(self, replicates: int = REPLICATES) -> PixelCounts:
        """Return the counts, and those of images drawn anew."""
        labels = self._labels()
        counts = np.zeros((_KINDS, labels.size), np.int64)
        kind, label = self._counts.keys >> _BITS, self._counts.keys & _MASK
        counts[kind, np.searchsorted(labels, label)] = self._counts.counts
        matrix = drawn = None
        if labels.size <= self.settings["told"]:
            true, answered = (np.searchsorted(labels, x) for x in (self._pairs.keys >> _BITS, self._pairs.keys & _MASK))
            matrix = np.zeros((labels.size, labels.size), np.int64)
            matrix[true, answered] = self._pairs.counts
            drawn = self._drawn(labels, replicates)
        images, ignored = int(self._images.values[0]), int(self._ignored.values[0])
        return PixelCounts(labels - _MOST_LABEL, counts, matrix, drawn, images, ignored)

    def _add(self, labels: np.ndarray, cells: np.ndarray, count: np.ndarray, group: np.ndarray) -> None:
        """Add pixels by cell of the table of labels, and by group of their image, (K,) each."""
        true, answered = labels[cells // labels.size] + _MOST_LABEL, labels[cells % labels.size] + _MOST_LABEL
        _fold(self._pairs, true << _BITS | answered, count)
        right = true == answered
        for kind, label, rows in ((0, true, slice(None)), (1, answered, slice(None)), (2, true, right)):
            _fold(self._counts, kind << _BITS | label[rows], count[rows])
            _fold(self._groups, (group[rows] * _KINDS + kind) << _BITS | label[rows], count[rows])
        self._settle()

    def _settle(self) -> None:
        """Forget what is not told of so many labels: which these are does not depend on the order either."""
        labels = self._labels().size
        if labels > self.settings["labels"]:
            raise LabelError(
                f"the maps hold more than {self.settings['labels']} different values; expected labels of classes"
            )
        if labels > self.settings["told"]:
            for part in (self._pairs, self._groups):
                part.keys, part.counts = part.keys[:0], part.counts[:0]

    def _labels(self) -> np.ndarray:
        return np.unique(self._counts.keys & _MASK)

    def _drawn(self, labels: np.ndarray, replicates: int) -> np.ndarray | None:
        if self._images.values[0] < 2:
            return None
        key, label = self._groups.keys >> _BITS, np.searchsorted(labels, self._groups.keys & _MASK)
        table = np.zeros((_KINDS, self.settings["groups"], labels.size))
        table[key % _KINDS, key // _KINDS, label] = self._groups.counts
        return weights_of(self.settings["groups"], self.settings["seed"], replicates) @ table


def _fold(part: SparseCounts, keys: np.ndarray, counts: np.ndarray) -> None:
    every, index = np.unique(keys, return_inverse=True)
    part.fold(every, np.bincount(index.reshape(-1), weights=counts, minlength=every.size).astype(np.int64))


def _codes(target: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the labels that occur, ascending, and the place of each pixel's two labels among them."""
    low, high = (
        int(of(x)) for of, x in ((min, (target.min(), predicted.min())), (max, (target.max(), predicted.max())))
    )
    if low < -_MOST_LABEL or high >= _MOST_LABEL:
        raise LabelError(f"the maps hold {low if low < -_MOST_LABEL else high}; labels of classes lie within ± 2**30")
    if high - low >= _DENSE:
        labels = np.union1d(target, predicted)
        return labels, np.searchsorted(labels, target), np.searchsorted(labels, predicted)
    seen = np.zeros(high - low + 1, bool)
    seen[target - low] = True
    seen[predicted - low] = True
    code = np.cumsum(seen) - 1
    return np.flatnonzero(seen) + low, code[target - low], code[predicted - low]


def _cells(true: np.ndarray, answered: np.ndarray, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of the table of labels in which pixels of an image are, and how many are in each."""
    cell = true * labels + answered
    if labels * labels > max(_DENSE, 4 * cell.size):
        return np.unique(cell, return_counts=True)
    counts = np.bincount(cell, minlength=labels * labels)
    cells = np.flatnonzero(counts)
    return cells, counts[cells]
