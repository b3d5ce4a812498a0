"""Files of predictions: Parquet, CSV (also gzip) and NPZ, read column by column into arrays.

What cannot be read, is missing, or is text where a number belongs ends in an error that names file, column, row (from
1) and, for CSV, line.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import DataError, UnknownNameError
from .arrays import Locate, is_text
from .columns import Choice, choose, listed, named
from .csv import CsvFile
from .labels import check_class_names
from .npz import NpzFile
from .parquet import ParquetFile
from .parsing import check_decimal, settle


class Reader(Protocol):
    """An open file of one format; ``commas`` has an example for each column of numbers with decimal commas read."""

    columns: tuple[str, ...]
    commas: dict[str, str]

    def read(self, names: Sequence[str], texts: Sequence[str], gaps: bool = False) -> dict[str, np.ndarray]:
        """Return the columns ``names`` as arrays of numbers or strings; those in ``texts`` may well hold strings.

        With ``gaps`` a value may be missing in ``texts``: as NaN, None, or the word that stands for it in the file.
        """
        ...

    def locate(self, row: int) -> str:
        """Say in words where a row (from 0) is."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What a file holds, ready for ``evaluate``.

    Attributes:
        prediction: (N,) or (N, C).
        target: (N,) or (N, L).
        class_names: As given, or as the columns tell; or None.
        form: The form that the columns' names tell, or None.
        assumptions: What was guessed.
        source: The file's name.
        locate: Says in words where a row is.
        weight: (N,) the weight of each row, or None.
        slices: The columns whose values are slices, by name, with gaps.
        columns: The names of the columns with target and prediction.
    """

    prediction: np.ndarray
    target: np.ndarray
    class_names: tuple[str, ...] | None
    form: str | None
    assumptions: tuple[str, ...]
    source: str
    locate: Locate
    weight: np.ndarray | None = None
    slices: Mapping[str, np.ndarray] = field(default_factory=dict)
    columns: Choice = field(default_factory=lambda: Choice((), ()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Columns of a file as they stand there, with gaps.

    Attributes:
        arrays: By name, in the order asked for; numbers with NaN, or objects and strings.
        source: The file's name.
        locate: Says in words where a row is.
    """

    arrays: dict[str, np.ndarray]
    source: str
    locate: Locate


def load_columns(path: str | os.PathLike[str], wanted: str | None, decimal: str | None = None) -> Columns:
    """Read columns whose values may be missing.

    Args:
        path: Parquet, CSV (also gzip) or NPZ file.
        wanted: A name, a number (from 0; from the end if negative), a pattern with ``*``, or several with commas; None
            where the file has only one column.
        decimal: As in :func:`evaluate_file`.

    Raises:
        DataError: The file cannot be read, or ``wanted`` does not say which of its columns.
        UnknownNameError: It has no such column.
        MissingDependencyError: Parquet needs pyarrow.
    """
    check_decimal(decimal)
    file = existing(Path(path))
    reader = _reader(file, decimal)
    _check_columns(reader.columns, file.name)
    if wanted is None and len(reader.columns) > 1:
        raise DataError(
            f"{file} has {len(reader.columns)} columns; say which: {file}:{reader.columns[-1]} (or another "
            f"of {listed(reader.columns)})"
        )
    names = reader.columns if wanted is None else named(reader.columns, wanted, file.name)
    arrays = reader.read(names, names, gaps=True)
    if min(len(x) for x in arrays.values()) == 0:
        raise DataError(f"{file.name} has no rows")
    return Columns(arrays=arrays, source=file.name, locate=reader.locate)


def load_all(path: str | os.PathLike[str]) -> Columns:
    """Read all columns that hold numbers or strings; values may be missing, text is not made to numbers.

    Raises:
        DataError: The file cannot be read, or none of its columns.
        MissingDependencyError: Parquet needs pyarrow.
    """
    file = existing(Path(path))
    reader = _reader(file, None)
    _check_columns(reader.columns, file.name)
    try:
        arrays = reader.read(reader.columns, reader.columns, gaps=True)
    except DataError:
        arrays = {}
        for name in reader.columns:  # a date among them, say
            with suppress(DataError):
                arrays |= reader.read([name], [name], gaps=True)
        if not arrays:
            raise
    lengths = [len(x) for x in arrays.values()]
    rows = max(lengths, key=lambda n: (lengths.count(n), n))  # an NPZ file may hold more than columns
    if rows == 0:
        raise DataError(f"{file.name} has no rows")
    columns = {name: x for name, x in arrays.items() if len(x) == rows}
    return Columns(arrays=columns, source=file.name, locate=reader.locate)


