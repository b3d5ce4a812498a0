"""Barron's family: one shape parameter from the squared error over Charbonnier, Cauchy and Geman-McClure to Welsch.

With ``r = (p - t) / s``, ``b = |α - 2|`` and ``u = log(1 + r² / b)`` the loss is ``b / α (exp(α u / 2) - 1)``. That is
exact as ``expm1`` for α below 1. Near 2, where b vanishes, ``exp(α u / 2) = (1 + r² / b) exp(± b u / 2)`` leaves
nothing that cancels. Near 0 a power series takes the place of ``expm1(y) / y``.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import FAR, clip, expm1_sloped, log1p_square, over_one_plus_square, root_gap, root_slope
from ..errors import InputError
from .definition import Advice, Loss, Parameter, register
from .domain import REAL
from .robust import _BARRON, _COMPARE, _SCALE, _START, _UNITS, cauchy, welsch

_ENDLESS = 1e16  # a shape beyond it differs from an infinite one by less than float64 can tell


def _plain(alpha: Any) -> float:
    """Return the shape, or refuse an array: branches on its value would give it a wrong gradient, or break a trace."""
    if hasattr(alpha, "dtype"):
        raise InputError("alpha is an array; general_robust takes a plain number: alpha=float(alpha)")
    return alpha


def _spread(xp: Any, r: Any, alpha: Any) -> Any:
    """``log(1 + r² / |α - 2|)``."""
    return log1p_square(xp, r / math.sqrt(abs(alpha - 2)))


def _general_robust(xp: Any, prediction: Any, target: Any, *, alpha: Any, scale: Any) -> Any:
    alpha, r = _plain(alpha), (prediction - target) / scale
    if alpha == 2:
        return 0.5 * r * r
    if alpha == 1:
        return root_gap(xp, r)
    if alpha == 0:
        return cauchy.value(xp, prediction, target, scale=scale)
    if alpha < -_ENDLESS:
        return welsch.value(xp, prediction, target, scale=scale)
    if alpha > _ENDLESS:
        return xp.expm1(0.5 * r * r)
    far = xp.isinf(r)
    inside = _between(xp, xp.where(far, xp.zeros_like(r) + 1, r), alpha)
    limit = (alpha - 2) / alpha if alpha < 0 else math.inf
    return xp.where(far, xp.abs0(r) if alpha > 1 else xp.zeros_like(r) + limit, inside)


def _between(xp: Any, r: Any, alpha: Any) -> Any:
    b, u = abs(alpha - 2), _spread(xp, r, alpha)
    if alpha > 1:
        bend = (0.5 * alpha - 1) * u
        return (b * xp.expm1(bend) + r * (r * xp.exp(bend))) / alpha
    if abs(alpha) > 1e-4:
        return b / alpha * expm1_sloped(xp, 0.5 * alpha * u)
    y, series = 0.5 * alpha * u, 1.0
    for k in (6, 5, 4, 3, 2):
        series = 1 + y / k * series
    return 0.5 * b * u * series


def _general_robust_gradient(xp: Any, prediction: Any, target: Any, *, alpha: Any, scale: Any) -> Any:
    alpha, r = _plain(alpha), (prediction - target) / scale
    if alpha == 2:
        return r / scale
    if alpha == 1:
        return root_slope(xp, r) / scale
    if alpha == 0:
        return cauchy.gradient(xp, prediction, target, scale=scale)
    if alpha < -_ENDLESS:
        return welsch.gradient(xp, prediction, target, scale=scale)
    if alpha > _ENDLESS:
        return r * xp.exp(0.5 * r * r) / scale
    far = xp.isinf(r)
    safe = xp.where(far, xp.zeros_like(r), r)
    if alpha > 1:
        return xp.where(far, r, safe * xp.exp((0.5 * alpha - 1) * _spread(xp, safe, alpha))) / scale
    root = math.sqrt(abs(alpha - 2))  # r / (1 + r² / b), times what is left of the power: nothing overflows
    return root / scale * over_one_plus_square(xp, safe / root) * xp.exp(0.5 * alpha * _spread(xp, safe, alpha))


def _general_robust_hessian(xp: Any, prediction: Any, target: Any, *, alpha: Any, scale: Any) -> Any:
    alpha, r = _plain(alpha), (prediction - target) / scale
    if alpha == 2:
        return xp.zeros_like(r) + 1 / (scale * scale)
    if alpha < -_ENDLESS:
        return welsch.hessian(xp, prediction, target, scale=scale)  # pyrefly: ignore[not-callable]
    if alpha > _ENDLESS:
        return (1 + r * r) * xp.exp(0.5 * r * r) / (scale * scale)
    q = clip(xp, r / math.sqrt(abs(alpha - 2)), -FAR, FAR)
    bend = (alpha - 2) * q * over_one_plus_square(xp, q)
    return xp.exp((0.5 * alpha - 1) * _spread(xp, r, alpha)) * (1 + bend) / (scale * scale)


general_robust = register(
    Loss(
        name="general_robust",
        object_name="GeneralRobust",
        aliases=("barron", "adaptive_robust"),
        title="General robust loss",
        summary="Half a squared error near the target; the shape alpha says how little a far error counts.",
        task="regression",
        layout="element",
        value=_general_robust,
        gradient=_general_robust_gradient,
        hessian=_general_robust_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="alpha",
                default=1.0,
                meaning="Shape: 2 squared, 1 Charbonnier, 0 Cauchy, -2 Geman-McClure, -inf Welsch.",
            ),
            _SCALE,
        ),
        formula=r"\frac{|\alpha - 2|}{\alpha} ((\frac{((p - t) / s)^2}{|\alpha - 2|} + 1)^{\alpha / 2} - 1)",
        gradient_formula=r"\frac{p - t}{s^2} (\frac{((p - t) / s)^2}{|\alpha - 2|} + 1)^{\alpha / 2 - 1}",
        example=([2.0, 3.0], [1.0, 5.0], 0.825141),
        advice=Advice(
            use="How robust the loss should be is a setting to search over, or to lower step by step in training.",
            avoid="One of the named members does: its name says more.",
            good_value=f"Values under different alpha do not compare. {_COMPARE}",
            pitfalls=(
                "alpha is a number fixed before the call. To learn it, Barron adds the logarithm of the distribution's "
                "normaliser; without that, alpha runs to where every error is cheap.",
                "At 2, 0 and ±inf the formula is its limit; values right beside them are exact too.",
                f"Below 1: {_START[0].lower()}{_START[1:]}",
                _UNITS,
            ),
        ),
        references=(_BARRON,),
    )
)
