"""Ranking of a stream: an item per row, the rows of a group one after another.

Groups may go on from one part of the source to the next: see ``states.ranked``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import DataError, DomainError, InputError
from ..columns import Choice
from ..result import Evaluation
from ..slices import MISSING
from ..states import Bundle, LossSummary, RankedGroups, State
from ..states.hashing import words_of
from ..states.ranked import TornGroupError
from ..tasks import ranking as task
from .batch import Batch
from .grouped import check_complete, named, only
from .plan import Options, Plan

_BATCH_ROWS = 1 << 16


def plan(choice: Choice, head: Batch, options: Options) -> Plan:
    """Return the plan."""
    task.check_group(options.group)
    for columns, what in ((choice.targets, "target"), (choice.predictions, "prediction")):
        only(columns, what, "ranking")
    if options.skip_bad:
        raise InputError("skip_bad= would leave parts of groups, and these are other groups then; mend the files first")
    types = {choice.targets[0]: "float", choice.predictions[0]: "float", str(options.group): "text"}
    return named(
        choice,
        options,
        task="ranking",
        form="values",
        kept="values",
        types=tuple(sorted(types.items())),
        batch_rows=_BATCH_ROWS,
    )


def states(plan: Plan) -> dict[str, State]:
    """Return the empty states of a plan."""
    return {"groups": RankedGroups(k=task.CUT if plan.k is None else int(plan.k))}


class Taker:
    """Lets the states look at items, group by group; the first and the last group of a split may go on elsewhere."""

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        self._plan, self._state = plan, bundle["groups"]
        self._first: int | None = None  # the key of the split's first group
        self._ended = False  # whether another one came after it
        self._last: list[Sequence[np.ndarray]] = []  # the items of the group that is being read

    def take(self, batch: Batch) -> None:
        """Look at a batch of items.

        Raises:
            InputError: The items of a group do not stand together, or one is no number; the subclass says more.
        """
        plan = self._plan
        if not len(batch.columns[plan.targets[0]]):
            return
        check_complete(plan, batch)
        columns = (batch.columns[plan.predictions[0]], batch.columns[plan.targets[0]])
        score, relevance = task.checked(*columns, batch.locate)
        values, index = batch.slices[str(plan.group)]
        missing = values[index] == MISSING
        if missing.any():
            raise DomainError(f"group is missing at {batch.locate(int(np.argmax(missing)))}; leave such rows out")
        words = words_of(values).view(np.int64)
        try:
            self._take(words[index], score, relevance)
        except TornGroupError as error:
            at = np.flatnonzero(words[index] == error.key)
            again = int(at[np.append(0, np.flatnonzero(np.diff(at) > 1) + 1)[-1]])
            raise InputError(
                f"group {str(values[index[again]])!r} comes again at {batch.locate(again)}: {error}"
            ) from None

    def close(self) -> None:
        """Hold the items of the last group."""
        for key, score, relevance in self._last:
            self._state.update(key, score, relevance, np.ones(key.size, bool))
        self._last = []

    def _take(self, *items: np.ndarray) -> None:
        key = items[0]
        if self._first is None:
            self._first = int(key[0])
        if (key == key[0]).all() and (not self._last or self._last[0][0][0] == key[0]):
            self._last.append(items)  # the group goes on
            return
        key, score, relevance = (np.concatenate(x) for x in zip(*self._last, items, strict=True))
        starts = np.append(0, np.flatnonzero(key[1:] != key[:-1]) + 1)
        self._check_runs(key[starts])
        last = int(starts[-1])
        self._state.update(key[:last], score[:last], relevance[:last], key[:last] == self._first)
        self._state.check_new(key[last:])
        self._last = [(key[last:], score[last:], relevance[last:])]
        self._ended = True

    def _check_runs(self, keys: np.ndarray) -> None:
        """Raise TornGroupError where one of the groups that follow each other comes twice."""
        found, counts = np.unique(keys, return_counts=True)
        torn = found[counts > 1]
        if self._ended:
            torn = np.append(torn, found[found == self._first])
        if torn.size:
            raise TornGroupError(int(torn[0]))


def evaluation(plan: Plan, bundle: Bundle, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of all groups, which are whole from now on.

    Raises:
        DataError: There is none.
    """
    state: RankedGroups = bundle["groups"]
    found = state.settle().result()
    counts = found.counts
    if not counts["groups"]:
        raise DataError("no item is left to evaluate: the source is empty")
    numbers = {
        name: task.Number(_value(mine), mine.of_group().share_interval(), _value(found.alike[name]))
        for name, mine in found.mine.items()
    }
    return task.told(
        task.Ranked(
            items=counts["items"],
            groups=counts["groups"],
            k=state.settings["k"],
            numbers=numbers,
            gain=found.gain.of_group().interval(),
            relevant=_value(found.relevant),
            empty=counts["empty"],
            alone=counts["alone"],
            mixed=counts["mixed"],
            worse=counts["worse"],
        ),
        assumptions,
    )


def _value(found: LossSummary) -> float | None:
    return float(found.mean[0]) if found.count[0] else None
