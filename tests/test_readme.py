"""The README's Python runs as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frameworks import require

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
NEEDS = ("torch", "keras", "jax", "xgboost")


def test_there_are_examples():
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_example_runs(number):
    code = BLOCKS[number]
    for package in NEEDS:
        if re.search(rf"import .*\b{package}\b", code):
            require(package)
    exec(compile(code, f"README block {number}", "exec"), {})


def test_the_table_of_speed_is_what_was_measured(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent)
    from benchmarks import results

    assert results.in_readme(README) == results.table(results.last())


def test_values_in_comments_are_true():
    for code in BLOCKS:
        for expression, value in re.findall(r"^(lm\..*\))  # ([0-9.]+)", code, flags=re.MULTILINE):
            scope: dict = {}
            exec("import lossmith as lm", scope)
            assert eval(expression, scope) == pytest.approx(float(value), abs=5e-5)
