"""The array operations on PyTorch; see ``numpy.py`` for what each one means.

Native autograd runs through all of them, so double backward, ``torch.func``, ``torch.compile`` and export follow.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from . import composite

name = "torch"
Array = torch.Tensor

exp, expm1, log1p, tanh, sqrt = torch.exp, torch.expm1, torch.log1p, torch.tanh, torch.sqrt
isnan, isinf, log, sigmoid = torch.isnan, torch.isinf, torch.log, torch.sigmoid
broadcast_to, reshape, moveaxis, divide = torch.broadcast_to, torch.reshape, torch.moveaxis, torch.divide
zeros_like = torch.zeros_like
abs0, sign0, relu0 = torch.abs, torch.sgn, torch.relu

_here = sys.modules[__name__]
_wrapped = getattr(torch._C._functorch, "is_functorch_wrapped_tensor", None)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Select elementwise; Python scalars take the dtype of the other branch."""
    return torch.where(condition, a, b)


def asarray(x: Any, like: Any = None) -> Any:
    """Return ``x`` as a tensor on the device of ``like``."""
    if isinstance(x, torch.Tensor):
        return x
    return torch.as_tensor(x, device=None if like is None else like.device)


def is_dense(x: Any) -> bool:
    """Whether every element has a number of its own: not so in sparse, nested and quantised tensors."""
    return x.layout is torch.strided and not x.is_nested and not x.is_quantized


def shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)


def size(x: Any) -> Any:
    """Return the number of elements."""
    return x.numel()


def kind(x: Any) -> str:
    """Return "float", "int", "bool" or the dtype's own name for anything else."""
    if x.dtype.is_floating_point:
        return "float"
    if x.dtype.is_complex:
        return str(x.dtype).removeprefix("torch.")
    return "bool" if x.dtype == torch.bool else "int"


