"""Losses of numbers: elementwise, ``predictions`` and ``targets`` of any one shape.

All take ``weight``, ``mask``, ``reduction``, ``normalizer`` and ``empty`` by keyword, and raise ``ShapeError`` where
the two shapes differ. Formulas come from ``lossmith.losses``. ``targets=None`` stands for zeros where optax has that.
"""

from __future__ import annotations

from typing import Any, Unpack

from .calling import Options, apply, scaled


def squared_error(predictions: Any, targets: Any = None, **options: Unpack[Options]) -> Any:
    """``(p - t)²``, as ``optax.losses.squared_error``.

    >>> import jax.numpy as jnp
    >>> float(squared_error(jnp.array([2.0, 3.0]), jnp.array([1.0, 5.0]), reduction="mean"))
    2.5
    """
    return apply("squared_error", predictions, targets, options)


def l2_loss(predictions: Any, targets: Any = None, **options: Unpack[Options]) -> Any:
    """Half the squared error, as ``optax.losses.l2_loss``."""
    return scaled(squared_error(predictions, targets, **options), 0.5)


def absolute_error(predictions: Any, targets: Any = None, **options: Unpack[Options]) -> Any:
    """``|p - t|`` with gradient 0 at 0."""
    return apply("absolute_error", predictions, targets, options)


def huber_loss(predictions: Any, targets: Any = None, *, delta: Any = 1.0, **options: Unpack[Options]) -> Any:
    """Half the squared error up to ``delta``, linear beyond, as ``optax.losses.huber_loss``.

    >>> import jax.numpy as jnp
    >>> huber_loss(jnp.array([2.0, 3.0]), jnp.array([1.0, 6.0]), delta=2.0)
    Array([0.5, 4. ], dtype=float32)
    """
    return apply("huber", predictions, targets, options, delta=delta)


def log_cosh(predictions: Any, targets: Any = None, **options: Unpack[Options]) -> Any:
    """``log(cosh(p - t))``, as ``optax.losses.log_cosh``."""
    return apply("log_cosh", predictions, targets, options)


def squared_logarithmic_error(predictions: Any, targets: Any, **options: Unpack[Options]) -> Any:
    """Squared error of ``log(1 + x)``; both from 0 on."""
    return apply("squared_logarithmic_error", predictions, targets, options)


def absolute_percentage_error(predictions: Any, targets: Any, *, epsilon: Any = 0.0, **options: Unpack[Options]) -> Any:
    """Absolute error in per cent of the target's size, which counts as at least ``epsilon``."""
    return apply("absolute_percentage_error", predictions, targets, options, epsilon=epsilon)


def poisson(rates: Any, targets: Any, *, epsilon: Any = 0.0, full: bool = False, **options: Unpack[Options]) -> Any:
    """Negative log-likelihood of counts under rates; ``epsilon`` is added to the rate inside the logarithm."""
    return apply("poisson", rates, targets, options, epsilon=epsilon, full=full)


def poisson_log_rate(log_rates: Any, targets: Any, *, full: bool = False, **options: Unpack[Options]) -> Any:
    """Negative log-likelihood of counts under exponentials of ``log_rates``."""
    return apply("poisson_log_rate", log_rates, targets, options, full=full)
