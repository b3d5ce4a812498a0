"""Files and notebooks as source: text, tree, where each line came from, and which findings ``# noqa`` silences."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import DataError

SUFFIXES = (".py", ".ipynb")
SKIPPED = frozenset(
    {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env", "_build", "__pypackages__"}
)
_NOQA = re.compile(r"#\s*noqa(?P<codes>\s*:\s*(?P<list>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_FILE_NOQA = re.compile(r"^#\s*lossmith:\s*noqa(\s*:\s*(?P<list>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_MAGIC = re.compile(r"^\s*(%|!|\?)|^\s*[\w.]+\s*\?{1,2}\s*$")
_ASSIGNED_MAGIC = re.compile(r"^(\s*[\w, ]+=\s*)(%|!).*$")
ALL = frozenset({"*"})


@dataclass
class Source:
    """One file or notebook.

    Attributes:
        path: As given.
        tree: The parsed source; of a notebook all its cells, in order.
        text: The source that ``tree`` is of.
        places: Of a notebook: (cell, line) for each line of ``text``, counted from 1; else empty.
        problems: What could not be read, one line each, with its place.
    """

    path: Path
    tree: ast.Module
    text: str
    places: list[tuple[int, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @cached_property
    def noqa(self) -> dict[int, frozenset[str]]:
        """Codes that comments silence, by line; ``ALL`` for all."""
        return silenced(self.text)

    def place(self, line: int) -> tuple[int | None, int]:
        """Return (cell, line) of a line of ``text``; the cell is None outside of notebooks."""
        if self.places and line <= len(self.places):
            return self.places[line - 1]
        return None, line

    def is_silenced(self, code: str, first: int, last: int) -> bool:
        """Whether a ``# noqa`` on the first or last line of a statement, or one for the file, names this code."""
        listed = [self.noqa.get(line, frozenset()) for line in (0, first, last)]
        return any(codes is ALL or code in codes for codes in listed)


def files(paths: Sequence[Path], exclude: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the files to look at: those named, and ``*.py`` and ``*.ipynb`` below the folders named.

    Raises:
        DataError: A path does not exist.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path, exclude)
        elif path.exists():
            yield path
        else:
            raise DataError(f"{path} does not exist; type the path of a file or folder")


def _below(folder: Path, exclude: Sequence[str]) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if name.startswith(".") or any(entry.match(pattern) for pattern in exclude):
            continue
        if entry.is_dir() and not entry.is_symlink() and name not in SKIPPED:
            yield from _below(entry, exclude)
        elif entry.suffix in SUFFIXES and entry.is_file():
            yield entry


def read(path: Path) -> Source:
    """Read a file or notebook.

    Raises:
        DataError: It cannot be read or parsed; the message has its place.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if path.suffix == ".ipynb":
        return _notebook(path, raw)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not text that Python reads: {error}") from None
    return Source(path, parse(text, f"{path}"), text)


def parse(text: str, where: str) -> ast.Module:
    """Parse source.

    Raises:
        DataError: It is not Python; the message says where.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.replace("\f", " "))
    except SyntaxError as error:
        place = f"{where}:{error.lineno or 1}:{error.offset or 1}"
        raise DataError(f"{place}: not valid Python, so not looked at: {error.msg}") from None
    except ValueError as error:  # what 3.11.2 says of zero bytes
        raise DataError(f"{where}:1:1: not valid Python, so not looked at: {error}") from None
    except (RecursionError, MemoryError) as error:
        raise DataError(f"{where}: not valid Python, so not looked at: {error}") from None


def silenced(text: str) -> dict[int, frozenset[str]]:
    """Return the codes that comments silence, by line; line 0 is the whole file."""
    if "noqa" not in text.lower():
        return {}
    found: dict[int, frozenset[str]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                _note(token, found)
    except (tokenize.TokenError, SyntaxError):  # the parser has said so already
        pass
    return found


def _note(token: tokenize.TokenInfo, found: dict[int, frozenset[str]]) -> None:
    whole = _FILE_NOQA.match(token.string)
    match = whole or _NOQA.search(token.string)
    if match is None:
        return
    codes = frozenset(re.split(r"[\s,]+", match["list"].upper())) if match["list"] else ALL
    line = 0 if whole else token.start[0]
    before = found.get(line, frozenset())
    found[line] = ALL if codes is ALL or before is ALL else before | codes


# --- notebooks --------------------------------------------------------------------------------------------------------
def _notebook(path: Path, raw: bytes) -> Source:
    try:
        notebook = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not a notebook: no JSON ({error})") from None
    try:
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        assert isinstance(cells, list)
    except (KeyError, IndexError, TypeError, AssertionError):
        raise DataError(f"{path}: not a notebook: its JSON has no cells") from None
    source = Source(path, ast.Module(body=[], type_ignores=[]), "")
    if _language(notebook) != "python":
        return source
    lines: list[str] = []
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        _add_cell(source, lines, number, _text(cell))
    source.text = "".join(lines)
    return source


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata") or {}
    spec = metadata.get("kernelspec") or {}
    info = metadata.get("language_info") or {}
    return str(spec.get("language") or info.get("name") or "python").lower()


def _text(cell: dict[str, Any]) -> str:
    text = cell.get("source", cell.get("input", ""))
    return "".join(text) if isinstance(text, list) else str(text)


def _add_cell(source: Source, lines: list[str], number: int, text: str) -> None:
    """Parse one cell and append it; a cell that is not Python becomes a problem, and the others stay."""
    text = without_magics(text)
    try:
        tree = parse(text, f"{source.path}:cell {number}")
    except DataError as error:
        source.problems.append(str(error))
        return
    ast.increment_lineno(tree, len(lines))
    source.tree.body += tree.body
    added = text.splitlines(keepends=True)
    if added and not added[-1].endswith("\n"):
        added[-1] += "\n"
    lines += added
    source.places += [(number, i + 1) for i in range(len(added))]


def without_magics(text: str) -> str:
    r"""Return a cell's source with IPython's own lines made harmless, line by line.

    >>> without_magics("%matplotlib inline\nfiles = !ls\nx = 1")
    'pass\nfiles = None\nx = 1'
    """
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture", "%%prun")):
        return "\n".join("" for _ in lines)  # a cell of another language
    done, continued = [], False
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        if continued:
            continued = line.rstrip().endswith("\\")
            done.append("")
        elif _MAGIC.match(line) and not _inside_expression(done):
            continued = line.rstrip().endswith("\\")
            done.append(f"{indent}pass")
        elif (match := _ASSIGNED_MAGIC.match(line)) and not _inside_expression(done):
            done.append(f"{match[1]}None")
        else:
            done.append(line)
    return "\n".join(done)


def _inside_expression(lines: list[str]) -> bool:
    """Whether the line before leaves a bracket or string open, so that ``%`` is the modulo of a long expression."""
    try:
        list(tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline))
    except tokenize.TokenError:
        return True
    except (SyntaxError, IndentationError):
        return False
    return False
