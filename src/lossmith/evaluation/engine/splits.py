"""From sources to splits: files, Arrow streams, iterables of batches, arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import InputError, ShapeError
from ..arrays import to_numpy
from ..slices import column, texts
from .batch import Batch, UnreadableError, Wanted, from_arrow, import_pyarrow
from .files import DataFile, line_of
from .formats import IpcSplit, ParquetSplit, TextSplit, opened
from .split import Piece, Row, Split, check_there

SPLIT_ROWS = 1 << 21  # of Parquet files: row groups are put together up to this,
_MOST_ROWS, _SPLITS = 1 << 23, 32  # or up to more, where a file makes more splits than so: each has its states

_WIDE, _SPLIT_VALUES = 1 << 12, 1 << 24  # values of a row, as of an image, from which on they decide on the split


@dataclass(frozen=True, eq=False)
class TableSplit(Split):
    """Some rows in memory: an Arrow table, or arrays by name; ``first`` is the number of the first row."""

    number: int
    data: Any
    first: int
    rows: int

    @property
    def size(self) -> int | None:
        """All are there."""
        return self.rows

    @property
    def key(self) -> str:
        """The number of the first row."""
        return f"{self.first:015d}"

    def names(self) -> list[str]:
        """Return the names of the columns."""
        return list(self.data) if isinstance(self.data, Mapping) else self.data.schema.names

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return all rows as one piece."""
        check_there(wanted.every, self.names(), f"batch {self.number}")
        yield Piece(f"batch {self.number}", self._batches(wanted))

    def _batches(self, wanted: Wanted) -> Iterator[Batch]:
        for start in range(0, self.rows, wanted.batch_rows):
            at = self.first + start
            if isinstance(self.data, Mapping):
                part = {n: self.data[n][start : start + wanted.batch_rows] for n in wanted.every}
                slices = {n: _values(f"column {n!r}", part[n]) for n in wanted.slices}
                yield Batch({n: part[n] for n in wanted.names}, None, at, Row("", at), slices)
            else:
                yield from_arrow(self.data.slice(start, wanted.batch_rows), wanted, at, Row("", at), "the source")


def _values(name: str, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts of a column's distinct values (K,), and which of them each row has (N,)."""
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}; slices need one value per row")
    if array.dtype.kind == "O":
        array = texts(name, array)
    values, index = np.unique(array, return_inverse=True)
    return texts(name, values), index


def of_files(files: Sequence[DataFile], skip_bad: bool) -> Iterator[Split]:
    """Return the splits of files, in order; a file that cannot be opened is a split that cannot be read.

    Raises:
        UnreadableError: A Parquet file cannot be opened, and ``skip_bad`` is false.
    """
    for ordinal, file in enumerate(files):
        if file.format == "parquet":
            yield from _of_parquet(file, ordinal, skip_bad)
        else:
            yield (TextSplit if file.format == "csv" else IpcSplit)(file, ordinal)


