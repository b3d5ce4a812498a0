"""The native kernels for tensors: which call has one, and how autograd sees it.

The contract: `cross_entropy` returns exactly what the plain formula returns, or None, and then the plain formula has to
do it. It returns None whenever anything is unusual - another device, layout, dtype or shape, a subclass, a mode, a
transform, a compiler or exporter that looks on, a wrong argument - so that errors and semantics are the formula's own.
Derivatives of second and higher order also come from the formula.

The gradient is computed with the loss, in one pass over the logits, and handed over in the backward pass. Large ones
lie in memory that is used again for the next step's; see `lossmith.trim`.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.nn import Parameter
from torch.utils.dlpack import from_dlpack

from .. import native
from ..core import quick

# The numbers that stand for dtypes in the compiled module, and what it computes in.
_CODES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}
_PLAIN_TYPES = frozenset((Tensor, Parameter))
_STRIDED = torch.strided
_core: Any = native._core
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


_wrapped: Any = torch._C._functorch.is_functorch_wrapped_tensor  # also one whose transform is over


def _watch() -> bool:
    """Tell compiled code how to look at tensors and make some, and whom to ask on each call; False if it cannot."""
    names = (
        "_are_functorch_transforms_active",
        "_len_torch_dispatch_stack",
        "_len_torch_function_stack",
        "_is_tracing",
        "_is_any_autocast_enabled",
    )
    questions = tuple(getattr(torch._C, name, None) for name in names)
    # With hooks on what autograd saves (checkpoints, offloading) a gradient that is kept aside would escape them.
    hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    capsule = getattr(Tensor, "__dlpack_c_exchange_api__", None)  # since PyTorch 2.10
    if _core is None or None in (capsule, hooks, *questions) or not hasattr(forward_ad, "_current_level"):
        return False
    return _core.watch_torch(capsule, executor(), (Tensor, Parameter), questions, hooks, vars(forward_ad))


_watched = _watch()


def watched() -> bool:
    """Return whether the compiled functions for tensors may be called; they ask for themselves what `quiet` asks."""
    return not torch.compiler.is_compiling() and _watched


def quiet() -> bool:
    """Return whether nothing looks on or transforms what this thread calls."""
    return watched() and _core.torch_is_quiet()


def ordinary(x: Tensor) -> bool:
    """Return whether this is a tensor like any other, as far as compiled code does not see for itself."""
    return type(x) in _PLAIN_TYPES and not x.is_neg()


def usual(*tensors: Tensor) -> bool:
    """Return whether these are contiguous tensors in memory, and nothing looks on or transforms the call."""
    return quiet() and all(
        ordinary(x) and x.is_cpu and x.layout is _STRIDED and x.is_contiguous() and not _wrapped(x) for x in tensors
    )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    plain: Plain,
) -> Tensor | None:
    """Return the loss for logits (N, C, …) and labels (N, …), or None; ``plain`` computes the same by the formula."""
    if not watched() or type(input) not in _PLAIN_TYPES:
        return None
    if input.ndim > 2:
        usual_kinds = quiet() and ordinary(input) and ordinary(target)
        settings = weight, ignore_index, reduction, label_smoothing, plain
        return _over_positions(input, target, *settings) if usual_kinds else None
    if type(label_smoothing) is not float or not 0.0 <= label_smoothing <= 1.0:
        return None
    if type(ignore_index) is not int or not -(2**63) <= ignore_index < 2**63:
        return None
    if weight is not None:
        if not usual(weight) or weight.shape != input.shape[1:] or weight.requires_grad or weight.dtype not in _CODES:
            return None
        weight = weight.to(compute_dtype(input))
    settings = ignore_index, reduction, label_smoothing
    options, smoothing = (reduction == "mean", True, ignore_index), (label_smoothing, 0.0)
    if reduction == "none":
        return _rows(input, target, _Call(weight, options, smoothing, plain, settings))
    if reduction not in ("mean", "sum"):
        return None
    wanted = in_graph(input)
    address = None if weight is None else weight.data_ptr()
    result = _core.softmax_tensors(input, target, wanted, *options, address, *smoothing)
    if result is None or not wanted:
        return None if result is None else result[0]
    return _recorded(input, target, result, _Call(weight, options, smoothing, plain, settings))


def _over_positions(input: Tensor, target: Tensor, *settings: Any) -> Tensor | None:
    """Return the loss of each position of (N, C, …) as a row; a language model's transposed (N, T, C) needs no copy."""
    shape = input.shape
    if not input.is_cpu or target.shape != (shape[0], *shape[2:]) or not input.numel():
        return None
    result = cross_entropy(input.movedim(1, -1).reshape(-1, shape[1]), target.reshape(-1), *settings)
    return result if result is None or not result.ndim else result.reshape(target.shape)


