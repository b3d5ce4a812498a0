"""What the Keras face says: labels that do not exist, shapes that do not fit, parameters that make no sense."""

from __future__ import annotations

import re

import numpy as np
import pytest

from faces.keras_tools import BACKEND, keras, lk, quick, tiny_model, to_numpy
from frameworks import require
from lossmith import InputError, LabelError, LossmithError, ShapeError

rng = np.random.default_rng(11)
N, C = 6, 4
x = rng.normal(size=(N, 4)).astype("float32")
logits = rng.normal(size=(N, C)).astype("float32")
labels = np.array([0, 1, 2, 3, 1, 2])
one_hot = np.eye(C, dtype="float32")[labels]
steps = np.zeros((2, 3, C), "float32")
SPARSE = {"from_logits": True}
BAD = {  # labels, and what is said about them
    "from 1": (labels + 1, r"holds label 4 at position 3, but y_pred has 4 .*1 of 6 .*count from 1: use y_true - 1"),
    "void -1": (np.where(labels == 2, -1, labels), r"label -1 at position 2.*2 of 6.*«no label», add ignore_class=-1"),
    "void 255": (np.where(labels == 1, 255, labels).astype("uint8"), r"label 255 at position 1.*add ignore_class=255"),
    "too few outputs": (labels * 3, r"label 6 at position 2.*needs at least 10 outputs, or the labels need mapping"),
    "float": (labels + 1.0, r"label 4 at position 3.*use y_true - 1"),
    "fraction": (labels + 0.5, r"y_true holds 0.5 at position 0; .*whole numbers"),
    "NaN": (np.where(labels == 3, np.nan, labels), r"y_true holds nan at position 3; .*whole numbers"),
}
SHORTER = {  # inside of a TensorFlow graph numbers cannot be put into the advice
    "void -1": r"\[-1\] .*\[2\] .*if it means «no label», add ignore_class= that label",
    "void 255": r"\[255\] .*\[1\] .*if it means «no label», add ignore_class= that label",
    "too few outputs": r"\[6\] .*the model needs more outputs",
    "fraction": r"\[0.5\] .*whole numbers",
    "NaN": r"\[nan\] .*whole numbers",
    "from 1": r"y_true holds label\] \[4\] \[at position\] \[3\] \[but y_pred has\] \[4\] .*from 1: use y_true - 1",
    "float": r"\[4\] .*count from 1: use y_true - 1",
}


def _fails(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert not re.search(r"\b(prediction|target|ignore_index|normalizer)\b", str(caught.value)), "not Keras' words"


@pytest.mark.parametrize("case", BAD)
def test_labels_out_of_range_are_named(case):
    y_true, message = BAD[case]
    _fails(lambda: lk.SparseCategoricalCrossentropy(**SPARSE)(y_true, logits), LabelError, message)


def test_positions_causes_and_classes():
    sparse = lk.SparseCategoricalCrossentropy(**SPARSE)
    _fails(lambda: sparse(np.array([[0, 1, 2], [3, 9, 0]]), steps), LabelError, r"label 9 at position \(1, 1\)")
    _fails(lambda: sparse(np.array([0, 255]), logits[:2, :2]), LabelError, "mask image: use y_true // 255")
    _fails(lambda: sparse(np.array([0, 1]), logits[:2, :1]), LabelError, "one output use BinaryCrossentropy")
    generalised = lk.CategoricalGeneralizedCrossEntropy(q=0.5)
    _fails(lambda: generalised(np.array([0, -1]), logits[:2]), LabelError, "«no label», leave such rows out")
    _fails(lambda: generalised(np.array([1, 4]), logits[:2]), LabelError, r"use y_true - 1$")


@pytest.mark.skipif(BACKEND != "jax", reason="the prediction is traced, and only the labels can be looked at")
def test_labels_are_looked_at_where_jax_differentiates():
    loss = lk.SparseCategoricalCrossentropy(**SPARSE)
    with pytest.raises(LabelError, match="count from 1"):
        require("jax").grad(lambda p: loss(labels + 1, p))(logits)


def _train(y, model=None, **options):
    """Return the loss of one training step."""
    model = model or tiny_model((C,))
    model.compile(optimizer="sgd", loss=lk.SparseCategoricalCrossentropy(**SPARSE), **options)
    return float(to_numpy(model.train_on_batch(x, y)))


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="backends that compile")
@pytest.mark.parametrize("case", ["from 1", "void 255", "fraction"])
def test_training_eagerly_names_the_label(case):
    y_true, message = BAD[case]
    _fails(lambda: _train(y_true, run_eagerly=True), LabelError, message)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="an assertion in a TensorFlow graph")
