"""Elementwise losses, dense cross-entropy and distillation on TensorFlow tensors by the native operations."""

from __future__ import annotations

import functools
import gc
from unittest import mock

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import DomainError, ShapeError, native
from lossmith.arrays import load
from lossmith.losses import find
from lossmith.native import elementwise

tf = require("tensorflow")

from tensorflow_tools import (  # noqa: E402
    TOLERANCE,
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
from lossmith.native import tensorflow_rows  # noqa: E402

pytestmark = needed

ELEMENTS = [find(name) for name in elementwise._known if not find(name).extras]
ROWS = ("softmax_cross_entropy", "distillation_kl", "distillation_jsd", "distillation_total_variation")


@pytest.fixture
def counted():
    """The families of the calls that the operations have taken."""
    calls = []

    def noting(original):
        def call(taken, *arguments):
            calls.append(taken.family)
            return original(taken, *arguments)

        return call

    with (
        mock.patch.object(tensorflow_rows, "values", noting(tensorflow_rows.values)),
        mock.patch.object(tensorflow_rows, "values_and_gradient", noting(tensorflow_rows.values_and_gradient)),
    ):
        yield calls


def formula(function, *arguments):
    """Call the function with the native operations switched off."""
    with mock.patch.object(operations, "runs_here", lambda *_: False):
        return function(*arguments)


def numbers(*shape, dtype=tf.float32, seed=0):
    return tf.cast(np.random.default_rng(seed).normal(size=shape), dtype)


def target_of(name, *shape, dtype=tf.float32):
    drawn = numbers(*shape, dtype=dtype, seed=1)
    return tf.nn.softmax(drawn) if name == "softmax_cross_entropy" else drawn


def oracle(loss, prediction, target, **parameters):
    """Values and gradient by the definition, in float64 on NumPy."""
    arguments = (load("numpy"), as_float64(prediction), as_float64(target))
    with np.errstate(all="ignore"):
        settings = loss.resolve(parameters)
        return loss.value(*arguments, **settings), loss.gradient(*arguments, **settings)


@pytest.mark.parametrize("loss", ELEMENTS, ids=lambda loss: loss.name)
def test_every_elementwise_loss_agrees_with_the_definition_in_float64(loss, counted):
    rng = np.random.default_rng(0)
    x, y = (tf.constant(d.sample(rng, (40, 30)), tf.float32) for d in (loss.prediction, loss.target))
    values, slopes = oracle(loss, x, y)
    value, gradient = lm.get(loss.name).value_and_gradient(x, y)
    found = lm.get(loss.name, reduction="none")(x, y)
    assert counted == ["rows", "elements"]
    np.testing.assert_allclose(value, values.mean(), rtol=2e-6, atol=1e-6 * np.abs(values).mean())
    np.testing.assert_allclose(found, values, rtol=2e-5, atol=2e-6 * np.abs(values).max())
    atol = 1e-5 * np.abs(slopes).max() / slopes.size
    np.testing.assert_allclose(gradient, slopes / slopes.size, rtol=2e-5, atol=atol)


@pytest.mark.parametrize(
    ("dtype", "way"),
    [(tf.float32, taped), (tf.float64, taped), (tf.float16, taped), (tf.bfloat16, in_a_graph)],
    ids=["float32", "float64", "float16", "bfloat16"],
)
def test_elements_of_every_dtype(dtype, way, counted):
    x, y = numbers(40, 33, dtype=dtype), numbers(40, 33, dtype=dtype, seed=1)
    for reduction, family in (("mean", "rows"), ("none", "elements")):
        loss = functools.partial(lm.log_cosh, target=y, reduction=reduction)
        ours = way(loss, x)
        assert counted.pop() == family
        assert_close(ours, formula(way, loss, x), rtol=2 * TOLERANCE[dtype], atol=TOLERANCE[dtype] * 0.01)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", [(33, 10), (2, 3, 300)])
def test_rows_agree_with_the_definition_in_float64(name, shape, counted):
    loss = find(name)
    parameters = {k: v for k, v in {"temperature": 2.0, "z_loss": 0.1}.items() if k in loss.defaults}
    for dtype, rtol in ((tf.float32, 1e-6), (tf.float64, 1e-13)):
        x, y = 3 * numbers(*shape, dtype=dtype), target_of(name, *shape, dtype=dtype)
        values, slopes = oracle(loss, x, y, **parameters)
        value, gradient = lm.get(name, **parameters).value_and_gradient(x, y)
        assert counted.pop() == "pairs"
        np.testing.assert_allclose(value, values.mean(), rtol=4 * rtol)
        slopes = slopes / values.size
        np.testing.assert_allclose(gradient, slopes, rtol=20 * rtol, atol=4 * rtol * np.abs(slopes).max())


OPTIONS = [
    {},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"weight": np.linspace(0, 2, 12, dtype="float32")},
    {"mask": np.arange(12) % 3 > 0},
    {"normalizer": 40},
]
LOSSES = {"elements": lm.pseudo_huber, "pairs": lm.softmax_cross_entropy}


