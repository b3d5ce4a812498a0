"""What commands that read predictions from a file ask for alike."""

from __future__ import annotations

import csv
from typing import Annotated

import typer

Target = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Column with the target; several for several labels. Default: by name."),
]
Prediction = Annotated[
    list[str] | None,
    typer.Option("--prediction", "-p", help="Column with the prediction; several, 'a,b,c' or 'p_*' for one per class."),
]
Task = Annotated[
    str | None,
    typer.Option(
        help="regression, binary, multiclass, multilabel, ranking, segmentation or language_model. Default: guessed, "
        "and said."
    ),
]
Form = Annotated[
    str | None, typer.Option(help="values, probabilities, percentages, logits or labels. Default: guessed, and said.")
]
Classes = Annotated[str | None, typer.Option(help="Names of the classes, with commas, in the columns' order.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def class_names(classes: str | None) -> list[str] | None:
    """Return the names that stand in one line, quoted where they hold commas."""
    return None if classes is None else next(csv.reader([classes], skipinitialspace=True), [])
