"""Softmax cross-entropy with integer labels, and the focal loss, on TensorFlow, by operations that call the kernels.

The operations of the other losses are in ``tensorflow_rows``; they are loaded and looked at here.

The contract, for those who call it:

- ``supports`` says whether a call can run here: tensors of this process's CPU, outside of XLA, with the operations
  loaded. Everything else is the plain formula's: it is decided while a graph is traced, and nothing is silently moved
  to another device. A version of TensorFlow that the operations cannot be loaded into supports nothing.
- The operations are registered once, with the first call that asks, in the TensorFlow that is there.
- Values and gradients are those of the formula in `lossmith.losses`, a row with a label out of range included: NaN,
  with gradient 0. Gradients are registered for every order, so tapes, ``tf.gradients``, forward mode, ``tf.function``
  and ``tf.vectorized_map`` (as a loop) go through; the second and higher derivatives come from the formula.
- In a graph that a tape records, one pass over the logits gives values and gradient, as for a mean; the backward pass
  hands it over if the mean is what is differentiated, and multiplies its rows if not. Elsewhere the backward operation
  takes one cotangent per row and computes the gradient from the logits, scaled already. Large gradients lie in memory
  that is used again for the next step's; see `lossmith.native.trim`.
- A ``tf.function`` that was traced outside of XLA keeps its operation, and XLA refuses it by name when a compiled
  function calls it later; trace it inside, or give it ``jit_compile=True`` of its own.
- A SavedModel that contains the loss needs ``import lossmith.native.tensorflow`` and ``load()`` before it is loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .. import native
from ..arrays import tensorflow as xp
from ..losses import find

try:  # The only question that TensorFlow has no public answer to; without one no graph gets an operation.
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext as _inside_xla
except ImportError:  # pragma: no cover - another version of TensorFlow
    _inside_xla = None
try:  # Whether a tape records decides about speed alone.
    from tensorflow.python.eager.record import could_possibly_record as _tape_is_recording
except ImportError:  # pragma: no cover - another version of TensorFlow

    def _tape_is_recording() -> bool:
        return False


__all__ = [
    "before_cast",
    "load",
    "runs_here",
    "softmax_cross_entropy",
    "softmax_cross_entropy_gradient",
    "supports",
    "widened",
]
_WIDENED = "_lossmith_widened"  # an attribute of tensors in graphs
_COMPUTED_IN = {tf.float32: tf.float32, tf.float64: tf.float64, tf.bfloat16: tf.float32, tf.float16: tf.float32}


@functools.cache
def _operations() -> Any:
    """Return the module of the operations' Python functions, or None where they cannot be had."""
    library = Path(__file__).with_name("_tensorflow.so")
    if not (native.has_native() and library.exists()):
        return None
    try:
        operations = tf.load_op_library(str(library))
        ctypes.CDLL(str(library)).lossmith_lend_kernels(ctypes.c_void_p(native.tensorflow_table()))
    except (tf.errors.OpError, OSError, RuntimeError, AttributeError):
        return None
    return operations if hasattr(operations, "lossmith_softmax_cross_entropy") else None


@tf.autograph.experimental.do_not_convert
def load() -> bool:
    """Register the operations if they are not yet; return whether they are there."""
    return _operations() is not None


@tf.autograph.experimental.do_not_convert
def supports(logits: Any, labels: Any) -> bool:
    """Return whether the operations take logits (…, C) and labels (…) in the place where the call is made."""
    return runs_here(logits, labels) and logits.dtype in _COMPUTED_IN and labels.dtype == tf.int64


@tf.autograph.experimental.do_not_convert
def runs_here(*tensors: Any) -> bool:
    """Return whether operations, of any loss, may take tensors in the place where the call is made."""
    if not (all(isinstance(x, tf.Tensor) for x in tensors) and load()):
        return False
    if not tf.executing_eagerly() and (_inside_xla is None or _inside_xla(tf.compat.v1.get_default_graph())):
        return False
    # An accelerator would have the logits copied to the host, and other machines do not know the operations.
    return all(device.name.startswith("/device:CPU:") for device in tf.config.list_logical_devices())


@tf.autograph.experimental.do_not_convert
def before_cast(logits: Any, dtype: Any) -> Any:
    """Return logits of half precision as they were, before their cast from ``dtype``, or what is given.

    In a graph this spares the cast. Whoever calls has made it, or it is a `widened` one; a cast of the user's own must
    stay, with its gradient.
    """
    made_by = None if tf.executing_eagerly() else getattr(logits, "op", None)  # constants from outside have none
    if made_by is None or made_by.type != "Cast":
        return logits
    source = made_by.inputs[0]
    own = getattr(logits, _WIDENED, False) or source.dtype == dtype
    return source if own and source.dtype in (tf.bfloat16, tf.float16) else logits


@tf.autograph.experimental.do_not_convert
def widened(given: Any, wide: Any) -> Any:
    """Return ``wide``, which a face has made of ``given`` by a cast, marked as one that `before_cast` may leave out."""
    if not tf.executing_eagerly() and isinstance(wide, tf.Tensor) and wide is not given:
        setattr(wide, _WIDENED, True)
    return wide


