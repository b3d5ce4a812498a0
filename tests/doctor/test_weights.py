"""Weights of rows and classes: none that counts, those that have changed places, and those that are as they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.doctor import check

RNG = np.random.default_rng(0)
ILL = (np.arange(240) % 12 == 0).astype(np.float32)[:, None]
P = RNG.uniform(0.05, 0.95, size=(240, 1))
KIND = np.repeat([0, 1, 2], [150, 60, 30])
Z = RNG.normal(size=(240, 3))
SHARES = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def of_weights(*given: Any, **more: Any) -> list[str]:
    """Return the severities of what is found of weights."""
    return [f.severity for f in check(*given, **more) if f.code == "OUT19"]


@pytest.mark.parametrize(
    ("rare", "common", "rows", "found"),
    [
        (0.55, 6.0, 240, ["warning"]),
        (6.0, 0.55, 240, []),
        (1.0, 1.0, 240, []),
        (1.0, 2.0, 240, []),  # false alarms that cost more, perhaps
        (0.55, 6.0, 96, []),  # which class is rare is not known well enough
    ],
)
def test_weights_of_classes_that_changed_places(rare: float, common: float, rows: int, found: list[str]) -> None:
    weight = np.where(ILL[:, 0] == 1, rare, common)
    assert of_weights("binary_crossentropy", P[:rows], ILL[:rows], weight=weight[:rows]) == found


@pytest.mark.parametrize(("weights", "found"), [((5, 2, 1), ["warning"]), ((1, 2, 5), []), ((3, 9, 1), [])])
def test_weights_of_three_classes(weights: tuple[float, ...], found: list[str]) -> None:
    table = np.array(weights, float)
    assert of_weights("sparse_categorical_crossentropy", SHARES, KIND, weight=table[KIND]) == found
    assert of_weights("categorical_crossentropy", SHARES, np.eye(3)[KIND], weight=table[KIND]) == found
    assert of_weights(lm.SoftmaxCrossEntropy(class_weight=table), Z, KIND) == found
    uneven = table[KIND] * RNG.uniform(0.5, 1.5, size=KIND.size)  # weights of rows, not of classes
    assert of_weights("sparse_categorical_crossentropy", SHARES, KIND, weight=uneven) == []


def test_weights_of_which_all_are_nothing() -> None:
    t = RNG.normal(size=(64, 1))
    found = check("mse", t + 1, t, weight=np.arange(64) // 100)
    assert found.codes == ("OUT19",)
    assert (found[0].severity, "int64" in found[0].evidence) == ("error", True)
    assert of_weights("mse", t + 1, t, weight=np.eye(1, 64)[0]) == []
    assert of_weights("mse", t[:16], t[:16], weight=np.zeros(16)) == []  # as a mask may leave out by chance
