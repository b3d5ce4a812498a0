"""``keras.losses``' functions: one value per sample, as Keras reduces them; formulas come from ``lossmith.losses``.

Elementwise losses are averaged over the last axis, as Keras does.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.src.backend.common.masking import set_keras_mask  # Keras' own way to say which values count

from ..arrays import load
from ..core import call
from ..errors import LabelError
from ..losses import Loss, find


def _values(name: str, y_true: Any, y_pred: Any, axis: int = -1, **parameters: Any) -> Any:
    """Return the loss's values in Keras' order of arguments, on the backend that Keras runs on."""
    loss: Loss = find(name)
    options = {"ignore_index": parameters.pop("ignore_index", None), "axis": axis}
    return call(
        loss,
        y_pred,
        y_true,
        parameters=loss.resolve(parameters),
        reduction="none",
        xp=load(keras.backend.backend()),
        check="labels",
        **options,
    )


def _elementwise(name: str, y_true: Any, y_pred: Any, axis: int = -1, **parameters: Any) -> Any:
    y_true, y_pred = _floats(y_true, y_pred)
    return keras.ops.mean(_values(name, y_true, y_pred, **parameters), axis=axis)


def _floats(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return both as tensors of one rank and of the prediction's dtype, as Keras' own functions begin."""
    y_pred = keras.ops.convert_to_tensor(y_pred)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(y_pred.dtype)):
        y_pred = keras.ops.cast(y_pred, keras.config.floatx())
    y_true = keras.ops.cast(keras.ops.convert_to_tensor(y_true), y_pred.dtype)
    return same_rank(y_true, y_pred)


