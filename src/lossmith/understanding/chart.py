"""Curves as a picture: value and gradient side by side, as PNG, SVG or a self-contained HTML page.

The picture is a Vega-Lite chart, drawn by vl-convert on this machine; nothing is fetched from a network.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import InputError, MissingDependencyError, UnknownNameError
from ..files import write_whole
from ..losses import Loss, find
from .curves import Curve, curves

SUFFIXES = (".png", ".svg", ".html")
_COLOURS = ["#1f6fb4", "#d1495b", "#2a9d62", "#8e5ea2", "#c98a1b", "#4f5d75", "#12908e", "#b5508f"]
_WIDTH, _HEIGHT = 330, 260
_PANELS = {"value": "value of the loss", "gradient": "gradient (slope of the value)"}
_CUT = 0.06  # share of a curve that may leave the picture at a steep end


def plot(*names: str, output: str | Path | None = None, parameters: Mapping[str, Any] | None = None) -> Path:
    """Draw value and gradient of one or several losses over the prediction, and return where the picture is.

    Args:
        *names: Names or aliases of losses whose predictions are of the same kind.
        output: A file ending in .png, .svg or .html; default: the losses' names, as PNG, in the current directory.
        parameters: Parameters to set, each on those of the losses that have it.

    Raises:
        InputError: No name, losses that share no axis, a parameter out of bounds, or an unknown ending of the file.
        UnknownNameError: A loss or parameter of that name does not exist.
        DataError: The file cannot be written; nothing is left behind.
        MissingDependencyError: The extra ``report`` is not installed.
    """
    losses = list(dict.fromkeys(map(find, names)))
    if not losses:
        raise InputError("no loss to plot; give one name or several, as in plot('huber', 'mse')")
    path = Path(output) if output is not None else Path("-".join(loss.name for loss in losses) + ".png")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"output is {str(path)!r}; expected a name ending in {', '.join(SUFFIXES)}")
    return write_whole(path, render(chart(losses, parameters or {}), path.suffix.lower()))


def chart(losses: Sequence[Loss], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Vega-Lite specification of a picture.

    Args:
        losses: Definitions, each drawn in colours of its own.
        parameters: As ``plot`` takes them.

    Raises:
        InputError: The losses share no axis, or a parameter is out of bounds.
        UnknownNameError: None of the losses has one of the parameters.
        MissingDependencyError: The extra ``report`` is not installed.
    """
    altair = _load("altair")
    axis, drawn = _collect(losses, parameters)
    labels = _labels(drawn)
    panels = [_panel(altair, drawn, labels, axis, what) for what in _PANELS]
    heading = " · ".join(dict.fromkeys(curve.title for curve in drawn))
    subtitle = losses[0].summary if len(losses) == 1 else "value and gradient over the prediction"
    title = altair.TitleParams(heading, subtitle=subtitle, anchor="start", fontSize=16, subtitleColor="#555", offset=14)
    joined = altair.hconcat(*panels, title=title, spacing=40, background="white", padding=16)
    spec = joined.configure_view(stroke=None).configure_axis(**_AXIS_STYLE).to_dict()
    rows = {what: _rows(drawn, labels, what) for what in _PANELS}  # altair would check each of the numbers, slowly
    return {**spec, "datasets": {**spec.get("datasets", {}), **rows}}


def render(spec: Mapping[str, Any], suffix: str) -> bytes:
    """Return a specification as the bytes of a ".png", ".svg" or ".html" file."""
    convert = _load("vl_convert")
    if suffix == ".png":
        return convert.vegalite_to_png(dict(spec), scale=2)
    if suffix == ".svg":
        return convert.vegalite_to_svg(dict(spec)).encode()
    return convert.vegalite_to_html(dict(spec), bundle=True).encode()


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        package = {"vl_convert": "vl-convert-python"}.get(name, name)
        raise MissingDependencyError(package, "a picture", "report") from None


