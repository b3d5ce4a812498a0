"""Several labels per row of a stream: the numbers of whole arrays, the same bits from any split, limits, bad input."""

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
from lossmith.evaluation.engine import multilabel
from lossmith.evaluation.states import FewTexts, LabelCounts, from_json, to_json
from lossmith.evaluation.states.labels import sets_as_texts, texts_as_sets

from .streams import bits, in_batches, pa, write

RNG = np.random.default_rng(3)
ROWS, LABELS = 3000, 5
NAMES = ("sun", "rain", "wind", "snow", "fog")
T = (RNG.random((ROWS, LABELS)) < [0.1, 0.3, 0.5, 0.2, 0.8]).astype(np.int64)
Z = RNG.standard_normal((ROWS, LABELS)) + 1.5 * (2 * T - 1)
P = 1 / (1 + np.exp(-Z))
W = RNG.random(ROWS).round(2)
FORMS = {"probabilities": P, "percentages": 100 * P, "logits": Z, "labels": (Z > 0).astype(np.int64)}
RESAMPLED = {"micro_f1", "macro_f1", "weighted_f1"}  # groups of rows are drawn anew, not rows


def agree(whole: Evaluation, streamed: Evaluation) -> None:
    """All numbers are those of whole arrays, up to their bounds."""
    assert (streamed.task, streamed.form, streamed.rows) == (whole.task, whole.form, whole.rows)
    assert (streamed.class_names, streamed.assumptions) == (whole.class_names, whole.assumptions)
    assert (list(streamed.losses), list(streamed.metrics)) == (list(whole.losses), list(whole.metrics))
    assert streamed.verdict == whole.verdict
    assert [(f.code, f.what) for f in streamed.findings] == [(f.code, f.what) for f in whole.findings]
    for name, one in whole.losses.items():
        other = streamed.losses[name]
        for what in ("value", "low", "high", "constant", "skill"):
            assert getattr(other, what) == pytest.approx(getattr(one, what), rel=1e-9), what
        width = one.gain_high - one.gain_low
        assert (other.gain_low, other.gain_high) == pytest.approx((one.gain_low, one.gain_high), abs=0.08 * width)
    for name, mine in whole.metrics.items():
        theirs = streamed.metrics[name]
        assert (theirs.title, theirs.proportion) == (mine.title, mine.proportion)
        assert theirs.value == pytest.approx(mine.value, rel=1e-9, abs=theirs.bound or 1e-12), name
        assert theirs.constant == pytest.approx(mine.constant, rel=1e-9), name
        if theirs.low is None:
            assert name in ("macro_auc", "macro_average_precision")
        else:
            slack = 0.2 * (mine.high - mine.low) if name in RESAMPLED else 1e-9
            assert (theirs.low, theirs.high) == pytest.approx((mine.low, mine.high), abs=slack), name
    for one, other in zip(whole.per_class, streamed.per_class, strict=True):
        assert (other.name, other.support, other.predicted) == pytest.approx((one.name, one.support, one.predicted))
        assert (other.precision_low, other.recall_high, other.f1) == pytest.approx(
            (one.precision_low, one.recall_high, one.f1)
        )
        assert (other.auc, other.average_precision) == pytest.approx((one.auc, one.average_precision), abs=2e-3)


@pytest.mark.parametrize("weight", [None, W], ids=["rows", "weights"])
@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_those_of_whole_arrays(form: str, weight: np.ndarray | None) -> None:
    given: dict[str, Any] = {"weight": weight, "class_names": NAMES, "slices": {"first": T[:, 0]}}
    whole, streamed = (lm.evaluate(FORMS[form], T, stream=stream, **given) for stream in (False, True))
    agree(whole, streamed)
    assert [(s.value, s.rows, s.worse) for s in streamed.slices] == [(s.value, s.rows, s.worse) for s in whole.slices]
    assert [s.loss for s in streamed.slices] == pytest.approx([s.loss for s in whole.slices])


def test_figures_are_those_of_whole_arrays() -> None:
    whole, streamed = (lm.evaluate(P, T, class_names=NAMES, stream=stream).drawn() for stream in (False, True))
    np.testing.assert_allclose(streamed.reliability.rate, whole.reliability.rate)
    np.testing.assert_array_equal(streamed.scores.counts.sum(axis=1), whole.scores.counts.sum(axis=1))
    assert np.abs(streamed.scores.counts - whole.scores.counts).max() < 20  # a fine bin goes to one of two coarse ones
    assert streamed.calibration.error == pytest.approx(whole.calibration.error)
    assert streamed.calibration.within == pytest.approx(whole.calibration.within)
    for one, other in zip(whole.worst, streamed.worst, strict=True):
        assert (other.row, other.target, other.predicted) == (one.row, one.target, one.predicted)
        assert other.loss == pytest.approx(one.loss)


def test_reports() -> None:
    result = lm.evaluate(P, T, class_names=NAMES, stream=True)
    plain = json.loads(result.to_json())
    assert plain["per_class"][1]["name"] == "rain" and plain["metrics"]["macro_auc"]["bound"] > 0
    assert "From score histograms, with guaranteed bounds: macro ROC AUC" in result.notes[0]
    assert "macro ROC AUC" in str(result)
    page = result.to_html()
    assert "rain" in page and "macro ROC AUC" in page


