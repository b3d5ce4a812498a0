"""Operations with pinned edges that are the same composition on every framework; ``xp`` is an operations module.

They use "where twice": the branch that is not taken is fed a harmless value, so that its infinite derivative never
meets a zero and becomes NaN.
"""

from __future__ import annotations

from typing import Any

TINY = 1e-12  # below this probability the slope of log_floor stays at 1 / TINY: finite, and never zero


def mul0(xp: Any, a: Any, b: Any) -> Any:
    """``a * b`` with ``0 * ±inf = 0``; NaN stays NaN."""
    return a * xp.where((a == 0) & xp.isinf(b), xp.zeros_like(b), b)


def xlogy(xp: Any, x: Any, y: Any) -> Any:
    """``x * log(y)`` with ``0 * log(0) = 0``, its gradient with respect to ``y`` being 0 there."""
    vanishes = (x == 0) & ((y == 0) | xp.isinf(y))
    return x * xp.log(xp.where(vanishes, xp.zeros_like(y) + 1, y))


def xdivy(xp: Any, x: Any, y: Any) -> Any:
    """``x / y`` with ``0 / 0 = 0``: the gradient of :func:`xlogy` with respect to ``y``."""
    vanishes = (x == 0) & (y == 0)
    return xp.divide(x, xp.where(vanishes, xp.zeros_like(y) + 1, y))


def log_floor(xp: Any, p: Any, floor: float = -100.0) -> Any:
    """``max(log p, floor)`` whose slope is ``1 / max(p, TINY)``.

    A probability of exactly 0 for the true class thus costs ``-floor`` and still pulls towards the truth, instead of
    an infinite loss (then NaN) or a clipped one without any gradient. Negative values and NaN give NaN.
    """
    inside = p > TINY
    constant = xp.stop_gradient(p)
    below = xp.at_least(xp.log(constant), floor) + (p - constant) / TINY
    return xp.where(inside, xp.log(xp.where(inside, p, xp.zeros_like(p) + 1)), below)


def log_floor_slope(xp: Any, p: Any) -> Any:
    """The gradient of :func:`log_floor`."""
    return 1 / xp.at_least(p, TINY)


def clip(xp: Any, x: Any, low: float, high: float) -> Any:
    """``x`` limited to ``[low, high]``, with gradient 1 inside and on the bounds, 0 beyond."""
    return xp.at_most(xp.at_least(x, low), high)


def norm_and_direction(xp: Any, x: Any) -> tuple[Any, Any]:
    """Length of the vectors on the last axis (kept) and their directions; a zero vector has direction 0, slope 0.

    Scaled by the largest entry first, so that neither 1e30 nor 1e-30 leaves float32.
    """
    largest = xp.stop_gradient(xp.max(xp.abs0(x), axis=-1, keepdims=True))
    zero = largest == 0
    scale = xp.where(zero, xp.zeros_like(largest) + 1, largest)
    scaled = x / scale
    squares = xp.sum(scaled * scaled, axis=-1, keepdims=True)
    length = xp.sqrt(xp.where(zero, xp.zeros_like(squares) + 1, squares))
    direction = xp.where(zero, xp.zeros_like(x), scaled / length)
    return xp.where(zero, xp.zeros_like(length), length * scale), direction
