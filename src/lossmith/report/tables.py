"""The tables of a report as strings, made once for the terminal, plain text and HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation.figures import Figures
from ..evaluation.result import ClassScore, Confusion, Evaluation, Metric, Slice
from ..evaluation.verdict import number, percent

INTERVAL = "95 % interval"
JUDGED = ("judged", "")  # headings of columns that hold a judgement
_LETTERS = 80  # of a name in a table
_MORE = (("IoU", "iou"), (INTERVAL, "iou_low"), ("ROC AUC", "auc"), ("average precision", "average_precision"))
# Terminal escapes, line ends, text direction, halves of characters.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; the first column names the row, the others hold numbers.

    Attributes:
        title: What it shows.
        headings: One per column.
        rows: Cells.
        note: What to know when reading it, or an empty string.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def losses(result: Evaluation) -> Table | None:
    """Return the losses beside the constant predictor's; None where there is none."""
    rows = tuple(
        (x.title, number(x.value), interval(x.low, x.high), number(x.constant), percent(x.skill))
        for x in result.losses.values()
    )
    if not rows:
        return None
    return Table(
        title="Losses",
        headings=("loss", "value", INTERVAL, "best constant", "skill"),
        rows=rows,
        note="Skill is 1 - value / best constant: 0 % is a model that always gives the same answer, 100 % is perfect.",
    )


def metrics(result: Evaluation) -> Table:
    """Return the metrics with their intervals."""
    rows = tuple((m.title, *_metric(m)) for m in result.metrics.values())
    return Table(title="Metrics", headings=("metric", "value", INTERVAL, "best constant"), rows=rows)


def _metric(m: Metric) -> tuple[str, str, str]:
    show = share if m.proportion else number
    return show(m.value), interval(m.low, m.high, show), "" if m.constant is None else show(m.constant)


def classes(result: Evaluation, limit: int) -> Table | None:
    """Return the numbers per class; the ``limit`` classes of lowest F1 where there are more."""
    if not result.per_class:
        return None
    note = ""
    if len(result.per_class) > limit:
        note = f"The {limit} classes of lowest F1 of {len(result.per_class)}; --json has all."
    maps = result.task == "segmentation"
    more = [(title, name) for title, name in _MORE if any(getattr(c, name) is not None for c in result.per_class)]
    return Table(
        title="Labels" if result.task == "multilabel" else "Classes",
        headings=("class", "pixels" if maps else "rows", "precision", INTERVAL, "recall", INTERVAL,
                  "Dice" if maps else "F1", *(title for title, _ in more)),
        rows=tuple(
            (*_class(c), *(_of_class(c, name) for _, name in more)) for c in listed(result, limit)
        ),
        note=note,
    )  # fmt: skip


def _of_class(c: ClassScore, name: str) -> str:
    if name == "iou_low":
        return interval(c.iou_low, c.iou_high, share)
    return share(getattr(c, name))


def listed(result: Evaluation, limit: int) -> Sequence[ClassScore]:
    """Return the classes of the table, in its order."""
    if len(result.per_class) <= limit:
        return result.per_class
    return sorted(result.per_class, key=lambda c: (c.f1 is None, c.f1))[:limit]


def _class(c: ClassScore) -> tuple[str, ...]:
    return (
        shortened(c.name),
        count(c.support),
        share(c.precision),
        interval(c.precision_low, c.precision_high, share),
        share(c.recall),
        interval(c.recall_low, c.recall_high, share),
        share(c.f1),
    )


def confusion(found: Confusion) -> Table | None:
    """Return the matrix; None where there is none."""
    if found.counts is None:
        return None
    names = tuple(shortened(n) for n in found.class_names)
    rows = tuple((name, *map(count, row)) for name, row in zip(names, found.counts.tolist(), strict=True))
    return Table(
        title="Confusion matrix",
        headings=("true \\ predicted", *names),
        rows=rows,
        note="Rows are true, columns predicted.",
    )


