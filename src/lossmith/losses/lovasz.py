r"""The Lovász extension of the Jaccard loss: its value on masks, made continuous, for logits of one mask or of classes.

The errors of a region are sorted from high to low. Taking the elements in this order as wrong, the Jaccard loss grows
from 0 to 1; each error counts with what its element adds. The sum is convex in the errors, and where all are 0 or 1 it
is the Jaccard loss itself. Of elements with the same error those of the target come first, and each of the two groups
shares what it adds, so that the order of elements does not matter.
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import mul0, over
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import FLAGS, LOGITS, ONE_CLASS
from .multiclass import through_softmax
from .overlap import CLASS_WEIGHT, EMPTY_TARGET, class_factor, weighed
from .segmentation import CHANNELS_PITFALL, CLASS_EXAMPLE, LOGIT_EXAMPLE, REGION_PITFALL

_BERMAN = Reference(
    text="M. Berman, A. R. Triki, M. B. Blaschko (2018). The Lovász-softmax loss: a tractable surrogate for the "
    "optimization of the intersection-over-union measure in neural networks. CVPR",
    link="https://doi.org/10.1109/CVPR.2018.00464",
)
_YU = Reference(
    text="J. Yu, M. Blaschko (2015). Learning submodular losses with the Lovász hinge. ICML",
    link="https://arxiv.org/abs/1512.07797",
)
_ONLY_PRESENT = Parameter(
    name="empty_target",
    default="skip",
    kind="choice",
    choices=("count", "skip"),
    meaning='What a class without any target is: "skip" leaves it out of sum and mean, "count" scores its largest '
    "error.",
)


def _added(xp: Any, errors: Any, mask: Any, inside: Any, order: Any) -> Any:
    """What each element adds to the Jaccard loss, on the last axis, in ``order``: the slope of the value.

    Written without differences of neighbours, which cancel: an element of the target adds 1 / union, another one
    intersection / (union before · union after). Inside a run of equal errors all stand at the run's start.
    """
    first, last = xp.runs(xp.take_along(xp.stop_gradient(errors), order))
    weight = xp.take_along(inside, order)
    wanted = weight * xp.take_along(mask, order)
    spare = weight - wanted
    lost, more = xp.cumsum(wanted), xp.cumsum(spare)
    whole = xp.sum(wanted, axis=-1, keepdims=True)
    before = whole + xp.take_along(more - spare, first)
    after = whole + xp.take_along(more, last)
    left = whole - xp.take_along(lost, last)
    nothing = before == 0  # no target and no error so far: the first errors take the loss from 0 to 1
    beside = over(xp, xp.where(nothing, xp.zeros_like(left) + 1, over(xp, left, before)), after)
    return over(xp, wanted, before) + spare * beside


def _extension(xp: Any, errors: Any, mask: Any, inside: Any) -> Any:
    """The value, over the last axis."""
    order = xp.order(errors)
    added = _added(xp, errors, mask, inside, order)
    return xp.sum(mul0(xp, added, xp.relu0(xp.take_along(errors, order))), axis=-1)


def _extension_slope(xp: Any, errors: Any, mask: Any, inside: Any) -> Any:
    """The gradient of :func:`_extension` with respect to the errors, in their own order."""
    order = xp.order(errors)
    added = xp.take_along(_added(xp, errors, mask, inside, order), xp.order(-order))
    return xp.where(errors > 0, added, xp.zeros_like(added))


def _counts(xp: Any, like: Any, inside: Any) -> Any:
    """How much each element counts, in the shape of ``like``."""
    return xp.zeros_like(like) + (1 if inside is None else inside)


def _hinge_errors(prediction: Any, target: Any) -> Any:
    return 1 - (2 * target - 1) * prediction


def _hinge(xp: Any, prediction: Any, target: Any, inside: Any, *, empty_target: str) -> Any:
    factor = class_factor(xp, target, inside, empty_target=empty_target)
    errors = _hinge_errors(prediction, target)
    return weighed(xp, _extension(xp, errors, target, _counts(xp, target, inside)), factor)


def _hinge_gradient(xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, empty_target: str) -> Any:
    factor = class_factor(xp, target, inside, empty_target=empty_target)
    errors = _hinge_errors(prediction, target)
    slope = _extension_slope(xp, errors, target, _counts(xp, target, inside))
    return xp.expand(weighed(xp, cotangent, factor), -1) * (1 - 2 * target) * slope


def _by_class(xp: Any, prediction: Any, target: Any, inside: Any) -> tuple[Any, Any, Any]:
    """Errors, masks and how much elements count, all (R, C, M)."""
    p, mask = xp.moveaxis(xp.softmax(prediction), -1, 1), xp.moveaxis(target, -1, 1)
    counts = _counts(xp, mask, None if inside is None else xp.expand(inside, 1))
    return mask + (1 - 2 * mask) * p, mask, counts


def _softmax(xp: Any, prediction: Any, target: Any, inside: Any, *, empty_target: str, class_weight: Any = None) -> Any:
    factor = class_factor(xp, target, inside, empty_target=empty_target, class_weight=class_weight)
    return weighed(xp, _extension(xp, *_by_class(xp, prediction, target, inside)), factor)


def _softmax_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, empty_target: str, class_weight: Any = None
) -> Any:
    factor = class_factor(xp, target, inside, empty_target=empty_target, class_weight=class_weight)
    slope = xp.moveaxis(_extension_slope(xp, *_by_class(xp, prediction, target, inside)), 1, -1)
    slope = (1 - 2 * target) * slope * xp.expand(weighed(xp, cotangent, factor), 1)
    return through_softmax(xp, prediction, xp.softmax(prediction) * slope)


_JACCARD = (
    r"e_1 \ge e_2 \ge \dots, \quad J_k = 1 - "
    r"\frac{\sum_{i} t_i - \sum_{i \le k} t_i}{\sum_{i} t_i + \sum_{i \le k} (1 - t_i)}"
)

lovasz_hinge = register(
    Loss(
        name="lovasz_hinge",
        object_name="LovaszHinge",
        aliases=("binary_lovasz",),
        title="Lovász hinge",
        summary="The Jaccard loss of a mask, extended to hinge errors: convex in the logits, never below it.",
        task="segmentation",
        layout="region",
        value=_hinge,
        gradient=_hinge_gradient,
        row_weight=class_factor,
        prediction=LOGITS,
        target=FLAGS,
        parameters=(EMPTY_TARGET,),
        formula=r"\sum_{k} \max(0, e_k) (J_k - J_{k - 1}), \quad e_i = 1 - (2 t_i - 1) z_i, \quad " + _JACCARD,
        gradient_formula=r"-(2 t_k - 1) (J_k - J_{k - 1}) [e_k > 0]",
        example=(*LOGIT_EXAMPLE, 0.25),
        advice=Advice(
            use="Intersection over union of one mask is what you report, most of all to fine-tune a model that was "
            "trained on cross-entropy.",
            avoid="You train from the start, or need probabilities: take sigmoid_dice_cross_entropy. The targets are "
            "soft: take sigmoid_jaccard.",
            good_value="0 is every element right by a margin of 1; logits of 0 everywhere score 1. It is at least the "
            "Jaccard loss of the mask at threshold 0.",
            pitfalls=(
                "Its gradient reaches few elements at a time and forgets calibration: the outputs are scores with the "
                "threshold 0.",
                CHANNELS_PITFALL,
                "It sorts every region: about ten times the time of sigmoid_dice.",
                REGION_PITFALL,
            ),
        ),
        references=(_BERMAN, _YU),
    )
)

lovasz_softmax = register(
    Loss(
        name="lovasz_softmax",
        object_name="LovaszSoftmax",
        aliases=("multiclass_lovasz",),
        title="Lovász-softmax",
        summary="The Jaccard loss of each class, extended to the errors of its softmax probabilities.",
        task="segmentation",
        layout="region",
        per_class=True,
        value=_softmax,
        gradient=_softmax_gradient,
        row_weight=class_factor,
        prediction=LOGITS,
        target=ONE_CLASS,
        parameters=(_ONLY_PRESENT, CLASS_WEIGHT),
        formula=r"w_c \sum_{k} e_k (J_k - J_{k - 1}), \quad e_i = t_{ic} + (1 - 2 t_{ic}) p_{ic}, \quad "
        r"p_{ic} = \operatorname{softmax}(z_i)_c, \quad " + _JACCARD.replace("t_i", "t_{ic}"),
        gradient_formula=r"p_{ic} (g_{ic} - \sum_{k} p_{ik} g_{ik}), \quad "
        r"g_{ic} = w_c (1 - 2 t_{ic}) (J_i - J_{i - 1})",
        example=(*CLASS_EXAMPLE, 0.391905),
        advice=Advice(
            use="Mean intersection over union of several classes is what you report; often mixed with cross-entropy, "
            "or after it.",
            avoid="The targets are soft: take softmax_jaccard. Classes overlap: take lovasz_hinge, one call "
            "for each class.",
            good_value="0 is every element sure and right; it is at most 1. Where all probabilities are 0 or 1 it is 1 "
            "minus the mean IoU of the classes that are present.",
            pitfalls=(
                "Classes that are absent are left out, so that false positives of theirs cost through the classes they "
                'replace only; empty_target="count" scores them.',
                'The mean IoU of a data set is not the mean over images: region="batch" comes closer to it.',
                "It sorts every class of every region: about ten times the time of softmax_dice.",
            ),
        ),
        references=(_BERMAN,),
    )
)
