"""The native kernels for tensors: which call has one, and how autograd sees it.

The contract: `cross_entropy` returns exactly what the plain formula returns, or None, and then the plain formula has to
do it. It returns None whenever anything is unusual - another device, layout, dtype or shape, a subclass, a mode, a
transform, a compiler or exporter that looks on, a wrong argument - so that errors and semantics are the formula's own.
Derivatives of second and higher order also come from the formula.

The gradient is computed with the loss, in one pass over the logits, and handed over in the backward pass. Large ones
lie in memory that is used again for the next step's; see `lossmith.native.trim`.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.nn import Parameter
from torch.utils.dlpack import from_dlpack

from .. import native

# The numbers that stand for dtypes in the compiled module, and what it computes in.
_CODES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}
_PLAIN_TYPES = frozenset((Tensor, Parameter))
_STRIDED = torch.strided
_core: Any = native._core
_run: Any = None if _core is None else _core.softmax_cross_entropy
_POOLED_BYTES = 0 if _core is None else _core.POOLED_BYTES

Plain = Callable[..., Tensor]


@functools.cache
def executor() -> int:
    """Return the number that stands for libtorch's threads, or 0 for the calling thread if it does not lend them."""
    names = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}
    path = Path(torch.__file__).parent / "lib" / names.get(sys.platform, "libtorch_cpu.so")
    try:
        function = ctypes.CDLL(str(path)).torch_parallel_for
    except (OSError, AttributeError):
        return 0
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _questions() -> tuple[Any, ...] | None:
    """What PyTorch is asked on each call, or None if this version has no answer and the fast path must stay unused."""
    names = (
        "_are_functorch_transforms_active",
        "_len_torch_dispatch_stack",
        "_len_torch_function_stack",
        "_is_tracing",
    )
    found = tuple(getattr(torch._C, name, None) for name in names)
    return None if None in found or not hasattr(forward_ad, "_current_level") else found


_wrapped: Any = torch._C._functorch.is_functorch_wrapped_tensor  # also one whose transform is over
_QUESTIONS = _questions() if _core is not None else None


def usual(*tensors: Tensor) -> bool:
    """Return whether these are tensors like any other, in memory, and nothing looks on or transforms the call."""
    if torch.compiler.is_compiling() or _QUESTIONS is None:
        return False
    for x in tensors:
        if type(x) not in _PLAIN_TYPES or not x.is_cpu or x.layout is not _STRIDED or not x.is_contiguous():
            return False
        if x.is_neg() or _wrapped(x):
            return False
    transforms, dispatch_modes, function_modes, tracing = _QUESTIONS
    if transforms() or dispatch_modes() or function_modes() or tracing() or forward_ad._current_level >= 0:
        return False
    return not torch.is_autocast_enabled("cpu")


def _code(input: Tensor, target: Tensor) -> int | None:
    """Return the number of the logits' dtype if these are usual logits (N, C) and labels (N,), both with elements."""
    if not usual(input, target) or target.dtype is not torch.int64:
        return None
    shape = input.shape
    if len(shape) != 2 or target.shape != shape[:1] or not (shape[0] and shape[1]):
        return None
    return _CODES.get(input.dtype)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    plain: Plain,
) -> Tensor | None:
    """Return the loss for logits (N, C) and labels (N,), or None; ``plain`` computes the same by the formula."""
    code = _code(input, target)
    if code is None:
        return None
    if type(label_smoothing) is not float or not 0.0 <= label_smoothing <= 1.0 or type(ignore_index) is not int:
        return None
    if weight is not None:
        if not usual(weight) or weight.shape != input.shape[1:] or weight.requires_grad or weight.dtype not in _CODES:
            return None
        weight = weight.to(torch.float64 if code == 1 else torch.float32)
    if reduction not in ("mean", "sum", "none"):
        return None
    call = _Call(code, weight, ignore_index, reduction, label_smoothing, plain)
    wanted = torch.is_grad_enabled() and input.requires_grad
    if reduction == "none":
        value = torch.empty(input.shape[:1], dtype=call.dtype)
        if not call.run(input, target, value.data_ptr(), None):
            return None
        value = value.to(input.dtype)
    else:
        call.gradient = empty_gradient(input) if wanted else None
        if not call.run(input, target, None, None if call.gradient is None else call.gradient.data_ptr()):
            return None
        value = torch.scalar_tensor(call.result, dtype=call.dtype)
    return _apply(input, target, weight, value, call) if wanted else value


