"""Metrics of answers: functions of the confusion matrix, by the formulas of ``lossmith.evaluate``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from ..evaluation.counts import AVERAGES, Counts
from .metrics_base import Metric, count_cells, odd_labels


class ConfusionMatrix(Metric):
    """Counts (C, C): rows are true, columns predicted.

    Args:
        classes: How many.
        threshold: Binary scores alone: above it the answer is 1.
        from_logits: Whether binary scores are logits; the threshold stays a probability.
        ignore_index: A label that does not count.
        sync: As for :class:`Metric`; ``process_group`` likewise.

    ``update`` takes (N, C, …) scores, of two classes also (N, …) scores, or (N, …) labels; and (N, …) target labels.
    """

    cells: Tensor

    def __init__(
        self,
        classes: int = 2,
        *,
        threshold: float = 0.5,
        from_logits: bool = False,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if classes < 2:
            raise InputError(f"classes is {classes}; expected 2 or more")
        if not 0 < threshold < 1:
            raise InputError(f"threshold is {threshold}; expected a probability between 0 and 1")
        self.classes, self.ignore_index = classes, ignore_index
        self.threshold = math.log(threshold / (1 - threshold)) if from_logits else threshold
        self._keep("cells", (classes * classes + 1,))  # the last one: labels out of range

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        answer = self._answers(prediction, target)
        target = target.reshape(-1).to(torch.int64)
        answer = answer.reshape(-1).to(torch.int64)
        inside = (target >= 0) & (target < self.classes) & (answer >= 0) & (answer < self.classes)
        index = torch.where(inside, target * self.classes + answer, self.classes**2)
        if self.ignore_index is not None:
            index = index[target != self.ignore_index]
        found = count_cells(index, self.classes**2 + 1)
        if found.device.type == "cpu" and found[-1]:
            raise odd_labels(int(found[-1]), self.classes)
        self.cells += found

    def _answers(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the labels that are predicted, of the target's shape."""
        if prediction.ndim == target.ndim + 1 and prediction.shape[1] == self.classes:
            prediction = prediction.argmax(dim=1)
        elif prediction.shape == target.shape and prediction.is_floating_point() and self.classes == 2:
            return prediction > self.threshold
        if prediction.shape != target.shape or prediction.is_floating_point():
            scores = f"(N, {self.classes}, …) scores" + (", (N, …) scores" if self.classes == 2 else "")
            raise ShapeError(
                f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; expected {scores} "
                "or (N, …) labels, and (N, …) target labels"
            )
        return prediction

    def counts(self) -> Counts:
        """Return the counts per class of what was seen on this rank.

        Raises:
            LabelError: Labels were out of range.
        """
        cells = self.cells.cpu().numpy()
        if cells[-1]:
            raise odd_labels(int(cells[-1]), self.classes)
        return Counts.of_matrix(cells[:-1].reshape(self.classes, self.classes))

    def _result(self) -> Any:
        self.counts()
        return self.cells[:-1].cpu().numpy().reshape(self.classes, self.classes)


class Accuracy(ConfusionMatrix):
    """Share of the rows that are right."""

    higher_is_better = True

    def _result(self) -> Any:
        return self.counts().accuracy()


class BalancedAccuracy(ConfusionMatrix):
    """Mean recall of the classes that occur."""

    higher_is_better = True

    def _result(self) -> Any:
        return self.counts().balanced_accuracy()


class MCC(ConfusionMatrix):
    """Matthews' correlation coefficient."""

    higher_is_better = True

    def _result(self) -> Any:
        return self.counts().mcc()


class CohenKappa(ConfusionMatrix):
    """Cohen's kappa: accuracy beyond that of answers drawn with the same shares."""

    higher_is_better = True

    def _result(self) -> Any:
        return self.counts().kappa()


class MeanIoU(ConfusionMatrix):
    """Mean intersection over union of the classes that occur or are predicted, of all pixels together."""

    higher_is_better = True

    def _result(self) -> Any:
        return self.counts().mean_iou()


class _Averaged(ConfusionMatrix):
    """A number per class, averaged.

    Args:
        classes: How many.
        average: "positive" (class 1 of two), "macro", "micro" or "weighted" as in scikit-learn; None for one number
            per class. By default "positive" of two classes and "macro" of more.
        options: As for :class:`ConfusionMatrix`.
    """

    higher_is_better = True
    of = ""

    def __init__(self, classes: int = 2, *, average: str | None = "", **options: Any) -> None:
        super().__init__(classes, **options)
        if average not in (*AVERAGES, "", None) or (average == "positive" and classes != 2):
            raise InputError(
                f"average is {average!r} of {classes} classes; expected {', '.join(map(repr, AVERAGES))} ('positive' "
                "of two classes) or None"
            )
        self.average = ("positive" if classes == 2 else "macro") if average == "" else average
        self.parameters_of: dict[str, float] = {}

    def _result(self) -> Any:
        counts = self.counts()
        if not counts.support.any():
            return math.nan
        if self.average is None:
            return getattr(counts, self.of)(**self.parameters_of)
        return counts.averaged(self.of, self.average, **self.parameters_of)


class Precision(_Averaged):
    """Share of what is predicted as a class that is it."""

    of = "precision"


class Recall(_Averaged):
    """Share of a class that is found."""

    of = "recall"


class FBeta(_Averaged):
    """F-beta, the weighted harmonic mean of precision and recall; F1 by default.

    Args:
        classes: How many.
        beta: How many times as much recall counts as precision.
        options: ``average`` as for :class:`Precision`, others as for :class:`ConfusionMatrix`.
    """

    of = "fbeta"

    def __init__(self, classes: int = 2, beta: float = 1.0, **options: Any) -> None:
        super().__init__(classes, **options)
        if not beta > 0:
            raise InputError(f"beta is {beta}; expected a positive number")
        self.parameters_of = {"beta": float(beta)}
