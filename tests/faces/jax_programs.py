"""Running small JAX programs in tests: each compiles once and runs once, so the compiler need not try hard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from faces.jax_data import Call
from frameworks import require

jax = require("jax")

import jax.numpy as jnp  # noqa: E402


@contextlib.contextmanager
def compiled_quickly() -> Iterator[None]:
    """Programs inside are compiled without most optimisations."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module", autouse=True)
def quick_compiler() -> Iterator[None]:
    """Import this into a module of tests, and all its programs are compiled so."""
    with compiled_quickly():
        yield


def once(function: Callable[..., Any], *arrays: Any) -> Any:
    """Return ``function(*arrays)`` as one compiled program, which costs less than its operations one by one."""
    return jax.jit(function)(*arrays)


def value_and_pullback(function: Callable[..., Any], prediction: Any, *rest: Any) -> tuple[Any, Any]:
    """Return the value and the gradient of its sum with respect to the prediction."""
    value, pull = jax.vjp(lambda p: function(p, *rest), prediction)
    return value, pull(jnp.ones_like(value))[0]


def arrays_of(call: Call, dtype: str) -> list[Any]:
    """Return prediction and the rest as JAX arrays; floats in ``dtype``."""
    given = (call.prediction, *call.rest)
    return [jnp.asarray(a, dtype if np.asarray(a).dtype.kind == "f" else None) for a in given]


def keywords_of(call: Call) -> dict[str, Any]:
    """Return the keywords with arrays as JAX's and reductions as functions."""
    reductions = {"sum": jnp.sum}
    arrays = {k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in call.keywords.items()}
    return {k: reductions[v] if isinstance(v, str) else v for k, v in arrays.items()}
