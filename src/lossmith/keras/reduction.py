"""From values, weights and masks to the loss: Keras' reductions, right for every rank and every length.

``sum`` is Σ w·l, ``sum_over_batch_size`` (``mean``) is Σ w·l over the number of values that count,
``mean_with_sample_weight`` is Σ w·l / Σ w, ``none`` is w·l. Weights and masks go along the leading axes of the values;
a mask selects, so that a NaN under it has no influence. An empty mean is 0.
"""

from __future__ import annotations

from typing import Any

import keras

from ..arrays import load
from ..core import reduce
from ..errors import InputError
from .shapes import aligned, shape_of

ops = keras.ops
MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
REDUCTIONS = (*MEANS, "sum", "none", None)


def check(reduction: Any) -> None:
    """Raise InputError unless ``reduction`` is one of Keras'."""
    if not (reduction is None or isinstance(reduction, str)) or reduction not in REDUCTIONS:
        raise InputError(f"reduction is {reduction!r}; expected one of {', '.join(map(repr, REDUCTIONS))}")


def reduced(values: Any, sample_weight: Any, masks: list[Any], reduction: str | None) -> Any:
    """Return the loss of ``values``; masks are tensors, or None for all."""
    xp, shape = load(keras.backend.backend()), shape_of("the values", values)
    keep = None
    for mask in masks:
        if mask is not None:
            mask = aligned("the mask of y_pred", ops.cast(mask, "bool"), shape)
            keep = mask if keep is None else ops.logical_and(keep, mask)
    factor = None
    if sample_weight is not None:
        factor = aligned("sample_weight", ops.cast(ops.convert_to_tensor(sample_weight), values.dtype), shape)
    kept = None if keep is None else ops.cast(keep, values.dtype)
    if keep is not None:
        values = ops.where(keep, values, ops.zeros_like(values))
        factor = kept if factor is None else ops.where(keep, factor, ops.zeros_like(kept))
    if reduction in ("none", None):
        return values if factor is None else values * factor
    total, weight = reduce.total_and_count(xp, values, factor, None)
    if reduction == "sum":
        return ops.cast(total, values.dtype)  # on NumPy a float until here
    if reduction != "mean_with_sample_weight":
        weight = reduce.count_of(xp, values, kept, None)
    return ops.cast(_share(reduce.mean(xp, total, weight, "zero")), values.dtype)


def _share(mean: Any) -> Any:
    """Return this replica's share of a mean, as Keras has it under ``tf.distribute``, which adds them up."""
    if keras.backend.backend() != "tensorflow":
        return mean
    import tensorflow as tf

    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return mean / replicas if replicas > 1 else mean
