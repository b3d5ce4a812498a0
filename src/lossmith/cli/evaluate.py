"""``lossmith evaluate``: a file of predictions in, numbers and a verdict out."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..evaluation import evaluate_file
from ..files import write_whole
from ..report.terminal import show
from .console import console


def evaluate(
    file: Annotated[Path, typer.Argument(help="Parquet, CSV (also .csv.gz) or NPZ file.", show_default=False)],
    target: Annotated[
        list[str] | None,
        typer.Option("--target", "-t", help="Column with the target; several for several labels. Default: by name."),
    ] = None,
    prediction: Annotated[
        list[str] | None,
        typer.Option(
            "--prediction", "-p", help="Column with the prediction; several, 'a,b,c' or 'p_*' for one per class."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="regression, binary, multiclass or multilabel. Default: guessed, and said.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(help="values, probabilities, percentages, logits or labels. Default: guessed, and said."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Names of the classes, with commas, in the columns' order.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(help="Sign before the decimals, '.' or ','. Default: told by the values, and said.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the report to this file, which ends in .html.", show_default=False)
    ] = None,
) -> None:
    """Say what predictions in a file are worth: losses, metrics, confusion, a verdict."""
    if report is not None:
        _check_report(report)
    result = evaluate_file(
        file,
        target=target or None,
        prediction=prediction or None,
        task=task,
        form=form,
        class_names=None if classes is None else next(csv.reader([classes], skipinitialspace=True), []),
        decimal=decimal,
    )
    if report is not None:
        write_whole(report, result.to_html())
    if json:
        print(result.to_json())
    else:
        show(result, console())
    if report is not None:
        print(f"Report: {report}", file=sys.stderr if json else sys.stdout)


def _check_report(path: Path) -> None:
    """Raise InputError where the file's name promises something else than HTML."""
    if path.suffix.lower() not in (".html", ".htm") and not path.is_dir():
        better = path.with_suffix(".html") if path.name.strip(".") else "report.html"
        raise InputError(f"--report is {str(path)!r}, and reports are HTML; type --report {better}")
