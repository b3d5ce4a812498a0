"""The operations over the last axis, and those that pick by label: value and gradient, edges included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from frameworks import INTEGERS, Backend
from lossmith.arrays import composite, load

INF, NAN = np.inf, np.nan


def gradient(backend: Backend, function: Callable[[Any], Any], x: Any) -> np.ndarray:
    xp = load(backend.name)
    return backend.to_numpy(backend.value_and_grad(lambda a: xp.total(function(a)), x)[1])


ROWS = np.array(
    [
        [0.0, 0.0, 0.0],
        [-3.0, 1.0, 2.5],
        [1e30, 1e30, -1e30],
        [1000.0, 0.0, -1000.0],
        [-INF, 0.0, 1.0],
        [-INF, -INF, 5.0],
    ]
)
UNDEFINED = np.array([[-INF, -INF, -INF], [INF, 0.0, 0.0], [NAN, 0.0, 1.0]])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_and_its_logarithm(backend: Backend, dtype: str) -> None:
    with backend.session(dtype), np.errstate(all="ignore"):
        xp, x = load(backend.name), backend.asarray(ROWS, dtype)
        tolerance = 1e-12 if dtype == "float64" else 2e-6
        wanted = special.log_softmax(ROWS, axis=-1)
        np.testing.assert_allclose(backend.to_numpy(xp.log_softmax(x)), wanted, rtol=tolerance)
        np.testing.assert_allclose(backend.to_numpy(xp.softmax(x)), np.exp(wanted), rtol=tolerance, atol=tolerance)
        undefined = backend.asarray(UNDEFINED, dtype)
        assert np.isnan(backend.to_numpy(xp.log_softmax(undefined))).any(axis=-1).all()
        assert np.isnan(backend.to_numpy(xp.softmax(undefined))).any(axis=-1).all()
        if backend.differentiates:
            last = gradient(backend, lambda a: xp.log_softmax(a)[..., 2], x)
            np.testing.assert_allclose(last, [0, 0, 1] - np.exp(wanted), rtol=tolerance, atol=tolerance)


def test_ties_share_the_gradient_of_the_maximum(backend: Backend) -> None:
    xp = load(backend.name)
    x = backend.asarray([[1.0, 1.0, 0.0], [-INF, 2.0, -INF], [3.0, 3.0, 3.0], [0.0, -0.0, -1.0]], "float32")
    np.testing.assert_array_equal(backend.to_numpy(xp.max(x, axis=-1)), [1, 2, 3, 0])
    assert tuple(xp.max(x, axis=-1, keepdims=True).shape) == (4, 1)
    np.testing.assert_array_equal(backend.to_numpy(xp.max(backend.asarray(np.zeros((2, 0))), axis=-1)), [-INF, -INF])
    assert np.isnan(backend.to_numpy(xp.max(backend.asarray([[NAN, 1.0]], "float32"), axis=-1))).all()
    if backend.differentiates:
        got = gradient(backend, lambda a: xp.max(a, axis=-1), x)
        np.testing.assert_allclose(got, [[0.5, 0.5, 0], [0, 1, 0], [1 / 3] * 3, [0.5, 0.5, 0]], rtol=1e-6)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_every_integer_type(backend: Backend, dtype: str) -> None:
    with backend.session(dtype):
        xp = load(backend.name)
        x = backend.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")
        labels = xp.to_int(backend.asarray(np.array([2, 0], dtype)))
        np.testing.assert_array_equal(backend.to_numpy(xp.take_label(x, labels)), [3, 4])
        np.testing.assert_array_equal(backend.to_numpy(xp.one_hot(labels, 3, x.dtype)), [[0, 0, 1], [1, 0, 0]])
        np.testing.assert_array_equal(backend.to_numpy(xp.take_entry(x[0], labels)), [3, 1])


def test_labels_out_of_range_poison_their_own_row_alone(backend: Backend) -> None:
    xp = load(backend.name)
    x = backend.asarray(np.arange(15.0).reshape(5, 3), "float32")
    labels = xp.to_int(backend.asarray([1, 3, -1, -100, 255]))
    np.testing.assert_array_equal(backend.to_numpy(xp.take_label(x, labels)), [1, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(backend.to_numpy(xp.take_entry(x[0], labels)), [1, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(backend.to_numpy(xp.one_hot(labels, 3, x.dtype)), [[0, 1, 0]] + [[0, 0, 0]] * 4)
    if backend.differentiates:
        got = gradient(backend, lambda a: xp.take_label(a, labels), x)
        np.testing.assert_array_equal(got[0], [0, 1, 0])
        assert (got[1:] == 0).all()


VECTORS = np.array([[3.0, 4.0], [0.0, 0.0], [-0.0, 0.0], [1e30, 1e30], [3e-30, 4e-30], [0.0, -2.0]])


def test_length_and_direction(backend: Backend) -> None:
    xp, x = load(backend.name), backend.asarray(VECTORS, "float32")
    length, direction = composite.norm_and_direction(xp, x)
    root = np.sqrt(0.5)
    directions = [[0.6, 0.8], [0, 0], [0, 0], [root, root], [0.6, 0.8], [0, -1]]
    np.testing.assert_allclose(backend.to_numpy(length)[:, 0], [5, 0, 0, 1e30 / root, 5e-30, 2], rtol=1e-6)
    np.testing.assert_allclose(backend.to_numpy(direction), directions, rtol=1e-6)
    if backend.differentiates:
        slope = gradient(backend, lambda a: composite.norm_and_direction(xp, a)[0], x)
        np.testing.assert_allclose(slope, directions, rtol=1e-6)
        turn = gradient(backend, lambda a: composite.norm_and_direction(xp, a)[1][..., 0], x)
        np.testing.assert_allclose(turn[0], [0.8 * 0.8 / 5, -0.6 * 0.8 / 5], rtol=1e-5)
        assert (turn[1:3] == 0).all()


def test_sums_of_many_numbers(backend: Backend) -> None:
    """Naive float32 summation stops growing at 2^24 times the term; TensorFlow's own blocks lose 1.4e-6."""
    xp = load(backend.name)
    many = backend.asarray(np.full(20_000_000, 0.1, np.float32))
    exact = 20_000_000 * float(np.float32(0.1))
    assert float(xp.total(many)) == pytest.approx(exact, rel=3e-6)


