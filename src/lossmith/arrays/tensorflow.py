"""The array operations on TensorFlow; see ``numpy.py`` for what each one means.

Eager, ``tf.function`` with unknown dimensions, and XLA all trace through them.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import tensorflow as tf

from . import composite

name = "tensorflow"
Array = tf.Tensor

exp, expm1, log1p, tanh, sqrt = tf.exp, tf.math.expm1, tf.math.log1p, tf.tanh, tf.sqrt
isnan, isinf, log, sigmoid = tf.math.is_nan, tf.math.is_inf, tf.math.log, tf.sigmoid
where, reshape, divide, zeros_like = tf.where, tf.reshape, tf.divide, tf.zeros_like
softplus, abs0, sign0, stop_gradient = tf.math.softplus, tf.abs, tf.sign, tf.stop_gradient
broadcast_to = tf.broadcast_to
_here = sys.modules[__name__]


def asarray(x: Any, like: Any = None) -> Any:
    """Return ``x`` as a tensor."""
    return tf.convert_to_tensor(x)


def is_dense(x: Any) -> bool:
    """Whether every element has a number of its own: in any tensor."""
    return True


def shape(x: Any) -> tuple:
    """Return the static shape; unknown dimensions are None."""
    if x.shape.rank is None:
        raise ValueError("the rank of a tensor must be known; call tf.ensure_shape on it first")
    return tuple(x.shape.as_list())


def size(x: Any) -> Any:
    """Return the number of elements: an int where the static shape says it, else a float tensor."""
    known = x.shape.num_elements()
    return known if known is not None else tf.cast(tf.size(x, out_type=tf.int64), tf.float32)


def kind(x: Any) -> str:
    """Return "float", "int", "bool" or the dtype's own name for anything else."""
    if x.dtype.is_floating:
        return "float"
    if x.dtype.is_integer:
        return "int"
    return "bool" if x.dtype.is_bool else x.dtype.name


