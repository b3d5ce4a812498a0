"""Bad input to the engine: each kind has its sentence, is counted or left out whole, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, DomainError, InputError, LabelError, UnknownNameError

from .streams import CLASS, LOGITS, NAMES, ROWS, P, Y, bits, in_batches, pa, pq, write, write_files


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_truncated_parquet_is_named_and_can_be_skipped(tmp_path: Path) -> None:
    folder = write_files(tmp_path, 4)
    for bad in ("part-0", "part-2"):
        cut(folder / f"{bad}.parquet")
        with pytest.raises(DataError, match=r"part-0.parquet cannot be read, or is damaged"):
            lm.evaluate(folder, target="y", prediction="p")
        result = lm.evaluate(folder, target="y", prediction="p", skip_bad=True)
        assert any(f"{bad}.parquet cannot be read" in note for note in result.notes)
    rest = np.r_[ROWS // 4 : ROWS // 2, 3 * ROWS // 4 : ROWS]
    assert result.rows == rest.size
    np.testing.assert_array_equal(result.confusion.counts, lm.evaluate(P[rest], Y[rest]).confusion.counts)


def test_a_damaged_row_group_is_named_and_can_be_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", 1000, p=P, y=Y)
    column = pq.ParquetFile(path).metadata.row_group(2).column(0)
    raw = bytearray(path.read_bytes())
    at = column.dictionary_page_offset or column.data_page_offset
    raw[at : at + 200] = b"\xff" * 200
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.parquet \(row group 2\) cannot be read, or is damaged"):
        lm.evaluate(path, target="y", prediction="p", stream=True)
    result = lm.evaluate(path, target="y", prediction="p", skip_bad=True)
    assert result.rows == ROWS - 1000
    assert [note for note in result.notes if note.startswith("Left out: a.parquet (row group 2) cannot be read")]
    rest = np.r_[0:2000, 3000:ROWS]
    np.testing.assert_array_equal(result.confusion.counts, lm.evaluate(P[rest], Y[rest]).confusion.counts)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"p": P[:9]}, r"b\.parquet has no column 'y', which files before it have"),
        (
            {"p": P[:9].astype(str), "y": Y[:9]},
            r"b\.parquet \(row group 0\): column 'p' holds text, and numbers in the",
        ),
        ({"p": [{"a": 1}] * 9, "y": Y[:9]}, r"column 'p' of b\.parquet \(row group 0\) is of type struct"),
    ],
)
def test_files_of_another_schema(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    write(tmp_path / "a.parquet", p=P, y=Y)
    write(tmp_path / "b.parquet", **columns)
    with pytest.raises(DataError, match=said):
        lm.evaluate(tmp_path, target="y", prediction="p")
    result = lm.evaluate(tmp_path, target="y", prediction="p", skip_bad=True)
    assert result.rows == ROWS and any(note.startswith("Left out: ") for note in result.notes)


def test_rows_that_are_no_numbers_are_counted_and_said(tmp_path: Path) -> None:
    p, y = P.copy(), Y.astype(object)
    p[5], p[700], p[701], y[900] = np.nan, np.inf, -np.inf, None
    path = write(tmp_path / "a.parquet", 100, p=p, y=pa.array(y.tolist()))
    result = lm.evaluate(path, target="y", prediction="p", stream=True)
    good = np.ones(ROWS, bool)
    good[[5, 700, 701, 900]] = False
    assert result.rows == ROWS - 4
    without = "and are left out of every number. The first:"
    assert [f"{f.what} {f.evidence}" for f in result.findings if f.code == "EVAL12"] == [
        f"1 of {ROWS} rows have a missing value {without} row 901 of a.parquet (row group 9).",
        f"1 of {ROWS} rows have a prediction that is NaN {without} row 6 of a.parquet (row group 0).",
        f"2 of {ROWS} rows have an infinite prediction {without} row 701 of a.parquet (row group 7).",
    ]
    np.testing.assert_array_equal(result.confusion.counts, lm.evaluate(P[good], Y[good]).confusion.counts)


def test_rounded_probabilities_are_repaired_row_by_row() -> None:
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    p[7] *= 1.01
    result = lm.evaluate([(p[:5], CLASS[:5]), (p[5:], CLASS[5:])])
    assert any(note.startswith("1 rows of probabilities do not sum to 1 exactly") for note in result.notes)
    assert bits(lm.evaluate([(p, CLASS)])) == bits(result)


def test_empty_pieces_change_nothing(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", p=P[:0], y=Y[:0])
    write(tmp_path / "1.parquet", p=P, y=Y)
    write(tmp_path / "2.parquet", p=P[:0], y=Y[:0])
    assert lm.evaluate(tmp_path, target="y", prediction="p").rows == ROWS
    batches = [(P[:0], Y[:0]), (P, Y), (P[:0], Y[:0])]
    assert lm.evaluate(batches).losses == lm.evaluate(P, Y, stream=True).losses


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (
            lambda: lm.evaluate(in_batches((P, Y), ([0.5], [2]))),
            LabelError,
            "label 2 at row 4001, .* settled by the first rows: task= and",
        ),
        (
            lambda: lm.evaluate(in_batches((LOGITS, NAMES[CLASS]), (LOGITS[:1], ["cow"]))),
            UnknownNameError,
            r"no class named 'cow' in the class names \(target, row 4001\)",
        ),
        (lambda: lm.evaluate(in_batches((P, Y), ([1.5], [1]))), DomainError, "prediction holds 1.5 at row 4001"),
        (lambda: lm.evaluate(in_batches((P[:0], Y[:0]))), DataError, "the source has no rows"),
        (lambda: lm.evaluate(in_batches((P * np.nan, Y))), InputError, "the first rows have no finite prediction"),
        (lambda: lm.evaluate([{"a": P}, 3]), DataError, "has no column with a usual target name"),
        (lambda: lm.evaluate(pa.chunked_array([P])), InputError, "the source is a ChunkedArray and no table"),
        (lambda: lm.evaluate(iter([3])), InputError, "batch 0 is a int; expected"),
        (lambda: lm.evaluate(iter([(P, Y[:3])])), InputError, "the columns of batch 0 have"),
        (lambda: lm.evaluate(in_batches((P, Y)), resume="x"), InputError, "resume= needs a source whose pieces"),
        (lambda: lm.evaluate(in_batches((P, Y)), train_target=Y), InputError, "train_target= is for arrays"),
        (lambda: lm.evaluate(in_batches((P, Y)), stream=False), InputError, "stream=False needs arrays or one"),
        (lambda: lm.evaluate(P, Y, prediction="p"), InputError, "prediction= is given beside arrays"),
        (lambda: lm.evaluate(P, Y, row_id="id"), InputError, "arrays have none"),
        (lambda: lm.evaluate(P, stream=True), InputError, "target is None"),
        (
            lambda: lm.evaluate([{"p": P, "y": Y, "id": P}], target="y", prediction="p", row_id="id"),
            InputError,
            "column 'id' of row ids holds float64; expected whole numbers or strings",
        ),
        (lambda: lm.evaluate(in_batches((P, Y)), row_id="id"), DataError, "no column 'id' for row ids"),
        (
            lambda: lm.evaluate(in_batches((P, Y)), ignore_index=1),
            InputError,
            "ignore_index= is for task language_model",
        ),
        (lambda: lm.evaluate(P, Y, bytes=9, stream=True), InputError, "bytes= is for task language_model, and this is"),
        (lambda: lm.evaluate(P, Y, group=Y, task="binary", stream=True), InputError, "group= is for task ranking or"),
        (
            lambda: lm.evaluate(in_batches((LOGITS, LOGITS * 2))),
            InputError,
            "several targets are not evaluated in splits yet",
        ),
    ],
)
def test_bad_calls_have_their_sentence(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_bad_paths_have_their_sentence(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "lost" / "a.parquet", "does not exist, nor does the directory"),
        (tmp_path, "holds no Parquet, CSV or Arrow file"),
        (str(tmp_path / "*.parquet"), "no Parquet, CSV or Arrow file matches"),
        ("nowhere://bucket/a.parquet", "cannot be opened"),
    ):
        with pytest.raises(DataError, match=said):
            lm.evaluate(path, stream=True)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes\.txt is of no known kind; expected a name that ends in \.parquet"):
        lm.evaluate(tmp_path / "notes.txt", stream=True)
    write(tmp_path / "a.parquet", p=P[:5], y=Y[:5])
    (tmp_path / "partials").write_text("a file")
    with pytest.raises(DataError, match="cannot be made a directory"):
        lm.evaluate(tmp_path / "a.parquet", target="y", prediction="p", resume=tmp_path / "partials")
    with pytest.raises(UnknownNameError, match="no column named 'q'"):
        lm.evaluate(tmp_path / "a.parquet", prediction="q", stream=True)


def test_csv_columns_keep_their_type_beyond_the_first_block(tmp_path: Path) -> None:
    lines = ["target,prediction", *(f"{k},{k + 1}" for k in range(50)), "2.5,3.5"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    result = lm.evaluate(tmp_path / "a.csv", stream=True, task="regression")
    assert result.rows == 51 and result.losses["squared_error"].value == 1.0
    (tmp_path / "b.csv").write_text("target,prediction\n1.5,x2\n2,3\n")
    with pytest.raises(DataError, match=r"b\.csv cannot be read, or is damaged: .*invalid value 'x2'"):
        lm.evaluate([tmp_path / "a.csv", tmp_path / "b.csv"], target="target", task="regression")
