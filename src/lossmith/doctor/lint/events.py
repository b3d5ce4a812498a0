"""What happens in a source that rules look at, each with the place where it happens."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from .values import LossCall, LossSpec, Tensor

__all__ = ["Activated", "ClassCall", "Compile", "Event", "Logarithm", "LossCall", "Metric"]


@dataclass(frozen=True, eq=False)
class Activated:
    """An activation is applied to a tensor."""

    node: ast.AST
    after: Tensor


@dataclass(frozen=True, eq=False)
class Logarithm:
    """A logarithm of an activation's result, or a log-softmax written ``by_hand``."""

    node: ast.AST
    of: Tensor
    written: str
    complement: bool = False
    by_hand: bool = False


@dataclass(eq=False)
class ClassCall:
    """A loss class is called with prediction and target; ``used`` where its result is used as a value."""

    spec: LossSpec
    node: ast.Call
    prediction: Any
    used: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric of ``compile``: its name without module, in lower case with underscores, and its threshold."""

    name: str
    threshold: Any = None
    is_object: bool = False


@dataclass(frozen=True, eq=False)
class Compile:
    """A Keras model is compiled, for one output; ``function`` is a loss of this file."""

    node: ast.Call
    output: Any
    loss: LossSpec | None
    loss_node: ast.AST
    metrics: tuple[Metric, ...] = ()
    function: Any = None


Event = Activated | ClassCall | Compile | Logarithm | LossCall
