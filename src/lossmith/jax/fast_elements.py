"""The elementwise losses under JAX: a sum or mean and its gradient, in one pass.

XLA fuses a formula with the sum around it, and would have to store a kernel's values first: with ``reduction="none"``
it is faster alone, for all losses but a few. The limits below were measured, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core.check import Inputs
from ..losses import Loss, find
from ..native import elementwise
from . import lowering
from .primitives import XP, Family, Primitives, Settings

LEAST = 256  # elements: below, nothing is to be gained
XLA_IS_FASTER = frozenset({"kto"})


class Elements(NamedTuple):
    """A loss with its parameters."""

    name: str
    parameters: tuple[float | None, ...]


def _formula(prediction: Any, target: Any, *rest: Any, settings: Settings) -> Any:
    loss = find(settings.own.name)
    parameters = dict(zip(loss.defaults, settings.own.parameters, strict=True))
    losses = loss.value(XP, prediction.astype(target.dtype), target, **parameters)
    if settings.weighted:
        losses = losses * rest[settings.shares]
    return jnp.sum(losses, axis=tuple(range(losses.ndim - settings.axes, losses.ndim)))


def _attributes(own: Elements) -> dict[str, Any]:
    numbers = (np.nan if x is None else x for x in own.parameters)
    return {"loss": own.name, **{f"q{i}": np.float64(x) for i, x in enumerate(numbers)}}


FAMILY = Family("elementwise", "elementwise_handler", _formula, _attributes, class_weights=False)
elements_p = Primitives(FAMILY) if lowering.supported else None


def total_kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the kernel for the sum of all values, or None; see ``core.kernel.find_total``."""
    call = _settings(loss, inputs)
    if call is None:
        return None
    settings, prediction = call
    primitives: Any = elements_p

    def run(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        weight = inputs.factor
        if weight is not None:
            weight = jnp.broadcast_to(weight, prediction.shape)
        settled = settings._replace(shares=gradient, weighted=weight is not None)
        weights = [] if weight is None else [weight]
        if not gradient:
            return primitives.values(settled, prediction, inputs.target, *weights), None
        scale = jnp.asarray(scale, inputs.target.dtype)
        operands = prediction, inputs.target, jax.lax.stop_gradient(scale), *weights
        return primitives.values_and_gradient(settled, scale, *operands)

    return run


def _settings(loss: Loss, inputs: Inputs) -> tuple[Settings, Any] | None:
    """Return settings and the prediction as it is to be read, or None where the formula has to do it."""
    prediction, target = inputs.prediction, inputs.target
    number, numbers = elementwise.find(loss), elementwise.numbers(loss, inputs.parameters)
    if number is None or numbers is None or loss.extras or loss.name in XLA_IS_FASTER or not lowering.available():
        return None
    if not isinstance(prediction.size, int) or prediction.size < LEAST or prediction.dtype != target.dtype:
        return None  # a size is no number in programs that are exported for any of them
    if inputs.keep is not None:
        return None  # what a mask has replaced would have to be stored for the kernel
    prediction = lowering.before_cast(prediction, inputs.dtype)
    if prediction.dtype not in lowering.DTYPES:
        return None
    return Settings(Elements(loss.name, numbers), axes=prediction.ndim), prediction
