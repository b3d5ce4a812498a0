"""Dice, Tversky, Circle and CTC of the Keras face against Keras itself, and where Keras is known to be wrong."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import lossmith.keras as lk
from faces.keras_tools import BACKEND, keras, to_numpy, value_and_gradient
from lossmith import InputError, ShapeError

rng = np.random.default_rng(11)
masks = (rng.uniform(size=(3, 4, 4, 2)) < 0.4).astype("float32")
images = rng.uniform(0.02, 0.98, masks.shape).astype("float32")
vectors = rng.normal(size=(8, 5)).astype("float32")
vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
groups = np.array([0, 0, 1, 1, 2, 2, 0, 3])
logits = rng.normal(size=(3, 6, 5)).astype("float32")
tokens = np.array([[1, 2, 0], [3, 3, 1], [4, 0, 0]])
CASES = {
    "dice": ("Dice", {}, masks, images),
    "dice per sample": ("Dice", {"axis": (1, 2, 3)}, masks, images),
    "dice per sample and class": ("Dice", {"axis": (1, 2)}, masks, images),
    "dice of one axis": ("Dice", {"axis": -1, "reduction": "sum"}, masks + 0.1, images),
    "tversky": ("Tversky", {}, masks, images),
    "tversky per class": ("Tversky", {"axis": (1, 2), "reduction": "none"}, masks, images),
    "circle": ("Circle", {}, groups, vectors),
    "circle changed": ("Circle", {"gamma": 32.0, "margin": 0.2, "remove_diagonal": False}, groups, vectors),
    "circle column": ("Circle", {"reduction": "sum"}, groups[:, None], vectors),
    "ctc": ("CTC", {}, tokens, logits),
    "ctc each": ("CTC", {"reduction": "none"}, tokens, logits),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_keras(case: str) -> None:
    name, options, y_true, y_pred = CASES[case]
    ours, theirs = (getattr(module, name)(**options) for module in (lk, keras.losses))
    if name == "CTC" and BACKEND == "numpy":
        pytest.skip("Keras has no CTC on NumPy")
    results = []
    for loss in (ours, theirs):

        def total(x: Any, loss: Any = loss) -> Any:
            values = loss(y_true, x)
            return keras.ops.sum(values), values

        results.append(value_and_gradient(total, y_pred))
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Dice", "Tversky", "Circle", "CTC"])
def test_signatures_and_configurations(name: str) -> None:
    kind, original = getattr(lk, name), getattr(keras.losses, name)
    assert inspect.signature(kind) == inspect.signature(original)
    loss = kind(axis=(1, 2)) if name in ("Dice", "Tversky") else kind(reduction="sum")
    again = lk.deserialize(lk.serialize(loss))
    assert type(again) is kind
    assert again.get_config() == loss.get_config()
    assert lk.get(name.lower()) is getattr(lk, name.lower())


def test_alpha_weighs_false_positives() -> None:
    """Keras up to 3.15.1 has alpha and beta the other way round; its own documentation agrees with this face."""
    got = lk.Tversky(alpha=0.3, beta=0.7)(masks, images)
    swapped = keras.losses.Tversky(alpha=0.7, beta=0.3)(masks, images)
    same = keras.losses.Tversky(alpha=0.3, beta=0.7)(masks, images)
    np.testing.assert_allclose(to_numpy(got), to_numpy(swapped), rtol=1e-5)
    assert abs(float(to_numpy(got)) - float(to_numpy(same))) > 1e-3


def test_nothing_found_where_nothing_is() -> None:
    """Keras scores it 1, the worst there is."""
    nothing = np.zeros_like(masks)
    assert float(to_numpy(lk.Dice()(nothing, nothing))) == 0
    assert float(to_numpy(keras.losses.Dice()(nothing, nothing))) == 1


def test_sample_weights_go_along_the_samples() -> None:
    """Keras multiplies one Dice of the whole batch with the mean weight (weights 1 and 100: a loss of 16)."""
    weight = np.array([1.0, 2.0, 0.5], "float32")
    each = to_numpy(lk.Dice(axis=(1, 2, 3), reduction="none")(masks, images))
    got = lk.Dice(axis=(1, 2, 3))(masks, images, sample_weight=weight)
    np.testing.assert_allclose(to_numpy(got), (each * weight).mean(), rtol=1e-5)
    with pytest.raises(ShapeError, match="sample_weight has shape"):
        lk.Dice()(masks, images, sample_weight=weight)


def test_a_model_learns_with_them() -> None:
    model = keras.Sequential([keras.layers.Input((4, 4, 2)), keras.layers.Dense(2, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=lk.Dice(axis=(1, 2)))
    losses = model.fit(masks, masks, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    model = keras.Sequential([keras.layers.Input((6, 5)), keras.layers.Dense(5)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=lk.CTC())
    losses = model.fit(logits, tokens, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_bad_input() -> None:
    with pytest.raises(ShapeError, match=r"y_true has shape \(3, 4, 4, 2\) and y_pred has shape \(3, 4, 4, 1\)"):
        lk.dice(masks, images[..., :1])
    with pytest.raises(ShapeError, match="axis 4 is given, but y_pred has shape"):
        lk.dice(masks, images, axis=4)
    with pytest.raises(InputError, match=r"axis is 1\.5"):
        lk.Dice(axis=1.5)
    with pytest.raises(InputError, match="alpha is -1"):
        lk.Tversky(alpha=-1)
    with pytest.raises(InputError, match="gamma is 0"):
        lk.Circle(gamma=0)
    with pytest.raises(InputError, match="ref_labels"):
        lk.circle(groups, vectors, ref_labels=groups, ref_embeddings=vectors)
    with pytest.raises(ShapeError, match=r"targets \(N, S\) and logits \(N, T, C\)"):
        lk.ctc(tokens[0], logits)
    with pytest.raises(InputError, match="y_true holds token 6"):
        lk.ctc(tokens + 5, logits)
