"""Losses between the rows of a batch at their edges, and beside the libraries that have some of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import INTEGERS, Backend, backend_named, require
from lossmith.core import call
from lossmith.core.compute import value_and_gradient

NAN = np.nan
PAIRED = ("info_nce", "clip", "siglip")
GROUPED = ("nt_xent", "supervised_contrastive", "triplet_semi_hard", "triplet_hard", "circle")
NEED_NEGATIVES = ("triplet_semi_hard", "triplet_hard", "circle")
PLACES = [("numpy", "float64"), ("numpy", "float32"), ("torch", "float32"), ("tensorflow", "float32")]
COLLAPSED = {  # six rows on one point, in three groups of two
    **{"info_nce": np.log(6), "clip": np.log(6), "siglip": 6 * np.log(2)},  # 10 cos - 10 is 0
    **{"nt_xent": np.log(5), "supervised_contrastive": np.log(5), "triplet_semi_hard": 1.0, "triplet_hard": 1.0},
    "circle": 80 * (1 - 2 * 0.4**2) + np.log(4),
}


@pytest.fixture(params=PLACES, ids="-".join)
def place(request: pytest.FixtureRequest) -> tuple[Backend, str]:
    """A framework and a dtype."""
    name, dtype = request.param
    return backend_named(name), dtype


def target_of(name: str, prediction: np.ndarray) -> np.ndarray:
    """Three groups, or keys."""
    groups = np.arange(len(prediction)) // 2 % 3
    return groups if name in GROUPED else np.roll(prediction, 1, axis=0)


def both_gradients(place: tuple, name: str, prediction: Any, target: Any, *extras: Any, **settings: Any) -> list:
    """The values, and the mean's gradients in closed form and by autodiff, of arrays in the place's dtype."""
    backend, dtype = place
    p, *rest = (
        backend.asarray(x, None if np.asarray(x).dtype.kind == "i" else dtype) for x in (prediction, target, *extras)
    )
    function, thing = getattr(lm, name), getattr(lm, lm.get(name).definition.object_name)(**settings)
    results = [function(p, *rest, reduction="none", **settings), thing.value_and_gradient(p, *rest)[1]]
    if backend.differentiates:
        results.append(backend.value_and_grad(lambda x: function(x, *rest, **settings), p)[1])
    return [backend.to_numpy(x) for x in results]


@pytest.mark.parametrize("name", [*PAIRED, *GROUPED])
def test_an_embedding_that_collapsed(place: tuple, name: str) -> None:
    """All rows on one point score what the advice says, and nothing moves them."""
    rows = np.tile([[3.0, -4.0, 12.0]], (6, 1))
    values, *gradients = both_gradients(place, name, rows, rows if name in PAIRED else target_of(name, rows))
    np.testing.assert_allclose(values, COLLAPSED[name], rtol=1e-5)
    for slope in gradients:
        np.testing.assert_allclose(slope, 0, atol=2e-6)


@pytest.mark.parametrize("name", [*PAIRED, *GROUPED])
def test_zero_vectors_have_no_direction_and_get_no_gradient(place: tuple, name: str, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(6, 3))
    rows[[1, 4]] = 0
    values, *gradients = both_gradients(place, name, rows, target_of(name, rows))
    assert np.isfinite(values).all()
    for slope in gradients:
        assert np.isfinite(slope).all()
        np.testing.assert_allclose(slope, gradients[0], rtol=1e-4, atol=1e-5)
        if not name.startswith("triplet"):
            assert not slope[[1, 4]].any()


@pytest.mark.parametrize("size", [1e30, 1e-30])
@pytest.mark.parametrize("name", [*PAIRED, *GROUPED])
def test_lengths_at_the_end_of_float32(place: tuple, name: str, size: float, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(6, 3)).astype(np.float32)
    scaled = (rows * np.float32(size)).astype(np.float64)
    margin = {"margin": size} if name.startswith("triplet") else {}
    values, *gradients = both_gradients(place, name, scaled, target_of(name, scaled), **margin)
    plain = {"margin": 1.0} if margin else {}
    wanted, slope = both_gradients((backend_named("numpy"), "float64"), name, rows, target_of(name, rows), **plain)[:2]
    np.testing.assert_allclose(values / (size if margin else 1), wanted, rtol=2e-4, atol=1e-5)
    for got in gradients:
        np.testing.assert_allclose(got * (1 if margin else size), slope, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("temperature", [1e-30, 1e-3, 1e30])
@pytest.mark.parametrize("name", ["info_nce", "nt_xent", "supervised_contrastive"])
def test_temperatures_far_away(place: tuple, name: str, temperature: float, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(6, 3))
    values, *gradients = both_gradients(place, name, rows, target_of(name, rows), temperature=temperature)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    for slope in gradients:
        assert np.isfinite(slope).all()
    if temperature == 1e30:  # all candidates alike
        np.testing.assert_allclose(values, np.log(6 if name == "info_nce" else 5), rtol=1e-5)


def test_a_batch_of_one_pair() -> None:
    p, t = [[1.0, 2.0]], [[2.0, 1.0]]
    for name in ("info_nce", "clip"):
        value, slope = getattr(lm, lm.get(name).definition.object_name)().value_and_gradient(p, t)
        assert value == 0
        assert not slope.any()
    assert lm.siglip(p, t) == pytest.approx(np.log1p(np.exp(-(10 * 0.8 - 10))))


def test_rows_without_a_positive_or_a_negative_do_not_count(rng: np.random.Generator) -> None:
    rows, groups = rng.normal(size=(5, 3)), np.array([7, -2, 7, 0, 7])
    for name in GROUPED:
        function = getattr(lm, name)
        values = function(rows, groups, reduction="none")
        count = function(rows, groups, reduction="total")[1]
        assert not values[[1, 3]].any()
        assert count == (6 if name in ("nt_xent", "triplet_semi_hard") else 3)
        assert function(rows, groups) == pytest.approx(values.sum() / count)
    assert lm.circle(rows, groups, remove_diagonal=False, reduction="total")[1] == 5


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_groups_of_every_integer_type(name: str, dtype: str, rng: np.random.Generator) -> None:
    rows, groups = rng.normal(size=(6, 3)), np.array([0, 1, 1, 0, 2, 2])
    assert getattr(lm, name)(rows, groups.astype(dtype)) == getattr(lm, name)(rows, groups)


@pytest.mark.parametrize("name", GROUPED)
def test_a_batch_without_positives_is_named(name: str) -> None:
    rows = np.eye(3)
    with pytest.raises(lm.DomainError, match=r"3 rows of 3 groups: no two rows belong together.*several rows of each"):
        getattr(lm, name)(rows, [0, 1, 2])
    with pytest.raises(lm.DomainError, match="2 rows of 2 groups"):
        getattr(lm, name)(rows, [0, 0, 2], mask=[True, False, True])
    if name in NEED_NEGATIVES:
        with pytest.raises(lm.DomainError, match=r"3 rows of the one group 5: no row has a negative.*shuffle"):
            getattr(lm, name)(rows, [5, 5, 5])
    else:
        assert np.isfinite(getattr(lm, name)(rows, [5, 5, 5]))
    assert getattr(lm, name)(rows, [0, 0, 0], mask=[False] * 3) == 0


@pytest.mark.parametrize("name", [*GROUPED, "cox_partial_likelihood"])
def test_where_values_are_not_looked_at_such_a_batch_counts_zero(name: str) -> None:
    """As the faces do, and every graph."""
    loss = lm.get(name).definition
    rows, target = (np.eye(3), np.arange(3)) if name in GROUPED else (np.arange(3.0), np.arange(3.0))
    extras = {} if name in GROUPED else {"event": np.zeros(3)}
    given: dict[str, Any] = {"parameters": loss.defaults, "extras": extras, "check": "labels"}
    assert call(loss, rows, target, reduction="total", **given) == (0, 0)
    value, slope = value_and_gradient(loss, rows, target, **given)
    assert value == 0
    assert not slope.any()
    if name in ("supervised_contrastive", "triplet_hard", "circle"):
        return  # compiling is slow, and these are made of what the others are
    jax = require("jax")
    traced = jax.jit(jax.value_and_grad(lambda x: getattr(lm, name)(x, target, *extras.values())))
    value, slope = traced(rows.astype("float32"))
    assert value == 0
    assert not slope.any()


# --- the survival of rows ---------------------------------------------------------------------------------------------
# Freireich et al. (1963): weeks of remission of 42 children with leukaemia, under 6-mercaptopurine and placebo.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
WEEKS = np.array(TREATED + PLACEBO, float)
SEEN = np.array([1] * 9 + [0] * 12 + [1] * 21, float)
GROUP = np.array([0.0] * 21 + [1.0] * 21)


@pytest.mark.parametrize(("ties", "published"), [("efron", 1.572), ("breslow", 1.509)])
def test_the_coefficient_of_a_published_data_set(ties: str, published: float) -> None:
    """Newton's method on the gradient finds what R and SAS print for these data."""
    thing, beta = lm.CoxPartialLikelihood(ties=ties, reduction="sum"), 0.0

    def score(b: float) -> float:
        return float(thing.value_and_gradient(b * GROUP, WEEKS, SEEN)[1] @ GROUP)

    for _ in range(20):
        beta -= score(beta) / ((score(beta + 1e-5) - score(beta - 1e-5)) / 2e-5)
    assert beta == pytest.approx(published, abs=6e-4)
    assert abs(score(beta)) < 1e-9


