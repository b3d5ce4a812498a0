"""An evaluation or a comparison on a terminal, through rich; read well on a narrow one and in a pipe, too."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ..doctor import Finding
from ..evaluation.comparison import Comparison
from ..evaluation.result import Evaluation
from . import comparison
from .tables import Table, visible
from .text import ASSUMED, WIDTH, cleaned, heading, shown

_TONES = {"Better": "green", "Worse": "red", "Not": "yellow"}
_SEVERITIES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


def show(result: Evaluation, console: Console) -> None:
    """Print what was assumed, verdict, findings, tables and notes."""
    console.print(Text(visible(heading(result)), style="dim"))
    if result.assumptions:
        console.print(Text(ASSUMED, style="dim"))
        for sentence in result.assumptions:
            _bullet(sentence, console, style="dim")
        console.print()
    tone = _TONES.get(result.verdict.partition(" ")[0], "")
    console.print(Text(visible(result.verdict), style=f"bold {tone}"))
    for found in result.findings:
        console.print()
        print_finding(found, console)
    for table in shown(result, console.width):
        console.print()
        print_table(table, console)
    if result.notes:
        console.print()
        console.print(Text("Notes", style="bold"))
        for sentence in result.notes:
            _bullet(sentence, console, style="dim")


def show_comparison(found: Comparison, console: Console) -> None:
    """Print what was assumed, verdicts, tables and notes."""
    console.print(Text(visible(comparison.heading(found)), style="dim"))
    for sentence in found.assumptions:
        _bullet(sentence, console, style="dim")
    for verdict in found.verdicts:
        tone = "green" if " is better than " in verdict else "red" if " is worse than " in verdict else "yellow"
        console.print(Text(visible(verdict), style=f"bold {tone}"))
    console.print(Text(visible(found.how), style="dim"))
    for table in comparison.differences(found):
        console.print()
        print_table(comparison.narrowed(table, console.width), console)
    for sentence in found.notes:
        _bullet(sentence, console, style="dim")


def print_finding(found: Finding, console: Console) -> None:
    """Print a finding as its text has it, the first line in the colour of its severity."""
    first, *others = cleaned(found).to_text(min(console.width, WIDTH)).splitlines()
    console.print(Text(first, style=_SEVERITIES[found.severity]))
    for line in others:
        console.print(Text(line))


def _bullet(sentence: str, console: Console, style: str = "") -> None:
    console.print(Text(f"- {visible(sentence)}", style=style))


def print_table(table: Table, console: Console) -> None:
    """Print a table, as wide as it needs."""
    drawn = RichTable(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for i, title in enumerate(table.headings):
        drawn.add_column(Text(title), justify="left" if i == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(Text(table.title, style="bold"))
    console.print(drawn)
    if table.note:
        console.print(Text(table.note, style="dim"))
