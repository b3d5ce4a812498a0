"""Operations with pinned edges that are the same composition on every framework; ``xp`` is an operations module.

They use "where twice": the branch that is not taken is fed a harmless value, so that its infinite derivative never
meets a zero and becomes NaN.
"""

from __future__ import annotations

import math
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


def larger(xp: Any, a: Any, b: Any) -> Any:
    """The larger of two arrays of one shape; ties share the gradient evenly, NaN in either gives NaN."""
    return xp.where(a > b, a, xp.where(b > a, b, 0.5 * a + 0.5 * b))


def smaller(xp: Any, a: Any, b: Any) -> Any:
    """The smaller of two arrays of one shape; ties share the gradient evenly, NaN in either gives NaN."""
    return xp.where(a < b, a, xp.where(b < a, b, 0.5 * a + 0.5 * b))


def over(xp: Any, a: Any, b: Any) -> Any:
    """``a / b``, and 0 with gradient 0 where ``b`` is 0."""
    empty = b == 0
    return xp.where(empty, xp.zeros_like(b), xp.divide(a, xp.where(empty, xp.zeros_like(b) + 1, b)))


def logsumexp(xp: Any, x: Any) -> Any:
    """``log(sum(exp(x)))`` over the last axis without overflow; its gradient is the softmax, also at ties and -inf."""
    top = xp.stop_gradient(xp.max(x, axis=-1))
    return top + xp.log(xp.sum(xp.exp(x - xp.expand(top, -1)), axis=-1))


def chosen_softmax(xp: Any, x: Any, chosen: Any, scale: Any) -> tuple[Any, Any, Any]:
    """The largest of the ``chosen`` entries of the last axis (a constant), ``log Σ exp(scale (x - it))``, the softmax.

    Scaled after the difference is taken, so that a scale of 1e30 leaves no float32. Where nothing is chosen all are 0.
    """
    zeros = xp.zeros_like(x)
    top = xp.stop_gradient(xp.max(xp.where(chosen, x, zeros - math.inf), axis=-1, keepdims=True))
    none = top == -math.inf
    top = xp.where(none, xp.zeros_like(top), top)
    e = xp.where(chosen, xp.exp(xp.where(chosen, (x - top) * scale, zeros)), zeros)
    total = xp.sum(e, axis=-1, keepdims=True)
    total = xp.where(none, xp.zeros_like(total) + 1, total)
    return top[..., 0], xp.log(total)[..., 0], e / total


def places(xp: Any, x: Any) -> Any:
    """0, 1, 2, … along the last axis as integers, in the shape of ``x``: exact where float32 stops at 2^24."""
    return xp.cumsum(xp.to_int(xp.zeros_like(x)) + 1) - 1


def _doublings(x: Any) -> tuple[int, ...]:
    """1, 2, 4, … below the length of the last axis; up to 2^30 where a graph does not know it."""
    length = x.shape[-1]
    return tuple(1 << k for k in range(31) if length is None or 1 << k < length)


def log_add_exp(xp: Any, a: Any, b: Any) -> Any:
    """``log(exp(a) + exp(b))`` without overflow; -inf for two of them. The gradients are shares of the sum."""
    first = a > b
    high, low = xp.where(first, a, b), xp.where(first, b, a)
    return high + xp.softplus(xp.where(xp.isinf(high), xp.zeros_like(high), low - high))


def doubling_logsumexp(xp: Any, x: Any) -> Any:
    """``log(cumsum(exp(x)))`` along the last axis in log2 N steps, each of them differentiable and free of overflow."""
    place = places(xp, x)
    for step in _doublings(x):
        there = place >= step
        behind = xp.take_along(x, xp.where(there, place - step, xp.zeros_like(place)))
        x = xp.where(there, log_add_exp(xp, x, behind), x)
    return x


def fading_sum(xp: Any, x: Any, log_size: Any) -> Any:
    """``Σ_{j ≤ k} x[j] exp(log_size[k] - log_size[j])`` along the last axis, in log2 N steps.

    ``log_size`` does not rise, so that no factor is above 1; it may be so large that no logarithm can be added to it.
    """
    place = places(xp, x)
    for step in _doublings(x):
        there = place >= step
        at = xp.where(there, place - step, xp.zeros_like(place))
        x = xp.where(there, x + xp.exp(log_size - xp.take_along(log_size, at)) * xp.take_along(x, at), x)
    return x


def power_floor(xp: Any, x: Any, exponent: float) -> Any:
    """``x ** exponent`` for ``x >= 0`` whose slope is ``exponent * max(x, TINY) ** (exponent - 1)``: finite at 0."""
    inside = x > TINY
    constant = xp.stop_gradient(x)
    below = constant**exponent + (x - constant) * (exponent * TINY ** (exponent - 1))
    return xp.where(inside, xp.where(inside, x, xp.zeros_like(x) + 1) ** exponent, below)


def power_floor_slope(xp: Any, x: Any, exponent: float) -> Any:
    """The gradient of :func:`power_floor`."""
    return exponent * xp.at_least(x, TINY) ** (exponent - 1)