def test_ties_by_hand() -> None:
    """Five rows at risk with equal scores, of which two have an event at once: ln 5 twice, or ln 5 and ln 4."""
    p, t, v = np.zeros(6), [1.0, 2, 2, 3, 3, 2], [0.0, 1, 1, 0, 0, 0]
    half = (np.log(5) + np.log(4)) / 2
    cox = partial(lm.cox_partial_likelihood, p, t, v, reduction="none")
    np.testing.assert_allclose(cox(ties="breslow"), [0, np.log(5), np.log(5), 0, 0, 0], rtol=1e-15)
    np.testing.assert_allclose(cox(ties="efron"), [0, half, half, 0, 0, 0], rtol=1e-15)
    assert lm.cox_partial_likelihood(p, t, v) == pytest.approx(half)
    assert lm.cox_partial_likelihood(p, t, [1.0]) == lm.cox_partial_likelihood(p, t, [1.0] * 6)


def test_rows_out_of_any_risk_set_get_no_gradient(place: tuple) -> None:
    p, t, v = np.array([0.5, -1.0, 2.0, 0.0]), np.array([1.0, 5.0, 3.0, 0.5]), np.array([0.0, 0, 1, 0])
    values, *gradients = both_gradients(place, "cox_partial_likelihood", p, t, v)
    np.testing.assert_allclose(values, [0, 0, np.log1p(np.exp(-3.0)), 0], rtol=1e-6)
    for slope in gradients:
        np.testing.assert_allclose(slope, [0, 1 / (1 + np.exp(3)), -1 / (1 + np.exp(3)), 0], rtol=1e-5)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_huge_scores(place: tuple, ties: str) -> None:
    """The gradient of each event is its part of the mean, also where a score swallows every logarithm."""
    p, v = np.array([1e30, 0.0, -1e30, 5.0, 0.0]), np.ones(5)
    cases: list[tuple[list, list, list]] = [
        ([1, 2, 3, 4, 5], [0, 5, 1e30, 0, 0], [0, -0.2, -0.2, 0.2 + 0.2, 0]),
        ([5, 4, 3, 2, 1], [0, 1e30, 2e30, 1e30, 1e30], [0.8, -0.2, -0.2, -0.2, -0.2]),
    ]
    for time, wanted, slope in cases:
        values, *gradients = both_gradients(place, "cox_partial_likelihood", p, time, v, ties=ties)
        if time[0] == 1:  # 5 and 0 share the risk sets of rows 1, 2 and 3
            share = 1 / (1 + np.exp(-5.0))
            wanted = [0, np.log(np.exp(5) + 2), 1e30, np.log1p(np.exp(-5.0)), 0]
            both = 1 / (np.exp(5) + 2)
            slope = [
                *(0, 0.2 * (both - 1), -0.2),
                0.2 * (np.exp(5) * both + share + share - 1),
                0.2 * (both + 2 * (1 - share) + 1 - 1),
            ]
        np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=1e-6)
        for got in gradients:
            np.testing.assert_allclose(got, slope, rtol=1e-5, atol=1e-6)


