"""Classification losses at their edges: ties, ±inf, probabilities 0 and 1, huge logits; and against other libraries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend

INF, LN2 = np.inf, math.log(2)
T12 = 1e12

# (loss, parameters, prediction, target, value, gradient): numbers for element losses, rows for row losses
ELEMENT: list[tuple] = [
    *[("sigmoid_focal", {"gamma": g}, INF, 1.0, 0.0, 0.0) for g in (0.0, 0.5, 1.0, 2.0)],
    *[("sigmoid_focal", {"gamma": g}, -INF, 1.0, INF, -1.0) for g in (0.0, 0.5, 1.0, 2.0)],
    *[("sigmoid_focal", {"gamma": g}, INF, 0.0, INF, 1.0) for g in (0.0, 0.5, 1.0, 2.0)],
    *[("sigmoid_focal", {"gamma": g}, 1e30, 1.0, 0.0, 0.0) for g in (0.0, 0.5, 2.0)],
    ("sigmoid_focal", {}, -1e30, 1.0, 1e30, -1.0),
    ("sigmoid_focal", {"gamma": 0.5}, 90.0, 1.0, 0.0, 0.0),
    ("sigmoid_focal", {"gamma": 0.1}, -200.0, 0.0, 0.0, 0.0),
    ("sigmoid_focal", {}, INF, 0.5, INF, 0.125),
    ("sigmoid_focal", {"alpha": 0.0}, -3.0, 1.0, 0.0, 0.0),
    ("sigmoid_focal", {"alpha": 0.25}, 0.0, 0.0, 0.75 * LN2 / 4, 0.75 * (0.125 + LN2 / 4)),
    *[("binary_focal", {"gamma": g}, 1.0, 1.0, 0.0, 0.0 if g else -1.0) for g in (0.0, 0.5, 1.0, 2.0)],
    *[("binary_focal", {"gamma": g}, 0.0, 1.0, 100.0, -T12 - 100 * g) for g in (0.0, 0.5, 2.0)],
    *[("binary_focal", {"gamma": g}, 1.0, 0.0, 100.0, T12 + 100 * g) for g in (0.0, 0.5, 2.0)],
    ("binary_focal", {"epsilon": 0.25, "gamma": 1.0}, 0.0, 1.0, -math.log(0.25), math.log(0.25)),
    *[("asymmetric", {}, x, 0.0, v, 0.0) for x, v in ((-INF, 0.0), (-50.0, 0.0), (INF, -(0.95**4) * math.log(0.05)))],
    *[("asymmetric", {}, x, 1.0, v, g) for x, v, g in ((INF, 0.0, 0.0), (-INF, INF, -1.0), (-1e30, 1e30, -1.0))],
    ("asymmetric", {"clip": 0.0}, INF, 0.0, INF, 1.0),
    ("asymmetric", {"clip": 0.0, "gamma_negative": 0.5}, -INF, 0.0, 0.0, 0.0),
    ("asymmetric", {"clip": 0.5, "gamma_negative": 0.0}, 0.0, 0.0, 0.0, 0.0),
    ("soft_margin", {}, INF, 1.0, 0.0, 0.0),
    ("soft_margin", {}, INF, -1.0, INF, 1.0),
    ("soft_margin", {}, -1e30, 1.0, 1e30, -1.0),
    ("soft_margin", {}, 40.0, 1.0, math.exp(-40.0), -math.exp(-40.0)),
    ("exponential", {}, INF, 1.0, 0.0, 0.0),
    ("exponential", {}, -50.0, -1.0, math.exp(-50.0), math.exp(-50.0)),
    ("perceptron", {}, 0.0, 1.0, 0.0, 0.0),
    ("perceptron", {}, -0.0, -1.0, 0.0, 0.0),
    ("perceptron", {}, -INF, 1.0, INF, -1.0),
    ("hinge_embedding", {}, 0.0, 1.0, 0.0, 1.0),
    ("hinge_embedding", {}, 0.0, -1.0, 1.0, -1.0),
    ("hinge_embedding", {}, 1.0, -1.0, 0.0, 0.0),
    ("hinge_embedding", {}, INF, -1.0, 0.0, 0.0),
    ("hinge_embedding", {}, INF, 1.0, INF, 1.0),
]
PAST = 1 / (1 + math.exp(-0.5 * math.sin(0.5)))  # the rival's share, where the angle plus 0.5 is past 180 degrees
ROW: list[tuple] = [
    ("softmax_cross_entropy", {"z_loss": 0.5}, [0.0, 0.0], 0, LN2 + 0.5 * LN2**2, [(LN2 - 1) / 2, (LN2 + 1) / 2]),
    ("softmax_cross_entropy", {"z_loss": 1.0}, [-INF, 2.0], 1, 4.0, [0.0, 4.0]),
    ("softmax_cross_entropy", {"z_loss": 1.0}, [1e-9, 0.0], 0, LN2 + LN2**2, [LN2 - 0.5, LN2 + 0.5]),
    ("negative_log_likelihood", {}, [-INF, 0.0], 1, 0.0, [0.0, -1.0]),
    ("negative_log_likelihood", {}, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, -1.0]),
    ("negative_log_likelihood", {}, [-INF, 0.0], 0, INF, [-1.0, 0.0]),
    *[("softmax_focal", {"gamma": g}, [-INF, 0.0], 1, 0.0, [0.0, 0.0]) for g in (0.0, 0.5, 1.0, 2.0)],
    *[("softmax_focal", {"gamma": g}, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]) for g in (0.0, 0.5, 2.0)],
    *[("softmax_focal", {"gamma": g}, [1e30, -1e30], 0, 0.0, [0.0, 0.0]) for g in (0.0, 0.5, 2.0)],
    *[("softmax_focal", {"gamma": g}, [1e30, 0.0], 1, 1e30, [1.0, -1.0]) for g in (0.0, 0.5, 2.0)],
    *[("softmax_focal", {"gamma": g}, [200.0, 0.0], 0, 0.0, [0.0, 0.0]) for g in (0.1, 0.5, 2.0)],
    ("softmax_focal", {}, [0.0, 0.0], 0, 0.25 * LN2, [-(0.125 + LN2 / 4), 0.125 + LN2 / 4]),
    *[
        ("categorical_focal", {"gamma": g}, [1.0, 0.0], 0, 0.0, [-1.0 if g == 0 else 0.0, 0.0])
        for g in (0.0, 0.5, 1.0, 2.0)
    ],
    *[("categorical_focal", {"gamma": g}, [1.0, 0.0], 1, 100.0, [0.0, -T12 - 100 * g]) for g in (0.0, 0.5, 2.0)],
    ("categorical_focal", {"epsilon": 0.1}, [1.0, 0.0], 1, -0.81 * math.log(0.1), [0.0, 0.0]),
    ("generalised_cross_entropy", {"q": 0.5}, [1.0, 0.0], 0, 0.0, [-1.0, 0.0]),
    ("generalised_cross_entropy", {"q": 0.5}, [1.0, 0.0], 1, 2.0, [0.0, -1e6]),
    ("generalised_cross_entropy", {"q": 0.5}, [1.0, 0.0], [1.0, 0.0], 0.0, [-1.0, 0.0]),
    ("generalised_cross_entropy", {"q": 1.0}, [1.0, 0.0], 1, 1.0, [0.0, -1.0]),
    ("poly_cross_entropy", {}, [-INF, 0.0], 1, 0.0, [0.0, 0.0]),
    ("poly_cross_entropy", {}, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
    ("poly_cross_entropy", {}, [1e30, 0.0], 1, 1e30, [1.0, -1.0]),
    ("poly_cross_entropy", {"epsilon": -1.0}, [1e30, 0.0], 0, 0.0, [0.0, 0.0]),
    ("multi_margin", {}, [1.0, 0.0], 0, 0.0, [0.0, 0.0]),
    ("multi_margin", {}, [0.5, 0.5], 1, 0.5, [0.5, -0.5]),
    ("multi_margin", {}, [INF, 0.0], 0, 0.0, [0.0, 0.0]),
    ("multi_margin", {}, [0.0, -INF], 0, 0.0, [0.0, 0.0]),
    ("multi_margin", {"squared": True}, [1.0, 0.0], 0, 0.0, [0.0, 0.0]),
    ("multi_margin", {"class_weight": [2.0, 0.0]}, [0.0, INF], 1, 0.0, [0.0, 0.0]),
    ("multilabel_margin", {}, [1.0, 0.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("multilabel_margin", {}, [0.5, 0.5], [1.0, 1.0], 0.0, [0.0, 0.0]),
    ("multilabel_margin", {}, [0.5, 0.5], [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("multilabel_margin", {}, [0.5, -INF], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("multilabel_soft_margin", {}, [INF, -INF], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("multilabel_soft_margin", {}, [-INF, 0.0], [1.0, 0.0], INF, [-0.5, 0.25]),
    ("multilabel_soft_margin", {"class_weight": [0.0, 1.0]}, [-INF, 0.0], [1.0, 0.0], LN2 / 2, [0.0, 0.25]),
    ("angular_margin", {"scale": 1.0, "margin": 0.0}, [1.0, 1.0], 0, LN2, [-0.5, 0.5]),
    ("angular_margin", {"scale": 1.0, "margin": math.pi / 2}, [1.0, 0.0], 0, LN2, [0.0, 0.5]),
    ("angular_margin", {"scale": 1.0, "margin": math.pi / 2}, [1.005, 0.0], 0, LN2, [0.0, 0.5]),
    ("angular_margin", {"scale": 1.0, "margin": 0.5}, [-1.0, -1.0], 0, -math.log(1 - PAST), [-PAST, PAST]),
    ("angular_margin", {"scale": 1.0, "margin": math.pi}, [0.25, 0.25], 1, LN2, [0.5, -0.5]),
    ("cosine_margin", {"scale": 2.0, "margin": 1.0}, [1.0, 0.0], 0, LN2, [-1.0, 1.0]),
    ("logit_adjusted", {"class_prior": [1.0, 0.0]}, [0.0, 5.0], 0, 0.0, [0.0, 0.0]),
    ("logit_adjusted", {"class_prior": [0.0, 1.0]}, [0.0, 5.0], 0, INF, [-1.0, 1.0]),
    ("logit_adjusted", {"class_prior": [0.3, 0.7], "tau": 0.0}, [0.0, 0.0], 0, LN2, [-0.5, 0.5]),
    ("balanced_softmax", {"class_count": [1, 3]}, [0.0, 0.0], 0, 2 * LN2, [-0.75, 0.75]),
    ("balanced_softmax", {"class_count": [4, 0]}, [0.0, 5.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
    ("ldam", {"class_count": [0, 16], "scale": 1.0}, [0.5, 0.0], 0, LN2, [-0.5, 0.5]),
    ("ldam", {"class_count": [1, 16], "scale": 1.0}, [0.0, 0.25], 1, LN2, [0.5, -0.5]),
    ("distillation_kl", {}, [INF * -1, 0.0], [-INF, 3.0], 0.0, [0.0, 0.0]),
    ("distillation_kl", {}, [0.0, -INF], [-INF, 3.0], INF, [1.0, -1.0]),
    ("distillation_kl", {}, [0.0, 0.0], [1e30, 0.0], LN2, [-0.5, 0.5]),
    ("distillation_kl", {"temperature": 2.0}, [1e30, 0.0], [1e30, 0.0], 0.0, [0.0, 0.0]),
    ("distillation_jsd", {}, [-INF, 0.0], [-INF, 3.0], 0.0, [0.0, 0.0]),
    ("distillation_jsd", {}, [0.0, -INF], [-INF, 3.0], LN2, [0.0, 0.0]),
    ("distillation_jsd", {}, [1e30, -1e30], [-1e30, 1e30], LN2, [0.0, 0.0]),
    ("distillation_total_variation", {}, [0.0, 0.0], [1.0, 1.0], 0.0, [0.0, 0.0]),
    ("distillation_total_variation", {}, [0.0, -INF], [-INF, 3.0], 1.0, [0.0, 0.0]),
]
RANKS: list[tuple] = [
    ("coral", {}, [INF, -INF], 1.0, 0.0, [0.0, 0.0]),
    ("coral", {}, [0.0, 0.0], 2.0, 2 * LN2, [-0.5, -0.5]),
    ("coral", {}, [1e30, 0.0], 0.0, 1e30, [1.0, 0.5]),
    ("corn", {}, [0.0, -INF], 0.0, LN2, [0.5, 0.0]),
    ("corn", {}, [0.0, INF], 0.0, LN2, [0.5, 0.0]),
    ("corn", {}, [INF, 0.0], 2.0, LN2, [0.0, -0.5]),
]
TABLE = [*ELEMENT, *ROW, *RANKS]


def _close(got: Any, wanted: Any, what: str) -> None:
    np.testing.assert_allclose(got, np.asarray(wanted, np.float64), rtol=2e-5, atol=1e-7, err_msg=what)


@pytest.mark.parametrize("row", TABLE, ids=lambda r: f"{r[0]}-{r[1]}-{r[2]}-{r[3]}")
def test_edges(backend: Backend, row: tuple) -> None:
    """Value, closed form and autodiff: nothing is NaN, and a certain model has a finite slope."""
    name, parameters, prediction, target, value, gradient = row
    p = backend.asarray([prediction], "float32")
    t = backend.asarray([target], None if isinstance(target, int) else "float32")
    parameters = {k: backend.asarray(v, "float32") if isinstance(v, list) else v for k, v in parameters.items()}
    loss = lm.get(name, reduction="sum", **parameters)
    got, slope = loss.value_and_gradient(p, t)
    _close(backend.to_numpy(got), value, "value")
    _close(backend.to_numpy(slope)[0], gradient, "closed form")
    if backend.differentiates:
        got, slope = backend.value_and_grad(lambda x: loss(x, t), p)
        _close(backend.to_numpy(got), value, "value under autodiff")
        _close(backend.to_numpy(slope)[0], gradient, "autodiff")


BEST: dict[str, list[dict]] = {
    "soft_margin": [{}],
    "exponential": [{}],
    "hinge_embedding": [{}, {"margin": 3.0}],
    "multilabel_soft_margin": [{}],
    "negative_log_likelihood": [{}],
    "generalised_cross_entropy": [{"q": 0.2}, {"q": 0.9}, {"q": 1.0}],
    "logit_adjusted": [{}, {"class_prior": [0.2, 0.5, 0.3], "tau": 1.5}],
    "balanced_softmax": [{"class_count": [5.0, 2.0, 9.0]}],
    "distillation_kl": [{}, {"temperature": 2.0}],
}


@pytest.mark.parametrize(("name", "parameters"), [(n, p) for n, lines in BEST.items() for p in lines], ids=str)
def test_no_other_constant_beats_the_best(name: str, parameters: dict, rng: np.random.Generator) -> None:
    loss = lm.get(name).definition
    shape = (40,) if loss.layout == "element" else (40, 3)
    target = loss.target.sample(rng, shape) if loss.target.role != "classes" else np.eye(3)[rng.integers(0, 3, 40) % 3]
    weight = rng.uniform(0.5, 2.0, 40)
    best = loss.best_constant(target, weight, **{**loss.defaults, **parameters})

    def scored(constant: np.ndarray) -> float:
        return getattr(lm, name)(np.broadcast_to(constant, shape), target, weight=weight, **parameters)

    for _ in range(20):
        other = best + rng.normal(scale=0.1, size=np.shape(best))
        if loss.prediction.role == "distribution":
            other = np.abs(other) / np.abs(other).sum()
        elif loss.prediction.role == "log_probabilities":
            other = other - np.log(np.exp(other).sum())
        elif name == "hinge_embedding":
            other = np.abs(other)
        assert scored(other) >= scored(best) - 1e-12


PRECISE: dict[str, tuple] = {  # float32 against float64, where the naive form has lost its digits
    "sigmoid_focal": ({"gamma": 0.5}, np.linspace(-40, 40, 41), 1.0),
    "asymmetric": ({"clip": 0.0}, np.linspace(-40, 40, 41), 0.0),
    "soft_margin": ({}, np.linspace(-40, 40, 41), 1.0),
}


@pytest.mark.parametrize("name", PRECISE)
def test_certain_predictions_keep_their_digits(backend: Backend, name: str) -> None:
    parameters, points, target = PRECISE[name]
    targets = np.full_like(points, target)
    loss = lm.get(name, reduction="none", **parameters)
    want, slope = loss.value_and_gradient(points, targets)
    p, t = backend.asarray(points, "float32"), backend.asarray(targets, "float32")
    np.testing.assert_allclose(backend.to_numpy(loss(p, t)), want, rtol=2e-5, atol=1e-37)
    np.testing.assert_allclose(backend.to_numpy(loss.value_and_gradient(p, t)[1]), slope, rtol=2e-5, atol=1e-37)


def test_small_q_is_cross_entropy() -> None:
    p = np.array([[0.7, 0.3], [0.01, 0.99]], np.float32)
    assert lm.generalised_cross_entropy(p, [0, 0], q=1e-6) == pytest.approx(
        lm.categorical_cross_entropy(p, [0, 0]), rel=1e-4
    )


WRONG: dict[str, tuple] = {
    "rank too high": (
        "coral",
        np.zeros((2, 3)),
        [0, 4],
        lm.LabelError,
        r"target is 4 at position 1; coral takes ranks 0 … 3",
    ),
    "rank below 0": ("corn", np.zeros((2, 3)), [-1, 3], lm.LabelError, "target is -1 at position 0"),
    "half a rank": ("coral", np.zeros((2, 3)), [0.5, 1], lm.LabelError, "target is 0.5 at position 0"),
    "one-hot rank": ("coral", np.zeros((2, 3)), np.eye(3)[:2], lm.ShapeError, r"expected \(2,\), one per row"),
    "signs": ("soft_margin", [0.5, 0.2], [1, 0], lm.LabelError, r"use 2 \* target - 1"),
    "negative distance": ("hinge_embedding", [-0.5], [1], lm.DomainError, "prediction is -0.5"),
    "cosine": ("arcface", [[1.5, 0.2]], [0], lm.DomainError, r"prediction is 1.5.*\[-1, 1\]"),
    "logits": ("binary_focal", [1.5], [1], lm.DomainError, "for logits use sigmoid_focal"),
    "logit rows": ("categorical_focal", [[0.5, 0.1]], [0], lm.DomainError, "for logits use softmax_focal"),
    "probabilities": ("nll", [[-0.5, -0.5]], [0], lm.DomainError, "apply log_softmax first"),
    "soft labels": ("multilabel_margin", [[0.5, 0.2]], [[0.5, 1]], lm.DomainError, "0 or 1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors(what: str) -> None:
    name, prediction, target, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        lm.get(name)(prediction, target)


@pytest.mark.parametrize("name", ["coral", "corn"])
def test_missing_and_impossible_ranks(backend: Backend, name: str) -> None:
    """A rank may be ignored; one that none is makes its own row NaN where nobody looks at the numbers."""
    logits = backend.asarray([[0.0, 1.0], [2.0, 0.5], [np.nan, 0.0]], "float32")
    ranks = backend.asarray(np.array([0, 2, -1]))
    got = float(getattr(lm, name)(logits, ranks, ignore_index=-1))
    assert got == pytest.approx(float(getattr(lm, name)(logits[:2], ranks[:2])), rel=1e-6)
    if backend.traces:
        loss = lm.get(name, reduction="none")
        values = backend.to_numpy(backend.jit(lambda x, t: loss(x, t))(logits[:2], backend.asarray(np.array([3, 1]))))
        assert np.isnan(values[0])
        assert np.isfinite(values[1])


def test_parameters_may_be_none() -> None:
    assert lm.sigmoid_focal([0.5], [1.0], alpha=None) == lm.sigmoid_focal([0.5], [1.0])
    assert lm.softmax_focal([[0.5, 1.0]], [1], class_weight=None) == lm.softmax_focal([[0.5, 1.0]], [1])


def test_z_loss_by_formula_where_the_kernel_has_none() -> None:
    logits, labels = np.array([[0.5, 2.0, -1.0], [3.0, 3.0, 3.0]]), np.array([1, 0])
    lse = np.log(np.exp(logits).sum(-1))
    plain, slope = lm.SoftmaxCrossEntropy().value_and_gradient(logits, labels)
    value, gradient = lm.SoftmaxCrossEntropy(z_loss=0.1).value_and_gradient(logits, labels)
    assert value == pytest.approx(plain + 0.1 * np.mean(lse**2))
    softmax = np.exp(logits - lse[:, None])
    np.testing.assert_allclose(gradient, slope + 0.1 * lse[:, None] * softmax)
