"""An evaluation as one HTML page: no script, no network, light and dark, phone and print."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..evaluation.result import Confusion, Evaluation
from ..evaluation.verdict import number, percent
from . import history as curves
from . import tables
from .style import CSS
from .tables import Table, count, share, visible

MATRIX_CLASSES = 60  # above, the matrix is no longer readable and the list of mistakes stands alone
CLASSES = 1000
PAIRS = 8
_LEVEL = 5  # letters of a class name above which the headings of the matrix stand upright
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def to_html(result: Evaluation, history: Sequence[Mapping[str, Any]] | None = None) -> str:
    """Return the report as one page.

    Args:
        result: The evaluation.
        history: One mapping per epoch, drawn as curves.
    """
    body = [
        _head(result),
        _cards(result),
        _findings(result),
        _section(_table(tables.losses(result), bar=4)),
        _section(_table(tables.metrics(result))),
        _confusion(result.confusion),
        _section(_table(tables.classes(result, CLASSES), bar=6)),
        _history(history),
        _list("Notes", result.notes, "notes"),
        f"<footer>Made by lossmith {escape(__version__)}. Intervals: Wilson (proportions), normal (means).</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        f"<title>{escape(result.verdict)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def escape(text: object) -> str:
    """Return text that is safe inside an element or an attribute."""
    return html.escape(visible(str(text)), quote=True)


# --- parts, top to bottom --------------------------------------------------------------------------------------------
def _head(result: Evaluation) -> str:
    start, _, rest = result.verdict.partition(": ")
    about = [result.source, result.task, f"{result.rows:,} rows", f"{len(result.class_names)} classes"]
    if result.task == "regression":
        about.pop()
    kicker = " · ".join(escape(a) for a in about if a)
    lead = f'\n<p class="lead">{escape(rest[:1].upper() + rest[1:])}</p>' if rest else ""
    tone = {"Better": "good", "Worse": "bad"}.get(start.partition(" ")[0], "even")
    assumed = "".join(f'\n<p class="assumed">{escape(sentence)}</p>' for sentence in result.assumptions)
    return (
        f'<header class="{tone}">\n<p class="kicker">{kicker}</p>{assumed}\n<h1>{escape(start)}</h1>{lead}\n</header>'
    )


def _cards(result: Evaluation) -> str:
    cards = []
    if result.losses:
        loss = next(iter(result.losses.values()))
        cards = [
            _card(loss.title, number(loss.value), f"{number(loss.constant)} for a constant"),
            _card("skill", percent(loss.skill), "100 % is perfect"),
        ]
    for name in ("accuracy", "exact_match", "macro_f1", "auc", "rmse", "r2"):
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


def _findings(result: Evaluation) -> str:
    return _list("What stands out", result.findings, "findings")


def _list(title: str, sentences: Sequence[str], kind: str) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(s)}</li>\n" for s in sentences)
    return f'<section class="{kind}">\n<h2>{escape(title)}</h2>\n<ul>\n{items}</ul>\n</section>'


def _section(table: str) -> str:
    return f"<section>\n{table}\n</section>" if table else ""


def _history(history: Sequence[Mapping[str, Any]] | None) -> str:
    drawn = curves.draw(history or [])
    return f"<section>\n<h2>Training</h2>\n{drawn}\n</section>" if drawn else ""


# --- tables ----------------------------------------------------------------------------------------------------------
def _table(table: Table | None, bar: int | None = None) -> str:
    """Return a table; the cells of column ``bar`` hold shares and are drawn as bars, too."""
    if table is None:
        return ""
    heads = "".join(f'<th scope="col">{escape(h)}</th>' for h in table.headings)
    rows = "".join(f"<tr>{_cells(row, bar)}</tr>\n" for row in table.rows)
    return _framed(table.title, f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>", table.note)


def _framed(title: str, content: str, note: str, kind: str = "") -> str:
    below = f'\n<p class="note">{escape(note)}</p>' if note else ""
    label = escape(title)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">\n<table{kind}>\n'
        f"<caption>{label}</caption>\n{content}\n</table>\n</div>{below}"
    )


def _cells(row: tuple[str, ...], bar: int | None) -> str:
    cells = [f'<th scope="row">{escape(row[0])}</th>']
    for i, text in enumerate(row[1:], start=1):
        length = _share_of(text) if i == bar else None
        style = "" if length is None else f' class="bar" style="--v:{length:.3f}"'
        cells.append(f"<td{style}>{escape(text)}</td>")
    return "".join(cells)


def _share_of(text: str) -> float | None:
    scale = 100 if text.endswith("%") else 1
    try:
        return min(1.0, max(0.0, float(text.removesuffix("%")) / scale))
    except ValueError:
        return None


def _confusion(found: Confusion | None) -> str:
    if found is None:
        return ""
    listed = _table(tables.pairs(found, PAIRS))
    matrix = _matrix(found) if len(found.class_names) <= MATRIX_CLASSES else ""
    return _section("\n".join(part for part in (matrix, listed) if part))


def _matrix(found: Confusion) -> str:
    """Return the matrix with cells coloured by their share of the row; a box switches from counts to shares."""
    if found.counts is None:
        return ""
    names = [escape(n) for n in found.class_names]
    heads = "".join(f'<th scope="col" title="{n}">{n}</th>' for n in names)
    rows = []
    for i, counts in enumerate(found.counts.tolist()):
        total = sum(counts)
        cells = "".join(_matrix_cell(c, total, i == k) for k, c in enumerate(counts))
        rows.append(f'<tr><th scope="row" title="{names[i]}">{names[i]}</th>{cells}</tr>\n')
    content = f'<thead><tr><th scope="col">true \\ predicted</th>{heads}</tr></thead>\n<tbody>\n{"".join(rows)}</tbody>'
    long = " long" if max(map(len, found.class_names)) > _LEVEL and len(names) > 2 else ""
    note = "Rows are true, columns predicted; the colour is the share of the row: blue right, orange wrong."
    switch = '<input type="checkbox" id="shares"><label for="shares">Show shares of the row in per cent</label>'
    return _framed("Confusion matrix", content, note, f' class="matrix{long}"') + f'\n<p class="switch">{switch}</p>'


def _matrix_cell(cell: float, total: float, right: bool) -> str:
    if not cell:
        return '<td class="none">0</td>'
    part = cell / total
    kind = "hit" if right else "miss"
    text = f"<b>{count(cell)}</b><i>{100 * part:.1f}</i>"
    return f'<td class="{kind}" style="--a:{part**0.5:.3f}" title="{share(part)} of the row">{text}</td>'
