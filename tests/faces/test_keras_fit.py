"""The Keras face inside of compile, fit, evaluate and predict: the same histories as with Keras' own losses."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith.keras as lk
from faces.keras_tools import BACKEND, DIFFERENTIATES, history, keras, tiny_model, to_numpy

pytestmark = pytest.mark.skipif(not DIFFERENTIATES, reason="the NumPy backend cannot train")

rng = np.random.default_rng(3)
N, T, C = 6, 3, 4
x, target = rng.normal(size=(2, N, C)).astype("float32")
yes = (target > 0).astype("float32")
labels = np.array([0, 1, 2, 3, 1, 2])
one_hot = np.eye(C, dtype="float32")[labels]
weight = rng.uniform(0.1, 2, size=N).astype("float32")
TRAINING = {
    "SparseCategoricalCrossentropy": ({}, labels, "softmax"),
    "CategoricalCrossentropy": ({"from_logits": True, "label_smoothing": 0.1}, one_hot, None),
    "BinaryCrossentropy": ({"reduction": "mean_with_sample_weight"}, yes, "sigmoid"),
    "Huber": ({"delta": 0.5, "reduction": "sum"}, target, None),
}


@pytest.mark.parametrize("name", TRAINING)
def test_training_goes_as_with_keras_own_loss(name):
    options, y, activation = TRAINING[name]
    ours, theirs = (
        history(getattr(module, name)(**options), x, y, tiny_model(activation=activation), sample_weight=weight)
        for module in (lk, keras.losses)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_a_class_and_a_function_work_instead_of_an_object():
    expected = history(lk.MeanSquaredError(), x, target)
    np.testing.assert_allclose(history(lk.MeanSquaredError, x, target), expected, rtol=1e-6)
    np.testing.assert_allclose(history(lk.mean_squared_error, x, target), expected, rtol=1e-6)


def test_class_weight():
    options = {"class_weight": {0: 1.0, 1: 5.0, 2: 0.5, 3: 0.0}}
    ours, theirs = (
        history(module.SparseCategoricalCrossentropy(from_logits=True), x, labels, **options)
        for module in (lk, keras.losses)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize("shape", [(N,), (N, T)])
def test_weights_of_samples_and_of_positions(shape):
    """On values (N, T); where Keras is right (a weight for each position) the histories are the same."""
    y, weights = rng.normal(size=(N, T, 2)).astype("float32"), rng.uniform(0.1, 2, size=shape).astype("float32")
    model = tiny_model((T, 2))
    spread = weights if len(shape) == 2 else np.repeat(weights[:, None], T, axis=1)
    before = ((to_numpy(model(x)) - y) ** 2).mean(-1)
    ours = history(lk.MeanSquaredError(), x, y, model, batch_size=N, sample_weight=weights)
    theirs = history(keras.losses.MeanSquaredError(), x, y, tiny_model((T, 2)), batch_size=N, sample_weight=spread)
    assert ours[0] == pytest.approx((spread * before).mean(), rel=1e-5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def _embedded(loss, y, tokens):
    keras.utils.set_random_seed(2)
    layers = [keras.Input((5,)), keras.layers.Embedding(7, 3, mask_zero=True), keras.layers.Dense(C)]
    model = keras.Sequential(layers)
    return history(loss, tokens, y, model, sample_weight=np.array([1.0, 2.0, 0.5], "float32"))


@pytest.mark.filterwarnings("ignore:Converting sparse:UserWarning")  # TensorFlow's gradient of an embedding
def test_embedding_masks_and_weights():
    """Padding holds labels that do not exist: to Keras they must exist, to us they are hidden."""
    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 1, 2], [3, 0, 0, 0, 0]])
    y = rng.integers(0, C, size=(3, 5))
    loss = {"from_logits": True}
    spread = np.repeat([[1.0], [2.0], [0.5]], 5, axis=1)
    ours = _embedded(lk.SparseCategoricalCrossentropy(**loss), np.where(tokens == 0, -1, y), tokens)
    keras.utils.set_random_seed(2)
    layers = [keras.Input((5,)), keras.layers.Embedding(7, 3, mask_zero=True), keras.layers.Dense(C)]
    theirs = history(
        keras.losses.SparseCategoricalCrossentropy(**loss), tokens, y, keras.Sequential(layers), sample_weight=spread
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_masking_layers():
    steps = rng.normal(size=(3, 5, 2)).astype("float32")
    steps[:, 3:] = 0
    y = rng.normal(size=(3, 5)).astype("float32")

    def score(loss, y):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((5, 2)), keras.layers.Masking(), keras.layers.Dense(1)])
        model.compile(loss=loss)
        return float(model.evaluate(steps, y, verbose=0))

    expected = score(keras.losses.MeanSquaredError(), y[..., None])
    assert score(lk.MeanSquaredError(), y[..., None]) == pytest.approx(expected, rel=1e-5)
    assert score(lk.MeanSquaredError(), y) == pytest.approx(expected, rel=1e-5)  # Keras itself fails here


def test_several_outputs():
    def train(module):
        keras.utils.set_random_seed(4)
        inputs = keras.Input((C,))
        outputs = {"number": keras.layers.Dense(2)(inputs), "kind": keras.layers.Dense(C)(inputs)}
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer="sgd",
            loss={"number": module.Huber(0.5), "kind": module.SparseCategoricalCrossentropy(from_logits=True)},
            loss_weights={"number": 2.0, "kind": 0.5},
        )
        y = {"number": target[:, :2], "kind": labels}
        weights = {"number": weight, "kind": weight[::-1].copy()}
        found = model.fit(x, y, sample_weight=weights, epochs=2, batch_size=3, verbose=0, shuffle=False).history
        return found

    ours, theirs = train(lk), train(keras.losses)
    assert ours.keys() == theirs.keys()
    assert {"loss", "kind_loss", "number_loss"} <= ours.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' own conversions on torch and JAX
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    def train(module):
        keras.utils.set_random_seed(1)
        dense = keras.layers.Dense(C, dtype=policy)
        loss = module.SparseCategoricalCrossentropy(from_logits=True)
        model = keras.Sequential([keras.Input((C,)), dense])
        found = history(loss, x, labels, model)
        return found, to_numpy(model.predict(x, verbose=0))

    (ours, scores), (theirs, expected) = train(lk), train(keras.losses)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    np.testing.assert_allclose(scores, expected, rtol=1e-2)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX always compiles, and PyTorch takes half a minute for it")
@pytest.mark.parametrize("name", ["SparseCategoricalCrossentropy", "BinaryCrossentropy"])
def test_jit_compile(name):
    options, y, activation = TRAINING[name]
    eager, compiled = (
        history(getattr(lk, name)(**options), x, y, tiny_model(activation=activation), sample_weight=weight, **how)
        for how in ({"run_eagerly": True}, {"jit_compile": True})
    )
    np.testing.assert_allclose(compiled, eager, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("custom_objects", [None, {"Huber": lk.Huber}])
def test_save_load_and_go_on(tmp_path, custom_objects):
    model = tiny_model()
    history(lk.Huber(delta=0.25, reduction="sum", name="mine"), x, target, model)
    expected = float(model.evaluate(x, target, verbose=0))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=custom_objects)
    assert type(loaded.loss) is lk.Huber
    assert (loaded.loss.delta, loaded.loss.reduction, loaded.loss.name) == (0.25, "sum", "mine")
    assert float(loaded.evaluate(x, target, verbose=0)) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
    loaded.fit(x, target, verbose=0)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_a_saved_function_comes_back_as_ours(tmp_path):
    model = tiny_model()
    history(lk.mean_absolute_error, x, target, model, epochs=1)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").loss is lk.mean_absolute_error


def test_names_in_compile_stay_keras_own():
    model = tiny_model()
    model.compile(loss="mse")
    model.evaluate(x, target, verbose=0)
    assert keras.losses.get("mse") is keras.losses.mean_squared_error
    assert model._compile_loss._flat_losses[0].loss.fn is keras.losses.mean_squared_error
