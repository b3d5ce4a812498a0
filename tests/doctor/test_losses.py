"""Which loss is meant, by name, class, object, function and settings, of every framework; and what models say."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.doctor import check
from lossmith.doctor.loss import recognise
from lossmith.doctor.model import look_at


def known(loss: Any, **settings: Any) -> tuple[str, str, str]:
    """Return framework, definition and form."""
    facts = recognise(loss, **settings)
    assert facts is not None and facts.definition is not None
    return facts.framework, facts.definition.name, facts.form


@pytest.mark.parametrize(
    ("name", "framework", "definition", "form"),
    [
        ("mse", "", "squared_error", "values"),
        ("huber", "", "huber", "values"),
        ("squared_error", "", "squared_error", "values"),
        ("lm.dice", "lossmith", "dice", "probabilities"),
        ("nn.CrossEntropyLoss", "torch", "softmax_cross_entropy", "logits"),
        ("torch.nn.CrossEntropyLoss()", "torch", "softmax_cross_entropy", "logits"),
        ("CrossEntropyLoss", "torch", "softmax_cross_entropy", "logits"),
        ("F.cross_entropy", "torch", "softmax_cross_entropy", "logits"),
        ("nn.PoissonNLLLoss", "torch", "poisson_log_rate", "values"),
        ("nn.CTCLoss", "torch", "ctc", "log-probabilities"),
        ("binary_crossentropy", "keras", "binary_cross_entropy", "probabilities"),
        ("keras.losses.BinaryCrossentropy", "keras", "binary_cross_entropy", "probabilities"),
        ("SparseCategoricalCrossentropy", "keras", "categorical_cross_entropy", "probabilities"),
        ("optax.softmax_cross_entropy", "optax", "softmax_cross_entropy", "logits"),
    ],
)
def test_names(name: str, framework: str, definition: str, form: str) -> None:
    assert known(name) == (framework, definition, form)


def test_a_shared_name_is_the_models() -> None:
    assert known("mse", keras=True) == ("keras", "squared_error", "values")


def test_own_objects_classes_functions_and_definitions() -> None:
    for loss in (lm.Huber(delta=2.0), lm.huber, lm.Huber, lm.Huber.definition):
        assert known(loss) == ("lossmith", "huber", "values")
    facts = recognise(lm.SoftmaxCrossEntropy(ignore_index=3, axis=1))
    assert facts is not None
    assert (facts.ignored, facts.class_axis(3), facts.takes) == (3, -2, "either")
    assert recognise(lm.Huber).is_class and not recognise(lm.huber).is_class  # pyrefly: ignore


def test_unknown_callable_and_none() -> None:
    facts = recognise(lambda p, t: p - t)
    assert facts is not None and facts.definition is None and facts.form == ""
    assert recognise(None) is None


def test_torch_losses() -> None:
    torch = require("torch")
    nn, functional = torch.nn, torch.nn.functional
    assert known(nn.CrossEntropyLoss()) == ("torch", "softmax_cross_entropy", "logits")
    assert known(functional.cross_entropy) == ("torch", "softmax_cross_entropy", "logits")
    assert known(nn.PoissonNLLLoss(log_input=False)) == ("torch", "poisson", "values")
    partial = functools.partial(functional.poisson_nll_loss, log_input=False)
    assert known(partial) == ("torch", "poisson", "values")
    mine = type("Mine", (nn.BCEWithLogitsLoss,), {})()
    assert known(mine) == ("torch", "sigmoid_cross_entropy", "logits")
    facts = recognise(nn.CrossEntropyLoss(weight=torch.ones(3), ignore_index=7))
    assert facts is not None and facts.ignored == 7 and len(facts.weights["class_weight"]) == 3
    assert facts.class_axis(4) == -3 and facts.takes == "indices or floating rows"
    assert recognise(nn.MSELoss).is_class  # pyrefly: ignore
    assert recognise(nn.Linear(1, 1)).definition is None  # pyrefly: ignore
    assert check(nn.CrossEntropyLoss).codes == ("OUT12",)


def test_optax_losses() -> None:
    optax = require("optax")
    assert known(optax.softmax_cross_entropy_with_integer_labels) == ("optax", "softmax_cross_entropy", "logits")
    assert known(optax.losses.l2_loss) == ("optax", "squared_error", "values")


def test_keras_losses() -> None:
    keras = require("keras")
    cases = keras.losses
    assert known(cases.BinaryCrossentropy(from_logits=True)) == ("keras", "sigmoid_cross_entropy", "logits")
    assert known(cases.BinaryCrossentropy()) == ("keras", "binary_cross_entropy", "probabilities")
    assert known(cases.binary_crossentropy) == ("keras", "binary_cross_entropy", "probabilities")
    sparse = recognise(cases.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0))
    assert sparse is not None and (sparse.form, sparse.takes, sparse.ignored) == ("logits", "indices", 0)
    found = check(cases.CategoricalCrossentropy)
    assert [(f.code, f.severity) for f in found] == [("OUT12", "note")]


def test_torch_chains_are_read_and_left_alone() -> None:
    torch = require("torch")
    nn = torch.nn
    model = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 3), nn.Softmax(dim=1))
    )
    model.train()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    seed = torch.random.get_rng_state()
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    p = model(x)
    after = torch.random.get_rng_state()
    y = torch.arange(64) % 3
    found = check(nn.CrossEntropyLoss(), p, y, inputs=x, model=model)
    assert found.codes == ("OUT02",)
    assert model.training and p.requires_grad and all(q.grad is None for q in model.parameters())
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())
    assert torch.equal(after, torch.random.get_rng_state()) and seed is not None
    p.sum().backward()  # the graph is still there


def test_torch_models_whose_order_of_calls_is_not_known_say_nothing() -> None:
    torch = require("torch")

    class Mine(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = torch.nn.Softmax(dim=1)
            self.first = torch.nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.first(self.last(x))

    assert look_at(Mine()).activation is None
    assert look_at(torch.nn.Linear(2, 1)).activation == "linear"


def test_dropout_before_the_loss() -> None:
    torch = require("torch")
    nn = torch.nn
    bad = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.LogSoftmax(dim=1))
    good = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3), nn.LogSoftmax(dim=1))
    assert check(nn.NLLLoss(), model=bad).codes == ("OUT16",)
    assert check(nn.NLLLoss(), model=good).codes == ()


def test_activation_of_the_model_gives_way_to_the_predictions() -> None:
    torch = require("torch")
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 1))
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    t = (x[:, :1] > 0).float()
    assert check(nn.BCELoss(), torch.sigmoid(model(x)), t, model=model).codes == ()  # a sigmoid outside of the model
    assert check(nn.BCELoss(), model(x), t, model=model).codes == ("OUT03",)


def test_keras_models() -> None:
    keras = require("keras")
    layers = keras.layers

    def model(*last: Any) -> Any:
        return keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), *last])

    assert look_at(model(layers.Dense(1))).activation == "linear"
    assert look_at(model(layers.Dense(3, "softmax"))).activation == "softmax"
    assert look_at(model(layers.Dense(3), layers.Dropout(0.1), layers.Softmax())).ends_in_dropout
    assert look_at(model(layers.Dense(3), layers.ReLU(negative_slope=0.1))).activation is None
    inputs = keras.Input((4,))
    functional = keras.Model(inputs, layers.Dense(1, "sigmoid")(inputs))
    assert look_at(functional).activation == "sigmoid"
    assert look_at(keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(1)])).normalises


def test_keras_model_brings_its_loss_and_metrics() -> None:
    keras = require("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    p = model(x)
    model.compile(loss="binary_crossentropy")
    assert check(None, p, y, model=model).codes == ("OUT03",)
    on_logits = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(loss=on_logits, metrics=["accuracy"])
    assert check(None, p, y, model=model).codes == ("MET01",)
    model.compile(loss=on_logits, metrics=[keras.metrics.BinaryAccuracy(threshold=0)])
    assert check(None, p, y, model=model).codes == ()
    model.compile(loss="mse", metrics=["accuracy"])
    assert check(None, p, rng.normal(size=(64, 1)), model=model).codes == ("MET01",)
    model.compile(loss="mse", metrics=["mae"])
    assert check(None, p, rng.normal(size=(64, 1)), model=model).codes == ()


def test_an_accuracy_alone_is_blind_to_a_rare_class() -> None:
    keras = require("keras")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    y = (np.arange(400) % 40 == 0).astype("float32")[:, None]
    p = np.full((400, 1), 0.03, np.float32)

    def severity(metrics: list[Any], target: np.ndarray = y, **options: Any) -> str:
        model.compile(loss="binary_crossentropy", metrics=metrics)
        (found,) = [f for f in check(None, p, target, model=model, **options) if f.code == "DATA04"]
        return found.severity

    assert severity(["accuracy"]) == "warning"
    assert severity(["accuracy", keras.metrics.AUC(curve="PR")]) == "note"
    assert severity([]) == "note"
    assert severity(["accuracy"], weight=np.where(y[:, 0] > 0, 20.0, 1.0)) == "note"


@pytest.mark.parametrize("framework", ["torch", "jax", "tensorflow"])
def test_arrays_of_every_framework(framework: str) -> None:
    from frameworks import backend_named

    backend = backend_named(framework)
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), size=64)
    y = rng.integers(0, 4, size=64)
    for dtype in ("float32", "bfloat16"):
        given = backend.asarray(p, dtype)
        before = backend.to_numpy(given).copy()
        found = check("lm.softmax_cross_entropy", given, backend.asarray(y))
        assert found.codes == ("OUT02",)
        assert np.array_equal(before, backend.to_numpy(given))
