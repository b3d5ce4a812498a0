"""The native elementwise losses for tensors: the same contract as ``fast`` has for cross-entropy.

``loss`` returns what the plain formula returns, or None where anything is unusual; then the formula has to do it. The
gradient is computed with the loss, in one pass, and handed over in the backward pass; with ``reduction="none"`` it is
computed there. Derivatives of second and higher order come from the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from .. import native
from ..losses import Loss
from ..native import elementwise
from . import fast

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


class _Call(NamedTuple):
    """What a call has besides its tensors."""

    number: int
    parameters: tuple[float | None, ...]
    mean: bool
    plain: Plain


def loss(
    definition: Loss, parameters: Mapping[str, Any], input: Tensor, target: Tensor, reduction: str, plain: Plain
) -> Tensor | None:
    """Return the loss of two tensors of one shape, or None; ``plain(input, target)`` is the same by the formula."""
    if definition.extras or not (fast.quiet() and fast.ordinary(input) and fast.ordinary(target)):
        return None
    number, numbers = elementwise.find(definition), elementwise.numbers(definition, parameters)
    if number is None or numbers is None or target.requires_grad:
        return None
    call, wanted = _Call(number, numbers, reduction == "mean", plain), fast.in_graph(input)
    if reduction == "none":
        if not fast.usual(input, target) or input.shape != target.shape or not _fit(input, target):
            return None
        values = torch.empty(input.shape, dtype=fast.compute_dtype(input))
        _run(input, target, call, values, None)
        values = values.to(input.dtype)
        return _apply_values(input, target, values, call) if wanted else values
    result = _core.elementwise_tensors(
        fast.EXCHANGE, fast.executor(), number, numbers, input, target, wanted, call.mean
    )
    if result is None or not wanted:
        return None if result is None else result[0]
    return _apply_sum(input, target, *result, call)


def _fit(input: Tensor, target: Tensor) -> bool:
    code, target_code = _CODES.get(input.dtype, -1), _CODES.get(target.dtype, -1)
    if not 0 <= code <= _LAST_FLOAT or target_code < 0 or not input.numel():
        return False
    return target_code != _DOUBLE or code == _DOUBLE


def value_and_gradient(
    number: int, parameters: tuple[float | None, ...], mean: bool, input: Tensor, target: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None] | None:
    """Return the loss of two tensors of one shape and dtype and, if wanted, its gradient, or None; see core.quick."""
    if not (fast.quiet() and fast.ordinary(input) and fast.ordinary(target)):
        return None
    if not wanted and (fast.in_graph(input) or fast.in_graph(target)):  # then the value belongs into the graph
        return None
    if input.dtype is not target.dtype:  # the result would have the wider one
        return None
    result = _core.elementwise_tensors(fast.EXCHANGE, fast.executor(), number, parameters, input, target, wanted, mean)
    return None if result is None or math.isnan(result[0]) else result


def _run(
    input: Tensor, target: Tensor, settings: _Call, values: Any, gradient: Any, scale: float = 1.0, weight: Any = None
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
    def forward(ctx: Any, input: Tensor, target: Tensor, value: Tensor, gradient: Tensor, call: _Call) -> Tensor:
        ctx.save_for_backward(input, target)
        ctx.gradient, ctx.call = gradient, call
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), None, None, None, None
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:  # a second backward pass through the same graph
            input, target = ctx.saved_tensors
            gradient = fast.empty_gradient(input)
            _run(input, target, ctx.call, None, gradient, 1 / input.numel() if ctx.call.mean else 1.0)
        factor = slope.item()
        if factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None, None, None


class _Values(Function):
    """One value per element: the gradient waits for what each is multiplied with."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, values: Tensor, call: _Call) -> Tensor:
        ctx.save_for_backward(input, target)
        ctx.call = call
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), None, None, None
        input, target = ctx.saved_tensors
        gradient = fast.empty_gradient(input)
        weight = slope.to(fast.compute_dtype(input)).contiguous()
        _run(input, target, ctx.call, None, gradient, weight=weight)
        return gradient, None, None, None


_apply_sum: Any = fast.applied(_Sum)
_apply_values: Any = fast.applied(_Values)


def _by_formula(ctx: Any, slope: Tensor) -> Tensor:
    """The gradient as something that can be differentiated again."""
    input, target = ctx.saved_tensors
    (gradient,) = torch.autograd.grad(ctx.call.plain(input, target), input, slope, create_graph=True)
    return gradient
