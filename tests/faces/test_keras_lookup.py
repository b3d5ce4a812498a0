"""``lossmith.keras.get``, ``serialize`` and ``deserialize`` beside those of ``keras.losses``."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faces.keras_tools import BACKEND, keras, lk
from lossmith import InputError

NAMES = sorted(keras.src.losses.ALL_OBJECTS_DICT)
ABSTRACT = ("Loss", "LossFunctionWrapper")
CLASSES = [name for name in lk.__all__ if name[0].isupper()]
OPTIONS = {"delta": 5.0, "from_logits": True, "axis": 1, "label_smoothing": 0.25, "ignore_class": 3, "gamma": 1.5}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ABSTRACT])
def test_every_name_of_keras_is_known_and_ours_where_we_have_it(name):
    ours, theirs = lk.get(name), keras.losses.get(name)
    plain = theirs.__name__ if inspect.isfunction(theirs) else type(theirs).__name__
    mine = getattr(lk, plain)
    assert ours is mine if inspect.isfunction(theirs) else type(ours) is mine


def test_names_that_we_do_not_have_are_keras_own(monkeypatch):
    for name in ("Dice", "dice"):
        monkeypatch.delitem(lk.lookup._NAMES, name)
    monkeypatch.delitem(lk.lookup.CLASSES, "Dice")
    assert type(lk.get("Dice")) is keras.losses.Dice
    assert type(lk.get({"class_name": "Dice", "config": {}})) is keras.losses.Dice
    assert lk.get("dice") is keras.losses.dice
    assert type(lk.get("Loss")) is keras.losses.Loss


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_survives_with_every_parameter(name):
    kind = getattr(lk, name)
    options = {k: v for k, v in OPTIONS.items() if k in inspect.signature(kind).parameters}
    loss = kind(**options, reduction="sum", name="mine", dtype="float64")
    config = json.loads(json.dumps(lk.serialize(loss)))
    assert config["registered_name"] == f"lossmith>{name}"
    for again in (lk.deserialize(config), lk.get(config), keras.losses.deserialize(config), keras.losses.get(config)):
        assert type(again) is kind
        assert again.get_config() == loss.get_config()
    assert {"name": "mine", "reduction": "sum", "dtype": "float64", **options}.items() <= again.get_config().items()
    for key, value in options.items():
        assert getattr(again, key) == value
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = again.nothing


def test_factors_per_class_are_plain_numbers():
    loss = lk.CategoricalFocalCrossentropy(alpha=np.array([0.25, 0.75]), gamma=np.float32(1.5))
    again = lk.deserialize(json.loads(json.dumps(lk.serialize(loss))))
    assert again.alpha == [0.25, 0.75]
    assert again.gamma == 1.5


@pytest.mark.parametrize(
    "name", [n for n in lk.__all__ if n[0].islower() and n not in ("get", "serialize", "deserialize")]
)
def test_every_function_survives(name):
    function = getattr(lk, name)
    config = lk.serialize(function)
    assert config["config"] == f"lossmith>{name}"
    assert lk.deserialize(config) is function
    assert keras.losses.get(config) is function


def test_a_configuration_means_the_module_that_it_names():
    for loss in (keras.losses.Huber(), keras.losses.Dice()):
        assert type(lk.deserialize(lk.serialize(loss))) is type(loss)
    own = lk.deserialize(lk.serialize(keras.losses.mean_squared_error))
    assert own is keras.losses.mean_squared_error


def test_a_configuration_without_a_module_means_its_name():
    loss = lk.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert type(loss) is lk.Huber
    assert loss.delta == 2.0
    assert type(lk.get({"class_name": "Huber"})) is lk.Huber
    assert lk.get({"class_name": "function", "config": "mse"}) is lk.mean_squared_error


def test_what_is_callable_stays():
    def mine(y_true, y_pred):
        return y_pred

    loss = lk.Huber()
    assert lk.get(None) is None
    assert lk.get(loss) is loss
    assert lk.get(mine) is mine
    assert type(lk.get(lk.Huber)) is lk.Huber
    assert type(lk.get(keras.losses.Huber)) is keras.losses.Huber


def test_custom_objects_go_before_all_others():
    class Mine(lk.Huber):
        pass

    def mse(y_true, y_pred):
        return y_pred

    assert type(lk.deserialize({"class_name": "Huber", "config": {}}, custom_objects={"Huber": Mine})) is Mine
    assert lk.deserialize("mse", custom_objects={"mse": mse}) is mse
    assert lk.deserialize("mae", custom_objects={"mse": mse}) is lk.mean_absolute_error


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("mze", "Could not interpret loss identifier: mze; .*did you mean 'mse'"),
        ("logcosh", "did you mean .*'log_cosh'"),
        ("Dise", "did you mean 'dice'"),
        ({"class_name": "Hubert", "config": {}}, "Could not interpret loss identifier: .*did you mean 'huber'"),
        ({"class_name": "function", "config": "huba"}, "did you mean 'huber'"),
        ({"class_name": "function", "config": "huba", "module": "builtins"}, "did you mean 'huber'"),
        ({"class_name": "Hubert", "config": {}, "module": "keras.losses"}, "did you mean 'huber'"),
        (3, "Could not interpret loss identifier: 3; expected a name"),
        (["mse"], "Could not interpret loss identifier"),
        (int, "Could not interpret loss identifier"),
    ],
)
def test_what_is_no_loss_is_an_error_as_in_keras_with_the_nearest_names(identifier, message):
    if identifier is not int and not (isinstance(identifier, dict) and "module" not in identifier):
        with pytest.raises(ValueError, match="Could not interpret loss identifier"):
            keras.losses.get(identifier)
    for look in (lk.get, lk.deserialize):
        with pytest.raises(InputError, match=message):
            look(identifier)


def test_a_configuration_without_a_class_is_keras_own_error():
    for look in (keras.losses.get, lk.get):
        with pytest.raises(ValueError, match="Unknown `config` as a `dict`"):
            look({"delta": 1.0})


LOAD = """
import sys
import keras
if sys.argv[2] == "with":
    import lossmith.keras
model = keras.models.load_model(sys.argv[1])
print(model.loss)
"""


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "numpy", reason="the same on every backend, and this one starts in no time")
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_a_fresh_process_needs_the_import_and_nothing_else(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss=lk.Huber(0.25))
    model.save(tmp_path / "model.keras")

    def load(how):
        source = str(Path(lk.__file__).parents[2])
        paths = os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-c", LOAD, str(tmp_path / "model.keras"), how]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})

    done = load("with")
    assert done.stdout.splitlines()[-1] == "Huber(delta=0.25)", done.stderr
    assert "make sure they are all imported" in load("without").stderr
