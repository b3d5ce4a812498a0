"""The native softmax cross-entropy against the formula written out in float64."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossmith import native

if not native.has_native():
    if os.environ.get("LOSSMITH_REQUIRE_NATIVE") == "1":
        pytest.fail(f"LOSSMITH_REQUIRE_NATIVE=1, but there is no native core: {native.why_not()}", pytrace=False)
    pytest.skip(f"no native core: {native.why_not()}", allow_module_level=True)

DTYPES = [np.float32, np.float64, np.float16]
FULL = [np.float32, np.float64]
# Both sides of every seam: 8 float lanes (4 double), 64 classes (narrow | wide), blocks of 1024 and their remainder.
CLASSES = [1, 2, 3, 7, 8, 9, 10, 17, 63, 64, 65, 66, 71, 72, 100, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 32001]


def computed_in(dtype):
    return np.dtype(np.float32) if dtype == np.float16 else np.dtype(dtype)


def oracle(logits, labels, keep=None, scale=None, class_weight=None, label_smoothing=0.0, z_loss=0.0):
    """Value and gradient as in the docstring of native.softmax_cross_entropy, and the rounding to allow the gradient.

    The gradient is a difference of two terms, and log p carries the rounding of z - max z.
    """
    rows, classes = logits.shape
    values, gradient, allowed = np.zeros(rows), np.zeros((rows, classes)), np.zeros((rows, classes))
    weights = np.ones(classes) if class_weight is None else np.asarray(class_weight, np.float64)
    for i in range(rows):
        if keep is not None and not keep[i]:
            continue
        z = logits[i].astype(np.float64)
        q = np.full(classes, label_smoothing / classes)
        q[labels[i]] += 1.0 - label_smoothing
        wq = weights * q
        if np.isnan(z).any() or np.isposinf(z).any() or np.isneginf(z).all():
            values[i], gradient[i] = np.nan, np.nan
            continue
        shifted = z - z.max()
        log_sum = np.log(np.exp(shifted).sum())
        counts = wq != 0
        lse = log_sum + z.max()
        values[i] = (wq[counts] * (log_sum - shifted[counts])).sum() + z_loss * lse * lse
        p = np.exp(shifted - log_sum)
        factor = 1.0 if scale is None else np.float64(scale[i])
        pull = wq.sum() + 2 * z_loss * lse
        gradient[i] = factor * (p * pull - wq)
        rounding = 10.0 - np.maximum(shifted, -1000.0)  # an exp, a factor for its block, the sum, the product
        compute = np.finfo(computed_in(logits.dtype))
        allowed[i] = compute.eps * abs(factor) * (p * abs(pull) * rounding + 8.0 * wq) + compute.tiny
        if logits.dtype == np.float16:  # the last step is the nearest float16, denormal ones included
            allowed[i] += 2.0**-11 * np.abs(gradient[i]) + 2.0**-25
    return values, gradient, allowed


def assert_matches_oracle(logits, labels, **options):
    values, gradient = native.softmax_cross_entropy(logits, labels, **options)
    expected_values, expected_gradient, allowed = oracle(logits, labels, **options)
    assert gradient.dtype == logits.dtype
    assert values.dtype == computed_in(logits.dtype)
    assert values.shape == labels.shape
    assert gradient.shape == logits.shape
    eps = float(np.finfo(computed_in(logits.dtype)).eps)
    np.testing.assert_allclose(values, expected_values, rtol=16 * eps, atol=4 * eps)
    np.testing.assert_array_equal(np.isnan(gradient), np.isnan(expected_gradient))
    numbers = ~np.isnan(expected_gradient)
    excess = np.abs(gradient - expected_gradient)[numbers] / (allowed + (allowed == 0))[numbers]
    assert excess.max(initial=0.0) <= 1.0
    alone, nothing = native.softmax_cross_entropy(logits, labels, gradient=False, **options)
    assert nothing is None
    np.testing.assert_array_equal(alone, values)


def batch(rows, classes, dtype, seed=0, spread=3.0):
    rng = np.random.default_rng(seed)
    return (spread * rng.normal(size=(rows, classes))).astype(dtype), rng.integers(0, classes, rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", CLASSES)
def test_shapes(classes, dtype):
    assert_matches_oracle(*batch(3 if classes > 5000 else 21, classes, dtype, seed=classes))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7, 8, 9, 16, 700])
@pytest.mark.parametrize("classes", [10, 100])
def test_numbers_of_rows(rows, classes, dtype):
    assert_matches_oracle(*batch(rows, classes, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1, 10, 65, 2049])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_options_together(classes, smoothing, weighted, masked, scaled, z_loss, dtype):
    rows = 21
    logits, labels = batch(rows, classes, dtype)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.0, 2.0, classes).astype(dtype)
    weights[::3] = 0.0
    options = {
        "label_smoothing": smoothing,
        "z_loss": z_loss,
        "class_weight": weights if weighted else None,
        "keep": rng.uniform(size=rows) < 0.7 if masked else None,
        "scale": rng.normal(size=rows).astype(dtype) if scaled else None,
    }
    assert_matches_oracle(logits, labels, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [4, 10, 65, 1500])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_edges(classes, smoothing, dtype):
    tiny, large = np.finfo(dtype).smallest_subnormal, 6e4 if dtype == np.float16 else 1e30
    heads = [
        [0.0, -0.0, 0.0, -0.0],
        [tiny, -tiny, tiny, 0.0],
        [7.0, 7.0, 7.0, 7.0],
        [large, -large, 0.0, 1.0],
        [-large, -large, -large, -large],
        [1.0, -np.inf, 2.0, -np.inf],
        [-np.inf, 0.0, -np.inf, -np.inf],
        [1.0, np.inf, 2.0, 3.0],
        [np.inf, np.inf, 0.0, -np.inf],
        [np.nan, 1.0, 2.0, 3.0],
        [1.0, 2.0, np.nan, np.inf],
        [-np.inf, -np.inf, -np.inf, np.nan],
    ]
    for label in (0, 1, classes - 1):
        for fill in (0.0, -np.inf):
            logits = np.full((len(heads), classes), fill, dtype)
            logits[:, :4] = heads
            assert_matches_oracle(logits, np.full(len(heads), label), label_smoothing=smoothing)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [4, 65])
def test_row_of_nothing_but_minus_infinity(classes, dtype):
    values, gradient = native.softmax_cross_entropy(np.full((2, classes), -np.inf, dtype), np.zeros(2, np.int64))
    assert np.isnan(values).all()
    assert np.isnan(gradient).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [10, 100])
def test_masked_classes_cost_nothing(classes, dtype):
    logits, labels = batch(20, classes, dtype)
    labels = labels % 5
    masked = logits.copy()
    masked[:, 5:] = -np.inf
    values, gradient = native.softmax_cross_entropy(masked, labels)
    expected_values, expected_gradient, _ = oracle(logits[:, :5], labels)
    np.testing.assert_allclose(values, expected_values, rtol=1e-5)
    half = dtype == np.float16
    np.testing.assert_allclose(gradient[:, :5], expected_gradient, rtol=1e-3 if half else 1e-5, atol=1e-6)
    assert not gradient[:, 5:].any()
    weights = np.where(np.arange(classes) < 5, 1.0, 0.0)
    smoothed, _ = native.softmax_cross_entropy(masked, labels, class_weight=weights, label_smoothing=0.1)
    assert np.isfinite(smoothed).all()
    assert np.isposinf(native.softmax_cross_entropy(masked, labels, label_smoothing=0.1)[0]).all()
    assert np.isposinf(native.softmax_cross_entropy(masked, labels + 5)[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [10, 100])
def test_rows_that_are_not_kept_are_not_read(classes, dtype):
    logits, labels = batch(20, classes, dtype)
    keep = np.arange(20) % 3 != 0
    expected = native.softmax_cross_entropy(logits, labels, keep=keep)
    logits[~keep], labels[~keep] = np.nan, -100
    values, gradient = native.softmax_cross_entropy(logits, labels, keep=keep)
    np.testing.assert_array_equal(values, expected[0])
    np.testing.assert_array_equal(gradient, expected[1])
    assert not values[~keep].any()
    assert not gradient[~keep].any()


def test_no_classes_and_no_kept_row():
    values, gradient = native.softmax_cross_entropy(np.zeros((2, 0)), np.zeros(2, np.int64), keep=np.zeros(2, bool))
    assert not values.any()
    assert gradient.shape == (2, 0)


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("margin", [15.0, 30.0, 60.0])
def test_confident_rows_keep_their_digits(classes, margin):
    """In float32, log(1 + 1e-13) is 0 and 1 - p is 0; the loss and the label's gradient are neither."""
    logits = np.zeros((1, classes), np.float32)
    logits[0, 3] = margin
    values, gradient = native.softmax_cross_entropy(logits, np.array([3]))
    rest = (classes - 1) * np.exp(-margin)
    np.testing.assert_allclose(values[0], np.log1p(rest), rtol=1e-6)
    np.testing.assert_allclose(gradient[0, 3], -rest / (1 + rest), rtol=1e-6)


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("classes", [2, 66])
def test_exp_is_exact_to_a_few_ulp(classes, dtype):
    """With logits (0, x, -inf, ...) the gradient at x is exp(x) / (1 + exp(x)): the exp and three roundings."""
    lowest = np.log(np.finfo(dtype).tiny.astype(np.float64))
    x = np.linspace(lowest + 1e-3, 0.0, 20_001).astype(dtype)
    logits = np.full((len(x), classes), -np.inf, dtype)
    logits[:, 0], logits[:, 1] = 0.0, x
    _, gradient = native.softmax_cross_entropy(logits, np.zeros(len(x), np.int64))
    exact = np.exp(x.astype(np.longdouble))
    exact = exact / (1 + exact)
    ulp = np.spacing(exact.astype(dtype)).astype(np.longdouble)
    assert np.abs((gradient[:, 1] - exact) / ulp).max() <= 4.0


