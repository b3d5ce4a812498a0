"""Gradients are the definition's; hessians are, too, or bound it as ``lossmith.boosting.curvature`` says."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from boosting.cases import CASES, CLASSES, ELEMENT, Case
from lossmith import arrays
from lossmith.boosting import Objective, curvature

XP = arrays.load("numpy")
KINDS = {
    "exact": (
        *("squared_error", "expectile", "squared_hinge", "poisson_log_rate", "gamma_log_mean", "tweedie_log_mean"),
        *("sigmoid_cross_entropy", "soft_margin", "exponential", "bayesian_personalised_ranking", "bradley_terry"),
    ),
    "bound": (
        *("huber", "log_cosh", "pseudo_huber", "charbonnier", "general_robust"),
        *("cauchy", "geman_mcclure", "welsch", "tukey_biweight"),
    ),
    "kinked": ("absolute_error", "quantile", "absolute_percentage_error", "hinge"),
    "capped": ("sigmoid_focal", "asymmetric", "kto"),
    "classes": tuple(case.loss.name for case in CLASSES),
}


@pytest.mark.parametrize("case", [c for c in CASES if not c.parameters], ids=str)
def test_the_kind_follows_from_the_definition(case: Case) -> None:
    """Add a new loss to the kind that it should have; ``kind_of`` finds it without the table."""
    assert case.loss.name in KINDS[Objective(case.loss).kind]


def test_the_kind_depends_on_the_parameters() -> None:
    assert Objective("focal", gamma=0.0).kind == "exact"  # plain cross-entropy
    assert Objective("general_robust", alpha=2.0).kind == "exact"
    assert Objective("general_robust", alpha=3.0).kind == "exact"
    assert Objective("huber", delta=1e-6).kind == Objective("huber", delta=1e6).kind == "bound"
    assert Objective("sigmoid_cross_entropy", pos_weight=[1.0, 4.0]).kind == "exact"
    assert Objective("huber", hessian="exact").kind == "exact"
    assert Objective("quantile", hessian="one").kind == "one"
    assert curvature.kind_of(lm.perceptron.definition, {}) == "one"  # its kink is not at the target


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient_is_the_public_one_times_the_weight(case: Case) -> None:
    """But for one factor of all rows where the hessian is scaled; in blocks (``whole=False``) not even that."""
    _, target, weight = case.data()
    scores = case.scores()
    labels = target.astype(int) if case.loss.layout == "row" else target.astype(float)
    made = lm.get(case.loss.name, reduction="sum", **case.parameters)
    _, wanted = made.value_and_gradient(scores, labels, weight=weight)
    objective = Objective(case.loss, **case.parameters)
    block, _ = objective.derivatives(scores, target, weight, whole=False)
    np.testing.assert_allclose(block, wanted, rtol=1e-12, atol=1e-14)
    gradient, hessian = objective.derivatives(scores, target, weight)
    factor = np.sum(gradient * wanted) / np.sum(wanted * wanted)
    np.testing.assert_allclose(gradient, factor * wanted, rtol=1e-10, atol=1e-12)
    if objective.kind in ("bound", "kinked"):
        assert np.average(hessian / weight, weights=weight) == pytest.approx(1)
    else:
        assert factor == pytest.approx(1)
    first, second = Objective(case.loss, hessian="one", **case.parameters).derivatives(scores, target, weight)
    np.testing.assert_allclose(first, wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(second.T, np.broadcast_to(weight, scores.T.shape))


@pytest.mark.parametrize("case", [c for c in ELEMENT if c.loss.hessian], ids=str)
def test_exact_hessian_is_the_definitions_where_positive(case: Case) -> None:
    _, target, weight = case.data()
    scores = case.scores()
    gradient, hessian = Objective(case.loss, hessian="exact", **case.parameters).derivatives(scores, target, weight)
    with np.errstate(all="ignore"):
        full = {**case.loss.defaults, **case.parameters}
        wanted = case.loss.hessian(XP, scores, target.astype(float), **full)
        slope = case.loss.gradient(XP, scores, target.astype(float), **full)
    np.testing.assert_allclose(gradient, slope * weight, rtol=1e-13)
    np.testing.assert_allclose(hessian, np.maximum(wanted, 1e-16) * weight, rtol=1e-13)
    assert (hessian > 0).all()
    auto = Objective(case.loss, **case.parameters)
    if auto.kind == "exact":
        assert (wanted >= 0).all()
        np.testing.assert_array_equal(auto.derivatives(scores, target, weight)[1], hessian)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hessians_are_positive_and_weights_count_as_repetition(case: Case) -> None:
    _, target, _ = case.data()
    scores = case.scores()
    objective = Objective(case.loss, **case.parameters)
    times = np.random.default_rng(3).integers(0, 3, len(target))
    gradient, hessian = objective.derivatives(scores, target, times)
    again = np.repeat(np.arange(len(target)), times)
    one_gradient, one_hessian = objective.derivatives(scores[again], target[again])
    first = np.unique(again, return_index=True)[1]
    shape = (-1, *[1] * (scores.ndim - 1))
    counts = times[times > 0].reshape(shape)
    np.testing.assert_allclose(gradient[times > 0], counts * one_gradient[first], rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(hessian[times > 0], counts * one_hessian[first], rtol=1e-9)
    assert (one_hessian > 0).all()
    assert not gradient[times == 0].any()
    assert not hessian[times == 0].any()


@pytest.mark.parametrize("name", KINDS["bound"])
def test_a_bounded_step_passes_the_target_by_a_fifth_of_the_median_error_at_most(name: str) -> None:
    rng = np.random.default_rng(5)
    error = rng.standard_cauchy(401) * 3
    target = rng.normal(size=401)
    gradient, hessian = Objective(name).derivatives(target + error, target)
    step = np.abs(gradient / hessian)
    assert (step <= np.abs(error) + 0.2 * np.median(np.abs(error)) + 1e-9).all()
    assert hessian.min() >= 0.29 * np.median(hessian)


@pytest.mark.parametrize("name", KINDS["capped"])
def test_no_row_asks_for_more_than_four_logits(name: str) -> None:
    scores = np.linspace(-30, 30, 200)
    low = -1.0 if name == "kto" else 0.0
    for target in (low, 1.0):
        gradient, hessian = Objective(name).derivatives(scores, np.full(200, target))
        assert (np.abs(gradient / hessian) <= 4 + 1e-9).all()


@pytest.mark.parametrize("name", ["absolute_error", "quantile", "huber", "cauchy", "tukey_biweight", "charbonnier"])
def test_the_unit_of_the_target_does_not_matter(name: str) -> None:
    """Gradients follow the unit as those of half the squared error do, hessians do not change."""
    rng = np.random.default_rng(6)
    target = rng.normal(size=100) + 3
    scores = target + rng.normal(size=100)
    one, other = {}, {}
    for parameter in lm.get(name).definition.parameters:
        if parameter.name in ("delta", "scale", "c") or (parameter.name == "epsilon" and parameter.default):
            one, other = {parameter.name: parameter.default}, {parameter.name: parameter.default * 1000}
    gradient, hessian = Objective(name, **one).derivatives(scores, target)
    large, same = Objective(name, **other).derivatives(1000 * scores, 1000 * target)
    np.testing.assert_allclose(large, 1000 * gradient, rtol=1e-9)
    np.testing.assert_allclose(same, hessian, rtol=1e-9)


@pytest.mark.parametrize("case", CLASSES, ids=str)
def test_the_diagonal_bounds_the_matrix_of_second_derivatives(case: Case) -> None:
    rng = np.random.default_rng(7)
    full = {**case.loss.defaults, **Objective(case.loss, **case.parameters).parameters}
    for spread in (0.1, 1.0, 4.0):
        logits, labels = spread * rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
        _, diagonal = Objective(case.loss, **case.parameters).derivatives(logits, labels)
        matrix = np.empty((40, 3, 3))
        for k in range(3):
            step = 1e-5 * np.eye(3)[k]
            up, down = (case.loss.gradient(XP, logits + s * step, labels, **full) for s in (1, -1))
            matrix[:, :, k] = (up - down) / 2e-5
        gap = np.array([np.diag(d) for d in diagonal]) - (matrix + matrix.transpose(0, 2, 1)) / 2
        assert np.linalg.eigvalsh(gap).min() >= -1e-8


def test_softmax_cross_entropy_has_the_hessian_of_xgboost() -> None:
    logits, labels = np.array([[2.0, 0.5, -1.0], [0.0, 0.0, 0.0]]), [0, 2]
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gradient, hessian = Objective("softmax_cross_entropy").derivatives(logits, labels)
    np.testing.assert_allclose(gradient, share - np.eye(3)[labels], rtol=1e-14)
    np.testing.assert_allclose(hessian, 2 * share * (1 - share), rtol=1e-12)


def test_edges() -> None:
    """Every row exact, one row, no row, certain logits, errors without end: finite and positive, or an error."""
    for name in ("absolute_error", "huber", "tukey_biweight", "quantile"):
        gradient, hessian = Objective(name).derivatives([1.0, 2.0], [1.0, 2.0])
        assert gradient.tolist() == [0.0, 0.0]
        assert (hessian > 0).all()
        assert Objective(name).derivatives([], [])[0].shape == (0,)
        assert np.isfinite(Objective(name).derivatives([5.0], [1.0])[0]).all()
    gradient, hessian = Objective("tukey_biweight").derivatives([100.0, -100.0], [0.0, 0.0])
    assert gradient.tolist() == [0.0, 0.0]
    assert (hessian > 0).all()
    gradient, hessian = Objective("absolute_error").derivatives([0.0, 0.0, 0.0, 7.0], [0.0, 0.0, 0.0, 0.0])
    assert hessian[0] > hessian[3] > 0  # more than half of the rows are exact
    for name in ("softmax_focal", "softmax_cross_entropy", "poly_cross_entropy"):
        gradient, hessian = Objective(name).derivatives([[800.0, -800.0], [-800.0, 800.0]], [0, 0])
        assert np.isfinite(gradient).all()
        assert (hessian >= 1e-16).all()
    gradient, hessian = Objective("focal").derivatives([800.0, -800.0], [0.0, 0.0])
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "weight", "error", "message"),
    [
        ("tweedie_log_mean", [0.0, 0.0], [1.0, -2.0], None, lm.DomainError, r"target is -2 at position 1; tweedie_log"),
        ("poisson_log_rate", [0.0], [-1.0], None, lm.DomainError, r"takes \[0, ∞\)"),
        ("gamma_log_mean", [0.0], [0.0], None, lm.DomainError, r"takes \(0, ∞\)"),
        ("focal", [0.0, 0.0], [1.0, 2.0], None, lm.DomainError, r"target is 2 at position 1; sigmoid_focal takes prob"),
        ("soft_margin", [0.0], [0.0], None, lm.LabelError, "takes -1 and \\+1; for 0 and 1 use 2 \\* target - 1"),
        ("huber", [0.0, np.nan], [0.0, 0.0], None, lm.DomainError, "prediction is NaN at position 1"),
        ("huber", [0.0, 0.0], [np.nan, 0.0], None, lm.DomainError, "target is NaN at position 0"),
        ("quantile", [0.0, 0.0], [np.nan, 0.0], None, lm.DomainError, "target is NaN at position 0"),
        ("focal", [0.0, 0.0], [1.0, np.nan], None, lm.DomainError, "target is NaN at position 1"),
        ("huber", [0.0, 0.0], [0.0], None, lm.ShapeError, r"\(2,\).*\(1,\).*nothing is broadcast"),
        ("huber", [0.0], [0.0], [-1.0], lm.InputError, "weights are finite and not negative"),
        ("huber", [0.0], [0.0], [1.0, 2.0], lm.ShapeError, "weight has shape"),
        ("softmax_focal", [0.0, 0.0], [0, 1], None, lm.ShapeError, r"one score per class, \(N, C\): set num_class"),
        ("softmax_focal", [[0.0, 0.0]], [2.0], None, lm.LabelError, "target holds label 2 at position 0"),
        ("softmax_focal", [[0.0, 0.0]], [0.5], None, lm.LabelError, "class indices must be integers"),
        ("softmax_focal", [[0.0, np.nan]], [1.0], None, lm.DomainError, r"prediction is NaN at position \(0, 1\)"),
        ("huber", [[0.0, 0.0]], [1.0], None, lm.ShapeError, "they must be equal, as nothing is broadcast"),
        ("poisson_log_rate", [0.0, 800.0], [1.0, 1.0], None, lm.DomainError, "at row 1, where the prediction has come"),
        (
            "exponential",
            [99.0],
            [-1.0],
            None,
            lm.DomainError,
            "training ran away; start at lossmith.boosting.base_score",
        ),
        ("squared_error", [np.inf], [0.0], None, lm.DomainError, "at row 0, where the prediction has come to inf"),
    ],
)
def test_bad_input(loss, prediction, target, weight, error, message) -> None:
    with pytest.raises(error, match=message):
        Objective(loss).derivatives(prediction, target, weight)
