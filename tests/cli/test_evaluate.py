"""``lossmith evaluate`` as a user meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossmith.cli import main


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Predictions over 10 classes, in a CSV."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 200)
    p = rng.dirichlet(np.ones(10), 200)
    p[np.arange(200), y] += 1.0
    p /= p.sum(axis=1, keepdims=True)
    lines = [",".join(["target", *(f"p_{i}" for i in range(10))])]
    lines += [",".join([str(t), *(f"{x:.6f}" for x in row)]) for t, row in zip(y, p, strict=True)]
    path = tmp_path / "digits.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_prints_verdict_tables_and_notes(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, digits)
    assert (code, err) == (0, "")
    for part in ("Better than always answering the class shares", "Categorical cross-entropy", "best constant", "skill",
                 "accuracy", "true \\ predicted", "Task multiclass, as ", "digits.csv"):  # fmt: skip
        assert part in out
    assert "\x1b" not in out
    assert out.splitlines()[1] == "Assumed:"
    assert out.index("Task multiclass, as ") < out.index("Better than always answering")


def test_json_is_all_of_stdout(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, digits, "--json", "--report", tmp_path / "r.html")
    data = json.loads(out, parse_constant=pytest.fail)
    assert (code, data["schema"], data["rows"], data["source"]) == (0, 2, 200, "digits.csv")
    assert err == f"Report: {tmp_path / 'r.html'}\n"
    assert "<title>Better than" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_report_is_named_on_stdout(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, digits, "--report", tmp_path / "r.html")
    assert out.endswith(f"Report: {tmp_path / 'r.html'}\n")
    assert err == ""


def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("truth,a,b,c\n0,1,2,9\n2,0,0,7\n1,0,5,1\n")
    options = ["--target", "truth", "--prediction", "a,b", "--prediction", "c", "--task", "multiclass"]
    _, out, _ = run(capsys, path, *options, "--form", "logits", "--classes", 'ant,"bee, big",cow', "--json")
    data = json.loads(out)
    assert (data["task"], data["form"]) == ("multiclass", "logits")
    assert data["class_names"] == ["ant", "bee, big", "cow"]
    assert data["confusion"]["counts"] == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert data["notes"] == data["assumptions"] == []


def test_decimal_commas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("actual;fitted\n1,5;1,25\n2,5;2,75\n")
    code, out, _ = run(capsys, path)
    assert code == 0
    assert out.index("- Decimal commas in 'actual', 'fitted': 1,5 read as 1.5; decimal= (--decimal)") < out.index(
        "RMSE"
    )
    assert json.loads(run(capsys, path, "--decimal", ",", "--json")[1])["metrics"]["mae"]["value"] == 0.25


def test_report_in_upper_case(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, digits, "--report", tmp_path / "R.HTM")[0] == 0
    assert (tmp_path / "R.HTM").exists()


@pytest.mark.parametrize("width", ["30", "60", "200"])
def test_narrow_terminals(
    digits: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    _, out, _ = run(capsys, digits)
    assert "\x1b[3" not in out  # no colours
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert max(map(len, plain.splitlines())) <= int(width)


def test_markup_and_escapes_in_names_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("label,prediction\n[red]a,[red]a\n\x1b[31mb,[red]a\n[/nope],[/nope]\n")
    code, out, _ = run(capsys, path)
    assert code == 0
    assert "[red]a" in out
    assert "[/nope]" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.csv"], "no.csv does not exist"),
        (["{digits}s"], "did you mean"),
        (["{folder}", "--decimal", ","], "is a directory"),
        (["{folder}", "--decimal", ",", "--skip-bad"], "--decimal is for a file that is read as a whole"),
        (["{folder}/*.parquet"], "*.parquet"),
        (["{digits}", "--target", "tarjet"], "no column named 'tarjet' in digits.csv; did you mean 'target'?"),
        (["{digits}", "--task", "multi"], "no task named 'multi'"),
        (["{digits}", "--form", "logit"], "did you mean 'logits'?"),
        (["{digits}", "--classes", "a,b"], "10 columns for 2 class names"),
        (["{digits}", "--report", "{folder}"], "is a directory; expected a file to write to"),
        (["{digits}", "--report", "{folder}/no/r.html"], "cannot be written"),
        (["{digits}", "--report", "r.pdf"], "--report is 'r.pdf', and reports are HTML; type --report r.html"),
        (["{digits}", "--report", "out/report"], "reports are HTML; type --report out/report.html"),
        (["{digits}", "--decimal", "comma"], "decimal is 'comma'; expected '.' or ','"),
    ],
)
def test_mistakes_end_in_two_lines_and_code_2(
    digits: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, *(a.format(digits=digits, folder=digits.parent) for a in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) <= 2


def test_a_directory_is_read_in_parts_and_what_is_broken_is_left_out_if_asked(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    head, *rows = digits.read_text().splitlines()
    parts = tmp_path / "parts"
    parts.mkdir()
    for k in range(3):
        (parts / f"{k}.csv").write_text("\n".join([head, *rows[k::3]]) + "\n")
    code, whole, _ = run(capsys, digits, "--json")
    assert code == 0
    code, out, err = run(capsys, parts, "--json", "--resume", tmp_path / "partials")
    assert (code, err) == (0, "")
    found, wanted = json.loads(out)["metrics"]["accuracy"], json.loads(whole)["metrics"]["accuracy"]
    assert found["value"] == wanted["value"]
    (parts / "3.csv").write_text(head + "\n" + "a,b\n")
    code, _, err = run(capsys, parts)
    assert (code, "3.csv" in err) == (2, True)
    code, out, _ = run(capsys, parts, "--skip-bad")
    assert (code, "3.csv" in out) == (0, True)


def test_as_a_process(digits: Path) -> None:
    command = [sys.executable, "-c", "from lossmith.cli import main; main()", "evaluate"]
    good = subprocess.run([*command, str(digits)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert good.returncode == 0, good.stderr
    assert "Better than always" in good.stdout
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    plain = subprocess.run([*command, str(digits)], capture_output=True, env=narrow, check=False)
    assert plain.returncode == 0, plain.stderr
    bad = subprocess.run([*command, "no.csv"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "error: no.csv does not exist\n"
