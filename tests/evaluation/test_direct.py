"""The numbers alone: those of float64 formulas, from any dtype, by the kernels and without them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DomainError, InputError, LabelError, ShapeError
from lossmith.evaluation import binary_scores, confusion_matrix, multiclass_scores, regression_scores
from lossmith.native import evaluation_direct as kernels

ROWS = (1, 5, 16, 17, 1023, 1024, 1025, 2500)
TARGETS = (np.bool_, np.int8, np.uint8, np.int32, np.int64, np.float32, np.float64)


@pytest.fixture(params=["kernel", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "available", lambda: False)
    elif not kernels.available():
        pytest.skip("no compiled core")
    return request.param


def sample(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    z = (rng.normal(size=rows) * 2).astype(np.float32)
    return z, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(np.int64)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def matrix(true: np.ndarray, answer: np.ndarray, classes: int) -> list:
    return np.bincount(true * classes + answer, minlength=classes**2).reshape(classes, classes).tolist()


def check_binary(found: Any, p: np.ndarray, y: np.ndarray, bins: int = 15) -> None:
    p = p.astype(np.float64)
    losses = -np.log(np.maximum(np.where(y == 1, p, 1 - p), math.exp(-100)))
    assert found.log_loss == pytest.approx(math.fsum(losses) / y.size, rel=1e-14, abs=2**-53)
    assert found.brier == pytest.approx(math.fsum((p - y) ** 2) / y.size, rel=1e-12, abs=2**-45)
    assert found.confusion.tolist() == matrix(y, (p > 0.5).astype(int), 2)
    index = np.minimum((p * bins).astype(int), bins - 1)
    count, hits = (np.bincount(index, weights=w, minlength=bins) for w in (None, y))
    total = np.bincount(index, weights=p, minlength=bins)
    assert found.calibration.count.tolist() == count.tolist()
    there = count > 0
    np.testing.assert_allclose((found.calibration.confidence * count)[there], total[there], rtol=1e-12, atol=1e-6)
    assert found.ece == pytest.approx(np.abs(total - hits).sum() / y.size, abs=1e-9)
    assert found.accuracy == pytest.approx(np.mean((p > 0.5) == y))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary(rng: np.random.Generator, way: str, rows: int, dtype: type) -> None:
    z, y = sample(rng, rows)
    p = sigmoid(z).astype(dtype)
    check_binary(binary_scores(p, y), p, y)
    check_binary(binary_scores(p, y, bins=7), p, y, bins=7)
    found = binary_scores(z.astype(dtype), y, from_logits=True)
    expected = math.fsum(np.logaddexp(0, np.where(y == 1, -z.astype(float), z.astype(float)))) / rows
    assert found.log_loss == pytest.approx(expected, rel=1e-13, abs=2**-53)
    check_binary(dataclasses.replace(found, log_loss=binary_scores(sigmoid(z), y).log_loss), sigmoid(z), y)


@pytest.mark.parametrize("dtype", TARGETS)
def test_targets_of_any_type(rng: np.random.Generator, way: str, dtype: type) -> None:
    z, y = sample(rng, 300)
    p = sigmoid(z)
    found, expected = binary_scores(p, y.astype(dtype)), binary_scores(p, y)
    assert (found.log_loss, found.brier, found.ece) == (expected.log_loss, expected.brier, expected.ece)
    assert confusion_matrix(p, y.astype(dtype)).tolist() == found.confusion.tolist()


def test_probabilities_at_their_ends(way: str) -> None:
    p = np.array([0.0, -0.0, 1.0, 1.0, 1e-310, 0.5, 1e-30])
    y = np.array([1, 0, 1, 0, 1, 1, 0])
    check_binary(binary_scores(p, y), p, y)
    assert binary_scores(np.zeros(3), np.ones(3)).log_loss == pytest.approx(100, rel=1e-15)
    assert multiclass_scores([[1.0, 0.0], [0.0, 1.0]], [1, 1]).log_loss == pytest.approx(50, rel=1e-15)
    large = binary_scores(np.array([800.0, -800.0, 1e300]), np.array([0, 0, 1]), from_logits=True)
    assert large.log_loss == pytest.approx(800 / 3) and large.brier == pytest.approx(1 / 3)


def test_all_wrong(way: str) -> None:
    found = binary_scores(np.ones(300_000, np.float32), np.zeros(300_000, np.int8))
    assert (found.brier, found.ece, found.accuracy) == (1.0, 1.0, 0.0) and found.log_loss == pytest.approx(100)
    found = binary_scores(np.full(300_000, -100.0), np.ones(300_000, np.int8), from_logits=True)
    assert found.brier == pytest.approx(1.0) and found.log_loss == pytest.approx(100)


def test_an_infinite_logit_goes_the_long_way(way: str) -> None:
    found = binary_scores([-np.inf, 2.0], [0, 1], from_logits=True)
    assert found.log_loss == pytest.approx(math.log1p(math.exp(-2)) / 2)


def test_threads_leave_the_same_bits(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.available():
        pytest.skip("no compiled core")
    z, y = sample(rng, 200_000)  # four chunks
    several = binary_scores(sigmoid(z), y), binary_scores(z, y, from_logits=True), regression_scores(z, sigmoid(z))
    monkeypatch.setattr(kernels, "_OWN_POOL", 0)
    alone = binary_scores(sigmoid(z), y), binary_scores(z, y, from_logits=True), regression_scores(z, sigmoid(z))
    assert [(s.log_loss, s.brier, s.ece) for s in several[:2]] == [(s.log_loss, s.brier, s.ece) for s in alone[:2]]
    assert several[2] == alone[2]
    check_binary(several[0], sigmoid(z), y)


def test_the_same_as_a_stream(rng: np.random.Generator) -> None:
    z, y = sample(rng, 3000)
    p = sigmoid(z).astype(np.float32)
    found, stream = binary_scores(p, y), lm.evaluate(p, y, stream=True, task="binary", form="probabilities")
    assert found.log_loss == pytest.approx(stream.losses["binary_cross_entropy"].value, rel=1e-14)
    assert found.confusion.tolist() == stream.confusion.counts.tolist()
    if kernels.available():
        assert found.brier == stream.metrics["brier"].value
        assert found.ece == stream.metrics["ece"].value


@pytest.mark.parametrize(("classes", "rows"), [(2, 700), (3, 5), (10, 300), (70, 200)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_classes(rng: np.random.Generator, way: str, classes: int, rows: int, dtype: type) -> None:
    z = (rng.normal(size=(rows, classes)) * 2).astype(dtype)
    z[0] = 1.0  # a tie: the first is the answer
    y = rng.integers(0, classes, rows)
    e = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True).astype(np.float64))
    p = e / e.sum(axis=1, keepdims=True)
    for found, q in (
        (multiclass_scores(p.astype(dtype), y.astype(np.int32)), p.astype(dtype).astype(np.float64)),
        (multiclass_scores(z, y, from_logits=True), p),
    ):
        own, top, answer = q[np.arange(rows), y], q.max(axis=1), q.argmax(axis=1)
        one_hot = np.eye(classes)[y]
        assert found.log_loss == pytest.approx(-np.mean(np.log(own)), rel=1e-12)
        assert found.brier == pytest.approx(np.mean(np.sum((q - one_hot) ** 2, axis=1)), rel=1e-12)
        assert found.accuracy == pytest.approx(np.mean(answer == y))
        index = np.minimum((top * 15).astype(int), 14)
        gap = np.bincount(index, weights=top - (answer == y), minlength=15)
        assert found.ece == pytest.approx(np.abs(gap).sum() / rows, abs=1e-9)
        assert found.confusion.tolist() == matrix(y, answer, classes)
    assert confusion_matrix(z, y).tolist() == found.confusion.tolist()


def test_rounded_probabilities_are_repaired_as_evaluate_does(way: str) -> None:
    p = np.array([[0.33, 0.33, 0.33], [0.2, 0.3, 0.5]])
    assert multiclass_scores(p, [0, 2]).log_loss == pytest.approx((math.log(3) - math.log(0.5)) / 2)


@pytest.mark.parametrize("types", [(np.float32, np.float32), (np.float64, np.float32), (np.float32, np.int64)])
@pytest.mark.parametrize("rows", [1, 7, 1024, 1030, 70_000])
def test_numbers(rng: np.random.Generator, way: str, rows: int, types: tuple[type, type]) -> None:
    y = (rng.normal(size=rows) * 10 + 1000).astype(types[1])
    p = (y + rng.normal(size=rows)).astype(types[0])
    found, error = regression_scores(p, y), p.astype(np.float64) - y.astype(np.float64)
    assert found.mse == pytest.approx(np.mean(error**2), rel=1e-12)
    assert found.mae == pytest.approx(np.mean(np.abs(error)), rel=1e-12)
    assert found.bias == pytest.approx(math.fsum(error) / rows, rel=1e-9)
    assert found.max_error == np.abs(error).max() and found.rmse == found.mse**0.5
    if rows == 1:
        assert found.r2 is None
    else:
        assert found.r2 == pytest.approx(1 - np.mean(error**2) / np.var(y.astype(np.float64)), rel=1e-10)


def test_columns_of_numbers(rng: np.random.Generator, way: str) -> None:
    y = rng.normal(size=(50, 3))
    p = y + rng.normal(size=(50, 3)) * 0.1
    found, whole = regression_scores(p, y), lm.evaluate(p, y, task="regression").metrics
    assert found.r2 == pytest.approx(whole["r2"].value) and found.rmse == pytest.approx(whole["rmse"].value)
    assert found.mae == pytest.approx(whole["mae"].value)


def test_huge_numbers(way: str) -> None:
    with np.errstate(over="ignore"):
        assert regression_scores([1e200, 0.0], [-1e200, 0.0]).mse == math.inf


def test_confusion_of_labels_and_thresholds(way: str) -> None:
    assert confusion_matrix([0, 2, 1, 1], np.array([0, 1, 1, 2], np.int8), classes=4).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    score = np.array([0.1, 0.3, 0.7], np.float32)
    assert confusion_matrix(score, [0, 1, 1], threshold=0.1).tolist() == [[0, 1], [0, 2]]  # float32(0.1) > 0.1
    assert confusion_matrix(score, [0, 1, 1], threshold=float(score[1])).tolist() == [[1, 0], [1, 1]]
    assert confusion_matrix([-1.0, 2.0], [True, True], threshold=0).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: binary_scores([0.1, np.nan], [0, 1]), DomainError, "prediction is NaN at position 1"),
        (lambda: binary_scores([0.1, 1.5], [0, 1]), DomainError, "prediction holds 1.5 at position 1"),
        (lambda: binary_scores([0.1, 0.2, 0.3], [0, 1, 2]), LabelError, "not 3"),
        (lambda: binary_scores([0.1, 0.2, 0.3], [0, 1]), ShapeError, "3 rows"),
        (lambda: binary_scores([], []), InputError, "nothing to evaluate"),
        (lambda: binary_scores([0.1, 0.2], [0, 1], bins=0), InputError, "bins is 0"),
        (lambda: binary_scores([0.1, np.nan], [0, 1], from_logits=True), DomainError, "position 1"),
        (lambda: multiclass_scores([[0.2, 0.2, 0.1]], [0]), DomainError, "sums to 0.5"),
        (lambda: multiclass_scores([[0.5, 0.6, -0.1]], [0]), DomainError, "holds -0.1"),
        (lambda: multiclass_scores([[0.2, 0.3, 0.5]], [3]), LabelError, "label 3"),
        (lambda: multiclass_scores([[0.2, np.nan, 0.5]], [0], from_logits=True), DomainError, "NaN"),
        (lambda: regression_scores([1.0, np.inf], [1.0, 2.0]), DomainError, "infinite at position 1"),
        (lambda: regression_scores([1.0], [1.0, 2.0]), ShapeError, "1 rows"),
        (lambda: regression_scores([], []), InputError, "nothing to evaluate"),
        (lambda: confusion_matrix([0.1, np.nan], [0, 1]), DomainError, "position 1"),
        (lambda: confusion_matrix([0.1, 0.2], [0, 5]), LabelError, "5"),
        (lambda: confusion_matrix([0, 3], [0, 1], classes=3), LabelError, "class 3"),
        (lambda: confusion_matrix([0, 1], ["a", "b"]), LabelError, "class names"),
        (lambda: confusion_matrix([0, 1], [0.5, 1.0]), LabelError, "0.5"),
        (lambda: confusion_matrix([0, 1], [0, 1], threshold=0.5), InputError, "threshold"),
        (lambda: confusion_matrix([0.1, 0.2], [0, 1], classes=3), InputError, "classes is 3"),
        (lambda: confusion_matrix([0, 1], [0, 1], classes=0), InputError, "classes is 0"),
        (lambda: confusion_matrix([0, 1], [0]), ShapeError, "2 rows"),
        (lambda: confusion_matrix([0, 1], [[0, 1], [1, 0]]), ShapeError, "class indices"),
    ],
)
def test_bad_input(way: str, call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
