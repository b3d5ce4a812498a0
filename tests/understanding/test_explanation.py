"""Explanations: complete for every loss, with numbers that are computed and lines of code that run."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.losses import Loss, losses
from lossmith.understanding import Explanation, explain
from lossmith.understanding.words import symbols, unexplained
from lossmith.understanding.yardstick import yardstick

ALL = [pytest.param(loss, id=loss.name) for loss in losses()]


@pytest.mark.parametrize("loss", ALL)
def test_says_all_that_the_definition_knows(loss: Loss) -> None:
    explanation = explain(loss.name)
    plain = " ".join(explanation.text.split())
    advice = loss.advice
    said = (loss.summary, advice.use, advice.avoid, advice.good_value, *advice.pitfalls, *loss.aliases)
    said += tuple(word for p in loss.parameters for word in (p.name, p.meaning))
    said += tuple(word for e in loss.extras for word in (e.name, e.domain.describe(), e.meaning))
    for words in (*said, loss.prediction.describe(), loss.target.describe(), *(r.link for r in loss.references)):
        assert " ".join(words.split()) in plain
    assert "\\" not in explanation.text


@pytest.mark.parametrize("loss", ALL)
def test_example_is_computed_and_true(loss: Loss) -> None:
    example = explain(loss.name).example
    assert example.value == pytest.approx(loss.example[2], abs=1e-6)
    assert f"scores {example.value:.4g}" in " ".join(explain(loss.name).text.split())


@pytest.mark.parametrize("loss", ALL)
def test_no_other_constant_beats_the_best(loss: Loss) -> None:
    example = yardstick(loss)
    if example.constant_value is None:
        pytest.skip("the example has one row, or the loss no best constant in closed form")
    prediction, target, _ = loss.example
    rows = np.asarray(prediction, float)
    for factor in (0.9, 1.1):
        other = np.broadcast_to(np.asarray(example.constant) * factor, rows.shape)
        if loss.prediction.role == "distribution":
            other = np.broadcast_to([0.5 * factor, 1 - 0.5 * factor], rows.shape)
        if loss.prediction.role == "log_probabilities":
            other = np.broadcast_to(np.log([0.5 * factor, 1 - 0.5 * factor]), rows.shape)
        assert getattr(lm, loss.name)(other, target) >= example.constant_value - 1e-9


def test_yardstick_of_the_squared_error_is_the_variance() -> None:
    example = yardstick(lm.get("mse").definition)
    assert (example.constant, example.constant_value) == (3.0, 4.0)
    assert example.skill == pytest.approx(1 - 2.5 / 4)


def test_skill_below_zero_is_said_in_words() -> None:
    assert "no better than the constant" in " ".join(explain("mae").text.split())


@pytest.mark.parametrize(
    ("name", "why"),
    [("gaussian_nll", "extras"), ("squared_error", "an infinite constant"), ("huber", "a single row")],
)
def test_without_a_yardstick_the_example_stands_alone(name: str, why: str) -> None:
    loss = lm.get(name).definition
    if why != "extras":
        changes: dict[str, Any] = {"best_constant": lambda target, weight, **_: np.array(-np.inf)}
        changes = {"example": ([1.0], [2.0], 0.5)} if why == "a single row" else changes
        loss = dataclasses.replace(loss, **changes)
    example = yardstick(loss)
    assert (example.constant, example.constant_value, example.skill) == (None, None, None)
    assert example.value == pytest.approx(loss.example[2], abs=1e-6)
    assert example.extras == dict(loss.example_extras)


def test_extras_are_said_in_words() -> None:
    plain = " ".join(explain("gaussian_nll").text.split())
    assert "- variance: " in plain
    assert "against target [1.0, 5.0], with variance [1.0, 4.0], scores" in plain
    assert "lossmith.gaussian_nll(prediction, target, variance) # NumPy" in plain
    assert "- valid (may be left out): " in " ".join(explain("list_net").text.split())


@pytest.mark.parametrize("loss", ALL)
def test_symbols_that_name_an_argument_name_one_of_the_loss(loss: Loss) -> None:
    arguments = {x.name for other in losses() for x in (*other.parameters, *other.extras)}
    named = {meaning for meaning in symbols(loss).values() if meaning in arguments}
    assert named <= {*loss.defaults, *(e.name for e in loss.extras)}


@pytest.mark.parametrize("loss", ALL)
def test_no_letter_is_left_unexplained(loss: Loss) -> None:
    assert not unexplained(loss)


@pytest.mark.parametrize(
    ("name", "symbol", "meaning"),
    [
        ("softmax_cross_entropy", "η", "label_smoothing"),
        ("dpo", "α", "label_smoothing"),
        ("sigmoid_focal", "α", "alpha"),
        ("sigmoid_focal", "m", None),
        ("multi_margin", "m", "margin"),
        ("asymmetric", "γ₋", "gamma_negative"),
        ("sigmoid_cross_entropy", "w₊", "pos_weight"),
        ("distillation_kl", "T", "temperature"),
        ("iou_loss", "T", "the target box"),
        ("cauchy", "s", "scale"),
        ("softmax_focal", "s", None),
        ("crps_gaussian", "z", None),
        ("generalised_cross_entropy", "q", "q"),
        ("multi_quantile", "q", None),
        ("gaussian_nll", "v", "variance"),
        ("ciou_loss", "α", None),
        ("tukey_biweight", "c", "c"),
        ("ldam", "c", None),
    ],
)
def test_a_symbol_is_what_it_is_in_this_loss(name: str, symbol: str, meaning: str | None) -> None:
    assert symbols(lm.get(name).definition).get(symbol) == meaning


@pytest.mark.parametrize("loss", ALL)
def test_dictionary_survives_json(loss: Loss) -> None:
    data = explain(loss.name).to_dict()
    again = json.loads(json.dumps(data, allow_nan=False))
    assert again["name"] == loss.name
    assert again["latex"] == loss.formula
    assert set(again) == set(Explanation.__dataclass_fields__)


@pytest.mark.parametrize("loss", ALL)
def test_markdown_has_one_title_and_closed_fences(loss: Loss) -> None:
    lines = explain(loss.name).markdown.splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    assert sum(line.startswith("```") for line in lines) % 2 == 0


@pytest.mark.parametrize("width", [40, 72, 100])
def test_prose_keeps_the_width(width: int) -> None:
    explanation = explain("huber")
    links = {word for reference in explanation.references for word in reference.split() if "://" in word}
    prose = explanation.to_text(width).split("\nType\n")[0]
    assert all(len(line) <= width or links & set(line.split()) for line in prose.splitlines())


def test_explains_aliases_and_names_the_unknown() -> None:
    assert explain("MSE") == explain("squared_error")
    with pytest.raises(lm.UnknownNameError, match=r"did you mean 'huber'"):
        explain("hubr")


def arrays(loss: Loss, make: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the example's arrays by name."""
    prediction, target, _ = loss.example
    return {name: make(x) for name, x in {"prediction": prediction, "target": target, **loss.example_extras}.items()}


