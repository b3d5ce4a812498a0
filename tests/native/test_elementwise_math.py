"""The functions on lanes that the elementwise losses are made of, against mpmath."""

import os

import mpmath
import numpy as np
import pytest

from lossmith import native

if not native.has_native():
    if os.environ.get("LOSSMITH_REQUIRE_NATIVE") == "1":
        pytest.fail(f"LOSSMITH_REQUIRE_NATIVE=1, but there is no native core: {native.why_not()}", pytrace=False)
    pytest.skip(f"no native core: {native.why_not()}", allow_module_level=True)

NAMES = ["exp", "expm1", "log", "log1p", "log1p_near", "tanh", "sqrt", "power"]  # as in elementwise_blocks.hpp
DTYPES = [np.float32, np.float64]
EXPONENTS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, -1.0, -2.0, -0.7, 0.1, 7.0]
TRUE = {"log1p_near": mpmath.log1p, **{n: getattr(mpmath, n) for n in ("exp", "expm1", "log", "log1p", "tanh", "sqrt")}}
NUMPYS = {"log1p_near": np.log1p, **{n: getattr(np, n) for n in ("exp", "expm1", "log", "log1p", "tanh", "sqrt")}}
SPECIAL = [0.0, np.inf, 1.0, 0.5, 2.0, 1e-45, 1e-40, 1.17549435e-38, 5e-324, 1e-310, 3e38, 1e300, 88.7, 103.9, 104.5]
SPECIAL += [88.73, 709.7, 709.8, 745.1, 745.2, 87.3, 1e-8, 17.0, 40.0, 0.625]


def compute(name, x, exponent=1.0):
    y = np.empty_like(x)
    native._core.lane_function(NAMES.index(name), int(x.dtype == np.float64), x.size, x, exponent, y)
    return y


def arguments(name, dtype):
    """Return numbers of all sizes that the function has a value for."""
    rng = np.random.default_rng(0)
    low, high = (-100, 88) if dtype == np.float32 else (-740, 709)
    logarithmic = np.exp(rng.uniform(low, high, 150))
    near = np.concatenate([rng.uniform(0, 1, 100), 1 + rng.normal(size=50) * 1e-3, rng.normal(size=100) * 3])
    wide = rng.uniform(low, high, 150)
    x = np.concatenate([logarithmic, -logarithmic, near, wide]).astype(dtype)
    if name == "log1p_near":
        return np.concatenate([x[(x >= -0.6) & (x <= 1)], rng.uniform(-0.6, 1, 200).astype(dtype)])
    low = {"log": 0, "sqrt": 0, "power": 0, "log1p": -1}.get(name, -np.inf)
    return x[x > low]


def errors_in_ulp(found, x, function):
    """Return the distance to the true values in units of the last place of those, where they are finite."""
    errors = []
    info = np.finfo(found.dtype)
    with mpmath.workdps(60):
        for ours, at in zip(found.tolist(), x.tolist(), strict=True):
            true = function(mpmath.mpf(at))
            if abs(true) > float(info.max):
                assert ours == np.inf * (1 if true > 0 else -1)
                continue
            nearest = found.dtype.type(float(true))
            errors.append(float(abs(mpmath.mpf(ours) - true) / mpmath.mpf(float(np.spacing(np.abs(nearest))))))
    return np.array(errors)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES[:-1])
def test_within_two_ulp(name, dtype):
    x = arguments(name, dtype)
    assert errors_in_ulp(compute(name, x), x, TRUE[name]).max() <= 2.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_is_within_two_ulp(exponent, dtype):
    x, exponent = arguments("power", dtype), float(dtype(exponent))
    assert errors_in_ulp(compute("power", x, exponent), x, lambda z: z**exponent).max() <= 2.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in NAMES[:-1] if n != "log1p_near"])
def test_edges_are_those_of_numpy(name, dtype):
    with np.errstate(all="ignore"):
        x = np.array([*SPECIAL, *(-s for s in SPECIAL), -1.0, np.nan], np.float64).astype(dtype)
        expected = NUMPYS[name](x)
    assert_edges(compute(name, x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_edges_of_power_are_those_of_numpy(exponent, dtype):
    with np.errstate(all="ignore"):
        x = np.array([*SPECIAL, *(-s for s in SPECIAL), np.nan], np.float64).astype(dtype)
        expected = np.power(x, dtype(exponent))
    assert_edges(compute("power", x, exponent), expected)


def assert_edges(found, expected):
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[number]), np.signbit(expected[number]))
    tiny = 4 * np.finfo(found.dtype).smallest_subnormal
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(found.dtype).eps, atol=tiny)


@pytest.mark.parametrize("dtype", DTYPES)
def test_near_zero_log1p_keeps_the_sign(dtype):
    x = np.array([0.0, -0.0, 1e-45, -1e-45, np.nan], dtype)
    found = compute("log1p_near", x)
    np.testing.assert_array_equal(found, x)
    np.testing.assert_array_equal(np.signbit(found[:4]), np.signbit(x[:4]))
