"""The tables of differences and ports against the installed frameworks: every call gives what the page says."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from typing import Any

import pytest

from faces.calls import BACKENDS, Asked, agrees, run, run_on_keras
from frameworks import require
from lossmith.losses import losses
from lossmith.understanding.frameworks.differences import DIFFERENCES
from lossmith.understanding.frameworks.porting import CONVENTIONS, OUT, PORTS, names_in
from lossmith.understanding.frameworks.tables import KERAS, LK, TITLES, VERSIONS, Call, Difference, Port, Raises, shown

ROWS = [row for topic in DIFFERENCES for row in topic.rows]
PORTED = [port for ports in PORTS.values() for port in ports]
TITLED = [pytest.param(row, id=row.title) for row in (*ROWS, *PORTED)]
KERAS_NAMES = (
    "' '.join(n for n, x in vars(keras.losses).items() if isinstance(x, type) and x.__mro__[1:2] != (object,))"
)
PACKAGES = {
    "torch": ("torch",),
    "lossmith.torch": ("torch",),
    "optax": ("jax", "optax"),
    "lossmith.jax": ("jax", "optax"),
}


def needed(*packages: str) -> None:
    """Skip or fail the test where a package is absent; imports nothing that is there."""
    for package in packages:
        if find_spec(package) is None:
            require(package)


def asked_of(row: Difference | Port, call: Call) -> Asked:
    return Asked(call.where, call.code, dict(row.inputs), isinstance(call.gives, Raises))


def on_keras(call: Call, backend: str = "") -> bool:
    """Whether a call runs on a backend of Keras; without a backend, on any."""
    if not backend:
        return call.where.startswith("keras") or call.where == LK
    return call.where in ("keras", LK, f"keras/{backend}")


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


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_are_true_on_keras(backend: str) -> None:
    """Both tables in one process per backend; and Keras has no loss that no row ports."""
    needed("keras", backend)
    rows = [(row, call) for row in (*ROWS, *PORTED) for call in row.calls if on_keras(call, backend)]
    names, *results = run_on_keras(
        backend, [Asked(KERAS, KERAS_NAMES, {}, raises=True), *(asked_of(row, call) for row, call in rows)]
    )
    wrong = [
        f"{row.title}: {call.code} gives {result}, the table says {shown(call.gives)}"
        for (row, call), result in zip(rows, results, strict=True)
        if not agrees(result, call.gives)
    ]
    assert not wrong, "\n".join(wrong)
    check_names("keras", set(names.split()))


def check_names(framework: str, names: set[str]) -> None:
    ported = {name for port in PORTED for name in names_in(port).get(framework, ())}
    assert names - ported - set(OUT[framework]) == set(), "add a row, or a line to OUT in porting.py"
    assert set(OUT[framework]) <= names - ported, "these lines of OUT have a row, or no loss"


def test_every_loss_of_pytorch_and_optax_is_ported() -> None:
    torch, optax = require("torch"), require("optax")
    check_names("torch", {name for name in torch.nn.modules.loss.__all__ if name not in ("NLLLoss2d",)})
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
