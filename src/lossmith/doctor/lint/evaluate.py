"""What expressions are worth, followed by name through a file; calls are in ``calls``, statements in ``execute``.

Nothing is run. An expression's worth is one of ``values``, or None; what rules want to see on the way is collected as
``events``.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from . import formulas, layers
from .events import Event, Logarithm, LossCall
from .names import canonical
from .values import (
    Chain,
    Class,
    Const,
    Function,
    Functional,
    Group,
    Instance,
    Method,
    Ref,
    Table,
    Tensor,
    join,
)

LOGS = frozenset({"torch.log", "tensorflow.math.log", "keras.ops.log", "jax.numpy.log", "keras.backend.log"})


@dataclass
class Scope:
    """Names and what they are worth; ``parent`` is where other names are looked up."""

    parent: Scope | None = None
    names: dict[str, Any] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    hidden: frozenset[str] = frozenset()

    def lookup(self, name: str) -> Any:
        """Return what a name is worth, or None."""
        if name in self.names:
            return None if name in self.hidden else self.names[name]
        if self.parent is not None:
            return self.parent.lookup(name)
        for module in self.stars:
            if layers.is_known(f"{module}.{name}"):
                return Ref(f"{module}.{name}")
        return None


@dataclass
class Arguments:
    """The arguments of a call: their worth and nodes; ``unsure`` where ``*`` or ``**`` hide some."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    nodes: dict[Any, ast.expr]
    unsure: bool


