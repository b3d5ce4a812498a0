"""The metrics of each task, computed from whole arrays; equal to scikit-learn's where it has them.

Counts come from ``bincount``, so the cost is one pass over the rows. Undefined is None here, where scikit-learn says 0
and warns; means over classes count it as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import load
from ..core import call
from ..losses import find
from . import resampling
from .calibration import calibration_error
from .confusion import Counts, class_scores, count_labels, most_confused, of_classes
from .curves import Ranking
from .inputs import Inputs, Subject
from .intervals import effective_rows, normal, wilson
from .losses import best, values_per_row
from .result import ClassScore, Confusion, Metric, finite

TOP = 5  # "top-5 accuracy", told above 2 * TOP classes
CALIBRATION_BINS = 15


def compute(inputs: Inputs) -> tuple[dict[str, Metric], Confusion | None, tuple[ClassScore, ...]]:
    """Return the metrics by name, the confusion and the scores per class."""
    metrics, confusion, classes = _COMPUTE[inputs.task](inputs)
    return {m.name: m for m in metrics}, confusion, classes


# --- classification --------------------------------------------------------------------------------------------------
def _binary(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    p = inputs.prediction
    predicted = p if inputs.form == "labels" else (p > (0 if inputs.form == "logits" else 0.5)).astype(np.int64)
    counts = of_classes(inputs.target, predicted, len(inputs.class_names), inputs.weight)
    classes = class_scores(inputs.class_names, counts)
    metrics = [*shared(inputs, counts), *of_positive(classes[1])]
    if inputs.form != "labels":
        probability = load("numpy").sigmoid(p) if inputs.form == "logits" else p
        metrics += _ranked(inputs) + _binary_calibration(inputs, probability)
    metrics = _with_intervals(metrics, resampling.of_classes(inputs.target, predicted, 2, inputs.weight))
    return metrics, most_confused(inputs.target, predicted, inputs.class_names, inputs.weight), classes


def _with_intervals(metrics: list[Metric], found: Mapping[str, resampling.Interval]) -> list[Metric]:
    """Return the metrics, those without an interval with that of the bootstrap, if it has one."""
    return [
        replace(m, low=found[m.name][0], high=found[m.name][1])
        if m.name in found and m.low is None and m.value is not None
        else m
        for m in metrics
    ]


def of_positive(positive: ClassScore) -> list[Metric]:
    """Metrics of the positive class of two."""
    return [
        Metric(name="precision", title=f"precision of {positive.name}", value=positive.precision,
               low=positive.precision_low, high=positive.precision_high),
        Metric(name="recall", title=f"recall of {positive.name}", value=positive.recall,
               low=positive.recall_low, high=positive.recall_high),
        Metric(name="f1", title=f"F1 of {positive.name}", value=positive.f1),
    ]  # fmt: skip


def _ranked(inputs: Inputs) -> list[Metric]:
    both = 0 < inputs.target.sum() < inputs.rows
    share = float(np.average(inputs.target, weights=inputs.weight))
    if not both:
        return [
            Metric(name="auc", title="ROC AUC", value=None),
            Metric(name="average_precision", title="average precision", value=None),
        ]
    ranking = Ranking(inputs.target, inputs.prediction)
    found = [
        Metric(name="auc", title="ROC AUC", value=ranking.auc(inputs.weight), constant=0.5),
        Metric(name="average_precision", title="average precision", value=ranking.average_precision(inputs.weight),
               constant=share),
    ]  # fmt: skip
    return _with_intervals(found, resampling.of_ranking(ranking, inputs.weight, inputs.rows))


def _binary_calibration(inputs: Inputs, probability: np.ndarray) -> list[Metric]:
    target = inputs.target.astype(np.float64)
    squared = find("squared_error")
    brier = call(squared, probability, target, parameters={}, weight=inputs.weight)
    low, high = normal(call(squared, probability, target, parameters={}, reduction="none"), inputs.weight)
    constant = np.broadcast_to(best(squared, target, inputs.weight), target.shape)
    return [
        Metric(name="brier", title="Brier score", value=float(brier), low=low, high=high,
               constant=float(call(squared, constant, target, parameters={}, weight=inputs.weight))),
        _ece(probability, target, inputs.weight),
        _confidence(np.maximum(probability, 1 - probability), inputs.weight),
    ]  # fmt: skip


def _multiclass(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    hard = inputs.form == "labels"
    predicted = inputs.prediction if hard else inputs.prediction.argmax(axis=1)
    counts = of_classes(inputs.target, predicted, len(inputs.class_names), inputs.weight)
    metrics = shared(inputs, counts)
    if not hard:
        if len(inputs.class_names) > 2 * TOP:
            metrics.append(_top(inputs))
        p = load("numpy").softmax(inputs.prediction) if inputs.form == "logits" else inputs.prediction
        confidence = p.max(axis=1)
        right = (predicted == inputs.target).astype(np.float64)
        metrics += [_ece(confidence, right, inputs.weight), _confidence(confidence, inputs.weight)]
    confusion = most_confused(inputs.target, predicted, inputs.class_names, inputs.weight)
    drawn = resampling.of_classes(inputs.target, predicted, len(inputs.class_names), inputs.weight)
    metrics = _with_intervals(metrics, {n: x for n, x in drawn.items() if n != "f1"})
    return metrics, confusion, class_scores(inputs.class_names, counts)


def shared(inputs: Subject, counts: Counts) -> list[Metric]:
    """Metrics that any classification has."""
    accuracy = float(counts.accuracy())
    low, high = wilson(accuracy, effective_rows(inputs.weight, inputs.rows))
    kappa = float(counts.kappa())
    return [
        Metric(name="accuracy", title="accuracy", value=accuracy, low=low, high=high,
               constant=_majority(inputs, counts)),
        Metric(name="balanced_accuracy", title="balanced accuracy",
               value=float(counts.balanced_accuracy()), constant=1 / int((counts.support > 0).sum())),
        Metric(name="macro_f1", title="macro F1", value=float(counts.macro_f1())),
        Metric(name="weighted_f1", title="weighted F1", value=float(counts.weighted_f1())),
        Metric(name="mcc", title="Matthews correlation", value=float(counts.mcc()), constant=0.0, proportion=False),
        Metric(name="kappa", title="Cohen's kappa", value=finite(kappa), constant=0.0, proportion=False),
    ]  # fmt: skip


def _majority(inputs: Subject, counts: Counts) -> float:
    """Accuracy of always answering the most frequent class (of the training targets, where given)."""
    train = counts.support
    if inputs.train_target is not None:
        train = np.bincount(inputs.train_target, minlength=len(inputs.class_names))
    return float(counts.support[int(np.argmax(train))] / counts.support.sum())


def _top(inputs: Inputs) -> Metric:
    own = np.take_along_axis(inputs.prediction, inputs.target[:, None], axis=1)
    inside = (np.count_nonzero(inputs.prediction > own, axis=1) < TOP).astype(np.float64)
    share = float(np.average(inside, weights=inputs.weight))
    low, high = wilson(share, effective_rows(inputs.weight, inputs.rows))
    return Metric(name="top_5_accuracy", title="top-5 accuracy", value=share, low=low, high=high)


def _ece(confidence: np.ndarray, right: np.ndarray, weight: np.ndarray | None) -> Metric:
    value = calibration_error(confidence, right, weight, bins=CALIBRATION_BINS)
    return Metric(name="ece", title=f"expected calibration error ({CALIBRATION_BINS} bins)", value=value)


def _confidence(confidence: np.ndarray, weight: np.ndarray | None) -> Metric:
    low, high = normal(confidence, weight)
    value = float(np.average(confidence, weights=weight))
    return Metric(name="mean_confidence", title="mean confidence", value=value, low=low, high=high)


# --- multilabel ------------------------------------------------------------------------------------------------------
def _multilabel(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    p, target, weight = inputs.prediction, inputs.target, inputs.weight
    predicted = p if inputs.form == "labels" else (p > (0 if inputs.form == "logits" else 0.5)).astype(np.int64)
    counts = count_labels(target, predicted, weight)
    wrong = predicted != target
    exact = float(np.average(~wrong.any(axis=1), weights=weight))
    low, high = wilson(exact, effective_rows(weight, inputs.rows))
    f1, pooled = counts.f1(), counts.pooled_f1()
    metrics = [
        Metric(name="exact_match", title="exact match", value=exact, low=low, high=high),
        Metric(name="hamming_loss", title="Hamming loss", value=float(np.average(wrong.mean(axis=1), weights=weight)),
               constant=_hamming_of_majority(inputs)),
        Metric(name="micro_f1", title="micro F1", value=pooled),
        Metric(name="macro_f1", title="macro F1", value=float(np.mean(f1))),
        Metric(name="weighted_f1", title="weighted F1",
               value=float(np.sum(f1 * counts.support) / counts.support.sum()) if counts.support.any() else None),
    ]  # fmt: skip
    metrics = _with_intervals(metrics, resampling.of_labels(target, predicted, weight))
    metrics = _with_intervals(metrics, {"hamming_loss": normal(wrong.mean(axis=1), weight)})
    return metrics, None, class_scores(inputs.class_names, counts)


def _hamming_of_majority(inputs: Inputs) -> float:
    """Hamming loss of always answering each label's more frequent value."""
    train, weight = inputs.target, inputs.weight
    if inputs.train_target is not None:
        train, weight = inputs.train_target, None
    answer = np.average(train, axis=0, weights=weight) > 0.5
    return float(np.average((inputs.target != answer).mean(axis=1), weights=inputs.weight))


