"""An evaluation as plain text: what ``print(evaluation)`` shows."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

from ..doctor import Finding
from ..evaluation.result import Evaluation
from . import tables
from .tables import Table, visible

WIDTH = 100
CLASSES = 20  # rows of the table of classes, and of the matrix
ASSUMED = "Assumed:"


def to_text(result: Evaluation) -> str:
    """Return what was assumed, verdict, findings, tables and notes."""
    lines = wrapped(heading(result))
    if result.assumptions:
        lines += [ASSUMED, *(line for text in result.assumptions for line in wrapped(text, "- ")), ""]
    lines += wrapped(result.verdict)
    lines += [line for f in result.findings for line in ("", *cleaned(f).to_text(WIDTH).splitlines())]
    for table in shown(result):
        lines += ["", *block(table)]
    if result.notes:
        lines += ["", "Notes", *(line for text in result.notes for line in wrapped(text, "- "))]
    return "\n".join(lines)


def cleaned(found: Finding) -> Finding:
    """Return a finding whose texts hold no control characters: class names and values come from the data."""
    parts: dict[str, Any] = {n: visible(getattr(found, n)) for n in ("what", "evidence", "why", "fix", "where")}
    return replace(found, **parts)


def heading(result: Evaluation) -> str:
    """Return what was evaluated, in one line."""
    rows = f"{result.rows} {result.unit}{'' if result.rows == 1 else 's'}"
    return f"{result.task.replace('_', ' ')}, {rows}{f', {result.source}' if result.source else ''}"


def shown(result: Evaluation, width: int = WIDTH) -> list[Table]:
    """Return the tables for a screen of this width: a matrix that is too wide gives way to the list of mistakes."""
    matrix = None
    if result.confusion:
        if len(result.class_names) <= CLASSES:
            matrix = tables.confusion(result.confusion)
        if matrix is None or sum(_widths(matrix)) + 2 * len(matrix.headings) > width:
            matrix = tables.pairs(result.confusion, CLASSES, result.task)
    classes = tables.classes(result, CLASSES)
    found = (tables.losses(result), tables.metrics(result), classes, matrix, tables.slices(result))
    return [fitted(t, width) for t in found if t is not None]


def fitted(table: Table, width: int) -> Table:
    """Return the table without its intervals where it is too wide with them."""
    if sum(_widths(table)) + 2 * len(table.headings) <= width:
        return table
    kept = [i for i, heading in enumerate(table.headings) if heading != tables.INTERVAL]
    headings, *rows = (tuple(row[i] for i in kept) for row in (table.headings, *table.rows))
    return replace(table, headings=headings, rows=tuple(rows))


def block(table: Table) -> list[str]:
    """Return a table as lines."""
    widths = _widths(table)
    rows = [table.headings, *table.rows]
    lines = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [table.title, *lines, *(wrapped(table.note) if table.note else [])]


def _widths(table: Table) -> list[int]:
    return [max(map(len, column)) for column in zip(table.headings, *table.rows, strict=True)]


def wrapped(text: str, bullet: str = "") -> list[str]:
    """Return a sentence as lines, those after the first below its beginning."""
    indent = " " * len(bullet)
    return textwrap.wrap(visible(text), WIDTH, initial_indent=bullet, subsequent_indent=indent, break_on_hyphens=False)