@pytest.mark.parametrize("dtype", FULL)
def test_exp_of_what_would_be_denormal_is_zero(dtype):
    lowest = np.log(np.finfo(dtype).tiny.astype(np.float64))
    logits = np.array([[0.0, lowest - 0.1], [0.0, 2 * lowest], [0.0, np.finfo(dtype).min]], dtype)
    _, gradient = native.softmax_cross_entropy(logits, np.zeros(3, np.int64))
    assert not gradient.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [10, 17, 65, 1001])
def test_result_does_not_depend_on_where_the_array_lies(classes, dtype):
    logits, labels = batch(9, classes, dtype)
    expected = native.softmax_cross_entropy(logits, labels, label_smoothing=0.1)
    for offset in range(17):
        room = np.empty(logits.size + offset, dtype)
        moved = room[offset:].reshape(logits.shape)
        moved[:] = logits
        for result, wanted in zip(
            native.softmax_cross_entropy(moved, labels, label_smoothing=0.1), expected, strict=True
        ):
            np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [10, 65])
def test_rows_do_not_see_their_neighbours(classes, dtype):
    logits, labels = batch(5000, classes, dtype)
    values, gradient = native.softmax_cross_entropy(logits, labels)
    for rows in (slice(3, None), slice(4999, 5000), slice(1, 2000)):
        part_values, part_gradient = native.softmax_cross_entropy(logits[rows], labels[rows])
        np.testing.assert_array_equal(part_values, values[rows])
        np.testing.assert_array_equal(part_gradient, gradient[rows])


