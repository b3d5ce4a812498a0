"""Who was taken for whom: counts of (target, predicted)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LabelError
from ...native import evaluation as kernels
from .parts import Counts
from .state import State, rows_of
from .tallies import tallied, tallies, tally


class ConfusionCounts(State):
    """The confusion matrix.

    Args:
        classes: How many classes there are.
        weighted: Whether weights of the rows are added up instead of rows.

    >>> state = ConfusionCounts(classes=2)
    >>> state.update(np.array([0, 1, 1]), np.array([0, 1, 0]))
    >>> state.result().tolist()
    [[1, 0], [1, 1]]
    """

    kind = "confusion"

    def __init__(self, classes: int, weighted: bool = False) -> None:
        super().__init__(classes=int(classes), weighted=bool(weighted))
        self._counts = tallies(classes * classes, weighted)
        self.parts = {"counts": self._counts}

    def update(self, target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Count class indices, both (N,), with the weights of the rows (N,) where these are asked for.

        Raises:
            LabelError: One is out of range.
        """
        rows_of(target=target, predicted=predicted)
        self.check_weight(weight)
        classes = self.settings["classes"]
        own = self._counts
        plain = own.values if isinstance(own, Counts) and kernels.available() else None
        if plain is not None and kernels.count_classes(target, predicted, classes, plain):
            return
        for name, x in (("target", target), ("predicted", predicted)):
            if x.size and (x.min() < 0 or x.max() >= classes):
                bad = x[(x < 0) | (x >= classes)][0]
                raise LabelError(f"{name} holds class {bad}, but there are {classes} (valid: 0 … {classes - 1})")
        tally(own, target * np.int64(classes) + predicted, weight)

    def result(self) -> np.ndarray:
        """Return (C, C) int64, or float64 of weights: rows are true, columns predicted."""
        classes = self.settings["classes"]
        return tallied(self._counts).reshape(classes, classes).copy()


class RowCounts(State):
    """How many rows there were of each of some named kinds.

    Args:
        names: The kinds.

    >>> state = RowCounts(names=("used", "left_out"))
    >>> state.update(used=3)
    >>> state.result()
    {'used': 3, 'left_out': 0}
    """

    kind = "rows"

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names=tuple(names))
        self._counts = Counts(len(names))
        self.parts = {"counts": self._counts}

    def update(self, **counts: int) -> None:
        """Add to counts by name."""
        for name, count in counts.items():
            self._counts.values[self.settings["names"].index(name)] += count

    def result(self) -> dict[str, Any]:
        """Return the counts by name."""
        return dict(zip(self.settings["names"], self._counts.values.tolist(), strict=True))
