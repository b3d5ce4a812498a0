"""How likely is so much by chance? Normal, binomial and Student's distribution, Welch's test of means, and many looks.

B. L. Welch (1947), "The generalization of 'Student's' problem when several different population variances are
involved"; S. Holm (1979), "A simple
sequentially rejective multiple test procedure"; Y. Benjamini and Y. Hochberg (1995), "Controlling the false discovery
rate".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_STEPS = 300  # of the continued fraction; it takes about the square root of the degrees of freedom where they are small
_MANY = 100_000  # draws above which their number is a normal one
_NORMAL = 1e5  # degrees of freedom from which Student's distribution is the normal one to 1e-6


def two_sided(z: float) -> float:
    """Return the probability that a standard normal number is farther from 0 than ``z``; NaN for NaN.

    >>> round(two_sided(1.959964), 6)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


def at_least(found: int, of: int, share: float) -> float:
    """Return how likely ``found`` or more of ``of`` are, each with probability ``share`` between 0 and 1.

    Of very many the normal distribution says it, with half a count between two.

    >>> round(at_least(8, 10, 0.5), 6)
    0.054688
    """
    if of > _MANY:
        z = (found - 0.5 - of * share) / math.sqrt(of * share * (1 - share))
        return two_sided(z) / 2 if z > 0 else 1 - two_sided(z) / 2
    yes, no = math.log(share), math.log1p(-share)
    ways = (math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(found, of + 1))
    return min(1.0, math.fsum(math.exp(w + k * yes + (of - k) * no) for k, w in enumerate(ways, found)))


def welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the two-sided p-value of equal means; None where it is not defined.

    Args:
        one: Mean, its standard error, and rows; what follows does not matter.
        other: The same.

    >>> round(welch((1.0, 0.3, 20), (0.0, 0.4, 30)), 4)
    0.0512
    """
    gap, squares = one[0] - other[0], (one[1] ** 2, other[1] ** 2)
    if not all(map(math.isfinite, (gap, *squares))):
        return None
    total = sum(squares)
    if total == 0:
        return 1.0 if gap == 0 else 0.0
    shares = [(s / total) ** 2 / (n - 1) for s, n in zip(squares, (one[2], other[2]), strict=True)]
    return student(gap / math.sqrt(total), 1 / sum(shares))


def student(t: float, freedom: float) -> float:
    """Return the probability that Student's t is farther from 0 than ``t``.

    >>> round(student(2.0, 10.0), 6)
    0.073388
    """
    if freedom > _NORMAL:
        return two_sided(t)
    return _beta(freedom / (freedom + t * t), t * t / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, y: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function at x = 1 - y, by its continued fraction (DLMF 8.17.22)."""
    if x == 0 or y == 0:
        return x
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, the other side's does not
        return 1 - _beta(y, x, b, a)
    front = a * math.log(x) + b * math.log(y) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    value = 1.0
    for k in range(_STEPS, 0, -1):
        m = k // 2
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        value = 1 + (odd if k % 2 else even) / value
    return math.exp(front) / (a * value)


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for looking at all of them (Holm 1979); None stays None.

    >>> [round(x, 4) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    known = sorted((x, i) for i, x in enumerate(p) if x is not None)
    found: list[float | None] = [None] * len(p)
    largest = 0.0
    for rank, (x, i) in enumerate(known):
        largest = max(largest, min(1.0, x * (len(known) - rank)))
        found[i] = largest
    return found


def discoveries(p: Sequence[float], rate: float) -> list[bool]:
    """Return which hypotheses fall while at most ``rate`` of those that fall are expected to be true.

    >>> discoveries([0.01, 0.04, 0.03, 0.5], 0.05)
    [True, False, False, False]
    """
    values = np.asarray(p, np.float64)
    if not values.size:
        return []
    ranked = np.sort(values)
    below = np.flatnonzero(ranked <= rate * np.arange(1, values.size + 1) / values.size)
    return (values <= ranked[below[-1]]).tolist() if below.size else [False] * values.size
