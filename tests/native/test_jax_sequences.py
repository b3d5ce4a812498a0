"""CTC, the softmax focal loss, InfoNCE and CLIP of JAX arrays on their kernels: definition and formula judge them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jax_tools import close, kernels_in, pulled

from faces.jax_programs import quick_compiler  # noqa: F401
from frameworks import require
from lossmith import native
from lossmith.arrays import load
from lossmith.losses import find

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith as lm  # noqa: E402
import lossmith.jax as lj  # noqa: E402
from lossmith.errors import LabelError, ShapeError  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

SEQUENCES, LABELS = {"lossmith_ctc"}, {"lossmith_softmax_cross_entropy"}
STEPS, LENGTHS = np.array([9, 8, 9, 3, 0]), np.array([4, 2, 0, 4, 1])  # the last two cannot be written


def sequences(dtype: str = "float32", classes: int = 6) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((5, 9, classes))
    return jnp.asarray(logits, dtype), jnp.asarray(rng.integers(1, min(classes, 4), (5, 4)), jnp.int32)


def ctc(logits: Any, tokens: Any, **options: Any) -> Any:
    counts = {"prediction_length": jnp.asarray(STEPS), "target_length": jnp.asarray(LENGTHS)}
    return lm.ctc(logits, tokens, **{"infeasible": "zero", **counts, **options})


def definition(name: str, prediction: Any, target: Any, **parameters: Any) -> tuple[Any, Any]:
    """Values and gradient of each, by the definition, in float64 on NumPy."""
    given = load("numpy"), np.asarray(prediction, np.float64), np.asarray(target)
    with np.errstate(all="ignore"):
        return tuple(getattr(find(name), part)(*given, **parameters) for part in ("value", "gradient"))


# ----------------------------------------------------------------------------------------------------------------- CTC


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_ctc_agrees_with_the_definition_in_float64(dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        logits, tokens = sequences(dtype)
        function = pulled(lambda x: ctc(x, tokens, reduction="none"))
        assert kernels_in(function, logits) == SEQUENCES
        values, gradient = jax.jit(function)(logits)
    lengths = {"prediction_length": STEPS.astype(float), "target_length": LENGTHS.astype(float)}
    expected, slopes = definition("ctc", logits, tokens, blank=0, infeasible="zero", **lengths)
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(values[3:], 0.0)
    np.testing.assert_allclose(values, expected, rtol=1e-12 if dtype == "float64" else 2e-6)
    slopes = slopes * np.linspace(0.5, 2.0, 5)[:, None, None]
    tolerance = {"float64": 1e-12, "float32": 2e-6, "float16": 2e-3, "bfloat16": 1e-2}[dtype]
    np.testing.assert_allclose(np.asarray(gradient, float), slopes, rtol=0.0, atol=tolerance)


def test_what_jax_does_with_ctc() -> None:
    """Weights, masks, batches, optax's signature, checkpoints, forward mode, and a derivative of second order.

    The judge is NumPy: to compile the formula, and its derivatives, takes longer than all other tests of this file.
    """
    with jax.enable_x64(True):
        logits, tokens = sequences("float64")
        weight, mask, along = np.linspace(0.0, 2.0, 5), np.arange(5) % 2 == 0, jnp.cos(logits)
        lacks = [(np.arange(n) >= counts[:, None]).astype(float) for n, counts in ((9, STEPS), (4, LENGTHS))]

        def each(x: Any, y: Any, steps: Any, length: Any) -> Any:
            return lm.ctc(x, y, prediction_length=steps, target_length=length, infeasible="inf")

        def call(x: Any) -> Any:
            mean = lambda x: ctc(x, tokens)  # noqa: E731
            return {
                "weight": jax.value_and_grad(lambda x: ctc(x, tokens, weight=weight))(x),
                "mask": jax.value_and_grad(lambda x: ctc(x, tokens, mask=mask))(
                    jnp.where(mask[:, None, None], x, jnp.nan)
                ),
                "object": lm.CTC(infeasible="zero").value_and_gradient(x, tokens, STEPS, LENGTHS, weight=weight),
                "checkpoint": jax.value_and_grad(jax.checkpoint(mean))(x),
                "each": jax.vmap(jax.value_and_grad(each))(x, tokens, STEPS, LENGTHS),
                "optax": pulled(lambda x: lj.ctc_loss(x, lacks[0], tokens, lacks[1]))(x),
                "targets": jax.vmap(lambda y: ctc(x, y))(jnp.stack([tokens, tokens[::-1]])),
                "twice": jax.jvp(jax.value_and_grad(mean), (x,), (along,))[1],
            }

        assert kernels_in(call, logits) == SEQUENCES
        found = jax.tree.map(np.asarray, jax.jit(call)(logits))

    def judge(x: Any = logits, y: Any = tokens, **options: Any) -> Any:
        given = {"prediction_length": STEPS, "target_length": LENGTHS, **options}
        return lm.CTC(infeasible="zero").value_and_gradient(np.asarray(x), np.asarray(y), **given)

    numbers = np.asarray(logits)
    plain, (ahead, behind) = judge(), (judge(numbers + step * np.asarray(along)) for step in (1e-5, -1e-5))
    for name, options in {"weight": {"weight": weight}, "mask": {"mask": mask}, "checkpoint": {}}.items():
        for mine, other in zip(found[name], judge(**options), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-13, err_msg=name)
    close(found["object"], found["weight"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found["targets"], [plain[0], judge(y=tokens[::-1])[0]], rtol=1e-12)
    values, slopes = found["each"]
    written = STEPS > 3
    np.testing.assert_allclose(values, np.where(written, found["optax"][0], np.inf), rtol=1e-12)
    np.testing.assert_array_equal(found["optax"][0][~written], 1e5)
    np.testing.assert_allclose(slopes / 5, plain[1], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(
        found["optax"][1], slopes * np.linspace(0.5, 2.0, 5)[:, None, None], rtol=1e-10, atol=1e-13
    )
    for mine, late, early in zip(found["twice"], ahead, behind, strict=True):
        np.testing.assert_allclose(mine, (late - early) / 2e-5, rtol=1e-4, atol=1e-8)


def test_sequences_that_are_wrong_poison_themselves_alone() -> None:
    logits, tokens = sequences()
    spoilt = logits.at[0, 3, 2].set(jnp.nan).at[1, 8].set(jnp.nan)  # the second one behind its end
    good, bad = jnp.asarray([4, 2, 0, 1, 4]), jnp.asarray([4, 2, -1, 5, 4])
    tokens = tokens.at[4, 0].set(6)

    @jax.jit
    def run(x: Any, lengths: Any) -> Any:
        steps = jnp.asarray([9, 8, 9, 90, 9])
        options: dict[str, Any] = {"prediction_length": steps, "target_length": lengths, "infeasible": "inf"}
        return pulled(lambda x: lm.ctc(x, tokens, reduction="none", **options))(x)

    for x, lengths, wrong in ((spoilt, good, [0, 4]), (logits, bad, [2, 3, 4])):
        values, gradient = run(x, lengths)
        np.testing.assert_array_equal(np.isnan(values), np.isin(np.arange(5), wrong))
        np.testing.assert_array_equal(np.isnan(gradient).any(axis=(1, 2)), np.isin(np.arange(5), wrong))
    with pytest.raises(LabelError, match="6"):
        lm.ctc(logits, tokens)
    with pytest.raises(ShapeError, match="target"):
        lm.ctc(logits, tokens[:3])


def test_ctc_calls_that_stay_with_the_formula() -> None:
    logits, tokens = sequences()
    assert not kernels_in(lambda x: lm.ctc(x[:0], tokens[:0]), logits)
    assert kernels_in(lambda x: lm.ctc(x, tokens[:, :0], infeasible="inf"), logits) == SEQUENCES
    assert not np.isnan(lm.ctc(logits, tokens[:, :0]))


# --------------------------------------------------------------------------------------------------------------- focal


def test_focal_loss() -> None:
    """Class weights, a mask, half precision, batches and a derivative of second order, in one program."""
    rng = np.random.default_rng(1)
    logits, labels = 3 * rng.standard_normal((12, 7)).astype("f"), np.arange(12) % 7
    weight, mask = np.linspace(0.0, 2.0, 7, dtype="f"), np.arange(12) % 3 != 1

    def call(x: Any) -> Any:
        focal = lambda x, **options: lm.softmax_focal(x, jnp.asarray(labels), **options)  # noqa: E731
        hidden = jnp.where(mask[:, None], x, jnp.nan)
        return {
            "weights": jax.value_and_grad(lambda x: focal(x, class_weight=weight))(x),
            "mask": jax.value_and_grad(lambda x: focal(x, mask=mask, gamma=0.5))(hidden),
            "half": jax.value_and_grad(lambda x: focal(x, gamma=3.0))(x.astype(jnp.bfloat16)),
            "batch": jax.vmap(jax.value_and_grad(lambda x: lm.softmax_focal(x, jnp.asarray(labels[:6]))))(
                x.reshape(2, 6, 7)
            ),
            "twice": jax.jvp(jax.value_and_grad(focal), (x,), (jnp.cos(x),))[1],
        }

    assert kernels_in(call, logits) == LABELS
    found = jax.jit(call)(logits)

    def judge(x: Any = logits, y: Any = labels, gamma: float = 2.0, **options: Any) -> Any:
        own = {"class_weight": options.pop("class_weight", None), "gamma": gamma}
        return lm.SoftmaxFocal(**own).value_and_gradient(np.asarray(x, np.float64), y, **options)

    rounded = np.asarray(jnp.asarray(logits, jnp.bfloat16), np.float64)
    ahead, behind = (judge(logits + step * np.cos(logits, dtype=float)) for step in (1e-5, -1e-5))
    halves = [judge(x, labels[:6]) for x in logits.reshape(2, 6, 7)]
    expected = {
        "weights": judge(class_weight=weight),
        "mask": judge(mask=mask, gamma=0.5),
        "half": judge(rounded, gamma=3.0),
        "batch": [np.stack(x) for x in zip(*halves, strict=True)],
        "twice": [(late - early) / 2e-5 for late, early in zip(ahead, behind, strict=True)],
    }
    for name, (value, gradient) in expected.items():
        np.testing.assert_allclose(found[name][0], value, rtol=1e-4 if name == "twice" else 2e-6, err_msg=name)
        mine = np.asarray(found[name][1], np.float64)
        np.testing.assert_allclose(mine, gradient, rtol=1e-2 if name == "half" else 1e-4, atol=1e-6, err_msg=name)
    assert not kernels_in(lambda x, g: lm.softmax_focal(x, jnp.asarray(labels), gamma=g), logits, 2.0)
    assert not kernels_in(lambda x: lm.softmax_focal(x, jnp.asarray(labels), label_smoothing=0.1), logits)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_focal_rows_without_a_label(gamma: float, formula: Any) -> None:
    logits, labels = jnp.asarray([[1.0, 2.0], [0.5, 0.0], [3.0, -jnp.inf], [jnp.nan, 0.0]]), jnp.asarray([0, 2, 0, 1])

    def call(x: Any) -> Any:
        return pulled(lambda x: lm.softmax_focal(x, labels, gamma=gamma, reduction="none"))(x)

    assert kernels_in(call, logits) == LABELS
    ours, theirs = jax.jit(call)(logits), formula(call, logits)
    close(ours[0], theirs[0])
    assert np.isnan(ours[0][1])
    np.testing.assert_allclose(ours[1][:2], theirs[1][:2], rtol=2e-5, atol=1e-6)
    np.testing.assert_array_equal(ours[1][2], 0.0)
    assert np.isnan(ours[1][3]).all()


# --------------------------------------------------------------------------------------------------------- contrastive


def test_contrastive_losses(formula: Any) -> None:
    """Masks, weights and dtypes; gradients of predictions, targets and temperature; the second derivative."""
    rng = np.random.default_rng(2)
    u, v = (jnp.asarray(rng.standard_normal((9, 4)), jnp.float32) for _ in range(2))
    weight, mask = jnp.linspace(0.5, 2.0, 9), jnp.arange(9) % 4 != 2

    def call(u: Any, v: Any) -> Any:
        def found(name: str, parameter: str, number: float) -> Any:
            loss = lambda u, v, t=number, **options: getattr(lm, name)(u, v, **{parameter: t}, **options)  # noqa: E731
            hidden = jnp.where(mask[:, None], u, jnp.nan)
            return {
                "all": jax.value_and_grad(loss, (0, 1, 2))(u, v, jnp.float32(number)),
                "mask": lm.get(name, **{parameter: number}).value_and_gradient(hidden, v, mask=mask, weight=weight),
            }

        twice = jax.jvp(jax.grad(lm.info_nce), (u, v), (v, u))
        return found("info_nce", "temperature", 0.3), found("clip", "scale", 5.0), twice

    assert kernels_in(call, u, v) == LABELS
    close(jax.jit(call)(u, v), formula(call, u, v), rtol=1e-4, atol=1e-6)
    few = lambda u: (lm.info_nce(u[:1], u[:1]), lm.clip(u[:0], u[:0]))  # noqa: E731
    assert kernels_in(few, u) == LABELS
    assert jax.jit(few)(u) == (0, 0)
