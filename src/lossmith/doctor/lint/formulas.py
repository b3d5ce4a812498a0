"""Cross-entropies written out by hand: ``x - log(sum(exp(x)))`` and ``log(exp(x) / sum(exp(x)))``."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_SUMS = ("sum", "reduce_sum")


def sum_of_exp(node: ast.AST) -> str | None:
    """Return the name x of ``exp(x).sum()`` or ``sum(exp(x))``, or None."""
    if not isinstance(node, ast.Call) or _last(node.func) not in _SUMS:
        return None
    inner = node.args[0] if node.args and exp_of(node.args[0]) else None
    if inner is None and isinstance(node.func, ast.Attribute):
        inner = node.func.value
    return None if inner is None else exp_of(inner)


def exp_of(node: ast.AST) -> str | None:
    """Return the name x of ``torch.exp(x)`` or ``x.exp()``, or None."""
    if not isinstance(node, ast.Call) or _last(node.func) != "exp":
        return None
    if len(node.args) == 1:
        x: ast.AST | None = node.args[0]
    else:
        x = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else None
    return x.id if isinstance(x, ast.Name) else None


def softmax_by_hand(node: ast.AST) -> str | None:
    """Return the name x of ``exp(x) / sum(exp(x))``, or None."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
        return None
    x = exp_of(node.left)
    return x if x is not None and x == sum_of_exp(node.right) else None


def log_softmax_by_hand(node: ast.BinOp) -> tuple[str, ast.Call] | None:
    """Return x and the logarithm of ``x - log(sum(exp(x)))``, or None."""
    log = node.right
    if not isinstance(node.op, ast.Sub) or not isinstance(node.left, ast.Name) or not isinstance(log, ast.Call):
        return None
    if _last(log.func) != "log":
        return None
    inner = log.args[0] if log.args else log.func.value if isinstance(log.func, ast.Attribute) else log
    return (node.left.id, log) if sum_of_exp(inner) == node.left.id else None


def shifted_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names that a difference is assigned to: they may have lost their maximum already."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign) and any(
            isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) for part in ast.walk(node.value)
        ):
            found.update(t.id for t in node.targets if isinstance(t, ast.Name))
    return frozenset(found)


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
