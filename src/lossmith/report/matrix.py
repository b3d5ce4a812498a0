"""The confusion matrix: a table of cells for few classes, a picture to zoom into for many.

Without a script the table shows counts; with one it also shows shares of rows and columns and can be put in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..evaluation.result import Confusion
from .svg import escape
from .tables import count, share, shortened

TABLE_CLASSES = 40  # above, the matrix is a picture
CELLS = 120_000  # of the picture: the largest ones, so that a page stays below 2 MB
_LETTERS = 5  # of a class's name, above which the headings of the table stand upright
_STEPS = 1e6  # weights are told in this many steps of their sum

_MODES = (("counts", "Counts"), ("rows", "% of true class"), ("columns", "% of predicted class"))
_ORDERS = (("given", "as given"), ("name", "by name"), ("size", "by rows"), ("errors", "by errors"))


def draw(found: Confusion) -> tuple[str, dict[str, Any] | None]:
    """Return the matrix as HTML, and what the script needs of it; nothing where there is no matrix."""
    if found.counts is None:
        return "", None
    if len(found.class_names) <= TABLE_CLASSES:
        return _tools("table") + _table(found), None
    data, left_out = _cells(found)
    return _tools("picture") + _picture(found, left_out), data


def _tools(kind: str) -> str:
    buttons = "".join(
        f'<button type="button" data-mode="{mode}" aria-pressed="{str(mode == "counts").lower()}">{said}</button>'
        for mode, said in _MODES
    )
    options = "".join(f'<option value="{order}">{said}</option>' for order, said in _ORDERS)
    zoom = (
        '<span class="group" role="group" aria-label="Zoom"><button type="button" data-zoom="in" aria-label="Zoom in">+'
        '</button><button type="button" data-zoom="out" aria-label="Zoom out">−</button><button type="button" '
        'data-zoom="all">Whole</button></span>'
        if kind == "picture"
        else ""
    )
    return (
        f'<div class="tools scripted" data-tools="{kind}">'
        f'<span class="group" role="group" aria-label="What cells show">{buttons}</span>'
        f"<label>Order <select data-order>{options}</select></label>{zoom}"
        '<span class="export" data-export="matrix"></span></div>\n'
    )


def _table(found: Confusion) -> str:
    assert found.counts is not None
    names = [escape(shortened(n)) for n in found.class_names]
    heads = "".join(f'<th scope="col" title="{n}">{n}</th>' for n in names)
    columns = found.counts.sum(axis=0).tolist()
    rows = []
    for i, counts in enumerate(found.counts.tolist()):
        total = sum(counts)
        cells = "".join(_cell(c, total, columns[k], i == k) for k, c in enumerate(counts))
        rows.append(f'<tr><th scope="row" title="{names[i]}">{names[i]}</th>{cells}</tr>\n')
    long = " long" if max(map(len, found.class_names)) > _LETTERS and len(names) > 2 else ""
    return (
        '<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0">\n'
        f'<table class="matrix{long}">\n<caption>Confusion matrix</caption>\n'
        f'<thead><tr><th scope="col">true \\ predicted</th>{heads}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody>\n'
        "</table>\n</div>\n"
        '<p class="note">Rows are true, columns predicted. The darker a cell, the larger its share of the true class: '
        "blue right, orange wrong. A heading puts the rows in order of its column.</p>"
    )


def _cell(cell: float, row: float, column: float, right: bool) -> str:
    if not cell:
        return '<td class="none">0</td>'
    part = cell / row
    kind = "hit" if right else "miss"
    title = f"{share(part)} of the true class, {share(cell / column)} of the predicted"
    return f'<td class="{kind}" style="--a:{part**0.5:.3f}" title="{title}">{count(cell)}</td>'


def _picture(found: Confusion, left_out: float) -> str:
    classes = len(found.class_names)
    said = f" The smallest cells, {count(left_out)} rows together, are left out." if left_out else ""
    return (
        '<figure class="picture scripted" data-name="confusion-matrix">\n'
        f"<figcaption>Confusion matrix of {classes} classes</figcaption>\n"
        '<canvas id="matrix" width="640" height="640" tabindex="0" role="application" aria-describedby="matrix-cell" '
        f'aria-label="Confusion matrix of {classes} classes; arrow keys move, plus and minus zoom"></canvas>\n'
        '<p id="matrix-cell" class="note" aria-live="polite">Point at a cell, or use the arrow keys.</p>\n'
        '<p class="note">Rows are true, columns predicted; blue right, orange wrong. Where cells are smaller than a '
        f"point of the screen, the darkest is shown.{said}</p>\n</figure>\n"
        '<noscript><p class="note">The picture needs a script; the tables below do not.</p></noscript>'
    )


def _cells(found: Confusion) -> tuple[dict[str, Any], float]:
    """Return the cells as (distance from the one before, count) in one list, and how many rows are not in it."""
    assert found.counts is not None
    flat = found.counts.ravel()
    total = float(flat.sum())
    unit = 1.0 if flat.dtype.kind in "iu" else total / _STEPS or 1.0
    steps = np.rint(flat / unit).astype(np.int64)
    places = np.flatnonzero(steps)
    if places.size > CELLS:
        places = np.sort(places[np.argsort(-steps[places], kind="stable")[:CELLS]])
    pairs = np.stack([np.diff(places, prepend=0), steps[places]], axis=1)
    left_out = total - float(flat[places].sum())
    names = [shortened(n) for n in found.class_names]
    sums = [[round(x, 3) for x in found.counts.sum(axis=a).tolist()] for a in (1, 0)]
    data = {"names": names, "unit": unit, "cells": pairs.ravel().tolist(), "rows": sums[0], "columns": sums[1]}
    return data, left_out if left_out > total * 1e-5 else 0.0
