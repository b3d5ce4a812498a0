"""``base_score`` is the constant that scores best, with weights and every parameter, or says that there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from boosting.cases import FINITE, Case
from lossmith.boosting import base_score


def cost(case: Case, constant: Any, target: np.ndarray, weight: np.ndarray) -> float:
    """The total weighted loss of a constant; class weights are part of it, not of a denominator."""
    target = target.astype(int) if case.loss.layout == "row" else target.astype(float)
    rows = np.zeros((len(target), case.classes)) if case.loss.layout == "row" else np.zeros(len(target))
    return case.function(rows + constant, target, weight=weight, reduction="sum", **case.parameters)


@pytest.mark.parametrize("case", FINITE, ids=str)
def test_no_constant_scores_better(case: Case) -> None:
    _, target, weight = case.data()
    best = base_score(case.loss, target, weight, **case.parameters)
    assert isinstance(best, float if case.loss.layout == "element" else np.ndarray)
    least = cost(case, best, target, weight)
    rng = np.random.default_rng(8)
    tried = [best + scale * rng.normal(size=np.shape(best)) for scale in (1e-3, 0.03, 0.3, 3.0) for _ in range(15)]
    if case.loss.layout == "element":
        tried += list(np.linspace(-12, 15, 109))
    for constant in tried:
        assert cost(case, constant, target, weight) >= least - 1e-6 * abs(least), constant


def test_the_example_values() -> None:
    assert base_score("mse", [1, 2, 6]) == 3.0
    assert base_score("mse", [1, 2, 6], [0, 0, 2.0]) == 6.0
    assert base_score("mae", [1.0, 2.0, 60.0]) == 2.0
    assert base_score(lm.Quantile(level=0.75), [1.0, 2.0, 5.0, 9.0]) == 5.0
    assert base_score("poisson_log_rate", [0, 1, 2]) == pytest.approx(0.0)
    assert base_score("tweedie_log_mean", [0.0, np.e * 2]) == pytest.approx(1.0)
    assert base_score("focal", [0, 1]) == pytest.approx(0.0, abs=1e-8)
    assert base_score("focal", [False, True]) == pytest.approx(0.0, abs=1e-8)
    np.testing.assert_allclose(base_score("softmax_cross_entropy", [0, 1, 1, 2]), np.log([0.25, 0.5, 0.25]))
    np.testing.assert_allclose(base_score("huber", [[1.0, 5.0], [2.0, 6.0]]), [1.5, 5.5])
    assert base_score("cauchy", [0.0] * 6 + [100.0] * 3) == pytest.approx(0.0, abs=1e-2)  # the deeper of two minima
    smooth = base_score("bce_with_logits", [1, 1], label_smoothing=0.2)
    assert smooth == pytest.approx(np.log(0.9 / 0.1))
    weighted = base_score("bce_with_logits", [0, 0, 0, 1], pos_weight=3.0)
    assert weighted == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize(
    ("loss", "target", "weight", "error", "message"),
    [
        ("sigmoid_cross_entropy", [0, 0], None, lm.InputError, "is infinite for these targets.*such as 0"),
        ("focal", [1, 1, 1], None, lm.InputError, "is infinite"),
        ("poisson_log_rate", [0, 0], None, lm.InputError, "is infinite"),
        ("softmax_cross_entropy", [0, 2], None, lm.InputError, "is infinite"),
        ("bradley_terry", [0.0, 1.0], None, lm.InputError, "is infinite"),
        ("huber", [], None, lm.InputError, "y holds no target"),
        ("huber", [1.0, 2.0], [0.0, 0.0], lm.InputError, "sample_weight is 0 for every row"),
        ("huber", [1.0, np.nan], None, lm.DomainError, "target is NaN at position 1"),
        ("mae", [1.0, np.nan], None, lm.DomainError, "target is NaN at position 1"),
        ("tweedie_log_mean", [1.0, -1.0], None, lm.DomainError, "target is -1 at position 1"),
        ("focal", ["no", "yes"], None, lm.InputError, "y has dtype <U3; expected numbers, for classes the labels 0"),
        ("softmax_focal", ["a", "b"], None, lm.InputError, "expected numbers, for classes the labels 0"),
        ("softmax_focal", [0.0, np.nan], None, lm.LabelError, "class indices must be integers"),
        ("softmax_focal", [0, -1], None, lm.LabelError, "target holds label -1 at position 1"),
        ("huber", [1.0, 2.0], [1.0], lm.ShapeError, r"sample_weight has shape \(1,\); expected \(2,\), one per row"),
        ("focal", [0, 2], None, lm.DomainError, "target is 2 at position 1"),
        ("binary_cross_entropy", [0, 1], None, lm.InputError, "use sigmoid_cross_entropy"),
        ("hubber", [0, 1], None, lm.UnknownNameError, "did you mean 'huber'"),
    ],
)
def test_bad_input(loss, target, weight, error, message) -> None:
    with pytest.raises(error, match=message):
        base_score(loss, target, weight)
