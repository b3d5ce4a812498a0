"""Losses between boxes (x1, y1, x2, y2), one value per box: how well two boxes cover each other.

The value of a pair does not depend on its size or place: lengths are measured against the box that encloses both. Two
boxes without any area have an overlap of 0, and where coordinates tie the sides share the gradient, so that equal boxes
have the gradient 0.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..arrays.composite import larger, over, smaller
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import BOXES

_YU = Reference(
    text="J. Yu et al. (2016). UnitBox: an advanced object detection network. ACM Multimedia",
    link="https://arxiv.org/abs/1608.01471",
)
_REZATOFIGHI = Reference(
    text="H. Rezatofighi et al. (2019). Generalized intersection over union: a metric and a loss. CVPR",
    link="https://arxiv.org/abs/1902.09630",
)
_ZHENG = Reference(
    text="Z. Zheng et al. (2020). Distance-IoU loss: faster and better learning for bounding box regression. AAAI",
    link="https://arxiv.org/abs/1911.08287",
)
_EPSILON = Parameter(
    name="epsilon",
    default=0.0,
    low=0.0,
    meaning="Added to the denominators, in squared units of the coordinates (torchvision: 1e-7). With 0 the value does "
    "not depend on the scale.",
)
_PITFALLS = (
    "Corners, not (x, y, width, height) or centres: convert first.",
    "A prediction with x2 < x1 is an error: predict a corner and a positive size, or sort.",
)


class Side(NamedTuple):
    """Prediction (low, high) and target along x or y, in units of the pair's scale."""

    size: Any  # of the prediction
    wanted: Any  # size of the target
    common: Any  # of the intersection, 0 or more
    hull: Any  # of the enclosing box
    shift: Any  # between the centres
    common_slope: tuple[Any, Any]  # d common / d low, d high
    hull_slope: tuple[Any, Any]


class Pair(NamedTuple):
    """Two boxes: their sides along x and y, areas, and the scale that lengths are measured in."""

    x: Side
    y: Side
    common: Any
    union: Any
    scale: Any
    epsilon: Any  # in units of the scale squared


def _side(xp: Any, low: Any, high: Any, wanted_low: Any, wanted_high: Any, scale: Any) -> Side:
    common = (smaller(xp, high, wanted_high) - larger(xp, low, wanted_low)) / scale
    hull = (larger(xp, high, wanted_high) - smaller(xp, low, wanted_low)) / scale
    inner = _share(xp, low - wanted_low), _share(xp, wanted_high - high)
    overlap = xp.cast(common > 0, low.dtype)
    return Side(
        size=(high - low) / scale,
        wanted=(wanted_high - wanted_low) / scale,
        common=xp.relu0(common),
        hull=hull,
        shift=((low - wanted_low) + (high - wanted_high)) / 2 / scale,
        common_slope=(-inner[0] * overlap, inner[1] * overlap),
        hull_slope=(inner[0] - 1, 1 - inner[1]),
    )


def _share(xp: Any, difference: Any) -> Any:
    """1 where positive, 1/2 at 0, 0 where negative: what part of a gradient goes to the larger of two."""
    return (1 + xp.sign0(difference)) / 2


def _pair(xp: Any, prediction: Any, target: Any, epsilon: float) -> Pair:
    p, t = ([box[..., i] for i in range(4)] for box in (prediction, target))
    reach = [larger(xp, p[i + 2], t[i + 2]) - smaller(xp, p[i], t[i]) for i in (0, 1)]
    scale = xp.stop_gradient(larger(xp, *reach))
    scale = xp.where(scale > 0, scale, xp.zeros_like(scale) + 1)
    x, y = (_side(xp, p[i], p[i + 2], t[i], t[i + 2], scale) for i in (0, 1))
    common = x.common * y.common
    union = x.size * y.size + x.wanted * y.wanted - common
    return Pair(x, y, common, union, scale, epsilon / scale / scale)


def _box_gradient(xp: Any, pair: Pair, x_slope: tuple[Any, Any], y_slope: tuple[Any, Any]) -> Any:
    """From slopes with respect to (low, high) of each side, in units of the scale, to (x1, y1, x2, y2)."""
    slopes = (x_slope[0], y_slope[0], x_slope[1], y_slope[1])
    return xp.stack([slope / pair.scale for slope in slopes])


def _iou(xp: Any, pair: Pair) -> Any:
    return over(xp, pair.common, pair.union + pair.epsilon)


