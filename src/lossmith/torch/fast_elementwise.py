"""The native elementwise losses for tensors: the same contract as ``fast`` has for cross-entropy.

``loss`` returns what the plain formula returns, or None where anything is unusual; then the formula has to do it. The
gradient is computed with the loss, in one pass, and handed over in the backward pass; with ``reduction="none"`` it is
computed there. Derivatives of second and higher order come from the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils.dlpack import from_dlpack

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
    code: int
    target_code: int
    mean: bool
    plain: Plain


def loss(
    definition: Loss, parameters: Mapping[str, Any], input: Tensor, target: Tensor, reduction: str, plain: Plain
) -> Tensor | None:
    """Return the loss of two tensors of one shape, or None; ``plain(input, target)`` is the same by the formula."""
    if not fast.usual(input, target) or definition.extras:
        return None
    number = elementwise.find(definition)
    code, target_code = _CODES.get(input.dtype, -1), _CODES.get(target.dtype, -1)
    if not 0 <= code <= _LAST_FLOAT or target_code < 0 or (target_code == _DOUBLE and code != _DOUBLE):
        return None
    numbers = elementwise.numbers(definition, parameters)
    if number is None or numbers is None or input.shape != target.shape or not input.numel():
        return None
    settings = _Call(number, numbers, code, target_code, reduction == "mean", plain)
    function: Any = _Values if reduction == "none" else _Sum
    if not torch.is_grad_enabled() or not (input.requires_grad or target.requires_grad):
        return function.forward(None, input, target, settings)
    return None if target.requires_grad else function.apply(input, target, settings)


def _run(
    input: Tensor, target: Tensor, settings: _Call, values: Any, gradient: Any, scale: float = 1.0, weight: Any = None
) -> float:
    wide = settings.code == _DOUBLE
    return _core.elementwise(
        fast.executor(),
        settings.number,
        input.numel(),
        settings.code,
        input.data_ptr(),
        settings.target_code,
        target.data_ptr(),
        None if values is None else values.data_ptr(),
        None if gradient is None else gradient.data_ptr(),
        settings.parameters,
        scale,
        None,
        0,
        None if weight is None else weight.data_ptr(),
        int(wide),
    )


def _empty_gradient(input: Tensor, settings: _Call) -> Tensor:
    """Return memory for the gradient of a contiguous tensor."""
    if input.nbytes < _core.POOLED_BYTES:
        return torch.empty_like(input, requires_grad=False)
    return from_dlpack(_core.gradient_capsule(settings.code, 1, input.numel())).view(input.shape)


def _compute_dtype(settings: _Call) -> torch.dtype:
    return torch.float64 if settings.code == _DOUBLE else torch.float32


def _gradient(input: Tensor, target: Tensor, settings: _Call) -> tuple[float, Tensor]:
    gradient = _empty_gradient(input, settings)
    scale = 1 / input.numel() if settings.mean else 1.0
    return _run(input, target, settings, None, gradient, scale), gradient


class _Sum(Function):
    """The sum or mean: the gradient is computed with it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, settings: _Call) -> Tensor:
        if ctx is None:
            total = _run(input, target, settings, None, None)
        else:
            total, ctx.gradient = _gradient(input, target, settings)
            ctx.save_for_backward(input, target)
            ctx.settings = settings
        return torch.scalar_tensor(total / input.numel() if settings.mean else total, dtype=_compute_dtype(settings))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        slope = slopes[0]
        input, target = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _by_formula(ctx.settings, input, target, slope)
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:  # a second backward pass through the same graph
            _, gradient = _gradient(input, target, ctx.settings)
        factor = slope.item()
        if factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None


class _Values(Function):
    """One value per element: the gradient waits for what each is multiplied with."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, settings: _Call) -> Tensor:
        values = torch.empty(input.shape, dtype=_compute_dtype(settings))
        _run(input, target, settings, values, None)
        if ctx is not None:
            ctx.save_for_backward(input, target)
            ctx.settings = settings
        return values.to(input.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        slope = slopes[0]
        input, target = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _by_formula(ctx.settings, input, target, slope)
        gradient = _empty_gradient(input, ctx.settings)
        weight = slope.to(_compute_dtype(ctx.settings)).contiguous()
        _run(input, target, ctx.settings, None, gradient, weight=weight)
        return gradient, None, None


def _by_formula(settings: _Call, input: Tensor, target: Tensor, slope: Tensor) -> tuple[Tensor | None, ...]:
    """The gradient as something that can be differentiated again."""
    (gradient,) = torch.autograd.grad(settings.plain(input, target), input, slope, create_graph=True)
    return gradient, None, None
