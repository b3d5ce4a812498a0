"""The metrics of the Keras face: the numbers of ``evaluate``, in compile and fit, with weights, saved, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from faces.keras_tools import BACKEND, DIFFERENTIATES, keras, to_numpy
from frameworks import require
from lossmith.errors import InputError, ShapeError
from lossmith.keras import metrics as km

pytestmark = pytest.mark.skipif(not DIFFERENTIATES, reason="the NumPy backend cannot train")
N, C = 96, 4
rng = np.random.default_rng(5)
LOGIT = rng.normal(size=N).astype("float32") * 2
YES = (rng.random(N) < 1 / (1 + np.exp(-LOGIT))).astype("int32")
P = (1 / (1 + np.exp(-LOGIT))).astype("float32")
SCORES = rng.normal(size=(N, C)).astype("float32")
LABEL = np.where(rng.random(N) < 0.5, SCORES.argmax(1), rng.integers(0, C, N)).astype("int32")
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
Y = (rng.normal(size=N) + 300).astype("float32")
X = (Y + 0.5 * rng.normal(size=N)).astype("float32")
W = rng.integers(0, 3, N).astype("float32")

CASES = {  # metric, prediction, target, the number of evaluate
    "accuracy": (km.Accuracy, P, YES, "accuracy"),
    "accuracy of logits": (lambda: km.Accuracy(from_logits=True), LOGIT, YES, "accuracy"),
    "accuracy of classes": (lambda: km.Accuracy(C), SCORES, LABEL, "accuracy"),
    "balanced accuracy": (lambda: km.BalancedAccuracy(C), SCORES, LABEL, "balanced_accuracy"),
    "mcc": (lambda: km.MCC(C), SCORES, LABEL, "mcc"),
    "kappa": (lambda: km.CohenKappa(C), SCORES, LABEL, "kappa"),
    "precision": (km.Precision, P, YES, "precision"),
    "recall": (km.Recall, P, YES, "recall"),
    "f1": (km.FBeta, P, YES, "f1"),
    "macro f1": (lambda: km.FBeta(C), SCORES, LABEL, "macro_f1"),
    "weighted f1": (lambda: km.FBeta(C, average="weighted"), SCORES, LABEL, "weighted_f1"),
    "micro recall": (lambda: km.Recall(C, average="micro"), SCORES, LABEL, "accuracy"),
    "auc": (km.AUROC, P, YES, "auc"),
    "auc of logits": (lambda: km.AUROC(from_logits=True), LOGIT, YES, "auc"),
    "average precision": (km.AveragePrecision, P, YES, "average_precision"),
    "log loss": (km.LogLoss, P, YES, "loss"),
    "log loss of logits": (lambda: km.LogLoss(from_logits=True), LOGIT, YES, "loss"),
    "log loss of classes": (lambda: km.LogLoss(from_logits=True), SCORES, LABEL, "loss"),
    "log loss of shares": (km.LogLoss, SHARES, LABEL, "loss"),
    "brier": (km.Brier, P, YES, "brier"),
    "calibration": (km.CalibrationError, P, YES, "ece"),
    "calibration of classes": (lambda: km.CalibrationError(from_logits=True), SCORES, LABEL, "ece"),
    "rmse": (km.RMSE, X, Y, "rmse"),
    "mae": (km.MAE, X, Y, "mae"),
    "r2": (km.R2, X, Y, "r2"),
}

# JAX compiles operation by operation outside of a compiled step; the formulas are the same on all backends.
FEW = ("accuracy of classes", "macro f1", "auc", "log loss of classes", "calibration", "r2")
CASES = {name: case for name, case in CASES.items() if BACKEND != "jax" or name in FEW}


def expected(prediction, target, name: str, weight=None) -> float:
    result = lm.evaluate(prediction, target, weight=weight)
    return next(iter(result.losses.values())).value if name == "loss" else result.metrics[name].value


@pytest.mark.parametrize("case", CASES)
def test_the_number_is_that_of_evaluate(case: str) -> None:
    make, prediction, target, name = CASES[case]
    metric = make()
    for part in (slice(0, 48), slice(48, None)):
        metric.update_state(target[part], prediction[part])
    bound = metric.bracket().bound if isinstance(metric, km.AUROC) else 0.0
    assert float(metric.result()) == pytest.approx(expected(prediction, target, name), rel=2e-5, abs=1e-6 + bound)
    metric.reset_state()
    for part in (slice(0, 48), slice(48, None)):  # with (N, 1), as layers give it, and weights
        y = target[part][:, None] if prediction.ndim == 1 else target[part]
        p = prediction[part][:, None] if prediction.ndim == 1 else prediction[part]
        metric.update_state(y, p, sample_weight=W[part])
    weighted = expected(prediction, target, name, W)
    assert float(metric.result()) == pytest.approx(weighted, rel=2e-5, abs=1e-6 + bound)


def test_one_hot_rows_and_the_matrix() -> None:
    metric = km.ConfusionMatrix(C)
    metric.update_state(np.eye(C, dtype="float32")[LABEL], SCORES)
    np.testing.assert_array_equal(to_numpy(metric.result()), lm.evaluate(SCORES, LABEL).confusion.counts)


def test_segmentation_and_perplexity() -> None:
    maps, logits = LABEL.reshape(2, 6, 8), SCORES.reshape(2, 6, 8, C)
    metric = km.MeanIoU(C)
    metric.update_state(maps, logits)
    wanted = lm.evaluate(logits.argmax(-1), maps).metrics["mean_iou"].value
    assert float(metric.result()) == pytest.approx(wanted, rel=1e-5)
    ids = LABEL.reshape(8, 12).copy()
    ids[2, 5:] = -100
    metric = km.Perplexity()
    metric.update_state(ids, SCORES.reshape(8, 12, C))
    wanted = lm.evaluate(SCORES.reshape(8, 12, C), ids, task="language_model").metrics["perplexity"].value
    assert float(metric.result()) == pytest.approx(wanted, rel=1e-5)


def test_bins_are_those_of_the_state() -> None:
    edge = np.array([0, 1, 0.5, np.nextafter(np.float32(0.5), 0), 2.0**-40, 2.0**-41, 1 - 2.0**-24, 0.25, -0.0], "f4")
    for logits, score in ((False, edge), (True, np.concatenate([edge, -edge, np.float32([1e30, -4096, 4095])]))):
        metric = km.AUROC(from_logits=logits)
        found = to_numpy(metric._bins(keras.ops.convert_to_tensor(score)))
        np.testing.assert_array_equal(found, metric._histogram.bins_of(score.astype(np.float64)))


def test_counts_go_on_where_a_float32_stops() -> None:
    metric = km.Accuracy()
    for cell, rows in ((0, 2.0**25), (3, 2.0**25)):
        metric._add("cells", np.eye(4, dtype="float32")[cell] * np.float32(rows))
    for _ in range(3):
        metric.update_state(np.array([1]), np.array([0.1], "float32"))
    whole, lost = (to_numpy(getattr(metric, f"_sum_cells{part}")).astype("float64") for part in ("", "_lost"))
    assert (whole + lost).tolist() == [2.0**25, 0, 3, 2.0**25]
    one = km.LogLoss()
    one._add("weight", np.float32(2.0**24))
    for _ in range(3):
        one._add("weight", np.float32(1.0))
    assert float(to_numpy(one._sum_weight).astype("float64") + to_numpy(one._sum_weight_lost)) == 2.0**24 + 3


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch runs operation by operation")
def test_compilers_leave_what_rounding_took() -> None:
    metric, y, p = km.LogLoss(), np.ones(1, "float32"), np.full(1, 0.5, "float32")
    metric._add("weight", np.float32(2.0**24))
    if BACKEND == "jax":
        state = [v.value for v in metric.variables]
        update = require("jax").jit(lambda state: metric.stateless_update_state(state, y, p))
        for _ in range(3):
            state = update(state)
        for variable, value in zip(metric.variables, state, strict=True):
            variable.assign(value)
    else:
        update = require("tensorflow").function(lambda: metric.update_state(y, p), jit_compile=True)
        for _ in range(3):
            update()
    weight = [to_numpy(x).astype("float64") for x in (metric._sum_weight, metric._sum_weight_lost)]
    assert float(sum(weight)) == 2.0**24 + 3


def test_nothing_seen_is_0_and_one_class_has_no_area() -> None:
    for make, _, _, _ in CASES.values():
        assert float(make().result()) == 0.0
    metric = km.AUROC()
    metric.update_state(np.array([1, 1]), np.array([0.2, 0.9], "float32"))
    assert float(metric.result()) == 0.0
    assert metric.bracket() is None


def test_labels_out_of_range_are_not_hidden() -> None:
    for metric, y, p in (
        (km.Accuracy(3), [0, 3], np.eye(3, dtype="float32")[:2]),
        (km.AUROC(), [0, 2], np.array([0.2, 0.8], "float32")),
        (km.AUROC(), [0, 1], np.array([0.2, np.nan], "float32")),
        (km.FBeta(3), [0, -1], np.eye(3, dtype="float32")[:2]),
    ):
        metric.update_state(np.array(y), p)
        assert np.isnan(float(metric.result()))
        metric.reset_state()
        metric.update_state(np.array(y), p, sample_weight=np.array([1.0, 0.0]))  # a row that does not count
        assert not np.isnan(float(metric.result()))


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("jit", [True, False] if BACKEND == "tensorflow" else ["auto"])
def test_in_compile_and_fit(jit: bool | str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    x = rng.normal(size=(N, 5)).astype("float32")
    model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(1, activation="sigmoid")])
    made = [km.AUROC(name="auc"), km.AveragePrecision(), km.Accuracy(), km.LogLoss(), km.CalibrationError()]
    model.compile("sgd", "binary_crossentropy", metrics=made, weighted_metrics=[km.FBeta(name="f1"), km.Brier()],
                  jit_compile=jit)  # fmt: skip
    history = model.fit(x, YES, batch_size=32, epochs=2, sample_weight=W, verbose=0).history
    assert {"auc", "average_precision", "accuracy", "log_loss", "f1", "brier"} <= set(history)
    found = model.evaluate(x, YES, batch_size=32, sample_weight=W, verbose=0, return_dict=True)
    p = np.asarray(model.predict(x, verbose=0))[:, 0]
    plain, weighted = lm.evaluate(p, YES), lm.evaluate(p, YES, weight=W)
    for name, theirs in (("auc", "auc"), ("accuracy", "accuracy"), ("calibration_error", "ece")):
        assert found[name] == pytest.approx(plain.metrics[theirs].value, rel=1e-3, abs=1e-3), name
    assert found["log_loss"] == pytest.approx(plain.losses["binary_cross_entropy"].value, rel=1e-5)
    assert found["f1"] == pytest.approx(weighted.metrics["f1"].value, rel=1e-5, abs=1e-6)
    assert found["brier"] == pytest.approx(weighted.metrics["brier"].value, rel=1e-5)
    if jit is not True:
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        again = loaded.evaluate(x, YES, batch_size=32, sample_weight=W, verbose=0, return_dict=True)
        assert again == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize(
    "metric",
    [
        km.FBeta(5, beta=2.0, average="micro", threshold=0.4, name="f2"),
        km.Accuracy(threshold=0.3, from_logits=True),
        km.AUROC(from_logits=True, keep=5),
        km.Perplexity(from_logits=False, ignore_class=0),
        km.CalibrationError(bins=7),
        km.R2(),
    ],
)
def test_configurations_come_back(metric) -> None:
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


def test_a_mask_hides_rows() -> None:
    p = keras.ops.convert_to_tensor(P[:6])
    keep = np.array([True, False, True, True, False, True])
    p._keras_mask = keras.ops.convert_to_tensor(keep)
    metric = km.Brier()
    metric.update_state(YES[:6], p)
    assert float(metric.result()) == pytest.approx(np.mean((P[:6] - YES[:6])[keep] ** 2), rel=1e-5)


@pytest.mark.parametrize(
    ("act", "kind", "text"),
    [
        (lambda: km.Accuracy(1), InputError, "classes is 1; expected 2 or more"),
        (lambda: km.Accuracy(threshold=0.0), InputError, "threshold is 0.0"),
        (lambda: km.Recall(3, average="positive"), InputError, "average is 'positive'"),
        (lambda: km.FBeta(beta=-1.0), InputError, "beta is -1.0"),
        (lambda: km.CalibrationError(bins=0), InputError, "bins is 0"),
        (lambda: km.Accuracy(3).update_state(LABEL, SCORES), ShapeError, "expected scores (…, 3)"),
        (lambda: km.AUROC().update_state(YES, SCORES), ShapeError, "expected one score per label"),
        (lambda: km.Perplexity().update_state(LABEL[:5], SCORES), ShapeError, "one label or one-hot row for each"),
        (lambda: km.RMSE().update_state(Y, X, sample_weight=W[:5]), ShapeError, "sample_weight has shape (5,)"),
    ],
)
def test_bad_input(act, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        act()
    assert text in str(caught.value)
