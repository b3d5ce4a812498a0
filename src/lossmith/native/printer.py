"""From the symbolic nodes of ``symbols`` to C++ expressions and statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .symbols import Condition, Lanes, Mask, Node

_CALLS = {
    "exp": "exponential",
    "expm1": "exponential_minus_one",
    "log": "logarithm",
    "log1p": "log_one_plus",
    "log1p_near": "log_one_plus_near",
    "tanh": "hyperbolic_tangent",
    "sqrt": "square_root",
    "abs": "magnitude",
    "sign": "sign",
    "at_most": "at_most",
    "at_least": "at_least",
}
_NUMBER_CALLS = {"abs": "std::fabs", "power": "std::pow"}
_OPERATORS = ("+", "-", "*", "/")


def _literal(x: float) -> str:
    if math.isinf(x) or math.isnan(x):
        return f"{'-' if x < 0 else ''}{'infinity' if math.isinf(x) else 'not_a_number'}<double>"
    return repr(float(x))


def number_text(x: Any) -> str:
    """A Number, or a Python number, as a C++ expression of doubles."""
    if not isinstance(x, Node):
        return _literal(x)
    if x.op == "parameter":
        return f"q[{x.args[0]}]"
    if x.op == "neg":
        return f"(-{number_text(x.args[0])})"
    if x.op in _OPERATORS:
        return f"({number_text(x.args[0])} {x.op} {number_text(x.args[1])})"
    return f"{_NUMBER_CALLS.get(x.op, f'std::{x.op}')}({', '.join(map(number_text, x.args))})"


def condition_text(x: Condition) -> str:
    """A comparison of Numbers as a C++ condition."""
    a, b = map(number_text, x.args)
    return f"{a} {x.op} {b}"


def bare(text: str) -> str:
    """Drop the parentheses that every compound expression comes in."""
    return text[1:-1] if text.startswith("(") else text


class Printer:
    """Writes statements: a name for each node that is used twice or is too long to stand inside another.

    Args:
        outputs: What is to be computed.
        kept: What stages before this one have computed, and where it is.
        shared: The numbers that all elements share, so far.
    """

    def __init__(self, outputs: Iterable[Node], kept: Mapping[Node, int], shared: list[str]) -> None:
        self.shared, self.lines = shared, list[str]()
        self.known, self.kept = dict[Node, str](), kept
        self.uses: dict[Node, int] = {}
        for node in outputs:
            self._count(node)

    def _count(self, node: Node) -> None:
        self.uses[node] = self.uses.get(node, 0) + 1
        if self.uses[node] == 1 and node not in self.kept:
            for argument in arguments(node):
                self._count(argument)

    def text(self, node: Any) -> str:
        """Return what stands for a node in an expression; names it if need be."""
        if node not in self.known:
            text = self._expression(node)
            if node.op not in ("array", "broadcast") and (self.uses[node] > 1 or len(text) > 40):
                name = f"{'m' if isinstance(node, Mask) else 'x'}{len(self.lines)}"
                self.lines.append(f"const {'auto' if isinstance(node, Mask) else 'V'} {name} = {bare(text)};")
                text = name
            self.known[node] = text
        return self.known[node]

    def keep(self, places: Mapping[Node, int], chosen: Callable[[Node], bool]) -> None:
        """Write statements that keep those of some nodes that are chosen."""
        for node, place in places.items():
            if chosen(node):
                text = bare(self.text(node))
                self.lines.append(f"k.keep({place}, {text});")

    def _expression(self, node: Any) -> str:
        op, args = node.op, node.args
        if node in self.kept:
            return f"k[{self.kept[node]}]"
        if op == "array":
            return args[0]
        if op == "broadcast":
            return f"all({self._shared(args[0])})"
        if op == "power":
            return f"power<T>({self.text(args[0])}, {self._shared(args[1])})"
        texts = [self.text(a) for a in args]
        if op == "where":
            return "({} ? {} : {})".format(*texts)
        if op == "neg":
            return f"(-{texts[0]})"
        if op in _CALLS:
            return f"{_CALLS[op]}<T>({', '.join(map(bare, texts))})"
        return f"negation({texts[0]})" if op == "not" else f"({texts[0]} {op} {texts[1]})"

    def _shared(self, x: Any) -> str:
        """A number that all elements share: a literal where it stands, or an entry of u."""
        if not isinstance(x, Node):
            return f"T({_literal(x)})"
        text = number_text(x)
        if text not in self.shared:
            self.shared.append(text)
        return f"u[{self.shared.index(text)}]"


def arguments(node: Node) -> list[Node]:
    """What a node is computed from, element by element."""
    return [a for a in node.args if isinstance(a, Lanes | Mask)]
