"""Splits: pieces of a source that are read one by one, each on whatever machine it comes to.

A split knows its key (its place in the source: the same in every run), what identifies its contents, and how many rows
it has where that is known before reading. Row ids come from the source alone (file and row, or position), so they do
not depend on how it was split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from ...errors import InputError
from ..arrays import to_numpy
from .batch import Batch, UnreadableError, from_arrow, import_pyarrow
from .files import DataFile, _line

FILE_BITS = 40  # row ids: the number of the file, and the row in it
SPLIT_ROWS = 1 << 21  # of Parquet files: row groups are put together up to this
_CSV_BLOCK = 8 << 20


@dataclass(frozen=True, eq=False)
class Piece:
    """What is read and counted as one: all of it, or nothing.

    Attributes:
        name: Where it is, in words.
        batches: Reads it.
    """

    name: str
    batches: Iterator[Batch]


class Split(ABC):
    """A part of a source; picklable."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Its place in the source: the same in every run, and in order as text."""

    @property
    def size(self) -> int | None:
        """How many rows it has, where that is known before reading."""
        return None

    @abstractmethod
    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the pieces with the named columns; ``types`` are those of text formats ("float", "int", "text").

        Raises:
            UnreadableError: A piece cannot be opened, or, while its batches are read, cannot be read.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the columns.

        Raises:
            UnreadableError: They cannot be read.
        """

    @property
    def identity(self) -> object:
        """What changes when the contents do (plain values), or None where nothing can tell."""
        return None

    @property
    def where(self) -> str:
        """The source in words."""
        return "the source"


@dataclass(frozen=True, eq=False)
class ParquetSplit(Split):
    """Some row groups of one file; ``offsets`` are the numbers of their first rows."""

    file: DataFile
    ordinal: int
    groups: tuple[int, ...]
    offsets: tuple[int, ...]
    rows: int | None

    @property
    def size(self) -> int | None:
        """From the file's own account."""
        return self.rows

    @property
    def key(self) -> str:
        """File and first row group."""
        return f"{self.ordinal:06d}/{self.groups[0] if self.groups else 0:06d}"

    @property
    def identity(self) -> object:
        """The file and the row groups."""
        return (*self.file.identity, self.groups)

    @property
    def where(self) -> str:
        """The file's name."""
        return self.file.name

    def names(self) -> list[str]:
        """Return the file's columns, and those that its directories tell."""
        own = _opened(self.file).schema_arrow.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the row groups."""
        file = _opened(self.file)
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        _check_there(own, file.schema_arrow.names, self.file.name)
        for group, offset in zip(self.groups, self.offsets, strict=True):
            yield Piece(
                f"{self.file.name}, row group {group}",
                self._batches(file, group, offset, own, constant, batch_rows),
            )

    def _batches(
        self, file: Any, group: int, offset: int, own: list[str], constant: dict[str, str], batch_rows: int
    ) -> Iterator[Batch]:
        first = offset
        where = f"{self.file.name} (row group {group})"
        for record in _reading(file.iter_batches, where, batch_rows, [group], own, use_threads=False):
            yield _with(constant, from_arrow(record, own, _row_id(self.ordinal, first), _row(where, first), where))
            first += record.num_rows


@dataclass(frozen=True, eq=False)
class TextSplit(Split):
    """One CSV file."""

    file: DataFile
    ordinal: int

    @property
    def key(self) -> str:
        """The number of the file."""
        return f"{self.ordinal:06d}/000000"

    @property
    def identity(self) -> object:
        """The file."""
        return self.file.identity

    @property
    def where(self) -> str:
        """The file's name."""
        return self.file.name

    def names(self) -> list[str]:
        """Return the columns of the first line, and those that directories tell."""
        own = _reading_one(lambda: self._open(None, {}), self.file.name).schema.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the file as one piece."""
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        _check_there(own, self.names(), self.file.name)
        yield Piece(self.file.name, self._batches(own, constant, batch_rows, types))

    def _batches(
        self, own: list[str], constant: dict[str, str], batch_rows: int, types: Mapping[str, str]
    ) -> Iterator[Batch]:
        first, where = 0, self.file.name
        reader = _reading_one(lambda: self._open(own, types), where)
        for record in _reading(lambda: reader, where):
            for start in range(0, record.num_rows, batch_rows):
                part = record.slice(start, batch_rows)
                yield _with(constant, from_arrow(part, own, _row_id(self.ordinal, first), _row(where, first), where))
                first += part.num_rows

    def _open(self, names: list[str] | None, types: Mapping[str, str]) -> Any:
        pyarrow = import_pyarrow("reading CSV in splits")
        from pyarrow import csv

        known = {"float": pyarrow.float64(), "int": pyarrow.int64(), "text": pyarrow.string()}
        stream = self.file.filesystem.open_input_stream(self.file.path, compression="detect")
        with self.file.filesystem.open_input_stream(self.file.path, compression="detect") as head:
            line = head.read(1 << 16).partition(b"\n")[0]
        return csv.open_csv(
            stream,
            read_options=csv.ReadOptions(block_size=_CSV_BLOCK, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=max(",;\t", key=lambda c: line.count(c.encode()))),
            convert_options=csv.ConvertOptions(
                include_columns=names, column_types={n: known[t] for n, t in types.items() if t in known}
            ),
        )


@dataclass(frozen=True, eq=False)
class IpcSplit(Split):
    """One file of Arrow record batches (the IPC file format, also called Feather)."""

    file: DataFile
    ordinal: int

    @property
    def key(self) -> str:
        """The number of the file."""
        return f"{self.ordinal:06d}/000000"

    @property
    def identity(self) -> object:
        """The file."""
        return self.file.identity

    @property
    def where(self) -> str:
        """The file's name."""
        return self.file.name

    def names(self) -> list[str]:
        """Return the file's columns, and those that directories tell."""
        own = self._open().schema.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the record batches."""
        file = self._open()
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        _check_there(own, file.schema.names, self.file.name)
        first = 0
        for k in range(file.num_record_batches):
            where = f"{self.file.name} (record batch {k})"
            record = _reading_one(lambda k=k: file.get_batch(k), where)
            yield Piece(where, self._slices(record, own, constant, first, batch_rows, where))
            first += record.num_rows

    def _slices(
        self, record: Any, own: list[str], constant: dict[str, str], first: int, batch_rows: int, where: str
    ) -> Iterator[Batch]:
        for start in range(0, record.num_rows, batch_rows):
            part, at = record.slice(start, batch_rows), first + start
            yield _with(constant, from_arrow(part, own, _row_id(self.ordinal, at), _row(where, at), where))

    def _open(self) -> Any:
        pyarrow = import_pyarrow("reading Arrow IPC")
        opened = _reading_one(lambda: self.file.filesystem.open_input_file(self.file.path), self.file.name)
        return _reading_one(lambda: pyarrow.ipc.open_file(opened), self.file.name)


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

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return all rows as one piece."""
        _check_there(names, self.names(), f"batch {self.number}")
        yield Piece(f"batch {self.number}", self._batches(names, batch_rows))

    def _batches(self, names: Sequence[str], batch_rows: int) -> Iterator[Batch]:
        for start in range(0, self.rows, batch_rows):
            at = self.first + start
            if isinstance(self.data, Mapping):
                arrays = {n: self.data[n][start : start + batch_rows] for n in names}
                yield Batch(arrays, None, at, _row("", at))
            else:
                yield from_arrow(self.data.slice(start, batch_rows), names, at, _row("", at), "the source")