def _common_and_union_slopes(side: Side, across: Side) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Slopes of the two areas with respect to (low, high) of one side; ``across`` is the other one."""
    common = tuple(slope * across.common for slope in side.common_slope)
    area = (-across.size, across.size)
    return common, tuple(a - c for a, c in zip(area, common, strict=True))


def _iou_slopes(xp: Any, pair: Pair, side: Side, across: Side) -> tuple[Any, Any]:
    """Slopes of 1 - IoU with respect to (low, high) of one side."""
    whole, iou = pair.union + pair.epsilon, _iou(xp, pair)
    common, union = _common_and_union_slopes(side, across)
    return tuple(over(xp, iou * u - c, whole) for c, u in zip(common, union, strict=True))


def _iou_loss(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    return 1 - _iou(xp, _pair(xp, prediction, target, epsilon))


def _iou_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    return _box_gradient(xp, pair, _iou_slopes(xp, pair, pair.x, pair.y), _iou_slopes(xp, pair, pair.y, pair.x))


iou_loss = register(
    Loss(
        name="iou_loss",
        object_name="IoULoss",
        aliases=("box_iou", "box_iou_loss"),
        title="Box IoU",
        summary="One minus the overlap of two boxes: intersection over union.",
        task="boxes",
        layout="row",
        value=_iou_loss,
        gradient=_iou_gradient,
        prediction=BOXES,
        target=BOXES,
        parameters=(_EPSILON,),
        formula=r"1 - \frac{I}{U}, \quad I = |P \cap T|, \quad U = |P \cup T|",
        gradient_formula=r"\frac{I}{U^2} \nabla U - \frac{1}{U} \nabla I",
        example=([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], 0.5),
        advice=Advice(
            use="Boxes that overlap already are to be refined by the measure they are judged by.",
            avoid="Boxes may miss each other: the gradient is 0 there (take giou_loss, diou_loss or ciou_loss).",
            good_value="1 is no overlap, 0 is equal boxes; 0.5 is the usual line between a hit and a miss.",
            pitfalls=_PITFALLS,
        ),
        references=(_YU,),
    )
)


def _giou(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    hull = pair.x.hull * pair.y.hull
    return 1 - _iou(xp, pair) + over(xp, hull - pair.union, hull + pair.epsilon)


def _giou_slopes(xp: Any, pair: Pair, side: Side, across: Side) -> tuple[Any, Any]:
    hull = pair.x.hull * pair.y.hull
    empty = over(xp, hull - pair.union, hull + pair.epsilon)
    _, union = _common_and_union_slopes(side, across)
    return tuple(
        first + over(xp, slope * across.hull * (1 - empty) - u, hull + pair.epsilon)
        for first, slope, u in zip(_iou_slopes(xp, pair, side, across), side.hull_slope, union, strict=True)
    )


def _giou_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    return _box_gradient(xp, pair, _giou_slopes(xp, pair, pair.x, pair.y), _giou_slopes(xp, pair, pair.y, pair.x))


giou_loss = register(
    Loss(
        name="giou_loss",
        object_name="GIoULoss",
        aliases=("giou", "generalized_box_iou_loss"),
        title="Generalised box IoU",
        summary="Box IoU loss plus the share of the enclosing box that neither covers: it also pulls boxes together.",
        task="boxes",
        layout="row",
        value=_giou,
        gradient=_giou_gradient,
        prediction=BOXES,
        target=BOXES,
        parameters=(_EPSILON,),
        formula=r"1 - \frac{I}{U} + \frac{H - U}{H}, \quad I = |P \cap T|, \quad U = |P \cup T|",
        gradient_formula=r"\frac{I}{U^2} \nabla U - \frac{1}{U} \nabla I + \frac{U}{H^2} \nabla H "
        r"- \frac{1}{H} \nabla U",
        example=([[0.0, 0.0, 1.0, 1.0]], [[2.0, 0.0, 3.0, 1.0]], 1.333333),
        advice=Advice(
            use="Predicted boxes may miss the target, as in set prediction (DETR) and early training.",
            avoid="Fast convergence matters: it first grows the box until both overlap (diou_loss moves it).",
            good_value="0 is equal boxes, 1 about where boxes touch, 2 is far apart.",
            pitfalls=(*_PITFALLS, "For a box inside the other one it is the plain IoU loss, wherever it lies."),
        ),
        references=(_REZATOFIGHI,),
    )
)


def _offset(xp: Any, pair: Pair) -> tuple[Any, Any]:
    """Squared distance of the centres over the squared diagonal of the enclosing box, and that diagonal."""
    diagonal = pair.x.hull * pair.x.hull + pair.y.hull * pair.y.hull + pair.epsilon
    return over(xp, pair.x.shift * pair.x.shift + pair.y.shift * pair.y.shift, diagonal), diagonal


def _diou(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    return 1 - _iou(xp, pair) + _offset(xp, pair)[0]


def _diou_slopes(xp: Any, pair: Pair, side: Side, across: Side) -> tuple[Any, Any]:
    offset, diagonal = _offset(xp, pair)
    return tuple(
        first + over(xp, side.shift - 2 * offset * side.hull * slope, diagonal)
        for first, slope in zip(_iou_slopes(xp, pair, side, across), side.hull_slope, strict=True)
    )


def _diou_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    return _box_gradient(xp, pair, _diou_slopes(xp, pair, pair.x, pair.y), _diou_slopes(xp, pair, pair.y, pair.x))


_DIOU = r"1 - \frac{I}{U} + \frac{d^2}{c^2}"
_DIOU_GRADIENT = (
    r"\frac{I}{U^2} \nabla U - \frac{1}{U} \nabla I + \frac{1}{c^2} \nabla d^2 - \frac{d^2}{c^4} \nabla c^2"
)

diou_loss = register(
    Loss(
        name="diou_loss",
        object_name="DIoULoss",
        aliases=("diou", "distance_box_iou_loss"),
        title="Distance box IoU",
        summary="Box IoU loss plus the squared distance of the centres over the squared diagonal of the enclosing box.",
        task="boxes",
        layout="row",
        value=_diou,
        gradient=_diou_gradient,
        prediction=BOXES,
        target=BOXES,
        parameters=(_EPSILON,),
        formula=_DIOU,
        gradient_formula=_DIOU_GRADIENT,
        example=([[0.0, 0.0, 1.0, 1.0]], [[2.0, 0.0, 3.0, 1.0]], 1.4),
        advice=Advice(
            use="Predicted boxes may miss the target and should move straight towards it.",
            avoid="Aspect ratios matter as well: ciou_loss.",
            good_value="0 is equal boxes, 1 about where boxes touch, 2 is far apart.",
            pitfalls=_PITFALLS,
        ),
        references=(_ZHENG,),
    )
)


def _lean(xp: Any, width: Any, height: Any) -> tuple[Any, Any, Any]:
    """The angle ``atan(width / height)`` and its slopes; 0 without any for a box that is a point."""
    size = xp.stop_gradient(larger(xp, width, height))
    point = size == 0
    size = xp.where(point, xp.zeros_like(size) + 1, size)
    w, h = xp.where(point, xp.zeros_like(size), width / size), xp.where(point, xp.zeros_like(size) + 1, height / size)
    whole = (w * w + h * h) * size
    return xp.atan2(w, h), xp.where(point, xp.zeros_like(h), h / whole), xp.where(point, xp.zeros_like(w), -w / whole)


def _aspect(xp: Any, pair: Pair) -> tuple[Any, Any, Any]:
    """How much aspect ratios differ, and the slopes of that with respect to the prediction's width and height."""
    angle, width_slope, height_slope = _lean(xp, pair.x.size, pair.y.size)
    wanted, _, _ = _lean(xp, pair.x.wanted, pair.y.wanted)
    off = (angle - wanted) * (2 / math.pi)
    return off * off, 2 * off * (2 / math.pi) * width_slope, 2 * off * (2 / math.pi) * height_slope


