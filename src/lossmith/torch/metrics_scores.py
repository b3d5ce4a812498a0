"""Metrics of scores: areas under curves, losses of labels, calibration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import call
from ..errors import DomainError, InputError, ShapeError
from ..evaluation.calibration import of_gaps
from ..evaluation.states import Bracket, ScoreHistogram
from ..losses import find
from .metrics_base import MeanMetric, Metric, count_cells


class AUROC(Metric):
    """Area under the ROC curve, from a histogram of fixed size with a guaranteed bracket.

    Args:
        from_logits: Whether scores are any numbers (logits); else they are probabilities.
        keep: Bits of the score's mantissa that decide on its bin: 2**keep bins for each power of two.
        ignore_index: A label that does not count.
        options: As for :class:`Metric`.

    ``update`` takes (N, …) scores and (N, …) labels 0 and 1.
    """

    higher_is_better = True
    _area = "auc"
    cells: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self, *, from_logits: bool = False, keep: int = 9, ignore_index: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._histogram = ScoreHistogram("value" if from_logits else "probability", keep=keep)
        self.ignore_index = ignore_index
        bins = 2 * self._histogram.half
        self._keep("cells", (2 * bins + 1,))  # negatives, positives, odd rows
        self._keep("low", (bins,), torch.float64, math.inf)
        self._keep("high", (bins,), torch.float64, -math.inf)

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        score, target = _of_two(prediction, target, self.ignore_index)
        score = score.to(torch.float64)
        probability = self._histogram.settings["scale"] == "probability"
        bins = 2 * self._histogram.half
        good = (target == 0) | (target == 1)
        good &= (score >= 0) & (score <= 1) if probability else ~score.isnan()
        place = self._bins(torch.where(good, score, 0.0))
        found = count_cells(torch.where(good, place + target.to(torch.int64) * bins, 2 * bins), 2 * bins + 1)
        if found.device.type == "cpu" and found[-1]:
            raise self._odd(int(found[-1]))
        self.cells += found
        self.low.scatter_reduce_(0, place, torch.where(good, score, math.inf), "amin")
        self.high.scatter_reduce_(0, place, torch.where(good, score, -math.inf), "amax")

    def _bins(self, score: Tensor) -> Tensor:
        """Return the bin of each score, as ``ScoreHistogram.bins_of`` has them."""
        half = self._histogram.half
        if self._histogram.settings["scale"] == "probability":
            upper = score >= 0.5
            inner = self._top(torch.where(upper, 1.0 - score, score))
            return torch.where(upper, 2 * half - 1 - inner, inner)
        inner = self._top(score.abs())
        return torch.where(score < 0, half - 1 - inner, half + inner)

    def _top(self, size: Tensor) -> Tensor:
        bits = size.abs().view(torch.int64) >> (52 - self._histogram.settings["keep"])
        return (bits - self._histogram.first_bits).clamp(0, self._histogram.half - 1)

    def _odd(self, count: int) -> DomainError:
        wanted = "numbers" if self._histogram.settings["scale"] == "value" else "probabilities (or from_logits=True)"
        return DomainError(f"{count} rows have a label that is not 0 or 1, or a score that is none; expected {wanted}")

    def _filled(self) -> ScoreHistogram:
        cells = self.cells.cpu().numpy()
        if cells[-1]:
            raise self._odd(int(cells[-1]))
        state = self._histogram.empty()
        parts: dict[str, Any] = state.parts
        parts["counts"].values[:] = cells[:-1]
        parts["extremes"].fold(self.low.cpu().numpy(), self.high.cpu().numpy())
        return state

    def bracket(self) -> Bracket | None:
        """Return the number with the bounds between which that of the unbinned scores certainly lies.

        None where one kind of row is missing. Over all ranks as ``compute``.
        """
        whole = self.whole()
        return getattr(whole._filled().result(), self._area)

    def _result(self) -> Any:
        found = getattr(self._filled().result(), self._area)
        return math.nan if found is None else found.value


class AveragePrecision(AUROC):
    """Average precision, the area under the precision-recall curve; arguments as for :class:`AUROC`."""

    _area = "average_precision"


def _of_two(prediction: Tensor, target: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """Return scores and labels of two classes that count, (M,) both."""
    if prediction.shape != target.shape or not prediction.is_floating_point():
        raise ShapeError(
            f"prediction has shape {tuple(prediction.shape)} and dtype {prediction.dtype}, target has shape "
            f"{tuple(target.shape)}; expected one score per label: prediction[:, 1] of two columns"
        )
    return _counting(prediction.reshape(-1), target.reshape(-1), ignore_index)


def _counting(scores: Tensor, label: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """Return the rows of scores (M, …) and labels (M,) that are not ignored."""
    if ignore_index is None:
        return scores, label
    keep = label != ignore_index
    return scores[keep], label[keep]


class LogLoss(MeanMetric):
    """Mean cross-entropy of labels, in nats.

    Args:
        from_logits: Whether scores are logits; else they are probabilities.
        ignore_index: A label that does not count.
        options: As for :class:`Metric`.

    ``update`` takes (N, C, …) scores, or (N, …) scores of two classes, and (N, …) labels.
    """

    higher_is_better = False
    _names = ("binary_cross_entropy", "categorical_cross_entropy", "sigmoid_cross_entropy", "softmax_cross_entropy")

    def __init__(self, *, from_logits: bool = False, ignore_index: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.from_logits, self.ignore_index = from_logits, ignore_index

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        classes = prediction.ndim == target.ndim + 1
        loss = find(self._names[2 * self.from_logits + classes])
        rows_of = _rows_of_classes if classes else _of_two
        score, label = rows_of(prediction, target, self.ignore_index)
        if not classes:
            label = label.to(score.dtype)
        if label.numel():
            self._add(call(loss, score, label, parameters=loss.defaults, reduction="none"))


class Perplexity(LogLoss):
    """exp of the mean loss per token.

    Args:
        from_logits: Whether predictions are logits; else they are probabilities.
        ignore_index: The label of tokens that do not count.
        options: As for :class:`Metric`.

    ``update`` takes (N, T, V) predictions, classes last as language models have them, and (N, T) token ids; also (T, V)
    and (T,).
    """

    def __init__(self, *, from_logits: bool = True, ignore_index: int | None = -100, **options: Any) -> None:
        super().__init__(from_logits=from_logits, ignore_index=ignore_index, **options)

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        if prediction.shape[:-1] != target.shape:
            raise ShapeError(
                f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; expected (…, V) and "
                "(…), the vocabulary last"
            )
        super()._look(prediction.reshape(-1, prediction.shape[-1]), target.reshape(-1))

    def _result(self) -> Any:
        return np.exp(self._mean())


def _rows_of_classes(prediction: Tensor, target: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """Return scores (M, C) and labels (M,) that count."""
    if prediction.shape[:1] + prediction.shape[2:] != target.shape or target.is_floating_point():
        raise ShapeError(
            f"prediction has shape {tuple(prediction.shape)}, target has shape {tuple(target.shape)} and dtype "
            f"{target.dtype}; expected (N, C, …) scores and (N, …) labels"
        )
    return _counting(prediction.movedim(1, -1).reshape(-1, prediction.shape[1]), target.reshape(-1), ignore_index)


class Brier(MeanMetric):
    """Mean squared error of the probability of class 1.

    Args:
        from_logits: Whether scores are logits; else they are probabilities.
        ignore_index: A label that does not count.
        options: As for :class:`Metric`.

    ``update`` takes (N, …) scores and (N, …) labels 0 and 1.
    """

    higher_is_better = False

    def __init__(self, *, from_logits: bool = False, ignore_index: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.from_logits, self.ignore_index = from_logits, ignore_index

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        score, label = _of_two(prediction, target, self.ignore_index)
        p = score.to(torch.float64)
        p = p.sigmoid() if self.from_logits else p
        if label.numel():
            self._add(call(find("squared_error"), p, label.to(p.dtype), parameters={}, reduction="none"))


class CalibrationError(Metric):
    """Expected calibration error, in bins of equal width of the probability.

    Args:
        bins: How many.
        from_logits: Whether scores are logits; else they are probabilities.
        ignore_index: A label that does not count.
        options: As for :class:`Metric`.

    ``update`` takes (N, …) scores of class 1, or (N, C, …) scores, of which the answer's probability is looked at; and
    (N, …) labels.
    """

    higher_is_better = False
    rows: Tensor
    gaps: Tensor

    def __init__(
        self, bins: int = 15, *, from_logits: bool = False, ignore_index: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if bins < 1:
            raise InputError(f"bins is {bins}; expected 1 or more")
        self.bins, self.from_logits, self.ignore_index = bins, from_logits, ignore_index
        self._keep("rows")
        self._keep("gaps", (bins,), torch.float64)

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        if prediction.ndim == target.ndim + 1:
            scores, label = _rows_of_classes(prediction, target, self.ignore_index)
            wide = scores.to(torch.float64)
            p, answer = (wide.softmax(dim=1) if self.from_logits else wide).max(dim=1)
            outcome = (answer == label).to(p.dtype)
        else:
            score, label = _of_two(prediction, target, self.ignore_index)
            wide = score.to(torch.float64)
            p, outcome = (wide.sigmoid() if self.from_logits else wide), label.to(wide.dtype)
        index = (p * self.bins).to(torch.int64).clamp(0, self.bins - 1)
        self.rows += p.numel()
        self.gaps += torch.zeros_like(self.gaps).scatter_add_(0, index, (p - outcome).to(self.gaps.dtype))

    def _result(self) -> Any:
        return of_gaps(np, self.gaps.cpu().numpy(), self.rows.cpu().numpy())
