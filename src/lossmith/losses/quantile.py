"""Losses whose best constant is a quantile or an expectile of the target: one side of the error costs more."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import REAL

_KOENKER = Reference(
    text="R. Koenker, G. Bassett (1978). Regression quantiles. Econometrica 46(1)",
    link="https://doi.org/10.2307/1913643",
)
_NEWEY = Reference(
    text="W. K. Newey, J. L. Powell (1987). Asymmetric least squares estimation and testing. Econometrica 55(4)",
    link="https://doi.org/10.2307/1911031",
)
_LEVEL = Parameter(
    name="level",
    default=0.5,
    low=0.0,
    high=1.0,
    low_included=False,
    high_included=False,
    meaning="Share of the cost that falls on predictions below the target.",
)


def _quantile(xp: Any, prediction: Any, target: Any, *, level: Any) -> Any:
    d = prediction - target
    return level * xp.relu0(-d) + (1 - level) * xp.relu0(d)


def _quantile_gradient(xp: Any, prediction: Any, target: Any, *, level: Any) -> Any:
    side = xp.sign0(prediction - target)
    return (1 - level) * xp.at_least(side, 0.0) - level * xp.at_least(-side, 0.0)


quantile = register(
    Loss(
        name="quantile",
        object_name="Quantile",
        aliases=("pinball", "quantile_loss", "pinball_loss"),
        title="Quantile",
        summary="Absolute error, weighed by the level below the target and by 1 - level above it.",
        task="regression",
        layout="element",
        value=_quantile,
        gradient=_quantile_gradient,
        prediction=REAL,
        target=REAL,
        parameters=(_LEVEL,),
        formula=r"\begin{cases} \alpha (t - p) & p < t \\ (1 - \alpha) (p - t) & \text{otherwise} \end{cases}",
        gradient_formula=r"\begin{cases} -\alpha & p < t \\ 0 & p = t \\ 1 - \alpha & p > t \end{cases}",
        best_constant=constants.quantile,
        example=([2.0, 3.0], [1.0, 5.0], 0.75),
        advice=Advice(
            use="A quantile of the target is wanted: the stock that lasts in 90 of 100 weeks, the ends of an interval.",
            avoid="The mean is wanted, or costs grow with the square of the error (take the expectile).",
            good_value="Compare with always answering the quantile of the target under the same level; values under "
            "different levels do not compare.",
            pitfalls=(
                "At level 0.5 it is half the absolute error, not the absolute error.",
                "The level is the share of targets that lie below a good prediction: 0.9 aims high. Check that share.",
                "Two models for two levels may cross; multi_quantile trains them together, and sorting its outputs "
                "never makes the loss worse.",
            ),
        ),
        references=(_KOENKER,),
    )
)


def _levels(xp: Any, prediction: Any, levels: Any) -> Any:
    """The levels (Q,): evenly spaced inside (0, 1) unless given."""
    if levels is None:
        steps = xp.positions(prediction) + 1
        return steps / (xp.max(steps, axis=0) + 1)
    if xp.is_concrete(levels):
        for level in xp.to_numpy(levels).tolist():
            if not 0 < level < 1:
                raise InputError(f"levels holds {level:g}; expected numbers in (0, 1), one per prediction of a row")
    return levels


def _multi_quantile(xp: Any, prediction: Any, target: Any, *, levels: Any) -> Any:
    level = _levels(xp, prediction, levels)
    return xp.mean(_quantile(xp, prediction, xp.expand(target, -1), level=level), axis=-1)


def _multi_quantile_gradient(xp: Any, prediction: Any, target: Any, *, levels: Any) -> Any:
    level = _levels(xp, prediction, levels)
    count = xp.sum(xp.zeros_like(prediction) + 1, axis=-1, keepdims=True)
    return _quantile_gradient(xp, prediction, xp.expand(target, -1), level=level) / count


multi_quantile = register(
    Loss(
        name="multi_quantile",
        object_name="MultiQuantile",
        aliases=("multi_quantile_loss", "multi_pinball"),
        title="Quantiles at several levels",
        summary="Mean of the quantile losses of Q predictions, one per level, against one target.",
        task="regression",
        layout="row",
        value=_multi_quantile,
        gradient=_multi_quantile_gradient,
        prediction=REAL,
        target=REAL,
        target_per_row=True,
        parameters=(
            Parameter(
                name="levels",
                default=None,
                kind="vector",
                low=0.0,
                high=1.0,
                low_included=False,
                high_included=False,
                meaning="The Q levels, each in (0, 1); None is 1 / (Q + 1), 2 / (Q + 1), …, Q / (Q + 1).",
            ),
        ),
        formula=r"\frac{1}{Q} \sum_{q} \max(\alpha_q (t - p_q), (\alpha_q - 1) (t - p_q))",
        gradient_formula=r"\frac{1}{Q} \begin{cases} -\alpha_q & p_q < t \\ 0 & p_q = t \\ "
        r"1 - \alpha_q & p_q > t \end{cases}",
        example=([[1.0, 2.0, 4.0]], [3.0], 0.416667),
        advice=Advice(
            use="A forecast of the whole distribution, as a set of quantiles from one model.",
            avoid="One quantile is enough (take quantile), or the model gives samples (take crps_ensemble).",
            good_value="With many evenly spaced levels twice the value comes near the CRPS, in units of the target. "
            "Compare with always answering the target's own quantiles.",
            pitfalls=(
                "The mean is over the levels; libraries that sum give Q times as much.",
                "Nothing stops the outputs from crossing: sort them along the last axis, which never costs.",
            ),
        ),
        references=(
            _KOENKER,
            Reference(
                text="R. Wen et al. (2017). A multi-horizon quantile recurrent forecaster",
                link="https://arxiv.org/abs/1711.11053",
            ),
        ),
    )
)


def _expectile(xp: Any, prediction: Any, target: Any, *, level: Any) -> Any:
    d = prediction - target
    above, below = xp.relu0(d), xp.relu0(-d)
    return level * below * below + (1 - level) * above * above


def _expectile_gradient(xp: Any, prediction: Any, target: Any, *, level: Any) -> Any:
    d = prediction - target
    return 2 * (1 - level) * xp.relu0(d) - 2 * level * xp.relu0(-d)


def _expectile_hessian(xp: Any, prediction: Any, target: Any, *, level: Any) -> Any:
    two = xp.zeros_like(prediction) + 2
    return xp.where(prediction > target, (1 - level) * two, level * two)


expectile = register(
    Loss(
        name="expectile",
        object_name="Expectile",
        aliases=("expectile_loss", "asymmetric_squared_error"),
        title="Expectile",
        summary="Squared error, weighed by the level below the target and by 1 - level above it.",
        task="regression",
        layout="element",
        value=_expectile,
        gradient=_expectile_gradient,
        hessian=_expectile_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(_LEVEL,),
        formula=r"\begin{cases} \alpha (t - p)^2 & p < t \\ (1 - \alpha) (p - t)^2 & \text{otherwise} \end{cases}",
        gradient_formula=r"\begin{cases} 2 \alpha (p - t) & p < t \\ 2 (1 - \alpha) (p - t) & \text{otherwise} "
        r"\end{cases}",
        best_constant=constants.convex(_expectile_gradient),
        example=([2.0, 3.0], [1.0, 5.0], 1.25),
        advice=Advice(
            use="Errors of one sign cost more, and large ones much more; value functions of offline reinforcement "
            "learning (level 0.7 to 0.9).",
            avoid="The answer must be read as «so many of a hundred lie below»: that is the quantile.",
            good_value="Compare with always answering the expectile of the target under the same level.",
            pitfalls=(
                "At level 0.5 it is half the squared error, not the squared error.",
                "The 0.9 expectile is not the 0.9 quantile: it moves with every far target.",
            ),
        ),
        references=(
            _NEWEY,
            Reference(
                text="I. Kostrikov, A. Nair, S. Levine (2021). Offline reinforcement learning with implicit Q-learning",
                link="https://arxiv.org/abs/2110.06169",
            ),
        ),
    )
)
