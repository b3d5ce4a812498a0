"""Rows that are in the training file, too: found by ids and by columns, never told where rows are alike by chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, InputError

Table = dict[str, list[object] | np.ndarray]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_csv(name: str, columns: Table) -> Path:
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write_csv


def rows(rng: np.random.Generator, n: int) -> Table:
    """Return a table of ``n`` rows with three features and a target."""
    city = np.array(["graz", "linz", "wien"])[rng.integers(0, 3, n)]
    return {
        "a": rng.normal(size=n).round(3),
        "b": rng.integers(0, 50, n),
        "city": city,
        "y": rng.normal(size=n).round(4),
    }


def joined(one: Table, other: Table, take: int) -> Table:
    """Return the first rows of ``one`` in place of the first rows of ``other``."""
    return {k: np.concatenate([np.asarray(one[k])[:take], np.asarray(x)[take:]]) for k, x in other.items()}


def predicted(rng: np.random.Generator, table: Table) -> Table:
    y = np.asarray(table["y"], float)
    return {**table, "prediction": (y + rng.normal(size=y.size)).round(4)}


def told(result: lm.evaluation.Evaluation) -> str:
    return next((f"{f.what} {f.evidence}" for f in result.findings if f.code == "EVAL11"), "")


def test_equal_columns_are_found(rng: np.random.Generator, write: Write) -> None:
    train = rows(rng, 500)
    test = predicted(rng, joined(train, rows(rng, 200), 30))
    test["prediction"][:30] = test["y"][:30]  # it knows them by heart
    result = lm.evaluate(write("test.csv", test), train=write("train.csv", train))
    found = result.duplicates
    assert (found.rows, found.of, found.share, found.by, found.columns) == (
        30,
        200,
        0.15,
        "columns",
        ("a", "b", "city"),
    )
    assert found.loss == 0
    assert told(result) == (
        "30 of 200 rows (15.0 %) are in the training data, too. They are in train.csv, equal in 3 columns; their "
        f"squared error is 0, that of the others {found.rest:.4g}."
    )
    assert (result.findings[0].code, result.findings[0].severity) == ("EVAL11", "error")
    assert json.loads(result.to_json())["duplicates"]["rows"] == 30
    assert "30 of 200 rows" in result.to_html()


def test_formats_and_precisions_are_bridged(rng: np.random.Generator, write: Write, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    train = rows(rng, 300)
    test = predicted(rng, joined(train, rows(rng, 100), 20))
    arrays = {
        "a": pyarrow.array(np.asarray(train["a"], np.float32)),
        "b": pyarrow.array(np.asarray(train["b"], np.float64)),
        "city": pyarrow.array([str(c) for c in train["city"]]),
        "day": pyarrow.array([0] * 300, pyarrow.timestamp("s")),
    }
    parquet.write_table(pyarrow.table(arrays), tmp_path / "train.parquet")
    result = lm.evaluate(write("test.csv", {**test, "day": [0] * 100}), train=tmp_path / "train.parquet")
    assert (result.duplicates.rows, result.duplicates.columns) == (20, ("a", "b", "city"))


def test_matrices_of_npz(rng: np.random.Generator, tmp_path: Path) -> None:
    x = rng.integers(0, 17, (260, 8, 8))
    y = rng.integers(0, 2, 260)
    np.savez(tmp_path / "train.npz", x=x[:160], y=y[:160], names=np.array(["no", "yes"]))
    x[160:170] = x[:10]
    np.savez(tmp_path / "test.npz", x=x[160:], y=y[160:], p=rng.random(100), names=np.array(["no", "yes"]))
    found = lm.evaluate(tmp_path / "test.npz", train=tmp_path / "train.npz").duplicates
    assert (found.rows, len(found.columns), found.columns[9]) == (10, 64, "x[9]")


def test_rows_that_are_alike_by_chance_are_no_finding(rng: np.random.Generator, write: Write) -> None:
    def coarse(n: int) -> Table:
        return {"age": rng.integers(0, 70, n), "region": rng.integers(0, 10, n), "y": rng.normal(size=n)}

    result = lm.evaluate(write("test.csv", predicted(rng, coarse(100))), train=write("train.csv", coarse(1000)))
    assert (result.duplicates, told(result)) == (None, "")
    assert "rows are often alike in all shared columns by chance" in result.notes[-1]


def test_few_columns_say_what_is_missing(rng: np.random.Generator, write: Write) -> None:
    train = {"a": rng.normal(size=50), "sex": rng.integers(0, 2, 50), "id": np.arange(50)}
    result = lm.evaluate(write("test.csv", predicted(rng, {**train, "y": train["a"]})), train=write("train.csv", train))
    assert result.duplicates is None
    assert result.notes[-1].startswith(
        "Rows that are also in train.csv were not looked for: besides target, prediction and ids the files share "
        "2 columns, 1 of them with 10 values or more; at least 2 such columns tell rows apart"
    )


@pytest.mark.parametrize(("equal", "note"), [(0, "No row is in train.csv (equal in 3 columns)."), (
    1, "1 of 200 rows (0.5 %) are in train.csv (equal in 3 columns): too few to matter.")])  # fmt: skip
def test_a_trifle_is_a_note(rng: np.random.Generator, write: Write, equal: int, note: str) -> None:
    train = rows(rng, 400)
    test = predicted(rng, joined(train, rows(rng, 200), equal))
    result = lm.evaluate(write("test.csv", test), train=write("train.csv", train))
    assert (result.duplicates.rows, told(result), result.notes[-1]) == (equal, "", note)


# --- ids -------------------------------------------------------------------------------------------------------------
def named(table: Table, ids: list[str] | np.ndarray) -> Table:
    return {"id": ids, "y": table["y"]}


def test_ids_with_equal_targets_are_found(rng: np.random.Generator, write: Write) -> None:
    train, test = rows(rng, 300), rows(rng, 100)
    train_path = write("train.csv", named(train, [f"u{i}" for i in range(300)]))
    test = predicted(rng, named(joined(train, test, 12), [f"u{i}" if i < 12 else f"v{i}" for i in range(100)]))
    result = lm.evaluate(write("test.csv", test), train=train_path, row_id="id")
    assert (result.duplicates.rows, result.duplicates.by) == (12, "row id")
    assert (
        "12 of 100 rows (12.0 %) are in the training data, too. They are in train.csv, by 'id'; their squared error is"
        in told(result)
    )


@pytest.mark.parametrize("kind", ["numbers", "classes", "one class nearly always", "one class"])
def test_row_numbers_are_not_taken_for_ids(rng: np.random.Generator, write: Write, kind: str) -> None:
    """Ids 0 … n - 1 overlap whatever the rows."""
    share = {"classes": 0.5, "one class nearly always": 0.04, "one class": 0.0}.get(kind)
    draw = rng.normal if share is None else lambda size: (rng.random(size) < share).astype(int)
    train = {"id": np.arange(400), "y": draw(size=400)}
    y = draw(size=300)
    p = y + rng.normal(size=300) if share is None else rng.random(300)
    test = write("test.csv", {"id": np.arange(300), "y": y, "p": p})
    task = "regression" if share is None else "binary"
    result = lm.evaluate(test, train=write("train.csv", train), row_id="id", task=task)
    assert (result.duplicates, told(result)) == (None, "")
    assert "Equal ids of test.csv and train.csv were not taken for the same row: the targets of" in str(result.notes)


def test_ids_that_mean_nothing_give_way_to_columns(rng: np.random.Generator, write: Write) -> None:
    train = {"id": np.arange(300), **rows(rng, 300)}
    test = {"id": np.arange(100), **predicted(rng, joined(train, rows(rng, 100), 10))}
    test["y"], test["id"] = np.asarray(test["y"]), np.arange(100) + 50
    result = lm.evaluate(write("test.csv", test), train=write("train.csv", train), row_id="id")
    assert (result.duplicates.rows, result.duplicates.by) == (10, "columns")
    assert "Equal ids of" in str(result.notes)


def test_training_rows_without_a_target_cannot_vouch_for_ids(rng: np.random.Generator, write: Write) -> None:
    test = predicted(rng, named(rows(rng, 50), np.arange(50)))
    result = lm.evaluate(write("test.csv", test), train=write("train.csv", {"id": np.arange(50)}), row_id="id")
    assert result.duplicates is None
    assert "train.csv has no target 'y' that would show whether they mean the same" in str(result.notes)


# --- bad input -------------------------------------------------------------------------------------------------------
def test_bad_input(rng: np.random.Generator, write: Write, tmp_path: Path) -> None:
    test, train = write("test.csv", predicted(rng, rows(rng, 30))), write("train.csv", rows(rng, 30))
    with pytest.raises(DataError, match=r"train\.csw does not exist; did you mean"):
        lm.evaluate(test, train=tmp_path / "train.csw")
    with pytest.raises(DataError, match=r"test\.csv has no column 'uid' that can be read; row_id= \(--row-id\)"):
        lm.evaluate(test, train=train, row_id="uid")
    for options in ({"skip_bad": True}, {"stream": True}):
        with pytest.raises(InputError, match="held against one Parquet, CSV or NPZ file that is looked at as a whole"):
            lm.evaluate(test, train=train, **options)
    with pytest.raises(InputError, match="held against one Parquet"):
        lm.evaluate([1.0], [2.0], train=train)
    with pytest.raises(InputError, match=r"row_id= \(--row-id\) goes with train="):
        lm.evaluation.evaluate_file(test, row_id="a")
    holes = write("holes.csv", {"id": ["a", ""], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"column 'id' of holes\.csv is empty at row 2 \(line 3\)"):
        lm.evaluate(write("t.csv", {"id": ["a", "b"], "y": [1.0, 2.5], "p": [1.0, 2.0]}), train=holes, row_id="id")


def test_command_line(rng: np.random.Generator, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("typer")
    from lossmith.cli import main

    train = {"id": [f"u{i}" for i in range(60)], **rows(rng, 60)}
    test = write("test.csv", predicted(rng, train))
    for more in ((), ("--decimal", ".")):
        with pytest.raises(SystemExit) as end:
            main(["evaluate", str(test), "--train", str(write("train.csv", train)), "--row-id", "id", *more])
        out = " ".join(capsys.readouterr().out.split())
        assert end.value.code in (0, None)
        assert (
            "EVAL11 error · 60 of 60 rows (100.0 %) are in the training data, too. They are in train.csv, by 'id'."
            in out
        )


@pytest.mark.parametrize(("decimal", "found"), [(",", 20), (None, 20), (".", 0)])
def test_decimal_commas_of_the_training_rows(
    rng: np.random.Generator, tmp_path: Path, decimal: str | None, found: int
) -> None:
    """Text such as 1,25 is a number in both files; that commas group thousands (".") makes it none."""
    x, y = rng.normal(size=(300, 2)).round(2), rng.integers(0, 2, 300)

    def write_rows(name: str, sign: str, some: slice, prediction: bool) -> Path:
        lines = ["y;a;b" + ";p" * prediction]
        for (a, b), t in zip(x[some], y[some], strict=True):
            cells = [f"{t}", f"{a:.2f}", f"{b:.2f}", *(["0.25" if t else "0.5"] * prediction)]
            lines.append(";".join(cells).replace(".", sign))
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    train = write_rows("train.csv", ",", slice(0, 200), False)
    test = write_rows("test.csv", "." if decimal == "." else ",", slice(180, 300), True)
    result = lm.evaluation.evaluate_file(test, target="y", prediction="p", decimal=decimal, train=train)
    assert (result.duplicates.rows if result.duplicates else 0) == found
