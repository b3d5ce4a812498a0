"""What losses between the rows of a batch share: directions, which rows belong together, and distances.

All matrices are (N, N), so that memory grows with the square of the batch, but not with the features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.composite import norm_and_direction


def as_number(xp: Any, x: Any, like: Any) -> Any:
    """Return a parameter that may be learned, a scalar tensor, in the dtype of ``like``; a Python number as it is."""
    return x if isinstance(x, int | float) else xp.cast(xp.asarray(x, like), like.dtype)


def directions(xp: Any, x: Any, normalise: bool) -> tuple[Any, Any]:
    """Length of the vectors and their directions, 0 for a zero vector; None and the vectors themselves otherwise."""
    return norm_and_direction(xp, x) if normalise else (None, x)


def pull_back(xp: Any, gradient: Any, length: Any, direction: Any) -> Any:
    """Turn a gradient with respect to :func:`directions` into one with respect to the vectors."""
    if length is None:
        return gradient
    zero = length == 0
    along = xp.sum(gradient * direction, axis=-1, keepdims=True)
    slope = (gradient - along * direction) / xp.where(zero, xp.zeros_like(length) + 1, length)
    return xp.where(zero, xp.zeros_like(slope), slope)


def diagonal(xp: Any, row: Any) -> Any:
    """Booleans (N, N), true on the diagonal, for an array (N,)."""
    place = xp.positions(row)
    return xp.expand(place, -1) == xp.expand(place, -2)


def present(xp: Any, inside: Any) -> Any:
    """Booleans (N, N): both rows count; None where all do."""
    if inside is None:
        return None
    counted = inside > 0
    return xp.expand(counted, -1) & xp.expand(counted, -2)


def relations(xp: Any, groups: Any, inside: Any) -> tuple[Any, Any]:
    """Booleans (N, N): another row of the same group (a positive); a row of another group (a negative)."""
    same = xp.expand(groups, -1) == xp.expand(groups, -2)
    positives, negatives, both = same & ~diagonal(xp, groups), ~same, present(xp, inside)
    return (positives, negatives) if both is None else (positives & both, negatives & both)


def number(xp: Any, chosen: Any) -> Any:
    """How many are true on the last axis, as integers."""
    return xp.sum(xp.to_int(chosen), axis=-1)


def numbers(xp: Any, groups: Any, inside: Any) -> tuple[Any, Any]:
    """How many positives and negatives each row has (N,), as integers: the counts of :func:`relations`, by sorting."""
    here = xp.to_int(xp.zeros_like(groups) + 1 if inside is None else inside > 0)
    order = xp.order(groups)
    there = xp.take_along(here, order)
    before, (first, last) = xp.cumsum(there) - there, xp.runs(xp.take_along(groups, order))
    together = xp.take_along(before + there, last) - xp.take_along(before, first)
    size = xp.add_along(together, order)
    return here * (size - here), here * (xp.sum(here, axis=-1, keepdims=True) - size)


def share(xp: Any, chosen: Any, like: Any) -> Any:
    """1 over their number where ``chosen``, 0 elsewhere."""
    count = xp.cast(xp.expand(number(xp, chosen), -1), like.dtype)
    return xp.cast(chosen, like.dtype) / xp.at_least(count, 1.0)


def lone_rows(target: np.ndarray, inside: np.ndarray | None, negatives: bool) -> str | None:
    """Say what is wrong with a batch in which no row has a positive, or (with ``negatives``) none has a negative."""
    groups, counts = np.unique(target if inside is None else target[inside > 0], return_counts=True)
    if not len(groups):
        return None  # nothing is left, and that is what ``empty=`` is for
    if counts.max() == 1:
        return (
            f"target holds {len(groups)} rows of {len(groups)} groups: no two rows belong together, so that none has a "
            "positive; draw batches with several rows of each group, and give the same number to rows that belong "
            "together (not the row's own number)"
        )
    if negatives and len(groups) == 1:
        return (
            f"target holds {counts[0]} rows of the one group {groups[0]}: no row has a negative; draw batches with "
            "rows of several groups (shuffle before batching)"
        )
    return None


def scaled(xp: Any, x: Any, inside: Any) -> tuple[Any, Any]:
    """The rows around their mean in units of their largest entry, 0 where masked, and that entry (a constant).

    Distances do not change with the mean. Without it fewer digits cancel, and in these units neither 1e30 nor 1e-30
    leaves float32.
    """
    counted = None if inside is None else xp.expand(inside, -1)
    x = x if counted is None else xp.where(counted > 0, x, xp.zeros_like(x))
    largest = xp.stop_gradient(xp.max(xp.max(xp.abs0(x), axis=-1), axis=-1))
    unit = xp.where(largest > 0, largest, xp.zeros_like(largest) + 1)
    unit = xp.where(xp.isnan(largest), largest, unit)
    x = x / unit
    number = xp.sum(xp.zeros_like(x[..., :1]) + 1 if counted is None else counted, axis=-2, keepdims=True)
    centred = x - xp.stop_gradient(xp.sum(x, axis=-2, keepdims=True) / xp.at_least(number, 1.0))
    return centred if counted is None else xp.where(counted > 0, centred, xp.zeros_like(x)), unit


def distances(xp: Any, y: Any) -> tuple[Any, Any]:
    """Euclid's distances of all pairs of rows (N, N) and their squares; what rounding could have made is 0, slope 0."""
    squares = xp.sum(y * y, axis=-1, keepdims=True)
    both = squares + xp.swap(squares)
    apart = both - 2 * xp.matmul(y, xp.swap(y))
    floor = 1e-15 if "64" in str(y.dtype) else 5e-7
    none = apart <= floor * both
    apart = xp.where(none, xp.zeros_like(apart), apart)
    return xp.where(none, apart, xp.sqrt(xp.where(none, xp.zeros_like(apart) + 1, apart))), apart
