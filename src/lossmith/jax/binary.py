"""Losses of yes-or-no targets: elementwise, both arrays of any one shape.

All take ``weight``, ``mask``, ``ignore_index``, ``reduction``, ``normalizer`` and ``empty`` by keyword, and raise
``ShapeError`` where the two shapes differ. Formulas come from ``lossmith.losses``.
"""

from __future__ import annotations

from typing import Any, Unpack

from .calling import Options, apply


def sigmoid_binary_cross_entropy(
    logits: Any, labels: Any, *, pos_weight: Any = 1.0, label_smoothing: Any = 0.0, **options: Unpack[Options]
) -> Any:
    """Sigmoid cross-entropy with labels in [0, 1], as ``optax.losses.sigmoid_binary_cross_entropy``.

    ``pos_weight`` counts the positives: one number, or one per class on the last axis, (C,).

    >>> import jax.numpy as jnp
    >>> sigmoid_binary_cross_entropy(jnp.array([0.0, jnp.inf]), jnp.array([1, 1]))
    Array([0.6931472, 0.       ], dtype=float32)
    """
    parameters = {"pos_weight": pos_weight, "label_smoothing": label_smoothing}
    return apply("sigmoid_cross_entropy", logits, labels, options, like=(logits,), **parameters)


def binary_cross_entropy(
    probabilities: Any, labels: Any, *, pos_weight: Any = 1.0, label_smoothing: Any = 0.0, **options: Unpack[Options]
) -> Any:
    """The same on probabilities in [0, 1]."""
    parameters = {"pos_weight": pos_weight, "label_smoothing": label_smoothing}
    return apply("binary_cross_entropy", probabilities, labels, options, like=(probabilities,), **parameters)


def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: Any = None, gamma: Any = 2.0, **options: Unpack[Options]
) -> Any:
    """Binary focal loss on logits with labels in [0, 1], as ``optax.losses.sigmoid_focal_loss``.

    ``alpha`` weighs the positives and ``1 - alpha`` the negatives; None weighs both 1.
    """
    return apply("sigmoid_focal", logits, labels, options, like=(logits,), alpha=alpha, gamma=gamma)


def hinge_loss(predictor_outputs: Any, targets: Any, **options: Unpack[Options]) -> Any:
    """Hinge with targets -1 and +1, as ``optax.losses.hinge_loss``; gradient 0 at the margin itself."""
    return apply("hinge", predictor_outputs, targets, options)


def perceptron_loss(predictor_outputs: Any, targets: Any, **options: Unpack[Options]) -> Any:
    """Perceptron loss with targets -1 and +1, as ``optax.losses.perceptron_loss``; gradient 0 at 0."""
    return apply("perceptron", predictor_outputs, targets, options)


def squared_hinge(predictor_outputs: Any, targets: Any, **options: Unpack[Options]) -> Any:
    """Squared hinge with targets -1 and +1."""
    return apply("squared_hinge", predictor_outputs, targets, options)
