"""``lossmith explain``."""

from __future__ import annotations

import json

import pytest

from lossmith.losses import losses
from lossmith.understanding import explain

pytest.importorskip("typer")
from lossmith.cli import main


def run(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("name", [loss.name for loss in losses()])
def test_text_is_plain_in_a_pipe(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", name) == 0
    out, err = capsys.readouterr()
    assert explain(name).heading in out
    assert explain(name).formula.splitlines()[0] in out
    assert "\x1b" not in out
    assert err == ""


def test_markdown_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "mse", "--format", "markdown") == 0
    assert capsys.readouterr().out == explain("mse").markdown
    assert run("explain", "mse", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["example"]["value"] == 2.5


def test_unknown_name_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "log_cash") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no loss named 'log_cash'; did you mean ")
    assert len(err.splitlines()) == 1


def test_unknown_format_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "mse", "--format", "pdf") == 2
    assert "pdf" in capsys.readouterr().err
