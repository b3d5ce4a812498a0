"""The native losses between pairs of rows against their definitions, evaluated in float64."""

import numpy as np
import pytest

from lossmith import native
from lossmith.arrays import load
from lossmith.losses import find
from lossmith.native import row_pairs

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

XP = load("numpy")
DTYPES = [np.float32, np.float64, np.float16]
# Both sides of every seam: 8 float lanes (4 double), 64 classes (narrow | wide), blocks of 1024 and their remainder.
CLASSES = [1, 2, 3, 7, 8, 9, 17, 64, 65, 71, 100, 1000, 1023, 1025, 2047, 2048, 2049, 5001]
LOSSES = {
    "dense": ("softmax_cross_entropy", {}),
    "smoothed": ("softmax_cross_entropy", {"label_smoothing": 0.1, "z_loss": 1e-2}),
    "weighted": ("softmax_cross_entropy", {"label_smoothing": 0.2, "class_weight": True}),
    "kl": ("distillation_kl", {"temperature": 1.0}),
    "hot_kl": ("distillation_kl", {"temperature": 3.0}),
    "jsd": ("distillation_jsd", {"temperature": 1.0, "beta": 0.5}),
    "cold_jsd": ("distillation_jsd", {"temperature": 0.7, "beta": 0.1}),
    "variation": ("distillation_total_variation", {"temperature": 2.0}),
}
EVERY_LOSS = pytest.mark.parametrize("name", LOSSES)
ONE_EACH = pytest.mark.parametrize("name", ["weighted", "hot_kl", "cold_jsd", "variation"])


def computed_in(dtype):
    return np.dtype(np.float32) if dtype == np.float16 else np.dtype(dtype)


def batch(name, rows, classes, dtype, seed=0):
    """Loss, parameters, class weights, prediction and target."""
    rng = np.random.default_rng(seed)
    loss, parameters = find(LOSSES[name][0]), dict(LOSSES[name][1])
    prediction, target = 3 * rng.normal(size=(2, rows, classes))
    weight = rng.uniform(0.0, 2.0, classes) if parameters.pop("class_weight", None) else None
    target = XP.softmax(target) if loss.name == "softmax_cross_entropy" else target
    return loss, parameters, weight, prediction.astype(dtype), target.astype(dtype)


def run(name, rows, classes, dtype, **options):
    loss, parameters, weight, prediction, target = batch(name, rows, classes, dtype)
    return row_pairs.run(row_pairs.find(loss), parameters, prediction, target, class_weight=weight, **options)


def definition(loss, parameters, weight, prediction, target, dtype=np.float64):
    every = dict(parameters)
    if loss.name == "softmax_cross_entropy":
        compute = computed_in(prediction.dtype)
        weight = None if weight is None else weight.astype(compute).astype(dtype)
        every = {"label_smoothing": 0.0, "z_loss": 0.0, "class_weight": weight, **every}
    arrays = XP, prediction.astype(dtype), target.astype(dtype)
    with np.errstate(all="ignore"):
        return loss.value(*arrays, **every), loss.gradient(*arrays, **every)


def assert_matches(case, **options):
    loss, parameters, weight, prediction, target = case
    number = row_pairs.find(loss)
    values, gradient = row_pairs.run(number, parameters, prediction, target, class_weight=weight, **options)
    expected, slopes = definition(*case)
    scale = np.asarray(options.get("scale", 1.0), np.float64)
    slopes = slopes * (scale[:, None] if scale.ndim else scale)
    assert gradient.dtype == prediction.dtype
    assert values.dtype == computed_in(prediction.dtype)
    eps = float(np.finfo(values.dtype).eps)
    np.testing.assert_allclose(values, expected, rtol=16 * eps, atol=32 * eps)
    # The gradient is a difference of two terms that are at most about the largest probability.
    size = np.maximum(np.abs(slopes).max(axis=1, keepdims=True), np.abs(scale).max())
    allowed = 16 * eps * size
    if prediction.dtype == np.float16:  # the last step is the nearest float16, denormal ones included
        allowed = allowed + 2.0**-11 * np.abs(slopes) + 2.0**-25
    if loss.name == "distillation_total_variation":  # the sign of a rounded difference
        np.testing.assert_allclose(gradient.astype(np.float64).sum(axis=1), 0.0, atol=0.02 if eps > 1e-8 else 1e-12)
        allowed = allowed + np.where(near_tie(case, eps), np.abs(slopes) + eps, 0.0)
    assert (np.abs(gradient - slopes) / allowed).max(initial=0.0) <= 1.0
    alone, nothing = row_pairs.run(
        number, parameters, prediction, target, class_weight=weight, **options | {"gradient": False}
    )
    assert nothing is None
    np.testing.assert_array_equal(alone, values)


