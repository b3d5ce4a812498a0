"""One call of a loss: checked inputs → values (plain formula or kernel) → reduction; and the same with the gradient.

The plain formula is always there and judges every kernel; ``kernel`` says which call has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from ..losses import Loss
from . import check as checking
from . import inplace as overwriting
from . import kernel, reduce, regions, values
from .check import Inputs


def call(
    loss: Loss,
    prediction: Any,
    target: Any,
    *,
    parameters: Mapping[str, Any],
    extras: Mapping[str, Any] | None = None,
    weight: Any = None,
    mask: Any = None,
    ignore_index: int | None = None,
    axis: int = -1,
    region: str | None = None,
    reduction: str = "mean",
    normalizer: Any = None,
    empty: str = "zero",
    xp: ModuleType | None = None,
    check: str = "full",
    kernels: bool = True,
) -> Any:
    """Return the loss as ``reduction`` says; the public functions document the arguments.

    Without ``kernels`` it is the plain formula, whatever there is for the call: what judges a kernel must not be one.
    """
    reduce.check_options(reduction, normalizer, empty)
    inputs = checking.prepare(
        loss,
        prediction,
        target,
        parameters=parameters,
        extras=extras,
        weight=weight,
        mask=mask,
        ignore_index=ignore_index,
        axis=axis,
        region=region,
        xp=xp,
        check=check,
    )
    return _quietly(inputs.xp, _value, loss, inputs, reduction, normalizer, empty, check, kernels)


def value_and_gradient(
    loss: Loss,
    prediction: Any,
    target: Any,
    *,
    parameters: Mapping[str, Any],
    reduction: str = "mean",
    normalizer: Any = None,
    empty: str = "zero",
    check: str = "full",
    inplace: bool = False,
    **arguments: Any,
) -> tuple[Any, Any]:
    """Return the loss and its gradient with respect to the prediction, from the closed form and without autograd.

    With ``reduction="none"`` or ``"total"`` the gradient is that of the sum. With ``inplace`` it takes the place of the
    prediction, or InputError is raised.
    """
    reduce.check_options(reduction, normalizer, empty)
    options: dict[str, Any] = {"parameters": parameters, "check": check, "hide": not inplace}
    inputs = checking.prepare(loss, prediction, target, **options, **arguments)
    if inplace:
        overwrite = overwriting.kernel(loss, prediction, inputs)
        return _quietly(inputs.xp, _by_kernel, loss, inputs, overwrite, reduction, normalizer, empty, check)
    if inputs.xp.name == "torch":  # nothing is recorded; a kernel could not be, either
        inputs = inputs._replace(prediction=inputs.prediction.detach())
    return _quietly(inputs.xp, _both, loss, inputs, reduction, normalizer, empty, check)


def _quietly(xp: ModuleType, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call with NumPy's floating-point warnings off: ±inf and NaN are values that the formulas handle."""
    if xp.name != "numpy":
        return function(*arguments)
    with np.errstate(all="ignore"):
        return function(*arguments)


def _value(loss: Loss, inputs: Inputs, reduction: str, normalizer: Any, empty: str, check: str, kernels: bool) -> Any:
    adds_up = kernel.find_total(loss, inputs) if kernels and reduction != "none" else None
    if adds_up:
        count = _count(loss, inputs)
        total, _ = adds_up(inputs, _later_factor(inputs, count, reduction, normalizer), gradient=False)
        return _finished(loss, inputs, total, count, reduction, normalizer, empty, check)
    fast = kernel.find(loss, inputs) if kernels else None
    if fast:
        rows, _ = fast(inputs, _later_scale(loss, inputs, reduction, normalizer), gradient=False)
    else:
        rows = _values(loss, inputs)
    return _reduced(loss, inputs, rows, reduction, normalizer, empty, check)


def _later_scale(loss: Loss, inputs: Inputs, reduction: str, normalizer: Any) -> Any:
    """What autograd will multiply each value's gradient with, as far as the reduction says; None if it does not ask."""
    if inputs.xp.name != "torch" or reduction == "none" or not inputs.prediction.requires_grad:
        return None
    scale = _gradient_scale(loss, inputs, reduction, normalizer)
    return 1.0 if scale is None else scale


def _later_factor(inputs: Inputs, count: Any, reduction: str, normalizer: Any) -> Any:
    """What autograd will multiply the total's gradient with, as far as the reduction says; 1 if it does not ask."""
    if inputs.xp.name != "torch" or reduction != "mean" or not inputs.prediction.requires_grad:
        return 1.0
    return reduce.safe_reciprocal(inputs.xp, count if normalizer is None else normalizer, inputs.prediction)


def _values(loss: Loss, inputs: Inputs) -> Any:
    """Return the values by the plain formula; of regions and rows that are masked as a whole they are 0."""
    xp = inputs.xp
    if not loss.coupled:
        return loss.value(xp, inputs.prediction, inputs.target, **inputs.parameters)
    rows = loss.value(xp, inputs.prediction, inputs.target, inputs.inside, **inputs.parameters)
    return rows if inputs.inside is None else xp.where(inputs.factor > 0, rows, xp.zeros_like(rows))


def _gradient(loss: Loss, inputs: Inputs, scale: Any) -> Any:
    """Return the closed-form gradient of the sum of the values times ``scale``, in the prediction's shape."""
    xp, arguments = inputs.xp, (inputs.xp, inputs.prediction, inputs.target)
    if loss.coupled:
        like = _values_like(loss, inputs)
        cotangent = xp.zeros_like(like) + (1.0 if scale is None else scale)
        gradient = loss.gradient(*arguments, inputs.inside, cotangent, **inputs.parameters)
        return xp.unflatten(gradient, inputs.shape) if loss.layout == "region" else gradient
    gradient = loss.gradient(*arguments, **inputs.parameters)
    if scale is None:
        return gradient
    for _ in range(_rank(xp, gradient) - _rank(xp, scale) if _rank(xp, scale) else 0):
        scale = xp.expand(scale, -1)
    return gradient * scale


