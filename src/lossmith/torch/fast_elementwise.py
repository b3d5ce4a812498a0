"""The native elementwise losses for tensors: the same contract as ``fast`` has for cross-entropy.

``loss`` and ``value_and_gradient`` return what the plain formula returns, and ``total_kernel`` a function that does, or
None where anything is unusual; then the formula has to do it. The gradient is computed with the loss, in one pass, and
handed over in the backward pass; with ``reduction="none"`` it is computed there. Derivatives of second and higher order
come from the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .. import native
from ..arrays import load
from ..core.check import Inputs
from ..losses import Loss
from ..native import elementwise
from ..native.elementwise import Call
from . import fast

_XP: Any = load("torch")
_core: Any = native._core
_CODES = {
    torch.float32: 0,
    torch.float64: 1,
    torch.bfloat16: 2,
    torch.float16: 3,
    torch.int64: 4,
    torch.int32: 5,
    torch.uint8: 6,
    torch.bool: 6,
}
_DOUBLE, _LAST_FLOAT = 1, 3

Plain = Callable[[Tensor, Tensor], Tensor]


def loss(
    definition: Loss, parameters: Mapping[str, Any], input: Tensor, target: Tensor, reduction: str, plain: Plain
) -> Tensor | None:
    """Return the loss of two tensors of one shape, or None; ``plain(input, target)`` is the same by the formula."""
    if definition.extras or not (fast.watched() and isinstance(input, Tensor) and isinstance(target, Tensor)):
        return None
    number, numbers = elementwise.find(definition), elementwise.numbers(definition, parameters)
    if number is None or numbers is None or target.requires_grad:
        return None
    call, wanted = Call(number, numbers, reduction == "mean", plain), fast.in_graph(input)
    if reduction == "none":
        if not fast.usual(input, target) or input.shape != target.shape or not _fit(input, target):
            return None
        values = torch.empty(input.shape, dtype=fast.compute_dtype(input))
        _run(input, target, call, values, None)
        values = values.to(input.dtype)
        return _apply_values(input, (target, values), call) if wanted else values
    result = _core.elementwise_tensors(number, numbers, input, target, wanted, call.mean)
    if result is None or not wanted:
        return None if result is None else result[0]
    return _apply_sum(input, (target, None, *result), call, 1.0)


def _fit(input: Tensor, target: Tensor) -> bool:
    code, target_code = _CODES.get(input.dtype, -1), _CODES.get(target.dtype, -1)
    if not 0 <= code <= _LAST_FLOAT or target_code < 0 or not input.numel():
        return False
    return target_code != _DOUBLE or code == _DOUBLE


def value_and_gradient(call: Call, input: Tensor, target: Tensor, wanted: bool) -> tuple[Tensor, Tensor | None] | None:
    """Return the loss of two tensors of one shape and dtype and, if wanted, its gradient, or None; see core.quick.

    Where the gradient is not wanted here, autograd is told how to get it.
    """
    if not (fast.watched() and isinstance(input, Tensor) and isinstance(target, Tensor)):
        return None
    recorded = not wanted and fast.in_graph(input)
    if not wanted and fast.in_graph(target):
        return None
    settings = call.mean, call.limits, True
    result = _core.elementwise_tensors(call.number, call.parameters, input, target, wanted or recorded, *settings)
    if result is None or not recorded:
        return result
    return _apply_sum(input, (target, None, *result), call, 1.0), None


def total_kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (Σ factor * value, gradient or None)``, as ``core.kernel`` does.

    Without ``gradient`` autograd records the total, and ``scale`` is what it will probably multiply its gradient with.
    """
    input, target, factor = inputs.prediction, inputs.target, inputs.factor
    if loss.extras or not fast.usual(input, target) or not _fit(input, target) or target.dtype is not input.dtype:
        return None
    number, numbers = elementwise.find(loss), elementwise.numbers(loss, inputs.parameters)
    if number is None or numbers is None or (torch.is_grad_enabled() and target.requires_grad):
        return None
    weight = None
    if factor is not None:
        if not fast.usual(factor.contiguous()) or factor.requires_grad:
            return None
        weight = factor.to(fast.compute_dtype(input)).expand(input.shape).contiguous()

    def formula(prediction: Tensor, target: Tensor) -> Tensor:
        values = loss.value(_XP, prediction, target, **inputs.parameters)
        return (values if weight is None else values * weight).sum()

    call = Call(number, numbers, False, formula)

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        recorded = not gradient and fast.in_graph(input)
        with torch.no_grad():
            slope = fast.empty_gradient(input) if gradient or recorded else None
            factor = float(scale.detach() if isinstance(scale, Tensor) else scale)
            found = _run(input, target, call, None, slope, factor, weight)
            total = torch.tensor(found, dtype=fast.compute_dtype(input))
        if not recorded:
            return total, slope
        return _apply_sum(input, (target, weight, total, slope), call, factor), None

    return kernel


def _run(
    input: Tensor, target: Tensor, settings: Call, values: Any, gradient: Any, scale: float = 1.0, weight: Any = None
) -> float:
    return _core.elementwise(
        fast.executor(),
        settings.number,
        input.numel(),
        _CODES[input.dtype],
        input.data_ptr(),
        _CODES[target.dtype],
        target.data_ptr(),
        None if values is None else values.data_ptr(),
        None if gradient is None else gradient.data_ptr(),
        settings.parameters,
        scale,
        None,
        0,
        None if weight is None else weight.data_ptr(),
        int(input.dtype is torch.float64),
    )


class _Sum(Function):
    """Puts a sum or mean that is known already into autograd's graph, and its gradient where autograd asks for it."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        others: tuple[Tensor, Tensor | None, Tensor, Tensor],
        call: Call,
        hint: float,  # what the gradient has been multiplied with
    ) -> Tensor:
        # In a tuple autograd does not take them for inputs: one that is returned would be made a view of itself.
        target, weight, value, ctx.gradient = others
        ctx.save_for_backward(input, target, weight)
        ctx.call, ctx.hint = call, hint
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), call, others = slopes, ctx.call, (None, None, None)
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), *others
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, ctx.gradient = ctx.gradient, None
        factor, hint = slope.item(), ctx.hint
        if factor != hint == 0.0:  # a hint that tells nothing
            gradient, hint = None, factor
        if gradient is None:  # or this is a second backward pass through the same graph
            input, target, weight = ctx.saved_tensors
            gradient = fast.empty_gradient(input)
            _run(input, target, call, None, gradient, hint / input.numel() if call.mean else hint, weight)
        if factor != hint and abs(factor / hint - 1.0) > 4 * torch.finfo(slope.dtype).eps:
            gradient.mul_(factor / hint)
        return gradient, *others


class _Values(Function):
    """One value per element: the gradient waits for what each is multiplied with."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, others: tuple[Tensor, Tensor], call: Call) -> Tensor:
        target, values = others
        ctx.save_for_backward(input, target)
        ctx.call = call
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), None, None
        input, target = ctx.saved_tensors
        gradient = fast.empty_gradient(input)
        weight = slope.to(fast.compute_dtype(input)).contiguous()
        _run(input, target, ctx.call, None, gradient, weight=weight)
        return gradient, None, None


_apply_sum: Any = fast.applied(_Sum)
_apply_values: Any = fast.applied(_Values)


def _by_formula(ctx: Any, slope: Tensor) -> Tensor:
    """The gradient as something that can be differentiated again."""
    input, target, *_ = ctx.saved_tensors
    (gradient,) = torch.autograd.grad(ctx.call.plain(input, target), input, slope, create_graph=True)
    return gradient
