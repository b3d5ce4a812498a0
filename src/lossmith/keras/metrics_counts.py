"""Metrics of answers: functions of the confusion matrix, by the formulas of ``lossmith.evaluate``."""

from __future__ import annotations

import math
from typing import Any

import keras

from ..evaluation.counts import AVERAGES, Counts
from .metrics_base import Metric, check, counted, many_classes, poisoned, register, share, two_classes

ops = keras.ops


@register
class ConfusionMatrix(Metric):
    """Sums of weights (C, C): rows are true, columns predicted.

    Args:
        classes: How many.
        threshold: Of one score per row: above it the answer is 1.
        from_logits: Whether single scores are logits; the threshold stays a probability.
        name: As in Keras; ``dtype`` likewise.

    ``y_pred`` holds scores (…, classes), or of two classes one score per label.
    """

    def __init__(
        self, classes: int = 2, threshold: float = 0.5, from_logits: bool = False, name: Any = None, dtype: Any = None,
        **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype, classes=classes, threshold=threshold, from_logits=from_logits, **more)
        check("classes", classes >= 2, classes, "2 or more")
        check("threshold", 0 < threshold < 1, threshold, "a probability between 0 and 1")
        self.classes = classes
        self._cut = math.log(threshold / (1 - threshold)) if from_logits else threshold
        self._sum("cells", (classes * classes,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        shape = tuple(ops.convert_to_tensor(y_pred).shape)
        if self.classes == 2 and (shape[-1] != 2 or len(shape) == 1):
            label, score, weight = two_classes(y_true, y_pred, sample_weight)
            label, answer = ops.cast(label, "int32"), ops.cast(score > self._cut, "int32")
        else:
            label, scores, weight = many_classes(y_true, y_pred, sample_weight, self.classes)
            answer = ops.cast(ops.argmax(scores, axis=-1), "int32")
        inside = ops.logical_and(label >= 0, label < self.classes)
        index = ops.where(inside, label * self.classes + answer, 0)
        self._add("cells", counted(index, poisoned(weight, inside), self.classes**2))

    def _matrix(self) -> Any:
        return ops.reshape(self._total("cells"), (self.classes, self.classes))

    def _counts(self) -> Counts:
        return Counts.of_matrix(self._matrix(), ops)

    def result(self) -> Any:
        """Return the number; 0 where nothing was seen, as Keras' metrics do."""
        return self._matrix()

    def _told(self, value: Any) -> Any:
        seen = ops.sum(self._total("cells"))
        return ops.where(ops.equal(seen, 0), ops.zeros_like(value), value)


@register
class Accuracy(ConfusionMatrix):
    """Share of the rows that are right."""

    def result(self) -> Any:
        """Return the share."""
        counts = self._counts()
        return share(ops.sum(counts.hits), ops.sum(counts.support))


@register
class BalancedAccuracy(ConfusionMatrix):
    """Mean recall of the classes that occur."""

    def result(self) -> Any:
        """Return the mean."""
        return self._told(self._counts().balanced_accuracy())


@register
class MCC(ConfusionMatrix):
    """Matthews' correlation coefficient."""

    def result(self) -> Any:
        """Return the coefficient."""
        return self._told(self._counts().mcc())


@register
class CohenKappa(ConfusionMatrix):
    """Cohen's kappa: accuracy beyond that of answers drawn with the same shares."""

    def result(self) -> Any:
        """Return kappa."""
        return self._told(self._counts().kappa())


@register
class MeanIoU(ConfusionMatrix):
    """Mean intersection over union of the classes that occur or are predicted, of all pixels together.

    ``y_pred`` holds scores (…, classes); of two classes also one score per pixel.
    """

    def result(self) -> Any:
        """Return the mean."""
        return self._told(self._counts().mean_iou())


class AveragedMetric(ConfusionMatrix):
    """A number per class, averaged; see :class:`Precision`."""

    of = ""

    def __init__(
        self, classes: int = 2, average: str | None = None, threshold: float = 0.5, from_logits: bool = False,
        name: Any = None, dtype: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(classes, threshold, from_logits, name, dtype, average=average, **more)
        known = average is None or (average in AVERAGES and (average != "positive" or classes == 2))
        check("average", known, average, f"one of {', '.join(map(repr, AVERAGES))} ('positive' of two classes)")
        self.average = average or ("positive" if classes == 2 else "macro")

    def result(self) -> Any:
        """Return the average."""
        parameters = {"beta": self._settings["beta"]} if self.of == "fbeta" else {}
        return self._told(self._counts().averaged(self.of, self.average, **parameters))


@register
class Precision(AveragedMetric):
    """Share of what is predicted as a class that is it.

    Args:
        classes: How many.
        average: "positive" (class 1 of two), "macro", "micro" or "weighted" as in scikit-learn; None is "positive" of
            two classes and "macro" of more.
        threshold: As for :class:`ConfusionMatrix`, and so are the others.
    """

    of = "precision"


@register
class Recall(AveragedMetric):
    """Share of a class that is found; arguments as for :class:`Precision`."""

    of = "recall"


@register
class FBeta(AveragedMetric):
    """F-beta, the weighted harmonic mean of precision and recall, F1 by default; arguments as for :class:`Precision`.

    Args:
        classes: How many.
        beta: How many times as much recall counts as precision.
        options: As for :class:`Precision`.
    """

    of = "fbeta"

    def __init__(self, classes: int = 2, beta: float = 1.0, **options: Any) -> None:
        check("beta", beta > 0, beta, "a positive number")
        super().__init__(classes, beta=float(beta), **options)
