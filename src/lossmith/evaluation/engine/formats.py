"""Splits of files: row groups of Parquet, CSV files, record batches of Arrow IPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .batch import Batch, UnreadableError, from_arrow, import_pyarrow
from .files import DataFile, line_of
from .split import Piece, Row, Split, check_there

_FILE_BITS = 40  # row ids: the number of the file, and the row in it
_CSV_BLOCK = 8 << 20


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

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the row groups."""
        file = opened(self.file)
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        check_there(own, file.schema_arrow.names, self.file.name)
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
            yield _with(constant, from_arrow(record, own, _row_id(self.ordinal, first), Row(where, first), where))
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

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the file as one piece."""
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        check_there(own, self.names(), self.file.name)
        yield Piece(self.file.name, self._batches(own, constant, batch_rows, types))

    def _batches(
        self, own: list[str], constant: dict[str, str], batch_rows: int, types: Mapping[str, str]
    ) -> Iterator[Batch]:
        first, where = 0, self.file.name
        reader = _reading_one(lambda: self._open(own, types), where)
        for record in _reading(lambda: reader, where):
            for start in range(0, record.num_rows, batch_rows):
                part = record.slice(start, batch_rows)
                yield _with(constant, from_arrow(part, own, _row_id(self.ordinal, first), Row(where, first), where))
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

    def pieces(self, names: Sequence[str], batch_rows: int, types: Mapping[str, str]) -> Iterator[Piece]:
        """Return the record batches."""
        file = self._open()
        constant = {k: v for k, v in self.file.partition if k in names}
        own = [n for n in names if n not in constant]
        check_there(own, file.schema.names, self.file.name)
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
            yield _with(constant, from_arrow(part, own, _row_id(self.ordinal, at), Row(where, at), where))

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


def _with(constant: dict[str, str], batch: Batch) -> Batch:
    if constant:
        rows = len(next(iter(batch.columns.values()))) if batch.columns else 0
        batch.columns.update({k: np.full(rows, v) for k, v in constant.items()})
    return batch


def _row_id(ordinal: int, row: int) -> int:
    return (ordinal << _FILE_BITS) | row
