"""Training curves as inline SVG: one chart for the losses, one for the other numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .tables import visible

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 14, 30
COLOURS = 6
_NOT_CURVES = ("epoch", "step", "iteration")

Points = list[tuple[float, float]]  # (epoch, value), finite ones alone


def draw(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the charts of a history, one mapping per epoch; an empty string where there is nothing to draw."""
    series = _series(history)
    loss = {name: points for name, points in series.items() if "loss" in name.lower()}
    rest = {name: points for name, points in series.items() if name not in loss}
    return "\n".join(_chart(title, group) for title, group in (("Loss", loss), ("Other metrics", rest)) if group)


def _series(history: Sequence[Mapping[str, Any]]) -> dict[str, Points]:
    names = dict.fromkeys(str(k) for epoch in history for k in epoch if str(k).lower() not in _NOT_CURVES)
    series: dict[str, Points] = {}
    for name in names:
        points = [(_number(e.get("epoch"), i + 1), _number(e.get(name), math.nan)) for i, e in enumerate(history)]
        points = [p for p in points if math.isfinite(p[1])]
        if points:
            series[name] = points
    return series


def _number(x: Any, otherwise: float) -> float:
    try:
        value = float(x)
    except (TypeError, ValueError):
        return otherwise
    return value if math.isfinite(value) else otherwise


def _chart(title: str, series: dict[str, Points]) -> str:
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    ticks = _ticks(min(ys), max(ys))
    box = (min(xs), max(xs), ticks[0], ticks[-1])
    parts = [_grid(ticks, box), _best(series, box)]
    parts += [_curve(points, box, i) for i, points in enumerate(series.values())]
    legend = "".join(f'<span class="c{i % COLOURS}">{_escape(n)}</span>' for i, n in enumerate(series))
    label = _escape(f"{title} by epoch: {', '.join(series)}")
    return (
        f'<figure>\n<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">\n'
        + "\n".join(p for p in parts if p)
        + f"\n</svg>\n<figcaption>{_escape(title)} by epoch {legend}</figcaption>\n</figure>"
    )


def _grid(ticks: list[float], box: tuple[float, float, float, float]) -> str:
    lines = []
    for tick in ticks:
        y = _y(tick, box)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for epoch in {box[0], box[1]}:
        lines.append(f'<text x="{_x(epoch, box):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{epoch:g}</text>')
    return "\n".join(lines)


def _best(series: dict[str, Points], box: tuple[float, float, float, float]) -> str:
    """Mark the epoch of the lowest validation loss."""
    points = next((p for name, p in series.items() if name.lower() in ("val_loss", "validation_loss")), None)
    if not points or len(points) < 2:
        return ""
    epoch, value = min(points, key=lambda p: p[1])
    x = _x(epoch, box)
    anchor = "end" if x > WIDTH * 0.6 else "start"
    shift = -6 if anchor == "end" else 6
    return (
        f'<line class="best" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text x="{x + shift:.1f}" y="{TOP + 10}" text-anchor="{anchor}">lowest: {value:.4g}, epoch {epoch:g}</text>'
    )


def _curve(points: Points, box: tuple[float, float, float, float], index: int) -> str:
    kind = f"c{index % COLOURS}"
    if len(points) == 1:
        return f'<circle class="dot {kind}" cx="{_x(points[0][0], box):.1f}" cy="{_y(points[0][1], box):.1f}" r="3"/>'
    path = " ".join(f"{_x(x, box):.1f},{_y(y, box):.1f}" for x, y in points)
    return f'<polyline class="curve {kind}" points="{path}"/>'


def _x(epoch: float, box: tuple[float, float, float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * ((epoch - box[0]) / (box[1] - box[0]) if box[1] > box[0] else 0.5)


def _y(value: float, box: tuple[float, float, float, float]) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - box[2]) / (box[3] - box[2])


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at most ``low`` to at least ``high``."""
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _escape(text: str) -> str:
    return html.escape(visible(text), quote=True)