def test_a_common_drift_of_the_scores_changes_nothing(place: tuple, rng: np.random.Generator) -> None:
    p = rng.integers(-8, 8, 40) / 4
    time, event = rng.integers(1, 9, 40).astype(float), rng.integers(0, 2, 40).astype(float)
    here, there = (both_gradients(place, "cox_partial_likelihood", p + c, time, event) for c in (0, 65536))
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_many_rows_without_a_matrix(rng: np.random.Generator) -> None:
    """200 000 rows, whose matrix of pairs would take 160 GB, against sums over the sorted rows."""
    n = 200_000
    p, time = rng.normal(size=n), rng.permutation(n).astype(float)
    event = (rng.uniform(size=n) < 0.7).astype(float)
    order = np.argsort(-time)
    log_risk = np.log(np.cumsum(np.exp(p[order])))
    slope = np.empty(n)
    terms = event[order] * np.exp(-log_risk)
    slope[order] = np.exp(p[order]) * np.cumsum(terms[::-1])[::-1] - event[order]
    value, got = lm.CoxPartialLikelihood().value_and_gradient(p, time, event)
    assert value == pytest.approx((event[order] * (log_risk - p[order])).sum() / event.sum(), rel=1e-10)
    np.testing.assert_allclose(got * event.sum(), slope, rtol=1e-7, atol=1e-9)
    single = lm.CoxPartialLikelihood().value_and_gradient(p.astype("float32"), time.astype("float32"), event)
    assert single[0] == pytest.approx(value, rel=2e-6)
    np.testing.assert_allclose(single[1] * event.sum(), slope, rtol=1e-3, atol=1e-4)


