r"""Dice with something added: cross-entropy of the elements, or weights that make classes of all sizes count alike.

The overlap is that of ``overlap``, the cross-entropy those of ``binary`` and ``multiclass``.
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import over, power
from .binary import SMOOTHING as BINARY_SMOOTHING
from .binary import sigmoid_ce, sigmoid_ce_gradient
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, LOGITS, PROBABILITY
from .multiclass import SMOOTHING, softmax_ce, softmax_ce_gradient, true_class_weight
from .overlap import (
    CLASS_WEIGHT,
    EMPTY_TARGET,
    SIGMOID,
    SMOOTH,
    SOFTMAX,
    SQUARED,
    class_factor,
    dice_index,
    fault_of_empty,
    overlap,
    overlap_slopes,
    score,
    score_gradient,
    within,
)
from .segmentation import (
    CHANNELS_PITFALL,
    CLASS_EXAMPLE,
    LOGIT_EXAMPLE,
    MILLETARI,
    REGION_PITFALL,
    SOFTMAX_GRADIENT,
    filled,
)

_ISENSEE = Reference(
    text="F. Isensee et al. (2021). nnU-Net: a self-configuring method for deep learning-based biomedical image "
    "segmentation. Nature Methods 18",
    link="https://doi.org/10.1038/s41592-020-01008-z",
)
_SUDRE = Reference(
    text="C. H. Sudre et al. (2017). Generalised Dice overlap as a deep learning loss function for highly unbalanced "
    "segmentations. DLMIA",
    link="https://doi.org/10.1007/978-3-319-67558-9_28",
)
_SHARE = Parameter(
    name="dice_share",
    default=0.5,
    low=0.0,
    high=1.0,
    meaning="Share of Dice in the sum; cross-entropy has the rest. 0.5 is half of nnU-Net's plain sum of the two.",
)
_EITHER_PITFALL = (
    "The two parts have different scales: watch them apart at the start (sigmoid_dice or softmax_dice, and the "
    "cross-entropy), before moving dice_share."
)
_GOOD_SUM = (
    "A share of {start} at the start of training is cross-entropy's {even}, the rest Dice near 1. Compare values at "
    "the same dice_share only; 0 is every element sure and right."
)


def _mean_within(xp: Any, x: Any, inside: Any, counts: Any) -> tuple[Any, Any]:
    """The mean of (R, M) over each region, where elements count ``inside`` times ``counts``, and one over the sum."""
    weight = xp.zeros_like(x) + 1 if counts is None else counts + xp.zeros_like(x)
    whole = xp.sum(within(weight, inside), axis=1)
    share = over(xp, xp.zeros_like(whole) + 1, whole)
    return xp.sum(within(x, inside), axis=1) * share, share


def _sigmoid(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    *,
    dice_share: Any,
    smooth: Any,
    squared: bool,
    label_smoothing: Any,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    dice = score(xp, *SIGMOID.probabilities(xp, prediction), target, inside, index)
    surprise = sigmoid_ce(xp, prediction, target, label_smoothing=label_smoothing)
    return dice_share * dice + (1 - dice_share) * _mean_within(xp, surprise, inside, None)[0]


def _sigmoid_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    cotangent: Any,
    *,
    dice_share: Any,
    smooth: Any,
    squared: bool,
    label_smoothing: Any,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    p, q = SIGMOID.probabilities(xp, prediction)
    slope = score_gradient(xp, p, q, target, inside, dice_share * cotangent, index)
    surprise = within(sigmoid_ce_gradient(xp, prediction, target, label_smoothing=label_smoothing), inside)
    _, share = _mean_within(xp, prediction, inside, None)
    each = xp.expand((1 - dice_share) * cotangent * share, 1)
    return SIGMOID.back(xp, prediction, p, q, slope) + each * surprise


sigmoid_dice_cross_entropy = register(
    Loss(
        name="sigmoid_dice_cross_entropy",
        object_name="SigmoidDiceCrossEntropy",
        aliases=("dice_bce", "dice_bce_with_logits"),
        title="Sigmoid Dice with cross-entropy",
        summary="Dice of a mask and the mean cross-entropy of its elements, in shares.",
        task="segmentation",
        layout="region",
        value=_sigmoid,
        gradient=_sigmoid_gradient,
        examine=fault_of_empty,
        prediction=LOGITS,
        target=PROBABILITY,
        parameters=(_SHARE, SMOOTH, SQUARED, BINARY_SMOOTHING),
        formula=r"\lambda (1 - \frac{A}{B}) + \frac{1 - \lambda}{M} \sum_{i} H_i, \quad "
        r"H_i = t_i \log(1 + e^{-z_i}) + (1 - t_i) \log(1 + e^{z_i}), \quad "
        r"A = 2 \sum_{i} p_i t_i + s, \quad B = \sum_{i} p_i + \sum_{i} t_i + s, \quad p_i = \sigma(z_i)",
        gradient_formula=r"\lambda p_i (1 - p_i) \frac{A - 2 t_i B}{B^2} + \frac{1 - \lambda}{M} (p_i - t_i)",
        example=(*LOGIT_EXAMPLE, 0.220603),
        advice=Advice(
            use="You segment one kind of thing, or several that overlap, and want both a good overlap and "
            "probabilities that mean something: the usual choice.",
            avoid="Classes exclude each other: take softmax_dice_cross_entropy.",
            good_value=_GOOD_SUM.format(start="1 - dice_share", even="ln 2 = 0.693"),
            pitfalls=(
                "label_smoothing moves the targets of the cross-entropy only; Dice keeps the mask as it is.",
                CHANNELS_PITFALL,
                _EITHER_PITFALL,
                REGION_PITFALL,
            ),
        ),
        references=(_ISENSEE, MILLETARI),
    )
)


def _class_shares(xp: Any, target: Any, inside: Any, empty_target: str, class_weight: Any) -> Any:
    """How much each class of each region counts in the mean Dice of the region: (R, C), rows that sum to 1."""
    factor = class_factor(xp, target, inside, empty_target=empty_target, class_weight=class_weight)
    weight = xp.zeros_like(xp.sum(target, axis=1)) + (1 if factor is None else factor)
    whole = xp.sum(weight, axis=-1, keepdims=True)
    return over(xp, weight, whole + xp.zeros_like(weight))


def _softmax(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    *,
    dice_share: Any,
    smooth: Any,
    squared: bool,
    label_smoothing: Any,
    class_weight: Any,
    empty_target: str,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    scores = score(xp, *SOFTMAX.probabilities(xp, prediction), target, inside, index)
    shares = _class_shares(xp, target, inside, empty_target, class_weight)
    surprise = softmax_ce(xp, prediction, target, label_smoothing, class_weight)
    counts = true_class_weight(xp, target, None, class_weight=class_weight)
    entropy = _mean_within(xp, surprise, inside, counts)[0]
    return dice_share * xp.sum(shares * scores, axis=-1) + (1 - dice_share) * entropy


def _softmax_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    cotangent: Any,
    *,
    dice_share: Any,
    smooth: Any,
    squared: bool,
    label_smoothing: Any,
    class_weight: Any,
    empty_target: str,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    p, q = SOFTMAX.probabilities(xp, prediction)
    shares = _class_shares(xp, target, inside, empty_target, class_weight)
    slope = score_gradient(xp, p, q, target, inside, dice_share * xp.expand(cotangent, -1) * shares, index)
    surprise = within(softmax_ce_gradient(xp, prediction, target, label_smoothing, class_weight), inside)
    counts = true_class_weight(xp, target, None, class_weight=class_weight)
    _, share = _mean_within(xp, prediction[..., 0], inside, counts)
    each = xp.expand(xp.expand((1 - dice_share) * cotangent * share, -1), -1)
    return SOFTMAX.back(xp, prediction, p, q, slope) + each * surprise


softmax_dice_cross_entropy = register(
    Loss(
        name="softmax_dice_cross_entropy",
        object_name="SoftmaxDiceCrossEntropy",
        aliases=("dice_ce", "dice_cross_entropy"),
        title="Softmax Dice with cross-entropy",
        summary="Mean Dice of the classes of a region and the mean cross-entropy of its elements, in shares.",
        task="segmentation",
        layout="region",
        value=_softmax,
        gradient=_softmax_gradient,
        examine=fault_of_empty,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(_SHARE, SMOOTH, SQUARED, SMOOTHING, CLASS_WEIGHT, EMPTY_TARGET),
        formula=r"\lambda \frac{\sum_{c} w_c (1 - \frac{A_c}{B_c})}{\sum_{c} w_c} + "
        r"(1 - \lambda) \frac{\sum_{i} H_i}{\sum_{i} \sum_{c} w_c t_{ic}}, \quad "
        r"H_i = -\sum_{c} w_c t_{ic} \log p_{ic}, \quad A_c = 2 \sum_{i} p_{ic} t_{ic} + s, \quad "
        r"B_c = \sum_{i} p_{ic} + \sum_{i} t_{ic} + s, \quad p_{ic} = \operatorname{softmax}(z_i)_c",
        gradient_formula=r"\lambda p_{ic} (g_{ic} - \sum_{k} p_{ik} g_{ik}) + "
        r"(1 - \lambda) \frac{p_{ic} \sum_{k} w_k t_{ik} - w_c t_{ic}}{\sum_{i} \sum_{k} w_k t_{ik}}, \quad "
        r"g_{ic} = \frac{w_c}{\sum_{k} w_k} \frac{A_c - 2 t_{ic} B_c}{B_c^2}",
        example=(*CLASS_EXAMPLE, 0.334),
        advice=Advice(
            use="Every element belongs to one of C classes, of very different sizes: the usual choice for medical "
            "images.",
            avoid="Classes overlap: take sigmoid_dice_cross_entropy, one call for each class.",
            good_value=_GOOD_SUM.format(start="1 - dice_share", even="ln C"),
            pitfalls=(
                "class_weight acts on both parts: with [0, 1, …] background elements have no cross-entropy either.",
                "label_smoothing moves the targets of the cross-entropy only; Dice keeps the labels as they are.",
                _EITHER_PITFALL,
                REGION_PITFALL,
            ),
        ),
        references=(_ISENSEE, MILLETARI),
    )
)


def _volume_weights(xp: Any, target: Any, inside: Any, volume_power: Any, empty_target: str) -> Any:
    """(volume of the smallest class / volume) ** power: (R, 1, C); of absent classes 1, or 0 where they are skipped."""
    volume = xp.sum(within(target, inside), axis=1, keepdims=True)
    absent = volume == 0
    far = xp.where(absent, xp.zeros_like(volume) - float("inf"), -volume)
    least = -xp.max(far, axis=-1, keepdims=True)
    one = xp.zeros_like(volume) + 1
    weight = power(xp, xp.where(absent, one, least / xp.where(absent, one, volume)), volume_power)
    return xp.where(absent, xp.zeros_like(weight), weight) if empty_target == "skip" else weight


def _generalised(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    *,
    volume_power: Any,
    smooth: Any,
    squared: bool,
    empty_target: str,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    weights = _volume_weights(xp, target, inside, volume_power, empty_target)
    parts = overlap(xp, *SOFTMAX.probabilities(xp, prediction), target, inside, index)
    hit, miss = (xp.sum(weights * part, axis=-1)[:, 0] for part in parts)
    return over(xp, miss, hit + miss + index.smooth)


def _generalised_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    cotangent: Any,
    *,
    volume_power: Any,
    smooth: Any,
    squared: bool,
    empty_target: str,
) -> Any:
    index = dice_index(smooth=smooth, squared=squared)
    weights = _volume_weights(xp, target, inside, volume_power, empty_target)
    p, q = SOFTMAX.probabilities(xp, prediction)
    parts = overlap(xp, p, q, target, inside, index)
    hit, miss = (xp.sum(weights * part, axis=-1, keepdims=True) for part in parts)
    whole = hit + miss + index.smooth
    value = over(xp, miss, whole)
    of_hit, of_miss = overlap_slopes(p, target, index)
    outer = over(xp, xp.expand(xp.expand(cotangent, -1), -1), whole) * weights
    return SOFTMAX.back(xp, prediction, p, q, within(outer * ((1 - value) * of_miss - value * of_hit), inside))


softmax_generalised_dice = register(
    Loss(
        name="softmax_generalised_dice",
        object_name="SoftmaxGeneralisedDice",
        aliases=("softmax_generalized_dice", "generalised_dice", "generalized_dice"),
        title="Softmax generalised Dice",
        summary="1 minus one Dice overlap of all classes together, in which each weighs one over its squared volume.",
        task="segmentation",
        layout="region",
        value=_generalised,
        gradient=_generalised_gradient,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(
            Parameter(
                name="volume_power",
                default=2.0,
                low=0.0,
                meaning="Classes weigh one over their volume to this power: 2 as in the paper, 1 is milder, 0 is none.",
            ),
            SMOOTH,
            SQUARED,
            EMPTY_TARGET,
        ),
        formula=r"1 - \frac{A}{B}, \quad A = 2 \sum_{c} w_c \sum_{i} p_{ic} t_{ic} + s, \quad "
        r"B = \sum_{c} w_c \sum_{i} (p_{ic} + t_{ic}) + s, \quad "
        r"w_c = (\frac{\min_{k} \sum_{i} t_{ik}}{\sum_{i} t_{ic}})^{\rho}, \quad "
        r"p_{ic} = \operatorname{softmax}(z_i)_c",
        gradient_formula=filled(SOFTMAX_GRADIENT, {}, g=r"w_c \frac{A - 2 t_{ic} B}{B^2}"),
        example=(*CLASS_EXAMPLE, 0.261371),
        advice=Advice(
            use="Classes differ in volume by orders of magnitude, and each is to count alike in one overlap.",
            avoid="Classes come and go between images: the weights then jump; take softmax_dice_cross_entropy, or "
            'region="batch".',
            good_value="0 is the target itself, 1 a region that shares nothing with it. The smallest class decides: "
            "compare with softmax_dice class by class.",
            pitfalls=(
                "Weights are divided by the smallest class's, which weighs 1, so that smooth stays in elements; the "
                "paper's own are the same without smoothing.",
                "optax gives the name to the mean of one Dice loss per class, weighted; this is one Dice of all, as in "
                "the paper.",
                "A class that is absent has no volume: it weighs as much as the smallest one, or nothing with "
                'empty_target="skip".',
                REGION_PITFALL,
            ),
        ),
        references=(_SUDRE,),
    )
)
