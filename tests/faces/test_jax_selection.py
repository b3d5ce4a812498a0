"""Weights, masks, ``where`` and reductions of the JAX face: what is hidden touches nothing, NaN included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faces.jax_data import CALLS, Call, labels, soft, where, x, z
from faces.jax_programs import once, quick_compiler  # noqa: F401
from frameworks import require

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

import lossmith.jax as lj  # noqa: E402

KEEP = np.array([True, False, True, True, False, True])
WEIGHT = np.array([1.0, 2.0, 3.0, 0.0, 5.0, 6.0])
ROWS = np.flatnonzero(KEEP)
WITH_WHERE = (
    "cosine_distance",
    "cosine_similarity",
    "generalized_kl_divergence",
    "kl_divergence",
    "kl_divergence_with_log_targets",
    "poly_loss_cross_entropy",
    "ranking_softmax_loss",
    "softmax_cross_entropy",
)


def spoiled(call: Call) -> list[Any]:
    """Return the arguments as float32, with NaN in every row that the mask hides, labels aside."""
    given = [np.array(a, "float32") if np.asarray(a).dtype.kind == "f" else a for a in (call.prediction, *call.rest)]
    for a in given:
        if a.dtype.kind == "f":
            a[~KEEP] = np.nan
    return given


@pytest.mark.parametrize("name", CALLS)
def test_every_reduction_with_weight_and_mask(name: str) -> None:
    """All reductions and one gradient in one program, against the values of the rows that are left."""
    function, call = getattr(lj, name), CALLS[name]
    keywords = {k: v for k, v in call.keywords.items() if k != "reduce_fn"}

    def everything(p: Any, *rest: Any) -> Any:
        def reduced(q: Any, reduction: str) -> Any:
            return function(q, *rest, **keywords, mask=KEEP, weight=jnp.asarray(WEIGHT), reduction=reduction)

        kept = function(p[ROWS], *(a[ROWS] for a in rest), **keywords, reduction="none")
        return [reduced(p, r) for r in ("none", "mean", "total")], jax.grad(reduced)(p, "sum"), kept

    (none, mean, (total, count)), slope, kept = once(everything, *spoiled(call))
    per_value = np.broadcast_to(WEIGHT[ROWS].reshape(-1, *[1] * (kept.ndim - 1)), kept.shape)
    np.testing.assert_allclose(none[ROWS], kept * per_value, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(none[~KEEP], 0)
    np.testing.assert_allclose(total, (kept * per_value).sum(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(mean, (kept * per_value).sum() / per_value.sum(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(count, per_value.sum(), rtol=1e-6)
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope[~KEEP], 0)


@pytest.mark.parametrize("name", WITH_WHERE)
def test_a_nan_under_where_touches_nothing(name: str) -> None:
    """The value of hidden NaN is that of hidden zeros; the gradient is finite, and 0 there; so is the second one."""
    function, call = getattr(lj, name), CALLS[name]
    options = {"epsilon": 0.5} if name.startswith("cosine") else {}
    clean = [np.asarray(a, "float32") for a in (call.prediction, *call.rest)]
    dirty = [np.where(where, a, np.float32(np.nan)) for a in clean]

    def everything(p: Any, *rest: Any) -> Any:
        def total(q: Any) -> Any:
            return function(q, *rest, **options, where=where, reduction="sum")

        twice = jax.jvp(jax.grad(total), (p,), (jnp.ones_like(p),))[1]
        rows = function(p, *rest, **options, where=where, reduction="none")
        return rows, function(p, *rest, **options, where=where, reduction="mean"), jax.grad(total)(p), twice

    program = jax.jit(everything)
    for got, wanted in zip(program(*dirty), program(*clean), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)
        assert np.isfinite(got).all()
        if got.shape == where.shape:
            np.testing.assert_array_equal(got[~where], 0)


def test_hidden_rows_do_not_count_in_a_mean() -> None:
    keep = np.arange(6) > 1
    ways = ({"where": keep}, {"where": keep[:, None]}, {"mask": keep}, {"where": np.arange(6) > 0, "mask": keep})
    image, mask = np.stack([x, z]).astype("float32"), np.array([True, False])

    def everything(p: Any, t: Any) -> Any:
        means = [lj.softmax_cross_entropy(p, t, reduction="mean", **way) for way in ways]
        some = lj.kl_divergence(image, image, where=np.stack([where, where]), mask=mask, reduction="total")
        return means, lj.softmax_cross_entropy(p[2:], t[2:]).mean(), some

    means, wanted, some = once(everything, x, soft)
    np.testing.assert_allclose(means, wanted, rtol=1e-6)
    np.testing.assert_allclose(some[1], where.any(-1).sum())


def test_smoothing_over_the_classes_that_count() -> None:
    keep = np.array([[True, True, False, True]])

    def everything(p: Any, t: Any) -> Any:
        smooth = lj.smooth_labels(jnp.eye(4)[:1], 0.3, where=keep)
        some = lj.softmax_cross_entropy(p[:1], smooth, where=keep)
        wanted = lj.softmax_cross_entropy(p[:1, jnp.array([0, 1, 3])], jnp.eye(3)[:1], label_smoothing=0.3)
        by_row = lj.softmax_cross_entropy(p, t, where=np.arange(6)[:, None] > 1, label_smoothing=0.3)
        return some, wanted, by_row[2:], lj.softmax_cross_entropy(p[2:], t[2:], label_smoothing=0.3)

    some, wanted, by_row, wanted_rows = once(everything, x, soft)
    np.testing.assert_allclose(some, wanted, rtol=1e-6)
    np.testing.assert_allclose(by_row, wanted_rows, rtol=1e-6)


def test_ranking_reduces_as_told() -> None:
    def largest(a: Any, where: Any) -> Any:
        return jnp.max(a, where=where, initial=-jnp.inf)

    ways: tuple[dict[str, Any], ...] = ({"reduce_fn": None}, {"reduce_fn": largest}, {"reduction": "total"})
    values, most, total = once(
        lambda p, t: [lj.ranking_softmax_loss(p, t, where=where, **way) for way in ways], x, np.abs(z)
    )
    np.testing.assert_allclose(most, values[where.any(-1)].max(), rtol=1e-6)
    np.testing.assert_allclose(total, (values.sum(), where.any(-1).sum()), rtol=1e-6)


def test_options_of_lossmith_work_on_optax_names() -> None:
    ways: tuple[dict[str, Any], ...] = ({}, {"z_loss": 0.1}, {"ignore_index": 0, "reduction": "mean"})
    plain, z_loss, ignored = once(
        lambda p: [lj.softmax_cross_entropy_with_integer_labels(p, labels, **way) for way in ways], x
    )
    lse = np.log(np.exp(x).sum(-1))
    np.testing.assert_allclose(z_loss - plain, 0.1 * lse**2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ignored, plain[labels != 0].mean(), rtol=1e-6)
    empty = np.zeros((0, 3), "float32")
    assert np.isnan(once(lambda p: lj.l2_loss(p, p, reduction="mean", empty="nan"), empty))


def test_parameters_may_be_traced() -> None:
    def total(delta: Any, epsilon: Any, alpha: Any) -> Any:
        value = lj.huber_loss(x, z, delta=delta, reduction="sum")
        value += lj.cosine_similarity(x, z, epsilon=epsilon, reduction="sum")
        return value + lj.sigmoid_focal_loss(x, soft, alpha=alpha, reduction="sum")

    slopes = jax.jit(jax.grad(total, (0, 1, 2)))(0.5, 1.5, 0.25)
    step, value = 1e-3, jax.jit(total)
    for i, slope in enumerate(slopes):
        at = np.array([0.5, 1.5, 0.25])
        high, low = (value(*np.where(np.arange(3) == i, at + s, at).astype("float32")) for s in (step, -step))
        np.testing.assert_allclose(slope, (high - low) / (2 * step), rtol=2e-2, atol=2e-2)
