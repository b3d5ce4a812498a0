"""The doctor beside a JAX loop, which shows it what it has at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith.errors import InputError, MisuseError

jax = require("jax")
import lossmith.jax as lj  # noqa: E402 - after the line that skips where JAX is absent
from lossmith.jax import doctor as faced  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
Y = X[:, :3].argmax(1)
W = {"bias": np.zeros(3, "float32"), "weight": RNG.normal(size=(6, 3)).astype("float32")}


@jax.jit
def descend(w: Any, rate: float) -> Any:
    def loss(w: Any) -> Any:
        p = X @ w["weight"] + w["bias"]
        return lj.softmax_cross_entropy_with_integer_labels(p, Y).mean(), p

    (value, p), g = jax.value_and_grad(loss, has_aux=True)(w)
    return value, p, g, jax.tree.map(lambda a, b: a - rate * b, w, g)


def trained(rate: float = 0.5, **options: Any) -> Any:
    w = W
    loss = lj.softmax_cross_entropy_with_integer_labels
    with lj.Doctor(loss, say=lambda text: None, **options) as doctor:
        for _ in range(3):
            for _ in range(30):
                value, p, g, w = descend(w, rate)
                doctor.step(value, prediction=p, target=Y, inputs=X, gradients=g, parameters=w)
            doctor.epoch(validation=value, accuracy=float((p.argmax(1) == Y).mean()))
    return doctor


def test_healthy_training_is_left_in_peace() -> None:
    doctor = trained()
    assert doctor.findings.codes == doctor.findings.broken == ()
    assert doctor.watch.steps == 90
    assert doctor.history.epochs == 3
    assert doctor.history.accuracy is not None
    assert doctor.verdict.word == "no gap"


def test_every_loss_counts_though_most_steps_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = lj.Doctor(None, say=lambda text: None)
    followed: list[int] = []
    monkeypatch.setattr(doctor, "_follow", lambda *_: followed.append(doctor._steps))
    monkeypatch.setattr(type(doctor.watch), "wants_batch", False)
    values = [jax.numpy.float32(v) for v in RNG.normal(size=100)]
    for value in values:
        doctor.step(value)
    doctor.epoch()
    assert followed == [*range(1, 25), 31, 32, 63, 64, 95, 96]
    assert doctor.watch.steps == 100
    assert doctor.history.train.values[0] == pytest.approx(float(np.mean(values)))


def test_parameters_that_stand_still_are_found() -> None:
    doctor = trained(rate=0.0)
    assert "OPT11" in doctor.findings.codes
    assert "all 2 are as they started" in str(doctor.findings)


def test_misuse_in_the_first_batch_stops_a_strict_training() -> None:
    p = np.tile(np.array([0.2, 0.8], "float32"), (32, 1))
    loss = "optax.softmax_cross_entropy_with_integer_labels"
    with pytest.raises(MisuseError, match="OUT02"), lj.Doctor(loss, strict=True, say=lambda text: None) as doctor:
        doctor.step(np.float32(0.7), prediction=p, target=np.arange(32) % 2)


def test_calls_inside_of_jit_are_named() -> None:
    doctor = lj.Doctor(None, say=lambda text: None)
    with pytest.raises(InputError, match=r"doctor\.step was called inside of jit"):
        jax.jit(lambda v: doctor.step(v))(1.0)
    with pytest.raises(InputError, match=r"the loss is of shape \(2,\); expected a scalar"):
        doctor.step(np.ones(2))


def test_looks_on_the_host_are_those_of_the_device_and_let_arrays_be_donated() -> None:
    tree = {"a": jax.numpy.arange(6.0).reshape(2, 3), "b": [jax.numpy.full((5000,), 0.5), jax.numpy.float32(3)]}
    np.testing.assert_allclose(faced._norms(tree), faced._norms_on_device(tree), rtol=1e-6)
    for host, device in zip(faced._samples(tree), faced._samples_on_device(tree), strict=True):
        np.testing.assert_array_equal(host, device)
    assert isinstance(faced._norms(tree), np.ndarray)
    half = {"a": jax.numpy.ones((4, 4), jax.numpy.bfloat16)}  # which NumPy has not
    assert float(faced._norms(half)[0]) == 4
    updated = jax.jit(lambda t: jax.tree_util.tree_map(lambda x: x + 1, t), donate_argnums=0)(tree)
    assert tree["a"].is_deleted()
    moves = faced._moves(faced._samples(updated), faced._samples(updated))
    assert moves.tolist() == [0, 0, 0]
