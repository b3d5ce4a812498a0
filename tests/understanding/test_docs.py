"""The documents: their examples run, and every loss has a page; the build itself checks the rest."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

import lossmith as lm
from lossmith.losses import Loss, losses

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = sorted((DOCS / "guide").glob("*.md"))
_TESTS = Path(__file__).parents[1]
PROGRAMS = {  # guides with whole programs, which a test runs one after the other
    "boosting": _TESTS / "boosting" / "test_guide.py",
    "keras": _TESTS / "faces" / "test_keras_guide.py",
    "doctor": _TESTS / "doctor" / "test_guides.py",
    "evaluation": _TESTS / "evaluation" / "test_clusters.py",
    "lint": _TESTS / "doctor" / "test_guides.py",
    "quickstart": _TESTS / "faces" / "test_keras_guide.py",
}
ALL = [pytest.param(loss, id=loss.name) for loss in losses()]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The Sphinx extension that writes the pages."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_examples_of_the_guide_are_true(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    text = re.sub(r"^```.*$", "", page, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0
    whole = [code for code in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if ">>>" not in code]
    assert test.examples or whole
    assert not whole or PROGRAMS[path.stem].exists()


@pytest.mark.parametrize("loss", ALL)
def test_page_has_all_parts(loss: Loss, generate: ModuleType) -> None:
    page = generate.page(loss)
    assert page.startswith(f"# {loss.title}\n")
    for part in (
        f"```{{math}}\n{loss.formula}\n```",
        f"```{{math}}\n{loss.gradient_formula}\n```",
        f"]({loss.name}.svg)",
        "## Prediction and target",
        "## Take it when",
        "## What a good value is",
        "## Pitfalls",
        f".. autofunction:: lossmith.{loss.name}\n",
        f".. autoclass:: lossmith.{loss.object_name}\n",
        *(f"| `{p.name}` |" for p in loss.parameters),
        *(r.link for r in loss.references),
    ):
        assert part in page


def test_index_lists_every_loss_once(generate: ModuleType) -> None:
    rows = [line for line in generate.index().splitlines() if line.startswith("| [")]
    assert sorted(re.findall(r"\((\w+)\.md\)", " ".join(row.split("|")[1] for row in rows))) == sorted(
        loss.name for loss in losses()
    )


def test_prose_is_escaped_and_links_losses(generate: ModuleType) -> None:
    assert generate._prose("KL(t || p) * [0, 1] of squared_error") == (
        r"KL(t \|\| p) \* \[0, 1\] of [`squared_error`](squared_error.md)"
    )


def test_every_public_name_is_described() -> None:
    made = {name for loss in losses() for name in (loss.name, loss.object_name)}  # on the pages of the losses
    described = set(re.findall(r":: lossmith\.(\w+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(lm.__all__) - made <= described


def test_an_undescribed_name_is_a_warning_which_fails_the_build(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Build:
        found_docs: ClassVar[set[str]] = {f"losses/{loss.name}" for loss in losses() if loss.name != "huber"}

        def get_domain(self, name: str) -> Build:
            return self

        def get_objects(self) -> list[tuple[str]]:
            return [(f"lossmith.{name}",) for name in lm.__all__ if name != "evaluate"]

    said: list[str] = []
    monkeypatch.setattr(generate, "_log", SimpleNamespace(warning=lambda text, *given: said.append(text % given)))
    generate.check_coverage(None, Build())
    assert said == ["huber has no page", "lossmith.evaluate is public, but described nowhere: add it to docs/api.md"]
    connected: dict[str, Any] = {}
    generate.setup(SimpleNamespace(connect=connected.__setitem__, add_html_math_renderer=lambda *_, **__: None))
    assert connected["env-check-consistency"] is generate.check_coverage
