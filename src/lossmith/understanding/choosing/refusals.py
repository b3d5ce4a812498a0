"""Columns that are no target: constants, row numbers, keys, dates, free text; ``task`` overrules all but constants."""

from __future__ import annotations

import re

import numpy as np

from ...errors import InputError
from .column import Column

_MANY = 20  # rows from which on "every value is different" says something
_FREE = 0.5  # share of different words above which words are no classes
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( \d{1,2}:\d{2}.*)?"
)
_KEY = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|key)$|[a-z](Id|ID)$", re.ASCII)
_TIME = re.compile(r"(^|[_\W])(time|timestamp|date|datetime|epoch|unix)($|[_\W])", re.IGNORECASE)
_OTHERWISE = "if it is a target all the same, say which kind with task= (--task)"


def refuse_constant(column: Column) -> None:
    """Raise InputError where there is nothing to learn, whatever the task."""
    if (column.values != column.values[0]).any():
        return
    first = column.values[0]
    value = repr(str(first)) if column.text else str(bool(first)) if column.boolean else _short(first)
    rows = f"all {column.n} rows" if column.n > 1 else "its only row"
    raise InputError(f"{column.name} is {value} in {rows}: there is nothing to learn; is it the right column?")


def _short(value: np.ndarray) -> str:
    return f"({', '.join(f'{x:g}' for x in value)})" if value.ndim else f"{value:g}"


def refuse_what_is_no_target(column: Column) -> None:
    """Raise InputError on dates, keys and free text."""
    if column.values.ndim > 1:
        return
    if column.text:
        _refuse_text(column)
    elif column.whole:
        _refuse_numbers(column)


def _refuse_text(column: Column) -> None:
    found = column.distinct
    dates = np.mean([bool(_DATE.fullmatch(str(text))) for text in found])
    if dates > 0.9:
        raise InputError(
            f"{column.name} holds dates ({str(found[0])!r}), which are no target; predict a number made of them, such "
            f"as the days from another date; {_OTHERWISE}"
        )
    if column.n >= _MANY and found.size > _FREE * column.n:
        kind = "as keys and free text are" if found.size < column.n else "as keys are"
        raise InputError(
            f"{column.name} holds {found.size} different words in {column.n} rows ({str(found[0])!r}, "
            f"{str(found[1])!r}, …), {kind}: classes that hardly come again cannot be learned; {_OTHERWISE}"
        )


def _refuse_numbers(column: Column) -> None:
    values, found = column.values, column.distinct
    if found.size < max(_MANY, 0.9 * column.n):
        return
    if _days(found):
        raise InputError(
            f"{column.name} holds dates written as numbers ({found[0]:.0f}), which are no target; {_OTHERWISE}"
        )
    if _TIME.search(column.name) and found[0] > 9e8:
        raise InputError(f"{column.name} holds times ({found[0]:.0f}), which are no target; {_OTHERWISE}")
    if found.size < column.n:
        return
    steps = np.diff(values)
    if found[-1] - found[0] == column.n - 1:
        why = f"it holds every number from {found[0]:.0f} to {found[-1]:.0f} once"
    elif (steps > 0).all() or (steps < 0).all():
        why = f"it {'rises' if steps[0] > 0 else 'falls'} from row to row and no value comes twice"
    elif _KEY.search(column.name):
        why = "no value comes twice, and its name is that of a key"
    else:
        return
    raise InputError(f"{column.name} looks like row numbers or keys: {why}; {_OTHERWISE}")


def _days(found: np.ndarray) -> bool:
    """Whether all numbers are days written as 20240131."""
    if found[0] < 19000101 or found[-1] > 21001231:
        return False
    month, day = found // 100 % 100, found % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())
