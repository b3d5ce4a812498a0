"""The operations that join, cut and walk along axes: the same on every framework, shapes known or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frameworks import Backend, backend_named
from lossmith.arrays import load

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("axis", "keep_last", "shape"),
    [(1, False, (2, 12)), (1, True, (2, 3, 4)), (0, False, (1, 24)), (0, True, (1, 6, 4))],
)
def test_flatten_and_back(backend: Backend, axis: int, keep_last: bool, shape: tuple[int, ...]) -> None:
    xp, x = load(backend.name), backend.asarray(X, "float32")
    flat = xp.flatten_from(x, axis, keep_last)
    np.testing.assert_array_equal(backend.to_numpy(flat), X.reshape(shape))
    np.testing.assert_array_equal(backend.to_numpy(xp.unflatten(flat, xp.full_shape(x))), X)


@pytest.mark.parametrize("shape", [(3,), (), (2, 0), (0, 3)])
def test_flatten_of_few_axes(backend: Backend, shape: tuple[int, ...]) -> None:
    xp, x = load(backend.name), backend.asarray(np.ones(shape), "float32")
    flat = xp.flatten_from(x, 0, False)
    assert tuple(flat.shape) == (1, int(np.prod(shape)))
    assert tuple(xp.unflatten(flat, xp.full_shape(x)).shape) == shape
    if len(shape) == 2:
        assert tuple(xp.flatten_from(x, 1, False).shape) == shape
        assert tuple(xp.flatten_from(x, 1, True).shape) == (shape[0], 1, shape[1])


def test_shapes_that_a_graph_does_not_know() -> None:
    backend = backend_named("tensorflow")
    xp, tf = load("tensorflow"), backend.tf

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4], tf.float32)], autograph=False)
    def there_and_back(x: Any) -> Any:
        return xp.unflatten(xp.flatten_from(x, 1, False) + 1, xp.full_shape(x))

    np.testing.assert_array_equal(there_and_back(tf.constant(X, tf.float32)).numpy(), X + 1)


def test_one_more_entry_in_front(backend: Backend) -> None:
    xp = load(backend.name)
    padded = xp.pad_front(backend.asarray([[1.0, 2.0], [3.0, 4.0]], "float32"), -7.0)
    np.testing.assert_array_equal(backend.to_numpy(padded), [[-7, 1, 2], [-7, 3, 4]])
    assert tuple(xp.pad_front(backend.asarray(np.zeros((2, 0)), "float32"), 0.0).shape) == (2, 1)


def test_scan_keeps_all_states_and_differentiates(backend: Backend) -> None:
    """Running sums and products over the first axis, by hand."""
    xp, x = load(backend.name), backend.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")

    def run(x: Any) -> Any:
        def step(state: Any, now: Any) -> Any:
            return state[0] + now[0], state[1] * now[1]

        return xp.scan(step, (x[0] * 0, x[0] * 0 + 1), (x, x))

    sums, products = run(x)
    np.testing.assert_array_equal(backend.to_numpy(sums), [[1, 2], [4, 6], [9, 12]])
    np.testing.assert_array_equal(backend.to_numpy(products), [[1, 2], [3, 8], [15, 48]])
    if backend.differentiates:
        _, slope = backend.value_and_grad(lambda x: xp.total(run(x)[1][-1]), x)
        np.testing.assert_allclose(backend.to_numpy(slope), [[15, 24], [5, 12], [3, 8]])
