"""Losses on the time until an event, of which for some rows only a lower bound is known (censored).

With time in T intervals on the last axis the prediction is one logit per interval, of the event happening there given
that it has not happened before (the hazard). With exact times it is one score per row, the logarithm of how much larger
than others' its hazard is at all times; only the order of the times counts then, and all rows of a batch are compared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays.composite import fading_sum, mul0, places
from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import FLAGS, LOGITS, ONE_CLASS, REAL, TIMES

_GENSHEIMER = Reference(
    text="M. F. Gensheimer, B. Narasimhan (2019). A scalable discrete-time survival model for neural networks. PeerJ 7",
    link="https://doi.org/10.7717/peerj.6257",
)
_KVAMME = Reference(
    text="H. Kvamme, O. Borgan (2021). Continuous and discrete-time survival prediction with neural networks",
    link="https://doi.org/10.1007/s10985-021-09532-6",
)
_TUTZ = Reference(
    text="G. Tutz, M. Schmid (2016). Modeling Discrete Time-to-Event Data",
    link="https://doi.org/10.1007/978-3-319-28158-2",
)
_COX = Reference(
    text="D. R. Cox (1972). Regression models and life-tables. JRSS B 34(2)",
    link="https://doi.org/10.1111/j.2517-6161.1972.tb00899.x",
)
_BRESLOW = Reference(
    text="N. Breslow (1974). Covariance analysis of censored survival data. Biometrics 30(1)",
    link="https://doi.org/10.2307/2529620",
)
_EFRON = Reference(
    text="B. Efron (1977). The efficiency of Cox's likelihood function for censored data. JASA 72(359)",
    link="https://doi.org/10.1080/01621459.1977.10480613",
)
_KATZMAN = Reference(
    text="J. L. Katzman et al. (2018). DeepSurv: personalized treatment recommender system using a Cox proportional "
    "hazards deep neural network. BMC Medical Research Methodology 18",
    link="https://doi.org/10.1186/s12874-018-0482-1",
)


def _counts(xp: Any, prediction: Any, target: Any, event: Any) -> tuple[Any, Any]:
    """How often each interval was survived, and how often the event happened in it: 0 or 1 for integer targets.

    A target out of range gives NaN.
    """
    place = xp.positions(prediction)
    if xp.kind(target) != "float":
        last = xp.one_hot(target, prediction.shape[-1], prediction.dtype)
        passed = xp.cast(place < xp.expand(xp.cast(target, prediction.dtype), -1), prediction.dtype)
        passed = passed + xp.expand(xp.take_label(xp.zeros_like(prediction), target), -1)
    else:
        later = xp.cast(xp.expand(place, -2) > xp.expand(place, -1), prediction.dtype)
        last, passed = target, xp.sum(later * xp.expand(target, -2), axis=-1)
    event = xp.expand(event, -1)
    return passed + last * (1 - event), last * event


def _discrete_time(xp: Any, prediction: Any, target: Any, *, event: Any) -> Any:
    survived, happened = _counts(xp, prediction, target, event)
    terms = mul0(xp, survived, xp.softplus(prediction)) + mul0(xp, happened, xp.softplus(-prediction))
    return xp.sum(terms, axis=-1)


def _discrete_time_gradient(xp: Any, prediction: Any, target: Any, *, event: Any) -> Any:
    survived, happened = _counts(xp, prediction, target, event)
    return survived * xp.sigmoid(prediction) - happened * xp.sigmoid(-prediction)


discrete_time_survival = register(
    Loss(
        name="discrete_time_survival",
        object_name="DiscreteTimeSurvival",
        aliases=("logistic_hazard", "nnet_survival"),
        title="Discrete-time survival",
        summary="Surprise, in nats, of surviving up to an interval and of what happened in it, by logits of hazards.",
        task="survival",
        layout="row",
        value=_discrete_time,
        gradient=_discrete_time_gradient,
        prediction=LOGITS,
        target=ONE_CLASS,
        extras=(
            Extra(name="event", domain=FLAGS, meaning="1 where the event was seen in that interval, 0 where censored."),
        ),
        formula=r"\sum_{j < y} \log(1 + e^{z_j}) + v \log(1 + e^{-z_y}) + (1 - v) \log(1 + e^{z_y})",
        gradient_formula=r"\begin{cases} \sigma(z_j) & j < y \\ \sigma(z_j) - v & j = y \\ 0 & j > y \end{cases}",
        example=([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]], [1, 0], 0.659835),
        example_extras={"event": [1.0, 0.0]},
        advice=Advice(
            use="Time to failure, churn or death with censored rows, cut into intervals; hazards need not be "
            "proportional.",
            avoid="Exact times matter and there are few events per interval: merge intervals first.",
            good_value="Compare with the life table: always answering each interval's share of events among those "
            "still at risk. There is no fixed scale.",
            pitfalls=(
                "A censored row has survived its interval here, as in pycox; where censoring comes before the middle "
                "of an interval give the interval before it.",
                "The event flag is 1 for an event and 0 for censored; data sets with the reverse are common.",
                "The target is the interval's index from 0, not a time.",
            ),
        ),
        references=(_GENSHEIMER, _KVAMME, _TUTZ),
    )
)


class _Sorted(NamedTuple):
    """The rows from the latest time to the earliest, so that a row's risk set is all up to the end of its tie."""

    order: Any  # which row of the batch it is
    score: Any
    event: Any  # 0 where masked
    tie: Any  # number of the tie, from 0
    first: Any  # place where the row's tie begins
    log_risk: Any  # of the sum of exp(score) over the row's risk set


