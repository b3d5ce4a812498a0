"""Slices: the numbers of the rows that share a value of some column, and which of them are worse than the rest.

A slice is judged by Welch's test of its loss per row against that of all other rows. As many slices are looked at,
those that are called worse are chosen by Benjamini and Hochberg at 5 % over all that are judged; and their mean loss
must lie 10 % above that of the other rows, as with many rows any trifle is more than chance. A skewed loss makes the
test cautious in the direction that is told: a mean that is too high by chance comes with a standard error that is, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, ShapeError
from ..losses import find
from . import losses
from .arrays import to_numpy
from .findings import finding
from .inputs import Inputs
from .intervals import effective_rows, mean_and_error, normal, wilson
from .p_values import discoveries, welch
from .result import Metric, Slice, finite
from .scorers import answers
from .verdict import number, percent

if TYPE_CHECKING:
    from ..doctor import Finding

MOST = 50  # slices that are told apart, over all columns
FEW = 20  # rows below which a slice, or what is left beside it, is not judged
RATE = 0.05  # of the slices that are called worse and are not, as Benjamini and Hochberg mean it
FLOOR = 0.1  # of the others' mean loss by which a slice must be worse
NAMED = 3  # slices that become a finding
MISSING = "missing"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Column:
    """A column of slices: the values that are told apart, and for each row which one it has (-1: one of the others)."""

    name: str
    values: tuple[str, ...]
    index: np.ndarray
    others: int


def compute(inputs: Inputs, columns: Mapping[str, Any]) -> tuple[tuple[Slice, ...], tuple[str, ...]]:
    """Return the slices, the most frequent first within their column, and notes on what was not told apart.

    Args:
        inputs: All rows.
        columns: By name, (N,) values each: numbers, strings or objects; what is missing becomes the slice "missing".

    Raises:
        InputError: A column is no array; ShapeError: it does not have one value per row.
    """
    if not columns:
        return (), ()
    found, notes = _frequent({name: _values(name, x, inputs.rows) for name, x in columns.items()})
    loss, quality = loss_per_row(inputs), _quality(inputs)
    if not np.isfinite(loss).all():
        rows = int((~np.isfinite(loss)).sum())
        notes.append(f"Slices are not judged: the loss is infinite in {rows} row{'s' if rows > 1 else ''}.")
    slices = [
        _slice(column, code, value, loss, quality, inputs)
        for column in found
        for code, value in (*enumerate(column.values), *([(-1, "other")] if column.others else []))
    ]
    return _judged(slices), tuple(notes)


def told(slices: Sequence[Slice]) -> list[Finding]:
    """Return a finding for each of the worst slices, by how far their loss is above that of the other rows."""
    worse = sorted((s for s in slices if s.worse), key=lambda s: -((s.loss or 0.0) - (s.rest or 0.0)))
    return [_finding(s, len(worse) - NAMED if k == NAMED - 1 else 0) for k, s in enumerate(worse[:NAMED])]


def _finding(s: Slice, more: int) -> Finding:
    q = s.quality
    show = percent if q.proportion else number
    times = f", {number(s.loss / s.rest)} times" if s.loss is not None and s.rest else ""
    chance = "p < 1e-16" if (s.p or 0.0) < 1e-16 else f"p = {s.p:.1g}"
    others = f" {more} more slices are worse than the other rows; the table of slices marks them." if more > 0 else ""
    return finding(
        "EVAL10",
        what=f"Worse where {s.column} is {s.value!r} ({s.rows} rows).",
        evidence=f"{s.title[:1].upper()}{s.title[1:]} {number(s.loss)} against {number(s.rest)} elsewhere{times} "
        f"({chance}; {q.title} {show(q.value)}).{others}",
        certainty="statistical",
        rows=s.rows,
        loss=s.loss,
        rest=s.rest,
        p=s.p,
    )


# --- from columns to slices ------------------------------------------------------------------------------------------
def _values(name: str, given: Any, rows: int) -> np.ndarray:
    """Return a column as strings, (N,); what is missing is the word for it."""
    if isinstance(given, list | tuple) and not any(isinstance(v, list | tuple | np.ndarray) for v in given):
        given = _objects(given)  # NumPy would make the string 'nan' of a NaN among strings
    array = to_numpy(f"slices[{name!r}]", given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (rows,):
        raise ShapeError(f"slices[{name!r}] has shape {array.shape}; expected ({rows},), one value per row")
    return texts(f"slices[{name!r}]", array)


def texts(name: str, array: np.ndarray) -> np.ndarray:
    """Return values as strings, (N,), whole numbers without a point; what is missing is the word for it.

    Raises:
        InputError: They are neither numbers nor strings nor dates.
    """
    if array.dtype.kind in "Mm":
        return np.where(np.isnat(array), MISSING, array.astype(np.str_))
    if array.dtype.kind == "f":
        missing = np.isnan(array)
        filled = np.where(missing, 0, array)
        whole = np.all(np.abs(filled) < 2**53) and np.all(filled == np.rint(filled))  # counts beside gaps
        return np.where(missing, MISSING, (filled.astype(np.int64) if whole else filled).astype(np.str_))
    if array.dtype.kind in "iub":
        return array.astype(np.str_)
    if array.dtype.kind not in "OUST":
        raise InputError(f"{name} has dtype {array.dtype}; expected strings or numbers")
    return np.array([_text(v) for v in array.tolist()], dtype=np.str_)


def _objects(given: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(given), dtype=object)
    array[:] = given
    return array


def _text(value: Any) -> str:
    """Return a value as text, and the word for what is missing: None, NaN, a data frame's gap, the empty string."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return MISSING
    if isinstance(value, float | np.floating) and value != value:
        return MISSING
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip() or MISSING


