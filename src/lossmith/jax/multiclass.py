"""Losses over C classes: rows along ``axis``, one value per row.

``axis`` is a whole number, a tuple (the classes lie on several axes; a label is then the flat index) or, with dense
labels, None for all axes. ``where`` selects: booleans of the logits' shape take classes out of the softmax, booleans of
the rows' shape whole rows, which then have value 0 and do not count in a mean; a NaN under it touches nothing.

All take ``weight``, ``mask``, ``ignore_index``, ``reduction``, ``normalizer`` and ``empty`` by keyword. Formulas come
from ``lossmith.losses``.
"""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np

from ..errors import InputError, LabelError
from .calling import Axis, Options, apply, hides_classes, to_rows


def softmax_cross_entropy(
    logits: Any,
    labels: Any,
    axis: Axis = -1,
    where: Any = None,
    *,
    label_smoothing: Any = 0.0,
    class_weight: Any = None,
    z_loss: Any = 0.0,
    **options: Unpack[Options],
) -> Any:
    """Softmax cross-entropy with dense ``labels`` of the logits' shape, as ``optax.losses.softmax_cross_entropy``.

    Raises:
        LabelError: ``labels`` are class indices.
        ShapeError: Shapes that differ.
        InputError: Any other unusable argument.

    >>> import jax.numpy as jnp
    >>> softmax_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([[1.0, 0.0]]))
    Array([0.6931472], dtype=float32)
    """
    if np.ndim(labels) != np.ndim(logits):
        raise LabelError(
            f"labels have shape {np.shape(labels)} and logits {np.shape(logits)}: this function takes one-hot or "
            "soft rows; for class indices use softmax_cross_entropy_with_integer_labels"
        )
    parameters = {"label_smoothing": label_smoothing, "class_weight": class_weight, "z_loss": z_loss}
    return _softmax(logits, labels, axis, where, options, parameters)


def safe_softmax_cross_entropy(logits: Any, labels: Any, **options: Unpack[Options]) -> Any:
    """The same, as ``optax.losses.safe_softmax_cross_entropy``: logits of -inf are safe in all functions here."""
    return softmax_cross_entropy(logits, labels, **options)


def softmax_cross_entropy_with_integer_labels(
    logits: Any,
    labels: Any,
    axis: int | tuple[int, ...] = -1,
    where: Any = None,
    *,
    label_smoothing: Any = 0.0,
    class_weight: Any = None,
    z_loss: Any = 0.0,
    **options: Unpack[Options],
) -> Any:
    """Softmax cross-entropy with class indices, as ``optax.losses.softmax_cross_entropy_with_integer_labels``.

    A label whose class ``where`` takes out costs infinity, as its probability is 0.

    Raises:
        LabelError: ``labels`` are dense rows, or out of range (inside ``jit`` the row's value is NaN instead).
        ShapeError: Shapes that do not fit.
        InputError: Any other unusable argument.
    """
    if axis is None:
        raise InputError("axis is None, which leaves one row and no labels; expected a whole number or a tuple of them")
    if np.ndim(labels) == np.ndim(logits):
        raise LabelError(
            f"labels have the shape of the logits, {np.shape(labels)}: this function takes class indices; for one-hot "
            "or soft rows use softmax_cross_entropy"
        )
    parameters = {"label_smoothing": label_smoothing, "class_weight": class_weight, "z_loss": z_loss}
    return _softmax(logits, labels, axis, where, options, parameters)


def _softmax(logits: Any, labels: Any, axis: Axis, where: Any, options: Options, parameters: dict[str, Any]) -> Any:
    x, y, options = to_rows(logits, labels, axis, where, options, where_per_row=True)
    smoothing = parameters["label_smoothing"]
    plain = isinstance(smoothing, int | float) and smoothing == 0
    if where is not None and not plain and hides_classes(where, np.shape(logits), axis):
        raise InputError(
            "label_smoothing with a where over classes would give hidden classes a share, at infinite cost; smooth the "
            "dense labels over those that are left: smooth_labels(labels, alpha, where=where)"
        )
    return apply("softmax_cross_entropy", x, y, options, **parameters)


def smooth_labels(labels: Any, alpha: Any, *, axis: Axis = -1, where: Any = None) -> Any:
    """``(1 - alpha)`` times dense labels plus ``alpha / C``, as ``optax.losses.smooth_labels``.

    With ``where``, C is the number of classes of the row that count. Without it ``label_smoothing=`` does the same.

    >>> import jax.numpy as jnp
    >>> smooth_labels(jnp.array([[1.0, 0.0]]), 0.5)
    Array([[0.75, 0.25]], dtype=float32)
    """
    count = jnp.size(labels, axis) if where is None else jnp.sum(where, axis, keepdims=True)
    return (1 - alpha) * labels + alpha / count


def poly_loss_cross_entropy(
    logits: Any, labels: Any, *, epsilon: Any = 2.0, axis: Axis = -1, where: Any = None, **options: Unpack[Options]
) -> Any:
    """Softmax cross-entropy plus ``epsilon`` times (1 - p), as ``optax.losses.poly_loss_cross_entropy``.

    ``labels`` are dense rows or class indices.
    """
    x, y, options = to_rows(logits, labels, axis, where, options)
    return apply("poly_cross_entropy", x, y, options, epsilon=epsilon)


def categorical_cross_entropy(
    probabilities: Any,
    labels: Any,
    axis: Axis = -1,
    *,
    label_smoothing: Any = 0.0,
    class_weight: Any = None,
    **options: Unpack[Options],
) -> Any:
    """Cross-entropy on probabilities that sum to 1 along ``axis``, with class indices or dense rows."""
    p, y, options = to_rows(probabilities, labels, axis, None, options)
    parameters = {"label_smoothing": label_smoothing, "class_weight": class_weight}
    return apply("categorical_cross_entropy", p, y, options, **parameters)


def multiclass_hinge_loss(scores: Any, labels: Any, **options: Unpack[Options]) -> Any:
    """How far the true class's score lacks 1 above the best other one, as ``optax.losses.multiclass_hinge_loss``.

    ``scores`` (…, C), ``labels`` class indices (…).

    Raises:
        LabelError: A label out of range (inside ``jit`` the row's value is NaN instead).
    """
    return apply("categorical_hinge", scores, labels, options)
