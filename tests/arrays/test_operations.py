"""The semantic operations at their edges: value and gradient at ties, ±0, ±inf, NaN, denormal and huge numbers.

The rule: values are the same everywhere, NaN included. Gradients are the same everywhere except at NaN, where
``AT_NAN`` says what each framework gives: a NaN input makes the value NaN, so a finite gradient there hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from frameworks import Backend
from lossmith.arrays import composite, load

INF, NAN = np.inf, np.nan
TINIEST = 1e-40  # a denormal in float32
POINTS = np.array([-INF, -1e30, -2.0, -1.0, -TINIEST, -0.0, 0.0, TINIEST, 0.5, 1.0, 2.0, 21.0, 1e30, INF])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def _inverse_floor(p: np.ndarray) -> np.ndarray:
    return 1 / np.maximum(p, composite.TINY)


# name: (operation, value at POINTS, gradient at POINTS)
ELEMENTWISE: dict[str, tuple[Callable[[Any, Any], Any], Callable[..., Any], Callable[..., Any]]] = {
    "abs0": (lambda xp, x: xp.abs0(x), np.abs, np.sign),
    "relu0": (lambda xp, x: xp.relu0(x), lambda x: np.maximum(x, 0), lambda x: x > 0),
    "at_most 1": (lambda xp, x: xp.at_most(x, 1.0), lambda x: np.minimum(x, 1), lambda x: x <= 1),
    "at_least 1": (lambda xp, x: xp.at_least(x, 1.0), lambda x: np.maximum(x, 1), lambda x: x >= 1),
    "at_least 0": (lambda xp, x: xp.at_least(x, 0.0), lambda x: np.maximum(x, 0), lambda x: x >= 0),
    "clip": (lambda xp, x: composite.clip(xp, x, -1.0, 1.0), lambda x: np.clip(x, -1, 1), lambda x: np.abs(x) <= 1),
    "clip to a point": (
        lambda xp, x: composite.clip(xp, x, 0.5, 0.5),
        lambda x: np.full_like(x, 0.5),
        lambda x: x == 0.5,
    ),
    "sigmoid": (lambda xp, x: xp.sigmoid(x), _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "softplus": (lambda xp, x: xp.softplus(x), lambda x: np.logaddexp(x, 0), _sigmoid),
    "softplus(-x)": (lambda xp, x: xp.softplus(-x), lambda x: np.logaddexp(-x, 0), lambda x: -_sigmoid(-x)),
    "tanh": (lambda xp, x: xp.tanh(x), np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "0 times x": (lambda xp, x: composite.mul0(xp, xp.zeros_like(x), x), np.zeros_like, np.zeros_like),
    "-2 times x": (
        lambda xp, x: composite.mul0(xp, xp.zeros_like(x) - 2, x),
        lambda x: -2 * x,
        lambda x: np.full_like(x, -2),
    ),
}
NONNEGATIVE = np.array([0.0, 1e-15, 0.5, 1.0, 2.0, 21.0, 1e30, INF])
# The same for operations of numbers that are not negative.
FROM_ZERO: dict[str, tuple[Callable[[Any, Any], Any], Callable[..., Any], Callable[..., Any]]] = {
    "0 log x": (lambda xp, x: composite.xlogy(xp, xp.zeros_like(x), x), np.zeros_like, np.zeros_like),
    "2 log x": (lambda xp, x: composite.xlogy(xp, xp.zeros_like(x) + 2, x), lambda x: 2 * np.log(x), lambda x: 2 / x),
    "0 / x": (lambda xp, x: composite.xdivy(xp, xp.zeros_like(x), x), np.zeros_like, np.zeros_like),
    "2 / x": (lambda xp, x: composite.xdivy(xp, xp.zeros_like(x) + 2, x), lambda x: 2 / x, lambda x: -2 / x / x),
    "log_floor": (
        lambda xp, x: composite.log_floor(xp, x),
        lambda x: np.maximum(np.log(x), -100),
        _inverse_floor,
    ),
    "log_floor_slope": (
        lambda xp, x: composite.log_floor_slope(xp, x),
        _inverse_floor,
        lambda x: np.where(x >= composite.TINY, -1 / x / x, 0),
    ),
}
TABLE = [(name, POINTS, *row) for name, row in ELEMENTWISE.items()]
TABLE += [(name, NONNEGATIVE, *row) for name, row in FROM_ZERO.items()]

# Gradient at NaN, where it is not NaN: backward passes there are comparisons, which NaN fails.
AT_NAN: dict[str, dict[str, float]] = {
    "abs0": {"torch": 0.0},
    "relu0": {"torch": 1.0, "jax": 0.0, "tensorflow": 1.0},
    **{
        name: {"torch": 0.0, "jax": 1.0, "tensorflow": 1.0}
        for name in ("at_most 1", "at_least 1", "at_least 0", "clip", "clip to a point")
    },
    "0 times x": {"torch": 0.0, "jax": 0.0, "tensorflow": 0.0},
    "-2 times x": {"torch": -2.0, "jax": -2.0, "tensorflow": -2.0},
    "log_floor": dict.fromkeys(("torch", "jax", "tensorflow"), 1 / composite.TINY),
    "log_floor_slope": {"torch": 0.0},
}


def gradient_of(backend: Backend, operation: Callable[[Any, Any], Any], x: Any) -> np.ndarray:
    xp = load(backend.name)
    return backend.to_numpy(backend.value_and_grad(lambda a: xp.total(operation(xp, a)), x)[1])


def same(got: np.ndarray, points: np.ndarray, function: Callable[..., Any], dtype: str) -> None:
    """Compare with ``function`` at the points; XLA and TensorFlow may take a denormal number for the zero beside it."""
    exact = points.astype(dtype).astype(np.float64)
    denormal = np.abs(exact) < np.finfo(dtype).tiny
    with np.errstate(all="ignore"):
        wanted, flushed = (np.asarray(function(x)).astype(dtype) for x in (exact, np.where(denormal, 0 * exact, exact)))
    tolerance = 1e-14 if dtype == "float64" else 1e-6
    wanted = np.where(denormal & np.isclose(got, flushed, tolerance, 1e-37), flushed, wanted)
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "points", "operation", "value", "gradient"), TABLE, ids=[row[0] for row in TABLE])
def test_edges(backend: Backend, name: str, points: Any, operation: Any, value: Any, gradient: Any, dtype: str) -> None:
    with backend.session(dtype), np.errstate(all="ignore"):
        x = backend.asarray(points, dtype)
        result = operation(load(backend.name), x)
        same(backend.to_numpy(result), points, value, dtype)
        assert backend.dtype_name(result) == dtype
        if backend.differentiates:
            same(gradient_of(backend, operation, x), points, gradient, dtype)


@pytest.mark.parametrize(("name", "operation"), [(row[0], row[2]) for row in TABLE], ids=[row[0] for row in TABLE])
def test_nan_gives_nan(backend: Backend, name: str, operation: Any) -> None:
    x = backend.asarray([NAN], "float32")
    assert np.isnan(backend.to_numpy(operation(load(backend.name), x))).all()
    if backend.differentiates:
        wanted = AT_NAN.get(name, {}).get(backend.name, NAN)
        np.testing.assert_allclose(gradient_of(backend, operation, x), [wanted], rtol=1e-6)


def test_sign_is_the_gradient_of_the_absolute_value(backend: Backend) -> None:
    same(backend.to_numpy(load(backend.name).sign0(backend.asarray(POINTS, "float32"))), POINTS, np.sign, "float32")


@pytest.mark.parametrize("name", ["xlogy", "xdivy", "mul0"])
def test_nan_is_never_taken_for_a_zero_that_vanishes(backend: Backend, name: str) -> None:
    a, b = backend.asarray([NAN, 0.0, NAN], "float32"), backend.asarray([0.0, NAN, INF], "float32")
    with np.errstate(all="ignore"):
        result = getattr(composite, name)(load(backend.name), a, b)
    assert np.isnan(backend.to_numpy(result)).all()


def test_log_floor_of_what_is_no_probability_is_nan(backend: Backend) -> None:
    with np.errstate(all="ignore"):
        result = composite.log_floor(load(backend.name), backend.asarray([-1.0, -1e-30], "float32"))
    assert np.isnan(backend.to_numpy(result)).all()