@pytest.mark.parametrize("case", BAD)
def test_a_tensorflow_graph_names_the_label(case):
    tf = require("tensorflow")
    loss = tf.function(lk.SparseCategoricalCrossentropy(**SPARSE), autograph=False)
    good = np.minimum(np.nan_to_num(np.floor(BAD[case][0])), C - 1).clip(0).astype(BAD[case][0].dtype)
    assert np.isfinite(loss(tf.constant(good), tf.constant(logits)))
    _fails(lambda: loss(tf.constant(BAD[case][0]), tf.constant(logits)), tf.errors.InvalidArgumentError, SHORTER[case])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="an assertion in a TensorFlow graph")
def test_a_tensorflow_training_step_fails_before_the_weights_change():
    model = tiny_model((C,))
    before = model.get_weights()
    _fails(lambda: _train(labels + 1, model), require("tensorflow").errors.InvalidArgumentError, SHORTER["from 1"])
    assert all((now == then).all() for now, then in zip(model.get_weights(), before, strict=True))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="an assertion in a TensorFlow graph")
def test_causes_in_a_tensorflow_graph():
    tf = require("tensorflow")

    def graph(loss, y_true, y_pred):
        signature = [tf.TensorSpec([None] * y_true.ndim, y_true.dtype), tf.TensorSpec([None] * y_pred.ndim)]
        return lambda: tf.function(loss, input_signature=signature, autograph=False)(y_true, y_pred)

    invalid, sparse = tf.errors.InvalidArgumentError, lk.SparseCategoricalCrossentropy(**SPARSE)
    masks = np.array([0, 255], "uint8")
    _fails(graph(sparse, masks, logits[:2, :2]), invalid, "mask image: use y_true // 255")
    _fails(graph(sparse, np.array([[0, 1, 2], [3, 9, 0]]), steps), invalid, r"\[9\] \[at position\] \[1 1\]")
    generalised = lk.CategoricalGeneralizedCrossEntropy(q=0.5)
    _fails(graph(generalised, np.array([0, -1]), logits[:2]), invalid, "«no label», leave such rows out")
    # What is ignored may be anything, and all of it.
    ignoring = lk.SparseCategoricalCrossentropy(ignore_class=255, **SPARSE)
    assert graph(ignoring, np.full(2, 255, "uint8"), logits[:2])() == 0.0


@pytest.mark.skipif(BACKEND not in ("tensorflow", "jax"), reason="backends with XLA")
def test_under_xla_a_label_out_of_range_is_nan():
    assert np.isnan(_train(labels + 1, jit_compile=True))
    assert np.isfinite(_train(labels, jit_compile=True))
    assert np.isnan(_train(labels + 0.5, jit_compile=True))


@pytest.mark.skipif(BACKEND != "torch", reason="torch.compile")
def test_a_compiled_torch_loss():
    torch = require("torch")
    loss = lk.SparseCategoricalCrossentropy(**SPARSE)
    compiled = torch.compile(loss, backend="aot_eager")
    y_true, y_pred = torch.tensor(labels), torch.tensor(logits)
    assert float(compiled(y_true, y_pred)) == pytest.approx(float(loss(y_true, y_pred)), rel=1e-6)
    assert np.isnan(float(compiled(y_true + 1, y_pred)))


def test_all_integer_dtypes_and_wide_labels():
    loss = lk.SparseCategoricalCrossentropy(**SPARSE)
    expected = quick(lambda: loss(labels, logits))
    for dtype in ("uint8", "int8", "int16", "int32", "int64", "float32"):
        assert quick(lambda d=dtype: loss(labels.astype(d), logits)) == pytest.approx(expected)
    assert quick(lambda: loss(labels > 1, logits)) == pytest.approx(quick(lambda: loss(1 * (labels > 1), logits)))


