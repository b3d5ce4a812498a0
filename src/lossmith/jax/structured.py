"""optax's losses of whole regions, batches and sequences; formulas come from ``lossmith.losses``.

Signatures, defaults and reductions are optax's: Dice and CTC give one value per sample, NT-Xent its mean.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ..errors import InputError, ShapeError
from .calling import apply


def dice_loss(
    predictions: Any,
    targets: Any,
    *,
    class_weights: Any = None,
    smooth: Any = 1.0,
    alpha: Any = 0.5,
    beta: Any = 0.5,
    apply_softmax: bool = True,
    reduction: str = "mean",
    ignore_background: bool = False,
    axis: Any = None,
) -> Any:
    """Tversky over everything between the first and the last (class) axis, as ``optax.losses.dice_loss``.

    Predictions (N, …, C) are logits, or probabilities with ``apply_softmax=False``; one class means a sigmoid. Targets
    have the same shape. ``class_weights`` (C,) multiply, without a part in the mean's denominator. The reduction is
    over the classes: one value per sample, (N,), or with ``reduction="none"`` (N, C).

    Raises:
        ShapeError: The shapes differ.
        InputError: An axis other than those between the first and the last, or a reduction that is not known.

    >>> import jax.numpy as jnp
    >>> dice_loss(jnp.zeros((1, 4, 1)), jnp.ones((1, 4, 1)))
    Array([0.25], dtype=float32)
    """
    predictions, targets = _with_classes(jnp.asarray(predictions), jnp.asarray(targets))
    if axis is not None and tuple(np.atleast_1d(axis).tolist()) != tuple(range(1, predictions.ndim - 1)):
        raise InputError(f"axis is {axis!r}; this function scores all axes between the first and the last: axis=None")
    values = _per_class(predictions, targets, apply_softmax, {"smooth": smooth, "alpha": alpha, "beta": beta})
    if class_weights is not None:
        values = values * jnp.asarray(class_weights)
    if ignore_background and values.shape[-1] > 1:
        values = values[..., 1:]
    if reduction == "none":
        return values
    if reduction not in ("mean", "sum"):
        raise InputError(f"reduction is {reduction!r}; expected one of 'mean', 'sum', 'none'")
    return values.mean(axis=-1) if reduction == "mean" else values.sum(axis=-1)


def _with_classes(predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Give an array that lacks the class axis one of length 1."""
    if predictions.ndim == targets.ndim - 1:
        predictions = predictions[..., None]
    if targets.ndim == predictions.ndim - 1:
        targets = targets[..., None]
    if predictions.shape != targets.shape or predictions.ndim < 2:
        raise ShapeError(
            f"predictions have shape {predictions.shape} and targets {targets.shape}; expected (N, …, C) for both"
        )
    return predictions, targets


def _per_class(predictions: Any, targets: Any, logits: bool, parameters: dict[str, Any]) -> Any:
    """Return the values (N, C)."""
    samples, classes = predictions.shape[0], predictions.shape[-1]
    if logits and classes > 1:
        p, t = (x.reshape(samples, -1, classes) for x in (predictions, targets))
        return apply("softmax_tversky", p, t, {}, **parameters)
    p, t = (jnp.moveaxis(x, -1, 1).reshape(samples * classes, -1) for x in (predictions, targets))
    return apply("sigmoid_tversky" if logits else "tversky", p, t, {}, **parameters).reshape(samples, classes)


def binary_dice_loss(predictions: Any, targets: Any, *, smooth: Any = 1.0, apply_sigmoid: bool = True) -> Any:
    """Dice of one class, (N,), as ``optax.losses.binary_dice_loss``; predictions (N, …) are logits by default."""
    predictions, targets = jnp.asarray(predictions), jnp.asarray(targets)
    if predictions.ndim == targets.ndim and predictions.shape[-1] != 1:
        predictions, targets = predictions[..., None], targets[..., None]
    return dice_loss(predictions, targets, smooth=smooth, apply_softmax=apply_sigmoid)


def multiclass_generalized_dice_loss(
    predictions: Any, targets: Any, *, smooth: Any = 1.0, apply_softmax: bool = True, ignore_background: bool = False
) -> Any:
    """Dice whose classes weigh one over their squared frequency, as optax's function of this name.

    The weights, from the whole batch, are scaled to a mean of 1; for the Dice of weighted sums use
    ``lossmith.softmax_generalised_dice``.
    """
    predictions, targets = _with_classes(jnp.asarray(predictions), jnp.asarray(targets))
    frequency = targets.sum(axis=tuple(range(targets.ndim - 1)))
    weights = 1 / (frequency**2 + 1e-7)
    return dice_loss(
        predictions,
        targets,
        class_weights=weights / weights.mean(),
        smooth=smooth,
        apply_softmax=apply_softmax,
        reduction="none",
        ignore_background=ignore_background,
    ).mean()


def ctc_loss(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: Any = -1e5,
) -> Any:
    """CTC of logits (B, T, K) and labels (B, N), one value per sequence, as ``optax.losses.ctc_loss``.

    Paddings are 1 where an array is only filled up, at the end. A target that cannot be written costs
    ``-log_epsilon``, with gradient 0.

    Raises:
        LabelError: A label is the blank or no class (inside ``jit`` the value of its sequence is NaN).
        ShapeError: The shapes do not fit.
    """
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    pairs = ((logits, logit_paddings), (labels, label_paddings))
    lengths = [x.shape[1] - jnp.sum(jnp.asarray(padding), axis=1) for x, padding in pairs]
    extras = dict(zip(("prediction_length", "target_length"), lengths, strict=True))
    values = apply("ctc", logits, labels, {}, extras=extras, like=(logits,), blank=blank_id, infeasible="inf")
    return jnp.where(jnp.isinf(values), -log_epsilon, values)


def ntxent(embeddings: Any, labels: Any, temperature: Any = 0.07) -> Any:
    """NT-Xent of embeddings (N, F) and their groups (N,), the mean over positive pairs, as ``optax.losses.ntxent``.

    A batch without a positive pair gives 0 (optax: NaN).
    """
    return apply("nt_xent", embeddings, labels, {"reduction": "mean"}, temperature=temperature)