def _trade_off(xp: Any, pair: Pair, aspect: Any, epsilon: float) -> Any:
    return xp.stop_gradient(over(xp, aspect, 1 - _iou(xp, pair) + aspect + epsilon))


def _ciou(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    aspect, _, _ = _aspect(xp, pair)
    return 1 - _iou(xp, pair) + _offset(xp, pair)[0] + _trade_off(xp, pair, aspect, epsilon) * aspect


def _ciou_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float) -> Any:
    pair = _pair(xp, prediction, target, epsilon)
    aspect, *slopes = _aspect(xp, pair)
    factor = _trade_off(xp, pair, aspect, epsilon)
    x, y = _diou_slopes(xp, pair, pair.x, pair.y), _diou_slopes(xp, pair, pair.y, pair.x)
    width, height = (factor * slope for slope in slopes)
    return _box_gradient(xp, pair, (x[0] - width, x[1] + width), (y[0] - height, y[1] + height))


ciou_loss = register(
    Loss(
        name="ciou_loss",
        object_name="CIoULoss",
        aliases=("ciou", "complete_box_iou_loss"),
        title="Complete box IoU",
        summary="Distance box IoU loss plus a term for the difference of aspect ratios.",
        task="boxes",
        layout="row",
        value=_ciou,
        gradient=_ciou_gradient,
        prediction=BOXES,
        target=BOXES,
        parameters=(_EPSILON,),
        formula=_DIOU + r" + \alpha v, \quad \alpha = \frac{v}{1 - \frac{I}{U} + v}",
        gradient_formula=_DIOU_GRADIENT + r" + \alpha \nabla v",
        example=([[0.0, 0.0, 2.0, 1.0]], [[0.0, 0.0, 2.0, 2.0]], 0.534498),
        advice=Advice(
            use="Boxes are to fit in place, size and shape; the usual choice in YOLO-like detectors.",
            avoid="Boxes of all shapes are fine as long as they overlap (giou_loss).",
            good_value="0 is equal boxes, 1 about where boxes touch, 2 or little more is far apart.",
            pitfalls=(
                *_PITFALLS,
                "The factor alpha counts as a constant in the gradient, as in the paper and in torchvision: the "
                "gradient is not exactly the slope of the value.",
            ),
        ),
        references=(_ZHENG,),
    )
)