def _rows(input: Tensor, target: Tensor, call: _Call) -> Tensor | None:
    """Return the loss of each row, or None; the gradient waits for what each is multiplied with."""
    shape = input.shape
    if not usual(input, target) or input.dtype not in _CODES or target.dtype is not torch.int64:
        return None
    if len(shape) != 2 or target.shape != shape[:1] or not (shape[0] and shape[1]):
        return None
    value = torch.empty(shape[:1], dtype=compute_dtype(input))
    if not call.run(input, target, value.data_ptr(), None):
        return None
    value = value.to(input.dtype)
    call.rows = True
    return _recorded(input, target, (value, None), call) if in_graph(input) else value


def softmax_value_and_gradient(
    options: tuple[bool, bool, int],
    smoothing: tuple[float, float],
    plain: Plain,
    class_weight: Any,
    input: Any,
    target: Any,
    wanted: bool,
) -> tuple[Tensor, Tensor | None] | None:
    """Return the softmax cross-entropy of logits (N, C) and labels (N,) and, if wanted, its gradient, or None.

    Where the gradient is not wanted here, autograd is told how to get it; see core.quick.
    """
    if not watched() or type(input) not in _PLAIN_TYPES:
        return None
    weight = None
    if class_weight is not None and input.ndim == 2:
        weight = _class_weight(class_weight, input)
        if weight is None:
            return None
    recorded = not wanted and in_graph(input)
    address = None if weight is None else weight.data_ptr()
    result = _core.softmax_tensors(input, target, wanted or recorded, *options, address, *smoothing, True)
    if result is None or not recorded:
        return result
    return _recorded(input, target, result, _Call(weight, options, smoothing, plain)), None


def _class_weight(given: Any, input: Tensor) -> Tensor | None:
    """Return the factors of the classes as the kernel takes them, or None where they are unusual."""
    if isinstance(given, Tensor):
        usable = usual(given) and not given.requires_grad and given.dtype in _CODES
        weight = given.to(compute_dtype(input)) if usable else None
    else:
        found = quick.factors(given, np.float64, input.shape[-1])
        weight = None if found is None else torch.tensor(found, dtype=compute_dtype(input))
    return weight if weight is not None and weight.shape == input.shape[1:] else None


def factor(x: Tensor, input: Tensor) -> Tensor | float:
    """Return one factor for all elements as a number, where nothing looks on, and anything else as it is."""
    single = quiet() and ordinary(x) and x.is_cpu and x.numel() == 1 and x.ndim <= min(input.ndim, 1)
    if not single or x.requires_grad:
        return x
    number = float(x)
    return number if 0.0 <= number < math.inf else x


def in_graph(input: Tensor) -> bool:
    """Return whether autograd wants to know what becomes of a tensor."""
    return input.requires_grad and torch.is_grad_enabled()


def compute_dtype(input: Tensor) -> torch.dtype:
    """Return the dtype that the kernels compute in."""
    return torch.float64 if input.dtype is torch.float64 else torch.float32


