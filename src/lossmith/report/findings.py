"""Findings of the doctor and of an evaluation in HTML: the same parts as in their text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..doctor import Finding
from .svg import escape

_PER_CENT = re.compile(r"(\d) %")


def listed(found: Sequence[Finding]) -> str:
    """Return findings as a list: what, evidence, why, and the fix as one types it; an empty string for none."""
    items = "".join(_finding(f) for f in found)
    return f'<ul class="findings">\n{items}</ul>' if items else ""


def _finding(found: Finding) -> str:
    also = f" Explains also: {', '.join(found.consequences)}." if found.consequences else ""
    return (
        f'<li class="{found.severity}"><p class="what"><b>{escape(found.code)}</b> <span>{found.severity}</span> '
        f"{prose(found.what)}</p>\n<p>{prose(found.evidence)}</p>\n"
        f'<p class="why">{prose(found.why)}{escape(also)}</p>\n<p class="fix"><b>Fix</b> {prose(found.fix)}</p></li>\n'
    )


def prose(text: str) -> str:
    """Return text that is safe in HTML, with no line break between a number and its per cent."""
    return _PER_CENT.sub("\\1\N{NO-BREAK SPACE}%", escape(text))
