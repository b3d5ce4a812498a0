"""Intervals of numbers that are no means: they cover what is true, and agree with drawing rows."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from lossmith.evaluation import resampling
from lossmith.evaluation.calibration import error_interval, reliability
from lossmith.evaluation.confusion import Counts
from lossmith.evaluation.curves import Ranking
from lossmith.evaluation.inputs import prepare
from lossmith.evaluation.metrics import compute
from lossmith.evaluation.scorers import scores

TRIALS = 250
LIKELY = (0.91, 0.985)  # of 250 intervals that cover with 95 %, with a chance of 99 %


def covered(truth: dict[str, float], draw: object) -> dict[str, float]:
    """Return how often the intervals of a drawn evaluation hold the true values."""
    hits = dict.fromkeys(truth, 0)
    for _ in range(TRIALS):
        found = draw()  # type: ignore[operator]
        for name, value in truth.items():
            low, high = found[name]
            hits[name] += low <= value <= high
    return {name: n / TRIALS for name, n in hits.items()}


def test_statistics_of_the_matrix_cover() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([[0.3, 0.1], [0.15, 0.45]])
    every = Counts(shares.sum(axis=1), shares.sum(axis=0), np.diag(shares))
    truth = {name: float(of(every)) for name, of in resampling.STATISTICS.items()}

    def draw() -> dict:
        cell = rng.choice(4, 500, p=shares.ravel())
        return resampling.of_classes(cell // 2, cell % 2, 2, None)

    for name, share in covered(truth, draw).items():
        assert LIKELY[0] <= share <= LIKELY[1], name


def test_areas_cover() -> None:
    rng = np.random.default_rng(1)

    def sample(rows: int) -> tuple[np.ndarray, np.ndarray]:
        y = (rng.random(rows) < 0.3).astype(int)
        return y, rng.normal(size=rows) + 1.2 * y

    large = Ranking(*sample(400_000))
    truth = {"auc": large.auc(), "average_precision": large.average_precision()}
    for name, share in covered(truth, lambda: resampling.of_ranking(Ranking(*sample(400)), None, 400)).items():
        assert LIKELY[0] <= share <= LIKELY[1], name


def test_r2_and_rmse_cover() -> None:
    rng = np.random.default_rng(2)
    wanted = ("rmse", "mae", "r2")
    truth = dict(zip(wanted, (1.0, (2 / np.pi) ** 0.5, 1 - 1 / 5), strict=True))

    def draw() -> dict:
        p = 2 * rng.normal(size=400)
        metrics = compute(prepare(p, p + rng.normal(size=400), task="regression"))[0]
        return {name: (metrics[name].low, metrics[name].high) for name in wanted}

    for name, share in covered(truth, draw).items():
        assert LIKELY[0] <= share <= LIKELY[1], name


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_and_rows_drawn_agree(rng: np.random.Generator, weighted: bool) -> None:
    y = rng.integers(0, 4, 800)
    p = rng.dirichlet(np.ones(4), 800) + 0.6 * np.eye(4)[y]
    w = rng.uniform(0.5, 1.5, 800) if weighted else None
    inputs = prepare(p / p.sum(axis=1, keepdims=True), y, weight=w, task="multiclass")
    metrics = compute(inputs)[0]
    ones = np.ones(800) if w is None else w
    drawn = np.random.default_rng(9).poisson(1.0, (300, 800)) * ones
    for name in ("macro_f1", "balanced_accuracy", "mcc"):
        of = scores(inputs)[name]
        low, high = np.quantile([of.value(x) for x in drawn], [0.025, 0.975])
        found = metrics[name]
        assert found.low < found.value < found.high
        assert found.high - found.low == pytest.approx(high - low, rel=0.2), name


def test_perfect_order_is_not_certain() -> None:
    y = np.arange(60) >= 30
    low, high = resampling.of_ranking(Ranking(y.astype(int), np.arange(60.0)), None, 60)["auc"]
    assert (low, high) == (0.9, 1.0)


def test_every_metric_of_the_head_has_an_interval(rng: np.random.Generator) -> None:
    y = rng.integers(0, 2, 200)
    p = np.clip(0.5 * y + 0.5 * rng.random(200), 0.01, 0.99)
    without = {n for n, m in lm.evaluate(p, y).metrics.items() if m.low is None}
    assert without == set()
    bits = rng.integers(0, 2, (200, 3))
    assert all(
        m.low <= m.value <= m.high for m in lm.evaluate(1 - bits, bits, task="multilabel").metrics.values() if m.value
    )
    numbers = lm.evaluate(p + 0.1, p.astype(float), task="regression").metrics
    assert {n for n, m in numbers.items() if m.low is None} == {"max_error"}


def test_the_interval_of_the_calibration_error_holds_what_many_rows_say(rng: np.random.Generator) -> None:
    def drawn(rows: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
        p = rng.beta(2, 2, rows)
        return p, (rng.random(rows) < np.clip(p + shift * np.sin(6 * p), 0, 1)).astype(float)

    for shift in (0.0, 0.1):
        truth = reliability(*drawn(400_000, shift)).error if shift else 0.0
        inside = 0
        for _ in range(100):
            p, y = drawn(500, shift)
            low, high = error_interval(reliability(p, y), p.size)
            inside += low <= truth <= high
        assert inside >= 88, shift
