"""Several labels per row: how often each is there and answered, and which sets of them occur."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import DataError, ShapeError
from .exact import ExactSums
from .parts import Counts, Part, integers_of
from .state import State, rows_of
from .tallies import tallied, tallies, tally

_WORD = 52  # labels that go into one float64 as a whole number
_HEX = np.array([f"{byte:02x}" for byte in range(256)])


class LabelCounts(State):
    """Per label: rows that have it, rows it is answered for, rows where both hold; and all rows.

    Args:
        labels: How many labels there are.
        weighted: Whether weights of the rows are added up instead of rows.

    >>> state = LabelCounts(labels=2)
    >>> state.update(np.array([[0, 1], [1, 1]]), np.array([[1, 1], [0, 1]]))
    >>> {name: x.tolist() for name, x in state.result().items()}
    {'rows': [2], 'support': [1, 2], 'predicted': [1, 2], 'hits': [0, 2]}
    """

    kind = "labels"

    def __init__(self, labels: int, weighted: bool = False) -> None:
        super().__init__(labels=int(labels), weighted=bool(weighted))
        self._tallies = {name: tallies(labels, weighted) for name in ("support", "predicted", "hits")}
        self._rows = tallies(1, weighted)
        self.parts: dict[str, Part] = {"rows": self._rows, **self._tallies}

    def update(self, target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Count 0 and 1, (N, L) both, with the weights of the rows (N,) where these are asked for.

        Raises:
            ShapeError: One is not (N, L).
        """
        self.check_weight(weight)
        for name, x in (("target", target), ("predicted", predicted)):
            if x.shape != (len(target), self.settings["labels"]):
                raise ShapeError(f"{name} has shape {x.shape}; expected (N, {self.settings['labels']})")
        tally(self._rows, np.zeros(len(target), np.int64), weight)
        for name, there in (("support", target), ("predicted", predicted), ("hits", target * predicted)):
            rows, labels = np.nonzero(there)
            tally(self._tallies[name], labels, None if weight is None else weight[rows])

    def result(self) -> dict[str, np.ndarray]:
        """Return "rows" (1,), and "support", "predicted" and "hits" (L,): int64, or float64 of weights."""
        parts = {"rows": self._rows, **self._tallies}
        return {name: tallied(part).copy() for name, part in parts.items()}


