"""NPZ files, as ``numpy.savez`` writes them; nothing in them is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError


class NpzFile:
    """An NPZ file; each array is a column, (N,) or (N, C)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.commas: dict[str, str] = {}
        self.columns = tuple(self._try(lambda file: file.files))

    def read(self, names: Sequence[str], texts: Sequence[str], gaps: bool = False) -> dict[str, np.ndarray]:
        """Return arrays by name.

        Raises:
            DataError: The file is damaged, or holds Python objects.
        """
        return self._try(lambda file: {name: np.atleast_1d(file[name]) for name in names})

    def locate(self, row: int) -> str:
        """Say in words where a row (from 0) is."""
        return f"row {row + 1}"

    def _try(self, function: Any) -> Any:
        if not zipfile.is_zipfile(self._path):
            raise DataError(f"{self._path.name} is no NPZ file, or is cut off")
        try:
            with np.load(self._path, allow_pickle=False) as file:
                return function(file)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            first = str(error).strip().partition("\n")[0]
            raise DataError(f"{self._path.name} cannot be read as NPZ: {first}") from None
