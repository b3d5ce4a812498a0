"""``lossmith plot``."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("altair")
pytest.importorskip("vl_convert")
from lossmith.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_prints_where_the_picture_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plot", "mse") == 0
    assert capsys.readouterr().out == "squared_error.png\n"
    assert (folder / "squared_error.png").exists()


def test_several_losses_with_parameters(folder: Path) -> None:
    assert run("plot", "huber", "mse", "--parameter", "delta=2.0", "--output", "both.svg") == 0
    text = (folder / "both.svg").read_text(encoding="utf-8")
    assert "Huber, delta=2" in text
    assert "Squared error" in text


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("softmax_cross_entropy", "class_weight=1,0.5"),
        ("poisson", "full=true"),
        ("bce", "pos_weight=3"),
        ("categorical_hinge", "rivals_from_zero=False"),
    ],
)
def test_all_kinds_of_parameters(name: str, parameter: str, folder: Path) -> None:
    assert run("plot", name, "--parameter", parameter, "--output", "a.svg") == 0
    assert parameter.partition("=")[0] in (folder / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hubr"], "no loss named 'hubr'; did you mean 'huber'"),
        (["huber", "--output", "a.gif"], "output is 'a.gif'; expected a name ending in .png, .svg, .html"),
        (["huber", "--output", "nowhere/a.svg"], "nowhere/a.svg cannot be written"),
        (["huber", "--parameter", "delta"], "--parameter is 'delta'; expected NAME=VALUE, as in delta=2.0"),
        (["huber", "--parameter", "delta="], "expected NAME=VALUE"),
        (["huber", "--parameter", "delta=big"], "--parameter delta is 'big'; expected a number"),
        (["poisson", "--parameter", "full=perhaps"], "--parameter full is 'perhaps'; expected true or false"),
        (["ce", "--parameter", "class_weight=1;2"], "expected numbers with commas between them"),
        (["huber", "--parameter", "delta=-1"], "delta is -1.0; expected a number in (0, ∞)"),
        (["huber", "--parameter", "delta=nan"], "delta is nan; expected a number in (0, ∞)"),
        (["huber", "--parameter", "dleta=1"], "no parameter named 'dleta' in huber; did you mean 'delta'?"),
        (["mse", "--parameter", "delta=1"], "no parameter named 'delta' in squared_error"),
        (["huber", "cosine"], "plot them apart"),
    ],
)
def test_mistakes_are_one_line_and_code_2(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plot", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert not list(folder.iterdir())
