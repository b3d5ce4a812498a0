"""C++ of what the evaluation of 0/1 targets computes per row, from the definitions of the losses: see ``emit``.

A row of a binary classification costs what its answer costs for a target of 1, where the answer is the probability (or
the logit) that was given to what happened. So the definition is traced with a target of 1, and what that makes constant
is worked out here: half of a general formula, and all but one of its logarithms, fall away.

After a change of a definition run ``python -m lossmith.native.emit_evaluation``; a test fails until then.
"""

from __future__ import annotations

import math
import operator
from pathlib import Path
from typing import Any

from ..losses import find
from . import symbols
from .printer import Printer, bare
from .symbols import Lanes, Mask

HEADER = "evaluation_formulas.hpp"
_TEXT = """\
// What rows with targets 0 and 1 cost. Generated from the definitions by
// `python -m lossmith.native.emit_evaluation`; do not edit.
//
// p: for loss_of_…, the probability or the logit that was given to what happened: that of the row where the target is
// 1, and 1 - p or -p where it is 0. Finite, and a probability in [0, 1]. Else those of the row. `normal` says that no p
// is 0 or denormal.
#pragma once

#include "elementwise_math.hpp"

namespace lossmith {{
namespace formulas {{

template <typename T> LOSSMITH_INLINE Lanes<T> all(T x) {{ return broadcast<T>(x); }}

// The logarithm of what lies in [0, 1], without a look at special cases where it is known to be normal.
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> logarithm_of(Lanes<T> x) {{
  if constexpr (normal)
    return log_of_normal<T>(x, Lanes<T>{{}}, Lanes<T>{{}});
  else
    return logarithm<T>(x);
}}
{}
}} // namespace formulas
}} // namespace lossmith
"""
_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def header() -> str:
    """Return the text of the generated header."""
    symbols.forget()
    p, t, one = Lanes("array", "p"), Lanes("array", "t"), symbols.lanes(1.0)
    functions = (
        ("binary_cross_entropy(p, 1)", "loss_of_probability", "p", _loss("binary_cross_entropy", p, one)),
        ("sigmoid_cross_entropy(p, 1)", "loss_of_logit", "p", _loss("sigmoid_cross_entropy", p, one)),
        ("sigmoid(p)", "probability_of_logit", "p", symbols.sigmoid(p)),
        ("squared_error(p, t)", "squared_error_of", "pt", _loss("squared_error", p, t)),
    )
    return _TEXT.format("".join(_function(*each) for each in functions))


def _loss(name: str, p: Lanes, t: Lanes) -> Any:
    loss = find(name)
    return loss.value(symbols, p, t, **loss.defaults)


def _function(title: str, name: str, arrays: str, node: Any) -> str:
    simple = simplified(symbols.lanes(node))
    printer = Printer([simple], {}, [])
    printer.lines.append(f"return {bare(printer.text(simple))};")
    body = "".join(f"  {line}\n" for line in printer.lines).replace("logarithm<T>(", "logarithm_of<T, normal>(")
    given = ", ".join(f"Lanes<T> {a}" for a in arrays)
    head = f"template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> {name}({given}) {{"
    return f"\n// {title}\n{head}\n  using V = Lanes<T>;\n{body}}}\n"


def simplified(node: Any) -> Any:
    """Return a node that is equal for finite elements (but for the sign of a zero), with constants worked out."""
    if not isinstance(node, Lanes | Mask) or node.op in ("array", "broadcast"):
        return node
    if node.op == "where":
        return _where(*node.args)
    args = [simplified(a) for a in node.args]
    if node.op in _COMPARISONS and all(_is_constant(a) for a in args):
        return _COMPARISONS[node.op](*(a.args[0] for a in args))
    if node.op == "&":
        return _and(*args)
    if node.op in _ARITHMETIC:
        return _arithmetic(node.op, *args)
    return type(node)(node.op, *args)


def _is_constant(node: Any, value: float | None = None) -> bool:
    known = isinstance(node, Lanes) and node.op == "broadcast" and isinstance(node.args[0], float)
    return known and (value is None or node.args[0] == value)


def _and(a: Any, b: Any) -> Any:
    if a is False or b is False:
        return False
    return b if a is True else a if b is True else a & b


def _arithmetic(op: str, a: Any, b: Any) -> Any:
    if _is_constant(a) and _is_constant(b):
        return symbols.lanes(_ARITHMETIC[op](a.args[0], b.args[0]))
    if op == "-" and a is b:
        return symbols.lanes(0.0)
    if (op == "*" and (_is_constant(a, 0.0) or _is_constant(b, 0.0))) or (op == "/" and _is_constant(a, 0.0)):
        return symbols.lanes(0.0)
    neutral = 0.0 if op in "+-" else 1.0
    if _is_constant(b, neutral):
        return a
    return b if op in "+*" and _is_constant(a, neutral) else Lanes(op, a, b)


def _where(condition: Mask, a: Any, b: Any) -> Any:
    asked = simplified(condition)
    if isinstance(asked, bool):
        return simplified(a if asked else b)
    a, b = simplified(_assuming(asked, a)), simplified(b)
    return b if _is_floor(asked, a, b) else symbols.where(asked, a, b)


def _assuming(condition: Mask, node: Any) -> Any:
    """Return a node as it is where a condition holds."""
    if not isinstance(node, Lanes) or node.op in ("array", "broadcast"):
        return node
    if node.op == "where" and simplified(node.args[0]) is condition:
        return _assuming(condition, node.args[1])
    return Lanes(node.op, *(_assuming(condition, a) for a in node.args))


def _is_floor(condition: Mask, a: Any, b: Any) -> bool:
    """Whether ``x > c ? log x : max(log x, f)`` is asked for, and ``log c >= f``: then it is the second, anywhere."""
    if b.op != "at_least" or a.op != "log" or b.args[0] is not a or condition.op != ">":
        return False
    (x, c), f = condition.args, b.args[1]
    return x is a.args[0] and _is_constant(c) and _is_constant(f) and math.log(c.args[0]) >= f.args[0]


if __name__ == "__main__":
    path = Path(__file__).with_name(HEADER)
    path.write_text(header(), encoding="utf-8")
    print(path)
