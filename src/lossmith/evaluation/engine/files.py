"""Which files a path stands for: one file, a directory, a pattern, a list of these, or a URL of object storage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from ...errors import DataError
from ..sources import existing
from .batch import import_pyarrow

FORMATS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".tsv", ".csv.gz", ".tsv.gz"),
    "ipc": (".arrow", ".feather", ".ipc"),
}
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class DataFile:
    """One file of a source.

    Attributes:
        path: Of the file, as its filesystem takes it.
        format: A key of FORMATS.
        size: In bytes.
        changed: Nanoseconds since 1970 at which it was changed last, or 0 where that is not known.
        partition: What the directories say of all its rows: names and values from "name=value".
        filesystem: A ``pyarrow.fs.FileSystem``.
    """

    path: str
    format: str
    size: int
    changed: int
    partition: tuple[tuple[str, str], ...] = ()
    filesystem: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What messages call it: its last part, with the directories that partition the data."""
        parts = PurePosixPath(self.path.replace(os.sep, "/")).parts
        shown = [p for p in parts[:-1] if "=" in p]
        return "/".join([*shown, parts[-1]])

    @property
    def identity(self) -> tuple[str, int, int]:
        """What changes when the file does."""
        return self.path, self.size, self.changed


def find(paths: Paths) -> list[DataFile]:
    """Return the files of a source, sorted by path.

    Raises:
        DataError: There is none, or one of no known format.
        MissingDependencyError: pyarrow is not installed.
    """
    import_pyarrow("reading files in splits")
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = {file.path: file for path in given for file in _find(os.fspath(path))}
    if not found:
        raise DataError(f"{_shown(given)} holds no Parquet, CSV or Arrow file")
    return [found[path] for path in sorted(found)]


def _find(path: str) -> list[DataFile]:
    from pyarrow import fs

    filesystem, inner = _filesystem(path)
    if any(c in inner for c in "*?[") and filesystem.get_file_info(inner).type == fs.FileType.NotFound:
        return _matching(filesystem, inner, path)
    info = filesystem.get_file_info(inner)
    if info.type == fs.FileType.Directory:
        entries = _listed(filesystem, inner, path)
        return [_file(e, filesystem, inner) for e in entries if _format(e.path)]
    if info.type == fs.FileType.NotFound:
        if "://" not in path:
            from pathlib import Path

            existing(Path(path))
        raise DataError(f"{path} does not exist")
    if _format(inner) is None:
        known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
        raise DataError(f"{path} is of no known kind; expected a name that ends in {known}")
    return [_file(info, filesystem, "")]


def _filesystem(path: str) -> tuple[Any, str]:
    """Return the filesystem of a path or URL, and the path in it."""
    import pyarrow
    from pyarrow import fs

    if "://" not in path:
        return fs.LocalFileSystem(), os.path.abspath(path)  # noqa: PTH100
    try:
        return fs.FileSystem.from_uri(path)
    except (pyarrow.ArrowException, OSError) as first:
        try:
            import fsspec

            remote, inner = fsspec.core.url_to_fs(path)
        except (ImportError, ValueError):
            raise DataError(f"{path} cannot be opened: {line_of(first)}") from None
        return fs.PyFileSystem(fs.FSSpecHandler(remote)), inner


def _matching(filesystem: Any, pattern: str, path: str) -> list[DataFile]:
    fixed = pattern[: min(pattern.index(c) for c in "*?[" if c in pattern)].rpartition("/")[0] or "/"
    depth = pattern.count("/")
    found = [
        _file(e, filesystem, fixed)
        for e in _listed(filesystem, fixed, path)
        if fnmatch(e.path, pattern) and ("**" in pattern or e.path.count("/") == depth) and _format(e.path)
    ]
    if not found:
        raise DataError(f"no Parquet, CSV or Arrow file matches {path}")
    return found


def _listed(filesystem: Any, folder: str, path: str) -> list[Any]:
    """Return the files below a folder, without those that writers hide behind "_" or "."."""
    from pyarrow import fs

    try:
        entries = filesystem.get_file_info(fs.FileSelector(folder, recursive=True))
    except OSError as error:
        raise DataError(f"{path} cannot be listed: {line_of(error)}") from None
    below = len(folder.rstrip("/")) + 1
    hidden = (any(part[0] in "_." for part in e.path[below:].split("/")) for e in entries)
    return [e for e, skip in zip(entries, hidden, strict=True) if e.type == fs.FileType.File and not skip]


def _file(info: Any, filesystem: Any, root: str) -> DataFile:
    folders = info.path[len(root) :].split("/")[:-1] if root else []
    partition = tuple((k, v) for k, sign, v in (p.partition("=") for p in folders) if sign)
    return DataFile(
        path=info.path,
        format=_format(info.path) or "",
        size=info.size or 0,
        changed=info.mtime_ns or 0,
        partition=partition,
        filesystem=filesystem,
    )


def _format(path: str) -> str | None:
    return next((kind for kind, endings in FORMATS.items() if path.lower().endswith(endings)), None)


def _shown(paths: Sequence[str | os.PathLike[str]]) -> str:
    return ", ".join(str(p) for p in paths[:3]) + (", …" if len(paths) > 3 else "") if paths else "an empty list"


def line_of(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return str(error).strip().partition("\n")[0]
