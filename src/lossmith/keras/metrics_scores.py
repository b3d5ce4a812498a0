"""Metrics of scores and of numbers: areas under curves, losses, calibration, R²."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..arrays import load
from ..core import call
from ..errors import DomainError
from ..evaluation.arrays import to_numpy
from ..evaluation.calibration import of_gaps
from ..evaluation.curves import areas
from ..evaluation.moments import Spread
from ..evaluation.states import Bracket, ScoreHistogram
from ..losses import find
from .metrics_base import Metric, check, counted, many_classes, poisoned, register, share, two_classes

ops = keras.ops


def _row_values(name: str, prediction: Any, target: Any) -> Any:
    loss, xp = find(name), load(keras.backend.backend())
    options: dict[str, Any] = {"parameters": loss.defaults, "reduction": "none", "xp": xp, "check": "labels"}
    return call(loss, prediction, target, **options)


@register
class AUROC(Metric):
    """Area under the ROC curve, from a histogram of fixed size with a guaranteed bracket.

    Args:
        from_logits: Whether scores are any numbers (logits); else they are probabilities.
        keep: Bits of the score's mantissa that decide on its bin: 2**keep bins for each power of two.
        name: As in Keras; ``dtype`` likewise.

    ``y_pred`` holds one score per label 0 or 1.
    """

    _area = "auc"

    def __init__(self, from_logits: bool = False, keep: int = 9, name: Any = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, from_logits=from_logits, keep=keep)
        self._histogram = ScoreHistogram("value" if from_logits else "probability", keep=keep)
        half = self._histogram.half
        edges = self._histogram.edges()
        sizes = edges[half : 2 * half] if from_logits else edges[:half]
        self._sizes = sizes.astype(np.float32)  # exact, as edges have few bits
        self._sum("cells", (4 * half,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        label, score, weight = two_classes(y_true, y_pred, sample_weight)
        bins = 2 * self._histogram.half
        good = ops.logical_and(ops.equal(score, score), ops.logical_or(ops.equal(label, 0), ops.equal(label, 1)))
        if not self._settings["from_logits"]:
            good = ops.logical_and(good, ops.logical_and(score >= 0, score <= 1))
        place = self._bins(ops.where(good, score, ops.zeros_like(score)))
        self._add("cells", counted(place + ops.where(label > 0, bins, 0), poisoned(weight, good), 2 * bins))

    def _bins(self, score: Any) -> Any:
        """Return the bin of each score, as ``ScoreHistogram.bins_of`` has them."""
        half = self._histogram.half
        if self._histogram.settings["scale"] == "probability":
            upper = score >= 0.5
            inner = self._inner(ops.where(upper, 1.0 - score, score))
            return ops.where(upper, 2 * half - 1 - inner, inner)
        inner = self._inner(ops.abs(score))
        return ops.where(score < 0, half - 1 - inner, half + inner)

    def _inner(self, size: Any) -> Any:
        found = ops.searchsorted(ops.convert_to_tensor(self._sizes), size, side="right")
        return ops.clip(ops.cast(found, "int32") - 1, 0, self._histogram.half - 1)

    def result(self) -> Any:
        """Return the area; 0 where one kind of row is missing."""
        negative, positive = ops.reshape(self._total("cells"), (2, -1))
        none = ops.equal(ops.sum(negative) * ops.sum(positive), 0)
        sides = (ops.flip(ops.where(none, ops.ones_like(x), x)) for x in (positive, negative))
        return ops.where(none, 0.0, areas(ops, *sides)[self._area])

    def bracket(self) -> Bracket | None:
        """Return the number with the bounds between which that of the unbinned scores certainly lies.

        Without weights; None where one kind of row is missing. Not inside of a compiled function.

        Raises:
            DomainError: A label was not 0 or 1, or a score was NaN or no probability.
        """
        counts = to_numpy("counts", self._total("cells"))
        if not np.isfinite(counts).all():
            raise DomainError("a label was not 0 or 1, or a score was none; the bounds are not known")
        state = self._histogram.empty()
        parts: dict[str, Any] = state.parts
        parts["counts"].values[:] = np.rint(counts)
        bins = 2 * self._histogram.half
        parts["extremes"].fold(np.zeros(bins), np.ones(bins))  # which scores a bin holds is not kept here
        return getattr(state.result(), self._area)


@register
class AveragePrecision(AUROC):
    """Average precision, the area under the precision-recall curve; arguments as for :class:`AUROC`."""

    _area = "average_precision"


class WeightedMean(Metric):
    """The weighted mean of one value per row or element."""

    higher_is_better = False

    def __init__(self, name: Any = None, dtype: Any = None, **settings: Any) -> None:
        super().__init__(name, dtype, **settings)
        self._sum("total")
        self._sum("weight")

    def _add_rows(self, values: Any, weight: Any) -> None:
        values = ops.where(weight > 0, values, ops.zeros_like(values))
        self._add("total", ops.sum(values * weight))
        self._add("weight", ops.sum(weight))

    def result(self) -> Any:
        """Return the mean; 0 where nothing was seen, as Keras' metrics do."""
        return share(self._total("total"), self._total("weight"))


