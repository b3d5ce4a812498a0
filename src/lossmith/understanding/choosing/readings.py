"""What a target may be: the possible readings, likeliest first, each with its certainty and the reason in numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ...errors import InputError, UnknownNameError
from .column import Column
from .result import Reading
from .words import ORDERS, percent, shown

TASKS = (
    *("binary", "multiclass", "ordinal", "multilabel", "distribution", "proportion", "percentage"),
    *("counts", "positive", "nonnegative", "regression"),
)
_CLASSES = 30  # different whole numbers that may be classes without anybody saying so
_GRADES = 10
_MOST_GRADES = 200  # each is a question of its own; more of them are numbers
_SUM = 1e-3  # how far the sum of a row of probabilities may be off
_HINTS = {  # words in a column's name
    "counts": {"count", "counts", "num", "number", "quantity", "visits"},
    "ordinal": {"rating", "ratings", "stars", "grade", "rank", "severity", "quality"},
    "multiclass": {"class", "category", "species", "type", "kind", "classes"},
    "percentage": {"percent", "percentage", "pct"},
    "proportion": {"proportion", "fraction", "share", "probability", "prob"},
}


def readings(column: Column, task: str | None) -> tuple[Reading, ...]:
    """Return what the column may be, likeliest first; only what was asked for where ``task`` is given.

    Raises:
        UnknownNameError: No such task.
        InputError: The column cannot be read as ``task``.
    """
    if task is not None:
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
        check_task(column, task)
        return (Reading(task=task, certainty="given", why="as asked for"),)
    if column.values.ndim == 2:
        return _several(column)
    if column.text:
        return _text(column)
    found = _binary(column) or (_whole(column) if column.whole else _fractions(column))
    return _by_name(column, found)


# --- what a task demands ---------------------------------------------------------------------------------------------
def check_task(column: Column, task: str) -> None:
    """Raise InputError where the column's values cannot be a target of this task."""
    several, values = column.values.ndim == 2, column.values
    if column.text and task not in ("binary", "multiclass", "ordinal"):
        raise InputError(f"{column.name} holds words ({str(values[0])!r}); {task} needs numbers")
    if several and _one_hot(values) and task == ("binary" if values.shape[1] == 2 else "multiclass"):
        return
    if several != (task in ("multilabel", "distribution")) and task != "regression":
        have, need = f"{values.shape[1]} columns" if several else "1 column", "one" if several else "several"
        raise InputError(f"{column.name} has {have}; {task} needs {need}")
    demand, fits = _DEMANDS.get(task, ("", None))
    if fits is not None and not fits(column):
        raise InputError(f"{column.name} cannot be {task}: that takes {demand}, and it holds {_range(column)}")


def _range(column: Column) -> str:
    if column.text:
        return f"{column.distinct.size} different words"
    low, high = column.values.min(), column.values.max()
    return f"{column.distinct.size} different values between {low:.4g} and {high:.4g}"


def _named(column: Column) -> bool:
    return column.text or column.whole


def _between(low: float, high: float) -> Callable[[Column], bool]:
    return lambda column: bool(column.values.min() >= low and column.values.max() <= high)


_DEMANDS: dict[str, tuple[str, Callable[[Column], bool]]] = {
    "binary": ("two different values", lambda column: column.distinct.size == 2),
    "multiclass": ("whole numbers or words", lambda column: _named(column)),
    "ordinal": (
        f"3 to {_MOST_GRADES} different whole numbers or words",
        lambda column: 3 <= column.distinct.size <= _MOST_GRADES and _named(column),
    ),
    "multilabel": ("0 and 1, or probabilities", _between(0, 1)),
    "distribution": ("rows of probabilities that sum to 1", lambda column: _sums_to_1(column.values)),
    "proportion": ("numbers in [0, 1]", _between(0, 1)),
    "percentage": ("numbers in [0, 100]", _between(0, 100)),
    "counts": ("whole numbers from 0 on", lambda column: column.whole and bool(column.values.min() >= 0)),
    "positive": ("numbers above 0 (nonnegative takes 0, too)", lambda column: bool(column.values.min() > 0)),
    "nonnegative": ("numbers from 0 on", lambda column: bool(column.values.min() >= 0)),
}


# --- words and several columns ---------------------------------------------------------------------------------------
def _text(column: Column) -> tuple[Reading, ...]:
    found = column.distinct
    if found.size == 2:
        return (Reading(task="binary", certainty="certain", why="it holds two words"),)
    many = f"it holds {found.size} different words"
    if order_of(column) is not None:
        return (
            Reading(task="ordinal", certainty="likely", why=f"{many} that have an order"),
            Reading(task="multiclass", certainty="", why="if the order should not count"),
        )
    return (Reading(task="multiclass", certainty="certain" if column.n >= 10 * found.size else "likely", why=many),)