def compute_dtype(*arrays: Any) -> Any:
    """Return the dtype to compute in: the widest floating one among ``arrays``, at least float32."""
    return tf.float64 if any(a.dtype == tf.float64 for a in arrays) else tf.float32


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` with ``dtype``."""
    return tf.cast(x, dtype)


def to_int(x: Any) -> Any:
    """Return ``x`` as int64."""
    return tf.cast(x, tf.int64)


def is_concrete(x: Any) -> bool:
    """Whether ``x`` is an eager tensor on the CPU."""
    return tf.executing_eagerly() and hasattr(x, "numpy") and "CPU" in getattr(x, "device", "")


def to_numpy(x: Any) -> Any:
    """Return a concrete tensor as NumPy (bfloat16 as float32), to be read alone: a tensor lends its memory."""
    x = tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x
    if not isinstance(x, tf.Tensor):
        return x.numpy()
    return np.asarray(memoryview(x))  # pyrefly: ignore[bad-argument-type] - its .numpy() would copy


def to_result(x: Any) -> Any:
    """Return the 0-d tensor itself."""
    return x


def moveaxis(x: Any, source: int, destination: int) -> Any:
    """Move one axis to another place."""
    rank = x.shape.rank
    order = [i for i in range(rank) if i != source % rank]
    order.insert(destination % rank, source % rank)
    return tf.transpose(x, order)


def expand(x: Any, axis: int) -> Any:
    """Insert an axis of length one."""
    return tf.expand_dims(x, axis)


def stack(arrays: Any) -> Any:
    """Join arrays of one shape along a new last axis."""
    return tf.stack(arrays, axis=-1)


def positions(x: Any) -> Any:
    """0, 1, 2, … along the last axis of ``x``, in its dtype."""
    return tf.cast(tf.range(tf.shape(x)[-1]), x.dtype)


def full_shape(x: Any) -> tuple:
    """Return the shape; what is not known statically stands in it as a scalar tensor."""
    if None not in shape(x):
        return shape(x)
    sizes = tf.shape(x)
    return tuple(sizes[i] if n is None else n for i, n in enumerate(shape(x)))


def flatten_from(x: Any, axis: int, keep_last: bool) -> Any:
    """Join the axes from ``axis`` on into one, the last excepted with ``keep_last``; from 0, after a new first axis."""
    sizes = full_shape(x if axis else tf.expand_dims(x, 0))
    end = len(sizes) - int(keep_last)
    length = 1
    for n in sizes[1:end]:
        length = length * n
    return tf.reshape(x, (sizes[0], length, *sizes[end:]))


def unflatten(x: Any, shape: tuple) -> Any:
    """Return ``x`` in ``shape``."""
    return tf.reshape(x, shape)


def matmul(a: Any, b: Any) -> Any:
    """Matrix product of the last two axes."""
    return tf.matmul(a, b)


def swap(x: Any) -> Any:
    """Swap the last two axes."""
    return tf.linalg.matrix_transpose(x)


def order(x: Any) -> Any:
    """Indices that sort the last axis from high to low; ties keep their order, NaN comes last."""
    if x.dtype.is_integer:
        return tf.argsort(-x, axis=-1, stable=True)
    last = tf.cast(float("inf"), x.dtype)
    return tf.argsort(tf.where(tf.math.is_nan(x), last, -x), axis=-1, stable=True)


def take_along(x: Any, index: Any) -> Any:
    """``x[..., index]`` along the last axis, for an index of the shape of ``x``."""
    return tf.gather(x, index, axis=-1, batch_dims=x.shape.rank - 1)


def add_along(x: Any, index: Any) -> Any:
    """Zeros with ``x`` added at ``index`` along the last axis: the gradient of :func:`take_along`."""
    shape, size = tf.shape(x), tf.size(x)
    start = tf.reshape(tf.range(size) // tf.maximum(shape[-1], 1) * shape[-1], shape)
    at = tf.reshape(tf.cast(index, start.dtype) + start, [-1])
    return tf.reshape(tf.math.unsorted_segment_sum(tf.reshape(x, [-1]), at, size), shape)


def cumsum(x: Any) -> Any:
    """Running sum along the last axis, accumulated in float64."""
    return tf.cast(tf.cumsum(tf.cast(x, tf.float64), axis=-1), x.dtype)


def runs(x: Any) -> tuple[Any, Any]:
    """First and last index of the run of equal neighbours that each element of the last axis stands in."""
    starts = tf.concat([tf.zeros_like(x[..., :1], tf.int64), tf.cast(x[..., 1:] != x[..., :-1], tf.int64)], axis=-1)
    run = tf.reshape(tf.cumsum(starts, axis=-1), (-1, tf.shape(x)[-1]))
    first = tf.searchsorted(run, run, side="left", out_type=tf.int64)
    last = tf.searchsorted(run, run, side="right", out_type=tf.int64) - 1
    return tf.reshape(first, tf.shape(x)), tf.reshape(last, tf.shape(x))


def logcumsumexp(x: Any) -> Any:
    """``log(cumsum(exp(x)))`` along the last axis without overflow; -inf where nothing was added yet.

    The backward of ``tf.math.cumulative_logsumexp`` adds logarithms of gradients to ``x``: off by 3% at 1e6 in float32.
    """
    return composite.doubling_logsumexp(_here, x)


def flip(x: Any) -> Any:
    """Reverse the last axis."""
    return tf.reverse(x, [-1])


def pad_front(x: Any, value: float) -> Any:
    """Put one more entry, ``value``, before the others of the last axis."""
    return tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[1, 0]], constant_values=tf.cast(value, x.dtype))


def scan(step: Any, state: Any, inputs: Any) -> Any:
    """Run ``state = step(state, x)`` along the first axis of the tuple ``inputs``; return all states, stacked.

    States are tuples of arrays that keep shape and dtype.
    """
    return tf.scan(step, inputs, initializer=state)


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in radians; 0 for (0, 0), where its gradient is not to be used."""
    return tf.atan2(y, x)


def total(x: Any) -> Any:
    """Sum of all elements."""
    return tf.reduce_sum(x)


def sum(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Sum along one axis."""
    if axis not in (-1, x.shape.rank - 1):  # TensorFlow adds along other axes one by one, which loses digits
        rows = tf.reduce_sum(moveaxis(x, axis, -1), axis=-1)
        return tf.expand_dims(rows, axis) if keepdims else rows
    return tf.reduce_sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, axis: int) -> Any:
    """Mean along one axis."""
    return tf.reduce_mean(x, axis=axis)


def max(x: Any, axis: int, keepdims: bool = False) -> Any:
    """Largest value along one axis; ties share the gradient evenly."""
    return tf.reduce_max(x, axis=axis, keepdims=keepdims)


def relu0(x: Any) -> Any:
    """``max(x, 0)`` with gradient 0 at 0; NaN stays NaN (``tf.nn.relu`` may drop it)."""
    return tf.where(x <= 0, tf.zeros_like(x), x)


def at_most(x: Any, high: float) -> Any:
    """``min(x, high)`` with gradient 1 below and at ``high``."""
    return tf.where(x > high, tf.convert_to_tensor(high, x.dtype), x)


def at_least(x: Any, low: float) -> Any:
    """``max(x, low)`` with gradient 1 above and at ``low``."""
    return tf.where(x < low, tf.convert_to_tensor(low, x.dtype), x)


def erf(x: Any) -> Any:
    """The error function; -1 and 1 at ±inf (where ``tf.math.erf`` is NaN in float64), and from ±10 on."""
    return tf.math.erf(at_most(at_least(x, -10.0), 10.0))


def lgamma(x: Any) -> Any:
    """``log Γ(x)`` for ``x`` above 0; infinite at 0 and at infinity, NaN below 0."""
    return tf.where(x < 0, tf.cast(float("nan"), x.dtype), tf.math.lgamma(x))


def log_softmax(x: Any) -> Any:
    """``x - logsumexp(x)`` over the last axis."""
    return tf.nn.log_softmax(x, axis=-1)


def softmax(x: Any) -> Any:
    """Probabilities over the last axis."""
    return tf.nn.softmax(x, axis=-1)


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """One-hot rows over a new last axis; a label out of range gives a row of zeros."""
    return tf.one_hot(labels, classes, dtype=dtype)


def take_label(x: Any, labels: Any) -> Any:
    """``x[..., labels]`` along the last axis; a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < tf.cast(tf.shape(x)[-1], labels.dtype))
    safe = tf.where(inside, labels, tf.zeros_like(labels))
    taken = tf.gather(x, safe, axis=-1, batch_dims=x.shape.rank - 1)
    return tf.where(inside, taken, tf.cast(float("nan"), x.dtype))


def take_entry(vector: Any, labels: Any) -> Any:
    """``vector[labels]`` for a vector (C,); a label out of range gives NaN."""
    inside = (labels >= 0) & (labels < tf.cast(tf.shape(vector)[0], labels.dtype))
    safe = tf.where(inside, labels, tf.zeros_like(labels))
    return tf.where(inside, tf.gather(vector, safe), tf.cast(float("nan"), vector.dtype))
