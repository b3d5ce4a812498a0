"""Slices: the numbers of the rows that share a value of some column, and which of them are worse than the rest.

A slice is judged by Welch's test of its loss per row against that of all other rows. As many slices are looked at,
those that are called worse are chosen by Benjamini and Hochberg at 5 % over all that are judged; and their mean loss
must lie 10 % above that of the other rows, as with many rows any trifle is more than chance. A skewed loss makes the
test cautious in the direction that is told: a mean that is too high by chance comes with a standard error that is, too.

Rows at hand as a whole are cut here (``compute``). A stream keeps what is asked of each value of a column
(``kept``), and ``of_states`` makes the same records of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, ShapeError
from ..losses import find
from . import losses
from .arrays import to_numpy
from .findings import finding
from .inputs import Inputs, Subject
from .intervals import Mean, mean_of, wilson
from .p_values import discoveries, welch
from .result import Metric, Slice, finite
from .scorers import answers
from .states import Bundle, LossSums, State
from .states import Slices as SliceStates
from .verdict import number, percent

if TYPE_CHECKING:
    from ..doctor import Finding

MOST = 50  # slices that are told apart, over all columns
FEW = 20  # rows below which a slice, or what is left beside it, is not judged
RATE = 0.05  # of the slices that are called worse and are not, as Benjamini and Hochberg mean it
FLOOR = 0.1  # of the others' mean loss by which a slice must be worse
NAMED = 3  # slices that become a finding
MISSING = "missing"
MOST_OF_A_STREAM = 1000  # values of a column that a stream keeps apart until it is known which are frequent


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
    found, notes = _frequent({name: column(name, x, inputs.rows) for name, x in columns.items()})
    loss, quality = loss_per_row(inputs), quality_per_row(inputs)
    infinite = int((~np.isfinite(loss)).sum())
    slices = [
        _slice(column, code, value, loss, quality, inputs, judge=not infinite)
        for column in found
        for code, value in (*enumerate(column.values), *([(-1, "other")] if column.others else []))
    ]
    return _judged(slices), (*_not_judged(infinite), *notes)


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
def column(name: str, given: Any, rows: int) -> np.ndarray:
    """Return a column beside arrays as strings, (N,); what is missing is the word for it.

    Raises:
        InputError: It is no array; ShapeError: it does not have one value per row.
    """
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

    A value's text depends on that value alone: parts of a column say the same of it as the column does.

    Raises:
        InputError: They are neither numbers nor strings nor dates.
    """
    if array.dtype.kind in "Mm":
        return np.where(np.isnat(array), MISSING, array.astype(np.str_))
    if array.dtype.kind == "f":
        missing, wide = np.isnan(array), array.astype(np.float64)
        whole = (np.abs(wide) < 2**53) & (wide == np.rint(wide))  # counts beside gaps
        as_whole = np.where(whole, wide, 0).astype(np.int64).astype(np.str_)
        return np.where(missing, MISSING, np.where(whole, as_whole, array.astype(np.str_)))
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
    kept = _told_apart({name: counts.tolist() for name, (_, _, counts) in counted.items()})
    found, notes = [], []
    for name, (values, index, counts) in counted.items():
        chosen = kept[name]
        codes = np.full(values.size, -1)
        codes[chosen] = np.arange(len(chosen))
        others = values.size - len(chosen)
        found.append(
            _Column(name=name, values=tuple(values[chosen].tolist()), index=codes[index.reshape(-1)], others=others)
        )
        notes += _of_others(name, values.size, others, int(counts[codes < 0].sum()))
    return found, notes


