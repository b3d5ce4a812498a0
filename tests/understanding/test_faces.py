"""The table of faces: what it says is there is there, and what is there it says."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

import lossmith
from frameworks import require
from lossmith.losses import find, losses
from lossmith.understanding import faces, words

PACKAGES = {"torch": "torch", "keras": "keras", "jax": "jax"}
REGISTERED = {loss.name for loss in losses()}
COMPUTED_AS = {  # losses that a face may compute as a special case of another
    "dice": "tversky",
    "sigmoid_dice": "sigmoid_tversky",
    "softmax_dice": "softmax_tversky",
    "softmax_generalised_dice": "softmax_tversky",
}


def face(name: str) -> ModuleType:
    """Return a face whose framework is installed; skip the test without it."""
    require(PACKAGES[name])
    return importlib.import_module(f"lossmith.{name}")


def public(name: str) -> set[str]:
    """Return the public names of a face, as the table writes them."""
    module = face(name)
    found = set(module.__all__) - faces.HELPERS[name]
    if hasattr(module, "functional") and "functional" in module.__all__:
        made = vars(module.functional).items()
        found |= {f"functional.{n}" for n, x in made if not n.startswith("_") and _is_own(x, module)}
    return found


def _is_own(x: object, module: ModuleType) -> bool:
    return callable(x) and str(getattr(x, "__module__", "")).startswith(f"{module.__name__}.")


class Source:
    """The source of a face: which losses a public name reaches, by the names of losses that stand in the code."""

    def __init__(self, name: str) -> None:
        self.defined: dict[str, list[ast.AST]] = {}
        self.modules: set[str] = set()  # names of modules of the face, as in F.mse_loss
        for path in sorted((Path(lossmith.__file__).parent / name).glob("*.py")):
            self._read(ast.parse(path.read_text(encoding="utf-8")))

    def _read(self, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.defined.setdefault(node.name, []).append(node)
            if isinstance(node, ast.ImportFrom) and node.level and node.module is None:
                self.modules |= {alias.asname or alias.name for alias in node.names}
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assign(target, node.value)

    def _assign(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._assign(one, other)
        if isinstance(target, ast.Name):
            self.defined.setdefault(target.id, []).append(value)

    def losses_behind(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting, seen = [name.rpartition(".")[2]], set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            for node in (n for tree in self.defined.get(at, []) for n in ast.walk(tree)):
                if isinstance(node, ast.Constant) and node.value in REGISTERED:
                    found.add(str(node.value))
                if isinstance(node, ast.Name):
                    waiting.append(node.id)
                if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in self.modules:
                    waiting.append(node.attr)
        return found


def advice(table: str, missing: set[str], source: Source) -> str:
    """Say which lines to add for names that the table lacks."""
    by_loss: dict[str, list[str]] = {}
    for name in sorted(missing):
        for loss in sorted(source.losses_behind(name)) or ["THE LOSS"]:
            by_loss.setdefault(loss, []).append(name)
    lines = [f'    "{loss}": "{" ".join(names)}",' for loss, names in by_loss.items()]
    where = "src/lossmith/understanding/faces.py"
    head = f"{table} in {where} lacks names; add (to the line of that loss, if any; to HELPERS, if they are no losses):"
    return "\n".join([head, *lines])


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_of_a_face_is_in_the_table(name: str) -> None:
    listed = {n for names in faces.names_in(name).values() for n in names}
    real = public(name)
    assert not real - listed, advice(name.upper(), real - listed, Source(name))
    assert not listed - real, (
        f"lossmith.{name} does not have {', '.join(sorted(listed - real))}: take it out of {name.upper()} in "
        "src/lossmith/understanding/faces.py"
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_reaches_its_loss(name: str) -> None:
    source = Source(name)
    for loss, names in faces.names_in(name).items():
        assert loss in REGISTERED, f"{name.upper()} names {loss!r}, which is no loss"
        for n in names:
            behind = source.losses_behind(n)
            assert {loss, COMPUTED_AS.get(loss)} & behind, f"lossmith.{name}.{n} computes {behind}, not {loss}"


@pytest.mark.parametrize("name", PACKAGES)
def test_no_name_hides_a_loss_that_it_computes(name: str) -> None:
    """A name whose code knows one loss only stands in the line of that loss."""
    source, table = Source(name), faces.names_in(name)
    for n in {n for names in table.values() for n in names}:
        lines = {loss for loss, names in table.items() if n in names}
        if len(source.losses_behind(n)) == 1:
            assert lines == source.losses_behind(n)


def test_optax_has_what_is_said_to_be_its_own() -> None:
    optax = require("optax")
    ours = {n for names in faces.names_in("jax").values() for n in names}
    theirs = {n for n in ours if hasattr(optax, n) or hasattr(optax.losses, n)}
    assert {n for names in faces.names_in("optax").values() for n in names} == theirs, (
        f"NOT_IN_OPTAX in src/lossmith/understanding/faces.py must hold exactly {sorted(ours - theirs)}"
    )


def test_lines_of_code_name_the_faces() -> None:
    """The lines that ``explain`` prints use names of the table, in the line of their loss."""
    for name, table in (("torch", words._TORCH), ("keras", words._KERAS)):
        for loss, line in table.items():
            assert line.partition("(")[0] in faces.names_in(name)[loss]


def test_the_advice_is_the_line_to_add() -> None:
    source = Source("torch")
    text = advice("TORCH", {"MSELoss", "functional.mse_loss", "PoissonNLLLoss", "NoSuchLoss"}, source)
    assert text.splitlines()[1:] == [
        '    "squared_error": "MSELoss functional.mse_loss",',
        '    "THE LOSS": "NoSuchLoss",',
        '    "poisson": "PoissonNLLLoss",',
        '    "poisson_log_rate": "PoissonNLLLoss",',
    ]


def test_faces_of_a_loss() -> None:
    assert faces.faces_of("mse")["torch"][0] == "MSELoss"
    assert faces.faces_of("welsch") == {}
    assert faces.faces_of("poisson") == faces.faces_of("poisson") | {"jax": ("poisson",)}
    assert "optax" not in faces.faces_of("poisson")
    with pytest.raises(lossmith.UnknownNameError, match="no loss named 'hubr'; did you mean 'huber'"):
        faces.faces_of("hubr")
    with pytest.raises(lossmith.UnknownNameError, match="no face named 'tensorflow'; known: jax, keras, optax, torch"):
        faces.names_in("tensorflow")
    assert all(find(loss).name == loss for name in faces.FACES for loss in faces.names_in(name))
