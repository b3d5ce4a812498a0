"""``lossmith plot``: value and gradient of losses as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..losses import Parameter, find
from ..understanding import plot as plot_losses

_TRUTH = {"true": True, "false": False}


def plot(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Losses, by name or alias.")],
    output: Annotated[
        Path | None, typer.Option(help="File ending in .png, .svg or .html; default: NAME.png here.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Set a parameter: delta=2.0")
    ] = None,
) -> None:
    """Draw value and gradient of one or several losses over the prediction."""
    losses = [find(name) for name in names]
    known = {p.name: p for loss in losses for p in loss.parameters}
    parameters = dict(_read(text, known) for text in parameter or ())
    print(plot_losses(*names, output=output, parameters=parameters))


def _read(text: str, known: dict[str, Parameter]) -> tuple[str, Any]:
    """Read one NAME=VALUE; a name that no loss has passes through, to be refused where losses are at hand."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise InputError(f"--parameter is {text!r}; expected NAME=VALUE, as in delta=2.0")
    kind = known[name].kind if name in known else "float"
    try:
        if kind == "vector" or (kind == "factor" and "," in value):
            return name, [float(part) for part in value.split(",")]
        return name, _TRUTH[value.lower()] if kind == "bool" else float(value)
    except (KeyError, ValueError):
        expected = {"bool": "true or false", "vector": "numbers with commas between them"}.get(kind, "a number")
        raise InputError(f"--parameter {name} is {value!r}; expected {expected}") from None