def test_sums_along_any_axis_keep_their_digits(backend: Backend) -> None:
    xp, x = load(backend.name), np.random.default_rng(0).random((2, 300_000, 3)).astype(np.float32)
    for axis, keepdims in ((1, False), (1, True), (-1, False), (0, True)):
        got = xp.sum(backend.asarray(x), axis=axis, keepdims=keepdims)
        want = x.astype(np.float64).sum(axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(backend.to_numpy(got), want, rtol=3e-7)
    running = backend.to_numpy(xp.cumsum(backend.asarray(x[:, :, 0].copy())))
    np.testing.assert_allclose(running, x[:, :, 0].astype(np.float64).cumsum(-1), rtol=5e-7)
    counts = xp.cumsum(backend.asarray(np.array([[1, 2, 3]])))
    assert backend.to_numpy(counts).tolist() == [[1, 3, 6]]


def test_the_order_of_an_order_leads_back(backend: Backend) -> None:
    xp, x = load(backend.name), np.random.default_rng(0).integers(0, 4, (3, 9)).astype(float)
    order = xp.order(backend.asarray(x, "float32"))
    there = xp.take_along(backend.asarray(x, "float32"), order)
    np.testing.assert_array_equal(backend.to_numpy(xp.take_along(there, xp.order(-order))), x)


def test_runs_of_equal_neighbours(backend: Backend) -> None:
    xp = load(backend.name)
    x = np.array([[3.0, 3, 3, 1, 0, 0], [5, 4, 4, 4, 4, 5], [1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6]])
    first, last = xp.runs(backend.asarray(x, "float32"))
    want = [[0, 0, 0, 3, 4, 4], [0, 1, 1, 1, 1, 5], [0] * 6, [0, 1, 2, 3, 4, 5]]
    assert backend.to_numpy(first).tolist() == want
    assert backend.to_numpy(last).tolist() == [[2, 2, 2, 3, 5, 5], [0, 4, 4, 4, 4, 5], [5] * 6, [0, 1, 2, 3, 4, 5]]
    for shape in ((2, 0), (0, 3), (2, 2, 1)):
        first, last = xp.runs(backend.asarray(np.zeros(shape), "float32"))
        assert tuple(first.shape) == tuple(last.shape) == shape
        assert not backend.to_numpy(last).any()


def test_axes(backend: Backend) -> None:
    xp = load(backend.name)
    x = backend.asarray(np.arange(24.0).reshape(2, 3, 4), "float32")
    for source, destination in ((1, -1), (-1, 1), (0, -1), (-1, 0), (-2, -1)):
        got = backend.to_numpy(xp.moveaxis(x, source, destination))
        np.testing.assert_array_equal(got, np.moveaxis(np.arange(24.0).reshape(2, 3, 4), source, destination))
    assert tuple(xp.expand(x, -1).shape) == (2, 3, 4, 1)
    np.testing.assert_array_equal(
        backend.to_numpy(xp.sum(x, axis=-1, keepdims=True))[..., 0], backend.to_numpy(xp.sum(x, axis=-1))
    )
    np.testing.assert_allclose(backend.to_numpy(xp.mean(x, axis=1)), np.arange(24.0).reshape(2, 3, 4).mean(1))


WIDEST = {
    ("float16",): "float32",
    ("bfloat16", "float16"): "float32",
    ("float32", "float16"): "float32",
    ("float32", "int64"): "float32",
    ("float64", "float32"): "float64",
    ("bfloat16", "float64"): "float64",
}


@pytest.mark.parametrize("given", WIDEST, ids=str)
def test_losses_are_computed_in_float32_or_better(backend: Backend, given: tuple[str, ...]) -> None:
    with backend.session("float64"):
        xp = load(backend.name)
        arrays = [backend.asarray([1.0], dtype) for dtype in given]
        assert xp.cast(arrays[0], xp.compute_dtype(*arrays)).dtype == backend.dtype(WIDEST[given])
        assert [xp.kind(a) for a in arrays] == ["int" if "int" in dtype else "float" for dtype in given]


def test_kinds(backend: Backend) -> None:
    xp = load(backend.name)
    assert xp.kind(backend.asarray(np.array([True]))) == "bool"
    assert xp.kind(backend.asarray(np.array([1], np.uint8))) == "int"
    assert xp.kind(backend.asarray(np.array([1j], np.complex64))) == "complex64"
