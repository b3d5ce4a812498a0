"""What is collected of each task's rows: the states, and how a batch goes into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays import load
from ...losses import find
from ...native import evaluation as kernels
from .. import slices
from ..infer import GROUPED
from ..inputs import Inputs
from ..metrics import CALIBRATION_BINS, TOP, among_top
from ..states import (
    Bootstrap,
    Bundle,
    CalibrationBins,
    ConfusionCounts,
    LossSums,
    Moments,
    Quantiles,
    RowCounts,
    ScoreHistogram,
    State,
    WorstRows,
)
from . import grouped, multilabel
from .per_row import losses_of, values
from .plan import Plan

ROWS = ("used", "missing", "nan_prediction", "infinite_prediction", "odd_target", "rescaled")
BINARY_SUMS = ("loss", "brier", "confidence")


def states(plan: Plan) -> Bundle:
    """Return the empty states of a plan."""
    if plan.task in GROUPED:
        return grouped.states(plan)
    made: dict[str, State] = {"rows": RowCounts(names=ROWS), **_MAKE[plan.task](plan)}
    if plan.weight is not None:
        made["weights"] = LossSums()
    return Bundle(made | ({"slices": slices.kept(plan.slices, plan.weight is not None)} if plan.slices else {}))


def update(bundle: Bundle, plan: Plan, inputs: Inputs, row_id: np.ndarray) -> None:
    """Let the states look at a batch of clean rows, one by one: what ``rows.Rows`` does, where it can, in one pass."""
    bundle["rows"].update(used=inputs.rows)
    if inputs.weight is not None:
        bundle["weights"].update(inputs.weight)
        counted = inputs.weight > 0
        if not counted.any():
            return
        if not counted.all():
            inputs, row_id = some(inputs, counted), row_id[counted]
    _UPDATE[plan.task](bundle, plan, inputs, row_id)


# --- classes ---------------------------------------------------------------------------------------------------------
def _make_classes(plan: Plan) -> dict[str, State]:
    classes, weighted = len(plan.class_names), plan.weight is not None
    made: dict[str, State] = {"confusion": ConfusionCounts(classes=classes, weighted=weighted)}
    if plan.kept == "labels":
        return made
    made["worst"] = WorstRows(columns=("target", "predicted", "confidence"))
    if plan.task == "binary":
        # What the kernel of whole rows adds up, too (rows.py); means and their intervals come from the groups.
        return made | {
            "loss": LossSums(spread=False, weighted=weighted),
            "calibration": CalibrationBins(bins=CALIBRATION_BINS, unit=kernels.PROBABILITY_UNIT, weighted=weighted),
            "scores": ScoreHistogram("value" if plan.kept == "logits" else "probability", weighted=weighted),
            "bootstrap": Bootstrap(sums=BINARY_SUMS, cells=4, units=kernels.BINARY_UNITS, weighted=weighted),
        }
    made |= {
        "loss": LossSums(groups=classes, weighted=weighted, skewed=True),
        "confidence": LossSums(weighted=weighted, skewed=True),
        "calibration": CalibrationBins(bins=CALIBRATION_BINS, weighted=weighted),
    }
    if classes > 2 * TOP:
        made["top"] = LossSums(spread=False, weighted=weighted)
    return made


def _update_binary(bundle: Bundle, plan: Plan, inputs: Inputs, row_id: np.ndarray) -> None:
    p, target = inputs.prediction, inputs.target
    if plan.kept == "labels":
        return bundle["confusion"].update(target, p, inputs.weight)
    predicted = (p > (0 if plan.kept == "logits" else 0.5)).astype(np.int64)
    probability = load("numpy").sigmoid(p) if plan.kept == "logits" else p
    brier = values(find("squared_error"), probability, target.astype(np.float64))
    bundle["scores"].update(p, target, inputs.weight)
    bundle["calibration"].update(probability, target, inputs.weight)
    confidence = np.maximum(probability, 1 - probability)
    return _common(bundle, plan, inputs, row_id, predicted, confidence, brier=brier, confidence=confidence)


def _update_multiclass(bundle: Bundle, plan: Plan, inputs: Inputs, row_id: np.ndarray) -> None:
    if plan.kept == "labels":
        return bundle["confusion"].update(inputs.target, inputs.prediction, inputs.weight)
    p = load("numpy").softmax(inputs.prediction) if plan.kept == "logits" else inputs.prediction
    predicted, confidence = inputs.prediction.argmax(axis=1), p.max(axis=1)
    right = predicted == inputs.target
    bundle["calibration"].update(confidence, right, inputs.weight)
    bundle["confidence"].update(confidence, weight=inputs.weight)
    if "top" in bundle.states:
        bundle["top"].update(among_top(inputs.prediction, inputs.target, TOP).astype(np.float64), weight=inputs.weight)
    return _common(bundle, plan, inputs, row_id, predicted, confidence)


def _common(
    bundle: Bundle,
    plan: Plan,
    inputs: Inputs,
    row_id: np.ndarray,
    predicted: np.ndarray,
    sureness: np.ndarray,
    **more: np.ndarray,
) -> None:
    target = inputs.target
    loss = values(losses_of(plan)[0], inputs.prediction, target)
    bundle["loss"].update(loss, target if bundle["loss"].settings["groups"] > 1 else None, inputs.weight)
    bundle["worst"].update(loss, row_id, target=target, predicted=predicted, confidence=sureness)
    bundle["confusion"].update(target, predicted, inputs.weight)
    if "bootstrap" in bundle.states:
        bundle["bootstrap"].update(row_id, 2 * target + predicted, inputs.weight, loss=loss, **more)


# --- numbers ---------------------------------------------------------------------------------------------------------
def _make_regression(plan: Plan) -> dict[str, State]:
    weighted = plan.weight is not None
    made: dict[str, State] = {f"loss_{loss.name}": LossSums(weighted=weighted, skewed=True) for loss in losses_of(plan)}
    if not weighted:  # nothing cancels in these; with weights the groups have to do
        made |= {"moments": Moments(), "absolute_error": Quantiles(keep=9)}
    return made | {
        "misfits": RowCounts(names=tuple(loss.name for loss in losses_of(plan))),
        "error": LossSums(weighted=weighted, skewed=True),
        "target": Quantiles(keep=9, weighted=weighted),
        "bootstrap": Bootstrap(sums=("squared", "absolute", "target", "target_squared"), weighted=weighted),
        "worst": WorstRows(columns=("target", "predicted")),
    }


def _update_regression(bundle: Bundle, plan: Plan, inputs: Inputs, row_id: np.ndarray) -> None:
    p, target, weight = inputs.prediction, inputs.target, inputs.weight
    found = {}
    for loss in losses_of(plan):
        sides = ((p, loss.prediction), (target, loss.target))
        misfits = [domain.violations(x) for x, domain in sides if domain.role == "values"]
        bad = np.logical_or.reduce([np.zeros(p.shape, bool), *misfits])
        fits = slice(None)
        if bad.any():  # the loss is left out of the result; what is kept must not depend on the batches even so
            bundle["misfits"].update(**{loss.name: int(bad.sum())})
            fits = ~bad
        found[loss.name] = values(loss, p[fits], target[fits])
        bundle[f"loss_{loss.name}"].update(found[loss.name], weight=None if weight is None else weight[fits])
    error = p - target
    centred = target - plan.origin
    bundle["error"].update(error, weight=weight)
    bundle["target"].update(target, weight)
    if weight is None:
        bundle["moments"].update(p, target)
        bundle["absolute_error"].update(np.abs(error))
    bundle["bootstrap"].update(
        row_id,
        weight=weight,
        squared=found["squared_error"],
        absolute=found["absolute_error"],
        target=centred,
        target_squared=centred * centred,
    )
    bundle["worst"].update(found["squared_error"], row_id, target=target, predicted=p)


def some(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Return some of the rows: (N,) whether each is among them."""
    weight = None if inputs.weight is None else inputs.weight[rows]
    return replace(inputs, prediction=inputs.prediction[rows], target=inputs.target[rows], weight=weight)


_MAKE: dict[str, Callable[[Plan], dict[str, State]]] = {
    "binary": _make_classes,
    "multiclass": _make_classes,
    "multilabel": multilabel.states,
    "regression": _make_regression,
}
_UPDATE: dict[str, Callable[[Bundle, Plan, Inputs, np.ndarray], Any]] = {
    "binary": _update_binary,
    "multiclass": _update_multiclass,
    "multilabel": multilabel.update,
    "regression": _update_regression,
}