def test_same_bits_from_any_split_order_and_executor(tmp_path: Path) -> None:
    options: dict[str, Any] = {"target": "y_*", "prediction": "p_*", "row_id": "id", "slices": ["s"]}

    def columns(rows: np.ndarray) -> dict[str, np.ndarray]:
        return {
            **{f"y_{n}": T[rows, k] for k, n in enumerate(NAMES)},
            **{f"p_{n}": P[rows, k] for k, n in enumerate(NAMES)},
            "id": rows,
            "s": rows % 3,
        }

    found = []
    for parts in (1, 2, 7):
        for k, rows in enumerate(np.array_split(np.arange(ROWS), parts)):
            write(tmp_path / str(parts) / f"{k}.parquet", 400, **columns(rows))
        found.append(lm.evaluate(tmp_path / str(parts), stream=True, **options))
    assert found[0].class_names == NAMES
    order = RNG.permutation(ROWS)
    found.append(lm.evaluate((columns(rows) for rows in np.array_split(order, 9)), **options))
    found.append(lm.evaluate(pa.table(columns(order)), **options))
    with ThreadPoolExecutor(3) as threads:
        found.append(lm.evaluate(tmp_path / "7", executor=threads, **options))
    assert all(to_json(other.states) == to_json(found[0].states) for other in found[1:])
    assert all(other.metrics == found[0].metrics for other in found[1:])
    resumed = [lm.evaluate(tmp_path / "2", resume=tmp_path / "partials", **options) for _ in range(2)]
    assert all(to_json(other.states) == to_json(found[0].states) for other in resumed)
    assert "2 finished splits were taken from the earlier run (resume=)." in resumed[1].notes


