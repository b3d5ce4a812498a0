"""What an expression is known to be, without running it: a few frozen records; ``None`` is "not known".

Where two paths of a program meet, a value that differs is not known any more (:func:`join`). That is what keeps the
rules silent about conditionals, flags and names that are assigned again.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ref:
    """Something of a framework, by its canonical name ("torch.nn.CrossEntropyLoss")."""

    name: str


@dataclass(frozen=True)
class Const:
    """A literal number, string, boolean or None."""

    value: Any


@dataclass(frozen=True)
class Group:
    """A list or tuple; ``None`` among the items is one or more items that are not known."""

    items: tuple[Any, ...]
    whole: bool = True


@dataclass(frozen=True)
class Table:
    """A dictionary with literal keys."""

    items: tuple[tuple[Any, Any], ...]

    def get(self, key: Any) -> Any:
        """Return the value of a key, or None."""
        return next((v for k, v in self.items if k == key), None)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An array that a program computes.

    Attributes:
        activation: What was applied last ("softmax", "linear", …), or None where that is not known.
        units: The length of the axis of units or channels, or None.
        axis: The axis of a softmax, or None where it is not known or by default.
        shown: Where the activation comes from, in words: "F.softmax (line 12)".
        dropout: Whether a dropout follows the last weights.
        guarded: Whether an epsilon or a clamp keeps it from 0.
        hard: "argmax" or "a comparison", where the values are hard answers without a gradient.
        one_hot: Whether it is made by a one-hot function.
        predicted: Whether it is the output of layers, a model or an activation.
    """

    activation: str | None = None
    units: int | None = None
    axis: int | None = None
    shown: str = ""
    dropout: bool = False
    guarded: bool = False
    hard: str = ""
    one_hot: bool = False
    predicted: bool = False


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of a framework: what it does to a :class:`Tensor`.

    ``effect`` is "weights" (ends in ``activation``), "activation", "dropout", "keep", "reshape" or "unknown".
    """

    framework: str
    effect: str
    activation: str | None = None
    units: int | None = None
    axis: int | None = None
    shown: str = ""


@dataclass(frozen=True)
class Chain:
    """A Sequential of torch or Keras: layers (or anything that can be called), first to last."""

    framework: str
    layers: tuple[Any, ...]


@dataclass(frozen=True)
class Functional:
    """A Keras model made of its outputs."""

    outputs: tuple[Any, ...]
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A loss with its settings, as far as the source tells.

    Attributes:
        shown: As it is written: "nn.CrossEntropyLoss", "F.nll_loss", '"mse"'.
        framework: "torch", "keras", "optax", "tensorflow" or "lossmith".
        name: The definition of lossmith that it is.
        form: What it takes: "logits", "probabilities", "log-probabilities", "values", or "" where not known.
        kind: "categorical", "binary", "distance" or "".
        takes: "indices", "rows" or "" for the labels of a categorical loss.
        log_target: For a divergence: whether the target is a logarithm; None where not known.
        weights: The number of class weights, or None.
        line: Where it is made.
    """

    shown: str
    framework: str
    name: str
    form: str
    kind: str
    takes: str = ""
    log_target: bool | None = False
    weights: int | None = None
    line: int = 0


@dataclass(frozen=True)
class LossObject:
    """A loss that can be called, or given to ``compile``."""

    spec: LossSpec


@dataclass(eq=False)
class LossCall:
    """A loss applied to prediction and target; ``trained`` where a gradient of its value is taken."""

    spec: LossSpec
    prediction: Any
    target: Any
    node: ast.Call
    names: tuple[str, str] = ("", "")
    trained: bool = False


@dataclass(frozen=True)
class Method:
    """A method or attribute of a value that is no framework's name."""

    owner: Any
    name: str


@dataclass(frozen=True, eq=False)
class Function:
    """A function or lambda of this file, with the scope it was made in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Any
    owner: Any = None  # the instance whose method this is


@dataclass(frozen=True, eq=False)
class Class:
    """A class of this file."""

    node: ast.ClassDef
    scope: Any
    bases: tuple[Any, ...]

    @property
    def own_methods(self) -> Mapping[str, ast.FunctionDef]:
        """The methods by name."""
        return {s.name: s for s in self.node.body if isinstance(s, ast.FunctionDef)}


@dataclass(eq=False)
class Instance:
    """An object of a class of this file; ``attributes`` that are assigned at several places are not known."""

    of: Class
    attributes: dict[str, Any] = field(default_factory=dict)


def join(a: Any, b: Any) -> Any:
    """Return what is known where two paths meet."""
    if a is b:
        return a
    return a if type(a) is type(b) and a == b else None
