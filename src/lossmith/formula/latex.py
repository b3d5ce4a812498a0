r"""The LaTeX that formulas are written in, read into a small tree; ``plain`` and ``mathml`` print it.

The subset: letters, numbers, operators and relations, ``\frac``, ``\sqrt``, sub- and superscripts, fences (brackets,
``|x|``, ``\|x\|``), ``cases``, ``\operatorname``, ``\text``, and the commands in the tables below. Anything else is an
error that names it: add it to a table, or write the formula without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["letter", "number", "function", "large", "operator", "relation", "comma", "postfix", "text", "space"]

GREEK = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ"},
    **{"eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ"},
    **{"sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ"},
    **{"Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω"},
}
LETTERS = {**GREEK, "infty": "∞", "ell": "ℓ", "dots": "…", "ldots": "…", "cdots": "…", "emptyset": "∅", "nabla": "∇"}
FUNCTIONS = frozenset(("log", "ln", "exp", "max", "min", "sup", "inf", "sin", "cos", "tan", "sinh", "cosh", "tanh"))
LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
OPERATORS = {"cdot": "·", "times": "×", "pm": "±", "cup": "∪", "cap": "∩", "setminus": "∖"}
RELATIONS = {"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "in": "∈", "approx": "≈", "to": "→"}
SPACES = {"quad": "   ", "qquad": "      ", ",": "", ";": " ", " ": " ", "!": ""}
FENCES = {"(": ")", "[": "]", "|": "|", r"\|": r"\|", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
FENCE_TEXT = {r"\|": "‖", r"\{": "{", r"\}": "}", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉"}

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL)


@dataclass(frozen=True)
class Symbol:
    """One letter, number, name, operator, or the space between two of them."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class Fence:
    """Something between brackets or bars."""

    opening: str
    body: Row
    closing: str


@dataclass(frozen=True)
class Fraction:
    """One row over another."""

    above: Row
    below: Row


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Row


@dataclass(frozen=True)
class Script:
    """A base with something below, above, or both."""

    base: Node
    below: Row
    above: Row


@dataclass(frozen=True)
class Cases:
    """A value for each condition."""

    rows: tuple[tuple[Row, Row], ...]


Node: TypeAlias = Symbol | Fence | Fraction | Root | Script | Cases
Row: TypeAlias = tuple[Node, ...]


def parse(source: str) -> Row:
    """Return the tree of a formula.

    Args:
        source: LaTeX of the subset above.

    Raises:
        ValueError: A command outside the subset, or brackets that do not match.
    """
    reader = _Reader(source)
    row = reader.row(())
    if reader.token is not None:
        raise ValueError(f"{reader.token!r} closes nothing in the formula {source!r}")
    return row


def walk(row: Row) -> Iterator[Node]:
    """Yield every node of a tree, parents first."""
    for node in row:
        yield node
        match node:
            case Fence(body=body) | Root(body=body):
                yield from walk(body)
            case Fraction(above=above, below=below):
                yield from walk(above + below)
            case Script(base=base, below=below, above=above):
                yield from walk((base, *below, *above))
            case Cases(rows=rows):
                for value, condition in rows:
                    yield from walk(value + condition)


