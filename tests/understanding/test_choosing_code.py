"""The lines that ``choose`` suggests run as written, and score what it says that an untrained model scores.

The last layer is set to answer 0 everywhere, which is what the first number under "Expect" is about.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.understanding.choosing import Suggestion, Weights
from lossmith.understanding.choosing.code import TEMPLATES
from lossmith.understanding.faces import names_in

from .targets import TARGETS

WIDTH = 4
FACES = {"lt": "torch", "lk": "keras", "lj": "jax"}
CASES = [pytest.param(name, i, id=f"{name}-{s.loss}")
         for name, (target, _, _) in TARGETS.items()
         for i, s in enumerate(lm.choose(target).suggestions)]  # fmt: skip
# One target for each text: JAX takes a second to compile the operations of each.
DIFFERENT_IN_JAX = list({"\n".join(lm.choose(TARGETS[case.values[0]][0]).suggestions[case.values[1]].code["jax"]): case
                         for case in CASES}.values())  # fmt: skip
WEIGHTED = ["binary", "words of two", "words", "sparse flags", "flags"]


def prepared(name: str, suggestion: Suggestion) -> Any:
    """Return the target as the suggestion's own line makes it."""
    scope = {"np": np, "y": np.asarray(TARGETS[name][0])}
    exec(suggestion.prepare, scope)
    return scope["y"]


def hidden(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)


def untrained(suggestion: Suggestion) -> float:
    """Return what the suggestion says of a model that answers 0; for balanced softmax that is its constant."""
    return suggestion.expected[0].value


def in_torch(suggestion: Suggestion, y: Any, lines: tuple[str, ...]) -> dict[str, Any]:
    torch = require("torch")
    scope: dict[str, Any] = {"hidden": torch.as_tensor(hidden(len(y))), "width": WIDTH, "y": y, "np": np}
    for line in lines:
        exec(line, scope)
        if line.startswith("last ="):
            torch.nn.init.zeros_(scope["last"].weight)
            torch.nn.init.zeros_(scope["last"].bias)
            scope["last"].zero_grad()
    return scope


@pytest.mark.parametrize(("name", "i"), CASES)
def test_torch(name: str, i: int) -> None:
    suggestion = lm.choose(TARGETS[name][0]).suggestions[i]
    y = prepared(name, suggestion)
    scope = in_torch(suggestion, y, suggestion.code["torch"])
    assert scope["last"].out_features == suggestion.units
    assert scope["loss"].item() == pytest.approx(untrained(suggestion), rel=2e-5, abs=1e-6)
    scope["loss"].backward()
    assert np.isfinite(scope["last"].weight.grad.numpy()).all()


