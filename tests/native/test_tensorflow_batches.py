"""Losses whose rows compare with each other, on TensorFlow tensors by the native operations; NumPy judges them."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.native import batch_rows

tf = require("tensorflow")

from tensorflow_tools import as_float64, graph, in_a_graph, needed, taped, types_of  # noqa: E402

from lossmith.native import tensorflow as operations  # noqa: E402
from lossmith.native import tensorflow_rows  # noqa: E402

pytestmark = needed

CASES = {
    "nt_xent": {"temperature": 0.3},
    "supervised_contrastive": {"temperature": 0.5},
    "siglip": {"scale": 4.0, "bias": -2.0},
    "triplet_hard": {"margin": 0.5},
    "triplet_semi_hard": {"distance": "squared", "margin": 0.25},
}
SETTINGS = {"triplet_hard": {"margin": 0.5, "soft": True}, "triplet_semi_hard": {"margin": 0.5}}
EVERY_CASE = pytest.mark.parametrize("name", CASES)
ROWS = 11
MASK, WEIGHT = np.arange(ROWS) % 4 != 1, np.linspace(0.5, 2.0, ROWS)


def batch(name, dtype=tf.float64):
    rng = np.random.default_rng(0)
    p, other = rng.normal(size=(2, ROWS, 3))
    return tf.constant(p, dtype), tf.constant(other, dtype) if name == "siglip" else tf.constant(
        rng.integers(-1, 3, ROWS)
    )


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda d: d.name)
def test_rows_of_matrices_are_those_of_numpy_bit_for_bit(dtype):
    rng = np.random.default_rng(1)
    matrix = np.abs(rng.normal(size=(2, 70, 70))).astype(dtype.as_numpy_dtype)  # two, one after the other
    groups, there = rng.integers(0, 9, (2, 70)), rng.random((2, 70)) > 0.2
    scale = np.linspace(-1.0, 2.0, 140).reshape(2, 70).astype(dtype.as_numpy_dtype)
    target = tf.constant(np.stack([groups, there], axis=-1))
    for name in batch_rows.FORMULAS:
        settings = SETTINGS.get(name, {})
        call = tensorflow_rows.batches(name, settings)
        values, gradient = tensorflow_rows.values_and_gradient(call, tf.constant(matrix), target, tf.constant(scale))
        np.testing.assert_array_equal(tensorflow_rows.values(call, tf.constant(matrix), target), values)
        for k in range(2):
            expected, slope = batch_rows.run(name, matrix[k], groups[k], there[k], settings=settings, scale=scale[k])
            np.testing.assert_array_equal(values[k], expected, err_msg=name)
            np.testing.assert_array_equal(gradient[k], slope, err_msg=name)


@EVERY_CASE
@pytest.mark.parametrize("way", [taped, in_a_graph])
def test_losses_agree_with_numpy(way, name):
    p, t = batch(name)
    hidden = tf.where(MASK[:, None], p, np.nan)
    loss = lm.get(name, **CASES[name])
    for x, options in ((p, {}), (hidden, {"mask": MASK, "weight": WEIGHT})):
        call = functools.partial(loss, target=t, **options)
        assert "LossmithBatchRows" in types_of(graph(call), x)
        value, slope = way(call, x)
        expected, slopes = loss.value_and_gradient(as_float64(x), t.numpy(), **options)
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        np.testing.assert_allclose(2 * slope, slopes, rtol=1e-9, atol=1e-12)  # the cotangent is 0.5
        np.testing.assert_allclose(loss.value_and_gradient(x, t, **options)[1], slopes, rtol=1e-9, atol=1e-12)
    each = lm.get(name, reduction="none", **CASES[name])
    values, slope = way(functools.partial(each, target=t), p)
    along = np.linspace(0.5, 2.0, ROWS)
    expected, slopes = each.value_and_gradient(as_float64(p), t.numpy(), weight=along)
    np.testing.assert_allclose(values * along, expected, rtol=1e-9)
    np.testing.assert_allclose(slope, slopes, rtol=1e-9, atol=1e-12)


@EVERY_CASE
def test_derivatives_of_second_order(name):
    p, t = batch(name)
    loss, along = lm.get(name, **CASES[name]), tf.cos(p)

    def slope(x):
        return taped(lambda x: loss(x, t), x)[1]

    with tf.GradientTape() as tape:
        tape.watch(p)
        dotted = tf.reduce_sum(slope(p) * along)
    expected = (slope(p + 1e-5 * along) - slope(p - 1e-5 * along)) / 2e-5
    np.testing.assert_allclose(tape.gradient(dotted, p), expected, rtol=1e-4, atol=1e-7)


def test_where_the_operations_are_and_where_not():
    p, groups = batch("nt_xent", tf.float32)
    loss = functools.partial(lm.nt_xent, target=groups)
    step = graph(functools.partial(taped, loss))
    assert {n for n in types_of(step, p) if n.startswith("Lossmith")} == {
        "LossmithBatchRowsAhead",
        "LossmithBatchRowsBackward",
    }
    compiled = graph(functools.partial(taped, loss), jit_compile=True)
    assert not any(name.startswith("Lossmith") for name in types_of(compiled, p))
    temperature = tf.Variable(0.4)
    with tf.GradientTape() as tape:
        value = lm.nt_xent(p, groups, temperature=temperature)
    numbers = as_float64(p), groups.numpy()
    late, early = (lm.nt_xent(*numbers, temperature=0.4 + move) for move in (1e-6, -1e-6))
    np.testing.assert_allclose(tape.gradient(value, temperature), (late - early) / 2e-6, rtol=1e-4)
    margin = tf.constant(0.5)
    wanted = functools.partial(lm.triplet_semi_hard, target=groups, margin=margin)
    assert not any(name.startswith("Lossmith") for name in types_of(graph(wanted), p))
    assert lm.nt_xent(p[:0], groups[:0]) == 0
    operation = functools.partial(operations._operations().lossmith_batch_rows, U=tf.float32)
    square, pairs = tf.zeros([4, 4]), tf.zeros([4, 2], tf.int64)
    for matrix, target, number, message in (
        (square[:, :3], pairs, 0, "square"),
        (square, pairs[:3], 0, "group of each row"),
        (square, tf.zeros([4, 3], tf.int64), 0, "a pair for each row"),
        (square, pairs, 5, "no such loss"),
    ):
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=message):
            operation(prediction=matrix, target=target, loss=number)
