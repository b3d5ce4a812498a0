"""Rows worth showing: the worst by loss, and a fair sample that every machine agrees on."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from .hashing import hash_rows
from .parts import FirstRows
from .state import State, rows_of


class WorstRows(State):
    """The rows with the largest loss, ties by row id.

    Args:
        k: How many.
        columns: What else to keep of a row, as float64.

    >>> state = WorstRows(k=2, columns=("target",))
    >>> state.update(np.array([0.1, 3.0, 2.0]), np.array([10, 11, 12]), target=np.array([0, 1, 1]))
    >>> {k: v.tolist() for k, v in state.result().items()}
    {'loss': [3.0, 2.0], 'row_id': [11, 12], 'target': [1.0, 1.0]}
    """

    kind = "worst"

    def __init__(self, k: int = 50, columns: tuple[str, ...] = ()) -> None:
        super().__init__(k=int(k), columns=tuple(columns))
        self._rows = FirstRows(k, self.settings["columns"], descending=True)
        self.parts = {"rows": self._rows}

    def update(self, loss: np.ndarray, row_id: np.ndarray, **columns: np.ndarray) -> None:
        """Look at rows: loss (N,) float64 without NaN, row_id (N,) integers or strings, columns (N,)."""
        rows_of(loss=loss, row_id=row_id)
        if np.isnan(loss).any():
            raise InputError("loss holds NaN, which has no place in an order; leave such rows out")
        self._rows.add(loss, row_id, columns)

    def result(self) -> dict[str, np.ndarray]:
        """Return the columns of the rows, worst first."""
        return _named(self._rows, "loss")


class Sample(State):
    """The rows whose ids have the smallest hashes: as good as drawn at random, and the same from any split.

    Args:
        k: How many.
        columns: What to keep of a row, as float64.
        seed: Another seed is another sample.

    >>> whole, left, right = (Sample(k=3) for _ in range(3))
    >>> whole.update(np.arange(100)), left.update(np.arange(40)), right.update(np.arange(40, 100))
    (None, None, None)
    >>> right.merge(left) == whole
    True
    """

    kind = "sample"

    def __init__(self, k: int = 5000, columns: tuple[str, ...] = (), seed: int = 0) -> None:
        super().__init__(k=int(k), columns=tuple(columns), seed=int(seed))
        self._rows = FirstRows(k, self.settings["columns"])
        self.parts = {"rows": self._rows}

    def update(self, row_id: np.ndarray, **columns: np.ndarray) -> None:
        """Look at rows: row_id (N,) integers or strings, columns (N,)."""
        rows_of(row_id=row_id)
        self._rows.add(hash_rows(row_id, self.settings["seed"]), row_id, columns)

    def result(self) -> dict[str, np.ndarray]:
        """Return the columns of the rows, by hash."""
        found = _named(self._rows, "hash")
        found.pop("hash", None)
        return found


def _named(rows: FirstRows, key: str) -> dict[str, np.ndarray]:
    names = {"key": key, "id": "row_id"}
    return {names.get(name, name): x.copy() for name, x in rows.rows.items()}