def test_lists_columns_and_arrays_of_any_order_in_memory_are_alike(tmp_path: Path) -> None:
    expected = lm.evaluate(P, T, stream=True)
    batches = [(np.asfortranarray(P[:1000]), T[:1000]), (P[1000:], np.asfortranarray(T[1000:]))]
    assert bits(lm.evaluate(batches)) == bits(expected)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(P.reshape(-1)), LABELS)
    table = pa.table({"prediction": fixed, "target": pa.array(T.tolist())})
    assert bits(lm.evaluate(table)) == bits(expected)
    path = write(tmp_path / "a.parquet", prediction=list(P), target=list(T))
    listed = lm.evaluate(path, stream=True)
    assert (listed.metrics["hamming_loss"], listed.per_class) == (expected.metrics["hamming_loss"], expected.per_class)
    lines = [",".join([*(f"p{k}" for k in range(LABELS)), *(f"y{k}" for k in range(LABELS))])]
    lines += [",".join([*map(repr, p), *map(str, t)]) for p, t in zip(P[:300].tolist(), T[:300].tolist(), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    read = lm.evaluate(tmp_path / "a.csv", target="y*", prediction="p*", stream=True)
    assert read.metrics["hamming_loss"] == lm.evaluate(P[:300], T[:300], stream=True).metrics["hamming_loss"]


def test_labels_of_one_kind_have_no_areas() -> None:
    target = T.copy()
    target[:, 0], target[:, 1] = 0, 1
    agree(*(lm.evaluate(P, target, stream=stream, weight=W) for stream in (False, True)))
    streamed = lm.evaluate(P[:, :2], target[:, :2], task="multilabel", stream=True)
    assert streamed.metrics["macro_auc"].value is None
    assert [c.auc for c in streamed.per_class] == [None, None]


def test_rows_that_are_no_numbers_are_counted_and_rows_are_not_divided_by_their_sum() -> None:
    p = P.copy()
    p[:5] = [0.2, 0.2, 0.2, 0.2, 0.21]  # a sum near 1 means nothing here
    p[7, 2] = np.nan
    result = lm.evaluate([(p[:4], T[:4]), (p[4:], T[4:])], task="multilabel")
    keep = np.arange(ROWS) != 7
    agree_on = lm.evaluate(p[keep], T[keep])
    assert result.losses["binary_cross_entropy"].value == pytest.approx(
        agree_on.losses["binary_cross_entropy"].value, rel=1e-12
    )
    assert next(f.what for f in result.findings if f.code == "EVAL12").startswith(f"1 of {ROWS} rows have a prediction")


def test_what_grows_with_the_labels_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lm.evaluate(P, T)
    monkeypatch.setattr(multilabel, "MANY", 4)
    monkeypatch.setattr(multilabel, "SETS", 10)
    result = lm.evaluate(P, T, stream=True)
    assert result.notes[-2:] == (
        "There are more than 10 different sets of labels: what constant answers score in exact match, F1 per row and "
        "the order of labels is not known of a stream.",
        "Above 4 labels a stream has no areas under curves, the interval of the gain and intervals of F1.",
    )
    assert "macro_auc" not in result.metrics and result.metrics["macro_f1"].low is None
    assert result.metrics["exact_match"].constant is None
    for name in ("hamming_loss", "micro_f1"):
        assert result.metrics[name].constant == pytest.approx(whole.metrics[name].constant)
    assert result.verdict.startswith("Beside always answering each label's share: binary cross-entropy")
    json.loads(result.to_json())
    assert "<html" in result.to_html()


def test_many_labels_keep_their_names_in_the_worst_rows() -> None:
    target = (RNG.random((120, 130)) < 0.05).astype(np.int64)
    prediction = np.clip(0.9 * target + 0.1 * RNG.random(target.shape), 0, 1)
    whole, streamed = (lm.evaluate(prediction, target, stream=stream) for stream in (False, True))
    assert [row.target for row in streamed.drawn().worst] == [row.target for row in whole.drawn().worst]
    assert streamed.metrics["macro_auc"].value == pytest.approx(whole.metrics["macro_auc"].value, abs=0.01)


# --- states ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("weighted", [False, True])
def test_few_texts_forget_in_any_order(weighted: bool) -> None:
    parts = [np.array(t) for t in (["a", "bb", "a"], ["c"], [], ["bb", "dddd"])]
    given = [{"weight": np.full(t.size, 0.1)} if weighted else {} for t in parts]
    for limit in (3, 4):
        states = []
        for order in ([0, 1, 2, 3], [3, 1, 2, 0], [2, 3, 0, 1]):
            whole = FewTexts(limit, weighted)
            for k in order:
                one = FewTexts(limit, weighted)
                one.update(parts[k].astype(np.str_), **given[k])
                whole.merge(from_json(to_json(one)))
            states.append(whole)
        assert to_json(states[0]) == to_json(states[1]) == to_json(states[2])
        found = states[0].result()
        if limit == 3:
            assert found is None
        else:
            assert found[0].tolist() == ["a", "bb", "c", "dddd"]
            assert found[1].tolist() == pytest.approx([0.2, 0.2, 0.1, 0.1] if weighted else [2, 2, 1, 1])


def test_sets_have_texts_that_tell_them_apart() -> None:
    every = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    for labels in (1, 7, 8):
        sets = np.unique(every[:, :labels], axis=0)
        texts = sets_as_texts(sets)
        assert np.unique(texts).size == len(sets)
        np.testing.assert_array_equal(texts_as_sets(texts, labels), sets)
    assert texts_as_sets(np.zeros(0, np.str_), 3).shape == (0, 3)


def test_states_refuse_what_they_cannot_count() -> None:
    with pytest.raises(ShapeError, match=r"target has shape \(2, 2\); expected \(N, 3\)"):
        LabelCounts(3).update(np.zeros((2, 2), int), np.zeros((2, 3), int))
    with pytest.raises(InputError, match="with weighted=True takes weights of the rows"):
        LabelCounts(3, weighted=True).update(np.zeros((2, 3), int), np.zeros((2, 3), int))
    stored = FewTexts(2)
    stored.update(np.array(["a", "b"]))
    with pytest.raises(DataError, match="stored texts are damaged"):
        from_json(to_json(stored).replace('"limit":2', '"limit":1'))


# --- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: lm.evaluate(in_batches((P, T), (P[:2, :4], T[:2, :4]))), ShapeError, "4 columns for 5 class names"),
        (lambda: lm.evaluate(in_batches((P, T), (P[:2], T[:2, :4]))), ShapeError, r"\(2, 5\) and target .* \(2, 4\)"),
        (lambda: lm.evaluate(in_batches((P, T), (P[:2], T[:2, 0]))), ShapeError, "multilabel takes"),
        (lambda: lm.evaluate(in_batches((P, T), (P[:2], T[:2] + 1))), LabelError, "than 0 and 1 at row 3001"),
        (lambda: lm.evaluate(in_batches((P, T), (P[:2] + 1, T[:2]))), DomainError, "prediction holds .* at row 3001"),
        (
            lambda: lm.evaluate(in_batches((FORMS["labels"], T), (FORMS["labels"][:2] * 2, T[:2]))),
            LabelError,
            "form 'labels' takes 0 and 1",
        ),
        (lambda: lm.evaluate(in_batches((P[:0], T[:0]))), DataError, "the source has no rows"),
        (lambda: lm.evaluate(in_batches((P * np.nan, T))), InputError, "the first rows have no finite prediction"),
        (lambda: lm.evaluate(P, T, stream=True, class_names=["a"]), ShapeError, "5 columns for 1 class names"),
        (lambda: lm.evaluate(P, T, stream=True, k=2), InputError, "k= needs all rows at once"),
        (
            lambda: lm.evaluate(pa.table({"prediction": [[0.1, 0.2], [0.3]], "target": [[1, 1], [0, 1]]})),
            DataError,
            "holds lists of 1 and of 2 values",
        ),
        (lambda: lm.evaluate(in_batches((P, T)), weight=W), InputError, "of a source expected the name of its column"),
        (lambda: lm.evaluate(P, T, weight=-W, stream=True), InputError, "weight is -.* at row"),
    ],
)
def test_bad_calls_have_their_sentence(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
