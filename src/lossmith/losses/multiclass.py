"""Losses over C classes on the last axis, one value per row.

The target is either integer labels (one axis less than the prediction) or dense rows over the classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.composite import clip, log_floor, log_floor_slope, logsumexp, mul0
from . import constants
from .binary import EPSILON
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, DISTRIBUTION, LOG_PROBABILITIES, LOGITS, ONE_CLASS, REAL

_SZEGEDY = Reference(
    text="C. Szegedy et al. (2016). Rethinking the Inception architecture for computer vision, section 7",
    link="https://arxiv.org/abs/1512.00567",
)
_BISHOP = Reference(
    text="C. M. Bishop (2006). Pattern Recognition and Machine Learning, section 4.3.4",
    link="https://www.microsoft.com/en-us/research/publication/pattern-recognition-machine-learning/",
)
_CRAMMER = Reference(
    text="K. Crammer, Y. Singer (2001). On the algorithmic implementation of multiclass kernel-based vector machines",
    link="https://www.jmlr.org/papers/v2/crammer01a.html",
)
_PALM = Reference(
    text="A. Chowdhery et al. (2023). PaLM: scaling language modeling with pathways, section 5. JMLR 24 (z_loss)",
    link="https://arxiv.org/abs/2204.02311",
)
SMOOTHING = Parameter(
    name="label_smoothing",
    default=0.0,
    low=0.0,
    high=1.0,
    meaning="Share of the target that is spread evenly over all C classes.",
)
CLASS_WEIGHT = Parameter(
    name="class_weight",
    default=None,
    kind="vector",
    meaning="One factor (C,) per class; the mean then divides by the sum of the true classes' factors.",
)
GOOD_VALUE = (
    "ln C is a uniform guess over C classes (2.303 for 10); always answering the class shares scores their entropy. "
    "0.105 is 90 % on the true class, 0.693 is 50 %."
)


def _weigh(xp: Any, terms: Any, class_weight: Any) -> Any:
    return terms if class_weight is None else terms * class_weight


def expected(xp: Any, log_p: Any, target: Any, label_smoothing: float, class_weight: Any) -> Any:
    """Cross-entropy of the smoothed, weighted target with log-probabilities: what every form below is made of."""
    classes = log_p.shape[-1]
    if is_labels(xp, log_p, target):
        value = 0 - xp.take_label(log_p, target)  # 0 for a sure and right row, not -0
        if class_weight is not None:
            value = mul0(xp, xp.take_entry(class_weight, target), value)
    else:
        value = 0 - xp.sum(mul0(xp, _weigh(xp, target, class_weight), log_p), axis=-1)
    if not label_smoothing:
        return value
    spread = -xp.sum(log_p if class_weight is None else mul0(xp, class_weight, log_p), axis=-1) / classes
    return (1 - label_smoothing) * value + label_smoothing * spread


def is_labels(xp: Any, rows: Any, target: Any) -> bool:
    """Whether the target is class indices, not dense rows."""
    return len(target.shape) < len(rows.shape)


def dense_target(xp: Any, prediction: Any, target: Any) -> Any:
    """The target as dense rows."""
    if is_labels(xp, prediction, target):
        return xp.one_hot(target, prediction.shape[-1], prediction.dtype)
    return target


def weighted_target(xp: Any, rows: Any, target: Any, label_smoothing: float, class_weight: Any) -> Any:
    """The smoothed, weighted target as dense rows: minus the gradient with respect to the log-probabilities."""
    classes = rows.shape[-1]
    dense = dense_target(xp, rows, target)
    if label_smoothing:
        dense = (1 - label_smoothing) * dense + label_smoothing / classes
    return _weigh(xp, dense, class_weight)


def true_class_weight(xp: Any, target: Any, dtype: Any, *, class_weight: Any = None, **_: Any) -> Any:
    """What a row counts in the mean: its true class's factor (the expected one for soft targets)."""
    if class_weight is None:
        return None
    if xp.kind(target) == "float":
        return xp.sum(target * class_weight, axis=-1)
    return xp.take_entry(class_weight, target)


def softmax_ce(xp: Any, logits: Any, target: Any, label_smoothing: float, class_weight: Any) -> Any:
    """Cross-entropy of the target with the softmax of logits: for every loss that only moves the logits first."""
    return expected(xp, xp.log_softmax(logits), target, label_smoothing, class_weight)


def softmax_ce_gradient(xp: Any, logits: Any, target: Any, label_smoothing: float, class_weight: Any) -> Any:
    """The gradient of :func:`softmax_ce` with respect to the logits."""
    return through_softmax(xp, logits, -weighted_target(xp, logits, target, label_smoothing, class_weight))


def through_softmax(xp: Any, logits: Any, slope: Any) -> Any:
    """The gradient with respect to logits of what has the gradient ``slope`` with respect to their log-softmax."""
    return slope - xp.softmax(logits) * xp.sum(slope, axis=-1, keepdims=True)


