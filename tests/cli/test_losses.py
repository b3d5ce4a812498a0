"""``lossmith losses``."""

from __future__ import annotations

import json

import pytest

import lossmith as lm

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossmith.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as end:
        main(["losses", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def rows(out: str) -> dict[str, list[str]]:
    """Return the words of each line of the table, by the loss that it is about."""
    return {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()[:1] and line[0] != " "}


def test_all_losses_with_their_faces(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    listed = rows(out)
    assert listed["loss"][:5] == ["task", "torch", "keras", "jax", "optax"]
    assert set(listed) >= {loss.name for loss in lm.losses()}
    assert listed["squared_error"][:5] == ["regression", "yes", "yes", "yes", "yes"]
    assert listed["welsch"][:1] == ["regression"]
    assert "yes" not in listed["welsch"]
    assert f"{len(lm.losses())} losses. Every loss takes" in out


def test_a_face_shows_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--face", "keras", "--task", "binary")
    listed = rows(out)
    assert listed["hinge"][:3] == ["binary", "Hinge,", "hinge"]
    assert "asymmetric" not in listed


def test_search(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--search", "BCEWithLogitsLoss")
    assert "1 loss. " in out
    assert "sigmoid_cross_entropy" in rows(out)


def test_narrow_screens_keep_the_faces(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(capsys)
    assert "also known as" not in out
    assert rows(out.replace("\x1b[0m", "").replace("\x1b[1m", ""))["squared_error"] == ["regression", *["yes"] * 4]
    assert max(len(line) for line in out.splitlines() if "\x1b" not in line) <= 80


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--search", "huber", "--json")
    data = json.loads(out)
    assert (code, err, data["schema"]) == (0, "", 1)
    assert data["losses"][0]["faces"]["torch"][:2] == ["HuberLoss", "SmoothL1Loss"]


def test_nothing_left_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--task", "boxes", "--face", "keras")
    assert (code, out) == (0, "No loss is all of this: --task 'boxes', --face 'keras'.\n")
    assert json.loads(run(capsys, "--task", "boxes", "--face", "keras", "--json")[1])["losses"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "box"], "error: no task named 'box'; did you mean 'boxes'?\n"),
        (["--face", "jacks"], "error: no face named 'jacks'; "),
        (["--search", "hubre"], "error: no loss named 'hubre'; did you mean 'huber'"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
