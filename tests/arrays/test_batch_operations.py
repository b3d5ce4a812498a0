"""The operations that losses over batches and regions are written in: products, orders, running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from frameworks import Backend
from lossmith.arrays import composite, load

INF, NAN = np.inf, np.nan


def gradient(backend: Backend, function: Callable[[Any], Any], x: Any, weight: np.ndarray) -> np.ndarray:
    """Of the sum of the function's values times ``weight``."""
    xp, w = load(backend.name), backend.asarray(weight, backend.dtype_name(x))
    return backend.to_numpy(backend.value_and_grad(lambda a: xp.total(function(a) * w), x)[1])


def test_matrix_product_and_its_gradient(backend: Backend, rng: np.random.Generator) -> None:
    xp = load(backend.name)
    a, b, w = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 3, 5))
    x, y = backend.asarray(a, "float32"), backend.asarray(b, "float32")
    np.testing.assert_allclose(backend.to_numpy(xp.matmul(x, y)), a @ b, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(backend.to_numpy(xp.swap(x)), np.swapaxes(backend.to_numpy(x), 1, 2))
    assert tuple(xp.matmul(x[:, :0], y).shape) == (2, 0, 5)
    assert not backend.to_numpy(xp.matmul(x[..., :0], y[:, :0])).any()
    if backend.differentiates:
        got = gradient(backend, lambda z: xp.matmul(z, y), x, w)
        np.testing.assert_allclose(got, w @ np.swapaxes(b, 1, 2), rtol=1e-5, atol=1e-5)
        got = gradient(backend, lambda z: xp.swap(xp.matmul(x, z)), y, np.swapaxes(w, 1, 2))
        np.testing.assert_allclose(got, np.swapaxes(a, 1, 2) @ w, rtol=1e-5, atol=1e-5)


def test_order_is_from_high_to_low_and_keeps_ties(backend: Backend) -> None:
    xp = load(backend.name)
    rows = [[1.0, 3.0, 1.0, 3.0, 2.0], [-0.0, 0.0, -INF, INF, 0.0], [NAN, 1.0, NAN, -9.0, 2.0], [5.0] * 5]
    got = backend.to_numpy(xp.order(backend.asarray(rows, "float32")))
    np.testing.assert_array_equal(got, [[1, 3, 4, 0, 2], [3, 0, 1, 4, 2], [4, 1, 3, 0, 2], [0, 1, 2, 3, 4]])
    long = np.repeat([2.0, 1.0], 500)[np.argsort(np.random.default_rng(0).uniform(size=1000))]
    many = backend.to_numpy(xp.order(backend.asarray(long, "float32")))
    np.testing.assert_array_equal(many, np.concatenate([np.flatnonzero(long == 2), np.flatnonzero(long == 1)]))
    assert tuple(xp.order(backend.asarray(np.zeros((2, 0)), "float32")).shape) == (2, 0)


def test_taking_and_adding_along_an_index_are_each_others_gradient(backend: Backend) -> None:
    xp = load(backend.name)
    numbers, at = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[2, 2, 0], [1, 0, 1]])
    taken, added = [[3.0, 3, 1], [5, 4, 5]], [[3.0, 0, 3], [5, 10, 0]]
    x, index = backend.asarray(numbers, "float32"), backend.asarray(at)
    np.testing.assert_array_equal(backend.to_numpy(xp.take_along(x, index)), taken)
    np.testing.assert_array_equal(backend.to_numpy(xp.add_along(x, index)), added)
    np.testing.assert_array_equal(backend.to_numpy(xp.add_along(x[0], index[0])), added[0])
    deep = xp.add_along(backend.asarray(numbers[None, :, None], "float32"), backend.asarray(at[None, :, None]))
    np.testing.assert_array_equal(backend.to_numpy(deep)[0, :, 0], added)
    assert backend.dtype_name(xp.add_along(x, index)) == "float32"
    for empty in ((0,), (0, 3), (2, 0)):
        none = backend.asarray(np.zeros(empty), "float32"), backend.asarray(np.zeros(empty, np.int64))
        assert tuple(xp.add_along(*none).shape) == tuple(xp.take_along(*none).shape) == empty
    if backend.differentiates:
        got = gradient(backend, lambda a: xp.take_along(a, index), x, numbers)
        np.testing.assert_array_equal(got, added)
        got = gradient(backend, lambda a: xp.add_along(a, index), x, numbers)
        np.testing.assert_array_equal(got, taken)


def test_running_sum_and_reversal(backend: Backend) -> None:
    xp = load(backend.name)
    x = backend.asarray([[1.0, 2.0, 3.0], [0.0, -1.0, 5.0]], "float32")
    np.testing.assert_array_equal(backend.to_numpy(xp.cumsum(x)), [[1, 3, 6], [0, -1, 4]])
    np.testing.assert_array_equal(backend.to_numpy(xp.flip(x)), [[3, 2, 1], [5, -1, 0]])
    np.testing.assert_array_equal(backend.to_numpy(composite.places(xp, x)), [[0, 1, 2]] * 2)
    assert backend.to_numpy(composite.places(xp, x)).dtype.kind == "i"
    assert tuple(xp.cumsum(x[:, :0]).shape) == tuple(xp.flip(x[:, :0]).shape) == (2, 0)
    odd = backend.asarray([1.0, INF, NAN], "float32")
    np.testing.assert_array_equal(backend.to_numpy(xp.cumsum(odd)), [1, INF, NAN])
    if backend.differentiates:
        weight = np.array([[1.0, 10, 100], [1, 2, 4]])
        np.testing.assert_array_equal(gradient(backend, xp.cumsum, x, weight), [[111, 110, 100], [7, 6, 4]])
        np.testing.assert_array_equal(gradient(backend, xp.flip, x, weight), weight[:, ::-1])


