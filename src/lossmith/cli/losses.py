"""``lossmith losses``: what there is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ..losses import losses as all_losses


def losses() -> None:
    """List all losses with their task and aliases."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("loss", "task", "also known as"):
        table.add_column(heading)
    for loss in all_losses():
        table.add_row(loss.name, loss.task, ", ".join(loss.aliases))
    Console().print(table)
