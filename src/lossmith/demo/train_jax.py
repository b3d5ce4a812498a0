"""JAX: parameters in a list, one jitted Adam step, and ``lossmith.jax`` under ``value_and_grad``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import lossmith.jax as lj

from .digits import CLASSES, Digits, EpochReport

EPOCHS, BATCH, RATE, BETA1, BETA2 = 30, 32, 2e-3, 0.9, 0.999


def train(digits: Digits, report: EpochReport, seed: int = 0) -> np.ndarray:
    """Train, call ``report`` after each epoch, and return the test images' class probabilities (N, 10)."""
    rng = np.random.default_rng(seed)
    weights = [jnp.asarray(rng.normal(0, (2 / n) ** 0.5, (n, m)), jnp.float32) for n, m in ((64, 64), (64, CLASSES))]
    weights += [jnp.zeros(64), jnp.zeros(CLASSES)]
    moments = jax.tree.map(jnp.zeros_like, (weights, weights))
    images, labels = (jnp.asarray(x) for x in digits.train)
    step = 0
    for _ in range(EPOCHS):
        values = []
        order = rng.permutation(len(labels))
        for batch in np.array_split(order[: len(order) // BATCH * BATCH], len(order) // BATCH):
            step += 1
            value, weights, moments = _update(weights, moments, step, images[batch], labels[batch])
            values.append(value)
        logits = _forward(weights, jnp.asarray(digits.validation.images))
        watched = jnp.asarray(digits.validation.labels)
        report(
            {
                "loss": float(np.mean(values)),
                "val_loss": float(_loss(weights, jnp.asarray(digits.validation.images), watched)),
                "val_accuracy": float(jnp.mean(logits.argmax(-1) == watched)),
            }
        )
    return np.asarray(jax.nn.softmax(_forward(weights, jnp.asarray(digits.test.images))), np.float64)


def _forward(weights: list[Any], images: Any) -> Any:
    w1, w2, b1, b2 = weights
    return jax.nn.relu(images.reshape(len(images), -1) @ w1 + b1) @ w2 + b2


def _loss(weights: list[Any], images: Any, labels: Any) -> Any:
    return lj.softmax_cross_entropy_with_integer_labels(_forward(weights, images), labels, reduction="mean")


@jax.jit
def _update(weights: list[Any], moments: Any, step: Any, images: Any, labels: Any) -> tuple[Any, list[Any], Any]:
    value, gradient = jax.value_and_grad(_loss)(weights, images, labels)
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, moments[0], gradient)
    second = jax.tree.map(lambda m, g: BETA2 * m + (1 - BETA2) * g * g, moments[1], gradient)
    rate = RATE * jnp.sqrt(1 - BETA2**step) / (1 - BETA1**step)
    weights = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-8), weights, first, second)
    return value, weights, (first, second)
