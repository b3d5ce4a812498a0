"""Losses over regions of an image at their edges: empty and full masks, ties, saturation, precision; beside others."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import NAMES as FRAMEWORKS
from frameworks import Backend, backend_named, require

INF = np.inf
NAMES = [loss.name for loss in lm.losses() if loss.task == "segmentation"]
BINARY = ["dice", "jaccard", "tversky", "focal_tversky"]
SIGMOID = [f"sigmoid_{name}" for name in BINARY]
SOFTMAX = [f"softmax_{name}" for name in BINARY]
rng = np.random.default_rng(4)
PROBABILITY = rng.uniform(0.01, 0.99, (3, 4, 5))
MASK = (rng.random((3, 4, 5)) < 0.4).astype(float)
SCORES = rng.normal(scale=2, size=(3, 4, 5))
LOGITS = rng.normal(scale=2, size=(3, 6, 4))
LABELS = rng.integers(0, 4, (3, 6))


def function(name: str) -> Any:
    return getattr(lm, name)


def gradient(name: str, p: Any, t: Any, **options: Any) -> Any:
    return lm.get(name, **options).value_and_gradient(p, t)[1]


def compiled(backend: Backend, f: Any) -> Any:
    """``f`` compiled as a whole on JAX, which compiles each operation by itself otherwise."""
    return backend.jit(f) if backend.name == "jax" else f


# --- the same as elsewhere -------------------------------------------------------------------------------------------
def test_keras_dice() -> None:
    dice = require("keras").losses.dice
    for axis, region in (((1, 2), "sample"), (None, "batch")):
        theirs = np.asarray(dice(MASK, PROBABILITY, axis=axis))
        np.testing.assert_allclose(lm.dice(PROBABILITY, MASK, region=region, smooth=0, reduction="none"), theirs, 1e-6)


def test_keras_tversky_with_its_two_weights_as_they_are_documented() -> None:
    keras = require("keras")
    ours = lm.tversky(PROBABILITY, MASK, alpha=0.2, beta=0.9, smooth=0, reduction="none")
    half = keras.losses.tversky(np.ones(1), np.full(1, 0.5), alpha=0.0, beta=1.0)
    swapped = half < 0.1  # up to 3.15.1 alpha weighs what was missed
    first, second = (0.9, 0.2) if swapped else (0.2, 0.9)
    theirs = keras.losses.tversky(MASK, PROBABILITY, alpha=first, beta=second, axis=(1, 2))
    np.testing.assert_allclose(ours, np.asarray(theirs), 1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.5), (0.2, 0.9)])
def test_optax_dice(alpha: float, beta: float) -> None:
    theirs = require("optax").losses.dice_loss
    given = {"alpha": alpha, "beta": beta, "smooth": 0.5}
    want = theirs(LOGITS, np.eye(4)[LABELS], reduction="none", **given)
    np.testing.assert_allclose(lm.softmax_tversky(LOGITS, LABELS, reduction="none", **given), np.asarray(want), 1e-5)
    want = theirs(SCORES[..., None], MASK[..., None], reduction="none", **given)[:, 0]
    np.testing.assert_allclose(lm.sigmoid_tversky(SCORES, MASK, reduction="none", **given), np.asarray(want), 1e-5)
    weights = np.array([0.0, 1.0, 2.0, 3.0])
    want = theirs(LOGITS, np.eye(4)[LABELS], class_weights=weights, reduction="sum", **given)
    ours = lm.softmax_tversky(LOGITS, LABELS, class_weight=weights, reduction="none", **given).sum(-1)
    np.testing.assert_allclose(ours, np.asarray(want), 1e-5)


# --- how the family hangs together -----------------------------------------------------------------------------------
def test_the_family_is_one() -> None:
    half = lm.tversky(PROBABILITY, MASK, alpha=0.5, beta=0.5, smooth=0.5, reduction="none")
    np.testing.assert_allclose(lm.dice(PROBABILITY, MASK, smooth=1.0, reduction="none"), half)
    d = lm.dice(PROBABILITY, MASK, smooth=0, reduction="none")
    np.testing.assert_allclose(lm.jaccard(PROBABILITY, MASK, smooth=0, reduction="none"), 2 * d / (1 + d))
    given = {"alpha": 0.2, "beta": 0.4, "reduction": "none"}
    np.testing.assert_allclose(
        lm.focal_tversky(PROBABILITY, MASK, gamma=2.0, **given), lm.tversky(PROBABILITY, MASK, **given) ** 2
    )


@pytest.mark.parametrize("name", BINARY)
def test_logits_are_probabilities_before_the_sigmoid(name: str) -> None:
    p = 1 / (1 + np.exp(-SCORES))
    assert function(f"sigmoid_{name}")(SCORES, MASK) == pytest.approx(function(name)(p, MASK), rel=1e-12)
    two = np.stack([0 * SCORES, SCORES], -1)
    both = function(f"softmax_{name}")(two, MASK.astype(int), reduction="none")
    np.testing.assert_allclose(both[:, 1], function(name)(p, MASK, reduction="none"))


def test_squared_scores_a_soft_target_that_is_met_as_zero() -> None:
    soft = np.array([[0.5, 0.25, 0.75]])
    assert lm.dice(soft, soft, squared=True) == lm.jaccard(soft, soft, squared=True) == 0
    assert lm.dice(soft, soft) > 0.2
    for name in ("dice", "jaccard"):
        assert function(name)(MASK, MASK[::-1], squared=True) == pytest.approx(function(name)(MASK, MASK[::-1]))


def test_shares_of_dice_and_cross_entropy() -> None:
    for share in (0.0, 0.3, 1.0):
        mixed = lm.sigmoid_dice_cross_entropy(SCORES, MASK, dice_share=share)
        parts = lm.sigmoid_dice(SCORES, MASK), lm.sigmoid_cross_entropy(SCORES, MASK)
        assert mixed == pytest.approx(share * parts[0] + (1 - share) * parts[1])
        mixed = lm.softmax_dice_cross_entropy(LOGITS, LABELS, dice_share=share)
        parts = lm.softmax_dice(LOGITS, LABELS), lm.softmax_cross_entropy(LOGITS, LABELS)
        assert mixed == pytest.approx(share * parts[0] + (1 - share) * parts[1])


def test_generalised_dice_of_equal_volumes_is_the_dice_of_all() -> None:
    labels = np.arange(8).reshape(1, 8) % 4
    z = rng.normal(size=(1, 8, 4))
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    assert lm.softmax_generalised_dice(z, labels) == pytest.approx(lm.dice(p, np.eye(4)[labels]))


def test_generalised_dice_does_not_depend_on_the_resolution() -> None:
    z, labels = LOGITS[:1], np.array([[0, 0, 0, 1, 1, 2]])
    fine = np.repeat(z, 1000, axis=1), np.repeat(labels, 1000, axis=1)
    for empty in ("skip", "count"):
        coarse = lm.softmax_generalised_dice(z, labels, smooth=0, empty_target=empty)
        assert lm.softmax_generalised_dice(*fine, smooth=0, empty_target=empty) == pytest.approx(coarse, rel=1e-12)


# --- empty and full --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*BINARY, *SIGMOID])
def test_empty_masks(name: str) -> None:
    """Nothing wanted: nothing predicted costs nothing, and what is predicted is pushed out."""
    low = -1e4 if name in SIGMOID else 0.0
    assert function(name)(np.full((2, 9), low), np.zeros((2, 9))) == 0
    some = np.full((2, 9), -1.0 if name in SIGMOID else 0.3)
    assert 0 < function(name)(some, np.zeros((2, 9))) < 1
    assert (gradient(name, some, np.zeros((2, 9))) > 0).all()
    assert function(name)(some, np.zeros((2, 9)), empty_target="skip") == 0
    assert not gradient(name, some, np.zeros((2, 9)), empty_target="skip").any()


@pytest.mark.parametrize("name", [*BINARY, *SIGMOID])
def test_full_masks_and_single_pixels(name: str) -> None:
    high = 1e4 if name in SIGMOID else 1.0
    for shape in ((2, 9), (1, 1)):
        assert function(name)(np.full(shape, high), np.ones(shape)) == 0
        assert function(name)(np.full(shape, high), np.ones(shape), smooth=0) == 0
        low = np.full(shape, -high if name in SIGMOID else 0.0)
        assert function(name)(low, np.ones(shape), smooth=0) == 1


@pytest.mark.parametrize("name", NAMES)
def test_saturated_predictions(backend: Backend, name: str) -> None:
    """Sure and right scores 0 (within the smoothing of none), sure and wrong is finite or honestly infinite."""
    loss = lm.get(name).definition
    if loss.class_axis:
        right = np.array([[[0.0, -INF], [-INF, 0.0], [0.0, -INF]]])
        target = np.array([[0, 1, 0]])
    else:
        low, high = (-INF, INF) if loss.prediction.role == "logits" else (0.0, 1.0)
        right = np.array([[high, low, high]])
        target = np.array([[1.0, 0.0, 1.0]])
    p, t = backend.asarray(right, "float32"), backend.asarray(target, None if loss.class_axis else "float32")
    closed = compiled(backend, lm.get(name).value_and_gradient)
    value, slope = closed(p, t)
    assert float(value) == 0
    assert np.isfinite(backend.to_numpy(slope)).all()
    if backend.differentiates:
        auto = compiled(backend, lambda p, t: backend.value_and_grad(lambda x: function(name)(x, t), p))
        value, slope = auto(p, t)
        assert float(value) == 0
        assert np.isfinite(backend.to_numpy(slope)).all()
    wrong = backend.asarray(right[:, ::-1][:, [1, 1, 1]] if not loss.class_axis else right[..., ::-1].copy(), "float32")
    value, slope = closed(wrong, t)
    assert float(value) > 0.4
    if "cross_entropy" not in name and name != "lovasz_hinge":
        assert float(value) <= 1
        assert np.isfinite(backend.to_numpy(slope)).all()


@pytest.mark.parametrize("name", [*BINARY, *SIGMOID, "sigmoid_dice_cross_entropy"])
def test_an_empty_mask_without_smoothing_is_refused_in_words(name: str) -> None:
    p, t = np.full((3, 4), 0.5), np.ones((3, 4))
    t[1] = 0
    with pytest.raises(lm.DomainError, match=r"target is empty in region 1 \(1 of 3 are\).*give smooth=1") as caught:
        function(name)(p, t, smooth=0)
    assert ("empty_target" in str(caught.value)) == (name != "sigmoid_dice_cross_entropy")
    assert function(name)(p, t, smooth=0, mask=np.array([True, False, True])) < 1.01
    assert function(name)(p, t, smooth=0, region="batch") < 1.01
    if name != "sigmoid_dice_cross_entropy":
        assert function(name)(p, t, smooth=0, empty_target="skip", reduction="total")[1] == 2


@pytest.mark.parametrize("name", [*SOFTMAX, "softmax_dice_cross_entropy"])
def test_an_absent_class_without_smoothing_is_refused_in_words(name: str) -> None:
    labels = np.array([[0, 1, 2, 3, 0, 0], [0, 1, 3, 0, 0, 0], [0, 1, 2, 3, 0, 0]])
    with pytest.raises(lm.DomainError, match=r"empty in class 2 of region 1 \(1 of 12 are\).*empty_target=\"skip\""):
        function(name)(LOGITS, labels, smooth=0)
    assert np.isfinite(function(name)(LOGITS, labels, smooth=0, empty_target="skip"))
    assert np.isfinite(function(name)(LOGITS, labels, smooth=0, class_weight=[1.0, 1.0, 0.0, 1.0]))
    assert np.isfinite(function(name)(LOGITS, labels, smooth=0, region="batch"))


@pytest.mark.parametrize("name", [*BINARY, *SIGMOID])
def test_an_empty_mask_without_smoothing_is_finite_where_nothing_is_looked_at(name: str) -> None:
    torch = require("torch")
    p = torch.full((2, 3), 0.25, dtype=torch.float64)
    for prediction, value in ((p, 1.0), (p * 0, 0.0) if name in BINARY else (p * 0, 1.0)):
        slope, got = torch.func.grad_and_value(lambda x: function(name)(x, p * 0, smooth=0))(prediction)
        assert float(got) == value
        assert torch.isfinite(slope).all()


def test_everything_masked_is_an_error_where_asked_for() -> None:
    nothing = np.zeros((3, 4, 5), bool)
    with pytest.raises(lm.EmptyError, match="all are masked, ignored"):
        lm.dice(PROBABILITY, MASK, mask=nothing, empty="error")
    assert np.isnan(lm.dice(PROBABILITY, MASK, mask=nothing, empty="nan"))
    assert lm.dice(PROBABILITY, MASK, mask=nothing, smooth=0) == 0


def test_a_void_value_is_ignored_with_whatever_is_predicted_there() -> None:
    target, p = MASK.copy(), PROBABILITY.copy()
    target[:, 1], p[:, 1] = 255, np.nan
    keep = np.array([0, 2, 3])
    assert lm.dice(p, target, ignore_index=255) == pytest.approx(lm.dice(p[:, keep], MASK[:, keep]))
    labels, z = LABELS.copy(), LOGITS.copy()
    labels[:, 2], z[:, 2] = 255, np.nan
    rest = np.arange(6) != 2
    for name in ("softmax_dice", "lovasz_softmax", "softmax_generalised_dice"):
        got = function(name)(z, labels, ignore_index=255)
        assert got == pytest.approx(function(name)(LOGITS[:, rest], LABELS[:, rest]))


# --- classes ---------------------------------------------------------------------------------------------------------
def test_a_weight_of_zero_drops_the_background() -> None:
    each = lm.softmax_dice(LOGITS, LABELS, reduction="none")
    assert each.shape == (3, 4)
    assert lm.softmax_dice(LOGITS, LABELS, class_weight=[0, 1, 1, 1]) == pytest.approx(each[:, 1:].mean())


def test_absent_classes_count_or_are_skipped() -> None:
    labels = LABELS % 2
    each = lm.softmax_dice(LOGITS, labels, reduction="none")
    assert (each[:, 2:] > 0).all()
    assert lm.softmax_dice(LOGITS, labels, empty_target="skip") == pytest.approx(each[:, :2].mean())
    assert lm.lovasz_softmax(LOGITS, labels) == pytest.approx(
        lm.lovasz_softmax(LOGITS, labels, empty_target="count", reduction="none")[:, :2].mean()
    )


def test_the_class_axis_may_be_anywhere() -> None:
    moved = np.moveaxis(LOGITS, -1, 1)
    for name in (*SOFTMAX, "lovasz_softmax", "softmax_generalised_dice", "softmax_dice_cross_entropy"):
        assert function(name)(moved, LABELS, axis=1) == pytest.approx(function(name)(LOGITS, LABELS), rel=1e-12)
        slope = lm.get(name, axis=1).value_and_gradient(moved, LABELS)[1]
        np.testing.assert_allclose(np.moveaxis(slope, 1, -1), gradient(name, LOGITS, LABELS), atol=1e-15)


def test_a_label_out_of_range_poisons_the_loss_where_it_cannot_be_checked() -> None:
    jax = require("jax")
    for name in (*SOFTMAX, "lovasz_softmax", "softmax_generalised_dice", "softmax_dice_cross_entropy"):
        settings = {} if name == "softmax_generalised_dice" else {"class_weight": np.ones(4)}
        compiled = jax.jit(partial(function(name), empty_target="skip", **settings))
        assert np.isfinite(compiled(LOGITS[:1], LABELS[:1]))
        assert np.isnan(compiled(LOGITS[:1], np.array([[0, 1, 2, 3, 4, 0]])))


# --- the Lovász extension --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_lovasz_of_sure_predictions_is_the_jaccard_loss(seed: int) -> None:
    draw = np.random.default_rng(seed)
    mask, guess = draw.integers(0, 2, (2, 1, 30)).astype(float)
    want = lm.jaccard(guess, mask, smooth=0)
    sure = np.stack([np.zeros_like(guess), 2000 * guess - 1000], -1)
    each = lm.lovasz_softmax(sure, mask.astype(int), reduction="none")
    assert each[0, 1] == pytest.approx(want)
    assert lm.lovasz_hinge(2 * guess - 1, mask) == pytest.approx(2 * want)  # wrong by a margin of 1: an error of 2


@pytest.mark.parametrize("seed", range(5))
def test_lovasz_hinge_is_convex_and_its_gradient_supports_it_also_at_ties(seed: int) -> None:
    draw = np.random.default_rng(seed)
    mask = draw.integers(0, 2, (1, 12)).astype(float)
    weight = draw.integers(0, 3, (1, 12)).astype(float)
    z = draw.integers(-2, 3, (1, 12)) / 2.0
    value, slope = lm.LovaszHinge().value_and_gradient(z, mask, weight=weight)
    for _ in range(200):
        other = z + draw.normal(size=z.shape) * draw.choice([1e-3, 0.3, 2.0])
        assert lm.lovasz_hinge(other, mask, weight=weight) >= value + (slope * (other - z)).sum() - 1e-12


@pytest.mark.parametrize("name", ["lovasz_hinge", "lovasz_softmax"])
def test_lovasz_does_not_see_the_order_of_elements_that_tie(backend: Backend, name: str) -> None:
    mask = np.array([[1, 0, 1, 0, 0, 1, 0, 1]])
    z = np.array([[0.0, 0, 0, 1, 1, 1, -3, -3]])
    order = rng.permutation(8)
    p, t = (z, mask.astype(float)) if name == "lovasz_hinge" else (np.stack([0 * z, z], -1), mask)
    made = [
        compiled(backend, lm.get(name).value_and_gradient)(backend.asarray(a.copy()), backend.asarray(b.copy()))
        for a, b in ((p, t), (p[:, order], t[:, order]))
    ]
    slopes = [backend.to_numpy(slope) for _, slope in made]
    np.testing.assert_allclose(slopes[0][:, order], slopes[1], atol=1e-7)
    assert float(made[0][0]) == pytest.approx(float(made[1][0]), rel=1e-6)
    if backend.differentiates:
        target = backend.asarray(t)
        auto = compiled(backend, lambda p: backend.value_and_grad(lambda x: function(name)(x, target), p)[1])
        auto = auto(backend.asarray(p))
        np.testing.assert_allclose(backend.to_numpy(auto), slopes[0], atol=1e-7)


def test_a_weight_of_two_is_an_element_twice() -> None:
    mask = (rng.random((1, 9)) < 0.4).astype(float)
    z = rng.integers(-3, 4, (1, 9)).astype(float)
    weight = np.array([[1.0, 2, 0, 1, 2, 2, 1, 0, 1]])
    times = weight[0].astype(int)
    twice = np.repeat(z, times, axis=1), np.repeat(mask, times, axis=1)
    assert lm.lovasz_hinge(z, mask, weight=weight) == pytest.approx(lm.lovasz_hinge(*twice))
    classes = [np.stack([0 * x, x], -1) for x in (z, twice[0])]
    want = lm.lovasz_softmax(classes[1], twice[1].astype(int))
    assert lm.lovasz_softmax(classes[0], mask.astype(int), weight=weight) == pytest.approx(want)


def test_lovasz_of_an_empty_mask_is_its_largest_error() -> None:
    z = np.array([[-3.0, 0.5, -0.2, 0.5]])
    assert lm.lovasz_hinge(z, np.zeros((1, 4))) == 1.5
    np.testing.assert_array_equal(gradient("lovasz_hinge", z, np.zeros((1, 4))), [[0, 0.5, 0, 0.5]])
    assert lm.lovasz_hinge(z, np.zeros((1, 4)), empty_target="skip", reduction="total") == (0, 0)


# --- precision -------------------------------------------------------------------------------------------------------
LARGE = ("dice", "sigmoid_tversky", "softmax_dice", "softmax_generalised_dice", "lovasz_hinge")


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        (b, n) for n in LARGE for b in FRAMEWORKS if b in ("numpy", "torch") or n == "dice"
    ],  # sums are the frameworks' own
    indirect=["backend"],
)
def test_a_million_pixels_in_float32(backend: Backend, name: str) -> None:
    draw, loss = np.random.default_rng(0), lm.get(name).definition
    pixels = 1 << 20
    if loss.class_axis:
        p, t = draw.normal(size=(1, pixels, 3)), draw.choice(3, (1, pixels), p=[0.9, 0.09, 0.01])
    else:
        t = (draw.random((1, pixels)) < 0.1).astype(np.float32)
        p = draw.random((1, pixels)) if loss.prediction.role == "probabilities" else draw.normal(size=(1, pixels))
    p = p.astype(np.float32)
    want, slope = lm.get(name).value_and_gradient(p.astype(np.float64), t if loss.class_axis else t.astype(np.float64))
    value, got = compiled(backend, lm.get(name).value_and_gradient)(backend.asarray(p), backend.asarray(t))
    assert float(value) == pytest.approx(want, rel=1e-6)
    if name != "lovasz_hinge":  # rounding makes ties of errors that differ in float64
        np.testing.assert_allclose(backend.to_numpy(got), slope, rtol=2e-5, atol=2e-6 * np.abs(slope).max())


def test_a_nearly_perfect_mask_keeps_its_digits_in_float32() -> None:
    """1 - (2 I + s) / (P + T + s) would be off by percents here."""
    t = (np.random.default_rng(0).random((1, 1 << 20)) < 0.5).astype(np.float32)
    z = np.where(t > 0, 14.0, -14.0).astype(np.float32)
    want = lm.sigmoid_dice(z.astype(np.float64), t.astype(np.float64))
    assert want < 1e-6
    assert lm.sigmoid_dice(z, t) == pytest.approx(want, rel=1e-6)


# --- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "prediction", "target", "settings", "error", "message"),
    [
        *((n, [[2.0, 0.5]], [[1.0, 0.0]], {}, lm.DomainError, f"for logits use sigmoid_{n}$") for n in BINARY),
        ("dice", [[0.5, 0.5]], [[255.0, 0.0]], {}, lm.DomainError, r"target is 255.*use target / 255.*ignore_index="),
        ("sigmoid_dice", [[0.5, 0.5]], [[2, 0]], {}, lm.DomainError, r"class indices\? use a loss with softmax_"),
        ("dice", [0.5, 0.5], [1.0, 0.0], {}, lm.ShapeError, 'add region="batch"'),
        ("dice", [[0.5, 0.5]], [[1.0, 0.0]], {"region": "image"}, lm.InputError, "expected one of 'sample', 'batch'"),
        ("dice", [[0.5, 0.5]], [[1.0, 0.0]], {"smooth": -1.0}, lm.InputError, r"smooth is -1.0.* in \[0, ∞\)"),
        ("dice", [[0.5, 0.5]], [[1.0, 0.0]], {"squared": 2}, lm.InputError, "squared is 2; expected True or False"),
        ("dice", [[0.5, 0.5]], [[1.0, 0.0]], {"empty_target": "drop"}, lm.InputError, "one of 'count', 'skip'"),
        ("dice", [[0.5, np.nan]], [[1.0, 0.0]], {}, lm.DomainError, r"prediction is NaN at position \(0, 1\)"),
        ("dice", [[0.5, 0.5]], [[[1.0], [0.0]]], {}, lm.ShapeError, r"use target.squeeze\(-1\)"),
        ("tversky", [[0.5, 0.5]], [[1.0, 0.0]], {"alpha": -0.1}, lm.InputError, r"alpha is -0.1.* in \[0, ∞\)"),
        ("focal_tversky", [[0.5, 0.5]], [[1.0, 0.0]], {"gamma": 0.0}, lm.InputError, r"gamma is 0.0.* in \(0, ∞\)"),
        ("lovasz_hinge", [[0.5, 0.5]], [[1.0, 0.5]], {}, lm.DomainError, "lovasz_hinge takes 0 or 1"),
        ("lovasz_hinge", [[0.5, 0.5]], [[1.0, -1.0]], {}, lm.DomainError, "lovasz_hinge takes 0 or 1"),
        ("lovasz_softmax", [[[0.5, 0.5]]], [[[0.4, 0.6]]], {}, lm.LabelError, "one class per row"),
        ("softmax_dice", [[[0.5, 0.5]]], [[2]], {}, lm.LabelError, r"label 2 at position \(0, 0\).*2 classes"),
        ("softmax_dice", [[[0.5, 0.5]]], [[0.0]], {}, lm.LabelError, "class indices must be integers"),
        ("softmax_dice", [[[0.5, 0.5]]], [[0]], {"class_weight": [1.0]}, lm.ShapeError, "one factor per class"),
        (
            "sigmoid_dice_cross_entropy",
            [[0.5, 0.5]],
            [[1.0, 0.0]],
            {"dice_share": 2.0},
            lm.InputError,
            r"dice_share is 2.0.* in \[0, 1\]",
        ),
    ],
)
def test_bad_input(
    name: str, prediction: Any, target: Any, settings: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(name)(prediction, target, **settings)


def test_a_mask_without_smoothing_is_finite_on_every_backend_under_jit() -> None:
    backend = backend_named("jax")
    compiled = backend.jit(lambda p, t: backend.value_and_grad(lambda x: lm.dice(x, t, smooth=0.0), p))
    value, slope = compiled(np.full((1, 3), 0.5, np.float32), np.zeros((1, 3), np.float32))
    assert float(value) == 1
    assert not backend.to_numpy(slope).any()
