"""Elementwise losses, dense cross-entropy and distillation of JAX arrays on their kernels: the formula judges them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jax_tools import close, kernels_in, pulled

from faces.jax_programs import quick_compiler  # noqa: F401
from frameworks import require
from lossmith import native
from lossmith.arrays import load
from lossmith.errors import DomainError, LabelError, ShapeError
from lossmith.losses import find
from lossmith.native import elementwise

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith as lm  # noqa: E402
import lossmith.jax as lj  # noqa: E402
from lossmith.jax import fast_elements, fast_rows, lowering  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

ELEMENTS, PAIRS = {"lossmith_elementwise"}, {"lossmith_row_pairs"}
INF, NAN = float("inf"), float("nan")
TAKEN = [
    loss for loss in map(find, elementwise._known) if not loss.extras and loss.name not in fast_elements.XLA_IS_FASTER
]
ROWS = ("softmax_cross_entropy", "distillation_kl", "distillation_jsd", "distillation_total_variation")


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel take small calls, too."""
    monkeypatch.setattr(fast_elements, "LEAST", 1)


def numbers(*shape: int, seed: int = 0, dtype: str = "float32") -> Any:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


def rows(*shape: int, seed: int = 1, dtype: str = "float32") -> Any:
    return jax.nn.softmax(numbers(*shape, seed=seed)).astype(dtype)


def target_of(name: str, *shape: int, dtype: str = "float32") -> Any:
    return (rows if name == "softmax_cross_entropy" else numbers)(*shape, seed=1, dtype=dtype)


def oracle(loss: Any, prediction: Any, target: Any, parameters: dict[str, Any]) -> tuple[Any, Any]:
    """Values and gradient by the definition, in float64 on NumPy."""
    given = load("numpy"), np.asarray(prediction, np.float64), np.asarray(target, np.float64)
    with np.errstate(all="ignore"):
        return loss.value(*given, **parameters), loss.gradient(*given, **parameters)


# ------------------------------------------------------------------------------------------------- what is computed


def test_every_elementwise_loss_agrees_with_the_definition_in_float64() -> None:
    rng = np.random.default_rng(0)
    given = {
        loss.name: tuple(jnp.asarray(d.sample(rng, (40, 50)), jnp.float32) for d in (loss.prediction, loss.target))
        for loss in TAKEN
    }

    def call(given: Any) -> Any:  # all in one program: compiling is what takes its time
        return {name: jax.value_and_grad(getattr(lm, name))(*arrays) for name, arrays in given.items()}

    program = jax.jit(call)
    assert program.lower(given).as_text().count("@lossmith_elementwise(") == 2 * len(TAKEN) == 72
    for name, (value, gradient) in program(given).items():
        loss, arrays = find(name), given[name]
        values, slopes = oracle(loss, *arrays, loss.resolve({}))
        np.testing.assert_allclose(value, values.mean(), rtol=2e-6, atol=1e-6 * np.abs(values).mean(), err_msg=name)
        tolerance = 1e-5 * np.abs(slopes).max() / slopes.size
        np.testing.assert_allclose(gradient, slopes / slopes.size, rtol=2e-5, atol=tolerance, err_msg=name)


