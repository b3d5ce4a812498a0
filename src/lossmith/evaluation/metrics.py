"""The metrics of each task, computed from whole arrays; equal to scikit-learn's where it has them.

Counts come from ``bincount``, so the cost is one pass over the rows. Undefined is None here, where scikit-learn says 0
and warns; means over classes count it as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import load
from ..core import call
from ..losses import find
from . import metrics_multilabel, metrics_regression
from .calibration import calibration_error, error_interval, reliability
from .confusion import Counts, class_scores, most_confused, of_classes
from .curves import Ranking
from .influence import Cells, of_ranking
from .inputs import Inputs, Subject
from .intervals import effective_rows, of_mean, wilson
from .losses import best
from .result import ClassScore, Confusion, Metric, finite, with_intervals
from .states.calibration import Reliability

TOP = 5  # "top-5 accuracy", told above 2 * TOP classes
CALIBRATION_BINS = 15
_AREAS = 20_000_000  # scores (rows times classes) up to which the areas of each class are told


def compute(
    inputs: Inputs, *, k: int | None = None, level: float | None = None
) -> tuple[dict[str, Metric], Confusion | None, tuple[ClassScore, ...]]:
    """Return the metrics by name, the confusion and the scores per class.

    Args:
        inputs: The rows.
        k: Multiclass scores: tells top-k accuracy, too.
        level: Regression: that of the quantile which the predictions are meant to be.
    """
    if inputs.task == "regression":
        metrics, confusion, classes = metrics_regression.compute(inputs, level)
    elif inputs.task == "multilabel":
        metrics, confusion, classes = metrics_multilabel.compute(inputs)
    else:
        metrics, confusion, classes = _binary(inputs) if inputs.task == "binary" else _multiclass(inputs, k)
    return {m.name: m for m in metrics}, confusion, classes


# --- classification --------------------------------------------------------------------------------------------------
def _binary(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    p = inputs.prediction
    predicted = p if inputs.form == "labels" else (p > (0 if inputs.form == "logits" else 0.5)).astype(np.int64)
    counts = of_classes(inputs.target, predicted, len(inputs.class_names), inputs.weight)
    classes = class_scores(inputs.class_names, counts)
    metrics = [*shared(inputs, counts), *of_positive(classes)]
    if inputs.form != "labels":
        probability = load("numpy").sigmoid(p) if inputs.form == "logits" else p
        metrics += _ranked(inputs) + _binary_calibration(inputs, probability)
    cells = Cells.of_rows(inputs.target, predicted, inputs.weight, counts)
    metrics = with_intervals(metrics, cells.intervals())
    return metrics, most_confused(inputs.target, predicted, inputs.class_names, inputs.weight), classes


def of_positive(classes: Sequence[ClassScore]) -> list[Metric]:
    """Metrics of the positive class of two; the constant always answers it, the negative one for the specificity."""
    negative, positive = classes
    rows = negative.support + positive.support
    always = positive.support / rows if rows else None
    answer = None if always is None else 2 * always / (1 + always)
    return [
        Metric(name="precision", title=f"precision of {positive.name}", value=positive.precision,
               low=positive.precision_low, high=positive.precision_high, constant=always),
        Metric(name="recall", title=f"recall of {positive.name}", value=positive.recall,
               low=positive.recall_low, high=positive.recall_high, constant=1.0),
        Metric(name="f1", title=f"F1 of {positive.name}", value=positive.f1,
               low=positive.f1_low, high=positive.f1_high, constant=answer),
        Metric(name="specificity", title=f"specificity (recall of {negative.name})", value=negative.recall,
               low=negative.recall_low, high=negative.recall_high, constant=1.0),
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
    return with_intervals(found, of_ranking(ranking, inputs.weight, inputs.rows))


def _binary_calibration(inputs: Inputs, probability: np.ndarray) -> list[Metric]:
    target = inputs.target.astype(np.float64)
    squared = find("squared_error")
    brier = call(squared, probability, target, parameters={}, weight=inputs.weight)
    low, high = of_mean(call(squared, probability, target, parameters={}, reduction="none"), inputs.weight)
    train = (target, inputs.weight) if inputs.train_target is None else (inputs.train_target, None)
    constant = np.broadcast_to(best(squared, *train), target.shape)
    return [
        Metric(name="brier", title="Brier score", value=float(brier), low=low, high=high,
               constant=float(call(squared, constant, target, parameters={}, weight=inputs.weight))),
        _ece(probability, target, inputs.weight, calibration_error(constant, target, inputs.weight)),
        _confidence(np.maximum(probability, 1 - probability), inputs.weight),
    ]  # fmt: skip


def _multiclass(inputs: Inputs, k: int | None) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    hard = inputs.form == "labels"
    predicted = inputs.prediction if hard else inputs.prediction.argmax(axis=1)
    counts = of_classes(inputs.target, predicted, len(inputs.class_names), inputs.weight)
    metrics = shared(inputs, counts)
    if not hard:
        usual = [TOP] if len(inputs.class_names) > 2 * TOP else []
        metrics += [_top(inputs, n, counts) for n in dict.fromkeys([*usual, *([] if k is None else [k])])]
        p = load("numpy").softmax(inputs.prediction) if inputs.form == "logits" else inputs.prediction
        confidence = p.max(axis=1)
        right = (predicted == inputs.target).astype(np.float64)
        metrics += [_ece(confidence, right, inputs.weight), _confidence(confidence, inputs.weight)]
        metrics += _one_against_rest(inputs, p, counts)
    confusion = most_confused(inputs.target, predicted, inputs.class_names, inputs.weight)
    cells = Cells.of_rows(inputs.target, predicted, inputs.weight, counts)
    metrics = with_intervals(metrics, cells.intervals())
    return metrics, confusion, class_scores(inputs.class_names, counts)


def shared(inputs: Subject, counts: Counts) -> list[Metric]:
    """Metrics that any classification has."""
    accuracy = float(counts.accuracy())
    low, high = wilson(accuracy, inputs.effective)
    kappa = float(counts.kappa())
    constant = counts.always(int(np.argmax(_train_counts(inputs, counts))))
    return [
        Metric(name="accuracy", title="accuracy", value=accuracy, low=low, high=high,
               constant=float(constant.accuracy())),
        Metric(name="balanced_accuracy", title="balanced accuracy",
               value=float(counts.balanced_accuracy()), constant=1 / int((counts.support > 0).sum())),
        Metric(name="macro_f1", title="macro F1", value=float(counts.macro_f1()),
               constant=float(constant.macro_f1())),
        Metric(name="weighted_f1", title="weighted F1", value=float(counts.weighted_f1()),
               constant=float(constant.weighted_f1())),
        Metric(name="mcc", title="Matthews correlation", value=float(counts.mcc()), constant=0.0, proportion=False),
        Metric(name="kappa", title="Cohen's kappa", value=finite(kappa), constant=0.0, proportion=False),
    ]  # fmt: skip


def _train_counts(inputs: Subject, counts: Counts) -> np.ndarray:
    """Return how often each class occurs, among the training targets where they are given."""
    if inputs.train_target is None:
        return counts.support
    return np.bincount(inputs.train_target, minlength=len(inputs.class_names))


def _top(inputs: Inputs, k: int, counts: Counts) -> Metric:
    """Return how often the class is among the k of largest score; the constant names the k most frequent classes."""
    inside = among_top(inputs.prediction, inputs.target, k).astype(np.float64)
    share = float(np.average(inside, weights=inputs.weight))
    low, high = wilson(share, effective_rows(inputs.weight, inputs.rows))
    often = np.argsort(-_train_counts(inputs, counts), kind="stable")[:k]
    constant = float(counts.support[often].sum() / counts.support.sum())
    return Metric(
        name=f"top_{k}_accuracy", title=f"top-{k} accuracy", value=share, low=low, high=high, constant=constant
    )


def among_top(scores: np.ndarray, target: np.ndarray, k: int) -> np.ndarray:
    """Return whether the class of each row (N,) is among the k largest of its scores (N, C).

    Of equal scores that of the later class counts as the larger one, as in scikit-learn's ``top_k_accuracy_score``: a
    model that gives all classes the same score gets no more than one that always names the same k.
    """
    own = np.take_along_axis(scores, target[:, None], axis=1)
    before = np.count_nonzero(scores > own, axis=1)
    tied = np.flatnonzero((np.count_nonzero(scores == own, axis=1) > 1) & (before < k))
    later = np.arange(scores.shape[1]) > target[tied, None]
    before[tied] += np.count_nonzero((scores[tied] == own[tied]) & later, axis=1)
    return before < k


def _one_against_rest(inputs: Inputs, probability: np.ndarray, counts: Counts) -> list[Metric]:
    """Return the areas of each class against all others, averaged over the classes that occur."""
    shares = counts.support / counts.support.sum()
    both = np.flatnonzero((shares > 0) & (shares < 1))
    if both.size == 0 or inputs.rows * both.size > _AREAS:
        return []
    areas = metrics_multilabel.macro_areas(probability[:, both], inputs.target[:, None] == both, inputs.weight)
    return areas.metrics(float(shares[both].mean()))


def _ece(confidence: np.ndarray, right: np.ndarray, weight: np.ndarray | None, constant: float | None = None) -> Metric:
    found = reliability(confidence, right, weight, bins=CALIBRATION_BINS)
    return calibration_metric(found, effective_rows(weight, right.size), constant)


def calibration_metric(found: Reliability, rows: float, constant: float | None = None) -> Metric:
    """Return the expected calibration error of reliability bins that stand for so many rows."""
    low, _, high = error_interval(found, rows)
    title = f"expected calibration error ({CALIBRATION_BINS} bins)"
    return Metric(name="ece", title=title, value=found.error, low=low, high=high, constant=constant)


def _confidence(confidence: np.ndarray, weight: np.ndarray | None) -> Metric:
    low, high = of_mean(confidence, weight)
    value = float(np.average(confidence, weights=weight))
    return Metric(name="mean_confidence", title="mean confidence", value=value, low=low, high=high)
