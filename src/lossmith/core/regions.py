"""Losses over regions: from arrays of any rank to (regions, elements[, classes]), and the gradient back.

A region is one sample (an entry of the first axis) or the whole batch. A mask removes elements from their region. A
weight of shape (N,) weighs the samples; one of more axes, or any weight of a region that is the whole batch, says how
much each element counts within its region.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from ..errors import DomainError, InputError, ShapeError
from ..losses import Loss
from .reduce import REGIONS


class Flat(NamedTuple):
    """What a region loss is computed from."""

    prediction: Any  # (R, M) or (R, M, C)
    target: Any  # (R, M), or (R, M, C) for classes: dense rows, also where labels were given
    inside: Any  # (R, M): how much an element counts; None for 1 everywhere
    factor: Any  # (R,) or (R, 1): how much a region counts; None for 1 everywhere


def check_region(loss: Loss, region: str | None, shape: tuple) -> str:
    """Return the kind of region, for elements of ``shape``.

    Raises:
        InputError: Not a kind that there is.
        ShapeError: A sample would be a single element.
    """
    region = loss.region if region is None else region
    if region not in REGIONS:
        raise InputError(f"region is {region!r}; expected one of {', '.join(map(repr, REGIONS))}")
    if region == "sample" and len(shape) < 2:
        raise ShapeError(
            f"the elements have shape {shape}, so that a sample would be a single one; {loss.name} scores whole "
            'samples (N, …): add region="batch" to score all elements as one'
        )
    return region


def weighs_regions(region: str, weight_rank: int) -> bool:
    """Whether a weight of this rank belongs to the regions rather than to their elements."""
    return region == "sample" and weight_rank <= 1


def flatten(
    xp: ModuleType, loss: Loss, region: str, prediction: Any, target: Any, inner: Any, outer: Any, shape: tuple
) -> Flat:
    """Return flat arrays; ``inner`` is aligned to the elements, ``outer`` is (N,) or None; ``shape`` the elements'."""
    classes = loss.target.role == "classes"
    like = prediction[..., 0] if classes else prediction
    if inner is not None:
        inner = inner + xp.zeros_like(like)
    elif 0 in shape:
        inner = xp.zeros_like(like)  # a region without elements counts as little as one that is all masked
    samples = region == "sample"
    flat = xp.flatten_from(prediction, 1 if samples else 0, keep_last=classes)
    dense = len(xp.shape(target)) == len(xp.shape(prediction)) and classes
    target = xp.flatten_from(target, 1 if samples else 0, keep_last=dense)
    if classes and not dense:
        poison = xp.take_label(xp.zeros_like(flat), target)  # 0; NaN for a label out of range, where none was checked
        target = xp.one_hot(target, flat.shape[-1], flat.dtype) + xp.expand(poison, -1)
    inside = None if inner is None else xp.flatten_from(inner, 1 if samples else 0, keep_last=False)
    factor = outer
    if inside is not None:
        counted = xp.cast(xp.sum(inside, axis=1) > 0, flat.dtype)
        factor = counted if outer is None else outer * counted
    if factor is not None and loss.per_class:
        factor = xp.expand(factor, -1)
    return Flat(flat, target, inside, factor)


def examine(xp: ModuleType, loss: Loss, target: Any, inside: Any, parameters: Mapping[str, Any]) -> None:
    """Raise DomainError where the loss finds fault with its regions or batch, if they can be looked at on the host."""
    extras = {e.name: parameters[e.name] for e in loss.extras if e.name in parameters}
    arrays = {k: x for k, x in {"target": target, "inside": inside, **extras}.items() if x is not None}
    if loss.examine is not None and all(map(xp.is_concrete, arrays.values())):
        shown = {"inside": None, **parameters, **{k: xp.to_numpy(x) for k, x in arrays.items()}}
        text = loss.examine(shown.pop("target"), shown.pop("inside"), **shown)
        if text:
            raise DomainError(text)


def values_like(xp: ModuleType, loss: Loss, prediction: Any) -> Any:
    """Return an array of the shape of the values, (R,) or (R, C), for a flat prediction."""
    sums = xp.sum(prediction, axis=1)
    return sums if loss.per_class or loss.target.role != "classes" else sums[..., 0]
