"""The forms of output, and the command with its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lossmith.doctor.lint import FORMATS, lint, render

pytest.importorskip("typer")
from lossmith.cli import main

FAULT = "import torch.nn.functional as F\nloss = F.cross_entropy(F.softmax(x, 1), y)\n"
MODULES = """
import sys
from lossmith.doctor.lint import lint
lint([sys.argv[1]])
found = [n for n in "torch jax tensorflow keras pandas typer rich".split() if n in sys.modules]
assert not found, found
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(FAULT)
    return Path("train.py")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["lint", *arguments])
    return int(stopped.value.code or 0)


def test_concise_is_a_line_each(faulty: Path) -> None:
    assert render(lint([faulty]), "concise").splitlines() == [
        "train.py:2:8: OUT02 Softmax output is fed to a loss that applies softmax itself.",
        "Found 1 error in 1 file.",
    ]


def test_text_adds_evidence_and_fix(faulty: Path) -> None:
    head, why, fix, count = render(lint([faulty])).splitlines()
    assert head == "train.py:2:8: OUT02 Softmax output is fed to a loss that applies softmax itself."
    assert why.startswith("    F.cross_entropy (line 2) takes logits; it gets the output of F.softmax (line 2). ")
    assert fix.startswith("    Fix: ")
    assert count == "Found 1 error in 1 file."


def test_json(faulty: Path) -> None:
    (one,) = json.loads(render(lint([faulty]), "json"))
    assert one["code"] == "OUT02" and one["severity"] == "error" and one["certainty"] == "certain"
    place = ("filename", "line", "column", "end_line", "end_column", "cell", "where")
    assert [one[k] for k in place] == ["train.py", 2, 8, 2, 43, None, "train.py:2:8"]


def test_github(faulty: Path) -> None:
    line = render(lint([faulty]), "github")
    assert line.startswith("::error title=lossmith (OUT02),file=train.py,line=2,col=8,endLine=2,endColumn=43::Softmax")
    assert "\n" not in line


def test_github_escapes(tmp_path: Path) -> None:
    path = tmp_path / "a,b%.py"
    path.write_text(FAULT)
    assert "a%2Cb%25.py,line=2" in render(lint([path]), "github")


def test_sarif(faulty: Path) -> None:
    Path("broken.py").write_text("def (")
    report = lint([faulty, "broken.py"])
    log = json.loads(render(report, "sarif"))
    (one,) = log["runs"]
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    rules = one["tool"]["driver"]["rules"]
    (result,) = one["results"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "OUT02"
    assert result["level"] == "error" and result["message"]["text"].startswith("Softmax output")
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "train.py"
    assert location["region"] == {"startLine": 2, "startColumn": 8, "endLine": 2, "endColumn": 43}
    assert one["invocations"][0]["executionSuccessful"] is False
    assert "broken.py:1" in one["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_found(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("import torch\n")
    assert run(str(tmp_path), "--format", form) == 0
    out, err = capsys.readouterr()
    assert err == ""
    if form in ("text", "concise"):
        assert out == "Nothing found in 1 file.\n"
    elif form == "github":
        assert out == ""
    else:
        json.loads(out)


def test_exit_codes(faulty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(faulty)) == 1
    assert run() == 1
    assert run(str(faulty), "--exit-zero") == 0
    assert run(str(faulty), "--ignore", "OUT02") == 0
    assert run(str(faulty), "--select", "NUM") == 0
    capsys.readouterr()
    Path("broken.py").write_text("def (")
    assert run("broken.py", str(faulty)) == 2
    out, err = capsys.readouterr()
    assert "train.py:2:8: OUT02" in out
    assert err.startswith("error: broken.py:1:") and len(err.splitlines()) == 1
    assert run("broken.py", "--exit-zero") == 2


@pytest.mark.parametrize("arguments", [("nowhere.py",), ("--select", "OUT99"), ("--format", "pdf")])
def test_bad_use_is_code_2(faulty: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err


def test_linting_imports_no_framework_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(FAULT + "raise SystemExit('was run')\n")
    subprocess.run([sys.executable, "-c", MODULES, str(path)], check=True, capture_output=True, text=True)