def _values_like(loss: Loss, inputs: Inputs) -> Any:
    """Return some array of the values' shape, at no cost where the values themselves are not computed yet."""
    x = inputs.prediction
    if loss.layout == "region":
        return regions.values_like(inputs.xp, loss, x)
    for _ in range(checking.consumed(loss, inputs.shape)):
        x = x[..., 0]
    return x


def _both(loss: Loss, inputs: Inputs, reduction: str, normalizer: Any, empty: str, check: str) -> tuple[Any, Any]:
    xp = inputs.xp
    adds_up = None if reduction == "none" else kernel.find_total(loss, inputs)
    if adds_up:
        count = _count(loss, inputs)
        over = 1.0 if reduction != "mean" else count if normalizer is None else normalizer
        total, gradient = adds_up(inputs, reduce.safe_reciprocal(xp, over, inputs.prediction), gradient=True)
        value = _finished(loss, inputs, total, count, reduction, normalizer, empty, check)
        return value, _like_prediction(loss, inputs, gradient)
    fast = kernel.find(loss, inputs) or _formula(loss)
    return _by_kernel(loss, inputs, fast, reduction, normalizer, empty, check)


def _by_kernel(
    loss: Loss, inputs: Inputs, fast: kernel.Kernel, reduction: str, normalizer: Any, empty: str, check: str
) -> tuple[Any, Any]:
    rows, gradient = fast(inputs, _gradient_scale(loss, inputs, reduction, normalizer), gradient=True)
    value = _reduced(loss, inputs, rows, reduction, normalizer, empty, check)
    return value, _like_prediction(loss, inputs, gradient)


def _formula(loss: Loss) -> kernel.Kernel:
    """Return the plain formula, as a kernel is called."""

    def run(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        return _values(loss, inputs), _gradient(loss, inputs, scale) if gradient else None

    return run


def _like_prediction(loss: Loss, inputs: Inputs, gradient: Any) -> Any:
    """Return the gradient with the axes and the dtype of the prediction as it was given."""
    if loss.class_axis and inputs.axis != -1:
        gradient = inputs.xp.moveaxis(gradient, -1, inputs.axis)
    return inputs.xp.cast(gradient, inputs.dtype)


def _rank(xp: ModuleType, x: Any) -> int:
    return len(xp.shape(x)) if hasattr(x, "shape") else 0


def _row_weight(loss: Loss, inputs: Inputs) -> Any:
    if loss.row_weight is None:
        return None
    if loss.coupled:
        counts = loss.row_weight(inputs.xp, inputs.target, inputs.inside, **inputs.parameters)
        return None if counts is None else inputs.xp.cast(counts, inputs.prediction.dtype)
    return loss.row_weight(inputs.xp, inputs.target, inputs.prediction.dtype, **inputs.parameters)


def _gradient_scale(loss: Loss, inputs: Inputs, reduction: str, normalizer: Any) -> Any:
    """What each value's gradient is multiplied with: its weight, and for a mean one over the count."""
    if reduction != "mean":
        return inputs.factor
    count = _count(loss, inputs) if normalizer is None else normalizer
    scale = reduce.safe_reciprocal(inputs.xp, count, _values_like(loss, inputs))
    return scale if inputs.factor is None else inputs.factor * scale


def _count(loss: Loss, inputs: Inputs) -> Any:
    like = _values_like(loss, inputs)
    return reduce.count_of(inputs.xp, like, inputs.factor, _row_weight(loss, inputs))


def _reduced(loss: Loss, inputs: Inputs, rows: Any, reduction: str, normalizer: Any, empty: str, check: str) -> Any:
    xp, factor = inputs.xp, inputs.factor
    if reduction == "none":
        result = rows if factor is None else rows * factor
        _find_nan(loss, inputs, result, check)
        return result[0] if inputs.region == "batch" else result
    total, count = reduce.total_and_count(xp, rows, factor, _row_weight(loss, inputs))
    return _finished(loss, inputs, total, count, reduction, normalizer, empty, check)


def _finished(
    loss: Loss, inputs: Inputs, total: Any, count: Any, reduction: str, normalizer: Any, empty: str, check: str
) -> Any:
    xp = inputs.xp
    _find_nan(loss, inputs, total, check)
    if reduction == "total":
        return xp.to_result(total), xp.to_result(count) if hasattr(count, "dtype") else count
    if reduction == "sum":
        return xp.to_result(total)
    return xp.to_result(reduce.mean(xp, total, count if normalizer is None else normalizer, empty))


def _find_nan(loss: Loss, inputs: Inputs, result: Any, check: str) -> None:
    """Name the input that made a result NaN. Looking at the result first makes the check free for healthy calls."""
    xp = inputs.xp
    if check != "full" or not (xp.is_concrete(result) and xp.is_concrete(inputs.prediction)):
        return
    if np.isnan(xp.to_numpy(result)).any():
        target = xp.to_numpy(inputs.target)
        extras = {e.name: inputs.parameters.get(e.name) for e in loss.extras}
        shown = {k: xp.to_numpy(x) for k, x in extras.items() if x is not None and xp.is_concrete(x)}
        view = values.View(loss, shown, xp.to_numpy(inputs.prediction), target, target.dtype.kind != "f", "")
        values.explain_nan(view)
