"""Items in groups, put in order by a score: numbers of groups that are whole, and the items of those that may not be.

A group is put in order when all of its items are there. Where a stream is read in parts, the first and the last group
of a part may go on in another one: their items are held, and put together when parts are merged. Of all other groups
there are sums alone, and the 64 bits of each one's key, by which a group that comes again is found and refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from ...errors import DataError, InputError
from ..groups import Groups
from .composite import Bundle
from .confusion import RowCounts
from .losses import LossSummary, LossSums
from .parts import Part, floats_of, integers_of
from .state import State, rows_of

COUNTS = ("items", "groups", "empty", "alone", "mixed", "worse")
_SAME = 1e-12  # of NDCG that is no difference
_CHUNKS = 32


class TornGroupError(InputError):
    """The items of a group do not stand together; ``key`` says which group."""

    def __init__(self, key: int) -> None:
        super().__init__(
            "the items of a group do not stand together, and a stream forgets them after the last one; sort the rows "
            "by group (ORDER BY), or look at all rows at once: arrays, or one file with stream=False"
        )
        self.key = key

    def __reduce__(self) -> tuple[type[TornGroupError], tuple[int]]:
        return type(self), (self.key,)


@dataclass(frozen=True, eq=False)
class RankedSummary:
    """What is known of groups.

    Attributes:
        mine: By name, the numbers of groups under the scores; NaN where no group has one.
        alike: The same where all items are scored alike.
        gain: NDCG@k less that of items scored alike.
        relevant: NDCG@k of the groups with a relevant item.
        counts: Items, groups, and groups without a relevant item, with one item, with items of both kinds, and with an
            order worse than a random one.
    """

    mine: dict[str, LossSummary]
    alike: dict[str, LossSummary]
    gain: LossSummary
    relevant: LossSummary
    counts: dict[str, int]


class RankedGroups(State):
    """Sums over groups of NDCG, MAP, MRR, precision, recall and AUC, under the scores and under none.

    Args:
        k: Where lists are cut.

    >>> state = RankedGroups(k=2)
    >>> state.update(np.array([1, 1, 2]), np.array([0.9, 0.3, 0.5]), np.array([0.0, 1.0, 1.0]))
    >>> round(float(state.result().mine["mrr"].mean[0]), 2)
    0.75
    """

    kind = "ranking"

    def __init__(self, k: int = 10) -> None:
        super().__init__(k=int(k))
        self._keys, self._open = _Keys(), _Items()
        one = Groups.of(np.zeros(1), np.ones(1), np.zeros(1, np.int64))
        self._names = tuple(one.numbers(self.settings["k"]))
        self._sums = Bundle(
            {
                **{name: LossSums(skewed=True) for name in (*self._names, "gain")},
                **{name: LossSums(spread=False) for name in (*(f"alike_{n}" for n in self._names), "relevant")},
                "counts": RowCounts(names=COUNTS),
            }
        )
        self.parts: dict[str, Part] = {"keys": self._keys, "open": self._open}
        for name, state in self._sums.states.items():
            self.parts |= {f"{name}.{part}": x for part, x in state.parts.items()}

    def update(self, key: np.ndarray, score: np.ndarray, relevance: np.ndarray, held: np.ndarray | None = None) -> None:
        """Look at items.

        Args:
            key: (N,) int64 of the groups.
            score: (N,) float64 without NaN.
            relevance: (N,) float64, not negative.
            held: (N,) whether there may be more items of the group elsewhere; None where all groups are whole.

        Raises:
            TornGroupError: A group that was whole comes again.
        """
        rows_of(key=key, score=score, relevance=relevance)
        if held is not None and held.any():
            self._open.add(key[held], score[held], relevance[held])
            key, score, relevance = key[~held], score[~held], relevance[~held]
        if key.size:
            self._close(key, score, relevance)

    def check_new(self, key: np.ndarray) -> None:
        """Raise TornGroupError where a group of these (N,) was whole before."""
        self._keys.check(np.unique(key))

    def settle(self) -> Self:
        """Take the groups that are held as whole, as nothing more is to come, and return this state.

        Raises:
            TornGroupError: One of them was whole before.
        """
        key, score, relevance = self._open.take()
        if key.size:
            self._close(key, score, relevance)
        return self

    def result(self) -> RankedSummary:
        """Return the numbers of all groups, those that are held among them."""
        whole = self if not self._open.key.size else self.empty().merge(self).settle()
        found = whole._sums.result()
        return RankedSummary(
            mine={name: found[name] for name in self._names},
            alike={name: found[f"alike_{name}"] for name in self._names},
            gain=found["gain"],
            relevant=found["relevant"],
            counts=found["counts"],
        )

    def _close(self, key: np.ndarray, score: np.ndarray, relevance: np.ndarray) -> None:
        """Add whole groups. Their items are brought in an order of their own, as sums follow it to the last bit."""
        keys, index = np.unique(key, return_inverse=True)
        self._keys.add(keys)
        order = np.lexsort((-relevance, -score, index))
        score, relevance, index = score[order], relevance[order], index[order]
        groups, k = Groups.of(score, relevance, index), self.settings["k"]
        mine, alike = groups.numbers(k), Groups.of(np.zeros(score.size), relevance, index).numbers(k)
        for name in self._names:
            for x, state in ((mine[name], name), (alike[name], f"alike_{name}")):
                self._sums[state].update(x[~np.isnan(x)])
        first = f"ndcg_at_{k}"
        relevant = np.bincount(index, weights=relevance > 0)
        self._sums["gain"].update(mine[first] - alike[first])
        self._sums["relevant"].update(mine[first][relevant > 0])
        self._sums["counts"].update(
            items=score.size,
            groups=keys.size,
            empty=int((relevant == 0).sum()),
            alone=int((groups.size == 1).sum()),
            mixed=int(((relevant > 0) & (relevant < groups.size)).sum()),
            worse=int((mine[first] < alike[first] - _SAME).sum()),
        )


class _Keys(Part):
    """Different int64 keys; one that comes again is an error. Sorted chunks, which are put together when many."""

    def __init__(self) -> None:
        self._chunks: list[np.ndarray] = []

    def check(self, keys: np.ndarray) -> None:
        """Raise TornGroupError where one of different keys, ascending, is there."""
        for chunk in self._chunks:
            short, long = sorted((chunk, keys), key=len)
            place = np.minimum(np.searchsorted(long, short), long.size - 1)
            again = short[long[place] == short]
            if again.size:
                raise TornGroupError(int(again[0]))

    def add(self, keys: np.ndarray) -> None:
        """Add different keys, ascending; TornGroupError where one is there."""
        self.check(keys)
        self._chunks.append(keys)
        if len(self._chunks) > _CHUNKS:  # the largest stays as it is, unless the others are as large together
            self._chunks = [self._chunks[0], np.sort(np.concatenate(self._chunks[1:]))]
            if self._chunks[1].size >= self._chunks[0].size:
                self._chunks = [self._together()]

    def merge(self, other: Part) -> None:
        """Add the keys of another."""
        assert isinstance(other, _Keys)
        for chunk in other._chunks:
            self.add(chunk)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the keys, ascending."""
        return {"key": self._together()}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored keys."""
        keys = integers_of(arrays, "key")
        if (keys[1:] <= keys[:-1]).any():
            raise DataError("stored keys are damaged: expected ascending ones")
        self._chunks = [keys] if keys.size else []

    def _together(self) -> np.ndarray:
        return np.sort(np.concatenate([np.zeros(0, np.int64), *self._chunks]))


class _Items(Part):
    """Items of groups that may have more of them, sorted; the same item may be there several times."""

    def __init__(self) -> None:
        self._held: list[tuple[np.ndarray, ...]] = []

    @property
    def key(self) -> np.ndarray:
        """The groups of the items, (N,)."""
        return self._sorted()[0]

    def add(self, *items: np.ndarray) -> None:
        """Add items: keys, scores and relevances, (N,) each."""
        self._held.append(items)

    def take(self) -> tuple[np.ndarray, ...]:
        """Return all items, and keep none."""
        items, self._held = self._sorted(), []
        return items

    def merge(self, other: Part) -> None:
        """Add the items of another."""
        assert isinstance(other, _Items)
        self._held += other._held

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the items, sorted by group, score and relevance."""
        return dict(zip(("key", "score", "relevance"), self._sorted(), strict=True))

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over stored items."""
        key = integers_of(arrays, "key")
        self._held = [(key, floats_of(arrays, "score", key.size), floats_of(arrays, "relevance", key.size))]

    def _sorted(self) -> tuple[np.ndarray, ...]:
        empty = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        key, score, relevance = (np.concatenate(x) for x in zip(empty, *self._held, strict=True))
        order = np.lexsort((relevance, score, key))
        self._held = [(key[order], score[order], relevance[order])] if key.size else []
        return self._held[0] if self._held else empty
