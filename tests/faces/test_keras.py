"""The Keras face against Keras itself: values, gradients and signatures on the backend of this process."""

from __future__ import annotations

import contextlib
import inspect

import numpy as np
import pytest

import lossmith.keras as lk
from faces.keras_tools import BACKEND, DIFFERENTIATES, keras, quick, to_numpy, value_and_gradient
from frameworks import require

rng = np.random.default_rng(5)
N, T, C = 6, 3, 4
real, target = rng.normal(size=(2, N, C)).astype("float32")
positive, other = rng.uniform(0.05, 1, size=(2, N, C)).astype("float32")
yes = (target > 0).astype("float32")
probabilities = positive / positive.sum(-1, keepdims=True)
soft = other / other.sum(-1, keepdims=True)
labels = np.array([0, 1, 2, 3, 1, 2])
one_hot = np.eye(C, dtype="float32")[labels]
weight = rng.uniform(0.1, 2, size=N).astype("float32")
steps, step_target = rng.normal(size=(2, N, T, C)).astype("float32")
step_labels = rng.integers(0, C, size=(N, T))
channels = np.moveaxis(steps, -1, 1)  # (N, C, T): the classes on axis 1
channel_rows = np.moveaxis(np.eye(C, dtype="float32")[step_labels], -1, 1)
CASES = {
    "mse": ("MeanSquaredError", {}, target, real),
    "mse steps": ("MeanSquaredError", {}, step_target, steps),
    "mse column": ("MeanSquaredError", {}, target[:, 0], real[:, :1]),
    "mse row": ("MeanSquaredError", {}, target[:, :1], real[:, 0]),
    "mse huge": ("MeanSquaredError", {}, target, real * 1e15),
    "mae": ("MeanAbsoluteError", {}, target, real),
    "mape": ("MeanAbsolutePercentageError", {}, target, real),
    "mape zero target": ("MeanAbsolutePercentageError", {}, 0 * target, real * 1e-7),
    "msle": ("MeanSquaredLogarithmicError", {}, other, real),
    "huber": ("Huber", {"delta": 0.3}, target, real),
    "log_cosh": ("LogCosh", {}, target, real),
    "log_cosh huge": ("LogCosh", {}, target, real * 1e20),
    "poisson": ("Poisson", {}, other, positive),
    "hinge 0/1": ("Hinge", {}, yes, real),
    "hinge signs": ("Hinge", {}, 2 * yes - 1, real),
    "hinge integers": ("Hinge", {}, yes.astype("int8"), real),
    "squared hinge": ("SquaredHinge", {}, yes, real),
    "categorical hinge": ("CategoricalHinge", {}, one_hot, real),
    "bce": ("BinaryCrossentropy", {"label_smoothing": 0.1}, yes, positive),
    "bce edges": ("BinaryCrossentropy", {}, yes, (real > 0).astype("float32")),
    "bce axis": ("BinaryCrossentropy", {"axis": 0, "reduction": "sum"}, yes, positive),
    "bce logits": ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, yes, real),
    "bce large logits": ("BinaryCrossentropy", {"from_logits": True}, yes, real * 1e4),
    "cce": ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot, probabilities),
    "cce edges": ("CategoricalCrossentropy", {}, one_hot, np.roll(one_hot, 2, axis=0)),
    "cce unnormalised": ("CategoricalCrossentropy", {}, one_hot, positive),
    "cce logits": ("CategoricalCrossentropy", {"from_logits": True}, soft, real),
    "cce axis 1": ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, channel_rows, channels),
    "binary focal": ("BinaryFocalCrossentropy", {}, yes, positive),
    "binary focal balanced": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        yes,
        positive,
    ),
    "binary focal logits": ("BinaryFocalCrossentropy", {"from_logits": True}, yes, real),
    "categorical focal": ("CategoricalFocalCrossentropy", {}, one_hot, probabilities),
    "categorical focal alphas": (
        "CategoricalFocalCrossentropy",
        {"alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1},
        one_hot,
        probabilities,
    ),
    "categorical focal logits": ("CategoricalFocalCrossentropy", {"from_logits": True}, one_hot, real),
    "generalised": ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, labels, probabilities),
    "scce": ("SparseCategoricalCrossentropy", {}, labels, probabilities),
    "scce column": ("SparseCategoricalCrossentropy", {}, labels[:, None], probabilities),
    "scce floats": ("SparseCategoricalCrossentropy", {}, labels.astype("float32"), probabilities),
    "scce logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, labels, real),
    "scce steps": ("SparseCategoricalCrossentropy", {"from_logits": True}, step_labels, steps),
    "scce axis 1": ("SparseCategoricalCrossentropy", {"from_logits": True, "axis": 1}, step_labels, channels),
    "scce ignore": ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, labels, real),
    "kl": ("KLDivergence", {}, soft, probabilities),
    "kl edges": ("KLDivergence", {}, one_hot, np.roll(one_hot, 1, axis=0)),
    "cosine": ("CosineSimilarity", {}, target, real),
    "cosine axis": ("CosineSimilarity", {"axis": 0, "reduction": "sum"}, target, real),
    "cosine steps": ("CosineSimilarity", {"axis": 1}, step_target, steps),
}
COLUMNS = ("bce axis", "cosine axis")  # one value per column: a weight per row does not fit
# Where Keras itself is wrong or refuses on this backend; tests/faces/test_keras_differences.py has them one by one.
REFUSED = {"scce axis 1"} if BACKEND != "torch" else set()
WRONG = {"bce large logits", "cosine axis"} if BACKEND == "numpy" else set()


