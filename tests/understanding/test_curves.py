"""Curves: valid places for every loss, and slopes that are the slopes of the values drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lossmith as lm
from lossmith.losses import Domain, Loss, losses
from lossmith.understanding.curves import curves

ALL = [pytest.param(loss, id=loss.name) for loss in losses()]


@pytest.mark.parametrize("loss", ALL)
def test_every_loss_has_curves_of_finite_numbers(loss: Loss) -> None:
    axis, drawn = curves(loss)
    assert axis
    for curve in drawn:
        assert len(curve.x) > 300
        assert np.all(np.diff(curve.x) > 0)
        for y in (curve.value, curve.gradient):
            assert y.shape == curve.x.shape
            assert np.isfinite(y).all()


@pytest.mark.parametrize("loss", ALL)
def test_gradient_is_the_slope_of_the_value(loss: Loss) -> None:
    for curve in curves(loss)[1]:
        step = np.diff(curve.x)
        slope = np.diff(curve.value) / step
        middle = (curve.gradient[1:] + curve.gradient[:-1]) / 2
        jump = np.abs(np.diff(curve.gradient))
        assert np.all(np.abs(slope - middle) <= 0.5 * jump + 1e-6)


@pytest.mark.parametrize("loss", ALL)
def test_value_is_lowest_where_the_target_is_marked(loss: Loss) -> None:
    for curve in curves(loss)[1]:
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


def test_a_kind_of_prediction_without_a_line_is_an_error() -> None:
    strange = dataclasses.replace(lm.get("kl").definition, prediction=Domain(role="signs"))
    with pytest.raises(lm.InputError, match="no picture is known"):
        curves(strange)
