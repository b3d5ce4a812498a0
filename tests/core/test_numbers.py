"""The numbers that people learn with, on every kind of array, lists included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import NAMES, backend_named

KINDS = ("list", *NAMES)
# name: (loss, prediction, target, result)
NUMBERS: dict[str, tuple[str, Any, Any, float]] = {
    "mse": ("mse", [2.0, 3.0], [1.0, 5.0], 2.5),
    "mse of halves": ("mse", [2.5, 5.5], [3.0, 5.0], 0.25),
    "mse of a column": ("mse", [[2.5], [5.5], [6.0]], [[3.0], [5.0], [7.0]], 0.5),
    "mse far": ("mse", [2.0, 3.0], [1.0, 0.0], 5.0),
    "mae": ("mae", [2.0, 3.0], [1.0, 0.0], 2.0),
    "cross-entropy of 0.9": ("cce", [[0.9, 0.1]], [0], 0.1053605),
    "cross-entropy of 0.8": ("cce", [[0.1, 0.8, 0.1]], [1], 0.2231436),
    "cross-entropy of 0.75": ("cce", [[0.25, 0.75]], [1], 0.2876821),
    "one-hot of 0.9": ("cce", [[0.9, 0.1]], [[1.0, 0.0]], 0.1053605),
    "one-hot of 0.75": ("cce", [[0.25, 0.75]], [[0.0, 1.0]], 0.2876821),
    "mean over 0.9 and 0.8": ("cce", [[0.9, 0.1], [0.2, 0.8]], [0, 1], 0.1642520),
    "the same one-hot": ("cce", [[0.9, 0.1], [0.2, 0.8]], [[1, 0], [0, 1]], 0.1642520),
    "binary": ("bce", [0.9, 0.2], [1, 0], 0.1642520),
    "a coin": ("bce_with_logits", [0.0, 0.0], [1, 0], 0.6931472),
    "ten classes at even odds": ("ce", [[0.0] * 10], [3], 2.3025851),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_number(kind: str, name: str) -> None:
    loss, prediction, target, result = NUMBERS[name]
    if kind != "list":
        backend = backend_named(kind)
        prediction, target = backend.asarray(np.asarray(prediction, np.float32)), backend.asarray(np.asarray(target))
    got = getattr(lm, lm.get(loss).definition.name)(prediction, target)
    assert float(got) == pytest.approx(result, rel=6e-7)
    assert isinstance(got, float) == (kind in ("list", "numpy"))
    assert float(lm.get(loss)(prediction, target)) == float(got)


def test_the_public_lines_of_the_manual_run() -> None:
    rng = np.random.default_rng(0)
    logits, labels, w = rng.normal(size=(5, 3)), np.array([0, 1, 2, -100, 1]), np.array([1.0, 2.0, 0.5])
    assert lm.squared_error([2.0, 3.0], [1.0, 5.0]) == 2.5
    assert lm.softmax_cross_entropy(logits, labels, label_smoothing=0.1, ignore_index=-100, class_weight=w) > 0
    assert lm.Huber(delta=2.0)([1.0, 5.0], [1.0, 1.0], weight=[1.0, 0.5]) == pytest.approx(2.0)
    value, gradient = lm.Huber().value_and_gradient([1.0, 5.0], [1.0, 1.0])
    assert (value, list(gradient)) == (1.75, [0.0, 0.5])
    assert lm.get("mse") == lm.SquaredError()
    assert len(lm.losses()) >= 17
