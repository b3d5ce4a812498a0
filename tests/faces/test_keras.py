"""The Keras face against Keras itself, on whichever backend this process runs (KERAS_BACKEND)."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from frameworks import require

keras = require("keras")

import lossmith.keras as lk  # noqa: E402
from lossmith import LabelError, ShapeError  # noqa: E402

rng = np.random.default_rng(5)
N, C = 6, 4
real, target = rng.normal(size=(2, N, C)).astype("float32")
positive, other = rng.uniform(0.05, 1, size=(2, N, C)).astype("float32")
yes = (target > 0).astype("float32")
probabilities = positive / positive.sum(-1, keepdims=True)
soft = other / other.sum(-1, keepdims=True)
labels = np.array([0, 1, 2, 3, 1, 2])
one_hot = np.eye(C, dtype="float32")[labels]
weight = rng.uniform(0.1, 2, size=N).astype("float32")
CASES = {
    "mse": ("MeanSquaredError", {}, target, real),
    "mae": ("MeanAbsoluteError", {}, target, real),
    "mape": ("MeanAbsolutePercentageError", {}, target, real),
    "mape zero target": ("MeanAbsolutePercentageError", {}, 0 * target, real * 1e-7),
    "msle": ("MeanSquaredLogarithmicError", {}, other, real),
    "huber": ("Huber", {"delta": 0.3}, target, real),
    "log_cosh": ("LogCosh", {}, target, real),
    "poisson": ("Poisson", {}, other, positive),
    "hinge 0/1": ("Hinge", {}, yes, real),
    "hinge signs": ("Hinge", {}, 2 * yes - 1, real),
    "squared hinge": ("SquaredHinge", {}, yes, real),
    "categorical hinge": ("CategoricalHinge", {}, one_hot, real),
    "bce": ("BinaryCrossentropy", {"label_smoothing": 0.1}, yes, positive),
    "bce edges": ("BinaryCrossentropy", {}, yes, (real > 0).astype("float32")),
    "bce axis": ("BinaryCrossentropy", {"axis": 0, "reduction": "sum"}, yes, positive),
    "bce logits": ("BinaryCrossentropy", {"from_logits": True}, yes, real),
    "cce": ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot, probabilities),
    "cce unnormalised": ("CategoricalCrossentropy", {}, one_hot, positive),
    "cce logits": ("CategoricalCrossentropy", {"from_logits": True}, soft, real),
    "binary focal": ("BinaryFocalCrossentropy", {}, yes, positive),
    "binary focal balanced": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        yes,
        positive,
    ),
    "binary focal logits": ("BinaryFocalCrossentropy", {"from_logits": True}, yes, real),
    "categorical focal": ("CategoricalFocalCrossentropy", {}, one_hot, probabilities),
    "categorical focal alphas": (
        "CategoricalFocalCrossentropy",
        {"alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1},
        one_hot,
        probabilities,
    ),
    "categorical focal logits": ("CategoricalFocalCrossentropy", {"from_logits": True}, one_hot, real),
    "generalised": ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, labels, probabilities),
    "scce": ("SparseCategoricalCrossentropy", {}, labels, probabilities),
    "scce column": ("SparseCategoricalCrossentropy", {}, labels[:, None], probabilities),
    "scce logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, labels, real),
    "scce ignore": ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, labels, real),
    "kl": ("KLDivergence", {}, soft, probabilities),
    "cosine": ("CosineSimilarity", {}, target, real),
    "cosine axis": ("CosineSimilarity", {"axis": 0, "reduction": "sum"}, target, real),
    "mse column": ("MeanSquaredError", {}, target[:, 0], real[:, :1]),
    "mse vectors": ("MeanSquaredError", {}, target[:, 0], real[:, 0]),
}
REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")


def _numpy(x):
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES)
def test_values_are_keras_own(case, reduction):
    name, options, y_true, y_pred = CASES[case]
    options = {"reduction": reduction, **options}
    ours, theirs = getattr(lk, name)(**options), getattr(keras.losses, name)(**options)
    np.testing.assert_allclose(_numpy(ours(y_true, y_pred)), _numpy(theirs(y_true, y_pred)), rtol=1e-5, atol=1e-6)
    if case in ("bce axis", "cosine axis", "mse vectors"):
        return  # one value per column, or one in all: a weight per row does not fit
    np.testing.assert_allclose(
        _numpy(ours(y_true, y_pred, sample_weight=weight)),
        _numpy(theirs(y_true, y_pred, sample_weight=weight)),
        rtol=1e-5,
        atol=1e-6,
    )


CLASSES = [name for name in lk.__all__ if name[0].isupper()]


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_losses_with_keras_signature_and_survive_serialisation(name):
    kind = getattr(lk, name)
    assert issubclass(kind, keras.losses.Loss)
    assert inspect.signature(kind) == inspect.signature(getattr(keras.losses, name))
    changed = {"delta": 5.0, "from_logits": True, "axis": 1, "label_smoothing": 0.25, "ignore_class": 3}
    options = {k: v for k, v in changed.items() if k in inspect.signature(kind).parameters}
    loss = kind(**options, reduction="sum", name="mine", dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is kind
    assert again.get_config() == loss.get_config()
    assert {"name": "mine", "reduction": "sum", "dtype": "float64", **options}.items() <= again.get_config().items()
    for key, value in options.items():
        assert getattr(again, key) == value


@pytest.mark.parametrize("name", [name for name in lk.__all__ if name[0].islower()])
def test_functions_have_keras_signature(name):
    def shape(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    assert shape(getattr(lk, name)) == shape(getattr(keras.losses, name))


def test_functions_are_the_classes_values():
    for name in (n for n in lk.__all__ if n[0].islower()):
        case = next(c for c in CASES.values() if getattr(lk, c[0]).function is getattr(lk, name))
        y_true, y_pred = map(keras.ops.convert_to_tensor, case[2:])
        options = {"q": 0.5} if "generalized" in name else {}
        np.testing.assert_allclose(
            _numpy(getattr(lk, name)(y_true, y_pred, **options)),
            _numpy(getattr(keras.losses, name)(y_true, y_pred, **options)),
            rtol=1e-5,
            atol=1e-6,
        )


def _model(activation="softmax", units=C):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((C,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(units, activation)]
    return keras.Sequential(layers)


def _losses_of_training(loss, y, activation="softmax", **options):
    model = _model(activation)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"], **options)
    return model.fit(real, y, epochs=3, batch_size=3, verbose=0, shuffle=False, sample_weight=weight).history["loss"]


TRAINING = {
    "SparseCategoricalCrossentropy": ({}, labels, "softmax"),
    "CategoricalCrossentropy": ({"from_logits": True, "label_smoothing": 0.1}, one_hot, None),
    "BinaryCrossentropy": ({}, yes, "sigmoid"),
    "MeanSquaredError": ({}, target, None),
    "Huber": ({"delta": 0.5}, target, None),
}


@pytest.mark.parametrize("name", TRAINING)
def test_training_goes_as_with_keras_own_loss(name):
    options, y, activation = TRAINING[name]
    ours = _losses_of_training(getattr(lk, name)(**options), y, activation)
    theirs = _losses_of_training(getattr(keras.losses, name)(**options), y, activation)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' own writing of weights on torch and JAX
def test_evaluate_save_and_load(tmp_path):
    model = _model(None)
    model.compile(optimizer="adam", loss=lk.Huber(delta=0.25))
    model.fit(real, target, verbose=0)
    before = float(model.evaluate(real, target, verbose=0))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.evaluate(real, target, verbose=0)) == pytest.approx(before, rel=1e-6)
    assert loaded.loss.delta == 0.25


def test_a_class_instead_of_an_instance_works():
    ours = _losses_of_training(lk.CategoricalCrossentropy, one_hot)
    np.testing.assert_allclose(ours, _losses_of_training(lk.CategoricalCrossentropy(), one_hot), rtol=1e-6)


def test_masks_reach_the_mean():
    steps = rng.normal(size=(3, 5, 2)).astype("float32")
    steps[:, 3:] = 0
    y = rng.normal(size=(3, 5, 1)).astype("float32")

    def score(loss):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((5, 2)), keras.layers.Masking(), keras.layers.Dense(1)])
        model.compile(loss=loss)
        return float(model.evaluate(steps, y, verbose=0))

    assert score(lk.MeanSquaredError()) == pytest.approx(score(keras.losses.MeanSquaredError()), rel=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a TensorFlow graph")
def test_an_object_is_a_tf_function():
    loss = lk.SparseCategoricalCrossentropy()
    traced = require("tensorflow").function(loss)(labels, probabilities)
    np.testing.assert_allclose(_numpy(traced), _numpy(loss(labels, probabilities)), rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="jit_compile of a TensorFlow graph")
def test_xla_on_tensorflow():
    plain = _losses_of_training(lk.SparseCategoricalCrossentropy(), labels)
    compiled = _losses_of_training(lk.SparseCategoricalCrossentropy(), labels, jit_compile=True)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5)


def test_mixed_precision():
    model = _model(None)
    for layer in model.layers:
        layer.dtype_policy = "mixed_bfloat16"
    model.compile(optimizer="adam", loss=lk.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(real, labels, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lk.CategoricalCrossentropy()(labels, probabilities), LabelError, "use SparseCategoricalCrossentropy"),
        (lambda: lk.SparseCategoricalCrossentropy()(one_hot, probabilities), LabelError, "use CategoricalCrossent"),
        (lambda: lk.SparseCategoricalCrossentropy()(labels + 1, probabilities), LabelError, "count from 1"),
        (lambda: lk.MeanSquaredError()(target[:, :1], real), ShapeError, "nothing is broadcast"),
        (lambda: lk.Huber(gamma=1.0), TypeError, "gamma"),
        (lambda: lk.Huber(delta=-1.0)(target, real), ValueError, "delta is -1.0"),
    ],
)
def test_bad_input_says_what_to_type(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_numbers_people_learn_with():
    def value(name, y_true, y_pred):
        return float(_numpy(getattr(lk, name)()(np.asarray(y_true), np.asarray(y_pred, "float32"))))

    assert value("MeanSquaredError", [1.0, 5.0], [2.0, 3.0]) == 2.5
    assert value("MeanSquaredError", [3.0, 5.0], [2.5, 5.5]) == 0.25
    assert value("MeanSquaredError", [[3.0], [5.0], [7.0]], [[2.5], [5.5], [6.0]]) == 0.5
    assert value("MeanAbsoluteError", [1.0, 0.0], [2.0, 3.0]) == 2.0
    assert value("MeanSquaredError", [1.0, 0.0], [2.0, 3.0]) == 5.0
    for p, expected in ((0.9, 0.1054), (0.8, 0.2231), (0.75, 0.2876821)):
        row = [[p, 1 - p]]
        assert value("CategoricalCrossentropy", [[1.0, 0.0]], row) == pytest.approx(expected, abs=5e-5)
        assert value("SparseCategoricalCrossentropy", [0], row) == pytest.approx(expected, abs=5e-5)
    both = [[0.9, 0.1], [0.2, 0.8]]
    assert value("SparseCategoricalCrossentropy", [0, 1], both) == pytest.approx(0.1643, abs=5e-5)
