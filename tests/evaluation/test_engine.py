"""The engine: any source, split and executor gives the same bits, those of whole arrays; crashes cost nothing."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith import files
from lossmith.errors import DataError, DomainError, InputError, LabelError, UnknownNameError
from lossmith.evaluation import Evaluation
from lossmith.evaluation.states import to_json

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = 4000
RNG = np.random.default_rng(11)
P = RNG.beta(0.4, 0.7, ROWS)
Y = (RNG.random(ROWS) < P).astype(np.int64)
LOGITS = RNG.standard_normal((ROWS, 4))
CLASS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
NAMES = np.array(["ant", "bee", "cat", "dog"])
X = RNG.standard_normal(ROWS) * 3 + 20
Z = np.abs(X + RNG.standard_normal(ROWS))


def bits(result: Evaluation) -> str:
    """All that must not depend on how the rows were split (what was assumed quotes the first rows)."""
    assert result.states is not None
    return to_json(result.states) + repr(sorted((result.to_dict() | {"assumptions": ()}).items()))


def write(path: Path, group: int = 1000, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group, compression="snappy")
    return path


def write_files(folder: Path, parts: int) -> Path:
    """The binary rows in ``parts`` files, with ids."""
    for k, rows in enumerate(np.array_split(np.arange(ROWS), parts)):
        write(folder / f"part-{k}.parquet", 300, p=P[rows], y=Y[rows], id=rows)
    return folder


# --- against whole arrays --------------------------------------------------------------------------------------------
PAIRS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "probabilities": (P, Y),
    "logits": (np.log(P + 1e-9) - np.log1p(1e-9 - P), Y),
    "two columns": (np.stack([1 - P, P], axis=1), Y),
    "percentages": (100 * P, Y),
    "hard labels": ((P > 0.3).astype(np.int64), Y),
    "signs": (P, 2 * Y - 1),
    "classes": (LOGITS, CLASS),
    "class probabilities": (np.round(np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True), 4), CLASS),
    "many classes": (np.concatenate([LOGITS, LOGITS - 2, LOGITS - 4], axis=1), CLASS),
    "class names": (NAMES[LOGITS.argmax(1)], NAMES[CLASS]),
    "numbers": (X, Z),
    "numbers below 0": (X - 20, Z - 20),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_streamed_numbers_are_those_of_whole_arrays(kind: str) -> None:
    prediction, target = PAIRS[kind]
    whole, streamed = lm.evaluate(prediction, target), lm.evaluate(prediction, target, stream=True)
    assert (streamed.task, streamed.form, streamed.rows) == (whole.task, whole.form, whole.rows)
    assert streamed.class_names == whole.class_names
    assert streamed.assumptions == whole.assumptions
    assert list(streamed.losses) == list(whole.losses)
    assert list(streamed.metrics) == list(whole.metrics)
    for name, one in whole.losses.items():
        other = streamed.losses[name]
        np.testing.assert_allclose([other.value, other.low, other.high], [one.value, one.low, one.high], rtol=1e-9)
        if other.constant is not None:
            slack = other.constant_bound or 0.0
            np.testing.assert_allclose(other.constant, one.constant, rtol=1e-9, atol=slack)
        if name not in ("squared_error",) and other.gain_low is not None:
            np.testing.assert_allclose([other.gain_low, other.gain_high], [one.gain_low, one.gain_high], rtol=1e-8)
    for name, mine in whole.metrics.items():
        theirs = streamed.metrics[name]
        slack = (theirs.bound or 0.0) + (1e-9 if mine.value is not None else 0)
        np.testing.assert_allclose(theirs.value, mine.value, rtol=1e-9, atol=slack, err_msg=name)
        assert theirs.title == mine.title
        if mine.low is not None:
            np.testing.assert_allclose([theirs.low, theirs.high], [mine.low, mine.high], rtol=1e-9)
        if theirs.low is not None:
            assert theirs.low <= theirs.value <= theirs.high, name
    assert streamed.per_class == whole.per_class
    if whole.confusion is not None:
        np.testing.assert_array_equal(streamed.confusion.counts, whole.confusion.counts)
        assert streamed.confusion.pairs == whole.confusion.pairs
    assert "report" in streamed.to_html() or streamed.to_html()
    assert streamed.verdict.partition(":")[0] == whole.verdict.partition(":")[0]


def test_squared_error_gain_by_bootstrap_is_about_the_normal_one() -> None:
    one, other = lm.evaluate(X, Z).losses["squared_error"], lm.evaluate(X, Z, stream=True).losses["squared_error"]
    width = one.gain_high - one.gain_low
    assert abs(other.gain_low - one.gain_low) < 0.25 * width and abs(other.gain_high - one.gain_high) < 0.25 * width


# --- the same bits ---------------------------------------------------------------------------------------------------
def test_same_bits_from_1_2_and_7_splits_shuffled_and_on_threads(tmp_path: Path) -> None:
    options: dict[str, Any] = {"target": "y", "prediction": "p", "row_id": "id"}
    found = {}
    for parts in (1, 2, 7):
        result = lm.evaluate(write_files(tmp_path / str(parts), parts), stream=True, **options)
        found[parts] = to_json(result.states)
        numbers = result.to_dict() | {"source": ""}
        assert numbers == found.setdefault("numbers", numbers)
    assert found[1] == found[2] == found[7]
    order = np.random.default_rng(5).permutation(ROWS)
    batches = ({"p": P[i], "y": Y[i], "id": i} for i in np.array_split(order, 13))
    assert to_json(lm.evaluate(batches, **options).states) == found[1]
    with ThreadPoolExecutor(3) as threads:
        result = lm.evaluate(tmp_path / "7", executor=threads, **options)
    assert to_json(result.states) == found[1]
    table = pa.table({"p": P[order], "y": Y[order], "id": order})
    assert to_json(lm.evaluate(table, **options).states) == found[1]


@pytest.mark.parametrize("kind", ["classes", "class names", "numbers below 0"])
def test_same_bits_of_other_tasks(kind: str) -> None:
    prediction, target = PAIRS[kind]
    whole = lm.evaluate(prediction, target, stream=True)
    cuts = [0, 1000, 1001, 2500, ROWS]  # the first batch decides on task, form and classes
    batches = [(prediction[a:b], target[a:b]) for a, b in pairwise(cuts)]
    assert bits(lm.evaluate(batches)) == bits(whole)


class Killer(Executor):
    """A process pool whose worker is killed by the ``nth`` split that it is given."""

    def __init__(self, pool: Executor, nth: int) -> None:
        self._pool, self._left = pool, nth

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._left -= 1
        return self._pool.submit(_die if self._left == 0 else fn, *args, **kwargs)


def _die(*args: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes as POSIX does")
def test_processes_and_a_killed_worker_leave_the_bits(tmp_path: Path) -> None:
    folder = write_files(tmp_path, 5)
    expected = lm.evaluate(folder, target="y", prediction="p", stream=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        result = lm.evaluate(folder, target="y", prediction="p", executor=pool)
        assert bits(result) == bits(expected)
        result = lm.evaluate(folder, target="y", prediction="p", executor=Killer(pool, 3))
    assert to_json(result.states) == to_json(expected.states)
    assert any("A worker of the executor died" in note for note in result.notes)


class Suicidal(Executor):
    """Works in the calling thread, and kills its process instead of the fourth split."""

    done = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.done == 3:
            _die()
        self.done += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _killed_driver(folder: str, resume: str) -> None:
    lm.evaluate(folder, target="y", prediction="p", executor=Suicidal(), resume=resume)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes as POSIX does")
def test_a_killed_driver_is_resumed(tmp_path: Path) -> None:
    folder, partials = write_files(tmp_path / "data", 5), tmp_path / "partials"
    expected = lm.evaluate(folder, target="y", prediction="p", stream=True)
    driver = multiprocessing.get_context("spawn").Process(target=_killed_driver, args=(str(folder), str(partials)))
    driver.start()
    driver.join()
    assert driver.exitcode == -signal.SIGKILL
    assert len(list(partials.glob("*.partial.json.gz"))) == 3
    result = lm.evaluate(folder, target="y", prediction="p", resume=partials)
    assert "3 finished splits were taken from the earlier run (resume=)." in result.notes
    assert to_json(result.states) == to_json(expected.states)
    again = lm.evaluate(folder, target="y", prediction="p", resume=partials)
    assert "5 finished splits were taken from the earlier run (resume=)." in again.notes
    assert to_json(again.states) == to_json(expected.states)


def test_partials_of_other_data_or_other_plans_are_not_taken(tmp_path: Path) -> None:
    folder, partials = write_files(tmp_path / "data", 2), tmp_path / "partials"
    lm.evaluate(folder, target="y", prediction="p", resume=partials)
    other = lm.evaluate(folder, target="y", prediction="p", class_names=["no", "yes"], resume=partials)
    assert not any("earlier run" in note for note in other.notes)
    write(folder / "part-1.parquet", p=P[:10], y=Y[:10], id=np.arange(10))
    changed = lm.evaluate(folder, target="y", prediction="p", resume=partials)
    assert "1 finished splits were taken from the earlier run (resume=)." in changed.notes
    assert changed.rows == ROWS // 2 + 10


def test_damaged_partials_are_computed_again(tmp_path: Path) -> None:
    folder, partials = write_files(tmp_path / "data", 2), tmp_path / "partials"
    first = lm.evaluate(folder, target="y", prediction="p", resume=partials)
    one, other = sorted(partials.iterdir())
    one.write_bytes(one.read_bytes()[:-20])
    other.write_bytes(b"")
    again = lm.evaluate(folder, target="y", prediction="p", resume=partials)
    assert bits(again) == bits(first)


def test_a_full_disk_is_said_and_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, partials = write_files(tmp_path / "data", 2), tmp_path / "partials"
    lm.evaluate(folder, target="y", prediction="p", resume=partials)
    before = {p.name: p.read_bytes() for p in partials.iterdir()}
    monkeypatch.setattr(files.os, "fsync", _full)
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        lm.evaluate(folder, target="y", prediction="p", task="binary", form="logits", resume=partials)
    assert {p.name: p.read_bytes() for p in partials.iterdir()} == before


def _full(*args: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Flaky(Executor):
    """Fails each split twice, as machines do."""

    def __init__(self) -> None:
        self.tries: dict[str, int] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        key = args[1].key
        self.tries[key] = self.tries.get(key, 0) + 1
        if self.tries[key] < 3:
            future.set_exception(ConnectionError("the node is gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_splits_that_fail_are_tried_again_and_counted_once(tmp_path: Path) -> None:
    folder = write_files(tmp_path, 3)
    executor = Flaky()
    result = lm.evaluate(folder, target="y", prediction="p", executor=executor)
    assert bits(result) == bits(lm.evaluate(folder, target="y", prediction="p", stream=True))
    assert set(executor.tries.values()) == {2} or set(executor.tries.values()) == {3}


# --- sources ---------------------------------------------------------------------------------------------------------
def test_every_kind_of_source(tmp_path: Path) -> None:
    table = pa.table({"p": P, "y": Y})
    half = ROWS // 2
    write(tmp_path / "d" / "half=1" / "a.parquet", p=P[:half], y=Y[:half])
    write(tmp_path / "d" / "half=2" / "_hidden" / "c.parquet", p=P[:7], y=Y[:7])
    write(tmp_path / "d" / "half=2" / "b.parquet", p=P[half:], y=Y[half:])
    csv = tmp_path / "preds.csv.gz"
    from pyarrow import csv as arrow_csv

    with pa.output_stream(csv, compression="gzip") as out:
        arrow_csv.write_csv(table, out)
    ipc = tmp_path / "preds.arrow"
    with pa.ipc.new_file(ipc, table.schema) as writer:
        writer.write_table(table, max_chunksize=900)
    one = write(tmp_path / "preds.parquet", 700, p=P, y=Y)
    sources = {
        "directory": tmp_path / "d",
        "pattern": str(tmp_path / "d" / "*" / "*.parquet"),
        "list": [tmp_path / "d" / "half=2" / "b.parquet", str(tmp_path / "d" / "half=1" / "a.parquet")],
        "csv": csv,
        "ipc": ipc,
        "url": one.as_uri(),
        "table": table,
        "reader": table.to_reader(512),
        "tables": [table.slice(0, 99), table.slice(99)],
        "batches": ((P[i : i + 333], Y[i : i + 333]) for i in range(0, ROWS, 333)),
        "columns": [{"p": P, "y": Y}],
    }
    expected = lm.evaluate(P, Y, stream=True)
    for name, source in sources.items():
        given = {} if name == "batches" else {"target": "y", "prediction": "p"}
        result = lm.evaluate(source, stream=True, **given)
        assert result.losses == expected.losses, name
        assert result.confusion.counts.tolist() == expected.confusion.counts.tolist(), name
        assert result.metrics["auc"] == expected.metrics["auc"], name


def test_data_frames_and_lists_in_columns(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"label": NAMES[CLASS], **{f"logit_{n}": LOGITS[:, k] for k, n in enumerate(NAMES)}})
    result = lm.evaluate(frame)
    assert result.class_names == tuple(NAMES) and result.form == "logits"
    path = write(tmp_path / "lists.parquet", logits=list(LOGITS), label=CLASS)
    listed = lm.evaluate(path, stream=True)
    np.testing.assert_allclose(listed.losses["softmax_cross_entropy"].value, lm.evaluate(LOGITS, CLASS).losses[
        "softmax_cross_entropy"].value, rtol=1e-12)  # fmt: skip
    assert listed.losses == result.losses


def test_small_files_are_looked_at_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", p=P, y=Y)
    assert lm.evaluate(path).states is None
    assert lm.evaluate(str(path), target="y").metrics["auc"].bound is None
    assert lm.evaluate(path, stream=True).states is not None
    assert lm.evaluate(path, skip_bad=True).states is not None


# --- bad input -------------------------------------------------------------------------------------------------------
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
    without = "and are left out of every number; the first:"
    assert result.findings[:3] == (
        f"1 of {ROWS} rows have a missing value {without} row 901 of a.parquet (row group 9).",
        f"1 of {ROWS} rows have a prediction that is NaN {without} row 6 of a.parquet (row group 0).",
        f"2 of {ROWS} rows have an infinite prediction {without} row 701 of a.parquet (row group 7).",
    )
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
    assert lm.evaluate(batches).losses == lm.evaluate(tmp_path, target="y", prediction="p").losses


def _batches(*pairs: tuple[Any, Any]) -> Iterator[tuple[Any, Any]]:
    yield from ((np.asarray(a), np.asarray(b)) for a, b in pairs)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: lm.evaluate(_batches((P, Y), ([0.5], [2]))), LabelError, "target holds label 2 at row 4001"),
        (
            lambda: lm.evaluate(_batches((LOGITS, NAMES[CLASS]), (LOGITS[:1], ["cow"]))),
            UnknownNameError,
            r"no class named 'cow' in the class names \(target, row 4001\)",
        ),
        (lambda: lm.evaluate(_batches((P, Y), ([1.5], [1]))), DomainError, "prediction holds 1.5 at row 4001"),
        (lambda: lm.evaluate(_batches((P[:0], Y[:0]))), DataError, "the source has no rows"),
        (lambda: lm.evaluate(_batches((P * np.nan, Y))), InputError, "the first rows have no finite prediction"),
        (lambda: lm.evaluate([{"a": P}, 3]), DataError, "has no column with a usual target name"),
        (lambda: lm.evaluate(iter([3])), InputError, "batch 0 is a int; expected"),
        (lambda: lm.evaluate(iter([(P, Y[:3])])), InputError, "the columns of batch 0 have"),
        (lambda: lm.evaluate(_batches((P, Y)), resume="x"), InputError, "resume= needs a source whose pieces"),
        (lambda: lm.evaluate(_batches((P, Y)), weight=P), InputError, "weight= and train_target= are for arrays"),
        (lambda: lm.evaluate(_batches((P, Y)), stream=False), InputError, "stream=False needs arrays or one"),
        (lambda: lm.evaluate(P, Y, prediction="p"), InputError, "prediction= is given beside arrays"),
        (lambda: lm.evaluate(P, Y, row_id="id"), InputError, "arrays have none"),
        (lambda: lm.evaluate(P, stream=True), InputError, "target is None"),
        (lambda: lm.evaluate(_batches((P, Y)), row_id="id"), DataError, "no column 'id' for row ids"),
        (
            lambda: lm.evaluate(_batches((np.stack([P, P], 1), np.stack([Y, Y], 1)))),
            InputError,
            "task 'multilabel' is not evaluated in splits yet",
        ),
        (
            lambda: lm.evaluate(_batches((LOGITS, LOGITS * 2))),
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


def test_progress_is_shown_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    lm.evaluate(write_files(tmp_path, 2), target="y", prediction="p", progress=True)
    lm.evaluate(_batches((P, Y)), progress=True)
    assert "Evaluating" in capsys.readouterr().err
