"""The JAX face: optax's names and conventions for the losses that optax has, ours for the rest.

Pure functions, elementwise unless ``reduction`` says otherwise; ``jit``, ``vmap``, ``grad`` and ``jvp`` of any order
run through them. ``weight`` and ``mask`` work on every one.

>>> import jax.numpy as jnp
>>> import lossmith.jax as lj
>>> float(lj.squared_error(jnp.array([2.0, 3.0]), jnp.array([1.0, 5.0]), reduction="mean"))
2.5

Losses that optax lacks and this list too work through ``lossmith`` itself, which takes JAX arrays:
``lossmith.gaussian_nll(mean, target, variance)``.

What differs from optax is better on purpose: nothing broadcasts prediction against target, a label out of range is an
error (inside ``jit``: NaN for its row, never the last class's value), and a zero vector has cosine 0 with gradient 0.
"""

from .functional import (
    absolute_error,
    absolute_percentage_error,
    binary_cross_entropy,
    categorical_cross_entropy,
    cosine_distance,
    cosine_similarity,
    hinge_loss,
    huber_loss,
    kl_divergence,
    kl_divergence_with_log_targets,
    l2_loss,
    log_cosh,
    multiclass_hinge_loss,
    perceptron_loss,
    poisson,
    poisson_log_rate,
    poly_loss_cross_entropy,
    sigmoid_binary_cross_entropy,
    sigmoid_focal_loss,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    squared_error,
    squared_hinge,
    squared_logarithmic_error,
)

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "cosine_distance",
    "cosine_similarity",
    "hinge_loss",
    "huber_loss",
    "kl_divergence",
    "kl_divergence_with_log_targets",
    "l2_loss",
    "log_cosh",
    "multiclass_hinge_loss",
    "perceptron_loss",
    "poisson",
    "poisson_log_rate",
    "poly_loss_cross_entropy",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_loss",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
    "squared_error",
    "squared_hinge",
    "squared_logarithmic_error",
]
