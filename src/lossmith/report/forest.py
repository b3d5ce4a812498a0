"""Intervals below one another: one line each, with its name, around a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .svg import TOP, escape, inside, tick

_ROW = 26  # height of a line
_LETTERS = 24  # of a name
_NAMES, _RIGHT, _WIDTH = 156, 16, 440


@dataclass(frozen=True, kw_only=True)
class Line:
    """One interval.

    Attributes:
        name: What it is of.
        low: Its lower end; None where only the value is known. ``high`` likewise.
        value: The point within.
        kind: Class of the colour, "c0".
        title: What is shown on pointing at it.
    """

    name: str
    low: float | None
    value: float
    high: float | None
    kind: str
    title: str


def forest(
    lines: Sequence[Line],
    span: tuple[float, float],
    reference: float,
    label: str,
    *,
    axis: str = "",
    ends: bool = False,
) -> str:
    """Return the picture.

    Args:
        lines: From top to bottom.
        span: The numbers at the left and right end; what lies beyond is drawn there.
        reference: Where the dashed line stands.
        label: What the picture shows, for those who do not see it.
        axis: What the numbers below are; none are drawn where it is empty.
        ends: Whether "worse" and "better" stand below.
    """
    height = TOP + _ROW * len(lines) + (46 if axis else 30)
    bottom = TOP + _ROW * len(lines) + 4

    def across(x: float) -> float:
        share = (min(max(x, span[0]), span[1]) - span[0]) / (span[1] - span[0] or 1.0)
        return _NAMES + (_WIDTH - _NAMES - _RIGHT) * share

    parts = [
        f'<line class="reference" x1="{across(reference):.1f}" x2="{across(reference):.1f}" y1="{TOP}" y2="{bottom}"/>'
    ]
    if axis:
        for at in inside(span):
            x = f"{across(at):.1f}"
            parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>')
            parts.append(f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{tick(at)}</text>')
        middle = (_NAMES + _WIDTH - _RIGHT) / 2
        parts.append(f'<text x="{middle:.0f}" y="{height - 6}" text-anchor="middle">{escape(axis)}</text>')
    if ends:
        x = across(reference)
        parts.append(f'<text x="{x - 8:.1f}" y="{height - 8}" text-anchor="end">← worse</text>')
        parts.append(f'<text x="{x + 8:.1f}" y="{height - 8}">better →</text>')
    for k, line in enumerate(lines):
        y = TOP + _ROW * (k + 0.5)
        name = line.name if len(line.name) <= _LETTERS else f"{line.name[: _LETTERS - 1]}…"
        parts.append(f'<text x="{_NAMES - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        if line.low is not None and line.high is not None:
            ends_at = f'x1="{across(line.low):.1f}" x2="{across(line.high):.1f}"'
            parts.append(f'<line class="curve {line.kind}" {ends_at} y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<circle class="dot {line.kind}" cx="{across(line.value):.1f}" cy="{y:.1f}" r="4">'
            f"<title>{escape(line.title)}</title></circle>"
        )
    box = f'viewBox="0 0 {_WIDTH} {height}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
