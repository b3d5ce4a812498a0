"""Intervals of numbers that are no means: they cover what is true, and agree with drawing rows."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from lossmith.evaluation.calibration import error_interval, reliability, terms
from lossmith.evaluation.confusion import Counts
from lossmith.evaluation.curves import Ranking
from lossmith.evaluation.influence import Cells, f1_limits, of_labels, of_ranking, of_shares
from lossmith.evaluation.inputs import prepare
from lossmith.evaluation.intervals import Mean, Z, mean_of, of_mean, wilson
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


OF_MATRIX = {
    "balanced_accuracy": Counts.balanced_accuracy,
    "macro_f1": Counts.macro_f1,
    "weighted_f1": Counts.weighted_f1,
    "mcc": Counts.mcc,
    "kappa": Counts.kappa,
}


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (500, [[0.3, 0.1], [0.15, 0.45]]),
        (200, [[0.68, 0.02], [0.02, 0.28]]),
        (200, [[0.42, 0.05, 0.03, 0], [0.04, 0.24, 0.01, 0.01], [0.02, 0.02, 0.13, 0], [0.006, 0.005, 0.004, 0.015]]),
    ],
)
def test_statistics_of_the_matrix_cover(rows: int, shares: list[list[float]]) -> None:
    rng = np.random.default_rng(0)
    share = np.array(shares)
    every = Counts.of_matrix(share)
    truth = {name: float(of(every)) for name, of in OF_MATRIX.items()} | {"f1": float(every.f1()[-1])}

    def draw() -> dict:
        matrix = rng.multinomial(rows, share.ravel()).reshape(share.shape)
        counts = Counts.of_matrix(matrix)
        low, high = f1_limits(counts)
        return Cells.of_matrix(matrix, counts).intervals() | {"f1": (low[-1], high[-1])}

    for name, found in covered(truth, draw).items():
        assert LIKELY[0] <= found <= LIKELY[1], name


def _intervals(matrix: np.ndarray) -> dict:
    return Cells.of_matrix(matrix, Counts.of_matrix(matrix)).intervals()


def test_perfect_answers_are_not_certain() -> None:
    """All are right: the limits are those of the accuracy, or of a share in the rows of each class."""
    found = _intervals(np.diag([60, 30, 10]))
    low = wilson(1.0, 100)[0]
    assert found["weighted_f1"] == pytest.approx((low, 1.0))
    together = 0.6**2 + 0.3**2 + 0.1**2
    chance = (low - together) / (1 - together)
    assert found["kappa"] == found["mcc"] == pytest.approx((chance, 1.0), abs=0.01)
    assert found["balanced_accuracy"][1] == found["macro_f1"][1] == 1.0
    assert 0.8 < found["balanced_accuracy"][0] < found["macro_f1"][0] < low
    wrong = _intervals(np.array([[0, 50], [50, 0]]))
    assert wrong["balanced_accuracy"] == pytest.approx((0.0, 1 - low))
    assert all(ends[0] == -1 < ends[1] < -0.9 for ends in (wrong["kappa"], wrong["mcc"]))
    assert "mcc" not in _intervals(np.array([[50, 0], [50, 0]]))  # 0 / 0
    for matrix in (np.array([[7, 0], [0, 0]]), np.array([[1, 0], [0, 1]])):
        assert all(-1 < low < high <= 1 for low, high in _intervals(matrix).values())


def test_a_mean_of_shares_has_wilsons_interval_where_they_are_one() -> None:
    for share in (0.0, 0.3, 0.95, 1.0):
        assert of_shares(np.array([share]), np.array([40.0])) == pytest.approx(wilson(share, 40), abs=1e-12)
        alike = of_shares(np.full(4, share), np.full(4, 10.0))  # as if all rows were of one share
        assert alike == pytest.approx(wilson(share, 40), abs=1e-12)
    few, many = (of_shares(np.array([0.9, 0.5]), np.array([n, 1e6])) for n in (10.0, 1e6))
    assert few[0] < many[0] < 0.7 < many[1] < few[1]
    wide = of_shares(np.array([0.5, 0.5]), np.full(2, 100.0), ratio=2.0)
    assert wide == pytest.approx(wilson(0.5, 100), abs=1e-12)


def test_influences_are_the_slopes_of_the_numbers(rng: np.random.Generator) -> None:
    """Errors of the numbers against those of matrices with one more row in each cell."""
    matrix = rng.integers(50, 400, (3, 3)) + np.diag([900, 500, 700])
    whole, rows = Counts.of_matrix(matrix), matrix.sum()
    found = _intervals(matrix)
    for name, of in OF_MATRIX.items():
        more = np.array([of(Counts.of_matrix(matrix + 1e-4 * row.reshape(3, 3))) for row in np.eye(9)])
        moved = (more - of(whole)) / 1e-4 * rows
        error = np.sqrt(matrix.ravel() @ moved**2) / rows
        low, high = found[name]
        assert (high - low) / (2 * Z) == pytest.approx(error, rel=0.01), name


@pytest.mark.parametrize("weighted", [False, True])
def test_f1_over_labels_agrees_with_rows_drawn(rng: np.random.Generator, weighted: bool) -> None:
    y = (rng.random((600, 4)) < [0.5, 0.3, 0.2, 0.1]).astype(np.int64)
    p = np.where(rng.random(y.shape) < 0.2, 1 - y, y)
    w = rng.uniform(0.5, 1.5, 600) if weighted else None
    inputs = prepare(p, y, weight=w, task="multilabel")
    found = compute(inputs)[0]
    drawn = rng.poisson(1.0, (300, 600)) * (np.ones(600) if w is None else w)
    for name in ("micro_f1", "macro_f1"):
        low, high = np.quantile([scores(inputs)[name].value(x) for x in drawn], [0.025, 0.975])
        assert found[name].high - found[name].low == pytest.approx(high - low, rel=0.2), name
        assert found[name].low < found[name].value < found[name].high
    assert found["weighted_f1"].high - found["weighted_f1"].low < 0.1


def test_perfect_labels_are_not_certain() -> None:
    bits = np.eye(3, dtype=np.int64)[np.arange(30) % 3]
    found = lm.evaluate(bits, bits, task="multilabel").metrics
    for name in ("exact_match", "micro_f1", "macro_f1", "weighted_f1", "samples_f1"):
        assert (found[name].value, found[name].high) == (1.0, 1.0) and 0.8 < found[name].low < 0.98, name
    assert (found["hamming_loss"].low, found["hamming_loss"].high) == (0.0, pytest.approx(1 - wilson(1.0, 30)[0]))
    ranked = lm.evaluate(0.8 * bits + 0.1, bits, task="multilabel").metrics
    assert 0.7 < ranked["macro_auc"].low < 0.9 and ranked["macro_auc"].high == 1.0
    assert of_labels(0 * bits, 0 * bits, None, Counts(*np.zeros((3, 3)))).keys() == {"macro_f1"}


# --- means -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("weighted", [False, True])
def test_means_of_skewed_numbers_cover(weighted: bool) -> None:
    rng = np.random.default_rng(3)

    def draw() -> dict:
        weight = rng.uniform(0.5, 1.5, 100) if weighted else None
        return {"mean": of_mean(rng.standard_exponential(100) ** 1.5, weight)}

    assert LIKELY[0] <= covered({"mean": 1.3293403881791370}, draw)["mean"] <= LIKELY[1]  # Γ(2.5)


def test_means_at_their_edges() -> None:
    assert of_mean(np.array([2.0]), None) == (None, None)
    assert of_mean(np.full(5, 2.0), None) == (2.0, 2.0)
    assert of_mean(np.array([1.0, np.inf]), None) == (None, None)
    mean = mean_of(np.array([1e200, 0.0, 0.0, 0.0]), None)
    assert (mean.value, mean.skewness) == (2.5e199, pytest.approx((0.75**3 - 3 * 0.25**3) / 0.75**1.5))
    assert Mean(1.0, 0.0, 20.0).share_interval() == wilson(1.0, 20)
    assert Mean(0.5, 0.05, 1000.0).share_interval() == wilson(0.5, 100)
    assert Mean(0.5, np.nan, 1.0).share_interval() == (None, None)


# --- areas -----------------------------------------------------------------------------------------------------------
def test_areas_cover() -> None:
    rng = np.random.default_rng(1)

    def sample(rows: int) -> tuple[np.ndarray, np.ndarray]:
        y = (rng.random(rows) < 0.3).astype(int)
        return y, rng.normal(size=rows) + 1.2 * y

    large = Ranking(*sample(400_000))
    truth = {"auc": large.auc(), "average_precision": large.average_precision()}
    for name, share in covered(truth, lambda: of_ranking(Ranking(*sample(400)), None, 400)).items():
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


def test_average_precision_of_few_positives_is_lifted() -> None:
    rng = np.random.default_rng(4)

    def sample(rows: int) -> Ranking:
        y = (rng.random(rows) < 0.2).astype(int)
        return Ranking(y, rng.normal(size=rows) + 1.2 * y)

    truth = sample(400_000).average_precision()
    drawn = [sample(100) for _ in range(400)]
    above = np.mean([r.average_precision() for r in drawn]) - truth
    left = above - np.mean([r.lift() for r in drawn])
    assert above > 0.015 and abs(left) < above / 2
    many = drawn[0]
    assert many.lift(np.full(100, 2.0), 0.5) == pytest.approx(many.lift())
    assert many.lift(np.full(100, 2.0)) == pytest.approx(many.lift() / 2)


def test_perfect_order_is_not_certain() -> None:
    y = np.arange(60) >= 30
    low, high = of_ranking(Ranking(y.astype(int), np.arange(60.0)), None, 60)["auc"]
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


# --- calibration -----------------------------------------------------------------------------------------------------
BENDS = {
    "perfect": lambda p: p,
    "too sure": lambda p: 1 / (1 + ((1 - p) / p) ** (1 / 1.7)),
    "wrong above 0.8": lambda p: np.where(p > 0.8, p - 0.3, p),
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("rows", [300, 4000])
def test_interval_of_the_calibration_error_holds_the_true_one(bend: str, rows: int) -> None:
    rng = np.random.default_rng(11)
    many = rng.beta(1.2, 2, 300_000)
    truth = 0.0 if bend == "perfect" else reliability(many, BENDS[bend](many)).error
    found = []
    for _ in range(40):
        p = rng.beta(1.2, 2, rows)
        y = (rng.random(rows) < BENDS[bend](p)).astype(float)
        found.append(terms(reliability(p, y), rows=rows))
    assert np.mean([t.low <= truth <= t.high for t in found]) >= 0.85
    off = [abs(np.mean([getattr(t, name) for t in found]) - truth) for name in ("debiased", "error")]
    assert off[0] < off[1]
    assert all(t.low <= t.debiased <= t.high for t in found)


def test_terms_of_the_brier_score_add_up(rng: np.random.Generator) -> None:
    z = rng.normal(size=900) * 2
    y = (rng.random(900) < 1 / (1 + np.exp(-z / 2))).astype(int)
    result = lm.evaluate(z, y)
    found = result.drawn().calibration
    assert found.brier == pytest.approx(result.metrics["brier"].value)
    assert found.reliability - found.resolution + found.uncertainty + found.within == pytest.approx(found.brier)
    assert found.uncertainty == pytest.approx(result.metrics["brier"].constant)
    assert found.error == pytest.approx(result.metrics["ece"].value)
    streamed = lm.evaluate([(z, y)]).drawn().calibration
    assert (streamed.brier, streamed.low, streamed.high) == pytest.approx(
        (found.brier, found.low, found.high), abs=1e-6
    )
    steps = np.repeat([0.25, 0.5], 50)  # equal within bins: Murphy's three terms are all
    exact = terms(
        reliability(steps, np.tile([0.0, 1.0], 50)), float(np.mean((steps - np.tile([0.0, 1.0], 50)) ** 2)), 100
    )
    assert exact.within == pytest.approx(0, abs=1e-15)
    assert exact.reliability == pytest.approx(0.25**2 / 2)
    assert exact.resolution == 0
    weighted = lm.evaluate(z, y, weight=rng.uniform(size=900)).drawn().calibration
    assert weighted.low <= weighted.debiased <= weighted.high
    assert (found.low, found.high) == (result.metrics["ece"].low, result.metrics["ece"].high)
    page = result.to_html()
    assert "Calibration in numbers" in page and f"{found.low:.4g} … {found.high:.4g}" in page


def test_certain_outcomes_need_no_interval() -> None:
    found = terms(reliability(np.ones(20), np.ones(20)), 0.0, 20)
    assert (found.error, found.low, found.debiased, found.high) == (0, 0, 0, 0)


def test_the_interval_of_the_calibration_error_holds_what_many_rows_say(rng: np.random.Generator) -> None:
    def drawn(rows: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
        p = rng.beta(2, 2, rows)
        return p, (rng.random(rows) < np.clip(p + shift * np.sin(6 * p), 0, 1)).astype(float)

    for shift in (0.0, 0.1):
        truth = reliability(*drawn(400_000, shift)).error if shift else 0.0
        inside = 0
        for _ in range(100):
            p, y = drawn(500, shift)
            low, _, high = error_interval(reliability(p, y), p.size)
            inside += low <= truth <= high
        assert inside >= 88, shift
