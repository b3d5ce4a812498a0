"""The tables of differences and ports against the installed frameworks: every call gives what the page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from faces.calls import agrees, run
from faces.rows import PORTED, ROWS, asked_of, check_names, needed, on_keras
from frameworks import require
from lossmith.losses import losses
from lossmith.understanding.frameworks.porting import CONVENTIONS
from lossmith.understanding.frameworks.tables import TITLES, VERSIONS, Difference, Port, shown

TITLED = [pytest.param(row, id=row.title) for row in (*ROWS, *PORTED)]
KERAS_NAMES = "' '.join(n for n, x in vars(keras.losses).items() if isinstance(x, type) and n != 'Loss')"
PACKAGES = {
    "torch": ("torch",),
    "lossmith.torch": ("torch",),
    "optax": ("jax", "optax"),
    "lossmith.jax": ("jax", "optax"),
}


def test_versions_are_the_ones_of_the_page() -> None:
    """The numbers belong to these versions: with others, run the tests and mend the rows."""
    for package, version in VERSIONS.items():
        needed(package)
        assert metadata.version(package).startswith(version)


@pytest.mark.parametrize("row", TITLED)
def test_rows_are_true(row: Difference | Port) -> None:
    here = [call for call in row.calls if not on_keras(call)]
    needed(*{package for call in here for package in PACKAGES.get(call.where, ())})
    for call, result in zip(here, run([asked_of(row, call) for call in here]), strict=True):
        assert agrees(result, call.gives), f"{call.code} gives {result}, the table says {shown(call.gives)}"


def test_every_loss_of_pytorch_and_optax_is_ported() -> None:
    torch, optax = require("torch"), require("optax")
    check_names("torch", {name for name in dir(torch.nn) if name.endswith("Loss")})
    check_names("optax", {name for name in vars(optax.losses) if not name.startswith("_")})


@pytest.mark.parametrize("port", PORTED, ids=lambda port: port.title)
def test_ports_go_somewhere(port: Port) -> None:
    """From one framework to another, and to lossmith as soon as it has the loss."""
    assert len(port.calls) > 1
    if not port.lossmith:
        there = [loss.name for loss in losses() if port.title.lower() in loss.name]
        assert not there, f"lossmith has {there} now: write its form in porting_classes.py"


def test_conventions_have_a_column_each() -> None:
    assert {len(row) for row in CONVENTIONS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_rows_show_a_difference(row: Difference) -> None:
    """Calls of known frameworks, of two that differ or of one that differs from itself, explained in a sentence."""
    assert {call.where for call in row.calls} <= set(TITLES)
    assert row.why.endswith(".")
    results = {shown(call.gives).strip("[]") for call in row.calls}
    assert len(results) > 1 or len(row.calls) == 1 or "does not" in row.why


def test_titles_are_unique() -> None:
    assert len({row.title for row in (*ROWS, *PORTED)}) == len(ROWS) + len(PORTED)


def test_agreement_is_strict() -> None:
    nan: Any = float("nan")
    assert agrees([1.0, nan], (1.0, nan)) and agrees(0.0, -0.0) and agrees([], ())
    assert not agrees([1.0], 1.0) and not agrees(1.0, 1.01) and not agrees(nan, 0.0)
    assert not agrees({"raised": ["IndexError"]}, 0.0) and not agrees([1.0], (1.0, 1.0))


def test_pages_show_every_row_and_need_no_framework() -> None:
    """The pages are made in a process that has imported none, and hold every title, call and note."""
    needed("sphinx")
    script = (
        "import sys, json, comparison; pages = comparison.pages(); "
        "assert not {'torch', 'jax', 'keras', 'tensorflow', 'optax'} & set(sys.modules); print(json.dumps(pages))"
    )
    docs = str(Path(__file__).parents[2] / "docs")
    path = os.pathsep.join([docs, *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = json.loads(done.stdout)
    for page, rows in (("differences.md", ROWS), ("porting.md", PORTED)):
        for row in rows:
            assert f"### {row.title}\n" in pages[page]
            assert all(f"| `{call.code}` |" in pages[page] for call in row.calls)
    assert pages["capabilities.md"].count("✓") > 200
