"""``[tool.lossmith]``: which rules are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lossmith.doctor.lint import lint
from lossmith.doctor.lint.config import STATIC, Config
from lossmith.doctor.rule import rules
from lossmith.errors import DataError, UnknownNameError

FAULTS = """\
import torch
import torch.nn.functional as F
a = F.cross_entropy(F.softmax(x, 1), y)
b = torch.log(F.softmax(x, 1))
"""


def codes(path: Path, **options: list[str]) -> list[str]:
    return [d.finding.code for d in lint([path], **options).diagnostics]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(FAULTS)
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", ["OUT02", "NUM02"]),
        ('select = ["OUT"]', ["OUT02"]),
        ('select = ["num02"]', ["NUM02"]),
        ('ignore = ["OUT02"]', ["NUM02"]),
        ('ignore = ["OUT", "NUM02"]', []),
        ('select = ["OUT02"]\nignore = ["OUT"]', ["OUT02"]),
        ('select = ["OUT"]\nignore = ["OUT02"]', []),
        ('exclude = ["a.py"]', []),
    ],
)
def test_settings(folder: Path, setting: str, expected: list[str]) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.lossmith]\n{setting}\n")
    assert codes(folder) == expected


def test_the_nearest_table_counts(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.lossmith]\nignore = ["OUT02"]\n')
    inner = folder / "inner"
    inner.mkdir()
    (inner / "a.py").write_text(FAULTS)
    (inner / "pyproject.toml").write_text("[tool.other]\n")
    assert codes(inner) == ["NUM02"]
    nearer = inner / "nearer"
    nearer.mkdir()
    (nearer / "a.py").write_text(FAULTS)
    (nearer / "pyproject.toml").write_text("[tool.lossmith]\n")
    assert codes(nearer) == ["OUT02", "NUM02"]


def test_options_stand_in_for_settings(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.lossmith]\nignore = ["OUT02"]\n')
    assert codes(folder, ignore=["NUM"]) == ["OUT02"]
    assert codes(folder, select=["OUT02,NUM02"], ignore=["NUM02"]) == ["OUT02"]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (
            '[tool.lossmith]\nselect = ["OUT2"]',
            UnknownNameError,
            "no rule named 'OUT2' in .*pyproject.toml; did you mean",
        ),
        ("[tool.lossmith]\nignroe = []", UnknownNameError, "no setting named 'ignroe' in .*; did you mean 'ignore'"),
        ('[tool.lossmith]\nselect = "OUT02"', DataError, r'expected a list of texts, as in select = \["OUT02"\]'),
        ("[tool.lossmith\n", DataError, "pyproject.toml cannot be read: "),
    ],
)
def test_bad_settings(folder: Path, text: str, error: type[Exception], says: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(error, match=says):
        lint([folder])


def test_unknown_option(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="no rule named 'OUT99'"):
        lint([folder], select=["OUT99"])


def test_the_longer_entry_counts() -> None:
    config = Config(select=("OUT",), ignore=("OUT02",))
    assert config.wants("OUT03") and not config.wants("OUT02") and not config.wants("NUM02")


def test_static_rules_are_in_the_catalogue() -> None:
    by_code = {r.code: r for r in rules()}
    assert by_code.keys() >= STATIC
    assert all("static" in by_code[code].when for code in STATIC)
