"""``import lossmith`` brings NumPy and nothing else, and costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

FORBIDDEN = "torch jax tensorflow keras pandas pyarrow altair typer rich sklearn scipy xgboost lightgbm catboost"

MODULES = f"""
import sys, lossmith
from lossmith import losses
found = [name for name in {FORBIDDEN.split()!r} if name in sys.modules]
assert not found, found
lossmith.huber([1.0], [2.0]), lossmith.SoftmaxCrossEntropy(), dir(lossmith)
found = [name for name in {FORBIDDEN.split()!r} if name in sys.modules]
assert not found, found
"""
SPARE = """
import sys
import lossmith
loaded = {name.split(".")[1] for name in sys.modules if name.startswith("lossmith.")}
assert loaded <= {"arrays", "core", "errors", "formula", "losses", "native"}, loaded
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_lossmith_imports_no_framework() -> None:
    run(MODULES)


def test_importing_lossmith_loads_definitions_and_core_alone() -> None:
    """No plots, readers, reports or faces: what takes time to import waits until it is asked for."""
    run(SPARE)