def order_of(column: Column) -> tuple[str, ...] | None:
    """Return words in their known order ("low", "medium", "high"), lowest first; None where they have none."""
    given = {str(word).lower(): str(word) for word in column.distinct}
    for order in ORDERS:
        if set(given) <= set(order) and len(given) > 2 and len(given) == column.distinct.size:
            return tuple(given[word] for word in order if word in given)
    return None


def _several(column: Column) -> tuple[Reading, ...]:
    values = column.values
    k = values.shape[1]
    if np.all((values == 0) | (values == 1)):
        if _one_hot(values):
            task = "binary" if k == 2 else "multiclass"
            return (Reading(task=task, certainty="certain", why=f"{k} columns of 0 and 1, one 1 in every row"),)
        per_row = values.sum(axis=1)
        why = f"{k} columns of 0 and 1, from {per_row.min()} to {per_row.max()} ones in a row"
        return (Reading(task="multilabel", certainty="certain", why=why),)
    if values.min() >= 0 and values.max() <= 1:
        if _sums_to_1(values):
            why = f"{k} columns of numbers in [0, 1], and every row sums to 1"
            return (Reading(task="distribution", certainty="certain", why=why),)
        return (
            Reading(task="multilabel", certainty="likely", why=f"{k} columns of numbers in [0, 1] that sum to no 1"),
            Reading(task="regression", certainty="", why="if they are no probabilities"),
        )
    return (Reading(task="regression", certainty="certain", why=f"{k} columns of numbers"),)


def _one_hot(values: np.ndarray) -> bool:
    return bool(np.all((values == 0) | (values == 1)) and np.all(values.sum(axis=1) == 1))


def _sums_to_1(values: np.ndarray) -> bool:
    return bool(values.min() >= 0 and np.all(np.abs(values.sum(axis=1) - 1) <= _SUM))


# --- numbers ---------------------------------------------------------------------------------------------------------
def _binary(column: Column) -> tuple[Reading, ...]:
    found = column.distinct
    if found.size != 2:
        return ()
    both = f"{shown(found[0])} and {shown(found[1])}"
    if column.boolean:
        return (Reading(task="binary", certainty="certain", why="it holds True and False"),)
    if column.whole and tuple(found) in ((0, 1), (-1, 1)):
        return (Reading(task="binary", certainty="certain", why=f"it holds only {both}"),)
    return (
        Reading(task="binary", certainty="likely" if column.whole else "a guess", why=f"it holds only {both}"),
        Reading(task="regression", certainty="", why="if these are amounts and not names"),
    )


def _whole(column: Column) -> tuple[Reading, ...]:
    found, n = column.distinct, column.n
    low, high, k = int(found[0]), int(found[-1]), found.size
    few = k <= _CLASSES and 2 * k <= n
    contiguous = high - low == k - 1
    held = f"{k} different whole numbers, {shown(low)} to {shown(high)}"
    if low < 0:
        if few and contiguous and k <= _GRADES:
            return _ranked(f"{held}, without a gap", "multiclass", "ordinal", "regression")
        return _ranked(held, "regression", certainty="likely")
    if few and contiguous and low <= 1:
        return _small(column, f"{held}, without a gap")
    if _falls_off(column) and low <= max(1.0, 0.05 * float(np.median(column.values))):
        return _ranked(
            f"{held}, most of them small", "counts", "regression", certainty="likely" if low == 0 else "a guess"
        )
    if low == 0 and k > 4 and found[-1] - found[1] == k - 2 and np.mean(column.values == 0) > 0.3:
        return _ranked(f"{held}, {percent(float(np.mean(column.values == 0)))} of them 0", "counts", "multiclass")
    if few and k <= 20 and n >= 10 * k:
        return _ranked(f"{held}, with gaps, each {shown(n / k)} times on average", "multiclass", "regression")
    bounded = ("percentage",) if _in_per_cent(low, high) else ()
    if low <= max(1.0, 0.05 * float(np.median(column.values))):
        return _ranked(held, "counts", "regression", *bounded)
    skewed = _skewed(column.values)
    if skewed:
        return _ranked(f"{held}, {skewed}", "positive", "regression", "counts", certainty="likely")
    return _ranked(held, "regression", "counts", *bounded, certainty="likely")


def _in_per_cent(low: float, high: float) -> bool:
    return 0 <= low <= 10 and 50 < high <= 100


