"""``keras.losses``' functions: one value per sample, as Keras reduces them; formulas come from ``lossmith.losses``.

Elementwise losses are averaged over the last axis, as Keras does. Values are float32 or wider, whatever half precision
comes in. A mask that rides on ``y_pred`` hides what it hides; the value there is 0.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
from keras.src.backend.common.masking import set_keras_mask  # Keras' own way to say which values count

from ..arrays import load
from ..core import call
from ..core.autograph import unconverted
from . import fast, inputs, settings
from .inputs import Pair
from .settings import Settings
from .wording import speaking_keras

ops = keras.ops


@unconverted
def _values(chosen: Settings, pair: Pair) -> Any:
    """Return the loss's values on the backend that Keras runs on; 0 where nothing counts."""
    xp = load(keras.backend.backend())
    values = fast.row_means(chosen, pair)
    if values is None:
        values = fast.softmax_cross_entropy(xp, chosen, pair)
    if values is None:
        values = _by_core(xp, chosen, pair)
    if chosen.factor != 1:
        values = values * chosen.factor
    return values if pair.keep is None else ops.where(pair.keep, values, ops.zeros_like(values))


def _by_core(xp: Any, chosen: Settings, pair: Pair) -> Any:
    values = speaking_keras(
        call,
        chosen.loss,
        pair.y_pred,
        pair.y_true,
        parameters=chosen.parameters,
        axis=chosen.axis,
        reduction="none",
        xp=xp,
        check="none",
    )
    return xp.mean(values, chosen.axis) if chosen.loss.layout == "element" else values


@unconverted
def _of_elements(chosen: Settings, y_true: Any, y_pred: Any) -> Any:
    return _values(chosen, inputs.elements(chosen, y_true, y_pred))


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared error."""
    return _of_elements(settings.mean_squared_error(), y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the absolute error."""
    return _of_elements(settings.mean_absolute_error(), y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the absolute error in per cent of the target (at least epsilon)."""
    return _of_elements(settings.mean_absolute_percentage_error(), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared error of log(1 + x), negatives raised to epsilon first."""
    chosen, floor = settings.mean_squared_logarithmic_error(), keras.config.epsilon()
    pair = inputs.elements(chosen, y_true, y_pred)
    return _values(chosen, Pair(ops.maximum(pair.y_true, floor), ops.maximum(pair.y_pred, floor), pair.keep))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of the Huber loss."""
    return _of_elements(settings.huber(delta), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of log(cosh(error))."""
    return _of_elements(settings.log_cosh(), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the Poisson loss on the rate; a negative rate gives NaN."""
    return _of_elements(settings.poisson(), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the hinge loss; a batch of only 0 and 1 is read as -1 and +1."""
    chosen = settings.hinge()
    return _values(chosen, _signs(inputs.elements(chosen, y_true, y_pred)))


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared hinge loss; a batch of only 0 and 1 is read as -1 and +1."""
    chosen = settings.squared_hinge()
    return _values(chosen, _signs(inputs.elements(chosen, y_true, y_pred)))


def _signs(pair: Pair) -> Pair:
    y = pair.y_true
    binary = ops.all(ops.logical_or(ops.equal(y, 0), ops.equal(y, 1)))
    return pair._replace(y_true=ops.where(binary, 2 * y - 1, y))


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Mean over ``axis`` of the binary cross-entropy; probabilities are clipped at epsilon, as in Keras."""
    return _of_elements(settings.binary_crossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Mean over ``axis`` of the binary focal loss; ``alpha`` counts only with ``apply_class_balancing``."""
    chosen = settings.binary_focal_crossentropy(apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis)
    return _of_elements(chosen, y_true, y_pred)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Cross-entropy of one-hot or soft rows over ``axis``.

    Raises:
        LabelError: ``y_true`` holds class indices.
    """
    chosen = settings.categorical_crossentropy(from_logits, label_smoothing, axis)
    return _of_one_hot(chosen, y_true, y_pred, from_logits)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Focal loss of one-hot rows over ``axis``, times ``alpha``: one factor for all classes, or one per class.

    Raises:
        LabelError: ``y_true`` holds class indices.
    """
    chosen = settings.categorical_focal_crossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return _of_one_hot(chosen, y_true, y_pred, from_logits)


@unconverted
def _of_one_hot(chosen: Settings, y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    pair = inputs.one_hot(chosen, y_true, y_pred)
    if pair.y_pred.shape[chosen.axis] == 1:
        warnings.warn(
            f"y_pred has shape {tuple(pair.y_pred.shape)}, one class on axis {chosen.axis}, whose probability is "
            "always 1; for two classes and one output use BinaryCrossentropy",
            SyntaxWarning,
            stacklevel=3,
        )
    return _values(chosen, pair if from_logits else _normalised(pair, chosen.axis))


def _normalised(pair: Pair, axis: int) -> Pair:
    """Return the pair with rows that sum to 1; a row of zeros stays one, whatever is true costs the most there is."""
    total = ops.sum(pair.y_pred, axis=axis, keepdims=True)
    return pair._replace(y_pred=pair.y_pred / ops.where(ops.equal(total, 0), ops.ones_like(total), total))


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Generalised cross-entropy of class indices under probabilities.

    Raises:
        LabelError: ``y_true`` holds one-hot rows, or a label out of range.
    """
    chosen = settings.categorical_generalized_cross_entropy(q)
    return _values(chosen, inputs.sparse(chosen, y_true, y_pred))


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Cross-entropy of class indices; rows of ``ignore_class`` have value 0.

    Raises:
        LabelError: ``y_true`` holds one-hot rows, or a label out of range.
    """
    chosen = settings.sparse_categorical_crossentropy(from_logits, ignore_class, axis)
    pair = inputs.sparse(chosen, y_true, y_pred)
    values = _values(chosen, pair if from_logits else _normalised(pair, chosen.axis))
    if ignore_class is not None:
        set_keras_mask(values, pair.keep)  # the mean is then over the rest
    return values


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Divergence over the last axis, both arguments clipped to [epsilon, 1], as in Keras."""
    chosen, low = settings.kl_divergence(), keras.config.epsilon()
    pair = inputs.elements(chosen, y_true, y_pred)
    return _values(chosen, Pair(ops.clip(pair.y_true, low, 1), ops.clip(pair.y_pred, low, 1), pair.keep))


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Categorical hinge with Keras' rule that the best other score counts as at least 0."""
    chosen = settings.categorical_hinge()
    return _values(chosen, inputs.elements(chosen, y_true, y_pred))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine over ``axis``: -1 is the same direction."""
    chosen = settings.cosine_similarity(axis)
    return _values(chosen, inputs.elements(chosen, y_true, y_pred))
