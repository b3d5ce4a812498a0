"""``lossmith losses``: what there is, and under which names."""

from __future__ import annotations

import json as to_json
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..understanding.catalogue import SCHEMA, catalogue, entry
from ..understanding.faces import FACES
from .console import console

_WIDE = 110  # columns of a screen that has room for other names beside the faces
_NOTE = (
    "Every loss takes the arrays of all frameworks as lossmith.NAME. 'yes' is where a face has it under the "
    "framework's own name, too (optax: in lossmith.jax, by optax's name); --face torch lists those names, --json all."
)


def losses(
    task: Annotated[str | None, typer.Option(help="Only this task: regression, binary, multiclass, …")] = None,
    face: Annotated[
        str | None, typer.Option(help="Only what is in torch, keras, jax or optax, with its names there.")
    ] = None,
    search: Annotated[
        str, typer.Option(help="Words in a name (also in a framework's) or in what is said about the loss.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """List the losses: task, the faces that have them, other names."""
    found = [entry(loss) for loss in catalogue(task=task, face=face, search=search)]
    if json:
        print(to_json.dumps({"schema": SCHEMA, "losses": found}, indent=2))
        return
    screen = console()
    if not found:
        print(f"No loss is all of this: {_asked(task, face, search)}.")
        return
    screen.print(_table(found, face, aliases=screen.width >= _WIDE or face is not None))
    screen.print()
    screen.print(Text(f"{len(found)} loss{'' if len(found) == 1 else 'es'}. {_NOTE}", style="dim"))


def _table(found: list[dict[str, Any]], face: str | None, aliases: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("loss", overflow="fold")
    table.add_column("task", overflow="fold")
    for name in FACES if face is None else [face]:
        table.add_column(name, overflow="fold")
    if aliases:
        table.add_column("also known as", overflow="fold")
    for one in found:
        names = one["faces"]
        cells = ["yes" if f in names else "" for f in FACES] if face is None else [", ".join(names[face])]
        also = [", ".join(one["aliases"])] if aliases else []
        table.add_row(*(Text(cell) for cell in (one["name"], one["task"], *cells, *also)))
    return table


def _asked(task: str | None, face: str | None, search: str) -> str:
    given = {"task": task, "face": face, "search": search or None}
    return ", ".join(f"--{option} {value!r}" for option, value in given.items() if value is not None)
