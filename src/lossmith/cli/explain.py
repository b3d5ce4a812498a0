"""``lossmith explain``: a loss in words, or a rule of the doctor by its code."""

from __future__ import annotations

import json
import textwrap
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..doctor import is_code, page, rule
from ..understanding import Explanation
from ..understanding import explain as explain_loss
from ..understanding.explanation import section_text
from .console import console

_WIDEST = 100
_STYLES = {"formula": "cyan", "code": "green"}


class Format(StrEnum):
    """How to print an explanation."""

    text = "text"
    markdown = "markdown"
    json = "json"


def explain(
    name: Annotated[
        str, typer.Argument(help="A loss, by name or alias (huber, mse, bce), or a rule of the doctor (OUT02).")
    ],
    format: Annotated[
        Format, typer.Option(help="text for people, markdown for documents, json for machines.")
    ] = Format.text,
) -> None:
    """Explain a loss (formula, gradient, domain, when to use it, good values, pitfalls), or a rule of the doctor."""
    if is_code(name):
        _rule(name, format)
        return
    explanation = explain_loss(name)
    screen = console()
    if format is Format.json:
        print(json.dumps(explanation.to_dict(), ensure_ascii=False, indent=2))
    elif format is Format.markdown:
        print(explanation.markdown, end="")
    else:
        _show(screen, explanation)


def _rule(code: str, format: Format) -> None:
    one, screen = rule(code), console()
    if format is Format.json:
        print(json.dumps(page.to_dict(one), ensure_ascii=False, indent=2))
    elif format is Format.markdown:
        print(page.markdown(one), end="")
    else:
        _print(screen, page.text(one, min(screen.width, _WIDEST)))


def _show(screen: Console, explanation: Explanation) -> None:
    width = min(screen.width, _WIDEST)
    _print(screen, explanation.heading, "bold")
    _print(screen, f"\n{textwrap.fill(explanation.summary, width)}")
    for section in explanation.sections():
        _print(screen, f"\n{section.heading}", "bold")
        _print(screen, section_text(section, width), _STYLES.get(section.style, ""))


def _print(screen: Console, text: str, style: str = "") -> None:
    screen.print(Text(text, style), soft_wrap=True)