RUNNING = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [-3.0, 1.0, 2.5, -100.0, 4.0],
        [1e30, -1e30, 0.0, 1e30, 0.0],
        [-1e30, 0.0, -1e30, 5.0, 5.0],
        [-INF, -INF, 1.0, -INF, 2.0],
        [1e6, 1e6 + 1, 1e6 - 2, 1e6, 1e6],
    ]
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_running_logarithm_of_a_sum(backend: Backend, dtype: str) -> None:
    """The gradient is each entry's share of its sums, also where scores are so large that ``log(w) + x`` is ``x``."""
    with backend.session(dtype), np.errstate(all="ignore"):
        xp, x = load(backend.name), backend.asarray(RUNNING, dtype)
        got = backend.to_numpy(xp.logcumsumexp(x))
        wanted = np.stack([special.logsumexp(RUNNING[:, : k + 1], axis=-1) for k in range(5)], axis=-1)
        np.testing.assert_allclose(got, wanted, rtol=1e-13 if dtype == "float64" else 4e-7)
        assert tuple(xp.logcumsumexp(x[:, :0]).shape) == (6, 0)
        if not backend.differentiates:
            return
        weight = np.array([0.1, -0.2, 0.3, 0.05, 0.0])
        share = np.zeros((6, 5, 5))
        for k in range(5):
            share[:, k, : k + 1] = special.softmax(RUNNING[:, : k + 1], axis=-1)
        slope = gradient(backend, xp.logcumsumexp, x, np.broadcast_to(weight, RUNNING.shape))
        tolerance = np.array([1e-6] * 5 + [0.02])[:, None] if dtype == "float32" else 1e-9  # 1e6 is exact to 0.06
        wrong = np.abs(slope - np.einsum("k,rkj->rj", weight, share)) > tolerance
        assert not wrong[:4].any() and not wrong[5].any()
        assert not wrong[4, [2, 4]].any()  # -inf, before which there is nothing to share, is a constant to callers


@pytest.mark.parametrize("size", [0, 1, 2, 3, 8, 13])
def test_sums_by_doubling(backend: Backend, size: int, rng: np.random.Generator) -> None:
    xp = load(backend.name)
    x, fall = rng.normal(size=(2, size)), np.cumsum(rng.uniform(size=(2, size)), axis=-1)
    wanted = np.cumsum(x * np.exp(fall), axis=-1) * np.exp(-fall)
    given = [backend.asarray(a, "float32") for a in (x, -fall)]
    np.testing.assert_allclose(backend.to_numpy(composite.fading_sum(xp, *given)), wanted, rtol=1e-5, atol=1e-6)
    doubled = backend.to_numpy(composite.doubling_logsumexp(xp, given[0]))
    np.testing.assert_allclose(doubled, np.logaddexp.accumulate(x, axis=-1) if size else x, rtol=1e-5, atol=1e-6)


def test_adding_in_logarithms(backend: Backend) -> None:
    xp = load(backend.name)
    a, b = np.array([0.0, 1e30, -INF, 3.0, INF, NAN, 1.0]), np.array([0.0, -1e30, -INF, -INF, INF, 0.0, NAN])
    with np.errstate(all="ignore"):
        x, y = backend.asarray(a, "float32"), backend.asarray(b, "float32")
        got = backend.to_numpy(composite.log_add_exp(xp, x, y))
        np.testing.assert_allclose(got, [np.log(2), 1e30, -INF, 3, INF, NAN, NAN], rtol=1e-6)
        if backend.differentiates:
            share = gradient(backend, lambda z: composite.log_add_exp(xp, z, y), x, np.ones(7))
            np.testing.assert_allclose(share[[0, 1, 3]], [0.5, 1, 1], rtol=1e-6)
            assert np.isfinite(share[[2, 4]]).all()


def test_softmax_of_what_is_chosen(backend: Backend) -> None:
    xp = load(backend.name)
    x = backend.asarray([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1e30, -1e30, 0.0]], "float32")
    chosen = backend.asarray(np.array([[True, True, False], [False] * 3, [True] * 3]))
    top, total, soft = (backend.to_numpy(a) for a in composite.chosen_softmax(xp, x, chosen, 2.0))
    np.testing.assert_array_equal(top, np.float32([2, 0, 1e30]))
    np.testing.assert_allclose(total, [np.log1p(np.exp(-2)), 0, 0], rtol=1e-6)
    np.testing.assert_allclose(soft, [[1 / (1 + np.e**2), 1 / (1 + np.e**-2), 0], [0, 0, 0], [1, 0, 0]], rtol=1e-6)
    if backend.differentiates:
        slope = gradient(backend, lambda a: composite.chosen_softmax(xp, a, chosen, 2.0)[1], x, np.ones(3))
        np.testing.assert_allclose(slope, 2 * soft, rtol=1e-6)