def settled(xp: Any, x: Any) -> Any:
    """``x``, as a constant where it is infinite: for factors that have settled there, so that 0 never meets inf."""
    return xp.where(xp.isinf(x), xp.stop_gradient(x), x)


FAR = 1e9  # the square of anything larger swallows a 1 that is added to it, in float64 too


def log1p_square(xp: Any, x: Any) -> Any:
    """``log(1 + x²)``, right where the square overflows."""
    near = clip(xp, x, -FAR, FAR)
    return xp.where(xp.abs0(x) < FAR, xp.log1p(near * near), 2 * xp.log(xp.at_least(xp.abs0(x), FAR)))


def over_one_plus_square(xp: Any, x: Any) -> Any:
    """``x / (1 + x²)``, half the slope of :func:`log1p_square`; 0 at infinity."""
    inside = xp.abs0(x) < 1
    near, far = clip(xp, x, -1.0, 1.0), xp.where(inside, xp.zeros_like(x) + 1, x)
    return xp.where(inside, xp.divide(near, 1 + near * near), 1 / (far + 1 / far))


def root_gap(xp: Any, x: Any) -> Any:
    """``sqrt(1 + x²) - 1``, right near 0, where it is half a square, and where the square overflows."""
    square = clip(xp, x, -FAR, FAR)
    square = square * square
    return xp.where(xp.abs0(x) < FAR, xp.divide(square, 1 + xp.sqrt(1 + square)), xp.abs0(x) - 1)


def root_slope(xp: Any, x: Any) -> Any:
    """``x / sqrt(1 + x²)``, the slope of :func:`root_gap`: -1 and 1 far away."""
    near = clip(xp, x, -FAR, FAR)
    return xp.divide(near, xp.sqrt(1 + near * near))


def expm1_sloped(xp: Any, x: Any) -> Any:
    """``exp(x) - 1`` whose slope is right far below 0 too, where frameworks take the value plus 1 for it."""
    low = x < -0.5
    zeros = xp.zeros_like(x)
    return xp.where(low, xp.exp(xp.where(low, x, zeros)) - 1, xp.expm1(xp.where(low, zeros, x)))


def entropy_gap(xp: Any, y: Any, x: Any) -> Any:
    """``y log y - y + 1`` for ``y`` from 0, never negative, right near 1, where it is half a square.

    ``x`` is ``y - 1``, which callers know more exactly than the rounded ``y`` does. The logarithm is ``log_floor``.
    """
    close = xp.abs0(x) < 0.2
    s = xp.where(close, x, xp.zeros_like(x))
    v = s / (2 + s)  # log(1 + s) = 2 artanh(v)
    w, tail = v * v, 0.0
    for k in range(17, 1, -2):
        tail = 1 / k + w * tail
    near = 2 * (w + (1 + v) * v * w * tail) / (1 - v)
    z = xp.where(close, xp.zeros_like(y) + 1, y)
    return xp.where(close, near, z * log_floor(xp, z) - z + 1)


def stirling_error(xp: Any, x: Any) -> Any:
    """``log Γ(x) - ((x - 1/2) log x - x + log(2π) / 2)`` for ``x`` above 0: about 1 / (12 x)."""
    small = x < 10
    one = xp.zeros_like(x) + 1
    inverse = 1 / xp.where(small, 10 * one, x)
    w, series = inverse * inverse, 0.0
    for term in (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = term + w * series
    z = xp.where(small, x, one)
    direct = xp.lgamma(z) - (z - 0.5) * xp.log(z) + z - 0.5 * math.log(2 * math.pi)
    return xp.where(small, direct, inverse * series)


def power(xp: Any, x: Any, exponent: float) -> Any:
    """``x ** exponent`` for ``x`` from 0 on; 0 with gradient 0 at 0, whatever the exponent."""
    zero = x == 0
    return xp.where(zero, xp.zeros_like(x), xp.exp(exponent * xp.log(xp.where(zero, xp.zeros_like(x) + 1, x))))


def power_norm(xp: Any, x: Any, order: float) -> tuple[Any, Any]:
    """The ``order``-norm of the vectors on the last axis (kept), and its gradient: 0 for a zero vector.

    Scaled by the largest entry first. Entries that tie for the largest share the gradient of the maximum norm.
    """
    if order == 2:
        return norm_and_direction(xp, x)
    size, sign = xp.abs0(x), xp.sign0(x)
    if order == 1:
        return xp.sum(size, axis=-1, keepdims=True), sign
    largest = xp.max(size, axis=-1, keepdims=True)
    if order == float("inf"):
        tied = xp.cast((size == largest) & (size > 0), x.dtype)
        return largest, sign * tied / xp.at_least(xp.sum(tied, axis=-1, keepdims=True), 1.0)
    scale = xp.stop_gradient(largest)
    scale = xp.where(scale == 0, xp.zeros_like(scale) + 1, scale)
    share = size / scale
    total = xp.sum(power(xp, share, order), axis=-1, keepdims=True)
    slope = sign * power(xp, share, order - 1) * power(xp, total, 1 / order - 1)
    return scale * power(xp, total, 1 / order), slope
