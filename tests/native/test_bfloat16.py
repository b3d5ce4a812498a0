"""bfloat16, which NumPy has no dtype for: float32 with its lower half cut off, handed over as 16-bit integers."""

import numpy as np
import pytest

from lossmith import native

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")


def to_bfloat16(x):
    """Round float32 to the nearest bfloat16, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(x), np.uint16(0x7FC0), rounded)


def from_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def run(bits, labels, gradient, **options):
    rows, classes = bits.shape
    values = np.empty(rows, np.float32)
    native._core.softmax_cross_entropy(0, 2, bits, labels, rows, classes, values, gradient, **options)
    return values


@pytest.mark.parametrize("classes", [2, 7, 8, 10, 64, 65, 100, 1000, 1025, 2049, 5000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_float32_result_rounded_once(classes, smoothing, weighted):
    rng = np.random.default_rng(classes)
    bits = to_bfloat16(3 * rng.normal(size=(21, classes)).astype(np.float32))
    labels = rng.integers(0, classes, 21)
    weights = rng.uniform(0.5, 2, classes).astype(np.float32) if weighted else None
    gradient = np.empty_like(bits)
    values = run(bits, labels, gradient, label_smoothing=smoothing, class_weight=weights)
    wide = native.softmax_cross_entropy(from_bfloat16(bits), labels, label_smoothing=smoothing, class_weight=weights)
    np.testing.assert_allclose(values, wide[0], rtol=1e-6)
    # Where the float32 gradient is next to a tie, its own rounding decides; no element is off by more than one step.
    off = np.abs(gradient.astype(np.int64) - to_bfloat16(wide[1]).astype(np.int64))
    assert off.max() <= 1
    assert (off != 0).mean() < 2e-3


@pytest.mark.parametrize("classes", [10, 100])
def test_not_a_number_and_infinity(classes):
    logits = np.zeros((4, classes), np.float32)
    logits[0, 1], logits[1, 1], logits[2, 1] = np.nan, np.inf, -np.inf
    bits = to_bfloat16(logits)
    gradient = np.empty_like(bits)
    values = run(bits, np.zeros(4, np.int64), gradient)
    np.testing.assert_array_equal(np.isnan(values), [True, True, False, False])
    slopes = from_bfloat16(gradient)
    assert np.isnan(slopes[:2]).all()
    assert slopes[2, 1] == 0
    assert not np.isnan(slopes[2:]).any()


@pytest.mark.parametrize("classes", [65, 1000, 2500])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_rows_that_are_no_numbers_leave_their_neighbours_alone(classes, smoothing):
    """Lines of finite rows are rounded without a look for NaN, so every way to NaN must be known before."""
    rng = np.random.default_rng(classes)
    logits = 3 * rng.normal(size=(24, classes)).astype(np.float32)
    labels = rng.integers(0, classes, 24)
    odd = [np.nan, np.inf, -np.inf]
    logits[np.arange(0, 9), rng.integers(0, classes, 9)] = np.tile(odd, 3).astype(np.float32)
    logits[9, labels[9]], logits[10, labels[10]], logits[11] = np.nan, np.inf, -np.inf
    logits[12, labels[12]] = -np.inf
    scale = np.ones(24, np.float32)
    scale[[14, 16, 18, 20, 21]] = np.nan, np.inf, 0, 3e38, -np.inf
    for dtype, bits in (("bfloat16", to_bfloat16(logits)), ("float16", logits.astype(np.float16))):
        wide = from_bfloat16(bits) if dtype == "bfloat16" else bits.astype(np.float32)
        _, expected = native.softmax_cross_entropy(wide, labels, scale=scale, label_smoothing=smoothing)
        gradient = np.empty_like(bits)
        code = 2 if dtype == "bfloat16" else 3
        values = np.empty(24, np.float32)
        settings = {"label_smoothing": smoothing, "scale": scale}
        native._core.softmax_cross_entropy(0, code, bits, labels, 24, classes, values, gradient, **settings)
        found = from_bfloat16(gradient) if dtype == "bfloat16" else gradient.astype(np.float32)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        with np.errstate(over="ignore"):
            rounded = from_bfloat16(to_bfloat16(expected)) if dtype == "bfloat16" else expected.astype(np.float16)
        digits = {"rtol": 2**-7, "atol": 1e-7}
        np.testing.assert_allclose(found, rounded.astype(np.float32), **digits)


@pytest.mark.parametrize("offset", range(0, 40, 3))
@pytest.mark.parametrize("classes", [33, 100, 1001])
def test_rows_are_written_and_nothing_beside_them(classes, offset):
    rng = np.random.default_rng(1)
    bits, labels = to_bfloat16(rng.normal(size=(9, classes)).astype(np.float32)), rng.integers(0, classes, 9)
    expected = np.empty_like(bits)
    run(bits, labels, expected)
    room = np.full(bits.size + 100, 0x1234, np.uint16)
    run(bits, labels, room[offset : offset + bits.size].reshape(bits.shape))
    np.testing.assert_array_equal(room[offset : offset + bits.size], expected.ravel())
    assert (room[:offset] == 0x1234).all()
    assert (room[offset + bits.size :] == 0x1234).all()