def empty_gradient(input: Tensor) -> Tensor:
    """Return memory for the gradient of a tensor that is contiguous, or would be with its first two axes swapped."""
    if not input.is_contiguous():
        return empty_gradient(input.transpose(0, 1)).transpose(0, 1)
    if input.nbytes < _POOLED_BYTES:
        return torch.empty_like(input, requires_grad=False)
    return from_dlpack(_core.gradient_capsule(_CODES[input.dtype], 1, input.numel())).view(input.shape)


class _Call:
    """One call of the kernel: its settings, and between the passes of autograd the gradient.

    ``plain`` computes the same by the formula, of input, target, class weights and ``settings``.
    """

    __slots__ = ("gradient", "options", "plain", "rows", "settings", "smoothing", "weight")

    def __init__(
        self,
        weight: Tensor | None,
        options: tuple[bool, bool, int],  # whether to take the mean, whether a label is ignored, and which
        smoothing: tuple[float, float],
        plain: Plain,
        settings: tuple[Any, ...] = (),
    ) -> None:
        self.weight, self.options, self.smoothing = weight, options, smoothing
        self.plain, self.settings = plain, settings
        self.gradient: Tensor | None = None
        self.rows = False

    def run(self, input: Tensor, target: Tensor, values: Any, gradient: Any, scale: Any = None) -> bool:
        """Fill the arrays at these addresses; False if a label or weight is refused."""
        rows, classes = input.shape
        weight = None if self.weight is None else self.weight.data_ptr()
        arrays = input.data_ptr(), target.data_ptr(), rows, classes, values, gradient
        try:
            bad, _, _ = _core.softmax_cross_entropy(
                executor(), _CODES[input.dtype], *arrays, *self.options, None, scale, 1.0, weight, *self.smoothing
            )
        except ValueError:
            return False
        return bad < 0

    def gradient_again(self, input: Tensor, target: Tensor, scale: Any = None) -> Tensor:
        gradient = empty_gradient(input)
        self.run(input, target, None, gradient.data_ptr(), scale)
        return gradient


class _CrossEntropy(Function):
    """Puts a value that is known already into autograd's graph, and its gradient where autograd asks for it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, others: tuple[Tensor, Tensor], call: _Call) -> Tensor:
        # In a tuple autograd does not take them for inputs: one that is returned would be made a view of itself.
        target, value = others
        ctx.save_for_backward(input, target, call.weight)
        ctx.call = call
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), call = slopes, ctx.call
        if torch.is_grad_enabled():
            return _by_formula(ctx, slope), None, None
        # Handed over and forgotten: whoever gets the only reference may keep it instead of a copy.
        gradient, call.gradient = call.gradient, None
        if call.rows:
            input, target, _ = ctx.saved_tensors
            scale = slope.to(compute_dtype(input)).contiguous()
            return call.gradient_again(input, target, scale.data_ptr()), None, None
        if gradient is None:  # a second backward pass through the same graph
            input, target, _ = ctx.saved_tensors
            gradient = call.gradient_again(input, target)
        factor = slope.item()
        if factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None


def applied(function: type[Function]) -> Any:
    """Return what ``function.apply`` calls: all that it does besides is for transforms, and those were ruled out.

    The engine, too, is led to the backward pass directly, past the question whether it is called ``vjp``.
    """
    node = getattr(function, "_backward_cls", None)
    if node is not None:
        node.apply = function.backward
    return super(Function, function).apply  # pyrefly: ignore


_record = applied(_CrossEntropy)


def _recorded(input: Tensor, target: Tensor, result: tuple[Tensor, Tensor | None], call: _Call) -> Tensor:
    value, call.gradient = result
    return _record(input, (target, value), call)


def _by_formula(ctx: Any, slope: Tensor) -> Tensor:
    """The gradient as something that can be differentiated again."""
    input, target, weight = ctx.saved_tensors
    call = ctx.call
    value = call.plain(input, target, weight, *call.settings)
    (gradient,) = torch.autograd.grad(value, input, slope, create_graph=True)
    return gradient