def _drift(xp: Any, score: Any, inside: Any) -> Any:
    """What all scores that count have in common: the one nearest to 0 where they are of one sign, else 0.

    Without it large scores would leave no digits for the logarithms that are added to them.
    """
    away = xp.zeros_like(score) - np.inf
    low, high = (
        sign * xp.max(sign * score if inside is None else xp.where(inside > 0, sign * score, away), axis=-1)
        for sign in (-1, 1)
    )
    drift = xp.at_least(low, 0.0) + xp.at_most(high, 0.0)
    return xp.where(low <= high, drift, xp.zeros_like(drift))


def _sort(xp: Any, prediction: Any, target: Any, inside: Any, event: Any) -> _Sorted:
    event = event + xp.zeros_like(prediction)
    if inside is not None:  # after all others, where no risk set but their own has them
        event, target = event * inside, xp.where(inside > 0, target, xp.zeros_like(target) - np.inf)
    prediction = prediction - _drift(xp, xp.stop_gradient(prediction), inside)
    order = xp.order(target)
    time, score, event = (xp.take_along(x, order) for x in (target, prediction, event))
    place = places(xp, time)
    end = place[..., -1:]
    before = xp.take_along(time, xp.where(place > 0, place - 1, place))
    after = xp.take_along(time, xp.where(place < end, place + 1, place))
    begins, ends = (time != before) | (place == 0), (time != after) | (place == end)
    tie = xp.cumsum(xp.to_int(begins)) - 1
    first, last = (xp.take_along(xp.order(xp.cast(x, score.dtype)), tie) for x in (begins, ends))
    return _Sorted(order, score, event, tie, first, xp.take_along(xp.logcumsumexp(score), last))


def _mean_of_tie(xp: Any, rows: _Sorted, x: Any) -> Any:
    """The mean of ``x`` over the events that tie with a row; 0 where there is none."""
    events, total = (xp.take_along(xp.add_along(a, rows.tie), rows.tie) for a in (rows.event, x * rows.event))
    return total / xp.at_least(events, 1.0)


def _thinned(xp: Any, rows: _Sorted) -> tuple[Any, Any]:
    """Efron's steps: the part of its tied events that has left the risk set before a row, and their part of it.

    The d tied events leave one after the other, in all orders at once: of the r-th, r / d of their sum is gone.
    """
    events = xp.take_along(xp.add_along(rows.event, rows.tie), rows.tie)
    earlier = xp.cumsum(rows.event) - rows.event
    gone = rows.event * (earlier - xp.take_along(earlier, rows.first)) / xp.at_least(events, 1.0)
    part = xp.add_along(rows.event * xp.exp(rows.score - rows.log_risk), rows.tie)
    return gone, xp.take_along(part, rows.tie)


def _cox(xp: Any, prediction: Any, target: Any, inside: Any, *, event: Any, ties: str) -> Any:
    rows = _sort(xp, prediction, target, inside, event)
    log_risk = rows.log_risk
    if ties == "efron":
        gone, part = _thinned(xp, rows)
        log_risk = log_risk + _mean_of_tie(xp, rows, xp.log1p(-gone * part))
    unknown = xp.sum(xp.where(xp.isnan(target), target, xp.zeros_like(target)), axis=-1)
    return xp.add_along(rows.event * (log_risk - rows.score), rows.order) + unknown


