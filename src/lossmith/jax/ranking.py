"""Losses over lists of items along the last axis, one value per list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import jax.numpy as jnp

from .calling import Options, apply, to_rows

_REDUCTIONS = {None: "none", jnp.sum: "sum", jnp.mean: "mean"}


def ranking_softmax_loss(
    logits: Any,
    labels: Any,
    *,
    where: Any = None,
    weights: Any = None,
    reduce_fn: Callable[..., Any] | None = jnp.mean,
    **options: Unpack[Options],
) -> Any:
    """Cross-entropy of relevances with the softmax of scores, as ``optax.losses.ranking_softmax_loss``.

    Args:
        logits: Scores (…, L).
        labels: Relevances of the same shape; they need not sum to 1.
        where: Booleans of the same rank: items that count. Lists without any do not count in the mean.
        weights: Factors on the items, of the same shape.
        reduce_fn: ``jax.numpy.mean``, ``jax.numpy.sum``, None for one value per list, or any function of the values
            that takes ``where=``, the lists that count.
        **options: As everywhere; ``weight`` has one factor per list, ``reduction`` takes the place of ``reduce_fn``.

    >>> import jax.numpy as jnp
    >>> f"{ranking_softmax_loss(jnp.array([2.0, 1.0, 3.0]), jnp.array([1.0, 0.0, 0.0])):.3f}"
    '1.408'
    """
    labels = jnp.asarray(labels)
    if weights is not None:
        labels = labels * weights
    x, y, options = to_rows(logits, labels, -1, where, options)
    mine = "reduction" not in options
    if mine:
        options = {**options, "reduction": _REDUCTIONS.get(reduce_fn, "none")}
    value = apply("softmax_cross_entropy", x, y, options, like=(logits,))
    if not mine or reduce_fn is None or reduce_fn in _REDUCTIONS:
        return value
    return reduce_fn(value, where=options.get("mask"))
