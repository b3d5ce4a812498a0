"""Softmax cross-entropy on TensorFlow tensors by the native operations: the formula and a float64 oracle judge it."""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import subprocess
import sys
import threading

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import LabelError, native
from lossmith.core import call

tf = require("tensorflow")

from tensorflow_tools import (  # noqa: E402
    LOSS,
    TOLERANCE,
    WAYS,
    as_float64,
    assert_close,
    batch,
    counting,
    formula,
    graph,
    in_a_graph,
    names,
    needed,
    oracle,
    taped,
)

from lossmith.native import tensorflow as operations  # noqa: E402

pytestmark = needed


@pytest.fixture
def counted():
    """The names of the operations that calls have asked for."""
    with counting() as calls:
        yield calls


@names
@pytest.mark.parametrize("shape", [(8, 10), (33, 64), (20, 300), (3, 5000), (2, 3, 7)])
@pytest.mark.parametrize("parameters", [{}, {"label_smoothing": 0.1, "z_loss": 1e-3}])
def test_operations_agree_with_the_oracle(shape, parameters, dtype):
    logits, labels = batch(*shape, dtype=dtype)
    rows, slope = oracle(logits, labels, **parameters)
    scale = np.linspace(0.5, 2, rows.size).reshape(rows.shape)
    values = operations.softmax_cross_entropy(logits, labels, **parameters)
    both = operations.softmax_cross_entropy_gradient(logits, labels, scale, **parameters)
    assert values.dtype == both[0].dtype == (tf.float64 if dtype == tf.float64 else tf.float32)
    assert both[1].dtype == dtype
    rtol = min(TOLERANCE[dtype], 1e-6)
    np.testing.assert_allclose(values, rows, rtol=2 * rtol)
    np.testing.assert_allclose(both[0], rows, rtol=2 * rtol)
    slope = slope * scale[..., None]
    np.testing.assert_allclose(as_float64(both[1]), slope, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * 0.1)


def test_they_are_the_kernels_of_numpy_to_the_last_bit():
    logits, labels = batch(700, 300)
    expected = native.softmax_cross_entropy(logits.numpy(), labels.numpy())
    found = operations.softmax_cross_entropy_gradient(logits, labels, 1.0)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


OPTIONS = [
    {},
    {"reduction": "sum"},
    {"reduction": "none", "label_smoothing": 0.1},
    {"weight": np.linspace(0, 2, 12, dtype="float32"), "z_loss": 0.01},
    {"mask": np.arange(12) % 3 > 0},
    {"ignore_index": 3, "label_smoothing": 0.2},
    {"class_weight": [1.0, 0.5, 2.0, 0.0, 1.0]},
    {"normalizer": 40},
]


@pytest.mark.parametrize(("options", "way"), [(o, w) for i, o in enumerate(OPTIONS) for w in (taped, WAYS[1 + i % 3])])
def test_the_loss_agrees_with_the_formula(way, options, counted):
    logits, labels = batch(12, 5)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels, **options)
    ours = way(loss, logits)
    assert bool(counted) is ("class_weight" not in options)
    assert_close(ours, formula(way, loss, logits), rtol=2e-6, atol=2e-7)


@names
@pytest.mark.parametrize("way", [taped, in_a_graph], ids=lambda w: w.__name__)
def test_every_dtype_agrees_with_the_formula(dtype, way, counted):
    logits, labels = batch(40, 33, dtype=dtype)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels)
    ours = way(loss, logits)
    assert counted
    assert_close(ours, formula(way, loss, logits), rtol=2 * TOLERANCE[dtype], atol=TOLERANCE[dtype] * 0.02)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_half_precision_needs_no_cast_in_a_graph(name):
    logits, labels = batch(6, 5, dtype=tf.as_dtype(name))

    @graph
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = lm.softmax_cross_entropy(x, labels)
        return loss, tape.gradient(loss, x)

    nodes = step.get_concrete_function(logits).graph.get_operations()
    assert {n.inputs[0].dtype for n in nodes if n.type.startswith("Lossmith")} == {logits.dtype}
    assert step(logits)[1].dtype == logits.dtype


