"""A bar with rows, rate and time left, where there is a terminal to show it on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


@contextmanager
def shown(rows: int | None, wanted: bool | None) -> Iterator[Advance]:
    """Yield what is told of each number of rows that are done.

    Args:
        rows: How many there will be, or None where that is not known.
        wanted: Whether to show a bar; None shows it where standard error is a terminal and rich is installed.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda done: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
        from rich.text import Text
    except ImportError:
        yield lambda done: None
        return

    class Rate(ProgressColumn):
        """Rows per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{(task.speed or 0) / 1e6:.1f} M rows/s")

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} rows"), Rate())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=console.is_terminal) as bar:
        task = bar.add_task("Evaluating", total=rows)
        yield lambda done: bar.advance(task, done)