def _cox_gradient(xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, event: Any, ties: str) -> Any:
    rows = _sort(xp, prediction, target, inside, event)
    drawn = xp.take_along(cotangent, rows.order) * rows.event
    weight, own = drawn, xp.zeros_like(drawn)
    if ties == "efron":
        gone, part = _thinned(xp, rows)
        rest = 1 / (1 - gone * part)
        weight = drawn * _mean_of_tie(xp, rows, rest)
        own = rows.event * _mean_of_tie(xp, rows, gone * rest)
        own = own * xp.take_along(xp.add_along(drawn, rows.tie), rows.tie)
    # Σ weight exp(-log_risk) over a row's tie and all earlier times, in units of the row's own exp(-log_risk)
    since = xp.flip(fading_sum(xp, xp.flip(weight), xp.flip(rows.log_risk)))
    since = xp.take_along(since, rows.first)
    slope = xp.exp(rows.score - rows.log_risk) * (since - own) - drawn
    return xp.add_along(slope, rows.order)


def _cox_counts(xp: Any, target: Any, inside: Any, *, event: Any, **parameters: Any) -> Any:
    return event if inside is None else event * inside


def _cox_examine(target: Any, inside: Any, *, event: Any, **parameters: Any) -> str | None:
    event = np.broadcast_to(event, target.shape)[... if inside is None else inside > 0]
    if event.size == 0 or event.any():
        return None
    return (
        f"event is 0 in all {event.size} rows: without an event there is nothing to score; 1 is an event and 0 "
        "censored (the reverse? use 1 - event), otherwise draw larger batches or spread the events over them"
    )


cox_partial_likelihood = register(
    Loss(
        name="cox_partial_likelihood",
        object_name="CoxPartialLikelihood",
        aliases=("cox", "cox_ph", "cox_ph_loss"),
        title="Cox partial likelihood",
        summary="Surprise, in nats, that of all rows still at risk an event came to the one it came to.",
        task="survival",
        layout="batch",
        value=_cox,
        gradient=_cox_gradient,
        row_weight=_cox_counts,
        examine=_cox_examine,
        prediction=REAL,
        target=TIMES,
        extras=(
            Extra(name="event", domain=FLAGS, meaning="1 where the event was seen at that time, 0 where censored."),
        ),
        parameters=(
            Parameter(
                name="ties",
                kind="choice",
                choices=("efron", "breslow"),
                default="efron",
                meaning='Of events at one time: "efron" lets them leave the risk set one after the other, as R and '
                'lifelines do; "breslow" keeps all of them in it.',
            ),
        ),
        formula=r"R_i = \sum_{t_j \ge t_i} e^{p_j}, \quad T_i = \sum_{t_j = t_i, v_j = 1} e^{p_j}, \quad "
        r"\frac{v_i}{d} \sum_{r = 0}^{d - 1} \log \left( R_i - \frac{r}{d} T_i \right) - v_i p_i",
        gradient_formula=r"a_{ij} = \begin{cases} \frac{1}{d} & t_j = t_i, v_j = 1 \\ 0 & \text{otherwise} "
        r"\end{cases}, \quad e^{p_j} \sum_{t_i \le t_j} \frac{v_i}{d} \sum_{r = 0}^{d - 1} "
        r"\frac{1 - r a_{ij}}{R_i - \frac{r}{d} T_i} - v_j",
        example=([0.5, -0.5, 0.0], [2.0, 3.0, 1.0], 0.746766),
        example_extras={"event": [1.0, 0.0, 1.0]},
        advice=Advice(
            use="Times until an event with censoring, where who fails sooner matters and not when; one score per row, "
            "from a linear model or a network (DeepSurv).",
            avoid="Probabilities of surviving up to a time are needed (discrete_time_survival), or hazards cross.",
            good_value="A model that knows nothing scores the mean of ln(rows at risk) over the events, about "
            "ln N - 1 without censoring; only the difference to that means something.",
            pitfalls=(
                "The value depends on the batch: rows are compared within it alone, so batches should be large, and "
                "values of other batch sizes do not compare.",
                "Adding a constant to all scores changes nothing: watch that they do not drift.",
                "A weight weighs the events' own terms and leaves the risk sets as they are.",
                "The event flag is 1 for an event and 0 for censored; data sets with the reverse are common.",
                "Times tie where they are equal in the dtype computed in: float32 merges whole numbers from 2^24 on.",
            ),
        ),
        references=(_COX, _EFRON, _BRESLOW, _KATZMAN),
    )
)
