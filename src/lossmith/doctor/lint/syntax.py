"""Questions about a syntax tree that need no interpreter."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .values import Class

_CHANGING = frozenset({"append", "add_module", "insert", "pop", "extend", "register_module", "__setitem__"})


def load(target: ast.expr) -> ast.expr:
    """Return a target as an expression to read."""
    loaded = ast.parse(ast.unparse(target), mode="eval").body
    return ast.copy_location(loaded, target)


def decorator(node: ast.expr) -> str:
    """Return the last name of a decorator."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_static(node: Any) -> bool:
    """Whether a method gets no instance."""
    listed = getattr(node, "decorator_list", ())
    return any(decorator(d) in ("staticmethod", "classmethod") for d in listed)


def is_generator(node: ast.AST) -> bool:
    """Whether calling a function does not run it to its end."""
    return isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node)
    )


def own_nodes(body: Iterable[ast.stmt]) -> Iterable[ast.AST]:
    """Return the nodes of a scope, without those of functions and classes in it."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


def bound_again(body: Iterable[ast.stmt]) -> set[str]:
    """Return the names that a scope binds more than once."""
    bound: Counter[str] = Counter()
    for node in own_nodes(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound[node.id] += 1
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound[node.name] += 1
    return {name for name, times in bound.items() if times > 1}


def family(made: Class) -> list[Class]:
    """Return a class and its bases of this file, nearest first."""
    found = [made]
    for base in made.bases:
        if isinstance(base, Class) and len(found) < 8:
            found += [c for c in family(base) if c not in found]
    return found


def method(made: Class, name: str) -> tuple[ast.FunctionDef, Class] | None:
    """Return a method and the class that has it, from a class or its bases of the file."""
    for one in family(made):
        if name in one.own_methods:
            return one.own_methods[name], one
    return None


def targets(statement: ast.Assign) -> list[str]:
    """Return the names that a statement assigns to."""
    return [t.id for t in statement.targets if isinstance(t, ast.Name)]


def unsettled(family: list[Class]) -> set[str]:
    """Return the attributes that are assigned outside of ``__init__`` as well as in it, or at several places there."""
    inside: set[str] = set()
    outside: Counter[str] = Counter()
    for made in family:
        for name, method in made.own_methods.items():
            for node in ast.walk(method):
                if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
                    continue
                if isinstance(node.value, ast.Name) and node.value.id == "self":
                    if name == "__init__":
                        inside.add(node.attr)
                    else:
                        outside[node.attr] += 1
    return {name for name, times in outside.items() if times > 1 or name in inside}


def changes_layers(node: ast.AST) -> bool:
    """Whether a function may change the layers of a Sequential that it is handed."""
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            return True
        if isinstance(part, ast.Attribute) and part.attr in _CHANGING:
            return True
        if isinstance(part, ast.Name) and part.id in ("setattr", "delattr"):
            return True
    return False
