"""Tasks of items in groups, of tokens and of images in a stream: which it is, and the module that knows it.

Each module has ``plan`` (form, names and shapes from the first rows), ``states``, ``Taker`` (lets the states look at
batches) and ``evaluation``. A value that is missing or NaN is an error here and not left out: a group, a document or an
image without one of its parts would be another one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...errors import DomainError, InputError
from .. import tasks
from ..columns import Choice
from ..result import Evaluation
from ..states import Bundle
from .batch import Batch, Lists
from .plan import Options, Plan

if TYPE_CHECKING:
    from types import ModuleType


class Taker(Protocol):
    """Lets states look at the batches of a split, which come in the order of the source."""

    def take(self, batch: Batch) -> None:
        """Look at a batch."""

    def close(self) -> None:
        """Say that there are no more."""


def task_of(options: Options, choice: Choice, head: Batch) -> str | None:
    """Return the task if it is one of groups, tokens or images, or None."""
    return _guessed(options, choice, head)[0]


def plan(choice: Choice, head: Batch, options: Options, slices: tuple[str, ...] = ()) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan, and what was assumed.

    Raises:
        InputError: The first rows do not fit what is asked for.
    """
    task, said = _guessed(options, choice, head)
    assert task is not None
    tasks.check_options(task, options.of_tasks)
    tasks.check_by_row(task, {"weight": options.weight, "slices": slices or None})
    made = _module(task).plan(choice, head, options)
    return made, tuple(text for text in (choice.note, *said) if text)


def states(made: Plan) -> Bundle:
    """Return the empty states of a plan."""
    return Bundle(_module(made.task).states(made))


def taker(made: Plan, bundle: Bundle) -> Taker:
    """Return what lets the states look at the batches of one split."""
    return _module(made.task).Taker(made, bundle)


def evaluation(made: Plan, bundle: Bundle, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of all that the states have seen.

    Raises:
        DataError: There is nothing.
    """
    return _module(made.task).evaluation(made, bundle, assumptions)


# --- what the modules share ------------------------------------------------------------------------------------------
def check_complete(made: Plan, batch: Batch) -> None:
    """Raise DomainError where a value of a batch is missing."""
    if batch.missing is not None and batch.missing.any():
        at = batch.locate(int(np.argmax(batch.missing)))
        raise DomainError(
            f"a value is missing at {at}; task {made.task} counts all that is in the same {_WHOLE[made.task]}, so fill "
            f"it in, or leave out the whole {_WHOLE[made.task]}"
        )


def only(columns: tuple[str, ...], what: str, task: str) -> str:
    """Return the only one of some columns; InputError where there are several."""
    if len(columns) > 1:
        raise InputError(f"{task} takes one column of {what}, and there are {len(columns)}; name it with {what}=")
    return columns[0]


def lists_of(column: Any) -> Lists:
    """Return a column whose rows are arrays of one shape, (N, …), or lists already, as lists of numbers."""
    if isinstance(column, Lists):
        return column
    return Lists(column.reshape(-1), np.full(len(column), int(np.prod(column.shape[1:])), np.int64))


def row_ids(made: Plan, batch: Batch) -> np.ndarray:
    """Return the ids of the rows: those of the column that has them, or their places in the source."""
    if made.row_id is None:
        return np.arange(batch.first, batch.first + len(batch.columns[made.targets[0]]), dtype=np.int64)
    ids = batch.columns[made.row_id]
    if isinstance(ids, Lists) or ids.dtype.kind not in "iuU":
        raise InputError(f"column {made.row_id!r} of row ids holds no whole numbers and no strings")
    return ids


def named(made_of: Choice, options: Options, class_names: tuple[str, ...] = (), **more: Any) -> Plan:
    """Return a plan with the columns and options of the user."""
    return Plan(
        targets=made_of.targets,
        predictions=made_of.predictions,
        row_id=options.row_id,
        weight=None,
        slices=(),
        origin=0.0,
        skip_bad=options.skip_bad,
        group=options.group,
        bytes=options.bytes,
        ignore_index=options.ignore_index,
        k=options.k,
        class_names=class_names,
        **more,
    )


_WHOLE = {"ranking": "group", "language_model": "document", "segmentation": "image"}


def _guessed(options: Options, choice: Choice, head: Batch) -> tuple[str | None, tuple[str, ...]]:
    sides = (choice.predictions, choice.targets)
    prediction, target = (head.columns[c[0]] if len(c) == 1 else None for c in sides)
    return tasks.task_of(options.task, prediction, target, options.group)


def _module(task: str) -> ModuleType:
    return import_module(f".{task}", __package__)
