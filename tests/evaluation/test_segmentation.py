"""Segmentation: IoU and Dice of label maps against scikit-learn, intervals over images, ignored pixels, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import EmptyError, InputError, LabelError, ShapeError

sklearn_metrics = pytest.importorskip("sklearn.metrics")
LABELS = np.array([0, 7, 21, 200])


@pytest.fixture
def maps(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and target (25, 12, 10) of labels that do not count from 0; images of very different mixtures."""
    shares = rng.dirichlet([0.6] * 4, 25)
    target = np.stack([rng.choice(LABELS, (12, 10), p=s) for s in shares])
    wrong = rng.random(target.shape) < rng.uniform(0.0, 0.5, 25)[:, None, None]
    return np.where(wrong, rng.choice(LABELS, target.shape), target), target


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_against_sklearn(maps: tuple[np.ndarray, np.ndarray], dtype: str) -> None:
    prediction, target = (x.astype(dtype) for x in maps)
    result = lm.evaluate(prediction, target)
    p, t = prediction.reshape(-1), target.reshape(-1)
    assert (result.task, result.rows, result.unit) == ("segmentation", 25, "image")
    assert result.class_names == ("0", "7", "21", "200")
    expected = {
        "mean_iou": sklearn_metrics.jaccard_score(t, p, average="macro"),
        "mean_dice": sklearn_metrics.f1_score(t, p, average="macro"),
        "pixel_accuracy": sklearn_metrics.accuracy_score(t, p),
        "mean_accuracy": sklearn_metrics.balanced_accuracy_score(t, p),
        "weighted_iou": sklearn_metrics.jaccard_score(t, p, average="weighted"),
    }
    assert list(result.metrics) == list(expected)
    for name, value in expected.items():
        metric = result.metrics[name]
        assert metric.value == pytest.approx(value), name
        assert metric.low < value < metric.high, name
    columns = sklearn_metrics.precision_recall_fscore_support(t, p)
    jaccard = sklearn_metrics.jaccard_score(t, p, average=None)
    for i, score in enumerate(result.per_class):
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx([c[i] for c in columns])
        assert score.iou == pytest.approx(jaccard[i])
        assert score.iou_low < score.iou < score.iou_high
    np.testing.assert_array_equal(result.confusion.counts, sklearn_metrics.confusion_matrix(t, p))
    always = np.full(t.size, LABELS[np.argmax(columns[3])])
    assert result.metrics["mean_iou"].constant == pytest.approx(
        sklearn_metrics.jaccard_score(t, always, average="macro", labels=LABELS)
    )


def test_the_interval_is_that_of_drawing_images(maps: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> None:
    prediction, target = maps
    metric = lm.evaluate(prediction, target).metrics["mean_iou"]
    drawn = []
    for _ in range(300):
        i = rng.integers(0, 25, 25)
        drawn.append(sklearn_metrics.jaccard_score(target[i].reshape(-1), prediction[i].reshape(-1), average="macro"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert abs(metric.low - low) < 0.2 * (high - low) and abs(metric.high - high) < 0.2 * (high - low)


def test_ignored_pixels_count_nowhere(maps: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> None:
    prediction, target = maps[0].copy(), maps[1].copy()
    hidden = rng.random(target.shape) < 0.3
    hidden[4] = True  # a whole image
    target[hidden], prediction[hidden] = 255, rng.choice([0, 255, 99], hidden.sum())
    result = lm.evaluate(prediction, target, ignore_index=255)
    assert result.class_names == ("0", "7", "21", "200")
    assert result.rows == 24
    assert result.metrics["mean_iou"].value == pytest.approx(
        sklearn_metrics.jaccard_score(target[~hidden], prediction[~hidden], average="macro")
    )
    assert result.notes[0].startswith(f"{hidden.sum()} of {hidden.size} pixels are marked as ignored")


def test_names_of_classes_and_classes_that_are_missing() -> None:
    target = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 1]]])
    prediction = np.array([[[0, 0], [1, 2]], [[0, 0], [0, 1]]])
    result = lm.evaluate(prediction, target, class_names=["road", "car", "sky", "cat"])
    by_name = {c.name: c for c in result.per_class}
    assert by_name["road"].iou == 1.0
    assert by_name["car"].iou == pytest.approx(2 / 3)
    assert by_name["sky"].iou == 0.0 and by_name["sky"].recall is None
    assert by_name["cat"].iou is None  # neither there nor predicted: no part of the mean
    assert result.metrics["mean_iou"].value == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_confused_pixels_are_called_so() -> None:
    target = np.arange(4 * 8 * 8).reshape(4, 8, 8) % 5
    prediction = np.where((target == 1) & (np.arange(8) % 2 == 0), 2, target)
    result = lm.evaluate(prediction, target, task="segmentation")
    (found,) = [f for f in result.findings if f.code == "EVAL07"]
    assert (found.what, found.fix) == (
        "Most confused: '1' and '2'.", "look at pixels of the two classes, their labels first"
    )  # fmt: skip
    assert found.why == "Mending one pair mends much; mislabelled pixels often gather there."
    assert '<th scope="col">pixels' in result.to_html().partition("<caption>Most confused</caption>")[2][:300]


