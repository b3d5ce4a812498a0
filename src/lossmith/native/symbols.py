"""The array operations on symbols: a definition called with them writes down what it computes, for ``emit`` to print.

It is an operations module like those of ``lossmith.arrays``, as far as losses with one value per element need it; any
other operation raises Untraceable. There are four kinds of node: Lanes (a number per element) and Mask (a truth value
per element) are computed for each element in its dtype; Number (parameters and what is made of them alone) and
Condition once per call, in double precision, as Python would. So a Number is rounded where it meets Lanes, as NumPy
rounds a Python float.

Equal expressions are one node, which is how the value and the gradient share what they have in common. Rewriting is
limited to what is right for every input, NaN and infinities included (``1 * x``, ``-(-x)``, ``|-x|``, ``a + b`` as
``b + a``, ``tanh`` of a clipped number, a choice inside the same choice).

Python code may branch on a parameter (``if label_smoothing:``); ``paths`` runs the definition once per outcome.
"""

from __future__ import annotations

import math as _math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

name = "symbols"

LONG = frozenset(("exp", "expm1", "log", "log1p", "log1p_near", "tanh", "power"))  # functions of many steps

_known: dict[tuple[Any, ...], Node] = {}


class Untraceable(AttributeError):
    """A definition uses an operation that has no version on lanes; the message names it."""


class Node:
    """One operation of its arguments, which are nodes, Python numbers or names; made twice, it is the same object."""

    op: str
    args: tuple[Any, ...]
    order: int

    def __new__(cls, op: str, *args: Any) -> Any:  # noqa: D102
        key = (cls, op, *((id(a) if isinstance(a, Node) else (type(a), repr(a))) for a in args))
        node = _known.get(key)
        if node is None:
            node = _known[key] = object.__new__(cls)
            node.op, node.args, node.order = op, args, len(_known)
        return node

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.args))})"


def forget() -> None:
    """Start afresh: nodes made from here on equal none that were made before."""
    _known.clear()


def _sorted(a: Any, b: Any) -> tuple[Any, Any]:
    """Arguments of a commutative operation, in one order."""
    return (a, b) if getattr(a, "order", 0) <= getattr(b, "order", 0) else (b, a)


class _Arithmetic(Node):
    """What Lanes and Numbers have in common: Python's operators."""

    def __add__(self, other: Any) -> Any:
        return add(self, other)

    def __radd__(self, other: Any) -> Any:
        return add(other, self)

    def __sub__(self, other: Any) -> Any:
        return _apply("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _apply("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return _power(other, self)

    def __neg__(self) -> Any:
        return self.args[0] if self.op == "neg" else type(self)("neg", self)

    def __abs__(self) -> Any:
        return abs0(self)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)

    def __eq__(self, other: Any) -> Any:
        return _compare("==", self, other)

    def __ne__(self, other: Any) -> Any:
        return _compare("!=", self, other)

    __hash__ = Node.__hash__

    def __float__(self) -> float:
        raise Untraceable(f"float({self})")


class Lanes(_Arithmetic):
    """A number for each element."""

    dtype = "the dtype of the elements"

    def __bool__(self) -> bool:
        raise Untraceable("a branch on an element")


class Number(_Arithmetic):
    """A number for the whole call."""

    def __bool__(self) -> bool:
        return bool(self != 0)


class Mask(Node):
    """A truth value for each element."""

    def __and__(self, other: Any) -> Mask:
        return Mask("&", *_sorted(self, other))

    def __or__(self, other: Any) -> Mask:
        return Mask("|", *_sorted(self, other))

    def __invert__(self) -> Mask:
        return self.args[0] if self.op == "not" else Mask("not", self)

    def __bool__(self) -> bool:
        raise Untraceable("a branch on an element")


class Condition(Node):
    """A truth value for the whole call; asked for it, the definition takes the branch whose turn it is."""

    def __bool__(self) -> bool:
        return _path.decide(self)


class _Path:
    """The branches of one run: first those it was given, then True wherever a new question comes up."""

    def __init__(self, given: list[bool]) -> None:
        self.given, self.taken = given, list[tuple[Condition, bool]]()

    def decide(self, condition: Condition) -> bool:
        for known, outcome in self.taken:
            if known is condition:
                return outcome
        at = len(self.taken)
        outcome = self.given[at] if at < len(self.given) else True
        self.taken.append((condition, outcome))
        return outcome


