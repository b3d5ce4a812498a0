"""The engine: any source, split and executor gives the same bits, those of whole arrays; crashes cost nothing."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith import files
from lossmith.errors import DataError
from lossmith.evaluation.states import to_json

from .streams import CLASS, LOGITS, NAMES, ROWS, P, X, Y, Z, bits, in_batches, pa, write, write_files

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


# Whole arrays draw counts anew, streams keep replicates (DeLong for AUC): alike, not the same.
RESAMPLED = {"auc", "average_precision", "balanced_accuracy", "f1", "kappa", "macro_f1", "mcc", "weighted_f1"}
RESAMPLED |= {"r2", "rmse"}
# What no state of a stream keeps.
WHOLE_ONLY = {"macro_auc", "macro_average_precision", "median_absolute_error", "absolute_error_90", "d2_absolute"}
WHOLE_ONLY |= {"explained_variance", "smape", "rmsle"}


@pytest.mark.parametrize("kind", PAIRS)
def test_streamed_numbers_are_those_of_whole_arrays(kind: str) -> None:
    prediction, target = PAIRS[kind]
    whole, streamed = lm.evaluate(prediction, target), lm.evaluate(prediction, target, stream=True)
    assert (streamed.task, streamed.form, streamed.rows) == (whole.task, whole.form, whole.rows)
    assert streamed.class_names == whole.class_names
    assert streamed.assumptions == whole.assumptions
    assert list(streamed.losses) == list(whole.losses)
    assert [name for name in whole.metrics if name in streamed.metrics] == list(streamed.metrics)
    assert set(whole.metrics) - set(streamed.metrics) <= WHOLE_ONLY
    slack = 0.08 if whole.task == "binary" else 0.0  # groups of rows know a mean's width to some per cent
    for name, one in whole.losses.items():
        other = streamed.losses[name]
        np.testing.assert_allclose(other.value, one.value, rtol=1e-9)
        assert_ends_agree((other.low, other.high), (one.low, one.high), slack)
        if other.constant is not None:
            np.testing.assert_allclose(other.constant, one.constant, rtol=1e-9, atol=other.constant_bound or 0.0)
        if name not in ("squared_error",) and other.gain_low is not None:
            assert_ends_agree((other.gain_low, other.gain_high), (one.gain_low, one.gain_high), slack)
    for name, theirs in streamed.metrics.items():
        mine = whole.metrics[name]
        bound = (theirs.bound or 0.0) + (1e-9 if mine.value is not None else 0)
        np.testing.assert_allclose(theirs.value, mine.value, rtol=1e-9, atol=bound, err_msg=name)
        assert theirs.title == mine.title
        if mine.low is not None and theirs.low is not None:
            slack = 0.2 if name in RESAMPLED else 0.08 if whole.task == "binary" else 0.0
            assert_ends_agree((theirs.low, theirs.high), (mine.low, mine.high), slack)
        if theirs.low is not None:
            assert theirs.low <= theirs.value <= theirs.high, name
    assert streamed.per_class == whole.per_class
    if whole.confusion is not None:
        np.testing.assert_array_equal(streamed.confusion.counts, whole.confusion.counts)
        assert streamed.confusion.pairs == whole.confusion.pairs
    assert "<html" in streamed.to_html()
    assert streamed.verdict.partition(":")[0] == whole.verdict.partition(":")[0]


def assert_ends_agree(found: tuple[float, float], expected: tuple[float, float], slack: float) -> None:
    """Both ends, up to a share of the interval's width."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=slack * (expected[1] - expected[0]))


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
        "columns": {"p": P, "y": Y},
        "lists of columns": [{"p": P[:9].tolist(), "y": Y[:9].tolist()}, {"p": P[9:], "y": Y[9:]}],
    }
    expected = lm.evaluate(P, Y, stream=True)
    values = [(s.value, s.constant) for s in expected.losses.values()]
    for name, source in sources.items():
        given = {} if name == "batches" else {"target": "y", "prediction": "p"}
        result = lm.evaluate(source, stream=True, **given)
        # Files number rows by file: the groups of rows, and with them the ends of intervals, are others.
        assert [(s.value, s.constant) for s in result.losses.values()] == values, name
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


def test_progress_is_shown_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    lm.evaluate(write_files(tmp_path, 2), target="y", prediction="p", progress=True)
    lm.evaluate(in_batches((P, Y)), progress=True)
    assert "Evaluating" in capsys.readouterr().err
