"""Rows that are in the training data, too: there a model shows what it remembers, not what it has learned.

Two ways tell that a row is the same. By row id, if ids mean the same in both files: numbers that count from 0 in each
are equal and mean nothing, so equal ids count only where their targets agree, in 95 % of the cases at least and far
more often than targets of rows drawn at random. Else by all columns that both files have, beside target, prediction and
ids, if equal rows are the same row: rows of three columns with few values are alike by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError
from .findings import finding
from .inputs import Inputs
from .pairing import IDS, as_ids
from .parsing import numbers
from .result import Duplicates
from .slices import MISSING, loss_per_row, loss_title, texts
from .sources import Columns
from .verdict import number, percent

if TYPE_CHECKING:
    from ..doctor import Finding

SHARE, ROWS = 0.01, 2  # of the rows that must be in the training data to be told as a finding
_COLUMNS, _VALUES = 2, 10  # so many columns must have so many values
_DISTINCT = 0.5  # of the rows of each file that must differ from one another
_CHANCE = 0.01  # training rows that a row may be expected to equal if the columns were independent
_AGREE, _ERRORS = 0.95, 5  # share of equal ids whose targets agree: at least, and in standard errors above chance
_NO_FEATURES = (*IDS, "", "unnamed: 0", "row", "row_number")


def compute(
    test: Columns,
    train: Columns,
    targets: Sequence[str],
    used: Sequence[str],
    row_id: str | None,
    inputs: Inputs,
    decimal: str | None = None,
) -> tuple[Duplicates | None, tuple[str, ...]]:
    """Return the rows of ``test`` that are in ``train``, or None, and notes on what could not be judged.

    Args:
        test: All columns of the file of predictions.
        train: All columns of the file of training rows.
        targets: The columns with the target.
        used: The columns with target and prediction.
        row_id: The column that names rows, or None.
        inputs: What was evaluated, row by row like ``test``.
        decimal: The sign before the decimals of numbers that are written as text, in both files; None to tell by the
            values of each column.

    Raises:
        DataError: A row id is missing.
    """
    notes = []
    if row_id is not None:
        same, why = _by_id(test, train, targets, row_id, decimal)
        if same is not None:
            return _found(same, train.source, (row_id,), "row id", inputs)
        notes.append(f"Equal ids of {test.source} and {train.source} were not taken for the same row: {why}.")
    taken = {*used, row_id}
    columns = {
        name: pair
        for name, x in test.arrays.items()
        if name not in taken and name.lower() not in _NO_FEATURES and name in train.arrays and len(x) == inputs.rows
        for name, pair in _pairs(name, x, train.arrays[name], decimal)
    }
    same, why = _by_features(list(columns.values()), inputs.rows)
    if same is not None:
        found, said = _found(same, train.source, tuple(columns), "columns", inputs)
        return found, (*notes, *said)
    return None, (*notes, f"Rows that are also in {train.source} were not looked for: {why}.")


def told(found: Duplicates) -> list[Finding]:
    """Return the finding, or none where the rows are too few to tell."""
    if not _matters(found):
        return []
    beside = ""
    if found.loss is not None and found.rest is not None:
        beside = f"; their {found.title} is {number(found.loss)}, that of the others {number(found.rest)}"
    return [
        finding(
            "EVAL11",
            what=f"{found.rows} of {found.of} rows ({percent(found.share)}) are in the training data, too.",
            evidence=f"They are in {found.train}, {_how(found)}{beside}.",
            rows=found.rows,
            share=found.share,
            loss=found.loss,
            rest=found.rest,
        )
    ]


def _how(found: Duplicates) -> str:
    return f"by {found.columns[0]!r}" if found.by == "row id" else f"equal in {len(found.columns)} columns"


def _counted(found: Duplicates) -> str:
    rows = f"{found.rows} of {found.of} rows ({percent(found.share)}) are" if found.rows else "No row is"
    return f"{rows} in {found.train} ({_how(found)})"


def _matters(found: Duplicates) -> bool:
    return found.rows >= ROWS and found.share >= SHARE


def _found(
    same: np.ndarray, train: str, columns: tuple[str, ...], by: str, inputs: Inputs
) -> tuple[Duplicates, tuple[str, ...]]:
    loss = loss_per_row(inputs)
    both = bool(same.any() and not same.all() and np.isfinite(loss).all())
    found = Duplicates(
        train=train,
        rows=int(same.sum()),
        of=inputs.rows,
        by=by,
        columns=columns,
        title=loss_title(inputs),
        loss=float(np.average(loss[same])) if both else None,
        rest=float(np.average(loss[~same])) if both else None,
    )
    if _matters(found):
        return found, ()
    return found, (f"{_counted(found)}{': too few to matter' if found.rows else ''}.",)


# --- which rows are the same -----------------------------------------------------------------------------------------
def _by_id(
    test: Columns, train: Columns, targets: Sequence[str], row_id: str, decimal: str | None
) -> tuple[np.ndarray | None, str]:
    """Return which rows have an id and a target of the training data, (N,) bool; None and why if ids mean nothing."""
    for columns in (test, train):
        if row_id not in columns.arrays:
            raise DataError(f"{columns.source} has no column {row_id!r} that can be read; row_id= (--row-id) names one")
    absent = [name for name in targets if name not in train.arrays]
    if absent:
        return None, f"{train.source} has no target {absent[0]!r} that would show whether they mean the same"
    ids = [as_ids(x.arrays[row_id], row_id, x.source, x.locate) for x in (test, train)]
    rows = ids[0].size
    parts = [c for name in targets for _, c in _pairs(name, test.arrays[name], train.arrays[name], decimal)]
    if not parts:
        return None, f"the targets of {train.source} have another shape, and would show whether they mean the same"
    target = _groups(parts)
    identity = np.unique(np.concatenate(ids), return_inverse=True)[1]
    equal = np.isin(identity[:rows], identity[rows:])
    same = _shared(_groups([identity, target]), rows)
    if not equal.any():
        return same, ""
    chance = _agreement(target, rows)
    agreeing = float(same.sum() / equal.sum())
    needed = max(_AGREE, chance + _ERRORS * math.sqrt(chance * (1 - chance) / equal.sum()))
    if chance < 1 and needed <= 1 and agreeing >= needed:
        return same, ""
    return None, (
        f"the targets of {percent(agreeing)} of {int(equal.sum())} equal ids agree, of rows drawn at random "
        f"{percent(chance)} would"
    )


def _by_features(columns: Sequence[np.ndarray], rows: int) -> tuple[np.ndarray | None, str]:
    """Return which rows equal a training row in all columns, (N,) bool; None and why if that means nothing."""
    wide = sum(np.unique(c[:rows]).size >= _VALUES for c in columns)
    if wide < _COLUMNS:
        shared = f"{len(columns)} columns" if len(columns) != 1 else "one column"
        return None, (
            f"besides target, prediction and ids the files share {shared}, {wide} of them with {_VALUES} values or "
            f"more; at least {_COLUMNS} such columns tell rows apart, or a column of ids: row_id= (--row-id)"
        )
    train = columns[0].size - rows
    chance = train * math.prod(_agreement(c, rows) for c in columns)
    groups = _groups(columns)
    distinct = min(np.unique(side).size / side.size for side in (groups[:rows], groups[rows:]))
    if chance > _CHANCE or distinct < _DISTINCT:
        return None, (
            "rows are often alike in all shared columns by chance; name a column that tells rows apart: row_id= "
            "(--row-id)"
        )
    return _shared(groups, rows), ""


def _shared(groups: np.ndarray, rows: int) -> np.ndarray:
    return np.isin(groups[:rows], groups[rows:])


def _agreement(codes: np.ndarray, rows: int) -> float:
    """Return how likely a row of the one file and one of the other, drawn at random, are equal."""
    codes = np.unique(codes, return_inverse=True)[1]
    most = int(codes.max()) + 1
    shares = [np.bincount(side, minlength=most) / side.size for side in (codes[:rows], codes[rows:])]
    return float(shares[0] @ shares[1])


def _groups(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return numbers that are equal where rows are equal in all columns; exactly, without hashes.

    Rows that no other one equals drop out column by column, so many columns cost little.
    """
    rows = columns[0].size
    groups, alive, code = np.arange(rows), np.arange(rows), np.zeros(rows, np.int64)
    for column in sorted(columns, key=lambda c: -int(c.max())):
        code = np.unique(code * (int(column.max()) + 1) + column[alive], return_inverse=True)[1]
        again = np.bincount(code)[code] > 1
        alive, code = alive[again], code[again]
        if not alive.size:
            break
    groups[alive] = rows + code
    return groups