@pytest.mark.parametrize(("options", "way"), [(o, WAYS[i % 4]) for i, o in enumerate(OPTIONS)])
@pytest.mark.parametrize("family", LOSSES)
def test_the_loss_agrees_with_the_formula(family, way, options, counted):
    x, y = numbers(12, 5), target_of("softmax_cross_entropy", 12, 5)
    loss = functools.partial(LOSSES[family], target=y, **options)
    ours = way(loss, x)
    assert counted
    assert_close(ours, formula(way, loss, x), rtol=4e-6, atol=2e-7)


@pytest.mark.parametrize("compiled", [False, True])
def test_derivatives_of_prediction_target_and_weight(compiled, counted):
    x, w = numbers(4, 3, dtype=tf.float64), tf.constant([1.0, 3.0, 0.5, 0.0], tf.float64)
    y = tf.nn.softmax(numbers(4, 3, dtype=tf.float64, seed=1))

    def call(x, y, w):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch([x, y, w])
            with tf.GradientTape() as tape:
                tape.watch([x, y, w])
                value = lm.softmax_cross_entropy(x, y, weight=w) + lm.pseudo_huber(x, y)
                value += tf.reduce_sum(lm.pseudo_huber(x, y, reduction="none") ** 2)
            first = tape.gradient(value, [x, y, w])
            squared = tf.add_n([tf.reduce_sum(slope**2) for slope in first])
        return value, first, outer.gradient(squared, [x, y, w])

    def run():
        return tf.nest.flatten((graph(call) if compiled else call)(x, y, w))

    ours = run()
    assert counted == ["pairs", "rows", "elements"]
    assert_close(ours, formula(run), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", LOSSES)
def test_derivatives_of_value_and_gradient(family, counted):
    x, y = numbers(4, 3, dtype=tf.float64), tf.nn.softmax(numbers(4, 3, dtype=tf.float64, seed=1))
    both = lm.get(LOSSES[family].definition.name).value_and_gradient

    def call():
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value, slope = both(x, y)
            total = value + tf.reduce_sum(slope**2)
        return tape.gradient(total, [x, y])

    ours = call()
    assert counted
    assert_close(ours, formula(call), rtol=1e-11, atol=1e-14)


def test_forward_mode(counted):
    x, y = numbers(3, 4), numbers(3, 4, seed=1)
    with tf.autodiff.ForwardAccumulator(x, tf.sin(x)) as forward:
        losses = lm.pseudo_huber(x, y), lm.distillation_kl(x, y)
    assert counted == ["rows", "pairs"]
    slopes = [tf.reduce_sum(oracle(find(n), x, y)[1] * np.sin(as_float64(x))) for n in ("pseudo_huber", ROWS[1])]
    found = [as_float64(forward.jvp(loss)) for loss in losses]
    np.testing.assert_allclose(found, [slopes[0] / 12, slopes[1] / 3], rtol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.bfloat16], ids=lambda d: d.name)
def test_cotangents_that_are_not_those_of_the_mean(dtype):
    """Sums of rows with a factor each, long rows and short ones; a mean is what was computed ahead."""
    for rows, columns in ((6, 4099), (3000, 7)):
        x, y = numbers(rows, columns, dtype=dtype), numbers(rows, columns, dtype=dtype, seed=1)
        wide, factors = tf.cast(y, tf.float64 if dtype == tf.float64 else tf.float32), np.linspace(0.1, 3.0, rows)
        for mean in (False, True):
            call = tensorflow_rows.elements(find("huber"), {"delta": 0.5}, "rows", mean)

            @graph
            def step(x, wide=wide, call=call, factors=factors):
                with tf.GradientTape(persistent=True) as tape:
                    tape.watch(x)
                    values = tensorflow_rows.values(call, x, wide)
                    loss, average = tf.reduce_sum(values * tf.cast(factors, values.dtype)), tf.reduce_mean(values)
                return values, tape.gradient(loss, x), tape.gradient(average, x)

            values, slopes = oracle(find("huber"), x, y, delta=0.5)
            part = 1 / columns if mean else 1.0
            expected = values.sum(-1) * part, slopes * factors[:, None] * part, slopes * part / rows
            for found, wanted in zip(step(x), expected, strict=True):
                atol = TOLERANCE[dtype] * np.abs(wanted).max() * 0.02
                np.testing.assert_allclose(as_float64(found), wanted, rtol=2 * TOLERANCE[dtype], atol=atol)