def _frequent(columns: Mapping[str, np.ndarray]) -> tuple[list[_Column], list[str]]:
    """Return the columns with their most frequent values, as many as are told apart over all columns."""
    counted = {name: np.unique(x, return_inverse=True, return_counts=True) for name, x in columns.items()}
    sizes = [(-int(n), name, k) for name, (_, _, counts) in counted.items() for k, n in enumerate(counts)]
    kept = sorted(sizes)[:MOST]
    found, notes = [], []
    for name, (values, index, counts) in counted.items():
        chosen = [k for _, of, k in kept if of == name]
        codes = np.full(values.size, -1)
        codes[chosen] = np.arange(len(chosen))
        others = values.size - len(chosen)
        found.append(
            _Column(name=name, values=tuple(values[chosen].tolist()), index=codes[index.reshape(-1)], others=others)
        )
        if others:
            notes.append(
                f"Column {name!r} has {values.size} values; the {len(chosen)} most frequent are slices, the other "
                f"{others} ({int(counts[codes < 0].sum())} rows) are counted as «other» and not judged."
            )
    return found, notes


# --- numbers ---------------------------------------------------------------------------------------------------------
def loss_per_row(inputs: Inputs) -> np.ndarray:
    """Return the loss per row that decides on the verdict; of hard labels, whether the answer is wrong."""
    return 1.0 - _right(inputs) if inputs.form == "labels" else losses.per_row(inputs)


def loss_title(inputs: Inputs) -> str:
    """Return the name of the loss per row, as within a sentence."""
    if inputs.form == "labels":
        return "share of wrong answers"
    title = find(losses.LOSSES[inputs.task, inputs.form][0]).title
    return title[0].lower() + title[1:]


def _right(inputs: Inputs) -> np.ndarray:
    right = answers(inputs) == inputs.target
    return (right.all(axis=1) if inputs.task == "multilabel" else right).astype(np.float64)


def _quality(inputs: Inputs) -> np.ndarray:
    """Return, per row, whether the answer is right; of numbers, the absolute error."""
    return losses.values_per_row(find("absolute_error"), inputs) if inputs.task == "regression" else _right(inputs)


def _slice(column: _Column, code: int, value: str, loss: np.ndarray, quality: np.ndarray, inputs: Inputs) -> Slice:
    rows = column.index == code
    weight = None if inputs.weight is None else inputs.weight[rows]
    rest_weight = None if inputs.weight is None else inputs.weight[~rows]
    of_rest = mean_and_error(loss[~rows], rest_weight)
    own = mean_and_error(loss[rows], weight)
    low, high = normal(loss[rows], weight)
    enough = code >= 0 and min(own[2], of_rest[2]) >= FEW and np.isfinite(loss).all()
    return Slice(
        column=column.name,
        value=value,
        values=1 if code >= 0 else column.others,
        rows=int(rows.sum()),
        title=loss_title(inputs),
        loss=finite(own[0]),
        low=low,
        high=high,
        rest=finite(of_rest[0]),
        quality=_measured(inputs, quality[rows], weight),
        p=welch(own, of_rest) if enough else None,
    )


def _measured(inputs: Inputs, quality: np.ndarray, weight: np.ndarray | None) -> Metric:
    n = effective_rows(weight, quality.size)
    value = finite(mean_and_error(quality, weight)[0])
    if inputs.task == "regression":
        low, high = normal(quality, weight)
        return Metric(name="mae", title="MAE", value=value, low=low, high=high, proportion=False)
    name, title = ("exact_match", "exact match") if inputs.task == "multilabel" else ("accuracy", "accuracy")
    low, high = wilson(value, n)
    return Metric(name=name, title=title, value=value, low=low, high=high)


def _judged(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """Return the slices with the verdict on those that have a p-value."""
    beyond = iter(discoveries([s.p for s in slices if s.p is not None], RATE))
    return tuple(s if s.p is None else replace(s, worse=next(beyond) and _is_worse(s)) for s in slices)


def _is_worse(s: Slice) -> bool:
    if s.loss is None or s.rest is None:
        return False
    return s.loss - s.rest > FLOOR * abs(s.rest)