def near_tie(case, eps):
    _, parameters, _, prediction, target = case
    p, q = (XP.softmax(x.astype(np.float64) / parameters["temperature"]) for x in (prediction, target))
    return (np.abs(p - q) <= 64 * eps * (p + q)).any(axis=1, keepdims=True)


@EVERY_LOSS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", CLASSES)
def test_shapes(name, classes, dtype):
    assert_matches(batch(name, 3 if classes > 1000 else 19, classes, dtype, seed=classes))


@ONE_EACH
@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7, 8, 9, 300])
@pytest.mark.parametrize("classes", [10, 100])
def test_numbers_of_rows(name, rows, classes):
    for dtype in DTYPES:
        assert_matches(batch(name, rows, classes, dtype))


@EVERY_LOSS
@pytest.mark.parametrize("classes", [10, 1500])
@pytest.mark.parametrize("scale", [-0.25, "rows"])
def test_the_scale_is_on_the_gradient_alone(name, classes, scale):
    along = np.linspace(-2.0, 2.0, 11) if scale == "rows" else scale
    for dtype in (np.float32, np.float64):
        assert_matches(batch(name, 11, classes, dtype), scale=along)


@ONE_EACH
@pytest.mark.parametrize(("rows", "classes"), [(3, 262_145 + 77), (1, 300_000)])
def test_rows_longer_than_any_scratch(name, rows, classes):
    assert_matches(batch(name, rows, classes, np.float32))


