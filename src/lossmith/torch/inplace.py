"""Softmax cross-entropy of logits that the caller gives away: the gradient is written over them.

A training step then holds the logits and nothing else of their size. As everywhere in PyTorch, a function that changes
its argument has a name that ends in an underscore.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .. import native
from ..errors import InputError
from . import fast

_core: Any = native._core


def cross_entropy_(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax cross-entropy of class indices, as ``cross_entropy``, which overwrites its logits with their gradient.

    The logits are given away: after the call they hold the gradient, and autograd hands that very memory on. Whatever
    else in the graph needs them says so in its backward pass, by PyTorch's own error. Where autograd does not record,
    nothing is written. A second backward pass and second derivatives are refused.

    >>> import torch
    >>> from lossmith.torch import functional as F
    >>> layer = torch.nn.Linear(4, 3)
    >>> logits = layer(torch.ones(2, 4))
    >>> F.cross_entropy_(logits, torch.tensor([0, 2])).backward()
    >>> layer.weight.grad.shape
    torch.Size([3, 4])

    Args:
        input: (N, C) logits, or (N, C, …) whose classes lie side by side in memory; contiguous, on the CPU, float32,
            float64, bfloat16 or float16, and not a leaf of autograd's graph.
        target: (N,) or (N, …) class indices.
        weight: (C,) factors of the classes.
        ignore_index: A target that is left out.
        reduction: "mean" or "sum".
        label_smoothing: In [0, 1].

    Raises:
        InputError: This call cannot overwrite its logits; the text says why. They are as they were.
        LabelError: A label is out of range. The logits are as they were.
    """
    from . import functional  # which has this function among its own

    settings = weight, ignore_index, reduction, label_smoothing
    if not fast.in_graph(input):
        return functional.cross_entropy(input, target, weight, None, ignore_index, None, reduction, label_smoothing)
    if reduction not in ("mean", "sum"):
        raise InputError(
            f'reduction is {reduction!r}; cross_entropy_ takes "mean" and "sum", as it has to know in the forward pass '
            "what each gradient is multiplied with: use cross_entropy"
        )
    rows = input.movedim(1, -1) if input.ndim > 2 else input
    _check(rows, "input", [str(dtype).removeprefix("torch.") for dtype in fast._CODES])
    if rows.ndim < 2 or target.shape != rows.shape[:-1] or target.is_floating_point() or not rows.numel():
        raise InputError(
            f"input has shape {tuple(input.shape)} and target {tuple(target.shape)} of {target.dtype}; cross_entropy_ "
            "takes (N, C) logits and (N,) class indices: use cross_entropy for anything else"
        )
    functional._SOFTMAX.resolve({"label_smoothing": label_smoothing})  # raises where it is none
    value = _overwrite(rows, target, _weight(weight, rows), ignore_index, reduction, label_smoothing)
    if value is None:
        return functional._plain_cross_entropy(input, target, *settings)  # which says what is wrong
    torch.autograd.graph.increment_version(input)
    return _record(input, value, rows.detach())


