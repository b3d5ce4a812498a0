"""Files appear whole or not at all: everything that lossmith writes goes through here."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .errors import DataError


def write_whole(path: str | os.PathLike[str], data: str | bytes) -> Path:
    """Write ``data`` (text as UTF-8) to ``path``, first beside it and then in one step in its place; return the path.

    Raises:
        DataError: The file cannot be written; nothing is left behind.
    """
    raw = data.encode() if isinstance(data, str) else data
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.is_dir():
        raise DataError(f"{path} is a directory; expected a file to write to")
    if not target.parent.is_dir():
        raise DataError(f"{path} cannot be written: the directory {target.parent} does not exist; create it first")
    try:
        if target.exists() and not target.is_file():  # a pipe or device is written to, not replaced
            target.write_bytes(raw)
        else:
            _replace(target, raw)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    return Path(path)


def _replace(target: Path, raw: bytes) -> None:
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
    try:
        with beside.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
