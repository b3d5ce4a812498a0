"""Run the linter over a text; what is expected stands in the text itself, as ``#: OUT02`` behind the line."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from lossmith.doctor.lint import Diagnostic, Source, check_source

TORCH = """\
import torch
import torch.nn as nn
import torch.nn.functional as F

"""
KERAS = """\
import keras
from keras import layers

"""


def diagnose(text: str) -> list[Diagnostic]:
    return check_source(Source(Path("case.py"), ast.parse(text), text))


def found(text: str) -> list[tuple[str, int]]:
    return sorted((d.finding.code, d.line) for d in diagnose(text))


def expected(text: str) -> list[tuple[str, int]]:
    lines = enumerate(text.splitlines(), start=1)
    return sorted(
        (code, n) for n, line in lines if "#: " in line for code in re.findall(r"[A-Z]+\d\d", line[line.index("#: ") :])
    )


def source(head: str, body: str) -> str:
    return head + textwrap.dedent(body).strip("\n") + "\n"
