"""The native operations under TensorFlow's transforms: derivatives of every order, graphs, loops, XLA, saved models."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest

import lossmith as lm
from frameworks import require

tf = require("tensorflow")

from tensorflow_tools import (  # noqa: E402
    DTYPES,
    TOLERANCE,
    as_float64,
    assert_close,
    batch,
    counting,
    formula,
    graph,
    in_a_graph,
    needed,
    oracle,
    taped,
    types_of,
)

pytestmark = needed


@pytest.fixture
def counted():
    """The names of the operations that calls have asked for."""
    with counting() as calls:
        yield calls


def derivatives(loss, logits, order):
    """The gradient of the loss's squared gradient (of its squared gradient ...), and all gradients on the way."""
    found = []

    def of(x, depth):
        if depth == 0:
            return loss(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = of(x, depth - 1)
        slope = tape.gradient(value, x)
        found.append(slope)
        return tf.reduce_sum(slope**2)

    of(logits, order)
    return found


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("options", [{}, {"reduction": "sum", "label_smoothing": 0.1, "z_loss": 0.01}], ids=str)
def test_derivatives_of_every_order(compiled, options, counted):
    logits, labels = batch(4, 5, dtype=tf.float64)
    options = {**options, "weight": np.array([1.0, 0.0, 2.0, 0.5])}
    loss = functools.partial(lm.softmax_cross_entropy, target=labels, **options)

    def call(logits):
        return derivatives(loss, logits, 3)

    def run():
        return (graph(call) if compiled else call)(logits)

    ours = run()
    assert counted
    for a, b in zip(ours, formula(run), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("compiled", [False, True])
def test_finite_differences(compiled):
    logits, labels = batch(3, 4, dtype=tf.float64)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels, weight=np.array([1.0, 3.0, 0.5]))
    loss = graph(loss) if compiled else loss

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return tape.gradient(value, x)

    for function in (loss, slope):
        theory, numbers = tf.test.compute_gradient(function, [logits], delta=1e-5)
        np.testing.assert_allclose(theory[0], numbers[0], rtol=1e-6, atol=1e-8)


def test_derivatives_of_value_and_gradient():
    logits, labels = batch(3, 4, dtype=tf.float64)
    weight = tf.constant([1.0, 3.0, 0.5], tf.float64)

    def call():
        with tf.GradientTape() as tape:
            tape.watch([logits, weight])
            value, slope = lm.SoftmaxCrossEntropy(z_loss=0.1).value_and_gradient(logits, labels, weight=weight)
            total = value + tf.reduce_sum(slope**2)
        return tape.gradient(total, [logits, weight])

    assert_close(call(), formula(call), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_persistent_tape_and_its_jacobian(compiled):
    logits, labels = batch(3, 4)

    def call(logits):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            rows = lm.softmax_cross_entropy(logits, labels, reduction="none")
            mean = tf.reduce_mean(rows)
        first, again = tape.gradient(mean, logits), tape.gradient(mean, logits)
        return first, again, tape.gradient(rows, logits), tape.jacobian(rows, logits, experimental_use_pfor=False)

    def run():
        return (graph(call) if compiled else call)(logits)

    ours = run()
    np.testing.assert_array_equal(ours[0], ours[1])
    assert_close(ours, formula(run))


@pytest.mark.parametrize("compiled", [False, True])
def test_forward_mode(compiled, counted):
    logits, labels = batch(3, 4)
    tangent = tf.reshape(tf.range(12.0), (3, 4))

    def call(logits):
        with tf.autodiff.ForwardAccumulator(logits, tangent) as forward:
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = lm.softmax_cross_entropy(logits, labels, label_smoothing=0.1)
            slope = tape.gradient(loss, logits)
        return forward.jvp(loss), forward.jvp(slope)  # the second is a product with the Hessian

    def run():
        return (graph(call) if compiled else call)(logits)

    ours = run()
    assert counted
    assert_close(ours, formula(run))


def test_vectorized_map():
    logits, labels = batch(5, 3, 4)

    def call():
        def one(pair):
            return taped(lambda x: lm.softmax_cross_entropy(x, pair[1]), pair[0])

        return tf.vectorized_map(one, (logits, labels))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_close(call(), formula(call))


@pytest.mark.parametrize("compiled", [False, True])
def test_rows_that_are_picked_have_sparse_cotangents(compiled):
    logits, labels = batch(6, 4)

    def call(logits):
        return tf.reduce_sum(tf.gather(lm.softmax_cross_entropy(logits, labels, reduction="none"), [0, 4, 4]))

    way = in_a_graph if compiled else taped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own, about the conversion of IndexedSlices
        assert_close(way(call, logits), formula(way, call, logits))


def test_loops_and_branches():
    logits, labels = batch(6, 4)

    def loss(logits):
        def body(step, total):
            def more():
                return total + lm.softmax_cross_entropy(logits * tf.cast(step, tf.float32), labels)

            return step + 1, tf.cond(step > 0, more, lambda: total)

        return tf.while_loop(lambda step, _: step < 3, body, (0, 0.0))[1]

    assert_close(in_a_graph(loss, logits), formula(in_a_graph, loss, logits))


def test_a_training_step_makes_one_pass_and_an_evaluation_computes_values_alone():
    logits, labels = batch(6, 4)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels)

    def named(function):
        return {t for t in types_of(function, logits) if t.startswith("Lossmith")}

    name = "LossmithSoftmaxCrossEntropy"
    assert named(graph(loss)) == {name}
    assert named(graph(functools.partial(taped, loss))) == {f"{name}Ahead", f"{name}Backward"}


@pytest.mark.parametrize("dtype", DTYPES[:3], ids=lambda d: d.name)
@pytest.mark.parametrize("rows", [6, 4099])
def test_cotangents_that_are_not_those_of_the_mean(rows, dtype):
    logits, labels = batch(rows, 300, dtype=dtype)
    factors = np.linspace(0.1, 3.0, rows)

    @graph
    def step(x, factor):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            values = lm.softmax_cross_entropy(x, labels, reduction="none")
            loss, mean = tf.reduce_sum(values * tf.cast(factor, values.dtype)), tf.reduce_mean(values)
        return tape.gradient(loss, x), tape.gradient(mean, x)

    for found, factor in zip(step(logits, factors), (factors[:, None], 1 / rows), strict=True):
        expected = oracle(logits, labels)[1] * factor
        atol = TOLERANCE[dtype] * np.abs(expected).max() * 0.01
        np.testing.assert_allclose(as_float64(found), expected, rtol=2 * TOLERANCE[dtype], atol=atol)


def test_xla_compiles_the_formula():
    logits, labels = batch(6, 4)
    loss = functools.partial(lm.softmax_cross_entropy, target=labels)
    inner = graph(loss)  # traced inside of the compiled function
    for function in (loss, inner):
        step = graph(functools.partial(taped, function), jit_compile=True)
        assert not any(t.startswith("Lossmith") for t in types_of(step, logits))
        assert_close(step(logits), formula(taped, loss, logits))
    compiled = graph(loss, jit_compile=True)
    assert_close(taped(compiled, logits), formula(taped, loss, logits))


def test_a_saved_model_with_the_loss_inside(tmp_path):
    logits, labels = batch(6, 4)
    module = tf.Module()
    signature = [tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.int64)]
    module.loss = graph(lm.softmax_cross_entropy, input_signature=signature)
    module.loss(logits, labels)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    ours = taped(lambda x: loaded.loss(x, labels), logits)
    assert_close(ours, taped(lambda x: lm.softmax_cross_entropy(x, labels), logits))


def test_graphs_of_the_first_version():
    logits, labels = batch(6, 4)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4))
        loss = lm.softmax_cross_entropy(x, tf.constant(labels.numpy()))
        (slope,) = tf.gradients(loss, x)
        (curve,) = tf.gradients(tf.reduce_sum(slope**2), x)
        found = session.run([loss, slope, curve], {x: logits.numpy()})
    value, slope = oracle(logits, labels)
    np.testing.assert_allclose(found[0], value.mean(), rtol=1e-6)
    np.testing.assert_allclose(found[1], slope / 6, rtol=1e-5, atol=1e-7)
    expected = derivatives(functools.partial(lm.softmax_cross_entropy, target=labels), logits, 2)[1]
    np.testing.assert_allclose(found[2], expected, rtol=1e-5, atol=1e-8)
