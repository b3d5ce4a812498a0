"""Losses that turn cross-entropy down for examples that the model has right already.

One convention for ``alpha``: positives weigh alpha and negatives 1 - alpha; for C classes ``class_weight`` says it.
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import log_floor, log_floor_slope, mul0, power_floor, power_floor_slope, settled, xdivy
from . import binary
from .binary import EPSILON, binary_ce, binary_ce_gradient, sigmoid_ce, sigmoid_ce_gradient, sigmoid_ce_hessian, smooth
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, DISTRIBUTION, LOGITS, PROBABILITY
from .multiclass import (
    CLASS_WEIGHT,
    SMOOTHING,
    clipped,
    expected,
    inside_only,
    through_softmax,
    true_class_weight,
    weighted_target,
)

_LIN = Reference(
    text="T.-Y. Lin et al. (2017). Focal loss for dense object detection. ICCV",
    link="https://arxiv.org/abs/1708.02002",
)
_RIDNIK = Reference(
    text="T. Ridnik et al. (2021). Asymmetric loss for multi-label classification. ICCV",
    link="https://arxiv.org/abs/2009.14119",
)
_GAMMA = Parameter(
    name="gamma",
    default=2.0,
    low=0.0,
    meaning="How fast easy examples fade: 0 is plain cross-entropy, 2 is usual.",
)
_ALPHA = Parameter(
    name="alpha",
    default=None,
    low=0.0,
    high=1.0,
    meaning="Weight of positives; negatives weigh 1 - alpha. None weighs both 1.",
)
_GOOD_BINARY = (
    "0.173 is a coin flip at gamma = 2 (0.25 ln 2), halved by alpha = 0.5. Values are far below those of cross-entropy "
    "and compare only at the same gamma and alpha."
)
_GOOD_CLASSES = (
    "A uniform guess scores (1 - 1/C)^gamma ln C: 1.865 for 10 classes at gamma = 2. Values compare only at the same "
    "gamma and class weights."
)
_CLASS_WEIGHT_PITFALL = (
    "Class weights count in the mean's denominator, so one alpha for all classes cancels there; papers and Keras "
    "divide by the number of rows: say normalizer=N."
)


def _balance(target: Any, alpha: Any) -> Any:
    return 1.0 if alpha is None else alpha * target + (1 - alpha) * (1 - target)


def _missed(xp: Any, logits: Any, target: Any) -> Any:
    """The probability that went to the wrong side, and its slope."""
    yes, no = xp.sigmoid(logits), xp.sigmoid(-logits)
    return target * no + (1 - target) * yes, (1 - 2 * target) * yes * no


def _sigmoid_focal(xp: Any, prediction: Any, target: Any, *, gamma: float, alpha: Any, label_smoothing: float) -> Any:
    t = smooth(target, label_smoothing)
    missed, _ = _missed(xp, settled(xp, prediction), t)
    return _balance(t, alpha) * mul0(xp, power_floor(xp, missed, gamma), sigmoid_ce(xp, prediction, t))


def _sigmoid_focal_gradient(
    xp: Any, prediction: Any, target: Any, *, gamma: float, alpha: Any, label_smoothing: float
) -> Any:
    t = smooth(target, label_smoothing)
    missed, slope = _missed(xp, prediction, t)
    growth = gamma * mul0(xp, xdivy(xp, slope, missed), sigmoid_ce(xp, prediction, t))
    return _balance(t, alpha) * power_floor(xp, missed, gamma) * (growth + sigmoid_ce_gradient(xp, prediction, t))


def _sigmoid_focal_hessian(
    xp: Any, prediction: Any, target: Any, *, gamma: float, alpha: Any, label_smoothing: float
) -> Any:
    t = smooth(target, label_smoothing)
    missed, slope = _missed(xp, prediction, t)
    first = xdivy(xp, slope, missed)
    second = xdivy(xp, slope * (xp.sigmoid(-prediction) - xp.sigmoid(prediction)), missed)
    bend = mul0(xp, gamma * ((gamma - 1) * first * first + second), sigmoid_ce(xp, prediction, t))
    bend = bend + 2 * gamma * first * sigmoid_ce_gradient(xp, prediction, t) + sigmoid_ce_hessian(xp, prediction, t)
    return _balance(t, alpha) * power_floor(xp, missed, gamma) * bend


sigmoid_focal = register(
    Loss(
        name="sigmoid_focal",
        object_name="SigmoidFocal",
        aliases=("focal", "focal_loss", "sigmoid_focal_loss", "binary_focal_with_logits"),
        title="Sigmoid focal loss",
        summary="Cross-entropy of a yes-or-no target with a logit, turned down where the model is right already.",
        task="binary",
        layout="element",
        value=_sigmoid_focal,
        gradient=_sigmoid_focal_gradient,
        hessian=_sigmoid_focal_hessian,
        prediction=LOGITS,
        target=PROBABILITY,
        parameters=(_GAMMA, _ALPHA, binary.SMOOTHING),
        formula=r"a m^{\gamma} b, \quad m = t (1 - \sigma(p)) + (1 - t) \sigma(p), \quad "
        r"a = \alpha t + (1 - \alpha) (1 - t), \quad b = t \log(1 + e^{-p}) + (1 - t) \log(1 + e^{p})",
        gradient_formula=r"a m^{\gamma} (\sigma(p) - t + \gamma b \frac{(1 - 2 t) \sigma(p) (1 - \sigma(p))}{m})",
        example=([2.0, -1.0], [1.0, 0.0], 0.012231),
        advice=Advice(
            use="Easy negatives outnumber everything else by far, as in dense detection, and the last layer is linear.",
            avoid="You need calibrated probabilities, or classes are merely uneven: try pos_weight of "
            "sigmoid_cross_entropy first.",
            good_value=_GOOD_BINARY,
            pitfalls=(
                "alpha weighs the positives: 0.25, as in the paper, weighs them less than the negatives, because gamma "
                "has already turned the negatives down.",
                "Keras calls balancing off unless apply_class_balancing=True; torchvision has alpha = 0.25 by default.",
            ),
        ),
        references=(_LIN,),
    )
)


def _binary_focal(
    xp: Any, prediction: Any, target: Any, *, gamma: float, alpha: Any, label_smoothing: float, epsilon: float
) -> Any:
    t = smooth(target, label_smoothing)
    missed = t * (1 - prediction) + (1 - t) * prediction
    return _balance(t, alpha) * power_floor(xp, missed, gamma) * binary_ce(xp, prediction, t, epsilon=epsilon)


def _binary_focal_gradient(
    xp: Any, prediction: Any, target: Any, *, gamma: float, alpha: Any, label_smoothing: float, epsilon: float
) -> Any:
    t = smooth(target, label_smoothing)
    missed = t * (1 - prediction) + (1 - t) * prediction
    growth = power_floor_slope(xp, missed, gamma) * (1 - 2 * t) * binary_ce(xp, prediction, t, epsilon=epsilon)
    slope = power_floor(xp, missed, gamma) * binary_ce_gradient(xp, prediction, t, epsilon=epsilon)
    return _balance(t, alpha) * (growth + slope)


binary_focal = register(
    Loss(
        name="binary_focal",
        object_name="BinaryFocal",
        aliases=("binary_focal_cross_entropy",),
        title="Binary focal loss",
        summary="Cross-entropy of a yes-or-no target with a probability, turned down where the model is right already.",
        task="binary",
        layout="element",
        value=_binary_focal,
        gradient=_binary_focal_gradient,
        prediction=PROBABILITY,
        target=PROBABILITY,
        parameters=(_GAMMA, _ALPHA, binary.SMOOTHING, EPSILON),
        formula=r"a m^{\gamma} b, \quad m = t (1 - p) + (1 - t) p, \quad a = \alpha t + (1 - \alpha) (1 - t), \quad "
        r"b = -t \max(\log p, -100) - (1 - t) \max(\log(1 - p), -100)",
        gradient_formula=r"a m^{\gamma} (\frac{1 - t}{1 - p} - \frac{t}{p}) + a \gamma m^{\gamma - 1} (1 - 2 t) b",
        example=([0.9, 0.2], [1.0, 0.0], 0.004990),
        advice=Advice(
            use="As sigmoid_focal, where the model ends in a sigmoid and you cannot change it.",
            avoid="You have the logits: sigmoid_focal is exact where 1 - p has lost its digits.",
            good_value=_GOOD_BINARY,
            pitfalls=(
                "Only the cross-entropy clips with epsilon, not the focal factor; that is what Keras does.",
                "alpha weighs the positives and 1 - alpha the negatives; None is Keras' default, balancing off.",
            ),
        ),
        references=(_LIN,),
    )
)


def _softmax_focal(
    xp: Any, prediction: Any, target: Any, *, gamma: float, label_smoothing: float, class_weight: Any
) -> Any:
    log_p = xp.log_softmax(prediction)
    faded = power_floor(xp, xp.relu0(-xp.expm1(settled(xp, log_p))), gamma) * log_p
    return expected(xp, faded, target, label_smoothing, class_weight)


def _softmax_focal_gradient(
    xp: Any, prediction: Any, target: Any, *, gamma: float, label_smoothing: float, class_weight: Any
) -> Any:
    log_p = xp.log_softmax(prediction)
    missed = xp.relu0(-xp.expm1(log_p))
    growth = power_floor_slope(xp, missed, gamma) * mul0(xp, xp.softmax(prediction), log_p)
    wanted = weighted_target(xp, prediction, target, label_smoothing, class_weight)
    return through_softmax(xp, prediction, -wanted * (power_floor(xp, missed, gamma) - growth))


softmax_focal = register(
    Loss(
        name="softmax_focal",
        object_name="SoftmaxFocal",
        aliases=("categorical_focal_with_logits", "multiclass_focal"),
        title="Softmax focal loss",
        summary="Cross-entropy of the true class under the softmax of logits, turned down where the model is right.",
        task="multiclass",
        layout="row",
        value=_softmax_focal,
        gradient=_softmax_focal_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(_GAMMA, SMOOTHING, CLASS_WEIGHT),
        formula=r"-\sum_{c} w_c q_c (1 - s_c)^{\gamma} \log s_c, \quad s = \operatorname{softmax}(z), \quad "
        r"q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"s_c \sum_{k} g_k - g_c, \quad g_c = w_c q_c ((1 - s_c)^{\gamma} - "
        r"\gamma (1 - s_c)^{\gamma - 1} s_c \log s_c)",
        example=([[2.0, 0.5, -1.0]], [0], 0.011093),
        advice=Advice(
            use="Most rows are easy and the hard ones matter: C classes, exactly one right, linear last layer.",
            avoid="You need calibrated probabilities: focal loss keeps them away from 0 and 1 on purpose.",
            good_value=_GOOD_CLASSES,
            pitfalls=(_CLASS_WEIGHT_PITFALL,),
        ),
        references=(_LIN,),
    )
)


def _categorical_focal(
    xp: Any, prediction: Any, target: Any, *, gamma: float, label_smoothing: float, class_weight: Any, epsilon: float
) -> Any:
    p = clipped(xp, prediction, epsilon)
    return expected(xp, power_floor(xp, 1 - p, gamma) * log_floor(xp, p), target, label_smoothing, class_weight)


def _categorical_focal_gradient(
    xp: Any, prediction: Any, target: Any, *, gamma: float, label_smoothing: float, class_weight: Any, epsilon: float
) -> Any:
    p = clipped(xp, prediction, epsilon)
    wanted = weighted_target(xp, prediction, target, label_smoothing, class_weight)
    growth = power_floor_slope(xp, 1 - p, gamma) * log_floor(xp, p)
    slope = -wanted * (power_floor(xp, 1 - p, gamma) * log_floor_slope(xp, p) - growth)
    return inside_only(xp, prediction, slope, epsilon)


categorical_focal = register(
    Loss(
        name="categorical_focal",
        object_name="CategoricalFocal",
        aliases=("categorical_focal_cross_entropy",),
        title="Categorical focal loss",
        summary="Cross-entropy of the true class under predicted probabilities, turned down where the model is right.",
        task="multiclass",
        layout="row",
        value=_categorical_focal,
        gradient=_categorical_focal_gradient,
        row_weight=true_class_weight,
        prediction=DISTRIBUTION,
        target=CLASSES,
        parameters=(_GAMMA, SMOOTHING, CLASS_WEIGHT, EPSILON),
        formula=r"-\sum_{c} w_c q_c (1 - p_c)^{\gamma} \max(\log p_c, -100), \quad "
        r"q_c = (1 - \eta) t_c + \frac{\eta}{C}",
        gradient_formula=r"-w_c q_c (\frac{(1 - p_c)^{\gamma}}{p_c} - \gamma (1 - p_c)^{\gamma - 1} \log p_c)",
        example=([[0.9, 0.1], [0.2, 0.8]], [0, 1], 0.004990),
        advice=Advice(
            use="As softmax_focal, where the model ends in softmax and you cannot change it.",
            avoid="You have the logits: softmax_focal is exact and cheaper.",
            good_value=_GOOD_CLASSES,
            pitfalls=(
                _CLASS_WEIGHT_PITFALL,
                "Keras multiplies every class by alpha = 0.25: class_weight=[0.25] * C, with epsilon=1e-7.",
            ),
        ),
        references=(_LIN,),
    )
)


def _unlikely(xp: Any, logits: Any, gamma: float) -> Any:
    """``σ(x)^γ log(1 + e^x)``: what it costs to say yes with the logit x where no is right."""
    return mul0(xp, power_floor(xp, xp.sigmoid(settled(xp, logits)), gamma), xp.softplus(logits))


def _unlikely_slope(xp: Any, logits: Any, gamma: float) -> Any:
    yes, no = xp.sigmoid(logits), xp.sigmoid(-logits)
    return power_floor(xp, yes, gamma) * (gamma * mul0(xp, no, xp.softplus(logits)) + yes)


def _unlikely_bend(xp: Any, logits: Any, gamma: float) -> Any:
    yes, no = xp.sigmoid(logits), xp.sigmoid(-logits)
    bend = gamma * (gamma * no - yes) * mul0(xp, no, xp.softplus(logits)) + (2 * gamma + 1) * yes * no
    return power_floor(xp, yes, gamma) * bend


def _shifted(xp: Any, logits: Any, clip: float) -> tuple[Any, Any]:
    """``max(σ(x) - clip, 0)`` and one minus it, both constant where the shift takes all."""
    yes = xp.sigmoid(logits)
    gone = yes <= clip
    rest = xp.where(gone, xp.zeros_like(yes), yes - clip)
    return rest, xp.where(gone, xp.zeros_like(yes) + 1, xp.at_most(xp.sigmoid(-logits) + clip, 1.0))


def _asymmetric(
    xp: Any, prediction: Any, target: Any, *, gamma_positive: float, gamma_negative: float, clip: float
) -> Any:
    if clip:
        rest, kept = _shifted(xp, prediction, clip)
        negative = -power_floor(xp, rest, gamma_negative) * xp.log(kept)
    else:
        negative = _unlikely(xp, prediction, gamma_negative)
    positive = _unlikely(xp, -prediction, gamma_positive)
    return mul0(xp, target, positive) + mul0(xp, 1 - target, negative)


def _asymmetric_gradient(
    xp: Any, prediction: Any, target: Any, *, gamma_positive: float, gamma_negative: float, clip: float
) -> Any:
    if clip:
        rest, kept = _shifted(xp, prediction, clip)
        growth = xp.divide(power_floor(xp, rest, gamma_negative), kept)
        growth = growth - power_floor_slope(xp, rest, gamma_negative) * xp.log(kept)
        steep = xp.sigmoid(prediction) * xp.sigmoid(-prediction)
        negative = xp.where(xp.sigmoid(prediction) <= clip, xp.zeros_like(prediction), growth * steep)
    else:
        negative = _unlikely_slope(xp, prediction, gamma_negative)
    return (1 - target) * negative - target * _unlikely_slope(xp, -prediction, gamma_positive)


def _asymmetric_hessian(
    xp: Any, prediction: Any, target: Any, *, gamma_positive: float, gamma_negative: float, clip: float
) -> Any:
    if clip:
        yes, no = xp.sigmoid(prediction), xp.sigmoid(-prediction)
        rest, kept = _shifted(xp, prediction, clip)
        powered, sloped = power_floor(xp, rest, gamma_negative), power_floor_slope(xp, rest, gamma_negative)
        growth = xp.divide(powered, kept) - sloped * xp.log(kept)
        bend = xp.divide(2 * sloped + xp.divide(powered, kept), kept)
        bend = bend - gamma_negative * power_floor_slope(xp, rest, gamma_negative - 1) * xp.log(kept)
        steep = yes * no
        negative = xp.where(yes <= clip, xp.zeros_like(steep), steep * (steep * bend + (no - yes) * growth))
    else:
        negative = _unlikely_bend(xp, prediction, gamma_negative)
    return (1 - target) * negative + target * _unlikely_bend(xp, -prediction, gamma_positive)


asymmetric = register(
    Loss(
        name="asymmetric",
        object_name="Asymmetric",
        aliases=("asymmetric_loss", "asl"),
        title="Asymmetric loss",
        summary="Focal loss of a logit with one gamma for positives, another for negatives, and no cost at all for "
        "negatives below a probability.",
        task="binary",
        layout="element",
        value=_asymmetric,
        gradient=_asymmetric_gradient,
        hessian=_asymmetric_hessian,
        prediction=LOGITS,
        target=PROBABILITY,
        parameters=(
            Parameter(name="gamma_positive", default=1.0, low=0.0, meaning="How fast easy positives fade."),
            Parameter(name="gamma_negative", default=4.0, low=0.0, meaning="How fast easy negatives fade."),
            Parameter(
                name="clip",
                default=0.05,
                low=0.0,
                high=1.0,
                high_included=False,
                meaning="Taken off the probability of negatives: those below it cost nothing.",
            ),
        ),
        formula=r"t (1 - \sigma(p))^{\gamma_{+}} \log(1 + e^{-p}) - (1 - t) s^{\gamma_{-}} \log(1 - s), \quad "
        r"s = \max(\sigma(p) - m, 0)",
        gradient_formula=r"(1 - t) \sigma(p) (1 - \sigma(p)) (\frac{s^{\gamma_{-}}}{1 - s} - \gamma_{-} "
        r"s^{\gamma_{-} - 1} \log(1 - s)) - t (1 - \sigma(p))^{\gamma_{+}} (\gamma_{+} \sigma(p) \log(1 + e^{-p}) + "
        r"1 - \sigma(p))",
        example=([2.0, -1.0], [1.0, 0.0], 0.007849),
        advice=Advice(
            use="Many labels per example of which few are positive, some of the missing ones wrongly so.",
            avoid="Positives and negatives are about as frequent: take sigmoid_cross_entropy.",
            good_value="Values compare only at the same settings: a coin flip costs a positive 0.347 and a negative "
            "0.025 by default.",
            pitfalls=(
                "With clip the gradient vanishes for confident negatives and is bounded for wrong ones: a negative "
                "costs at most -ln(clip).",
            ),
        ),
        references=(_RIDNIK,),
    )
)
