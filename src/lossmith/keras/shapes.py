"""Shapes: what fits, what is mended, and how weights and masks go along the values. Unknown dimensions are None."""

from __future__ import annotations

import math
from typing import Any

import keras

from ..errors import ShapeError

ops = keras.ops
Shape = tuple[int | None, ...]


def shape_of(name: str, x: Any) -> Shape:
    """Return the static shape of a tensor.

    Raises:
        ShapeError: A TensorFlow graph does not even know the number of axes.
    """
    if getattr(x.shape, "rank", 0) is None:
        raise ShapeError(
            f"{name} has an unknown number of axes; set its shape where the data is made, for example "
            "dataset.map(lambda x, y: (x, tf.ensure_shape(y, (None,))))"
        )
    return tuple(x.shape)


def fits(a: Shape, b: Shape) -> bool:
    """Whether both can be the same shape."""
    return len(a) == len(b) and all(None in (x, y) or x == y for x, y in zip(a, b, strict=True))


def without(shape: Shape, axis: int) -> Shape:
    """Return the shape that is left when ``axis`` is consumed."""
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def check_axis(axis: int, shape: Shape) -> None:
    """Raise ShapeError unless ``y_pred`` has the axis, with something on it."""
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis is {axis}, but y_pred has shape {shape}")
    if shape[axis] == 0:
        raise ShapeError(f"y_pred has shape {shape}: axis {axis} holds no class or feature")


def one_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Mend a last axis of length 1 that only one of the two has: the last axis of ``y_pred`` is the features."""
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    if len(t) == len(p) + 1 and t[-1] == 1:
        return ops.squeeze(y_true, -1), y_pred
    if len(p) == len(t) + 1 and p[-1] == 1:
        return ops.expand_dims(y_true, -1), y_pred
    return y_true, y_pred


def one_shape(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return both, certain to have one shape; a dimension that a graph does not know is checked when it runs.

    Raises:
        ShapeError: They would have to be broadcast.
    """
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    if not fits(t, p):
        raise ShapeError(
            f"y_true has shape {t} and y_pred has shape {p}; they must be equal, as nothing is broadcast; {_mend(t, p)}"
        )
    merged = tuple(b if a is None else a for a, b in zip(t, p, strict=True))
    return known(y_true, t, merged), known(y_pred, p, merged)


def known(x: Any, shape: Shape, wanted: Shape) -> Any:
    """Return ``x`` with dimensions that were unknown in a TensorFlow graph, and are checked when it runs."""
    if shape == wanted:
        return x
    import tensorflow as tf

    return tf.ensure_shape(x, wanted)


def _mend(t: Shape, p: Shape) -> str:
    if t == p[:-1]:
        return "class indices as y_true? take SparseCategoricalCrossentropy; else add the axis with y_true[..., None]"
    if None not in (*t, *p) and math.prod(t) == math.prod(p):  # pyrefly: ignore[no-matching-overload]
        return f"use keras.ops.reshape(y_true, {p})"
    return "compare the units of the last layer with the columns of y_true"


def aligned(name: str, x: Any, shape: Shape) -> Any:
    """Return ``x`` with the rank of values of ``shape``: it goes along their leading axes, or holds ones.

    Raises:
        ShapeError: It does not fit.
    """
    given = shape_of(name, x)
    for _ in range(len(given) - len(shape)):
        if given[-1] != 1:
            break
        x, given = ops.squeeze(x, -1), given[:-1]
    if len(given) > len(shape) or not all(None in (a, b) or a in (1, b) for a, b in zip(given, shape, strict=False)):
        allowed = " or ".join(str(shape[:n]) for n in range(1, len(shape) + 1)) or "()"
        raise ShapeError(
            f"{name} has shape {shape_of(name, x)}; the values of this loss have shape {shape}, and it goes along "
            f"their leading axes: {allowed}{_weight_hint(name, given, shape)}"
        )
    for _ in range(len(shape) - len(given)):
        x = ops.expand_dims(x, -1)
    return x


def _weight_hint(name: str, given: Shape, shape: Shape) -> str:
    if len(given) == len(shape) + 1 and fits(given[:-1], shape):
        return (
            "; this loss gives one value for the whole last axis. For one factor per element add an axis to both: "
            "y_true[..., None], y_pred[..., None]"
        )
    if len(given) == 1 and len(shape) > 1 and given[0] in shape[1:]:
        at = shape.index(given[0], 1)
        index = ", ".join(":" if i == at else "None" for i in range(at + 1))
        return f"; to go along axis {at}, use {name}[{index}]"
    return ""
