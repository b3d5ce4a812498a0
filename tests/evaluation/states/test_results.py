"""What states say, against scikit-learn, NumPy and the plain formulas; bounds hold; intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from lossmith.errors import InputError
from lossmith.evaluation.calibration import calibration_error
from lossmith.evaluation.states import (
    Bootstrap,
    CalibrationBins,
    ConfusionCounts,
    LossSums,
    Moments,
    Quantiles,
    Sample,
    ScoreHistogram,
    Slices,
    WorstRows,
    hash_rows,
    poisson_weights,
)


def scores_of(kind: str, rng: np.random.Generator, rows: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Scores and targets that are balanced, rare, over-confident, coarse, or all of one class's score."""
    if kind == "balanced":
        score = rng.random(rows)
    elif kind == "rare":
        score = 0.01 * rng.beta(1, 30, rows)
    elif kind == "over-confident":
        score = 1 / (1 + np.exp(-rng.normal(0, 15, rows)))
    elif kind == "coarse":
        score = rng.integers(0, 4, rows) / 3
    else:
        return np.full(rows, 0.3), (rng.random(rows) < 0.3).astype(np.int64)
    target = (rng.random(rows) < np.clip(score, 0.02, 0.9)).astype(np.int64)
    return score, target


@pytest.mark.parametrize("keep", [2, 9])
@pytest.mark.parametrize("kind", ["balanced", "rare", "over-confident", "coarse", "constant"])
def test_brackets_contain_what_sklearn_says(kind: str, keep: int, rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    score, target = scores_of(kind, rng, 2000)
    state = ScoreHistogram(keep=keep)
    state.update(score, target)
    found = state.result()
    false, true, _ = metrics.roc_curve(target, score, drop_intermediate=False)
    expected = {
        "auc": metrics.roc_auc_score(target, score),
        "average_precision": metrics.average_precision_score(target, score),
        "ks": np.abs(true - false).max(),
    }
    for name, value in expected.items():
        bracket = getattr(found, name)
        assert bracket.low - 1e-12 <= value <= bracket.high + 1e-12, name
        assert bracket.low <= bracket.value <= bracket.high
        assert bracket.bound < (3e-3 if keep == 9 and kind != "over-confident" else 1.0), name
        if kind in ("coarse", "constant"):
            assert bracket.low == bracket.value == bracket.high  # few different scores: exact
    assert found.auc_low <= found.auc.low and found.auc.high <= found.auc_high
    assert found.positives == target.sum()


def test_bins_are_in_order_and_edges_say_where_they_are(rng: np.random.Generator) -> None:
    special = [0.0, 5e-324, 2**-40, 1e-9, 0.25, np.nextafter(0.5, 0), 0.5, np.nextafter(0.5, 1), 0.75, 1 - 2**-53, 1.0]
    for scale, scores in (
        ("probability", np.sort(np.concatenate([special, rng.random(500), rng.beta(0.1, 0.1, 500)]))),
        ("value", np.sort(np.concatenate([[-np.inf, -1e300, -0.0, 0.0, 5e-324, 1e300], rng.normal(0, 8, 500)]))),
    ):
        state = ScoreHistogram(scale, 6)
        bins, edges = state.bins_of(scores), state.edges()
        assert (np.diff(bins) >= 0).all()
        assert bins.min() >= 0 and bins.max() < edges.size - 1
        assert (np.diff(edges) > 0).all()
        assert (edges[bins] <= scores).all() and (scores <= edges[bins + 1]).all()


def test_one_class_has_no_ranking() -> None:
    state = ScoreHistogram()
    state.update(np.array([0.2, 0.3]), np.array([1, 1]))
    assert state.result().auc is None and state.result().positives == 2
    assert ScoreHistogram().result().ks is None


def test_delong_interval_is_that_of_the_exact_formula(rng: np.random.Generator) -> None:
    score, target = scores_of("balanced", rng, 800)
    state = ScoreHistogram()
    state.update(score, target)
    positive, negative = score[target == 1], score[target == 0]
    wins = (positive[:, None] > negative).astype(float) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(1).var(ddof=1) / positive.size + wins.mean(0).var(ddof=1) / negative.size
    auc = wins.mean()
    half = 1.959964 * np.sqrt(variance) / (auc * (1 - auc))
    expected = 1 / (1 + np.exp(-(np.log(auc / (1 - auc)) + np.array([-half, half]))))
    found = state.result()
    np.testing.assert_allclose([found.auc_low, found.auc_high], expected, atol=2e-3)


def test_perfect_ranking_still_has_an_interval() -> None:
    state = ScoreHistogram()
    state.update(np.array([0.1, 0.2, 0.8, 0.9, 0.95, 0.99]), np.array([0, 0, 1, 1, 1, 1]))
    found = state.result()
    assert found.auc.value == 1.0 and found.auc_low < 0.6 and found.auc_high == 1.0


def test_loss_sums(rng: np.random.Generator) -> None:
    loss, group = rng.standard_exponential(4000) + 1e9, rng.integers(0, 3, 4000)
    state = LossSums(groups=3)
    state.update(loss, group)
    found, whole = state.result(), state.overall()
    for k in range(3):
        mine = loss[group == k]
        np.testing.assert_allclose(found.mean[k], mine.mean(), rtol=1e-15)
        np.testing.assert_allclose(found.variance[k], (mine - mine.mean()).var(ddof=1), rtol=1e-8)
        assert (found.low[k], found.high[k], found.count[k]) == (mine.min(), mine.max(), mine.size)
    direct = LossSums()
    direct.update(loss)
    assert whole.mean == direct.result().mean and whole.variance == direct.result().variance
    low, high = whole.of_group().interval()
    assert low < whole.mean[0] < high


def test_loss_sums_of_nothing_and_of_infinity() -> None:
    empty = LossSums().result()
    assert np.isnan(empty.mean[0]) and np.isnan(empty.variance[0]) and empty.count[0] == 0
    state = LossSums()
    state.update(np.array([1.0, np.inf]))
    assert state.result().mean[0] == np.inf and np.isnan(state.result().variance[0])


def test_moments_against_sklearn_and_far_from_zero(rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    y = rng.standard_normal(3000)
    x = y + 0.3 * rng.standard_normal(3000)
    state = Moments()
    state.update(x, y)
    found = state.result()
    np.testing.assert_allclose(found.r2, metrics.r2_score(y, x), rtol=1e-12)
    np.testing.assert_allclose(found.correlation, np.corrcoef(x, y)[0, 1], rtol=1e-12)
    np.testing.assert_allclose(found.squared_error, metrics.mean_squared_error(y, x), rtol=1e-12)
    np.testing.assert_allclose(found.variance_y, y.var(), rtol=1e-12)
    far = Moments()
    far.update(np.round(x * 1024) / 1024 + 1e11, np.round(y * 1024) / 1024 + 1e11)
    near = Moments()
    near.update(np.round(x * 1024) / 1024, np.round(y * 1024) / 1024)
    assert far.result().r2 == near.result().r2 and far.result().correlation == near.result().correlation


def test_moments_that_are_not_defined() -> None:
    assert Moments().result().r2 is None
    state = Moments()
    state.update(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert state.result().r2 is None and state.result().correlation is None and state.result().mean_y == 3.0
    state.update(np.array([np.inf]), np.array([0.0]))
    assert state.result().mean_x is None


def test_calibration_equals_the_whole_array_formula(rng: np.random.Generator) -> None:
    score, target = scores_of("balanced", rng)
    state = CalibrationBins()
    state.update(score, target)
    np.testing.assert_allclose(state.result().error, calibration_error(score, target), rtol=1e-10)
    logit = CalibrationBins("logit", 64)
    logit.update(score, target)
    found = logit.result()
    assert found.count.sum() == score.size
    used = found.count > 0
    assert (found.edges[:-1][used] <= found.confidence[used]).all()
    assert (found.confidence[used] <= found.edges[1:][used]).all()


@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_quantiles_are_within_their_bounds(q: float, rng: np.random.Generator) -> None:
    values = np.concatenate([rng.standard_cauchy(4001), [0.0, -0.0, np.inf, 5e-324]])
    state = Quantiles()
    state.update(values)
    exact = np.sort(values)[max(1, int(np.ceil(q * values.size))) - 1]
    found = state.result(q)
    assert found is not None and found.low <= exact <= found.high
    if np.isfinite(exact) and abs(exact) > 1e-300:
        assert found.bound <= 2**-8 * abs(exact) * 1.01
    assert Quantiles().result(q) is None


def test_worst_rows_ties_by_row_id(rng: np.random.Generator) -> None:
    loss = rng.integers(0, 5, 1000).astype(float)
    ids = rng.permutation(1000)
    state = WorstRows(k=300)
    state.update(loss, ids)
    expected = sorted(zip(-loss, ids, strict=True))[:300]
    assert state.result()["row_id"].tolist() == [i for _, i in expected]


def test_the_sample_is_fair(rng: np.random.Generator) -> None:
    state = Sample(k=2000, columns=("value",))
    values = np.arange(20_000) / 20_000
    state.update(np.arange(20_000), value=values)
    found = state.result()
    assert found["row_id"].size == np.unique(found["row_id"]).size == 2000
    assert abs(found["value"].mean() - 0.5) < 4 * values.std() / np.sqrt(2000)
    other = Sample(k=2000, columns=("value",), seed=1)
    other.update(np.arange(20_000), value=values)
    assert np.isin(other.result()["row_id"], found["row_id"]).mean() < 0.2


def test_hashes_and_weights_are_pinned_and_fair() -> None:
    # splitmix64 of 0, 1 and 2: with a seed of 0 the generator's first output is 0xE220A8397B1DCDAF.
    assert [hex(h) for h in hash_rows(np.arange(1)).tolist()] == ["0xe220a8397b1dcdaf"]
    weights = poisson_weights(hash_rows(np.arange(20_000)), 5)
    counts = np.bincount(weights.ravel(), minlength=6)[:6] / weights.size
    expected = np.exp(-1) / np.array([1, 1, 2, 6, 24, 120])
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(0.25 / weights.size))
    assert abs(np.corrcoef(weights[0], weights[1])[0, 1]) < 0.03
    texts = np.array(["a", "b", "ab", "ba", "", "é"])
    assert np.unique(hash_rows(texts)).size == 6
    np.testing.assert_array_equal(hash_rows(texts.astype("U40")), hash_rows(texts))
    assert not np.array_equal(hash_rows(np.arange(3), seed=1), hash_rows(np.arange(3)))


@pytest.mark.parametrize("rows", [200, 3000])
def test_bootstrap_intervals_cover(rows: int) -> None:
    """Of 95 % intervals of means and of a share, between 89 and 99 % hold the truth in 120 simulations."""
    rng = np.random.default_rng(3)
    held = np.zeros(3)
    for k in range(120):
        loss = rng.standard_exponential(rows)
        hit = (rng.random(rows) < 0.2).astype(np.int64)
        state = Bootstrap(sums=("loss",), cells=2, groups=256)
        state.update(np.arange(rows) + k * rows, hit, loss=loss)
        low, high = state.interval(lambda t: t["loss"] / t["rows"])
        held[0] += low <= 1.0 <= high
        low, high = state.interval(lambda t: t["cells"][:, 1] / t["cells"].sum(1))
        held[1] += low <= 0.2 <= high
        low, high = state.mean_interval(lambda t: t["loss"] / t["rows"])
        held[2] += low <= 1.0 <= high
    assert (held >= 107).all() and (held <= 119).all(), held


def test_bootstrap_totals_and_what_is_not_defined() -> None:
    state = Bootstrap(sums=("loss",), cells=3)
    state.update(np.arange(6), np.array([0, 1, 2, 2, 1, 2]), loss=np.arange(6.0))
    totals = state.totals()
    assert (totals["rows"].tolist(), totals["cells"].tolist(), totals["loss"].tolist()) == ([6], [[1, 2, 3]], [15.0])
    low, high = state.interval(lambda t: t["cells"][:, 0] / 0)
    assert np.isnan(low) and np.isnan(high)
    for rows in (0, 1):  # of one row nothing is known about the spread
        state = Bootstrap(sums=("loss",))
        state.update(np.arange(rows), loss=np.ones(rows))
        assert np.isnan(state.mean_interval(lambda t: t["loss"] / t["rows"])).all()


def test_values_are_taken_as_multiples_of_their_unit() -> None:
    state = Bootstrap(sums=("loss", "score"), units=(-2, None))
    values = np.array([0.3, 0.125, -0.375, 1e300])
    state.update(np.arange(4), loss=values, score=values)
    assert state.totals()["loss"].tolist() == [0.25 + 0.0 - 0.5 + 1e300]
    assert state.totals()["score"].tolist() == [values.sum()]
    with pytest.raises(InputError, match="1 units for 2 sums"):
        Bootstrap(sums=("a", "b"), units=(-2,))


def test_slices_are_what_each_slice_alone_gives(rng: np.random.Generator) -> None:
    value = rng.integers(0, 5, 1000)
    target, predicted = rng.integers(0, 3, (2, 1000))
    slices = Slices(ConfusionCounts(classes=3))
    slices.update(value, target, predicted)
    for name, matrix in slices.result().items():
        here = value == int(name)
        alone = ConfusionCounts(classes=3)
        alone.update(target[here], predicted[here])
        np.testing.assert_array_equal(matrix, alone.result())