# --- beside other libraries -------------------------------------------------------------------------------------------
def unit(rng: np.random.Generator, n: int = 8, f: int = 4) -> np.ndarray:
    x = rng.normal(size=(n, f)).astype(np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


LABELS = np.array([0, 1, 0, 2, 1, 1, 3, 2])


@pytest.mark.parametrize(
    "settings",
    [{}, {"gamma": 16.0}, {"margin": 0.25, "gamma": 4.0}, {"remove_diagonal": False, "gamma": 32.0}],
    ids=str,
)
def test_circle_is_that_of_keras(settings: dict[str, Any], rng: np.random.Generator) -> None:
    """On unit vectors in the mean, which leaves out rows without a value there too; and on any as they are."""
    keras = require("keras")
    rows = unit(rng)
    theirs = float(keras.losses.Circle(**settings)(LABELS, rows))
    assert lm.circle(rows, LABELS, **settings) == pytest.approx(theirs, rel=1e-5)
    raw = rows * rng.uniform(0.5, 1.5, (8, 1)).astype(np.float32)
    each = np.asarray(keras.ops.convert_to_numpy(keras.losses.circle(LABELS, raw, **settings)))
    np.testing.assert_allclose(
        lm.circle(raw, LABELS, normalise=False, reduction="none", **settings), each, rtol=1e-5, atol=1e-5
    )


def test_gradient_of_circle_is_that_of_keras(rng: np.random.Generator) -> None:
    keras, tf = require("keras"), require("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend here")
    rows = tf.constant(unit(rng))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        theirs = keras.losses.Circle(reduction="sum")(LABELS, rows)
    ours = lm.Circle(reduction="sum", normalise=False).value_and_gradient(rows.numpy(), LABELS)[1]
    np.testing.assert_allclose(ours, tape.gradient(theirs, rows).numpy(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_that_of_optax(temperature: float, rng: np.random.Generator) -> None:
    """On groups of any size; theirs leaves out rows without a positive as well."""
    optax, jax = require("optax"), require("jax")
    rows = rng.normal(size=(8, 4)).astype(np.float32)
    theirs, slope = jax.value_and_grad(optax.ntxent)(jax.numpy.asarray(rows), LABELS, temperature)
    ours, gradient = lm.NTXent(temperature=temperature).value_and_gradient(rows, LABELS)
    assert ours == pytest.approx(float(theirs), rel=1e-5)
    np.testing.assert_allclose(gradient, np.asarray(slope), rtol=1e-3, atol=1e-5)


def test_against_cross_entropy_and_logsigmoid_in_torch(rng: np.random.Generator) -> None:
    torch = require("torch")
    functional = torch.nn.functional
    a, b = (torch.tensor(rng.normal(size=(6, 4)), requires_grad=True) for _ in range(2))
    cosines = functional.normalize(a) @ functional.normalize(b).T
    own = torch.arange(6)
    sign = 2 * torch.eye(6) - 1
    pairs: list[tuple[Any, Any]] = [
        (lm.info_nce(a, b, temperature=0.2), functional.cross_entropy(cosines / 0.2, own)),
        (lm.info_nce(a, b, temperature=3.0, normalise=False), functional.cross_entropy(a @ b.T / 3, own)),
        (
            lm.clip(a, b, scale=4.0),
            (functional.cross_entropy(4 * cosines, own) + functional.cross_entropy(4 * cosines.T, own)) / 2,
        ),
        (lm.siglip(a, b), -functional.logsigmoid(sign * (10 * cosines - 10)).sum() / 6),
    ]
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        gradients = (torch.autograd.grad(x, (a, b), retain_graph=True) for x in (ours, theirs))
        for mine, other in zip(*gradients, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", PAIRED)
def test_the_gradient_of_the_keys(name: str, rng: np.random.Generator) -> None:
    torch = require("torch")
    queries = torch.tensor(rng.normal(size=(4, 3)))
    keys = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: getattr(lm, name)(queries, k), (keys,))


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("info_nce", "temperature"),
        ("nt_xent", "temperature"),
        ("clip", "scale"),
        ("siglip", "scale"),
        ("siglip", "bias"),
    ],
)
def test_a_learned_parameter_gets_its_gradient(name: str, parameter: str, rng: np.random.Generator) -> None:
    torch = require("torch")
    rows = torch.tensor(rng.normal(size=(6, 3)))
    target = torch.tensor(target_of(name, rows.numpy()))
    learned = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: getattr(lm, name)(rows, target, **{parameter: x}), (learned,))
    half = torch.tensor(0.7, requires_grad=True)
    assert getattr(lm, name)(rows, target, **{parameter: half}).dtype == torch.float64