def _of_parquet(file: DataFile, ordinal: int, skip_bad: bool) -> Iterator[Split]:
    try:
        metadata = opened(file).metadata
    except UnreadableError:
        if not skip_bad:
            raise
        yield ParquetSplit(file, ordinal, (), (), None)  # it says so when it is read
        return
    groups: list[int] = []
    offsets: list[int] = []
    rows = first = 0
    most = min(max(SPLIT_ROWS, metadata.num_rows // _SPLITS), _MOST_ROWS)
    for group in range(metadata.num_row_groups):
        groups.append(group)
        offsets.append(first)
        size = metadata.row_group(group).num_rows
        rows, first = rows + size, first + size
        if rows >= most:
            yield ParquetSplit(file, ordinal, tuple(groups), tuple(offsets), rows)
            groups, offsets, rows = [], [], 0
    if groups:
        yield ParquetSplit(file, ordinal, tuple(groups), tuple(offsets), rows)


def of_arrow_stream(source: Any) -> Iterator[Split]:
    """Return the splits of anything with ``__arrow_c_stream__``: its batches, put together up to a useful size.

    Raises:
        InputError: It is a stream of values, not of rows with columns.
    """
    pyarrow = import_pyarrow("reading Arrow streams")
    try:
        reader = pyarrow.RecordBatchReader.from_stream(source)
    except pyarrow.ArrowException as error:
        raise InputError(
            f"the source is a {type(source).__name__} and no table ({line_of(error)}); give a table with target and "
            "prediction, or evaluate(prediction, target)"
        ) from None
    return of_batches(_grouped(reader))


def _grouped(reader: Any, rows: int = 1 << 18) -> Iterator[Any]:
    import pyarrow

    held: list[Any] = []
    for record in reader:
        held.append(record)
        if sum(r.num_rows for r in held) >= rows:
            yield pyarrow.Table.from_batches(held)
            held = []
    if held:
        yield pyarrow.Table.from_batches(held)


def of_batches(batches: Iterable[Any]) -> Iterator[Split]:
    """Return one split per batch: (prediction, target) pairs, mappings of columns, Arrow batches or tables.

    Raises:
        InputError: A batch is none of these, or its columns differ in length.
    """
    first = 0
    for number, batch in zip(count(), batches, strict=False):
        if hasattr(batch, "schema") and hasattr(batch, "num_rows"):
            data, rows = batch, batch.num_rows
        else:
            data = _columns(batch, number)
            rows = len(next(iter(data.values())))
        yield TableSplit(number, data, first, rows)
        first += rows


def of_arrays(
    arrays: Mapping[str, Any], slices: Mapping[str, Any], group: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Split]:
    """Return the splits of arrays by name, with the columns whose values are slices, and that of the groups, if any.

    Raises:
        InputError: The arrays, or a column of slices or groups, are none or have different lengths.
    """
    data = _columns(arrays, 0)
    size = len(next(iter(data.values())))
    data |= {name: column(name, x, size) for name, x in slices.items()}
    for name, x in group.items():
        found = to_numpy("group", x)
        if found.shape != (size,):
            raise ShapeError(f"group has shape {found.shape}; of a stream expected ({size},), one for each row")
        data[name] = texts("group", found)
    rows = min(max(1 << 18, size // _SPLITS), SPLIT_ROWS)
    values = max(x.size // max(1, size) for x in data.values())
    if values > _WIDE:
        rows = max(1, _SPLIT_VALUES // values)
    for number, first in enumerate(range(0, size, rows)):
        part = {name: x[first : first + rows] for name, x in data.items()}
        yield TableSplit(number, part, first, min(rows, size - first))


@dataclass(frozen=True, eq=False)
class ChainSplit(Split):
    """Batches in memory that follow each other, read as one."""

    parts: tuple[TableSplit, ...]

    @property
    def size(self) -> int | None:
        """The rows of all."""
        return sum(part.rows for part in self.parts)

    @property
    def key(self) -> str:
        """That of the first one."""
        return self.parts[0].key

    def names(self) -> list[str]:
        """Return the names of the columns."""
        return self.parts[0].names()

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return the pieces of each."""
        for part in self.parts:
            yield from part.pieces(wanted)


def gathered(splits: Iterable[Split], rows: int = 1 << 18) -> Iterator[Split]:
    """Return splits with small batches put together, so that few of them have a beginning and an end."""
    held: list[TableSplit] = []
    for split in splits:
        if isinstance(split, TableSplit):
            held.append(split)
        if held and (not isinstance(split, TableSplit) or sum(part.rows for part in held) >= rows):
            yield ChainSplit(tuple(held))
            held = []
        if not isinstance(split, TableSplit):
            yield split
    if held:
        yield ChainSplit(tuple(held))


def _columns(batch: Any, number: int) -> dict[str, np.ndarray]:
    if isinstance(batch, tuple | list) and len(batch) == 2:
        batch = {"prediction": batch[0], "target": batch[1]}
    if not isinstance(batch, Mapping) or not batch:
        raise InputError(
            f"batch {number} is a {type(batch).__name__}; expected (prediction, target), a mapping of columns, or an "
            "Arrow batch"
        )
    arrays = {str(name): to_numpy(str(name), x) for name, x in batch.items()}
    sizes = {name: x.shape[0] if x.ndim else None for name, x in arrays.items()}
    if len(set(sizes.values())) > 1 or None in sizes.values():
        raise InputError(f"the columns of batch {number} have {sizes} rows; expected one number")
    return arrays