def _skewed(values: np.ndarray) -> str:
    """Say how much more symmetric the logarithm of positive values is; empty where it is not."""
    skew, of_log = skewness(values), skewness(np.log(values))
    if skew > 1 and abs(of_log) < skew / 2:
        return f"skewness {shown(skew)}, of the logarithm {shown(of_log)}"
    return ""


def _small(column: Column, held: str) -> tuple[Reading, ...]:
    """Return the readings of few whole numbers from 0 or 1 on without a gap: classes, counts or grades."""
    low, k = int(column.distinct[0]), column.distinct.size
    if low == 1 and k <= _GRADES:
        return _ranked(f"{held}, as ratings are", "ordinal", "multiclass", "counts")
    if low == 0 and k > 4 and _falls_off(column):
        return _ranked(f"{held}, the larger the rarer", "counts", "multiclass", "ordinal")
    others = ("counts", "ordinal") if k <= _GRADES else ("counts", "regression")
    return _ranked(f"{held}, as class numbers are", "multiclass", *others, certainty="likely" if k <= 4 else "a guess")


def _falls_off(column: Column) -> bool:
    """Whether small values are common and large ones rare, as with counts: a tenth at most lies in the upper third."""
    values = column.values
    low, span = values.min(), np.ptp(values)
    return bool(np.mean(values > low + 2 * span / 3) < 0.1 and np.mean(values <= low + span / 2) > 0.5)


_IF = {
    "multiclass": "if the numbers are names of classes",
    "ordinal": "if they are grades with an order",
    "counts": "if they count something",
    "regression": "if they are measured, or differences between them mean something",
    "percentage": "if they cannot leave 0 … 100",
    "proportion": "if they cannot leave 0 … 1",
    "positive": "if relative errors count",
    "nonnegative": "if 0 is a case of its own",
}


def _ranked(why: str, first: str, *others: str, certainty: str = "a guess") -> tuple[Reading, ...]:
    return (
        Reading(task=first, certainty=certainty, why=f"it holds {why}"),
        *(Reading(task=task, certainty="", why=_IF[task]) for task in others),
    )


def _fractions(column: Column) -> tuple[Reading, ...]:
    values = column.values
    low, high = float(values.min()), float(values.max())
    held = f"numbers between {shown(low)} and {shown(high)}"
    if low >= 0 and high <= 1:
        wide = low < 0.2 and high > 0.8
        return _ranked(f"{held}, inside [0, 1]", "proportion", "regression", certainty="likely" if wide else "a guess")
    zeros = float(np.mean(values == 0))
    if low == 0 and high == 100 and np.mean(values == 100) + zeros > 2 / column.n:
        ends = f"{percent(zeros)} exactly 0, {percent(np.mean(values == 100))} exactly 100"
        return _ranked(f"{held}, {ends}", "percentage", "nonnegative", "regression")
    bounded = ("percentage",) if _in_per_cent(low, high) else ()
    if low == 0:
        why = f"{held}, {percent(zeros)} of them exactly 0"
        if zeros >= 0.02 or skewness(values) > 1:
            certainty = "likely" if zeros >= 0.05 else "a guess"
            return _ranked(why, "nonnegative", "regression", *bounded, certainty=certainty)
        return _ranked(why, "regression", "nonnegative", *bounded, certainty="likely")
    if low > 0:
        skewed = _skewed(values)
        if skewed:
            return _ranked(f"positive {held}, {skewed}", "positive", "regression", *bounded, certainty="likely")
        return _ranked(held, "regression", *(bounded or ("positive",)), certainty="likely")
    return _ranked(held, "regression", certainty="certain")


def skewness(values: np.ndarray) -> float:
    """Return the third standardised moment."""
    centred = values - values.mean()
    return float(np.mean(centred**3) / np.mean(centred**2) ** 1.5)


# --- by name ---------------------------------------------------------------------------------------------------------
def _by_name(column: Column, found: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Return the readings with the one first that the column's name tells, where the values leave the choice open."""
    told = _told_by(column) if found[0].certainty != "certain" else None
    if told is None:
        return found
    first = Reading(task=told, certainty="likely", why=f"{found[0].why}, and its name says so")
    return (first, *(Reading(task=r.task, certainty="", why=_IF[r.task]) for r in found if r.task != told))


def _told_by(column: Column) -> str | None:
    """Return the task that a word in the column's name tells and its values allow."""
    words = {word for word in re.split(r"[^a-z]+", column.name.lower()) if word}
    if "%" in column.name:
        words.add("percent")
    for task, hints in _HINTS.items():
        if words & hints and _allowed(column, task) and (task != "ordinal" or column.distinct.size <= _CLASSES):
            return task
    return None


def _allowed(column: Column, task: str) -> bool:
    try:
        check_task(column, task)
    except InputError:
        return False
    return True
