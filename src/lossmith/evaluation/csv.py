"""CSV files, plain or gzip, with the standard library: one pass, in chunks, only the wanted columns are kept."""

from __future__ import annotations

import csv
import gzip
import warnings
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import DataError
from .parsing import bad_value, is_number, numbers

_CHUNK = 65536  # rows that are held as strings at a time
_DELIMITERS = ",;\t"


class CsvFile:
    """A CSV file whose first line names the columns; comma, semicolon or tab between the values.

    ``decimal`` is the sign before the decimals, or None to tell by the values; ``commas`` holds an example for each
    column of numbers that was read with a decimal comma.
    """

    def __init__(self, path: Path, decimal: str | None = None) -> None:
        self._path, self._decimal = path, decimal
        self._signs: dict[str, str] = {}  # column → the decimal sign that it has shown so far
        self.commas: dict[str, str] = {}
        with _readable(path), self._open() as file:
            head = file.readline()
        self._delimiter = max(_DELIMITERS, key=head.count)
        with _readable(path), self._open() as file:
            self.columns = tuple(name.strip() for name in next(self._rows(file), []))
        self._starts: list[int] = []  # rows (from 0) from which on line = row + shift; empty before rows were counted
        self._shifts: list[int] = []
        if not self.columns:
            raise DataError(f"{path.name} is empty; expected a line with the names of the columns")
        if all(is_number(name) for name in self.columns):
            raise DataError(f"the first line of {path.name} holds numbers; expected the names of the columns")

    def read(self, names: Sequence[str], texts: Sequence[str], gaps: bool = False) -> dict[str, np.ndarray]:
        """Return columns as arrays; those not in ``texts`` are numbers, and must all be there.

        Raises:
            DataError: A line has too many or too few values, or text where a number belongs; the text names the line.
        """
        if len(names) > len(texts) + 1 and self._decimal != ",":
            matrix = self._all_numbers()
            if matrix is not None:
                return {name: matrix[:, self.columns.index(name)] for name in names}
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        start = 0
        with _readable(self._path), self._open() as file:
            rows = self._rows(file)
            next(rows)
            for chunk in self._chunks(rows):
                for name in names:
                    index = self.columns.index(name)
                    parts[name].append(self._convert(name, [row[index] for row in chunk], name in texts, start))
                start += len(chunk)
        return {name: np.concatenate(found) if found else np.zeros(0) for name, found in parts.items()}

    def locate(self, row: int) -> str:
        """Say in words where a row (from 0) is."""
        if not self._starts:
            with _readable(self._path), self._open() as file:
                for _ in self._rows(file):
                    pass
        return f"row {row + 1} (line {row + self._shifts[bisect_right(self._starts, row) - 1]})"

    def _open(self) -> IO[str]:
        if self._path.name.lower().endswith(".gz"):
            return gzip.open(self._path, "rt", encoding="utf-8-sig", newline="")
        return self._path.open(encoding="utf-8-sig", newline="")

    def _all_numbers(self) -> np.ndarray | None:
        """Return the whole file as a matrix, or None where it is not all numbers or has a mistake for ``read`` to name.

        NumPy's own reader is several times faster than Python's.
        """
        with _readable(self._path), self._open() as file, warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # no rows
            file.readline()
            try:
                matrix = np.loadtxt(file, delimiter=self._delimiter, quotechar='"', comments=None, ndmin=2)
            except (ValueError, UserWarning):
                return None
        return matrix if matrix.shape[1] == len(self.columns) else None

    def _rows(self, file: IO[str]) -> Iterator[list[str]]:
        """Yield the records, and note where their lines no longer follow from their number."""
        reader = csv.reader(file, delimiter=self._delimiter, strict=True)
        count, end = -1, 0  # the header is no row
        self._starts, self._shifts = [0], [2]
        for row in reader:
            first, end = end + 1, reader.line_num
            if not row:
                continue
            if count >= 0 and first - count != self._shifts[-1]:
                self._starts.append(count)
                self._shifts.append(first - count)
            if count >= 0 and len(row) != len(self.columns):
                raise DataError(
                    f"line {first} of {self._path.name} has {len(row)} values, and the first line names "
                    f"{len(self.columns)} columns"
                )
            count += 1
            yield row

    def _chunks(self, rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
        chunk: list[list[str]] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == _CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _convert(self, name: str, texts: list[str], text_allowed: bool, start: int) -> np.ndarray:
        if text_allowed:
            return np.array([t.strip() for t in texts], dtype=np.str_)
        where = f"column {name!r} of {self._path.name}"

        def locate(row: int) -> str:
            return self.locate(start + row)

        read = numbers(where, texts, self._decimal, locate)
        if read.values is None:
            raise bad_value(where, texts, locate)
        if read.decimal and self._signs.setdefault(name, read.decimal) != read.decimal:
            raise DataError(
                f"{where} has decimal points and decimal commas; say which with decimal='.' or decimal=',' (--decimal)"
            )
        if read.example:
            self.commas.setdefault(name, read.example)
        return read.values.astype(np.float64)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading into one DataError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is no gzip file, or is cut off: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except csv.Error as error:
        raise DataError(f"{path.name} cannot be read as CSV: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
