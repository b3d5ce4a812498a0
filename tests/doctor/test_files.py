"""``lossmith doctor FILE``, ``check_file`` and ``lossmith explain OUT02``: files, curves, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from frameworks import require
from lossmith.doctor import check_file, rules
from lossmith.errors import DataError, UnknownNameError

from .programs import sigmoid, softmax

RNG = np.random.default_rng(11)
START = RNG.bit_generator.state
Y = RNG.integers(0, 3, size=300)
Z = RNG.normal(size=(300, 3)) + 1.2 * np.eye(3)[Y]


@pytest.fixture(autouse=True)
def same_numbers_in_any_order() -> None:
    RNG.bit_generator.state = START


def csv(path: Path, columns: dict[str, object]) -> Path:
    """Write columns as CSV."""
    rows = zip(*columns.values(), strict=True)  # pyrefly: ignore
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, r)) for r in rows)]) + "\n", encoding="utf-8")
    return path


def of_classes(p: np.ndarray, y: np.ndarray) -> dict[str, object]:
    return {"target": y, **{f"p_{k}": p[:, k] for k in range(p.shape[1])}}


def test_good_predictions(tmp_path: Path) -> None:
    p = softmax(RNG.normal(size=(800, 3)) * 1.5)
    y = np.array([RNG.choice(3, p=row) for row in p])
    found = check_file(csv(tmp_path / "preds.csv", of_classes(p, y)))
    assert (found.errors, found.warnings, found.broken) == ([], [], ())
    assert found.seen.startswith("preds.csv: loss lossmith.categorical_cross_entropy")
    assert found.assumptions[-1] == ("Loss lossmith.categorical_cross_entropy, the usual one; --loss says otherwise.")


def test_over_confident_predictions(tmp_path: Path) -> None:
    p = softmax(RNG.normal(size=(800, 3)) * 1.5)
    y = np.array([RNG.choice(3, p=row) for row in p])
    found = check_file(csv(tmp_path / "preds.csv", of_classes(softmax(3 * np.log(p)), y)))
    (f,) = [f for f in found if f.code == "GEN07"]
    assert f.what == "The probabilities are over-confident."
    assert "A temperature of" in f.evidence and f.severity == "warning"


def test_a_named_loss_gets_the_columns_as_they_are(tmp_path: Path) -> None:
    path = csv(tmp_path / "preds.csv", of_classes(softmax(Z), Y))
    assert "OUT02" in check_file(path, loss="nn.CrossEntropyLoss").codes
    assert "LAB03" in check_file(csv(tmp_path / "one.csv", of_classes(Z, Y + 1)), loss="nn.CrossEntropyLoss").codes


def test_collapsed_regression(tmp_path: Path) -> None:
    t = RNG.normal(size=300)
    found = check_file(csv(tmp_path / "r.csv", {"target": t, "prediction": 0.01 * RNG.normal(size=300)}))
    assert found.codes == ("OPT02",)
    assert found[0].consequences == ("PRED02",)


def test_constant_predictions_are_an_error(tmp_path: Path) -> None:
    path = csv(tmp_path / "r.csv", {"target": RNG.normal(size=60), "prediction": np.full(60, 0.5)})
    assert check_file(path).codes == ("PRED01",)


def test_biased_regression_and_few_rows_that_dominate(tmp_path: Path) -> None:
    t = RNG.normal(size=400)
    p = t + 0.1 * RNG.normal(size=400)
    assert check_file(csv(tmp_path / "b.csv", {"target": t, "prediction": p + 0.5})).codes == ("GEN12",)
    p[:4] += 3
    assert check_file(csv(tmp_path / "f.csv", {"target": t, "prediction": p})).codes == ("GEN11",)


def test_class_that_is_never_predicted(tmp_path: Path) -> None:
    y = RNG.choice(3, size=600, p=[0.6, 0.3, 0.1])
    z = RNG.normal(size=(600, 3)) + 3 * np.eye(3)[y] - np.array([0, 0, 20])
    p = softmax(z)
    p = 0.9 * p + 0.1 * np.array([0.6, 0.3, 0.1])
    (f,) = [f for f in check_file(csv(tmp_path / "c.csv", of_classes(p, y))) if f.code == "PRED03"]
    assert f.what == f"1 class never predicted: 2 ({int((y == 2).sum())} rows)."


def test_rare_class_that_the_model_fails(tmp_path: Path) -> None:
    y = (RNG.random(2000) < 0.02).astype(int)
    p = sigmoid(-4 + 1.5 * y + 0.5 * RNG.normal(size=2000))
    found = check_file(csv(tmp_path / "i.csv", {"target": y, "prediction": p}))
    (f,) = [f for f in found if f.code == "DATA04"]
    assert f.severity == "warning" and "Of class 1 only" in f.evidence and f"{np.mean(y == 0):.1%}"[:4] in f.evidence


def test_threshold_and_small_sets(tmp_path: Path) -> None:
    y = (RNG.random(1500) < 0.2).astype(int)
    p = sigmoid(-2.2 + 1.6 * y + 0.7 * RNG.normal(size=1500))
    assert "GEN09" in check_file(csv(tmp_path / "t.csv", {"target": y, "prediction": p})).codes
    assert "GEN05" in check_file(csv(tmp_path / "s.csv", {"target": y[:60], "prediction": p[:60]})).codes


def test_nan_in_a_file_is_a_finding(tmp_path: Path) -> None:
    t = np.linspace(0, 1, 40)
    path = tmp_path / "nan.npz"
    np.savez(path, target=np.where(t > 0.9, np.nan, t), prediction=t)
    assert check_file(path).codes == ("LAB06",)


def test_text_labels_and_hard_answers(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cat"])
    path = csv(tmp_path / "h.csv", {"target": names[Y], "prediction": names[Z.argmax(axis=1)]})
    assert check_file(path).errors == []


def test_parquet(tmp_path: Path) -> None:
    pyarrow = require("pyarrow")
    require("pyarrow.parquet").write_table(
        pyarrow.table({"target": Y, **{f"p_{k}": softmax(Z)[:, k] for k in range(3)}}), tmp_path / "p.parquet"
    )
    assert "OUT02" in check_file(tmp_path / "p.parquet", loss="nn.CrossEntropyLoss").codes


CURVES = {"loss": list(np.exp(-np.arange(20) / 5)), "val_loss": [0.5 + 0.03 * abs(i - 5) for i in range(20)]}


def test_curves_from_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "h.npz", **{k: np.array(v) for k, v in CURVES.items()})  # pyrefly: ignore
    (tmp_path / "h.json").write_text(json.dumps(CURVES), encoding="utf-8")
    rows = [{"epoch": i, "loss": a, "val_loss": b} for i, (a, b) in enumerate(zip(*CURVES.values(), strict=True))]
    (tmp_path / "rows.json").write_text(json.dumps({"history": rows}), encoding="utf-8")
    csv(tmp_path / "h.csv", {"epoch": range(20), **CURVES})
    (tmp_path / "comma.csv").write_text(
        "epoch;loss;val_loss\n" + "".join(f"{r['epoch']};{r['loss']};{r['val_loss']}\n".replace(".", ",") for r in rows)
    )
    for name in ("h.npz", "h.json", "rows.json", "h.csv"):
        assert check_file(tmp_path / name).codes == ("GEN01",), name
    assert check_file(tmp_path / "comma.csv", decimal=",").codes == ("GEN01",)


def test_few_epochs_are_judged_by_their_last_two_numbers(tmp_path: Path) -> None:
    path = csv(tmp_path / "h.csv", {"epoch": [0, 1, 2], "loss": [1.0, 0.4, 0.1], "val_loss": [1.2, 1.3, 1.5]})
    found = check_file(path)
    said = "Overfitting, very likely: the validation loss 1.5 is 15 times the training loss 0.1."
    assert (found.verdict, found.codes) == (said, ("GEN01",))
    assert said in str(found) and json.loads(found.to_json())["verdict"] == said
    left_out = check_file(path, ignore=["gen01"])
    assert (left_out.verdict, left_out.codes) == (said, ())
    falling = csv(tmp_path / "f.csv", {"epoch": [0, 1, 2], "loss": [1.0, 0.4, 0.1], "val_loss": [1.2, 0.7, 0.4]})
    assert check_file(falling).verdict.startswith("A gap, but no sign of overfitting: validation 0.4 is above")
    one = check_file(csv(tmp_path / "one.csv", {"epoch": [0, 1], "loss": [1.0, 0.4]}))
    assert one.verdict.endswith("no validation loss was seen.") and not one


def test_curves_of_lightning_and_hugging_face(tmp_path: Path) -> None:
    lines = ["epoch,step,train_loss_epoch,val_loss"]
    for i, (a, b) in enumerate(zip(*CURVES.values(), strict=True)):
        lines += [f"{i},{10 * i + 9},,{b}", f"{i},{10 * i + 9},{a},"]
    (tmp_path / "metrics.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = [
        entry
        for i, (a, b) in enumerate(zip(*CURVES.values(), strict=True))
        for entry in ({"epoch": i + 1.0, "loss": a, "step": i}, {"epoch": i + 1.0, "eval_loss": b, "step": i})
    ]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": log, "global_step": 9}), encoding="utf-8")
    assert check_file(tmp_path / "metrics.csv").codes == ("GEN01",)
    assert check_file(tmp_path / "trainer_state.json").codes == ("GEN01",)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("bad.json", "{", "bad.json cannot be read as JSON"),
        ("number.json", "3", "number.json holds int; expected losses by epoch"),
        ("empty.json", "[]", "empty.json: history is empty"),
        ("none.json", '[{"epoch": 1, "f1": 2}]', "none.json: history has no column with a loss"),
        ("empty.csv", "epoch,loss\n", "empty.csv: history is empty: 'loss' without a number"),
        ("preds.txt", "a", "of no known kind"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected):
        check_file(tmp_path / name)


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    path = csv(tmp_path / "p.csv", of_classes(softmax(Z), Y))
    with pytest.raises(UnknownNameError, match="no loss of torch named 'CrossEntropyLos'; did you mean"):
        check_file(path, loss="nn.CrossEntropyLos")
    with pytest.raises(UnknownNameError, match="no rule named"):
        check_file(path, ignore=["OUT0"])


# --- the command line -------------------------------------------------------------------------------------------------
def run(*arguments: str) -> int:
    """Run the command line and return its exit code."""
    require("typer")
    from lossmith.cli import main

    with pytest.raises(SystemExit) as stopped:
        main([*arguments])
    return int(stopped.value.code or 0)


def test_exit_codes_and_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv(tmp_path / "p.csv", of_classes(softmax(Z), Y))
    assert run("doctor", str(path), "--loss", "nn.CrossEntropyLoss") == 1
    assert "OUT02 error · Softmax output is fed to a loss that applies softmax itself." in capsys.readouterr().out
    assert run("doctor", str(path), "--loss", "nn.CrossEntropyLoss", "--ignore", "OUT02") == 0
    assert run("doctor", str(path), "--loss", "nn.NoLoss") == 2
    assert "no loss of torch named 'NoLoss'" in capsys.readouterr().err
    assert run("doctor", str(tmp_path / "missing.csv")) == 2
    assert run("doctor") == 2
    assert "lossmith doctor --train 0.1 --validation 1.5" in capsys.readouterr().err
    assert run("doctor", str(path), "--train", "0.1") == 2


def test_json_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv(tmp_path / "p.csv", of_classes(softmax(Z), Y))
    assert run("doctor", str(path), "--loss", "nn.CrossEntropyLoss", "--json") == 1
    read = json.loads(capsys.readouterr().out)
    assert read["findings"][0]["code"] == "OUT02" and read["broken"] == []


def test_two_numbers_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", "--train", "0.1", "--validation", "1.5") == 0
    said = "Overfitting, very likely: the validation loss 1.5 is 15 times the training loss 0.1."
    assert said in capsys.readouterr().out
    assert run("doctor", "--train", "0.05", "--validation", "1.5", "--json") == 0
    assert json.loads(capsys.readouterr().out)["word"] == "overfitting"


def test_explain_prints_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "out02") == 0
    text = capsys.readouterr().out
    for part in ("OUT02 · Probabilities are fed", "Criterion", "Fix", "PyTorch: delete", "Silence it", "References"):
        assert part in text
    assert run("explain", "OUT02", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["checked"] is True
    assert run("explain", "OUT02", "--format", "markdown") == 0
    assert capsys.readouterr().out.startswith("# OUT02: Probabilities")
    assert run("explain", "OUT99") == 2


def test_every_rule_has_a_page() -> None:
    from lossmith.doctor import page

    listed = page.index()
    for rule in rules():
        text, markdown = page.text(rule), page.markdown(rule)
        assert rule.title in text and "Criterion" in text and "Fix" in text
        assert markdown.startswith(f"# {rule.code}: ") and f"[{rule.code}]({rule.code.lower()}.md)" in listed
        assert ("look for it" in " ".join(text.split())) == (not rule.judges) or "lint alone looks for it" in text
