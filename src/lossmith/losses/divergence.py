"""Divergences between two distributions, or two nonnegative vectors, on the last axis."""

from __future__ import annotations

from typing import Any

from ..arrays.composite import TINY, entropy_gap, log_floor, log_floor_slope
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import DISTRIBUTION, NONNEGATIVE

_LIN = Reference(
    text="J. Lin (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Information Theory 37(1)",
    link="https://doi.org/10.1109/18.61115",
)
_AGARWAL = Reference(
    text="R. Agarwal et al. (2024). On-policy distillation of language models. ICLR",
    link="https://arxiv.org/abs/2306.13649",
)
_CSISZAR = Reference(
    text="I. Csiszár (1991). Why least squares and maximum entropy? Annals of Statistics 19(4)",
    link="https://doi.org/10.1214/aos/1176348385",
)


def _safe(xp: Any, keep: Any, x: Any, other: float = 1.0) -> Any:
    return xp.where(keep, x, xp.zeros_like(x) + other)


def _log_near(xp: Any, y: Any, x: Any) -> Any:
    """The floored ``log y``, from ``x``, which is ``y - 1`` known exactly, where that is small."""
    close = xp.abs0(x) < 0.2
    return xp.where(close, xp.log1p(_safe(xp, close, x, 0.0)), log_floor(xp, y))


def _mixture(xp: Any, prediction: Any, target: Any, beta: Any) -> tuple[Any, Any, Any]:
    """The mixture ``m``; where it is above 0; and it with 1 in all other places."""
    mixture = beta * target + (1 - beta) * prediction
    some = mixture > 0
    return mixture, some, _safe(xp, some, mixture)


def _share(xp: Any, prediction: Any, target: Any, some: Any, divisor: Any, beta: Any) -> tuple[Any, Any]:
    """``p / m`` and ``p / m - 1``; where both are 0, their limits for a target of 0."""
    share = _safe(xp, some, xp.divide(prediction, divisor), 1 / (1 - beta))
    return share, _safe(xp, some, xp.divide(beta * (prediction - target), divisor), beta / (1 - beta))


def _jensen_shannon(xp: Any, prediction: Any, target: Any, *, beta: Any) -> Any:
    mixture, some, divisor = _mixture(xp, prediction, target, beta)
    away = _safe(xp, some, xp.divide((1 - beta) * (target - prediction), divisor), -1.0)
    of_target = entropy_gap(xp, xp.divide(target, divisor), away)
    of_prediction = entropy_gap(xp, *_share(xp, prediction, target, some, divisor, beta))
    return xp.sum(mixture * (beta * of_target + (1 - beta) * of_prediction), axis=-1)


def _jensen_shannon_gradient(xp: Any, prediction: Any, target: Any, *, beta: Any) -> Any:
    _, some, divisor = _mixture(xp, prediction, target, beta)
    share, step = _share(xp, prediction, target, some, divisor, beta)
    return (1 - beta) * (_log_near(xp, share, step) + (xp.at_most(share, TINY) / TINY - 1))


