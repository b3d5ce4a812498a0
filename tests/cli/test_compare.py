"""``lossmith compare`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossmith.cli import main


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of predictions for the same rows, the second one better."""
    rng = np.random.default_rng(0)
    y, e = rng.normal(size=(2, 300))
    paths = []
    for name, size in (("old", 1.0), ("new", 0.5)):
        path = tmp_path / f"{name}.csv"
        lines = [f"{i},{t!r},{t + size * x!r}" for i, (t, x) in enumerate(zip(y.tolist(), e.tolist(), strict=True))]
        path.write_text("id,y,pred\n" + "\n".join(lines) + "\n")
        paths.append(path)
    return paths


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["compare", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_text(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *files)
    assert (code, err) == (0, "")
    for part in ("new.csv is better than old.csv: squared error", "paired by column 'id'", "95 % interval", "RMSE"):
        assert part in " ".join(out.split())
    assert "\x1b" not in out


def test_json_and_report(files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "c.html"
    code, out, err = run(capsys, *files, "--format", "json", "--report", report, "--names", "old,new", "--seed", 3)
    data = json.loads(out, parse_constant=pytest.fail)
    assert (code, data["names"], data["rows"]) == (0, ["old", "new"], 300)
    assert err == f"Report: {report}\n"
    assert "<title>old against new: new is better than old" in report.read_text(encoding="utf-8")


def test_bad_input(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, files[0])
    assert (code, out) == (2, "")
    assert err == "error: compare takes two or more sets of predictions, and got 1\n"
    assert run(capsys, *files, "--report", "x.pdf")[2].startswith("error: --report is 'x.pdf', and reports are HTML")
