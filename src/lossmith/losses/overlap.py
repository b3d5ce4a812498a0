"""The overlap of a predicted and a true region: one statistic, from which every loss of the Dice family is made.

``hit = Σ p t`` is what both regions share and ``miss = α Σ p (1 - t) + β Σ t (1 - p)`` what only one of them has. The
Tversky loss is ``miss / (hit + miss + smooth)``, which is ``1 - TI`` without the cancellation. α weighs false positives
and β false negatives: 1/2 and 1/2 give Dice, 1 and 1 Jaccard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..arrays.composite import over, power_floor, power_floor_slope
from .definition import Parameter
from .multiclass import through_softmax

SMOOTH = Parameter(
    name="smooth",
    default=1.0,
    low=0.0,
    meaning="Added to numerator and denominator, in elements. With 1 a region without target still has a gradient that "
    "removes false positives, and large regions hardly notice; 0 gives the plain index, as metrics do.",
)
SQUARED = Parameter(
    name="squared",
    default=False,
    kind="bool",
    meaning="Square predictions and targets in the denominator, as V-Net does: a soft target then scores 0 when it is "
    "met, not only a target of 0 and 1.",
)
EMPTY_TARGET = Parameter(
    name="empty_target",
    default="count",
    kind="choice",
    choices=("count", "skip"),
    meaning='What a region (of a class) without any target is: "count" scores its false positives like any other, '
    '"skip" leaves it out of sum and mean.',
)
CLASS_WEIGHT = Parameter(
    name="class_weight",
    default=None,
    kind="vector",
    meaning="One factor (C,) per class, which counts in the mean's denominator too; [0, 1, …] drops the background.",
)


class Index(NamedTuple):
    """One overlap index: the weights of false positives and negatives, and how it is smoothed, squared and bent."""

    alpha: Any
    beta: Any
    smooth: Any
    squared: bool = False
    gamma: Any = None


def dice_index(*, smooth: Any, squared: bool) -> Index:
    """Dice; its smooth belongs to twice the intersection, and so counts half here."""
    return Index(0.5, 0.5, smooth / 2, squared)


def within(x: Any, inside: Any) -> Any:
    """``x`` (R, M) or (R, M, C) times how much each element counts within its region."""
    if inside is None:
        return x
    return x * (inside if len(x.shape) == len(inside.shape) else inside[..., None])


def overlap(xp: Any, p: Any, q: Any, t: Any, inside: Any, index: Index) -> tuple[Any, Any]:
    """``hit`` and ``miss`` of every region (and class), for probabilities ``p`` and ``q = 1 - p``; axis 1 stays, as 1.

    Squared, the miss is α Σ (p - t)², from p - t = p (1 - t) - (1 - p) t.
    """
    wrong, missed = p * (1 - t), q * t
    miss = index.alpha * (wrong - missed) ** 2 if index.squared else index.alpha * wrong + index.beta * missed
    return tuple(xp.sum(within(x, inside), axis=1, keepdims=True) for x in (p * t, miss))


def overlap_slopes(p: Any, t: Any, index: Index) -> tuple[Any, Any]:
    """The gradients of an element's part in ``hit`` and ``miss``."""
    return t, 2 * index.alpha * (p - t) if index.squared else index.alpha * (1 - t) - index.beta * t


def score(xp: Any, p: Any, q: Any, t: Any, inside: Any, index: Index) -> Any:
    """The loss of every region (and class)."""
    hit, miss = overlap(xp, p, q, t, inside, index)
    value = over(xp, miss, hit + miss + index.smooth)
    return (value if index.gamma is None else power_floor(xp, value, index.gamma))[:, 0]


def score_gradient(xp: Any, p: Any, q: Any, t: Any, inside: Any, cotangent: Any, index: Index) -> Any:
    """The gradient with respect to ``p`` of the sum of the losses times ``cotangent``."""
    hit, miss = overlap(xp, p, q, t, inside, index)
    whole = hit + miss + index.smooth
    value = over(xp, miss, whole)
    of_hit, of_miss = overlap_slopes(p, t, index)
    outer = xp.expand(cotangent, 1)
    if index.gamma is not None:
        outer = outer * power_floor_slope(xp, value, index.gamma)
    return within(over(xp, outer, whole) * ((1 - value) * of_miss - value * of_hit), inside)


