"""LightGBM really trains: on every loss, as its own objectives do, through each of its interfaces."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from boosting.cases import CASES, FINITE, GROUPS, Case, table
from frameworks import require
from lossmith import boosting

lightgbm = require("lightgbm")
QUIET = {"num_threads": 1, "verbose": -1, "deterministic": True, "force_row_wise": True, "seed": 0, "num_leaves": 7}
FREE = {**QUIET, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0, "min_data_in_bin": 1}


def train(case: Case, rounds: int, rate: float, **options: Any) -> tuple[np.ndarray, Any]:
    """Train on the case's own data; return the scores of the rows and the start."""
    x, target, weight = case.data()
    start = boosting.base_score(case.loss, target, weight, **case.parameters) if case in FINITE else 0.0
    shape = (len(target), case.classes) if case.classes > 1 else (len(target),)
    initial = np.zeros(shape) + start
    data = lightgbm.Dataset(x, target, weight=weight, init_score=initial, params={"verbose": -1, "min_data_in_bin": 1})
    objective = boosting.lightgbm.objective(case.loss, **case.parameters)
    settings = {**FREE, "learning_rate": rate, "objective": objective, **options}
    if case.classes > 1:
        settings["num_class"] = case.classes
    return lightgbm.train(settings, data, rounds).predict(x, raw_score=True) + initial, start


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
    # LightGBM guesses the rows of a leaf from its share of the hessians, which are uneven under the percentage error.
    rows = 1 if case.loss.name == "absolute_percentage_error" else 20
    scores, start = train(case, 20, 0.3, min_data_in_leaf=rows, min_sum_hessian_in_leaf=1e-3)
    before = case.mean(np.zeros_like(scores) + start, target, weight)
    assert case.mean(scores, target, weight) < before - 0.005 * abs(before)


BUILT_IN = {
    "l2": ("squared_error", {}, "exact", {"objective": "l2"}),
    "binary": ("sigmoid_cross_entropy", {}, "auto", {"objective": "binary"}),
    "poisson": ("poisson_log_rate", {}, "auto", {"objective": "poisson", "poisson_max_delta_step": 1e-12}),
    "tweedie": ("tweedie_log_mean", {"power": 1.3}, "auto", {"objective": "tweedie", "tweedie_variance_power": 1.3}),
    "gamma": ("gamma_log_mean", {}, "auto", {"objective": "gamma"}),
    "huber": ("huber", {"delta": 0.7}, "one", {"objective": "huber", "alpha": 0.7}),
}


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_trees_as_the_built_in_objective(name: str, weighted: bool) -> None:
    loss, parameters, hessian, options = BUILT_IN[name]
    x, signal, weight = table()
    target = {
        "binary": (signal > 0.2).astype(np.float32),
        "poisson": np.random.default_rng(1).poisson(np.exp(signal)).astype(np.float32),
        "tweedie": np.maximum(signal, 0),
        "gamma": np.exp(signal),
    }.get(name, signal)
    start = boosting.base_score(loss, target, weight if weighted else None, **parameters)
    objective = boosting.lightgbm.objective(loss, hessian, **parameters)
    twice = 2.0 if name == "l2" else 1.0  # lossmith does not halve the squared error

    def scores(factors: Any, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
        data = lightgbm.Dataset(x, target, weight=factors, init_score=np.full(len(x), start), params={"verbose": -1})
        model = lightgbm.train({**QUIET, "boost_from_average": False, **settings}, data, 8)
        return model.predict(x, raw_score=True), model.predict(x, pred_leaf=True)

    own = {"objective": objective, "min_sum_hessian_in_leaf": 1e-3 * twice, "lambda_l2": 0.5 * twice}
    factors = weight if weighted else None
    mine, theirs = scores(factors, **own), scores(factors, lambda_l2=0.5, **options)
    np.testing.assert_array_equal(mine[1], theirs[1])
    np.testing.assert_allclose(mine[0], theirs[0], rtol=2e-4, atol=2e-5)
    assert np.ptp(mine[0]) > 0.2
    if weighted:
        assert np.abs(scores(None, **own)[0] - mine[0]).max() > 1e-3


def test_the_same_trees_as_the_built_in_softmax_of_two_classes() -> None:
    """LightGBM's factor on p (1 - p) is C / (C - 1), ours 2: the same for two classes."""
    x, signal, weight = table()
    labels = (signal > 0).astype(int)
    objective = boosting.lightgbm.objective("softmax_cross_entropy")
    settings = {**QUIET, "num_class": 2, "boost_from_average": False}
    found = []
    for options in ({"objective": objective}, {"objective": "multiclass"}):
        data = lightgbm.Dataset(x, labels, weight=weight, params={"verbose": -1}, init_score=np.zeros((300, 2)))
        found.append(lightgbm.train({**settings, **options}, data, 6).predict(x, raw_score=True))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)
    assert np.ptp(found[0]) > 0.5


