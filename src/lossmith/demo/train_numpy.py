"""NumPy alone: a network with one hidden layer, our loss and gradient, and SciPy's L-BFGS."""

from __future__ import annotations

import numpy as np

from .. import SoftmaxCrossEntropy
from ..errors import MissingDependencyError
from .digits import CLASSES, Digits, EpochReport, Part

HIDDEN, DECAY = 48, 1e-3
EPOCHS = 120
SHAPES = ((64, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
_loss = SoftmaxCrossEntropy()


def train(digits: Digits, report: EpochReport, seed: int = 0) -> np.ndarray:
    """Train, call ``report`` after each iteration, and return the test images' class probabilities (N, 10)."""
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingDependencyError("scipy", "the NumPy demonstration", "demo") from None
    rng = np.random.default_rng(seed)
    start = np.concatenate([rng.normal(0, 0.1, np.prod(shape)) for shape in SHAPES])

    def watch(weights: np.ndarray) -> None:
        logits, _ = _forward(weights, digits.validation.images)
        report(
            {
                "loss": _loss(_forward(weights, digits.train.images)[0], digits.train.labels),
                "val_loss": _loss(logits, digits.validation.labels),
                "val_accuracy": float(np.mean(logits.argmax(-1) == digits.validation.labels)),
            }
        )

    found = minimize(
        _objective,
        start,
        args=(digits.train,),
        jac=True,
        method="L-BFGS-B",
        callback=watch,
        options={"maxiter": EPOCHS},
    )
    logits, _ = _forward(found.x, digits.test.images)
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def _layers(weights: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])
    return [part.reshape(shape) for part, shape in zip(np.split(weights, ends[:-1]), SHAPES, strict=True)]


def _forward(weights: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w1, b1, w2, b2 = _layers(weights)
    hidden = np.maximum(images.reshape(len(images), -1) @ w1 + b1, 0)
    return hidden @ w2 + b2, hidden


def _objective(weights: np.ndarray, part: Part) -> tuple[float, np.ndarray]:
    """Loss plus decay and its gradient: everything behind the logits' gradient is the chain rule."""
    w1, _, w2, _ = _layers(weights)
    logits, hidden = _forward(weights, part.images)
    value, slope = _loss.value_and_gradient(logits, part.labels)
    back = (slope @ w2.T) * (hidden > 0)
    pixels = part.images.reshape(len(part.images), -1)
    gradient = [pixels.T @ back + DECAY * w1, back.sum(0), hidden.T @ slope + DECAY * w2, slope.sum(0)]
    return value + DECAY / 2 * (np.sum(w1**2) + np.sum(w2**2)), np.concatenate([g.ravel() for g in gradient])
