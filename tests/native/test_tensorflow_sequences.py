"""CTC, the softmax focal loss, InfoNCE and CLIP on TensorFlow tensors by the native operations."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import LabelError, ShapeError
from lossmith.core import compute
from lossmith.losses import find

tf = require("tensorflow")

from unittest import mock  # noqa: E402

from tensorflow_tools import (  # noqa: E402
    WAYS,
    as_float64,
    assert_close,
    graph,
    in_a_graph,
    needed,
    taped,
    types_of,
)

from lossmith.native import tensorflow as operations  # noqa: E402

pytestmark = needed

STEPS, LENGTHS = np.array([9, 8, 9, 3, 0]), np.array([4, 2, 0, 4, 1])  # the last two cannot be written
COUNTS = {"prediction_length": STEPS, "target_length": LENGTHS}


def sequences(dtype=tf.float32):
    rng = np.random.default_rng(0)
    return tf.cast(2 * rng.normal(size=(5, 9, 6)), dtype), tf.constant(rng.integers(1, 4, (5, 4)))


def judge(loss, prediction, target, *rest, **options):
    """Value and gradient on NumPy in float64."""
    return loss.value_and_gradient(as_float64(prediction), np.asarray(target), *rest, **options)


def formula(function, *arguments):
    """Call the function with the native operations switched off."""
    with mock.patch.object(operations, "runs_here", lambda *_: False):
        return function(*arguments)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.bfloat16, tf.float16], ids=lambda d: d.name)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_ctc_of_every_dtype(reduction, dtype):
    x, tokens = sequences(dtype)
    loss, weight = lm.CTC(infeasible="zero", reduction=reduction), np.linspace(0.0, 2.0, 5)
    expected, slopes = judge(loss, x, tokens, STEPS, LENGTHS, weight=weight)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x, tokens, STEPS, LENGTHS, weight=weight)
    for found in ((value, tape.gradient(value, x)), loss.value_and_gradient(x, tokens, STEPS, LENGTHS, weight=weight)):
        assert found[1].dtype == dtype
        rounding = {tf.float64: 1e-12, tf.float32: 2e-6, tf.float16: 2e-3, tf.bfloat16: 1e-2}[dtype]
        np.testing.assert_allclose(
            as_float64(found[0]), expected, rtol=max(rounding, 2e-6) if dtype != tf.float64 else 1e-12
        )
        np.testing.assert_allclose(as_float64(found[1]), slopes, rtol=0.0, atol=rounding)


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_ctc(way):
    x, tokens = sequences()
    for reduction in ("mean", "none"):
        loss = lm.CTC(infeasible="zero", reduction=reduction)
        ours = way(lambda x, loss=loss: loss(x, tokens, STEPS, LENGTHS), x)
        assert_close(
            ours, formula(taped, lambda x, loss=loss: loss(x, tokens, STEPS, LENGTHS), x), rtol=1e-5, atol=2e-6
        )


def test_where_the_operations_are_and_where_not():
    x, tokens = sequences()
    loss = functools.partial(lm.ctc, target=tokens, infeasible="zero", **COUNTS)
    step = graph(functools.partial(taped, loss))
    assert {name for name in types_of(step, x) if name.startswith("Lossmith")} == {
        "LossmithCtcAhead",
        "LossmithCtcBackward",
    }
    assert {name for name in types_of(graph(loss), x) if name.startswith("Lossmith")} == {"LossmithCtc"}
    compiled = graph(functools.partial(taped, loss), jit_compile=True)
    assert not any(name.startswith("Lossmith") for name in types_of(compiled, x))
    np.testing.assert_allclose(lm.ctc(x[:0], tokens[:0]), 0.0)
    assert np.isfinite(lm.ctc(x, tokens[:, :0]))
    with pytest.raises(LabelError, match="blank"):
        lm.ctc(x, tokens, blank=1)
    with pytest.raises(ShapeError, match="target"):
        lm.ctc(x, tokens[:3])
    operation = functools.partial(operations._operations().lossmith_ctc, U=tf.float32)
    for target, blank, message in ((tokens[:3], 0, "tokens of each sequence"), (tokens[:, :1], 0, "two counts"),
                                   (tokens, 6, "blank is no class")):  # fmt: skip
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=message):
            operation(prediction=x, target=target, blank=blank)


def test_sequences_that_are_wrong_poison_themselves_alone():
    x, tokens = (a.numpy() for a in sequences())
    spoilt = x.copy()
    spoilt[0, 3, 2] = spoilt[1, 8] = np.nan  # the second one behind its end
    tokens[4, 0] = 6
    loss = graph(lambda x, lengths: rows_of(x, tf.constant(tokens), tf.constant([9.0, 8, 9, 90, 9]), lengths))
    for given, lengths, wrong in ((spoilt, [4.0, 2, 0, 1, 4], [0, 4]), (x, [4.0, 2, -1, 5, 4], [2, 3, 4])):
        values, slopes = taped(lambda x, n=lengths: loss(x, tf.constant(n)), tf.constant(given))
        np.testing.assert_array_equal(np.isnan(values), np.isin(np.arange(5), wrong))
        np.testing.assert_array_equal(np.isnan(slopes).any(axis=(1, 2)), np.isin(np.arange(5), wrong))


def rows_of(x, tokens, steps, lengths):
    """What faces call: nothing is looked at."""
    extras, ctc = {"prediction_length": steps, "target_length": lengths}, find("ctc")
    parameters = ctc.resolve({"infeasible": "inf"})
    return compute.call(ctc, x, tokens, parameters=parameters, extras=extras, reduction="none", check="none", xp=None)


def test_derivatives_of_second_order():
    x, tokens = sequences(tf.float64)
    labels, other = tf.constant(np.arange(45) % 6), tf.cast(sequences()[0][::-1], tf.float64)[:, 0]
    calls = {
        "ctc": lambda x: lm.ctc(x, tokens, infeasible="zero", **COUNTS),
        "focal": lambda x: lm.softmax_focal(tf.reshape(x, [45, 6]), labels, gamma=1.5),
        "info_nce": lambda x: lm.info_nce(x[:, 0], other, temperature=0.5),
    }
    for name, function in calls.items():
        along = tf.cos(x)

        def slope(x, function=function):
            return taped(function, x)[1]

        with tf.GradientTape() as tape:
            tape.watch(x)
            dotted = tf.reduce_sum(slope(x) * along)
        found = tape.gradient(dotted, x)
        expected = (slope(x + 1e-5 * along) - slope(x - 1e-5 * along)) / 2e-5
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("way", [taped, in_a_graph])
def test_focal_loss(way):
    rng = np.random.default_rng(1)
    x, labels = tf.constant(3 * rng.normal(size=(12, 7)), tf.float32), tf.constant(np.arange(12) % 7)
    mask = np.arange(12) % 3 != 1
    spoilt = tf.where(mask[:, None], x, np.nan)
    for options, own in (
        ({}, {"gamma": 2.0}),
        ({"mask": mask}, {"gamma": 0.5}),
        ({}, {"gamma": 1.0, "reduction": "none"}),
    ):
        loss = lm.SoftmaxFocal(**own)
        call = functools.partial(loss, target=labels, **options)
        ours = way(call, spoilt if options else x)
        found = ours[1] if "reduction" in own else ours[1] / 0.5  # a single value has the cotangent 0.5
        expected, slopes = judge(loss, x, labels, **options)
        along = np.linspace(0.5, 2.0, 12)[:, None] if "reduction" in own else 1.0
        np.testing.assert_allclose(ours[0], expected, rtol=2e-6)
        np.testing.assert_allclose(found, slopes * along, rtol=1e-5, atol=1e-7)
        both = loss.value_and_gradient(spoilt if options else x, labels, **options)
        np.testing.assert_allclose(both[1], slopes, rtol=1e-5, atol=1e-7)
    weighed = functools.partial(lm.softmax_focal, target=labels, class_weight=tf.linspace(0.5, 2.0, 7))
    assert not any(name.startswith("Lossmith") for name in types_of(graph(weighed), x))
    assert "LossmithSoftmaxCrossEntropy" in types_of(graph(functools.partial(lm.softmax_focal, target=labels)), x)
    learned = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        value = lm.softmax_focal(x, labels, gamma=learned)
    assert tape.gradient(value, learned) is not None


@pytest.mark.parametrize("way", [taped, in_a_graph])
@pytest.mark.parametrize(("name", "parameter"), [("info_nce", {"temperature": 0.3}), ("clip", {"scale": 5.0})])
def test_contrastive_losses(name, parameter, way):
    rng = np.random.default_rng(2)
    u, v = (tf.constant(rng.normal(size=(9, 4)), tf.float32) for _ in range(2))
    weight, mask = np.linspace(0.5, 2.0, 9), np.arange(9) % 4 != 2
    hidden = tf.where(mask[:, None], u, np.nan)
    for x, options in ((u, {}), (hidden, {"mask": mask, "weight": weight})):
        loss = lm.get(name, **parameter)
        call = functools.partial(loss, target=v, **options)
        assert "LossmithSoftmaxCrossEntropy" in types_of(graph(call), x)
        ours = way(call, x)
        expected, slopes = judge(loss, x, v, **options)
        np.testing.assert_allclose(ours[0], expected, rtol=2e-6)
        np.testing.assert_allclose(2 * ours[1], slopes, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(loss.value_and_gradient(x, v, **options)[1], slopes, rtol=1e-5, atol=1e-6)
    call = functools.partial(loss, u)
    np.testing.assert_allclose(way(call, v)[1], formula(way, call, v)[1], rtol=1e-4, atol=1e-6)
    assert loss(u[:0], v[:0]) == loss(u[:1], v[:1]) == 0


def test_a_learned_temperature_has_a_gradient():
    u, v = (tf.constant(np.random.default_rng(3).normal(size=(9, 4)), tf.float32) for _ in range(2))
    call = lambda t: lm.info_nce(u, v, temperature=t)  # noqa: E731
    temperature = tf.constant(0.4)
    assert_close(taped(call, temperature), formula(taped, call, temperature), rtol=1e-5)
