"""The native kernels that Keras' ways ask for: class indices and logits on PyTorch, means of rows on TensorFlow.

On TensorFlow and NumPy the core finds the kernels of values by itself (see ``core/kernel.py``). On PyTorch they need
autograd's own way of recording, which `lossmith.torch.fast` has, with its rules about what is usual enough for them.
Keras averages elementwise losses over the last axis: on TensorFlow that is one operation with the loss.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import keras

from ..core import call
from .inputs import Pair
from .settings import Settings

ops = keras.ops
_NO_LABEL = -(2**63)  # the kernel leaves one label out; labels were checked, and none can be this one


def softmax_cross_entropy(xp: ModuleType, chosen: Settings, pair: Pair) -> Any:
    """Return the loss of each row as the formula does, or None where the formula has to do it."""
    if keras.backend.backend() != "torch" or chosen.loss.name != "softmax_cross_entropy":
        return None
    rank = len(pair.y_pred.shape)
    if len(pair.y_true.shape) == rank or chosen.axis not in (-1, rank - 1):
        return None
    from ..torch import fast  # its tensors are there, and so is PyTorch

    rows, labels = pair.y_pred.reshape(-1, pair.y_pred.shape[-1]), xp.to_int(pair.y_true.reshape(-1))
    formula, smoothing = functools.partial(_formula, xp, chosen), chosen.parameters["label_smoothing"]
    values = fast.cross_entropy(rows, labels, None, _NO_LABEL, "none", smoothing, formula)
    return None if values is None else values.reshape(pair.y_true.shape)


def _formula(xp: ModuleType, chosen: Settings, rows: Any, labels: Any, *_: Any) -> Any:
    return call(chosen.loss, rows, labels, parameters=chosen.parameters, reduction="none", xp=xp, check="none")


def as_one_row(chosen: Settings, y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """Return both tensors as one row where a kernel takes it, as they are where it does not, and a mask of that row.

    That is on TensorFlow and of one shape: shapes that are wrong, or mean something, are looked at as they are. The
    mask says whether there is anything in the row, or is None if that is known.
    """
    if keras.backend.backend() != "tensorflow":
        return y_true, y_pred, None
    from ..native import tensorflow, tensorflow_rows

    found = tensorflow_rows.elements(chosen.loss, chosen.parameters)
    if found is None or not tensorflow.runs_here(y_true, y_pred) or y_pred.shape.rank in (None, 0):
        return y_true, y_pred, None
    shape = y_pred.shape.as_list()
    if y_true.shape.rank is None or y_true.shape.as_list() != shape or 0 in shape or None in shape[1:]:
        return y_true, y_pred, None
    some = None if shape[0] is not None else ops.reshape(ops.shape(y_pred)[0] > 0, (1,))
    return ops.reshape(y_true, (1, -1)), ops.reshape(y_pred, (1, -1)), some


def row_means(chosen: Settings, pair: Pair) -> Any:
    """Return an elementwise loss averaged over the last axis, or None where the formula has to do it."""
    if keras.backend.backend() != "tensorflow" or chosen.loss.layout != "element":
        return None
    if chosen.axis not in (-1, len(pair.y_pred.shape) - 1):
        return None
    from ..native import tensorflow, tensorflow_rows  # its tensors are there, and so is TensorFlow

    found, y_pred = tensorflow_rows.elements(chosen.loss, chosen.parameters, "rows", mean=True), pair.y_pred
    if found is not None:
        y_pred = tensorflow.before_cast(y_pred, y_pred.dtype)
    if found is None or not tensorflow_rows.supports(found, y_pred, pair.y_true):
        return None
    return tensorflow_rows.values(found, y_pred, pair.y_true)
