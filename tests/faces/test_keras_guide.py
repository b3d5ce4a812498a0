"""The guides' Python runs as written, block by block; a comment after a line says what comes of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from faces.keras_tools import DIFFERENTIATES, keras, lk
from frameworks import require
from lossmith import InputError

# Keras' own, on PyTorch: its progress bar and its accuracy take NumPy's mean of a tensor.
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")
GUIDES = Path(__file__).parents[2] / "docs" / "guide"


def blocks_of(page):
    blocks = re.findall(r"```python\n(.*?)```", (GUIDES / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    return [code for code in blocks if ">>>" not in code]


BLOCKS = blocks_of("keras.md")


def model_of(outputs):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(outputs)])


@pytest.mark.skipif(not DIFFERENTIATES, reason="this backend does not train")
def test_the_first_program_trains(monkeypatch):
    fit = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: fit(*a, verbose=0, **k))  # its bar is not what is tested
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(32, 3)).astype("float32"), rng.uniform(size=32)
    scope = {"model": model_of(4), "x": x, "y": rng.integers(0, 4, 32), "w": w}
    exec(compile(BLOCKS[0], "keras.md", "exec"), scope)
    assert np.isfinite(scope["model"].history.history["loss"]).all()


@pytest.mark.skipif(not DIFFERENTIATES, reason="this backend does not train")
def test_each_form_of_compile():
    lines = [line for line in BLOCKS[1].splitlines() if line]
    assert len(lines) == 3
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    values = []
    for line in lines:
        model = model_of(1)
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        exec(line, {"model": model, "lk": lk})
        values.append(model.evaluate(x, y, verbose=0))
    assert values == [9.0, 9.0, 9.0]


@pytest.mark.parametrize("line", [line for line in BLOCKS[2].splitlines() if line], ids=lambda line: line.split("#")[0])
def test_names(line):
    call, _, outcome = line.partition("  # ")
    if outcome.startswith("InputError: … "):
        with pytest.raises(InputError, match=re.escape(outcome.removeprefix("InputError: … "))):
            eval(call, {"lk": lk})
        return
    got, expected = eval(call, {"lk": lk}), eval(outcome, {"lk": lk})
    assert got is expected or (type(got) is type(expected) and got.get_config() == expected.get_config())


def test_every_block_is_run():
    assert len(BLOCKS) == 3


@pytest.mark.skipif(not DIFFERENTIATES, reason="this backend does not train")
def test_the_quickstart_in_every_framework():
    torch, jnp = require("torch"), require("jax").numpy
    (program,) = blocks_of("quickstart.md")
    scope = {
        "logits": torch.zeros(2, 3, requires_grad=True),
        "labels": torch.tensor([0, 2]),
        "model": keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "softmax")]),
        "prediction": jnp.array([1.0, 3.0]),
        "target": jnp.array([0.5, 0.0]),
    }
    exec(compile(program, "quickstart.md", "exec"), scope)
    assert scope["logits"].grad.shape == (2, 3)
    loss, _ = scope["model"].evaluate(np.ones((4, 3)), np.array([0, 1, 2, 3]), verbose=0)
    assert np.isfinite(loss)
    np.testing.assert_allclose(np.asarray(scope["gradient"]), [0.25, 0.5])