@EVERY_LOSS
@pytest.mark.parametrize(("rows", "classes"), [(40_000, 10), (600, 1_000), (130, 2_500)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(name, rows, classes, dtype):
    alone, together = (run(name, rows, classes, dtype, executor=executor) for executor in (0, row_pairs.OWN_POOL))
    np.testing.assert_array_equal(alone[0], together[0])
    np.testing.assert_array_equal(alone[1], together[1])


@ONE_EACH
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [10, 17, 65, 1001, 2050])
def test_the_result_does_not_depend_on_where_the_arrays_lie_or_on_their_neighbours(name, classes, dtype):
    loss, parameters, weight, prediction, target = batch(name, 9, classes, dtype)
    number = row_pairs.find(loss)
    expected = row_pairs.run(number, parameters, prediction, target, class_weight=weight)
    for offset in (1, 2, 5, 8, 13, 16):
        moved = []
        for k, x in enumerate((prediction, target)):
            room = np.empty(x.size + 2 * offset, dtype)
            moved.append(room[offset * (k + 1) :][: x.size].reshape(x.shape))
            moved[-1][:] = x
        for first in (0, 3):
            result = row_pairs.run(number, parameters, *(x[first:] for x in moved), class_weight=weight)
            for one, wanted in zip(result, expected, strict=True):
                np.testing.assert_array_equal(one, wanted[first:])


@ONE_EACH
@pytest.mark.parametrize("classes", [33, 100, 2051])
@pytest.mark.parametrize("offset", [0, 1, 7, 30, 31, 32])
def test_rows_are_written_and_nothing_beside_them(name, classes, offset):
    loss, parameters, weight, prediction, target = batch(name, 9, classes, np.float16)
    expected = row_pairs.run(row_pairs.find(loss), parameters, prediction, target, class_weight=weight)[1]
    room = np.full(prediction.size + 100, 1234.0, np.float16)
    along = None if weight is None else weight.astype(np.float32)
    arrays = prediction, target, 9, classes, None, room[offset : offset + prediction.size]
    native._core.row_pairs(0, row_pairs.find(loss), 3, *arrays, class_weight=along, **parameters)
    np.testing.assert_array_equal(room[offset : offset + prediction.size], expected.ravel())
    assert (room[:offset] == 1234).all()
    assert (room[offset + prediction.size :] == 1234).all()


@EVERY_LOSS
@pytest.mark.parametrize("classes", [4, 65, 2500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_the_prediction(name, classes, dtype):
    heads = [
        [0.0, -0.0, 0.0, -0.0],
        [7.0, 7.0, 7.0, 7.0],
        [1e30, -1e30, 0.0, 1.0],
        [-1e30, -1e30, -1e30, -1e30],
        [1.0, -np.inf, 2.0, -np.inf],
        [-np.inf, 0.0, -np.inf, -np.inf],
        [1.0, np.inf, 2.0, 3.0],
        [np.inf, np.inf, 0.0, -np.inf],
        [np.nan, 1.0, 2.0, 3.0],
        [1.0, 2.0, np.nan, np.inf],
        [-np.inf, -np.inf, -np.inf, np.nan],
    ]
    case = list(batch(name, len(heads), classes, dtype))
    for fill in (0.0, -np.inf):
        case[3] = np.full((len(heads), classes), fill, dtype)
        case[3][:, :4] = heads
        assert_same_as_the_definition(case)


@EVERY_LOSS
@pytest.mark.parametrize("classes", [4, 65, 2500])
@pytest.mark.parametrize("where", ["first", "last"])
def test_classes_that_both_rule_out_cost_nothing_and_those_that_one_does_follow_the_definition(name, classes, where):
    rng = np.random.default_rng(3)
    case = list(batch(name, 16, classes, np.float64))
    half = slice(0, classes // 2) if where == "first" else slice(classes - classes // 2, classes)
    outside = -np.inf if case[0].name != "softmax_cross_entropy" else 0.0
    case[3][:8, half] = -np.inf
    case[4][:4, half] = outside
    case[4][8:12, half] = outside
    case[4][12:, rng.integers(classes)] = outside
    assert_same_as_the_definition(case)
    if name in ("dense", "kl", "hot_kl"):
        values, gradient = row_pairs.run(row_pairs.find(case[0]), case[1], *case[3:])
        assert np.isfinite(values[:4]).all()
        assert np.isposinf(values[4:8]).all()
        assert not gradient[:4, half].any()


def assert_same_as_the_definition(case):
    """In one dtype: NaN and inf at the same places, other numbers but for rounding."""
    loss, parameters, weight, prediction, target = case
    result = row_pairs.run(row_pairs.find(loss), parameters, prediction, target, class_weight=weight)
    tolerance = 2e-5 if prediction.dtype == np.float32 else 1e-12
    for ours, wanted in zip(result, definition(*case, dtype=prediction.dtype), strict=True):
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(wanted))
        np.testing.assert_allclose(ours, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("classes", [4, 100])
def test_what_is_not_a_number_in_a_target_reaches_its_row_alone(classes):
    for name in LOSSES:
        loss, parameters, weight, prediction, target = batch(name, 10, classes, np.float32)
        expected = row_pairs.run(row_pairs.find(loss), parameters, prediction, target, class_weight=weight)
        target[6, 2] = np.nan
        result = row_pairs.run(row_pairs.find(loss), parameters, prediction, target, class_weight=weight)
        for ours, wanted in zip(result, expected, strict=True):
            assert np.isnan(ours[6]).all()
            others = np.arange(10) != 6
            np.testing.assert_array_equal(ours[others], wanted[others])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prediction": np.zeros((3, 2, 2))}, r"prediction is an array of shape \(3, 2, 2\)"),
        ({"prediction": np.zeros((3, 4)).T}, "prediction .* expected a 2-D C-contiguous one"),
        ({"prediction": np.zeros((3, 4), np.int64)}, "dtype int64; expected a 2-D C-contiguous one of float32"),
        ({"target": np.zeros((3, 5))}, r"prediction is \(3, 4\) of float64 and target \(3, 5\)"),
        ({"target": np.zeros((3, 4), np.float32)}, "target .* of float32; expected one shape and dtype"),
        ({"class_weight": np.ones(3)}, "class_weight has 24 bytes, expected 32"),
        ({"class_weight": np.array([1.0, -1.0, 1.0, 1.0])}, "class_weight holds a number that is negative"),
        ({"class_weight": np.array([1.0, np.nan, 1.0, 1.0])}, "class_weight holds a number that is negative"),
        ({"scale": np.ones(2)}, "scale has 16 bytes, expected 24"),
        ({"number": 9}, "there is no loss of pairs of rows with this number"),
    ],
)
def test_wrong_arguments_are_explained(change, message):
    arguments = {"number": 0, "prediction": np.zeros((3, 4)), "target": np.zeros((3, 4))} | change
    with pytest.raises(ValueError, match=message):
        row_pairs.run(arguments.pop("number"), {}, **arguments)


def test_a_definition_with_other_parameters_has_no_kernel():
    import dataclasses

    loss = find("distillation_kl")
    assert row_pairs.find(loss) is not None
    assert row_pairs.find(dataclasses.replace(loss, parameters=())) is None
    assert row_pairs.find(find("softmax_focal")) is None
    assert row_pairs.numbers({"temperature": None}) is None