@tf.autograph.experimental.do_not_convert
def softmax_cross_entropy(logits: Any, labels: Any, **settings: float) -> Any:
    """Return the loss of each row (…), in float32 for half precision.

    Args:
        logits: (…, C) of float32, float64, bfloat16 or float16; see ``supports``.
        labels: (…) int64. A row whose label is not in [0, C) has the value NaN.
        **settings: ``label_smoothing`` in [0, 1]; ``z_loss``, the factor of the squared log-sum-exp, not negative; or
            ``focal``, the exponent of the softmax focal loss, not negative.
    """
    operations = _operations()
    given = {"logits": logits, "labels": labels, "U": _COMPUTED_IN[logits.dtype], **_attributes(settings)}
    if not tf.executing_eagerly() and _tape_is_recording():
        return operations.lossmith_softmax_cross_entropy_ahead(**given)[0]
    return operations.lossmith_softmax_cross_entropy(**given)


@tf.autograph.experimental.do_not_convert
def softmax_cross_entropy_gradient(logits: Any, labels: Any, scale: Any, **settings: float) -> tuple[Any, Any]:
    """Return the loss of each row, and its gradient (…, C) times ``scale`` (…), in one pass over the logits.

    ``scale`` is one factor per row, or one in all; the gradient is in the dtype of the logits.
    """
    scale = tf.broadcast_to(as_factor(scale, _COMPUTED_IN[logits.dtype]), tf.shape(labels))
    return _operations().lossmith_softmax_cross_entropy_gradient(
        logits=logits, labels=labels, scale=scale, **_attributes(settings)
    )


def as_factor(scale: Any, dtype: Any) -> Any:
    """Return a number or tensor as a tensor of ``dtype``; ``tf.cast`` would round a number to float32 first."""
    return tf.cast(scale, dtype) if isinstance(scale, tf.Tensor) else tf.constant(scale, dtype)


def _attributes(settings: Mapping[str, float]) -> dict[str, int]:
    return {f"{name}_bits": int(np.float64(value).view(np.int64)) for name, value in settings.items()}


def _settings(op: Any) -> dict[str, float]:
    """Return an operation's settings."""
    names = ("label_smoothing", "z_loss", "focal")
    return {name: float(np.int64(op.get_attr(f"{name}_bits")).view(np.float64)) for name in names}


def _gradient_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the gradient of an operation; when this module is loaded again, the first one stays."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        with contextlib.suppress(KeyError):
            tf.RegisterGradient(name)(function)
        return function

    return register


@_gradient_of("LossmithSoftmaxCrossEntropy")
def _of_values(op: Any, cotangent: Any) -> tuple[Any, ...]:
    logits, labels = op.inputs
    # The cotangent may be IndexedSlices: that is what the gradient of tf.gather is.
    _, gradient = _operations().lossmith_softmax_cross_entropy_gradient(
        logits=logits, labels=labels, scale=tf.convert_to_tensor(cotangent), **_attributes(_settings(op))
    )
    return gradient, None


@_gradient_of("LossmithSoftmaxCrossEntropyAhead")
def _of_ahead(op: Any, cotangent: Any, _: Any) -> tuple[Any, ...]:
    """The second output is of no use but here: nobody can have a cotangent for it."""
    (logits, labels), (_, ahead) = op.inputs, op.outputs
    gradient = _operations().lossmith_softmax_cross_entropy_backward(
        logits=logits,
        labels=labels,
        ahead=ahead,
        cotangent=tf.convert_to_tensor(cotangent),
        **_attributes(_settings(op)),
    )
    return gradient, None


@_gradient_of("LossmithSoftmaxCrossEntropyBackward")
def _of_backward(op: Any, cotangent: Any) -> tuple[Any, ...]:
    logits, labels, _, scale = op.inputs
    slope, _, scale_slope = _by_formula(logits, labels, scale, _settings(op), None, cotangent)
    return slope, None, None, scale_slope


@_gradient_of("LossmithSoftmaxCrossEntropyGradient")
def _of_gradient(op: Any, value_cotangent: Any, gradient_cotangent: Any) -> tuple[Any, ...]:
    logits, labels, scale = op.inputs
    return _by_formula(logits, labels, scale, _settings(op), value_cotangent, gradient_cotangent)


def _by_formula(
    logits: Any, labels: Any, scale: Any, settings: dict[str, float], value_cotangent: Any, gradient_cotangent: Any
) -> tuple[Any, None, Any]:
    """Return the derivatives with respect to logits and scale; tapes further out see ordinary operations."""
    gamma = settings.pop("focal")
    loss = find("softmax_focal" if gamma else "softmax_cross_entropy")
    parameters = {**loss.defaults, **({"gamma": gamma} if gamma else settings)}
    with tf.GradientTape() as tape:
        tape.watch([logits, scale])
        wide = tf.cast(logits, scale.dtype)
        gradient = tf.cast(loss.gradient(xp, wide, labels, **parameters) * scale[..., tf.newaxis], logits.dtype)
        outputs, cotangents = [gradient], [gradient_cotangent]
        if value_cotangent is not None:
            outputs.append(loss.value(xp, wide, labels, **parameters))
            cotangents.append(value_cotangent)
    zero = tf.UnconnectedGradients.ZERO
    slope, scale_slope = tape.gradient(
        outputs, [logits, scale], output_gradients=cotangents, unconnected_gradients=zero
    )
    return slope, None, scale_slope