jensen_shannon = register(
    Loss(
        name="jensen_shannon",
        object_name="JensenShannon",
        aliases=("jensen_shannon_divergence", "jsd", "generalised_jensen_shannon"),
        title="Jensen-Shannon divergence",
        summary="Nats lost by coding both distributions with their mixture; 0 when they agree, never infinite.",
        task="distribution",
        layout="row",
        value=_jensen_shannon,
        gradient=_jensen_shannon_gradient,
        prediction=DISTRIBUTION,
        target=DISTRIBUTION,
        parameters=(
            Parameter(
                name="beta",
                default=0.5,
                low=0.0,
                high=1.0,
                low_included=False,
                high_included=False,
                meaning="Share of the target in the mixture, and weight of its divergence from it.",
            ),
        ),
        formula=r"\sum_{c} (\beta t_c \log \frac{t_c}{m_c} + (1 - \beta) p_c \log \frac{p_c}{m_c}), \quad "
        r"m_c = \beta t_c + (1 - \beta) p_c",
        gradient_formula=r"(1 - \beta) \log \frac{p_c}{m_c}, \quad m_c = \beta t_c + (1 - \beta) p_c",
        example=([[0.5, 0.5]], [[0.25, 0.75]], 0.033822),
        advice=Advice(
            use="Two distributions of which neither is the truth, or a student that cannot match its teacher: bounded.",
            avoid="The target is the truth: kl_divergence is then its log-likelihood.",
            good_value="0 is perfect; the worst is -beta log beta - (1 - beta) log(1 - beta), 0.693 at beta 0.5.",
            pitfalls=(
                "In nats: SciPy's jensenshannon is the root of this, and its base may be 2.",
                "For beta near 0, divided by beta it is the divergence KL(target || prediction); near 1, divided by "
                "1 - beta, the reverse one. Libraries for distillation put those at the ends; here they are losses of "
                "their own.",
                "The logarithm of a share that is exactly 0 is -100: the gradient there stays finite.",
            ),
        ),
        references=(_LIN, _AGARWAL),
    )
)


def _total_variation(xp: Any, prediction: Any, target: Any) -> Any:
    return 0.5 * xp.sum(xp.abs0(prediction - target), axis=-1)


def _total_variation_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return 0.5 * xp.sign0(prediction - target)


total_variation = register(
    Loss(
        name="total_variation",
        object_name="TotalVariation",
        aliases=("total_variation_distance", "tvd"),
        title="Total variation distance",
        summary="The share of probability that lies in other classes than it should.",
        task="distribution",
        layout="row",
        value=_total_variation,
        gradient=_total_variation_gradient,
        prediction=DISTRIBUTION,
        target=DISTRIBUTION,
        formula=r"\frac{1}{2} \sum_{c} |p_c - t_c|",
        gradient_formula=r"\frac{1}{2} \operatorname{sign}(p_c - t_c)",
        example=([[0.5, 0.5]], [[0.25, 0.75]], 0.25),
        advice=Advice(
            use="A number that people understand: the largest difference in probability of any event.",
            avoid="Training from scratch: its gradient does not know how wrong a class is (take a divergence).",
            good_value="0 is perfect, 1 is no overlap at all.",
            pitfalls=(
                "With the factor 1/2; without it, it is the L1 distance, up to 2.",
                "Total variation of an image, a sum over neighbouring pixels, is another thing.",
            ),
        ),
        references=(
            Reference(
                text="D. A. Levin, Y. Peres (2017). Markov Chains and Mixing Times, 2nd ed., chapter 4",
                link="https://doi.org/10.1090/mbk/107",
            ),
            Reference(
                text="Y. Wen et al. (2023). f-divergence minimization for sequence-level knowledge distillation. ACL",
                link="https://arxiv.org/abs/2307.15190",
            ),
        ),
    )
)


def _log_odds(xp: Any, prediction: Any, target: Any) -> Any:
    """``log(p / t)`` with both logarithms floored, right where the two are close."""
    ordinary = target > 10 * TINY
    step = _safe(xp, ordinary, xp.divide(prediction - target, _safe(xp, ordinary, target)))
    close = xp.abs0(step) < 0.2
    far = log_floor(xp, prediction) - log_floor(xp, target)
    return xp.where(close, xp.log1p(_safe(xp, close, step, 0.0)), far)


