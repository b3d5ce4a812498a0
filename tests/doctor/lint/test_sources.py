"""Files, notebooks with magics, what does not parse, and ``# noqa``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lossmith.doctor.lint import lint
from lossmith.doctor.lint.source import files, without_magics
from lossmith.errors import DataError

FAULT = "import torch.nn.functional as F\nloss = F.cross_entropy(F.softmax(x, 1), y)\n"


def notebook(*cells: str | dict[str, Any], language: str = "python") -> str:
    made = [c if isinstance(c, dict) else {"cell_type": "code", "source": c.splitlines(keepends=True)} for c in cells]
    return json.dumps({"cells": made, "metadata": {"kernelspec": {"language": language}}, "nbformat": 4})


def places(path: Path) -> list[str]:
    return [d.finding.where.removeprefix(str(path)) for d in lint([path]).diagnostics]


def test_notebook_places_are_cell_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    text = {"cell_type": "markdown", "source": "# softmax"}
    path.write_text(notebook("%matplotlib inline\nimport torch.nn.functional as F", text, "!pip install x\n" + FAULT))
    report = lint([path])
    (one,) = report.diagnostics
    assert places(path) == [":cell 3:3:8"]
    assert (one.cell, one.line, one.column, report.problems) == (3, 3, 8, [])


def test_notebook_cells_share_names(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(
        notebook(
            "import torch.nn as nn\nmodel = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))",
            "%%time\ncriterion = nn.CrossEntropyLoss()",
            "out = model(x)\ncriterion(out, y)",
        )
    )
    assert places(path) == [":cell 3:2:1"]


def test_a_cell_that_is_not_python_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook("def broken(:\n    pass", FAULT))
    report = lint([path])
    assert [d.finding.code for d in report.diagnostics] == ["OUT02"]
    assert report.problems == [f"{path}:cell 1:1:12: not valid Python, so not looked at: invalid syntax"]
    assert report.exit_code == 2


def test_notebooks_of_other_languages_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook("library(torch)\nx <- 1 %in% 2", language="R"))
    report = lint([path])
    assert (report.diagnostics, report.problems) == ([], [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON (Expecting value: line 1 column 1 (char 0))"),
        ("\x00", "no JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[1]", "its JSON has no cells"),
        ("{}", "its JSON has no cells"),
        ('{"cells": 3}', "its JSON has no cells"),
    ],
)
def test_what_is_no_notebook_is_said(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    report = lint([path])
    assert (report.problems, report.files) == ([f"{path}: not a notebook: {says}"], 0)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%load_ext x\nx = 1", "pass\nx = 1"),
        ("if a:\n    !ls -l\n    b = 2", "if a:\n    pass\n    b = 2"),
        ("files = !ls\nn = %timeit -o f()", "files = None\nn = None"),
        ("%%bash\nls -l | wc", "\n"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  torch\nx = 1", "pass\n\nx = 1"),
        ("x?\nnp.sum??\n?x", "pass\npass\npass"),
        ("x = (a\n% b)", "x = (a\n% b)"),
        ('s = """\n%d\n"""', 's = """\n%d\n"""'),
        ("x = a % b", "x = a % b"),
    ],
)
def test_magics(cell: str, expected: str) -> None:
    assert without_magics(cell) == expected


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"def f(:\n", ":1:7: not valid Python, so not looked at: invalid syntax"),
        (b"x = 1\n  y = 2\n", ":2:2: not valid Python, so not looked at: unexpected indent"),
        (b"# coding: nonsense\nx = 1\n", ": not text that Python reads: unknown encoding"),
        (b"x = '\xff'\n", ": not text that Python reads"),
        (b"x = 1\x00\n", ":1:1: not valid Python, so not looked at: source code"),
    ],
)
def test_unreadable_files_are_said_and_the_others_are_read(tmp_path: Path, raw: bytes, says: str) -> None:
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_bytes(raw)
    good.write_text(FAULT)
    report = lint([bad, good])
    (problem,) = report.problems
    assert problem.startswith(f"{bad}{says}")
    assert [d.path for d in report.diagnostics] == [good]
    assert report.exit_code == 2


def test_encodings_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: latin-1\nname = '\xe9'\n" + FAULT.encode())
    assert places(path) == [":4:8"]
    path.write_bytes(b"\xef\xbb\xbf" + FAULT.encode())
    assert places(path) == [":2:8"]


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# noqa", True),
        ("# NOQA: out02", True),
        ("# noqa: E501, OUT02", True),
        ("# noqa:OUT02 because it is a test", True),
        ("# noqa: E501", False),
        ("# noqa: OUT03", False),
        ("# because", False),
    ],
)
def test_noqa(tmp_path: Path, comment: str, silent: bool) -> None:
    path = tmp_path / "a.py"
    path.write_text(FAULT.rstrip() + f"  {comment}\n")
    assert bool(lint([path]).diagnostics) is not silent


def test_noqa_on_the_last_line_of_a_call_and_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import torch.nn.functional as F\nloss = F.cross_entropy(\n    F.softmax(x, 1), y\n)  # noqa: OUT02\n"
    )
    assert lint([path]).diagnostics == []
    path.write_text("# lossmith: noqa: OUT02\n" + FAULT)
    assert lint([path]).diagnostics == []
    path.write_text("# lossmith: noqa: OUT03\n" + FAULT)
    assert len(lint([path]).diagnostics) == 1
    path.write_text(FAULT + "text = '# noqa'\n")
    assert len(lint([path]).diagnostics) == 1


def test_folders(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.ipynb", "b/d.txt", ".git/e.py", "venv/f.py", "b/__pycache__/g.py", "old/h.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("")
    assert [p.relative_to(tmp_path).as_posix() for p in files([tmp_path], ["old"])] == ["a.py", "b/c.ipynb"]
    assert list(files([tmp_path / "old" / "h.py"], ["old"])) == [tmp_path / "old" / "h.py"]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.py does not exist; type the path of a file or folder"):
        lint([tmp_path / "nowhere.py"])


def test_a_file_given_twice_is_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(FAULT)
    report = lint([path, tmp_path, path])
    assert (len(report.diagnostics), report.files) == (1, 1)