def test_a_cast_of_the_users_own_has_a_gradient():
    logits, labels = batch(6, 5, dtype=tf.bfloat16)

    @graph
    def step(x):
        wide = tf.cast(x, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(wide)
            loss = lm.softmax_cross_entropy(wide, labels)
        return tape.gradient(loss, wide)

    np.testing.assert_allclose(step(logits), oracle(logits, labels)[1] / 6, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("way", [taped, in_a_graph])
def test_classes_on_another_axis(way, counted):
    logits, labels = batch(2, 5, 3, classes=5)
    labels = tf.constant(np.arange(6).reshape(2, 3) % 5)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels, axis=1, reduction="none")
    ours = way(loss, logits)
    assert counted
    assert_close(ours, formula(way, loss, logits))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_value_and_gradient(compiled, reduction, counted):
    logits, labels = batch(12, 5)
    options = {"weight": tf.linspace(0.0, 2.0, 12)} if reduction != "none" else {}
    call = functools.partial(lm.SoftmaxCrossEntropy(reduction=reduction).value_and_gradient, **options)
    call = graph(call) if compiled else call
    ours = call(logits, labels)
    assert counted == ["softmax_cross_entropy_gradient"]
    call = graph(call.python_function) if compiled else call
    assert_close(ours, formula(call, logits, labels))


def test_a_number_as_scale_keeps_its_digits():
    logits, labels = batch(33, 5, dtype=tf.float64)
    _, gradient = lm.SoftmaxCrossEntropy().value_and_gradient(logits, labels)
    np.testing.assert_allclose(gradient, oracle(logits, labels)[1] / 33, rtol=1e-13, atol=1e-16)


inf, nan = np.inf, np.nan
EDGES = np.array(
    [[inf, 0, 1], [-inf, 0, 1], [0, -inf, 1], [-inf, -inf, -inf], [nan, 0, 1], [inf, inf, 0], [1e30, 0, -1e30],
     [-0.0, 0.0, 0.0], [80, -80, 0], [0, -inf, -inf]], "float32")  # fmt: skip


@pytest.mark.parametrize(("way", "dtype"), [(taped, tf.float32), (in_a_graph, tf.float32), (in_a_graph, tf.float64)])
def test_edges_agree_with_the_formula(way, dtype):
    labels = tf.zeros(len(EDGES), tf.int64)
    loss = functools.partial(rows_of, labels=labels)
    ours = way(loss, tf.cast(EDGES, dtype))
    value, slope = formula(way, loss, tf.cast(EDGES, dtype))
    np.testing.assert_allclose(ours[0], value, rtol=1e-6, atol=1e-30)
    broken = np.isnan(value.numpy()) | np.isinf(value.numpy())  # there autodiff of the formula gives NaN here and there
    np.testing.assert_allclose(ours[1].numpy()[~broken], slope.numpy()[~broken], rtol=1e-6, atol=1e-30)
    assert np.isnan(ours[1].numpy()[np.isnan(value.numpy())]).all()


def rows_of(logits, labels):
    """What faces call: nothing is looked at."""
    return call(LOSS, logits, labels, parameters=LOSS.resolve({}), reduction="none", check="none")


@pytest.mark.parametrize(("shape", "way"), list(zip([(0, 5), (4, 1), (0, 3), (2, 0, 3)], WAYS, strict=True)))
def test_no_rows_and_one_class(way, shape):
    logits, labels = batch(*shape)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels)
    assert_close(way(loss, logits), formula(way, loss, logits))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32"])
def test_labels_of_every_integer_dtype(dtype, counted):
    logits, labels = batch(12, 5)
    for loss in (lm.softmax_cross_entropy, graph(lm.softmax_cross_entropy)):
        found = loss(logits, tf.cast(labels, dtype))
        np.testing.assert_allclose(found, oracle(logits, labels)[0].mean(), rtol=1e-6)
    assert len(counted) == 2


BAD = [-1, 5, 2**62]


@pytest.mark.parametrize("bad", BAD)
def test_a_label_out_of_range_is_named_or_nan(bad):
    logits, labels = batch(12, 5)
    labels = tf.tensor_scatter_nd_update(labels, [[3]], [bad])
    with pytest.raises(LabelError, match=f"label {bad} at position 3"):
        lm.softmax_cross_entropy(logits, labels)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels, reduction="none")
    value, slope = in_a_graph(loss, logits)
    assert_close((value, slope), formula(in_a_graph, loss, logits))
    assert np.flatnonzero(np.isnan(value)).tolist() == [3]
    assert not slope.numpy()[3].any()
    assert np.isfinite(slope).all()


@names
def test_labels_that_are_all_bad_touch_no_memory(dtype):
    logits, _ = batch(40, 7, dtype=dtype)
    labels = tf.fill([40], tf.constant(7, tf.int64))
    values, slope = operations.softmax_cross_entropy_gradient(logits, labels, 1.0)
    assert np.isnan(values).all()
    assert not as_float64(slope).any()
    values, slope = operations.softmax_cross_entropy_gradient(tf.zeros((3, 0), dtype), labels[:3], 1.0)
    assert np.isnan(values).all()
    assert slope.shape == (3, 0)


def test_nothing_is_known_of_sizes():
    logits, labels = batch(6, 4)
    signature = [tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int64)]
    step = tf.function(
        lambda x, y: taped(lambda z: lm.softmax_cross_entropy(z, y), x), input_signature=signature, autograph=False
    )
    for rows in (6, 1, 0):
        value, slope = step(logits[:rows], labels[:rows])
        expected, slopes = oracle(logits[:rows], labels[:rows])
        np.testing.assert_allclose(value, expected.mean() if rows else 0.0, rtol=1e-6)
        np.testing.assert_allclose(slope, slopes * (0.5 / max(rows, 1)), rtol=1e-5, atol=1e-7)


