"""Losses of scores that want the right side, or the right class, ahead by a margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.composite import mul0
from . import constants
from .binary import sigmoid_ce, sigmoid_ce_gradient
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import FLAGS, LOGITS, NONNEGATIVE, ONE_CLASS, PROBABILITY, REAL, SIGNS
from .multiclass import dense_target, true_class_weight, true_score

_FRIEDMAN = Reference(
    text="J. Friedman, T. Hastie, R. Tibshirani (2000). Additive logistic regression. Annals of Statistics 28(2)",
    link="https://doi.org/10.1214/aos/1016218223",
)
_ROSENBLATT = Reference(
    text="F. Rosenblatt (1958). The perceptron. Psychological Review 65(6)",
    link="https://doi.org/10.1037/h0042519",
)
_HADSELL = Reference(
    text="R. Hadsell, S. Chopra, Y. LeCun (2006). Dimensionality reduction by learning an invariant mapping. CVPR",
    link="https://doi.org/10.1109/CVPR.2006.100",
)
_WESTON = Reference(
    text="J. Weston, C. Watkins (1999). Support vector machines for multi-class pattern recognition. ESANN",
    link="https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf",
)
_ZHANG = Reference(
    text="M.-L. Zhang, Z.-H. Zhou (2006). Multilabel neural networks. IEEE TKDE 18(10)",
    link="https://doi.org/10.1109/TKDE.2006.162",
)
_SIGNS_PITFALL = "Targets are -1 and +1; for 0 and 1 use 2 * t - 1."
_MARGIN = Parameter(name="margin", default=1.0, low=0.0, meaning="By how much the right side must be ahead.")
_CLASS_WEIGHT = Parameter(
    name="class_weight",
    default=None,
    kind="vector",
    meaning="One factor (C,) per class; the mean divides by the number of rows all the same, as in PyTorch.",
)


def _log_odds(target: np.ndarray, weight: np.ndarray, **_: Any) -> np.ndarray:
    return constants.logit_of_mean((target + 1) / 2, weight)


def _soft_margin(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.softplus(-target * prediction)


def _soft_margin_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return -target * xp.sigmoid(-target * prediction)


def _soft_margin_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sigmoid(prediction) * xp.sigmoid(-prediction) * target * target


soft_margin = register(
    Loss(
        name="soft_margin",
        object_name="SoftMargin",
        aliases=("logistic_margin",),
        title="Soft margin",
        summary="Surprise, in nats, of a sign under the sigmoid of a score.",
        task="binary",
        layout="element",
        value=_soft_margin,
        gradient=_soft_margin_gradient,
        hessian=_soft_margin_hessian,
        prediction=LOGITS,
        target=SIGNS,
        formula=r"\log(1 + e^{-t p})",
        gradient_formula=r"-t \sigma(-t p)",
        best_constant=_log_odds,
        example=([0.5, -2.0], [1.0, -1.0], 0.300502),
        advice=Advice(
            use="Sigmoid cross-entropy where the targets are -1 and +1.",
            avoid="The targets are 0 and 1, or soft: take sigmoid_cross_entropy.",
            good_value="ln 2 = 0.693 is a coin flip; always answering the log-odds scores the entropy of the signs.",
            pitfalls=(_SIGNS_PITFALL,),
        ),
        references=(_FRIEDMAN,),
    )
)


def _exponential(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.exp(-target * prediction)


def _exponential_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return -target * xp.exp(-target * prediction)


def _exponential_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return target * target * xp.exp(-target * prediction)


def _half_log_odds(target: np.ndarray, weight: np.ndarray, **_: Any) -> np.ndarray:
    return _log_odds(target, weight) / 2


exponential = register(
    Loss(
        name="exponential",
        object_name="Exponential",
        aliases=("exponential_loss", "adaboost"),
        title="Exponential",
        summary="Exponential of how far a score is on the wrong side: the loss of AdaBoost.",
        task="binary",
        layout="element",
        value=_exponential,
        gradient=_exponential_gradient,
        hessian=_exponential_hessian,
        prediction=REAL,
        target=SIGNS,
        formula=r"e^{-t p}",
        gradient_formula=r"-t e^{-t p}",
        best_constant=_half_log_odds,
        example=([0.5, -2.0], [1.0, -1.0], 0.370933),
        advice=Advice(
            use="Boosting of clean data.",
            avoid="Labels may be wrong: one far wrong score outweighs everything. Take soft_margin.",
            good_value="1 is a model that answers 0; the best constant scores 2 sqrt(q (1 - q)) for a share q of +1.",
            pitfalls=(_SIGNS_PITFALL, "Scores are half the log-odds: the probability of +1 is the sigmoid of 2 p."),
        ),
        references=(_FRIEDMAN,),
    )
)


def _perceptron(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.relu0(-target * prediction)


def _perceptron_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    wrong = -target * prediction
    slope = xp.where(wrong > 0, -target, xp.zeros_like(wrong))
    return xp.where(xp.isnan(wrong), wrong, slope)


perceptron = register(
    Loss(
        name="perceptron",
        object_name="Perceptron",
        aliases=("perceptron_loss",),
        title="Perceptron",
        summary="How far a score is on the wrong side; nothing on the right one.",
        task="binary",
        layout="element",
        value=_perceptron,
        gradient=_perceptron_gradient,
        prediction=REAL,
        target=SIGNS,
        formula=r"\max(0, -t p)",
        gradient_formula=r"\begin{cases} -t & t p < 0 \\ 0 & \text{otherwise} \end{cases}",
        example=([0.5, -2.0], [1.0, 1.0], 1.0),
        advice=Advice(
            use="A linear model that only has to be right, online.",
            avoid="Nearly always: without a margin, scores of 0 cost nothing. Take hinge.",
            good_value="0 is every sign right, and also a model that answers 0.",
            pitfalls=(_SIGNS_PITFALL,),
        ),
        references=(_ROSENBLATT,),
    )
)


def _hinge_embedding(xp: Any, prediction: Any, target: Any, *, margin: float) -> Any:
    near, far = mul0(xp, 1 + target, prediction), mul0(xp, 1 - target, xp.relu0(margin - prediction))
    return (near + far) / 2


def _hinge_embedding_gradient(xp: Any, prediction: Any, target: Any, *, margin: float) -> Any:
    close = xp.cast(prediction < margin, prediction.dtype)
    return xp.where(xp.isnan(prediction), prediction, (1 + target - (1 - target) * close) / 2)


def _nearer_side(target: np.ndarray, weight: np.ndarray, *, margin: float = 1.0, **_: Any) -> np.ndarray:
    return np.where(constants.mean(target, weight) > 0, 0.0, margin)


hinge_embedding = register(
    Loss(
        name="hinge_embedding",
        object_name="HingeEmbedding",
        title="Hinge embedding",
        summary="The distance of a pair that belongs together (+1), or its lack of a margin if not (-1).",
        task="embedding",
        layout="element",
        value=_hinge_embedding,
        gradient=_hinge_embedding_gradient,
        prediction=NONNEGATIVE,
        target=SIGNS,
        parameters=(_MARGIN,),
        formula=r"\begin{cases} p & t = 1 \\ \max(0, m - p) & t = -1 \end{cases}",
        gradient_formula=r"\begin{cases} 1 & t = 1 \\ -1 & t = -1, p < m \\ 0 & \text{otherwise} \end{cases}",
        best_constant=_nearer_side,
        example=([0.5, 0.25], [1.0, -1.0], 0.625),
        advice=Advice(
            use="Distances of pairs, labelled as belonging together or not.",
            avoid="You have anchors with a positive and a negative each: take a triplet loss.",
            good_value="0 is perfect; the best constant distance scores the rarer label's share, times the margin if "
            "that is -1.",
            pitfalls=("The prediction is a distance, not a score: small means alike.", _SIGNS_PITFALL),
        ),
        references=(_HADSELL,),
    )
)


def _short(xp: Any, prediction: Any, target: Any, margin: float) -> Any:
    """How far the true class fails to be ahead of each other one by the margin; 0 for itself."""
    gap = margin - xp.expand(true_score(xp, prediction, target), -1) + prediction
    return xp.where(dense_target(xp, prediction, target) > 0, xp.zeros_like(prediction), xp.relu0(gap))


def _multi_margin(xp: Any, prediction: Any, target: Any, *, margin: float, squared: bool, class_weight: Any) -> Any:
    short = _short(xp, prediction, target, margin)
    value = xp.sum(short * short if squared else short, axis=-1) / prediction.shape[-1]
    weight = true_class_weight(xp, target, prediction.dtype, class_weight=class_weight)
    return value if weight is None else mul0(xp, weight, value)


def _multi_margin_gradient(
    xp: Any, prediction: Any, target: Any, *, margin: float, squared: bool, class_weight: Any
) -> Any:
    short = _short(xp, prediction, target, margin)
    slope = 2 * short if squared else xp.where(xp.isnan(short), short, xp.cast(short > 0, prediction.dtype))
    slope = slope - dense_target(xp, prediction, target) * xp.sum(slope, axis=-1, keepdims=True)
    weight = true_class_weight(xp, target, prediction.dtype, class_weight=class_weight)
    return (slope if weight is None else xp.expand(weight, -1) * slope) / prediction.shape[-1]


multi_margin = register(
    Loss(
        name="multi_margin",
        object_name="MultiMargin",
        aliases=("multiclass_margin", "weston_watkins"),
        title="Multi-margin",
        summary="Mean over the classes of how far the true one fails to be ahead of each by the margin.",
        task="multiclass",
        layout="row",
        value=_multi_margin,
        gradient=_multi_margin_gradient,
        prediction=REAL,
        target=ONE_CLASS,
        parameters=(
            _MARGIN,
            Parameter(name="squared", default=False, kind="bool", meaning="Square each shortfall (PyTorch: p=2)."),
            _CLASS_WEIGHT,
        ),
        formula=r"\frac{w_y}{C} \sum_{c \ne y} \max(0, m - z_y + z_c)",
        gradient_formula=r"\begin{cases} \frac{w_y}{C} & c \ne y, z_c + m > z_y \\ "
        r"-\frac{w_y}{C} |\{k \ne y, z_k + m > z_y\}| & c = y \\ 0 & \text{otherwise} \end{cases}",
        example=([[1.0, 0.5, -1.0]], [0], 0.166667),
        advice=Advice(
            use="You want the right class ahead of every other by a margin, and no probabilities.",
            avoid="You need probabilities: take softmax_cross_entropy. Only the best rival matters: categorical_hinge.",
            good_value="(C - 1) / C times the margin is a model that gives all classes the same score; 0 is perfect.",
            pitfalls=("It divides by all C classes although the true one never counts, as PyTorch does.",),
        ),
        references=(_WESTON,),
    )
)


def _pairs(xp: Any, prediction: Any, target: Any) -> tuple[Any, Any]:
    """For each present class (rows) and absent one (columns): whether they are a pair, and what the margin lacks."""
    present, absent = xp.expand(target, -1), xp.expand(1 - target, -2)
    return present * absent, 1 - xp.expand(prediction, -1) + xp.expand(prediction, -2)


def _multilabel_margin(xp: Any, prediction: Any, target: Any) -> Any:
    pair, gap = _pairs(xp, prediction, target)
    short = xp.where(pair == 0, xp.zeros_like(gap), pair * xp.relu0(gap))
    return xp.sum(xp.sum(short, axis=-1), axis=-1) / prediction.shape[-1]


def _multilabel_margin_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    pair, gap = _pairs(xp, prediction, target)
    active = pair * xp.cast(gap > 0, prediction.dtype)
    return (xp.sum(active, axis=-2) - xp.sum(active, axis=-1)) / prediction.shape[-1]


multilabel_margin = register(
    Loss(
        name="multilabel_margin",
        object_name="MultilabelMargin",
        title="Multi-label margin",
        summary="Over all pairs of a present and an absent label: how far the first fails to be ahead by 1.",
        task="binary",
        layout="row",
        value=_multilabel_margin,
        gradient=_multilabel_margin_gradient,
        prediction=REAL,
        target=FLAGS,
        formula=r"\frac{1}{C} \sum_{c} \sum_{k} t_c (1 - t_k) \max(0, 1 - z_c + z_k)",
        gradient_formula=r"\frac{1}{C} \sum_{k} ((1 - t_c) t_k [z_c + 1 > z_k] - t_c (1 - t_k) [z_k + 1 > z_c])",
        example=([[0.5, 0.25, -1.0]], [[1.0, 0.0, 1.0]], 1.0),
        advice=Advice(
            use="Several labels may be present, and they have to be ranked above the others.",
            avoid="You need probabilities of single labels: take sigmoid_cross_entropy. There are thousands of "
            "classes: it compares all pairs.",
            good_value="k (C - k) / C is a model that gives all classes the same score, for k labels present.",
            pitfalls=("PyTorch's padded lists of indices become rows of 0 and 1 here.",),
        ),
        references=(_ZHANG,),
    )
)


def _multilabel_soft_margin(xp: Any, prediction: Any, target: Any, *, class_weight: Any) -> Any:
    terms = sigmoid_ce(xp, prediction, target)
    terms = terms if class_weight is None else mul0(xp, class_weight, terms)
    return xp.sum(terms, axis=-1) / prediction.shape[-1]


def _multilabel_soft_margin_gradient(xp: Any, prediction: Any, target: Any, *, class_weight: Any) -> Any:
    slope = sigmoid_ce_gradient(xp, prediction, target)
    return (slope if class_weight is None else class_weight * slope) / prediction.shape[-1]


multilabel_soft_margin = register(
    Loss(
        name="multilabel_soft_margin",
        object_name="MultilabelSoftMargin",
        title="Multi-label soft margin",
        summary="Mean over the labels of each one's sigmoid cross-entropy: one value per row.",
        task="binary",
        layout="row",
        value=_multilabel_soft_margin,
        gradient=_multilabel_soft_margin_gradient,
        prediction=LOGITS,
        target=PROBABILITY,
        parameters=(_CLASS_WEIGHT,),
        formula=r"\frac{1}{C} \sum_{c} w_c (t_c \log(1 + e^{-z_c}) + (1 - t_c) \log(1 + e^{z_c}))",
        gradient_formula=r"\frac{w_c}{C} (\sigma(z_c) - t_c)",
        best_constant=constants.logit_of_mean,
        example=([[2.0, -1.0]], [[1.0, 0.0]], 0.220095),
        advice=Advice(
            use="Several labels may be present, and rows are weighted or masked as wholes.",
            avoid="Single labels are missing, so that each needs its own mask: take sigmoid_cross_entropy.",
            good_value="ln 2 = 0.693 is a coin flip for every label; with rare labels always answering their shares is "
            "far below.",
            pitfalls=("Targets are a row of 0 and 1 per example, not class indices.",),
        ),
        references=(_ZHANG,),
    )
)