class Evaluator(ABC):
    """Evaluates expressions; ``Calls`` adds calls, ``Interpreter`` statements, functions and classes."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    @abstractmethod
    def shifted(self) -> frozenset[str]:
        """Names whose maximum may have been taken off already."""

    @abstractmethod
    def call_function(self, function: Function, given: Arguments) -> Any:
        """Return what a function of the file returns."""

    @abstractmethod
    def construct(self, made: Class, given: Arguments) -> Any:
        """Return an instance of a class of the file."""

    @abstractmethod
    def attribute(self, instance: Instance, name: str) -> Any:
        """Return an attribute or bound method of an instance."""

    @abstractmethod
    def call_instance(self, instance: Instance, given: Arguments) -> Any:
        """Return what calling an instance returns."""

    @abstractmethod
    def super_call(self, name: str, given: Arguments) -> Any:
        """Return what ``super().name(…)`` returns."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Bind a target to a value."""

    @abstractmethod
    def output_of(self, model: Any, node: ast.AST) -> Any:
        """Return the output of a Keras model."""

    # --- expressions --------------------------------------------------------------------------------------------------
    def evaluate(self, node: ast.expr | None, scope: Scope) -> Any:
        """Return what an expression is worth, or None."""
        if node is None:
            return None
        visit: Callable[[Any, Scope], Any] | None = getattr(self, f"_on_{type(node).__name__}", None)
        if visit is not None:
            return visit(node, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, scope)
        return None

    def _on_Constant(self, node: ast.Constant, scope: Scope) -> Any:
        return Const(node.value) if isinstance(node.value, str | int | float | bool | None) else None

    def _on_Name(self, node: ast.Name, scope: Scope) -> Any:
        return scope.lookup(node.id)

    def _on_Attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        owner = self.evaluate(node.value, scope)
        if isinstance(owner, Ref):
            return Ref(canonical(f"{owner.name}.{node.attr}"))
        if isinstance(owner, Instance):
            return self.attribute(owner, node.attr)
        if isinstance(owner, Tensor) and node.attr == "data":
            return owner
        if node.attr == "output" and isinstance(owner, Chain | Functional):
            return self.output_of(owner, node)
        return None if owner is None else Method(owner, node.attr)

    def _on_List(self, node: ast.List | ast.Tuple, scope: Scope) -> Any:
        items: list[Any] = []
        whole = True
        for item in node.elts:
            if isinstance(item, ast.Starred):
                inner = self.evaluate(item.value, scope)
                if isinstance(inner, Group):
                    items += inner.items
                    whole &= inner.whole
                else:
                    items.append(None)
                    whole = False
            else:
                items.append(self.evaluate(item, scope))
        return Group(tuple(items), whole)

    _on_Tuple = _on_List

    def _on_Dict(self, node: ast.Dict, scope: Scope) -> Any:
        keys = [None if key is None else self.evaluate(key, scope) for key in node.keys]
        values = [self.evaluate(value, scope) for value in node.values]
        if not all(isinstance(key, Const) for key in keys):
            return None
        return Table(tuple((k.value, v) for k, v in zip(keys, values, strict=True) if isinstance(k, Const)))

    def _on_IfExp(self, node: ast.IfExp, scope: Scope) -> Any:
        self.evaluate(node.test, scope)
        return join(self.evaluate(node.body, scope), self.evaluate(node.orelse, scope))

    def _on_Lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return Function(node, scope)

    def _on_NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> Any:
        value = self.evaluate(node.value, scope)
        scope.names[node.target.id] = value
        return value

    def _on_UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Any:
        inner = self.evaluate(node.operand, scope)
        if isinstance(inner, Const) and isinstance(inner.value, int | float):
            if isinstance(node.op, ast.USub):
                return Const(-inner.value)
            if isinstance(node.op, ast.Not):
                return Const(not inner.value)
        return None

    def _on_Compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.evaluate(node.left, scope)
        for other in node.comparators:
            self.evaluate(other, scope)
        order = isinstance(node.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE)
        return Tensor(hard="a comparison") if isinstance(left, Tensor) and left.predicted and order else None

    def _on_BinOp(self, node: ast.BinOp, scope: Scope) -> Any:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        by_hand = formulas.log_softmax_by_hand(node)
        if by_hand is not None and self._is_log(by_hand[1], scope):
            self._log_by_hand(by_hand[0], node, f"{by_hand[0]} - log(sum(exp({by_hand[0]})))")
        if isinstance(left, LossCall) and isinstance(node.op, ast.Div | ast.Mult) and not isinstance(right, LossCall):
            return left
        if isinstance(right, LossCall) and isinstance(node.op, ast.Mult) and not isinstance(left, LossCall):
            return right
        if isinstance(node.op, ast.Add):
            tensor, other = (left, right) if isinstance(left, Tensor) else (right, left)
            if isinstance(tensor, Tensor) and tensor.activation in layers.BOUNDED and not isinstance(other, Tensor):
                small = isinstance(other, Const) and isinstance(other.value, float) and abs(other.value) < 1e-2
                return replace(tensor, guarded=True) if small else None
        complement = isinstance(node.op, ast.Sub) and isinstance(left, Const) and left.value == 1
        if complement and isinstance(right, Tensor) and right.activation == "sigmoid":
            return replace(right, shown=f"1 - {right.shown}")
        return None

    def _on_Subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner, index = self.evaluate(node.value, scope), self.evaluate(node.slice, scope)
        if isinstance(owner, Group) and owner.whole and isinstance(index, Const) and type(index.value) is int:
            return owner.items[index.value] if -len(owner.items) <= index.value < len(owner.items) else None
        if isinstance(owner, Table) and isinstance(index, Const):
            return owner.get(index.value)
        return None

    def _comprehension(self, node: Any, scope: Scope) -> Any:
        inner = Scope(scope)
        for generator in node.generators:
            self.evaluate(generator.iter, inner)
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Name):
                    inner.names[target.id] = None
            for test in generator.ifs:
                self.evaluate(test, inner)
        for part in ("elt", "key", "value"):
            self.evaluate(getattr(node, part, None), inner)
        return None

    _on_ListComp = _on_SetComp = _on_GeneratorExp = _on_DictComp = _comprehension

    def _is_log(self, call: ast.Call, scope: Scope) -> bool:
        called = self.evaluate(call.func, scope)
        return isinstance(called, Ref) and called.name in LOGS

    def _log_by_hand(self, x: str, node: ast.AST, formula: str) -> None:
        if x not in self.shifted:
            self.events.append(Logarithm(node, Tensor(activation="softmax"), formula, by_hand=True))
