"""From images to a verdict: train, save predictions and history, evaluate, report."""

from __future__ import annotations

import csv
import io
from importlib import import_module
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import MissingDependencyError, UnknownNameError
from ..files import write_whole
from .digits import CLASSES, Digits, load_digits

FRAMEWORKS = ("numpy", "torch", "keras", "jax")


def run(framework: str, folder: Path, console: Console) -> None:
    """Train with ``framework``, write predictions, history and report to ``folder``, and print the verdict.

    Raises:
        UnknownNameError: No such framework.
        MissingDependencyError: The framework is not installed.
    """
    if framework not in FRAMEWORKS:
        raise UnknownNameError("framework", framework, FRAMEWORKS)
    digits = load_digits()
    console.print(
        f"Handwritten digits: {len(digits.train.labels)} images to train on, {len(digits.validation.labels)} to watch, "
        f"{len(digits.test.labels)} held out. Framework: {framework}."
    )
    probabilities, history = _train(framework, digits, console)
    folder.mkdir(parents=True, exist_ok=True)
    predictions_file = write_whole(folder / "predictions.csv", _predictions_csv(digits.test.labels, probabilities))
    history_file = write_whole(folder / "history.csv", _history_csv(history))
    _judge(digits, probabilities, history, folder, console)
    console.print(f"\nSaved {predictions_file} and {history_file}. The same evaluation from the file:", soft_wrap=True)
    console.print(f"  lossmith evaluate {predictions_file}", soft_wrap=True, highlight=False)


def _train(framework: str, digits: Digits, console: Console) -> tuple[np.ndarray, list[dict[str, float]]]:
    try:
        trainer = import_module(f".train_{framework}", __package__)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or framework, f"--framework {framework}", framework) from None
    history: list[dict[str, float]] = []
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=trainer.EPOCHS)

        def report(numbers: dict[str, float]) -> None:
            history.append({"epoch": len(history) + 1, **numbers})
            text = f"loss {numbers['loss']:.4f}, validation {numbers['val_loss']:.4f}"
            progress.update(task, advance=1, description=text)

        probabilities = trainer.train(digits, report)
        progress.update(task, total=len(history))  # L-BFGS may converge before the limit
    return probabilities, history


def _judge(
    digits: Digits, probabilities: np.ndarray, history: list[dict[str, float]], folder: Path, console: Console
) -> None:
    from ..evaluation import evaluate

    names = [str(digit) for digit in range(CLASSES)]
    result = evaluate(probabilities, digits.test.labels, task="multiclass", form="probabilities", class_names=names)
    path = folder / "report.html"
    result.save_html(path, history=history)
    console.print()
    console.print(result.verdict, style="bold", highlight=False)
    console.print(f"Report: {path.resolve()}", soft_wrap=True, highlight=False)


def _predictions_csv(labels: np.ndarray, probabilities: np.ndarray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["target", *(f"p_{c}" for c in range(probabilities.shape[1]))])
    writer.writerows([int(label), *map(repr, row)] for label, row in zip(labels, probabilities.tolist(), strict=True))
    return text.getvalue()


def _history_csv(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