def test_one_class_and_one_image() -> None:
    one = lm.evaluate(np.zeros((1, 4, 4), int), np.zeros((1, 4, 4), int))
    assert one.metrics["mean_iou"].value == 1.0
    assert one.metrics["mean_iou"].low is None
    assert one.verdict.startswith("Beside always answering the largest class, '0': mean IoU 1 against 1, over 1 image")
    volume = np.zeros((2, 3, 3, 3), int)
    assert lm.evaluate(volume, volume).rows == 2


def test_shown_everywhere(maps: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    prediction, target = maps
    np.savez(tmp_path / "maps.npz", prediction=prediction, target=target)
    result = lm.evaluate(tmp_path / "maps.npz")
    text, page, plain = str(result), result.to_html(), json.loads(result.to_json())
    assert "segmentation, 25 images, maps.npz" in text
    for word in ("mean IoU", "IoU", "Dice", "pixels", "Confusion matrix", "Task segmentation"):
        assert word in text and word in page, word
    assert plain["per_class"][0]["iou_low"] < plain["per_class"][0]["iou"]
    assert plain["metrics"]["mean_iou"]["low"] is not None


@pytest.mark.parametrize(
    ("prediction", "options", "kind", "text"),
    [
        (np.zeros((2, 3, 3, 4)), {"task": "segmentation"}, ShapeError, "so take the argmax over the classes first"),
        (np.zeros((2, 3, 4), int), {"task": "segmentation"}, ShapeError, "takes label maps of one shape (N, H, W)"),
        (np.full((2, 3, 3), 0.4), {}, LabelError, "prediction has dtype float64 and holds no whole numbers"),
        (np.zeros((2, 3, 3), int), {"ignore_index": 0}, EmptyError, "every pixel of target is 0, which is ignored"),
        (np.full((2, 3, 3), 9), {"class_names": ["a", "b"]}, LabelError, "the maps hold 9, and class_names names 2"),
        (np.zeros((2, 3, 3), int), {"form": "logits"}, InputError, "form is 'logits', but segmentation takes 'labels'"),
        (np.zeros((2, 3, 3), int), {"k": 3}, InputError, "k= is for task ranking or multiclass"),
        (np.zeros((2, 3, 3), int), {"weight": [1, 1]}, InputError, "weight= is for tasks whose examples are rows"),
    ],
)
def test_bad_input(prediction: np.ndarray, options: dict, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        lm.evaluate(prediction, np.zeros((2, 3, 3), int), **options)
    assert text in str(caught.value)


def test_other_tasks_refuse_what_is_not_theirs() -> None:
    with pytest.raises(
        InputError, match="ignore_index= is for task language_model or segmentation, and this is binary"
    ):
        lm.evaluate([0.2, 0.9], [0, 1], ignore_index=1)
    with pytest.raises(InputError, match=r"quantile is 1.5; expected a number between 0 and 1"):
        lm.evaluate([0.2, 0.9], [0.1, 1.1], quantile=1.5)
    with pytest.raises(InputError, match="k is 3: top-k accuracy needs scores of more than k classes"):
        lm.evaluate(np.eye(3), [0, 1, 2], k=3)
