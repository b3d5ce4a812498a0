"""Which rules to follow: ``[tool.lossmith]`` of the nearest ``pyproject.toml``, and the command's own options."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError, UnknownNameError
from ..rule import FAMILIES, rules

KEYS = ("select", "ignore", "exclude")
STATIC = frozenset(
    {"OUT01", "OUT02", "OUT03", "OUT04", "OUT05", "OUT06", "OUT08", "OUT09", "OUT11", "OUT12", "OUT13", "OUT16"}
    | {"OUT14", "OUT19", "OUT20", "LAB02", "MET01", "NUM02", "OPT10"}
)


@dataclass(frozen=True)
class Config:
    """Rules by code or family ("OUT02", "OUT"); ``exclude`` are patterns of paths below folders."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def wants(self, code: str) -> bool:
        """Whether a rule is to be followed; of two entries that match, the longer one counts."""
        chosen = max((len(s) for s in self.select if code.startswith(s)), default=0 if not self.select else -1)
        left_out = max((len(s) for s in self.ignore if code.startswith(s)), default=-1)
        return chosen >= 0 and chosen > left_out

    def over(self, select: Iterable[str] | None, ignore: Iterable[str] | None) -> Config:
        """Return this configuration with the command's options in place of its own.

        Raises:
            UnknownNameError: An option names no rule or family.
        """
        return Config(codes(select) if select else self.select, codes(ignore) if ignore else self.ignore, self.exclude)


def codes(given: Iterable[str], where: str = "") -> tuple[str, ...]:
    """Return codes in capitals.

    Raises:
        UnknownNameError: One is neither a rule nor a family.
    """
    known = {r.code for r in rules()} | set(FAMILIES)
    found = tuple(part.strip().upper() for text in given for part in str(text).split(",") if part.strip())
    for code in found:
        if code not in known:
            raise UnknownNameError("rule", code, known, where)
    return found


def config_for(path: Path) -> Config:
    """Return the configuration that holds for a file or folder.

    Raises:
        DataError: The nearest ``pyproject.toml`` with ``[tool.lossmith]`` cannot be read.
        UnknownNameError: It names no rule or family.
    """
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    return _of_folder(folder)


@functools.lru_cache(maxsize=4096)
def _of_folder(folder: Path) -> Config:
    file = folder / "pyproject.toml"
    table = _table(file) if file.is_file() else None
    if table is not None:
        return _config(table, str(file))
    return Config() if folder.parent == folder else _of_folder(folder.parent)


def _table(file: Path) -> dict[str, Any] | None:
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    return read.get("tool", {}).get("lossmith")


def _config(table: dict[str, Any], where: str) -> Config:
    for key, value in table.items():
        if key not in KEYS:
            raise UnknownNameError("setting", key, KEYS, f"[tool.lossmith] of {where}")
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise DataError(f'{where}: {key} is {value!r}; expected a list of texts, as in {key} = ["OUT02"]')
    given: dict[str, Sequence[str]] = {key: table.get(key, ()) for key in KEYS}
    return Config(codes(given["select"], where), codes(given["ignore"], where), tuple(given["exclude"]))