@pytest.mark.parametrize("dtype", DTYPES)
def test_read_only_arrays_and_other_integers(dtype):
    logits, labels = batch(6, 10, dtype)
    expected = native.softmax_cross_entropy(logits, labels)
    for labels_dtype in (np.int8, np.uint8, np.int32, np.uint64):
        arrays = [logits, labels.astype(labels_dtype), np.ones(6, bool), np.ones(6), np.ones(10)]
        for array in arrays:
            array.flags.writeable = False
        again = native.softmax_cross_entropy(
            arrays[0], arrays[1], keep=arrays[2], scale=arrays[3], class_weight=arrays[4]
        )
        np.testing.assert_array_equal(again[0], expected[0])
        np.testing.assert_array_equal(again[1], expected[1])


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("bad", [-1, "classes", 2**62, -(2**63)])
def test_bad_labels_are_named(classes, bad):
    logits, labels = batch(20, classes, np.float32)
    labels[7] = labels[15] = classes if bad == "classes" else bad
    with pytest.raises(ValueError, match=rf"labels\[7\] is {labels[7]}, expected 0 <= label < {classes}"):
        native.softmax_cross_entropy(logits, labels)
    with pytest.raises(ValueError, match=r"labels\[15\]"):
        native.softmax_cross_entropy(logits, labels, keep=np.arange(20) != 7)


