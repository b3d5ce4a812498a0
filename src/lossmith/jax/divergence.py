"""Divergences between distributions along ``axis``: log-probabilities against a target, one value per row.

``axis`` is a whole number, a tuple, or None for all axes. ``where`` holds booleans of the arrays' rank and selects:
what it hides adds nothing, NaN included. All take ``weight``, ``mask``, ``reduction``, ``normalizer`` and ``empty`` by
keyword. Formulas come from ``lossmith.losses``.
"""

from __future__ import annotations

from typing import Any, Unpack

import jax.numpy as jnp

from .calling import Axis, Options, apply, shown, to_rows, wide

_LOSS = "kl_divergence_log_probabilities"


def kl_divergence(
    log_predictions: Any, targets: Any, axis: Axis = -1, where: Any = None, **options: Unpack[Options]
) -> Any:
    """``Σ t (log t - log p)``, as ``optax.losses.kl_divergence``; a target of 0 adds nothing.

    >>> import jax.numpy as jnp
    >>> kl_divergence(jnp.log(jnp.array([[0.5, 0.5]])), jnp.array([[1.0, 0.0]]))
    Array([0.6931472], dtype=float32)
    """
    return apply(_LOSS, *to_rows(log_predictions, targets, axis, where, options))


def kl_divergence_with_log_targets(
    log_predictions: Any, log_targets: Any, axis: Axis = -1, where: Any = None, **options: Unpack[Options]
) -> Any:
    """The same with logarithms of the target, as ``optax.losses.kl_divergence_with_log_targets``; -inf is 0."""
    (log_t,) = wide(jnp.asarray(log_targets))
    rows = to_rows(log_predictions, jnp.exp(log_t), axis, where, options)
    return apply(_LOSS, *rows, like=(log_predictions, log_targets))


def generalized_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axis = -1, where: Any = None, **options: Unpack[Options]
) -> Any:
    """``Σ t (log t - log p) + Σ p - Σ t``, as ``optax.losses.generalized_kl_divergence``: sums need not be 1."""
    log_p, t, options = to_rows(log_predictions, targets, axis, where, options)
    if log_p.shape == t.shape:
        log_p, t = wide(log_p, t)
        log_p, t = _with_excess(log_p, t, options)
    return apply(_LOSS, log_p, t, options, like=(log_predictions, targets))


def convex_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axis = -1, where: Any = None, **options: Unpack[Options]
) -> Any:
    """``generalized_kl_divergence`` by its older name."""
    return generalized_kl_divergence(log_predictions, targets, axis, where, **options)


def _with_excess(log_p: Any, t: Any, options: Options) -> tuple[Any, Any]:
    """Append a class of target 1 whose divergence is Σ p - Σ t, so that masks and reductions see one row."""
    seen, goal = shown(log_p, options), shown(t, options)
    excess = jnp.sum(jnp.exp(seen) - goal, axis=-1, keepdims=True)
    return jnp.concatenate([log_p, -excess], axis=-1), jnp.concatenate([t, jnp.ones_like(excess)], axis=-1)
