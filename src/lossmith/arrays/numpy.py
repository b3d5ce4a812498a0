"""The array operations on NumPy: the reference for the other three modules.

Arrays keep their dtype; ``compute_dtype`` names the one that losses are computed in (float32 or better).
Sums are accumulated in float64. Infinities are ordinary values here, so callers switch NumPy's warnings off
(``lossmith.core`` does) rather than each operation its own.
"""

from __future__ import annotations

import math as _math
from typing import Any

import numpy as np

name = "numpy"
Array = np.ndarray
_KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool"}

exp, expm1, log1p, tanh, sqrt, isnan, isinf = np.exp, np.expm1, np.log1p, np.tanh, np.sqrt, np.isnan, np.isinf
where, moveaxis, broadcast_to, reshape = np.where, np.moveaxis, np.broadcast_to, np.reshape
log, divide = np.log, np.divide
_erf, _lgamma = np.frompyfunc(_math.erf, 1, 1), np.frompyfunc(_math.lgamma, 1, 1)


# --- what an array is ------------------------------------------------------------------------------------------------
def asarray(x: Any, like: Any = None) -> Any:
    """Return ``x`` as an array; ``like`` gives the device on frameworks that have one."""
    return np.asarray(x)


def is_dense(x: Any) -> bool:
    """Whether every element has a number of its own: in any array; PyTorch has others."""
    return True


def shape(x: Any) -> tuple:
    """Return the shape; entries may be None where a framework does not know them yet."""
    return x.shape


def size(x: Any) -> Any:
    """Return the number of elements (an int wherever it is known)."""
    return x.size


def kind(x: Any) -> str:
    """Return "float", "int", "bool" or the dtype's own name for anything else."""
    known = _KINDS.get(x.dtype.kind)
    if known:
        return known
    return "float" if x.dtype.name == "bfloat16" else x.dtype.name