@pytest.mark.parametrize("loss", ["huber", "quantile", "focal", "tweedie_log_mean", "asymmetric"])
def test_the_metric_is_the_loss_of_the_predictions(loss: str) -> None:
    x, signal, weight = table()
    target = (signal > 0).astype(np.float32)
    log: dict[str, Any] = {}
    first, rest = slice(0, 200), slice(200, 300)
    train_data = lightgbm.Dataset(x[first], target[first], weight=weight[first], params={"verbose": -1})
    test_data = lightgbm.Dataset(x[rest], target[rest], weight=weight[rest], reference=train_data)
    objective = boosting.lightgbm.objective(loss)
    model = lightgbm.train(
        {**QUIET, "objective": objective, "metric": "none"},
        train_data,
        10,
        valid_sets=[train_data, test_data],
        valid_names=["train", "test"],
        feval=objective.metric,
        callbacks=[lightgbm.record_evaluation(log), lightgbm.early_stopping(5, verbose=False)],
    )
    name = objective.definition.name
    for part, rows in (("train", first), ("test", rest)):
        scores = model.predict(x[rows], raw_score=True, num_iteration=-1)
        wanted = lm.get(name)(scores, target[rows].astype(float), weight=weight[rows])
        assert log[part][name][-1] == pytest.approx(wanted, rel=1e-6)
    assert log["train"][name][-1] < log["train"][name][0]
    assert objective.metric(target[rest], scores, weight[rest]) == (name, pytest.approx(wanted), False)


def test_the_wrappers() -> None:
    x, signal, weight = table()
    settings = {"n_estimators": 6, "n_jobs": 1, "verbose": -1, "random_state": 0, "num_leaves": 7}
    huber = boosting.lightgbm.objective("huber", delta=0.5)
    start = np.full(len(x), boosting.base_score("huber", signal, weight, delta=0.5))
    model = lightgbm.LGBMRegressor(objective=huber, **settings)
    model.fit(x, signal, sample_weight=weight, init_score=start)
    data = lightgbm.Dataset(x, signal, weight=weight, init_score=start, params={"verbose": -1})
    native = lightgbm.train({**QUIET, "objective": huber}, data, 6)
    np.testing.assert_allclose(model.predict(x), native.predict(x), rtol=1e-6, atol=1e-9)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_params()["objective"] == huber
    focal, target = boosting.lightgbm.objective("focal", gamma=1.0), (signal > 0).astype(int)
    model = lightgbm.LGBMClassifier(objective=focal, **settings)
    model.fit(x, target, eval_X=x, eval_y=target, eval_metric=focal.metric)
    scores = model.predict(x, raw_score=True)
    assert ((scores > 0) == target).mean() > 0.85
    (found,) = (log["sigmoid_focal"][-1] for log in model.evals_result_.values())
    assert found == pytest.approx(lm.sigmoid_focal(scores, target, gamma=1.0), rel=1e-6)
    labels = np.digitize(signal, [-0.5, 0.5])
    model = lightgbm.LGBMClassifier(objective=boosting.lightgbm.objective("softmax_focal"), **settings)
    model.fit(x, labels)
    scores = model.predict(x, raw_score=True)
    assert scores.shape == (300, 3)
    assert (scores.argmax(1) == labels).mean() > 0.7


def test_errors_arrive_as_they_are() -> None:
    x, signal, _ = table(rows=60)
    for loss, target, options, error, message in (
        ("tweedie_log_mean", signal - 9, {}, lm.DomainError, "tweedie_log_mean takes"),
        ("focal", np.arange(60) % 3, {}, lm.DomainError, "sigmoid_focal takes probabilities"),
        ("softmax_focal", np.arange(60) % 3, {}, lm.ShapeError, "set num_class"),
        ("softmax_focal", np.arange(60) % 3, {"num_class": 2}, lm.LabelError, "the model needs at least 3 outputs"),
    ):
        data = lightgbm.Dataset(x, target, params={"verbose": -1})
        with pytest.raises(error, match=message):
            lightgbm.train({**QUIET, "objective": boosting.lightgbm.objective(loss), **options}, data, 1)
