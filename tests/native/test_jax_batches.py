"""Losses whose rows compare with each other, of JAX arrays on their kernel; NumPy's kernel judges it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jax_tools import kernels_in

from faces.jax_programs import quick_compiler  # noqa: F401
from frameworks import require
from lossmith import native
from lossmith.native import batch_rows

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith as lm  # noqa: E402
from lossmith.jax import fast_batches  # noqa: E402
from lossmith.jax.primitives import Settings  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

BATCHES = {"lossmith_batch_rows"}
CASES: dict[str, dict[str, Any]] = {
    "nt_xent": {"temperature": 0.3},
    "supervised_contrastive": {"temperature": 0.5},
    "siglip": {"scale": 4.0, "bias": -2.0},
    "triplet_hard": {"margin": 0.5},
    "triplet_semi_hard": {"distance": "squared", "margin": 0.25},
}
SETTINGS = {"triplet_hard": {"margin": 0.5, "soft": True}, "triplet_semi_hard": {"margin": 0.5}}
ROWS = 11
MASK, WEIGHT = np.arange(ROWS) % 4 != 1, np.linspace(0.5, 2.0, ROWS)


def batch(name: str, dtype: Any = np.float64) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    p, other = rng.normal(size=(2, ROWS, 3))
    return p.astype(dtype), other.astype(dtype) if name == "siglip" else rng.integers(-1, 3, ROWS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_matrices_are_those_of_numpy_bit_for_bit(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    rows = 70
    matrix = np.abs(rng.normal(size=(2, rows, rows))).astype(dtype)  # two, one after the other
    groups, scale = rng.integers(0, 9, (2, rows)), np.linspace(-1.0, 2.0, 2 * rows).reshape(2, rows).astype(dtype)
    there = rng.random((2, rows)) > 0.2
    target = np.stack([groups, there], axis=-1)

    def run(matrix: Any, target: Any, scale: Any) -> Any:
        found = {}
        for name in batch_rows.FORMULAS:
            own = Settings(fast_batches.Compared(name, tuple(SETTINGS.get(name, {}).items()), masked=True))
            primitives: Any = fast_batches.batches_p
            values, pull = jax.vjp(lambda x, own=own, p=primitives: p.values(own, x, target), matrix)
            found[name] = values, pull(scale)[0]
        return found

    with jax.enable_x64(dtype == np.float64):
        assert kernels_in(run, matrix, target, scale) == BATCHES
        found = jax.jit(run)(matrix, target, scale)
    for name, (values, gradient) in found.items():
        for k in range(2):
            expected, slope = batch_rows.run(
                name, matrix[k], groups[k], there[k], settings=SETTINGS.get(name), scale=scale[k]
            )
            np.testing.assert_array_equal(values[k], expected, err_msg=name)
            np.testing.assert_array_equal(gradient[k], slope, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_losses_agree_with_numpy(name: str) -> None:
    """Means, masks with weights, batches of batches, forward mode of the gradient; NaN where nobody looks."""
    p, t = batch(name)
    hidden = np.where(MASK[:, None], p, np.nan)
    along = np.cos(p)
    loss = lm.get(name, **CASES[name])

    def call(p: Any, hidden: Any, t: Any) -> Any:
        mean = lambda x: loss(x, t)  # noqa: E731
        masked = lambda x: loss(x, t, mask=MASK, weight=WEIGHT)  # noqa: E731
        return {
            "mean": jax.value_and_grad(mean)(p),
            "masked": jax.value_and_grad(masked)(hidden),
            "object": loss.value_and_gradient(hidden, t, mask=MASK, weight=WEIGHT),
            "each": jax.vmap(jax.value_and_grad(mean))(jnp.stack([p, p[::-1]])),
            "twice": jax.jvp(jax.value_and_grad(mean), (p,), (along,))[1],
        }

    with jax.enable_x64(True):
        assert kernels_in(call, p, hidden, t) == BATCHES
        found = jax.tree.map(np.asarray, jax.jit(call)(p, hidden, t))

    masked = loss.value_and_gradient(hidden, t, mask=MASK, weight=WEIGHT)
    plain, turned = loss.value_and_gradient(p, t), loss.value_and_gradient(p[::-1].copy(), t)
    late, early = (loss.value_and_gradient(p + step * along, t) for step in (1e-5, -1e-5))
    expected = {
        "mean": plain,
        "masked": masked,
        "object": masked,
        "each": [np.stack(x) for x in zip(plain, turned, strict=True)],
        "twice": [(a - b) / 2e-5 for a, b in zip(late, early, strict=True)],
    }
    for what, judge in expected.items():
        rtol, atol = (1e-4, 1e-7) if what == "twice" else (1e-9, 1e-12)
        for ours, other in zip(found[what], judge, strict=True):
            np.testing.assert_allclose(ours, other, rtol=rtol, atol=atol, err_msg=what)


def test_what_else_has_a_gradient_and_what_stays_with_the_formula() -> None:
    p, groups = batch("nt_xent", np.float32)
    t = jnp.float32(0.4)

    def slopes(p: Any, t: Any) -> Any:
        """Of half precision, and with respect to a learned temperature."""
        half = jax.value_and_grad(lambda p: lm.nt_xent(p, groups))(p.astype(jnp.bfloat16))
        return half, jax.grad(lambda t: lm.nt_xent(p, groups, temperature=t))(t)

    assert kernels_in(slopes, p, t) == BATCHES
    (value, gradient), learned = jax.jit(slopes)(p, t)
    rounded = np.asarray(jnp.asarray(p, jnp.bfloat16), np.float64)
    expected, slope = lm.NTXent().value_and_gradient(rounded, groups)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(gradient, np.float64), slope, rtol=1e-2, atol=1e-2)
    late, early = (lm.nt_xent(p.astype(float), groups, temperature=0.4 + step) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(learned, (late - early) / 2e-6, rtol=1e-4)
    assert not kernels_in(lambda p, m: lm.triplet_semi_hard(p, groups, margin=m), p, 0.5)
    assert lm.nt_xent(jnp.zeros((0, 3)), jnp.zeros(0, jnp.int32)) == 0