def test_a_learned_scale_on_jax_and_tensorflow(rng: np.random.Generator) -> None:
    jax, tf = require("jax"), require("tensorflow")
    p, t = (jax.numpy.asarray(rng.normal(size=(4, 3)), "float32") for _ in range(2))
    slope = float(lm.siglip(p, t, scale=2.1) - lm.siglip(p, t, scale=1.9)) / 0.2
    assert float(jax.grad(lambda s: lm.siglip(p, t, scale=s))(2.0)) == pytest.approx(slope, rel=1e-2)
    scale = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        value = lm.siglip(tf.constant(np.asarray(p)), tf.constant(np.asarray(t)), scale=scale)
    assert float(tape.gradient(value, scale)) == pytest.approx(slope, rel=1e-2)


def reference_semi_hard(x: np.ndarray, groups: np.ndarray, margin: float) -> float:
    """As TensorFlow Addons did it: masked minima and maxima over all (anchor, positive, negative)."""
    d = np.linalg.norm(x[:, None] - x[None], axis=-1)
    other = groups[:, None] != groups[None]
    total, pairs = 0.0, 0
    for a in range(len(x)):
        for p in range(len(x)):
            if p == a or other[a, p]:
                continue
            outside = d[a][other[a] & (d[a] > d[a, p])]
            total += max(0.0, margin + d[a, p] - (outside.min() if len(outside) else d[a][other[a]].max()))
            pairs += 1
    return total / pairs


