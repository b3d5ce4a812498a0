"""Likelihoods of targets that are not negative, from their mean: gamma, Tweedie and negative binomial."""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import stirling_error
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import NONNEGATIVE, POSITIVE, REAL

_GLM = Reference(
    text="P. McCullagh, J. A. Nelder (1989). Generalized Linear Models, 2nd ed., chapter 8",
    link="https://doi.org/10.1201/9780203753736",
)
_JORGENSEN = Reference(
    text="B. Jørgensen (1987). Exponential dispersion models. Journal of the Royal Statistical Society B 49(2)",
    link="https://doi.org/10.1111/j.2517-6161.1987.tb01685.x",
)
_SMYTH = Reference(
    text="G. K. Smyth, B. Jørgensen (2002). Fitting Tweedie's compound Poisson model to insurance claims data. ASTIN "
    "Bulletin 32(1)",
    link="https://doi.org/10.2143/AST.32.1.1020",
)
_DROPPED = (
    "Only differences mean something, as terms of the target alone are dropped: compare with always answering the mean."
)
_GAMMA = Advice(
    use="Positive amounts whose spread grows with their size: claims, durations, prices. Relative errors count.",
    avoid="Targets of 0 (take tweedie), or spread that does not grow with the mean.",
    good_value=_DROPPED,
    pitfalls=(
        "Mean or log-mean is decided by the name: gamma_nll takes the mean, gamma_log_mean its logarithm, which is "
        "what a linear last layer and a boosting model give.",
        "The convention of scikit-learn and XGBoost: the likelihood divided by the shape, without terms of the target. "
        "Twice the difference from log t + 1 is the gamma deviance.",
    ),
)


