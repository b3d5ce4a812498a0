"""The losses that fit a task, each beside what the best constant prediction scores.

No formula stands here: values and best constants come from the definitions in ``lossmith.losses``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import load
from ..core import call
from ..losses import Loss, find
from .inputs import Inputs
from .intervals import of_mean
from .result import LossScore, finite

LOSSES: dict[tuple[str, str], tuple[str, ...]] = {
    ("regression", "values"): (
        "squared_error",
        "absolute_error",
        "huber",
        "log_cosh",
        "squared_logarithmic_error",
        "poisson",
        "absolute_percentage_error",
    ),
    ("binary", "probabilities"): ("binary_cross_entropy",),
    ("binary", "logits"): ("sigmoid_cross_entropy",),
    ("multiclass", "probabilities"): ("categorical_cross_entropy",),
    ("multiclass", "logits"): ("softmax_cross_entropy",),
    ("multilabel", "probabilities"): ("binary_cross_entropy",),
    ("multilabel", "logits"): ("sigmoid_cross_entropy",),
}


def scores(inputs: Inputs, level: float | None = None) -> tuple[dict[str, LossScore], tuple[str, ...]]:
    """Return the scores by name, and a note on each loss that does not fit the values.

    With ``level`` the predictions of a regression are meant to be that quantile, and its loss comes first.
    """
    found, notes = {}, []
    if level is not None:
        quantile = find("quantile")
        scored = score(quantile, inputs, parameters_at(quantile, level))
        found[quantile.name] = replace(scored, title=f"{quantile.title} {level:g}")
    for name in LOSSES.get((inputs.task, inputs.form), ()):
        loss = find(name)
        misfit = _misfit(loss, inputs)
        if misfit:
            notes.append(f"{loss.title} left out: {misfit}.")
        else:
            found[name] = score(loss, inputs)
    return found, tuple(notes)


def parameters_at(loss: Loss, level: float | None) -> Mapping[str, Any]:
    """Return the loss's parameters, those of a quantile's loss with its level."""
    return loss.defaults if level is None else loss.resolve({"level": level})


def score(loss: Loss, inputs: Inputs, parameters: Mapping[str, Any] | None = None) -> LossScore:
    """Return one loss of the predictions and of the best constant."""
    given = loss.defaults if parameters is None else parameters
    value = _mean(loss, inputs.prediction, inputs.target, inputs.weight, given)
    rows = _rows(loss, inputs.prediction, inputs.target, given)
    constant, constant_rows = _constant(loss, inputs, given)
    low, high = of_mean(rows, inputs.weight)
    with np.errstate(invalid="ignore"):
        gain_low, gain_high = of_mean(constant_rows - rows, inputs.weight)
    return LossScore(
        name=loss.name,
        title=loss.title,
        value=finite(value),
        low=low,
        high=high,
        constant=finite(constant),
        skill=_skill(loss, value, constant),
        gain_low=gain_low,
        gain_high=gain_high,
    )


def per_row(inputs: Inputs) -> np.ndarray:
    """Return the value per row, (N,), of the loss that decides on the verdict."""
    return values_per_row(find(LOSSES[inputs.task, inputs.form][0]), inputs)


def values_per_row(loss: Loss, inputs: Inputs) -> np.ndarray:
    """Return a loss per row, (N,)."""
    return _rows(loss, inputs.prediction, inputs.target, loss.defaults)


def _skill(loss: Loss, value: float, constant: float) -> float | None:
    """``1 - value / constant``, where both are distances from a best value of 0."""
    if loss.dropped or constant <= 0 or not np.isfinite(constant):
        return None
    return finite(1 - value / constant)


def _misfit(loss: Loss, inputs: Inputs) -> str:
    """Say why the values lie outside the loss's domain, or return an empty string."""
    sides = [("target", inputs.target, loss.target), ("prediction", inputs.prediction, loss.prediction)]
    if inputs.train_target is not None:
        sides.append(("train_target", inputs.train_target, loss.target))
    for name, x, domain in sides:
        bad = domain.violations(x) if domain.role == "values" else np.zeros(0, bool)
        if bad.any():
            return (
                f"it takes {name} {domain.describe()}, and {int(bad.sum())} of {x.size} are not (such as {x[bad][0]:g})"
            )
    return ""


def _mean(
    loss: Loss, prediction: np.ndarray, target: np.ndarray, weight: np.ndarray | None, given: Mapping[str, Any]
) -> float:
    return float(call(loss, prediction, target, parameters=given, weight=weight))


def _rows(loss: Loss, prediction: np.ndarray, target: np.ndarray, given: Mapping[str, Any]) -> np.ndarray:
    """Return one value per row of the data (elements of a row are averaged)."""
    rows = call(loss, prediction, target, parameters=given, reduction="none")
    return rows if rows.ndim == 1 else load("numpy").mean(rows, axis=-1)


def _constant(loss: Loss, inputs: Inputs, given: Mapping[str, Any]) -> tuple[float, np.ndarray]:
    """Return the mean and the values per row of the constant that is best on the target (or on ``train_target``)."""
    train, weight = inputs.target, inputs.weight
    if inputs.train_target is not None:
        train, weight = inputs.train_target, None
    if loss.target.role == "classes":
        return _constant_class(loss, inputs, train, weight)
    constant = best(loss, train, weight, given)
    prediction = np.broadcast_to(constant, inputs.target.shape)
    sides = prediction, inputs.target
    return _mean(loss, *sides, inputs.weight, given), _rows(loss, *sides, given)


def _constant_class(
    loss: Loss, inputs: Inputs, train: np.ndarray, weight: np.ndarray | None
) -> tuple[float, np.ndarray]:
    """As ``_constant``: one row per class, counted, stands for all rows of that class, so (N, C) is never made."""
    classes = inputs.prediction.shape[1]
    counts = np.bincount(train, weights=weight, minlength=classes)
    constant = best(loss, np.eye(classes), counts)
    present = np.flatnonzero(np.bincount(inputs.target, weights=inputs.weight, minlength=classes))
    prediction = np.broadcast_to(constant, (present.size, classes))
    share = np.bincount(inputs.target, weights=inputs.weight, minlength=classes)[present].astype(np.float64)
    table = np.zeros(classes)
    table[present] = _rows(loss, prediction, present, loss.defaults)
    return _mean(loss, prediction, present, share, loss.defaults), table[inputs.target]


def best(loss: Loss, target: np.ndarray, weight: np.ndarray | None, parameters: Mapping[str, Any] | None = None) -> Any:
    """Return the constant prediction for one row that scores best on ``target``."""
    if loss.best_constant is None:
        raise ValueError(f"{loss.name} has no best constant")
    weight = np.ones(len(target)) if weight is None else weight
    given = loss.resolve(parameters or {})
    return loss.best_constant(target.astype(np.float64), weight.astype(np.float64), **given)
