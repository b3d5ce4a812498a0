"""Training curves beside an evaluation: the doctor's verdict among the findings, the charts in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, InputError

OVERFIT = {
    "epoch": list(range(1, 12)),
    "loss": [2.0, 1.2, 0.8, 0.6, 0.45, 0.35, 0.28, 0.22, 0.17, 0.13, 0.1],
    "val_loss": [2.1, 1.4, 1.0, 0.9, 0.86, 0.88, 0.95, 1.05, 1.2, 1.35, 1.5],
}
SAID = "Overfitting: the lowest validation loss was in epoch 5."


@pytest.fixture
def result(rng: np.random.Generator) -> lm.evaluation.Evaluation:
    y = rng.normal(size=120)
    return lm.evaluate(y + rng.normal(size=120), y)


def test_overfitting_is_a_finding(result: lm.evaluation.Evaluation) -> None:
    judged = result.with_history(OVERFIT)
    (found,) = [f for f in judged.findings if f not in result.findings]
    assert (found.code, found.severity, found.what) == ("GEN01", "warning", SAID)
    assert judged.findings.codes[0] == "GEN01"  # before the notes
    assert judged.training.word == "overfitting"
    assert json.loads(judged.to_json())["training"]["numbers"]["epoch"] == 5
    assert json.loads(result.to_json())["training"] is None
    page = judged.to_html()
    assert "<h2>Training</h2>" in page
    assert "loss by epoch: loss, val_loss" in page.lower()
    epochs = [dict(zip(OVERFIT, row, strict=True)) for row in zip(*OVERFIT.values(), strict=True)]
    assert page == result.with_history(epochs).to_html()
    assert "<h2>Training</h2>" not in result.to_html()


def test_a_training_that_is_fine_is_a_note(result: lm.evaluation.Evaluation) -> None:
    judged = result.with_history([[1.0, 1.05], [0.6, 0.63], [0.5, 0.52]])
    assert judged.findings == result.findings
    assert judged.notes[-1].startswith("Training curves: no sign of overfitting:")
    assert "<h2>Training</h2>" in judged.to_html()
    alone = result.with_history([0.9, 0.5, 0.4])
    assert "cannot be told: no validation loss was seen" in alone.notes[-1]
    assert "Loss by epoch: loss" in alone.to_html()


def test_no_loss_is_an_error(result: lm.evaluation.Evaluation) -> None:
    with pytest.raises(InputError, match="history has no column with a loss"):
        result.with_history({"epoch": [1, 2], "lr": [0.1, 0.01]})


# --- files -----------------------------------------------------------------------------------------------------------
def write(path: Path) -> Path:
    """Write the curves as the name of the file says; "lightning" has two lines per epoch."""
    rows = list(zip(*OVERFIT.values(), strict=True))
    if path.suffix == ".json":
        path.write_text(json.dumps({"history": OVERFIT}))
    elif path.suffix == ".npz":
        np.savez(path, **OVERFIT)
    elif "lightning" in path.name:
        lines = [line for e, t, v in rows for line in (f"{e},{t},,{e * 9}", f"{e},,{v},{e * 9 + 1}")]
        path.write_text("\n".join(["epoch,train_loss,val_loss,step", *lines]) + "\n")
    else:
        path.write_text("\n".join([",".join(OVERFIT), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    path = tmp_path / "p.csv"
    path.write_text("target,prediction\n" + "".join(f"{k % 7},{k % 7 + (k % 5 - 2) / 4}\n" for k in range(40)))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    pytest.importorskip("typer")
    from lossmith.cli import main

    with pytest.raises(SystemExit) as end:
        main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(end.value.code or 0), " ".join(captured.out.split()), " ".join(captured.err.split())


@pytest.mark.parametrize("name", ["h.csv", "h.json", "h.npz", "lightning.csv"])
def test_files_of_curves(name: str, predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.html"
    code, out, _ = run(capsys, predictions, "--history", write(tmp_path / name), "--report", report)
    assert code == 0
    assert f"GEN01 warning · {SAID}" in out
    assert "<h2>Training</h2>" in report.read_text(encoding="utf-8")


def test_streams_have_curves_too(predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, predictions.parent / "p*.csv", "--history", write(tmp_path / "h.csv"))
    assert code == 0
    assert f"GEN01 warning · {SAID}" in out


def test_bad_files(predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, text in (
        (predictions, "p.csv holds no learning curves; expected CSV, NPZ or JSON with columns such as epoch, loss and"),
        (tmp_path / "h.csw", "h.csw does not exist"),
        (tmp_path / "h.json", "h.json: history has no column with a loss (it has 'lr')"),
    ):
        (tmp_path / "h.json").write_text('{"lr": [0.1, 0.2]}')
        code, out, err = run(capsys, predictions, "--history", path)
        assert (code, out) == (2, "")
        assert text in err
    from lossmith.doctor.files import curves

    with pytest.raises(DataError, match="holds no learning curves"):
        curves(predictions)
