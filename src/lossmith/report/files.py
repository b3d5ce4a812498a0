"""Files appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..errors import DataError


def save(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8: first beside it, then in one step in its place.

    Raises:
        DataError: The file cannot be written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.is_dir():
        raise DataError(f"{path} is a directory; expected a file to write to")
    if not target.parent.is_dir():
        raise DataError(f"{path} cannot be written: the directory {target.parent} does not exist")
    try:
        if target.exists() and not target.is_file():  # a pipe or device is written to, not replaced
            target.write_text(text, encoding="utf-8")
        else:
            _replace(target, text)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None


def _replace(target: Path, text: str) -> None:
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
