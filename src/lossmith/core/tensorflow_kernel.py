"""The calls with TensorFlow tensors that the native core computes; see ``kernel`` for who asks.

Class weights and extra arrays stay with the formula, which also has the gradient with respect to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from ..losses import Loss
from ..native import label_settings, tensorflow_rows
from ..native import tensorflow as operations
from . import contrastive_kernel
from .check import Inputs

Kernel = Callable[..., tuple[Any, Any]]


def find(loss: Loss, inputs: Inputs) -> Kernel | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None if there is none."""
    prediction, target = inputs.prediction, inputs.target
    if loss.layout == "batch":
        return _of_batch(loss, inputs)
    if loss.layout == "sequence":
        prediction = operations.before_cast(prediction, inputs.dtype)
        call = tensorflow_rows.sequences(loss, inputs.parameters, prediction.shape[-1])
        if call is not None and operations.runs_here(prediction, target):
            counts = (inputs.parameters[name] for name in ("prediction_length", "target_length"))
            target = tensorflow_rows.with_counts(tf.cast(target, tf.int64), *counts)
    elif loss.layout == "element":
        call = tensorflow_rows.elements(loss, inputs.parameters)
        prediction = operations.before_cast(prediction, inputs.dtype)
    elif inputs.xp.kind(target) == "int":
        return _labels(loss, inputs)
    else:
        call = tensorflow_rows.pairs(loss, inputs.parameters)
    if call is None or not tensorflow_rows.supports(call, prediction, target):
        return None

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        if not gradient:
            return tensorflow_rows.values(call, prediction, target), None
        return tensorflow_rows.values_and_gradient(call, prediction, target, 1.0 if scale is None else scale)

    return kernel


def find_total(loss: Loss, inputs: Inputs) -> Kernel | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (total, gradient or None)``, or None if there is none.

    A weight stays outside: with one there are values.
    """
    if loss.layout != "element" or inputs.factor is not None:
        return None
    call = tensorflow_rows.elements(loss, inputs.parameters, "rows")
    prediction, target = operations.before_cast(inputs.prediction, inputs.dtype), inputs.target
    if call is None or not tensorflow_rows.supports(call, prediction, target):
        return None

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        flat = tf.reshape(prediction, [-1]), tf.reshape(target, [-1])
        if not gradient:
            return tensorflow_rows.values(call, *flat), None
        total, slope = tensorflow_rows.values_and_gradient(call, *flat, scale)
        return total, tf.reshape(slope, tf.shape(prediction))

    return kernel


def _labels(loss: Loss, inputs: Inputs) -> Kernel | None:
    settings = label_settings(loss.name, inputs.parameters)
    logits = operations.before_cast(inputs.prediction, inputs.dtype)
    if settings is None or inputs.parameters["class_weight"] is not None:
        return None
    if not operations.supports(logits, inputs.target):
        return None

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        if not gradient:
            return operations.softmax_cross_entropy(logits, inputs.target, **settings), None
        one = 1.0 if scale is None else scale
        return operations.softmax_cross_entropy_gradient(logits, inputs.target, one, **settings)

    return kernel


def _of_batch(loss: Loss, inputs: Inputs) -> Kernel | None:
    runs = operations.runs_here(inputs.prediction, inputs.target)
    return contrastive_kernel.find(loss, inputs, _own_columns, _compared) if runs else None


def _compared(
    name: str, inputs: Inputs, matrix: Any, settings: Mapping[str, Any], scale: Any, *, gradient: bool
) -> tuple[Any, Any]:
    call = tensorflow_rows.batches(name, settings)
    groups = tf.zeros_like(matrix[:, 0], tf.int64) if name == "siglip" else tf.cast(inputs.target, tf.int64)
    target = tensorflow_rows.with_presence(groups, inputs.inside)
    if not gradient:
        return tensorflow_rows.values(call, matrix, target), None
    return tensorflow_rows.values_and_gradient(call, matrix, target, 1.0 if scale is None else scale)


def _own_columns(logits: Any, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
    labels = tf.range(tf.shape(logits, tf.int64)[0])
    if not gradient:
        return operations.softmax_cross_entropy(logits, labels), None
    return operations.softmax_cross_entropy_gradient(logits, labels, 1.0 if scale is None else scale)
