"""What the tables about frameworks are made of: calls as code with what they give, and rows of calls.

A call is written as one would type it, after the lines of ``IMPORTS`` and with the row's inputs as arrays of the
framework (float32, int64). Tests run every call in its framework and compare; the documents show the stored results and
need no framework.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KERAS, KERAS_TF, KERAS_TORCH = "keras", "keras/tensorflow", "keras/torch"
KERAS_JAX, KERAS_NUMPY = "keras/jax", "keras/numpy"
TORCH, OPTAX = "torch", "optax"
LK, LT, LJ, LM = "lossmith.keras", "lossmith.torch", "lossmith.jax", "lossmith"

TITLES = {
    KERAS: "Keras",
    KERAS_TF: "Keras on TensorFlow",
    KERAS_TORCH: "Keras on PyTorch",
    KERAS_JAX: "Keras on JAX",
    KERAS_NUMPY: "Keras on NumPy",
    TORCH: "PyTorch",
    OPTAX: "optax",
    LK: "lossmith.keras",
    LT: "lossmith.torch",
    LJ: "lossmith.jax",
    LM: "lossmith",
}
VERSIONS = {"keras": "3.15.1", "torch": "2.13", "optax": "0.2.8"}
IMPORTS = {
    KERAS: "import keras",
    TORCH: "import torch; from torch import nn; from torch.nn import functional as F",
    OPTAX: "import optax; import jax; import jax.numpy as jnp",
    LK: "import lossmith.keras as lk",
    LT: "import lossmith.torch as lt",
    LJ: "import lossmith.jax as lj",
    LM: "import lossmith as lm",
}


@dataclass(frozen=True)
class Raises:
    """The result of a call that ends in an exception.

    Attributes:
        name: Of its class or of a parent's, or "" where frameworks beneath raise different ones.
    """

    name: str = ""


Result = float | str | tuple[Any, ...] | Raises


@dataclass(frozen=True)
class Call:
    """One call and what it gives.

    Attributes:
        where: In which framework: one of the names at the top; "keras" stands for all four backends.
        code: As typed.
        gives: Number, nested tuples of numbers, text, or an exception.
    """

    where: str
    code: str
    gives: Result


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing on which frameworks disagree with each other or with themselves, and what the faces do.

    Attributes:
        title: What it is about.
        inputs: Names and values that the calls use.
        calls: The calls, frameworks first.
        why: What happens, in a sentence or two.
    """

    title: str
    calls: tuple[Call, ...]
    why: str
    inputs: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Rows that belong together."""

    title: str
    rows: tuple[Difference, ...]


def calls(*triples: tuple[str, str, Result]) -> tuple[Call, ...]:
    """Return calls from (where, code, gives)."""
    return tuple(Call(*triple) for triple in triples)


def shown(result: Any) -> str:
    """Return a result as the documents show it.

    >>> from lossmith.understanding.frameworks.tables import Raises, shown
    >>> shown((0.5, 2.0)), shown(Raises("ValueError")), shown(float("nan"))
    ('[0.5, 2]', 'raises ValueError', 'NaN')
    """
    if isinstance(result, Raises):
        return f"raises {result.name or 'an error'}"
    if isinstance(result, str):
        return result
    if isinstance(result, tuple):
        return f"[{', '.join(map(shown, result))}]"
    if math.isnan(result):
        return "NaN"
    if math.isinf(result):
        return "∞" if result > 0 else "-∞"
    return f"{result:.6g}"


@dataclass(frozen=True, kw_only=True)
class Port:
    """One loss as each framework writes it, all with the same value.

    Attributes:
        title: Of the loss.
        inputs: Names and values: ``x`` is the prediction (``p`` probabilities), ``y`` the target.
        value: What every form gives.
        keras: How to write it there; "" where it has none. The same for the others.
        note: What to watch, or "".
    """

    title: str
    value: float
    keras: str = ""
    torch: str = ""
    optax: str = ""
    lossmith: str = ""
    note: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The forms that there are."""
        forms = ((KERAS, self.keras), (TORCH, self.torch), (OPTAX, self.optax), (LM, self.lossmith))
        return tuple(Call(where, code, self.value) for where, code in forms if code)
