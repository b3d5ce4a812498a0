"""From what Keras hands to a loss to two tensors that fit, or to an error that says what to type.

Predictions are computed in float32 or wider, whatever half precision they come in; class indices stay integers of any
width. Nothing is broadcast. What a Keras mask (or ``ignore_class``) hides is replaced by 1 on both sides, class indices
by 0, before any computation: a NaN under a mask then reaches neither the value nor the gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras.src.backend.common.masking import get_keras_mask  # Keras' own way to say which values count

from ..arrays import load
from ..errors import LabelError, ShapeError
from .labels import class_indices
from .settings import Settings
from .shapes import aligned, check_axis, fits, known, one_rank, one_shape, shape_of, without

ops = keras.ops


class Pair(NamedTuple):
    """Both tensors of a call, and booleans along the values that say which of them count (None: all)."""

    y_true: Any
    y_pred: Any
    keep: Any


def elements(settings: Settings, y_true: Any, y_pred: Any) -> Pair:
    """Return two floating tensors of one shape."""
    return _rows(settings, *one_rank(*_floats(y_true, y_pred)), get_keras_mask(y_pred))


def one_hot(settings: Settings, y_true: Any, y_pred: Any) -> Pair:
    """Return two floating tensors of one shape, whose rows along the axis are over classes.

    Raises:
        LabelError: ``y_true`` holds class indices.
    """
    mask, (y_true, y_pred) = get_keras_mask(y_pred), _floats(y_true, y_pred)
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    check_axis(settings.axis, p)
    classes = p[settings.axis]
    if len(t) < len(p) or (len(t) == len(p) and t[settings.axis] == 1 and classes not in (1, None)):
        raise LabelError(
            f"y_true has shape {t} and y_pred has shape {p}: this loss takes one-hot or soft rows; for class indices "
            f"use SparseCategoricalCrossentropy, or keras.ops.one_hot(y_true, {classes or 'classes'})"
        )
    return _rows(settings, y_true, y_pred, mask)


def sparse(settings: Settings, y_true: Any, y_pred: Any) -> Pair:
    """Return class indices, with one axis less than the prediction, and the prediction.

    Raises:
        LabelError: ``y_true`` holds one-hot rows, a fraction, or an index out of range.
        ShapeError: The shapes do not fit.
    """
    mask, axis = get_keras_mask(y_pred), settings.axis
    y_true, y_pred = tensor(y_true), wide(y_pred)
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    check_axis(axis, p)
    if len(t) == len(p) and t[axis] == 1:
        y_true, t = ops.squeeze(y_true, axis), without(t, axis)
    rows = without(p, axis)
    _check_sparse(t, p, rows, axis)
    y_true = known(y_true, t, tuple(b if a is None else a for a, b in zip(t, rows, strict=True)))
    keep = _keep(mask, rows)
    if settings.ignore_class is not None:
        valid = ops.not_equal(_comparable(y_true), settings.ignore_class)
        keep = valid if keep is None else ops.logical_and(keep, valid)
    if keep is not None:
        y_true = ops.where(keep, y_true, ops.zeros_like(y_true))
        y_pred = _shown(keep, y_pred, axis)
    return Pair(class_indices(y_true, y_pred, axis, settings.can_ignore), y_pred, keep)


def _check_sparse(t: tuple, p: tuple, rows: tuple, axis: int) -> None:
    if len(t) == len(p) > 0:
        raise LabelError(
            f"y_true has shape {t} and y_pred has shape {p}: this loss takes class indices; for one-hot or soft rows "
            f"use CategoricalCrossentropy, or keras.ops.argmax(y_true, axis={axis})"
        )
    if not fits(t, rows):
        hint = "; are the classes on axis 1? then add axis=1" if len(p) > 2 and fits(t, without(p, 1)) else ""
        raise ShapeError(
            f"y_true has shape {t} and y_pred has shape {p}, with {p[axis]} classes on axis {axis}; expected y_true of "
            f"shape {rows}: one class index per row{hint}"
        )


def tensor(x: Any) -> Any:
    """Return ``x`` as a tensor; one that is a tensor already keeps its dtype (NumPy's float64 is one for Keras)."""
    return x if ops.is_tensor(x) else ops.convert_to_tensor(x)


def wide(x: Any) -> Any:
    """Return a floating tensor of float32 or wider."""
    x = tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if not keras.backend.is_float_dtype(dtype):
        dtype = keras.config.floatx()
    return widened(x, ops.cast(x, wide_dtype(dtype)))


def widened(given: Any, wide: Any) -> Any:
    """Return ``wide``, which is ``given`` in a wider dtype: on TensorFlow as a cast that a kernel may leave out."""
    if keras.backend.backend() != "tensorflow":
        return wide
    from ..native import tensorflow  # its tensors are there, and so is TensorFlow

    return tensorflow.widened(given, wide)


def wide_dtype(dtype: str) -> str:
    """Return the dtype to compute in where Keras would compute in ``dtype``."""
    return "float64" if dtype == "float64" else "float32"


def _floats(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = wide(y_pred)
    return ops.cast(tensor(y_true), y_pred.dtype), y_pred


def _rows(settings: Settings, y_true: Any, y_pred: Any, mask: Any) -> Pair:
    """Return the pair with one shape, hidden where the mask says so."""
    y_true, y_pred = one_shape(y_true, y_pred)
    shape = shape_of("y_pred", y_pred)
    check_axis(settings.axis, shape)
    keep = _keep(mask, without(shape, settings.axis))
    if keep is not None:
        y_true, y_pred = _shown(keep, y_true, settings.axis), _shown(keep, y_pred, settings.axis)
    return Pair(y_true, y_pred, keep)


def _keep(mask: Any, shape: tuple) -> Any:
    return None if mask is None else aligned("the mask of y_pred", ops.cast(mask, "bool"), shape)


def _shown(keep: Any, x: Any, axis: int) -> Any:
    """Return ``x`` with 1 where nothing counts: finite under every formula, as a rate, probability or logit."""
    return ops.where(ops.expand_dims(keep, axis), x, ops.ones_like(x))


def _comparable(y: Any) -> Any:
    """Return labels in a type that holds every ``ignore_class``: a uint8 cannot be compared with -1."""
    xp = load(keras.backend.backend())
    return y if xp.kind(y) == "float" else xp.to_int(y)
