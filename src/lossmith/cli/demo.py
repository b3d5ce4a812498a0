"""``lossmith demo``: train, evaluate and report on real data, offline, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def demo(
    framework: Annotated[str, typer.Option(help="numpy, torch, keras or jax.")] = "numpy",
    output: Annotated[Path, typer.Option(help="Folder for predictions, history and report.")] = Path("demo-output"),
) -> None:
    """Train a classifier on handwritten digits, evaluate it, and write a report."""
    from ..demo import run

    run(framework, output, Console())
