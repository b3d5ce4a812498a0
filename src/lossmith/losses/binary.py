"""Losses for yes-or-no targets and independent labels, one value per element."""

from __future__ import annotations

from typing import Any

from ..arrays.composite import clip, log_floor, log_floor_slope, mul0
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import LOGITS, PROBABILITY, REAL, SIGNS

_COX = Reference(
    text="D. R. Cox (1958). The regression analysis of binary sequences. JRSS B 20(2)",
    link="https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
)
_SZEGEDY = Reference(
    text="C. Szegedy et al. (2016). Rethinking the Inception architecture for computer vision, section 7",
    link="https://arxiv.org/abs/1512.00567",
)
_SVM = Reference(
    text="C. Cortes, V. Vapnik (1995). Support-vector networks. Machine Learning 20",
    link="https://doi.org/10.1007/BF00994018",
)
_POS_WEIGHT = Parameter(
    name="pos_weight",
    default=1.0,
    kind="factor",
    low=0.0,
    meaning="Factor on the loss of positive targets, one for all or one per label (F,) on the last axis; negatives / "
    "positives balances rare positives.",
)
SMOOTHING = Parameter(
    name="label_smoothing",
    default=0.0,
    low=0.0,
    high=1.0,
    meaning="Moves targets this far towards 1/2: 0.1 turns 0 and 1 into 0.05 and 0.95.",
)
EPSILON = Parameter(
    name="epsilon",
    default=0.0,
    low=0.0,
    high=0.5,
    high_included=False,
    meaning="Clip probabilities to [epsilon, 1 - epsilon]; the gradient is 0 beyond (Keras: 1e-7).",
)
GOOD_VALUE = (
    "ln 2 = 0.693 is a coin flip; always answering the share of positives q scores its entropy "
    "-q ln q - (1 - q) ln(1 - q), which for rare positives is far below 0.693. Under that is learning."
)


def smooth(target: Any, label_smoothing: float) -> Any:
    """Targets moved towards 1/2."""
    return target * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else target


def sigmoid_ce(xp: Any, prediction: Any, target: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0) -> Any:
    """Cross-entropy of a target with the sigmoid of a logit."""
    t = smooth(target, label_smoothing)
    # Both halves are needed in full: softplus(x) - x t is inf - inf for a certain and right prediction.
    return pos_weight * mul0(xp, t, xp.softplus(-prediction)) + mul0(xp, 1 - t, xp.softplus(prediction))


def sigmoid_ce_gradient(
    xp: Any, prediction: Any, target: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0
) -> Any:
    """The gradient of :func:`sigmoid_ce`."""
    t = smooth(target, label_smoothing)
    return (1 - t) * xp.sigmoid(prediction) - pos_weight * t * xp.sigmoid(-prediction)


def sigmoid_ce_hessian(
    xp: Any, prediction: Any, target: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0
) -> Any:
    """The second derivative of :func:`sigmoid_ce`."""
    t = smooth(target, label_smoothing)
    return (1 - t + pos_weight * t) * xp.sigmoid(prediction) * xp.sigmoid(-prediction)


sigmoid_cross_entropy = register(
    Loss(
        name="sigmoid_cross_entropy",
        object_name="SigmoidCrossEntropy",
        aliases=("bce_with_logits", "binary_cross_entropy_with_logits", "sigmoid_binary_cross_entropy", "logistic"),
        title="Sigmoid cross-entropy",
        summary="Surprise, in nats, of a yes-or-no target under the sigmoid of a logit.",
        task="binary",
        layout="element",
        value=sigmoid_ce,
        gradient=sigmoid_ce_gradient,
        hessian=sigmoid_ce_hessian,
        prediction=LOGITS,
        target=PROBABILITY,
        parameters=(_POS_WEIGHT, SMOOTHING),
        formula=r"w_{+} t \log(1 + e^{-p}) + (1 - t) \log(1 + e^{p})",
        gradient_formula=r"(1 - t) \sigma(p) - w_{+} t (1 - \sigma(p))",
        best_constant=constants.logit_of_mean,
        example=([2.0, -1.0], [1.0, 0.0], 0.220095),
        advice=Advice(
            use="One yes-or-no question, or several that do not exclude each other (multi-label), with a linear last "
            "layer.",
            avoid="Exactly one of C classes is right: take softmax_cross_entropy. The model ends in a sigmoid: take "
            "binary_cross_entropy.",
            good_value=GOOD_VALUE,
            pitfalls=(
                "After a sigmoid the loss cannot fall below 0.313 for positives and 0.693 for negatives: give logits.",
                "Class numbers 2, 3, … as targets make the loss negative elsewhere; here they are an error.",
            ),
        ),
        references=(_COX, _SZEGEDY),
    )
)


def binary_ce(
    xp: Any, prediction: Any, target: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0, epsilon: float = 0.0
) -> Any:
    """Cross-entropy of a target with a probability."""
    t = smooth(target, label_smoothing)
    p = clip(xp, prediction, epsilon, 1 - epsilon) if epsilon else prediction
    return -(pos_weight * t * log_floor(xp, p) + (1 - t) * log_floor(xp, 1 - p))


