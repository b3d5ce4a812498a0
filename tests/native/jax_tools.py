"""What the tests of JAX's kernels share: whether a program has one, and the formula to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from frameworks import require

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

from lossmith.jax import lowering  # noqa: E402

TARGETS = (
    "lossmith_softmax_cross_entropy",
    "lossmith_row_pairs",
    "lossmith_elementwise",
    "lossmith_ctc",
    "lossmith_batch_rows",
)


def kernels_in(function: Any, *arguments: Any) -> set[str]:
    """The handlers that the program of a function calls."""
    text = jax.jit(function).lower(*arguments).as_text()
    return {target for target in TARGETS if f"@{target}(" in text}


def by_formula(monkeypatch: pytest.MonkeyPatch, function: Any, *arguments: Any) -> Any:
    """Call a function of JAX's with the kernels out of reach."""
    with monkeypatch.context() as patched:
        patched.setattr(lowering, "available", lambda: False)
        patched_function = jax.jit(lambda *a: function(*a))
        assert not kernels_in(patched_function, *arguments)
        return patched_function(*arguments)


def close(ours: Any, theirs: Any, rtol: float = 2e-5, atol: float = 1e-6) -> None:
    """Assert that two trees have the same structure, shapes, dtypes and, nearly, numbers."""
    for mine, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(np.asarray(mine, np.float64), np.asarray(other, np.float64), rtol=rtol, atol=atol)


def pulled(function: Any) -> Any:
    """Value and gradient for cotangents that differ from row to row."""

    def run(logits: Any, *rest: Any) -> Any:
        values, pull = jax.vjp(lambda x: function(x, *rest), logits)
        return values, pull(jnp.linspace(0.5, 2.0, values.size).reshape(values.shape).astype(values.dtype))[0]

    return run
