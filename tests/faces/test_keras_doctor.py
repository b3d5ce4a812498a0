"""The doctor as a Keras callback: it finds what is wrong and changes not one bit of the training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith.doctor import check
from lossmith.doctor.engine import judged
from lossmith.doctor.evidence import Evidence
from lossmith.doctor.model import look_at
from lossmith.doctor.rule import rule
from lossmith.errors import MisuseError
from lossmith.evaluation.arrays import to_numpy

from .keras_tools import BACKEND, keras, lk

pytestmark = pytest.mark.skipif(BACKEND == "numpy", reason="Keras does not train on NumPy")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = X[:, :3].argmax(1)


def numbers(variable: Any) -> np.ndarray:
    """Return a variable as NumPy."""
    return np.array(to_numpy("variable", keras.ops.convert_to_tensor(variable)))


def model(last: str | None = None) -> Any:
    """Return a model with all that has a state of its own: dropout, noise, batch statistics, a penalty."""
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(8, activation="relu", activity_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(3, activation=last),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    return made


def trained(callbacks: list[Any], last: str | None = None) -> list[Any]:
    """Return all that a training leaves: curves, weights, statistics, states of generators, of the optimiser."""
    made = model(last)
    curves = made.fit(X, Y, batch_size=16, epochs=2, validation_split=0.25, verbose=0, callbacks=callbacks).history
    assert not getattr(made.train_function, "of_lossmith", False)
    return [*curves.values(), *map(numbers, made.variables), *map(numbers, made.optimizer.variables)]


def test_training_is_the_same_bit_for_bit_and_a_healthy_one_left_in_peace() -> None:
    said: list[str] = []
    doctor = lk.Doctor(say=said.append)
    for a, b in zip(trained([]), trained([doctor]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert doctor.findings.codes == ()
    assert doctor.findings.broken == ()
    assert "prediction (16, 3), target (16,), inputs (16, 6)" in doctor.findings.seen
    assert doctor.history is not None
    assert doctor.history.epochs == 2
    assert doctor.history.accuracy is not None
    assert len(said) == 1
    assert doctor.watch.steps == 10


def test_misuse_is_said_before_the_first_step_and_strict_stops_there() -> None:
    made, said = model("softmax"), []
    with pytest.raises(MisuseError, match="OUT02"):
        made.fit(X, Y, verbose=0, callbacks=[lk.Doctor(strict=True, say=said.append)])
    assert said[0].startswith("lossmith doctor, first batch: OUT02 error")
    assert not getattr(made.train_function, "of_lossmith", False)
    assert int(numbers(made.optimizer.iterations)) == 0


@pytest.mark.skipif(BACKEND != "tensorflow", reason="steps are executed together on TensorFlow and JAX alone")
def test_datasets_and_steps_executed_together() -> None:
    tf = require("tensorflow")
    left = []
    for callbacks in ([], [lk.Doctor(say=lambda text: None)]):
        made = model()
        made.compile("sgd", made.loss, steps_per_execution=4)
        rows = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(96, seed=3).batch(16).repeat()
        made.fit(rows, steps_per_epoch=6, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        left.append([*map(numbers, made.variables), *map(numbers, made.optimizer.variables)])
    for a, b in zip(*left, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("steps", "rows"), [(3, 16), (None, 40)])
def test_batches_taken_ahead_are_those_that_the_training_gets(steps: int | None, rows: int) -> None:
    """An endless generator goes on where the epoch of few steps left it, and a last batch may be smaller."""

    def endless() -> Any:
        while True:
            for start in range(0, 96, rows):
                yield X[start : start + rows], Y[start : start + rows]

    left = []
    for callbacks in ([], [lk.Doctor(say=lambda text: None)]):
        keras.utils.set_random_seed(1)
        made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile("sgd", loss, jit_compile=BACKEND == "jax")
        given = {"x": X, "y": Y, "batch_size": rows} if steps is None else {"x": endless(), "steps_per_epoch": steps}
        made.fit(**given, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        left.append([*map(numbers, made.variables), *map(numbers, made.optimizer.variables)])
    for a, b in zip(*left, strict=True):
        np.testing.assert_array_equal(a, b)


def test_equal_units_are_said_before_the_first_step() -> None:
    keras.utils.set_random_seed(1)
    parts = [keras.layers.Dense(n, kernel_initializer="ones") for n in (4, 3)]
    made = keras.Sequential([keras.layers.Input((6,)), *parts])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("sgd", loss, jit_compile=BACKEND == "jax")
    said: list[str] = []
    made.fit(X, Y, verbose=0, callbacks=[lk.Doctor(say=said.append)])
    assert said[0].startswith("lossmith doctor, start: INIT02 warning")


def test_a_model_with_a_frozen_part_says_so() -> None:
    made = model()
    assert not look_at(made).frozen  # statistics of batch normalisation are no weights
    made.layers[0].trainable = False
    assert look_at(made).frozen


@pytest.mark.parametrize(("last", "found"), [(None, []), ("relu", [("OUT07", "output b")])])
def test_each_of_several_outputs_is_judged(last: str | None, found: list[tuple[str, str]]) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6,))
    layers = {"a": keras.layers.Dense(1, name="a"), "b": keras.layers.Dense(1, activation=last, name="b")}
    made = keras.Model(inputs, {name: layer(inputs) for name, layer in layers.items()})
    made.compile("sgd", {"a": "mse", "b": "mae"})
    doctor = lk.Doctor(say=lambda text: None)
    made.fit(X, {"a": X[:, :1], "b": X[:, 1:2]}, verbose=0, epochs=1, callbacks=[doctor])
    assert [(f.code, f.where) for f in doctor.findings] == found
    assert doctor.findings.broken == ()
    assert doctor.history is not None


class Sub(keras.Model):
    """A model whose call has no ``training``, counts itself, and ends in an operation."""

    def __init__(self, last: Any) -> None:
        super().__init__()
        self.head, self.last = keras.layers.Dense(1), last
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x: Any) -> Any:
        self.calls.assign_add(1.0)
        return self.last(self.head(x))


def test_a_subclass_is_asked_what_its_last_activation_is_and_stays_as_it_is() -> None:
    made = Sub(keras.ops.tanh)
    made(X[:2])
    nodes, calls = [len(layer._inbound_nodes) for layer in made.layers], numbers(made.calls)
    assert look_at(made).activation == "tanh"
    assert [len(layer._inbound_nodes) for layer in made.layers] == nodes
    np.testing.assert_array_equal(numbers(made.calls), calls)
    made.compile("sgd", "mse")
    doctor = lk.Doctor(say=lambda text: None)
    made.fit(X, 5 * X[:, :1], verbose=0, callbacks=[doctor])
    assert (doctor.findings.codes, doctor.findings.broken) == (("OUT07",), ())


def test_the_chain_of_a_functional_model_is_read() -> None:
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(4, activation="relu")(inputs)
    seen = look_at(keras.Model(inputs, keras.layers.Reshape((4, 1))(keras.ops.softmax(hidden))))
    assert (seen.activation, seen.before) == ("softmax", "relu")
    assert look_at(keras.Model(inputs, keras.layers.Dropout(0.5)(hidden))).ends_in_dropout
    merged = keras.layers.Dense(2)(keras.layers.Concatenate()([hidden, inputs]))
    seen = look_at(keras.Model(inputs, merged))
    assert (seen.activation, seen.layers[0], seen.normalises) == ("linear", "…", False)


@pytest.mark.filterwarnings("ignore:.*from_logits=True")
def test_a_loss_of_ones_own_is_recognised() -> None:
    def own(y_true: Any, y_pred: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    def minus(y_true: Any, y_pred: Any) -> Any:
        return -keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    for loss, last, found in ((own, "softmax", ("OUT02",)), (minus, None, ("OPT09",))):
        made = model(last)
        made.compile("sgd", loss)
        doctor = lk.Doctor(say=lambda text: None)
        made.fit(X, Y[:, None], verbose=0, callbacks=[doctor])
        assert (doctor.findings.codes, doctor.findings.broken) == (found, ())


def test_arguments_of_a_function_of_ones_own_in_the_wrong_order() -> None:
    t = np.exp(X[:, :1])
    p = np.exp(0.5 * X[:, :1] + 0.2 * X[:, 1:2])
    made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1, activation="exponential")])
    ops = keras.ops

    def one_sided(y_pred: Any, y_true: Any) -> Any:
        return ops.mean(ops.maximum(0.9 * (y_true - y_pred), 0.1 * (y_pred - y_true)))

    def in_order(y_true: Any, y_pred: Any) -> Any:
        return one_sided(y_pred, y_true)

    def symmetric(y_pred: Any, y_true: Any) -> Any:
        return ops.mean(ops.abs(y_true - y_pred) ** 1.7)

    def relative(y_true: Any, y_pred: Any) -> Any:
        return ops.mean(ops.abs(y_true - y_pred) / (y_true + 1e-7))

    class Own(keras.losses.Loss):
        def call(self, outputs: Any, targets: Any) -> Any:
            return one_sided(outputs, targets)

    def reverse(a: Any, b: Any) -> Any:
        return relative(b, a)

    def entropy(a: Any, b: Any) -> Any:
        return keras.losses.binary_crossentropy(b, a)

    def found(loss: Any, p: np.ndarray, t: np.ndarray) -> bool:
        made.compile("sgd", loss)
        seen = check(loss, p, t, X, made)
        assert seen.broken == ()
        return "OUT13" in seen.codes

    assert all(found(loss, p, t) for loss in (one_sided, reverse, Own()))
    assert not any(found(loss, p, t) for loss in (in_order, symmetric, relative))
    share, yes = p / (1 + p), (t > 1).astype("float32")
    assert found(entropy, share, yes)
    assert not found(lambda y_true, y_pred: entropy(y_pred, y_true), share, yes)


def test_a_minus_before_the_minus_of_keras() -> None:
    def found(loss: Any) -> tuple[str, ...]:
        made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
        made.compile("sgd", loss)
        doctor = lk.Doctor(say=lambda text: None)
        made.fit(X, X[:, :3] + 0.1, verbose=0, callbacks=[doctor])
        assert doctor.findings.broken == ()
        return tuple(f.code for f in doctor.findings if f.severity != "note")

    assert found(lambda y, p: 1 - keras.losses.cosine_similarity(y, p)) == ("OPT09",)
    assert found(lambda y, p: 1 + keras.losses.cosine_similarity(y, p)) == ()


def test_a_schedule_that_is_over_long_before_the_training() -> None:
    from lossmith.keras.variables import Variables

    schedules = keras.optimizers.schedules

    def found(schedule: Any) -> list[str]:
        made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)])
        made.compile(keras.optimizers.SGD(schedule), "mse")
        variables = Variables(made)
        made.optimizer.iterations.assign(120)
        seen, broken = judged(Evidence(steps=variables.facts(made)), only=[rule("OPT06")])
        assert broken == []
        return [f.severity for f in seen]

    assert found(schedules.ExponentialDecay(0.01, 1, 0.5)) == ["warning"]
    assert found(schedules.PolynomialDecay(0.01, 50, 0.0)) == ["note"]
    assert found(schedules.CosineDecay(0.0, 100, warmup_target=0.02, warmup_steps=20)) == []
    assert found(schedules.CosineDecayRestarts(0.01, 24)) == []
    assert found(0.01) == []


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
def test_a_model_of_which_nothing_is_trainable() -> None:
    made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)])
    made.trainable = False
    made.compile("sgd", "mse")
    doctor = lk.Doctor(say=lambda text: None)
    made.fit(X, X[:, :1], verbose=0, callbacks=[doctor])
    assert doctor.findings.codes == ("OPT11",)


@pytest.mark.parametrize("weigh", [{}, {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}, {"sample_weight": 1.0 + (Y == 1)}])
def test_weights_of_fit_are_seen(weigh: dict[str, Any]) -> None:
    doctor = lk.Doctor(say=lambda text: None)
    model().fit(X, Y, batch_size=32, epochs=1, verbose=0, callbacks=[doctor], shuffle=False, **weigh)
    expected = np.array([1.0, 2.0, 0.5])[Y[:32]] if "class_weight" in weigh else 1.0 + (Y[:32] == 1)
    first = doctor.watch._batches[0]
    if not weigh:
        assert first.weight is None
    else:
        assert first.weight is not None
        np.testing.assert_allclose(first.weight, expected)
    assert ("weight (32,)" in doctor.findings.seen) == bool(weigh)


@pytest.mark.filterwarnings("ignore:.*from_logits=True")
@pytest.mark.parametrize("metric", ["accuracy", "categorical_accuracy", keras.metrics.CategoricalAccuracy()])
def test_an_accuracy_of_one_label_beside_several(metric: Any) -> None:
    made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(4, activation="sigmoid")])
    several, one = (X[:, :4] > 0).astype("float32"), np.eye(4, dtype="float32")[X[:, :4].argmax(1)]
    p = numbers(made(X))

    def found(chosen: Any, target: np.ndarray) -> list[str]:
        made.compile("sgd", "binary_crossentropy", metrics=[chosen])
        return [f.what for f in check(made.loss, p, target, X, made) if f.code == "MET01"]

    assert ["one label per row" in what for what in found(metric, several)] == [True]
    assert found(metric, one) == []
    assert found("binary_accuracy", several) == []


def test_weights_that_are_all_nothing_are_said_at_once_and_stand_for_parameters_that_stand_still() -> None:
    made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    said: list[str] = []
    doctor = lk.Doctor(say=said.append)
    made.fit(X, X[:, :1], sample_weight=np.zeros(96), batch_size=32, epochs=8, verbose=0, callbacks=[doctor])
    assert said[0].startswith("lossmith doctor, first batch: OUT19 error")
    assert [f.code for f in doctor.findings.errors] == ["OUT19"]
    assert "OPT11" in doctor.findings[0].consequences


def test_a_penalty_that_leaves_nothing_to_learn() -> None:
    def codes(strength: float) -> tuple[str, ...]:
        keras.utils.set_random_seed(3)
        parts = [keras.layers.Dense(n, kernel_regularizer=keras.regularizers.L2(strength)) for n in (16, 16, 3)]
        made = keras.Sequential([keras.layers.Input((6,)), *parts])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # Without compilation JAX would take half a minute, with it TensorFlow.
        made.compile(keras.optimizers.Adam(5e-3), loss, jit_compile=keras.backend.backend() == "jax")
        doctor = lk.Doctor(say=lambda text: None)
        made.fit(X, Y, batch_size=8, epochs=20, verbose=0, callbacks=[doctor])
        assert doctor.findings.broken == ()
        assert doctor.history is not None and len(doctor.history.penalty) == 20
        return doctor.findings.codes

    assert "OPT12" in codes(1.0)
    assert "OPT12" not in codes(1e-3)