def binary_ce_gradient(
    xp: Any, prediction: Any, target: Any, *, pos_weight: Any = 1.0, label_smoothing: float = 0.0, epsilon: float = 0.0
) -> Any:
    """The gradient of :func:`binary_ce`."""
    t = smooth(target, label_smoothing)
    slope = (1 - t) * log_floor_slope(xp, 1 - prediction) - pos_weight * t * log_floor_slope(xp, prediction)
    if not epsilon:
        return slope
    return xp.where((prediction < epsilon) | (prediction > 1 - epsilon), xp.zeros_like(slope), slope)


binary_cross_entropy = register(
    Loss(
        name="binary_cross_entropy",
        object_name="BinaryCrossEntropy",
        aliases=("bce", "log_loss"),
        title="Binary cross-entropy",
        summary="Surprise, in nats, of a yes-or-no target under a predicted probability.",
        task="binary",
        layout="element",
        value=binary_ce,
        gradient=binary_ce_gradient,
        prediction=PROBABILITY,
        target=PROBABILITY,
        parameters=(_POS_WEIGHT, SMOOTHING, EPSILON),
        formula=r"-w_{+} t \max(\log p, -100) - (1 - t) \max(\log(1 - p), -100)",
        gradient_formula=r"\frac{1 - t}{1 - p} - \frac{w_{+} t}{p}",
        best_constant=constants.mean,
        example=([0.9, 0.2], [1.0, 0.0], 0.164252),
        advice=Advice(
            use="The model ends in a sigmoid and you cannot change it, or probabilities come from a file.",
            avoid="You have the logits: sigmoid_cross_entropy is exact where 1 - p has lost its digits.",
            good_value=GOOD_VALUE,
            pitfalls=(
                "A probability of 0 for what happened costs 100, not infinity, and keeps a gradient; Keras clips at "
                "16.1 and lets the gradient vanish there.",
                "In float32 no probability lies between 0.99999994 and 1: confident models need logits.",
            ),
        ),
        references=(_COX, _SZEGEDY),
    )
)

_HINGE_PITFALLS = (
    "Targets are -1 and +1. 0 and 1 are an error here, because 0 would silently cost 1 for every prediction: "
    "use 2 * t - 1.",
    "The prediction is a score, not a probability: no sigmoid.",
)


def _hinge(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.relu0(1 - target * prediction)


def _hinge_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    margin = 1 - target * prediction
    slope = xp.where(margin > 0, -target, xp.zeros_like(prediction) * target)
    return xp.where(xp.isnan(margin), margin, slope)


hinge = register(
    Loss(
        name="hinge",
        object_name="Hinge",
        aliases=("hinge_loss",),
        title="Hinge",
        summary="How far a score falls short of a margin of 1 on the right side.",
        task="binary",
        layout="element",
        value=_hinge,
        gradient=_hinge_gradient,
        prediction=REAL,
        target=SIGNS,
        formula=r"\max(0, 1 - t p)",
        gradient_formula=r"\begin{cases} -t & t p < 1 \\ 0 & \text{otherwise} \end{cases}",
        best_constant=constants.majority_sign,
        example=([0.5, -2.0], [1.0, -1.0], 0.25),
        advice=Advice(
            use="You want a decision with a margin and no probability (support-vector machines).",
            avoid="You need probabilities, or calibrated confidence: take sigmoid_cross_entropy.",
            good_value="1 is a model that answers 0; always answering the majority sign scores twice the minority's "
            "share.",
            pitfalls=_HINGE_PITFALLS,
        ),
        references=(_SVM,),
    )
)


def _squared_hinge(xp: Any, prediction: Any, target: Any) -> Any:
    short = _hinge(xp, prediction, target)
    return short * short


def _squared_hinge_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return -2 * target * _hinge(xp, prediction, target)


def _squared_hinge_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.where(target * prediction < 1, 2 * target * target, xp.zeros_like(prediction))


squared_hinge = register(
    Loss(
        name="squared_hinge",
        object_name="SquaredHinge",
        title="Squared hinge",
        summary="Square of the hinge loss: smooth at the margin, harder on large violations.",
        task="binary",
        layout="element",
        value=_squared_hinge,
        gradient=_squared_hinge_gradient,
        hessian=_squared_hinge_hessian,
        prediction=REAL,
        target=SIGNS,
        formula=r"\max(0, 1 - t p)^2",
        gradient_formula=r"-2 t \max(0, 1 - t p)",
        best_constant=constants.mean,
        example=([0.5, -2.0], [1.0, -1.0], 0.125),
        advice=Advice(
            use="As hinge, with an optimiser that likes smooth gradients.",
            avoid="Mislabelled rows are common: their violations count squared.",
            good_value="1 is a model that answers 0; the best constant is the mean of the signs.",
            pitfalls=_HINGE_PITFALLS,
        ),
        references=(_SVM,),
    )
)
