"""Training curves: one chart for the losses, one for the other numbers, with marks where the doctor found something."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..doctor import Findings, check
from ..errors import InputError
from .findings import listed
from .svg import COLOURS, LEFT, TOP, Axes, escape, figure, ticks

_NOT_CURVES = ("epoch", "step", "iteration")
_VALIDATION = ("val_loss", "validation_loss")

Points = list[tuple[float, float]]  # (epoch, value), finite ones alone


def draw(history: Any, told: Sequence[str] = ()) -> str:
    """Return the charts of a history and what the doctor says of it; an empty string where there is nothing to draw.

    Args:
        history: One mapping per epoch, or one list per curve.
        told: Codes of findings that stand elsewhere on the page.
    """
    rows = _rows(history)
    series = _series(rows)
    if not series:
        return ""
    found = _findings(rows)
    marks = [(f.code, float(f.numbers["epoch"])) for f in found if "epoch" in f.numbers]
    loss = {name: points for name, points in series.items() if "loss" in name.lower()}
    rest = {name: points for name, points in series.items() if name not in loss}
    charts = [_chart(title, group, marks) for title, group in (("Loss", loss), ("Other metrics", rest)) if group]
    return f'<div class="figures">\n{"".join(charts)}\n</div>\n' + listed([f for f in found if f.code not in told])


def _rows(history: Any) -> list[Mapping[str, Any]]:
    """Return one mapping per epoch."""
    if not isinstance(history, Mapping):
        return list(history or [])
    columns = {k: list(v) for k, v in history.items() if isinstance(v, Iterable) and not isinstance(v, str | Mapping)}
    longest = max(map(len, columns.values()), default=0)
    return [{k: v[i] for k, v in columns.items() if i < len(v)} for i in range(longest)]


def _findings(rows: Sequence[Mapping[str, Any]]) -> Findings:
    """Return what the doctor finds in the curves; nothing where he cannot tell which of them are losses."""
    try:
        return check(None, history=rows)
    except InputError:
        return Findings()


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


def _chart(title: str, series: dict[str, Points], marks: Sequence[tuple[str, float]]) -> str:
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    up = ticks(min(ys), max(ys))
    axes = Axes(x=(min(xs), max(xs)), y=(up[0], up[-1]))
    parts = [axes.frame("epoch", title.lower(), y_ticks=up)]
    parts += [_mark(axes, k, *mark) for k, mark in enumerate(marks)] if title == "Loss" else []
    parts.append(_best(series, axes))
    parts += [_curve(points, axes, i) for i, points in enumerate(series.values())]
    legend = [(f"c{i % COLOURS}", name) for i, name in enumerate(series)]
    label = f"{title} by epoch: {', '.join(series)}"
    return figure(title.lower().replace(" ", "-"), f"{title} by epoch", axes.picture(label, "".join(parts)), "", legend)


def _mark(axes: Axes, place: int, code: str, epoch: float) -> str:
    """Return a line at the epoch that a finding names."""
    if not axes.x[0] <= epoch <= axes.x[1]:
        return ""
    line = axes.whisker(epoch, *axes.y, "doctor")
    return f'{line}<text class="doctor" x="{axes.px(epoch) + 5:.1f}" y="{TOP + 26 + 14 * place}">{escape(code)}</text>'


def _best(series: dict[str, Points], axes: Axes) -> str:
    """Mark the epoch of the lowest validation loss."""
    points = next((p for name, p in series.items() if name.lower() in _VALIDATION), None)
    if not points or len(points) < 2:
        return ""
    epoch, value = min(points, key=lambda p: p[1])
    x = axes.px(epoch)
    anchor = "end" if x > LEFT + (axes.width - LEFT) * 0.6 else "start"
    shift = -6 if anchor == "end" else 6
    return (
        f'{axes.whisker(epoch, *axes.y, "best")}<text x="{x + shift:.1f}" y="{TOP + 10}" text-anchor="{anchor}">'
        f"lowest: {value:.4g}, epoch {epoch:g}</text>"
    )


def _curve(points: Points, axes: Axes, index: int) -> str:
    kind = f"c{index % COLOURS}"
    return axes.dot(*points[0], f"dot {kind}") if len(points) == 1 else axes.line(points, f"curve {kind}")