def test_labels_beyond_int64_are_refused():
    with pytest.raises(ValueError, match=r"labels\[0\] is 18446744073709551615"):
        native.softmax_cross_entropy(np.zeros((1, 3)), np.array([2**64 - 1], np.uint64))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"logits": np.zeros((4, 3)).T},
            r"logits is a non-contiguous float64 array of shape \(3, 4\).*ascontiguousarray",
        ),
        ({"logits": np.zeros((3, 4), np.int64)}, "logits is a C-contiguous int64 array.*ascontiguousarray"),
        ({"logits": [[1.0]]}, "logits is a list"),
        ({"labels": np.zeros(3)}, "labels is a C-contiguous float64 array.*astype"),
        ({"labels": np.zeros((3, 1), np.int64)}, r"labels is a C-contiguous int64 array of shape \(3, 1\)"),
        ({"labels": np.zeros(2, np.int64)}, "labels has 2 elements, expected 3: one for each row of logits"),
        ({"keep": np.ones(3, np.int64)}, "keep is a C-contiguous int64 array.*astype"),
        ({"keep": np.ones(4, bool)}, "keep has 4 elements, expected 3"),
        ({"scale": np.ones(1)}, "scale has 1 elements, expected 3"),
        ({"scale": np.ones((3, 1))}, r"scale is a C-contiguous float64 array of shape \(3, 1\)"),
        ({"class_weight": np.ones(3)}, "class_weight has 3 elements, expected 4: one for each column of logits"),
        ({"class_weight": [1.0, 1.0, 1.0, 1.0]}, "class_weight is a list"),
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5, expected a number in"),
        ({"label_smoothing": float("nan")}, "label_smoothing is nan"),
        ({"z_loss": -1.0}, "z_loss is -1.0, expected a number that is not negative"),
        ({"z_loss": float("inf")}, "z_loss is inf"),
    ],
)
def test_wrong_arguments_are_explained(changes, message):
    arguments = {"logits": np.zeros((3, 4)), "labels": np.zeros(3, np.int64)} | changes
    with pytest.raises(ValueError, match=message):
        native.softmax_cross_entropy(**arguments)


@st.composite
def batches(draw):
    rows, classes = draw(st.integers(1, 20)), draw(st.integers(1, 150))
    seed, spread = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([1e-3, 1.0, 30.0]))
    return batch(rows, classes, draw(st.sampled_from(DTYPES)), seed, spread)


@settings(deadline=None)
@given(batches(), st.sampled_from([0.0, 0.1, 1.0]))
def test_gradients_of_a_row_sum_to_zero(data, smoothing):
    logits, labels = data
    _, gradient = native.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    # Each element of a float16 gradient is rounded by itself.
    room = np.abs(gradient).sum(axis=1, dtype=np.float64).max() * 2**-11 + logits.shape[1] * 2.0**-25
    atol = room if logits.dtype == np.float16 else 8 * float(np.finfo(logits.dtype).eps)
    np.testing.assert_allclose(gradient.astype(np.float64).sum(axis=1), 0.0, atol=atol)


@settings(deadline=None)
@given(batches(), st.sampled_from([-1024.0, -3.0, 0.5, 64.0]), st.sampled_from([0.0, 0.1]))
def test_a_shift_of_the_logits_changes_nothing(data, shift, smoothing):
    logits, labels = data
    # On a grid of 1/64 the shifted logits are exact in float32, so that any difference is the kernel's.
    logits = np.round(logits.astype(computed_in(logits.dtype)) * 64) / 64
    plain = native.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    shifted = native.softmax_cross_entropy(logits + logits.dtype.type(shift), labels, label_smoothing=smoothing)
    np.testing.assert_array_equal(shifted[0], plain[0])
    np.testing.assert_array_equal(shifted[1], plain[1])