def test_shapes_are_inferred_and_checked_when_the_graph_runs():
    signature = [tf.TensorSpec([None, 4, 7]), tf.TensorSpec([None, 4], tf.int64)]
    call = graph(operations.softmax_cross_entropy, input_signature=signature)
    assert call.get_concrete_function().output_shapes.as_list() == [None, 4]
    gradient = tf.function(
        lambda x, y: operations.softmax_cross_entropy_gradient(x, y, 1.0), input_signature=signature, autograph=False
    )
    assert [s.as_list() for s in gradient.get_concrete_function().output_shapes] == [[None, 4], [None, 4, 7]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape of logits without the last axis"):
        call(tf.zeros((2, 4, 7)), tf.zeros((3, 4), tf.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="scale must have the shape of the labels"):
        operations._operations().lossmith_softmax_cross_entropy_gradient(
            logits=tf.zeros((2, 3)), labels=tf.zeros(2, tf.int64), scale=tf.zeros(3)
        )
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=r"rank|at least 1|axis"):
        operations.softmax_cross_entropy(tf.constant(1.0), tf.constant(0, tf.int64))


def test_datasets():
    logits, labels = batch(6, 4)
    loss = tf.autograph.experimental.do_not_convert(lm.softmax_cross_entropy)
    data = tf.data.Dataset.from_tensor_slices((logits, labels)).batch(2).map(loss)
    expected = oracle(logits, labels)[0].reshape(3, 2).mean(1)
    np.testing.assert_allclose(list(data.as_numpy_iterator()), expected, rtol=1e-6)


def test_threads_get_the_same_bits():
    logits, labels = batch(400, 300)
    results = []

    def work():
        results.append(taped(functools.partial(lm.softmax_cross_entropy, target=labels), logits)[1].numpy())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for each in results:
        np.testing.assert_array_equal(each, results[0])


@pytest.mark.parametrize("compiled", [False, True])
def test_large_gradients_lie_in_memory_that_is_used_again(compiled):
    logits, labels = batch(1100, 1000)  # 4.4 MB
    step = graph(lambda x: taped(lambda z: lm.softmax_cross_entropy(z, labels), x)[1]) if compiled else None
    gc.collect()
    native.trim()
    for _ in range(3):
        slope = step(logits) if compiled else taped(lambda z: lm.softmax_cross_entropy(z, labels), logits)[1]
        kept = slope.numpy()  # a copy
        other = (
            step(logits + 1.0) if compiled else taped(lambda z: lm.softmax_cross_entropy(z, labels), logits + 1.0)[1]
        )
        np.testing.assert_array_equal(slope, kept)
        np.testing.assert_allclose(other, kept, rtol=1e-3, atol=1e-8)
    del slope, other
    gc.collect()
    assert native._core.idle_gradient_memory() >= 4_400_000


def test_other_devices_are_left_to_the_formula(monkeypatch, counted):
    logits, labels = batch(6, 4)
    for name in ("/device:GPU:0", "/job:worker/replica:0/task:0/device:CPU:0"):
        there = [tf.config.LogicalDevice("/device:CPU:0", "CPU"), tf.config.LogicalDevice(name, "CPU")]
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda there=there: there)
        assert not operations.supports(logits, labels)
        lm.softmax_cross_entropy(logits, labels)
    assert not counted


@pytest.mark.parametrize("error", [tf.errors.NotFoundError(None, None, "gone"), RuntimeError("twice")])
def test_a_tensorflow_that_cannot_load_the_operations_has_the_formula(monkeypatch, error, counted):
    def fail(path):
        raise error

    logits, labels = batch(6, 4)
    monkeypatch.setattr(tf, "load_op_library", fail)
    operations._operations.cache_clear()
    try:
        assert not operations.load()
        np.testing.assert_allclose(lm.softmax_cross_entropy(logits, labels), oracle(logits, labels)[0].mean(), 1e-6)
        assert not counted
    finally:
        monkeypatch.undo()
        operations._operations.cache_clear()
    assert operations.load()


def test_the_library_without_tensorflow_registers_nothing():
    path = operations.__file__.replace("tensorflow.py", "_tensorflow.so")
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).lossmith_lend_kernels(None)"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0
    assert ctypes.CDLL(path).lossmith_lend_kernels


def test_switched_off(monkeypatch, counted):
    logits, labels = batch(6, 4)
    monkeypatch.setattr(native, "_core", None)
    np.testing.assert_allclose(lm.softmax_cross_entropy(logits, labels), oracle(logits, labels)[0].mean(), 1e-6)
    assert not counted


def test_the_module_can_be_loaded_again():
    logits, labels = batch(6, 4)
    importlib.reload(operations)
    value, slope = taped(functools.partial(lm.softmax_cross_entropy, target=labels), logits)
    expected, slopes = oracle(logits, labels)
    np.testing.assert_allclose(value, expected.mean(), rtol=1e-6)
    np.testing.assert_allclose(slope, slopes * (0.5 / 6), rtol=1e-5, atol=1e-8)