W = np.linspace(0.0, 2.0, 30, dtype=np.float32)
OPTIONS: dict[str, dict[str, Any]] = {
    "mean": {},
    "sum": {"reduction": "sum"},
    "total": {"reduction": "total"},
    "rows weighed": {"weight": W},
    "elements weighed": {"weight": np.outer(W, W[:20])},
    "normalizer": {"normalizer": 1000},
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_reductions_weights_and_dtypes(dtype: str, formula: Any) -> None:
    with jax.enable_x64(dtype == "float64"):
        x, y = numbers(30, 20, dtype=dtype), numbers(30, 20, seed=1, dtype=dtype)

        def call(x: Any) -> Any:
            found = {}
            for name, options in OPTIONS.items() if dtype == "float32" else [("mean", {})]:
                loss = lm.Huber(delta=0.7, reduction=options.get("reduction", "mean"))
                rest = {k: v for k, v in options.items() if k != "reduction"}
                value = lambda z, loss=loss, rest=rest: jax.tree.leaves(loss(z, y, **rest))[0]  # noqa: E731
                found[name] = jax.value_and_grad(value)(x), loss.value_and_gradient(x, y, **rest)
            return found

        assert kernels_in(call, x) == ELEMENTS
        half = dtype in ("bfloat16", "float16")
        close(jax.jit(call)(x), formula(call, x), 1e-2 if half else 1e-5, 1e-3 if half else 1e-7)


@pytest.mark.parametrize("name", ROWS)
def test_rows_agree_with_the_definition_in_float64(name: str) -> None:
    shapes = (33, 10), (2, 3, 5000)
    given = [(3 * numbers(*shape), target_of(name, *shape)) for shape in shapes]
    parameters = {k: v for k, v in {"temperature": 2.0, "label_smoothing": 0.1}.items() if k in find(name).defaults}

    def call(given: Any) -> Any:
        loss = lm.get(name, **parameters)
        return [jax.value_and_grad(loss)(*arrays) for arrays in given]

    assert kernels_in(call, given) == PAIRS
    for (value, gradient), arrays in zip(jax.jit(call)(given), given, strict=True):
        values, slopes = oracle(find(name), *arrays, find(name).resolve(parameters))
        np.testing.assert_allclose(value, values.mean(), rtol=2e-6)
        slopes = slopes / values.size
        np.testing.assert_allclose(gradient, slopes, rtol=2e-5, atol=2e-6 * np.abs(slopes).max())


DENSE: dict[str, dict[str, Any]] = {
    "plain": {},
    "all": {"label_smoothing": 0.2, "z_loss": 0.1, "class_weight": np.linspace(0, 2, 10, dtype=np.float32)},
    "mask": {"mask": np.arange(6) % 3 != 1, "weight": np.arange(6, dtype=np.float32)},
    "where": {"where": (np.arange(6) % 3 != 1)[:, None]},
    "axis": {"axis": 0},
    "refused weights": {"class_weight": np.linspace(-1, 2, 10, dtype=np.float32)},
}


def test_dense_cross_entropy_as_optax_has_it(formula: Any) -> None:
    x, y = numbers(6, 10), rows(6, 10)

    def call(x: Any, y: Any) -> Any:
        def one(options: dict[str, Any]) -> Any:
            return pulled(lambda x: lj.softmax_cross_entropy(x, y, **options))(x)

        return {name: one(options) for name, options in DENSE.items()}

    assert kernels_in(call, x, y) == PAIRS
    close(jax.jit(call)(x, y), formula(call, x, y))


EDGES = [0.0, -0.0, 1.0, -1.0, 100.0, -100.0, 1e30, 1e-30, INF, -INF, NAN]


def test_edges_of_elements(any_size: None, formula: Any) -> None:
    """Pairs of special values, each of them alone in its sum."""
    x, y = (jnp.asarray(a.ravel(), jnp.float32) for a in np.meshgrid(EDGES, EDGES))

    def call(x: Any, y: Any) -> Any:
        def of(name: str) -> Any:
            sums = jax.vmap(jax.value_and_grad(lambda a, b: lm.get(name, reduction="sum")(a[None], b[None])))
            return sums(x, y)

        return {name: of(name) for name in ("huber", "squared_error", "hinge", "sigmoid_cross_entropy")}

    assert kernels_in(call, x, y) == ELEMENTS
    ours, theirs = jax.jit(call)(x, y), formula(call, x, y)
    for name, (values, slopes) in ours.items():
        expected, expected_slopes = (np.asarray(a) for a in theirs[name])
        np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=name)
        finite = np.isfinite(expected)  # elsewhere autodiff of the formula gives NaN here and there
        np.testing.assert_allclose(np.asarray(slopes)[finite], expected_slopes[finite], rtol=1e-6, err_msg=name)


def test_edges_of_rows(formula: Any) -> None:
    special = [
        [INF, 0.0, 1.0],
        [0.0, NAN, 1.0],
        [-INF, -INF, -INF],
        [1.0, 0.0, -INF],
        [3e4, -3e4, 0.0],
        [1.0, 1.0, 1.0],
    ]
    x, y = jnp.asarray(special), jnp.asarray([[0.5, 0.5, 0.0]] * len(special))

    def call(x: Any, y: Any) -> Any:
        return pulled(lambda x: lj.softmax_cross_entropy(x, y))(x), pulled(
            lambda x: lm.distillation_kl(x, jnp.log(y), reduction="none")
        )(x)

    assert kernels_in(call, x, y) == PAIRS
    close(jax.jit(call)(x, y), formula(call, x, y))


# ------------------------------------------------------------------------------------------------ which call has one


