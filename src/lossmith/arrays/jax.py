"""The array operations on JAX; see ``numpy.py`` for what each one means. All of them are traceable and pure."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import composite

name = "jax"
Array = jax.Array

exp, expm1, log1p, tanh, sqrt = jnp.exp, jnp.expm1, jnp.log1p, jnp.tanh, jnp.sqrt
isnan, isinf, log, sigmoid = jnp.isnan, jnp.isinf, jnp.log, jax.nn.sigmoid
where, moveaxis, broadcast_to, reshape, divide = jnp.where, jnp.moveaxis, jnp.broadcast_to, jnp.reshape, jnp.divide
zeros_like, sign0 = jnp.zeros_like, jnp.sign
stop_gradient = jax.lax.stop_gradient
_here = sys.modules[__name__]
softplus, relu0 = jax.nn.softplus, jax.nn.relu


def asarray(x: Any, like: Any = None) -> Any:
    """Return ``x`` as a JAX array."""
    return jnp.asarray(x)


def is_dense(x: Any) -> bool:
    """Whether every element has a number of its own: in any array of JAX."""
    return True


def shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)


def size(x: Any) -> Any:
    """Return the number of elements."""
    return x.size


def kind(x: Any) -> str:
    """Return "float", "int", "bool" or the dtype's own name for anything else."""
    for word, group in (("float", jnp.floating), ("int", jnp.integer), ("bool", jnp.bool_)):
        if jnp.issubdtype(x.dtype, group):
            return word
    return str(x.dtype)