def compute_dtype(*arrays: Any) -> Any:
    """Return the dtype to compute in: the widest floating one among ``arrays``, at least float32."""
    dtype = torch.float32
    floats = [a.dtype for a in arrays if a.dtype.is_floating_point]
    for d in floats:
        dtype = torch.promote_types(dtype, d)
    return dtype if floats else torch.promote_types(dtype, torch.get_default_dtype())


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` with ``dtype``."""
    return x.to(dtype)


def to_int(x: Any) -> Any:
    """Return ``x`` as int64."""
    return x.to(torch.int64)


def is_concrete(x: Any) -> bool:
    """Whether ``x`` is a plain CPU tensor, outside of any trace or transform."""
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return False
    if type(x) not in (torch.Tensor, torch.nn.Parameter):
        return False
    return _wrapped is None or not _wrapped(x)


def to_numpy(x: Any) -> Any:
    """Return a concrete tensor as NumPy (shared memory where NumPy knows the dtype)."""
    x = x.detach().resolve_neg().resolve_conj()
    return (x.float() if x.dtype == torch.bfloat16 else x).numpy()


def to_result(x: Any) -> Any:
    """Return the 0-d tensor itself."""
    return x


def stop_gradient(x: Any) -> Any:
    """Return ``x`` as a constant."""
    return x.detach()


def expand(x: Any, axis: int) -> Any:
    """Insert an axis of length one."""
    return torch.unsqueeze(x, axis)


def stack(arrays: Any) -> Any:
    """Join arrays of one shape along a new last axis."""
    return torch.stack(arrays, dim=-1)


def positions(x: Any) -> Any:
    """0, 1, 2, … along the last axis of ``x``, in its dtype."""
    return torch.arange(x.shape[-1], dtype=x.dtype, device=x.device)


def full_shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)


def flatten_from(x: Any, axis: int, keep_last: bool) -> Any:
    """Join the axes from ``axis`` on into one, the last excepted with ``keep_last``; from 0, after a new first axis."""
    x = x if axis else x.unsqueeze(0)
    end = x.dim() - int(keep_last)
    return x.unsqueeze(1) if end == 1 else x.flatten(1, end - 1)


def unflatten(x: Any, shape: tuple) -> Any:
    """Return ``x`` in ``shape``."""
    return x.reshape(shape)


def matmul(a: Any, b: Any) -> Any:
    """Matrix product of the last two axes."""
    return torch.matmul(a, b)


def swap(x: Any) -> Any:
    """Swap the last two axes."""
    return x.transpose(-1, -2)


def order(x: Any) -> Any:
    """Indices that sort the last axis from high to low; ties keep their order, NaN comes last."""
    return torch.argsort(-x.detach(), dim=-1, stable=True)


def take_along(x: Any, index: Any) -> Any:
    """``x[..., index]`` along the last axis, for an index of the shape of ``x``."""
    return torch.gather(x, -1, index)


def add_along(x: Any, index: Any) -> Any:
    """Zeros with ``x`` added at ``index`` along the last axis: the gradient of :func:`take_along`."""
    return torch.zeros_like(x).scatter_add(-1, index, x)


def cumsum(x: Any) -> Any:
    """Running sum along the last axis."""
    return torch.cumsum(x, dim=-1)


def runs(x: Any) -> tuple[Any, Any]:
    """First and last index of the run of equal neighbours that each element of the last axis stands in."""
    index = torch.arange(x.shape[-1], device=x.device).expand(x.shape)
    if not x.numel():
        return index, index
    differs, end = x[..., 1:] != x[..., :-1], torch.ones_like(x[..., :1], dtype=torch.bool)
    first = torch.where(torch.cat([end, differs], -1), index, 0)
    last = torch.where(torch.cat([differs, end], -1), index, x.shape[-1])
    return torch.cummax(first, -1).values, torch.flip(torch.cummin(torch.flip(last, (-1,)), -1).values, (-1,))


def logcumsumexp(x: Any) -> Any:
    """``log(cumsum(exp(x)))`` along the last axis without overflow; -inf where nothing was added yet.

    The backward of ``torch.logcumsumexp`` adds logarithms of gradients to ``x``: off by 3% at 1e6 in float32.
    """
    return composite.doubling_logsumexp(_here, x)


def flip(x: Any) -> Any:
    """Reverse the last axis."""
    return torch.flip(x, (-1,))


def pad_front(x: Any, value: float) -> Any:
    """Put one more entry, ``value``, before the others of the last axis."""
    return torch.nn.functional.pad(x, (1, 0), value=value)


def scan(step: Any, state: Any, inputs: Any) -> Any:
    """Run ``state = step(state, x)`` along the first axis of the tuple ``inputs``; return all states, stacked.

    States are tuples of arrays that keep shape and dtype.
    """
    history = []
    for t in range(len(inputs[0])):
        state = step(state, tuple(x[t] for x in inputs))
        history.append(state)
    return tuple(torch.stack(part) for part in zip(*history, strict=True))


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in radians; 0 for (0, 0), where its gradient is not to be used."""
    return torch.atan2(y, x)


def total(x: Any) -> Any:
    """Sum of all elements (PyTorch sums in cascades, so float32 holds)."""
    return torch.sum(x)


def sum(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Sum along one axis."""
    return torch.sum(x, dim=axis, keepdim=keepdims)


def mean(x: Any, axis: int) -> Any:
    """Mean along one axis."""
    return torch.mean(x, dim=axis)


def max(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Largest value along one axis; ties share the gradient evenly."""
    if x.shape[axis] == 0:
        return torch.sum(x, dim=axis, keepdim=keepdims) - torch.inf
    return torch.amax(x, dim=axis, keepdim=keepdims)


def at_most(x: Any, high: float) -> Any:
    """``min(x, high)`` with gradient 1 below and at ``high``."""
    return torch.clamp(x, max=high)


def at_least(x: Any, low: float) -> Any:
    """``max(x, low)`` with gradient 1 above and at ``low``."""
    return torch.clamp(x, min=low)


def erf(x: Any) -> Any:
    """The error function; -1 and 1 at ±inf."""
    return torch.erf(x)


def lgamma(x: Any) -> Any:
    """``log Γ(x)`` for ``x`` above 0; infinite at 0 and at infinity, NaN below 0."""
    return torch.where(x < 0, torch.nan, torch.lgamma(x))


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``; ``torch.nn.functional.softplus`` itself is off by 7.6e-10 beyond 20 in float64."""
    return -torch.nn.functional.logsigmoid(-x)


def log_softmax(x: Any) -> Any:
    """``x - logsumexp(x)`` over the last axis."""
    return torch.log_softmax(x, dim=-1)


def softmax(x: Any) -> Any:
    """Probabilities over the last axis."""
    return torch.softmax(x, dim=-1)


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """One-hot rows over a new last axis; a label out of range gives a row of zeros."""
    return (labels.unsqueeze(-1) == torch.arange(classes, device=labels.device)).to(dtype)


def take_label(x: Any, labels: Any) -> Any:
    """``x[..., labels]`` along the last axis; a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < x.shape[-1])
    safe = torch.where(inside, labels, 0)
    return torch.where(inside, torch.gather(x, -1, safe.unsqueeze(-1)).squeeze(-1), torch.nan)


def take_entry(vector: Any, labels: Any) -> Any:
    """``vector[labels]`` for a vector (C,); a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < vector.shape[0])
    safe = torch.where(inside, labels, 0)  # gather, because indexing with one label asks for its value under vmap
    return torch.where(inside, torch.gather(vector, 0, safe.reshape(-1)).reshape(safe.shape), torch.nan)
