"""``torch.nn.functional``'s losses: same signatures, defaults and results; formulas come from ``lossmith.losses``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import _reduction

from ..arrays import load
from ..core import call
from ..errors import DomainError, InputError, ShapeError
from ..losses import Loss, find
from . import fast, fast_elementwise, fast_rows
from .ctc import ctc_loss as ctc_loss
from .inplace import cross_entropy_ as cross_entropy_
from .linear import linear_cross_entropy as linear_cross_entropy

_XP = load("torch")
_SQUARED, _ABSOLUTE, _HUBER = find("squared_error"), find("absolute_error"), find("huber")
_POISSON, _POISSON_LOG_RATE = find("poisson"), find("poisson_log_rate")
_BINARY, _SIGMOID = find("binary_cross_entropy"), find("sigmoid_cross_entropy")
_SOFTMAX, _KL = find("softmax_cross_entropy"), find("kl_divergence_log_probabilities")
_NLL, _GAUSSIAN = find("negative_log_likelihood"), find("gaussian_nll")
_SOFT_MARGIN, _HINGE_EMBEDDING = find("soft_margin"), find("hinge_embedding")
_RANKING, _COSINE, _TRIPLET = find("margin_ranking"), find("cosine_embedding"), find("triplet_margin")
_COSINE_EPSILON = 9.999999960041972e-13  # PyTorch adds 1e-12 in float32, whatever the dtype
_MULTI_MARGIN = find("multi_margin")
_MULTILABEL_MARGIN, _MULTILABEL_SOFT_MARGIN = find("multilabel_margin"), find("multilabel_soft_margin")


def _apply(
    loss: Loss,
    input: Tensor,
    target: Tensor,
    reduction: str,
    parameters: dict[str, Any],
    *,
    legacy: tuple[bool | None, bool | None] = (None, None),
    check: str = "labels",
    **options: Any,
) -> Tensor:
    if legacy != (None, None):
        reduction = _reduction.legacy_get_string(*legacy)
    if reduction not in ("none", "mean", "sum"):
        raise InputError(f"{reduction!r} is not a valid value for reduction; use 'none', 'mean' or 'sum'")
    if reduction != "mean":
        options.pop("normalizer", None)
    resolved = {**loss.defaults, **parameters}

    def plain(input: Tensor, target: Tensor) -> Tensor:
        settings: dict[str, Any] = {"reduction": reduction, "empty": "nan", "xp": _XP, "check": check, **options}
        settings["kernels"] = False  # it judges the fast paths, and takes what they turn down
        result = call(loss, input, target, parameters=resolved, **settings)
        return _like_pytorch(result, input, reduction)

    if loss.layout == "element" and check == "labels" and all(x is None for x in options.values()):
        result = fast_elementwise.loss(loss, resolved, input, target, reduction, plain)
        if result is not None:
            return result
    return plain(input, target)


def _like_pytorch(result: Tensor, input: Tensor, reduction: str) -> Tensor:
    return result.to(input.dtype) if reduction == "none" and input.dtype.is_floating_point else result


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error, as ``torch.nn.functional.mse_loss``; a weighted mean divides by the sum of the weights."""
    return _apply(_SQUARED, input, target, reduction, {}, legacy=(size_average, reduce), weight=weight)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute error, as ``torch.nn.functional.l1_loss``; a weighted mean divides by the sum of the weights."""
    return _apply(_ABSOLUTE, input, target, reduction, {}, legacy=(size_average, reduce), weight=weight)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Huber, as ``torch.nn.functional.huber_loss``; as there, a weighted mean divides by the number of elements."""
    usual = type(delta) is float and delta > 0  # the check in full is slow beside a small loss
    parameters = {"delta": delta} if usual else _HUBER.resolve({"delta": delta})
    return _apply(
        _HUBER, input, target, reduction, parameters, weight=weight, normalizer=_count(input, weight is not None)
    )


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Huber with ``delta=beta``, divided by ``beta``, as ``torch.nn.functional.smooth_l1_loss``."""
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    usual = type(beta) is float and 0 < beta < math.inf
    parameters = {"delta": beta} if usual else _HUBER.resolve({"delta": beta})
    loss = _apply(_HUBER, input, target, reduction, parameters, legacy=(size_average, reduce))
    return loss if beta == 1 else loss / beta


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Poisson on the log-rate (``log_input=True``) or the rate, as ``torch.nn.functional.poisson_nll_loss``."""
    legacy = (size_average, reduce)
    if log_input:
        return _apply(_POISSON_LOG_RATE, input, target, reduction, {"full": full}, legacy=legacy)
    return _apply(_POISSON, input, target, reduction, {"full": full, "epsilon": eps}, legacy=legacy)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy on probabilities, as ``torch.nn.functional.binary_cross_entropy``.

    ``weight`` broadcasts to the input as PyTorch broadcasts, and the mean divides by the number of elements.
    """
    return _apply(
        _BINARY, input, target, reduction, {}, legacy=(size_average, reduce), check="values", **_spread(input, weight)
    )


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Sigmoid cross-entropy, as ``torch.nn.functional.binary_cross_entropy_with_logits``.

    ``weight`` broadcasts to the input as PyTorch broadcasts, and the mean divides by the number of elements.
    """
    parameters = {"pos_weight": 1.0 if pos_weight is None else fast.factor(pos_weight, input)}
    return _apply(
        _SIGMOID, input, target, reduction, parameters, legacy=(size_average, reduce), **_spread(input, weight)
    )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax cross-entropy with the classes on axis 1, as ``torch.nn.functional.cross_entropy``.

    As there, a mean with class weights divides by the true classes' weights for class indices, and by the number of
    rows for dense targets.
    """
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    settings = (input, target, weight, ignore_index, reduction, label_smoothing)
    loss = fast.cross_entropy(*settings, _plain_cross_entropy)
    if loss is None:
        loss = fast_rows.cross_entropy(input, target, weight, reduction, label_smoothing)
    return _plain_cross_entropy(*settings) if loss is None else loss


def _plain_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor:
    parameters = _SOFTMAX.resolve({"label_smoothing": label_smoothing, "class_weight": weight})
    return _by_class(_SOFTMAX, input, target, reduction, parameters, ignore_index, (None, None))


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of log-probabilities, classes on axis 1, as ``torch.nn.functional.nll_loss``."""
    parameters = _NLL.resolve({"class_weight": weight})
    return _by_class(_NLL, input, target, reduction, parameters, ignore_index, (size_average, reduce))


