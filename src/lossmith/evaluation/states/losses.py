"""The mean of a loss, its spread and its extremes, overall or per group (such as the class of the row)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..intervals import Mean
from .exact import ExactSums, quotient
from .parts import Counts, Extremes
from .state import State, rows_of

_ROUNDING = Fraction(1, 1 << 53)  # of a cube
_CLEAR = Fraction(1, 1000)  # to which a skewness must be known


@dataclass(frozen=True, eq=False)
class LossSummary:
    """What is known of the values of each group, all (G,).

    Attributes:
        count: Rows.
        mean: Rounded once (with weights: of the sums); NaN without rows.
        variance: Of the values, with the denominator n - 1, rounded once; NaN below two rows or where one is infinite.
            With weights: ``error**2 * effective``.
        low: The smallest value; inf without rows. ``high`` likewise.
        error: The standard error of the mean; NaN where the variance is.
        effective: Rows, or with weights their effective number (Σ w)² / Σ w².
        skewness: Of the mean, which is that of the values over the square root of how many there are; 0 where it is
            not kept.
    """

    count: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    effective: np.ndarray
    skewness: np.ndarray

    def of_group(self, group: int = 0) -> Mean:
        """Return the mean of a group, which knows its 95 % confidence interval."""
        numbers = (self.mean, self.error, self.effective, self.skewness)
        return Mean(*(float(x[group]) for x in numbers))


class LossSums(State):
    """Σ loss and Σ loss² without rounding, rows, smallest and largest value, per group.

    With weights w the sums are those of v = w * loss, rounded per row, and beside them stand Σ w, Σ w², Σ w v and Σ v².

    Args:
        groups: How many groups; 1 for the rows as a whole.
        spread: Whether squares and extremes are kept; without them variance, low and high are NaN.
        weighted: Whether rows have weights.
        skewed: Whether cubes are kept, too, rounded per row, so that intervals of the mean know its skewness.

    >>> state = LossSums()
    >>> state.update(np.array([1.0, 2.0, 6.0]))
    >>> found = state.result()
    >>> found.mean.tolist(), found.variance.tolist()
    ([3.0], [7.0])
    >>> state = LossSums(weighted=True)
    >>> state.update(np.array([1.0, 2.0, 6.0]), weight=np.array([1.0, 2.0, 1.0]))
    >>> state.result().mean.tolist()
    [2.75]
    """

    kind = "loss"

    def __init__(self, groups: int = 1, spread: bool = True, weighted: bool = False, skewed: bool = False) -> None:
        super().__init__(groups=int(groups), spread=bool(spread), weighted=bool(weighted), skewed=bool(skewed))
        self._rows, self._extremes, self._sums = Counts(groups), Extremes(groups), ExactSums(groups)
        self._squares, self._weights = ExactSums(groups), ExactSums(groups)
        self._weight_squares, self._products = ExactSums(groups), ExactSums(groups)
        self.parts = {"rows": self._rows, "sums": self._sums}
        if weighted:
            self.parts |= {"weights": self._weights}
        if spread:
            self.parts |= {"squares": self._squares, "extremes": self._extremes}
        if weighted and spread:
            self.parts |= {"weight_squares": self._weight_squares, "products": self._products}
        self._cubes = [ExactSums(groups) for _ in range(4 if weighted else 1)] if skewed else []  # Σ w^k v^(3 - k)
        self.parts |= {f"cubes_{k}": part for k, part in enumerate(self._cubes)}

    def update(self, loss: np.ndarray, group: np.ndarray | None = None, weight: np.ndarray | None = None) -> None:
        """Look at values (N,) float64 of the groups (N,) integers, where there are several, and weights (N,) >= 0."""
        given = {"loss": loss, "group": group, "weight": weight}
        rows_of(**{name: x for name, x in given.items() if x is not None})
        self.check_weight(weight)
        if group is None:
            self._rows.values[0] += loss.size
        else:
            self._rows.add(group)
        values = loss if weight is None else weight * np.where(weight > 0, loss, 0.0)
        self._sums.add(values, group)
        if weight is not None:
            self._weights.add(weight, group)
        if self.settings["spread"]:
            self._squares.add_products(values, values, group)
            self._extremes.add(loss, group)
            if weight is not None:
                self._weight_squares.add_products(weight, weight, group)
                self._products.add_products(weight, values, group)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for k, part in enumerate(self._cubes):
                part.add(values ** (3 - k) if weight is None or not k else weight**k * values ** (3 - k), group)

    def result(self) -> LossSummary:
        """Return the numbers per group."""
        rows = self._rows.values.copy()
        weighted = self.settings["weighted"]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._sums.result() / self._weights.result() if weighted else self._sums.result(rows)
        if not self.settings["spread"]:
            unknown = np.full(rows.size, np.nan)
            effective = unknown.copy() if weighted else rows.astype(np.float64)
            nothing = np.zeros(rows.size)
            return LossSummary(rows, mean, unknown, unknown.copy(), unknown.copy(), unknown.copy(), effective, nothing)
        if weighted:
            variance, effective = self._weighted_variances()
        else:
            variance, effective = _variances(self._sums, self._squares, rows), rows.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(variance / effective)
        low, high = self._extremes.low.copy(), self._extremes.high.copy()
        return LossSummary(rows, mean, variance, low, high, error, effective, self._skewnesses())

    @property
    def infinite(self) -> int:
        """How many values were NaN or infinite."""
        return self._sums.odd

    def mean(self) -> Mean:
        """Return the mean of a state of one group; NaN where something is not defined."""
        return self.result().of_group()

    def gain(self, constant: np.ndarray) -> Mean:
        """Return the mean over all rows of constant - loss, a constant (G,) per group; NaN where it is not known.

        The error is that of the rows' differences, Σ w² (difference - mean)², from the sums of each group.
        """
        unknown = Mean(math.nan, math.nan, math.nan)
        weights, weight_squares, products = self._moments()
        sums, squares, cubes = self._sums.fractions(), self._squares.fractions(), self._cubic()
        here = np.flatnonzero(self._rows.values).tolist()
        if sums is None or squares is None or weights is None or not np.isfinite(constant[here]).all():
            return unknown
        assert weight_squares is not None and products is not None
        level = {k: Fraction(float(constant[k])) for k in here}
        total, rows = sum(weights), sum(weight_squares)
        if not total or total * total <= rows:  # one effective row
            return unknown
        mean = sum(weights[k] * level[k] - sums[k] for k in level) / total
        scatter, third = Fraction(0), Fraction(0)
        for k, own in level.items():
            middle = own - mean
            scatter += squares[k] - 2 * middle * products[k] + middle * middle * weight_squares[k]
            third -= _about(middle, *(cube[k] for cube in cubes)) if cubes else 0
        rounded = max(abs(own - mean) for own in level.values()) ** 3 * total
        effective = total * total / rows
        error = math.sqrt(max(0, scatter * effective / (effective - 1))) / float(total)
        return Mean(float(mean), error, float(effective), _skewness(scatter, third, rounded))

    def overall(self) -> LossSummary:
        """Return the numbers of all groups together, from the exact sums."""
        one = LossSums(**(self.settings | {"groups": 1}))
        for name, part in self.parts.items():
            whole = one.parts[name]
            if isinstance(part, ExactSums) and isinstance(whole, ExactSums):
                whole.absorb(part)
        one._rows.values[0] = self._rows.values.sum()
        one._extremes.low[0] = self._extremes.low.min(initial=np.inf)
        one._extremes.high[0] = self._extremes.high.max(initial=-np.inf)
        return one.result()

    def _moments(self) -> tuple[list[Fraction] | None, list[Fraction] | None, list[Fraction] | None]:
        """Return Σ w, Σ w² and Σ w v of each group; without weights all w are 1."""
        if self.settings["weighted"]:
            return self._weights.fractions(), self._weight_squares.fractions(), self._products.fractions()
        rows = [Fraction(n) for n in self._rows.values.tolist()]
        return rows, rows, self._sums.fractions()

    def _cubic(self) -> list[list[Fraction]]:
        """Return Σ v³, Σ w v², Σ w² v, Σ w³ of each group, without weights those of w = 1; none where not known."""
        found = [part.fractions() for part in self._cubes]
        if found and not self.settings["weighted"]:
            found += [self._squares.fractions(), *reversed(self._moments()[1:])]
        return [] if any(x is None for x in found) else [x for x in found if x is not None]

    def _skewnesses(self) -> np.ndarray:
        """Return that of the mean of each group; 0 where it is not kept or known."""
        found = np.zeros(self._rows.values.size)
        cubes, sums, squares = self._cubic(), self._sums.fractions(), self._squares.fractions()
        weights, weight_squares, products = self._moments()
        if not cubes or weights is None or sums is None or squares is None:
            return found
        assert weight_squares is not None and products is not None
        for k, total in enumerate(weights):
            if total:
                mean = sums[k] / total
                second = squares[k] - 2 * mean * products[k] + mean * mean * weight_squares[k]
                third = _about(mean, *(cube[k] for cube in cubes))
                found[k] = _skewness(second, third, abs(mean) ** 3 * total)
        return found

    def _weighted_variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the variances, and the effective rows: NaN where there is one, or a value was not finite."""
        weights, weight_squares, products = self._moments()
        sums, squares = self._sums.fractions(), self._squares.fractions()
        assert weights is not None and weight_squares is not None
        variance, effective = np.full(len(weights), np.nan), np.zeros(len(weights))
        for k, (total, rows) in enumerate(zip(weights, weight_squares, strict=True)):
            if not rows:
                continue
            n = total * total / rows
            effective[k] = float(n)
            if n > 1 and sums is not None and squares is not None and products is not None:
                mean = sums[k] / total
                scatter = squares[k] - 2 * mean * products[k] + mean * mean * rows
                variance[k] = float(scatter * n * n / (n - 1) / (total * total))
        return variance, effective


