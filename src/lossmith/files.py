"""Files appear whole or not at all: everything that lossmith writes goes through here."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import DataError


def write_whole(path: str | os.PathLike[str], data: str | bytes) -> Path:
    """Write ``data`` (text as UTF-8) to ``path`` by way of a temporary file beside it, and return the path.

    Raises:
        DataError: The folder does not exist or cannot be written to.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    if path.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; name a file in it")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; create the folder {path.parent} first") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror}") from None
    return path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
