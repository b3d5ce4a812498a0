"""What is given for a task of groups, tokens or images, and which of them it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ...errors import InputError
from ..infer import GROUPED
from ..result import Evaluation

_TAKES = {  # option → the tasks that it is for, as the message has them
    "group": ("ranking", "language_model"),
    "bytes": ("language_model",),
    "ignore_index": ("language_model", "segmentation"),
    "k": ("ranking", "multiclass"),
    "quantile": ("regression",),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The arguments, as the user gave them; ``lossmith.evaluate`` documents them."""

    task: str
    prediction: Any
    target: Any
    group: Any = None
    bytes: Any = None
    k: int | None = None
    ignore_index: int | None = None
    class_names: Sequence[object] | None = None
    form: str | None = None
    assumptions: tuple[str, ...] = ()


def task_of(task: str | None, prediction: Any, target: Any, group: Any) -> tuple[str | None, tuple[str, ...]]:
    """Return which of ``GROUPED`` it is, or None, and what was assumed."""
    if task is not None:
        return (task if task in GROUPED else None), ()
    if group is not None:
        return "ranking", ("Task ranking, as groups are given; task= (--task) says otherwise.",)
    shapes = [tuple(getattr(x, "shape", ())) for x in (prediction, target)]
    if len(shapes[0]) >= 3 and shapes[0] == shapes[1]:
        return "segmentation", (
            f"Task segmentation, as both arrays have shape {shapes[0]}: one label per pixel; task= (--task) says "
            "otherwise.",
        )
    return None, ()


def evaluation(given: Given) -> Evaluation:
    """Return the evaluation.

    Raises:
        InputError: An argument does not fit; the subclass and the text say what.
    """
    return import_module(f".{given.task}", __package__).evaluation(given)


def check_by_row(task: str, options: Mapping[str, Any]) -> None:
    """Raise InputError where an option is given that asks for examples that are rows.

    >>> check_by_row("ranking", {"weight": [1, 2]})
    Traceback (most recent call last):
    ...
    lossmith.errors.InputError: weight= is for tasks whose examples are rows, and this is ranking; leave it out
    """
    given = [name for name, x in options.items() if x is not None]
    if given:
        raise InputError(f"{given[0]}= is for tasks whose examples are rows, and this is {task}; leave it out")


def check_options(task: str, options: Mapping[str, Any]) -> None:
    """Raise InputError where an option is given that the task does not take.

    >>> check_options("ranking", {"bytes": 12})
    Traceback (most recent call last):
    ...
    lossmith.errors.InputError: bytes= is for task language_model, and this is ranking; leave it out, or say task=
    """
    for name, value in options.items():
        if value is not None and task not in _TAKES[name]:
            raise InputError(
                f"{name}= is for task {' or '.join(_TAKES[name])}, and this is {task}; leave it out, or say task="
            )
    k, level = options.get("k"), options.get("quantile")
    if k is not None and (isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1):
        raise InputError(f"k is {k!r}; expected a whole number from 1 on")
    if level is not None and not (isinstance(level, float | int | np.number) and 0 < level < 1):
        raise InputError(f"quantile is {level!r}; expected a number between 0 and 1, such as 0.9")
