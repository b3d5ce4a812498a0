"""An evaluation as one HTML page: no network, light and dark, phone and print, keyboard and screen reader.

Everything is there without a script; with it tables can be put in order, the threshold moves, figures can be saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..evaluation.figures import Figures
from ..evaluation.result import Confusion, Evaluation
from ..evaluation.verdict import number, percent
from . import charts, matrix, slider, tables
from . import history as curves
from .findings import listed, prose
from .page import page
from .svg import escape
from .tables import Table

CLASSES = 1000
PAIRS = 12
_TALL = 15  # rows above which a table scrolls within itself
_PRINTED = 60  # rows of a table on paper; the style sheet leaves out those after them


def to_html(result: Evaluation, history: Any = None) -> str:
    """Return the report as one page.

    Args:
        result: The evaluation.
        history: One mapping per epoch, or one list per curve, drawn as curves.
    """
    drawn = result.drawn()
    confusion, cells = _confusion(result.confusion, result.task)
    threshold, thresholds = _threshold(result, drawn)
    figures = charts.draw(result, drawn)
    sections = [
        ("", "", _head(result) + _cards(result)),
        ("findings", "Findings", _titled("What stands out", listed(result.findings))),
        ("numbers", "Numbers", _join(table(tables.losses(result)), table(tables.metrics(result)))),
        ("confusion", "Confusion", confusion),
        *(_section(title, parts, threshold, tables.calibration(drawn, result.task)) for title, parts in figures),
        ("classes", "Classes", _classes(result)),
        ("slices", "Slices", _join(charts.slices(result), table(tables.slices(result), sortable=True))),
        ("training", "Training", _titled("Training", curves.draw(history, result.findings.codes))),
        (
            "worst",
            "Worst rows",
            table(tables.worst(drawn, result.task), sortable=True, text=0 if result.task == "regression" else 2),
        ),
        ("notes", "Notes", bullets("Notes", result.notes, "notes")),
    ]
    scripts = [*(["threshold.js"] if thresholds else []), *(["matrix.js"] if confusion else [])]
    return page(result.verdict, sections, {"thresholds": thresholds, "matrix": cells}, scripts)


# --- parts, top to bottom --------------------------------------------------------------------------------------------
def _head(result: Evaluation) -> str:
    start, _, rest = result.verdict.partition(": ")
    about = [result.source, result.task.replace("_", " "), f"{result.rows:,} {result.unit}s"]
    if result.class_names:
        about.append(f"{len(result.class_names)} {'labels' if result.task == 'multilabel' else 'classes'}")
    kicker = " · ".join(escape(a) for a in about if a)
    lead = f'\n<p class="lead">{prose(rest[:1].upper() + rest[1:])}</p>' if rest else ""
    tone = {"Better": "good", "Worse": "bad"}.get(start.partition(" ")[0], "even")
    assumed = "".join(f'\n<p class="assumed">{escape(sentence)}</p>' for sentence in result.assumptions)
    return (
        f'<header class="verdict {tone}">\n<p class="kicker">{kicker}</p>\n<h1>{escape(start)}</h1>{lead}{assumed}\n'
        "</header>\n"
    )


def _cards(result: Evaluation) -> str:
    cards = []
    if result.losses:
        loss = next(iter(result.losses.values()))
        cards = [
            _card(loss.title, number(loss.value), f"{number(loss.constant)} for a constant"),
            _card("skill", percent(loss.skill), "100 % is perfect"),
        ]
    first = () if result.unit == "row" else tuple(result.metrics)[:4]
    for name in first or ("accuracy", "exact_match", "auc", "macro_f1", "rmse", "r2"):
        m = result.metrics.get(name)
        if m and m.value is not None:
            show = percent if m.proportion else number
            below = tables.interval(m.low, m.high, show)
            if not below and m.constant is not None:
                below = f"{show(m.constant)} for a constant"
            cards.append(_card(m.title, show(m.value), below))
    return f'<dl class="cards">\n{"".join(cards[:4])}</dl>'


def _card(title: str, value: str, below: str) -> str:
    return f"<div><dt>{escape(title)}</dt><dd>{escape(value)}<small>{escape(below)}</small></dd></div>\n"


def bullets(title: str, sentences: Sequence[str], kind: str) -> str:
    """Return sentences as a list with a heading; an empty string where there are none."""
    if not sentences:
        return ""
    items = "".join(f"<li>{prose(s)}</li>\n" for s in sentences)
    return f'<div class="{kind}">\n<h2>{escape(title)}</h2>\n<ul>\n{items}</ul>\n</div>'


def _titled(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}" if content else ""


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _confusion(found: Confusion | None, task: str) -> tuple[str, dict[str, Any] | None]:
    if found is None:
        return "", None
    drawn, data = matrix.draw(found)
    return _join(drawn, table(tables.pairs(found, PAIRS, task), sortable=True, text=1)), data


def _threshold(result: Evaluation, drawn: Figures) -> tuple[str, dict[str, Any] | None]:
    return slider.draw(result, drawn.thresholds) if drawn.thresholds is not None else ("", None)


def _section(title: str, figures: Sequence[str], threshold: str, calibration: Table | None) -> tuple[str, str, str]:
    panel = threshold if title == charts.RANKING else ""
    grid = f'<div class="figures">\n{"".join(figures)}\n</div>'
    below = table(calibration) if title == charts.PROBABILITIES else ""
    return title.lower(), title, _titled(title, _join(panel, grid, below))


def _classes(result: Evaluation) -> str:
    found = tables.classes(result, CLASSES)
    if found is None:
        return ""
    spans = {
        3: [(c.precision_low, c.precision_high) for c in tables.listed(result, CLASSES)],
        5: [(c.recall_low, c.recall_high) for c in tables.listed(result, CLASSES)],
    }
    return table(found, sortable=True, bars={2: spans[3], 4: spans[5], 6: []})


# --- tables ----------------------------------------------------------------------------------------------------------
def table(
    shown: Table | None,
    *,
    sortable: bool = False,
    bars: dict[int, list[tuple[float | None, float | None]]] | None = None,
    text: int = 0,
) -> str:
    """Return a table.

    Args:
        shown: What it holds; None gives an empty string.
        sortable: Whether headings put the rows in order.
        bars: Columns whose cells hold shares and are drawn as bars, with the intervals of their rows, if any.
        text: How many columns after the first hold words.
    """
    if shown is None:
        return ""
    kinds = [
        "interval" if h == tables.INTERVAL else "text" if 0 < i <= text else "" for i, h in enumerate(shown.headings)
    ]
    heads = "".join(f'<th scope="col"{_class(k)}>{escape(h)}</th>' for h, k in zip(shown.headings, kinds, strict=True))
    rows = []
    for r, row in enumerate(shown.rows):
        cells = [f'<th scope="row">{escape(row[0])}</th>']
        for i, (cell, kind) in enumerate(zip(row[1:], kinds[1:], strict=True), start=1):
            spans = None if bars is None else bars.get(i)
            drawn = "" if spans is None else _bar(cell, spans[r] if r < len(spans) else (None, None))
            known = row[i + 1] if kinds[i + 1 : i + 2] == ["interval"] else ""
            beside = f' data-interval="{escape(known)}"' if known else ""  # a narrow page shows it below the number
            judged = cell if shown.headings[i] in tables.JUDGED and cell in ("better", "worse") else ""
            cells.append(f"<td{drawn or _class(judged or kind)}{beside}>{escape(cell)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>\n")
    label = escape(shown.title)
    below = f'\n<p class="note">{escape(shown.note)}</p>' if shown.note else ""
    tall = f" tall{' cut' if len(rows) > _PRINTED else ''}" if len(rows) > _TALL else ""
    return (
        f'<div class="scroll{tall}" role="region" aria-label="{label}" tabindex="0">\n'
        f"<table{_class('sortable' if sortable else '')}>\n<caption>{label}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>\n</div>{below}"
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _bar(cell: str, span: tuple[float | None, float | None]) -> str:
    """Return the attributes of a cell that is drawn as a bar, with its interval as a line where there is one."""
    try:
        length = min(1.0, max(0.0, float(cell)))
    except ValueError:
        return ""
    low, high = span
    if low is None or high is None:
        return f' class="bar" style="--v:{length:.3f}"'
    return f' class="bar known" style="--v:{length:.3f};--l:{low:.3f};--h:{high:.3f}"'
