"""The native elementwise losses against the plain NumPy definitions, and the promises of the kernel around them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from losses.cases import GRID
from lossmith import native
from lossmith.arrays import load
from lossmith.losses import find, losses
from lossmith.native import elementwise

if not native.has_native():
    if os.environ.get("LOSSMITH_REQUIRE_NATIVE") == "1":
        pytest.fail(f"LOSSMITH_REQUIRE_NATIVE=1, but there is no native core: {native.why_not()}", pytrace=False)
    pytest.skip(f"no native core: {native.why_not()}", allow_module_level=True)

XP = load("numpy")
DTYPES = [np.float32, np.float64]
LENGTHS = [0, 1, 15, 16, 17, 1023, 1024, 1025, 70000]
LOSSES = [loss for loss in losses() if elementwise.find(loss) is not None]
CASES = [
    pytest.param(loss, {**loss.defaults, **given}, id=f"{loss.name}-{'-'.join(map(str, given.values())) or 'default'}")
    for loss in LOSSES
    for given in [{}, *GRID.get(loss.name, [])]
]
SPECIAL = [0.0, 1.0, 0.5, 2.0, 0.25, 3.0, 20.0, 88.0, 120.0, 1e-30, 1e-40, 1e30, 1e38, np.inf, 0.999999, 1.000001]
POOL, CALLING_THREAD = elementwise.OWN_POOL, 0


def run(loss, parameters, prediction, target, extras=(), **options):
    """Return total, values and gradient from the kernel."""
    numbers = elementwise.numbers(loss, parameters)
    extra = extras[0] if extras else None
    options = {"values": True, **options}
    return elementwise.run(elementwise.find(loss), numbers, prediction, target, extra=extra, **options)


def plain(loss, parameters, prediction, target, extras=()):
    """Return values and gradient from the definition."""
    named = {e.name: x for e, x in zip(loss.extras, extras, strict=True)}
    with np.errstate(all="ignore"):
        value = loss.value(XP, prediction, target, **parameters, **named)
        gradient = loss.gradient(XP, prediction, target, **parameters, **named)
    return np.asarray(value, prediction.dtype), np.asarray(gradient, prediction.dtype)


def draw(loss, length, dtype, seed=0):
    """Return a prediction, a target and extras from the domain of the loss."""
    rng = np.random.default_rng([seed, length])
    domains = [loss.prediction, loss.target, *(e.domain for e in loss.extras)]
    prediction, target, *extras = (d.sample(rng, (length,)).astype(dtype) for d in domains)
    return prediction, target, extras


def assert_same(found, expected, *inputs):
    """Equal where they are not finite; elsewhere but for the rounding of terms about as large as the inputs."""
    eps = np.finfo(found.dtype).eps
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    infinite = np.isinf(expected)
    np.testing.assert_array_equal(found[infinite], expected[infinite])
    finite = np.isfinite(expected)
    found, expected, *inputs = (x[finite].astype(np.longdouble) for x in (found, expected, *inputs))
    size = 1.0 + np.abs(expected) + sum(np.where(np.isnan(x), 0, np.abs(x)) for x in inputs)
    excess = np.abs(found - expected) / (32 * eps * size)
    assert excess.max(initial=0.0) <= 1.0


@pytest.mark.parametrize(("loss", "parameters"), CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_gradient_are_those_of_the_definition(loss, parameters, dtype):
    for length in LENGTHS:
        prediction, target, extras = draw(loss, length, dtype)
        total, values, gradient = run(loss, parameters, prediction, target, extras)
        expected = plain(loss, parameters, prediction, target, extras)
        assert values.dtype == gradient.dtype == dtype
        assert_same(values, expected[0], prediction, target, *extras)
        assert_same(gradient, expected[1], prediction, target, *extras)
        size = np.abs(values).sum(dtype=np.float64)
        np.testing.assert_allclose(total, values.sum(dtype=np.float64), rtol=0, atol=1e-13 * size)


@pytest.mark.parametrize(("loss", "parameters"), CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_edges_are_those_of_the_definition(loss, parameters, dtype):
    """Every pair of special values: ±0, ±inf, NaN, ties, huge, tiny, on and off the domain."""
    special = np.array([*SPECIAL, *(-x for x in SPECIAL), np.nan], np.float64).astype(dtype)
    prediction, target = (x.ravel() for x in np.meshgrid(special, special))
    extras = [np.resize(special, prediction.shape) for _ in loss.extras]
    _, values, gradient = run(loss, parameters, prediction, target, extras)
    expected = plain(loss, parameters, prediction, target, extras)
    for found, wanted in zip((values, gradient), expected, strict=True):
        assert_same(found, wanted, prediction, target, *extras)


def test_arithmetic_alone_is_exact():
    for name in ("squared_error", "absolute_error", "huber", "hinge", "quantile", "charbonnier", "geman_mcclure"):
        loss = find(name)
        prediction, target, _ = draw(loss, 5000, np.float32)
        _, values, gradient = run(loss, loss.defaults, prediction, target)
        expected = plain(loss, loss.defaults, prediction, target)
        np.testing.assert_array_equal(values, expected[0], err_msg=name)
        np.testing.assert_array_equal(gradient, expected[1], err_msg=name)


def test_float32_is_no_less_accurate_than_numpy():
    for loss in LOSSES:
        prediction, target, extras = draw(loss, 3000, np.float32)
        wide = [x.astype(np.float64) for x in (prediction, target, *extras)]
        exact = plain(loss, loss.defaults, *wide[:2], wide[2:])
        usual = plain(loss, loss.defaults, prediction, target, extras)
        found = run(loss, loss.defaults, prediction, target, extras)[1:]
        for ours, numpys, truth in zip(found, usual, exact, strict=True):
            error, allowed = np.abs(ours - truth).sum(), np.abs(numpys - truth).sum()
            assert error <= 1.5 * allowed + 1e-7 * np.abs(truth).sum(), loss.name


def test_weight_keep_and_scale():
    loss = find("huber")
    rng = np.random.default_rng(0)
    prediction, target, _ = draw(loss, 2500, np.float32)
    weight = rng.uniform(0, 2, 2500).astype(np.float32)
    keep = rng.random(2500) < 0.7
    prediction[~keep] = np.nan
    values, slopes = plain(loss, loss.defaults, prediction, target)
    total, found, gradient = run(loss, loss.defaults, prediction, target, weight=weight, keep=keep, scale=0.5)
    np.testing.assert_array_equal(found, np.where(keep, values * weight, 0))
    np.testing.assert_allclose(gradient, np.where(keep, slopes * (weight * np.float32(0.5)), 0), rtol=1e-6)
    np.testing.assert_allclose(total, found.sum(dtype=np.float64), rtol=1e-12)


@pytest.mark.parametrize("executor", [CALLING_THREAD, POOL])
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("values", [False, True])
def test_the_total_depends_neither_on_threads_nor_on_outputs_nor_on_addresses(executor, gradient, values):
    loss = find("sigmoid_cross_entropy")
    prediction, target, _ = draw(loss, 200_001, np.float32)
    expected, _, slopes = run(loss, loss.defaults, prediction, target, executor=CALLING_THREAD)
    room = np.empty(4 * len(prediction) + 1, np.uint8)
    shifted = room[1:].view(np.float32)
    shifted[:] = prediction
    options = {"executor": executor, "gradient": gradient, "values": values}
    total, _, found = run(loss, loss.defaults, shifted, target, **options)
    assert total == expected
    if gradient:
        np.testing.assert_array_equal(found, slopes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("offset", [0, 1, 5])
def test_large_gradients_go_around_the_caches_unharmed(dtype, offset):
    loss, count = find("log_cosh"), 2_200_000
    rng = np.random.default_rng(0)
    prediction = rng.standard_normal(count, np.float32).astype(dtype)
    target = rng.standard_normal(count, np.float32).astype(dtype)
    around = np.full(count + 32, 7, dtype)
    gradient = around[offset : offset + count]
    code = {2: 3, 4: 0, 8: 1}[np.dtype(dtype).itemsize]
    native._core.elementwise(POOL, elementwise.find(loss), count, code, prediction, code, target, None, gradient, ())
    for begin in (0, 1024, 65536, count - 3000):
        piece = slice(begin, begin + 3000)
        _, _, small = run(loss, {}, prediction[piece], target[piece])
        np.testing.assert_array_equal(gradient[piece], small)
    assert (around[:offset] == 7).all()
    assert (around[offset + count :] == 7).all()


def test_the_gradient_may_replace_the_prediction():
    loss = find("squared_error")
    prediction, target, _ = draw(loss, 5000, np.float32)
    _, _, expected = run(loss, {}, prediction, target)
    native._core.elementwise(POOL, elementwise.find(loss), 5000, 0, prediction, 0, target, None, prediction, ())
    np.testing.assert_array_equal(prediction, expected)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_is_float32_rounded_once(name):
    dtype = np.dtype(np.float16) if name == "float16" else np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    for loss in (find("huber"), find("sigmoid_focal")):
        prediction, target, _ = draw(loss, 1500, np.float32)
        prediction[:8] = [0, -0.0, np.inf, -np.inf, np.nan, 6e-8, 6e4, 1e-5]
        prediction, target = prediction.astype(dtype), target.astype(dtype)
        wide = run(loss, loss.defaults, prediction.astype(np.float32), target.astype(np.float32))
        total, values, gradient = run(loss, loss.defaults, prediction, target)
        np.testing.assert_array_equal(values, wide[1])
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient.astype(np.float32), wide[2].astype(dtype).astype(np.float32))
        np.testing.assert_equal(total, wide[0])


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("wide", DTYPES)
def test_targets_are_converted(dtype, wide):
    loss = find("sigmoid_cross_entropy")
    prediction, target, _ = draw(loss, 1100, wide)
    target = (target > 0.5).astype(dtype)
    found = run(loss, loss.defaults, prediction, target)
    expected = run(loss, loss.defaults, prediction, target.astype(wide))
    for ours, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["baseline", "avx2"])
def test_every_kind_of_cpu_computes_the_same(level):
    """The same tests, on the code for an older CPU."""
    if os.environ.get("LOSSMITH_CPU"):
        pytest.skip("this is the other process")
    cpu = Path("/proc/cpuinfo")
    if level == "avx2" and cpu.exists() and "avx512f" not in cpu.read_text():
        pytest.skip("this CPU runs that code anyway")
    here = Path(__file__)
    chosen = [str(here), str(here.with_name("test_elementwise_math.py"))]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *chosen]
    done = subprocess.run(command, env={**os.environ, "LOSSMITH_CPU": level}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_bad_input():
    loss = find("huber")
    number, x = elementwise.find(loss), np.zeros(4, np.float32)
    with pytest.raises(ValueError, match="target has 12 bytes, expected 16"):
        elementwise.run(number, (1.0,), x, x[:3])
    with pytest.raises(ValueError, match="dtype complex64; expected one of float32"):
        elementwise.run(number, (1.0,), x, x.astype(np.complex64))
    with pytest.raises(ValueError, match="no such loss, or not for these dtypes"):
        elementwise.run(number, (1.0,), x, x.astype(np.float64))
    with pytest.raises(ValueError, match="no such loss"):
        elementwise.run(10_000, (1.0,), x, x)
    with pytest.raises(ValueError, match="more parameters"):
        elementwise.run(number, (1.0,) * 9, x, x)


def test_parameters_that_are_arrays_have_no_kernel():
    loss = find("sigmoid_cross_entropy")
    assert elementwise.numbers(loss, {"pos_weight": np.ones(3), "label_smoothing": 0.0}) is None
    assert elementwise.numbers(loss, {"pos_weight": 2, "label_smoothing": 0.0}) == (2, 0.0)


def test_a_module_compiled_from_other_definitions_is_not_used(monkeypatch):
    known = {"huber": (2, "delta,other", ""), "gaussian_nll": (3, "epsilon,full", "")}
    monkeypatch.setattr(elementwise, "_found", {})
    monkeypatch.setattr(elementwise, "_known", known)
    assert elementwise.find(find("huber")) is None
    assert elementwise.find(find("gaussian_nll")) is None
