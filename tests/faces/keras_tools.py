"""What the tests of the Keras face share: the backend of this process (KERAS_BACKEND), and gradients on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from frameworks import require

keras = require("keras")
import lossmith.keras as lk  # noqa: E402 - after the line that skips where Keras is absent

__all__ = [
    "BACKEND",
    "DIFFERENTIATES",
    "history",
    "keras",
    "lk",
    "quick",
    "tiny_model",
    "to_numpy",
    "value_and_gradient",
]
BACKEND = keras.backend.backend()
DIFFERENTIATES = BACKEND != "numpy"
if BACKEND == "jax":
    require("jax").config.update("jax_disable_most_optimizations", True)  # hundreds of tiny compilations


def to_numpy(x: Any) -> np.ndarray:
    """Return a tensor as NumPy, half precision as float32."""
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fiub":
        return np.asarray(x)
    if hasattr(x, "detach"):
        x = x.detach()
    x = keras.ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    return np.asarray(keras.ops.cast(x, "float32") if dtype in ("bfloat16", "float16") else x)


def quick(function: Callable[[], Any]) -> Any:
    """Return what ``function()`` returns as NumPy; on JAX it is compiled once instead of operation by operation."""
    result = require("jax").jit(function)() if BACKEND == "jax" else function()
    return [to_numpy(x) for x in result] if isinstance(result, list) else to_numpy(result)


def value_and_gradient(function: Callable[[Any], tuple[Any, Any]], y_pred: Any) -> tuple[Any, Any, Any]:
    """Return value, auxiliary result and gradient with respect to ``y_pred`` of ``function(y_pred) -> value, aux``."""
    if BACKEND == "torch":
        y_pred = keras.ops.convert_to_tensor(y_pred).detach().clone().requires_grad_(True)
        value, aux = function(y_pred)
        value.backward()
        gradient = y_pred.grad
    elif BACKEND == "tensorflow":
        tf, y_pred = require("tensorflow"), keras.ops.convert_to_tensor(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value, aux = function(y_pred)
        gradient = tape.gradient(value, y_pred)
    elif BACKEND == "jax":
        jax, y_pred = require("jax"), keras.ops.convert_to_tensor(y_pred)
        (value, aux), gradient = jax.jit(jax.value_and_grad(function, has_aux=True))(y_pred)
    else:
        return *map(to_numpy, function(y_pred)), np.zeros(0)
    return to_numpy(value), to_numpy(aux), to_numpy(gradient)


def tiny_model(output: tuple[int, ...] = (4,), activation: str | None = None, features: int = 4) -> Any:
    """Return the same small model each time: (N, features) to (N, *output)."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input((features,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(math.prod(output))]
    layers += [keras.layers.Reshape(output)] if len(output) > 1 else []
    return keras.Sequential([*layers, keras.layers.Activation(activation)] if activation else layers)


def history(loss: Any, x: Any, y: Any, model: Any = None, epochs: int = 2, batch_size: int = 3, **options: Any) -> list:
    """Train on two epochs and return their losses; ``options`` go to ``compile`` or ``fit``."""
    model = tiny_model() if model is None else model
    compiled = {k: options.pop(k) for k in ("jit_compile", "run_eagerly", "loss_weights") if k in options}
    model.compile(optimizer="sgd", loss=loss, **compiled)
    fitted = model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0, shuffle=False, **options)
    return fitted.history["loss"]
