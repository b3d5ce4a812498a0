"""Where Keras 3.15.1 is wrong: that it still is, and what this face does; one row of docs/guide/keras.md each.

When Keras mends one, its test fails: strike the row from the page.
"""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from faces.keras_tools import BACKEND, DIFFERENTIATES, keras, lk, quick, to_numpy, value_and_gradient
from frameworks import require
from lossmith import InputError, LabelError, ShapeError
from lossmith.arrays import load

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "keras.md"
ROWS: dict[str, list[str]] = {"Keras is wrong": [], "The same on purpose": []}


def row(title, heading="Keras is wrong"):
    """Say which row of the page the test is for."""
    ROWS[heading].append(title)
    return lambda test: test


def f32(*shape_or_values):
    return np.asarray(*shape_or_values, "float32")


def both(call):
    """Return Keras' and this face's result of ``call(module)``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow and NaN, which NumPy announces
        return quick(lambda: call(keras.losses)), quick(lambda: call(lk))


def check(call, theirs, ours):
    """Hold both results to their numbers; NaN is a number here."""
    for found, expected in zip(both(call), (theirs, ours), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


ZEROS = np.zeros((2, 2, 3), "float32")
STEPS = np.broadcast_to(f32([[1, 2], [3, 4]])[..., None], (2, 2, 3))  # squared error 1, 4, 9, 16
WEIGHT = f32([1, 10])
EACH = f32([[0.2, 0.3, 0.5]] * 3)


@row("`sample_weight` (N,) on values (N, T)")
def test_weights_of_samples_go_along_the_samples():
    model = keras.Sequential([keras.Input((2, 3)), keras.layers.Identity()])

    def evaluate(module):
        model.compile(loss=module.MeanSquaredError())
        return model.evaluate(STEPS, ZEROS, sample_weight=WEIGHT, verbose=0)

    assert evaluate(keras.losses) == pytest.approx((1 + 40 + 9 + 160) / 4)
    assert evaluate(lk) == pytest.approx((1 + 4 + 90 + 160) / 4)


@row("`sample_weight` (N,) on vectors (N,)")
def test_weights_of_vectors():
    check(lambda m: m.MeanSquaredError()(f32([0, 0]), f32([1, 3]), f32([1, 3])), 10.0, 14.0)


@row('`reduction="sum"` of vectors (N,)')
def test_the_sum_of_vectors():
    check(lambda m: m.MeanSquaredError(reduction="sum")(f32([0, 0]), f32([1, 3])), 5.0, 10.0)
    check(lambda m: m.MeanSquaredError(reduction="none")(f32([0, 0]), f32([1, 3])), 5.0, [1.0, 9.0])


@row("`mean_with_sample_weight` with a weight (N, 1) on (N, T)")
def test_the_weighted_mean_divides_by_the_weights_that_were_used():
    loss = {"reduction": "mean_with_sample_weight"}
    check(lambda m: m.MeanSquaredError(**loss)(ZEROS, STEPS, f32([[1], [3]])), 20.0, 10.0)


@row("weights that fit the last axes only")
def test_weights_never_go_along_the_last_axes():
    def position(m):
        return m.MeanSquaredError()(np.zeros((2, 3, 1), "float32"), np.ones((2, 3, 1), "float32"), f32([1, 2, 3]))

    def element(m):
        return m.MeanSquaredError()(np.zeros((2, 2), "float32"), f32([[1, 2], [3, 4]]), f32([[1, 2], [3, 4]]))

    rows = [2.5, 12.5]  # mean squared errors; meant was (1·1 + 2·4 + 3·9 + 4·16) / 4 = 25
    for call, theirs in ((position, 2.0), (element, np.mean(rows * np.array([[1, 2], [3, 4]])))):
        assert quick(lambda c=call: c(keras.losses)) == pytest.approx(theirs)
        with pytest.raises(ShapeError, match="leading axes"):
            call(lk)


@row("`y_true` (N, T) beside `y_pred` (N, T, 1), with weights (N, T)")
def test_one_output_per_position():
    weights = f32([[1, 2], [3, 4]])

    def call(m):
        return m.MeanSquaredError()(np.zeros((2, 2), "float32"), STEPS[..., :1], weights)

    check(call, np.mean([2.5, 12.5] * np.array([[1, 2], [3, 4]])), (1 + 8 + 27 + 64) / 4)


@row("NaN under a mask")
def test_nan_under_a_mask():
    y_pred = f32([[[1.0], [np.nan]]])

    def masked(module):
        def call(p):
            keras.src.backend.common.masking.set_keras_mask(p, keras.ops.convert_to_tensor([[True, False]]))
            value = module.MeanSquaredError()(np.zeros((1, 2, 1), "float32"), p)
            return value, value

        return value_and_gradient(call, keras.ops.convert_to_tensor(y_pred))

    assert np.isnan(masked(keras.losses)[0])
    assert masked(lk)[0] == 1.0
    if DIFFERENTIATES:
        assert np.isnan(masked(keras.losses)[2]).any()
        np.testing.assert_array_equal(masked(lk)[2], [[[2.0], [0.0]]])


@row("an empty batch of rows (0, F)")
def test_empty_batch():
    empty = np.zeros((0, 3), "float32")
    theirs, ours = both(lambda m: m.MeanSquaredError()(empty, empty))
    assert theirs.shape == (0,)
    assert ours.shape == ()
    assert ours == 0.0


@row("more than 2³¹ values")
def test_the_number_of_values_is_no_int32():
    shape = (70000, 70000)
    if BACKEND != "numpy":  # NumPy adds up in int64
        product = keras.ops.prod(keras.ops.convert_to_tensor(shape, dtype="int32"))
        assert int(keras.ops.cast(product, "float32")) == 605032704
    assert 'dtype="int32"' in inspect.getsource(keras.src.losses.loss.reduce_values)
    xp = load(BACKEND)
    if BACKEND == "torch":
        like = require("torch").empty(shape, device="meta")
    elif BACKEND == "jax":
        like = require("jax").ShapeDtypeStruct(shape, "float32")
    elif BACKEND == "tensorflow":
        with require("tensorflow").Graph().as_default():
            like = require("tensorflow").zeros(shape)
    else:
        like = np.broadcast_to(f32(0), shape)
    assert xp.size(like) == 4_900_000_000


@row('`dtype="float16"`, 70 000 rows')
def test_half_precision_means():
    rows = np.ones((70_000, 1), "float32")
    check(lambda m: m.MeanSquaredError(dtype="float16")(0 * rows, rows), np.nan, 1.0)
    theirs, ours = both(lambda m: m.MeanSquaredError(dtype="bfloat16")(0 * rows, rows))
    assert ours == 1.0
    assert theirs == (pytest.approx(0.0036, abs=1e-4) if BACKEND == "numpy" else 1.0)


@row("class indices in a loss of half precision")
@pytest.mark.parametrize(("dtype", "label"), [("bfloat16", 257), ("float16", 2999)])
def test_labels_are_not_rounded(dtype, label):
    logits = f32(np.eye(label + 2)[[label]] * 40)
    options = {"from_logits": True, "dtype": dtype}
    check(lambda m: m.SparseCategoricalCrossentropy(**options)(np.array([label]), logits), 40.0, 0.0)


@row("class indices that are fractions")
def test_fractions_are_no_labels():
    labels = f32([0, 1, 1.7])
    assert quick(lambda: keras.losses.SparseCategoricalCrossentropy()(labels, EACH)) == pytest.approx(
        1.339136, rel=1e-5
    )
    with pytest.raises(LabelError, match=r"y_true holds 1.7 at position 2"):
        lk.SparseCategoricalCrossentropy()(labels, EACH)


@row("class indices out of range")
@pytest.mark.parametrize("label", [3, -1, -100])
def test_labels_out_of_range(label):
    silent = {"jax": (3, -1, -100), "torch": (-100,), "numpy": (-1, -100), "tensorflow": ()}[BACKEND]
    labels = np.array([0, 1, label])
    if label in silent:  # the row counts 0
        theirs = quick(lambda: keras.losses.SparseCategoricalCrossentropy()(labels, EACH))
        assert theirs == pytest.approx(-np.log(0.2 * 0.3) / 3, rel=1e-5)
    with pytest.raises(LabelError, match=f"y_true holds label {label} at position 2, but y_pred has 3 classes"):
        lk.SparseCategoricalCrossentropy()(labels, EACH)


@row("`y_true` (N,) or (N, 1) beside `y_pred` (N, C)")
def test_nothing_is_broadcast():
    for y_true in (np.zeros(3, "float32"), np.zeros((3, 1), "float32")):
        assert quick(lambda y=y_true: keras.losses.MeanSquaredError()(y, EACH)) == pytest.approx(0.126667, rel=1e-5)
        with pytest.raises(ShapeError, match="nothing is broadcast"):
            lk.MeanSquaredError()(y_true, EACH)


@row("`SparseCategoricalCrossentropy(axis=1)`")
def test_classes_on_axis_1():
    labels, logits = np.array([[0, 1]]), np.zeros((1, 3, 2), "float32")
    options = {"from_logits": True, "axis": 1}
    assert quick(lambda: lk.SparseCategoricalCrossentropy(**options)(labels, logits)) == pytest.approx(np.log(3))
    theirs = keras.losses.SparseCategoricalCrossentropy(**options)
    if BACKEND == "torch":
        assert to_numpy(theirs(labels, logits)) == pytest.approx(np.log(3))
    else:
        with pytest.raises((ValueError, IndexError)):
            theirs(labels, logits)


@row("`label_smoothing` with `axis=1`")
def test_smoothing_counts_the_classes_of_the_axis():
    y_true, logits = np.zeros((1, 3, 2), "float32"), np.zeros((1, 3, 2), "float32")
    y_true[:, 0] = 1
    options = {"from_logits": True, "label_smoothing": 0.5, "axis": 1}
    check(lambda m: m.CategoricalCrossentropy(**options)(y_true, logits), 1.25 * np.log(3), np.log(3))
    options |= {"alpha": 1.0, "gamma": 0.0}
    check(lambda m: m.CategoricalFocalCrossentropy(**options)(y_true, logits), 1.25 * np.log(3), np.log(3))


@row("focal losses `from_logits=True`")
def test_focal_losses_of_logits():
    theirs = 30.0 if BACKEND == "tensorflow" else 16.118095
    check(lambda m: m.BinaryFocalCrossentropy(from_logits=True)(f32([[1]]), f32([[-30]])), theirs, 30.0)
    rows = f32([[1, 0]]), f32([[-60, 0]])
    check(lambda m: m.CategoricalFocalCrossentropy(from_logits=True, alpha=1.0)(*rows), 16.118095, 60.0)


@row("`BinaryCrossentropy(from_logits=True)` on the NumPy backend")
def test_binary_crossentropy_of_logits():
    theirs = 16.118095 if BACKEND == "numpy" else 30.0
    check(lambda m: m.BinaryCrossentropy(from_logits=True)(f32([[1]]), f32([[-30]])), theirs, 30.0)


@row("logits of ±∞")
def test_infinite_logits():
    right, theirs = (f32([[1, 0]]), f32([[np.inf, -np.inf]])), 0.0 if BACKEND == "numpy" else np.nan
    check(lambda m: m.BinaryCrossentropy(from_logits=True)(*right), theirs, 0.0)
    rows = f32([[1, 0, 0]]), f32([[1, 2, -np.inf]])
    check(lambda m: m.CategoricalCrossentropy(from_logits=True)(*rows), np.nan, np.log(1 + np.e))


@row("probabilities that do not sum to 1, on TensorFlow")
def test_probabilities_are_normalised_before_they_are_clipped():
    rows = np.array([0, 1, 2]), f32([[2, 0.5, 0.5], [2, 1.05, 3], [5, 4, 0.1]])
    ours = [-np.log(2 / 3), -np.log(1.05 / 6.05), -np.log(0.1 / 9.1)]
    theirs = [np.log(2), np.log(3), 3.044523] if BACKEND == "tensorflow" else ours
    check(lambda m: m.SparseCategoricalCrossentropy(reduction="none")(*rows), theirs, ours)


@row("rows of probabilities that are all 0")
def test_rows_of_zeros():
    rows = f32([[1, 0]]), f32([[0, 0]])
    check(lambda m: m.CategoricalCrossentropy()(*rows), np.nan, 16.118095)
    theirs = np.log(2) if BACKEND == "tensorflow" else np.nan
    check(lambda m: m.SparseCategoricalCrossentropy()(np.array([0]), rows[1]), theirs, 16.118095)


@row("logits behind a softmax layer, on TensorFlow")
def test_logits_are_not_looked_up():
    y_pred = keras.activations.softmax(keras.ops.convert_to_tensor(f32([[-60, 0]])))
    loss = {"from_logits": False}
    theirs = 60.0 if BACKEND == "tensorflow" else 16.118095
    check(lambda m: m.CategoricalCrossentropy(**loss)(f32([[1, 0]]), y_pred), theirs, 16.118095)


@row("functions on uint8")
def test_small_integers_do_not_wrap():
    check(lambda m: m.mean_squared_error(np.array([200], "uint8"), np.array([5], "uint8")), 137.0, 195.0**2)


@row("parameters that make no sense")
@pytest.mark.parametrize(
    ("name", "options"),
    [("Huber", {"delta": -1.0}), ("CategoricalCrossentropy", {"label_smoothing": 2.0}), ("LogCosh", {"reduction": []})],
)
def test_bad_parameters_fail_at_once(name, options):
    with pytest.raises(InputError, match=next(iter(options))):
        getattr(lk, name)(**options)
    if name != "LogCosh":
        getattr(keras.losses, name)(**options)


@row("parameters lost on saving")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Huber", {"delta": 5.0}),
        ("CosineSimilarity", {"axis": 1}),
        ("SparseCategoricalCrossentropy", {"axis": 1}),
        ("MeanSquaredError", {"dtype": "float64"}),
    ],
)
def test_parameters_survive_saving(name, options):
    theirs = keras.losses.serialize(getattr(keras.losses, name)(**options))
    assert not options.keys() & theirs["config"].keys()
    ours = lk.deserialize(lk.serialize(getattr(lk, name)(**options)))
    assert options.items() <= ours.get_config().items()


@row('`keras.losses.deserialize("mse")`')
def test_functions_by_name():
    with pytest.raises(ValueError, match="not a KerasSaveable"):
        keras.losses.deserialize("mse")
    assert lk.deserialize("mse") is lk.mean_squared_error


@row("`Tversky(alpha, beta)`")
def test_alpha_of_tversky_weighs_false_positives():
    rows = f32([[1, 0, 0, 0]]), f32([[1, 1, 1, 1]])  # three false positives
    check(lambda m: m.Tversky(alpha=0.5, beta=0.0)(*rows), 0.0, 0.6)


@row("`Dice` of two empty images")
def test_dice_of_nothing():
    check(lambda m: m.Dice()(f32([[0, 0]]), f32([[0, 0]])), 1.0, 0.0)


@row("`Dice` with a weight per sample")
def test_dice_with_weights():
    arguments = f32([[1, 0], [1, 1]]), f32([[1, 1], [1, 1]]), f32([1, 100])
    with pytest.raises(ShapeError, match="sample_weight"):
        lk.Dice()(*arguments)
    assert to_numpy(keras.losses.Dice()(*arguments)) == pytest.approx((1 - 6 / 7) * 50.5, rel=1e-5)
    assert to_numpy(lk.Dice(axis=1)(*arguments)) == pytest.approx((1 - 2 / 3) * 1 / 2, rel=1e-5)


ON_PURPOSE = "The same on purpose"


@row("`CategoricalHinge`", ON_PURPOSE)
def test_categorical_hinge_counts_scores_from_zero():
    check(lambda m: m.CategoricalHinge()(f32([[1, 0, 0]]), f32([[-1, -5, -6]])), 2.0, 2.0)


@row("`MeanSquaredLogarithmicError` of negatives", ON_PURPOSE)
def test_negative_predictions_of_msle():
    def call(module):
        def value(p):
            value = module.MeanSquaredLogarithmicError()(f32([[1]]), p)
            return value, value

        return value_and_gradient(value, keras.ops.convert_to_tensor(f32([[-3]])))

    for found in (call(keras.losses), call(lk)):
        assert found[0] == pytest.approx(np.log(2) ** 2, rel=1e-5)
        if DIFFERENTIATES:
            assert found[2] == 0.0


@row("`Poisson` of negative rates", ON_PURPOSE)
def test_negative_rates_are_nan():
    check(lambda m: m.Poisson()(f32([[1]]), f32([[-0.5]])), np.nan, np.nan)


@row("probabilities of exactly 0", ON_PURPOSE)
def test_probabilities_are_clipped_at_epsilon():
    check(lambda m: m.CategoricalCrossentropy()(f32([[1, 0]]), f32([[0, 1]])), 16.118095, 16.118095)
    check(lambda m: m.BinaryCrossentropy()(f32([[1]]), f32([[0]])), 16.118095, 16.118095)


@row("`Hinge` and `SquaredHinge` on 0 and 1", ON_PURPOSE)
def test_hinge_reads_0_and_1_as_signs():
    check(lambda m: m.Hinge()(f32([[0, 1]]), f32([[0.5, 0.5]])), 1.0, 1.0)


@row("`KLDivergence`", ON_PURPOSE)
def test_divergence_clips_both():
    rows = f32([[1, 0]]), f32([[0, 1]])
    expected = np.log(1e7) + 1e-7 * np.log(1e-7)
    check(lambda m: m.KLDivergence()(*rows), expected, expected)


@row("`ignore_class` as a function", ON_PURPOSE)
def test_the_function_gives_zero_for_ignored_rows():
    arguments = np.array([0, 2]), EACH[:2]
    check(lambda m: m.sparse_categorical_crossentropy(*arguments, ignore_class=2), [-np.log(0.2), 0], [-np.log(0.2), 0])


def test_the_page_has_these_rows_and_no_others():
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for heading, titles in ROWS.items():
        section = next(s for s in sections if s.startswith(heading))
        rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
        assert rows[1:] == titles  # the first is the table's head