def _told_apart(counts: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return which values of each column are told apart, the most frequent first, from the rows of each value."""
    sizes = sorted((-n, name, k) for name, rows in counts.items() for k, n in enumerate(rows))[:MOST]
    return {name: [k for _, of, k in sizes if of == name] for name in counts}


def _of_others(column: str, values: int, others: int, rows: int) -> list[str]:
    if not others:
        return []
    return [
        f"Column {column!r} has {values} values; the {values - others} most frequent are slices, the other {others} "
        f"({rows} rows) are counted as «other» and not judged."
    ]


def _not_judged(infinite: int) -> list[str]:
    if not infinite:
        return []
    return [f"Slices are not judged: the loss is infinite in {infinite} row{'s' if infinite > 1 else ''}."]


# --- of a stream -----------------------------------------------------------------------------------------------------
def kept(columns: Sequence[str], weighted: bool) -> Bundle:
    """Return the empty states of the slices of columns: their losses and whether they are right, by value."""
    template = Bundle({name: LossSums(weighted=weighted, skewed=True) for name in ("loss", "quality")})
    return Bundle({name: SliceStates(template, MOST_OF_A_STREAM, column=name) for name in columns})


def update(states: Bundle, inputs: Inputs, columns: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Let the states look at rows.

    Args:
        states: Those of :func:`kept`.
        inputs: The rows.
        columns: By name, the texts (K,) of values and which of them each row has (N,).

    Raises:
        InputError: A column has too many values.
    """
    loss, quality = loss_per_row(inputs), quality_per_row(inputs)
    for name, (values, index) in columns.items():
        for state, rows in states[name].parts_of(values, index):
            weight = None if inputs.weight is None else inputs.weight[rows]
            state["loss"].update(loss[rows], weight=weight)
            state["quality"].update(quality[rows], weight=weight)


def of_states(subject: Subject, states: Bundle) -> tuple[tuple[Slice, ...], tuple[str, ...]]:
    """Return what :func:`compute` does, of the rows that the states have seen."""
    columns = {name: dict(sorted(state.states.items())) for name, state in states.states.items()}  # type: ignore[attr-defined]
    rows = {name: [_rows(state) for state in by_value.values()] for name, by_value in columns.items()}
    chosen, notes, slices = _told_apart(rows), [], []
    infinite = max((sum(s["loss"].infinite for s in by_value.values()) for by_value in columns.values()), default=0)
    for name, by_value in columns.items():
        values, others = list(by_value), len(by_value) - len(chosen[name])
        parts = [(values[k], 1, by_value[values[k]], True) for k in chosen[name]]
        if others:
            rare = _merged([by_value[v] for k, v in enumerate(values) if k not in chosen[name]])
            parts.append(("other", others, rare, False))
            notes += _of_others(name, len(values), others, _rows(rare))
        for k, (value, count, state, apart) in enumerate(parts):
            beside = [s["loss"] for j, (_, _, s, _) in enumerate(parts) if j != k]
            slices.append(
                _record(
                    subject,
                    column=name,
                    value=value,
                    values=count,
                    rows=_rows(state),
                    loss=state["loss"].mean(),
                    rest=_merged(beside).mean() if beside else Mean(math.nan, math.nan, 0.0),
                    quality=state["quality"].mean(),
                    judge=apart and not infinite,
                )
            )
    return _judged(slices), (*_not_judged(infinite), *notes)


def _rows(state: Any) -> int:
    return int(state["loss"].result().count[0])


def _merged(states: Sequence[Any]) -> Any:
    """Return a new state of what all have seen."""
    whole: State = states[0].empty()
    for state in states:
        whole.merge(state)
    return whole


# --- numbers ---------------------------------------------------------------------------------------------------------
def loss_per_row(inputs: Inputs) -> np.ndarray:
    """Return the loss per row that decides on the verdict; of hard labels, whether the answer is wrong."""
    return 1.0 - _right(inputs) if inputs.form == "labels" else losses.per_row(inputs)


def loss_title(inputs: Subject) -> str:
    """Return the name of the loss per row, as within a sentence."""
    if inputs.form == "labels":
        return "share of wrong answers"
    title = find(losses.LOSSES[inputs.task, inputs.form][0]).title
    return title[0].lower() + title[1:]


def _right(inputs: Inputs) -> np.ndarray:
    right = answers(inputs) == inputs.target
    return (right.all(axis=1) if inputs.task == "multilabel" else right).astype(np.float64)


def quality_per_row(inputs: Inputs) -> np.ndarray:
    """Return, per row, whether the answer is right; of numbers, the absolute error."""
    return losses.values_per_row(find("absolute_error"), inputs) if inputs.task == "regression" else _right(inputs)


def _slice(
    column: _Column, code: int, value: str, loss: np.ndarray, quality: np.ndarray, inputs: Inputs, *, judge: bool
) -> Slice:
    rows = column.index == code
    weight = None if inputs.weight is None else inputs.weight[rows]
    return _record(
        inputs,
        column=column.name,
        value=value,
        values=1 if code >= 0 else column.others,
        rows=int(rows.sum()),
        loss=mean_of(loss[rows], weight),
        rest=mean_of(loss[~rows], None if inputs.weight is None else inputs.weight[~rows]),
        quality=mean_of(quality[rows], weight),
        judge=judge and code >= 0,
    )


def _record(
    subject: Subject,
    *,
    column: str,
    value: str,
    values: int,
    rows: int,
    loss: Mean,
    rest: Mean,
    quality: Mean,
    judge: bool,
) -> Slice:
    """Return what is told of a slice; ``judge`` is whether it may be called worse, if it is large enough."""
    low, high = loss.interval()
    return Slice(
        column=column,
        value=value,
        values=values,
        rows=rows,
        title=loss_title(subject),
        loss=finite(loss.value),
        low=low,
        high=high,
        rest=finite(rest.value),
        quality=_measured(subject.task, quality),
        p=welch(loss, rest) if judge and min(loss.rows, rest.rows) >= FEW else None,
    )


def _measured(task: str, quality: Mean) -> Metric:
    value = finite(quality.value)
    if task == "regression":
        low, high = quality.interval()
        return Metric(name="mae", title="MAE", value=value, low=low, high=high, proportion=False)
    name, title = ("exact_match", "exact match") if task == "multilabel" else ("accuracy", "accuracy")
    low, high = wilson(value, quality.rows)
    return Metric(name=name, title=title, value=value, low=low, high=high)


def _judged(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """Return the slices with the verdict on those that have a p-value."""
    beyond = iter(discoveries([s.p for s in slices if s.p is not None], RATE))
    return tuple(s if s.p is None else replace(s, worse=next(beyond) and _is_worse(s)) for s in slices)


def _is_worse(s: Slice) -> bool:
    if s.loss is None or s.rest is None:
        return False
    return s.loss - s.rest > FLOOR * abs(s.rest)
