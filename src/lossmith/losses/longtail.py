"""Softmax cross-entropy for classes of very uneven size: the logits are moved by what the class sizes say."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, LOGITS
from .multiclass import CLASS_WEIGHT, SMOOTHING, dense_target, softmax_ce, softmax_ce_gradient, true_class_weight

_MENON = Reference(
    text="A. K. Menon et al. (2021). Long-tail learning via logit adjustment. ICLR",
    link="https://arxiv.org/abs/2007.07314",
)
_REN = Reference(
    text="J. Ren et al. (2020). Balanced meta-softmax for long-tailed visual recognition. NeurIPS",
    link="https://arxiv.org/abs/2007.10740",
)
_CAO = Reference(
    text="K. Cao et al. (2019). Learning imbalanced datasets with label-distribution-aware margin loss. NeurIPS",
    link="https://arxiv.org/abs/1906.07413",
)
_COUNT = Parameter(
    name="class_count",
    default=None,
    kind="vector",
    meaning="How many rows (C,) each class has in the training data; None takes all for alike.",
)
_TEST_PITFALL = "The adjustment belongs to training: without it, predict by the largest plain logit."
_GOOD = (
    "ln C is a model that gives all classes their share in the training data. Judge by the mean of the classes' own "
    "accuracies."
)


def _adjusted(xp: Any, prediction: Any, prior: Any, tau: float) -> Any:
    """Logits plus tau times the log of each class's share (up to a constant); a class that never occurs drops out."""
    return prediction if prior is None else prediction + tau * xp.log(prior)


def _logit_adjusted(
    xp: Any, prediction: Any, target: Any, *, class_prior: Any, tau: float, label_smoothing: float, class_weight: Any
) -> Any:
    return softmax_ce(xp, _adjusted(xp, prediction, class_prior, tau), target, label_smoothing, class_weight)


def _logit_adjusted_gradient(
    xp: Any, prediction: Any, target: Any, *, class_prior: Any, tau: float, label_smoothing: float, class_weight: Any
) -> Any:
    return softmax_ce_gradient(xp, _adjusted(xp, prediction, class_prior, tau), target, label_smoothing, class_weight)


def _best_adjusted(
    target: np.ndarray, weight: np.ndarray, *, class_prior: Any = None, tau: float = 1.0, **_: Any
) -> np.ndarray:
    best = constants.log_of_mean(target, weight)
    if class_prior is None:
        return best
    with np.errstate(divide="ignore", invalid="ignore"):
        return best - tau * np.log(class_prior)


logit_adjusted = register(
    Loss(
        name="logit_adjusted",
        object_name="LogitAdjusted",
        aliases=("logit_adjustment",),
        title="Logit-adjusted cross-entropy",
        summary="Surprise, in nats, of the true class under the softmax of logits plus the log of the classes' shares.",
        task="multiclass",
        layout="row",
        value=_logit_adjusted,
        gradient=_logit_adjusted_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(
            Parameter(
                name="class_prior",
                default=None,
                kind="vector",
                meaning="Share (C,) of each class in the training data, or its count; None takes all for alike.",
            ),
            Parameter(name="tau", default=1.0, low=0.0, meaning="Strength: 0 is plain cross-entropy, 1 full balance."),
            SMOOTHING,
            CLASS_WEIGHT,
        ),
        formula=r"-\sum_{c} w_c q_c \log \operatorname{softmax}(z + \tau \log \pi)_c, \quad "
        r"q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"\operatorname{softmax}(z + \tau \log \pi)_c \sum_{k} w_k q_k - w_c q_c",
        best_constant=_best_adjusted,
        example=([[2.0, 0.5, -1.0]], [0], 0.241311),
        advice=Advice(
            use="Classes are of very uneven size and each counts the same at the end (balanced accuracy).",
            avoid="Overall accuracy counts, or the data at the end are as uneven as in training: take "
            "softmax_cross_entropy.",
            good_value=_GOOD,
            pitfalls=(_TEST_PITFALL, "Class weights on top balance twice."),
        ),
        references=(_MENON,),
    )
)


def _balanced_softmax(
    xp: Any, prediction: Any, target: Any, *, class_count: Any, label_smoothing: float, class_weight: Any
) -> Any:
    return softmax_ce(xp, _adjusted(xp, prediction, class_count, 1.0), target, label_smoothing, class_weight)


def _balanced_softmax_gradient(
    xp: Any, prediction: Any, target: Any, *, class_count: Any, label_smoothing: float, class_weight: Any
) -> Any:
    return softmax_ce_gradient(xp, _adjusted(xp, prediction, class_count, 1.0), target, label_smoothing, class_weight)


