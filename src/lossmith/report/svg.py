"""Charts as inline SVG: axes with round ticks, lines, bands, bars, cells; and the figure around them.

Colours and fonts come from the page's style sheet, so a chart follows dark mode. All text is escaped here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .tables import visible

COLOURS = 6  # of curves: classes c0 … c5
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 12, 46


def escape(text: object) -> str:
    """Return text that is safe inside an element or an attribute."""
    return html.escape(visible(str(text)), quote=True)


@dataclass(frozen=True, kw_only=True)
class Axes:
    """A coordinate system; y grows upwards.

    Attributes:
        x: The numbers at the left and right end.
        y: Those at the lower and upper end.
        width: Of the picture, in its own units.
        height: Likewise.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 440
    height: int = 320

    def px(self, x: float) -> float:
        """Return where ``x`` lies across."""
        low, high = self.x
        return LEFT + (self.width - LEFT - RIGHT) * ((x - low) / (high - low) if high > low else 0.5)

    def py(self, y: float) -> float:
        """Return where ``y`` lies, from the upper edge down."""
        low, high = self.y
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * ((y - low) / (high - low) if high > low else 0.5)

    def frame(self, x_label: str, y_label: str, *, x_ticks: Sequence[float] = (), y_ticks: Sequence[float] = ()) -> str:
        """Return grid, ticks and labels; round ticks where none are given."""
        parts = []
        for at in y_ticks or inside(self.y):
            y = self.py(at)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick(at)}</text>')
        for at in x_ticks or inside(self.x):
            x, bottom = self.px(at), self.height - BOTTOM
            parts.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick(at)}</text>')
        middle = (LEFT + self.width - RIGHT) / 2, (TOP + self.height - BOTTOM) / 2
        parts.append(
            f'<text class="axis" x="{middle[0]:.0f}" y="{self.height - 8}" text-anchor="middle">'
            f"{escape(x_label)}</text>"
        )
        parts.append(
            f'<text class="axis" transform="translate(14 {middle[1]:.0f}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>"
        )
        return "".join(parts)

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> str:
        """Return a line through the points; those that are not finite break it."""
        found, run = [], []
        for x, y in points:
            if math.isfinite(x) and math.isfinite(y):
                run.append(f"{self.px(x):.1f},{self.py(y):.1f}")
            elif run:
                found.append(run)
                run = []
        return "".join(f'<polyline class="{kind}" points="{" ".join(run)}"/>' for run in [*found, run] if run)

    def band(self, points: Sequence[tuple[float, float, float]], kind: str) -> str:
        """Return the area between two lines: (x, low, high) each."""
        upper = [f"{self.px(x):.1f},{self.py(high):.1f}" for x, _, high in points]
        lower = [f"{self.px(x):.1f},{self.py(low):.1f}" for x, low, _ in reversed(points)]
        return f'<polygon class="{kind}" points="{" ".join(upper + lower)}"/>' if points else ""

    def bar(self, left: float, right: float, low: float, high: float, kind: str, title: str = "") -> str:
        """Return a rectangle between two numbers across and two up, with what is shown on pointing at it."""
        x, y = self.px(left), self.py(high)
        shape = f'class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{max(0.0, self.px(right) - x):.2f}"'
        shape += f' height="{max(0.0, self.py(low) - y):.2f}"'
        return f"<rect {shape}><title>{escape(title)}</title></rect>" if title else f"<rect {shape}/>"

    def whisker(self, x: float, low: float, high: float, kind: str = "whisker") -> str:
        """Return an interval as an upright line."""
        return f'<line class="{kind}" x1="{self.px(x):.1f}" x2="{self.px(x):.1f}" y1="{self.py(low):.1f}" y2="{self.py(high):.1f}"/>'  # noqa: E501

    def dot(self, x: float, y: float, kind: str, title: str = "", radius: float = 3.5) -> str:
        """Return a point."""
        shape = f'class="{kind}" cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{radius:g}"'
        return f"<circle {shape}><title>{escape(title)}</title></circle>" if title else f"<circle {shape}/>"

    def picture(self, label: str, content: str) -> str:
        """Return the SVG; ``label`` says to those who do not see it what it shows."""
        box = f"{LEFT} {TOP} {self.width - LEFT - RIGHT} {self.height - TOP - BOTTOM}"
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label)}" '
            f'data-box="{box}">{content}</svg>'
        )


def figure(name: str, title: str, picture: str, reading: str, legend: Sequence[tuple[str, str]] = ()) -> str:
    """Return a figure.

    Args:
        name: Name of the file it is exported to.
        title: What it shows.
        picture: The SVG.
        reading: How a good one looks, in a sentence.
        legend: (class, words) of each kind of mark.
    """
    marks = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in legend)
    listed = f'<ul class="legend">{marks}</ul>' if marks else ""
    return (
        f'<figure class="chart" data-name="{escape(name)}">\n<figcaption>{escape(title)}</figcaption>\n{picture}\n'
        f'{listed}<p class="note">{escape(reading)}</p>\n</figure>'
    )


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at most ``low`` to at least ``high``.

    >>> ticks(0.32, 2.4)
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    """
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = _step(low, high)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(k * step, 12) for k in range(first, last + 1)]


def inside(span: tuple[float, float]) -> list[float]:
    """Return the round numbers within a span.

    >>> inside((0.1, 0.9))
    [0.2, 0.4, 0.6, 0.8]
    """
    low, high = span
    if not high > low:
        return [low]
    slack = 1e-9 * (high - low)
    return [t for t in ticks(low, high) if low - slack <= t <= high + slack]


def _step(low: float, high: float) -> float:
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))


def tick(at: float) -> str:
    """Return a tick's number as it is written."""
    return f"{at:g}".replace("-", "\N{MINUS SIGN}")