def _softmax_ce(
    xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any, z_loss: float
) -> Any:
    value = softmax_ce(xp, prediction, target, label_smoothing, class_weight)
    if not z_loss:
        return value
    lse = logsumexp(xp, prediction)
    return value + z_loss * lse * lse


def _softmax_ce_gradient(
    xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any, z_loss: float
) -> Any:
    slope = softmax_ce_gradient(xp, prediction, target, label_smoothing, class_weight)
    if not z_loss:
        return slope
    return slope + 2 * z_loss * xp.expand(logsumexp(xp, prediction), -1) * xp.softmax(prediction)


softmax_cross_entropy = register(
    Loss(
        name="softmax_cross_entropy",
        object_name="SoftmaxCrossEntropy",
        aliases=(
            "cross_entropy",
            "ce",
            "softmax_cross_entropy_with_integer_labels",
            "categorical_cross_entropy_with_logits",
            "sparse_categorical_cross_entropy_with_logits",
        ),
        title="Softmax cross-entropy",
        summary="Surprise, in nats, of the true class under the softmax of C logits.",
        task="multiclass",
        layout="row",
        value=_softmax_ce,
        gradient=_softmax_ce_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(
            SMOOTHING,
            CLASS_WEIGHT,
            Parameter(
                name="z_loss",
                default=0.0,
                low=0.0,
                meaning="Factor on the squared log-sum-exp of each row, which keeps the logits near 0 (1e-4 is usual); "
                "class weights leave it alone.",
            ),
        ),
        formula=r"-\sum_{c} w_c q_c (z_c - \ell) + \zeta \ell^2, \quad \ell = \log \sum_{k} e^{z_k}, \quad "
        r"q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"\operatorname{softmax}(z)_c (\sum_{k} w_k q_k + 2 \zeta \ell) - w_c q_c",
        best_constant=constants.log_of_mean,
        example=([[2.0, 0.5, -1.0], [0.2, 0.1, 1.0], [0.3, 0.9, 0.1]], [0, 2, 1], 0.517299),
        advice=Advice(
            use="Exactly one of C classes is right, and the model's last layer is linear.",
            avoid="Several classes may be right at once (sigmoid_cross_entropy), or the model already ends in softmax "
            "(categorical_cross_entropy).",
            good_value=GOOD_VALUE,
            pitfalls=(
                "Softmax before it squeezes the loss into [ln(1 + (C-1)/e), ln(e + C-1)]: 1.461 to 2.461 for C = 10.",
                "Labels count from 0; a mask image with values 0 … 255 needs ignore_index=255 or other labels.",
                "PyTorch wants the classes on axis 1, this function on the last: say axis=1 for (N, C, H, W).",
            ),
        ),
        references=(_BISHOP, _SZEGEDY, _PALM),
    )
)


def clipped(xp: Any, prediction: Any, epsilon: float) -> Any:
    """Probabilities within [epsilon, 1 - epsilon]."""
    return clip(xp, prediction, epsilon, 1 - epsilon) if epsilon else prediction


def inside_only(xp: Any, prediction: Any, slope: Any, epsilon: float) -> Any:
    """The gradient through :func:`clipped`: nothing beyond the bounds."""
    if not epsilon:
        return slope
    return xp.where((prediction < epsilon) | (prediction > 1 - epsilon), xp.zeros_like(slope), slope)


def _categorical_ce(
    xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any, epsilon: float
) -> Any:
    return expected(xp, log_floor(xp, clipped(xp, prediction, epsilon)), target, label_smoothing, class_weight)


def _categorical_ce_gradient(
    xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any, epsilon: float
) -> Any:
    wanted = weighted_target(xp, prediction, target, label_smoothing, class_weight)
    return inside_only(xp, prediction, -wanted * log_floor_slope(xp, prediction), epsilon)


categorical_cross_entropy = register(
    Loss(
        name="categorical_cross_entropy",
        object_name="CategoricalCrossEntropy",
        aliases=("cce", "scce", "sparse_categorical_cross_entropy"),
        title="Categorical cross-entropy",
        summary="Surprise, in nats, of the true class under predicted probabilities.",
        task="multiclass",
        layout="row",
        value=_categorical_ce,
        gradient=_categorical_ce_gradient,
        row_weight=true_class_weight,
        prediction=DISTRIBUTION,
        target=CLASSES,
        parameters=(SMOOTHING, CLASS_WEIGHT, EPSILON),
        formula=r"-\sum_{c} w_c q_c \max(\log p_c, -100), \quad q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"-\frac{w_c q_c}{p_c}",
        best_constant=constants.mean,
        example=([[0.9, 0.1], [0.2, 0.8]], [0, 1], 0.164252),
        advice=Advice(
            use="The model ends in softmax and you cannot change it, or probabilities come from a file.",
            avoid="You have the logits: softmax_cross_entropy is exact and cheaper.",
            good_value=GOOD_VALUE,
            pitfalls=(
                "Logits given here are an error, because their rows do not sum to 1.",
                "A probability of 0 for the true class costs 100, not infinity; Keras clips at 16.1.",
            ),
        ),
        references=(_BISHOP, _SZEGEDY),
    )
)


