"""The array frameworks as test backends: one small object each, with the same five methods.

A framework that is not installed skips its tests; ``LOSSMITH_REQUIRE="torch,jax,tensorflow,keras"`` turns the skip into
a failure, so that CI cannot go green by installing nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NAMES = ("numpy", "torch", "jax", "tensorflow")
DTYPES = ("float64", "float32", "bfloat16", "float16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
HALF = ("bfloat16", "float16")


def require(package: str) -> ModuleType:
    """Return the package; skip the test without it, or fail where LOSSMITH_REQUIRE names it."""
    if package in os.environ.get("LOSSMITH_REQUIRE", "").split(","):
        return importlib.import_module(package)
    return pytest.importorskip(package)


class Backend:
    """NumPy, and what the others do differently."""

    name = "numpy"
    differentiates = False
    traces = False

    def session(self, dtype: str = "float32") -> contextlib.AbstractContextManager[Any]:
        """Return the context in which arrays of ``dtype`` exist (JAX has float64 in x64 mode only)."""
        return contextlib.nullcontext()

    def dtype(self, name: str) -> Any:
        """Return the framework's own dtype."""
        return np.dtype(getattr(require("ml_dtypes"), name) if name == "bfloat16" else name)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        """Return ``x`` as an array of the framework."""
        return np.asarray(x) if dtype is None else np.asarray(x).astype(self.dtype(dtype))

    def to_numpy(self, x: Any) -> np.ndarray:
        """Return floating values as float64, others as they are."""
        x = np.asarray(x)
        return x if x.dtype.kind in "iub" else x.astype(np.float64)

    def value_and_grad(self, fn: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
        """Return ``fn(x)``, a scalar, and its gradient by the framework's own autodiff."""
        raise NotImplementedError("NumPy does not differentiate")

    def jit(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``fn`` compiled or traced, where the framework does that."""
        return fn

    def dtype_name(self, x: Any) -> str:
        """Return the dtype's name as in NumPy."""
        return str(np.asarray(x).dtype if not hasattr(x, "dtype") else x.dtype).removeprefix("torch.")


class Torch(Backend):
    name = "torch"
    differentiates = True

    def __init__(self) -> None:
        self.torch = require("torch")

    def dtype(self, name: str) -> Any:
        return getattr(self.torch, name)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        # torch.tensor copies: NumPy would refuse to lend read-only memory, and mutation must not leak between tests.
        return self.torch.tensor(np.asarray(x), dtype=None if dtype is None else self.dtype(dtype))

    def to_numpy(self, x: Any) -> np.ndarray:
        if not isinstance(x, self.torch.Tensor):
            return super().to_numpy(x)
        x = x.detach()
        return (x.double() if x.dtype.is_floating_point else x).numpy()

    def value_and_grad(self, fn: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
        x = x.detach().clone().requires_grad_(True)
        value = fn(x)
        (grad,) = self.torch.autograd.grad(value, x)
        return value.detach(), grad


class Jax(Backend):
    name = "jax"
    differentiates = True
    traces = True

    def __init__(self) -> None:
        self.jax = require("jax")

    def session(self, dtype: str = "float32") -> contextlib.AbstractContextManager[Any]:
        return self.jax.enable_x64(dtype in ("float64", "int64", "uint64"))

    def dtype(self, name: str) -> Any:
        return self.jax.numpy.dtype(name)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        return self.jax.numpy.asarray(x, dtype=None if dtype is None else self.dtype(dtype))

    def value_and_grad(self, fn: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
        return self.jax.value_and_grad(fn)(x)

    def jit(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        return self.jax.jit(fn)


class TensorFlow(Backend):
    name = "tensorflow"
    differentiates = True
    traces = True

    def __init__(self) -> None:
        self.tf = require("tensorflow")

    def dtype(self, name: str) -> Any:
        return self.tf.as_dtype(name)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        x = self.tf.convert_to_tensor(np.asarray(x))
        return x if dtype is None else self.tf.cast(x, self.dtype(dtype))

    def value_and_grad(self, fn: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
        with self.tf.GradientTape() as tape:
            tape.watch(x)
            value = fn(x)
        return value, tape.gradient(value, x, unconnected_gradients="zero")

    def jit(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        return self.tf.function(fn, autograph=False)

    def dtype_name(self, x: Any) -> str:
        return x.dtype.name if hasattr(x, "dtype") and hasattr(x.dtype, "name") else super().dtype_name(x)


_KINDS = {"numpy": Backend, "torch": Torch, "jax": Jax, "tensorflow": TensorFlow}
_made: dict[str, Backend] = {}


def backend_named(name: str) -> Backend:
    """Return the backend, made once; skips or fails the test where the framework is absent."""
    if name not in _made:
        _made[name] = _KINDS[name]()
    return _made[name]
