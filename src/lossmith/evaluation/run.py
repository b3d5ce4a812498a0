"""``evaluate``: arrays or a file in, an ``Evaluation`` out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from . import losses, metrics, verdict
from .inputs import Inputs, prepare
from .result import Evaluation
from .sources import load


def evaluate(
    prediction: Any,
    target: Any,
    *,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    weight: Any = None,
    train_target: Any = None,
) -> Evaluation:
    """Say what predictions are worth: losses against a constant predictor, metrics, confusion, a verdict in words.

    Args:
        prediction: (N,) or (N, 1) values, probabilities or logits of the positive class, or class labels; (N, C)
            probabilities or logits. Lists and arrays of any framework.
        target: (N,) numbers, class indices or class names; (N, C) one-hot rows, or 0/1 for several labels per row.
        task: "regression", "binary", "multiclass" or "multilabel"; guessed if None, which the result then says first.
        form: "values", "probabilities", "percentages" (0 to 100), "logits" or "labels" (hard class labels); guessed
            likewise.
        class_names: Names of the classes in the order of the columns; for binary: negative, positive.
        weight: (N,) factors per row, not negative.
        train_target: Targets of the training set; the constant predictor learns from them instead of ``target``.

    Returns:
        The result; print it, or take ``.losses``, ``.metrics``, ``.to_json()``, ``.save_html(path)``.

    Raises:
        InputError: An argument does not fit; the subclass (ShapeError, DomainError, LabelError) and the text say what.
        UnknownNameError: No task, form or class of that name.

    Example:
        >>> import lossmith as lm
        >>> result = lm.evaluate([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1])
        >>> result.task, round(result.losses["binary_cross_entropy"].value, 4), result.metrics["accuracy"].value
        ('binary', 0.367, 0.75)
    """
    inputs = prepare(
        prediction,
        target,
        task=task,
        form=form,
        class_names=class_names,
        weight=weight,
        train_target=train_target,
    )
    return _evaluation(inputs)


def evaluate_file(
    path: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    prediction: str | Sequence[str] | None = None,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    decimal: str | None = None,
) -> Evaluation:
    """Evaluate the predictions in a Parquet, CSV (also gzip) or NPZ file.

    Args:
        path: The file.
        target: Column with the target; several names, one string with commas, or a pattern (``y_*``) for several.
            Guessed from the usual names if None.
        prediction: Column or columns with the prediction, likewise (``p_*``).
        task: As in :func:`evaluate`.
        form: As in :func:`evaluate`.
        class_names: As in :func:`evaluate`; else the tails of the prediction columns' names, or the distinct targets.
        decimal: "." or ",", the sign before the decimals of numbers that are written as text; the other one then
            groups thousands. Told by the values if None, and said where it is a comma.

    Raises:
        DataError: The file cannot be read, or what it holds is no table of numbers; the text names row and column.
        UnknownNameError: It has no such column.
        InputError: As in :func:`evaluate`.
        MissingDependencyError: Parquet needs pyarrow.
    """
    table = load(path, target=target, prediction=prediction, class_names=class_names, decimal=decimal)
    inputs = prepare(
        table.prediction,
        table.target,
        task=task,
        form=form,
        form_hint=table.form,
        class_names=table.class_names,
        locate=table.locate,
    )
    result = _evaluation(inputs)
    return replace(result, assumptions=(*table.assumptions, *result.assumptions), source=table.source)


def _evaluation(inputs: Inputs) -> Evaluation:
    found, left_out = losses.scores(inputs)
    numbers, confusion, classes = metrics.compute(inputs)
    return Evaluation(
        task=inputs.task,
        form=inputs.form,
        rows=inputs.rows,
        class_names=inputs.class_names,
        losses=found,
        metrics=numbers,
        confusion=confusion,
        per_class=classes,
        verdict=verdict.headline(inputs, found, numbers),
        findings=verdict.findings(inputs, numbers, confusion, classes),
        assumptions=inputs.assumptions,
        notes=(*inputs.notes, *left_out),
    )