def load(
    path: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    prediction: str | Sequence[str] | None = None,
    class_names: Sequence[object] | None = None,
    decimal: str | None = None,
    weight: str | None = None,
    slices: Sequence[str] = (),
) -> Predictions:
    """Read target, prediction, weight and slices from a file; :func:`evaluate_file` documents the arguments.

    Raises:
        DataError: The file cannot be read as predictions.
        UnknownNameError: It has no such column.
        MissingDependencyError: Parquet needs pyarrow.
    """
    check_decimal(decimal)
    file = existing(Path(path))
    reader = _reader(file, decimal)
    _check_columns(reader.columns, file.name)
    if weight is not None and weight not in reader.columns:
        raise UnknownNameError("column", weight, reader.columns, where=file.name)
    choice = choose([c for c in reader.columns if c != weight], target, prediction, file.name)
    wanted = (*choice.targets, *choice.predictions)
    texts = [*choice.targets, *(choice.predictions if len(choice.predictions) == 1 else ())]
    names = None if class_names is None else check_class_names(class_names)
    cut = tuple(dict.fromkeys(c for name in slices for c in named(reader.columns, name, file.name)))
    read = reader.read([*wanted, *([] if weight is None else [weight])], texts)
    if min(len(x) for x in read.values()) == 0:
        raise DataError(f"{file.name} has no rows")
    arrays, commas = {}, dict(reader.commas)
    for c, x in read.items():
        where = f"column {c!r} of {file.name}"
        arrays[c], comma = settle(where, x, c in texts, names, reader.locate, decimal)
        if comma:
            commas[c] = comma
    return Predictions(
        prediction=side_by_side([arrays[c] for c in choice.predictions], choice.predictions, file.name),
        target=side_by_side([arrays[c] for c in choice.targets], choice.targets, file.name),
        class_names=names or choice.class_names,
        form=choice.form,
        assumptions=tuple(said for said in (choice.note, _decimal_commas(commas)) if said),
        source=file.name,
        locate=reader.locate,
        weight=None if weight is None else arrays[weight],
        slices=reader.read(cut, cut, gaps=True) if cut else {},
        columns=choice,
    )


def _decimal_commas(examples: Mapping[str, str]) -> str:
    """Say which columns were read with a decimal comma, from a value of each."""
    if not examples:
        return ""
    names = [*map(repr, examples)][:3] + (["…"] if len(examples) > 3 else [])
    text = next(iter(examples.values()))
    read = f"{text} read as {text.replace(',', '.')}"
    return f"Decimal commas in {', '.join(names)}: {read}; decimal= (--decimal) says otherwise."


def existing(path: Path) -> Path:
    """Return ``path`` if it is a file.

    Raises:
        DataError: It is not; the message offers a file of a similar name beside it.
    """
    if path.is_dir():
        raise DataError(f"{path} is a directory; expected a Parquet, CSV or NPZ file")
    if path.exists():
        return path
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"{path} does not exist, nor does the directory {folder}")
    try:
        beside = [p.name for p in folder.iterdir() if p.is_file()]
    except OSError:
        beside = []
    near = difflib.get_close_matches(path.name, beside, n=1)
    raise DataError(f"{path} does not exist{f'; did you mean {str(folder / near[0])!r}?' if near else ''}")


def _reader(path: Path, decimal: str | None) -> Reader:
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return ParquetFile(path)
    if name.endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")):
        return CsvFile(path, decimal)
    if name.endswith(".npz"):
        return NpzFile(path)
    raise DataError(f"{path.name} is of no known kind; expected .parquet, .csv, .csv.gz or .npz")


def _check_columns(columns: Sequence[str], file: str) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise DataError(f"{file} has {columns.count(name)} columns named {name!r}; each needs a name of its own")


def side_by_side(arrays: list[np.ndarray], names: Sequence[str], file: str) -> np.ndarray:
    """Return one column as it is, and several as the columns of a matrix.

    Raises:
        DataError: One of several is no column of numbers, or their lengths differ.
    """
    if len(arrays) == 1:
        return arrays[0]
    for name, x in zip(names, arrays, strict=True):
        if x.ndim != 1 or len(x) != len(arrays[0]):
            raise DataError(
                f"{name!r} of {file} has shape {x.shape}; several columns must be one-dimensional, of one length"
            )
        if is_text(x):
            raise DataError(
                f"column {name!r} of {file} holds text ({str(x[0])!r}); one of several columns must hold numbers"
            )
    return np.stack(arrays, axis=1)
