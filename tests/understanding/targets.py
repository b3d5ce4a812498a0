"""One target column for every kind that ``choose`` knows, small and with a fixed seed."""

from __future__ import annotations

from typing import Any

import numpy as np

_RNG = np.random.default_rng(7)


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(labels.max() + 1, dtype=np.int64)[labels]


def _some(values: Any, counts: Any) -> np.ndarray:
    return np.repeat(values, counts)


BINARY = _some([0, 1], [58, 2])
SIGNS = _some([-1, 1], [24, 36])
YES = _some(["no", "yes"], [46, 14])
WORDS = _some(["cat", "dog", "owl"], [44, 12, 4])
CLASSES = _some([0, 1, 2, 3], [20, 16, 14, 10])
RATINGS = _some([1, 2, 3, 4, 5], [3, 6, 12, 24, 15])
LEVELS = _some(["high", "low", "medium"], [12, 20, 28])
SOFT = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.5, 0.5, 0.0]] * 15)
FLAGS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]] * 10)
SPARSE = np.array([[1, 0, 0, 0], *[[0, 0, 0, 0]] * 5, [0, 1, 1, 0], *[[0, 0, 0, 0]] * 5] * 5)
SOFT_FLAGS = np.array([[0.9, 0.4], [0.2, 0.8], [0.6, 0.7], [0.1, 0.3]] * 15)
POISSON = _RNG.permutation(_some([0, 1, 2, 3, 4, 5, 6], [11, 16, 15, 10, 5, 2, 1]))
OVERDISPERSED = _RNG.permutation(_some([0, 1, 2, 3, 5, 8, 13, 21, 34, 55], [12, 10, 9, 8, 6, 5, 4, 3, 2, 1]))
ZERO_INFLATED = _RNG.permutation(_some([0, 3, 4, 5, 6, 7, 8], [60, 6, 9, 10, 8, 5, 2]))
PRICES = np.round(np.exp(_RNG.normal(12, 0.9, 60)), 2)
RAIN = np.round(np.concatenate([np.zeros(36), _RNG.gamma(1.2, 9.0, 24)]), 2)
DRIZZLE = np.round(RAIN / 3, 2)
SHARES = np.round(_RNG.beta(2, 3, 60), 3)
PER_CENT = np.concatenate([np.round(_RNG.beta(1, 1, 56) * 100, 1), [0.0, 0.0, 100.0, 100.0]])
NORMAL = np.round(_RNG.normal(0.4, 2.0, 60), 3)
UNSCALED = np.round(_RNG.normal(50_000, 20_000, 60), 1)
HEAVY = np.concatenate([np.round(_RNG.normal(1.0, 2.0, 57), 3), [20.5, -18.25, 31.0]])
HEAVY_UNSCALED = HEAVY * 1000 + 7000
COLUMNS = np.stack([NORMAL, 30 * NORMAL[::-1] + 5], axis=1)
ALIKE = np.stack([NORMAL, 1.5 * NORMAL[::-1]], axis=1)

TARGETS: dict[str, tuple[Any, str, str]] = {  # name → column, task, first loss
    "binary": (BINARY, "binary", "sigmoid_cross_entropy"),
    "signs": (SIGNS, "binary", "sigmoid_cross_entropy"),
    "words of two": (YES, "binary", "sigmoid_cross_entropy"),
    "booleans": (BINARY == 1, "binary", "sigmoid_cross_entropy"),
    "one and two": (BINARY + 1, "binary", "sigmoid_cross_entropy"),
    "one-hot of two": (_one_hot(BINARY), "binary", "sigmoid_cross_entropy"),
    "words": (WORDS, "multiclass", "softmax_cross_entropy"),
    "classes": (CLASSES, "multiclass", "softmax_cross_entropy"),
    "one-hot": (_one_hot(CLASSES), "multiclass", "softmax_cross_entropy"),
    "codes": (10 * (CLASSES + 3), "multiclass", "softmax_cross_entropy"),
    "ratings": (RATINGS, "ordinal", "corn"),
    "levels": (LEVELS, "ordinal", "corn"),
    "distribution": (SOFT, "distribution", "softmax_cross_entropy"),
    "flags": (FLAGS, "multilabel", "sigmoid_cross_entropy"),
    "sparse flags": (SPARSE, "multilabel", "sigmoid_cross_entropy"),
    "soft flags": (SOFT_FLAGS, "multilabel", "sigmoid_cross_entropy"),
    "counts": (POISSON, "counts", "poisson_log_rate"),
    "overdispersed": (OVERDISPERSED, "counts", "negative_binomial_nll"),
    "zero-inflated": (ZERO_INFLATED, "counts", "negative_binomial_nll"),
    "prices": (PRICES, "positive", "gamma_log_mean"),
    "rain": (RAIN, "nonnegative", "tweedie_log_mean"),
    "drizzle": (DRIZZLE, "nonnegative", "tweedie_log_mean"),
    "shares": (SHARES, "proportion", "sigmoid_cross_entropy"),
    "per cent": (PER_CENT, "percentage", "sigmoid_cross_entropy"),
    "normal": (NORMAL, "regression", "squared_error"),
    "unscaled": (UNSCALED, "regression", "squared_error"),
    "heavy": (HEAVY, "regression", "huber"),
    "heavy unscaled": (HEAVY_UNSCALED, "regression", "huber"),
    "columns": (COLUMNS, "regression", "squared_error"),
    "columns alike": (ALIKE, "regression", "squared_error"),
}