class _Reader:
    """A recursive-descent reader; ``token`` is the next one, None at the end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _TOKEN.findall(source.strip())
        self.at = 0

    @property
    def token(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        token = self.token
        if token is None:
            raise ValueError(f"the formula {self.source!r} ends too early")
        self.at += 1
        return token

    def row(self, stops: tuple[str, ...]) -> Row:
        """Read nodes up to one of ``stops``, which is left in place."""
        nodes: list[Node] = []
        while self.token is not None and self.token not in stops and self.token != "}":
            if self.token in "_^":
                base = nodes.pop() if nodes else Symbol("", "text")
                nodes.append(self.script(base))
            else:
                nodes.extend(self.node(self.take()))
        return tuple(nodes)

    def node(self, token: str) -> Row:
        if token == "{":
            return self.rest_of_group()
        if token in FENCES:
            return (self.fence(token),)
        if token.startswith("\\"):
            return self.command(token[1:])
        return (_plain_symbol(token),)

    def command(self, name: str) -> Row:
        match name:
            case "frac" | "tfrac" | "dfrac":
                return (Fraction(self.group(), self.group()),)
            case "sqrt":
                return (Root(self.group()),)
            case "operatorname" | "mathrm":
                return (Symbol(self.words(), "function"),)
            case "text":
                return (Symbol(self.words(), "text"),)
            case "left" | "right":
                return ()
            case "begin":
                return (self.cases(),)
        for table, kind in _TABLES:
            if name in table:
                return (Symbol(table[name], kind),)
        if name in FUNCTIONS:
            return (Symbol(name, "function"),)
        raise ValueError(f"\\{name} in the formula {self.source!r} is outside of the LaTeX that is understood here")

    def fence(self, opening: str) -> Fence:
        closing = FENCES[opening]
        stops = (closing, r"\right") if opening in "|" else (")", "]") if opening in "([" else (closing,)
        body = self.row(stops)
        if self.token == r"\right":
            self.take()
        return Fence(_fence_text(opening), body, _fence_text(self.take()))

    def group(self) -> Row:
        """Read one argument: a group in braces, or a single token."""
        self.skip_space()
        token = self.take()
        return self.rest_of_group() if token == "{" else self.node(token)

    def rest_of_group(self) -> Row:
        row = self.row(())
        self.expect("}")
        return row

    def words(self) -> str:
        self.expect("{")
        start = self.at
        while self.take() != "}":
            pass
        return "".join(self.tokens[start : self.at - 1])

    def script(self, base: Node) -> Script:
        parts: dict[str, Row] = {"_": (), "^": ()}
        while self.token in ("_", "^"):
            mark = self.take()
            parts[mark] = self.group()
        return Script(base, parts["_"], parts["^"])

    def cases(self) -> Cases:
        if self.words() != "cases":
            raise ValueError(f"only cases can begin in the formula {self.source!r}")
        rows = []
        while True:
            value = self.row(("&", r"\\", r"\end"))
            self.expect("&")
            rows.append((_trim(value), _trim(self.row((r"\\", r"\end")))))
            if self.take() == r"\end":
                self.words()
                return Cases(tuple(rows))

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise ValueError(f"{token!r} is missing in the formula {self.source!r}")

    def skip_space(self) -> None:
        while self.token is not None and self.token.isspace():
            self.at += 1


_TABLES: tuple[tuple[dict[str, str], Kind], ...] = (
    (LETTERS, "letter"),
    (LARGE, "large"),
    (OPERATORS, "operator"),
    (RELATIONS, "relation"),
    (SPACES, "space"),
)


def _plain_symbol(token: str) -> Symbol:
    if token.isspace():
        return Symbol(" ", "space")
    if token[0].isdigit():
        return Symbol(token, "number")
    if token.isalpha():
        return Symbol(token, "letter")
    kinds: dict[str, Kind] = {"=": "relation", "<": "relation", ">": "relation", ",": "comma", ";": "comma"}
    kinds |= {"!": "postfix", "'": "postfix", "+": "operator", "-": "operator", "/": "operator", "*": "operator"}
    if token not in kinds:
        raise ValueError(f"{token!r} has no meaning in a formula")
    return Symbol("−" if token == "-" else token, kinds[token])


def _fence_text(token: str) -> str:
    return FENCE_TEXT.get(token, token)


def is_space(node: Node) -> bool:
    """Whether a node is nothing but space."""
    return isinstance(node, Symbol) and node.kind == "space"


def is_call(after: Row) -> bool:
    """Whether what follows a function's name is its argument in brackets."""
    first = next(iter(after), None)
    return isinstance(first.base if isinstance(first, Script) else first, Fence)


def _trim(row: Row) -> Row:
    """Drop the spaces at both ends."""
    nodes = list(row)
    for end in (0, -1):
        while nodes and is_space(nodes[end]):
            nodes.pop(end)
    return tuple(nodes)
