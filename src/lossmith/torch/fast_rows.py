"""The native kernels that give one value per row or element, for tensors: which call has one, and how autograd sees it.

The same contract as ``fast`` has: `kernel_of` and `cross_entropy` give what the plain formula gives, or None, and then
the formula has to do it. The public losses come here by ``core.kernel``; `lossmith.torch` does with dense targets.

The gradient is computed with the values, in one pass, when it can be said beforehand what autograd will multiply each
value's gradient with - a sum and a mean say so - and is handed over if that comes true, or a multiple of it. Otherwise
it is computed when it is asked for. Derivatives of second and higher order come from the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function

from .. import native
from ..arrays import load
from ..core.check import Inputs, consumed
from ..losses import Loss
from ..losses import find as definition
from ..native import elementwise, row_pairs
from . import fast, fast_elementwise

_XP: Any = load("torch")
_core: Any = native._core
_SOFTMAX, _CTC = definition("softmax_cross_entropy"), definition("ctc")

Scale = float | Tensor  # a number, or contiguous, of the values' shape and the dtype computed in


class Kernel(Protocol):
    """A loss with its parameters, for usual tensors."""

    def run(
        self, prediction: Tensor, target: Tensor, values: Tensor | None, gradient: Tensor | None, scale: Scale
    ) -> None:
        """Fill the values, and the gradient times the scale."""
        ...

    def formula(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the values by the plain formula."""
        ...


class _Definition:
    def __init__(self, loss: Loss, parameters: Mapping[str, Any]) -> None:
        self.loss, self.parameters = loss, parameters
        self.weight = parameters.get("class_weight")

    def formula(self, prediction: Tensor, target: Tensor) -> Tensor:
        wide = fast.compute_dtype(prediction)
        target = target.to(wide) if target.is_floating_point() else target
        return self.loss.value(_XP, prediction.to(wide), target, **self.parameters)


class _Pairs(_Definition):
    """A loss between rows of the prediction and rows of the target."""

    def run(
        self, prediction: Tensor, target: Tensor, values: Tensor | None, gradient: Tensor | None, scale: Scale
    ) -> None:
        along, factor = _split(scale)
        classes = prediction.shape[-1]
        _core.row_pairs(
            fast.executor(),
            row_pairs.find(self.loss),
            fast._CODES[prediction.dtype],
            prediction.data_ptr(),
            target.data_ptr(),
            prediction.numel() // classes,
            classes,
            _address(values),
            _address(gradient),
            _address(along),
            factor,
            _address(self.weight),
            **(row_pairs.numbers(self.parameters) or {}),
        )


class _Labels(_Definition):
    """Softmax cross-entropy and the losses that the same kernel computes, with class indices."""

    def __init__(self, loss: Loss, parameters: Mapping[str, Any], settings: Mapping[str, float]) -> None:
        super().__init__(loss, parameters)
        self.settings = settings

    def run(
        self, prediction: Tensor, target: Tensor, values: Tensor | None, gradient: Tensor | None, scale: Scale
    ) -> None:
        along, factor = _split(scale)
        classes = prediction.shape[-1]

        def filled(keep: Tensor | None) -> bool:
            bad, _, _ = _core.softmax_cross_entropy(
                fast.executor(),
                fast._CODES[prediction.dtype],
                prediction.data_ptr(),
                target.data_ptr(),
                target.numel(),
                classes,
                _address(values),
                _address(gradient),
                keep=_address(keep),
                scale=_address(along),
                factor=factor,
                class_weight=_address(self.weight),
                **self.settings,
            )
            return bad < 0

        if filled(None):
            return
        inside = (target >= 0) & (target < classes)  # nobody checked the labels: as in the formula, these rows are NaN
        filled(inside)
        if values is not None:
            values.masked_fill_(~inside, math.nan)