def _overwrite(
    rows: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor | None:
    """Return the loss, with the gradient over the logits; None, and nothing written, where a label is refused."""
    labels = target.to(torch.int64).contiguous()
    try:
        bad, total, count = _core.softmax_cross_entropy(
            fast.executor(),
            fast._CODES[rows.dtype],
            rows.data_ptr(),
            labels.data_ptr(),
            labels.numel(),
            rows.shape[-1],
            None,
            rows.data_ptr(),
            mean=reduction == "mean",
            ignores=True,
            ignored=ignore_index,
            class_weight=None if weight is None else weight.data_ptr(),
            label_smoothing=label_smoothing,
        )
    except ValueError:
        return None
    if bad >= 0:
        return None
    value = total if reduction == "sum" else total / count if count else math.nan
    return torch.tensor(value, dtype=fast.compute_dtype(rows))


def _weight(weight: Tensor | None, rows: Tensor) -> Tensor | None:
    if weight is None:
        return None
    if weight.requires_grad or weight.shape != rows.shape[-1:] or not weight.is_cpu:
        raise InputError(
            f"weight has shape {tuple(weight.shape)}; cross_entropy_ takes ({rows.shape[-1]},) factors on the CPU that "
            "need no gradient: use cross_entropy"
        )
    return weight.detach().to(fast.compute_dtype(rows)).contiguous()


class _Overwritten(Function):
    """Puts a value that is known already into autograd's graph, and its gradient, which lies where the logits lay."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient.movedim(-1, 1) if gradient.ndim > 2 else gradient
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None or torch.is_grad_enabled():
            raise RuntimeError(
                "cross_entropy_ has overwritten its logits, and so differentiates once: use cross_entropy for a second "
                "backward pass (retain_graph) and for second derivatives (create_graph)"
            )
        factor = slopes[0].item()
        if factor != 1.0:
            gradient.mul_(factor)
        return gradient, None, None


_record = fast.applied(_Overwritten)


def claim(x: Any, name: str, dtypes: Collection[str]) -> None:
    """Make a tensor known to autograd as one that is about to be changed.

    Raises:
        InputError: It cannot be overwritten.
    """
    _check(x, name, dtypes)
    if not x.is_inference():
        torch.autograd.graph.increment_version(x)


def _check(x: Any, name: str, dtypes: Collection[str]) -> None:
    """Raise InputError unless a tensor can be overwritten by a kernel."""
    if _core is None:
        raise InputError(f"overwriting {name} needs the native core: {native.why_not()}")
    if not isinstance(x, Tensor):
        raise InputError(f"{name} is a {type(x).__name__}; a tensor is needed that can be overwritten")
    why = None
    if torch.is_grad_enabled() and x.requires_grad and (x.is_leaf or _on_a_leaf(x)):
        why = f"is a leaf of autograd's graph, or a view of one: give {name}.clone()"
    elif not (fast.quiet() and fast.ordinary(x)):
        why = "is a subclass, or a transform, mode, autocast or compiler looks on: leave the logits whole there"
    elif not x.is_cpu or x.layout is not torch.strided:
        why = f"is on {x.device} with layout {x.layout}, and the kernels overwrite dense tensors on the CPU"
    elif str(x.dtype).removeprefix("torch.") not in dtypes:
        why = f"has dtype {x.dtype}; overwritten are {', '.join(dtypes)}: give {name}.float()"
    elif not x.is_contiguous():
        why = f"is not contiguous, class beside class: give {name}.contiguous()"
    if why:
        raise InputError(f"{name} cannot be overwritten: it {why}")


def _on_a_leaf(x: Tensor) -> bool:
    """Return whether a tensor is a view of a leaf of autograd's graph."""
    return x._base is not None and x._base.is_leaf


def fill(logits: Tensor, labels: Tensor, keep: Any, scale: Any, parameters: dict[str, Any]) -> Tensor:
    """Return the loss of each row, with ``scale`` times the gradient over the logits."""
    batch, wide = logits.shape[:-1], fast.compute_dtype(logits)
    values = torch.empty(batch, dtype=wide)
    along = scale.detach() if isinstance(scale, Tensor) and scale.numel() > 1 else None
    arrays = {
        "labels": labels.contiguous(),
        "values": values,
        "keep": None if keep is None else keep.expand(batch).contiguous(),
        "scale": None if along is None else along.to(wide).expand(batch).contiguous(),
        "class_weight": None if parameters["class_weight"] is None else parameters["class_weight"].contiguous(),
    }
    _core.softmax_cross_entropy(
        fast.executor(),
        fast._CODES[logits.dtype],
        logits=logits.data_ptr(),
        gradient=logits.data_ptr(),
        rows=values.numel(),
        classes=logits.shape[-1],
        factor=1.0 if scale is None or along is not None else float(scale),
        label_smoothing=parameters["label_smoothing"],
        z_loss=parameters["z_loss"],
        **{name: None if x is None else x.data_ptr() for name, x in arrays.items()},
    )
    return values