# --- from sources to splits ----------------------------------------------------------------------------------------
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
        metadata = _opened(file).metadata
    except UnreadableError:
        if not skip_bad:
            raise
        yield ParquetSplit(file, ordinal, (), (), None)  # it says so when it is read
        return
    groups: list[int] = []
    offsets: list[int] = []
    rows = first = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        offsets.append(first)
        size = metadata.row_group(group).num_rows
        rows, first = rows + size, first + size
        if rows >= SPLIT_ROWS:
            yield ParquetSplit(file, ordinal, tuple(groups), tuple(offsets), rows)
            groups, offsets, rows = [], [], 0
    if groups:
        yield ParquetSplit(file, ordinal, tuple(groups), tuple(offsets), rows)


def of_arrow_stream(source: Any) -> Iterator[Split]:
    """Return the splits of anything with ``__arrow_c_stream__``: its batches, put together up to a useful size."""
    pyarrow = import_pyarrow("reading Arrow streams")
    reader = pyarrow.RecordBatchReader.from_stream(source)
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


def of_arrays(prediction: Any, target: Any, rows: int = 1 << 18) -> Iterator[Split]:
    """Return the splits of a pair of arrays."""
    data = _columns((prediction, target), 0)
    size = len(data["target"])
    for number, first in enumerate(range(0, size, rows)):
        part = {name: x[first : first + rows] for name, x in data.items()}
        yield TableSplit(number, part, first, len(part["target"]))


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


# --- shared ----------------------------------------------------------------------------------------------------------
def _opened(file: DataFile) -> Any:
    from pyarrow import parquet

    stream = _reading_one(lambda: file.filesystem.open_input_file(file.path), file.name)
    return _reading_one(lambda: parquet.ParquetFile(stream), file.name)


def _reading_one(read: Any, where: str) -> Any:
    import pyarrow

    try:
        return read()
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableError(f"{where} cannot be read, or is damaged: {_line(error)}") from None


def _reading(read: Any, where: str, *args: Any, **options: Any) -> Iterator[Any]:
    iterator = iter(_reading_one(lambda: read(*args, **options), where))
    end = object()
    while (item := _reading_one(lambda: next(iterator, end), where)) is not end:
        yield item


def _check_there(wanted: Sequence[str], there: Sequence[str], where: str) -> None:
    for name in wanted:
        if name not in there:
            raise UnreadableError(f"{where} has no column {name!r}, which files before it have")


def _with(constant: dict[str, str], batch: Batch) -> Batch:
    if constant:
        rows = len(next(iter(batch.columns.values()))) if batch.columns else 0
        batch.columns.update({k: np.full(rows, v) for k, v in constant.items()})
    return batch


def _row_id(ordinal: int, row: int) -> int:
    return (ordinal << FILE_BITS) | row


def _row(where: str, first: int) -> Any:
    return _Row(where, first)


@dataclass(frozen=True)
class _Row:
    """Says where a row is (picklable, unlike a closure)."""

    where: str
    first: int

    def __call__(self, row: int) -> str:
        return f"row {self.first + row + 1}{f' of {self.where}' if self.where else ''}"
