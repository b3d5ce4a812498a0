"""Losses on the time until an event, of which for some rows only a lower bound is known (censored).

Time comes in T intervals on the last axis: the prediction is one logit per interval, of the event happening there given
that it has not happened before (the hazard).
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import mul0
from .definition import Advice, Extra, Loss, Reference, register
from .domain import FLAGS, LOGITS, ONE_CLASS

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
