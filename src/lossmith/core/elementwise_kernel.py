"""The calls of elementwise losses that the native core computes; see ``kernel`` for who asks.

It takes NumPy arrays and parameters that are plain numbers; a factor per class stays with the plain formula, and so
does every loss that the core was not compiled with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..losses import Loss
from ..native import elementwise
from .check import Inputs

Rows = Callable[..., tuple[Any, Any]]


def find(loss: Loss, inputs: Inputs) -> Rows | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None if there is none."""
    call = _prepare(loss, inputs)
    if call is None:
        return None

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        if np.ndim(scale):
            inputs = inputs._replace(narrow=(None, None))  # a gradient is rounded to float16 once, and last
        number = 1.0 if scale is None or np.ndim(scale) else float(scale)
        _, values, slopes = call(inputs, scale=number, values=True, gradient=gradient)
        if slopes is not None and np.ndim(scale):
            slopes *= scale
        return values, slopes

    return kernel


def find_total(loss: Loss, inputs: Inputs) -> Rows | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (total, gradient or None)``, or None if there is none.

    The total is Σ factor * value in float64; the gradient is that of ``scale * total``; ``scale`` is a number. Nothing
    of the size of the values is stored.
    """
    call = _prepare(loss, inputs)
    if call is None:
        return None

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        weight = inputs.factor
        if weight is not None:
            weight = plain(np.broadcast_to(weight, inputs.prediction.shape))
        total, _, slopes = call(inputs, weight=weight, scale=float(scale), gradient=gradient)
        return np.float64(total), slopes

    return kernel


def _prepare(loss: Loss, inputs: Inputs) -> Callable[..., tuple[float, Any, Any]] | None:
    if loss.layout != "element" or inputs.xp.name != "numpy":
        return None
    number, parameters = elementwise.find(loss), elementwise.numbers(loss, inputs.parameters)
    if number is None or parameters is None or inputs.prediction.dtype not in (np.float32, np.float64):
        return None
    extra = next((inputs.parameters[e.name] for e in loss.extras), None)
    if loss.extras and extra is None:
        return None

    def call(inputs: Inputs, **options: Any) -> tuple[float, Any, Any]:
        half = inputs.narrow[1]
        prediction, target = plain(stored(inputs)), plain(inputs.target if half is None else half)
        along = None if extra is None else plain(np.broadcast_to(extra, prediction.shape))
        return elementwise.run(number, parameters, prediction, target, extra=along, **options)

    return call


def stored(inputs: Inputs) -> np.ndarray:
    """Return the prediction as float16 if it was given so, or as it is computed with."""
    return inputs.prediction if inputs.narrow[0] is None else inputs.narrow[0]


def plain(x: np.ndarray) -> np.ndarray:
    """Return the array, copied only if it is strided or not aligned."""
    return np.require(x, requirements=("C_CONTIGUOUS", "ALIGNED"))
