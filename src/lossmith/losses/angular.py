"""Softmax cross-entropy of cosines whose true class has to be ahead by a margin, for embeddings (faces, speakers)."""

from __future__ import annotations

import math
from typing import Any

from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, COSINES
from .multiclass import CLASS_WEIGHT, SMOOTHING, dense_target, softmax_ce, softmax_ce_gradient, true_class_weight

_DENG = Reference(
    text="J. Deng et al. (2019). ArcFace: additive angular margin loss for deep face recognition. CVPR",
    link="https://arxiv.org/abs/1801.07698",
)
_WANG = Reference(
    text="H. Wang et al. (2018). CosFace: large margin cosine loss for deep face recognition. CVPR",
    link="https://arxiv.org/abs/1801.09414",
)
_SCALE = Parameter(
    name="scale",
    default=64.0,
    low=0.0,
    low_included=False,
    meaning="Factor on the cosines, the reciprocal of a temperature: large for many classes.",
)
_PITFALLS = (
    "The prediction is cosines: both the embeddings and the class vectors have length 1 before they are multiplied.",
    "The margin belongs to training: without it, predict by the largest cosine.",
)
_GOOD = (
    "Values stay high in training, as the margin handicaps the true class: compare only at the same margin and scale, "
    "and judge by verification accuracy."
)


def _turned(xp: Any, cosine: Any, margin: float) -> tuple[Any, Any]:
    """The cosine of the angle plus the margin, and its slope.

    Past 180 degrees it would rise again, so there it goes on as a straight line. The slope of the sine at 0 degrees,
    where it is infinite, counts as 0.
    """
    squared = (1 - cosine) * (1 + cosine)
    flat = squared <= 0
    sine = xp.where(flat, xp.zeros_like(cosine), xp.sqrt(xp.where(flat, xp.zeros_like(cosine) + 1, squared)))
    steep = xp.divide(cosine, xp.where(flat, xp.zeros_like(cosine) + 1, sine))
    steep = xp.where(flat, xp.zeros_like(cosine), steep)
    past = cosine <= -math.cos(margin)
    turned = cosine * math.cos(margin) - sine * math.sin(margin)
    value = xp.where(past, cosine - margin * math.sin(margin), turned)
    return value, xp.where(past, xp.zeros_like(cosine) + 1, math.cos(margin) + steep * math.sin(margin))


def _angular_logits(xp: Any, prediction: Any, target: Any, margin: float, scale: float) -> tuple[Any, Any]:
    """Logits and their slopes; soft targets take their share of the margin."""
    share = dense_target(xp, prediction, target)
    turned, slope = _turned(xp, prediction, margin)
    return scale * ((1 - share) * prediction + share * turned), scale * (1 + share * (slope - 1))


def _angular_margin(
    xp: Any, prediction: Any, target: Any, *, margin: float, scale: float, label_smoothing: float, class_weight: Any
) -> Any:
    logits, _ = _angular_logits(xp, prediction, target, margin, scale)
    return softmax_ce(xp, logits, target, label_smoothing, class_weight)


def _angular_margin_gradient(
    xp: Any, prediction: Any, target: Any, *, margin: float, scale: float, label_smoothing: float, class_weight: Any
) -> Any:
    logits, slope = _angular_logits(xp, prediction, target, margin, scale)
    return slope * softmax_ce_gradient(xp, logits, target, label_smoothing, class_weight)


angular_margin = register(
    Loss(
        name="angular_margin",
        object_name="AngularMargin",
        aliases=("arcface", "additive_angular_margin"),
        title="Angular margin (ArcFace)",
        summary="Surprise, in nats, of the true class when its angle counts as larger by a margin.",
        task="multiclass",
        layout="row",
        value=_angular_margin,
        gradient=_angular_margin_gradient,
        row_weight=true_class_weight,
        prediction=COSINES,
        target=CLASSES,
        parameters=(
            Parameter(
                name="margin",
                default=0.5,
                low=0.0,
                high=math.pi,
                meaning="Radians added to the angle of the true class; past 180 degrees in all it goes on in a "
                "straight line.",
            ),
            _SCALE,
            SMOOTHING,
            CLASS_WEIGHT,
        ),
        formula=r"-w_y \log \pi_y, \quad \pi_c = \frac{e^{s \cos(\theta_c + m t_c)}}"
        r"{\sum_{k} e^{s \cos(\theta_k + m t_k)}}, \quad \cos \theta_c = p_c",
        gradient_formula=r"\begin{cases} s w_y (\pi_y - 1) \frac{\sin(\theta_y + m)}{\sin \theta_y} & c = y \\ "
        r"s w_y \pi_c & \text{otherwise} \end{cases}",
        example=([[0.75, 0.3125, -0.5]], [0], 0.148927),
        advice=Advice(
            use="Embeddings have to tell thousands of identities apart, also ones never seen (faces, speakers).",
            avoid="Only the given classes matter: softmax_cross_entropy learns faster. You have pairs and no classes: "
            "take a contrastive loss.",
            good_value=_GOOD,
            pitfalls=(*_PITFALLS, "It may not start to learn: raise the margin from 0 over the first epochs."),
        ),
        references=(_DENG,),
    )
)


def _cosine_logits(xp: Any, prediction: Any, target: Any, margin: float, scale: float) -> Any:
    return scale * (prediction - margin * dense_target(xp, prediction, target))


def _cosine_margin(
    xp: Any, prediction: Any, target: Any, *, margin: float, scale: float, label_smoothing: float, class_weight: Any
) -> Any:
    logits = _cosine_logits(xp, prediction, target, margin, scale)
    return softmax_ce(xp, logits, target, label_smoothing, class_weight)


def _cosine_margin_gradient(
    xp: Any, prediction: Any, target: Any, *, margin: float, scale: float, label_smoothing: float, class_weight: Any
) -> Any:
    logits = _cosine_logits(xp, prediction, target, margin, scale)
    return scale * softmax_ce_gradient(xp, logits, target, label_smoothing, class_weight)


cosine_margin = register(
    Loss(
        name="cosine_margin",
        object_name="CosineMargin",
        aliases=("cosface", "additive_cosine_margin"),
        title="Cosine margin (CosFace)",
        summary="Surprise, in nats, of the true class when its cosine counts as smaller by a margin.",
        task="multiclass",
        layout="row",
        value=_cosine_margin,
        gradient=_cosine_margin_gradient,
        row_weight=true_class_weight,
        prediction=COSINES,
        target=CLASSES,
        parameters=(
            Parameter(name="margin", default=0.35, low=0.0, meaning="Taken off the cosine of the true class."),
            _SCALE,
            SMOOTHING,
            CLASS_WEIGHT,
        ),
        formula=r"-w_y \log \pi_y, \quad \pi_c = \frac{e^{s (p_c - m t_c)}}{\sum_{k} e^{s (p_k - m t_k)}}",
        gradient_formula=r"\begin{cases} s w_y (\pi_y - 1) & c = y \\ s w_y \pi_c & \text{otherwise} \end{cases}",
        example=([[0.75, 0.375, -0.5]], [0], 0.183901),
        advice=Advice(
            use="As angular_margin, with a margin that pulls equally at every angle; easier to train.",
            avoid="Only the given classes matter: softmax_cross_entropy learns faster.",
            good_value=_GOOD,
            pitfalls=_PITFALLS,
        ),
        references=(_WANG,),
    )
)
