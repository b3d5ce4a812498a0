"""``choose``: a target column in, a ``Choice`` out."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ...errors import InputError
from ...evaluation.parsing import check_decimal
from ...evaluation.sources import load_columns
from .classes import binary, multiclass
from .column import Column, from_array, from_columns
from .grades import ordinal
from .labels import distribution, multilabel, percentage, proportion
from .measurements import regression
from .quantities import counts, nonnegative, positive_amounts
from .readings import readings
from .refusals import refuse_constant, refuse_what_is_no_target
from .result import Choice
from .suggesting import Advice
from .words import percent, plural

FEW_ROWS = 50
_ADVISE: dict[str, Callable[[Column, str | None], Advice]] = {
    "binary": binary,
    "multiclass": multiclass,
    "ordinal": ordinal,
    "multilabel": multilabel,
    "distribution": distribution,
    "proportion": proportion,
    "percentage": percentage,
    "counts": counts,
    "positive": positive_amounts,
    "nonnegative": nonnegative,
    "regression": regression,
}


def choose(target: Any, *, task: str | None = None, positive: object = None, decimal: str | None = None) -> Choice:
    """Say which loss fits a target: the loss, the last layer, the labels, the first value to expect, weights, code.

    Args:
        target: (N,) numbers, words or booleans; (N, K) one-hot rows, several labels, probabilities or numbers. Lists,
            columns of data frames, arrays of any framework. Missing values (NaN, None) are counted and left out.
        task: "binary", "multiclass", "ordinal", "multilabel", "distribution", "proportion", "percentage", "counts",
            "positive", "nonnegative" or "regression"; told by the values if None, and said with its certainty.
        positive: The class that counts as yes, for binary; if None the one whose name says so, or the second in
            order.
        decimal: "." or ",", the sign before the decimals of numbers that are written as text; the other one then
            groups thousands. Told by the values if None, and said where it is a comma.

    Returns:
        The choice; print it, or take ``.first``, ``.suggestions``, ``.reading``, ``.others``, ``.to_json()``.

    Raises:
        InputError: There is nothing to learn (no values, or always the same), the column is no target (keys, dates,
            free text), or it cannot be ``task``.
        UnknownNameError: No such task.

    Example:
        >>> import lossmith as lm
        >>> choice = lm.choose(["cat", "dog", "owl", "cat", "dog", "cat"])
        >>> choice.reading.task, choice.first.loss, choice.first.units
        ('multiclass', 'softmax_cross_entropy', 3)
        >>> [(e.formula, round(e.value, 4)) for e in choice.first.expected]
        [('ln 3', 1.0986), ('H(prior)', 1.0114)]
    """
    check_decimal(decimal)
    return _choice(from_array(target, decimal), task, None if positive is None else str(positive))


def choose_file(
    path: str | os.PathLike[str],
    column: str | None = None,
    *,
    task: str | None = None,
    positive: str | None = None,
    decimal: str | None = None,
) -> Choice:
    """Choose a loss for a column of a Parquet, CSV (also gzip) or NPZ file.

    Args:
        path: The file.
        column: A name, a number (from 0; from the end if negative), a pattern with ``*``, or several with commas; None
            where the file has only one.
        task: As in :func:`lossmith.choose`; so is ``positive``.
        positive: The class that counts as yes.
        decimal: As in :func:`lossmith.choose`.

    Raises:
        DataError: The file cannot be read, or holds something else than numbers where these belong.
        UnknownNameError: It has no such column.
        InputError: As in :func:`lossmith.choose`.
        MissingDependencyError: Parquet needs pyarrow.
    """
    table = load_columns(path, column, decimal)
    name = ", ".join(table.arrays)
    read = from_columns(table.arrays, name=name, locate=table.locate, decimal=decimal)
    return _choice(read, task, positive, table.source)


def _choice(column: Column, task: str | None, positive: str | None, source: str = "") -> Choice:
    refuse_constant(column)
    if task is None:
        refuse_what_is_no_target(column)
    found = readings(column, task)
    if positive is not None:
        _check_positive(column, found[0].task, positive)
    suggestions, notes = _ADVISE[found[0].task](column, positive)
    return Choice(
        name=column.name,
        source=source,
        rows=column.rows,
        missing=column.missing,
        reading=found[0],
        others=found[1:],
        suggestions=suggestions,
        assumptions=column.assumptions,
        notes=(*_about(column), *notes),
    )


def _check_positive(column: Column, task: str, positive: str) -> None:
    if task != "binary":
        raise InputError(
            f"positive is {positive!r}, but {column.name} was read as {task}; only binary has a positive class"
        )
    known = column.labels if column.values.ndim == 2 else tuple(map(str, column.distinct))
    if column.boolean:
        known = ("False", "True")
    if positive not in known:
        raise InputError(f"positive is {positive!r}; expected {' or '.join(map(repr, known))}")


def _about(column: Column) -> tuple[str, ...]:
    notes = []
    if column.missing:
        where = "y" if column.values.ndim == 1 else "a column of y"
        notes.append(
            f"{plural(column.missing, 'row')} of {column.rows:,} ({percent(column.missing / column.rows)}) had no "
            "value and did not count here. One NaN makes a whole loss NaN: leave such rows out before training, or "
            f"give the functions of lossmith mask=, False where {where} is missing."
        )
    if column.n < FEW_ROWS:
        notes.append(f"Only {plural(column.n, 'row')}: shares and spreads are rough, and so are the values to expect.")
    return tuple(notes)
