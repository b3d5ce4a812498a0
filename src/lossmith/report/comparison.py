"""A comparison as text and as one HTML page."""

from __future__ import annotations

from dataclasses import replace

from ..evaluation.comparison import Comparison
from ..evaluation.paired import Difference
from ..evaluation.verdict import number
from . import charts, tables
from .findings import prose
from .forest import Line, forest
from .html import bullets, table
from .page import page
from .svg import escape, figure
from .tables import Table, shortened
from .text import ASSUMED, WIDTH, block, fitted, wrapped


def to_text(found: Comparison) -> str:
    """Return verdicts, how rows were paired, the tables and the notes."""
    lines = wrapped(heading(found))
    if found.assumptions:
        lines += [ASSUMED, *(line for text in found.assumptions for line in wrapped(text, "- ")), ""]
    lines += [line for verdict in found.verdicts for line in wrapped(verdict)]
    lines += wrapped(found.how)
    for shown in differences(found):
        lines += ["", *block(narrowed(shown, WIDTH))]
    if found.notes:
        lines += ["", "Notes", *(line for text in found.notes for line in wrapped(text, "- "))]
    return "\n".join(lines)


def to_html(found: Comparison) -> str:
    """Return the comparison as one page."""
    about = f'<p class="kicker">{escape(heading(found))}</p>'
    assumed = "".join(f'<p class="assumed">{escape(text)}</p>' for text in (*found.assumptions, found.how))
    tone = "even" if len(found.verdicts) != 1 else _tone(found)
    start, _, rest = found.verdicts[0].partition(": ")
    leads = [rest[:1].upper() + rest[1:]]
    if len(found.verdicts) > 1:
        start, leads = f"{len(found.verdicts)} sets against {shortened(found.names[0])}", list(found.verdicts)
    listed = "".join(f'<p class="lead">{prose(text)}</p>' for text in leads)
    head = f'<header class="verdict {tone}">{about}<h1>{escape(start)}</h1>{listed}{assumed}</header>'
    first, *others = differences(found)
    sections = [
        ("", "", head),
        (
            "differences",
            "Differences",
            _plots(found) + table(_values(found)) + table(first, sortable=True, text=int(len(found.names) > 2)),
        ),
        ("curves", "Curves", _curves(found)),
        *(("tests", "Tests", table(t)) for t in others),
        ("notes", "Notes", bullets("Notes", found.notes, "notes")),
    ]
    return page(f"{' against '.join(map(shortened, found.names[:2]))}: {start}", sections, {}, [])


def heading(found: Comparison) -> str:
    """Return what was compared, in one line."""
    return f"{found.task}, {found.rows} rows, {' · '.join(found.names)}"


def _tone(found: Comparison) -> str:
    verdict = found.verdicts[0]
    return "good" if " is better than " in verdict else "bad" if " is worse than " in verdict else "even"


def differences(found: Comparison) -> list[Table]:
    """Return the differences, and the test of the accuracies where there is one."""
    several = len(found.names) > 2
    rows = tuple(
        (
            d.title,
            *((shortened(d.model),) if several else ()),
            number(d.first),
            number(d.value),
            f"{d.difference:+.4g}",
            tables.interval(d.low, d.high),
            _word(d),
            "" if d.p is None else f"{d.p:.2g}",
        )
        for d in found.differences
    )
    first, other = shortened(found.names[0]), "value" if several else shortened(found.names[1])
    made = [
        Table(
            title="Differences",
            headings=("metric", *(("set",) if several else ()), first, other, "difference", tables.INTERVAL, "", "p"),
            rows=rows,
            note=f"Each set against {first}, paired by row. An interval that holds 0 cannot tell them apart. "
            "The more numbers one looks at, the more of them differ by chance; the verdict goes by "
            f"{_title(found)} alone.",
        )
    ]
    if found.discordant:
        lines = tuple(
            (shortened(t.model), str(t.first_only), str(t.model_only), f"{t.p:.2g}") for t in found.discordant
        )
        headings = ("set", f"right in {first} alone", "right in this alone", "p")
        note = "Rows that both have right or both have wrong say nothing about which is better."
        made.append(Table(title="McNemar's test of the accuracies", headings=headings, rows=lines, note=note))
    return made


def narrowed(table: Table, width: int) -> Table:
    """Return the table without what can be told from the rest, where it is too wide; then without intervals."""
    for heading in ("p", "difference"):
        if fitted(table, width) is not table and heading in table.headings:
            kept = [i for i, h in enumerate(table.headings) if h != heading]
            headings, *rows = (tuple(row[i] for i in kept) for row in (table.headings, *table.rows))
            table = replace(table, headings=headings, rows=tuple(rows))
    return fitted(table, width)


def _title(found: Comparison) -> str:
    return next(d.title for d in found.differences if d.metric == found.decides)


def _word(d: Difference) -> str:
    return "undecided" if d.better is None else "better" if d.better else "worse"


def _plots(found: Comparison) -> str:
    """Return one forest plot per set: each difference in units of its interval, better to the right."""
    drawn = [_plot(found, model) for model in found.names[1:]]
    return f'<h2>Differences</h2><div class="figures">{"".join(drawn)}</div>'


def _plot(found: Comparison, model: str) -> str:
    lines = [_line(d) for d in found.differences if d.model == model and d.low is not None and d.high is not None]
    reach = max([1.0, *(abs(x) for line in lines for x in (line.low, line.high) if x is not None)])
    reach = min(reach, 12.0)
    title = f"{shortened(model)} against {shortened(found.names[0])}"
    picture = forest(lines, (-reach, reach), 0.0, f"Differences of {title}", ends=True)
    reading = "Each line is a 95 % interval, in units of its own half width; those that cross the middle are undecided."
    return figure("comparison", title, picture, reading, [("c0", "better"), ("c1", "worse"), ("c6", "undecided")])


def _line(d: Difference) -> Line:
    assert d.low is not None
    assert d.high is not None
    half = (d.high - d.low) / 2 or 1.0
    sign = 1 if d.higher_is_better else -1
    low, value, high = sorted(sign * x / half for x in (d.low, d.difference, d.high))
    kind = {True: "c0", False: "c1", None: "c6"}[d.better]
    title = f"{d.title}: {d.difference:+.4g} ({number(d.low)} … {number(d.high)})"
    return Line(name=d.title, low=low, value=value, high=high, kind=kind, title=title)


def _curves(found: Comparison) -> str:
    """Return the curves of all sets in one frame; an empty string where the task has none."""
    drawn = charts.overlaid([(shortened(n), f) for n, f in zip(found.names, found.figures, strict=True)])
    return f'<h2>Curves</h2><div class="figures">{"".join(drawn)}</div>' if drawn else ""


def _values(found: Comparison) -> Table | None:
    """Return the numbers of all sets beside one another; None for two, whose differences say them."""
    if len(found.names) < 3:
        return None
    metrics = dict.fromkeys((d.metric, d.title) for d in found.differences)
    rows = tuple(
        (title, number(found.of(found.names[1], m).first), *(number(found.of(n, m).value) for n in found.names[1:]))
        for m, title in metrics
    )
    return Table(title="Values", headings=("metric", *map(shortened, found.names)), rows=rows)
