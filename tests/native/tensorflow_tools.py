"""What the tests of the native operations on TensorFlow share: data, the judges, and the ways to make a call.

Nothing here imports Keras, which takes one backend per process; see faces/test_keras_native.py for it.
"""

from __future__ import annotations

import contextlib
import functools
from unittest import mock

import numpy as np
import pytest

from frameworks import require
from lossmith import native
from lossmith.arrays import load
from lossmith.losses import find

tf = require("tensorflow")
from lossmith.native import tensorflow as operations  # noqa: E402

needed = pytest.mark.skipif(not (native.has_native() and operations.load()), reason="no native operations")

LOSS = find("softmax_cross_entropy")
DTYPES = [tf.float32, tf.float64, tf.bfloat16, tf.float16]
TOLERANCE = {tf.float32: 1e-6, tf.float64: 1e-13, tf.bfloat16: 1e-2, tf.float16: 1.5e-3}
graph = functools.partial(tf.function, autograph=False)
names = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)


def batch(*shape, dtype=tf.float32, seed=0, classes=None):
    rng = np.random.default_rng(seed)
    logits = tf.cast(3 * rng.normal(size=shape), dtype)
    return logits, tf.constant(rng.integers(0, classes or shape[-1], shape[:-1]))


def as_float64(x):
    return tf.cast(x, tf.float64).numpy()


def oracle(logits, labels, **parameters):
    """Value and gradient of each row by the definition, in float64 on NumPy."""
    arguments = (load("numpy"), as_float64(logits), np.asarray(labels))
    settings = LOSS.resolve(parameters)
    return LOSS.value(*arguments, **settings), LOSS.gradient(*arguments, **settings)


@contextlib.contextmanager
def counting():
    """Give a list that gets the names of the operations that calls ask for."""
    calls = []

    def noting(name):
        original = getattr(operations, name)

        def call(*arguments, **options):
            calls.append(name)
            return original(*arguments, **options)

        return mock.patch.object(operations, name, call)

    with noting("softmax_cross_entropy"), noting("softmax_cross_entropy_gradient"):
        yield calls


def formula(function, *arguments):
    """Call the function with the native operations switched off."""
    with mock.patch.object(operations, "supports", lambda *_: False):
        return function(*arguments)


def taped(function, logits):
    """Value and gradient for a gradient of the value that is not all ones."""
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = function(logits)
        some = tf.reshape(tf.linspace(tf.constant(0.5, value.dtype), 2.0, tf.size(value)), tf.shape(value))
    return value, tape.gradient(value, logits, output_gradients=some)


def in_a_graph(function, logits):
    return graph(functools.partial(taped, function))(logits)


def around_a_graph(function, logits):
    return taped(graph(function), logits)


def with_unknown_sizes(function, logits):
    signature = [tf.TensorSpec([None] * (logits.shape.rank - 1) + logits.shape[-1:], logits.dtype)]
    return graph(functools.partial(taped, function), input_signature=signature)(logits)


WAYS = [taped, in_a_graph, around_a_graph, with_unknown_sizes]


def assert_close(ours, theirs, rtol=1e-5, atol=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(as_float64(a), as_float64(b), rtol=rtol, atol=atol)


def types_of(function, *arguments):
    """The types of the operations in the graph of a tf.function, inner graphs included."""
    graph = function.get_concrete_function(*arguments).graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return {n.op for n in nodes}
