"""``torch.nn.functional``'s losses: same signatures, defaults and results; formulas come from ``lossmith.losses``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import _reduction

from ..arrays import load
from ..core import call
from ..errors import InputError
from ..losses import Loss, find

_XP = load("torch")
_SQUARED, _ABSOLUTE, _HUBER = find("squared_error"), find("absolute_error"), find("huber")
_POISSON, _POISSON_LOG_RATE = find("poisson"), find("poisson_log_rate")
_BINARY, _SIGMOID = find("binary_cross_entropy"), find("sigmoid_cross_entropy")
_SOFTMAX, _KL = find("softmax_cross_entropy"), find("kl_divergence_log_probabilities")


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
    result = call(
        loss, input, target, parameters=resolved, reduction=reduction, empty="nan", xp=_XP, check=check, **options
    )
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
    parameters = _HUBER.resolve({"delta": delta})
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
    parameters = _HUBER.resolve({"delta": beta})
    return _apply(_HUBER, input, target, reduction, parameters, legacy=(size_average, reduce)) / beta


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
    parameters = {"pos_weight": 1.0 if pos_weight is None else pos_weight}
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
    dense = input.shape == target.shape
    parameters = _SOFTMAX.resolve({"label_smoothing": label_smoothing, "class_weight": weight})
    axis = 1 if input.ndim > 1 else 0
    rows = input.numel() // input.shape[axis] if dense and weight is not None and input.shape[axis] else None
    return _apply(
        _SOFTMAX,
        input,
        target,
        reduction,
        parameters,
        legacy=(size_average, reduce),
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


def _count(input: Tensor, weighted: bool) -> int | None:
    """The number of elements, where PyTorch divides a weighted mean by it; None leaves the mean alone."""
    return input.numel() if weighted and input.numel() else None


def _spread(input: Tensor, weight: Tensor | None) -> dict[str, Any]:
    if weight is None:
        return {}
    return {"weight": torch.broadcast_to(weight, input.shape), "normalizer": _count(input, True)}
