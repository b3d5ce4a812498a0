"""The type stub: up to date, and the same signatures as at run time."""

from __future__ import annotations

import ast
import inspect

import pytest

import lossmith as lm
from lossmith.losses import Loss, losses, stub

ALL = [pytest.param(loss, id=loss.name) for loss in losses()]


@pytest.fixture(scope="module")
def tree() -> ast.Module:
    return ast.parse(stub.path().read_text(encoding="utf-8"))


def arguments(node: ast.FunctionDef) -> dict[str, str | None]:
    """Return each argument with its default, as source."""
    given = node.args
    found: dict[str, str | None] = {a.arg: None for a in given.args if a.arg != "self"}
    for argument, default in zip(reversed(given.args), reversed(given.defaults), strict=False):
        found[argument.arg] = repr(ast.literal_eval(default))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found[argument.arg] = None if default is None else repr(ast.literal_eval(default))
    return found


def signature(made: object) -> dict[str, str | None]:
    """Return the same of a public function or class."""
    parameters = inspect.signature(made).parameters.values()  # pyrefly: ignore
    return {p.name: None if p.default is inspect.Parameter.empty else repr(p.default) for p in parameters}


def test_is_up_to_date() -> None:
    written = stub.path().read_text(encoding="utf-8")
    assert written == stub.stub(), "the type stub is out of date; run: python -m lossmith.losses.stub"


@pytest.mark.parametrize("loss", ALL)
def test_function_has_the_signature_of_run_time(loss: Loss, tree: ast.Module) -> None:
    (node,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == loss.name)
    assert arguments(node) == signature(getattr(lm, loss.name))


@pytest.mark.parametrize("loss", ALL)
def test_class_has_the_signature_of_run_time(loss: Loss, tree: ast.Module) -> None:
    (node,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == loss.object_name)
    (init,) = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    assert arguments(init) == signature(getattr(lm, loss.object_name))
    attributes = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    assert attributes == {"definition", *loss.defaults}


@pytest.mark.parametrize("loss", [pytest.param(loss, id=loss.name) for loss in losses() if loss.extras])
def test_methods_of_a_class_name_the_extras(loss: Loss, tree: ast.Module) -> None:
    (node,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == loss.object_name)
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    for name in ("__call__", "value_and_gradient"):
        extras = {e.name: None if e.required else "None" for e in loss.extras}
        per_call = dict.fromkeys(("weight", "mask", "normalizer"), "None")
        assert arguments(methods[name]) == {"prediction": None, "target": None, **extras, **per_call}


def test_names_everything_public(tree: ast.Module) -> None:
    (listed,) = (n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    assert sorted(ast.literal_eval(listed.value)) == sorted(lm.__all__)
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    defined |= {alias.asname for n in tree.body if isinstance(n, ast.ImportFrom) for alias in n.names if alias.asname}
    assert set(lm.__all__) <= defined
