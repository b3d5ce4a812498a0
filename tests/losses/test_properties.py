"""What holds for all inputs, drawn by Hypothesis: on NumPy in float64, tied to the others by the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lossmith as lm
from losses.cases import PLAIN, Case, forms_of

CONVEX = (  # in the prediction
    "squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "absolute_percentage_error",
    "poisson",
    "poisson_log_rate",
    "kl_divergence",
    "sigmoid_cross_entropy",
    "binary_cross_entropy",
    "hinge",
    "squared_hinge",
    "softmax_cross_entropy",
    "categorical_cross_entropy",
    "categorical_hinge",
)
SYMMETRIC = ("squared_error", "absolute_error", "huber", "log_cosh", "squared_logarithmic_error", "cosine_similarity")
MAY_BE_NEGATIVE = ("poisson", "poisson_log_rate", "cosine_similarity", "gamma_log_mean", "gamma_nll")
ZERO_AT_TRUTH = (*SYMMETRIC[:-1], "absolute_percentage_error", "kl_divergence")

seeds = st.integers(0, 2**32 - 1)
reals = st.floats(-50, 50, allow_subnormal=False)
quick = settings(max_examples=25, deadline=None)


def case_of(name: str) -> Case:
    return next(c for c in PLAIN if c.loss.name == name)


@pytest.mark.parametrize("name", CONVEX)
@quick
@given(seed=seeds, share=st.floats(0, 1))
def test_convex(name: str, seed: int, share: float) -> None:
    case = case_of(name)
    (a, target), (b, _) = case.draw(seed), case.draw(seed + 1)
    middle = share * a + (1 - share) * b
    at_a, at_b, between = (case.function(p, target, reduction="none") for p in (a, b, middle))
    chord = share * at_a + (1 - share) * at_b
    assert (between <= chord + 1e-9 * (1 + np.abs(chord))).all()


@pytest.mark.parametrize("name", SYMMETRIC)
@quick
@given(seed=seeds)
def test_symmetric(name: str, seed: int) -> None:
    case = case_of(name)
    _, a = case.draw(seed)
    _, b = case.draw(seed + 1)
    assert case.function(a, b) == pytest.approx(case.function(b, a), rel=1e-12)


@pytest.mark.parametrize("case", PLAIN, ids=str)
@quick
@given(seed=seeds)
def test_not_negative_and_zero_at_the_truth(case: Case, seed: int) -> None:
    prediction, target = case.draw(seed)
    if case.loss.name not in MAY_BE_NEGATIVE:
        assert (case.function(prediction, target, reduction="none") >= -1e-12).all()
    if case.loss.name in ZERO_AT_TRUTH:
        assert case.function(target, target) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("case", PLAIN, ids=str)
@quick
@given(seed=seeds)
def test_the_order_of_rows_does_not_matter(case: Case, seed: int) -> None:
    prediction, target = case.draw(seed, (9, 3))
    rng = np.random.default_rng(seed)
    order, weight = rng.permutation(9), rng.random(9) + 0.01
    value, gradient = case.object.value_and_gradient(prediction, target, weight=weight)
    shuffled, slope = case.object.value_and_gradient(prediction[order], target[order], weight=weight[order])
    assert shuffled == pytest.approx(value, rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(slope, gradient[order], rtol=1e-12, atol=1e-15)  # two shares nearly cancel


@pytest.mark.parametrize("name", ["huber", "softmax_cross_entropy", "cosine_similarity"])
@quick
@given(seed=seeds, factor=st.floats(0.01, 100))
def test_linear_in_the_weight_and_its_mean_scale_free(name: str, seed: int, factor: float) -> None:
    case = case_of(name)
    (prediction, target), weight = case.draw(seed), np.random.default_rng(seed).random(4) + 0.01
    total, count = case.function(prediction, target, weight=weight, reduction="total")
    scaled, more = case.function(prediction, target, weight=weight * factor, reduction="total")
    assert (scaled, more) == pytest.approx((total * factor, count * factor), rel=1e-9)
    mean = case.function(prediction, target, weight=weight)
    assert case.function(prediction, target, weight=weight * factor) == pytest.approx(mean, rel=1e-9)


@quick
@given(logits=arrays(np.float64, (4, 3), elements=reals), shift=reals, smoothing=st.floats(0, 1))
def test_softmax_cross_entropy_sees_differences_alone(logits: np.ndarray, shift: float, smoothing: float) -> None:
    labels = [0, 1, 2, 0]
    loss = lm.SoftmaxCrossEntropy(label_smoothing=smoothing)
    value, gradient = loss.value_and_gradient(logits, labels)
    moved, slope = loss.value_and_gradient(logits + shift, labels)
    assert moved == pytest.approx(value, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(slope, gradient, atol=1e-9)
    np.testing.assert_allclose(gradient.sum(axis=-1), 0, atol=1e-12)


CLASS_OPTIONS = {"class_weight": [0.5, 2, 1], "label_smoothing": 0.1}
LABELLED = [c for c in PLAIN if "labels" in forms_of(c.loss)]


@pytest.mark.parametrize("case", LABELLED, ids=str)
@quick
@given(seed=seeds)
def test_labels_are_one_hot_rows(case: Case, seed: int) -> None:
    prediction, labels = case.draw(seed)
    options = {k: v for k, v in CLASS_OPTIONS.items() if k in case.loss.defaults}
    loss = lm.get(case.loss.name, **options)
    value, gradient = loss.value_and_gradient(prediction, labels)
    dense, slope = loss.value_and_gradient(prediction, np.eye(3)[labels])
    assert dense == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-12, atol=1e-15)


@quick
@given(logits=arrays(np.float64, (5,), elements=reals))
def test_two_forms_of_one_loss_agree(logits: np.ndarray) -> None:
    """Logits and probabilities, sigmoid and softmax over (0, x): one likelihood, four names."""
    target = np.array([0, 1, 1, 0, 1])
    pairs, p = np.stack([0 * logits, logits], -1), 1 / (1 + np.exp(-logits))
    want = lm.sigmoid_cross_entropy(logits, target)
    assert lm.softmax_cross_entropy(pairs, target) == pytest.approx(want, rel=1e-9, abs=1e-12)
    if np.abs(logits).max() < 15:
        assert lm.binary_cross_entropy(p, target) == pytest.approx(want, rel=1e-6, abs=1e-9)
        assert lm.categorical_cross_entropy(np.stack([1 - p, p], -1), target) == pytest.approx(want, rel=1e-6, abs=1e-9)


@quick
@given(seed=seeds, scale=st.floats(1e-3, 1e3))
def test_cosine_sees_directions_alone(seed: int, scale: float) -> None:
    prediction, target = case_of("cosine_similarity").draw(seed)
    want = lm.cosine_similarity(prediction, target, reduction="none")
    np.testing.assert_allclose(lm.cosine_similarity(scale * prediction, target, reduction="none"), want, rtol=1e-9)
    assert (np.abs(want) <= 1 + 1e-12).all()


@quick
@given(delta=st.floats(0.01, 100), error=reals)
def test_huber_lies_between_its_two_limits(delta: float, error: float) -> None:
    value = lm.huber([error], [0.0], delta=delta)
    assert value <= 0.5 * error**2 + 1e-12
    assert value <= delta * abs(error) + 1e-12