@pytest.mark.parametrize(("name", "i"), DIFFERENT_IN_JAX)
def test_jax(name: str, i: int) -> None:
    require("jax")
    suggestion = lm.choose(TARGETS[name][0]).suggestions[i]
    y = prepared(name, suggestion)
    w, b = np.zeros((WIDTH, suggestion.units), np.float32), np.zeros(suggestion.units, np.float32)
    jnp = importlib.import_module("jax.numpy")
    scope: dict[str, Any] = {"hidden": jnp.asarray(hidden(len(y))), "w": w, "b": b, "y": jnp.asarray(y), "np": np}
    exec("\n".join(suggestion.code["jax"]), scope)
    assert float(scope["loss"]) == pytest.approx(untrained(suggestion), rel=2e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_keras(name: str, i: int) -> None:
    keras = require("keras")
    suggestion = lm.choose(TARGETS[name][0]).suggestions[i]
    y = prepared(name, suggestion)
    x = hidden(len(y))
    model = keras.Sequential([keras.Input((WIDTH,))])
    scope: dict[str, Any] = {"model": model, "np": np}
    exec("\n".join(suggestion.code["keras"]), scope)
    model.layers[-1].set_weights([np.zeros((WIDTH, suggestion.units)), np.zeros(suggestion.units)])
    given = keras.ops.convert_to_tensor(y[:, None] if suggestion.units == 1 and y.ndim == 1 else y)  # as fit does it
    value = float(model.compute_loss(x=x, y=given, y_pred=model(x)))
    assert value == pytest.approx(untrained(suggestion), rel=2e-5, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["words of two", "words", "ratings", "prices", "columns"])
def test_keras_fits(name: str) -> None:
    """``fit`` hands the loss what ``compute_loss`` above is handed."""
    keras = require("keras")
    suggestion = lm.choose(TARGETS[name][0]).first
    y = prepared(name, suggestion)
    model = keras.Sequential([keras.Input((WIDTH,))])
    exec("\n".join(suggestion.code["keras"]), {"model": model, "np": np})
    model.layers[-1].set_weights([np.zeros((WIDTH, suggestion.units)), np.zeros(suggestion.units)])
    history = model.fit(hidden(len(y)), y, batch_size=len(y), epochs=2, verbose=0).history["loss"]
    assert history[0] == pytest.approx(untrained(suggestion), rel=2e-5)
    assert history[1] < history[0]


# --- weights ---------------------------------------------------------------------------------------------------------
def weighted(name: str) -> tuple[Suggestion, Weights]:
    suggestion = lm.choose(TARGETS[name][0]).first
    assert suggestion.weights is not None
    assert suggestion.weights.code
    return suggestion, suggestion.weights


def expected_with(weights: Weights, y: np.ndarray) -> float:
    """Return the loss at outputs of 0: ln 2 or ln C per row, times the row's weight."""
    if weights.pos_weight is None:
        return float(np.log(y.max() + 1))  # class weights divide by their own sum
    factors = np.where(y == 1, np.asarray(weights.pos_weight), 1.0)
    return float(np.log(2) * factors.mean())


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_in_torch(name: str) -> None:
    suggestion, weights = weighted(name)
    y = prepared(name, suggestion)
    lines = (*suggestion.code["torch"][:-1], weights.code["torch"])
    value = in_torch(suggestion, y, lines)["loss"].item()
    assert value == pytest.approx(expected_with(weights, y), rel=1e-5)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_in_jax(name: str) -> None:
    jnp = importlib.import_module("jax.numpy") if require("jax") else None
    suggestion, weights = weighted(name)
    y = prepared(name, suggestion)
    out = jnp.zeros((len(y), suggestion.units)) if suggestion.units > 1 else jnp.zeros(len(y))
    scope: dict[str, Any] = {"out": out, "y": jnp.asarray(y), "np": np}
    exec("\n".join([suggestion.code["jax"][0], weights.code["jax"]]), scope)
    assert float(scope["loss"]) == pytest.approx(expected_with(weights, y), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["words of two", "words", "flags"])
def test_weights_in_keras(name: str) -> None:
    keras = require("keras")
    suggestion, weights = weighted(name)
    y = prepared(name, suggestion)
    model = keras.Sequential([keras.Input((WIDTH,))])
    scope: dict[str, Any] = {"model": model, "np": np, "x": hidden(len(y)), "y": y, "lossmith": lm}
    exec("\n".join(suggestion.code["keras"]), scope)
    model.layers[-1].set_weights([np.zeros((WIDTH, suggestion.units)), np.zeros(suggestion.units)])
    line = weights.code["keras"]
    if line.startswith("model.fit("):
        exec(f"history = {line.removesuffix(')')}, batch_size=len(y), verbose=0)", scope)
        # Balanced class weights sum to the number of rows, so that the mean at outputs of 0 stays ln C.
        assert scope["history"].history["loss"][0] == pytest.approx(np.log(max(2, suggestion.units)), rel=1e-4)
    else:
        exec(line, scope)
        value = float(model.compute_loss(x=scope["x"], y=keras.ops.convert_to_tensor(y), y_pred=model(scope["x"])))
        assert value == pytest.approx(expected_with(weights, y), rel=1e-5)


def test_weights_of_many_classes_are_computed_in_the_line() -> None:
    y = np.repeat(np.arange(12), [40, *range(2, 13)])
    weights = lm.choose(y, task="multiclass").first.weights
    assert weights is not None
    assert "len(y) / (12 * np.bincount(y))" in weights.code["torch"]
    scope: dict[str, Any] = {"y": y, "np": np}
    exec("found = " + weights.code["keras"].partition("class_weight=")[2].removesuffix(")"), scope)
    assert scope["found"] == pytest.approx(weights.class_weight)


# --- names -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", TEMPLATES)
def test_every_name_exists_and_is_that_of_the_loss(key: str) -> None:
    template, loss = TEMPLATES[key], key.partition(" ")[0]
    text = f"{template.keras}\n{template.torch}\n{template.jax}"
    for name in re.findall(r"\blossmith\.(\w+)", text):
        assert callable(getattr(lm, name))
        assert name == loss
    for alias, name in re.findall(r"\b(lk|lt|lj)\.(\w+)", text):
        face = FACES[alias]
        same = {loss, "poisson"} if loss == "poisson_log_rate" else {loss}  # Keras' loss takes the rate
        assert any(name in names_in(face).get(other, ()) for other in same), f"lossmith.{face}.{name} is no {loss}"
        require(face)
        assert callable(getattr(importlib.import_module(f"lossmith.{face}"), name))


def test_every_template_is_suggested_somewhere() -> None:
    """Nothing in the table is left over, and so everything in it is run above."""
    used = {s.loss for target, _, _ in TARGETS.values() for s in lm.choose(target).suggestions}
    assert used == {key.partition(" ")[0] for key in TEMPLATES}
