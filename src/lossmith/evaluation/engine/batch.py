"""Batches: a few columns of some rows as NumPy arrays, and where these rows are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import DataError, MissingDependencyError
from ..slices import MISSING, texts

Locate = Callable[[int], str]


class UnreadableError(DataError):
    """A piece of a source cannot be read; it can be left out with ``skip_bad``."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be read of a source.

    Attributes:
        names: Columns of numbers and labels; a row without a value in one of them is missing.
        slices: Columns of whose values the texts are wanted; none is a value like any other.
        batch_rows: How many rows at a time.
        types: Of columns in text formats: "float", "int" or "text".
        nested: How lists are read: "matrix" for lists of one length, "lists" for lists of any length (of numbers, or
            of rows of one length), "flat" for lists of any length and depth as one list per row.
    """

    names: tuple[str, ...]
    slices: tuple[str, ...] = ()
    batch_rows: int = 1 << 16
    types: Mapping[str, str] = field(default_factory=dict)
    nested: str = "matrix"

    @property
    def every(self) -> list[str]:
        """All columns to be read, each once."""
        return list(dict.fromkeys([*self.names, *self.slices]))


@dataclass(frozen=True, eq=False)
class Lists:
    """A column of lists: all values one after another, (P,) or (P, V), and how many of them each row has, (N,)."""

    values: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows on their way into states.

    Attributes:
        columns: By name, (N,) or (N, …) each, or :class:`Lists`; where a value is missing stands anything of the right
            kind.
        missing: (N,) whether a value of the row is missing, or None where none is.
        first: The row id of the first row; the ids of the others count on.
        locate: Says in words where a row of the batch is.
        slices: By name, the texts (K,) of values and which of them each row has (N,).
    """

    columns: dict[str, Any]
    missing: np.ndarray | None
    first: int
    locate: Locate
    slices: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def import_pyarrow(purpose: str) -> Any:
    """Return pyarrow.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingDependencyError("pyarrow", purpose, "eval") from None
    return pyarrow


def from_arrow(
    record: Any, wanted: Wanted, first: int, locate: Locate, source: str, without: Collection[str] = ()
) -> Batch:
    """Return what is wanted of a ``pyarrow.RecordBatch`` or table, but for the columns ``without``.

    Raises:
        UnreadableError: A column holds neither numbers nor strings, or lists of different lengths.
    """
    columns, missing = {}, None
    for name in wanted.names:
        if name in without:
            continue
        columns[name], gaps = _to_numpy(f"column {name!r} of {source}", record.column(name), wanted.nested)
        if gaps is not None:
            missing = gaps if missing is None else missing | gaps
    slices = {
        name: _texts(f"column {name!r} of {source}", record.column(name))
        for name in wanted.slices
        if name not in without
    }
    return Batch(columns, missing, first, locate, slices)


def _texts(where: str, column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts of a column's distinct values, the word for none first, and which of them each row has."""
    pyarrow = import_pyarrow("reading Arrow")
    from pyarrow import types

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if types.is_null(column.type) or not len(column):
        return np.array([MISSING]), np.zeros(len(column), np.int64)
    if not types.is_dictionary(column.type):
        if types.is_nested(column.type):
            raise UnreadableError(f"{where} is of type {column.type}; slices are by numbers or strings")
        if types.is_string_view(column.type):
            column = column.cast(pyarrow.string())
        column = column.dictionary_encode()
    values = column.dictionary
    if types.is_decimal(values.type):
        values = values.cast(pyarrow.float64())
    elif types.is_temporal(values.type):
        values = values.cast(pyarrow.string())
    index = column.indices.cast(pyarrow.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.concatenate([[MISSING], texts(where, values.to_numpy(zero_copy_only=False))]), index + 1


def _to_numpy(where: str, column: Any, nested: str = "matrix") -> tuple[Any, np.ndarray | None]:
    """Return the values, and which rows have none."""
    pyarrow = import_pyarrow("reading Arrow")
    if _is_plain(column.type) and not column.null_count:
        return column.to_numpy(zero_copy_only=False), None
    from pyarrow import types

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    gaps = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    if _is_list(kind):
        return _matrix(where, column, gaps) if nested == "matrix" else _lists(where, column, gaps, nested)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        texts = ("" if text is None else text for text in column.to_pylist())
        return np.array(list(texts), dtype=np.str_), gaps
    if types.is_decimal(kind):
        column = column.cast(pyarrow.float64())
    elif types.is_null(kind):
        return np.zeros(len(column)), gaps
    elif not (types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)):
        raise UnreadableError(f"{where} is of type {kind}; expected numbers or strings")
    if gaps is not None:
        column = column.fill_null(pyarrow.scalar(0).cast(column.type))
    return column.to_numpy(zero_copy_only=False), gaps


@lru_cache(maxsize=64)
def _is_plain(kind: Any) -> bool:
    """Whether values of an Arrow type are what they are in NumPy."""
    from pyarrow import types

    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _lists(where: str, column: Any, gaps: np.ndarray | None, nested: str) -> tuple[Lists, np.ndarray | None]:
    """Return a column of lists of any lengths; a row with a missing list or value is missing, a missing list empty."""
    from pyarrow import compute

    there = np.ones(len(column), bool) if gaps is None else ~gaps
    if gaps is not None:
        column = column.drop_null()
    lengths = np.zeros(there.size, np.int64)
    lengths[there] = compute.call_function("list_value_length", [column]).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(there.size), lengths)
    inner = compute.call_function("list_flatten", [column])
    deeper = "flat" if nested == "flat" else "matrix"
    values, holes = _to_numpy(where, inner, deeper)
    missing = ~there
    if holes is not None:
        missing[row[holes]] = True
    if isinstance(values, Lists):
        lengths = np.bincount(row, weights=values.lengths, minlength=there.size).astype(np.int64)
        values = values.values
    if values.dtype.kind not in "iufb":
        raise UnreadableError(f"{where} is of type {column.type}; expected lists of numbers")
    return Lists(values, lengths), missing if missing.any() else None


def _matrix(where: str, column: Any, gaps: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a column of lists of one length as (N, C); a row with a missing list or element is missing."""
    from pyarrow import compute

    rows = len(column)
    there = column if gaps is None else column.drop_null()
    lengths = np.unique(compute.call_function("list_value_length", [there]).to_numpy(zero_copy_only=False))
    if lengths.size > 1:
        raise UnreadableError(f"{where} holds lists of {lengths[0]} and of {lengths[1]} values; expected one length")
    if _is_list(column.type.value_type):
        raise UnreadableError(
            f"{where} is of type {column.type}; label maps are read with task='segmentation' (--task), scores of the "
            "tokens of a sequence with task='language_model'"
        )
    flat, holes = _to_numpy(where, compute.call_function("list_flatten", [there]))
    if flat.dtype.kind not in "iufb":
        raise UnreadableError(f"{where} is of type {column.type}; expected lists of numbers")
    width = int(lengths[0]) if lengths.size else 0
    present = np.ones(rows, bool) if gaps is None else ~gaps
    values = np.zeros((rows, width), flat.dtype)
    values[present] = flat.reshape(-1, width) if width else 0
    if holes is None:
        return values, gaps
    missing = ~present
    missing[present] |= holes.reshape(-1, width).any(axis=1)
    return values, missing
