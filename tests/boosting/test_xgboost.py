"""XGBoost really trains: on every loss, as its own objectives do, through each of its interfaces."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from boosting.cases import CASES, FINITE, GROUPS, Case, table
from frameworks import require
from lossmith import boosting

xgboost = require("xgboost")
QUIET = {"nthread": 1, "tree_method": "exact", "seed": 0}
FREE = {**QUIET, "reg_lambda": 0.0, "min_child_weight": 0.0, "max_depth": 3}


def train(case: Case, rounds: int, eta: float, **options: Any) -> tuple[np.ndarray, Any]:
    """Train on the case's own data; return the scores of the rows and the start."""
    x, target, weight = case.data()
    objective = boosting.xgboost.objective(case.loss, **case.parameters)
    start = boosting.base_score(case.loss, target, weight, **case.parameters) if case in FINITE else 0.0
    settings = {**FREE, "eta": eta, "base_score": np.asarray(start).tolist(), **options}
    if case.classes > 1:
        settings["num_class"] = case.classes
    data = xgboost.DMatrix(x, target, weight=weight)
    model = xgboost.train(settings, data, rounds, obj=objective)
    return model.predict(data, output_margin=True).astype(float), start


@pytest.mark.parametrize("case", FINITE, ids=str)
def test_a_saturated_model_answers_the_best_constant_of_each_group(case: Case) -> None:
    """A leaf per group, no penalty, rounds enough: training has one right answer, and ``base_score`` knows it."""
    x, target, weight = case.data()
    scores, start = train(case, 60, 0.5)
    for group in range(GROUPS):
        mine = x[:, 0] == group
        try:
            best = boosting.base_score(case.loss, target[mine], weight[mine], **case.parameters)
        except lm.InputError:
            continue  # one class alone: no end
        found = case.mean(scores[mine], target[mine], weight[mine])
        least = case.mean(np.zeros_like(scores[mine]) + best, target[mine], weight[mine])
        worst = case.mean(np.zeros_like(scores[mine]) + start, target[mine], weight[mine])
        assert found <= least + 0.02 * abs(worst - least) + 3e-3 * abs(least), group


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_loss_goes_down_with_default_settings(case: Case) -> None:
    _, target, weight = case.data()
    scores, start = train(case, 20, 0.3, reg_lambda=1.0, min_child_weight=1.0)
    before = case.mean(np.zeros_like(scores) + start, target, weight)
    assert case.mean(scores, target, weight) < before - 0.005 * abs(before)


BUILT_IN = {
    "squared_error": ("squared_error", {}, "reg:squarederror", {}, float),
    "logistic": ("sigmoid_cross_entropy", {}, "binary:logistic", {}, lambda s: 1 / (1 + np.exp(-s))),
    "poisson": ("poisson_log_rate", {}, "count:poisson", {"max_delta_step": 0.0}, np.exp),
    "tweedie": ("tweedie_log_mean", {"power": 1.3}, "reg:tweedie", {"tweedie_variance_power": 1.3}, np.exp),
    "gamma": ("gamma_log_mean", {}, "reg:gamma", {}, np.exp),
    "pseudo_huber": ("pseudo_huber", {"delta": 1.5}, "reg:pseudohubererror", {"huber_slope": 1.5}, float),
}


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_trees_as_the_built_in_objective(name: str, weighted: bool) -> None:
    loss, parameters, built_in, options, link = BUILT_IN[name]
    x, signal, weight = table()
    target = {
        "logistic": (signal > 0.2).astype(np.float32),
        "poisson": np.random.default_rng(1).poisson(np.exp(signal)).astype(np.float32),
        "tweedie": np.maximum(signal, 0),
        "gamma": np.exp(signal),
    }.get(name, signal)
    data = xgboost.DMatrix(x, target, weight=weight if weighted else None)
    start = boosting.base_score(loss, target, weight if weighted else None, **parameters)
    ours = boosting.xgboost.objective(loss, hessian="exact", **parameters)
    twice = 2.0 if name == "squared_error" else 1.0  # lossmith does not halve the squared error
    penalties = {"reg_lambda": twice, "min_child_weight": twice}
    mine = xgboost.train({**QUIET, **penalties, "base_score": start}, data, 8, obj=ours)
    theirs = xgboost.train({**QUIET, "objective": built_in, "base_score": float(link(start)), **options}, data, 8)
    np.testing.assert_array_equal(mine.predict(data, pred_leaf=True), theirs.predict(data, pred_leaf=True))
    scores = [m.predict(data, output_margin=True) for m in (mine, theirs)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=2e-4, atol=2e-5)
    assert np.ptp(scores[0]) > 0.5
    if weighted:
        plain = xgboost.train({**QUIET, **penalties, "base_score": start}, xgboost.DMatrix(x, target), 8, obj=ours)
        assert np.abs(plain.predict(data, output_margin=True) - scores[0]).max() > 1e-3


