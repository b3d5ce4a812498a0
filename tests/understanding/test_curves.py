"""Curves: valid places for every loss, and slopes that are the slopes of the values drawn."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import lossmith as lm
from lossmith.losses import Loss, losses
from lossmith.understanding.curves import curves

_NO_SLOPE = {  # losses whose gradient is, as published, not the slope of the value drawn
    "ciou_loss": "its trade-off factor counts as a constant",
}
_KINKS = 2  # between so many places at most may the value of a row jump, or bend more than a step shows
ALL = [pytest.param(loss, id=loss.name) for loss in losses()]
made = cache(curves)


@pytest.mark.parametrize("loss", ALL)
def test_every_loss_has_curves_of_finite_numbers(loss: Loss) -> None:
    axis, drawn = made(loss)
    assert axis
    for curve in drawn:
        assert len(curve.x) >= 250
        assert np.all(np.diff(curve.x) > 0)
        for y in (curve.value, curve.gradient):
            assert y.shape == curve.x.shape
            assert np.isfinite(y).all()


@pytest.mark.parametrize("loss", ALL)
def test_gradient_is_the_slope_of_the_value(loss: Loss) -> None:
    if loss.name in _NO_SLOPE:
        pytest.skip(_NO_SLOPE[loss.name])
    for curve in made(loss)[1]:
        step = np.diff(curve.x)
        slope = np.diff(curve.value) / step
        middle = (curve.gradient[1:] + curve.gradient[:-1]) / 2
        jump = np.abs(np.diff(curve.gradient))
        off = np.abs(slope - middle) > 0.5 * jump + 1e-5
        assert off.sum() <= _KINKS * (len(loss.example[0]) if loss.layout == "batch" else 1)


@pytest.mark.parametrize("loss", ALL)
def test_value_is_lowest_where_the_target_is_marked(loss: Loss) -> None:
    for curve in made(loss)[1]:
        if curve.best is None:
            continue
        nearest = curve.value[np.argmin(np.abs(curve.x - curve.best))]
        assert nearest == pytest.approx(curve.value.min(), abs=1e-9)


def test_values_are_those_of_the_public_function() -> None:
    axis, (curve,) = curves(lm.get("huber").definition, {"delta": 2.0})
    assert axis == "prediction, in units of the target"
    assert curve.title == "Huber, delta=2"
    expected = lm.huber(curve.x, np.full_like(curve.x, 2.0), delta=2.0, reduction="none")
    np.testing.assert_allclose(curve.value, expected)


def test_binary_losses_show_both_targets() -> None:
    for name, targets in (("bce", ["target 0", "target 1"]), ("hinge", ["target −1", "target +1"])):
        assert [curve.target for curve in curves(lm.get(name).definition)[1]] == targets


@pytest.mark.parametrize(
    ("name", "axis", "targets"),
    [
        ("gaussian_nll", "prediction, target 1, variance 1", ["target 1"]),
        ("margin_ranking", "prediction, other 0.5", ["target −1", "target +1"]),
        ("simpo", "prediction, target −1.5", ["target −1.5"]),
        ("giou_loss", "x in the prediction (0, 0, x, 1); target (2, 0, 3, 1)", ["target (2, 0, 3, 1)"]),
        ("contrastive", "x in the prediction (3, x); other (3, 3)", ["target 0", "target 1"]),
        ("coral", "x in the prediction (x, −1); target 1", ["target 1"]),
        ("discrete_time_survival", "x in the prediction (x, 0, 1); target 1; event 1", ["target 1"]),
        ("angular_margin", "cosine of the true class, the other class's being 0", ["target"]),
        ("hinge_embedding", "prediction: a distance", ["target −1", "target +1"]),
        ("cauchy", "prediction, in units of the target", ["target 2"]),
        (
            "dice",
            "x in the prediction (x, 0.2, 0.7, 0.1); the others' targets being (0, 1, 0)",
            ["target 0", "target 1"],
        ),
        (
            "softmax_dice",
            "x in the prediction ((x, 0), (0.5, 1), (−1, 0.5)); target (0, 0, 1)",
            ["target (0, 0, 1)"],
        ),
        ("rmse", "x in the prediction (x, 3); target (1, 5)", ["target (1, 5)"]),
    ],
)
def test_axis_says_what_moves_and_what_stays(name: str, axis: str, targets: list[str]) -> None:
    said, drawn = curves(lm.get(name).definition)
    assert said == axis
    assert [curve.target for curve in drawn] == targets


def test_a_whole_example_is_scored_at_every_place() -> None:
    no, yes = curves(lm.get("dice").definition, {"smooth": 0.5})[1]
    at = int(np.argmin(np.abs(yes.x - 0.4)))
    mask = [[0.0, 0.0, 1.0, 0.0]]
    for curve in (no, yes):
        value, gradient = lm.Dice(smooth=0.5).value_and_gradient([[curve.x[at], 0.2, 0.7, 0.1]], mask)
        assert curve.value[at] == pytest.approx(value)
        assert curve.gradient[at] == pytest.approx(gradient[0, 0])
        mask[0][0] = 1.0


def test_rows_of_an_example_move_in_one_entry() -> None:
    (curve,) = curves(lm.get("dpo").definition)[1]
    at = int(np.argmin(np.abs(curve.x + 10)))
    value, gradient = lm.DPO(reduction="none").value_and_gradient([[curve.x[at], -14.0]], [[-12.0, -13.0]])
    assert curve.value[at] == pytest.approx(value[0])
    assert curve.gradient[at] == pytest.approx(gradient[0, 0])
    assert np.all(curve.x < 0)  # log-probabilities
