"""Lint files: source in, diagnostics out, in the order of their places."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import DataError
from ..finding import SEVERITIES, Finding
from .config import Config, config_for
from .execute import Interpreter
from .loops import unreset
from .names import is_of_interest
from .rules import Hit, judge
from .source import Source, files, read


@dataclass(frozen=True)
class Diagnostic:
    """A finding and its place.

    Attributes:
        finding: What is wrong; its ``where`` is the place as text.
        path: The file, as given.
        line: From 1; of a notebook, within the cell.
        column: From 1.
        end_line: Last line.
        end_column: After the last column.
        cell: Of a notebook: the number of the cell, from 1; else None.
    """

    finding: Finding
    path: Path
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


@dataclass
class Report:
    """What linting found.

    Attributes:
        diagnostics: By file and place.
        problems: What could not be looked at, one line each.
        files: How many files were looked at.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: int = 0

    @property
    def exit_code(self) -> int:
        """0 where nothing was found, 1 with findings, 2 where something could not be looked at."""
        return 2 if self.problems else 1 if self.diagnostics else 0


def lint(
    paths: Sequence[str | Path],
    *,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] | None = None,
) -> Report:
    r"""Look for misused losses in Python files and notebooks, without running or importing them.

    Args:
        paths: Files, or folders whose ``*.py`` and ``*.ipynb`` are looked at.
        select: Rules or families to follow; default: those of ``[tool.lossmith]``, or all.
        ignore: Rules or families to leave out.

    Returns:
        The diagnostics by place; an empty list where nothing is surely wrong.

    Raises:
        DataError: A path does not exist, or a configuration cannot be read.
        UnknownNameError: No rule of that name.

    Example:
        >>> import tempfile, pathlib
        >>> from lossmith.doctor.lint import lint
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.py"
        >>> _ = file.write_text(
        ...     "import torch.nn.functional as F\ndef loss(x, y):\n    return F.cross_entropy(F.softmax(x, 1), y)\n"
        ... )
        >>> [(d.finding.code, d.line, d.column) for d in lint([file]).diagnostics]
        [('OUT02', 3, 12)]
    """
    report = Report()
    seen: set[Path] = set()
    for start in map(Path, paths):
        config = config_for(start).over(select, ignore) if start.exists() else Config()
        for path in files([start], config.exclude):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                own = config_for(path).over(select, ignore)
                _one(path, own, report)
    return report


def _one(path: Path, config: Config, report: Report) -> None:
    try:
        source = read(path)
    except DataError as error:
        report.problems.append(str(error))
        return
    report.files += 1
    report.problems += source.problems
    try:
        report.diagnostics += check_source(source, config)
    except Exception as error:  # one file must not hide what is in the others
        text = str(error).partition("\n")[0][:200]
        report.problems.append(f"{path}: bug of lossmith, not yours: {type(error).__name__}: {text}; please report it")


def check_source(source: Source, config: Config | None = None) -> list[Diagnostic]:
    """Return the diagnostics of one source, by place, without those that are silenced."""
    if not is_of_interest(source.text):
        return []
    interpreter = Interpreter()
    interpreter.run(source.tree)
    best: dict[tuple[str, int, int], Hit] = {}
    loops = unreset(source.tree) if ".backward(" in source.text else ()
    for hit in judge(interpreter.events, loops):
        key = (hit.finding.code, *_start(hit.node))
        if key not in best or _rank(hit) < _rank(best[key]):
            best[key] = hit
    wanted = config or Config()
    found = [
        _diagnostic(source, hit) for hit in best.values() if wanted.wants(hit.finding.code) and not _off(source, hit)
    ]
    return sorted(found, key=lambda d: (d.cell or 0, d.line, d.column, d.finding.code))


def _rank(hit: Hit) -> int:
    return SEVERITIES.index(hit.finding.severity)


def _start(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)


def _off(source: Source, hit: Hit) -> bool:
    first = _start(hit.node)[0]
    return source.is_silenced(hit.finding.code, first, getattr(hit.node, "end_lineno", None) or first)


def _diagnostic(source: Source, hit: Hit) -> Diagnostic:
    line, column = _start(hit.node)
    last = getattr(hit.node, "end_lineno", None) or line
    cell, shown = source.place(line)
    place = f"{source.path}:{f'cell {cell}:' if cell else ''}{shown}:{column + 1}"
    return Diagnostic(
        replace(hit.finding, where=place),
        source.path,
        shown,
        column + 1,
        source.place(last)[1],
        (getattr(hit.node, "end_col_offset", None) or column) + 1,
        cell,
    )
