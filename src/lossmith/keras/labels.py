"""Class indices in range, or an error that names the label, the number of classes and the likely cause.

Where the labels are on the host and outside of a trace (PyTorch on the CPU, eager TensorFlow, JAX with
``run_eagerly=True``) they are looked at, and LabelError is raised. A TensorFlow graph carries an assertion, so that the
step fails with InvalidArgumentError and the same text. XLA drops the assertion, and other compiled graphs and devices
can raise nothing without a pause: there the loss of the row is NaN.
"""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np

from ..arrays import load
from ..core import values
from ..errors import LabelError
from ..losses import find
from .wording import speaking_keras

ops = keras.ops
_ANY = find("softmax_cross_entropy")  # the check is the same for all losses over classes


def class_indices(y_true: Any, y_pred: Any, axis: int, can_ignore: bool) -> Any:
    """Return ``y_true`` as integers, checked as far as that is possible here; a fraction and NaN become -1.

    Args:
        y_true: Class indices of any dtype; those that do not count are 0.
        y_pred: The prediction, for the number of classes.
        axis: Where ``y_pred`` holds the classes.
        can_ignore: Whether the loss has ``ignore_class``, for the text of the error.

    Raises:
        LabelError: A label is a fraction, negative, or not below the number of classes.
    """
    xp = load(keras.backend.backend())
    if xp.is_concrete(y_true):
        _check(np.asarray(xp.to_numpy(y_true)), y_pred.shape[axis], can_ignore)
    elif xp.name == "tensorflow":
        from .graph import assert_in_range

        y_true = assert_in_range(y_true, y_pred, axis, can_ignore)
    return _integers(y_true)


def _integers(y_true: Any) -> Any:
    dtype = keras.backend.standardize_dtype(y_true.dtype)
    if not keras.backend.is_float_dtype(dtype):
        return ops.cast(y_true, "int32") if dtype == "bool" else y_true
    whole = ops.equal(y_true, ops.floor(y_true))
    return ops.cast(ops.where(whole, y_true, -ops.ones_like(y_true)), "int64" if dtype == "float64" else "int32")


def _check(labels: np.ndarray, classes: int, can_ignore: bool) -> None:
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int8)
    if labels.dtype.kind == "f":
        labels = _whole(labels)
    inside = labels.size == 0 or (labels.min() >= 0 and labels.max() < classes)
    if inside:
        return
    rows = np.broadcast_to(np.float32(0), (1, classes))  # the core asks it for the number of classes alone
    try:
        speaking_keras(values.check_labels, values.View(_ANY, {}, rows, labels, True, ""))
    except LabelError as error:
        raise LabelError(_for_this_loss(str(error), classes, can_ignore)) from None


def _whole(labels: np.ndarray) -> np.ndarray:
    bad = labels != np.floor(labels)
    if bad.any():
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
        raise LabelError(
            f"y_true holds {labels[at]:g} at position {at[0] if len(at) == 1 else at}; this loss takes class indices, "
            "whole numbers from 0; for numbers take a regression loss, for probabilities CategoricalCrossentropy"
        )
    return labels.astype(np.int64) if np.abs(labels, dtype=np.float64).max(initial=0) < 2**62 else labels


def _for_this_loss(text: str, classes: int, can_ignore: bool) -> str:
    if classes == 1:
        return f"{text}; for two classes and one output use BinaryCrossentropy"
    return text if can_ignore else re.sub(r", add ignore_class=\S+", ", leave such rows out", text)
