"""Which losses are taken, in which form, and what is said of the others."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest

import lossmith as lm
from lossmith import boosting
from lossmith.boosting import Metric, Objective


@pytest.mark.parametrize(
    ("loss", "parameters"),
    [
        ("huber", {"delta": 2.0}),
        ("Huber", {"delta": 2}),
        ("huber_loss", {"delta": 2.0}),
        (lm.huber, {"delta": 2.0}),
        (lm.Huber, {"delta": 2.0}),
        (lm.Huber(delta=2.0), {}),
        (lm.get("huber", delta=2.0), {}),
        (lm.huber.definition, {"delta": 2.0}),
    ],
)
@pytest.mark.parametrize("kind", [Objective, Metric])
def test_a_loss_in_any_form(loss: Any, parameters: dict[str, Any], kind: type) -> None:
    made = kind(loss, **parameters)
    assert made.definition is lm.huber.definition
    assert made.parameters == {"delta": 2.0}
    assert made == kind("huber", delta=2.0)
    assert made != kind("huber", delta=3.0)
    assert made != "huber"
    assert hash(made) == hash(kind("huber", delta=2.0))
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) is made
    assert copy.copy(made) is made


def test_it_prints_as_the_call_that_makes_it() -> None:
    for text in (
        "lossmith.boosting.xgboost.objective('sigmoid_focal', gamma=1.5, alpha=0.25)",
        "lossmith.boosting.lightgbm.objective('huber', hessian='one', delta=2.0)",
        "lossmith.boosting.xgboost.objective('softmax_focal', class_weight=[1.0, 2.0])",
        "lossmith.boosting.catboost.metric('absolute_error')",
    ):
        pytest.importorskip(text.split(".")[2])
        assert repr(eval(text, {"lossmith": lm})) == text
    assert repr(boosting.xgboost.XGBoostObjective("mse").metric) == "lossmith.boosting.xgboost.metric('squared_error')"


def test_losses_lists_what_is_taken_and_nothing_else() -> None:
    listed = boosting.losses()
    assert {loss.name for loss in listed} >= {
        *("squared_error", "absolute_error", "huber", "quantile", "expectile", "log_cosh", "pseudo_huber", "cauchy"),
        *("sigmoid_cross_entropy", "sigmoid_focal", "asymmetric", "poisson_log_rate", "gamma_log_mean"),
        *("tweedie_log_mean", "softmax_cross_entropy", "softmax_focal"),
    }
    for loss in lm.losses():
        if loss in listed:
            assert Objective(loss).definition is loss
        else:
            with pytest.raises(lm.InputError, match=f"^{loss.name} cannot be boosted: "):
                Objective(loss)


PROBABILITIES = {
    "binary_cross_entropy": "use sigmoid_cross_entropy",
    "binary_focal": "use sigmoid_focal",
    "categorical_cross_entropy": "use softmax_cross_entropy",
    "categorical_focal": "use softmax_focal",
    "negative_log_likelihood": "use softmax_cross_entropy",
    "poisson": "use poisson_log_rate",
    "gamma_nll": "use gamma_log_mean",
    "tweedie": "use tweedie_log_mean",
    "squared_logarithmic_error": r"use squared_error on the targets numpy\.log1p\(y\)",
}


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_bounded_prediction_names_the_partner_that_works(name: str) -> None:
    with pytest.raises(lm.InputError, match=PROBABILITIES[name]):
        Objective(name)
    partner = PROBABILITIES[name].split()[1]
    assert Objective(partner).definition.name == partner


@pytest.mark.parametrize(
    ("loss", "parameters", "error", "message"),
    [
        ("hubber", {}, lm.UnknownNameError, "no loss named 'hubber'; did you mean 'huber'"),
        ("huber", {"dleta": 1.0}, lm.UnknownNameError, "did you mean 'delta'"),
        ("huber", {"delta": -1.0}, lm.InputError, r"delta is -1\.0; expected a number in \(0, ∞\)"),
        ("huber", {"weight": [1.0]}, lm.InputError, "weight goes into the call"),
        ("gaussian_nll", {}, lm.InputError, "it needs variance besides prediction and target"),
        ("multi_margin", {}, lm.InputError, "it consumes a whole axis; of those losses softmax_cross_entropy, "),
        ("perceptron", {}, lm.InputError, "use hinge"),
        ("root_mean_squared_error", {}, lm.InputError, "belongs to many rows at once.*; use squared_error"),
        ("sigmoid_dice", {}, lm.InputError, "its value belongs to many rows at once, and here each row has its own$"),
        ("hinge_embedding", {}, lm.InputError, r"lossmith\.boosting\.losses\(\)"),
        (lm.Huber(delta=2.0), {"delta": 3.0}, lm.InputError, r"set them in one place: lossmith\.Huber\(delta=…\)"),
        (lm.Huber(reduction="sum"), {}, lm.InputError, "sets reduction, which has no meaning in boosting"),
        (lm.SigmoidFocal(ignore_index=-1), {}, lm.InputError, "sets ignore_index.*sample weight of 0"),
        ("softmax_cross_entropy", {"z_loss": 0.1}, lm.InputError, "z_loss is 0.1; boosting softmax_cross_entropy"),
        ("softmax_focal", {"label_smoothing": 0.1}, lm.InputError, "label_smoothing is 0.1; boosting softmax_focal"),
        (None, {}, lm.InputError, r"loss is None \(NoneType\); expected a loss of lossmith"),
        (lambda p, t: p, {}, lm.InputError, "expected a loss of lossmith: a name"),
        ("huber", {"hessian": "newton"}, lm.InputError, "hessian is 'newton'; expected one of 'auto', 'exact', 'one'"),
        (
            "quantile",
            {"hessian": "exact"},
            lm.InputError,
            'quantile has no second derivative to take; "auto" and "one"',
        ),
        ("softmax_focal", {"hessian": "exact"}, lm.InputError, "softmax_focal has no second derivative"),
    ],
)
def test_what_is_refused(loss: Any, parameters: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Objective(loss, **parameters)


def test_a_metric_takes_probabilities_and_no_further_arrays() -> None:
    assert Metric("binary_cross_entropy").value([0.9, 0.2], [1, 0]) == pytest.approx(0.164252, abs=1e-6)
    with pytest.raises(lm.InputError, match="gaussian_nll cannot be a metric: it needs variance"):
        Metric("gaussian_nll")
    with pytest.raises(
        lm.InputError, match="root_mean_squared_error cannot be a metric: its value belongs to many rows"
    ):
        Metric("root_mean_squared_error")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("role", ["objective", "metric"])
def test_a_missing_library_names_the_extra(library: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(lm.MissingDependencyError, match=rf"needs {library}.*pip install 'lossmith\[boosting\]'"):
        getattr(getattr(boosting, library), role)("huber")


def test_no_library_is_imported_until_it_is_asked_for() -> None:
    code = """
import sys, lossmith
lossmith.boosting.base_score("huber", [1.0, 2.0]), lossmith.boosting.Metric("mse"), lossmith.boosting.losses()
found = {"xgboost", "lightgbm", "catboost", "pandas", "scipy", "sklearn"} & set(sys.modules)
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True)
