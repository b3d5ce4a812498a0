"""Exact sums: equal to ``math.fsum`` and to fractions, the same bits in any order, stored and merged without loss."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmith.errors import DataError, ShapeError
from lossmith.evaluation.states.exact import ExactSums, quotient, two_product

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)
MODEST = st.floats(min_value=-1e150, max_value=1e150)


def fsum(values: list[float]) -> float:
    """``math.fsum``, with infinity where the sum is too large for a float."""
    total = sum(map(Fraction, values))
    try:
        return total.numerator / total.denominator
    except OverflowError:
        return math.inf if total > 0 else -math.inf


@given(st.lists(FLOATS, max_size=60))
@settings(max_examples=80, deadline=None)
def test_equals_fsum(values: list[float]) -> None:
    sums = ExactSums()
    sums.add(np.array(values))
    assert sums.result().tolist() == [fsum(values)]
    if all(abs(v) < 1e300 for v in values):
        assert sums.result()[0] == math.fsum(values)


@given(st.lists(st.tuples(FLOATS, FLOATS, st.integers(0, 2)), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_products_of_any_size_are_not_rounded(rows: list[tuple[float, float, int]]) -> None:
    a, b, index = (np.array(x) for x in zip(*rows, strict=True))
    sums = ExactSums(3)
    sums.add_products(a, b, index)
    numbers, exponent = sums.integers()
    for k in range(3):
        expected = sum(Fraction(x) * Fraction(y) for x, y, i in rows if i == k)
        assert Fraction(numbers[k]) * Fraction(2) ** exponent == expected


@given(st.lists(st.tuples(FLOATS, st.integers(0, 4)), max_size=40), st.randoms())
@settings(max_examples=60, deadline=None)
def test_order_and_split_leave_the_bits(rows: list[tuple[float, int]], random: object) -> None:
    whole = ExactSums(5)
    whole.add(np.array([v for v, _ in rows], float), np.array([i for _, i in rows], np.int64))
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = [ExactSums(5) for _ in range(3)]
    for place, (value, index) in enumerate(shuffled):
        parts[place % 3].add(np.array([value]), np.array([index]))
    total = ExactSums(5)
    for part in (parts[2], parts[0], parts[1]):
        total.merge(part)
    assert {k: v.tolist() for k, v in total.arrays().items()} == {k: v.tolist() for k, v in whole.arrays().items()}
    again = ExactSums(5)
    again.load(whole.arrays())
    assert again.result().tolist() == whole.result().tolist()


def test_many_rows_of_wide_range(rng: np.random.Generator) -> None:
    values = rng.standard_normal(200_000) * 10.0 ** rng.integers(-30, 30, 200_000)
    index = rng.integers(0, 7, values.size)
    one, seven = ExactSums(), ExactSums(7)
    one.add(values)
    seven.add(values, index)
    assert one.result()[0] == math.fsum(values)
    assert seven.result().tolist() == [math.fsum(values[index == k]) for k in range(7)]
    back = ExactSums()
    back.absorb(seven)
    assert back.result()[0] == one.result()[0]


def test_cancelling_rows_are_zero_and_carry_is_harmless() -> None:
    sums = ExactSums(2)
    for sign in (-1.0, 1.0):
        for _ in range(3):
            sums.add(np.array([1e-300, 1e300]) * sign, np.array([0, 1]))
            sums._carry()
    assert sums.result().tolist() == [0.0, 0.0]
    assert sums.arrays()["at"].size == 0


def test_odd_values_come_back_as_ieee_says() -> None:
    rows = [(0, np.nan), (1, np.inf), (2, -np.inf), (3, np.inf), (3, -np.inf), (4, 1.5)]
    sums = ExactSums(5)
    sums.add(np.array([v for _, v in rows]), np.array([k for k, _ in rows]))
    found = sums.result()
    np.testing.assert_array_equal(found, [np.nan, np.inf, -np.inf, np.nan, 1.5])
    assert not sums.is_finite
    again = ExactSums(5)
    again.load(sums.arrays())
    np.testing.assert_array_equal(again.result(), found)
    squares = ExactSums()
    squares.add_products(np.array([np.inf, 2.0]), np.array([np.inf, 2.0]))
    assert squares.result().tolist() == [np.inf]


def test_means_are_rounded_once_and_quotients_of_nothing_are_nan() -> None:
    sums = ExactSums(2)
    sums.add(np.array([0.1, 0.2, 0.4]), np.zeros(3, np.int64))
    exact = (Fraction(0.1) + Fraction(0.2) + Fraction(0.4)) / 3
    np.testing.assert_array_equal(sums.result(np.array([3, 0])), [float(exact), np.nan])
    assert quotient(1, 1, 5000) == math.inf
    assert quotient(-1, 1, 5000) == -math.inf


@given(MODEST, MODEST)
@settings(max_examples=100, deadline=None)
def test_two_product(a: float, b: float) -> None:
    if min(abs(a), abs(b)) < 1e-140:
        return
    product, rest = two_product(np.array([a]), np.array([b]))
    assert Fraction(product[0]) + Fraction(rest[0]) == Fraction(a) * Fraction(b)


def test_bad_calls_have_their_sentence() -> None:
    with pytest.raises(ShapeError, match="there are 2 sums; say with index"):
        ExactSums(2).add(np.ones(3))
    with pytest.raises(ShapeError, match=r"index has shape \(2,\) and values \(3,\)"):
        ExactSums(2).add(np.ones(3), np.zeros(2, np.int64))
    with pytest.raises(ShapeError, match="factors have shapes"):
        ExactSums().add_products(np.ones(3), np.ones(2))
    arrays = ExactSums().arrays() | {"at": np.array([0]), "number": np.array(["zz"])}
    with pytest.raises(DataError, match="no whole number"):
        ExactSums().load(arrays)