def compute_dtype(*arrays: Any) -> Any:
    """Return the dtype to compute in: the widest floating one among ``arrays``, at least float32."""
    wide = [np.float32 if a.dtype.itemsize < 4 else a.dtype for a in arrays if kind(a) == "float"]
    return np.result_type(*wide) if wide else np.dtype(np.float64)


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` with ``dtype``."""
    if dtype == np.float16 and x.dtype in (np.float32, np.float64) and x.ndim:
        return _halved(x)
    return x.astype(dtype, copy=False)


def _halved(x: Any) -> Any:
    """Return float32 or float64 as float16, bit for bit as astype does.

    For each number that astype rounds to a denormal one it raises a flag of the processor, at the price of thirty
    others. So those are rounded to their steps of 2⁻²⁴ before, ties to even, by adding what lies that far apart.
    """
    start = x.dtype.type(0.75 * 2.0 ** (np.finfo(x.dtype).nmant - 23))
    flat, halved = np.ascontiguousarray(x).reshape(-1), np.empty(x.shape, np.float16)
    to = halved.reshape(-1)
    for begin in range(0, flat.size, 1 << 15):  # in a core's own cache
        piece = flat[begin : begin + (1 << 15)]
        rounded = np.copysign((piece + start) - start, piece)
        to[begin : begin + (1 << 15)] = np.where(np.abs(piece) < 2.0**-14, rounded, piece)
    return halved


def to_int(x: Any) -> Any:
    """Return ``x`` as the integer type that labels are looked up with."""
    return x.astype(np.int64, copy=False)


def is_concrete(x: Any) -> bool:
    """Whether the values can be looked at now, on the host, without waiting for a device or breaking a trace."""
    return True


def to_numpy(x: Any) -> np.ndarray:
    """Return a concrete array as NumPy, without its history, in a dtype that NumPy knows."""
    return x


def to_result(x: Any) -> Any:
    """Return what a user gets for a 0-d result: a Python float on NumPy, the framework's own scalar elsewhere."""
    return float(x)


def stop_gradient(x: Any) -> Any:
    """Return ``x`` as a constant."""
    return x


def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of ``x``."""
    return np.zeros_like(x)


def expand(x: Any, axis: int) -> Any:
    """Insert an axis of length one."""
    return np.expand_dims(x, axis)


def stack(arrays: Any) -> Any:
    """Join arrays of one shape along a new last axis."""
    return np.stack(arrays, axis=-1)


def positions(x: Any) -> Any:
    """0, 1, 2, … along the last axis of ``x``, in its dtype."""
    return np.arange(x.shape[-1]).astype(x.dtype)


def full_shape(x: Any) -> tuple:
    """Return the shape to give to :func:`unflatten`: numbers, or scalars that stand for them in a graph."""
    return x.shape


def flatten_from(x: Any, axis: int, keep_last: bool) -> Any:
    """Join the axes from ``axis`` on into one, the last excepted with ``keep_last``; from 0, after a new first axis."""
    end = x.shape[-1:] if keep_last else ()
    length = _math.prod(x.shape[axis : x.ndim - len(end)])
    return x.reshape((*x.shape[:axis], length, *end) if axis else (1, length, *end))


def unflatten(x: Any, shape: tuple) -> Any:
    """Return ``x`` in ``shape``: the way back from :func:`flatten_from`."""
    return x.reshape(shape)


def matmul(a: Any, b: Any) -> Any:
    """Matrix product of the last two axes."""
    return np.matmul(a, b)


def swap(x: Any) -> Any:
    """Swap the last two axes."""
    return np.swapaxes(x, -1, -2)


def order(x: Any) -> Any:
    """Indices that sort the last axis from high to low; ties keep their order, NaN comes last."""
    return np.argsort(-x, axis=-1, kind="stable")


def take_along(x: Any, index: Any) -> Any:
    """``x[..., index]`` along the last axis, for an index of the shape of ``x``."""
    return np.take_along_axis(x, index, axis=-1)


def add_along(x: Any, index: Any) -> Any:
    """Zeros with ``x`` added at ``index`` along the last axis: the gradient of :func:`take_along`."""
    start = np.arange(0, x.size, _math.prod(x.shape[-1:]) or 1).reshape((*x.shape[:-1], 1)) if x.size else 0
    return np.bincount((index + start).ravel(), x.ravel(), x.size).astype(x.dtype).reshape(x.shape)


def cumsum(x: Any) -> Any:
    """Running sum along the last axis, accumulated in float64."""
    return np.cumsum(x, axis=-1, dtype=np.float64).astype(x.dtype)


def runs(x: Any) -> tuple[Any, Any]:
    """First and last index of the run of equal neighbours that each element of the last axis stands in."""
    index = np.broadcast_to(np.arange(x.shape[-1]), x.shape)
    if not x.size:
        return index, index
    differs, end = x[..., 1:] != x[..., :-1], np.ones((*x.shape[:-1], 1), bool)
    first = np.where(np.concatenate([end, differs], axis=-1), index, 0)
    last = np.where(np.concatenate([differs, end], axis=-1), index, x.shape[-1])
    return np.maximum.accumulate(first, axis=-1), np.flip(np.minimum.accumulate(np.flip(last, -1), axis=-1), -1)


def logcumsumexp(x: Any) -> Any:
    """``log(cumsum(exp(x)))`` along the last axis without overflow; -inf where nothing was added yet."""
    return np.logaddexp.accumulate(x, axis=-1, dtype=np.float64).astype(x.dtype) if x.size else x


def flip(x: Any) -> Any:
    """Reverse the last axis."""
    return np.flip(x, axis=-1)


def pad_front(x: Any, value: float) -> Any:
    """Put one more entry, ``value``, before the others of the last axis."""
    return np.concatenate([np.full((*x.shape[:-1], 1), value, x.dtype), x], axis=-1)


def scan(step: Any, state: Any, inputs: Any) -> Any:
    """Run ``state = step(state, x)`` along the first axis of the tuple ``inputs``; return all states, stacked.

    States are tuples of arrays that keep shape and dtype.
    """
    history = []
    for t in range(len(inputs[0])):
        state = step(state, tuple(x[t] for x in inputs))
        history.append(state)
    return tuple(np.stack(part) for part in zip(*history, strict=True))


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in radians; 0 for (0, 0), where its gradient is not to be used."""
    return np.arctan2(y, x)


def total(x: Any) -> Any:
    """Sum of all elements, accumulated in float64 on the host."""
    return np.sum(x, dtype=np.float64)


def sum(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Sum along one axis."""
    if x.strides[axis] == x.itemsize or x.dtype != np.float32:
        return np.sum(x, axis=axis, keepdims=keepdims)  # pairwise
    return np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float64).astype(x.dtype)


def mean(x: Any, axis: int) -> Any:
    """Mean along one axis."""
    return np.mean(x, axis=axis)


def max(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Largest value along one axis (-inf where there is none); tied values share the gradient evenly."""
    return np.max(x, axis=axis, keepdims=keepdims, initial=-np.inf)


# --- operations whose edges are pinned -------------------------------------------------------------------------------
def abs0(x: Any) -> Any:
    """``|x|`` with gradient 0 at 0 and NaN at NaN."""
    return np.abs(x)


def sign0(x: Any) -> Any:
    """The gradient of :func:`abs0`: -1, 0 or 1; NaN at NaN."""
    return np.sign(x)


def relu0(x: Any) -> Any:
    """``max(x, 0)`` with gradient 0 at 0; NaN stays NaN."""
    return np.maximum(x, 0)


def at_most(x: Any, high: float) -> Any:
    """``min(x, high)`` with gradient 1 below and at ``high``, 0 above; NaN stays NaN."""
    return np.minimum(x, high)


def at_least(x: Any, low: float) -> Any:
    """``max(x, low)`` with gradient 1 above and at ``low``, 0 below; NaN stays NaN."""
    return np.maximum(x, low)


def erf(x: Any) -> Any:
    """The error function: ``erf(x / sqrt(2))`` is 2 Φ(x) - 1 of the normal distribution; -1 and 1 at ±inf."""
    return np.asarray(_erf(x), x.dtype)


def lgamma(x: Any) -> Any:
    """``log Γ(x)`` for ``x`` above 0; infinite at 0 and at infinity, NaN below 0."""
    inside = (x > 0) & (x < 1e300)
    edge = np.where(x >= 0, np.inf, np.nan)
    return np.where(inside, np.asarray(_lgamma(np.where(inside, x, 1)), x.dtype), edge.astype(x.dtype))


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))`` without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype, copy=False)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))`` with gradient ``sigmoid(x)`` everywhere, 1/2 at 0."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def log_softmax(x: Any) -> Any:
    """``x - logsumexp(x)`` over the last axis; a class at -inf has probability 0 and gradient 0."""
    shifted = x - np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def softmax(x: Any) -> Any:
    """Probabilities over the last axis."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True, initial=-np.inf))
    return e / np.sum(e, axis=-1, keepdims=True)


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """One-hot rows over a new last axis; a label out of range gives a row of zeros."""
    return (labels[..., None] == np.arange(classes)).astype(dtype)


def take_label(x: Any, labels: Any) -> Any:
    """``x[..., labels]`` along the last axis; a label out of range gives NaN, never another class's value."""
    classes = x.shape[-1]
    inside = (labels >= 0) & (labels < classes)
    safe = np.where(inside, labels, 0)
    if classes == 0:
        return np.full(labels.shape, np.nan, x.dtype)
    taken = np.take_along_axis(x, safe[..., None], axis=-1)[..., 0]
    return np.where(inside, taken, np.asarray(np.nan, x.dtype))


def take_entry(vector: Any, labels: Any) -> Any:
    """``vector[labels]`` for a vector (C,); a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < vector.shape[0])
    return np.where(inside, vector[np.where(inside, labels, 0)], np.asarray(np.nan, vector.dtype))