@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_semi_hard_mining_of_a_larger_batch(margin: float, rng: np.random.Generator) -> None:
    rows, groups = rng.normal(size=(60, 5)), rng.integers(0, 9, 60)
    ours, slope = lm.TripletSemiHard(margin=margin).value_and_gradient(rows, groups)
    assert ours == pytest.approx(reference_semi_hard(rows, groups, margin), rel=1e-12)
    for i, j in ((0, 0), (17, 3), (59, 4)):
        step = np.zeros_like(rows)
        step[i, j] = 1e-7
        sides = [reference_semi_hard(rows + s * step, groups, margin) for s in (1, -1)]
        assert slope[i, j] == pytest.approx((sides[0] - sides[1]) / 2e-7, abs=1e-6)


def test_hardest_pairs_of_a_larger_batch(rng: np.random.Generator) -> None:
    rows, groups = rng.normal(size=(60, 5)), rng.integers(0, 9, 60)
    d = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    same = groups[:, None] == groups[None]
    gap = np.where(same, d, -np.inf).max(1) - np.where(same, np.inf, d).min(1)
    assert lm.triplet_hard(rows, groups) == pytest.approx(np.maximum(gap + 1, 0).mean(), rel=1e-12)
    assert lm.triplet_hard(rows, groups, soft=True) == pytest.approx(np.log1p(np.exp(gap)).mean(), rel=1e-12)


