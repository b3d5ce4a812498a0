"""The demonstration: every framework learns the digits, and all agree on the loss of the same predictions."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from rich.console import Console

import lossmith as lm
from frameworks import backend_named, require
from lossmith.demo import FRAMEWORKS, run
from lossmith.demo.digits import load_digits
from lossmith.errors import UnknownNameError


def _run(framework, folder):
    text = io.StringIO()
    run(framework, folder, Console(file=text, width=100))
    return text.getvalue()


def _predictions(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    values = np.array(rows[1:], float)
    return values[:, 1:], values[:, 0].astype(int)


def test_digits_are_split_without_overlap():
    parts = load_digits()
    images = np.concatenate([part.images.reshape(len(part.images), -1) for part in parts])
    assert len(images) == 1797
    assert [len(part.labels) for part in parts] == [1078, 269, 450]


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on other backends than TensorFlow
def test_learns_the_digits(framework, tmp_path):
    if framework != "numpy":
        require(framework)
    said = _run(framework, tmp_path / "out")
    probabilities, labels = _predictions(tmp_path / "out")
    assert np.mean(probabilities.argmax(-1) == labels) > 0.95
    assert (tmp_path / "out" / "report.html").read_text().lower().startswith("<!doctype html>")
    history = list(csv.DictReader((tmp_path / "out" / "history.csv").read_text().splitlines()))
    assert float(history[-1]["val_loss"]) < 0.5 * float(history[0]["val_loss"])
    assert "report.html" in said.replace("\n", "")


@pytest.mark.slow
def test_frameworks_agree_on_the_loss_of_the_same_predictions(tmp_path):
    _run("numpy", tmp_path)
    probabilities, labels = _predictions(tmp_path)
    logits = np.log(probabilities)
    expected = lm.softmax_cross_entropy(logits, labels)
    for name in ("torch", "jax", "tensorflow"):
        backend = backend_named(name)
        value = float(lm.softmax_cross_entropy(backend.asarray(logits, "float32"), backend.asarray(labels)))
        assert value == pytest.approx(expected, rel=1e-6), name


def test_unknown_framework():
    with pytest.raises(UnknownNameError, match="did you mean 'torch'"):
        run("pytorch", None, Console())