def _nll(xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any) -> Any:
    return expected(xp, prediction, target, label_smoothing, class_weight)


def _nll_gradient(xp: Any, prediction: Any, target: Any, *, label_smoothing: float, class_weight: Any) -> Any:
    return xp.zeros_like(prediction) - weighted_target(xp, prediction, target, label_smoothing, class_weight)


negative_log_likelihood = register(
    Loss(
        name="negative_log_likelihood",
        object_name="NegativeLogLikelihood",
        aliases=("nll",),
        title="Negative log-likelihood",
        summary="Surprise, in nats, of the true class under predicted log-probabilities.",
        task="multiclass",
        layout="row",
        value=_nll,
        gradient=_nll_gradient,
        row_weight=true_class_weight,
        prediction=LOG_PROBABILITIES,
        target=CLASSES,
        parameters=(SMOOTHING, CLASS_WEIGHT),
        formula=r"-\sum_{c} w_c q_c p_c, \quad q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"-w_c q_c",
        best_constant=constants.log_of_mean,
        example=([[-0.105361, -2.302585], [-1.609438, -0.223144]], [0, 1], 0.164252),
        advice=Advice(
            use="The model ends in log_softmax, or log-probabilities come from a file.",
            avoid="You have the logits: softmax_cross_entropy is the same in one step.",
            good_value=GOOD_VALUE,
            pitfalls=(
                "It is no logarithm of its own: probabilities or logits given here are an error, because their "
                "exponentials do not sum to 1.",
            ),
        ),
        references=(_BISHOP,),
    )
)


def _rival(xp: Any, prediction: Any, target: Any) -> Any:
    """Scores of the classes that are not true; the true one stands at -inf."""
    return xp.where(dense_target(xp, prediction, target) > 0, xp.zeros_like(prediction) - np.inf, prediction)


def true_score(xp: Any, prediction: Any, target: Any) -> Any:
    """The true class's score of each row."""
    if is_labels(xp, prediction, target):
        return xp.take_label(prediction, target)
    return xp.sum(mul0(xp, target, prediction), axis=-1)


def _best_rival(xp: Any, prediction: Any, target: Any, rivals_from_zero: bool) -> Any:
    best = xp.max(_rival(xp, prediction, target), axis=-1)
    return xp.relu0(best) if rivals_from_zero else best


def _categorical_hinge(xp: Any, prediction: Any, target: Any, *, rivals_from_zero: bool) -> Any:
    best = _best_rival(xp, prediction, target, rivals_from_zero)
    return xp.relu0(1 + best - true_score(xp, prediction, target))


def _categorical_hinge_gradient(xp: Any, prediction: Any, target: Any, *, rivals_from_zero: bool) -> Any:
    rivals = _rival(xp, prediction, target)
    best = xp.max(rivals, axis=-1, keepdims=True)
    tied = xp.cast((rivals == best) & ((best > 0) | (not rivals_from_zero)), prediction.dtype)
    share = xp.divide(tied, xp.at_least(xp.sum(tied, axis=-1, keepdims=True), 1.0))
    short = _categorical_hinge(xp, prediction, target, rivals_from_zero=rivals_from_zero)
    active = xp.expand(xp.where(xp.isnan(short), short, xp.cast(short > 0, prediction.dtype)), -1)
    return active * (share - dense_target(xp, prediction, target))


categorical_hinge = register(
    Loss(
        name="categorical_hinge",
        object_name="CategoricalHinge",
        aliases=("multiclass_hinge", "crammer_singer"),
        title="Categorical hinge",
        summary="How far the true class's score falls short of the best other score by a margin of 1.",
        task="multiclass",
        layout="row",
        value=_categorical_hinge,
        gradient=_categorical_hinge_gradient,
        prediction=REAL,
        target=ONE_CLASS,
        parameters=(
            Parameter(
                name="rivals_from_zero",
                default=False,
                kind="bool",
                meaning="Count the best other score as at least 0, as Keras does: scores (-1, -5) then cost 2, not 0.",
            ),
        ),
        formula=r"\max(0, 1 + \max_{c \ne y} z_c - z_y)",
        gradient_formula=r"\begin{cases} [c = \operatorname{argmax}_{k \ne y} z_k] - [c = y] & "
        r"1 + \max_{k \ne y} z_k > z_y \\ 0 & \text{otherwise} \end{cases}",
        best_constant=None,
        example=([[2.0, 1.5, -1.0], [0.2, 0.1, 1.0]], [0, 2], 0.35),
        advice=Advice(
            use="You want the right class on top by a margin, and no probabilities.",
            avoid="You need probabilities or calibration: take softmax_cross_entropy.",
            good_value="1 is a model that gives all classes the same score; 0 is every row right by the margin.",
            pitfalls=("Only the best rival gets a gradient: with many classes it learns slower than cross-entropy.",),
        ),
        references=(_CRAMMER,),
    )
)