def test_the_same_trees_as_the_built_in_softmax() -> None:
    x, signal, weight = table()
    labels = np.digitize(signal, [-0.5, 0.5]).astype(np.float32)
    data = xgboost.DMatrix(x, labels, weight=weight)
    settings = {**QUIET, "num_class": 3, "base_score": [0.1, 0.2, 0.3]}
    objective = boosting.xgboost.objective("softmax_cross_entropy")
    log: dict[str, Any] = {}
    mine = xgboost.train(
        {**settings, "disable_default_eval_metric": 1},
        data,
        6,
        obj=objective,
        custom_metric=objective.metric,
        evals=[(data, "train")],
        evals_result=log,
        verbose_eval=False,
    )
    theirs = xgboost.train({**settings, "objective": "multi:softprob", "eval_metric": "mlogloss"}, data, 6)
    scores = [m.predict(data, output_margin=True) for m in (mine, theirs)]
    assert scores[0].shape == (300, 3)
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-4, atol=1e-5)
    wanted = lm.softmax_cross_entropy(scores[0].astype(float), labels.astype(int), weight=weight)
    assert log["train"]["softmax_cross_entropy"][-1] == pytest.approx(wanted, rel=1e-5)
    share = np.exp(scores[1] - scores[1].max(1, keepdims=True))
    metric = boosting.xgboost.metric("categorical_cross_entropy")
    assert metric(share / share.sum(1, keepdims=True), data)[1] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("loss", ["huber", "quantile", "focal", "tweedie_log_mean", "asymmetric"])
