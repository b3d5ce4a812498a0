"""The compiled kernels of states leave the same bits as the NumPy code, which judges them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmith.errors import LabelError
from lossmith.evaluation.curves import Ranking, roc_auc
from lossmith.evaluation.states import (
    Bootstrap,
    CalibrationBins,
    ConfusionCounts,
    ExactSums,
    ScoreHistogram,
    hash_rows,
    to_json,
)
from lossmith.evaluation.states.hashing import group_bits
from lossmith.native import evaluation as kernels

pytestmark = pytest.mark.skipif(not kernels.available(), reason="there is no native core")
ANY = st.floats(allow_nan=True, allow_infinity=True, width=64)


@contextmanager
def in_numpy() -> Iterator[None]:
    """Let states do without kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "available", lambda: False)
        yield


def plain(sums: ExactSums) -> dict[str, list[object]]:
    return {name: x.tolist() for name, x in sums.arrays().items()}


@given(st.lists(st.tuples(ANY, ANY, st.integers(0, 2)), max_size=50))
@settings(max_examples=120, deadline=None)
def test_exact_sums_and_products(rows: list[tuple[float, float, int]]) -> None:
    a, b = (np.array([row[k] for row in rows], float) for k in (0, 1))
    index = np.array([row[2] for row in rows], np.int64)

    def summed() -> list[dict[str, list[object]]]:
        one, three, products, squares = ExactSums(), ExactSums(3), ExactSums(3), ExactSums()
        one.add(a)
        three.add(a, index.astype(np.int8))
        products.add_products(a, b, index)
        squares.add_products(a, a)
        return [plain(s) for s in (one, three, products, squares)]

    found = summed()
    with in_numpy():
        assert found == summed()


def test_limbs_are_carried_between_chunks(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    from lossmith.evaluation.states import exact

    values = rng.standard_normal(5000) * 1e3
    expected = ExactSums()
    expected.add(values)
    monkeypatch.setattr(exact, "_CHUNK", 700)
    monkeypatch.setattr(exact, "_MANY", 1500)
    chunked = ExactSums()
    chunked.add(values)
    assert plain(chunked) == plain(expected)


@pytest.mark.parametrize("scale", ["probability", "value"])
@pytest.mark.parametrize("keep", [0, 5, 9])
def test_score_histograms(scale: str, keep: int, rng: np.random.Generator) -> None:
    score = np.concatenate([rng.random(3000), rng.beta(0.1, 0.1, 3000), [0.0, -0.0, 0.5, 1.0, 5e-324, 1 - 2**-53]])
    if scale == "value":
        score = np.concatenate([score * 60 - 30, [np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0]])
    target = (rng.random(score.size) < 0.4).astype(np.int8)

    def counted() -> str:
        state = ScoreHistogram(scale, keep)
        state.update(score[::2], target[::2])
        state.update(score[1::2], target[1::2])
        return to_json(state)

    found = counted()
    with in_numpy():
        assert found == counted()


@pytest.mark.parametrize(("grid", "bins"), [("equal", 15), ("equal", 1), ("logit", 64), ("logit", 1)])
def test_calibration(grid: str, bins: int, rng: np.random.Generator) -> None:
    confidence = np.concatenate([rng.beta(0.2, 0.2, 4000), np.arange(16) / 15, [5e-324]])
    outcome = rng.random(confidence.size) < confidence

    def binned() -> str:
        state = CalibrationBins(grid, bins)
        state.update(confidence, outcome)
        return to_json(state)

    found = binned()
    with in_numpy():
        assert found == binned()


@pytest.mark.parametrize("seed", [0, 3])
def test_groups_of_rows(seed: int) -> None:
    state = Bootstrap(seed=seed)
    for ids in (np.arange(-50, 50), np.arange(9, dtype=np.uint64) + 2**63, np.array(["a", "bc", ""]), np.arange(0)):
        found = state.group_of(ids)
        with in_numpy():
            np.testing.assert_array_equal(found, state.group_of(ids))


def test_indices_and_targets_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"index is 3 at position 1; expected 0 <= index < 3"):
        ExactSums(3).add(np.ones(2), np.array([0, 3]))
    with pytest.raises(ValueError, match="index is -1 at position 0"):
        ExactSums(3).add(np.ones(1), np.array([-1]))
    with pytest.raises(ValueError, match=r"confidence is 1.5 at position 0; expected a number in \[0, 1\]"):
        CalibrationBins().update(np.array([1.5]), np.array([0]))
    with pytest.raises(ValueError, match="target is 2 at position 1; expected 0 or 1"):
        ScoreHistogram().update(np.array([0.1, 0.2]), np.array([0, 2]))