def test_a_training_step_makes_one_pass_and_an_evaluation_computes_values_alone():
    x, y = numbers(6, 4), numbers(6, 4, seed=1)

    def named(function):
        return {t.removeprefix("Lossmith") for t in types_of(function, x) if t.startswith("Lossmith")}

    for loss, name in ((lm.huber, "ElementRows"), (lm.distillation_kl, "RowPairs")):
        loss = functools.partial(loss, target=y)
        assert named(graph(loss)) == {name}
        assert named(graph(functools.partial(taped, loss))) == {f"{name}Ahead", f"{name}Backward"}
        compiled = graph(functools.partial(taped, loss), jit_compile=True)
        assert not named(compiled)
    assert_close(compiled(x), formula(taped, loss, x))


EDGES = [0.0, -0.0, 1.0, -1.0, 100.0, 1e30, -1e-30, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("way", [taped, in_a_graph])
def test_edges(way):
    x, y = (tf.constant(a.ravel(), tf.float32) for a in np.meshgrid(EDGES, EDGES))
    for name in ("huber", "squared_error", "hinge", "quantile"):
        call = tensorflow_rows.elements(find(name), find(name).resolve({}))
        found, slope = way(functools.partial(tensorflow_rows.values, call, target=y), x)
        with np.errstate(all="ignore"):
            expected, slopes = (np.asarray(a, np.float32) for a in oracle(find(name), x, y))
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=name)
        finite = np.isfinite(expected)
        scaled = slopes * np.linspace(0.5, 2.0, slopes.size, dtype="float32")
        np.testing.assert_allclose(slope.numpy()[finite], scaled[finite], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize(("shape", "way"), [((0, 5), taped), ((4, 1), in_a_graph), ((2, 0, 3), WAYS[3])])
def test_no_rows_and_one_class(way, shape):
    x, y = numbers(*shape), target_of("softmax_cross_entropy", *shape)
    for loss in LOSSES.values():
        loss = functools.partial(loss, target=y)
        assert_close(way(loss, x), formula(way, loss, x))


def test_calls_that_stay_with_the_formula(counted):
    x, y = numbers(6, 4), target_of("softmax_cross_entropy", 6, 4)
    lm.gaussian_nll(x, y, tf.exp(y))
    lm.sigmoid_cross_entropy(x, y, pos_weight=tf.ones(4))
    lm.softmax_cross_entropy(x, y, class_weight=[1.0, 2.0, 3.0, 4.0])
    graph(lambda d: lm.huber(x, y, delta=d))(tf.constant(1.0))
    graph(lambda: lm.huber(x, y), jit_compile=True)()
    there = [tf.config.LogicalDevice("/device:GPU:0", "GPU")]
    with mock.patch.object(tf.config, "list_logical_devices", lambda: there):
        lm.huber(x, y)
    with mock.patch.object(native, "_core", None):
        lm.huber(x, y)
    assert not counted


def test_bad_input_is_named():
    x, y = numbers(6, 4), numbers(6, 4, seed=1)
    with pytest.raises(ShapeError, match="nothing is broadcast"):
        lm.huber(x, y[0])
    with pytest.raises(DomainError, match="target"):
        lm.sigmoid_cross_entropy(x, y + 10)
    with pytest.raises(DomainError, match="NaN"):
        lm.huber(x * np.nan, y)
    module, huber = operations._operations(), {"loss": "huber"}
    bad = [
        (lambda: module.lossmith_elements(prediction=x, target=y, loss="hubert"), "no kernel for the loss"),
        (lambda: module.lossmith_elements(prediction=x, target=y[:3], **huber), "shape of prediction"),
        (lambda: module.lossmith_element_rows(prediction=x[0, 0], target=y[0, 0], **huber), r"rank|axis"),
        (lambda: module.lossmith_row_pairs(prediction=x, target=y, loss=4), "no such loss"),
        (lambda: module.lossmith_row_pairs(prediction=x[:, :0], target=y[:, :0], loss=1), "no classes"),
        (lambda: module.lossmith_row_pairs_gradient(prediction=x, target=y, scale=x[0], loss=1), "scale must have"),
        (
            lambda: module.lossmith_row_pairs_backward(prediction=x, target=y, ahead=x[:2], cotangent=x[:, 0], loss=1),
            "ahead must have",
        ),
    ]
    for call, message in bad:
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=message):
            call()


def test_large_gradients_lie_in_memory_that_is_used_again():
    x, y = numbers(1100, 1000), numbers(1100, 1000, seed=1)  # 4.4 MB
    step = graph(lambda x: taped(functools.partial(lm.squared_error, target=y), x)[1])
    gc.collect()
    native.trim()
    first = step(x)
    kept = first.numpy()  # a copy
    other = step(x + 1.0)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(other, kept + 1.0 / x.shape.num_elements(), rtol=1e-4, atol=1e-11)
    del first, other
    gc.collect()
    assert native._core.idle_gradient_memory() >= 4_400_000
