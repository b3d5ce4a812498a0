"""Losses between a real prediction and a real target, one value per element.

Each pair of functions below is the only place where the loss's formula stands.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import clip
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import NONNEGATIVE, REAL, Domain

_HUBER = Reference(
    text="P. J. Huber (1964). Robust estimation of a location parameter. Annals of Mathematical Statistics 35(1)",
    link="https://doi.org/10.1214/aoms/1177703732",
)
_ESL = Reference(
    text="T. Hastie, R. Tibshirani, J. Friedman (2009). The Elements of Statistical Learning, 2nd ed., section 10.6",
    link="https://doi.org/10.1007/978-0-387-84858-7",
)
_GNEITING = Reference(
    text="T. Gneiting (2011). Making and evaluating point forecasts. JASA 106(494)",
    link="https://doi.org/10.1198/jasa.2011.r10138",
)


def _squared(xp: Any, prediction: Any, target: Any) -> Any:
    d = prediction - target
    return d * d


def _squared_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return 2 * (prediction - target)


def _squared_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.zeros_like(prediction) + 2


squared_error = register(
    Loss(
        name="squared_error",
        object_name="SquaredError",
        aliases=("mse", "mean_squared_error", "l2"),
        title="Squared error",
        summary="Squared difference; its mean is the MSE, in squared units of the target.",
        task="regression",
        layout="element",
        value=_squared,
        gradient=_squared_gradient,
        hessian=_squared_hessian,
        prediction=REAL,
        target=REAL,
        formula=r"(p - t)^2",
        gradient_formula=r"2 (p - t)",
        best_constant=constants.mean,
        example=([2.0, 3.0], [1.0, 5.0], 2.5),
        advice=Advice(
            use="The mean of the target is what you want to predict, and errors are roughly normal with one spread.",
            avoid="A few outliers rule the sum (take Huber or the absolute error), the target is a class (take a "
            "cross-entropy), or it spans orders of magnitude (take the squared logarithmic error).",
            good_value="Always answering the mean scores the variance of the target: 1 - MSE / variance is R². The "
            "root of the MSE is in the target's own units.",
            pitfalls=(
                "(N,) against (N, 1) would broadcast to N x N in most frameworks; here it is an error.",
                "Targets in the thousands make losses in the millions: scale them to mean 0 and spread 1 for training.",
                "Some libraries halve it; this one does not.",
            ),
        ),
        references=(_ESL, _GNEITING),
    )
)


def _absolute(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.abs0(prediction - target)


def _absolute_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sign0(prediction - target)


absolute_error = register(
    Loss(
        name="absolute_error",
        object_name="AbsoluteError",
        aliases=("mae", "mean_absolute_error", "l1"),
        title="Absolute error",
        summary="Absolute difference; its mean is the MAE, in units of the target.",
        task="regression",
        layout="element",
        value=_absolute,
        gradient=_absolute_gradient,
        prediction=REAL,
        target=REAL,
        formula=r"|p - t|",
        gradient_formula=r"\operatorname{sign}(p - t)",
        best_constant=constants.median,
        example=([2.0, 3.0], [1.0, 0.0], 2.0),
        advice=Advice(
            use="The median is what you want to predict, or outliers should count no more than their distance.",
            avoid="You need the mean (totals, expected cost): the median of a skewed target lies below it.",
            good_value="Always answering the median scores the mean absolute deviation from it; report 1 - MAE / that.",
            pitfalls=(
                "The gradient has the same size near and far from the target: lower the learning rate at the end, or "
                "take Huber, which is smooth at 0.",
            ),
        ),
        references=(_ESL, _GNEITING),
    )
)


def _huber(xp: Any, prediction: Any, target: Any, *, delta: float) -> Any:
    distance = xp.abs0(prediction - target)
    near = xp.at_most(distance, delta)  # finite where the other branch counts, so that no 0 meets an infinity
    return xp.where(distance <= delta, 0.5 * near * near, delta * (distance - 0.5 * delta))


def _huber_gradient(xp: Any, prediction: Any, target: Any, *, delta: float) -> Any:
    return clip(xp, prediction - target, -delta, delta)


def _huber_hessian(xp: Any, prediction: Any, target: Any, *, delta: float) -> Any:
    one = xp.zeros_like(prediction) + 1
    return xp.where(xp.abs0(prediction - target) <= delta, one, 0 * one)


huber = register(
    Loss(
        name="huber",
        object_name="Huber",
        aliases=("huber_loss",),
        title="Huber",
        summary="Half the squared error near the target, growing only linearly beyond delta.",
        task="regression",
        layout="element",
        value=_huber,
        gradient=_huber_gradient,
        hessian=_huber_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="delta",
                default=1.0,
                low=0.0,
                low_included=False,
                meaning="Distance, in units of the target, beyond which an error counts linearly.",
            ),
        ),
        formula=r"\begin{cases} \frac{1}{2} (p - t)^2 & |p - t| \le \delta \\ "
        r"\delta (|p - t| - \frac{1}{2} \delta) & \text{otherwise} \end{cases}",
        gradient_formula=r"\max(-\delta, \min(\delta, p - t))",
        best_constant=constants.convex(_huber_gradient),
        example=([2.0, 3.0], [1.0, 5.0], 1.0),
        advice=Advice(
            use="Regression with some outliers: quadratic for the bulk, linear for the tails.",
            avoid="The outliers are the very thing to predict.",
            good_value="Compare with the best constant under the same delta; with a delta far above every error it is "
            "half the MSE, far below it is delta times the MAE.",
            pitfalls=(
                "delta has the units of the target: 1.0 fits scaled targets; for others start with 1.35 times a robust "
                "spread of the errors.",
                "SmoothL1 with beta is this loss divided by beta.",
            ),
        ),
        references=(_HUBER,),
    )
)


def _log_cosh(xp: Any, prediction: Any, target: Any) -> Any:
    d = prediction - target
    # Two exact halves: log(cosh d) = -log1p(-tanh² d) / 2 loses nothing near 0, the other nothing far away.
    near, squashed = xp.abs0(d) < 1, xp.tanh(clip(xp, d, -1.0, 1.0))
    far = xp.at_least(xp.abs0(d), 1.0)
    log = xp.log1p(xp.where(near, -squashed * squashed, xp.exp(-2 * far)))
    return xp.where(near, -0.5 * log, far + log - math.log(2))


def _log_cosh_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.tanh(prediction - target)


def _log_cosh_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    squashed = xp.tanh(prediction - target)
    return 1 - squashed * squashed


log_cosh = register(
    Loss(
        name="log_cosh",
        object_name="LogCosh",
        aliases=("logcosh",),
        title="Log-cosh",
        summary="Logarithm of the hyperbolic cosine of the error: a Huber loss that is smooth everywhere.",
        task="regression",
        layout="element",
        value=_log_cosh,
        gradient=_log_cosh_gradient,
        hessian=_log_cosh_hessian,
        prediction=REAL,
        target=REAL,
        formula=r"\log \cosh(p - t)",
        gradient_formula=r"\tanh(p - t)",
        best_constant=constants.convex(_log_cosh_gradient),
        example=([2.0, 3.0], [1.0, 5.0], 0.879392),
        advice=Advice(
            use="As Huber, where a second derivative is wanted everywhere (boosting, Newton steps).",
            avoid="Errors are not of order 1: it has no delta, so scale the target instead.",
            good_value="Compare with the best constant; for small errors half the MSE, for large MAE - log 2.",
            pitfalls=("The textbook form log((e^d + e^-d) / 2) overflows for large errors and loses digits near 0.",),
        ),
        references=(
            Reference(
                text="R. A. Saleh, A. K. Md. E. Saleh (2022). Statistical properties of the log-cosh loss function",
                link="https://arxiv.org/abs/2208.04564",
            ),
        ),
    )
)


def _squared_log(xp: Any, prediction: Any, target: Any) -> Any:
    d = xp.log1p(prediction) - xp.log1p(target)
    return d * d


def _squared_log_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.divide(2 * (xp.log1p(prediction) - xp.log1p(target)), 1 + prediction)


squared_logarithmic_error = register(
    Loss(
        name="squared_logarithmic_error",
        object_name="SquaredLogarithmicError",
        aliases=("msle", "mean_squared_logarithmic_error"),
        title="Squared logarithmic error",
        summary="Squared error of log(1 + x): relative errors count, over- and underestimates by a factor alike.",
        task="regression",
        layout="element",
        value=_squared_log,
        gradient=_squared_log_gradient,
        prediction=Domain(role="values", low=-1.0, low_included=False),
        target=NONNEGATIVE,
        formula=r"(\log(1 + p) - \log(1 + t))^2",
        gradient_formula=r"\frac{2 (\log(1 + p) - \log(1 + t))}{1 + p}",
        best_constant=constants.log_mean,
        example=([2.0, 3.0], [1.0, 5.0], 0.164402),
        advice=Advice(
            use="Counts, prices and sizes that span orders of magnitude, zero included.",
            avoid="Negative targets, or sums that must come out right: it predicts below the mean.",
            good_value="Compare with the best constant, exp(mean log(1 + t)) - 1; its root is about a relative error.",
            pitfalls=("Predictions at or below -1 have no logarithm: end the model with softplus or exp.",),
        ),
        references=(_GNEITING,),
    )
)


def _scale(xp: Any, target: Any, epsilon: float) -> Any:
    return xp.at_least(xp.abs0(target), epsilon)


def _percentage(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    return 100 * xp.divide(xp.abs0(prediction - target), _scale(xp, target, epsilon))


def _percentage_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    return 100 * xp.divide(xp.sign0(prediction - target), _scale(xp, target, epsilon))


absolute_percentage_error = register(
    Loss(
        name="absolute_percentage_error",
        object_name="AbsolutePercentageError",
        aliases=("mape", "mean_absolute_percentage_error"),
        title="Absolute percentage error",
        summary="Absolute error in per cent of the target.",
        task="regression",
        layout="element",
        value=_percentage,
        gradient=_percentage_gradient,
        prediction=REAL,
        target=Domain(role="values", excluded=0.0, neutral=1.0),
        parameters=(
            Parameter(
                name="epsilon",
                default=0.0,
                low=0.0,
                meaning="Smallest size that a target is divided by; above 0 it admits targets of 0.",
            ),
        ),
        formula=r"100 \frac{|p - t|}{\max(|t|, \epsilon)}",
        gradient_formula=r"\frac{100 \operatorname{sign}(p - t)}{\max(|t|, \epsilon)}",
        best_constant=constants.relative_median,
        example=([2.0, 3.0], [1.0, 5.0], 70.0),
        advice=Advice(
            use="Targets well away from 0 whose relative error matters to those who read the number.",
            avoid="Targets at or near 0, or of both signs: one small target outweighs all the rest.",
            good_value="Always answering the median weighted by 1/|t| is the yardstick, not 100 %.",
            pitfalls=(
                "It favours low predictions: an underestimate costs at most 100 %, an overestimate has no limit.",
                "Keras divides by at least 1e-7, so a target of 0 scores about 1e9 %; here it is an error unless "
                "epsilon says otherwise.",
            ),
        ),
        references=(_GNEITING,),
    )
)
