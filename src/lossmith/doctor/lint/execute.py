"""Statements, functions and classes: the half of the interpreter that follows a program's paths.

Every path is followed, none is run: both arms of an ``if``, a loop until its names settle, a function of the file where
it is called (with what is known of its arguments) and once on its own (with nothing known of them). Where paths meet,
``values.join`` keeps what they agree on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import formulas
from .calls import Calls
from .evaluate import Arguments, Scope
from .names import imported
from .syntax import bound_again, decorator, family, is_generator, is_static, load, method, targets, unsettled
from .values import Chain, Class, Const, Function, Group, Instance, Layer, Method, Ref, Tensor, join

_DEEPEST = 6
_MOST_CALLS = 3000
_PLAIN_DECORATORS = (
    "no_grad",
    "enable_grad",
    "inference_mode",
    "function",
    "jit",
    "staticmethod",
    "override",
    "property",
)
_TRAINING = ("training_step", "compute_loss")
_UNKNOWN = Arguments((), {}, {}, True)


@dataclass
class Frame:
    """A function that is being followed."""

    node: ast.AST
    owner: Any = None
    returns: list[Any] = field(default_factory=list)
    leaving: list[list[dict[str, Any]]] = field(default_factory=list)  # names at break and continue, by loop


class Interpreter(Calls):
    """Follows one file; :attr:`events` holds what happened."""

    def __init__(self) -> None:
        super().__init__()
        self._frames: list[Frame] = []
        self._pending: dict[int, Function] = {}
        self._instances: dict[int, Instance] = {}
        self._classes: list[Class] = []
        self._again: dict[ast.AST, set[str]] = {}
        self._lazy: dict[ast.AST, bool] = {}
        self._loose: dict[ast.AST, set[str]] = {}
        self._calls = 0
        self._branches = 0
        self._tree: ast.AST = ast.Module(body=[], type_ignores=[])

    @cached_property
    def shifted(self) -> frozenset[str]:
        """Names whose maximum may have been taken off already."""
        return formulas.shifted_names(ast.walk(self._tree))

    def run(self, tree: ast.Module) -> None:
        """Follow a whole file."""
        scope = Scope()
        self._tree = tree
        nodes = ast.walk(tree)
        scope.hidden = frozenset(name for node in nodes if isinstance(node, ast.Global) for name in node.names)
        self._body(tree, tree.body, scope, None)
        done: set[int] = set()
        while todo := [f for key, f in self._pending.items() if key not in done]:
            for function in todo:
                done.add(id(function.node))
                self._alone(function)

    def _alone(self, function: Function) -> None:
        self._calls = 0
        if isinstance(function.owner, Class):
            owner = self._typical(function.owner)
            function = Function(function.node, function.scope, owner)
        self._enter(function, _UNKNOWN)

    def _typical(self, of: Class) -> Instance:
        """Return the instance of a class that stands for all."""
        if id(of.node) not in self._instances:
            made = self.construct(of, _UNKNOWN)
            self._instances[id(of.node)] = made if isinstance(made, Instance) else Instance(of)
        return self._instances[id(of.node)]

    # --- functions ----------------------------------------------------------------------------------------------------
    def call_function(self, function: Function, given: Arguments) -> Any:
        """Return what a function of the file returns with these arguments."""
        if isinstance(function.node, ast.Lambda):
            return self._enter_lambda(function, function.node, given)
        plain = all(decorator(d) in _PLAIN_DECORATORS for d in function.node.decorator_list)
        lazy = _memo(self._lazy, function.node, lambda: is_generator(function.node))
        return self._enter(function, given) if plain and not lazy else None

    def _enter_lambda(self, function: Function, node: ast.Lambda, given: Arguments) -> Any:
        if self._is_too_deep(node):
            return None
        self._frames.append(Frame(node, function.owner))
        value = self.evaluate(node.body, self._bound(function, given))
        self._frames.pop()
        return value

    def _is_too_deep(self, node: ast.AST) -> bool:
        self._calls += 1
        busy = any(frame.node is node for frame in self._frames)
        return busy or len(self._frames) > _DEEPEST or self._calls > _MOST_CALLS

    def _enter(self, function: Function, given: Arguments) -> Any:
        node = function.node
        if isinstance(node, ast.Lambda) or self._is_too_deep(node):
            return None
        outer, self._branches = self._branches, 0
        frame = self._body(node, node.body, self._bound(function, given), function.owner)
        self._branches = outer
        if not frame.returns:
            return None
        result = frame.returns[0]
        for other in frame.returns[1:]:
            result = join(result, other)
        return result

    def _body(self, node: ast.AST, body: list[ast.stmt], scope: Scope, owner: Any) -> Frame:
        frame = Frame(node, owner)
        self._frames.append(frame)
        self.block(body, scope)
        self._frames.pop()
        for name in _memo(self._again, node, lambda: bound_again(body)):
            scope.names[name] = None  # functions that are called later see one of several values
        return frame

    def _bound(self, function: Function, given: Arguments) -> Scope:
        """Return the scope of a function's parameters."""
        scope = Scope(function.scope)
        a = function.node.args
        names = [p.arg for p in (*a.posonlyargs, *a.args)]
        defaults = dict(zip(reversed(names), reversed(a.defaults), strict=False))
        defaults |= {p.arg: d for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is not None}
        values: dict[str, Any] = dict.fromkeys([*names, *(p.arg for p in a.kwonlyargs)])
        args = list(given.args)
        if function.owner is not None and names and not is_static(function.node):
            args.insert(0, function.owner)
        if given.unsure:
            values |= dict(zip(names[:1], args[:1], strict=False)) if function.owner is not None else {}
        else:
            values |= {n: self.evaluate(d, function.scope) for n, d in defaults.items() if isinstance(d, ast.Constant)}
            values |= dict(zip(names, args, strict=False))
            values |= {n: v for n, v in given.kwargs.items() if n in values}
        scope.names = values
        for extra in (a.vararg, a.kwarg):
            if extra is not None:
                scope.names[extra.arg] = None
        return scope

    # --- classes ------------------------------------------------------------------------------------------------------
    def construct(self, made: Class, given: Arguments) -> Any:
        """Return an instance of a class of the file."""
        if made.node.decorator_list or any(isinstance(k.arg, str) for k in made.node.keywords):
            return None
        instance = Instance(made, dict.fromkeys(_memo(self._loose, made.node, lambda: unsettled(family(made)))))
        init = method(made, "__init__")
        if init is not None:
            self._enter(Function(init[0], init[1].scope, instance), given)
        return instance

    def attribute(self, instance: Instance, name: str) -> Any:
        """Return an attribute or bound method of an instance; None where it is not known."""
        if name in instance.attributes:
            return instance.attributes[name]
        found = method(instance.of, name)
        if found is None:
            return _class_member(self, instance.of, name) or Method(instance, name)
        node, owner = found
        bound = Function(node, owner.scope, instance)
        if any(decorator(d) == "property" for d in node.decorator_list):
            return self.call_function(bound, Arguments((), {}, {}, False))
        return bound

    def call_instance(self, instance: Instance, given: Arguments) -> Any:
        """Return what ``forward`` or ``call`` returns."""
        for name in ("forward", "call", "__call__"):
            found = method(instance.of, name)
            if found is not None:
                return self.call_function(Function(found[0], found[1].scope, instance), given)
        return None

    def super_call(self, name: str, given: Arguments) -> Any:
        """Return what ``super().name(…)`` returns, where the base is of this file."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or not isinstance(frame.owner, Instance):
            return None
        for made in family(frame.owner.of)[1:]:
            node = made.own_methods.get(name)
            if node is not None and node is not frame.node:
                return self._enter(Function(node, made.scope, frame.owner), given)
        return None

    # --- statements ---------------------------------------------------------------------------------------------------
    def block(self, statements: Iterable[ast.stmt], scope: Scope) -> bool:
        """Follow statements; return whether the path ends in them (return, raise, break)."""
        for statement in statements:
            visit = getattr(self, f"_do_{type(statement).__name__}", None)
            if visit is not None and visit(statement, scope):
                return True
        return False

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Bind a target to a value."""
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, scope)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, None, scope)
        elif isinstance(target, ast.Attribute):
            self._set_attribute(target, value, scope)
        elif isinstance(target, ast.Subscript):
            self.evaluate(target.slice, scope)
            self.assign(target.value, None, scope)

    def _unpack(self, target: ast.Tuple | ast.List, value: Any, scope: Scope) -> None:
        starred = any(isinstance(t, ast.Starred) for t in target.elts)
        fits = isinstance(value, Group) and value.whole and len(value.items) == len(target.elts) and not starred
        items = value.items if fits else (None,) * len(target.elts)
        for one, item in zip(target.elts, items, strict=True):
            self.assign(one, item, scope)

    def _set_attribute(self, target: ast.Attribute, value: Any, scope: Scope) -> None:
        owner = self.evaluate(target.value, scope)
        if not isinstance(owner, Instance):
            if owner is not None and not isinstance(owner, Ref):
                self.assign(target.value, None, scope)  # layers of a Sequential are changed from outside
            return
        known = owner.attributes
        inside = bool(self._frames) and self._frames[-1].owner is owner
        if target.attr not in known:
            known[target.attr] = value if inside else None
        elif self._grown(known[target.attr], value) and not self._branches:
            known[target.attr] = value
        else:
            known[target.attr] = join(known[target.attr], value)

    @staticmethod
    def _grown(before: Any, after: Any) -> bool:
        def parts(value: Any) -> tuple[Any, ...] | None:
            return value.layers if isinstance(value, Chain) else value.items if isinstance(value, Group) else None

        old, new = parts(before), parts(after)
        return old is not None and new is not None and new[: len(old)] == old

    def _do_Expr(self, node: ast.Expr, scope: Scope) -> None:
        """Follow an expression; a layer whose result is dropped, or ``sigmoid_``, works in place."""
        self.evaluate(node.value, scope)
        if not isinstance(node.value, ast.Call):
            return
        func = node.value.func
        written = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if written.endswith("_") or isinstance(self.evaluate(func, scope), Layer | Chain | Instance):
            for argument in node.value.args:
                if isinstance(argument, ast.Name) and isinstance(scope.lookup(argument.id), Tensor):
                    scope.names[argument.id] = None

    def _do_Assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        shared = isinstance(node.value, ast.Name) and isinstance(value, Group)
        for target in node.targets:
            self.assign(target, None if shared else value, scope)

    def _do_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value, scope), scope)

    def _do_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        both = ast.copy_location(ast.BinOp(left=load(node.target), op=node.op, right=node.value), node)
        self.assign(node.target, self.evaluate(both, scope), scope)

    def _do_Return(self, node: ast.Return, scope: Scope) -> bool:
        value = self.evaluate(node.value, scope)
        frame = self._frames[-1]
        frame.returns.append(value if node.value is not None else Const(None))
        if isinstance(frame.node, ast.FunctionDef) and frame.node.name in _TRAINING:
            self.trained(value)
        return True

    def _do_Raise(self, node: ast.Raise, scope: Scope) -> bool:
        self.evaluate(node.exc, scope)
        return True

    def _do_Break(self, node: ast.stmt, scope: Scope) -> bool:
        if self._frames[-1].leaving:
            self._frames[-1].leaving[-1].append(dict(scope.names))
        return True

    _do_Continue = _do_Break

    def _do_Delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            self.assign(target, None, scope)

    def _do_Assert(self, node: ast.Assert, scope: Scope) -> None:
        self.evaluate(node.test, scope)

    def _do_Import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        bound, star = imported(node)
        for name, dotted in bound.items():
            scope.names[name] = None if dotted is None else Ref(dotted)
        if star is not None:
            scope.stars.append(star)

    _do_ImportFrom = _do_Import

    def _do_FunctionDef(self, node: ast.FunctionDef, scope: Scope) -> None:
        function = Function(node, scope)
        scope.names[node.name] = function
        self._pending[id(node)] = function

    _do_AsyncFunctionDef = _do_FunctionDef  # type: ignore[assignment]

    def _do_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        made = Class(node, scope, tuple(self.evaluate(base, scope) for base in node.bases))
        scope.names[node.name] = made
        for one in made.own_methods.values():
            self._pending[id(one)] = Function(one, scope, None if is_static(one) else made)

    def _do_If(self, node: ast.If, scope: Scope) -> bool:
        self.evaluate(node.test, scope)
        return self._paths([node.body, node.orelse], scope)

    def _paths(self, bodies: list[list[ast.stmt]], scope: Scope) -> bool:
        """Follow alternatives; return whether all of them end."""
        start, ends = dict(scope.names), []
        self._branches += 1
        for body in bodies:
            scope.names = dict(start)
            if not self.block(body, scope):
                ends.append(scope.names)
        self._branches -= 1
        scope.names = _joined(ends) if ends else start
        return not ends

    def _do_Match(self, node: ast.Match, scope: Scope) -> bool:
        self.evaluate(node.subject, scope)
        return self._paths([*(case.body for case in node.cases), []], scope)

    def _do_Try(self, node: ast.Try, scope: Scope) -> bool:
        start = dict(scope.names)
        self._branches += 1
        ended = self.block([*node.body, *node.orelse], scope)
        after = scope.names
        middle = _joined([start, after])
        ends = [] if ended else [after]
        for handler in node.handlers:
            scope.names = dict(middle)
            if not self.block(handler.body, scope):
                ends.append(scope.names)
        self._branches -= 1
        scope.names = _joined(ends) if ends else middle
        return self.block(node.finalbody, scope) or not ends

    _do_TryStar = _do_Try  # type: ignore[assignment]

    def _do_With(self, node: ast.With, scope: Scope) -> bool:
        for item in node.items:
            self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, None, scope)
        return self.block(node.body, scope)

    _do_AsyncWith = _do_With  # type: ignore[assignment]

    def _do_For(self, node: ast.For, scope: Scope) -> None:
        self.evaluate(node.iter, scope)
        self._loop(node, node.target, scope)

    _do_AsyncFor = _do_For  # type: ignore[assignment]

    def _do_While(self, node: ast.While, scope: Scope) -> None:
        self.evaluate(node.test, scope)
        self._loop(node, None, scope)

    def _loop(self, node: ast.For | ast.While, target: ast.expr | None, scope: Scope) -> None:
        """Follow a loop until its names settle, and then once more for what happens in it."""
        seen = len(self.events)
        self._branches += 1
        for last in (False, False, True):
            before = dict(scope.names)
            del self.events[seen:]
            after = self._once(node, target, scope)
            if after == before:
                break
            if last:  # still changing: give up the names that do
                after = {name: v if name in before and before[name] == v else None for name, v in after.items()}
                scope.names = dict(after)
                del self.events[seen:]
                after = self._once(node, target, scope)
            scope.names = after
        self._branches -= 1
        self.block(node.orelse, scope)

    def _once(self, node: ast.For | ast.While, target: ast.expr | None, scope: Scope) -> dict[str, Any]:
        """Return the names after no or one passage through the loop."""
        start = dict(scope.names)
        frame = self._frames[-1]
        frame.leaving.append([])
        if target is not None:
            self.assign(target, None, scope)
        ended = self.block(node.body, scope)
        left = frame.leaving.pop()
        return _joined([start, *left, *([] if ended else [scope.names])])


def _memo(known: dict[ast.AST, Any], node: ast.AST, compute: Callable[[], Any]) -> Any:
    if node not in known:
        known[node] = compute()
    return known[node]


def _joined(paths: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what several paths agree on; a name that one of them lacks is not known."""
    first, *others = paths
    joined = dict(first)
    for other in others:
        joined = {name: join(joined.get(name), other.get(name)) for name in {**joined, **other}}
    return joined


def _class_member(interpreter: Interpreter, made: Class, name: str) -> Any:
    for one in family(made):
        stores = [s for s in one.node.body if isinstance(s, ast.Assign) and targets(s) == [name]]
        if stores:
            return interpreter.evaluate(stores[0].value, one.scope) if len(stores) == 1 else None
    return None