def test_calls_that_stay_with_the_formula() -> None:
    x, y = numbers(20, 20), numbers(20, 20, seed=1)
    stays = {
        "small": lambda: lm.huber(x[0], y[0]),
        "values": lambda: lm.huber(x, y, reduction="none"),
        "optax's values": lambda: lj.huber_loss(x, y),
        "XLA is faster": lambda: lm.kto(x, jnp.sign(y)),
        "an extra array": lambda: lm.gaussian_nll(x, y, jnp.exp(y)),
        "a factor per class": lambda: lm.sigmoid_cross_entropy(x, rows(20, 20), pos_weight=jnp.ones(20)),
        "rows of half precision": lambda: lj.softmax_cross_entropy(x.astype(jnp.bfloat16), rows(20, 20)),
        "a mask": lambda: lm.huber(x, y, mask=x > 0),
        "nothing": lambda: lm.squared_error(x[:0], y[:0]),
    }
    for name, call in stays.items():
        assert not kernels_in(call), name
    traced = jax.jit(lambda d: lm.huber(x, y, delta=d))
    assert not kernels_in(traced, 1.0)
    assert kernels_in(lambda: lj.huber_loss(x, y, reduction="mean")) == ELEMENTS
    assert kernels_in(lambda: lj.squared_error(x, reduction="sum")) == ELEMENTS


def test_errors_are_those_of_the_formula() -> None:
    x = numbers(20, 20)
    with pytest.raises(ShapeError, match="nothing is broadcast"):
        lm.huber(x, x[0])
    with pytest.raises(DomainError, match="target"):
        lm.sigmoid_cross_entropy(x, x + 10)
    with pytest.raises(DomainError, match="NaN"):
        lm.huber(x.at[3, 4].set(NAN), x)
    with pytest.raises(LabelError, match="sums to 2"):
        lm.softmax_cross_entropy(x, 2 * rows(20, 20))


def test_calls_that_make_no_sense_are_errors_and_no_crash() -> None:
    x, short, one = numbers(6, 10), numbers(5, 10), jnp.float32(1)
    assert lowering.registered(fast_elements.FAMILY)
    assert lowering.registered(fast_rows.PAIRS)
    value, huber, kl = {"pass": np.int64(0)}, {"loss": "huber"}, {"loss": np.int64(1)}
    calls: list[tuple[str, Any, tuple[Any, ...], dict[str, Any], str]] = [
        ("elementwise", (), (x, x), value, "unexpected arguments"),  # no loss
        ("elementwise", (), (x, x), {**value, "loss": "hubert"}, "unexpected arguments"),
        ("elementwise", (), (x, x), {**value, "loss": np.int64(0)}, "unexpected arguments"),
        ("elementwise", (), (x, x), {**huber, "pass": np.int64(3)}, "unexpected arguments"),
        ("elementwise", (), (x, short), {**value, **huber}, "unexpected arguments"),
        ("elementwise", (7,), (x, x), {**value, **huber}, "unexpected arguments"),  # 60 elements are no 7 rows
        ("elementwise", (), (x, x.astype(jnp.bfloat16)), {**value, **huber}, "unexpected arguments"),
        ("elementwise", (), (x, x, one), {**value, **huber, "weighted": np.int64(1)}, "unexpected arguments"),
        ("elementwise", (), (x, x, one), {**huber, "pass": np.int64(2)}, "unexpected arguments"),
        ("elementwise", (), (x.astype(jnp.int32), x), {**value, **huber}, "elements of a type"),
        ("row_pairs", (6,), (x, x), value, "unexpected arguments"),
        ("row_pairs", (6,), (x, x), {**value, "loss": np.int64(4)}, "unexpected arguments"),
        ("row_pairs", (5,), (x, x), {**value, **kl}, "unexpected arguments"),
        ("row_pairs", (6,), (x, short), {**value, **kl}, "unexpected arguments"),
        ("row_pairs", (6,), (x, x, x[0, :6]), {**kl, "pass": np.int64(2)}, "unexpected arguments"),
        ("row_pairs", (6,), (x.astype(jnp.bfloat16),) * 2, {**value, **kl}, "rows of a type"),
        ("row_pairs", (6,), (x, x, -jnp.ones(10)), {**value, **kl, "weighted": np.int64(1)}, "class weights"),
    ]
    for target, shape, operands, attributes, message in calls:
        call = jax.ffi.ffi_call(f"lossmith_{target}", jax.ShapeDtypeStruct(shape, jnp.float32))
        with pytest.raises(Exception, match=message):
            jax.block_until_ready(jax.jit(lambda *a, c=call, w=attributes: c(*a, **w))(*operands))