SHAPES = [
    ("CategoricalCrossentropy", labels, logits, LabelError, r"y_true has shape \(6,\) and y_pred has shape \(6, 4\).*"
     r"use SparseCategoricalCrossentropy, or keras.ops.one_hot\(y_true, 4\)"),
    ("CategoricalCrossentropy", labels[:, None], logits, LabelError, "class indices use SparseCategoricalCrossentropy"),
    ("CategoricalFocalCrossentropy", labels, logits, LabelError, "class indices use SparseCategoricalCrossentropy"),
    ("SparseCategoricalCrossentropy", one_hot, logits, LabelError, "use CategoricalCrossentropy, or keras.ops.argmax"),
    ("CategoricalGeneralizedCrossEntropy", one_hot, logits, LabelError, "use CategoricalCrossentropy"),
    ("SparseCategoricalCrossentropy", labels[:5], logits, ShapeError, r"expected y_true of shape \(6,\)"),
    ("SparseCategoricalCrossentropy", np.zeros((2, 5), int), np.zeros((2, C, 5)), ShapeError, "then add axis=1"),
    ("CategoricalCrossentropy", one_hot[:, :3], logits, ShapeError, "units of the last layer with the columns"),
    ("MeanSquaredError", one_hot[:, :1], logits, ShapeError, r"y_true has shape \(6, 1\) and y_pred has shape \(6, 4\)"
     "; they must be equal, as nothing is broadcast"),
    ("MeanSquaredError", labels, logits, ShapeError, "class indices as y_true. take SparseCategoricalCrossentropy"),
    ("BinaryCrossentropy", one_hot.T, logits, ShapeError, r"use keras.ops.reshape\(y_true, \(6, 4\)\)"),
    ("CosineSimilarity", one_hot[:5], logits, ShapeError, "nothing is broadcast"),
    ("KLDivergence", one_hot[:5], logits, ShapeError, "nothing is broadcast"),
    ("MeanSquaredError", np.float32(1), np.float32(1), ShapeError, r"axis is -1, but y_pred has shape \(\)"),
    ("SparseCategoricalCrossentropy", np.zeros(2, int), np.zeros((2, 0)), ShapeError, "axis -1 holds no class"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "y_true", "y_pred", "error", "message"), SHAPES)
def test_shapes_that_do_not_fit_say_what_to_type(name, y_true, y_pred, error, message):
    _fails(lambda: getattr(lk, name)()(y_true, np.asarray(y_pred, "float32")), error, message)


PARAMETERS = [
    ("Huber", {"delta": -1}, "delta is -1.0; expected a number in"),
    ("Huber", {"delta": 0}, "delta is 0.0"),
    ("Huber", {"delta": "big"}, "delta is 'big'"),
    ("BinaryCrossentropy", {"label_smoothing": 2.0}, r"label_smoothing is 2.0; expected a number in \[0, 1\]"),
    ("CategoricalCrossentropy", {"label_smoothing": -0.1}, "label_smoothing is -0.1"),
    ("CategoricalCrossentropy", {"from_logits": "yes"}, "from_logits is 'yes'; expected True or False"),
    ("CategoricalCrossentropy", {"axis": True}, "axis is True"),
    ("CategoricalCrossentropy", {"axis": 1.5}, "axis is 1.5"),
    ("CosineSimilarity", {"axis": None}, "axis is None"),
    ("BinaryFocalCrossentropy", {"gamma": -1.0}, "gamma is -1.0"),
    ("BinaryFocalCrossentropy", {"alpha": 1.5}, "alpha is 1.5"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": 2}, "apply_class_balancing is 2"),
    ("CategoricalFocalCrossentropy", {"alpha": -0.5}, "alpha is -0.5"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.5, -1.0]}, "alpha is"),
    ("CategoricalFocalCrossentropy", {"alpha": "auto"}, "alpha is 'auto'"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.0}, "q is 0.0"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1.5}, "ignore_class is 1.5"),
    ("SparseCategoricalCrossentropy", {"ignore_class": "void"}, "ignore_class is 'void'"),
    ("MeanSquaredError", {"reduction": "average"}, "reduction is 'average'; expected one of 'sum_over_batch_size'"),
]


@pytest.mark.parametrize(("name", "options", "message"), PARAMETERS)
def test_bad_parameters_fail_when_the_object_is_made(name, options, message):
    with pytest.raises(InputError, match=message) as caught:
        getattr(lk, name)(**options)
    assert isinstance(caught.value, ValueError)  # as Keras' own
    assert isinstance(caught.value, LossmithError)


def test_unknown_parameters_are_type_errors_as_in_keras():
    with pytest.raises(TypeError, match="gamma"):
        lk.Huber(gamma=1.0)


def test_one_factor_per_class_is_checked_against_the_classes():
    loss = lk.CategoricalFocalCrossentropy(alpha=[0.5, 0.5])
    _fails(
        lambda: loss(one_hot, np.full((N, C), 0.25, "float32")), ShapeError, r"alpha has shape \(2,\); expected \(4,\)"
    )


def test_a_single_class_is_warned_about_as_in_keras():
    with pytest.warns(SyntaxWarning, match="for two classes and one output use BinaryCrossentropy"):
        lk.CategoricalCrossentropy()(np.ones((3, 1), "float32"), np.ones((3, 1), "float32"))
    assert keras.backend.backend() == BACKEND
