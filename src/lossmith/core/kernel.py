"""Which call has a kernel: one that computes exactly what the plain formula does, faster.

``LOSSMITH_DISABLE_NATIVE=1`` leaves the formula alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import native
from ..losses import Loss
from . import elementwise_kernel
from .check import Inputs


def find(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)`` for this call, or None.

    ``scale`` is what each value's gradient is multiplied with: None, a number, or an array aligned to the values.
    """
    if not native.has_native():
        return None
    if inputs.xp.name == "jax":
        return _find_for_jax(loss, inputs)
    if inputs.xp.name != "numpy":
        return None
    if loss.layout == "element":
        return elementwise_kernel.find(loss, inputs)
    return _softmax_cross_entropy if loss.name == "softmax_cross_entropy" and inputs.target.dtype.kind != "f" else None


def find_total(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (Σ factor * value, gradient or None)`` for this call, or None.

    For whoever needs no value by itself: nothing of the size of the values is stored. The total is a float, the
    gradient that of ``scale * total``, and ``scale`` a number.
    """
    if inputs.xp.name != "numpy" or loss.layout != "element" or not native.has_native():
        return None
    return elementwise_kernel.find_total(loss, inputs)


def _softmax_cross_entropy(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    shape = inputs.prediction.shape
    logits = _plain(inputs.prediction).reshape(-1, shape[-1])
    labels = _plain(inputs.target).reshape(-1)
    if scale is not None:
        scale = np.broadcast_to(np.asarray(scale, logits.dtype), shape[:-1]).reshape(-1)
    weight = inputs.parameters["class_weight"]
    rows, slope = native.softmax_cross_entropy(
        logits,
        labels,
        scale=None if scale is None else _plain(scale),
        class_weight=None if weight is None else _plain(weight),
        label_smoothing=inputs.parameters["label_smoothing"],
        z_loss=inputs.parameters["z_loss"],
        gradient=gradient,
    )
    return rows.reshape(shape[:-1]), None if slope is None else slope.reshape(shape)


def _find_for_jax(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    if loss.name != "softmax_cross_entropy" or inputs.xp.kind(inputs.target) != "int":
        return None
    from ..jax import fast  # there are arrays of JAX, and so there is JAX

    return fast.kernel(inputs)


def _plain(x: np.ndarray) -> np.ndarray:
    """Return the array, copied only if it is strided or not aligned."""
    return np.require(x, requirements=("C_CONTIGUOUS", "ALIGNED"))