def softmax_value_and_gradient(
    options: tuple[bool, bool, int], smoothing: tuple[float, float], input: Any, target: Any
) -> tuple[Tensor, Tensor] | None:
    """Return the softmax cross-entropy of logits (N, C) and labels (N,) with its gradient, or None; see core.quick."""
    code = _code(input, target)
    if code is None:
        return None
    rows, classes = input.shape
    gradient = empty_gradient(input)
    total = native.softmax_total(
        code, input.data_ptr(), target.data_ptr(), rows, classes, gradient.data_ptr(), options, smoothing, executor()
    )
    if total is None:
        return None
    return torch.scalar_tensor(total, dtype=torch.float64 if code == 1 else torch.float32), gradient


def empty_gradient(input: Tensor) -> Tensor:
    """Return memory for the gradient of a contiguous matrix."""
    if input.nbytes < _POOLED_BYTES:
        return torch.empty_like(input, requires_grad=False)
    return from_dlpack(_core.gradient_capsule(_CODES[input.dtype], *input.shape))


class _Call:
    """One call of the kernel: its settings, and between the passes of autograd the gradient."""

    __slots__ = (
        "code",
        "dtype",
        "gradient",
        "ignore_index",
        "label_smoothing",
        "plain",
        "reduction",
        "result",
        "weight",
    )

    def __init__(
        self, code: int, weight: Any, ignore_index: int, reduction: str, label_smoothing: float, plain: Plain
    ) -> None:
        self.code, self.weight, self.ignore_index, self.reduction = code, weight, ignore_index, reduction
        self.label_smoothing, self.plain = label_smoothing, plain
        self.dtype = torch.float64 if code == 1 else torch.float32
        self.gradient: Tensor | None = None
        self.result = 0.0

    def run(self, input: Tensor, target: Tensor, values: Any, gradient: Any, scale: Any = None) -> bool:
        """Fill the arrays at these addresses and set ``result``; False if a label or weight is refused."""
        rows, classes = input.shape
        mean = self.reduction == "mean"
        weight = None if self.weight is None else self.weight.data_ptr()
        arrays = input.data_ptr(), target.data_ptr(), rows, classes, values, gradient
        try:
            bad, total, count = _run(
                executor(),
                self.code,
                *arrays,
                mean,
                True,
                self.ignore_index,
                None,
                scale,
                1.0,
                weight,
                self.label_smoothing,
                0.0,
            )
        except ValueError:
            return False
        self.result = total if not mean else total / count if count else math.nan
        return bad < 0

    def gradient_again(self, input: Tensor, target: Tensor, scale: Any = None) -> Tensor:
        gradient = empty_gradient(input)
        self.run(input, target, None, gradient.data_ptr(), scale)
        return gradient


class _CrossEntropy(Function):
    """Puts a value that is known already into autograd's graph, and its gradient where autograd asks for it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor, weight: Tensor | None, value: Tensor, call: _Call) -> Tensor:
        ctx.save_for_backward(input, target, weight)
        ctx.call = call
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), call = slopes, ctx.call
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), None, None, None, None
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, call.gradient = call.gradient, None
        if call.reduction == "none":
            input, target, _ = ctx.saved_tensors
            scale = slope.to(call.dtype).contiguous()
            return call.gradient_again(input, target, scale.data_ptr()), None, None, None, None
        if gradient is None:  # a second backward pass through the same graph
            input, target, _ = ctx.saved_tensors
            gradient = call.gradient_again(input, target)
        factor = slope.item()
        if factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None, None, None


# What Function.apply does besides calling this is for transforms, and those were ruled out.
_apply: Any = super(Function, _CrossEntropy).apply  # pyrefly: ignore


def _by_formula(ctx: Any, slope: Tensor) -> Tensor:
    """The gradient as something that can be differentiated again."""
    input, target, weight = ctx.saved_tensors
    call = ctx.call
    value = call.plain(input, target, weight, call.ignore_index, call.reduction, call.label_smoothing)
    (gradient,) = torch.autograd.grad(value, input, slope, create_graph=True)
    return gradient
