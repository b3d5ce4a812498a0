"""Explanations: complete for every loss, with numbers that are computed and lines of code that run."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.losses import Loss, losses
from lossmith.understanding import Explanation, explain
from lossmith.understanding.yardstick import yardstick

ALL = [pytest.param(loss, id=loss.name) for loss in losses()]


@pytest.mark.parametrize("loss", ALL)
def test_says_all_that_the_definition_knows(loss: Loss) -> None:
    explanation = explain(loss.name)
    plain = " ".join(explanation.text.split())
    advice = loss.advice
    said = (loss.summary, advice.use, advice.avoid, advice.good_value, *advice.pitfalls, *loss.aliases)
    said += tuple(word for p in loss.parameters for word in (p.name, p.meaning))
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
        assert getattr(lm, loss.name)(other, target) >= example.constant_value - 1e-9


def test_yardstick_of_the_squared_error_is_the_variance() -> None:
    example = yardstick(lm.get("mse").definition)
    assert (example.constant, example.constant_value) == (3.0, 4.0)
    assert example.skill == pytest.approx(1 - 2.5 / 4)


def test_skill_below_zero_is_said_in_words() -> None:
    assert "no better than the constant" in " ".join(explain("mae").text.split())


@pytest.mark.parametrize("loss", ALL)
def test_symbols_that_name_a_parameter_name_one_of_the_loss(loss: Loss) -> None:
    parameters = {p.name for other in losses() for p in other.parameters}
    named = {meaning for meaning in explain(loss.name).symbols.values() if meaning in parameters}
    assert named <= set(loss.defaults)


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
    with pytest.raises(lm.UnknownNameError, match="did you mean 'huber'"):
        explain("hubr")


@pytest.mark.parametrize("loss", ALL)
def test_line_for_pytorch_is_true(loss: Loss) -> None:
    torch = require("torch")
    require("lossmith.torch")
    prediction, target, value = loss.example
    names = {"lossmith": lm, "prediction": torch.tensor(prediction), "target": torch.tensor(target)}
    assert float(eval(explain(loss.name).code["PyTorch"], names)) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("loss", ALL)
def test_line_for_jax_is_true(loss: Loss) -> None:
    jax = require("jax")
    prediction, target, value = loss.example
    names = {"lossmith": lm, "jax": jax, "prediction": jax.numpy.array(prediction), "target": jax.numpy.array(target)}
    found, gradient = eval(explain(loss.name).code["JAX"], names)
    assert float(found) == pytest.approx(value, abs=1e-5)
    assert all(math.isfinite(g) for g in gradient.ravel())


@pytest.mark.parametrize("loss", ALL)
def test_line_for_keras_is_true(loss: Loss) -> None:
    keras = require("keras")
    require("lossmith.keras")

    class Model:
        def compile(self, optimizer: str, loss: object) -> object:
            return loss

    prediction, target, value = loss.example
    made = eval(explain(loss.name).code["TensorFlow/Keras"], {"lossmith": lm, "model": Model()})
    labels = keras.ops.convert_to_tensor(target)
    if loss.name == "categorical_hinge":
        labels = keras.ops.one_hot(labels, len(prediction[0]))
    assert float(made(labels, keras.ops.convert_to_tensor(prediction))) == pytest.approx(value, abs=1e-5)
