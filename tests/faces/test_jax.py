"""The JAX face against optax where optax has the loss, and under JAX's transformations."""

from __future__ import annotations

import numpy as np
import pytest

from frameworks import require

jax = require("jax")
optax = require("optax")

import jax.numpy as jnp  # noqa: E402

import lossmith.jax as lj  # noqa: E402
from lossmith import LabelError, ShapeError  # noqa: E402

rng = np.random.default_rng(3)
x = jnp.asarray(rng.normal(size=(6, 4)), jnp.float32)
z = jnp.asarray(rng.normal(size=(6, 4)), jnp.float32)
labels = jnp.asarray([0, 1, 2, 3, 0, 1])
soft = jax.nn.softmax(z)
signs = jnp.sign(z)

WITH_OPTAX = {
    "squared_error": (x, z),
    "l2_loss": (x, z),
    "huber_loss": (x, z),
    "log_cosh": (x, z),
    "sigmoid_binary_cross_entropy": (x, soft),
    "softmax_cross_entropy": (x, soft),
    "softmax_cross_entropy_with_integer_labels": (x, labels),
    "kl_divergence": (jax.nn.log_softmax(x), soft),
    "kl_divergence_with_log_targets": (jax.nn.log_softmax(x), jnp.log(soft)),
    "sigmoid_focal_loss": (x, soft),
    "poly_loss_cross_entropy": (x, soft),
    "perceptron_loss": (x, signs),
    "hinge_loss": (x, signs),
    "multiclass_hinge_loss": (x, labels),
    "cosine_similarity": (x, z),
    "cosine_distance": (x, z),
}
OURS_ALONE = {
    "absolute_error": (x, z),
    "squared_logarithmic_error": (jnp.abs(x), jnp.abs(z)),
    "absolute_percentage_error": (x, z),
    "poisson": (jnp.abs(x) + 0.1, jnp.abs(z)),
    "poisson_log_rate": (x, jnp.abs(z)),
    "binary_cross_entropy": (jax.nn.sigmoid(x), soft),
    "categorical_cross_entropy": (jax.nn.softmax(x), labels),
    "squared_hinge": (x, signs),
}
ALL = {**WITH_OPTAX, **OURS_ALONE}


def test_every_function_is_covered():
    assert set(ALL) == set(lj.__all__)


@pytest.mark.parametrize("name", WITH_OPTAX)
def test_value_and_gradient_are_optaxs(name):
    ours, theirs = getattr(lj, name), getattr(optax.losses, name)
    prediction, *rest = WITH_OPTAX[name]
    np.testing.assert_allclose(ours(prediction, *rest), theirs(prediction, *rest), rtol=2e-5, atol=1e-6)
    gradients = [jax.grad(lambda p, f=f: jnp.sum(f(p, *rest)))(prediction) for f in (ours, theirs)]
    np.testing.assert_allclose(*gradients, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_transformations(name):
    function = getattr(lj, name)
    prediction, *rest = ALL[name]
    plain = function(prediction, *rest)
    np.testing.assert_allclose(jax.jit(function)(prediction, *rest), plain, rtol=1e-5, atol=1e-6)
    by_row = jax.vmap(lambda p, t: function(p, t, *rest[1:]))(prediction, rest[0])
    np.testing.assert_allclose(by_row, plain, rtol=1e-5, atol=1e-6)

    def total(p):
        return function(p, *rest, reduction="sum")

    gradient = jax.grad(total)(prediction)
    _, tangent = jax.jvp(total, (prediction,), (jnp.ones_like(prediction),))
    np.testing.assert_allclose(tangent, gradient.sum(), rtol=1e-3, atol=1e-4)
    assert np.isfinite(jax.hessian(total)(prediction)).all()


@pytest.mark.parametrize("name", ALL)
def test_weight_and_mask(name):
    function = getattr(lj, name)
    prediction, *rest = ALL[name]
    keep = jnp.asarray([True, False, True, True, False, True])
    weight = jnp.asarray([1.0, 2.0, 3.0, 0.0, 5.0, 6.0])
    masked = function(prediction, *rest, mask=keep, weight=weight, reduction="mean")
    rows = [i for i in range(6) if keep[i]]
    alone = function(prediction[jnp.asarray(rows)], rest[0][jnp.asarray(rows)], *rest[1:], reduction="none")
    alone = alone.reshape(len(rows), -1).mean(-1)
    w = weight[jnp.asarray(rows)]
    np.testing.assert_allclose(masked, (alone * w).sum() / w.sum(), rtol=1e-5)


def test_parameters_may_be_traced():
    slope = jax.grad(lambda d: lj.huber_loss(x, z, delta=d, reduction="sum"))(0.5)
    expected = jax.grad(lambda d: jnp.sum(optax.losses.huber_loss(x, z, delta=d)))(0.5)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)


def test_labels_out_of_range_are_an_error_and_nan_inside_jit():
    bad = labels.at[2].set(4)
    with pytest.raises(LabelError, match="label 4 at position 2"):
        lj.softmax_cross_entropy_with_integer_labels(x, bad)
    inside = jax.jit(lj.softmax_cross_entropy_with_integer_labels)(x, labels.at[2].set(-1))
    assert np.isnan(inside[2]) and np.isfinite(np.delete(np.asarray(inside), 2)).all()


def test_bad_input_says_what_to_type():
    with pytest.raises(LabelError, match="softmax_cross_entropy_with_integer_labels"):
        lj.softmax_cross_entropy(x, labels)
    with pytest.raises(LabelError, match="use softmax_cross_entropy"):
        lj.softmax_cross_entropy_with_integer_labels(x, soft)
    with pytest.raises(ShapeError, match=r"squeeze\(-1\)"):
        lj.squared_error(x[:, :1], z[:, 0])


def test_numbers_people_learn_with():
    def mean(name, prediction, target):
        return float(getattr(lj, name)(jnp.asarray(prediction), jnp.asarray(target), reduction="mean"))

    assert mean("squared_error", [2.0, 3.0], [1.0, 5.0]) == 2.5
    assert mean("squared_error", [2.5, 5.5], [3.0, 5.0]) == 0.25
    assert mean("squared_error", [[2.5], [5.5], [6.0]], [[3.0], [5.0], [7.0]]) == 0.5
    assert mean("absolute_error", [2.0, 3.0], [1.0, 0.0]) == 2.0
    assert mean("squared_error", [2.0, 3.0], [1.0, 0.0]) == 5.0
    for p, expected in ((0.9, 0.1054), (0.8, 0.2231), (0.75, 0.2876821)):
        assert mean("categorical_cross_entropy", [[p, 1 - p]], [0]) == pytest.approx(expected, abs=5e-5)
        assert mean("categorical_cross_entropy", [[p, 1 - p]], [[1.0, 0.0]]) == pytest.approx(expected, abs=5e-5)
    assert mean("categorical_cross_entropy", [[0.9, 0.1], [0.2, 0.8]], [0, 1]) == pytest.approx(0.1643, abs=5e-5)