class _Sequences(_Definition):
    """CTC of sequences (…, T, C); in memory the steps of a (N, T, C) may also come before the samples, as PyTorch's."""

    def __init__(self, loss: Loss, parameters: Mapping[str, Any], counts: tuple[Tensor, Tensor]) -> None:
        super().__init__(loss, parameters)
        self.counts = counts

    def run(
        self, prediction: Tensor, target: Tensor, values: Tensor | None, gradient: Tensor | None, scale: Scale
    ) -> None:
        along, factor = _split(scale)
        steps, classes = prediction.shape[-2:]
        _core.ctc(
            fast.executor(),
            fast._CODES[prediction.dtype],
            prediction.data_ptr(),
            target.data_ptr(),
            self.counts[0].numel(),
            steps,
            classes,
            target.shape[-1],
            not prediction.is_contiguous(),
            *map(_address, self.counts),
            int(self.parameters["blank"]),
            self.parameters["infeasible"] == "zero",
            _address(values),
            _address(gradient),
            _address(along),
            factor,
        )


class _Elements(_Definition):
    """A loss of single elements."""

    def __init__(self, loss: Loss, parameters: Mapping[str, Any], settings: elementwise.Call) -> None:
        super().__init__(loss, parameters)
        self.settings = settings

    def run(
        self, prediction: Tensor, target: Tensor, values: Tensor | None, gradient: Tensor | None, scale: Scale
    ) -> None:
        along, factor = _split(scale)
        arrays = prediction, target, self.settings
        if along is not None and values is not None:  # the kernel's weights would weigh the values, too
            fast_elementwise._run(*arrays, values, None)
            values = None
        if values is not None or gradient is not None:
            fast_elementwise._run(*arrays, values, gradient, factor, along)