def _about(middle: Fraction, cubes: Fraction, squares: Fraction, values: Fraction, weights: Fraction) -> Fraction:
    """Return Σ (v - w middle)³ from Σ v³, Σ w v², Σ w² v and Σ w³."""
    return cubes - 3 * middle * squares + 3 * middle * middle * values - middle**3 * weights


def _skewness(second: Fraction, third: Fraction, size: Fraction) -> float:
    """Return ``third / second**1.5``; 0 where the rounding of cubes, which add up to ``size``, is all there is."""
    rounded = size * _ROUNDING
    if second <= 0 or rounded * rounded > _CLEAR**2 * second**3:
        return 0.0
    return math.copysign(math.sqrt(min(1, third * third / second**3)), third)


def _variances(sums: ExactSums, squares: ExactSums, rows: np.ndarray) -> np.ndarray:
    """Return (n Σx² - (Σx)²) / (n (n - 1)) from whole numbers, so nothing cancels."""
    (firsts, e), (seconds, f) = sums.integers(), squares.integers()
    unit = min(2 * e, f)
    finite = np.isfinite(squares.result()) & np.isfinite(sums.result())
    found = np.full(rows.size, np.nan)
    for k, n in enumerate(rows.tolist()):
        if n > 1 and finite[k]:
            top = ((n * seconds[k]) << (f - unit)) - ((firsts[k] * firsts[k]) << (2 * e - unit))
            found[k] = quotient(top, n * (n - 1), unit)
    return found
