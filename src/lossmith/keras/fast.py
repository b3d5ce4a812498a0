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


def row_means(chosen: Settings, pair: Pair) -> Any:
    """Return an elementwise loss averaged over the last axis, or None where the formula has to do it."""
    if keras.backend.backend() != "tensorflow" or chosen.loss.layout != "element":
        return None
    if chosen.axis not in (-1, len(pair.y_pred.shape) - 1):
        return None
    from ..native import tensorflow_rows  # its tensors are there, and so is TensorFlow

    found = tensorflow_rows.elements(chosen.loss, chosen.parameters, "rows", mean=True)
    if found is None or not tensorflow_rows.supports(found, pair.y_pred, pair.y_true):
        return None
    return tensorflow_rows.values(found, pair.y_pred, pair.y_true)
