"""Training loops of PyTorch that never reset their gradients.

A loop counts where it calls ``.backward()`` and the ``step()`` of an optimiser of ``torch.optim`` (or of a parameter
named like one). It is let off wherever anything may reset gradients: ``zero_grad`` or ``.grad`` in the same function,
class or script, in a function of the file that the loop calls, or in one that it hands the optimiser or model to.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .names import imported

_RESETS = frozenset({"zero_grad", "grad", "set_to_none", "optimizer_zero_grad"})
_NAMED = re.compile(r"(^|_)(optim|optimizer|optimiser)$")
_OTHER_TRAINERS = ("deepspeed", "lightning", "fastai", "ignite", "colossalai", "accelerate", "composer")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OF_SCALER = ("step", "unscale_", "update")


@dataclass(frozen=True)
class Unreset:
    """A loop without a reset: where the gradients are made, the optimiser's name, and whether it surely is one."""

    node: ast.Call
    optimizer: str
    step: int
    certain: bool


def unreset(tree: ast.Module) -> Iterator[Unreset]:
    """Yield the loops of a file that accumulate gradients for ever."""
    names = _imports(tree)
    if not any(v and v.startswith("torch") for v in names.values()) or _is_trained_by_others(tree):
        return
    made = _optimizers(tree, names)
    resetting = _resetting_functions(tree)
    for region in _regions(tree):
        if _mentions(region, _RESETS) or _mentions_hook(region):
            continue
        parameters = {
            a.arg for part in region for f in ast.walk(part) if isinstance(f, _SCOPES[:2]) for a in f.args.args
        }
        for loop in _loops(region):
            found = _judge(loop, made, parameters, resetting, names)
            if found is not None:
                yield found


def _judge(
    loop: ast.For | ast.While, made: dict[str, str], parameters: set[str], resetting: set[str], names: dict
) -> Unreset | None:
    calls = [n for n in _inside(loop.body) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    backward = next((c for c in calls if c.func.attr == "backward"), None)  # pyrefly: ignore
    steps = [s for c in calls if (s := _stepped(c))]
    step = next((s for s in steps if s in made or (s in parameters and _NAMED.search(s))), None)
    if backward is None or step is None or isinstance(loop.body[-1], ast.Break | ast.Return):
        return None
    if step in _assigned(loop.body) or _called(loop.body) & resetting or _handed_over(loop, step, made, names):
        return None
    line = next(c.lineno for c in calls if _stepped(c) == step)
    return Unreset(backward, step, line, step in made)


def _stepped(call: ast.Call) -> str | None:
    """Return the optimiser of ``optimizer.step()`` or ``scaler.step(optimizer)``."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "step" or call.keywords:
        return None
    if not call.args:
        return _dotted(call.func.value)
    scaler = (_dotted(call.func.value) or "").rpartition(".")[2]
    return _dotted(call.args[0]) if "scaler" in scaler and len(call.args) == 1 else None


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    inner = _dotted(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else None


def _imports(tree: ast.Module) -> dict[str, str | None]:
    names: dict[str, str | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= imported(node)[0]
    return names


def _is_trained_by_others(tree: ast.Module) -> bool:
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module or "")
    return any(other in module for module in modules for other in _OTHER_TRAINERS)


def _optimizers(tree: ast.Module, names: dict[str, str | None]) -> dict[str, str]:
    """Return the names that only optimisers of torch are assigned to, with the name of the model that they train."""
    found: dict[str, str] = {}
    others: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = _dotted(node.targets[0])
        if target is None:
            continue
        func = _dotted(node.value.func) if isinstance(node.value, ast.Call) else None
        head, _, rest = (func or "").partition(".")
        full = f"{names.get(head) or ''}.{rest}".rstrip(".")
        if full.startswith("torch.optim.") and full.count(".") == 2 and not full.endswith("LBFGS"):
            first = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
            owners = [_dotted(n.value) for n in ast.walk(first) if isinstance(n, ast.Attribute)]
            found[target] = next((o for o in owners if o), "")
        else:
            others.add(target)
    return {name: model for name, model in found.items() if name not in others}


def _resetting_functions(tree: ast.Module) -> set[str]:
    """Return the names of functions of the file that reset gradients, themselves or by what they call."""
    functions = [n for n in ast.walk(tree) if isinstance(n, _SCOPES[:2])]
    found = {f.name for f in functions if _mentions(f.body, _RESETS)}
    while more := {f.name for f in functions if f.name not in found and _called(f.body) & found}:
        found |= more
    return found


def _regions(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Yield the outermost functions and classes, and the script around them."""
    script: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, _SCOPES):
            yield [statement]
        else:
            script.append(statement)
    yield script


def _loops(region: Iterable[ast.AST]) -> Iterator[ast.For | ast.While]:
    """Yield the innermost loops that hold both a backward and a step."""
    for part in region:
        for node in ast.walk(part):
            if isinstance(node, ast.For | ast.While) and _trains(node):
                inner = (n for s in node.body for n in ast.walk(s) if isinstance(n, ast.For | ast.While))
                if not any(_trains(n) for n in inner):
                    yield node


def _trains(loop: ast.For | ast.While) -> bool:
    attributes = {
        n.func.attr for n in _inside(loop.body) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    return {"backward", "step"} <= attributes


def _inside(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes that run with the body: not those of functions that it defines."""
    todo = list(body)[::-1]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_SCOPES, ast.Lambda)):
            todo.extend(reversed(list(ast.iter_child_nodes(node))))


def _mentions(nodes: Iterable[ast.AST], names: frozenset[str]) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in names for part in nodes for n in ast.walk(part))


def _mentions_hook(nodes: Iterable[ast.AST]) -> bool:
    return any(isinstance(n, ast.Attribute) and "hook" in n.attr for part in nodes for n in ast.walk(part))


def _assigned(body: Iterable[ast.AST]) -> set[str]:
    targets = (t for n in _inside(body) if isinstance(n, ast.Assign) for t in n.targets)
    flat = (e for t in targets for e in (t.elts if isinstance(t, ast.Tuple) else [t]))
    return {name for t in flat if (name := _dotted(t))}


def _called(body: Iterable[ast.AST]) -> set[str]:
    calls = (n for part in body for n in ast.walk(part) if isinstance(n, ast.Call))
    return {name.rpartition(".")[2] for c in calls if (name := _dotted(c.func))}


def _handed_over(loop: ast.For | ast.While, step: str, made: dict[str, str], names: dict) -> bool:
    """Whether the optimiser or the model goes to a function, which may reset the gradients."""
    watched = {step, made.get(step, "")} - {""}
    for node in _inside(loop.body):
        if not isinstance(node, ast.Call):
            continue
        func = _dotted(node.func) or ""
        scaler = "scaler" in func and func.rpartition(".")[2] in _OF_SCALER
        of_torch = (names.get(func.partition(".")[0]) or "").startswith("torch")
        if scaler or of_torch or func == "print":
            continue
        given = (*node.args, *(k.value for k in node.keywords))
        if any(_dotted(a) in watched or _dotted(a) == "self" for a in given):
            return True
    return False
