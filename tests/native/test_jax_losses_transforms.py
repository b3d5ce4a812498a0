"""What JAX does with the calls that have kernels: derivatives of all orders, batches, loops, guesses, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jax_tools import close, kernels_in

from faces.jax_programs import quick_compiler  # noqa: F401
from frameworks import require
from lossmith import native

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith as lm  # noqa: E402
from lossmith.jax import fast_elements  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel take small calls, too."""
    monkeypatch.setattr(fast_elements, "LEAST", 1)


def numbers(*shape: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def elements(x: Any, y: Any, w: Any = None) -> Any:
    return lm.pseudo_huber(x, y, weight=w)


def pairs(x: Any, y: Any, w: Any = None) -> Any:
    return lm.distillation_kl(x, y, weight=w)


LOSSES = pytest.mark.parametrize("loss", [elements, pairs], ids=["elements", "pairs"])

TRANSFORMS: dict[str, Any] = {
    "value": lambda f: f,
    "grad": jax.grad,
    "linearize": lambda f: lambda x: jax.linearize(f, x)[1](jnp.cos(x)),
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "third order": lambda f: jax.grad(lambda x: jnp.vdot(jax.grad(lambda x: jnp.sum(jax.grad(f)(x) ** 2))(x), x)),
    "checkpoint": lambda f: jax.value_and_grad(jax.checkpoint(f)),
    "transposed twice": lambda f: lambda x: jax.linear_transpose(jax.vjp(f, x)[1], jnp.float32(1))((jnp.cos(x),)),
}


def test_transforms(formula: Any) -> None:
    x, y = numbers(2, 3), numbers(2, 3, seed=1)

    def call(x: Any) -> Any:
        return {name: transform(lambda x: elements(x, y) + pairs(x, y))(x) for name, transform in TRANSFORMS.items()}

    assert len(kernels_in(call, x)) == 2
    close(jax.jit(call)(x), formula(call, x))


def test_derivatives_of_target_and_weight_and_batches(formula: Any) -> None:
    x, y, w = numbers(5, 3, 4), numbers(5, 3, 4, seed=1), jnp.arange(1.0, 4.0)

    def loss(x: Any, y: Any, w: Any = None) -> Any:
        return elements(x, y, w) + pairs(x, y, w)

    def call(x: Any, y: Any, w: Any) -> Any:
        three = jax.value_and_grad(loss, argnums=(0, 1, 2))
        return (
            jax.vmap(three, (None, 1, None), 0)(x[0], jnp.moveaxis(y, 0, 1), w),
            jax.vmap(three, (0, None, 0))(x[:3], y[0], jnp.stack([w, 2 * w, w[::-1]])),
            jax.grad(lambda x: jnp.vdot(jax.vmap(loss)(x, y), jnp.arange(5.0)))(x),  # cotangents that differ
            jax.lax.scan(lambda t, c: (t + loss(*c), None), jnp.float32(0), (x, y))[0],
            jax.vmap(lambda t: jax.jvp(lambda x: loss(x, y[0]), (x[0],), (t,))[1])(x),
        )

    assert len(kernels_in(call, x, y, w)) == 2
    close(jax.jit(call)(x, y, w), formula(call, x, y, w))


@LOSSES
def test_without_jit(loss: Any, formula: Any) -> None:
    x, y = numbers(3, 4), numbers(3, 4, seed=1)
    both = jax.value_and_grad(lambda x: loss(x, y))
    expected = formula(both, x)
    close(both(x), expected)
    with jax.disable_jit():
        close(both(x), expected)
    value, pull = jax.vjp(lambda x: loss(x, y), x)
    (first,), (twice,), (again,) = pull(jnp.float32(1)), pull(jnp.float32(2)), pull(jnp.float32(1))
    assert (first == again).all()
    close([value, first, twice / 2], [*expected, expected[1]])


def test_value_and_gradient_can_be_differentiated_again(formula: Any) -> None:
    x, y, w = numbers(3, 4), numbers(3, 4, seed=1), jnp.arange(1.0, 4.0)

    def penalty(x: Any, y: Any, w: Any) -> Any:
        value, gradient = lm.PseudoHuber().value_and_gradient(x, y, weight=w)
        return value + jnp.sum(gradient**2)

    call = jax.value_and_grad(penalty, argnums=(0, 1, 2))
    assert kernels_in(call, x, y, w)
    close(jax.jit(call)(x, y, w), formula(call, x, y, w))


@LOSSES
def test_a_guess_decides_on_time_alone(loss: Any, formula: Any) -> None:
    """The first call guesses from nothing, later ones from earlier ones, some of them wrongly: not a bit may differ."""
    x, y = numbers(30, 40), numbers(30, 40, seed=1)
    step = jax.jit(jax.grad(lambda x, factor: factor * loss(x, y)))
    factors = [1.0, 3.0, 3.0, 0.0, -0.3, 1.0]
    results = [np.asarray(step(x, factor)) for factor in factors]
    for factor, result in zip(factors, results, strict=True):
        np.testing.assert_array_equal(result, step(x, factor))
    expected = np.asarray(formula(jax.grad(lambda x: loss(x, y)), x))
    for factor, result in zip(factors, results, strict=True):
        np.testing.assert_allclose(result, factor * expected, rtol=2e-5, atol=1e-9)
    np.testing.assert_array_equal(results[0], results[-1])


def test_a_training_step_neither_copies_nor_scales_the_gradient() -> None:
    x, y = numbers(64, 100), numbers(64, 100, seed=1)
    for loss in (elements, pairs):
        program = jax.jit(jax.value_and_grad(lambda x, loss=loss: loss(x, y))).lower(x).compile().as_text()
        lines = [line.split(" = ", 1)[1] for line in program[program.index("ENTRY") :].splitlines() if " = " in line]
        makers = {line.split("(")[0].split()[-1] for line in lines if line.startswith("f32[64,100]")}
        assert makers == {"parameter", "constant", "custom-call", "get-tuple-element"}


def test_exports_hold_the_formula_with_any_number_of_rows(formula: Any) -> None:
    from jax import export

    (n,) = export.symbolic_shape("n")
    shape = jax.ShapeDtypeStruct((n, 4), jnp.float32)

    def both(x: Any, y: Any) -> Any:
        return jax.grad(lambda x: elements(x, y) + pairs(x, y))(x)

    exported = export.export(jax.jit(both))(shape, shape)
    given = numbers(5, 4), numbers(5, 4, seed=1)
    close(exported.call(*given), formula(both, *given))


def test_sums_are_the_same_on_any_number_of_threads() -> None:
    """XLA lends threads to a call of one program, and the same numbers come from calls at the same time."""
    x, y = numbers(1000, 300), numbers(1000, 300, seed=1)
    both = jax.jit(jax.value_and_grad(elements))
    first, results = both(x, y), [both(x, y) for _ in range(4)]
    total, _, slope = native._core and elementwise_on_numpy(x, y)
    np.testing.assert_array_equal(first[0], np.float32(total) / np.float32(x.size))
    np.testing.assert_array_equal(first[1], slope)
    for result in results:
        for mine, other in zip(result, first, strict=True):
            np.testing.assert_array_equal(mine, other)


def elementwise_on_numpy(x: Any, y: Any) -> Any:
    """Total, values and gradient of the mean from the same kernel on the calling thread."""
    from lossmith.losses import find
    from lossmith.native import elementwise

    loss = find("pseudo_huber")
    numbers = elementwise.numbers(loss, loss.resolve({}))
    arrays = np.asarray(x), np.asarray(y)
    return elementwise.run(elementwise.find(loss), numbers, *arrays, scale=float(np.float32(1 / x.size)), executor=0)