def _collect(losses: Sequence[Loss], parameters: Mapping[str, Any]) -> tuple[str, list[Curve]]:
    for key in parameters:
        if not any(key in loss.defaults for loss in losses):
            known = [name for loss in losses for name in loss.defaults]
            raise UnknownNameError("parameter", key, known, where=", ".join(loss.name for loss in losses))
    axes: dict[str, str] = {}
    drawn: list[Curve] = []
    for loss in losses:
        axis, made = curves(loss, {k: v for k, v in parameters.items() if k in loss.defaults})
        axes.setdefault(axis, loss.name)
        drawn += made
    if len(axes) > 1:
        (one, a), (two, b) = list(axes.items())[:2]
        raise InputError(f"{a} is drawn over «{one}» and {b} over «{two}»; plot them apart")
    return next(iter(axes)), drawn


def _labels(drawn: Sequence[Curve]) -> list[str]:
    """Return one label per curve, with what tells the curves apart."""
    titles, targets = {c.title for c in drawn}, {c.target for c in drawn}
    if len(titles) == 1:
        return [c.target if len(targets) > 1 else c.title for c in drawn]
    return [f"{c.title}, {c.target}" if len(targets) > 1 else c.title for c in drawn]


def _panel(altair: ModuleType, drawn: Sequence[Curve], labels: Sequence[str], axis: str, what: str) -> Any:
    low, high = _range([getattr(c, what) for c in drawn])
    x = altair.X("x:Q", title=axis, scale=altair.Scale(domain=_ends(drawn), nice=False))
    y = altair.Y("y:Q", title=_PANELS[what], scale=altair.Scale(domain=[low, high], nice=False))
    legend = (
        altair.Legend(title=None, orient="bottom", columns=2, labelLimit=400, labelFontSize=12)
        if len(drawn) > 1
        else None
    )
    colour = altair.Color("label:N", scale=altair.Scale(domain=list(labels), range=_COLOURS), legend=legend)
    lines = altair.Chart(altair.NamedData(name=what)).mark_line(strokeWidth=2.2, clip=True)
    shown = lines.encode(x=x, y=y, color=colour)
    return altair.layer(*_marks(altair, drawn, x), shown).properties(width=_WIDTH, height=_HEIGHT)


def _rows(drawn: Sequence[Curve], labels: Sequence[str], what: str) -> list[dict[str, Any]]:
    """Return the points of a panel; what is far above or below it is cut, as not every format clips."""
    low, high = _range([getattr(c, what) for c in drawn])
    return [
        {"x": float(a), "y": float(b), "label": label}
        for curve, label in zip(drawn, labels, strict=True)
        for a, b in zip(curve.x, np.clip(getattr(curve, what), 2 * low - high, 2 * high - low), strict=True)
    ]


def _marks(altair: ModuleType, drawn: Sequence[Curve], x: Any) -> list[Any]:
    """Return a dashed rule, with its name, where each target is."""
    places = {c.best: c.target for c in drawn if c.best is not None}
    if not places:
        return []
    base = altair.Chart(altair.Data(values=[{"x": place, "name": words} for place, words in places.items()]))
    rule = base.mark_rule(color="#888", strokeDash=[4, 3]).encode(x=x)
    name = base.mark_text(align="center", baseline="bottom", dy=-3, color="#666", fontSize=11)
    return [rule, name.encode(x=x, y=altair.value(0), text="name:N")]


def _ends(drawn: Sequence[Curve]) -> list[float]:
    """Return the horizontal range: all curves, and the targets beside them."""
    places = [c.best for c in drawn if c.best is not None]
    return [min([*places, *(float(c.x[0]) for c in drawn)]), max([*places, *(float(c.x[-1]) for c in drawn)])]


def _range(columns: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return a vertical range that shows 0 and all curves, without ends more than twice as high as the rest."""
    low, high = 0.0, 0.0
    for y in columns:
        bottom, top = np.quantile(y, [_CUT, 1 - _CUT])
        low = min(low, float(y.min() if y.min() >= 2 * bottom else bottom))
        high = max(high, float(y.max() if y.max() <= 2 * top else top))
    margin = 0.06 * (high - low or 1.0)
    return (low - margin if low < 0 else low), high + margin


_AXIS_STYLE = {
    "labelFontSize": 11,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "titleColor": "#333",
    "gridColor": "#e8e8e8",
    "domainColor": "#999",
    "tickColor": "#999",
}
