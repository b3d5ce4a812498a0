"""The numbers by which predictions are compared, as functions of weights per row: what a bootstrap asks for.

A number is either the mean of one value per row, for which theory gives the interval of a difference, or something
else (an area, a root, a mean over classes), which the bootstrap evaluates again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import load
from ..core import call
from ..losses import find
from . import losses
from .confusion import Counts, count_labels, of_classes
from .curves import Ranking
from .inputs import Inputs

Of = Callable[[np.ndarray], float]  # weights (N,) → the number


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """One number of one set of predictions.

    Attributes:
        name: Key, alike for all predictions of a comparison.
        title: As written in running text.
        higher: Whether more is better.
        rows: (N,) values whose weighted mean the number is; None for other numbers.
        of: The number under weights per row; None where ``rows`` says it.
    """

    name: str
    title: str
    higher: bool
    rows: np.ndarray | None = None
    of: Of | None = None

    def value(self, weight: np.ndarray) -> float:
        """Return the number under weights (N,)."""
        if self.rows is not None:
            return float(np.sum(self.rows * weight) / weight.sum())
        assert self.of is not None
        return self.of(weight)


def scores(inputs: Inputs) -> dict[str, Score]:
    """Return the numbers by name, the one that decides first."""
    found = _numbers(inputs) if inputs.task == "regression" else _classes(inputs)
    return {s.name: s for s in found}


def _classes(inputs: Inputs) -> list[Score]:
    found = []
    if inputs.form != "labels":
        found.append(Score(name="log_loss", title="cross-entropy", higher=False, rows=losses.per_row(inputs)))
    predicted = answers(inputs)
    if inputs.task == "multilabel":
        return found + _labels(inputs, predicted)
    right = (predicted == inputs.target).astype(np.float64)
    found.append(Score(name="accuracy", title="accuracy", higher=True, rows=right))
    classes = len(inputs.class_names)

    def counted(of: Callable[[Counts], float]) -> Of:
        return lambda weight: float(of(of_classes(inputs.target, predicted, classes, weight)))

    found += [
        Score(name="balanced_accuracy", title="balanced accuracy", higher=True, of=counted(Counts.balanced_accuracy)),
        Score(name="macro_f1", title="macro F1", higher=True, of=counted(Counts.macro_f1)),
        Score(name="mcc", title="Matthews correlation", higher=True, of=counted(Counts.mcc)),
    ]
    return found + (_binary(inputs) if inputs.task == "binary" and inputs.form != "labels" else [])


def answers(inputs: Inputs) -> np.ndarray:
    """Return the classes (N,) or the labels (N, L) that are predicted, at a threshold of one half."""
    p = inputs.prediction
    if inputs.form == "labels":
        return p
    return (
        p.argmax(axis=1) if inputs.task == "multiclass" else (p > (0 if inputs.form == "logits" else 0.5)).astype(int)
    )


def _binary(inputs: Inputs) -> list[Score]:
    p, ranking = inputs.prediction, Ranking(inputs.target, inputs.prediction)
    probability = load("numpy").sigmoid(p) if inputs.form == "logits" else p
    target = inputs.target.astype(np.float64)
    brier = call(find("squared_error"), probability, target, parameters={}, reduction="none")
    return [
        Score(name="brier", title="Brier score", higher=False, rows=np.asarray(brier)),
        Score(name="auc", title="ROC AUC", higher=True, of=ranking.auc),
        Score(name="average_precision", title="average precision", higher=True, of=ranking.average_precision),
    ]


def _labels(inputs: Inputs, predicted: np.ndarray) -> list[Score]:
    wrong = predicted != inputs.target

    def micro(weight: np.ndarray) -> float:
        pooled = count_labels(inputs.target, predicted, weight).pooled_f1()
        return np.nan if pooled is None else pooled

    def macro(weight: np.ndarray) -> float:
        return float(np.mean(count_labels(inputs.target, predicted, weight).f1()))

    return [
        Score(name="exact_match", title="exact match", higher=True, rows=1.0 - wrong.any(axis=1)),
        Score(name="hamming_loss", title="Hamming loss", higher=False, rows=wrong.mean(axis=1)),
        Score(name="micro_f1", title="micro F1", higher=True, of=micro),
        Score(name="macro_f1", title="macro F1", higher=True, of=macro),
    ]


def _numbers(inputs: Inputs) -> list[Score]:
    columns = inputs.target.reshape(inputs.rows, -1)
    squared, absolute = (losses.values_per_row(find(n), inputs) for n in ("squared_error", "absolute_error"))
    by_column = (inputs.prediction.reshape(columns.shape) - columns) ** 2

    def rmse(weight: np.ndarray) -> float:
        return float(np.sum(weight * squared) / weight.sum()) ** 0.5

    def r2(weight: np.ndarray) -> float:
        share = weight / weight.sum()
        spread = share @ (columns - share @ columns) ** 2
        return float(np.mean(1 - share @ by_column / spread)) if (spread > 0).all() else np.nan

    return [
        Score(name="squared_error", title="squared error", higher=False, rows=squared),
        Score(name="absolute_error", title="absolute error", higher=False, rows=absolute),
        Score(name="rmse", title="RMSE", higher=False, of=rmse),
        Score(name="r2", title="R²", higher=True, of=r2),
    ]