def test_the_metric_is_the_loss_of_the_predictions(loss: str) -> None:
    x, signal, weight = table()
    target = (signal > 0).astype(np.float32)
    log: dict[str, Any] = {}
    train_data, test_data = (
        xgboost.DMatrix(x[r], target[r], weight=weight[r]) for r in (slice(0, 200), slice(200, 300))
    )
    objective = boosting.xgboost.objective(loss)
    model = xgboost.train(
        {**QUIET, "base_score": boosting.base_score(loss, target[:200], weight[:200])},
        train_data,
        10,
        obj=objective,
        custom_metric=objective.metric,
        evals=[(train_data, "train"), (test_data, "test")],
        evals_result=log,
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    name = objective.definition.name
    for part, rows, data in (("train", slice(0, 200), train_data), ("test", slice(200, 300), test_data)):
        scores = model.predict(data, output_margin=True).astype(float)
        wanted = lm.get(name)(scores, target[rows].astype(float), weight=weight[rows])
        assert log[part][name][-1] == pytest.approx(wanted, abs=1e-6)
        assert objective.metric(scores, data) == (name, pytest.approx(wanted))
    assert log["train"][name][-1] < log["train"][name][0]


@pytest.mark.parametrize("loss", ["huber", "charbonnier", "cauchy", "quantile", "absolute_error"])
def test_outliers_and_the_unit_of_the_target_do_no_harm(loss: str) -> None:
    """The second derivative alone, and a hessian of 1, leave most of the loss where it was; see ``curvature``."""
    x, signal, _ = table()
    rng = np.random.default_rng(4)
    wild = np.where(rng.random(300) < 0.1, 50 * rng.standard_cauchy(300), 0.0)
    left = {}
    for unit in (1.0, 1000.0):
        target, parameters = unit * (3 * signal + wild), {"scale": unit} if loss == "cauchy" else {}
        start = boosting.base_score(loss, target, **parameters)
        for hessian in ("auto", "one", *(["exact"] if lm.get(loss).definition.hessian else [])):
            objective = boosting.xgboost.objective(loss, hessian, **parameters)
            data = xgboost.DMatrix(x, target)
            model = xgboost.train({**QUIET, "base_score": start, "max_depth": 4}, data, 30, obj=objective)
            clean, scores = unit * 3 * signal, model.predict(data)
            left[unit, hessian] = np.median(np.abs(scores - clean)) / np.median(np.abs(start - clean))
    assert left[1.0, "auto"] < 0.35
    assert left[1000.0, "auto"] < 0.35
    assert left[1000.0, "one"] > 0.9
    assert left.get((1000.0, "exact"), 1.0) > 0.9


def test_the_regressor_and_several_targets() -> None:
    x, signal, weight = table()
    huber = boosting.xgboost.objective("huber", delta=0.5)
    settings = {"n_estimators": 6, "n_jobs": 1, "tree_method": "exact", "random_state": 0}
    start = boosting.base_score("huber", signal, weight, delta=0.5)
    model = xgboost.XGBRegressor(objective=huber, eval_metric=huber.metric, base_score=start, **settings)
    model.fit(x, signal, sample_weight=weight, eval_set=[(x, signal)], sample_weight_eval_set=[weight], verbose=False)
    native = xgboost.train(
        {**QUIET, "base_score": start}, xgboost.DMatrix(x, signal, weight=weight), 6, obj=huber
    ).predict(xgboost.DMatrix(x))
    np.testing.assert_allclose(model.predict(x), native, rtol=1e-6)
    wanted = lm.huber(model.predict(x).astype(float), signal.astype(float), weight=weight, delta=0.5)
    assert model.evals_result()["validation_0"]["huber"][-1] == pytest.approx(wanted, rel=1e-4)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_params()["objective"] == huber
    several = xgboost.XGBRegressor(objective=huber, base_score=start, **settings)
    several.fit(x, np.stack([signal, signal], 1), sample_weight=weight)
    np.testing.assert_allclose(several.predict(x)[:, 1], several.predict(x)[:, 0], rtol=1e-6)


def test_the_classifier() -> None:
    x, signal, _ = table()
    settings = {"n_estimators": 10, "n_jobs": 1, "tree_method": "exact", "random_state": 0}
    focal = boosting.xgboost.objective("focal", gamma=1.0)
    target = (signal > 0).astype(int)
    start = 1 / (1 + np.exp(-boosting.base_score("focal", target, gamma=1.0)))
    model = xgboost.XGBClassifier(objective=focal, eval_metric=focal.metric, base_score=start, **settings)
    model.fit(x, target, eval_set=[(x, target)], verbose=False)
    scores = model.predict(x, output_margin=True).astype(float)
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5)
    assert (model.predict(x) == target).mean() > 0.9
    wanted = lm.sigmoid_focal(scores, target, gamma=1.0)
    assert model.evals_result()["validation_0"]["sigmoid_focal"][-1] == pytest.approx(wanted, rel=1e-4)
    labels = np.digitize(signal, [-0.5, 0.5])
    model = xgboost.XGBClassifier(objective=boosting.xgboost.objective("softmax_focal"), **settings)
    model.fit(x, labels)
    assert (model.predict(x) == labels).mean() > 0.85


def test_errors_arrive_as_they_are() -> None:
    x, signal, _ = table(rows=20)
    for loss, target, error, message in (
        ("tweedie_log_mean", signal - 9, lm.DomainError, "tweedie_log_mean takes"),
        ("focal", np.arange(20) % 3, lm.DomainError, "sigmoid_focal takes probabilities"),
        ("softmax_focal", np.arange(20) % 3, lm.ShapeError, "set num_class"),
    ):
        with pytest.raises(error, match=message):
            xgboost.train(QUIET, xgboost.DMatrix(x, target), 1, obj=boosting.xgboost.objective(loss))
    with pytest.raises(lm.LabelError, match="the model needs at least 3 outputs"):
        xgboost.train(
            {**QUIET, "num_class": 2},
            xgboost.DMatrix(x, np.arange(20) % 3),
            1,
            obj=boosting.xgboost.objective("softmax_focal"),
        )