def kernel_of(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, as ``core.kernel.find`` does.

    Without ``gradient`` autograd records the values, and ``scale`` is what it will probably multiply their gradients
    with, or None.
    """
    prediction, target = inputs.prediction, inputs.target
    if loss.layout == "batch":
        from . import batch_rows  # which is made of what is here

        return batch_rows.kernel_of(loss, inputs)
    in_order = prediction.transpose(0, 1) if loss.layout == "sequence" and prediction.ndim == 3 else prediction
    if not (fast.usual(prediction, target) or fast.usual(in_order, target)) or not prediction.numel():
        return None
    if torch.is_grad_enabled() and target.requires_grad:
        return None
    call = _call(loss, inputs)
    if call is None:
        return None
    shape = prediction.shape[: prediction.ndim - consumed(loss, prediction.shape)]

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        return _run(call, prediction, target, shape, scale, gradient)

    return kernel


def _run(
    call: Kernel, prediction: Tensor, target: Tensor, shape: Any, scale: Any, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    if not gradient:
        return _values(call, prediction, target, shape, _scale(scale, prediction, shape)), None
    with torch.no_grad():
        values, slope = _empty_values(prediction, shape), fast.empty_gradient(prediction)
        along = _scale(scale, prediction, shape)
        call.run(prediction, target, values, slope, 1.0 if along is None else along)
    return values, slope


def _call(loss: Loss, inputs: Inputs) -> Kernel | None:
    prediction, target, parameters = inputs.prediction, inputs.target, inputs.parameters
    code = fast._CODES.get(prediction.dtype)
    weight = parameters.get("class_weight")
    if code is None or (weight is not None and (not fast.usual(weight) or weight.requires_grad)):
        return None
    if loss.layout == "element":
        number, numbers = elementwise.find(loss), elementwise.numbers(loss, parameters)
        if number is None or numbers is None or loss.extras or target.dtype is not prediction.dtype:
            return None
        return _Elements(loss, parameters, elementwise.Call(number, numbers, False, _no_formula))
    if loss is _CTC:
        counts = _counts(prediction, parameters)
        return None if counts is None else _Sequences(loss, parameters, counts)
    settings = native.label_settings(loss.name, parameters)
    if target.dtype is torch.int64 and settings is not None:
        return _Labels(loss, parameters, settings)
    if row_pairs.find(loss) is None or row_pairs.numbers(parameters) is None:
        return None
    return _Pairs(loss, parameters) if target.dtype is prediction.dtype else None


def _counts(prediction: Tensor, parameters: Mapping[str, Any]) -> tuple[Tensor, Tensor] | None:
    """Return how many steps and tokens each sequence has, or None if these are no plain tensors."""
    given = parameters["prediction_length"], parameters["target_length"]
    if not fast.usual(*(x.contiguous() for x in given)) or any(x.requires_grad for x in given):
        return None
    steps, tokens = (x.to(torch.int64).expand(prediction.shape[:-2]).contiguous() for x in given)
    return steps, tokens


def _no_formula(prediction: Tensor, target: Tensor) -> Tensor:
    raise NotImplementedError("the formula of a call by the core is the kernel's own, not its settings'")


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor | None:
    """Return the loss for logits and probabilities (N, C), or None; a mean divides by N, as PyTorch's does."""
    if not fast.usual(input, target) or target.dtype is not input.dtype or input.dtype not in fast._CODES:
        return None
    if input.ndim != 2 or input.shape != target.shape or not input.numel():
        return None
    if type(label_smoothing) is not float or not 0.0 <= label_smoothing <= 1.0:
        return None
    if reduction not in ("mean", "sum", "none") or (torch.is_grad_enabled() and target.requires_grad):
        return None
    if weight is not None:
        if not fast.usual(weight) or weight.shape != input.shape[1:] or weight.requires_grad:
            return None
        weight = weight.to(fast.compute_dtype(input))
    call = _Pairs(_SOFTMAX, {"label_smoothing": label_smoothing, "class_weight": weight, "z_loss": 0.0})
    rows = len(input)
    try:
        values = _values(call, input, target, input.shape[:1], {"mean": 1.0 / rows, "sum": 1.0}.get(reduction))
    except ValueError:  # a weight that is no factor: the formula says so
        return None
    if reduction == "none":
        return values.to(input.dtype)
    return values.sum() / rows if reduction == "mean" else values.sum()


def _values(call: Kernel, prediction: Tensor, target: Tensor, shape: Any, hint: Scale | None) -> Tensor:
    """Return the values of a call, in autograd's graph if it records."""
    if torch.is_grad_enabled() and prediction.requires_grad:
        result: Any = _Recorded.apply(prediction, target, call, shape, hint)
        return result
    values = _empty_values(prediction, shape)
    call.run(prediction, target, values, None, 1.0)
    return values


class _Recorded(Function):
    """Values, and their gradient if there is a hint what it will be multiplied with."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, target: Tensor, call: Kernel, shape: Any, hint: Scale | None) -> Tensor:
        values = _empty_values(prediction, shape)
        ctx.gradient = None if hint is None else fast.empty_gradient(prediction)
        call.run(prediction, target, values, ctx.gradient, 1.0 if hint is None else hint)
        ctx.save_for_backward(prediction, target)
        ctx.call, ctx.hint = call, hint
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), call = slopes, ctx.call
        if torch.is_grad_enabled():
            prediction, target = ctx.saved_tensors
            (again,) = torch.autograd.grad(call.formula(prediction, target), prediction, slope, create_graph=True)
            return again, None, None, None, None
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, ctx.gradient = ctx.gradient, None
        factor = None if gradient is None else _multiple(slope, ctx.hint)
        if gradient is None or factor is None:
            prediction, target = ctx.saved_tensors
            gradient = fast.empty_gradient(prediction)
            call.run(prediction, target, None, gradient, slope.contiguous())
        elif factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None, None, None


def _multiple(slope: Tensor, hint: Scale) -> float | None:
    """Return what to multiply the hint with to have the slope, or None; rounding of the last digits is let pass."""
    rounding = 4 * torch.finfo(slope.dtype).eps
    if isinstance(hint, Tensor):
        at = hint.abs().argmax()
        factor = (slope.reshape(-1)[at] / hint.reshape(-1)[at]).item()
        return factor if torch.allclose(slope, hint * factor, rtol=rounding, atol=0.0) else None
    if hint == 0 or any(step and size > 1 for step, size in zip(slope.stride(), slope.shape, strict=True)):
        return None
    factor = slope[(0,) * slope.ndim].item() / hint
    return 1.0 if abs(factor - 1.0) <= rounding else factor


def _scale(scale: Any, prediction: Tensor, shape: Any) -> Scale | None:
    """Return a scale of the core - a number, or what broadcasts to the values - as the kernels take it."""
    if scale is None or isinstance(scale, int | float):
        return scale
    scale = scale.detach()
    if scale.numel() == 1:
        return scale.item()
    return scale.to(fast.compute_dtype(prediction)).expand(shape).contiguous()


def _split(scale: Scale) -> tuple[Tensor | None, float]:
    return (scale, 1.0) if isinstance(scale, Tensor) else (None, scale)


def _address(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def _empty_values(prediction: Tensor, shape: Any) -> Tensor:
    return torch.empty(shape, dtype=fast.compute_dtype(prediction))
