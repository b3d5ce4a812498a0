"""``lossmith lint``: misused losses in source files and notebooks, without running them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..doctor.lint import lint as lint_paths
from ..doctor.lint import render


class Format(StrEnum):
    """How to print findings."""

    text = "text"
    concise = "concise"
    json = "json"
    github = "github"
    sarif = "sarif"


def lint(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Python files, notebooks, or folders of them. Default: this folder.", show_default=False),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(help="text, concise (a line each), json, github (annotations) or sarif."),
    ] = Format.text,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Rules or families to follow: OUT02, OUT. Default: [tool.lossmith], or all."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Rules or families to leave out.")] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 even with findings.")] = False,
) -> None:
    """Find misused losses in Keras and PyTorch source, without running it: 0 clean, 1 findings, 2 unreadable."""
    report = lint_paths(paths or [Path()], select=select, ignore=ignore)
    shown = render(report, format.value)
    if shown:
        print(shown)
    for problem in report.problems:
        print(f"error: {problem}", file=sys.stderr)
    code = report.exit_code
    raise typer.Exit(0 if exit_zero and code == 1 else code)
