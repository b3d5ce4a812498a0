"""CatBoost really trains, and as its own objectives do."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from boosting.cases import ELEMENT, FINITE, Case, table
from frameworks import require
from lossmith import boosting

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("MPLBACKEND", "Agg")
    catboost = require("catboost")

pytestmark = pytest.mark.filterwarnings("ignore:Failed to import numba", "ignore:Can't optimze method")
QUIET = {"verbose": False, "allow_writing_files": False, "thread_count": 1, "random_seed": 0, "depth": 3}


def fit(loss: Any, x: np.ndarray, target: np.ndarray, weight: Any = None, start: Any = 0.0, **settings: Any) -> Any:
    """Return a fitted model of a built-in loss by name, or of an objective."""
    own = {"eval_metric": loss.metric} if hasattr(loss, "metric") else {"boost_from_average": False}
    model = catboost.CatBoost({**QUIET, **own, "loss_function": loss, **settings})
    return model.fit(catboost.Pool(x, target, weight=weight, baseline=np.zeros(len(x)) + start))


@pytest.mark.parametrize("case", [c for c in ELEMENT if not c.parameters], ids=str)
def test_every_loss_goes_down(case: Case) -> None:
    x, target, weight = case.data()
    start = boosting.base_score(case.loss, target, weight) if case in FINITE else 0.0
    model = fit(boosting.catboost.objective(case.loss), x, target, weight, start, iterations=15, learning_rate=0.3)
    scores = start + model.predict(x)
    before, after = case.mean(np.zeros_like(scores) + start, target, weight), case.mean(scores, target, weight)
    assert after < before - 0.001 * abs(before)
    logged = list(model.get_evals_result()["learn"].values())[-1]
    assert logged[-1] == pytest.approx(after, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "built_in", "penalty"),
    [("squared_error", "RMSE", 1e-9), ("sigmoid_cross_entropy", "Logloss", 3.0), ("focal", "Logloss", 3.0)],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_as_the_built_in_objective(loss: str, built_in: str, penalty: float, weighted: bool) -> None:
    """Without gamma focal loss is logistic; the squared error is not halved here, which a penalty would notice."""
    x, signal, weight = table()
    target = signal if loss == "squared_error" else (signal > 0.2).astype(np.float32)
    parameters = {"gamma": 0.0} if loss == "focal" else {}
    settings = {"iterations": 8, "learning_rate": 0.2, "leaf_estimation_iterations": 1}
    settings |= {"l2_leaf_reg": penalty, "leaf_estimation_method": "Newton"}
    factors = weight if weighted else None
    ours = boosting.catboost.objective(loss, **parameters)
    mine = fit(ours, x, target, factors, **settings)
    theirs = fit(built_in, x, target, factors, **settings)
    np.testing.assert_allclose(
        mine.predict(x), theirs.predict(x, prediction_type="RawFormulaVal"), rtol=1e-6, atol=1e-9
    )
    assert np.ptp(mine.predict(x)) > 0.5
    if weighted:
        plain = fit(ours, x, target, None, **settings)
        assert np.abs(plain.predict(x) - mine.predict(x)).max() > 1e-3


def test_rows_in_blocks_have_the_plain_gradient() -> None:
    objective = boosting.catboost.objective("quantile", level=0.9)
    scores, target = np.array([1.0, 2.0, 30.0]), np.array([2.0, 1.0, 1.0])
    ders = objective.calc_ders_range(scores, target, np.array([1.0, 2.0, 1.0]))
    np.testing.assert_allclose(ders[:, 0], [0.9, -0.2, -0.1])
    assert (ders[:, 1] < 0).all()
    np.testing.assert_array_equal(objective.calc_ders_range(scores, target, None)[:1], ders[:1])


def test_the_metric() -> None:
    metric = boosting.catboost.metric("categorical_cross_entropy")
    assert metric.is_max_optimal() is False
    total = metric.evaluate([np.array([0.9, 0.2]), np.array([0.1, 0.8])], np.array([0.0, 1.0]), np.array([1.0, 3.0]))
    wanted = lm.categorical_cross_entropy([[0.9, 0.1], [0.2, 0.8]], [0, 1], weight=[1.0, 3.0])
    assert metric.get_final_error(*total) == pytest.approx(wanted)
    assert metric.get_final_error(0.0, 0.0) == 0.0


def test_the_wrappers_and_copies() -> None:
    x, signal, _ = table()
    huber = boosting.catboost.objective("huber", delta=0.5)
    settings = {**QUIET, "iterations": 5, "learning_rate": 0.3}
    model = catboost.CatBoostRegressor(loss_function=huber, eval_metric=huber.metric, **settings).fit(x, signal)
    np.testing.assert_allclose(
        model.predict(x), fit(huber, x, signal, iterations=5, learning_rate=0.3).predict(x), rtol=1e-9, atol=1e-12
    )
    assert pickle.loads(pickle.dumps(huber)) == huber
    sklearn_base = require("sklearn.base")
    assert sklearn_base.clone(catboost.CatBoostRegressor(loss_function=huber)).get_params()["loss_function"] is huber
    focal, target = boosting.catboost.objective("focal"), (signal > 0).astype(int)
    model = catboost.CatBoostClassifier(loss_function=focal, eval_metric=focal.metric, **settings).fit(x, target)
    scores = model.predict(x, prediction_type="RawFormulaVal")
    assert ((scores > 0) == target).mean() > 0.75
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-6)


def test_errors_end_with_ours() -> None:
    x, signal, _ = table(rows=60)
    for loss, target, message in (
        ("tweedie_log_mean", signal - 9, "tweedie_log_mean takes"),
        ("focal", np.arange(60) % 3, "sigmoid_focal takes probabilities"),
    ):
        with pytest.raises(catboost.CatBoostError, match=f"DomainError: target is .*{message}"):
            fit(boosting.catboost.objective(loss), x, target, iterations=1)
    with pytest.raises(lm.InputError, match="cannot be boosted with CatBoost, which asks for classes row by row"):
        boosting.catboost.objective("softmax_focal")
