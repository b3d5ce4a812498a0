"""Which call has a kernel: one that computes exactly what the plain formula does, faster.

``LOSSMITH_DISABLE_NATIVE=1`` leaves the formula alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import native
from ..losses import Loss
from ..native import ctc, row_pairs
from . import contrastive_kernel, elementwise_kernel
from .check import Inputs
from .elementwise_kernel import plain, stored

Kernel = Callable[..., tuple[Any, Any]]


def find(loss: Loss, inputs: Inputs) -> Kernel | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)`` for this call, or None.

    ``scale`` is what each value's gradient is multiplied with: None, a number, or an array aligned to the values.
    """
    finder = _FINDERS.get(inputs.xp.name)
    return finder(loss, inputs) if finder is not None and native.has_native() else None


def find_total(loss: Loss, inputs: Inputs) -> Kernel | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (Σ factor * value, gradient or None)`` for this call, or None.

    For whoever needs no value by itself: nothing of the size of the values is stored. On NumPy the total is a float,
    elsewhere an array; the gradient is that of ``scale * total``, and ``scale`` a number or an array of one. With
    tensors of PyTorch and without ``gradient`` it is what autograd will probably multiply the total's gradient with.
    """
    finder = _TOTAL_FINDERS.get(inputs.xp.name)
    return finder(loss, inputs) if finder is not None and native.has_native() else None


def _find_total_on_numpy(loss: Loss, inputs: Inputs) -> Kernel | None:
    if loss.layout == "element":
        return elementwise_kernel.find_total(loss, inputs)
    if loss.name != "softmax_cross_entropy" or inputs.target.dtype.kind == "f" or not inputs.prediction.size:
        return None
    return _softmax_total if inputs.factor is None and inputs.parameters["class_weight"] is None else None


def _find_on_numpy(loss: Loss, inputs: Inputs) -> Kernel | None:
    if loss.layout == "element":
        return elementwise_kernel.find(loss, inputs)
    if loss.layout == "batch":
        return contrastive_kernel.find(loss, inputs, _own_columns, contrastive_kernel.compared_on_numpy)
    if inputs.target.dtype.kind != "f":
        settings = native.label_settings(loss.name, inputs.parameters)
        if settings is not None:
            return functools.partial(_softmax_cross_entropy, settings)
    if loss.name == "ctc":
        return _ctc if inputs.prediction.size else None
    return _row_pairs(loss, inputs)


def _find_on_torch(loss: Loss, inputs: Inputs) -> Kernel | None:
    if not inputs.xp.is_concrete(inputs.prediction):
        return None
    from ..torch import fast_rows  # a tensor is there, and so is PyTorch

    return fast_rows.kernel_of(loss, inputs)


def _find_total_on_torch(loss: Loss, inputs: Inputs) -> Kernel | None:
    if loss.layout != "element" or not inputs.xp.is_concrete(inputs.prediction):
        return None
    from ..torch import fast_elementwise

    return fast_elementwise.total_kernel(loss, inputs)


def _find_on_jax(loss: Loss, inputs: Inputs) -> Kernel | None:
    from ..jax import fast  # there are arrays of JAX, and so there is JAX

    return fast.kernel(loss, inputs)


def _find_total_on_jax(loss: Loss, inputs: Inputs) -> Kernel | None:
    from ..jax import fast

    return fast.total_kernel(loss, inputs)


def _row_pairs(loss: Loss, inputs: Inputs) -> Kernel | None:
    number, parameters = row_pairs.find(loss), row_pairs.numbers(inputs.parameters)
    if number is None or parameters is None or inputs.prediction.dtype not in (np.float32, np.float64):
        return None
    weight = inputs.parameters.get("class_weight")

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        shape = inputs.prediction.shape
        both = (inputs.prediction, inputs.target) if inputs.narrow[1] is None else inputs.narrow
        prediction, target = (plain(x).reshape(-1, shape[-1]) for x in both)
        along = 1.0 if scale is None else float(scale) if np.ndim(scale) == 0 else scale
        if np.ndim(along):
            along = np.broadcast_to(along, shape[:-1]).reshape(-1)
        options: dict[str, Any] = {"scale": along, "class_weight": weight, "gradient": gradient}
        rows, slope = row_pairs.run(number, parameters, prediction, target, **options)
        return rows.reshape(shape[:-1]), None if slope is None else slope.reshape(shape)

    return kernel


def _find_on_tensorflow(loss: Loss, inputs: Inputs) -> Kernel | None:
    from . import tensorflow_kernel  # a tensor is there, and so is TensorFlow

    return tensorflow_kernel.find(loss, inputs)


def _find_total_on_tensorflow(loss: Loss, inputs: Inputs) -> Kernel | None:
    from . import tensorflow_kernel

    return tensorflow_kernel.find_total(loss, inputs)


def _softmax_cross_entropy(settings: dict[str, Any], inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    shape = inputs.prediction.shape
    logits = plain(stored(inputs)).reshape(-1, shape[-1])
    labels = plain(inputs.target).reshape(-1)
    if scale is not None:
        scale = np.broadcast_to(np.asarray(scale, inputs.prediction.dtype), shape[:-1]).reshape(-1)
    weight = inputs.parameters["class_weight"]
    rows, slope = native.softmax_cross_entropy(
        logits,
        labels,
        scale=None if scale is None else plain(scale),
        class_weight=None if weight is None else plain(weight),
        gradient=gradient,
        **settings,
    )
    return rows.reshape(shape[:-1]), None if slope is None else slope.reshape(shape)


def _own_columns(logits: Any, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    along = None if scale is None else np.ascontiguousarray(np.broadcast_to(scale, len(logits)), logits.dtype)
    return native.softmax_cross_entropy(plain(logits), np.arange(len(logits)), scale=along, gradient=gradient)


def _ctc(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    shape, given = inputs.prediction.shape, inputs.parameters
    batch = shape[:-2]
    along = 1.0 if scale is None else float(scale) if np.ndim(scale) == 0 else scale
    if np.ndim(along):
        along = np.broadcast_to(along, batch).reshape(-1)
    counts = (
        np.ascontiguousarray(np.broadcast_to(given[name], batch).reshape(-1), np.int64)
        for name in ("prediction_length", "target_length")
    )
    values, slope = ctc.run(
        plain(inputs.prediction.reshape(-1, *shape[-2:])),
        np.ascontiguousarray(inputs.target.reshape(math.prod(batch), inputs.target.shape[-1]), np.int64),
        *counts,
        blank=int(given["blank"]),
        infeasible=given["infeasible"],
        scale=along,
        gradient=gradient,
    )
    return values.reshape(batch), None if slope is None else slope.reshape(shape)


def _softmax_total(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    shape = inputs.prediction.shape
    logits, labels = plain(stored(inputs)).reshape(-1, shape[-1]), plain(inputs.target).reshape(-1)
    slope = native.empty_gradient(logits) if gradient else None
    smoothing = inputs.parameters["label_smoothing"], inputs.parameters["z_loss"]
    total = native.softmax_total(
        native.CODES[logits.dtype],
        logits,
        labels,
        *logits.shape,
        slope,
        (False, False, 0),
        smoothing,
        factor=float(scale),
    )
    return np.float64(total), None if slope is None else slope.reshape(shape)


_FINDERS: dict[str, Callable[[Loss, Inputs], Kernel | None]] = {
    "numpy": _find_on_numpy,
    "torch": _find_on_torch,
    "tensorflow": _find_on_tensorflow,
    "jax": _find_on_jax,
}
_TOTAL_FINDERS: dict[str, Callable[[Loss, Inputs], Kernel | None]] = {
    "numpy": _find_total_on_numpy,
    "torch": _find_total_on_torch,
    "tensorflow": _find_total_on_tensorflow,
    "jax": _find_total_on_jax,
}