def _weight_for(case: str, values_rank: int) -> np.ndarray | None:
    """A weight along all axes of the values, where Keras' alignment is right, too."""
    if case in COLUMNS:
        return None
    return weight if values_rank == 1 else np.outer(weight, [0.5, 1.0, 2.0, 3.0])[:, : T if values_rank == 2 else C]


def _run(module, case, y_pred_dtype=None, **common):
    """Return the weighted, reduced loss, the values, and the gradient of the former."""
    name, options, y_true, y_pred = CASES[case]
    loss = getattr(module, name)(**options, **common)
    each = getattr(module, name)(**{**options, "reduction": "none"}, **common)
    y_pred = keras.ops.cast(y_pred, y_pred_dtype) if y_pred_dtype else y_pred
    rank = 2 if "steps" in case or "axis 1" in case else 1
    weights = _weight_for(case, rank)
    if case == "cosine steps":
        weights = np.outer(weight, np.ones(C))
    if weights is not None and common.get("dtype") == "float64":
        weights = weights.astype("float64")

    def both(p):
        return loss(y_true, p, sample_weight=weights), each(y_true, p)

    return value_and_gradient(both, y_pred)


@pytest.mark.parametrize("case", [case for case in CASES if case not in REFUSED | WRONG])
def test_values_and_gradients_are_keras_own(case):
    ours, theirs = _run(lk, case), _run(keras.losses, case)
    for mine, its, what in zip(ours, theirs, ("loss", "values", "gradient"), strict=True):
        assert mine.shape == its.shape
        assert mine.dtype == its.dtype
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6, err_msg=what)


GRID = ("huber", "bce logits", "scce logits")


def _double():
    """The context in which float64 exists (JAX has it in x64 mode only)."""
    return require("jax").enable_x64(True) if BACKEND == "jax" else contextlib.nullcontext()


@pytest.mark.parametrize("case", GRID)
def test_float64(case):
    with _double():
        ours, theirs = _run(lk, case, "float64", dtype="float64"), _run(keras.losses, case, "float64", dtype="float64")
    assert ours[0].dtype == np.float64
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-9)  # Keras has constants in float32


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", GRID)
def test_half_precision_is_computed_in_float32(case, dtype):
    """The same as from the rounded predictions in float32, whatever the loss's dtype says."""
    half = _run(lk, case, dtype, dtype=dtype)
    name, options, y_true, y_pred = CASES[case]
    rounded = to_numpy(keras.ops.cast(y_pred, dtype))
    CASES["rounded"] = (name, options, y_true, rounded)
    wide = _run(lk, "rounded")
    assert half[0].dtype == half[1].dtype == np.float32
    np.testing.assert_allclose(half[0], wide[0], rtol=1e-6)
    np.testing.assert_allclose(half[1], wide[1], rtol=1e-6)
    if DIFFERENTIATES:
        np.testing.assert_allclose(half[2], wide[2], rtol=1e-2, atol=1e-4)  # of the prediction's dtype


REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight")


@pytest.mark.parametrize("case", ["mse", "scce steps", "scce ignore"])
def test_reductions_are_keras_own(case):
    name, options, y_true, y_pred = CASES[case]
    weights = _weight_for(case, 2 if "steps" in case else 1)

    def results(module):
        return [
            getattr(module, name)(**options, reduction=reduction)(y_true, y_pred, sample_weight=given)
            for reduction in REDUCTIONS
            for given in (None, weights, weights[..., None])
        ]

    for mine, its in zip(quick(lambda: results(lk)), quick(lambda: results(keras.losses)), strict=True):
        np.testing.assert_allclose(mine, its.reshape(mine.shape), rtol=1e-5, atol=1e-6)


CLASSES = [name for name in lk.__all__ if name[0].isupper()]
FUNCTIONS = [name for name in lk.__all__ if name[0].islower() and name not in ("get", "serialize", "deserialize")]
STRUCTURED = ("circle", "ctc", "dice", "tversky")  # tests/faces/test_keras_structured.py


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_losses_with_keras_signature(name):
    kind = getattr(lk, name)
    assert issubclass(kind, keras.losses.Loss)
    assert inspect.signature(kind) == inspect.signature(getattr(keras.losses, name))
    assert repr(kind()) == f"{name}()"


def test_objects_print_as_the_call_that_makes_them():
    assert repr(lk.Huber(2.0, reduction="sum")) == "Huber(reduction='sum', delta=2.0)"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_keras_signature(name):
    def shape(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    assert shape(getattr(lk, name)) == shape(getattr(keras.losses, name))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in STRUCTURED])
def test_functions_are_keras_own(name):
    case = next(c for c in CASES.values() if getattr(lk, c[0]).function is getattr(lk, name))
    y_true, y_pred = map(keras.ops.convert_to_tensor, case[2:])
    options = {"q": 0.5} if "generalized" in name else {}
    batches = [(y_true, y_pred)] if case[2].ndim == 1 else [(y_true, y_pred), (y_true[0], y_pred[0])]

    def results(module):
        return [getattr(module, name)(t, p, **options) for t, p in batches]

    for mine, its in zip(quick(lambda: results(lk)), quick(lambda: results(keras.losses)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6)
        assert mine.shape == its.shape or BACKEND == "numpy"  # Keras' cosine of vectors has shape (1,) there


def test_lists_of_numbers_and_integers():
    assert quick(lambda: lk.MeanSquaredError()([[1], [5]], [[2], [3]])) == 2.5
    value = quick(lambda: lk.SparseCategoricalCrossentropy()([0, 1], [[0.5, 0.5], [0.5, 0.5]]))
    assert value == pytest.approx(np.log(2))


def test_numbers_people_learn_with():
    def value(name, y_true, y_pred):
        return float(quick(lambda: getattr(lk, name)()(np.asarray(y_true), np.asarray(y_pred, "float32"))))

    assert value("MeanSquaredError", [1.0, 5.0], [2.0, 3.0]) == 2.5
    assert value("MeanSquaredError", [3.0, 5.0], [2.5, 5.5]) == 0.25
    assert value("MeanSquaredError", [[3.0], [5.0], [7.0]], [[2.5], [5.5], [6.0]]) == 0.5
    assert value("MeanAbsoluteError", [1.0, 0.0], [2.0, 3.0]) == 2.0
    assert value("MeanSquaredError", [1.0, 0.0], [2.0, 3.0]) == 5.0
    for p, expected in ((0.9, 0.1054), (0.8, 0.2231), (0.75, 0.2876821)):
        row = [[p, 1 - p]]
        assert value("CategoricalCrossentropy", [[1.0, 0.0]], row) == pytest.approx(expected, abs=5e-5)
        assert value("SparseCategoricalCrossentropy", [0], row) == pytest.approx(expected, abs=5e-5)
    both = [[0.9, 0.1], [0.2, 0.8]]
    assert value("SparseCategoricalCrossentropy", [0, 1], both) == pytest.approx(0.1643, abs=5e-5)