def _reverse_kl(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sum(prediction * _log_odds(xp, prediction, target), axis=-1)


def _reverse_kl_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return _log_odds(xp, prediction, target) + xp.at_most(prediction, TINY) / TINY


reverse_kl_divergence = register(
    Loss(
        name="reverse_kl_divergence",
        object_name="ReverseKLDivergence",
        aliases=("reverse_kl", "rkl"),
        title="Reverse Kullback-Leibler divergence",
        summary="Nats lost by coding the predicted distribution with the target; 0 when they agree.",
        task="distribution",
        layout="row",
        value=_reverse_kl,
        gradient=_reverse_kl_gradient,
        prediction=DISTRIBUTION,
        target=DISTRIBUTION,
        formula=r"\sum_{c} p_c (\max(\log p_c, -100) - \max(\log t_c, -100))",
        gradient_formula=r"\log \frac{p_c}{t_c} + 1",
        best_constant=constants.geometric_mean,
        example=([[0.5, 0.5]], [[0.25, 0.75]], 0.143841),
        advice=Advice(
            use="A student that should stay where its teacher is sure and may leave out the rest; variational fits.",
            avoid="Every class of the target must be covered: that is kl_divergence.",
            good_value="0 is perfect; compare with the normalised geometric mean of the targets.",
            pitfalls=(
                "KL(prediction || target): the prediction is where the mean is taken, the opposite of kl_divergence.",
                "A class that the target excludes costs 100 nats times its probability, not infinity.",
            ),
        ),
        references=(
            Reference(
                text="S. Kullback, R. A. Leibler (1951). On information and sufficiency. Annals of Mathematical "
                "Statistics 22(1)",
                link="https://doi.org/10.1214/aoms/1177729694",
            ),
            Reference(
                text="Y. Gu et al. (2024). MiniLLM: knowledge distillation of large language models. ICLR",
                link="https://arxiv.org/abs/2306.08543",
            ),
        ),
    )
)


def _ratio(xp: Any, prediction: Any, target: Any) -> Any:
    """``p / t``, and 1 where the target is 0 and the logarithm does not count."""
    some = target > 0
    return _safe(xp, some, xp.at_most(xp.divide(prediction, _safe(xp, some, target)), 1e30))


def _generalised_kl(xp: Any, prediction: Any, target: Any) -> Any:
    close = xp.abs0(target - prediction) < 0.2 * xp.where(target > 0, prediction, xp.zeros_like(prediction))
    base = _safe(xp, close, prediction)
    step = _safe(xp, close, xp.divide(target - base, base), 0.0)
    far = prediction - target - target * log_floor(xp, _ratio(xp, prediction, target))
    return xp.sum(xp.where(close, base * entropy_gap(xp, 1 + step, step), far), axis=-1)


def _generalised_kl_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    slope = log_floor_slope(xp, _ratio(xp, prediction, target))
    return 1 - _safe(xp, target > 0, slope, 0.0)


generalised_kl = register(
    Loss(
        name="generalised_kl",
        object_name="GeneralisedKL",
        aliases=("generalized_kl", "i_divergence", "generalised_kl_divergence"),
        title="Generalised Kullback-Leibler divergence",
        summary="Kullback-Leibler divergence of nonnegative vectors that need not sum to 1; 0 only when they agree.",
        task="distribution",
        layout="row",
        value=_generalised_kl,
        gradient=_generalised_kl_gradient,
        prediction=NONNEGATIVE,
        target=NONNEGATIVE,
        formula=r"\sum_{c} (t_c \log \frac{t_c}{p_c} - t_c + p_c)",
        gradient_formula=r"1 - \frac{t_c}{p_c}",
        best_constant=constants.mean,
        example=([[2.0, 3.0]], [[1.0, 5.0]], 0.860981),
        advice=Advice(
            use="Spectra, histograms and counts whose total matters too: nonnegative matrix factorisation.",
            avoid="Rows sum to 1: kl_divergence is then the same, and says so by its name.",
            good_value="0 is perfect; compare with always answering the mean row. Of counts it is the Poisson loss "
            "with the constant that makes 0 the best.",
            pitfalls=(
                "It grows with the size of the vectors: doubling both doubles it.",
                "A predicted 0 where the target is t costs 99 t, not infinity, and still has a slope.",
            ),
        ),
        references=(
            _CSISZAR,
            Reference(
                text="D. D. Lee, H. S. Seung (1999). Learning the parts of objects by non-negative matrix "
                "factorization. Nature 401",
                link="https://doi.org/10.1038/44565",
            ),
        ),
    )
)
