"""Who was taken for whom: counts of (target, predicted)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LabelError
from ...native import evaluation as kernels
from .parts import Counts
from .state import State, rows_of


class ConfusionCounts(State):
    """The confusion matrix.

    Args:
        classes: How many classes there are.

    >>> state = ConfusionCounts(classes=2)
    >>> state.update(np.array([0, 1, 1]), np.array([0, 1, 0]))
    >>> state.result().tolist()
    [[1, 0], [1, 1]]
    """

    kind = "confusion"

    def __init__(self, classes: int) -> None:
        super().__init__(classes=int(classes))
        self._counts = Counts(classes * classes)
        self.parts = {"counts": self._counts}

    def update(self, target: np.ndarray, predicted: np.ndarray) -> None:
        """Count class indices, both (N,).

        Raises:
            LabelError: One is out of range.
        """
        rows_of(target=target, predicted=predicted)
        classes = self.settings["classes"]
        if kernels.available() and kernels.count_classes(target, predicted, classes, self._counts.values):
            return
        for name, x in (("target", target), ("predicted", predicted)):
            if x.size and (x.min() < 0 or x.max() >= classes):
                bad = x[(x < 0) | (x >= classes)][0]
                raise LabelError(f"{name} holds class {bad}, but there are {classes} (valid: 0 … {classes - 1})")
        self._counts.add(target * np.int64(classes) + predicted)

    def result(self) -> np.ndarray:
        """Return (C, C) int64: rows are true, columns predicted."""
        classes = self.settings["classes"]
        return self._counts.values.reshape(classes, classes).copy()


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
