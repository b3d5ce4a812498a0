"""The functions of the JAX face; formulas come from ``lossmith.losses``.

All take ``reduction``, ``weight``, ``mask``, ``normalizer`` and ``empty`` by keyword, as the functions of ``lossmith``.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..arrays import load
from ..core import call
from ..errors import LabelError
from ..losses import find

_XP = load("jax")


def _apply(name: str, prediction: Any, target: Any, options: dict[str, Any], **parameters: Any) -> Any:
    loss = find(name)
    if target is None:
        target = jnp.zeros_like(prediction)
    options = {"reduction": "none", "check": "labels", **options}
    return call(loss, prediction, target, parameters=loss.resolve(parameters), xp=_XP, **options)


def squared_error(predictions: Any, targets: Any = None, **options: Any) -> Any:
    """``(p - t)²``, as ``optax.squared_error``; ``targets`` default to zeros."""
    return _apply("squared_error", predictions, targets, options)


def l2_loss(predictions: Any, targets: Any = None, **options: Any) -> Any:
    """Half the squared error, as ``optax.l2_loss``."""
    return 0.5 * squared_error(predictions, targets, **options)


def absolute_error(predictions: Any, targets: Any = None, **options: Any) -> Any:
    """``|p - t|`` with gradient 0 at 0."""
    return _apply("absolute_error", predictions, targets, options)


def huber_loss(predictions: Any, targets: Any = None, *, delta: float = 1.0, **options: Any) -> Any:
    """Huber, as ``optax.huber_loss``."""
    return _apply("huber", predictions, targets, options, delta=delta)


def log_cosh(predictions: Any, targets: Any = None, **options: Any) -> Any:
    """``log(cosh(p - t))``, as ``optax.log_cosh``."""
    return _apply("log_cosh", predictions, targets, options)


def squared_logarithmic_error(predictions: Any, targets: Any, **options: Any) -> Any:
    """Squared error of ``log(1 + x)``."""
    return _apply("squared_logarithmic_error", predictions, targets, options)


def absolute_percentage_error(predictions: Any, targets: Any, *, epsilon: float = 0.0, **options: Any) -> Any:
    """Absolute error in per cent of the target, divided by at least ``epsilon``."""
    return _apply("absolute_percentage_error", predictions, targets, options, epsilon=epsilon)


def poisson(rates: Any, targets: Any, *, epsilon: float = 0.0, full: bool = False, **options: Any) -> Any:
    """Poisson on the rate."""
    return _apply("poisson", rates, targets, options, epsilon=epsilon, full=full)


def poisson_log_rate(log_rates: Any, targets: Any, *, full: bool = False, **options: Any) -> Any:
    """Poisson on the log-rate."""
    return _apply("poisson_log_rate", log_rates, targets, options, full=full)


def sigmoid_binary_cross_entropy(
    logits: Any, labels: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0, **options: Any
) -> Any:
    """Sigmoid cross-entropy, as ``optax.sigmoid_binary_cross_entropy``."""
    return _apply(
        "sigmoid_cross_entropy", logits, labels, options, pos_weight=pos_weight, label_smoothing=label_smoothing
    )


def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: float | None = None, gamma: float = 2.0, **options: Any
) -> Any:
    """Binary focal loss on logits, as ``optax.sigmoid_focal_loss``."""
    return _apply("sigmoid_focal", logits, labels, options, alpha=alpha, gamma=gamma)


def binary_cross_entropy(
    probabilities: Any, labels: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0, **options: Any
) -> Any:
    """Binary cross-entropy on probabilities."""
    return _apply(
        "binary_cross_entropy", probabilities, labels, options, pos_weight=pos_weight, label_smoothing=label_smoothing
    )


def softmax_cross_entropy(
    logits: Any, labels: Any, axis: int = -1, *, label_smoothing: float = 0.0, class_weight: Any = None, **options: Any
) -> Any:
    """Softmax cross-entropy with dense ``labels`` of the logits' shape, as ``optax.softmax_cross_entropy``.

    Raises:
        LabelError: ``labels`` are class indices.
    """
    if jnp.ndim(labels) != jnp.ndim(logits):
        raise LabelError(
            f"labels have shape {jnp.shape(labels)} and logits {jnp.shape(logits)}: this function takes one-hot or "
            "soft rows; for class indices use softmax_cross_entropy_with_integer_labels"
        )
    return _softmax(logits, labels, axis, label_smoothing, class_weight, options)


def softmax_cross_entropy_with_integer_labels(
    logits: Any, labels: Any, axis: int = -1, *, label_smoothing: float = 0.0, class_weight: Any = None, **options: Any
) -> Any:
    """Softmax cross-entropy with class indices, as ``optax.softmax_cross_entropy_with_integer_labels``.

    Raises:
        LabelError: ``labels`` are dense rows, or out of range (inside ``jit`` the row's value is NaN instead).
    """
    if jnp.ndim(labels) == jnp.ndim(logits):
        raise LabelError(
            f"labels have the shape of the logits, {jnp.shape(labels)}: this function takes class indices; for one-hot "
            "or soft rows use softmax_cross_entropy"
        )
    return _softmax(logits, labels, axis, label_smoothing, class_weight, options)


def _softmax(
    logits: Any, labels: Any, axis: int, label_smoothing: float, class_weight: Any, options: dict[str, Any]
) -> Any:
    options = {**options, "axis": axis}
    smoothing = {"label_smoothing": label_smoothing, "class_weight": class_weight}
    return _apply("softmax_cross_entropy", logits, labels, options, **smoothing)


def poly_loss_cross_entropy(logits: Any, labels: Any, *, epsilon: float = 2.0, axis: int = -1, **options: Any) -> Any:
    """Softmax cross-entropy plus ``epsilon`` times (1 - p), as ``optax.poly_loss_cross_entropy``."""
    return _apply("poly_cross_entropy", logits, labels, {**options, "axis": axis}, epsilon=epsilon)


def categorical_cross_entropy(
    probabilities: Any, labels: Any, axis: int = -1, *, label_smoothing: float = 0.0, **options: Any
) -> Any:
    """Cross-entropy on probabilities, with class indices or dense rows."""
    options = {**options, "axis": axis}
    return _apply("categorical_cross_entropy", probabilities, labels, options, label_smoothing=label_smoothing)


def kl_divergence(log_predictions: Any, targets: Any, axis: int = -1, **options: Any) -> Any:
    """Divergence of target probabilities from predicted log-probabilities, as ``optax.kl_divergence``."""
    return _apply("kl_divergence_log_probabilities", log_predictions, targets, {**options, "axis": axis})


def kl_divergence_with_log_targets(log_predictions: Any, log_targets: Any, axis: int = -1, **options: Any) -> Any:
    """The same with target log-probabilities, as ``optax.kl_divergence_with_log_targets``."""
    return kl_divergence(log_predictions, jnp.exp(jnp.asarray(log_targets)), axis, **options)


def hinge_loss(predictor_outputs: Any, targets: Any, **options: Any) -> Any:
    """Hinge with targets -1 and +1, as ``optax.hinge_loss``."""
    return _apply("hinge", predictor_outputs, targets, options)


def perceptron_loss(predictor_outputs: Any, targets: Any, **options: Any) -> Any:
    """Perceptron loss with targets -1 and +1, as ``optax.perceptron_loss``."""
    return _apply("perceptron", predictor_outputs, targets, options)


def squared_hinge(predictor_outputs: Any, targets: Any, **options: Any) -> Any:
    """Squared hinge with targets -1 and +1."""
    return _apply("squared_hinge", predictor_outputs, targets, options)


def multiclass_hinge_loss(scores: Any, labels: Any, **options: Any) -> Any:
    """Categorical hinge with class indices, as ``optax.multiclass_hinge_loss``."""
    return _apply("categorical_hinge", scores, labels, options)


def cosine_similarity(predictions: Any, targets: Any, *, axis: int = -1, **options: Any) -> Any:
    """Cosine of the angle (1 is the same direction), as ``optax.cosine_similarity``."""
    return -_apply("cosine_similarity", predictions, targets, {**options, "axis": axis})


def cosine_distance(predictions: Any, targets: Any, *, axis: int = -1, **options: Any) -> Any:
    """``1 - cos``, as ``optax.cosine_distance``."""
    return 1 - cosine_similarity(predictions, targets, axis=axis, **options)
