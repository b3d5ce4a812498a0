"""The losses on rows that have a kernel under JAX: softmax cross-entropy, with class indices and dense, the softmax
focal loss with class indices, and distillation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core.check import Inputs
from ..losses import Loss, find
from ..native import label_settings, row_pairs
from . import lowering
from .primitives import XP, Family, Primitives, Settings

SOFTMAX, FOCAL = find("softmax_cross_entropy"), find("softmax_focal")
HIDDEN = -(2**31)


class Labels(NamedTuple):
    """Softmax cross-entropy with class indices (…), or the focal loss.

    Rows labelled HIDDEN are left out: their value and gradient are 0, and their logits are not looked at.
    """

    label_smoothing: float = 0.0
    z_loss: float = 0.0
    focal: float | None = None  # the focal loss' gamma
    hides: bool = False  # whether rows may be labelled HIDDEN; otherwise that is a label out of range like others


class Pairs(NamedTuple):
    """A loss between the rows of the prediction and those of the target."""

    name: str
    parameters: tuple[tuple[str, float], ...]


def _labels_formula(logits: Any, labels: Any, *rest: Any, settings: Settings) -> Any:
    own, logits = settings.own, logits.astype(XP.compute_dtype(logits))
    keep = labels != HIDDEN
    if own.hides:
        logits, labels = jnp.where(keep[..., None], logits, 0), jnp.where(keep, labels, 0)
    weight = rest[settings.shares] if settings.weighted else None
    if own.focal is None:
        numbers = {"label_smoothing": own.label_smoothing, "z_loss": own.z_loss}
        losses = SOFTMAX.value(XP, logits, labels, class_weight=weight, **numbers)
    else:
        losses = FOCAL.value(XP, logits, labels, gamma=own.focal, label_smoothing=0.0, class_weight=weight)
    return jnp.where(keep, losses, 0) if own.hides else losses


def _labels_attributes(own: Labels) -> dict[str, Any]:
    numbers = {name: np.float64(getattr(own, name) or 0.0) for name in ("label_smoothing", "z_loss", "focal")}
    return {"hides": np.int64(own.hides), **numbers}


def _pairs_formula(prediction: Any, target: Any, *rest: Any, settings: Settings) -> Any:
    parameters: dict[str, Any] = dict(settings.own.parameters)
    if settings.own.name == SOFTMAX.name:
        parameters["class_weight"] = rest[settings.shares] if settings.weighted else None
    return find(settings.own.name).value(XP, prediction, target, **parameters)


def _pairs_attributes(own: Pairs) -> dict[str, Any]:
    number: Any = row_pairs.find(find(own.name))
    return {"loss": np.int64(number), **{k: np.float64(v) for k, v in own.parameters}}


LABELS = Family("softmax_cross_entropy", "softmax_cross_entropy_handler", _labels_formula, _labels_attributes)
PAIRS = Family("row_pairs", "row_pairs_handler", _pairs_formula, _pairs_attributes)
labels_p, pairs_p = (Primitives(family) if lowering.supported else None for family in (LABELS, PAIRS))


def kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the kernel of a call, or None; see ``core.kernel``."""
    if not lowering.available():
        return None
    if XP.kind(inputs.target) == "int":
        return _labels_kernel(loss, inputs)
    numbers = row_pairs.numbers(inputs.parameters)
    if row_pairs.find(loss) is None or numbers is None:
        return None
    prediction, target = inputs.prediction, inputs.target
    if prediction.dtype != target.dtype or prediction.dtype not in (np.float32, np.float64) or not prediction.shape[-1]:
        return None
    if inputs.dtype in (jnp.bfloat16, np.float16):
        return None  # XLA converts on the way, and the kernel would have to be given float32
    own = Pairs(loss.name, tuple(sorted((k, float(v)) for k, v in numbers.items())))
    return run_with(pairs_p, Settings(own), prediction, target, inputs.parameters.get("class_weight"))


def _labels_kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    numbers = label_settings(loss.name, inputs.parameters)
    logits, labels = lowering.before_cast(inputs.unhidden, inputs.dtype), inputs.target
    if numbers is None or logits.dtype not in lowering.DTYPES or not logits.shape[-1]:
        return None
    if labels.dtype not in (np.int32, np.int64):
        return None
    if inputs.keep is not None:
        labels = jnp.where(inputs.keep, jnp.maximum(labels, -1), HIDDEN)  # a label of HIDDEN's value is a bad one
    own = Labels(**numbers, hides=inputs.keep is not None)
    return run_with(labels_p, Settings(own), logits, labels, inputs.parameters["class_weight"])


def own_columns(inputs: Inputs, logits: Any, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    """Return the cross-entropy of each row of (N, N) with its own column; see ``core.contrastive_kernel``."""
    run = run_with(labels_p, Settings(Labels()), logits, jnp.arange(len(logits)))
    return run(inputs, scale, gradient=gradient)


def run_with(
    primitives: Any, settings: Settings, prediction: Any, target: Any, weight: Any = None
) -> Callable[..., tuple[Any, Any]]:
    """Return the kernel that binds the primitives of a family with these operands."""
    rows = prediction.shape[: prediction.ndim - settings.axes]

    def run(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        share = inputs.factor if scale is None else scale
        if share is not None:
            share = jnp.broadcast_to(jnp.asarray(share, inputs.prediction.dtype), rows)
        call = settings._replace(shares=share is not None, weighted=weight is not None)
        given = [x for x in (None if share is None else jax.lax.stop_gradient(share), weight) if x is not None]
        if gradient:
            return primitives.values_and_gradient(call, share, prediction, target, *given)
        return primitives.values(call, prediction, target, *given), None

    return run
