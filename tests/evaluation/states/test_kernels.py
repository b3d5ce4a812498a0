"""The compiled kernels of states leave the same bits as the NumPy code, which judges them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmith.evaluation.states import Bootstrap, CalibrationBins, ExactSums, ScoreHistogram, to_json
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