# --- regression ------------------------------------------------------------------------------------------------------
def _regression(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    error = inputs.prediction - inputs.target
    rows = error if error.ndim == 1 else error.mean(axis=1)
    low, high = normal(rows, inputs.weight)
    squared, absolute = _mean(inputs, "squared_error"), _mean(inputs, "absolute_error")
    spread = {n: normal(values_per_row(find(n), inputs), inputs.weight) for n in ("squared_error", "absolute_error")}
    metrics = [
        Metric(name="rmse", title="RMSE", value=squared[0] ** 0.5, constant=squared[1] ** 0.5, proportion=False),
        Metric(name="mae", title="MAE", value=absolute[0], constant=absolute[1], proportion=False),
        Metric(name="r2", title="R²", value=_r2(inputs), constant=0.0, proportion=False),
        Metric(name="bias", title="bias (mean error)", value=float(np.average(rows, weights=inputs.weight)),
               low=low, high=high, proportion=False),
        Metric(name="max_error", title="largest error", value=float(np.abs(error).max()), proportion=False),
    ]  # fmt: skip
    intervals = {"rmse": _roots(spread["squared_error"]), "mae": spread["absolute_error"], "r2": _r2_interval(inputs)}
    return _with_intervals(metrics, intervals), None, ()


def _roots(ends: resampling.Interval) -> resampling.Interval:
    low, high = ends
    return (None, None) if low is None or high is None else (max(0.0, low) ** 0.5, max(0.0, high) ** 0.5)


def _r2_interval(inputs: Inputs) -> resampling.Interval:
    """The interval of R² of one column, by the delta method; none for several, whose errors hang together."""
    if inputs.target.ndim > 1 or np.ptp(inputs.target) == 0:
        return None, None
    centre = float(np.average(inputs.target, weights=inputs.weight))
    rows = values_per_row(find("squared_error"), inputs)
    return resampling.of_ratio(rows, (inputs.target - centre) ** 2, inputs.weight)


def _mean(inputs: Inputs, name: str) -> tuple[float, float]:
    """Return a loss of the predictions and of the constant that is best for it."""
    loss, target, weight = find(name), inputs.target, inputs.weight
    train = (target, weight) if inputs.train_target is None else (inputs.train_target, None)
    constant = np.broadcast_to(best(loss, *train), target.shape)
    values = (call(loss, p, target, parameters={}, weight=weight) for p in (inputs.prediction, constant))
    first, second = map(float, values)
    return first, second


def _r2(inputs: Inputs) -> float | None:
    """R² against the mean of the target itself; the plain mean over the columns of several targets."""
    loss, target = find("squared_error"), inputs.target.reshape(inputs.rows, -1)
    prediction = inputs.prediction.reshape(target.shape)
    shares = []
    for k in range(target.shape[1]):
        constant = np.broadcast_to(best(loss, target[:, k], inputs.weight), inputs.rows)
        spread = call(loss, constant, target[:, k], parameters={}, weight=inputs.weight)
        if spread == 0 or np.ptp(target[:, k]) == 0:
            return None
        shares.append(1 - call(loss, prediction[:, k], target[:, k], parameters={}, weight=inputs.weight) / spread)
    return float(np.mean(shares))


_COMPUTE: dict[str, Any] = {
    "regression": _regression,
    "binary": _binary,
    "multiclass": _multiclass,
    "multilabel": _multilabel,
}