_path = _Path([])


def paths(run: Callable[[], Any]) -> Iterator[tuple[list[tuple[Condition, bool]], Any]]:
    """Yield, for each way through the branches of ``run``, the outcomes of its conditions, and what it returns."""
    global _path
    given: list[bool] | None = []
    while given is not None:
        _path = _Path(given)
        result = run()
        yield _path.taken, result
        outcomes = [outcome for _, outcome in _path.taken]
        while outcomes and not outcomes[-1]:
            outcomes.pop()
        given = [*outcomes[:-1], False] if outcomes else None


# --- building nodes --------------------------------------------------------------------------------------------------
def lanes(x: Any) -> Lanes:
    """Return ``x`` as Lanes: a number is rounded to the dtype of the elements here."""
    return x if isinstance(x, Lanes) else Lanes("broadcast", float(x) if isinstance(x, int | float) else x)


def _apply(op: str, a: Any, b: Any) -> Any:
    if isinstance(a, Lanes) or isinstance(b, Lanes):
        return Lanes(op, *(_sorted(lanes(a), lanes(b)) if op in "+*" else (lanes(a), lanes(b))))
    return Number(op, *(_sorted(a, b) if op in "+*" else (a, b)))


def add(a: Any, b: Any) -> Any:
    """``a + b``; zeros plus a number are that number in every element."""
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Lanes) and x.op == "broadcast" and x.args[0] == 0.0 and not isinstance(y, Lanes):
            return lanes(y)
    return _apply("+", a, b)


def multiply(a: Any, b: Any) -> Any:
    """``a * b``."""
    for x, y in ((a, b), (b, a)):
        if isinstance(x, int | float) and x == 1:
            return y
        if isinstance(x, int | float) and x == -1:
            return -y
    return _apply("*", a, b)


def divide(a: Any, b: Any) -> Any:
    """``a / b``, and the infinity or NaN of IEEE where ``b`` is 0."""
    return a if isinstance(b, int | float) and b == 1 else _apply("/", a, b)


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, Lanes):
        raise Untraceable("an exponent per element")
    return Lanes("power", a, b) if isinstance(a, Lanes) else Number("power", a, b)


def _compare(op: str, a: Any, b: Any) -> Any:
    if isinstance(a, Lanes) or isinstance(b, Lanes):
        return Mask(op, lanes(a), lanes(b))
    return Condition(op, a, b)


