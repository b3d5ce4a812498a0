"""``lossmith choose``: a target column in, the loss that fits it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..understanding.choosing import Choice, choose_file
from .console import console

_WIDEST = 110


def choose(
    target: Annotated[
        str,
        typer.Option(
            "--target",
            "-t",
            metavar="FILE:COLUMN",
            help="Parquet, CSV (also .csv.gz) or NPZ file, and its target column by name or number (-1 is the last); "
            "several as a,b,c or y_*.",
            show_default=False,
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(
            help="binary, multiclass, ordinal, multilabel, distribution, proportion, percentage, counts, positive, "
            "nonnegative or regression. Default: told by the values, and said."
        ),
    ] = None,
    positive: Annotated[str | None, typer.Option(help="The class that counts as yes, for binary.")] = None,
    decimal: Annotated[
        str | None, typer.Option(help="Sign before the decimals, '.' or ','. Default: told by the values, and said.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Say which loss fits a target column: last layer, labels, the first value to expect, weights, lines to paste."""
    path, column = _split(target)
    choice = choose_file(path, column, task=task, positive=positive, decimal=decimal)
    if json:
        print(choice.to_json())
    else:
        _show(choice, console())


def _split(target: str) -> tuple[str, str | None]:
    """Return file and column; the name of a file may have a colon in it."""
    path, colon, column = target.rpartition(":")
    if not colon or Path(target).is_file():
        return target, None
    return path, column


def _show(choice: Choice, screen: Console) -> None:
    headings = {f"{word} {s.title} ({s.loss})" for s in choice.suggestions for word in ("Take", "Or")}
    for i, line in enumerate(choice.to_text(min(screen.width, _WIDEST)).splitlines()):
        style = "bold" if i == 0 or line in headings or line == "Notes" else ""
        screen.print(Text(line, style), soft_wrap=True)