def compute_dtype(*arrays: Any) -> Any:
    """Return the dtype to compute in: the widest floating one among ``arrays``, at least float32."""
    floats = [a.dtype for a in arrays if kind(a) == "float"]
    return jnp.promote_types(jnp.float32, jnp.result_type(*floats)) if floats else jnp.asarray(0.0).dtype


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` with ``dtype``."""
    return x.astype(dtype)


def to_int(x: Any) -> Any:
    """Return ``x`` as JAX's default integer type (labels wider than that cannot index an array anyway)."""
    return x.astype(jnp.asarray(0).dtype)


def is_concrete(x: Any) -> bool:
    """Whether ``x`` is a concrete array on the host's CPU."""
    return not isinstance(x, jax.core.Tracer) and x.is_fully_addressable and next(iter(x.devices())).platform == "cpu"


def to_numpy(x: Any) -> Any:
    """Return a concrete array as NumPy (bfloat16 as float32)."""
    return np.asarray(x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x)


def to_result(x: Any) -> Any:
    """Return the 0-d array itself."""
    return x


def expand(x: Any, axis: int) -> Any:
    """Insert an axis of length one."""
    return jnp.expand_dims(x, axis)


def stack(arrays: Any) -> Any:
    """Join arrays of one shape along a new last axis."""
    return jnp.stack(arrays, axis=-1)


def positions(x: Any) -> Any:
    """0, 1, 2, … along the last axis of ``x``, in its dtype."""
    return jnp.arange(x.shape[-1], dtype=x.dtype)


def full_shape(x: Any) -> tuple:
    """Return the shape."""
    return tuple(x.shape)


def flatten_from(x: Any, axis: int, keep_last: bool) -> Any:
    """Join the axes from ``axis`` on into one, the last excepted with ``keep_last``; from 0, after a new first axis."""
    end = x.shape[-1:] if keep_last else ()
    middle = x.shape[axis : x.ndim - len(end)]
    length = 1
    for n in middle:
        length = length * n
    return x.reshape((*x.shape[:axis], length, *end) if axis else (1, length, *end))


def unflatten(x: Any, shape: tuple) -> Any:
    """Return ``x`` in ``shape``."""
    return x.reshape(shape)


def matmul(a: Any, b: Any) -> Any:
    """Matrix product of the last two axes, in full precision on every device."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def swap(x: Any) -> Any:
    """Swap the last two axes."""
    return jnp.swapaxes(x, -1, -2)


def order(x: Any) -> Any:
    """Indices that sort the last axis from high to low; ties keep their order, NaN comes last."""
    return jnp.argsort(-stop_gradient(x), axis=-1, stable=True)


def take_along(x: Any, index: Any) -> Any:
    """``x[..., index]`` along the last axis, for an index of the shape of ``x``."""
    return jnp.take_along_axis(x, index, axis=-1)


def add_along(x: Any, index: Any) -> Any:
    """Zeros with ``x`` added at ``index`` along the last axis: the gradient of :func:`take_along`."""
    if not x.size:
        return x
    rows, flat = index.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])
    return jnp.zeros_like(flat).at[jnp.arange(flat.shape[0])[:, None], rows].add(flat).reshape(x.shape)


def cumsum(x: Any) -> Any:
    """Running sum along the last axis."""
    return jnp.cumsum(x, axis=-1)


def runs(x: Any) -> tuple[Any, Any]:
    """First and last index of the run of equal neighbours that each element of the last axis stands in."""
    index = jnp.broadcast_to(jnp.arange(x.shape[-1]), x.shape)
    if not x.size:
        return index, index
    differs, end = x[..., 1:] != x[..., :-1], jnp.ones((*x.shape[:-1], 1), bool)
    first = jnp.where(jnp.concatenate([end, differs], axis=-1), index, 0)
    last = jnp.where(jnp.concatenate([differs, end], axis=-1), index, x.shape[-1])
    axis = x.ndim - 1
    return jax.lax.cummax(first, axis=axis), jax.lax.cummin(last, axis=axis, reverse=True)


def logcumsumexp(x: Any) -> Any:
    """``log(cumsum(exp(x)))`` along the last axis without overflow; -inf where nothing was added yet.

    Where ``x`` is so large that the sum's logarithm is lost in it, ``jax.lax.cumlogsumexp`` gives the whole gradient to
    each of two equal numbers, and not half of it.
    """
    return composite.doubling_logsumexp(_here, x)


def flip(x: Any) -> Any:
    """Reverse the last axis."""
    return jnp.flip(x, axis=-1)


def pad_front(x: Any, value: float) -> Any:
    """Put one more entry, ``value``, before the others of the last axis."""
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 0)], constant_values=value)


def scan(step: Any, state: Any, inputs: Any) -> Any:
    """Run ``state = step(state, x)`` along the first axis of the tuple ``inputs``; return all states, stacked.

    States are tuples of arrays that keep shape and dtype.
    """

    def both(state: Any, x: Any) -> Any:
        state = step(state, x)
        return state, state

    return jax.lax.scan(both, state, inputs)[1]


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in radians; 0 for (0, 0), where its gradient is not to be used."""
    return jnp.arctan2(y, x)


def total(x: Any) -> Any:
    """Sum of all elements."""
    return jnp.sum(x)


def sum(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Sum along one axis."""
    return jnp.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, axis: int) -> Any:
    """Mean along one axis."""
    return jnp.mean(x, axis=axis)


def max(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Largest value along one axis; ties share the gradient evenly."""
    return jnp.max(x, axis=axis, keepdims=keepdims, initial=-jnp.inf)


def abs0(x: Any) -> Any:
    """``|x|`` with gradient 0 at 0 (``jnp.abs`` has 1 there) and NaN at NaN."""
    return x * jax.lax.stop_gradient(jnp.sign(x))


def at_most(x: Any, high: float) -> Any:
    """``min(x, high)`` with gradient 1 below and at ``high``."""
    return jnp.where(x > high, jnp.asarray(high, x.dtype), x)


def at_least(x: Any, low: float) -> Any:
    """``max(x, low)`` with gradient 1 above and at ``low``."""
    return jnp.where(x < low, jnp.asarray(low, x.dtype), x)


def erf(x: Any) -> Any:
    """The error function; -1 and 1 at ±inf."""
    return jax.lax.erf(x)


def lgamma(x: Any) -> Any:
    """``log Γ(x)`` for ``x`` above 0; infinite at 0 and at infinity, NaN below 0."""
    return jnp.where(x < 0, jnp.asarray(jnp.nan, x.dtype), jax.lax.lgamma(x))


def log_softmax(x: Any) -> Any:
    """``x - logsumexp(x)`` over the last axis."""
    return jax.nn.log_softmax(x, axis=-1) if x.shape[-1] else x


def softmax(x: Any) -> Any:
    """Probabilities over the last axis."""
    return jax.nn.softmax(x, axis=-1) if x.shape[-1] else x


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """One-hot rows over a new last axis; a label out of range gives a row of zeros."""
    return (labels[..., None] == jnp.arange(classes)).astype(dtype)


def take_label(x: Any, labels: Any) -> Any:
    """``x[..., labels]`` along the last axis; a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < x.shape[-1])
    safe = jnp.where(inside, labels, 0)
    taken = jnp.take_along_axis(x, safe[..., None], axis=-1)[..., 0]
    return jnp.where(inside, taken, jnp.asarray(jnp.nan, x.dtype))


def take_entry(vector: Any, labels: Any) -> Any:
    """``vector[labels]`` for a vector (C,); a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < vector.shape[0])
    return jnp.where(inside, vector[jnp.where(inside, labels, 0)], jnp.asarray(jnp.nan, vector.dtype))