class Link(NamedTuple):
    """From predictions to probabilities and back."""

    probabilities: Callable[..., tuple[Any, Any]]  # p and 1 - p
    back: Callable[..., Any]  # from the gradient with respect to p to that with respect to the prediction


def _as_given(xp: Any, prediction: Any) -> tuple[Any, Any]:
    return prediction, 1 - prediction


def _sigmoids(xp: Any, prediction: Any) -> tuple[Any, Any]:
    return xp.sigmoid(prediction), xp.sigmoid(-prediction)


def _softmaxes(xp: Any, prediction: Any) -> tuple[Any, Any]:
    p = xp.softmax(prediction)
    return p, 1 - p


GIVEN = Link(_as_given, lambda xp, prediction, p, q, slope: slope)
SIGMOID = Link(_sigmoids, lambda xp, prediction, p, q, slope: p * q * slope)
SOFTMAX = Link(_softmaxes, lambda xp, prediction, p, q, slope: through_softmax(xp, prediction, p * slope))


def present(xp: Any, target: Any, inside: Any) -> Any:
    """Whether a region (of a class) has any target: (R,) or (R, C). A NaN for a bad label does not hide here."""
    return ~(xp.sum(within(target, inside), axis=1) == 0)


def class_factor(xp: Any, target: Any, inside: Any, *, empty_target: str, class_weight: Any = None, **_: Any) -> Any:
    """What a region (of a class) counts: its class's weight, 0 where it is skipped; None for 1 everywhere."""
    if empty_target == "count":
        return class_weight
    there = xp.cast(present(xp, target, inside), target.dtype)
    return there if class_weight is None else there * class_weight


def weighed(xp: Any, values: Any, factor: Any) -> Any:
    """Values of regions (of classes) times what each counts; 0 where one is skipped."""
    return values if factor is None else xp.where(factor == 0, xp.zeros_like(values), values * factor)


def value_of(index: Callable[..., Index], link: Link) -> Callable[..., Any]:
    """Return the value of a loss with this index and link."""

    def value(
        xp: Any,
        prediction: Any,
        target: Any,
        inside: Any,
        *,
        empty_target: str,
        class_weight: Any = None,
        **settings: Any,
    ) -> Any:
        factor = class_factor(xp, target, inside, empty_target=empty_target, class_weight=class_weight)
        scores = score(xp, *link.probabilities(xp, prediction), target, inside, index(**settings))
        return weighed(xp, scores, factor)

    return value


def gradient_of(index: Callable[..., Index], link: Link) -> Callable[..., Any]:
    """Return the gradient of a loss with this index and link."""

    def gradient(
        xp: Any,
        prediction: Any,
        target: Any,
        inside: Any,
        cotangent: Any,
        *,
        empty_target: str,
        class_weight: Any = None,
        **settings: Any,
    ) -> Any:
        factor = class_factor(xp, target, inside, empty_target=empty_target, class_weight=class_weight)
        p, q = link.probabilities(xp, prediction)
        slope = score_gradient(xp, p, q, target, inside, weighed(xp, cotangent, factor), index(**settings))
        return link.back(xp, prediction, p, q, slope)

    return gradient


def fault_of_empty(target: np.ndarray, inside: np.ndarray | None, *, smooth: Any, **settings: Any) -> str | None:
    """Return what is wrong with the first region (of a class) that has no target where nothing smooths it."""
    if not isinstance(smooth, int | float) or smooth or settings.get("empty_target") == "skip" or not target.size:
        return None
    bad = ~present(np, target, inside)
    if inside is not None:
        counts = inside.sum(axis=1) > 0  # a region that is all masked counts for nothing and harms nobody
        bad &= counts if bad.ndim == 1 else counts[:, None]
    weight = settings.get("class_weight")
    if weight is not None:
        bad &= np.asarray(weight) != 0
    if not bad.any():
        return None
    at = np.argwhere(bad)[0]
    where = f"region {at[0]}" if bad.ndim == 1 else f"class {at[1]} of region {at[0]}"
    skip = ', or leave such regions out with empty_target="skip"' if "empty_target" in settings else ""
    return (
        f"target is empty in {where} ({int(bad.sum())} of {bad.size} are): with smooth=0 its overlap is 0 whatever is "
        f"predicted, and nothing is learned from it; give smooth=1{skip}"
    )