def pairs(found: Confusion, limit: int, task: str) -> Table | None:
    """Return the most frequent mistakes; None if there are none."""
    counted = "pixels" if task == "segmentation" else "rows"
    if not found.pairs:
        return None
    rows = tuple(
        (shortened(p.true), shortened(p.predicted), count(p.count), percent(p.count / found.errors))
        for p in found.pairs[:limit]
    )
    return Table(title="Most confused", headings=("true", "predicted as", counted, "share of errors"), rows=rows)


def slices(result: Evaluation) -> Table | None:
    """Return the slices beside the rest; None where none were asked for."""
    if not result.slices:
        return None
    first = result.slices[0]
    return Table(
        title="Slices",
        headings=("slice", "rows", first.title, INTERVAL, "elsewhere", first.quality.title, INTERVAL, "judged"),
        rows=tuple(_slice(s) for s in result.slices),
        note="Worse: beyond chance over all slices (Welch's test, Benjamini and Hochberg at 5 %) and by more than 10 % "
        "of the loss elsewhere. Slices of fewer than 20 rows are not judged.",
    )


def _slice(s: Slice) -> tuple[str, ...]:
    show = share if s.quality.proportion else number
    return (
        shortened(f"{s.column}: {s.value}{'' if s.values == 1 else f' ({s.values} values)'}"),
        count(s.rows),
        number(s.loss),
        interval(s.low, s.high),
        number(s.rest),
        show(s.quality.value),
        interval(s.quality.low, s.quality.high, show),
        "–" if s.worse is None else "worse" if s.worse else "not worse",
    )


def calibration(drawn: Figures, task: str) -> Table | None:
    """Return the numbers of the reliability diagram; None where there is none."""
    found = drawn.calibration
    if found is None:
        return None
    rows = [("calibration error, as usually computed", number(found.error), "")]
    if found.debiased is not None:
        rows.append(("without what chance adds", number(found.debiased), interval(found.low, found.high)))
    of = {"multiclass": " of right or wrong", "multilabel": " of all labels"}.get(task, "")
    if found.brier is not None:
        rows.append((f"Brier score{of}", number(found.brier), ""))
    rows += [
        ("reliability (0 is best)", number(found.reliability), ""),
        ("− resolution (more is better)", number(found.resolution), ""),
        ("+ uncertainty of the outcome", number(found.uncertainty), ""),
    ]
    if found.within is not None:
        rows.append(("+ what the bins do not tell apart", number(found.within), ""))
    return Table(
        title="Calibration in numbers",
        headings=("number", "value", INTERVAL),
        rows=tuple(rows),
        note="Chance adds to the calibration error: perfect probabilities have one above 0, too. The Brier score is "
        "the sum of the terms below it (Murphy 1973; Stephenson, Coelho and Jolliffe 2008).",
    )


def worst(drawn: Figures, task: str) -> Table | None:
    """Return the rows of largest loss; None where none are kept."""
    if not drawn.worst:
        return None
    sure = task in ("binary", "multiclass")
    rows = tuple(
        (
            shortened(w.row),
            shortened(w.target),
            shortened(w.predicted),
            number(w.loss),
            *((share(w.confidence),) if sure else ()),
        )
        for w in drawn.worst
    )
    held = (
        ""
        if drawn.concentration is None
        else f"The worst 1 % of the rows hold {percent(drawn.concentration)} of the loss."
    )
    return Table(
        title=f"The {len(rows)} rows of largest loss",
        headings=("row", "target", "predicted", "loss", *(("confidence",) if sure else ())),
        rows=rows,
        note=held,
    )


# --- cells -----------------------------------------------------------------------------------------------------------
def share(x: float | None) -> str:
    """Return a number between 0 and 1 to four places, and – for none."""
    return "–" if x is None else f"{x:.4f}"


def count(x: float) -> str:
    """Return a count; a sum of weights to four digits."""
    return str(x) if isinstance(x, int) else number(x)


def interval(low: float | None, high: float | None, show=number) -> str:
    """Return an interval, and nothing for none."""
    return "" if low is None or high is None else f"{show(low)} … {show(high)}"


def shortened(text: str) -> str:
    """Return ``visible(text)``, cut where it is so long that it would crowd out the rest."""
    text = visible(text)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def visible(text: str) -> str:
    """Return ``text`` with control characters (terminal escapes among them) made harmless."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
