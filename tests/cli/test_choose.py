"""``lossmith choose`` as a user meets it: files, columns, options, messages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossmith.cli import main
from lossmith.understanding import choose_file

LABELS = ["cat", "dog", "owl", "cat", "dog", "cat"] * 10
AMOUNTS = [0.5, 1.25, -3.5, 2.0, 0.25, 7.0] * 10


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV with features, a target of words, one of numbers, and several labels."""
    rows = [
        f"{i % 7}.5,{label},{amount},{i % 2},{i % 3 % 2},{i}"
        for i, (label, amount) in enumerate(zip(LABELS, AMOUNTS, strict=True))
    ]
    path = tmp_path / "train.csv"
    path.write_text("\n".join(["x,label,amount,y_hot,y_wet,row_id", *rows]) + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as end:
        main(["choose", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_a_column_by_name_prints_the_choice(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--target", f"{table}:label")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "label of train.csv: 60 rows"
    assert out == choose_file(table, "label").to_text(110)
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("wanted", "name", "task"),
    [
        ("amount", "amount", "regression"),
        ("1", "label", "multiclass"),
        ("-3", "y_hot", "binary"),
        ("y_*", "y_hot, y_wet", "multilabel"),
        ("y_hot,y_wet", "y_hot, y_wet", "multilabel"),
        ("3, 4", "y_hot, y_wet", "multilabel"),
    ],
)
def test_which_column(table: Path, capsys: pytest.CaptureFixture[str], wanted: str, name: str, task: str) -> None:
    data = json.loads(run(capsys, "-t", f"{table}:{wanted}", "--json")[1], parse_constant=pytest.fail)
    assert (data["name"], data["reading"]["task"], data["source"]) == (name, task, "train.csv")


def test_options(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "-t", f"{table}:y_hot", "--positive", "0", "--json")
    assert json.loads(out)["suggestions"][0]["prepare"] == 'y = (y == 0).astype("float32")'
    _, out, _ = run(capsys, "-t", f"{table}:row_id", "--task", "counts")
    assert "Read as counts, as asked for." in out


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    text = "label\n" + "".join(f"{label}\n" for label in LABELS)
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    np.savez(tmp_path / "c.npz", label=np.array(LABELS))
    parquet.write_table(pyarrow.table({"label": LABELS}), tmp_path / "d.parquet")
    expected = lm.choose(LABELS).suggestions
    for name in ("a.csv", "b.csv.gz", "c.npz", "d.parquet"):
        assert choose_file(tmp_path / name, "label").suggestions == expected
        assert choose_file(tmp_path / name).suggestions == expected  # the only column


def test_missing_values_of_every_format(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "a.csv").write_text("y,word,other\n0,a,1\n,b,2\n1,,3\nNA,a,4\n")
    np.savez(tmp_path / "c.npz", y=[0, np.nan, 1, np.nan], word=["a", "b", "", "a"])
    columns = {"y": [0, None, 1, None], "word": ["a", "b", None, "a"], "flag": [True, None, False, True]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "d.parquet")
    for name in ("a.csv", "c.npz", "d.parquet"):
        assert choose_file(tmp_path / name, "y").missing == 2
        assert choose_file(tmp_path / name, "word").missing == 1
    assert choose_file(tmp_path / "d.parquet", "flag").first.prepare == lm.choose([True, False]).first.prepare
    assert choose_file(tmp_path / "a.csv", "y,other").rows == 4


def test_matrices_of_npz_and_parquet(tmp_path: Path) -> None:
    rows = np.eye(3, dtype=int)[[0, 1, 2, 2, 1, 0]]
    np.savez(tmp_path / "x.npz", target=rows)
    assert choose_file(tmp_path / "x.npz", "target").first.prepare == "y = y.argmax(axis=1)"
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"target": rows.tolist()}), tmp_path / "x.parquet")
    assert choose_file(tmp_path / "x.parquet", "target").task == "multiclass"


def test_decimal_commas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("y;price\n" + "0,5;1,234\n-1,25;2,500\n3,5;9,125\n" * 9)
    _, out, _ = run(capsys, "-t", f"{path}:y")
    assert out.splitlines()[1] == "Decimal commas in 'y': 0,5 read as 0.5; decimal= (--decimal) says otherwise."
    code, _, err = run(capsys, "-t", f"{path}:price")
    assert (code, err) == (
        2,
        "error: row 1 (line 2): column 'price' holds '1,234', which is 1.234 with a decimal comma and 1234 without; "
        "say which with decimal=',' or decimal='.' (--decimal)\n",
    )
    assert "3 different whole numbers, 1,234 to 9,125" in run(capsys, "-t", f"{path}:price", "--decimal", ".")[1]
    assert "between 1.234 and 9.125" in run(capsys, "-t", f"{path}:price", "--decimal", ",")[1]


def test_markup_in_names_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("[red]y\x1b[31m\n" + "[bold]a\n[/nope]\n\x1b[31mc\n" * 9)
    code, out, _ = run(capsys, "-t", f"{path}:0")
    assert code == 0
    assert "[red]y" in out
    assert "[bold]a" in out
    assert "[/nope]" in out
    assert "\x1b" not in out


def test_narrow_terminals_wrap_the_prose(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = run(capsys, "-t", f"{table}:label")
    assert "\x1b[1mTake Softmax cross-entropy (softmax_cross_entropy)" in out
    prose = [line for line in out.splitlines() if "(" not in line]
    assert max(map(len, prose)) <= 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "{table}"], "train.csv has 6 columns; say which: {table}:row_id (or another of 'x', 'label', "),
        (["--target", "{table}:tarjet"], "no column named 'tarjet' in train.csv; "),
        (["--target", "{table}:label,amount"], "column 'label' holds text ('cat'); several columns must hold numbers"),
        (["--target", "{table}:6"], "no column named '6' in train.csv"),
        (["--target", "{table}:y_hot,3"], "column 'y_hot' of train.csv is asked for 2 times"),
        (["--target", "{table}s:label"], "train.csvs does not exist; did you mean '{table}'?"),
        (["--target", "{table}:row_id"], "row_id looks like row numbers or keys: it holds every number from 0 to 59"),
        (["--target", "{table}:label", "--task", "counts"], "label holds words ('cat'); counts needs numbers"),
        (["--target", "{table}:label", "--task", "classes"], "no task named 'classes'; "),
        (["--target", "{table}:y_hot", "--positive", "yes"], "positive is 'yes'; expected '0' or '1'"),
        (["--target", "{table}:label", "--decimal", ";"], "decimal is ';'; expected '.' or ','"),
    ],
)
def test_mistakes_end_in_one_line_and_code_2(
    table: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, *(a.format(table=table) for a in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message.format(table=table) in err
    assert len(err.splitlines()) == 1


def test_dates_of_parquet_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    days = pyarrow.array([1, 2, 3], pyarrow.int32()).cast(pyarrow.date32())
    parquet.write_table(pyarrow.table({"day": days}), tmp_path / "x.parquet")
    code, _, err = run(capsys, "-t", tmp_path / "x.parquet")
    assert code == 2
    assert err == (
        "error: column 'day' of x.parquet is of type date32[day]; expected numbers or strings; make a number of it "
        "first, such as the days from another date\n"
    )
