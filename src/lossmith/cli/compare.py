"""``lossmith compare``: files of predictions for the same rows in, differences with intervals out."""

from __future__ import annotations

import csv
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ..evaluation import compare as compare_predictions
from ..files import write_whole
from ..report.terminal import show_comparison
from .console import console
from .evaluate import check_report
from .options import Classes, Form, Json, Prediction, Target, Task, class_names


class Format(Enum):
    """How the result is printed."""

    text = "text"
    json = "json"


def compare(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE FILE…",
            help="Parquet, CSV (also .csv.gz) or NPZ files; all are held against the first.",
            show_default=False,
        ),
    ],
    target: Target = None,
    prediction: Prediction = None,
    row_id: Annotated[
        str | None, typer.Option(help="Column that tells rows apart. Default: a usual name, else by order; it is said.")
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="What to call them, with commas. Default: the files' names.")
    ] = None,
    task: Task = None,
    form: Form = None,
    classes: Classes = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    format_: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.text,
    json: Json = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", "--html", help="Write the comparison to this file, which ends in .html.", show_default=False
        ),
    ] = None,
) -> None:
    """Say which predictions for the same rows are better, with paired intervals, or that the rows cannot tell."""
    if report is not None:
        check_report(report)
    found = compare_predictions(
        *files,
        target=target or None,
        names=None if names is None else next(csv.reader([names], skipinitialspace=True), []),
        prediction=prediction or None,
        row_id=row_id,
        task=task,
        form=form,
        class_names=class_names(classes),
        seed=seed,
    )
    if report is not None:
        write_whole(report, found.to_html())
    as_json = json or format_ is Format.json
    if as_json:
        print(found.to_json())
    else:
        show_comparison(found, console())
    if report is not None:
        print(f"Report: {report}", file=sys.stderr if as_json else sys.stdout)
