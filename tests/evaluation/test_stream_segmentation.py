"""Label maps of a stream: the numbers of whole arrays, the same bits from any split, images of any size, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, DomainError, InputError, LabelError, ShapeError
from lossmith.evaluation import Evaluation
from lossmith.evaluation.states import MapCounts, from_json, to_json
from lossmith.evaluation.tasks import segmentation

from .streams import in_batches, pa, write

RNG = np.random.default_rng(8)
LABELS = np.array([-3, 0, 7, 21, 200])
IMAGES = 60
TARGET = np.stack([RNG.choice(LABELS, (12, 10), p=s) for s in RNG.dirichlet([0.6] * 5, IMAGES)])
WRONG = RNG.random(TARGET.shape) < RNG.uniform(0, 0.5, IMAGES)[:, None, None]
PREDICTION = np.where(WRONG, RNG.choice(LABELS, TARGET.shape), TARGET)
IGNORED = TARGET.copy()
IGNORED[:, :3][RNG.random((IMAGES, 3, 10)) < 0.5] = 255
IGNORED[4] = 255  # a whole image


def agree(whole: Evaluation, streamed: Evaluation) -> None:
    """Counts are those of whole arrays; intervals come from groups of images instead of images."""
    for what in ("task", "form", "rows", "class_names", "unit", "notes"):
        assert getattr(streamed, what) == getattr(whole, what), what
    assert streamed.verdict.partition(":")[0] == whole.verdict.partition(":")[0]
    assert [f.code for f in streamed.findings] == [f.code for f in whole.findings]
    assert list(streamed.metrics) == list(whole.metrics)
    for name, mine in whole.metrics.items():
        theirs = streamed.metrics[name]
        assert (theirs.value, theirs.constant, theirs.title) == (mine.value, mine.constant, mine.title)
        width = mine.high - mine.low
        assert (theirs.low, theirs.high) == pytest.approx((mine.low, mine.high), abs=0.2 * width), name
    for one, other in zip(whole.per_class, streamed.per_class, strict=True):
        for what in ("name", "support", "predicted", "precision", "recall", "f1", "iou"):
            assert getattr(other, what) == getattr(one, what), what
        assert (one.iou_low is None) == (other.iou_low is None)
    np.testing.assert_array_equal(streamed.confusion.counts, whole.confusion.counts)
    assert streamed.confusion.pairs == whole.confusion.pairs


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_numbers_are_those_of_whole_arrays(dtype: str) -> None:
    prediction, target = PREDICTION.astype(dtype), TARGET.astype(dtype)
    whole, streamed = (lm.evaluate(prediction, target, stream=stream) for stream in (False, True))
    agree(whole, streamed)
    assert streamed.assumptions == whole.assumptions and streamed.states is not None


def test_ignored_pixels_and_named_classes() -> None:
    agree(*(lm.evaluate(PREDICTION, IGNORED, ignore_index=255, stream=stream) for stream in (False, True)))
    prediction, target = (np.searchsorted(LABELS, x) for x in (PREDICTION, TARGET))
    names = ["sky", "road", "car", "cat", "dog", "never"]
    agree(*(lm.evaluate(prediction, target, class_names=names, stream=stream) for stream in (False, True)))
    target[:, 0], prediction[0, 1, :3] = 9, 9  # the ignored label as an answer, which is always wrong
    given: dict[str, Any] = {"class_names": names, "ignore_index": 9}
    agree(*(lm.evaluate(prediction, target, **given, stream=stream) for stream in (False, True)))


def columns(rows: np.ndarray) -> dict[str, Any]:
    return {"mask": IGNORED[rows].reshape(-1, 120), "answer": PREDICTION[rows].reshape(-1, 120), "id": rows}


def test_same_bits_from_any_split_order_and_executor(tmp_path: Path) -> None:
    options: dict[str, Any] = {"task": "segmentation", "target": "mask", "prediction": "answer", "row_id": "id"}
    options |= {"ignore_index": 255}
    found = []
    for parts in (1, 2, 7):
        for k, rows in enumerate(np.array_split(np.arange(IMAGES), parts)):
            write(tmp_path / str(parts) / f"{k}.parquet", 8, **{n: list(x) for n, x in columns(rows).items()})
        found.append(lm.evaluate(tmp_path / str(parts), stream=True, **options))
    order = RNG.permutation(IMAGES)
    found.append(lm.evaluate((columns(rows) for rows in np.array_split(order, 9)), **options))
    found.append(lm.evaluate(pa.table({n: list(x) for n, x in columns(order).items()}), **options))
    maps = {"mask": IGNORED[order].tolist(), "answer": PREDICTION[order].tolist(), "id": order}
    found.append(lm.evaluate(pa.table(maps), **options))  # lists of lists
    with ThreadPoolExecutor(3) as threads:
        found.append(lm.evaluate(tmp_path / "7", executor=threads, **options))
    assert all(to_json(other.states) == to_json(found[0].states) for other in found[1:])
    assert all(other.metrics == found[0].metrics and other.notes == found[0].notes for other in found[1:])
    agree(lm.evaluate(PREDICTION, IGNORED, ignore_index=255), found[0])
    resumed = [lm.evaluate(tmp_path / "2", resume=tmp_path / "partials", **options) for _ in range(2)]
    assert all(to_json(other.states) == to_json(found[0].states) for other in resumed)
    assert "2 finished splits were taken from the earlier run (resume=)." in resumed[1].notes


def test_images_of_different_sizes() -> None:
    sizes = RNG.integers(0, 9, (30, 2))
    maps = [[RNG.choice([1, 2, 3], tuple(size)) for size in sizes] for _ in range(2)]
    expected = MapCounts()
    pixels = sizes.prod(axis=1)
    prediction, target = (np.concatenate([x.reshape(-1) for x in side]) for side in maps)
    expected.update(np.arange(30), pixels, target, prediction)
    lists = pa.table({name: pa.array([x.tolist() for x in side]) for name, side in zip("py", maps, strict=True)})
    result = lm.evaluate(lists, task="segmentation", target="y", prediction="p")
    assert result.states["maps"] == expected
    assert result.rows == np.count_nonzero(pixels)
    batches = [(p[None], y[None]) for p, y in zip(*maps, strict=True) if p.size]
    counts = lm.evaluate(batches, task="segmentation").confusion.counts
    np.testing.assert_array_equal(counts, result.confusion.counts)


def test_reports() -> None:
    result = lm.evaluate(PREDICTION, IGNORED, ignore_index=255, stream=True)
    assert json.loads(result.to_json())["metrics"]["mean_iou"]["low"] > 0
    assert "mean IoU" in str(result) and "59 images" in str(result)
    assert "mean IoU" in result.to_html()


def test_one_image_has_no_interval() -> None:
    result = lm.evaluate(PREDICTION[:1], TARGET[:1], stream=True)
    assert result.metrics["mean_iou"].low is None
    assert "One image alone: there are no intervals, as they are over images." in result.notes


# --- states ----------------------------------------------------------------------------------------------------------
def some(labels: np.ndarray, row: int) -> tuple[np.ndarray, ...]:
    return np.array([row]), np.array([labels.size]), labels, labels[::-1].copy()


def test_what_is_not_told_of_many_labels_is_forgotten_in_any_order() -> None:
    labels = [np.arange(0, 40), np.arange(30, 70), np.arange(1 << 20, (1 << 20) + 25)]
    states = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        whole = MapCounts(told=60)
        for k in order:
            one = MapCounts(told=60)
            one.update(*some(labels[k], k))
            whole.merge(from_json(to_json(one)))
        states.append(whole)
    assert to_json(states[0]) == to_json(states[1]) == to_json(states[2])
    found = states[0].result()
    assert found.labels.tolist() == sorted({*range(70), *labels[2].tolist()})
    assert found.matrix is None and found.drawn is None and found.counts.sum(axis=1)[:2].tolist() == [105, 105]
    small = MapCounts(labels=60)
    small.update(*some(labels[0], 0))
    with pytest.raises(LabelError, match="the maps hold more than 60 different values; expected labels of classes"):
        small.update(*some(labels[1], 1))


def test_more_classes_than_a_matrix_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from lossmith.evaluation.engine import segmentation as engine

    monkeypatch.setattr(engine, "MATRIX_CLASSES", 4)
    result = lm.evaluate(PREDICTION, TARGET, stream=True)
    assert result.confusion is None and result.metrics["mean_iou"].low is None
    assert "Above 4 classes a stream keeps no pairs of classes and no intervals." in result.notes
    assert result.metrics["mean_iou"].value == lm.evaluate(PREDICTION, TARGET).metrics["mean_iou"].value


# --- bad input -------------------------------------------------------------------------------------------------------
ONE = np.ones((1, 2, 2), int)


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        ([(ONE, ONE), (ONE, ONE[:, 0])], {}, ShapeError, r"shape \(1, 2, 2\) and target has shape \(1, 2\)"),
        ([(np.ones((1, 3, 2, 2)), ONE)], {}, ShapeError, "take the argmax over the classes first"),
        ([(ONE, ONE), (ONE + 0.5, ONE)], {}, LabelError, "prediction has dtype float64 and holds no whole numbers"),
        ([(ONE, ONE), (ONE * np.nan, ONE)], {}, LabelError, "prediction has dtype float64 and holds no whole"),
        ([(ONE, ONE), (ONE, ONE + 5)], {"class_names": ["a", "b"]}, LabelError, "row 2: the maps hold 6, and class_n"),
        ([(ONE, ONE), (ONE << 40, ONE)], {}, LabelError, r"hold 1099511627776; labels of classes lie within ± 2\*\*30"),
        ([(ONE, ONE)], {"ignore_index": 1}, DataError, "no pixel is left to evaluate: all 4 pixels are 1, which is"),
        ([(ONE[:0], ONE[:0])], {}, DataError, "the source has no rows"),
        ([(ONE, ONE)], {"form": "logits"}, InputError, "form is 'logits', but segmentation takes 'labels'"),
        ([(ONE, ONE)], {"weight": "w"}, DataError, "has no column 'w' for weights"),
        ([{"p": ONE, "y": ONE, "w": [1]}], {"weight": "w", "target": "y", "prediction": "p"}, InputError,
         "weight= is for tasks whose examples are rows, and this is segmentation"),
        ([{"p": ONE, "y": ONE, "w": [1]}], {"slices": "w", "target": "y", "prediction": "p"}, InputError,
         "slices= is for tasks whose examples are rows, and this is segmentation"),
        ([{"p": ONE, "q": ONE, "y": ONE}], {"target": "y", "prediction": "p,q"}, InputError,
         "segmentation takes one column of prediction, and there are 2"),
        ([(ONE, ONE)], {"k": 3}, InputError, "k= needs all rows at once"),
        ([(ONE, ONE)], {"bytes": 3}, InputError, "bytes= is for task language_model, and this is segmentation"),
        (pa.table({"p": [[1, 2], None], "y": [[1, 2], [1, 2]]}), {"target": "y", "prediction": "p"}, DomainError,
         "a value is missing at row 2; task segmentation counts all that is in the same image"),
        (pa.table({"p": [[1, 2], [1]], "y": [[1, 2], [1, 2]]}), {"target": "y", "prediction": "p"}, ShapeError,
         "prediction has 1 pixels and target has 2 at row 2"),
        (pa.table({"p": [[1, None]], "y": [[1, 2]]}), {"target": "y", "prediction": "p"}, DomainError, "at row 1"),
        (pa.table({"p": [["a"]], "y": [[1]]}), {"target": "y", "prediction": "p"}, DataError, "expected lists of num"),
    ],
)  # fmt: skip
def test_bad_input(source: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        lm.evaluate(source, **{"task": "segmentation", **options})


def test_nested_lists_without_a_task_say_which() -> None:
    table = pa.table({"p": [[[1, 2], [3, 4]]], "y": [[[1, 2], [3, 4]]]})
    with pytest.raises(DataError, match="label maps are read with task='segmentation'"):
        lm.evaluate(table, target="y", prediction="p")


def test_too_many_values_are_no_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "CLASSES", 10)
    maps = np.arange(12).reshape(2, 2, 3)
    call: Callable[[], Any]
    for call in (lambda: lm.evaluate(maps, maps, stream=True), lambda: lm.evaluate(in_batches((maps, maps)))):
        with pytest.raises(LabelError, match="more than 10 different values"):
            call()