def _by_class(
    loss: Loss,
    input: Tensor,
    target: Tensor,
    reduction: str,
    parameters: dict[str, Any],
    ignore_index: int,
    legacy: tuple[bool | None, bool | None],
) -> Tensor:
    dense = input.shape == target.shape
    axis = 1 if input.ndim > 1 else 0
    weighted = parameters["class_weight"] is not None
    rows = input.numel() // input.shape[axis] if dense and weighted and input.shape[axis] else None
    return _apply(
        loss,
        input,
        target,
        reduction,
        parameters,
        legacy=legacy,
        axis=axis,
        ignore_index=None if dense else ignore_index,
        normalizer=rows,
    )


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence on log-probabilities, as ``torch.nn.functional.kl_div``.

    ``"mean"`` divides by the number of elements, ``"batchmean"`` by the number of rows.
    """
    target = target.exp() if log_target else target
    shares = input.unsqueeze(-1), target.unsqueeze(-1)  # rows of one class each: PyTorch's loss is per element
    if reduction == "batchmean":
        return _apply(_KL, *shares, "sum", {}) / input.shape[0]
    return _apply(_KL, *shares, reduction, {}, legacy=(size_average, reduce))


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Gaussian negative log-likelihood, as ``torch.nn.functional.gaussian_nll_loss``.

    ``var`` is a number, or has the input's shape, or lacks its last axis, or has length 1 on one axis.
    """
    if isinstance(var, float):
        var = torch.full_like(input, var)
    if _XP.is_concrete(var) and bool((var < 0).any()):
        raise DomainError("var has negative entries; expected variances, 0 or more (0 counts as eps)")
    parameters = _GAUSSIAN.resolve({"full": full, "epsilon": eps})
    return _apply(_GAUSSIAN, input, target, reduction, parameters, extras={"variance": var})


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Logistic loss with targets -1 and +1, as ``torch.nn.functional.soft_margin_loss``."""
    return _apply(_SOFT_MARGIN, input, target, reduction, {}, legacy=(size_average, reduce))


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Distances pulled in (+1) or pushed beyond the margin (-1), as ``torch.nn.functional.hinge_embedding_loss``."""
    parameters = _HINGE_EMBEDDING.resolve({"margin": margin})
    return _apply(_HINGE_EMBEDDING, input, target, reduction, parameters, legacy=(size_average, reduce))


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """First above second by the margin (+1) or below (-1), as ``torch.nn.functional.margin_ranking_loss``."""
    parameters = _RANKING.resolve({"margin": margin})
    legacy = (size_average, reduce)
    return _apply(_RANKING, input1, target, reduction, parameters, legacy=legacy, extras={"other": input2})


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Vectors turned together (+1) or apart (-1), as ``torch.nn.functional.cosine_embedding_loss``."""
    parameters = _COSINE.resolve({"margin": margin, "epsilon": _COSINE_EPSILON})
    legacy = (size_average, reduce)
    return _apply(_COSINE, input1, target, reduction, parameters, legacy=legacy, extras={"other": input2})


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Positive nearer than negative by the margin, as ``torch.nn.functional.triplet_margin_loss``."""
    parameters = _TRIPLET.resolve({"margin": margin, "power": p, "epsilon": eps, "swap": swap})
    legacy = (size_average, reduce)
    return _apply(_TRIPLET, anchor, positive, reduction, parameters, legacy=legacy, extras={"negative": negative})


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The same with any distance, as ``torch.nn.functional.triplet_margin_with_distance_loss``."""
    if distance_function is None:
        return triplet_margin_loss(anchor, positive, negative, margin=margin, swap=swap, reduction=reduction)
    near, far = distance_function(anchor, positive), distance_function(anchor, negative)
    if swap:
        far = torch.minimum(far, distance_function(positive, negative))
    return margin_ranking_loss(far, near, torch.ones_like(far), margin=margin, reduction=reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Every other class below the true one by the margin, as ``torch.nn.functional.multi_margin_loss``."""
    if p not in (1, 2):
        raise InputError(f"p is {p!r}; multi_margin_loss takes 1 or 2")
    parameters = _MULTI_MARGIN.resolve({"margin": margin, "squared": p == 2, "class_weight": weight})
    return _apply(_MULTI_MARGIN, input, target, reduction, parameters, legacy=(size_average, reduce))


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Every label above every other class by 1, as ``torch.nn.functional.multilabel_margin_loss``.

    ``target`` has the input's shape and lists class indices, up to the first -1.
    """
    if input.shape != target.shape:
        raise ShapeError(f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}; expected the same")
    listed = torch.cumprod((target >= 0).to(torch.int64), dim=-1)
    labels = torch.where(listed > 0, target.to(torch.int64), 0)
    flags = torch.zeros_like(labels).scatter_reduce(-1, labels, listed, reduce="amax")
    return _apply(_MULTILABEL_MARGIN, input, flags, reduction, {}, legacy=(size_average, reduce))


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Sigmoid cross-entropy averaged over classes, as ``torch.nn.functional.multilabel_soft_margin_loss``."""
    parameters = _MULTILABEL_SOFT_MARGIN.resolve({"class_weight": weight})
    return _apply(_MULTILABEL_SOFT_MARGIN, input, target, reduction, parameters, legacy=(size_average, reduce))


def _count(input: Tensor, weighted: bool) -> int | None:
    """The number of elements, where PyTorch divides a weighted mean by it; None leaves the mean alone."""
    return input.numel() if weighted and input.numel() else None


def _spread(input: Tensor, weight: Tensor | None) -> dict[str, Any]:
    if weight is None:
        return {}
    return {"weight": torch.broadcast_to(weight, input.shape), "normalizer": _count(input, True)}
