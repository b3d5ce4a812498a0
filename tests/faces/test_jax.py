"""The JAX face against optax where optax has the loss: names, signatures, values, gradients, dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from faces.jax_data import CALLS, GRID, WHOLE, Call, labels, soft, where, x, z
from faces.jax_programs import arrays_of, keywords_of, once, quick_compiler, value_and_pullback  # noqa: F401
from frameworks import require

jax = require("jax")
optax = require("optax")

import jax.numpy as jnp  # noqa: E402

import lossmith.jax as lj  # noqa: E402
from lossmith import InputError, LabelError, ShapeError  # noqa: E402
from lossmith.jax.missing import MISSING, NOT_LOSSES  # noqa: E402

OPTAX = {name for name in dir(optax.losses) if not name.startswith("_")}
SHARED = sorted(OPTAX & set(lj.__all__))
NOT_DEPRECATED = [name for name in SHARED if name in CALLS and name != "convex_kl_divergence"]
HALF = ("bfloat16", "float16")


def test_every_name_of_optax_is_here_or_on_a_list():
    assert OPTAX - set(lj.__all__) == {*MISSING, *NOT_LOSSES}
    assert not {*MISSING, *NOT_LOSSES} & set(lj.__all__)
    for name in MISSING:
        with pytest.raises(AttributeError, match=rf"take optax\.losses\.{name}"):
            getattr(lj, name)
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        _ = lj.nothing


def test_every_function_is_covered():
    assert {*CALLS, *WHOLE, "smooth_labels"} == set(lj.__all__)  # WHOLE: test_jax_structured.py


@pytest.mark.parametrize("name", SHARED)
def test_signatures_begin_with_optaxs(name: str) -> None:
    """The same names, kinds and defaults in the same order; whatever is ours comes after and by keyword."""

    def of(module: Any) -> list[tuple[str, Any, Any]]:
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    ours, theirs = of(lj), of(optax.losses)
    assert [p for p in ours if p[0] in {q[0] for q in theirs}] == theirs
    assert ours[: len(theirs)] == theirs or theirs[-1][1] is not inspect.Parameter.KEYWORD_ONLY
    assert all(
        kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD) for _, kind, _ in ours[len(theirs) :]
    )


def widened(arrays: list[Any], dtype: str = "float64") -> list[Any]:
    return [a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a for a in arrays]


def both(name: str, call: Call, dtype: str, judge: str) -> tuple[Any, Any]:
    """Return value and gradient by us in ``dtype`` and by optax in ``judge``, of the same numbers, in one program."""
    keywords = keywords_of(call)
    ours, theirs = getattr(lj, name), getattr(optax.losses, name)
    arrays = arrays_of(call, dtype)
    others = widened(arrays, judge)

    def run(a: Any, b: Any) -> Any:
        mine = value_and_pullback(lambda *given: ours(*given, **keywords), *a)
        return mine, value_and_pullback(lambda *given: theirs(*given, **keywords), *b)

    return once(run, arrays, others)


@pytest.mark.parametrize(
    ("name", "call"),
    [pytest.param(n, c, id=f"{n}-{i}") for i, (n, c) in enumerate(GRID)],
)
def test_value_and_gradient_are_optaxs(name: str, call: Call) -> None:
    for mine, theirs in zip(*both(name, call, "float32", "float32"), strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", NOT_DEPRECATED)
def test_dtypes_are_optaxs(name: str) -> None:
    """Float64 agrees to its last digits; a half-precision value is the nearest to what float64 gives, or the next."""
    call, keywords = CALLS[name], keywords_of(CALLS[name])
    ours, theirs = getattr(lj, name), getattr(optax.losses, name)
    with jax.enable_x64(True):
        for mine, judge in zip(*both(name, call, "float64", "float64"), strict=True):
            assert mine.dtype == "float64"
            np.testing.assert_allclose(mine, judge, rtol=1e-12, atol=1e-14)

        def values(*pairs: Any) -> Any:
            return [(ours(*a, **keywords), theirs(*b, **keywords)) for a, b in pairs]

        halves = [arrays_of(call, dtype) for dtype in HALF]
        for half, (mine, judge) in zip(halves, once(values, *((a, widened(a)) for a in halves)), strict=True):
            wanted = jax.eval_shape(lambda *a: theirs(*a, **keywords), *half).dtype
            assert mine.dtype == (
                half[0].dtype if name == "multiclass_hinge_loss" else wanted
            )  # optax: one-hot's dtype
            np.testing.assert_allclose(np.asarray(mine, float), judge, rtol=2 * jnp.finfo(mine.dtype).eps, atol=1e-7)


INF, NAN = float("inf"), float("nan")
CERTAIN = (jnp.array([-INF, INF]), jnp.array([0.0, 1.0]))
MASKED = jnp.array([[0.0, -INF, 1.0]])
FIRST = jnp.array([[1.0, 0.0, 0.0]])
ZERO = (jnp.zeros((1, 3)), jnp.array([[1.0, 2.0, 3.0]]))
TRIPLET = tuple(jnp.array([row]) for row in ([1.0, 2.0, 3.0], [2.0, 2.0, 3.0], [3.0, 2.0, 3.0]))
TIED = (jnp.array([1.0]), jnp.array([1.0]))
DIFFERENCES = {  # function, arguments, keywords, our value and gradient, optax's
    "sure and right": ("sigmoid_binary_cross_entropy", CERTAIN, {}, ([0, 0], [0, 0]), ([NAN, NAN], [0, 0])),
    "sure and right, focal": ("sigmoid_focal_loss", CERTAIN, {}, ([0, 0], [0, 0]), ([NAN, NAN], [NAN, NAN])),
    "half gradient at the hinge": ("hinge_loss", TIED, {}, ([0], [0]), ([0], [-0.5])),
    "half gradient at 0": ("perceptron_loss", (0 * TIED[0], TIED[1]), {}, ([0], [0]), ([0], [-0.5])),
    "half gradient at the multiclass hinge": (
        "multiclass_hinge_loss",
        (jnp.array([[1.0, 0.0]]), jnp.array([0])),
        {},
        ([0], [[0, 0]]),
        ([0], [[-0.5, 0.5]]),
    ),
    "a masked class": (
        "softmax_cross_entropy",
        (MASKED, FIRST),
        {},
        ([1.3132617], [[-0.7310586, 0, 0.7310586]]),
        ([NAN], [[-0.7310586, 0, 0.7310586]]),
    ),
    "a label that where hides": (
        "softmax_cross_entropy_with_integer_labels",
        (jnp.array([[3.0, 0.0]]), jnp.array([0])),
        {"where": jnp.array([[False, True]])},
        ([INF], [[0, 1]]),
        ([-3], [[-1, 1]]),
    ),
    "log of a target of 0": (
        "kl_divergence_with_log_targets",
        (MASKED[:, :1], -INF + 0 * MASKED[:, :1]),
        {},
        ([0], [[0]]),
        ([NAN], [[0]]),
    ),
    "a vector of length 0": ("cosine_similarity", ZERO, {}, ([0], [[0, 0, 0]]), ([NAN], [[NAN, NAN, NAN]])),
    "norm 1": (
        "triplet_margin_loss",
        TRIPLET,
        {"norm_degree": 1, "margin": 0.5},
        ([0], [[0, 0, 0]]),
        ([1.5], [[0, 0, 0]]),
    ),
    "norm 3": ("triplet_margin_loss", TRIPLET, {"norm_degree": 3}, ([0], [[0, 0, 0]]), ([NAN], [[NAN, NAN, NAN]])),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_differences_are_the_ones_listed(case: str) -> None:
    name, (prediction, *rest), keywords, *wanted = DIFFERENCES[case]
    for module, pair in zip((lj, optax.losses), wanted, strict=True):
        function = getattr(module, name)
        got = once(lambda *a, f=function: value_and_pullback(lambda *b: f(*b, **keywords), *a), prediction, *rest)
        for mine, number in zip(got, pair, strict=True):
            np.testing.assert_allclose(mine, number, rtol=1e-6, atol=1e-6)


def test_optax_broadcasts_and_we_do_not() -> None:
    column, row = x[:4, :1].astype("float32"), jnp.asarray(z[0], "float32")
    for name in ("huber_loss", "log_cosh", "sigmoid_binary_cross_entropy", "hinge_loss"):
        assert getattr(optax.losses, name)(jnp.asarray(column), row).shape == (4, 4)
        with pytest.raises(ShapeError, match=r"prediction\.squeeze\(-1\)"):
            getattr(lj, name)(jnp.asarray(column), row)


def test_labels_out_of_range_are_an_error_and_nan_inside_jit() -> None:
    scores, given = jnp.asarray(x), jnp.asarray(labels)
    for name in ("softmax_cross_entropy_with_integer_labels", "multiclass_hinge_loss"):
        with pytest.raises(LabelError, match="label 4 at position 2"):
            getattr(lj, name)(scores, given.at[2].set(4))
        inside = jax.jit(getattr(lj, name))(scores, given.at[2].set(-1))
        assert np.isnan(inside[2]) and np.isfinite(np.delete(np.asarray(inside), 2)).all()
    last = optax.losses.softmax_cross_entropy_with_integer_labels(scores[:1], jnp.array([-1]))
    np.testing.assert_allclose(last, optax.losses.softmax_cross_entropy_with_integer_labels(scores[:1], jnp.array([3])))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lj.softmax_cross_entropy(x, labels), LabelError, "softmax_cross_entropy_with_integer_labels"),
        (lambda: lj.softmax_cross_entropy_with_integer_labels(x, soft), LabelError, "use softmax_cross_entropy"),
        (lambda: lj.softmax_cross_entropy(x, soft, axis=2), ShapeError, r"axis is 2, .* \(6, 4\); use -2 … 1"),
        (lambda: lj.softmax_cross_entropy(x, soft, axis=(0, -2)), ShapeError, "names an axis of shape .* twice"),
        (lambda: lj.softmax_cross_entropy(x, soft, axis=1.0), InputError, "axis is 1.0; expected a whole number"),
        (lambda: lj.softmax_cross_entropy(x, soft, axis=True), InputError, "axis is True"),
        (lambda: lj.kl_divergence(x, soft, axis=()), InputError, r"axis is \(\)"),
        (lambda: lj.softmax_cross_entropy(np.float32(1), np.float32(1)), ShapeError, "needs the class axis"),
        (lambda: lj.softmax_cross_entropy_with_integer_labels(x, labels, None), InputError, "axis is None"),
        (lambda: lj.softmax_cross_entropy(x, soft, where=labels), InputError, "where has dtype int.*where != 0"),
        (lambda: lj.softmax_cross_entropy(x, soft, where=where[0]), ShapeError, r"or \(6,\) for whole rows"),
        (
            lambda: lj.kl_divergence(x, soft, where=where[:, 0]),
            ShapeError,
            r"where has shape \(6,\).*expected \(6, 4\)",
        ),
        (lambda: lj.softmax_cross_entropy(x, soft, where=where, label_smoothing=0.1), InputError, "smooth_labels"),
        (lambda: lj.kl_divergence(x, soft, where=where, mask=where[0]), ShapeError, "mask has shape"),
        (lambda: lj.cosine_similarity(x, z[:3]), ShapeError, "nothing is broadcast"),
        (lambda: lj.cosine_similarity(x, z, epsilon=[1.0, 2.0]), InputError, "epsilon has shape"),
        (lambda: lj.triplet_margin_loss(x, z, z, margin=0.0), InputError, "margin is 0.0"),
        (lambda: lj.squared_error(x, z, reduction="average"), InputError, "reduction is 'average'"),
        (lambda: lj.squared_error(x, z, wheight=1), TypeError, "wheight"),
    ],
)
def test_bad_input_says_what_to_type(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_numbers_people_learn_with() -> None:
    def mean(name: str, prediction: Any, target: Any) -> float:
        arrays = np.asarray(prediction, "float32"), np.asarray(target)
        return float(once(lambda p, t: getattr(lj, name)(p, t, reduction="mean"), *arrays))

    assert mean("squared_error", [2.0, 3.0], [1.0, 5.0]) == 2.5
    assert mean("squared_error", [2.5, 5.5], [3.0, 5.0]) == 0.25
    assert mean("squared_error", [[2.5], [5.5], [6.0]], [[3.0], [5.0], [7.0]]) == 0.5
    assert mean("absolute_error", [2.0, 3.0], [1.0, 0.0]) == 2.0
    assert mean("squared_error", [2.0, 3.0], [1.0, 0.0]) == 5.0
    for p, expected in ((0.9, 0.1054), (0.8, 0.2231), (0.75, 0.2876821)):
        assert mean("categorical_cross_entropy", [[p, 1 - p]], [0]) == pytest.approx(expected, abs=5e-5)
        assert mean("categorical_cross_entropy", [[p, 1 - p]], [[1.0, 0.0]]) == pytest.approx(expected, abs=5e-5)
    assert mean("categorical_cross_entropy", [[0.9, 0.1], [0.2, 0.8]], [0, 1]) == pytest.approx(0.1643, abs=5e-5)