def _function(op: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        if isinstance(x, Lanes):
            return Lanes(op, x)
        return Number(op, x) if isinstance(x, Number) else getattr(_math, op)(x)

    call.__name__, call.__doc__ = op, f"``{op}`` of each element."
    return call


# --- the operations of lossmith.arrays -------------------------------------------------------------------------------
exp, expm1, log, sqrt = _function("exp"), _function("expm1"), _function("log"), _function("sqrt")
_tanh, _log1p = _function("tanh"), _function("log1p")


def tanh(x: Any) -> Any:
    """``tanh``; that of a clipped number is clipped itself, and so shared with that of the number."""
    if isinstance(x, Lanes) and x.op in ("at_most", "at_least") and x.args[1].op == "broadcast":
        return Lanes(x.op, tanh(x.args[0]), lanes(tanh(x.args[1].args[0])))
    return _tanh(x)


def log1p(x: Any) -> Any:
    """``log(1 + x)``, which is quicker to compute where ``x`` is known to be within [-0.6, 1]."""
    if isinstance(x, Lanes):
        low, high = bounds(x)
        if low >= -0.6 and high <= 1:
            return Lanes("log1p_near", x)
    return _log1p(x)


def bounds(x: Any) -> tuple[float, float]:
    """Return bounds on what Lanes can be, NaN apart: a moment's interval arithmetic on what definitions do."""
    if x.op == "broadcast":
        known = not isinstance(x.args[0], Node)
        return (x.args[0], x.args[0]) if known else (-_math.inf, _math.inf)
    of = [bounds(a) for a in x.args if isinstance(a, Lanes)]
    if x.op == "abs":
        return 0.0, max(map(abs, of[0]))
    if x.op == "neg":
        return -of[0][1], -of[0][0]
    if x.op in ("at_most", "at_least"):
        pick = min if x.op == "at_most" else max
        return pick(of[0][0], of[1][0]), pick(of[0][1], of[1][1])
    if x.op == "tanh":
        return max(-1.0, _tanh(of[0][0])), _tanh(of[0][1])
    if x.op == "exp" and of[0][1] <= 700:
        return 0.0, 1.0 if of[0][1] <= 0 else _math.exp(of[0][1]) * 1.001
    if x.op == "where":
        return min(of[0][0], of[1][0]), max(of[0][1], of[1][1])
    if x.op == "*":
        corners = [a * b if a and b else 0.0 for a in of[0] for b in of[1]]
        return min(corners), max(corners)
    return -_math.inf, _math.inf


def where(condition: Any, a: Any, b: Any) -> Any:
    """Select elementwise."""
    if not isinstance(condition, Mask):
        return a if condition else b
    a, b = lanes(a), lanes(b)
    if condition.op == "not":
        condition, a, b = condition.args[0], b, a
    shared = _within(a) & _within(b)
    a, b = _given(condition, True, a, shared), _given(condition, False, b, shared)
    return a if a is b else Lanes("where", condition, a, b)


def _within(x: Node) -> set[Node]:
    """Return the calls of long functions in what ``x`` computes."""
    found: set[Node] = set()
    seen: set[Node] = set()
    waiting = [x]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            found |= {node} if node.op in LONG else set()
            waiting += [a for a in node.args if isinstance(a, Lanes | Mask)]
    return found


def _given(mask: Mask, outcome: bool, x: Node, shared: set[Node]) -> Node:
    """Return x as it is where a mask is known: ``where(m, f(where(m, a, b)), c)`` is ``where(m, f(a), c)``.

    A function that both sides of the choice call stays one call, of what was chosen before it.
    """
    known: dict[Node, Node] = dict(zip(shared, shared, strict=True))

    def follow(node: Node) -> Node:
        if node not in known:
            if node.op == "where" and node.args[0] is mask:
                known[node] = follow(node.args[1 if outcome else 2])
            else:
                args = [follow(a) if isinstance(a, Lanes | Mask) else a for a in node.args]
                same = all(a is b for a, b in zip(args, node.args, strict=True))
                known[node] = node if same else type(node)(node.op, *args)
        return known[node]

    return follow(x)


def abs0(x: Any) -> Any:
    """``|x|``."""
    if x.op == "abs":
        return x
    return type(x)("abs", x.args[0] if x.op == "neg" else x)


def sign0(x: Any) -> Any:
    """-1, 0 or 1; NaN at NaN."""
    return Lanes("sign", x)


def at_most(x: Any, high: Any) -> Any:
    """``min(x, high)``; NaN stays NaN."""
    return Lanes("at_most", x, lanes(high))


def at_least(x: Any, low: Any) -> Any:
    """``max(x, low)``; NaN stays NaN."""
    return Lanes("at_least", x, lanes(low))


def relu0(x: Any) -> Any:
    """``max(x, 0)``."""
    return at_least(x, 0.0)


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``; what it shares with that of ``-x`` and with ``softplus`` is computed once."""
    e = exp(-abs0(x))
    smaller = 1 / (1 + e)
    return where(x >= 0, smaller, e * smaller)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``."""
    return relu0(x) + log1p(exp(-abs0(x)))


def isnan(x: Any) -> Any:
    """Whether an element is NaN."""
    return Mask("!=", x, x)


def isinf(x: Any) -> Any:
    """Whether an element is ±inf."""
    return Mask("==", abs0(x), lanes(_math.inf))


def zeros_like(x: Any) -> Any:
    """Zeros."""
    return lanes(0.0)


def stop_gradient(x: Any) -> Any:
    """``x``: there is no differentiation here."""
    return x


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x`` as numbers: 1 where a mask holds."""
    return where(x, 1.0, 0.0) if isinstance(x, Mask) else x


def __getattr__(attribute: str) -> Any:
    """Turn down every other operation (lgamma, erf and those on rows)."""
    raise Untraceable(attribute)


math = SimpleNamespace(**{**vars(_math), **{f: _function(f) for f in ("sqrt", "exp", "log", "log1p", "expm1")}})