def _pairs(name: str, one: np.ndarray, other: np.ndarray, decimal: str | None) -> list[tuple[str, np.ndarray]]:
    """Return a column of both files as whole numbers, the rows of the one before those of the other.

    A matrix is as many columns; what has another shape in the other file, or is neither number nor text, is none.
    """
    if one.shape[1:] != other.shape[1:] or {one.dtype.kind, other.dtype.kind} & set("cV"):
        return []
    if one.ndim == 1:
        return [(name, _codes(name, one, other, decimal))]
    sides = one.reshape(len(one), -1), other.reshape(len(other), -1)
    return [(f"{name}[{k}]", _codes(name, sides[0][:, k], sides[1][:, k], decimal)) for k in range(sides[0].shape[1])]


def _codes(name: str, one: np.ndarray, other: np.ndarray, decimal: str | None) -> np.ndarray:
    numeric = one.dtype.kind in "biuf" and other.dtype.kind in "biuf"
    if not numeric:
        words = [texts(name, x) for x in (one, other)]
        read = _numbers(name, words[0], decimal), _numbers(name, words[1], decimal)
        if read[0] is None or read[1] is None:
            return np.unique(np.concatenate(words), return_inverse=True)[1]
        one, other = (one if one.dtype.kind in "biuf" else read[0]), (other if other.dtype.kind in "biuf" else read[1])
    half = [x.dtype for x in (one, other) if x.dtype.kind == "f" and x.dtype.itemsize < 8]
    if half:  # 0.1 in float32 is not 0.1 in float64
        narrow = min(half, key=lambda d: d.itemsize)
        one, other = one.astype(narrow), other.astype(narrow)
    return np.unique(np.concatenate([one, other]), return_inverse=True)[1]


def _numbers(name: str, words: np.ndarray, decimal: str | None) -> np.ndarray | None:
    """Return text as float64, with NaN for what is missing; None where it is no numbers: 1.0 and 1 are the same."""
    known = words != MISSING
    try:
        read = numbers(name, words[known], decimal, str).values
    except DataError:  # 1,234 may be two numbers; equal text is equal all the same
        return None
    if read is None:
        return None
    values = np.full(words.size, np.nan)
    values[known] = read
    return values
