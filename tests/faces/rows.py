"""What the tests of the tables share: the rows, and how their calls are asked."""

from __future__ import annotations

from importlib.util import find_spec

from faces.calls import Asked
from frameworks import require
from lossmith.understanding.frameworks.differences import DIFFERENCES
from lossmith.understanding.frameworks.porting import OUT, PORTS, names_in
from lossmith.understanding.frameworks.tables import LK, Call, Difference, Port, Raises

ROWS = [row for topic in DIFFERENCES for row in topic.rows]
PORTED = [port for ports in PORTS.values() for port in ports]


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


def check_names(framework: str, names: set[str]) -> None:
    ported = {name for port in PORTED for name in names_in(port).get(framework, ())}
    assert names - ported - set(OUT[framework]) == set(), "add a row, or a line to OUT in porting.py"
    assert set(OUT[framework]) <= names - ported, "these lines of OUT have a row, or no loss"