@pytest.mark.parametrize("loss", ALL)
def test_line_for_pytorch_is_true(loss: Loss) -> None:
    torch = require("torch")
    require("lossmith.torch")
    found = eval(explain(loss.name).code["PyTorch"], {"lossmith": lm, **arrays(loss, torch.tensor)})
    assert float(found) == pytest.approx(loss.example[2], abs=1e-5)


ONE_BY_ONE = ("squared_error", "softmax_cross_entropy", "dice", "gaussian_nll")
COMPILED = ("huber", "binary_cross_entropy", "info_nce", "list_net", "ctc", "triplet_margin", "discrete_time_survival")


@pytest.mark.parametrize("loss", ALL)
def test_line_for_jax_is_true(loss: Loss) -> None:
    jax = require("jax")
    line = compile(explain(loss.name).code["JAX"], "<line>", "eval")

    def value_and_gradient(given: dict[str, Any]) -> Any:
        return eval(line, {"lossmith": lm, "jax": jax, **given})

    given = arrays(loss, jax.numpy.array)
    if loss.name in ONE_BY_ONE:
        found, gradient = value_and_gradient(given)
    elif loss.name in COMPILED:  # operation by operation takes JAX a second
        found, gradient = jax.jit(value_and_gradient)(given)
    else:  # the numbers of all losses on JAX are judged elsewhere; here it is the line
        found, gradient = jax.eval_shape(value_and_gradient, given)
        assert (found.shape, gradient.shape) == ((), given["prediction"].shape)
        return
    assert float(found) == pytest.approx(loss.example[2], abs=1e-5)
    assert all(math.isfinite(g) for g in gradient.ravel())


@pytest.mark.parametrize("loss", ALL)
def test_line_for_keras_is_true(loss: Loss) -> None:
    keras = require("keras")
    require("lossmith.keras")

    class Model:
        def compile(self, optimizer: str, loss: object) -> object:
            return loss

    given = arrays(loss, keras.ops.convert_to_tensor)
    made = eval(explain(loss.name).code["TensorFlow/Keras"], {"lossmith": lm, "model": Model(), **given})
    if callable(made):
        labels = given["target"]
        if loss.name in ("categorical_hinge", "categorical_focal"):
            labels = keras.ops.one_hot(labels, len(loss.example[0][0]))
        made = made(labels, given["prediction"])
    assert float(made) == pytest.approx(loss.example[2], abs=1e-5)
