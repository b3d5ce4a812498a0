"""The second derivatives that trees are grown with, for losses of one value per element.

A leaf answers ``-Σ gradient / Σ hessian``. The second derivative is the right hessian where it is positive and says how
far the slope reaches. Where it vanishes or is negative, a few outlying rows make a leaf step to nowhere. So each loss
gets one of these, by what its definition says of it (``kind_of``):

exact     the second derivative, where it is never negative: squared error, sigmoid cross-entropy, Poisson, …
bound     for losses of the error p - t that grow slower than its square (Huber, log-cosh, Cauchy, …): the slope over
          |p - t|, the curvature of the parabola that touches the loss at p and has its bottom at the target
          (half-quadratic, iteratively reweighted least squares). Both are taken a fifth of the median |p - t| farther
          out, the reach, and the slope is the larger of the two: then no step is longer than the reach, and a row that
          happens to be right does not hold its leaf. At least 0.3 of the median hessian, so that no leaf is made of
          outliers alone.
kinked    for losses that are straight on both sides of the target (absolute error, quantile, hinge): half the jump of
          the slope there, over the reach.
capped    for others whose second derivative can be negative (focal, asymmetric, KTO): at least |gradient| / 4, so that
          no row asks for a step of more than 4 logits.
one       for others without a second derivative (none so far): 1 for each row.

With "bound" and "kinked", gradient and hessian are divided by the mean hessian of the rows, which moves no minimum.
Their unit is that of the loss over the square of the target's, and ``reg_lambda`` and ``min_child_weight`` would mean
something else for each. Divided, a row counts as one, as it does under half the squared error.

References: D. Geman, C. Yang (1995), https://doi.org/10.1109/83.392335, for "bound"; D. R. Hunter, K. Lange (2000),
https://doi.org/10.1080/10618600.2000.10474866, for "kinked"; J. Friedman, T. Hastie, R. Tibshirani (2000),
https://doi.org/10.1214/aos/1016218223, for the limit of 4 in "capped".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..arrays import load
from ..losses import Loss, constants

Kind = Literal["exact", "bound", "kinked", "capped", "one"]

TINY = 1e-16  # what a hessian is at least: 0 rows in a leaf would divide by 0 (XGBoost's logistic objective, too)
LEAST, BEYOND, FARTHEST = 0.3, 0.2, 4.0
_XP = load("numpy")
_ERRORS = np.geomspace(1e-9, 1e9, 73)
_SCORES = np.linspace(-30, 30, 241)


def kind_of(loss: Loss, parameters: Mapping[str, Any]) -> Kind:
    """Return how the hessian of an element loss is made, found out from the definition and its domains."""
    with np.errstate(all="ignore"):
        if loss.hessian is None:
            target = _targets(loss).reshape(-1, 1)
            near, far = (_half_jump(loss, target, parameters, away) for away in (1e-6, 1.0))
            return "kinked" if np.allclose(near, far) and np.all(far > 0) else "one"
        if of_errors(loss):
            error = np.concatenate([-_ERRORS, _ERRORS])[:, None]
            exact, slope = (f(_XP, error, 0 * error, **parameters) for f in (loss.hessian, loss.gradient))
            return "bound" if np.any(exact < (1 - 1e-9) * np.abs(slope / error)) else "exact"
        target, score = np.meshgrid(_targets(loss), _SCORES)
        exact = loss.hessian(_XP, score.reshape(-1, 1), target.reshape(-1, 1), **parameters)
        return "capped" if np.any(exact < 0) else "exact"


def of_errors(loss: Loss) -> bool:
    """Whether the loss is one of the error p - t, of which both ends are real numbers."""
    return loss.task == "regression" and not (loss.prediction.bounded or loss.target.bounded)


def _targets(loss: Loss) -> np.ndarray:
    """A few targets of the domain, its ends included."""
    ends = [x for x in (loss.target.low, loss.target.high) if np.isfinite(x)]
    inside = [] if loss.target.role == "signs" else loss.target.sample(np.random.default_rng(0), (7,))
    return np.array([*ends, *inside])


def gradient_and_curvature(
    kind: str,
    loss: Loss,
    prediction: np.ndarray,
    target: np.ndarray,
    parameters: Mapping[str, Any],
    weight: np.ndarray,
    *,
    scale: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and hessian per element, without the weight.

    Args:
        kind: From :func:`kind_of`, or "exact" or "one" as the user wishes.
        loss: The definition.
        prediction: float64, any shape.
        target: float64, the same shape.
        parameters: All of them.
        weight: The same shape; it only says what is a median and a mean row.
        scale: Whether "bound" and "kinked" are divided by the mean hessian, which takes all rows in one call.
    """
    gradient = loss.gradient(_XP, prediction, target, **parameters)
    if kind == "one":
        return gradient, np.ones_like(gradient)
    if kind in ("bound", "kinked"):
        reach = _reach(np.abs(prediction - target), weight)
        if kind == "kinked":
            hessian = _half_jump(loss, target, parameters) / reach
        else:
            farther = loss.gradient(_XP, target + np.where(prediction < target, -reach, reach), target, **parameters)
            hessian = np.fmax(np.abs(gradient), np.abs(farther)) / reach
            hessian = np.maximum(hessian, LEAST * _median(hessian, weight))
        mean = np.sum(weight * hessian) / max(np.sum(weight), TINY)
        if scale and mean > 0:  # else no row has a slope, either
            gradient, hessian = gradient / mean, hessian / mean
    else:
        hessian = loss.hessian(_XP, prediction, target, **parameters)  # pyrefly: ignore[not-callable]
        if kind == "capped":
            hessian = np.fmax(hessian, np.abs(gradient) / FARTHEST)
    return gradient, np.maximum(hessian, TINY)


def _reach(distance: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far the step of a row may go: to the target, and a little beyond."""
    typical = _median(distance, weight) or np.sum(weight * distance) / max(np.sum(weight), TINY)
    return distance + BEYOND * (typical or 1.0)


def _half_jump(loss: Loss, target: np.ndarray, parameters: Mapping[str, Any], away: float = 1.0) -> np.ndarray:
    """Half of how much the slope grows across the target."""
    step = away * (1 + np.abs(target))
    below, above = (loss.gradient(_XP, target + side * step, target, **parameters) for side in (-1, 1))
    return (above - below) / 2


def _median(x: np.ndarray, weight: np.ndarray) -> float:
    """The weighted median, the lower one of two; equal weights need no sorting."""
    x, weight = x.ravel(), weight.ravel()
    if x.size and (weight == weight[0]).all():
        return float(np.partition(x, (x.size - 1) // 2)[(x.size - 1) // 2])
    return float(constants.median(x, weight)) if x.size else 0.0