@pytest.mark.parametrize("name", ["triplet_semi_hard", "triplet_hard"])
def test_distances_far_from_the_origin(place: tuple, name: str, rng: np.random.Generator) -> None:
    """Embeddings around 1000: what is squared are differences from the mean, so that digits are left."""
    rows, groups = np.round(rng.normal(size=(8, 4)) * 64) / 64, np.arange(8) % 3
    here = both_gradients((backend_named("numpy"), "float64"), name, rows, groups)
    there = both_gradients(place, name, rows + 1024, groups)
    np.testing.assert_allclose(there[0], here[0], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(there[1], here[1], rtol=1e-2, atol=1e-3)


# --- bad input --------------------------------------------------------------------------------------------------------
ROWS, KEYS = np.eye(3), np.ones((3, 3))
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: lm.nt_xent(ROWS, [0.0, 0.0, 1.0]),
        lm.LabelError,
        "floating dtype; nt_xent takes integers: rows with the same",
    ),
    (
        lambda: lm.nt_xent(ROWS, [[0], [0], [1]]),
        lm.ShapeError,
        r"\(3, 1\); expected \(3,\), one per row; use target.squ",
    ),
    (lambda: lm.circle(ROWS, [0, 1]), lm.ShapeError, r"target has shape \(2,\); expected \(3,\)"),
    (lambda: lm.triplet_hard(ROWS[None], [0, 0, 1]), lm.ShapeError, r"\(1, 3, 3\); triplet_hard .* takes \(N, F\)"),
    (lambda: lm.triplet_hard(ROWS[0], [0, 0, 1]), lm.ShapeError, r"\(3,\); triplet_hard .* takes \(N, F\)"),
    (lambda: lm.triplet_hard(ROWS[:, :0], [0, 0, 1]), lm.ShapeError, r"\(3, 0\): axis -1 holds no feature"),
    (lambda: lm.info_nce(ROWS, KEYS[:2]), lm.ShapeError, r"\(3, 3\) and target has shape \(2, 3\)"),
    (lambda: lm.info_nce(ROWS, [0, 1, 2]), lm.ShapeError, "must be equal"),
    (lambda: lm.info_nce(ROWS, KEYS, temperature=0), lm.InputError, r"temperature is 0.* in \(0, ∞\)"),
    (lambda: lm.info_nce(ROWS, KEYS, temperature="cold"), lm.InputError, "temperature is 'cold'"),
    (lambda: lm.info_nce(ROWS, KEYS, normalise=1), lm.InputError, "normalise is 1; expected True or False"),
    (lambda: lm.info_nce(ROWS, KEYS * NAN), lm.DomainError, "target is NaN at position"),
    (lambda: lm.clip(ROWS, KEYS, scale=-1.0), lm.InputError, "scale is -1"),
    (lambda: lm.siglip(ROWS, KEYS, logit_scale=2.0), lm.UnknownNameError, "'logit_scale'"),
    (lambda: lm.nt_xent(ROWS * NAN, [0, 0, 1]), lm.DomainError, "prediction is NaN at position"),
    (lambda: lm.nt_xent(ROWS, [0, 0, 1], mask=[True, False]), lm.ShapeError, r"mask has shape \(2,\)"),
    (lambda: lm.nt_xent(ROWS, [0, 0, 1], ignore_index=1), lm.UnknownNameError, "ignore_index"),
    (
        lambda: lm.triplet_hard(ROWS, [0, 0, 1], distance="cosine"),
        lm.InputError,
        "expected one of 'euclidean', 'squared'",
    ),
    (lambda: lm.triplet_semi_hard(ROWS, [0, 0, 1], margin=-1.0), lm.InputError, "margin is -1"),
    (lambda: lm.circle(ROWS, [0, 0, 1], margin=1.5), lm.InputError, r"margin is 1.5; .* in \[0, 1\]"),
    (lambda: lm.cox_partial_likelihood([1.0], [2.0]), lm.InputError, "event is missing"),
    (lambda: lm.cox_partial_likelihood([[1.0]], [2.0], [1.0]), lm.ShapeError, r"\(1, 1\); .*\(N,\).*squeeze\(-1\)"),
    (lambda: lm.cox_partial_likelihood([1.0, 2.0], [[2.0], [1.0]], [1, 1]), lm.ShapeError, r"target.squeeze\(-1\)"),
    (
        lambda: lm.cox_partial_likelihood([1.0, 2.0], [2.0, -1.0], [1, 1]),
        lm.DomainError,
        r"target is -1 .*times in \[0, ∞\)",
    ),
    (lambda: lm.cox_partial_likelihood([1.0, 2.0], [2.0, NAN], [1, 1]), lm.DomainError, "target is NaN at position 1"),
    (
        lambda: lm.cox_partial_likelihood([1.0, NAN], [2.0, 3.0], [1, 1]),
        lm.DomainError,
        "prediction is NaN at position 1",
    ),
    (lambda: lm.cox_partial_likelihood([1.0, 2.0], [2.0, 1.0], [1, 2]), lm.DomainError, "event is 2 .* 0 or 1"),
    (lambda: lm.cox_partial_likelihood([1.0, 2.0], [2.0, 1.0], [1, 1, 0]), lm.ShapeError, r"event has shape \(3,\)"),
    (
        lambda: lm.cox_partial_likelihood([1.0, 2.0], [2.0, 1.0], [0, 0]),
        lm.DomainError,
        "event is 0 in all 2 rows.*1 - event",
    ),
    (lambda: lm.CoxPartialLikelihood(ties="exact"), lm.InputError, "expected one of 'efron', 'breslow'"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD, ids=[f"{i}-{row[2][:30]}" for i, row in enumerate(BAD)])
def test_bad_input_is_named(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()
