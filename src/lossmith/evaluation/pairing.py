"""The same rows in several sets of predictions: by row id where there is one, else by their order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DataError, InputError, UnknownNameError
from .arrays import Locate
from .inputs import Inputs, prepare
from .sources import load, load_columns

IDS = ("row_id", "id", "example_id", "sample_id", "uuid", "index")


@dataclass(frozen=True, kw_only=True, eq=False)
class Paired:
    """Sets of predictions whose rows and targets are the same.

    Attributes:
        names: One per set.
        inputs: One per set, the rows in the order of the first.
        how: How the rows were paired, in a sentence.
        notes: What was left out.
        assumptions: What was guessed.
    """

    names: tuple[str, ...]
    inputs: tuple[Inputs, ...]
    how: str
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


def of_arrays(predictions: Sequence[Any], target: Any, names: Sequence[str], options: dict[str, Any]) -> Paired:
    """Pair arrays, whose rows are those of one target."""
    inputs = _prepared([(p, target, {}) for p in predictions], names, options)
    return Paired(
        names=tuple(names),
        inputs=inputs,
        how="Rows are paired by their order: all predictions are for one target.",
        assumptions=inputs[0].assumptions,
    )


def of_files(
    paths: Sequence[str | os.PathLike[str]],
    names: Sequence[str],
    columns: dict[str, Any],
    row_id: str | None,
    options: dict[str, Any],
) -> Paired:
    """Pair files, by the column ``row_id`` or one of the usual names that all of them have.

    Raises:
        DataError: Ids come twice or are missing, no row is in all files, or the targets of a row differ.
    """
    tables = [load(path, **columns, class_names=options["class_names"]) for path in paths]
    given = [
        (t.prediction, t.target, {"form_hint": t.form, "locate": t.locate, "class_names": t.class_names})
        for t in tables
    ]
    inputs = _prepared(given, names, options)
    assumptions = tuple(dict.fromkeys(s for t in tables for s in t.assumptions)) + inputs[0].assumptions
    column, ids = _ids(paths, row_id)
    notes: list[str] = []
    if ids is None:
        _check_order(inputs, names)
        how = "Rows are paired by their order, and all targets agree; --row-id (row_id=) pairs them by a column."
    else:
        inputs, notes = _by_id(inputs, ids, names)
        how = f"Rows are paired by column {column!r}; all targets agree."
    return Paired(names=tuple(names), inputs=inputs, how=how, notes=tuple(notes), assumptions=assumptions)


def _prepared(given: Sequence[Any], names: Sequence[str], options: dict[str, Any]) -> tuple[Inputs, ...]:
    """Return canonical inputs of one task and the same classes."""
    found = [prepare(p, t, **(options | {k: v for k, v in more.items() if v is not None})) for p, t, more in given]
    first = found[0]
    for name, inputs in zip(names[1:], found[1:], strict=True):
        if inputs.task != first.task:
            raise InputError(
                f"{names[0]} is read as {first.task} and {name} as {inputs.task}; say which with task= (--task)"
            )
    if len({i.class_names for i in found}) == 1:
        return tuple(found)
    every = sorted({n for i in found for n in i.class_names})
    if first.task in ("binary", "multiclass") and all(i.form == "labels" for i in found):
        again: dict[str, Any] = {
            **options,
            "class_names": every,
            "task": "multiclass" if len(every) > 2 else first.task,
        }
        return tuple(prepare(p, t, **again) for p, t, _ in given)
    name, other = next((n, i) for n, i in zip(names, found, strict=True) if i.class_names != first.class_names)
    raise InputError(
        f"{names[0]} has the classes {_listed(first.class_names)} and {name} has {_listed(other.class_names)}; name "
        "them with class_names= (--classes), in the order of the columns"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


# --- by order --------------------------------------------------------------------------------------------------------
def _check_order(inputs: Sequence[Inputs], names: Sequence[str]) -> None:
    first = inputs[0]
    for name, other in zip(names[1:], inputs[1:], strict=True):
        if other.rows != first.rows:
            raise DataError(
                f"{names[0]} has {first.rows} rows and {name} has {other.rows}; to compare the rows they share, name "
                "the column that tells rows apart: row_id= (--row-id)"
            )
        differ = _differ(first, other)
        if differ.any():
            at = int(np.argmax(differ))
            raise DataError(
                f"{names[0]} and {name} have other targets in {int(differ.sum())} of {first.rows} rows (position {at}: "
                f"{_target(first, at)} and {_target(other, at)}), so they are not of the same rows in the same order; "
                "name the column that tells rows apart: row_id= (--row-id)"
            )


def _differ(one: Inputs, other: Inputs) -> np.ndarray:
    """Return where targets differ, (N,) bool."""
    if one.target.shape != other.target.shape:
        raise DataError(f"targets have shapes {one.target.shape} and {other.target.shape}; expected the same columns")
    return (one.target != other.target).reshape(one.rows, -1).any(axis=1)


def _target(inputs: Inputs, row: int) -> str:
    value = inputs.target[row]
    return repr(inputs.class_names[int(value)]) if inputs.task in ("binary", "multiclass") else str(value)


# --- by id -----------------------------------------------------------------------------------------------------------
def _ids(paths: Sequence[Any], row_id: str | None) -> tuple[str, list[np.ndarray] | None]:
    """Return the column of ids, given or of a usual name that identifies rows in all files, and its values."""
    if row_id is not None:
        found = [_column(path, row_id) for path in paths]
        for path, ids in zip(paths, found, strict=True):
            _check_unique(ids, row_id, os.fspath(path))
        return row_id, found
    for name in IDS:
        try:
            found = [_column(path, name) for path in paths]
        except (UnknownNameError, DataError):
            continue
        if all(np.unique(ids).size == ids.size for ids in found):
            return name, found
    return "", None


def _column(path: Any, name: str) -> np.ndarray:
    """Return ids as strings, whole numbers without a point.

    Raises:
        DataError: One is missing.
        UnknownNameError: There is no such column.
    """
    columns = load_columns(path, name)
    if len(columns.arrays) != 1:
        raise DataError(f"{name!r} names {len(columns.arrays)} columns of {columns.source}; row ids are one column")
    return as_ids(next(iter(columns.arrays.values())), name, columns.source, columns.locate)


def as_ids(x: np.ndarray, name: str, source: str, locate: Locate) -> np.ndarray:
    """Return ids as strings, (N,), whole numbers without a point.

    Raises:
        DataError: One is missing.
    """
    x = x.reshape(-1)
    missing = np.array([v is None or v != v or v == "" for v in x.tolist()])
    if missing.any():
        raise DataError(
            f"column {name!r} of {source} is empty at {locate(int(np.argmax(missing)))} "
            f"({int(missing.sum())} of {x.size} rows); a row without an id cannot be paired"
        )
    if x.dtype.kind == "f" and np.all(x == np.rint(x)) and np.all(np.abs(x) < 2**53):
        x = x.astype(np.int64)
    return np.array([str(v) for v in x.tolist()])


def _check_unique(ids: np.ndarray, name: str, path: str) -> None:
    found, counts = np.unique(ids, return_counts=True)
    if found.size < ids.size:
        worst = int(np.argmax(counts))
        raise DataError(
            f"column {name!r} of {path} holds {str(found[worst])!r} {counts[worst]} times ({ids.size - found.size} "
            "rows too many); an id names one row"
        )


def _by_id(
    inputs: Sequence[Inputs], ids: Sequence[np.ndarray], names: Sequence[str]
) -> tuple[tuple[Inputs, ...], list[str]]:
    common = ids[0]
    for other in ids[1:]:
        common = common[np.isin(common, other)]
    if not common.size:
        raise DataError(f"no row id is in all of {', '.join(names)}; were they made from the same data?")
    notes = [
        f"{x.size - common.size} of {x.size} rows of {name} are left out, as their ids are not in all files."
        for name, x in zip(names, ids, strict=True)
        if x.size > common.size
    ]
    taken = []
    for given, x in zip(inputs, ids, strict=True):
        order = np.argsort(x)
        rows = order[np.searchsorted(x[order], common)]
        taken.append(replace(given, prediction=given.prediction[rows], target=given.target[rows]))
    for name, other in zip(names[1:], taken[1:], strict=True):
        differ = _differ(taken[0], other)
        if differ.any():
            at = int(np.argmax(differ))
            raise DataError(
                f"{names[0]} and {name} have other targets in {int(differ.sum())} of {common.size} rows (id "
                f"{str(common[at])!r}: {_target(taken[0], at)} and {_target(other, at)}); compare predictions for the "
                "same targets"
            )
    return tuple(taken), notes
