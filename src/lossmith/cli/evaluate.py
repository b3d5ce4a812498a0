"""``lossmith evaluate``: a file of predictions in, numbers and a verdict out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..doctor import History
from ..doctor.files import curves as read_curves
from ..errors import DataError, InputError
from ..evaluation import evaluate as evaluate_source
from ..evaluation import evaluate_file
from ..files import write_whole
from ..report.terminal import show
from .console import console
from .options import Classes, Form, Json, Prediction, Target, Task, class_names


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Parquet, CSV (also .csv.gz), Arrow or NPZ file; or a directory, a pattern in quotes or a URL.",
            show_default=False,
        ),
    ],
    target: Target = None,
    prediction: Prediction = None,
    task: Task = None,
    form: Form = None,
    classes: Classes = None,
    decimal: Annotated[
        str | None, typer.Option(help="Sign before the decimals, '.' or ','. Default: told by the values, and said.")
    ] = None,
    row_id: Annotated[
        str | None, typer.Option(help="Column that names rows, where the order is not always one.")
    ] = None,
    weight: Annotated[str | None, typer.Option(help="Column with the weight of each row.")] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Column whose values are slices, each with numbers of its own; several times."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Ranking: column with the query or user of each item. Language model: the token's document."),
    ] = None,
    byte_counts: Annotated[
        str | None,
        typer.Option("--bytes", help="Language model: bytes of the text, a number or a column, for bits per byte."),
    ] = None,
    ignore_index: Annotated[
        int | None, typer.Option(help="Segmentation, language model: label that does not count (tokens: -100).")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", help="Ranking: where lists are cut (10). Multiclass: top-k.")] = None,
    quantile: Annotated[
        float | None, typer.Option(help="Regression: the predictions are meant to be this quantile, such as 0.9.")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="File of training rows: says how many rows are in it, too (by --row-id, or all columns)."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="Losses by epoch (CSV, JSON, NPZ, TensorBoard): drawn in the report, and their gap judged."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Directory for finished parts: after a crash they are not read again.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files and row groups that cannot be read, and say so.")
    ] = False,
    ignore: Annotated[list[str] | None, typer.Option(help="Code of a finding to leave out, such as EVAL03.")] = None,
    json: Json = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", "--html", help="Write the report to this file, which ends in .html.", show_default=False
        ),
    ] = None,
) -> None:
    """Say what predictions in a file are worth: losses, metrics, confusion, a verdict.

    Many files and large ones are read in parts, in constant memory, on all cores.
    """
    if report is not None:
        check_report(report)
    curves = None if history is None else _curves(history, decimal)
    columns: dict[str, Any] = {
        "target": target or None,
        "prediction": prediction or None,
        "task": task,
        "form": form,
        "class_names": class_names(classes),
        "weight": weight,
        "group": group,
        "bytes": _number(byte_counts),
        "ignore_index": ignore_index,
        "k": k,
        "quantile": quantile,
    }
    if decimal is None:
        splits: dict[str, Any] = {"row_id": row_id, "resume": resume, "skip_bad": skip_bad}
        result = evaluate_source(source, **columns, slices=slices or None, train=train, **splits)
    elif (row_id is not None and train is None) or resume is not None or skip_bad:
        raise InputError("--decimal is for a file that is read as a whole; leave out --row-id, --resume and --skip-bad")
    else:
        result = evaluate_file(source, **columns, decimal=decimal, slices=slices or (), train=train, row_id=row_id)
    if curves is not None:
        result = result.with_history(curves)
    result = result.ignoring(ignore or ())
    if report is not None:
        write_whole(report, result.to_html())
    if json:
        print(result.to_json())
    else:
        show(result, console())
    if report is not None:
        print(f"Report: {report}", file=sys.stderr if json else sys.stdout)


def _number(text: str | None) -> str | float | None:
    """Return a number where the text is one, and else the text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _curves(path: Path, decimal: str | None) -> Any:
    """Return the training curves of a file, looked at before the predictions are read."""
    found = read_curves(path, decimal)
    try:
        History.of(found)
    except InputError as error:
        raise DataError(f"{path.name}: {error}") from None
    return found


def check_report(path: Path) -> None:
    """Raise InputError where the file's name promises something else than HTML."""
    if path.suffix.lower() not in (".html", ".htm") and not path.is_dir():
        better = path.with_suffix(".html") if path.name.strip(".") else "report.html"
        raise InputError(f"--report is {str(path)!r}, and reports are HTML; type --report {better}")
