"""Likelihoods and scores of a predicted distribution: where its middle lies is the prediction, how wide it is an extra.

``crps_ensemble`` takes the distribution as a handful of samples instead.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import log1p_square, over_one_plus_square
from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import POSITIVE, REAL

_NIX = Reference(
    text="D. A. Nix, A. S. Weigend (1994). Estimating the mean and variance of the target probability "
    "distribution. ICNN",
    link="https://doi.org/10.1109/ICNN.1994.374138",
)
_SCORES = Reference(
    text="T. Gneiting, A. E. Raftery (2007). Strictly proper scoring rules, prediction, and estimation. JASA 102(477)",
    link="https://doi.org/10.1198/016214506000001437",
)
_SCALE = Extra(name="scale", domain=POSITIVE, meaning="Predicted width of the distribution, in units of the target.")
_POSITIVE_PART = (
    "End the model's second output with softplus plus a small number: a width that reaches 0 on one point makes the "
    "loss minus infinity there."
)
_GOOD = (
    "Only differences mean something: compare with always answering the target's own middle and width. It may be "
    "negative."
)


def _gaussian_nll(xp: Any, prediction: Any, target: Any, *, variance: Any, epsilon: Any, full: bool) -> Any:
    v = xp.at_least(variance, epsilon)
    d = prediction - target
    value = 0.5 * (xp.log(v) + d * xp.divide(d, v))
    return value + 0.5 * math.log(2 * math.pi) if full else value


def _gaussian_nll_gradient(xp: Any, prediction: Any, target: Any, *, variance: Any, epsilon: Any, full: bool) -> Any:
    return xp.divide(prediction - target, xp.at_least(variance, epsilon))


gaussian_nll = register(
    Loss(
        name="gaussian_nll",
        object_name="GaussianNLL",
        aliases=("gaussian_negative_log_likelihood", "normal_nll"),
        title="Gaussian negative log-likelihood",
        summary="Negative log-likelihood of the target under a normal distribution with predicted mean and variance.",
        task="regression",
        layout="element",
        value=_gaussian_nll,
        gradient=_gaussian_nll_gradient,
        prediction=REAL,
        target=REAL,
        extras=(
            Extra(name="variance", domain=POSITIVE, meaning="Predicted variance, in squared units of the target."),
        ),
        parameters=(
            Parameter(name="epsilon", default=1e-6, low=0.0, meaning="Smallest variance that is divided by."),
            Parameter(name="full", default=False, kind="bool", meaning="Add the constant log(2π) / 2."),
        ),
        formula=r"\frac{1}{2} (\log v + \frac{(p - t)^2}{v})",
        gradient_formula=r"\frac{p - t}{v}",
        dropped=r"\frac{1}{2} \log(2 \pi)",
        example=([2.0, 3.0], [1.0, 5.0], 0.846574),
        example_extras={"variance": [1.0, 4.0]},
        advice=Advice(
            use="Each prediction should say how sure it is, and errors are roughly normal given that.",
            avoid="Outliers are common (take student_t_nll), or the target's own units are wanted (crps_gaussian).",
            good_value=_GOOD,
            pitfalls=(
                "The extra is the variance, not its root.",
                "Below epsilon the variance counts as epsilon and has no gradient; above it is left as it is. PyTorch "
                "lets a gradient through there that belongs to the clamped value and is up to 1e12 in size.",
                "Mean and variance trained together may stall where the mean is bad and the variance large: train the "
                "mean by squared error first.",
            ),
        ),
        references=(_NIX,),
    )
)


def _laplace_nll(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    return math.log(2) + xp.log(scale) + xp.divide(xp.abs0(prediction - target), scale)


def _laplace_nll_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    return xp.divide(xp.sign0(prediction - target), scale)


laplace_nll = register(
    Loss(
        name="laplace_nll",
        object_name="LaplaceNLL",
        aliases=("laplace_negative_log_likelihood",),
        title="Laplace negative log-likelihood",
        summary="Negative log-likelihood of the target under a Laplace distribution with predicted median and scale.",
        task="regression",
        layout="element",
        value=_laplace_nll,
        gradient=_laplace_nll_gradient,
        prediction=REAL,
        target=REAL,
        extras=(_SCALE,),
        formula=r"\log(2 s) + \frac{|p - t|}{s}",
        gradient_formula=r"\frac{\operatorname{sign}(p - t)}{s}",
        example=([2.0, 3.0], [1.0, 5.0], 2.039721),
        example_extras={"scale": [1.0, 2.0]},
        advice=Advice(
            use="Each prediction should say how far off it is by absolute error: the best scale is the mean of that.",
            avoid="Errors are normal given the inputs: take gaussian_nll.",
            good_value=_GOOD,
            pitfalls=(
                "The scale is the mean absolute error, not the standard deviation, which is 1.41 times it.",
                _POSITIVE_PART,
            ),
        ),
        references=(
            Reference(
                text="S. Kotz, T. J. Kozubowski, K. Podgórski (2001). The Laplace Distribution and Generalizations",
                link="https://doi.org/10.1007/978-1-4612-0173-1",
            ),
        ),
    )
)


def _half_step(log: Any, x: Any) -> Any:
    """``log Γ(x + 1/2) - log Γ(x)``: a series from 8 on, and the recurrence of Γ to get there; nothing cancels."""
    y = x + 8
    value = 0.5 * log(y)
    for power, factor in ((1, -1 / 8), (3, 1 / 192), (5, -1 / 640), (7, 17 / 14336), (9, -31 / 18432)):
        value = value + factor / y**power
    for k in range(8):
        value = value + log((x + k) / (x + k + 0.5))
    return value


def _student_t_nll(xp: Any, prediction: Any, target: Any, *, scale: Any, df: Any) -> Any:
    log = xp.log if hasattr(df, "dtype") else math.log
    constant = 0.5 * log(math.pi * df) - _half_step(log, 0.5 * df)
    r = xp.divide(prediction - target, scale)
    return constant + xp.log(scale) + 0.5 * (df + 1) * log1p_square(xp, r / df**0.5)


def _student_t_nll_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any, df: Any) -> Any:
    wide = scale * df**0.5
    return (df + 1) * xp.divide(over_one_plus_square(xp, xp.divide(prediction - target, wide)), wide)


student_t_nll = register(
    Loss(
        name="student_t_nll",
        object_name="StudentTNLL",
        aliases=("student_t", "t_nll"),
        title="Student's t negative log-likelihood",
        summary="Negative log-likelihood of the target under Student's t with predicted middle and scale.",
        task="regression",
        layout="element",
        value=_student_t_nll,
        gradient=_student_t_nll_gradient,
        prediction=REAL,
        target=REAL,
        extras=(_SCALE,),
        parameters=(
            Parameter(
                name="df",
                default=4.0,
                low=0.0,
                low_included=False,
                high_included=False,
                meaning="Degrees of freedom: 1 is the Cauchy distribution, above 30 it is nearly normal.",
            ),
        ),
        formula=r"\frac{\nu + 1}{2} \log(1 + \frac{(p - t)^2}{\nu s^2}) + \log(s \sqrt{\nu \pi}) + "
        r"\log \frac{\Gamma(\nu / 2)}{\Gamma((\nu + 1) / 2)}",
        gradient_formula=r"\frac{(\nu + 1) (p - t)}{\nu s^2 + (p - t)^2}",
        example=([2.0, 3.0], [1.0, 5.0], 1.885262),
        example_extras={"scale": [1.0, 2.0]},
        advice=Advice(
            use="Each prediction should say how wide it is, and outliers are part of the world: returns, sensors.",
            avoid="You only need a robust middle: take cauchy or Huber, which need no scale.",
            good_value=_GOOD,
            pitfalls=(
                "The scale is not the standard deviation, which is the root of df / (df - 2) times it, for df above 2.",
                "It is not convex in the prediction: start near the middle.",
                _POSITIVE_PART,
            ),
        ),
        references=(
            Reference(
                text="K. L. Lange, R. J. A. Little, J. M. G. Taylor (1989). Robust statistical modeling using the t "
                "distribution. JASA 84(408)",
                link="https://doi.org/10.1080/01621459.1989.10478852",
            ),
        ),
    )
)


def _log_normal_nll(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    log_target = xp.log(target)
    z = xp.divide(prediction - log_target, scale)
    return log_target + xp.log(scale) + (0.5 * math.log(2 * math.pi) + 0.5 * z * z)


def _log_normal_nll_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    return xp.divide(xp.divide(prediction - xp.log(target), scale), scale)


log_normal_nll = register(
    Loss(
        name="log_normal_nll",
        object_name="LogNormalNLL",
        aliases=("lognormal_nll",),
        title="Log-normal negative log-likelihood",
        summary="Negative log-likelihood of a target whose logarithm is normal with predicted mean and scale.",
        task="regression",
        layout="element",
        value=_log_normal_nll,
        gradient=_log_normal_nll_gradient,
        prediction=REAL,
        target=POSITIVE,
        extras=(
            Extra(name="scale", domain=POSITIVE, meaning="Predicted standard deviation of the target's logarithm."),
        ),
        formula=r"\log t + \log s + \frac{1}{2} \log(2 \pi) + \frac{(p - \log t)^2}{2 s^2}",
        gradient_formula=r"\frac{p - \log t}{s^2}",
        example=([0.0, 1.0], [1.0, 5.0], 2.093444),
        example_extras={"scale": [1.0, 2.0]},
        advice=Advice(
            use="Positive targets over orders of magnitude whose relative error is what varies: durations, incomes.",
            avoid="Targets of 0 (take tweedie), or totals must come out right (take gamma_nll).",
            good_value=_GOOD,
            pitfalls=(
                "The prediction is the mean of the logarithm: its exponential is the target's median; the target's "
                "mean is exp(p + s² / 2).",
                "log t is included: values compare with those of other likelihoods of the same target.",
                _POSITIVE_PART,
            ),
        ),
        references=(
            Reference(
                text="E. L. Crow, K. Shimizu (1988). Lognormal Distributions: Theory and Applications",
                link="https://doi.org/10.1201/9780203748664",
            ),
        ),
    )
)
