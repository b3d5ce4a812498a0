"""Negative log-likelihoods and divergences of distributions."""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import log_floor, log_floor_slope, mul0, xdivy, xlogy
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import DISTRIBUTION, NONNEGATIVE, REAL, Domain

_KULLBACK = Reference(
    text="S. Kullback, R. A. Leibler (1951). On information and sufficiency. Annals of Mathematical Statistics 22(1)",
    link="https://doi.org/10.1214/aoms/1177729694",
)
_GLM = Reference(
    text="P. McCullagh, J. A. Nelder (1989). Generalized Linear Models, 2nd ed., chapter 6",
    link="https://doi.org/10.1201/9780203753736",
)
_FULL = Parameter(
    name="full",
    default=False,
    kind="bool",
    meaning="Add Stirling's approximation of log(t!) for targets above 1, so that values compare between data sets.",
)
_COUNTS = Advice(
    use="Counts per unit of time or space: visits, defects, claims.",
    avoid="The variance exceeds the mean by far (take a negative binomial), or the target is not a count or a rate.",
    good_value="Only differences mean something, as log(t!) is dropped: compare with always answering the mean.",
    pitfalls=(
        "Rate or log-rate is decided by the name: poisson takes the rate, poisson_log_rate its logarithm, which is "
        "what a linear last layer gives.",
        "The value may be negative; that is no error.",
    ),
)


def _stirling(xp: Any, target: Any) -> Any:
    """log(t!) for t > 1 by Stirling's formula, 0 below: no gradient with respect to the prediction."""
    t = xp.at_least(target, 1.0)
    return xp.where(target > 1, t * xp.log(t) - t + 0.5 * xp.log(2 * math.pi * t), xp.zeros_like(t))


def _poisson(xp: Any, prediction: Any, target: Any, *, epsilon: float, full: bool) -> Any:
    value = prediction - xlogy(xp, target, prediction + epsilon)
    return value + _stirling(xp, target) if full else value


def _poisson_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float, full: bool) -> Any:
    return 1 - xdivy(xp, target, prediction + epsilon)


poisson = register(
    Loss(
        name="poisson",
        object_name="Poisson",
        aliases=("poisson_nll",),
        title="Poisson",
        summary="Negative log-likelihood of a count under a predicted rate, without the constant log(t!).",
        task="regression",
        layout="element",
        value=_poisson,
        gradient=_poisson_gradient,
        prediction=NONNEGATIVE,
        target=NONNEGATIVE,
        parameters=(
            Parameter(name="epsilon", default=0.0, low=0.0, meaning="Added to the rate inside the logarithm."),
            _FULL,
        ),
        formula=r"p - t \log(p + \epsilon)",
        gradient_formula=r"1 - \frac{t}{p + \epsilon}",
        dropped=r"\log(t!)",
        best_constant=constants.mean,
        example=([2.0, 3.0], [1.0, 5.0], -0.593104),
        advice=_COUNTS,
        references=(_GLM,),
    )
)


def _poisson_log_rate(xp: Any, prediction: Any, target: Any, *, full: bool) -> Any:
    value = xp.exp(prediction) - mul0(xp, target, prediction)
    return value + _stirling(xp, target) if full else value


def _poisson_log_rate_gradient(xp: Any, prediction: Any, target: Any, *, full: bool) -> Any:
    return xp.exp(prediction) - target


def _poisson_log_rate_hessian(xp: Any, prediction: Any, target: Any, *, full: bool) -> Any:
    return xp.exp(prediction)


poisson_log_rate = register(
    Loss(
        name="poisson_log_rate",
        object_name="PoissonLogRate",
        title="Poisson on the log-rate",
        summary="Negative log-likelihood of a count under the exponential of the prediction, without log(t!).",
        task="regression",
        layout="element",
        value=_poisson_log_rate,
        gradient=_poisson_log_rate_gradient,
        hessian=_poisson_log_rate_hessian,
        prediction=REAL,
        target=NONNEGATIVE,
        parameters=(_FULL,),
        formula=r"e^{p} - t p",
        gradient_formula=r"e^{p} - t",
        dropped=r"\log(t!)",
        best_constant=constants.log_of_mean,
        example=([0.7, 1.1], [1.0, 5.0], -0.591041),
        advice=_COUNTS,
        references=(_GLM,),
    )
)


def _kl_log(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sum(xlogy(xp, target, target) - mul0(xp, target, prediction), axis=-1)


def _kl(xp: Any, prediction: Any, target: Any) -> Any:
    return _kl_log(xp, log_floor(xp, prediction), target)


def _kl_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return -target * log_floor_slope(xp, prediction)


kl_divergence = register(
    Loss(
        name="kl_divergence",
        object_name="KLDivergence",
        aliases=("kld", "kl", "kullback_leibler_divergence"),
        title="Kullback-Leibler divergence",
        summary="Nats lost by coding the target distribution with the predicted one; 0 when they agree.",
        task="distribution",
        layout="row",
        value=_kl,
        gradient=_kl_gradient,
        prediction=DISTRIBUTION,
        target=DISTRIBUTION,
        formula=r"\sum_{c} t_c (\log t_c - \max(\log p_c, -100))",
        gradient_formula=r"-\frac{t_c}{p_c}",
        best_constant=constants.mean,
        example=([[0.5, 0.5]], [[0.25, 0.75]], 0.130812),
        advice=Advice(
            use="The target is a distribution: distillation, label distributions, variational terms.",
            avoid="The target is one class: it then equals the cross-entropy, which says so by its name.",
            good_value="0 is perfect; always answering the mean distribution scores the mutual information between "
            "row and class.",
            pitfalls=(
                "It is not symmetric: here the target is the reference, KL(target || prediction).",
                "PyTorch's KLDivLoss takes log-probabilities and by default divides by the number of elements, not "
                "rows; that form is kl_divergence_log_probabilities.",
            ),
        ),
        references=(_KULLBACK,),
    )
)


def _kl_log_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.zeros_like(prediction) - target


kl_divergence_log_probabilities = register(
    Loss(
        name="kl_divergence_log_probabilities",
        object_name="KLDivergenceLogProbabilities",
        title="Kullback-Leibler divergence on log-probabilities",
        summary="Nats lost by coding the target distribution with predicted log-probabilities; 0 when they agree.",
        task="distribution",
        layout="row",
        value=_kl_log,
        gradient=_kl_log_gradient,
        prediction=Domain(role="log_probabilities", neutral=-1.0),
        target=DISTRIBUTION,
        formula=r"\sum_{c} t_c (\log t_c - p_c)",
        gradient_formula=r"-t_c",
        best_constant=constants.log_of_mean,
        example=([[-0.693147, -0.693147]], [[0.25, 0.75]], 0.130812),
        advice=Advice(
            use="The model ends in log_softmax and the target is a distribution.",
            avoid="You have probabilities: take kl_divergence. You have logits and one true class: take "
            "softmax_cross_entropy.",
            good_value="0 is perfect; always answering the mean distribution scores the mutual information between "
            "row and class.",
            pitfalls=(
                "Logits given here are an error, because their exponentials do not sum to 1.",
                'PyTorch\'s KLDivLoss divides by the number of elements unless told "batchmean".',
            ),
        ),
        references=(_KULLBACK,),
    )
)
