"""From values to a result: the only place where lossmith divides.

``total = Σ w·l`` and ``count = Σ w`` come first; the mean is their quotient, taken last, so that parts of a batch
(micro-batches, ranks, shards) add up to exactly what the whole batch gives.
"""

from __future__ import annotations

import math
from typing import Any

from ..errors import EmptyError, InputError

REDUCTIONS = ("mean", "sum", "none", "total")
EMPTY = ("zero", "nan", "error")
REGIONS = ("sample", "batch")


def check_options(reduction: str, normalizer: Any, empty: str) -> None:
    """Raise InputError unless the three options are valid together."""
    if reduction not in REDUCTIONS:
        raise InputError(f"reduction is {reduction!r}; expected one of {', '.join(map(repr, REDUCTIONS))}")
    if empty not in EMPTY:
        raise InputError(f"empty is {empty!r}; expected one of {', '.join(map(repr, EMPTY))}")
    if isinstance(normalizer, str | bool | list | tuple) or len(getattr(normalizer, "shape", ())) > 0:
        raise InputError(f"normalizer is {normalizer!r}; expected one number, the global count")
    if isinstance(normalizer, int | float) and not 0 <= normalizer < math.inf:
        raise InputError(f"normalizer is {normalizer!r}; expected a count, 0 or more")
    if normalizer is not None and reduction != "mean":
        raise InputError(f"normalizer divides a mean, but reduction is {reduction!r}; drop one of the two")


def total_and_count(xp: Any, values: Any, factor: Any, row_weight: Any) -> tuple[Any, Any]:
    """Return ``Σ w·l`` and ``Σ w``; ``factor`` and ``row_weight`` broadcast to the values, None stands for 1.

    The row weight (class weights) is part of the values already and so only counts in the denominator.
    """
    total = xp.total(values if factor is None else values * factor)
    return total, count_of(xp, values, factor, row_weight)


def count_of(xp: Any, like: Any, factor: Any, row_weight: Any) -> Any:
    """Return ``Σ w`` over values of the shape of ``like``."""
    if factor is None and row_weight is None:
        return xp.size(like)
    weights = factor if row_weight is None else row_weight if factor is None else factor * row_weight
    if xp.shape(weights) != xp.shape(like):
        weights = weights + xp.zeros_like(like)  # a broadcast that needs no static shape
    return xp.total(weights)


def safe_reciprocal(xp: Any, count: Any, like: Any) -> Any:
    """Return ``1 / count``, and 0 where the count is 0: the factor from a total's gradient to the mean's."""
    if isinstance(count, int | float):
        return 1 / count if count else 0.0
    count = xp.cast(xp.asarray(count, like), like.dtype)
    return xp.where(count == 0, xp.zeros_like(count), 1 / xp.where(count == 0, xp.zeros_like(count) + 1, count))


def mean(xp: Any, total: Any, count: Any, empty: str) -> Any:
    """Return ``total / count``; where the count is 0, what ``empty`` says.

    Raises:
        EmptyError: The count is 0 and ``empty="error"``.
        InputError: ``empty="error"`` while the count is being traced and so cannot be looked at.
    """
    static = isinstance(count, int | float)
    if empty == "error":
        if not static and not xp.is_concrete(count):
            raise InputError('empty="error" cannot be decided inside a trace or on a device; use "zero" or "nan"')
        if float(count) == 0:
            raise EmptyError(
                "no value is left to average: all are masked, ignored, of weight 0, or absent; "
                'empty="zero" or empty="nan" gives a number'
            )
    if static and count:
        return total / count
    fill = math.nan if empty == "nan" else 0.0
    if static:
        return total * 0.0 + fill
    result = total * safe_reciprocal(xp, count, total)
    return xp.where(xp.asarray(count, total) == 0, xp.zeros_like(result) + fill, result)
