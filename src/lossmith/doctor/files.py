"""Files for the doctor: saved predictions (Parquet, CSV, NPZ) and learning curves (CSV, JSON, NPZ, of loggers).

Which of the two a file is, its columns tell: a column named as a loss, beside no target that was asked for, is a curve.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, InputError
from ..evaluation.csv import CsvFile
from ..evaluation.inputs import Inputs, prepare
from ..evaluation.losses import LOSSES
from ..evaluation.npz import NpzFile
from ..evaluation.sources import Predictions, existing, load
from . import tensorboard
from .engine import check
from .finding import Findings
from .history import is_loss

_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def check_file(
    path: str | os.PathLike[str],
    *,
    loss: str | None = None,
    target: str | Sequence[str] | None = None,
    prediction: str | Sequence[str] | None = None,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    decimal: str | None = None,
    ignore: Iterable[str] = (),
) -> Findings:
    """Look for misuse in a file of finished predictions, or in one of learning curves.

    Args:
        path: Parquet, CSV (also gzip) or NPZ with predictions and targets; CSV, NPZ or JSON with the losses by epoch,
            or TensorBoard's event file or log directory.
        loss: Name of the loss that the predictions were made for; else the usual one of the task.
        target: Column with the target, as in :func:`lossmith.evaluation.evaluate_file`.
        prediction: Column or columns with the prediction, likewise.
        task: As in :func:`lossmith.evaluate`.
        form: As in :func:`lossmith.evaluate`.
        class_names: As in :func:`lossmith.evaluate`.
        decimal: As in :func:`lossmith.evaluation.evaluate_file`.
        ignore: Codes of rules to leave out.

    Raises:
        DataError: The file cannot be read, or is neither; the text says what was expected.
        UnknownNameError: No column, loss or rule of that name.
        InputError: Prediction and target do not fit together.
        MissingDependencyError: Parquet needs pyarrow, and event files tensorboard.
    """
    file = _existing(path)
    found = _curves(file, decimal) if target is None and prediction is None else None
    if found is not None:
        try:
            return check(loss, history=found, ignore=ignore)
        except InputError as error:
            raise DataError(f"{file.name}: {error}") from None
    table = load(file, target=target, prediction=prediction, class_names=class_names, decimal=decimal)
    return _of_predictions(table, loss, task, form, tuple(ignore))


def curves(path: str | os.PathLike[str], decimal: str | None = None) -> Any:
    """Return what a file of learning curves holds: what ``check(history=)`` takes.

    Args:
        path: CSV, JSON or NPZ with the losses by epoch, or TensorBoard's event file or log directory.
        decimal: "," where a CSV file has decimal commas.

    Raises:
        DataError: The file cannot be read, or holds no curves.
        MissingDependencyError: Event files need tensorboard.
    """
    file = _existing(path)
    found = _curves(file, decimal)
    if found is None:
        raise DataError(
            f"{file.name} holds no learning curves; expected CSV, NPZ or JSON with columns such as epoch, loss and "
            "val_loss, or TensorBoard's event files"
        )
    return found


def _existing(path: str | os.PathLike[str]) -> Path:
    """Return a file, or a directory of event files."""
    return Path(path) if Path(path).is_dir() and tensorboard.is_events(Path(path)) else existing(Path(path))


def _curves(file: Path, decimal: str | None) -> Any:
    """Return what a file of learning curves holds, or None if it is none."""
    name = file.name.lower()
    if tensorboard.is_events(file):
        return tensorboard.read(file)
    if name.endswith(".json"):
        return _of_json(file)
    if name.endswith(_CSV):
        return _of_csv(CsvFile(file, decimal), decimal)
    if name.endswith(".npz"):
        reader = NpzFile(file)
        wanted = [c for c in reader.columns if is_loss(c)]
        return {k: list(v.reshape(-1)) for k, v in reader.read(reader.columns, ()).items()} if wanted else None
    return None


def _of_json(file: Path) -> Any:
    try:
        read = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{file.name} cannot be read as JSON: {error}") from None
    for key in ("history", "log_history"):
        if isinstance(read, Mapping) and key in read:
            read = read[key]
    if not isinstance(read, Mapping | list):
        raise DataError(f"{file.name} holds {type(read).__name__}; expected losses by epoch: a list, or lists by name")
    return read


def _of_csv(reader: CsvFile, decimal: str | None) -> dict[str, list[str]] | None:
    if not any(map(is_loss, reader.columns)):
        return None
    read = reader.read(reader.columns, reader.columns)
    swap = decimal == ","
    return {name: [str(t).replace(",", ".") if swap else str(t) for t in column] for name, column in read.items()}


def _of_predictions(
    table: Predictions, loss: str | None, task: str | None, form: str | None, ignore: tuple[str, ...]
) -> Findings:
    numeric = table.prediction.dtype.kind in "biuf" and table.target.dtype.kind in "biuf"
    if numeric and not (np.isfinite(table.prediction).all() and np.isfinite(table.target).all()):
        found = check(loss, table.prediction, table.target, stage="finished", ignore=ignore)
        return _with(found, table.assumptions, table.source)
    if loss is not None and numeric:
        found = check(loss, table.prediction, table.target, stage="finished", ignore=ignore)
        return _with(found, table.assumptions, table.source)
    inputs = prepare(
        table.prediction,
        table.target,
        task=task,
        form=form,
        form_hint=table.form,
        class_names=table.class_names,
        locate=table.locate,
    )
    chosen = loss or _usual(inputs)
    found = check(chosen, _numbers(inputs), inputs.target, stage="finished", ignore=ignore)
    said = "" if loss or chosen is None else f"Loss {chosen}, the usual one; --loss says otherwise."
    return _with(found, (*table.assumptions, *inputs.assumptions, *filter(None, [said])), table.source)


def _usual(inputs: Inputs) -> str | None:
    names = LOSSES.get((inputs.task, inputs.form), ())
    return f"lossmith.{names[0]}" if names else None


def _numbers(inputs: Inputs) -> np.ndarray | None:
    """Return the predictions where they are scores: hard labels have no loss."""
    return None if inputs.form == "labels" else inputs.prediction


def _with(found: Findings, assumptions: Iterable[str], source: str) -> Findings:
    return Findings(found, broken=found.broken, seen=f"{source}: {found.seen}", assumptions=assumptions)
