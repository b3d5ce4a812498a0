"""Weights, masks and reductions of the Keras face on every rank, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith.keras as lk
from faces.keras_tools import BACKEND, DIFFERENTIATES, keras, quick, value_and_gradient
from lossmith import ShapeError

rng = np.random.default_rng(7)
N, T, G, F = 3, 3, 2, 4  # N == T: what is aligned to the wrong axis does not fail by itself
RANKS = {1: (N,), 2: (N, T), 3: (N, T, G)}
WEIGHTS = {  # shape of the weight, for values of each rank
    1: [(), (N,), (N, 1)],
    2: [(), (N,), (N, 1), (N, T), (N, T, 1), (1, T)],
    3: [(N,), (N, T), (N, T, 1), (N, 1, G), (N, T, G)],
}
MASKS = {1: [(N,)], 2: [(N,), (N, T)], 3: [(N, T), (N, T, G)]}
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight")


def _oracle(values, weight, mask, reduction):
    """Σ over what counts, by the words of the documentation; a shape is filled up with ones on the right."""

    def spread(x):
        return np.broadcast_to(np.reshape(x, x.shape[: values.ndim] + (1,) * (values.ndim - x.ndim)), values.shape)

    keep = np.ones(values.shape, bool) if mask is None else spread(mask)
    factor = keep * (1.0 if weight is None else spread(weight))
    weighted = np.where(keep, values, 0) * factor
    if reduction in ("none", None):
        return weighted
    if reduction == "sum":
        return weighted.sum()
    count = factor.sum() if reduction == "mean_with_sample_weight" else keep.sum()
    return weighted.sum() / count if count else 0.0


@pytest.mark.parametrize("rank", RANKS)
def test_weights_and_masks_go_along_the_leading_axes(rank):
    shape = RANKS[rank]
    y_true, y_pred = rng.normal(size=(2, *shape, F)).astype("float32")
    values = ((y_true - y_pred) ** 2).mean(-1, dtype="float64")
    weights = [None] + [np.asarray(rng.uniform(0.1, 2, size=s), "float32") for s in WEIGHTS[rank]]
    masks = [None] + [rng.uniform(size=s) > 0.4 for s in MASKS[rank]] + [np.zeros(shape, bool)]
    pairs = [(w, None) for w in weights] + [(None, m) for m in masks[1:]] + [(weights[2], m) for m in masks[1:]]

    def results():
        found = []
        for weight, mask in pairs:
            p = keras.ops.convert_to_tensor(y_pred)
            if mask is not None:
                keras.src.backend.common.masking.set_keras_mask(p, keras.ops.convert_to_tensor(mask))
            found += [lk.MeanSquaredError(reduction=r)(y_true, p, sample_weight=weight) for r in REDUCTIONS]
        return found

    found = quick(results)
    for i, (weight, mask) in enumerate(pairs):
        for j, reduction in enumerate(REDUCTIONS):
            expected = _oracle(values, weight, mask, reduction)
            said = f"weight {None if weight is None else weight.shape}, mask {None if mask is None else mask.shape}"
            np.testing.assert_allclose(
                found[i * len(REDUCTIONS) + j], expected, rtol=1e-5, err_msg=f"{said} {reduction}"
            )


MASKED = {
    "MeanSquaredError": ({}, rng.normal(size=(2, T, F)), rng.normal(size=(2, T, F))),
    "BinaryCrossentropy": ({}, np.ones((2, T, F)), rng.uniform(0.1, 0.9, size=(2, T, F))),
    "CategoricalCrossentropy": ({}, np.eye(F)[[[0, 1, 2]] * 2], rng.uniform(0.1, 0.9, size=(2, T, F))),
    "CategoricalFocalCrossentropy": (
        {"from_logits": True},
        np.eye(F)[[[0, 1, 2]] * 2],
        rng.uniform(0.1, 0.9, size=(2, T, F)),
    ),
    "SparseCategoricalCrossentropy": ({}, np.array([[0, 1, -1]] * 2), rng.uniform(0.1, 0.9, size=(2, T, F))),
    "KLDivergence": ({}, np.full((2, T, F), 0.25), rng.uniform(0.1, 0.9, size=(2, T, F))),
    "CosineSimilarity": ({}, rng.normal(size=(2, T, F)), rng.normal(size=(2, T, F))),
    "Poisson": ({}, rng.uniform(size=(2, T, F)), rng.uniform(0.1, 0.9, size=(2, T, F))),
    "SquaredHinge": ({}, np.ones((2, T, F)), rng.normal(size=(2, T, F))),
}


@pytest.mark.parametrize("name", MASKED)
def test_nothing_under_a_mask_reaches_value_or_gradient(name):
    """NaN on both sides, and labels that do not exist."""
    options, y_true, y_pred = MASKED[name]
    y_true, y_pred = y_true.copy(), y_pred.astype("float32")
    loss = getattr(lk, name)(**options)
    plain = quick(lambda: loss(y_true[:, :2], y_pred[:, :2]))
    y_pred[:, 2] = np.nan
    if y_true.dtype.kind == "f":
        y_true[:, 2] = np.nan
    mask = np.array([[True, True, False]] * 2)

    def masked(p):
        keras.src.backend.common.masking.set_keras_mask(p, keras.ops.convert_to_tensor(mask))
        value = loss(y_true, p)
        return value, value

    value, _, gradient = value_and_gradient(masked, y_pred)
    np.testing.assert_allclose(value, plain, rtol=1e-6)
    if DIFFERENTIATES:
        assert np.isfinite(gradient).all()
        assert (gradient[:, 2] == 0).all()
        assert (gradient[:, :2] != 0).any()


def test_ignored_classes_and_masks_together():
    labels = np.array([[0, 1, 9], [255, 2, 3]], "uint8")
    logits = rng.normal(size=(2, 3, F)).astype("float32")
    logits[1, 0], logits[0, 2] = np.nan, np.nan
    keep = np.array([[1, 1, 0], [0, 1, 1]], bool)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -np.take_along_axis(logs, np.where(keep, labels, 0)[..., None].astype(int), -1)[..., 0]

    def masked(p):
        mask = keras.ops.convert_to_tensor(np.array([[1, 1, 0], [1, 1, 1]], bool))
        keras.src.backend.common.masking.set_keras_mask(p, mask)
        value = lk.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)(labels, p)
        return value, value

    value, _, gradient = value_and_gradient(masked, logits)
    np.testing.assert_allclose(value, each[keep].mean(), rtol=1e-5)
    if DIFFERENTIATES:
        assert ((gradient == 0).all(-1) == ~keep).all()


@pytest.mark.parametrize("ignore", [-1, -100, 255])
@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "float32"])
def test_ignore_class_of_every_kind(ignore, dtype):
    labels, probabilities = np.array([0, ignore, 1], dtype), np.full((3, 2), 0.5, "float32")
    loss = lk.SparseCategoricalCrossentropy(ignore_class=ignore)
    assert quick(lambda: loss(labels, probabilities)) == pytest.approx(np.log(2))


WRONG_WEIGHTS = [
    ((2, 3, F), (3,), r"sample_weight has shape \(3,\).*\(2,\) or \(2, 3\).*sample_weight\[None, :\]"),
    ((2, 3, F), (4,), r"leading axes: \(2,\) or \(2, 3\)$"),
    ((2, 3, F), (2, 4), r"sample_weight has shape \(2, 4\); the values of this loss have shape \(2, 3\)"),
    ((2, F), (2, F), r"one value for the whole last axis.*y_true\[..., None\], y_pred\[..., None\]"),
    ((2, F), (2, 3, 4, 5), r"sample_weight has shape \(2, 3, 4, 5\)"),
]


@pytest.mark.parametrize(("shape", "weight", "message"), WRONG_WEIGHTS)
def test_a_weight_that_does_not_fit_says_what_does(shape, weight, message):
    with pytest.raises(ShapeError, match=message):
        lk.MeanSquaredError()(np.zeros(shape, "float32"), np.zeros(shape, "float32"), sample_weight=np.ones(weight))


def test_the_mended_call_gives_one_factor_per_element():
    y_true, y_pred, weight = rng.uniform(size=(3, N, F)).astype("float32")
    value = quick(lambda: lk.MeanSquaredError()(y_true[..., None], y_pred[..., None], sample_weight=weight))
    np.testing.assert_allclose(value, (weight * (y_true - y_pred) ** 2).mean(), rtol=1e-5)


def test_vectors_are_batches_of_one_column():
    y_true, y_pred, weight = rng.uniform(size=(3, 5)).astype("float32")
    squares = (y_true - y_pred) ** 2
    results = quick(
        lambda: [
            lk.MeanSquaredError(reduction=r)(t, y_pred, sample_weight=weight)
            for t in (y_true, y_true[:, None])
            for r in ("mean", "sum", "none")
        ]
    )
    for i, expected in enumerate([(weight * squares).mean(), (weight * squares).sum(), weight * squares] * 2):
        np.testing.assert_allclose(results[i], expected, rtol=1e-5)


def test_positions_beside_one_output_are_positions():
    """A target (N, T) beside a prediction (N, T, 1): a recurrent layer with one unit on top."""
    y_true, y_pred, weight = rng.uniform(size=(3, 2, 5)).astype("float32")
    value = quick(lambda: lk.MeanSquaredError()(y_true, y_pred[..., None], sample_weight=weight))
    np.testing.assert_allclose(value, (weight * (y_true - y_pred) ** 2).mean(), rtol=1e-5)


def test_empty_batches_are_zero():
    for shape in ((0, 4), (0, 3, 4)):
        empty = np.zeros(shape, "float32")
        results = quick(
            lambda e=empty: [lk.MeanSquaredError(reduction=r)(e, e) for r in ("mean", "sum", "mean_with_sample_weight")]
        )
        assert [float(r) for r in results] == [0.0, 0.0, 0.0]


def test_a_loss_of_ones_own_has_the_same_weights():
    class Doubled(lk.MeanSquaredError):
        def call(self, y_true, y_pred):
            return 2 * super().call(y_true, y_pred)

    y_true, y_pred = rng.uniform(size=(2, 3, 3, 2)).astype("float32")
    weight = np.array([1, 2, 3], "float32")
    once = quick(lambda: lk.MeanSquaredError()(y_true, y_pred, sample_weight=weight))
    assert quick(lambda: Doubled()(y_true, y_pred, sample_weight=weight)) == pytest.approx(2 * once)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="dimensions that a graph does not know")
def test_unknown_dimensions():
    import tensorflow as tf

    loss = lk.MeanSquaredError()
    spec = tf.TensorSpec((None, None, F))

    @tf.function(input_signature=[spec, tf.TensorSpec((None, None, None)), tf.TensorSpec((None,))], autograph=False)
    def graph(y_true, y_pred, weight):
        return loss(y_true, y_pred, sample_weight=weight)

    y_true, y_pred = rng.uniform(size=(2, N, T, F)).astype("float32")
    weight = np.array([1, 2, 3], "float32")
    expected = (weight[:, None] * ((y_true - y_pred) ** 2).mean(-1)).mean()
    np.testing.assert_allclose(graph(y_true, y_pred, weight), expected, rtol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(y_true, y_pred[..., :1], weight)  # nothing is broadcast, even when only the run knows the shapes
    unknown = [tf.TensorSpec(None), tf.TensorSpec((None, F))]
    with pytest.raises(ShapeError, match=r"unknown number of axes.*ensure_shape"):
        tf.function(loss, input_signature=unknown, autograph=False)(y_true[0], y_pred[0])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute")
def test_a_replica_returns_its_share_of_the_mean(monkeypatch):
    import tensorflow as tf

    class Two:
        num_replicas_in_sync = 2

    monkeypatch.setattr(tf.distribute, "get_strategy", Two)
    y = np.ones((2, 1), "float32")
    assert float(lk.MeanSquaredError()(y, 3 * y)) == 2.0
    assert float(keras.losses.MeanSquaredError()(y, 3 * y)) == 2.0
    assert float(lk.MeanSquaredError(reduction="sum")(y, 3 * y)) == 8.0
