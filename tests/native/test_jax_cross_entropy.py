"""Softmax cross-entropy of JAX arrays on its kernel: the formula judges it, under everything that JAX does with it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from jax_tools import close, kernels_in, pulled

from faces.jax_programs import quick_compiler  # noqa: F401
from frameworks import require
from lossmith import native
from lossmith.losses import find

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith as lm  # noqa: E402
import lossmith.jax as lj  # noqa: E402
from lossmith.arrays import load  # noqa: E402
from lossmith.errors import LabelError  # noqa: E402
from lossmith.jax import fast_rows  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

LOSS = find("softmax_cross_entropy")
TARGET = fast_rows.LABELS.target
INF, NAN = float("inf"), float("nan")
# dtype, tolerance of values, tolerance of gradients as a part of the largest one
DTYPES = {"float32": (2e-6, 1e-6), "float64": (1e-13, 1e-13), "bfloat16": (1e-2, 4e-3), "float16": (2e-3, 5e-4)}
WEIGHT = np.linspace(0.0, 2.0, 10, dtype=np.float32)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "z_loss": {"z_loss": 0.01},
    "weighted classes": {"class_weight": WEIGHT},
    "all of it": {"label_smoothing": 0.2, "z_loss": 0.1, "class_weight": WEIGHT},
}


def batch(rows: int = 6, classes: int = 10, dtype: str = "float32", seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    logits = jnp.asarray(3 * rng.standard_normal((rows, classes)), dtype)
    return logits, jnp.asarray(rng.integers(0, classes, rows), jnp.int32)


def loss(logits: Any, labels: Any, **options: Any) -> Any:
    return lj.softmax_cross_entropy_with_integer_labels(logits, labels, **options)


def mean(logits: Any, labels: Any, **options: Any) -> Any:
    return jnp.mean(loss(logits, labels, **options))


def is_native(function: Any, *arguments: Any) -> bool:
    return kernels_in(function, *arguments) == {TARGET}


# ------------------------------------------------------------------------------------------------- what is computed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "classes"), [(33, 10), (20, 300), (3, 20_000)])
def test_it_agrees_with_the_formula_in_float64(rows: int, classes: int, dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        logits, labels = batch(rows, classes, dtype)
        call = jax.value_and_grad(lambda x: lm.softmax_cross_entropy(x, labels))
        assert is_native(call, logits)
        value, gradient = jax.jit(call)(logits)
        wide, goal, xp = np.asarray(logits, np.float64), np.asarray(labels, np.int64), load("numpy")
        parameters = LOSS.resolve({})
        expected = LOSS.value(xp, wide, goal, **parameters).mean()
        slope = LOSS.gradient(xp, wide, goal, **parameters) / rows
        assert (value.dtype, gradient.dtype) == ("float64" if dtype == "float64" else "float32", dtype)
        tolerance, part = DTYPES[dtype]
        np.testing.assert_allclose(value, expected, rtol=min(tolerance, 2e-6))
        np.testing.assert_allclose(np.asarray(gradient, float), slope, rtol=tolerance, atol=part * abs(slope).max())


@pytest.mark.parametrize(
    ("options", "dtype"), [*zip(OPTIONS.values(), ["float32"] * 5, strict=True), (OPTIONS["all of it"], "bfloat16")]
)
def test_parameters(options: dict[str, Any], dtype: str, formula: Any) -> None:
    logits, labels = batch(40, dtype=dtype)
    call = pulled(lambda x, y: loss(x, y, **options))
    assert is_native(call, logits, labels)
    tolerance = DTYPES[dtype][0]
    close(jax.jit(call)(logits, labels), formula(call, logits, labels), 10 * tolerance, tolerance)


KEEP = np.arange(6) % 3 != 1
SELECTIONS: dict[str, dict[str, Any]] = {
    "mask": {"mask": KEEP},
    "where": {"where": KEEP},
    "ignore_index": {"ignore_index": 3},
    "weight": {"weight": np.arange(6.0, dtype=np.float32)},
    "mask and weight": {"mask": KEEP, "weight": np.arange(6.0, dtype=np.float32) / 3},
    "where of classes": {"where": np.arange(10)[None] < 8},
}


@pytest.mark.parametrize(
    ("selection", "reduction"), [*((s, "mean") for s in SELECTIONS), ("mask and weight", "none"), ("where", "none")]
)
def test_selections(selection: str, reduction: str, formula: Any) -> None:
    """Rows that do not count hold NaN, and labels that are no classes."""
    logits, _ = batch()
    labels = jnp.array([0, 3, 2, 3, 7, 1])
    options = SELECTIONS[selection]
    if options.get("mask", options.get("where")) is KEEP:
        logits, labels = logits.at[~KEEP].set(NAN), labels.at[~KEEP].set(99)

    def call(x: Any) -> Any:
        return loss(x, labels, reduction=reduction, z_loss=0.1, **options)

    assert is_native(pulled(call), logits)
    ours = jax.jit(pulled(call))(logits)
    assert np.isfinite(np.asarray(ours[0])).all()
    close(ours, formula(pulled(call), logits))


@pytest.mark.parametrize("dtype", ["int8", "uint16"])
def test_labels_of_any_integer_type_on_any_axis(dtype: str, formula: Any) -> None:
    logits = jnp.moveaxis(batch(12)[0].reshape(3, 4, 10), -1, 1)
    labels = jnp.asarray(np.arange(12).reshape(3, 4) % 10, dtype)
    call = pulled(lambda x: loss(x, labels, axis=1))
    assert is_native(call, logits)
    close(jax.jit(call)(logits), formula(call, logits))


ROWS = {
    "inf": [INF, 0.0, 1.0],
    "nan": [0.0, NAN, 1.0],
    "two inf": [INF, INF, 0.0],
    "all -inf": [-INF, -INF, -INF],
    "-inf elsewhere": [1.0, 0.0, -INF],
    "-inf at the label": [-INF, 0.0, 1.0],
    "sure": [3e4, -3e4, 0.0],
    "tied": [1.0, 1.0, 1.0],
    "-0": [-0.0, 0.0, -0.0],
}


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "z_loss": 0.1}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_edges(options: dict[str, Any], dtype: str, formula: Any) -> None:
    logits = jnp.asarray(list(ROWS.values()), dtype)
    labels = jnp.zeros(len(ROWS), jnp.int32)
    call = pulled(lambda x: loss(x, labels, **options))
    close(jax.jit(call)(logits), formula(call, logits), 10 * DTYPES[dtype][0])


def test_one_class_and_nothing_at_all(formula: Any) -> None:
    one = jnp.array([[3.0], [-INF], [INF]]), jnp.zeros(3, jnp.int32)
    close(jax.jit(pulled(loss))(*one), formula(pulled(loss), *one))
    empty = jnp.zeros((0, 4)), jnp.zeros(0, jnp.int32)
    assert not is_native(loss, *empty)
    value, gradient = jax.jit(pulled(loss))(*empty)
    assert (value.shape, gradient.shape) == ((0,), (0, 4))
    assert jax.jit(lambda x, y: lm.softmax_cross_entropy(x, y))(*empty) == 0.0
    close(jax.jit(loss)(batch()[0][0], jnp.int32(3)), formula(loss, batch()[0][0], jnp.int32(3)))  # one row


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_labels_are_errors_and_nan_inside_jit(options: str, formula: Any) -> None:
    half = options == "all of it"
    bad_labels(OPTIONS[options], "float16" if half else "float32", 1e-2 if half else 1e-5, formula)


def bad_labels(options: dict[str, Any], dtype: str, tolerance: float, formula: Any) -> None:
    logits, labels = batch(dtype=dtype)
    labels = labels.at[jnp.array([1, 3, 4])].set(jnp.array([10, -1, fast_rows.HIDDEN]))
    with pytest.raises(LabelError, match="label 10 at position 1"):
        loss(logits, labels, **options)
    call = pulled(lambda x, y: loss(x, y, **options))
    values, gradient = jax.jit(call)(logits, labels)
    assert np.isnan(np.asarray(values, float)).tolist() == [False, True, False, True, True, False]
    close((values, gradient), formula(call, logits, labels), tolerance, tolerance / 10)
    ignoring = pulled(lambda x, y: loss(x, y, ignore_index=-1, **options))
    values, gradient = jax.jit(ignoring)(logits, labels)
    assert np.isnan(np.asarray(values, float)).tolist() == [False, True, False, False, True, False]
    assert values[3] == 0
    assert not gradient[3].any()


def test_class_weights_that_the_kernel_refuses_go_through_the_formula(formula: Any) -> None:
    logits, labels = batch()
    weights = jnp.stack([jnp.asarray(WEIGHT).at[2].set(bad) for bad in (-1.0, INF, NAN)])

    def call(x: Any, w: Any) -> Any:
        return [pulled(lambda x, w=w: loss(x, labels, class_weight=w))(x) for w in w]

    assert is_native(call, logits, weights)
    close(jax.jit(call)(logits, weights), formula(call, logits, weights))


# ------------------------------------------------------------------------------------------------ what JAX does with it

TRANSFORMS: dict[str, Any] = {
    "value": lambda f: f,
    "grad": jax.grad,
    "jvp": lambda f: lambda x: jax.jvp(f, (x,), (jnp.cos(x),)),
    "linearize": lambda f: lambda x: jax.linearize(f, x)[1](jnp.cos(x)),
    "hessian": jax.hessian,
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "forward over forward": lambda f: jax.jacfwd(jax.jacfwd(f)),
    "reverse over forward": lambda f: jax.jacrev(jax.jacfwd(f)),
    "third order": lambda f: jax.grad(lambda x: jnp.vdot(jax.grad(lambda x: jnp.sum(jax.grad(f)(x) ** 2))(x), x)),
    "checkpoint": lambda f: jax.value_and_grad(jax.checkpoint(f)),
    "transposed twice": lambda f: lambda x: jax.linear_transpose(jax.vjp(f, x)[1], jnp.float32(1))((jnp.cos(x),)),
}


UN_JITTED = ("value", "grad", "jvp", "linearize", "checkpoint", "transposed twice")


@pytest.mark.parametrize(
    ("transform", "jitted"),
    [*((t, True) for t in TRANSFORMS), *((t, False) for t in UN_JITTED)],
)
def test_transforms(transform: str, jitted: bool, formula: Any) -> None:
    logits, labels = batch(3, 4)

    def call() -> Any:  # a new one each time, because checkpoint remembers what it has traced
        return TRANSFORMS[transform](lambda x: mean(x, labels, label_smoothing=0.1, z_loss=0.1))

    close((jax.jit(call()) if jitted else call())(logits), formula(call(), logits))


def test_derivatives_with_respect_to_weights(formula: Any) -> None:
    logits, labels = batch(3, 4)
    given = logits, jnp.arange(0.5, 2.5, 0.5), jnp.arange(1.0, 4.0)

    def call(x: Any, c: Any, w: Any) -> Any:
        return lm.softmax_cross_entropy(x, labels, class_weight=c, weight=w, label_smoothing=0.1)

    for transform in (
        jax.value_and_grad(call, argnums=(0, 1, 2)),
        jax.grad(call, argnums=1),
        jax.jacfwd(jax.grad(call, argnums=1)),
    ):
        assert is_native(transform, *given)
        close(jax.jit(transform)(*given), formula(transform, *given))


@pytest.mark.parametrize("axes", [(0, None), (1, None), (None, 0), (2, 1)], ids=str)
@pytest.mark.parametrize("jitted", [True, False], ids=["jit", "un-jitted"])
def test_vmap(axes: tuple[int | None, int | None], jitted: bool, formula: Any) -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.standard_normal((4, 10)).astype(np.float32), rng.integers(0, 10, (4,)).astype(np.int32)
    x = logits if axes[0] is None else np.moveaxis(rng.standard_normal((3, 4, 10)).astype(np.float32), 0, axes[0])
    y = labels if axes[1] is None else np.moveaxis(rng.integers(0, 10, (3, 4)).astype(np.int32), 0, axes[1])
    call = jax.vmap(jax.value_and_grad(mean), axes)
    given = jnp.asarray(x), jnp.asarray(y)
    if jitted:
        assert is_native(call, *given)
        close(jax.jit(call)(*given), formula(call, *given))
    else:
        close(call(*given), formula(call, *given))


def test_vmap_over_class_weights_and_over_jvp(formula: Any) -> None:
    logits, labels = batch()
    weights = jnp.stack([jnp.asarray(WEIGHT), jnp.asarray(WEIGHT[::-1])])
    call = jax.vmap(lambda x, w: jax.value_and_grad(mean)(x, labels, class_weight=w), (None, 0))
    close(jax.jit(call)(logits, weights), formula(call, logits, weights))
    several = jax.vmap(lambda t: jax.jvp(lambda x: mean(x, labels), (logits,), (t,))[1])
    close(jax.jit(several)(weights[:, None] * logits), formula(several, weights[:, None] * logits))
    pullbacks = jax.vmap(lambda c: jax.vjp(lambda x: loss(x, labels), logits)[1](c)[0])
    close(jax.jit(pullbacks)(weights[:, :6]), formula(pullbacks, weights[:, :6]))


def test_scan(formula: Any) -> None:
    logits, labels = batch(12)

    def call(x: Any) -> Any:
        chunks = x.reshape(3, 4, 10), labels.reshape(3, 4)
        return jax.lax.scan(lambda total, c: (total + jnp.sum(loss(*c)), None), 0.0, chunks)[0]

    assert is_native(jax.value_and_grad(call), logits)
    close(jax.jit(jax.value_and_grad(call))(logits), formula(jax.value_and_grad(call), logits))


def test_without_jit_at_all(formula: Any) -> None:
    logits, labels = batch()
    call = jax.value_and_grad(lambda x: mean(x, labels))
    with jax.disable_jit():
        close(call(logits), formula(call, logits))


def test_value_and_gradient_can_be_differentiated_again(formula: Any) -> None:
    logits, labels = batch(4)
    both = lm.SoftmaxCrossEntropy(label_smoothing=0.1).value_and_gradient
    weight = jnp.arange(4.0)
    close(both(logits, labels, weight=weight), formula(lambda x: both(x, labels, weight=weight), logits))

    def penalty(x: Any) -> Any:
        value, gradient = both(x, labels)
        return value + jnp.sum(gradient**2)

    assert is_native(penalty, logits)
    close(jax.jit(jax.grad(penalty))(logits), formula(jax.grad(penalty), logits))


# ------------------------------------------------------------------------------------------------------------- guesses

REDUCTIONS: dict[str, Any] = {
    "mean": jnp.mean,
    "sum": jnp.sum,
    "scaled": lambda v: 0.37 * jnp.mean(v),
    "by row": lambda v: jnp.vdot(v, jnp.linspace(-1.0, 2.0, v.size)),
    "nothing": lambda v: 0.0 * jnp.sum(v),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_guess_decides_on_time_alone(dtype: str, formula: Any) -> None:
    """The first call guesses from nothing, later ones from earlier ones, some of them wrongly: not a bit may differ."""
    logits, labels = batch(50, 200, dtype)

    def call(x: Any, factors: Any) -> Any:
        return jnp.vdot(loss(x, labels), factors)

    steps = jax.jit(jax.grad(call))
    factors = [jnp.full(50, 0.02), jnp.ones(50), jnp.ones(50), jnp.linspace(-1, 2, 50), jnp.zeros(50), jnp.ones(50)]
    results = [steps(logits, f) for f in factors]
    for f, result in zip(factors, results, strict=True):
        close(result, formula(jax.grad(call), logits, f), 1e-2 if dtype == "bfloat16" else 1e-5)
        assert (np.asarray(result) == np.asarray(steps(logits, f))).all()
    assert (np.asarray(results[1]) == np.asarray(results[-1])).all()


@pytest.mark.parametrize("reduction", REDUCTIONS.values(), ids=REDUCTIONS)
def test_any_reduction_any_number_of_times(reduction: Any, formula: Any) -> None:
    logits, labels = batch(16, 70)
    call = jax.value_and_grad(lambda x: reduction(loss(x, labels)))
    expected, jitted = formula(call, logits), jax.jit(call)
    for _ in range(3):
        close(jitted(logits), expected)
        close(call(logits), expected)


def test_a_pullback_serves_more_than_once() -> None:
    logits, labels = batch()
    _, pull = jax.vjp(lambda x: jnp.mean(loss(x, labels)), logits)
    (first,), (twice,), (again,) = pull(jnp.float32(1)), pull(jnp.float32(2)), pull(jnp.float32(1))
    assert (first == again).all()
    np.testing.assert_allclose(twice, 2 * first, rtol=1e-6)


def test_results_are_the_same_on_any_number_of_threads() -> None:
    logits, labels = batch(3000, 50)
    wide, few = batch(40, 9000)
    call = jax.jit(lambda *a: (pulled(loss)(*a[:2]), pulled(loss)(*a[2:])))
    first = call(logits, labels, wide, few)
    results = []

    def work() -> None:
        results.append(call(logits, labels, wide, few))

    threads = [threading.Thread(target=work) for _ in range(4)]  # they have to share XLA's
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        for mine, other in zip(jax.tree.leaves(result), jax.tree.leaves(first), strict=True):
            assert (mine == other).all()