class FewTexts(State):
    """How often each of some texts occurs, as long as there are few different ones.

    Beyond the limit nothing is known but that there are more: that, too, is the same in any order.

    Args:
        limit: How many different texts are told apart.
        weighted: Whether weights are added up instead of occurrences.

    >>> state = FewTexts(limit=2)
    >>> state.update(np.array(["b", "a", "b"]))
    >>> [x.tolist() for x in state.result()]
    [['a', 'b'], [1, 2]]
    >>> state.update(np.array(["c"]))
    >>> state.result() is None
    True
    """

    kind = "texts"

    def __init__(self, limit: int, weighted: bool = False) -> None:
        super().__init__(limit=int(limit), weighted=bool(weighted))
        self._texts = _TextTallies(limit, weighted)
        self.parts = {"texts": self._texts}

    def update(self, texts: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Look at texts (N,) strings, with weights (N,) where these are asked for."""
        rows_of(texts=texts)
        self.check_weight(weight)
        self._texts.add(texts, weight)

    def result(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the texts (K,), sorted, and their counts or weights (K,); None where there are too many."""
        return None if self._texts.many else (self._texts.texts.copy(), tallied(self._texts.tally).copy())


class _TextTallies(Part):
    """Texts, sorted, and what is counted of each; or the mark that there were too many."""

    def __init__(self, limit: int, weighted: bool) -> None:
        self._limit, self._weighted = limit, weighted
        self.many = False
        self.texts, self.tally = np.zeros(0, np.str_), tallies(0, weighted)

    def add(self, texts: np.ndarray, weight: np.ndarray | None) -> None:
        """Look at texts (N,), with weights (N,) or None."""
        if self.many:
            return
        own, index = np.unique(texts, return_inverse=True)
        found = tallies(own.size, self._weighted)
        if own.size:
            tally(found, index.reshape(-1), weight)
        self._fold(own, found)

    def merge(self, other: Part) -> None:
        """Add the texts of another."""
        assert isinstance(other, _TextTallies)
        if other.many:
            self._forget()
        elif not self.many:
            self._fold(other.texts, other.tally)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the texts, their counts, and whether there were too many."""
        counts = {f"tally_{name}": x for name, x in self.tally.arrays().items()}
        return {"text": self.texts, "many": np.array([self.many], np.int64), **counts}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` returned."""
        (many,) = integers_of(arrays, "many", 2).tolist()
        texts = arrays["text"].astype(np.str_)
        if (texts[1:] <= texts[:-1]).any() or texts.size > self._limit:
            raise DataError("stored texts are damaged: expected few ascending ones")
        self.many, self.texts, self.tally = bool(many), texts, tallies(texts.size, self._weighted)
        self.tally.load({n.removeprefix("tally_"): x for n, x in arrays.items() if n.startswith("tally_")})

    def _fold(self, texts: np.ndarray, counts: Counts | ExactSums) -> None:
        every = np.union1d(self.texts, texts)
        if every.size > self._limit:
            self._forget()
            return
        if every.size > self.texts.size:
            self.tally = _placed(self.tally, np.searchsorted(every, self.texts), every.size)
            self.texts = every
        if texts.size:
            self.tally.merge(_placed(counts, np.searchsorted(every, texts), every.size))

    def _forget(self) -> None:
        self.many, self.texts, self.tally = True, np.zeros(0, np.str_), tallies(0, self._weighted)


def _placed(part: Counts | ExactSums, at: np.ndarray, size: int) -> Counts | ExactSums:
    """Return ``size`` tallies, those of a part among them at the places ``at`` and 0 elsewhere."""
    if isinstance(part, ExactSums):
        return part.placed(at, size)
    found = Counts(size)
    found.values[at] = part.values
    return found


def sets_as_texts(labels: np.ndarray) -> np.ndarray:
    """Return a text for each row of 0 and 1, (N, L) to (N,).

    >>> sets_as_texts(np.array([[1, 0, 0], [0, 1, 1]])).tolist()
    ['80', '60']
    """
    packed = np.packbits(labels.astype(bool), axis=1)
    return np.ascontiguousarray(_HEX[packed]).view(f"U{2 * packed.shape[1]}").reshape(len(labels))


def texts_as_sets(texts: np.ndarray, labels: int) -> np.ndarray:
    """Return the rows of 0 and 1 that :func:`sets_as_texts` made texts of, (N, L) int64."""
    packed = np.frombuffer(bytes.fromhex("".join(texts.tolist())), np.uint8).reshape(len(texts), -(-labels // 8))
    return np.unpackbits(packed, axis=1, count=labels).astype(np.int64)


def columns_of_sets(name: str, labels: int) -> list[str]:
    """Return the names of the columns that :func:`sets_as_columns` makes."""
    return [f"{name}_{k}" for k in range(-(-labels // _WORD))]


def sets_as_columns(name: str, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return rows of 0 and 1, (N, L), as few columns of float64, (N,) each, that a state of rows keeps.

    >>> columns = sets_as_columns("target", np.array([[1, 0, 0], [0, 1, 1]]))
    >>> {name: x.tolist() for name, x in columns.items()}
    {'target_0': [1.0, 6.0]}
    >>> columns_as_sets("target", columns, 3).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    words = (labels[:, k : k + _WORD] for k in range(0, labels.shape[1], _WORD))
    return {
        column: (word @ (1 << np.arange(word.shape[1], dtype=np.int64))).astype(np.float64)
        for column, word in zip(columns_of_sets(name, labels.shape[1]), words, strict=True)
    }


def columns_as_sets(name: str, columns: Mapping[str, np.ndarray], labels: int) -> np.ndarray:
    """Return the rows of 0 and 1 that :func:`sets_as_columns` made columns of, (N, L) int64."""
    words = [columns[c].astype(np.int64)[:, None] >> np.arange(_WORD) & 1 for c in columns_of_sets(name, labels)]
    return np.concatenate(words, axis=1)[:, :labels]
