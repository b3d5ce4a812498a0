"""Keras' losses on the native kernels: the same as by the formula, only sooner."""

from __future__ import annotations

import numpy as np
import pytest

from faces.keras_tools import BACKEND, history, keras, lk, tiny_model, to_numpy
from frameworks import require
from lossmith import LabelError, native
from lossmith.core import kernel
from lossmith.keras import fast

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "torch") or not native.has_native(), reason="no kernel on this backend"
)
if BACKEND == "tensorflow":
    operations = pytest.importorskip("lossmith.native.tensorflow")
    pytestmark = [pytestmark, pytest.mark.skipif(not operations.load(), reason="no native operations")]

rng = np.random.default_rng(5)
N, T, C = 12, 3, 7
x = rng.normal(size=(N, 4)).astype("float32")
labels = rng.integers(0, C, N)
logits = rng.normal(size=(N, C)).astype("float32")
steps, step_labels = rng.normal(size=(N, T, C)).astype("float32"), rng.integers(0, C, (N, T))
weight = np.linspace(0, 2, N).astype("float32")
LOGITS = {"from_logits": True}


@pytest.fixture
def counted(monkeypatch):
    """One entry for each call that a kernel has computed, or has been put into a graph for."""
    calls = []
    original = kernel._FINDERS["tensorflow"] if BACKEND == "tensorflow" else fast.softmax_cross_entropy

    def counting(*arguments):
        found = original(*arguments)
        if found is not None:
            calls.append(arguments)
        return found

    if BACKEND == "tensorflow":
        monkeypatch.setitem(kernel._FINDERS, "tensorflow", counting)
    else:
        monkeypatch.setattr(fast, "softmax_cross_entropy", counting)
    return calls


@pytest.fixture
def formula(monkeypatch):
    """A function that calls another without kernels."""

    def call(function, *arguments, **options):
        with monkeypatch.context() as patch:
            patch.setitem(kernel._FINDERS, "tensorflow", lambda *_: None)
            patch.setattr(fast, "softmax_cross_entropy", lambda *_: None)
            patch.setattr(fast, "row_means", lambda *_: None)
            return function(*arguments, **options)

    return call


def train(options, y=labels, output=(C,), **how):
    """Losses of two epochs, and the weights after them."""
    model = tiny_model(output)
    losses = history(lk.SparseCategoricalCrossentropy(**LOGITS, **options), x, y, model, batch_size=5, **how)
    return [losses, *model.get_weights()]


TRAINING = {
    "plain": ({}, {}),
    "sample_weight": ({}, {"sample_weight": weight}),
    "class_weight": ({}, {"class_weight": {i: 0.5 + i for i in range(C)}}),
    "sum": ({"reduction": "sum"}, {}),
    "weighted mean": ({"reduction": "mean_with_sample_weight"}, {"sample_weight": weight}),
    "ignore_class": ({"ignore_class": 2}, {}),
    "steps": ({}, {"y": step_labels, "output": (T, C), "sample_weight": weight}),
    "eager": ({}, {"run_eagerly": True}),
}


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' own conversions on PyTorch
@pytest.mark.parametrize("case", TRAINING)
def test_training_goes_as_with_the_formula(case, formula, counted):
    options, how = TRAINING[case]
    ours = train(options, **how)
    assert counted
    for a, b in zip(ours, formula(train, options, **how), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy, formula, counted):
    def run():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(C, dtype=policy)])
        return history(lk.SparseCategoricalCrossentropy(**LOGITS), x, labels, model)

    ours = run()
    assert counted
    np.testing.assert_allclose(ours, formula(run), rtol=1e-3)