def _best_balanced(target: np.ndarray, weight: np.ndarray, *, class_count: Any = None, **_: Any) -> np.ndarray:
    return _best_adjusted(target, weight, class_prior=class_count)


balanced_softmax = register(
    Loss(
        name="balanced_softmax",
        object_name="BalancedSoftmax",
        title="Balanced softmax",
        summary="Surprise, in nats, of the true class under a softmax whose terms count by the size of their class.",
        task="multiclass",
        layout="row",
        value=_balanced_softmax,
        gradient=_balanced_softmax_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(_COUNT, SMOOTHING, CLASS_WEIGHT),
        formula=r"-\sum_{c} w_c q_c \log \frac{n_c e^{z_c}}{\sum_{k} n_k e^{z_k}}, \quad "
        r"q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"\frac{n_c e^{z_c}}{\sum_{k} n_k e^{z_k}} \sum_{k} w_k q_k - w_c q_c",
        best_constant=_best_balanced,
        example=([[2.0, 0.5, -1.0]], [0], 0.241311),
        advice=Advice(
            use="As logit_adjusted with tau = 1, from the class counts alone.",
            avoid="Overall accuracy counts: take softmax_cross_entropy.",
            good_value=_GOOD,
            pitfalls=(_TEST_PITFALL, "A class with a count of 0 drops out: its rows cost infinity."),
        ),
        references=(_REN,),
    )
)


def _ldam_margins(xp: Any, class_count: Any, max_margin: float) -> Any:
    """One margin per class: the larger the class, the smaller; one without rows gets the largest."""
    if class_count is None:
        return max_margin
    none = class_count == 0
    infinite = xp.zeros_like(class_count) + np.inf
    rarest = -xp.max(-xp.where(none, infinite, class_count), axis=-1, keepdims=True)
    ratio = xp.divide(rarest, xp.where(none, infinite, class_count))
    return max_margin * xp.where(none, xp.zeros_like(ratio) + 1, xp.sqrt(xp.sqrt(ratio)))


def _ldam_logits(xp: Any, prediction: Any, target: Any, class_count: Any, max_margin: float, scale: float) -> Any:
    return scale * (prediction - _ldam_margins(xp, class_count, max_margin) * dense_target(xp, prediction, target))


def _ldam(
    xp: Any,
    prediction: Any,
    target: Any,
    *,
    class_count: Any,
    max_margin: float,
    scale: float,
    label_smoothing: float,
    class_weight: Any,
) -> Any:
    logits = _ldam_logits(xp, prediction, target, class_count, max_margin, scale)
    return softmax_ce(xp, logits, target, label_smoothing, class_weight)


def _ldam_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    *,
    class_count: Any,
    max_margin: float,
    scale: float,
    label_smoothing: float,
    class_weight: Any,
) -> Any:
    logits = _ldam_logits(xp, prediction, target, class_count, max_margin, scale)
    return scale * softmax_ce_gradient(xp, logits, target, label_smoothing, class_weight)


ldam = register(
    Loss(
        name="ldam",
        object_name="LDAM",
        aliases=("label_distribution_aware_margin",),
        title="Label-distribution-aware margin",
        summary="Surprise, in nats, of the true class when its score counts as smaller, the more so the rarer it is.",
        task="multiclass",
        layout="row",
        value=_ldam,
        gradient=_ldam_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(
            _COUNT,
            Parameter(name="max_margin", default=0.5, low=0.0, meaning="The margin of the rarest class."),
            Parameter(name="scale", default=30.0, low=0.0, low_included=False, meaning="Factor on the scores."),
            SMOOTHING,
            CLASS_WEIGHT,
        ),
        formula=r"-\sum_{c} w_c q_c \log \operatorname{softmax}(s (z - m t))_c, \quad "
        r"m_c = M {\frac{\min_{k} n_k}{n_c}}^{1 / 4}, \quad q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"s \operatorname{softmax}(s (z - m t))_c \sum_{k} w_k q_k - s w_c q_c",
        example=([[0.75, 0.25, -0.5]], [0], 0.693147),
        advice=Advice(
            use="Classes are of very uneven size and the last layer gives cosines (unit embeddings and class vectors).",
            avoid="The logits are free: the scale of 30 is meant for cosines. Take logit_adjusted.",
            good_value="Values compare only at the same counts, margin and scale. Judge by the mean of the "
            "classes' own accuracies.",
            pitfalls=(
                "The margin belongs to training: without it, predict by the largest plain score.",
                "The paper adds class weights only for the last epochs (deferred re-weighting).",
            ),
        ),
        references=(_CAO,),
    )
)
