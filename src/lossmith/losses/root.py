"""Roots of the mean squared error over a region: in the target's own units, or against its spread.

A root of a mean is not a mean: its parts do not add up, so the region (a sample, or by default the whole batch) is
scored as one. The gradient at an error of 0 is 0, where a plain square root has none.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import norm_and_direction
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import REAL

_HYNDMAN = Reference(
    text="R. J. Hyndman, A. B. Koehler (2006). Another look at measures of forecast accuracy. IJF 22(4)",
    link="https://doi.org/10.1016/j.ijforecast.2006.03.001",
)


def _root_mean(xp: Any, x: Any, inside: Any) -> tuple[Any, Any]:
    """The root of the (weighted) mean square over the last axis, kept, and its gradient; 0 where nothing counts."""
    if inside is None:
        share = 1 / math.sqrt(n) if isinstance(n := xp.shape(x)[-1], int) else 1 / xp.sqrt(_count(xp, x))
    else:
        count = xp.sum(inside, axis=-1, keepdims=True)
        none = count == 0
        share = xp.sqrt(inside) / xp.sqrt(xp.where(none, xp.zeros_like(count) + 1, count))
    length, direction = norm_and_direction(xp, x * share)
    return length, direction * share


def _count(xp: Any, x: Any) -> Any:
    return xp.sum(xp.zeros_like(x) + 1, axis=-1, keepdims=True)


def _rmse(xp: Any, prediction: Any, target: Any, inside: Any) -> Any:
    return _root_mean(xp, prediction - target, inside)[0][..., 0]


def _rmse_gradient(xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any) -> Any:
    return xp.expand(cotangent, -1) * _root_mean(xp, prediction - target, inside)[1]


root_mean_squared_error = register(
    Loss(
        name="root_mean_squared_error",
        object_name="RootMeanSquaredError",
        aliases=("rmse",),
        title="Root mean squared error",
        summary="Root of the mean squared difference over the region, in units of the target.",
        task="regression",
        layout="region",
        region="batch",
        value=_rmse,
        gradient=_rmse_gradient,
        prediction=REAL,
        target=REAL,
        formula=r"\sqrt{\frac{1}{M} \sum_{i} (p_i - t_i)^2}",
        gradient_formula=r"\frac{p_i - t_i}{M\, \mathrm{RMSE}}",
        example=([2.0, 3.0], [1.0, 5.0], 1.581139),
        advice=Advice(
            use="The loss is to be read in the target's own units, or several outputs are to pull with equal force "
            "whatever their size (one RMSE each).",
            avoid="Micro-batches or ranks are averaged: the mean of roots is not the root of the mean. Train on the "
            "squared error then, and report its root.",
            good_value="Always answering the mean scores the standard deviation of the target; 0 is exact.",
            pitfalls=(
                "Its gradient has the same length however small the error is: steps do not shrink near the solution.",
                'The value depends on what a region is: the whole batch by default, each sample with region="sample".',
            ),
        ),
        references=(_HYNDMAN,),
    )
)

_BY = {
    "std": "the standard deviation of the target, so that always answering its mean scores 1",
    "mean": "the absolute mean of the target (the coefficient of variation of the error)",
    "range": "the distance between the least and the largest target",
}


def _yardstick(xp: Any, target: Any, inside: Any, by: str) -> Any:
    """What the error is divided by, over the last axis, kept; 1 where nothing counts."""
    weight = xp.zeros_like(target) + 1 if inside is None else inside
    count = xp.sum(weight, axis=-1, keepdims=True)
    none = count == 0
    if by == "range":
        away = xp.zeros_like(target) - math.inf
        high = xp.max(xp.where(weight > 0, target, away), axis=-1, keepdims=True)
        low = -xp.max(xp.where(weight > 0, -target, away), axis=-1, keepdims=True)
        size = high - low
    else:
        mean = xp.sum(weight * target, axis=-1, keepdims=True) / xp.where(none, count + 1, count)
        size = xp.abs0(mean) if by == "mean" else _root_mean(xp, target - mean, inside)[0]
    return xp.where(none, xp.zeros_like(size) + 1, size)


def _nrmse(xp: Any, prediction: Any, target: Any, inside: Any, *, by: str) -> Any:
    root = _root_mean(xp, prediction - target, inside)[0]
    return xp.divide(root, xp.stop_gradient(_yardstick(xp, target, inside, by)))[..., 0]


def _nrmse_gradient(xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, by: str) -> Any:
    slope = _root_mean(xp, prediction - target, inside)[1]
    return xp.expand(cotangent, -1) * xp.divide(slope, _yardstick(xp, target, inside, by))


normalised_root_mean_squared_error = register(
    Loss(
        name="normalised_root_mean_squared_error",
        object_name="NormalisedRootMeanSquaredError",
        aliases=("nrmse", "normalized_root_mean_squared_error"),
        title="Normalised root mean squared error",
        summary="Root of the mean squared difference over the region, divided by the spread or size of the target.",
        task="regression",
        layout="region",
        region="batch",
        value=_nrmse,
        gradient=_nrmse_gradient,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="by",
                kind="choice",
                choices=tuple(_BY),
                default="std",
                meaning="What to divide by: " + "; ".join(f'"{k}", {v}' for k, v in _BY.items()) + ".",
            ),
        ),
        formula=r"\frac{1}{\sigma_t} \sqrt{\frac{1}{M} \sum_{i} (p_i - t_i)^2}",
        gradient_formula=r"\frac{p_i - t_i}{M\, \sigma_t\, \mathrm{RMSE}}",
        example=([2.0, 3.0], [1.0, 5.0], 0.790569),
        advice=Advice(
            use="Errors of targets in different units are to be compared or added up.",
            avoid="The target is constant within a region: there is nothing to divide by, and the value is infinite.",
            good_value='With by="std" always answering the mean scores 1, and the square of the value is 1 - R².',
            pitfalls=(
                "Publications divide by the standard deviation, the range or the mean: say which.",
                "On small batches the spread of the target is itself noise: keep the region large.",
            ),
        ),
        references=(_HYNDMAN,),
    )
)