@pytest.mark.parametrize("reduction", ["none", "sum"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_values_of_the_class_and_of_the_function(reduction, dtype, formula, counted):
    def run():
        loss = lk.SparseCategoricalCrossentropy(**LOGITS, reduction=reduction, dtype="float64")
        y_pred = steps.astype(dtype)
        found = loss(step_labels, y_pred, weight), lk.sparse_categorical_crossentropy(step_labels, y_pred, **LOGITS)
        return [to_numpy(f) for f in found]

    ours = run()
    assert len(counted) == 2
    for a, b in zip(ours, formula(run), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-6)


def test_classes_on_another_axis_and_dense_rows(formula):
    def run():
        moved = lk.sparse_categorical_crossentropy(step_labels, np.moveaxis(steps, -1, 1).copy(), axis=1, **LOGITS)
        return [to_numpy(moved), to_numpy(lk.categorical_crossentropy(np.eye(C)[labels], logits, **LOGITS))]

    for a, b in zip(run(), formula(run), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_labels_out_of_range_are_named_as_before():
    loss = lk.SparseCategoricalCrossentropy(**LOGITS)
    for y in (labels + 1, np.where(labels == 2, -(2**63), labels)):
        with pytest.raises(LabelError, match="y_true holds label"):
            loss(y, logits)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA")
def test_xla_has_the_formula(formula, counted):
    ours = train({}, jit_compile=True)
    assert not counted
    np.testing.assert_allclose(ours[0], formula(train, {})[0], rtol=1e-5)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a TensorFlow graph")
def test_a_training_step_is_one_pass_over_the_logits():
    tf = require("tensorflow")
    loss = lk.SparseCategoricalCrossentropy(**LOGITS)

    @tf.function(autograph=False)
    def step(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred)
        return value, tape.gradient(value, y_pred)

    graph = step.get_concrete_function(tf.constant(labels), tf.constant(logits)).graph
    found = [n.type.removeprefix("LossmithSoftmaxCrossEntropy") for n in graph.get_operations() if "Loss" in n.type]
    assert found == ["Ahead", "Backward"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="count from 1: use y_true - 1"):
        step(tf.constant(np.arange(N) % C + 1), tf.constant(logits))


ELEMENTWISE = {
    "MeanSquaredError": {},
    "MeanAbsolutePercentageError": {},
    "Huber": {"delta": 0.3},
    "BinaryCrossentropy": {"from_logits": True, "label_smoothing": 0.1},
    "BinaryFocalCrossentropy": {"apply_class_balancing": True},
    "CategoricalCrossentropy": {"from_logits": True},
}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="operations of TensorFlow")
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_losses_and_dense_rows_are_one_operation_each(name, formula):
    tf = require("tensorflow")
    loss = getattr(lk, name)(**ELEMENTWISE[name])
    y_true, y_pred = tf.constant(np.eye(C, dtype="float32")[labels]), tf.nn.softmax(logits)

    def make():
        @tf.function(autograph=False)
        def step(y_pred, factor):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(y_pred)
                value = loss(y_true, y_pred)
                weighed = loss(y_true, y_pred, factor)
            return value, weighed, tape.gradient(value, y_pred), tape.gradient(weighed, y_pred)

        return step.get_concrete_function(y_pred, tf.constant(weight))

    ours, theirs = make(), formula(make)
    found = {n.type for n in ours.graph.get_operations() if n.type.startswith("Lossmith")}
    family = "RowPairs" if name == "CategoricalCrossentropy" else "ElementRows"
    assert found == {f"Lossmith{family}Ahead", f"Lossmith{family}Backward"}
    assert not any(n.type.startswith("Lossmith") for n in theirs.graph.get_operations())
    for a, b in zip(ours(y_pred, tf.constant(weight)), theirs(y_pred, tf.constant(weight)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * np.abs(b).max())


@pytest.mark.skipif(BACKEND != "tensorflow", reason="operations of TensorFlow")
def test_a_regression_trains_as_with_the_formula(formula):
    def run():
        model = tiny_model((2,))
        y = np.stack([x.sum(1), x[:, 0]], 1)
        losses = history(lk.Huber(), x, y, model, batch_size=5, sample_weight=weight)
        return [losses, *model.get_weights()]

    for a, b in zip(run(), formula(run), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's autograd")
def test_second_derivatives_on_torch(formula):
    torch = require("torch")

    def run():
        y_pred = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        loss = lk.SparseCategoricalCrossentropy(**LOGITS, dtype="float64")(labels, y_pred, weight)
        (slope,) = torch.autograd.grad(loss, y_pred, create_graph=True)
        return [slope.detach(), torch.autograd.grad((slope**2).sum(), y_pred)[0]]

    for a, b in zip(run(), formula(run), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a TensorFlow graph")
@pytest.mark.parametrize("name", ["SparseCategoricalCrossentropy", "MeanSquaredError"])
def test_half_precision_goes_to_the_kernel_as_it_is(name):
    """The face's own cast is left out, and the gradient is the same; a cast of the user's stays, with its gradient."""
    tf = require("tensorflow")
    loss = getattr(lk, name)(**(LOGITS if name.startswith("Sparse") else {}))
    y_true = tf.constant(labels) if name.startswith("Sparse") else tf.zeros([N, C])

    @tf.function(autograph=False)
    def step(half):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(half)
            own = tf.cast(half, tf.float32)
            value, other = loss(y_true, half), loss(y_true, own)
        return value, other, tape.gradient(value, half), tape.gradient(other, half), tape.gradient(other, own)

    half = tf.cast(logits, tf.bfloat16)
    value, other, slope, with_cast, of_cast = step(half)
    assert value.dtype == tf.float32
    assert slope.dtype == tf.bfloat16
    np.testing.assert_allclose(value, other, rtol=1e-6)
    np.testing.assert_allclose(tf.cast(slope, tf.float32), tf.cast(with_cast, tf.float32), rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(of_cast, tf.cast(slope, tf.float32), rtol=1e-2, atol=1e-6)
    kernels = [n for n in step.get_concrete_function(half).graph.get_operations() if n.type.endswith("Ahead")]
    assert [n.inputs[0].dtype for n in kernels] == [tf.bfloat16, tf.float32]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a TensorFlow graph")
def test_means_of_everything_store_no_values(formula):
    tf = require("tensorflow")
    loss, weighed = lk.Huber(delta=0.3), lk.Huber(delta=0.3, reduction="sum")

    @tf.function(autograph=False, input_signature=2 * [tf.TensorSpec([None, C])])
    def step(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred)
        return value, tape.gradient(value, y_pred), weighed(y_true, y_pred)

    y_true = np.eye(C, dtype="float32")[labels]
    value, slope, total = step(y_true, logits)
    np.testing.assert_allclose(value, total / N, rtol=1e-6)
    for ours, theirs in zip(
        (value, slope), (formula(loss, y_true, logits), np.clip(logits - y_true, -0.3, 0.3)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs / (1 if np.ndim(theirs) == 0 else theirs.size), rtol=1e-5, atol=1e-7)
    operations = step.get_concrete_function().graph.get_operations()
    assert [n.outputs[0].shape.as_list() for n in operations if n.type == "LossmithElementRowsAhead"] == [[1]]
    empty = step(y_true[:0], logits[:0])
    assert [float(empty[0]), empty[1].shape.as_list(), float(empty[2])] == [0.0, [0, C], 0.0]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        step(y_true[:1], logits)
