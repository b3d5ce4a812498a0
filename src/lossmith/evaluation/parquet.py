"""Parquet files, through pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MissingDependencyError


class ParquetFile:
    """A Parquet file; a column of lists of one length is read as a matrix (N, C)."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            raise MissingDependencyError("pyarrow", "reading Parquet", "eval") from None
        self._path, self._parquet = path, parquet
        self.commas: dict[str, str] = {}
        self.columns = tuple(str(name) for name in self._try(parquet.read_schema).names)

    def read(self, names: Sequence[str], texts: Sequence[str], gaps: bool = False) -> dict[str, np.ndarray]:
        """Return columns as arrays; with ``gaps`` missing values as NaN, or as None among strings.

        Raises:
            DataError: The file is damaged, a value is missing, or a column holds neither numbers nor strings.
        """
        table = self._try(self._parquet.read_table, columns=list(names))
        return {name: self._to_array(name, table.column(name), gaps) for name in names}

    def locate(self, row: int) -> str:
        """Say in words where a row (from 0) is."""
        return f"row {row + 1}"

    def _try(self, function: Any, **options: Any) -> Any:
        import pyarrow

        try:
            return function(self._path, **options)
        except (pyarrow.ArrowException, OSError) as error:
            first = str(error).strip().partition("\n")[0]
            raise DataError(f"{self._path.name} is no Parquet file, or is damaged: {first}") from None

    def _to_array(self, name: str, column: Any, gaps: bool) -> np.ndarray:
        import pyarrow
        from pyarrow import types

        where = f"column {name!r} of {self._path.name}"
        if column.null_count and not gaps:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise DataError(f"{self.locate(row)}: {where} has no value; leave such rows out")
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            return self._matrix(where, column)
        if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
            return np.array(column.to_pylist(), dtype=object if column.null_count else np.str_)
        if types.is_decimal(kind):
            column = column.cast(pyarrow.float64())
        elif not (types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)):
            dates = "; make a number of it first, such as the days from another date" if types.is_temporal(kind) else ""
            raise DataError(f"{where} is of type {kind}; expected numbers or strings{dates}")
        return column.to_numpy()

    def _matrix(self, where: str, column: Any) -> np.ndarray:
        from pyarrow import compute

        rows, flat = len(column), compute.call_function("list_flatten", [column]).to_numpy()
        lengths = compute.call_function("list_value_length", [column]).to_numpy()
        if rows and (lengths != lengths[0]).any():
            row = int(np.argmax(lengths != lengths[0]))
            raise DataError(f"{self.locate(row)}: {where} holds {lengths[row]} values, the rows before {lengths[0]}")
        if flat.dtype.kind not in "iufb":
            raise DataError(f"{where} is of type {column.type}; expected lists of numbers")
        return flat.reshape(rows, -1) if rows else flat
