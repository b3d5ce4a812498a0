"""Splits of files: row groups of Parquet, CSV files, record batches of Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..slices import MISSING
from .batch import Batch, UnreadableError, Wanted, from_arrow, import_pyarrow
from .files import DataFile, line_of
from .split import Piece, Row, Split, check_there

_FILE_BITS = 40  # row ids: the number of the file, and the row in it
_CSV_BLOCK = 8 << 20
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what writers of partitioned data call a directory of rows without a value


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
        own = opened(self.file).schema_arrow.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return the row groups."""
        file = opened(self.file)
        constant, own = _parted(self.file, wanted)
        check_there(own, file.schema_arrow.names, self.file.name)
        for group, offset in zip(self.groups, self.offsets, strict=True):
            yield Piece(
                f"{self.file.name}, row group {group}",
                self._batches(file, group, offset, own, constant, wanted),
            )

    def _batches(
        self, file: Any, group: int, offset: int, own: list[str], constant: dict[str, str], wanted: Wanted
    ) -> Iterator[Batch]:
        first = offset
        where = f"{self.file.name} (row group {group})"
        for record in _reading(file.iter_batches, where, wanted.batch_rows, [group], own, use_threads=False):
            yield _batch(record, wanted, constant, _row_id(self.ordinal, first), Row(where, first))
            first += record.num_rows


@dataclass(frozen=True, eq=False)
class FileSplit(Split):
    """A file that is read from its beginning to its end."""

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


@dataclass(frozen=True, eq=False)
class TextSplit(FileSplit):
    """One CSV file."""

    def names(self) -> list[str]:
        """Return the columns of the first line, and those that directories tell."""
        own = _reading_one(lambda: self._open(None, {}), self.file.name).schema.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return the file as one piece."""
        constant, own = _parted(self.file, wanted)
        check_there(own, self.names(), self.file.name)
        yield Piece(self.file.name, self._batches(own, constant, wanted))

    def _batches(self, own: list[str], constant: dict[str, str], wanted: Wanted) -> Iterator[Batch]:
        first, where = 0, self.file.name
        reader = _reading_one(lambda: self._open(own, wanted.types), where)
        for record in _reading(lambda: reader, where):
            for start in range(0, record.num_rows, wanted.batch_rows):
                part = record.slice(start, wanted.batch_rows)
                yield _batch(part, wanted, constant, _row_id(self.ordinal, first), Row(where, first))
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
class IpcSplit(FileSplit):
    """One file of Arrow record batches (the IPC file format, also called Feather)."""

    def names(self) -> list[str]:
        """Return the file's columns, and those that directories tell."""
        own = self._open().schema.names
        return [*own, *(k for k, _ in self.file.partition if k not in own)]

    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return the record batches."""
        file = self._open()
        constant, own = _parted(self.file, wanted)
        check_there(own, file.schema.names, self.file.name)
        first = 0
        for k in range(file.num_record_batches):
            where = f"{self.file.name} (record batch {k})"
            record = _reading_one(lambda k=k: file.get_batch(k), where)
            yield Piece(where, self._batches(record, wanted, constant, first, where))
            first += record.num_rows

    def _batches(
        self, record: Any, wanted: Wanted, constant: dict[str, str], first: int, where: str
    ) -> Iterator[Batch]:
        for start in range(0, record.num_rows, wanted.batch_rows):
            part, at = record.slice(start, wanted.batch_rows), first + start
            yield _batch(part, wanted, constant, _row_id(self.ordinal, at), Row(where, at))

    def _open(self) -> Any:
        pyarrow = import_pyarrow("reading Arrow IPC")
        opened = _reading_one(lambda: self.file.filesystem.open_input_file(self.file.path), self.file.name)
        return _reading_one(lambda: pyarrow.ipc.open_file(opened), self.file.name)


def opened(file: DataFile) -> Any:
    """Return a ``pyarrow.parquet.ParquetFile``; UnreadableError where it is none."""
    from pyarrow import parquet

    stream = _reading_one(lambda: file.filesystem.open_input_file(file.path), file.name)
    return _reading_one(lambda: parquet.ParquetFile(stream), file.name)


def _reading_one(read: Any, where: str) -> Any:
    import pyarrow

    try:
        return read()
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableError(f"{where} cannot be read, or is damaged: {line_of(error)}") from None


def _reading(read: Any, where: str, *args: Any, **options: Any) -> Iterator[Any]:
    iterator = iter(_reading_one(lambda: read(*args, **options), where))
    end = object()
    while (item := _reading_one(lambda: next(iterator, end), where)) is not end:
        yield item


def _parted(file: DataFile, wanted: Wanted) -> tuple[dict[str, str], list[str]]:
    """Return the wanted columns that the file's directories tell, with their value, and those to be read."""
    constant = {k: v for k, v in file.partition if k in wanted.every}
    return constant, [n for n in wanted.every if n not in constant]


def _batch(record: Any, wanted: Wanted, constant: dict[str, str], first: int, locate: Row) -> Batch:
    batch, rows = from_arrow(record, wanted, first, locate, locate.where, constant), record.num_rows
    for name, value in constant.items():
        if name in wanted.names:
            batch.columns[name] = np.full(rows, value)
        if name in wanted.slices:
            batch.slices[name] = np.array([MISSING if value == _NO_VALUE else value]), np.zeros(rows, np.int64)
    return batch


def _row_id(ordinal: int, row: int) -> int:
    return (ordinal << _FILE_BITS) | row