def same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Squeeze a last axis of length 1 that only one of the two has."""
    if len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
        return keras.ops.squeeze(y_true, -1), y_pred
    if len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
        return keras.ops.expand_dims(y_true, -1), y_pred
    return y_true, y_pred


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared error."""
    return _elementwise("squared_error", y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the absolute error."""
    return _elementwise("absolute_error", y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the absolute error in per cent of the target (at least epsilon)."""
    return _elementwise("absolute_percentage_error", y_true, y_pred, epsilon=keras.config.epsilon())


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared error of log(1 + x), negatives raised to epsilon first."""
    y_true, y_pred = _floats(y_true, y_pred)
    floor = keras.config.epsilon()
    return _elementwise("squared_logarithmic_error", keras.ops.maximum(y_true, floor), keras.ops.maximum(y_pred, floor))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of the Huber loss."""
    return _elementwise("huber", y_true, y_pred, delta=delta)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of log(cosh(error))."""
    return _elementwise("log_cosh", y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the Poisson loss on the rate."""
    return _elementwise("poisson", y_true, y_pred, epsilon=keras.config.epsilon())


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the hinge loss; a batch of only 0 and 1 is read as -1 and +1."""
    return _elementwise("hinge", _signs(y_true), y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of the squared hinge loss; a batch of only 0 and 1 is read as -1 and +1."""
    return _elementwise("squared_hinge", _signs(y_true), y_pred)


def _signs(y_true: Any) -> Any:
    y_true = keras.ops.cast(keras.ops.convert_to_tensor(y_true), keras.config.floatx())
    binary = keras.ops.all(keras.ops.logical_or(keras.ops.equal(y_true, 0), keras.ops.equal(y_true, 1)))
    return keras.ops.where(binary, 2 * y_true - 1, y_true)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Mean over ``axis`` of the binary cross-entropy; probabilities are clipped at epsilon, as in Keras."""
    if from_logits:
        return _elementwise("sigmoid_cross_entropy", y_true, y_pred, axis, label_smoothing=label_smoothing)
    return _elementwise(
        "binary_cross_entropy", y_true, y_pred, axis, label_smoothing=label_smoothing, epsilon=keras.config.epsilon()
    )


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
    options = {"gamma": gamma, "alpha": alpha if apply_class_balancing else None, "label_smoothing": label_smoothing}
    if from_logits:
        return _elementwise("sigmoid_focal", y_true, y_pred, axis, **options)
    return _elementwise("binary_focal", y_true, y_pred, axis, epsilon=keras.config.epsilon(), **options)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Cross-entropy of one-hot or soft rows over ``axis``.

    Raises:
        LabelError: ``y_true`` holds class indices.
    """
    y_true, y_pred = _dense_rows(y_true, y_pred, axis)
    return _cross_entropy(y_true, y_pred, from_logits, axis, label_smoothing=label_smoothing)


def _dense_rows(y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    y_pred = keras.ops.convert_to_tensor(y_pred)
    y_true = keras.ops.cast(keras.ops.convert_to_tensor(y_true), y_pred.dtype)
    if len(y_true.shape) != len(y_pred.shape) or (y_true.shape[axis] == 1 and y_pred.shape[axis] != 1):
        raise LabelError(
            f"y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}: this loss takes one-hot or soft "
            "rows; for class indices use SparseCategoricalCrossentropy"
        )
    return y_true, y_pred


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
    y_true, y_pred = _dense_rows(y_true, y_pred, axis)
    options = {"gamma": gamma, "label_smoothing": label_smoothing}
    if not isinstance(alpha, int | float):
        options["class_weight"], alpha = alpha, 1.0
    if from_logits:
        return alpha * _values("softmax_focal", y_true, y_pred, axis, **options)
    y_pred = y_pred / keras.ops.sum(y_pred, axis=axis, keepdims=True)
    return alpha * _values("categorical_focal", y_true, y_pred, axis, epsilon=keras.config.epsilon(), **options)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Generalised cross-entropy of class indices under probabilities.

    Raises:
        LabelError: ``y_true`` holds one-hot rows, or a label out of range.
    """
    y_true, y_pred = _class_indices(y_true, y_pred, -1)
    return _values("generalised_cross_entropy", y_true, y_pred, q=q)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Cross-entropy of class indices; rows of ``ignore_class`` have value 0.

    Raises:
        LabelError: ``y_true`` holds one-hot rows, or a label out of range.
    """
    y_true, y_pred = _class_indices(y_true, y_pred, axis)
    values = _cross_entropy(y_true, y_pred, from_logits, axis, ignore_index=ignore_class)
    if ignore_class is not None:
        set_keras_mask(values, keras.ops.not_equal(y_true, ignore_class))  # the mean is then over the rest
    return values


def _class_indices(y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    y_pred, y_true = keras.ops.convert_to_tensor(y_pred), keras.ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = keras.ops.squeeze(y_true, axis)
    if len(y_true.shape) == len(y_pred.shape):
        raise LabelError(
            f"y_true has the shape of y_pred, {tuple(y_true.shape)}: this loss takes class indices; for one-hot or "
            "soft rows use CategoricalCrossentropy"
        )
    return keras.ops.cast(y_true, "int32"), y_pred  # Keras hands labels over as floats


def _cross_entropy(y_true: Any, y_pred: Any, from_logits: bool, axis: int, **parameters: Any) -> Any:
    if from_logits:
        return _values("softmax_cross_entropy", y_true, y_pred, axis, **parameters)
    y_pred = y_pred / keras.ops.sum(y_pred, axis=axis, keepdims=True)
    return _values("categorical_cross_entropy", y_true, y_pred, axis, epsilon=keras.config.epsilon(), **parameters)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Divergence over the last axis, both arguments clipped to [epsilon, 1], as in Keras."""
    y_true, y_pred = (keras.ops.clip(y, keras.config.epsilon(), 1) for y in _floats(y_true, y_pred))
    return _values("kl_divergence", y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Categorical hinge with Keras' rule that the best other score counts as at least 0."""
    return _values("categorical_hinge", *_floats(y_true, y_pred), rivals_from_zero=True)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine over ``axis``: -1 is the same direction."""
    return _values("cosine_similarity", *_floats(y_true, y_pred), axis=axis)
