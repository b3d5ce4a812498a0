"""lossmith.native with and without its compiled module: what it says of itself, and that it needs NumPy alone."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lossmith import native

SOURCES = Path(__file__).parents[2] / "src/lossmith/native"


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh Python with these environment variables added; return what it prints."""
    env = {name: value for name, value in os.environ.items() if name != "LOSSMITH_DISABLE_NATIVE"} | environment
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_there_is_a_reason_exactly_when_there_is_no_native():
    assert native.has_native() == (native.why_not() is None)


def test_continuous_integration_has_native():
    if os.environ.get("LOSSMITH_REQUIRE_NATIVE") == "1":
        assert native.has_native(), native.why_not()


@pytest.mark.parametrize("value", ["1", "true"])
def test_environment_turns_it_off(value):
    code = "from lossmith import native; print(native.has_native(), native.why_not())"
    printed = run_python(code, LOSSMITH_DISABLE_NATIVE=value)
    assert printed.startswith("False")
    assert "LOSSMITH_DISABLE_NATIVE" in printed


@pytest.mark.parametrize("value", ["", "0"])
def test_environment_leaves_it_alone(value):
    printed = run_python("from lossmith import native; print(native.has_native())", LOSSMITH_DISABLE_NATIVE=value)
    assert printed == str(native.has_native())


def test_the_compiled_module_is_of_these_sources():
    if not native.has_native():
        pytest.skip(f"no native core: {native.why_not()}")
    assert native._stale(native._core.INTERFACE, SOURCES) is None


@pytest.mark.parametrize("built", ["", "0" * 64])
def test_a_module_of_other_sources_is_left_out_with_a_warning(monkeypatch, built):
    monkeypatch.setattr(native, "__file__", str(SOURCES / "__init__.py"))
    monkeypatch.setattr(native.importlib, "import_module", lambda name: SimpleNamespace(INTERFACE=built))
    monkeypatch.delenv("LOSSMITH_DISABLE_NATIVE", raising=False)
    with pytest.warns(RuntimeWarning, match="lossmith.native is left out: .* other sources .* again with make dev"):
        core, reason = native._load()
    assert core is None
    assert reason.startswith("the compiled module was built from other sources")


def test_a_changed_source_and_a_module_without_sources(tmp_path):
    assert native._stale("", tmp_path) is None  # a wheel brings none
    (tmp_path / "bind_all.cpp").write_text("one")
    (tmp_path / "kernel.cpp").write_text("no part of the interface")
    one, kernel = (hashlib.sha256(text).hexdigest() for text in (b"one", b"two"))
    assert native._stale(hashlib.sha256(one.encode()).hexdigest(), tmp_path) is None
    (tmp_path / "a.hpp").write_text("two")
    assert "built from other sources" in native._stale(hashlib.sha256(one.encode()).hexdigest(), tmp_path)
    assert native._stale(hashlib.sha256((kernel + one).encode()).hexdigest(), tmp_path) is None


def test_turned_off_it_refuses_to_compute_and_says_why():
    code = """
import numpy as np
from lossmith import native
try:
    native.softmax_cross_entropy(np.zeros((1, 2)), np.zeros(1, np.int64))
except RuntimeError as error:
    print(error)
"""
    assert "LOSSMITH_DISABLE_NATIVE" in run_python(code, LOSSMITH_DISABLE_NATIVE="1")


def test_it_imports_no_framework():
    code = "import sys, lossmith.native; print({'torch', 'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    assert run_python(code) == "set()"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_supports_contiguous_matrices(dtype):
    logits = np.zeros((3, 4), dtype)
    assert native.supports(logits)
    assert native.supports(logits[1:])
    assert native.supports(np.zeros((0, 4), dtype))


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((3, 4), np.longdouble),
        np.zeros((3, 4), np.int64),
        np.zeros((3, 4), np.dtype(np.float32).newbyteorder()),
        np.zeros(4, np.float32),
        np.zeros((2, 3, 4), np.float32),
        np.zeros((3, 4), np.float32).T,
        np.zeros((3, 4), np.float32)[:, ::2],
        np.zeros(49, np.uint8)[1:].view(np.float32).reshape(3, 4),
        [[0.0, 1.0]],
    ],
    ids=["long double", "integer", "byte order", "1-D", "3-D", "transposed", "strided", "misaligned", "list"],
)
def test_supports_nothing_else(logits):
    assert not native.supports(logits)