@pytest.mark.parametrize("classes", [1, 2, 7, 9, 70, 200])
@pytest.mark.parametrize("types", [("i1", "?"), ("u1", "i1"), ("i4", "i8"), ("u2", "i8")])
def test_classes_are_counted(classes: int, types: tuple[str, str], rng: np.random.Generator) -> None:
    small = {"?": 2, "i1": 128, "u1": 256}
    rows = 300_000 if classes == 9 else 5000  # above 2**18 rows, on several threads
    target, predicted = (rng.integers(0, min(classes, small.get(t, classes)), rows).astype(t) for t in types)
    state = ConfusionCounts(classes)
    for part in (slice(0, 1000), slice(1000, None)):
        state.update(target[part], predicted[part])
    with in_numpy():
        plain_state = ConfusionCounts(classes)
        plain_state.update(target, predicted)
    assert state == plain_state
    assert state.result().sum() == rows


@pytest.mark.parametrize("bad", [-1, 3, 2**40])
def test_no_row_counts_where_a_class_is_out_of_range(bad: int) -> None:
    target, predicted = np.zeros(400_000, np.int64), np.zeros(400_000, np.int8)
    target[300_000] = bad
    state = ConfusionCounts(3)
    with pytest.raises(LabelError, match=f"target holds class {bad}, but there are 3"):
        state.update(target, predicted)
    assert not state.result().any()


@pytest.mark.parametrize("score", ["f4", "f8"])
@pytest.mark.parametrize("label", ["?", "i1", "i4", "i8", "f4"])
def test_pairs_in_order_are_the_area_under_the_curve(score: str, label: str, rng: np.random.Generator) -> None:
    rows = 600_000 if label == "i1" else 3000
    x = np.concatenate([rng.standard_normal(rows), [0.0, -0.0, np.inf, -np.inf, 5e-324, -1e30, 0.25, 0.25]])
    x[: rows // 2] = x[: rows // 2].round(2)  # ties
    x = x.astype(score)[::-1]
    y = (rng.random(x.size) < 0.3).astype(label)
    found = roc_auc(y, x)
    assert found == pytest.approx(Ranking(y.astype(np.int64), x.astype(np.float64)).auc(), abs=1e-12)
    assert found == roc_auc(y[::-1], x[::-1])
    won = kernels.pairs_in_order(np.array([1, 2, 2, 3], score), np.array([0, 1, 0, 1], label))
    assert won == (7, 2, 2)


def test_pairs_that_the_kernel_does_not_take() -> None:
    for x, y in (([0.1, np.nan], [0, 1]), ([0.1, 0.2], [0, 2]), ([1, 2], [0, 1]), ([[0.1]], [[1]])):
        assert kernels.pairs_in_order(np.array(x), np.array(y)) is None
    assert np.isnan(roc_auc(np.ones(3, int), np.array([0.1, 0.2, 0.3])))
    assert kernels.pairs_in_order(np.zeros(0), np.zeros(0)) == (0, 0, 0)


def test_four_rows_that_follow_each_other_go_to_four_groups_that_do(rng: np.random.Generator) -> None:
    words = np.arange(40_000, dtype=np.uint64)
    groups = (group_bits(words, 3) & np.uint64(511)).astype(np.int64).reshape(-1, 4)
    assert ((groups - groups[:, :1]) % 512 == np.arange(4)).all()
    counts = np.bincount(groups.reshape(-1), minlength=512)
    assert abs(counts.var() / counts.mean() - 1) < 0.3  # as if each row were drawn by itself
    assert hash_rows(words).size == np.unique(hash_rows(words)).size


def test_skewed_values_have_a_skewed_interval() -> None:
    rows = np.arange(4000)
    state = Bootstrap(sums=("loss", "sign"))
    state.update(rows, loss=(rows % 50 == 0) * 50.0, sign=np.where(rows % 2, 1.0, -1.0))
    low, high = state.mean_interval(lambda t: t["loss"] / t["rows"])
    assert high - 1 > 1.1 * (1 - low)
    low, high = state.mean_interval(lambda t: t["sign"] / t["rows"])
    assert high == pytest.approx(-low, rel=0.05)
