"""``lossmith doctor``: saved predictions, learning curves or two losses in, findings out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..doctor import Findings, Verdict, verdict
from ..doctor.files import check_file
from ..errors import InputError
from .console import console
from .options import Classes, Form, Json, Prediction, Target, Task, class_names

_WIDEST = 110
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


def doctor(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Predictions (Parquet, CSV, NPZ), or losses by epoch (CSV, JSON, NPZ, TensorBoard).",
            show_default=False,
        ),
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="The loss: mse, nn.CrossEntropyLoss, … Default: the usual one of the task.")
    ] = None,
    target: Target = None,
    prediction: Prediction = None,
    task: Task = None,
    form: Form = None,
    classes: Classes = None,
    decimal: Annotated[str | None, typer.Option(help="Sign before the decimals, '.' or ','.")] = None,
    train: Annotated[float | None, typer.Option(help="A training loss, to judge beside --validation.")] = None,
    validation: Annotated[float | None, typer.Option(help="A validation or test loss.")] = None,
    constant: Annotated[
        float | None, typer.Option(help="With --train: the loss of always the same answer (ln K, the variance).")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Code of a rule to leave out, such as GEN05.")] = None,
    json: Json = False,
) -> None:
    """Find a misused loss in saved predictions or learning curves, or judge a training and a validation loss.

    Exit code 1 where something of severity "error" is found, else 0; 2 for input that cannot be read.
    """
    found: Findings | Verdict
    if file is None:
        found = _of_two(train, validation, constant)
        errors = bool(found.findings.errors)
    else:
        if train is not None or validation is not None:
            raise InputError("give a file, or --train and --validation, not both")
        found = check_file(
            file,
            loss=loss,
            target=target or None,
            prediction=prediction or None,
            task=task,
            form=form,
            class_names=class_names(classes),
            decimal=decimal,
            ignore=ignore or (),
        )
        errors = bool(found.errors)
    if json:
        print(found.to_json())
    else:
        _show(found, console())
    if errors:
        raise typer.Exit(1)


def _of_two(train: float | None, validation: float | None, constant: float | None) -> Verdict:
    if train is None or validation is None:
        raise InputError(
            "give a file of predictions or learning curves, or two losses: lossmith doctor --train 0.1 --validation 1.5"
        )
    return verdict(train, validation, constant=constant)


def _show(found: Findings | Verdict, screen: Console) -> None:
    width = min(screen.width, _WIDEST)
    styles = {f.headline[:20]: _STYLES[f.severity] for f in (found if isinstance(found, Findings) else found.findings)}
    text = found.to_text(width) if isinstance(found, Findings) else str(found)
    for line in text.splitlines():
        screen.print(Text(line, styles.get(line[:20], "")), soft_wrap=True)
