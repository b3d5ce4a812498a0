"""Running the calls of the tables about frameworks.

Keras runs on the one backend that this process has.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np


class Asked(NamedTuple):
    """A call, its inputs, and whether it should raise."""

    where: str
    code: str
    inputs: Mapping[str, Any]
    raises: bool = False


def run(asked: Sequence[Asked]) -> list[Any]:
    """Return what calls give, as floats, nested lists or text; of an exception, the names of its classes."""
    traced = [a for a in asked if _names(a.where).get("traces") and not a.raises]
    if len(traced) < 2:
        return [_plain(_attempt(a), a.where) for a in asked]
    found = iter(_run_in_one_program(traced))
    return [next(found) if a in traced else _plain(_attempt(a), a.where) for a in asked]


def _run_in_one_program(asked: Sequence[Asked]) -> list[Any]:
    """Compile all calls into one program: JAX would otherwise compile every operation on its own."""
    from faces.jax_programs import compiled_quickly

    raised: dict[int, Any] = {}

    def program() -> list[Any]:
        results = [_attempt(a) for a in asked]
        raised.update({i: r for i, r in enumerate(results) if isinstance(r, dict)})
        return [0.0 if i in raised else r for i, r in enumerate(results)]

    with compiled_quickly():
        results = _names(asked[0].where)["jax"].jit(program)()
    return [raised.get(i, _plain(r, asked[i].where)) for i, r in enumerate(results)]


def agrees(result: Any, wanted: Any, tolerance: float = 2e-5) -> bool:
    """Whether what a call gave is what the table says."""
    if hasattr(wanted, "name"):
        return isinstance(result, dict) and (not wanted.name or wanted.name in result["raised"])
    if isinstance(result, dict) or isinstance(wanted, str):
        return result == wanted
    if isinstance(wanted, tuple):
        return (
            isinstance(result, list)
            and len(result) == len(wanted)
            and all(agrees(r, w, tolerance) for r, w in zip(result, wanted, strict=True))
        )
    if isinstance(result, list):
        return False
    return (
        result == wanted
        or (math.isnan(result) and math.isnan(wanted))
        or math.isclose(result, wanted, rel_tol=tolerance, abs_tol=1e-6)
    )


def _attempt(asked: Asked) -> Any:
    names = _names(asked.where)
    arrays = {name: names["array"](value) for name, value in asked.inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(asked.code, names | arrays)
        except Exception as error:
            return {"raised": [kind.__name__ for kind in type(error).__mro__]}


@cache
def _names(where: str) -> dict[str, Any]:
    """Return what a call may name, and what turns inputs into arrays and results into numbers."""
    framework = where.partition("/")[0]
    return {"np": np, "array": _array, "number": np.asarray} | _FRAMEWORKS[framework]()


def _keras() -> dict[str, Any]:
    import keras

    import lossmith.keras as lk

    def number(x: Any) -> Any:
        return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))

    names = {"keras": keras, "lk": lk, "number": number}
    if keras.backend.backend() != "jax":
        return names
    import jax

    return names | {"jax": jax, "traces": True}


def _torch() -> dict[str, Any]:
    import torch
    from torch import nn

    import lossmith.torch as lt

    def grad(function: Any, x: Any) -> Any:
        x = x.detach().clone().requires_grad_(True)
        return torch.autograd.grad(function(x).sum(), x)[0]

    def number(x: Any) -> Any:
        return x.detach().double().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)

    names = {"torch": torch, "nn": nn, "F": nn.functional, "lt": lt, "grad": grad}
    names["autocast"] = torch.autocast("cpu", dtype=torch.bfloat16)
    return names | {"array": lambda x: torch.tensor(_array(x)), "number": number}


def _jax() -> dict[str, Any]:
    import jax
    import optax

    import lossmith.jax as lj

    names = {"jax": jax, "jnp": jax.numpy, "optax": optax, "lj": lj, "traces": True}
    return names | {"array": lambda x: jax.numpy.asarray(_array(x))}


def _lossmith() -> dict[str, Any]:
    import lossmith as lm

    return {"lm": lm}


_FRAMEWORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "keras": _keras,
    "lossmith.keras": _keras,
    "torch": _torch,
    "lossmith.torch": _torch,
    "optax": _jax,
    "lossmith.jax": _jax,
    "lossmith": _lossmith,
}


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype({"f": "float32", "i": "int64"}.get(array.dtype.kind, array.dtype))


def _plain(result: Any, where: str) -> Any:
    if isinstance(result, str | dict):
        return result
    if isinstance(result, tuple):
        return [_plain(r, where) for r in result]
    return np.asarray(_names(where)["number"](result), float).tolist()
