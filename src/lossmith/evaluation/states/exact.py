"""Sums of floats without rounding: the same bits whatever the order, the split or the machine that added.

A float64 is an integer times a power of two. ``ExactSums`` adds those integers, so nothing is ever rounded until a
result is asked for, and that is rounded once, correctly (as ``math.fsum`` does). Adding is therefore associative and
commutative, which a running float sum is not: partial sums of any shards merge to the same bits.

How: within a block of rows the largest value tells a power of two; adding and subtracting 1.5 times it leaves each
value's upper bits as whole multiples of one unit, and a block has few enough rows that their float sum is exact. The
lower bits are left for the next round, mostly one or two. (The extraction of S. M. Rump, T. Ogita and S. Oishi,
"Accurate floating-point summation", SIAM J. Sci. Comput. 31(1), 2008.) The exact block sums go to 32-bit limbs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np

from ...errors import DataError, ShapeError
from ...native import evaluation as kernels
from .parts import Counts, Part, integers_of

_LIMB = 32
_MASK = np.int64((1 << _LIMB) - 1)
_BLOCK_BITS = {False: 14, True: 16}  # rows of a block: one sum stays in the cache, many sums share the cost of a block
_LARGE, _SHIFT = 2.0**940, 64  # larger values are scaled by 2**-64, so that 1.5 times the power of two is finite
_SAFE_LOW, _SAFE_HIGH = 2.0**-400, 2.0**400  # products of these have neither an infinite nor a vanishing rest
_SPLITTER = 134217729.0  # 2**27 + 1
_MANY = 1 << 28  # additions after which the limbs, each of less than 2**34, are carried
_CHUNK = 1 << 24  # rows that the compiled kernel adds before they are accounted for
_KINDS = 3  # NaN, inf, -inf


class ExactSums(Part):
    """``size`` sums of float64 values, each exact.

    Args:
        size: How many sums; ``add`` is told which with ``index``.

    >>> sums = ExactSums()
    >>> sums.add(np.array([1e100, 1.0, -1e100]))
    >>> sums.result().tolist()
    [1.0]
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._limbs: dict[int, np.ndarray] = {}  # limb j counts multiples of 2**(32 j)
        self._odd = Counts(size * _KINDS)
        self._added = 0

    def add(self, values: np.ndarray, index: np.ndarray | None = None) -> None:
        """Add values.

        Args:
            values: (N,) float64; NaN and infinities are counted and come back as IEEE sums do.
            index: (N,) integers in [0, size): to which sum each belongs; None where there is one sum.

        Raises:
            ShapeError: The two have different lengths, or the index is missing.
        """
        values, index = self._checked(values, index)
        if kernels.available():
            self._add_native(values, None, index)
            return
        for block, at in self._blocks(values, index):
            self._add_finite(self._finite(block, at), at, 0)

    def add_products(self, a: np.ndarray, b: np.ndarray, index: np.ndarray | None = None) -> None:
        """Add ``a * b`` without rounding the products, where both are finite; arguments as :meth:`add`."""
        a, index = self._checked(a, index)
        b, _ = self._checked(b, index)
        if a.shape != b.shape:
            raise ShapeError(f"factors have shapes {a.shape} and {b.shape}; expected one shape")
        if kernels.available():
            self._add_native(a, b, index)
            return
        pairs = np.stack([a, b], axis=1)
        for block, at in self._blocks(pairs, index):
            self._add_products(np.ascontiguousarray(block[:, 0]), np.ascontiguousarray(block[:, 1]), at)

    def add_whole(self, numbers: np.ndarray, exponent: int) -> None:
        """Add ``numbers * 2**exponent`` to the sums: (size,) int64, of less than 2**62 each."""
        self._add_limbs(np.ascontiguousarray(numbers, np.int64), exponent)

    def merge(self, other: Part) -> None:
        """Add the sums of another."""
        assert isinstance(other, ExactSums)
        self._carry()
        other._carry()
        for j, limb in other._limbs.items():
            self._at(j)[:] += limb
        self._odd.merge(other._odd)

    def absorb(self, other: ExactSums) -> None:
        """Add all sums of another one to the only sum of this one."""
        other._carry()
        for j, limb in other._limbs.items():
            self._at(j)[:] += limb.sum()  # each is less than 2**40 in size
        self._odd.values += other._odd.values.reshape(_KINDS, other.size).sum(axis=1)
        self._carry()

    def fractions(self) -> list[Fraction] | None:
        """Return the sums as they are; None where a value was not finite."""
        numbers, exponent = self.integers()
        return [Fraction(n) * Fraction(2) ** exponent for n in numbers] if self.is_finite else None

    def placed(self, at: np.ndarray, size: int) -> ExactSums:
        """Return ``size`` sums, these among them at the places ``at`` and 0 elsewhere."""
        found = ExactSums(size)
        found._added = self._added
        for j, limb in self._limbs.items():
            found._at(j)[at] = limb
        odd = self._odd.values.reshape(_KINDS, self.size)
        found._odd.values.reshape(_KINDS, size)[:, at] = odd
        return found

    def integers(self) -> tuple[list[int], int]:
        """Return whole numbers and an exponent: each finite sum is its number times 2**exponent."""
        if not self._limbs:
            return [0] * self.size, 0
        total = np.zeros(self.size, dtype=object)
        lowest = min(self._limbs)
        for j in range(max(self._limbs), lowest - 1, -1):
            total = total << _LIMB
            if j in self._limbs:
                total = total + self._limbs[j].astype(object)
        return total.tolist(), _LIMB * lowest

    def result(self, divisor: np.ndarray | int = 1) -> np.ndarray:
        """Return (size,) float64: the sums over ``divisor`` (whole numbers), rounded once; NaN where that is 0."""
        numbers, exponent = self.integers()
        divisors = np.broadcast_to(np.asarray(divisor), (self.size,)).tolist()
        found = np.array([quotient(n, d, exponent) for n, d in zip(numbers, divisors, strict=True)])
        if self._odd.values.any():
            nan, above, below = (self._odd.values.reshape(_KINDS, self.size) > 0).tolist()
            for k in range(self.size):
                if nan[k] or (above[k] and below[k]):
                    found[k] = math.nan
                elif above[k] or below[k]:
                    found[k] = math.inf if above[k] else -math.inf
        return found

    @property
    def odd(self) -> int:
        """How many of the added values were NaN or infinite."""
        return int(self._odd.values.sum())

    @property
    def is_finite(self) -> bool:
        """Whether no NaN and no infinity was added."""
        return not self.odd

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what there is to store; equal sums give equal arrays."""
        numbers, exponent = self.integers()
        at = [k for k, n in enumerate(numbers) if n]
        zeros = min(((numbers[k] & -numbers[k]).bit_length() - 1 for k in at), default=0)
        return {
            "at": np.array(at, np.int64),
            "number": np.array([f"{numbers[k] >> zeros:x}" for k in at], np.str_),
            "exponent": np.array([exponent + zeros if at else 0], np.int64),
            **{f"odd_{k}": v for k, v in self._odd.arrays().items()},
        }

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` returned."""
        self._odd.load({k.removeprefix("odd_"): v for k, v in arrays.items() if k.startswith("odd_")})
        at, (exponent,) = integers_of(arrays, "at", self.size), integers_of(arrays, "exponent").tolist()
        try:
            numbers = [int(text, 16) for text in arrays["number"].tolist()]
        except ValueError as error:
            raise DataError(f"a stored sum is no whole number: {error}") from None
        self._limbs, self._added = {}, 0
        lowest, shift = divmod(exponent, _LIMB)
        for k, n in zip(at.tolist(), numbers, strict=True):
            sign, rest, j = (1 if n > 0 else -1), abs(n) << shift, lowest
            while rest:
                self._at(j)[k] += sign * (rest & int(_MASK))
                rest, j = rest >> _LIMB, j + 1

    # --- how -------------------------------------------------------------------------------------------------------
    def _checked(self, values: np.ndarray, index: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        values = np.ascontiguousarray(values, np.float64)
        if index is None:
            if self.size != 1:
                raise ShapeError(f"there are {self.size} sums; say with index to which each value belongs")
        elif np.shape(index) != values.shape:
            raise ShapeError(f"index has shape {np.shape(index)} and values {values.shape}; expected one per value")
        return values, None if self.size == 1 else index

    def _add_native(self, a: np.ndarray, b: np.ndarray | None, index: np.ndarray | None) -> None:
        """Add values or products by the compiled kernel, which leaves the same whole numbers."""
        for start in range(0, len(a), _CHUNK):
            rows = slice(start, start + _CHUNK)
            at = None if index is None else index[rows]
            first, limbs, odd = kernels.exact_add(a[rows], None if b is None else b[rows], at, self.size)
            for j, limb in enumerate(limbs):
                self._at(first + j)[:] += limb
            self._odd.values += odd
            self._added += a[rows].size
            if self._added >= _MANY:
                self._carry()

    def _blocks(self, values: np.ndarray, index: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        rows = 1 << _BLOCK_BITS[index is not None]
        for start in range(0, len(values), rows):
            yield values[start : start + rows], None if index is None else index[start : start + rows]

    def _finite(self, values: np.ndarray, index: np.ndarray | None) -> np.ndarray:
        """Return values with 0 for those that are not finite, which are counted."""
        finite = np.isfinite(values)
        if finite.all():
            return values
        odd = values[~finite]
        kind = np.where(np.isnan(odd), 0, np.where(odd > 0, 1, 2))
        self._odd.add(kind * self.size + (0 if index is None else index[~finite]))
        return np.where(finite, values, 0.0)

    def _add_finite(self, values: np.ndarray, index: np.ndarray | None, exponent: int) -> None:
        """Add ``values * 2**exponent``, no more of them than a block has."""
        top = float(np.abs(values).max(initial=0.0))
        if top > _LARGE:
            large = np.abs(values) > _LARGE
            self._add_finite(np.where(large, values, 0.0) * 2.0**-_SHIFT, index, exponent + _SHIFT)
            values = np.where(large, 0.0, values)
            top = float(np.abs(values).max(initial=0.0))
        rest = values
        bits = _BLOCK_BITS[index is not None]
        while top:
            unit = math.frexp(top)[1] + bits - 52
            if unit > -1074:
                anchor = math.ldexp(1.5, unit + 52)
                part = (rest + anchor) - anchor
                rest = rest - part
                top = float(np.abs(rest).max())
            else:
                unit, part, top = -1074, rest, 0.0
            self._add_whole(self._summed(part, index), unit, exponent)

    def _summed(self, part: np.ndarray, index: np.ndarray | None) -> np.ndarray:
        """Return (size,) sums of multiples of one unit, exact in any order as they are less than 2**53 units."""
        if index is None:
            return np.array([part.sum()])
        return np.bincount(index, weights=part, minlength=self.size)

    def _add_whole(self, sums: np.ndarray, unit: int, exponent: int) -> None:
        """Add sums that are whole multiples of 2**unit, times 2**exponent."""
        # Two steps: 2**-unit alone may overflow.
        half = unit // 2
        self._add_limbs(np.ldexp(np.ldexp(sums, -half), half - unit).astype(np.int64), unit + exponent)

    def _add_limbs(self, whole: np.ndarray, exponent: int) -> None:
        j, shift = divmod(exponent, _LIMB)
        low, high = (whole & _MASK) << shift, (whole >> _LIMB) << shift
        self._at(j)[:] += low & _MASK
        self._at(j + 1)[:] += (low >> _LIMB) + (high & _MASK)
        self._at(j + 2)[:] += high >> _LIMB
        self._added += 1
        if self._added >= _MANY:
            self._carry()

    def _add_products(self, a: np.ndarray, b: np.ndarray, index: np.ndarray | None) -> None:
        plain = _is_safe(a) & _is_safe(b)
        if not plain.all():
            self._add_wild_products(a[~plain], b[~plain], None if index is None else index[~plain])
            a, b = np.where(plain, a, 0.0), np.where(plain, b, 0.0)
        product, rest = two_product(a, b)
        self._add_finite(product, index, 0)
        self._add_finite(rest, index, 0)

    def _add_wild_products(self, a: np.ndarray, b: np.ndarray, index: np.ndarray | None) -> None:
        """Add products of huge, tiny or infinite factors: mantissas multiply, exponents add."""
        with np.errstate(all="ignore"):
            odd = ~(np.isfinite(a) & np.isfinite(b))
            self._finite(np.where(odd, a * b, 0.0), index)
        (m, p), (n, q) = np.frexp(np.where(odd, 0.0, a)), np.frexp(np.where(odd, 0.0, b))
        power = (p + q).astype(np.int64)
        for exponent in np.unique(power).tolist():
            here = power == exponent
            for part in two_product(m[here], n[here]):
                self._add_finite(part, None if index is None else index[here], exponent)

    def _at(self, j: int) -> np.ndarray:
        if j not in self._limbs:
            self._limbs[j] = np.zeros(self.size, np.int64)
        elif not self._limbs[j].flags.writeable:  # some executors hand over memory that is not ours to change
            self._limbs[j] = self._limbs[j].copy()
        return self._limbs[j]

    def _carry(self) -> None:
        """Bring all limbs but the highest into [0, 2**32)."""
        self._added = 0
        if not self._limbs:
            return
        j = min(self._limbs)
        while True:
            limb = self._at(j)
            if j >= max(self._limbs) and np.abs(limb).max() < 1 << 40:
                return
            self._at(j + 1)[:] += limb >> _LIMB
            limb &= _MASK
            j += 1


def quotient(number: int, divisor: int, exponent: int) -> float:
    """Return ``number * 2**exponent / divisor``, rounded once; NaN where the divisor is 0, inf where it is too large.

    >>> quotient(3, 2, -1)
    0.75
    """
    if not divisor:
        return math.nan
    top, bottom = (number << exponent, divisor) if exponent >= 0 else (number, divisor << -exponent)
    try:
        return top / bottom
    except OverflowError:
        return math.inf if (top > 0) == (bottom > 0) else -math.inf


def rounded_to(x: np.ndarray, unit: int) -> np.ndarray:
    """Return multiples of 2**unit next to x, ties to even ones; numbers too large to have digits below it as they are.

    >>> rounded_to(np.array([0.3, 1e300]), -2).tolist()
    [0.25, 1e+300]
    """
    small = np.abs(x) < 2.0 ** (52 + unit)
    return np.where(small, np.ldexp(np.rint(np.ldexp(np.where(small, x, 0.0), -unit)), unit), x)


def two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded products and what rounding took from them (T. J. Dekker, Numer. Math. 18, 1971)."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = (a_high, a_low) if b is a else _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = _SPLITTER * x
    high = scaled - (scaled - x)
    return high, x - high


def _is_safe(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return ((size >= _SAFE_LOW) & (size <= _SAFE_HIGH)) | (x == 0)
