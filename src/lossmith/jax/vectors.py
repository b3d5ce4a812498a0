"""Losses between vectors along ``axis``, one value per row.

``axis`` is a whole number, a tuple, or None for all axes. All take ``weight``, ``mask``, ``reduction``, ``normalizer``
and ``empty`` by keyword. Formulas come from ``lossmith.losses``; optax's least lengths are further entries of the
vectors, which change their lengths and not their products.
"""

from __future__ import annotations

import math
from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np

from ..errors import ShapeError
from .calling import Axis, Options, Rows, apply, flatten, number, scaled, shown, to_rows, wide


def cosine_similarity(
    predictions: Any,
    targets: Any,
    *,
    epsilon: Any = 0.0,
    axis: Axis = -1,
    where: Any = None,
    **options: Unpack[Options],
) -> Any:
    """Cosine of the angle (1 is the same direction), as ``optax.losses.cosine_similarity``.

    ``epsilon`` is the least squared length of both. A vector of length 0 has cosine 0 and gradient 0. ``where`` holds
    booleans of the arrays' rank and selects entries.

    >>> import jax.numpy as jnp
    >>> cosine_similarity(jnp.array([[3.0, 4.0]]), jnp.array([[4.0, 3.0]])).round(4)
    Array([0.96], dtype=float32)
    """
    rows = _vectors(predictions, targets, epsilon, axis, where, options)
    return scaled(apply("cosine_similarity", *rows, like=(predictions, targets)), -1.0)


def cosine_distance(
    predictions: Any,
    targets: Any,
    *,
    epsilon: Any = 0.0,
    axis: Axis = -1,
    where: Any = None,
    **options: Unpack[Options],
) -> Any:
    """``1 - cos``, as ``optax.losses.cosine_distance``, without cancellation for vectors that nearly agree."""
    a, b, options = _vectors(predictions, targets, epsilon, axis, where, options)
    together = jnp.ones(a.shape[:-1])
    return apply("cosine_embedding", a, together, options, extras={"other": b}, like=(predictions, targets))


def triplet_margin_loss(
    anchors: Any,
    positives: Any,
    negatives: Any,
    axis: Axis = -1,
    norm_degree: float = 2,
    margin: Any = 1.0,
    eps: float = 1e-6,
    **options: Unpack[Options],
) -> Any:
    """Positive nearer than negative by the margin, as ``optax.losses.triplet_margin_loss``.

    Distances are ``(Σ |d|^n + eps)^(1/n)`` for the ``norm_degree`` n, from 1 on (optax leaves out the bars).

    >>> import jax.numpy as jnp
    >>> triplet_margin_loss(jnp.array([[0.0, 0.0]]), jnp.array([[0.0, 1.0]]), jnp.array([[1.5, 0.0]])).round(4)
    Array([0.5], dtype=float32)
    """
    least = 0.0 if math.isinf(norm_degree) else number("eps", eps) ** (1 / norm_degree)
    given = (anchors, positives, negatives)
    a, p, n = wide(*(flatten(x, axis) for x in given))
    a, p, n = _append(a, least), _append(p, 0), _append(n, 0)
    parameters = {"margin": margin, "power": norm_degree, "epsilon": 0.0}
    return apply("triplet_margin", a, p, options, extras={"negative": n}, like=given, **parameters)


def _vectors(predictions: Any, targets: Any, epsilon: Any, axis: Axis, where: Any, options: Options) -> Rows:
    if np.shape(predictions) != np.shape(targets):
        raise ShapeError(
            f"predictions have shape {np.shape(predictions)} and targets {np.shape(targets)}; they must be equal, as "
            "nothing is broadcast"
        )
    a, b, options = to_rows(predictions, targets, axis, where, options, hidden=0.0)
    a, b = wide(a, b)
    if isinstance(number("epsilon", epsilon), int | float) and epsilon <= 0:
        return Rows(a, b, options)
    zero = jnp.zeros_like(a[..., :1])
    a, b = (
        jnp.concatenate([a, _lack(shown(a, options), epsilon), zero], axis=-1),
        jnp.concatenate([b, zero, _lack(shown(b, options), epsilon)], axis=-1),
    )
    return Rows(a, b, options)


def _lack(x: Any, squared_length: Any) -> Any:
    """The entry that brings the squared length up to ``squared_length``; 0 where it is that long."""
    lack = squared_length - jnp.sum(x * x, axis=-1, keepdims=True)
    short = lack > 0
    return jnp.where(short, jnp.sqrt(jnp.where(short, lack, 1)), 0)


def _append(x: Any, entry: Any) -> Any:
    return jnp.concatenate([x, jnp.full_like(x[..., :1], entry)], axis=-1)