@register
class LogLoss(WeightedMean):
    """Mean cross-entropy of labels, in nats.

    Args:
        from_logits: Whether scores are logits; else they are probabilities.
        name: As in Keras; ``dtype`` likewise.

    ``y_pred`` holds scores (…, C) of two or more classes, or one score per label of two classes.
    """

    def __init__(self, from_logits: bool = False, name: Any = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, from_logits=from_logits)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        logits, shape = self._settings["from_logits"], tuple(ops.convert_to_tensor(y_pred).shape)
        if len(shape) == 1 or shape[-1] == 1:
            label, score, weight = two_classes(y_true, y_pred, sample_weight)
            name = "sigmoid_cross_entropy" if logits else "binary_cross_entropy"
        else:
            label, score, weight = many_classes(y_true, y_pred, sample_weight)
            name = "softmax_cross_entropy" if logits else "categorical_cross_entropy"
            label = ops.where(weight > 0, label, ops.zeros_like(label))  # labels that do not count may be any number
        self._add_rows(_row_values(name, score, label), weight)


@register
class Perplexity(LogLoss):
    """exp of the mean loss per token.

    Args:
        from_logits: Whether predictions are logits; else they are probabilities.
        ignore_class: The label of tokens that do not count, or None.
        name: As in Keras; ``dtype`` likewise.

    ``y_pred`` is (N, T, V), ``y_true`` (N, T).
    """

    def __init__(
        self, from_logits: bool = True, ignore_class: int | None = -100, name: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(from_logits, name, dtype)
        self._settings["ignore_class"] = ignore_class

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        label, score, weight = many_classes(y_true, y_pred, sample_weight)
        if self._settings["ignore_class"] is not None:
            weight = ops.where(ops.equal(label, self._settings["ignore_class"]), ops.zeros_like(weight), weight)
        label = ops.where(weight > 0, label, ops.zeros_like(label))
        name = "softmax_cross_entropy" if self._settings["from_logits"] else "categorical_cross_entropy"
        self._add_rows(_row_values(name, score, label), weight)

    def result(self) -> Any:
        """Return the perplexity; 1 where nothing was seen."""
        return ops.exp(super().result())


@register
class Brier(WeightedMean):
    """Mean squared error of the probability of class 1.

    Args:
        from_logits: Whether scores are logits; else they are probabilities.
        name: As in Keras; ``dtype`` likewise.
    """

    def __init__(self, from_logits: bool = False, name: Any = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, from_logits=from_logits)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        label, score, weight = two_classes(y_true, y_pred, sample_weight)
        p = ops.sigmoid(score) if self._settings["from_logits"] else score
        self._add_rows(_row_values("squared_error", p, label), weight)


@register
class MAE(WeightedMean):
    """Mean absolute error."""

    _name_of_loss = "absolute_error"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        target, prediction, weight = two_classes(y_true, y_pred, sample_weight)
        self._add_rows(_row_values(self._name_of_loss, prediction, target), weight)


@register
class RMSE(MAE):
    """Root of the mean squared error."""

    _name_of_loss = "squared_error"

    def result(self) -> Any:
        """Return the root."""
        return ops.sqrt(super().result())


@register
class R2(Metric):
    """R²: 1 - squared error / squared distance from the mean of the target, of one number per row."""

    _seen_weight: Any
    _seen_mean: Any
    _seen_squares: Any

    def __init__(self, name: Any = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._sum("error")
        for part in ("weight", "mean", "squares"):
            setattr(self, f"_seen_{part}", self.add_weight(shape=(), initializer="zeros", dtype="float32", name=part))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        target, prediction, weight = two_classes(y_true, y_pred, sample_weight)
        total = ops.sum(weight)
        target = ops.where(weight > 0, target, ops.zeros_like(target))
        mean = share(ops.sum(weight * target), total)
        squares = ops.sum(weight * _row_values("squared_error", target, mean + ops.zeros_like(target)))
        errors = _row_values("squared_error", ops.where(weight > 0, prediction, target), target)
        seen = Spread(*(ops.convert_to_tensor(getattr(self, f"_seen_{n}")) for n in ("weight", "mean", "squares")))
        both = seen.merge(Spread(total, mean, squares), ops)
        self._seen_weight.assign(both.weight)
        self._seen_mean.assign(both.mean)
        self._seen_squares.assign(both.squares)
        self._add("error", ops.sum(weight * errors))

    def result(self) -> Any:
        """Return R²; 0 where the targets do not differ."""
        squares = ops.convert_to_tensor(self._seen_squares)
        return ops.where(ops.equal(squares, 0), 0.0, 1 - share(self._total("error"), squares))


@register
class CalibrationError(Metric):
    """Expected calibration error, in bins of equal width of the probability.

    Args:
        bins: How many.
        from_logits: Whether scores are logits; else they are probabilities.
        name: As in Keras; ``dtype`` likewise.

    ``y_pred`` holds one score per label of two classes, or scores (…, C), of which the largest is looked at.
    """

    higher_is_better = False

    def __init__(self, bins: int = 15, from_logits: bool = False, name: Any = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, bins=bins, from_logits=from_logits)
        check("bins", bins >= 1, bins, "1 or more")
        self._sum("gaps", (bins,))
        self._sum("weight")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Look at a batch."""
        logits, shape = self._settings["from_logits"], tuple(ops.convert_to_tensor(y_pred).shape)
        if len(shape) == 1 or shape[-1] == 1:
            label, score, weight = two_classes(y_true, y_pred, sample_weight)
            p, outcome = (ops.sigmoid(score) if logits else score), label
        else:
            label, scores, weight = many_classes(y_true, y_pred, sample_weight)
            p = ops.max(ops.softmax(scores) if logits else scores, axis=-1)
            outcome = ops.cast(ops.equal(ops.cast(ops.argmax(scores, axis=-1), "int32"), label), "float32")
        bins = self._settings["bins"]
        index = ops.clip(ops.cast(p * bins, "int32"), 0, bins - 1)
        gaps = ops.where(weight > 0, (p - outcome) * weight, ops.zeros_like(p))
        self._add("gaps", counted(index, gaps, bins))  # a NaN stays one
        self._add("weight", ops.sum(weight))

    def result(self) -> Any:
        """Return the error; 0 where nothing was seen, as Keras' metrics do."""
        weight = self._total("weight")
        return of_gaps(ops, self._total("gaps"), ops.where(ops.equal(weight, 0), 1.0, weight))