def _gamma_nll(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.log(prediction) + xp.divide(target, prediction)


def _gamma_nll_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.divide(1 - xp.divide(target, prediction), prediction)


def _gamma_nll_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.divide(xp.divide(2 * xp.divide(target, prediction) - 1, prediction), prediction)


gamma_nll = register(
    Loss(
        name="gamma_nll",
        object_name="GammaNLL",
        aliases=("gamma", "gamma_negative_log_likelihood"),
        title="Gamma",
        summary="Negative log-likelihood of a positive target under a gamma distribution with predicted mean.",
        task="regression",
        layout="element",
        value=_gamma_nll,
        gradient=_gamma_nll_gradient,
        hessian=_gamma_nll_hessian,
        prediction=POSITIVE,
        target=POSITIVE,
        formula=r"\log p + \frac{t}{p}",
        gradient_formula=r"\frac{p - t}{p^2}",
        dropped=r"-\log t - 1",
        best_constant=constants.mean,
        example=([2.0, 3.0], [1.0, 5.0], 1.979213),
        advice=_GAMMA,
        references=(_GLM,),
    )
)


def _gamma_log_mean(xp: Any, prediction: Any, target: Any) -> Any:
    return prediction + target * xp.exp(-prediction)


def _gamma_log_mean_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return 1 - target * xp.exp(-prediction)


def _gamma_log_mean_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return target * xp.exp(-prediction)


gamma_log_mean = register(
    Loss(
        name="gamma_log_mean",
        object_name="GammaLogMean",
        title="Gamma on the log-mean",
        summary="Negative log-likelihood of a positive target under the gamma distribution of a predicted log-mean.",
        task="regression",
        layout="element",
        value=_gamma_log_mean,
        gradient=_gamma_log_mean_gradient,
        hessian=_gamma_log_mean_hessian,
        prediction=REAL,
        target=POSITIVE,
        formula=r"p + t e^{-p}",
        gradient_formula=r"1 - t e^{-p}",
        dropped=r"-\log t - 1",
        best_constant=constants.log_of_mean,
        example=([0.7, 1.1], [1.0, 5.0], 1.98047),
        advice=_GAMMA,
        references=(_GLM,),
    )
)

_POWER = Parameter(
    name="power",
    default=1.5,
    low=1.0,
    high=2.0,
    low_included=False,
    high_included=False,
    meaning="The variance grows as the mean to this power: near 1 as counts do, near 2 as gamma amounts do.",
)
_TWEEDIE = Advice(
    use="Totals that are often exactly 0 and otherwise positive: claims per policy, rain per day, sales per item.",
    avoid="No zeros (take gamma_nll), or counts (take poisson or negative_binomial_nll).",
    good_value=f"{_DROPPED} Values under different powers do not compare.",
    pitfalls=(
        "Mean or log-mean is decided by the name: tweedie takes the mean, tweedie_log_mean its logarithm, which is "
        "what a linear last layer and a boosting model give.",
        "The convention of XGBoost and scikit-learn: half the deviance, without the terms of the target.",
        "Choose the power by a score that does not depend on it, not by this value.",
    ),
)
_TWEEDIE_DROPPED = r"\frac{t^{2 - \rho}}{(1 - \rho) (2 - \rho)}"


def _tweedie_of_log(xp: Any, log_mean: Any, target: Any, power: Any) -> Any:
    some = xp.where(target == 0, xp.zeros_like(log_mean), log_mean)  # 0 times infinity is not wanted
    return xp.exp((2 - power) * log_mean) / (2 - power) + target * xp.exp((1 - power) * some) / (power - 1)


def _tweedie_slope(xp: Any, log_mean: Any, target: Any, power: Any, up: Any, down: Any) -> Any:
    some = xp.where(target == 0, xp.zeros_like(log_mean), log_mean)
    return up * xp.exp((2 - power) * log_mean) + down * target * xp.exp((1 - power) * some)


def _tweedie(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    return _tweedie_of_log(xp, xp.log(prediction), target, power)


def _tweedie_gradient(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    share = 1 - xp.divide(target, prediction)
    return xp.exp((1 - power) * xp.log(prediction)) * share


def _tweedie_hessian(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    bend = power * xp.divide(target, prediction) + (1 - power)
    return xp.divide(xp.exp((1 - power) * xp.log(prediction)) * bend, prediction)


tweedie = register(
    Loss(
        name="tweedie",
        object_name="Tweedie",
        aliases=("tweedie_nll", "tweedie_deviance"),
        title="Tweedie",
        summary="Negative quasi-log-likelihood of an amount that may be 0, under a predicted mean.",
        task="regression",
        layout="element",
        value=_tweedie,
        gradient=_tweedie_gradient,
        hessian=_tweedie_hessian,
        prediction=POSITIVE,
        target=NONNEGATIVE,
        parameters=(_POWER,),
        formula=r"\frac{p^{2 - \rho}}{2 - \rho} + \frac{t p^{1 - \rho}}{\rho - 1}",
        gradient_formula=r"p^{-\rho} (p - t)",
        dropped=_TWEEDIE_DROPPED,
        best_constant=constants.mean,
        example=([2.0, 3.0], [1.0, 5.0], 6.740122),
        advice=_TWEEDIE,
        references=(_JORGENSEN, _SMYTH),
    )
)


def _tweedie_log_mean(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    return _tweedie_of_log(xp, prediction, target, power)


def _tweedie_log_mean_gradient(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    return _tweedie_slope(xp, prediction, target, power, 1, -1)


def _tweedie_log_mean_hessian(xp: Any, prediction: Any, target: Any, *, power: Any) -> Any:
    return _tweedie_slope(xp, prediction, target, power, 2 - power, power - 1)


tweedie_log_mean = register(
    Loss(
        name="tweedie_log_mean",
        object_name="TweedieLogMean",
        title="Tweedie on the log-mean",
        summary="Negative quasi-log-likelihood of an amount that may be 0, under the predicted logarithm of its mean.",
        task="regression",
        layout="element",
        value=_tweedie_log_mean,
        gradient=_tweedie_log_mean_gradient,
        hessian=_tweedie_log_mean_hessian,
        prediction=REAL,
        target=NONNEGATIVE,
        parameters=(_POWER,),
        formula=r"\frac{e^{(2 - \rho) p}}{2 - \rho} + \frac{t e^{(1 - \rho) p}}{\rho - 1}",
        gradient_formula=r"e^{(2 - \rho) p} - t e^{(1 - \rho) p}",
        dropped=_TWEEDIE_DROPPED,
        best_constant=constants.log_of_mean,
        example=([0.7, 1.1], [1.0, 5.0], 6.741758),
        advice=_TWEEDIE,
        references=(_JORGENSEN, _SMYTH),
    )
)


def _log_share(xp: Any, step: Any, ratio: Any) -> Any:
    """``log(1 + step)``, where ``ratio`` is ``1 + step`` known exactly, which serves where step nears -1."""
    down = step < -0.5
    zeros = xp.zeros_like(step)
    return xp.where(down, xp.log(xp.where(down, ratio, zeros + 1)), xp.log1p(xp.where(down, zeros, step)))


def _negative_binomial(xp: Any, prediction: Any, target: Any, *, dispersion: Any) -> Any:
    """Loader's form: half the deviance, which vanishes at p = t, plus what Stirling's formula leaves.

    Each term is of the size of the value, where the textbook's log Γ of a large count would leave float32 no digits.
    """
    counted = target > 0
    t = xp.where(counted, target, xp.zeros_like(target) + 1)
    seen, grown = 1 + dispersion * t, 1 + dispersion * prediction
    e = prediction - t
    first = t * _log_share(xp, xp.divide(e, t * grown), xp.divide(prediction, t) * xp.divide(seen, grown))
    second = _log_share(xp, xp.divide(-dispersion * e, grown), xp.divide(seen, grown)) / dispersion
    r = xp.zeros_like(t) + 1 / dispersion
    rest = 0.5 * xp.log(2 * math.pi * t * seen) + (
        stirling_error(xp, t) + stirling_error(xp, r) - stirling_error(xp, t + r)
    )
    none = xp.log1p(dispersion * prediction) / dispersion
    return xp.where(counted, rest - first - second, none)


def _negative_binomial_gradient(xp: Any, prediction: Any, target: Any, *, dispersion: Any) -> Any:
    return xp.divide(1 - xp.divide(target, prediction), 1 + dispersion * prediction)


def _negative_binomial_hessian(xp: Any, prediction: Any, target: Any, *, dispersion: Any) -> Any:
    grown = 1 + dispersion * prediction
    share = xp.divide(target, prediction)
    return xp.divide(xp.divide(share, prediction) - xp.divide(dispersion * (1 - share), grown), grown)


negative_binomial_nll = register(
    Loss(
        name="negative_binomial_nll",
        object_name="NegativeBinomialNLL",
        aliases=("negative_binomial", "nb_nll"),
        title="Negative binomial",
        summary="Negative log-likelihood of a count that varies more than a Poisson count of the predicted mean.",
        task="regression",
        layout="element",
        value=_negative_binomial,
        gradient=_negative_binomial_gradient,
        hessian=_negative_binomial_hessian,
        prediction=POSITIVE,
        target=NONNEGATIVE,
        parameters=(
            Parameter(
                name="dispersion",
                default=1.0,
                low=0.0,
                low_included=False,
                high_included=False,
                meaning="alpha: the variance is p + alpha p². Near 0 it is a Poisson count.",
            ),
        ),
        formula=r"\log \frac{\Gamma(t + 1) \Gamma(1 / \alpha)}{\Gamma(t + 1 / \alpha)} + "
        r"(t + \frac{1}{\alpha}) \log(1 + \alpha p) - t \log(\alpha p)",
        gradient_formula=r"\frac{p - t}{p (1 + \alpha p)}",
        best_constant=constants.mean,
        example=([2.0, 3.0], [1.0, 5.0], 2.164391),
        advice=Advice(
            use="Counts whose variance exceeds the mean: reads of genes, visits, sales.",
            avoid="The variance is about the mean (take poisson, which needs no dispersion).",
            good_value="A full likelihood: values compare between models and dispersions. Compare with always "
            "answering the mean.",
            pitfalls=(
                "Called NB2. Others give r = 1 / alpha (SciPy's n, PyTorch's total_count) and a probability or logit "
                "of success in place of the mean.",
                "Nothing is dropped; libraries that leave out the Γ terms give other values with the same gradient.",
            ),
        ),
        references=(
            Reference(
                text="J. M. Hilbe (2011). Negative Binomial Regression, 2nd ed.",
                link="https://doi.org/10.1017/CBO9780511973420",
            ),
        ),
    )
)
