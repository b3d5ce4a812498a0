"""The figures of an evaluation: curves of scores, calibration, errors of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluation.figures import Errors, Figures, Grid, Scores, Thresholds
from ..evaluation.intervals import wilson
from ..evaluation.result import Evaluation
from ..evaluation.states.calibration import Reliability
from ..evaluation.verdict import number, percent
from .forest import Line, forest
from .svg import COLOURS, Axes, figure
from .tables import shortened

RANKING, PROBABILITIES = "Thresholds", "Probabilities"
_SLICES = 16  # that are drawn: the largest losses
_UNIT = (0.0, 1.0)
_FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def draw(result: Evaluation, drawn: Figures) -> list[tuple[str, list[str]]]:
    """Return the figures by section: (title, figures)."""
    found: list[tuple[str, list[str]]] = []
    if drawn.thresholds is not None:
        found.append((RANKING, [roc(result, drawn.thresholds), precision_recall(result, drawn.thresholds)]))
    calibrated = []
    if drawn.reliability is not None:
        calibrated.append(reliability(result, drawn.reliability))
    if drawn.scores is not None:
        calibrated.append(scores(result, drawn.scores))
    if calibrated:
        found.append((PROBABILITIES, calibrated))
    if drawn.errors is not None:
        errors = drawn.errors
        found.append(("Errors", [joint(errors.joint), residual(errors.residual), histogram(errors), deciles(errors)]))
    return found


# --- classes ---------------------------------------------------------------------------------------------------------
def roc(result: Evaluation, t: Thresholds) -> str:
    """Return the ROC curve with the diagonal and the mark that the slider moves."""
    axes = Axes(x=_UNIT, y=_UNIT)
    curve = [(1.0, 1.0), *zip(t.false_alarm_rate.tolist(), t.recall.tolist(), strict=True), (0.0, 0.0)]
    at = int(np.flatnonzero(t.threshold == 0.5)[0])
    content = axes.frame("false positive rate", "true positive rate (recall)", x_ticks=_FIFTHS, y_ticks=_FIFTHS)
    content += axes.line([(0, 0), (1, 1)], "reference") + axes.band([(x, 0.0, y) for x, y in curve], "under")
    content += axes.line(curve, "curve c0")
    content += axes.dot(float(t.false_alarm_rate[at]), float(t.recall[at]), "mark", radius=5)
    auc = result.metrics["auc"]
    said = f"area {number(auc.value)}{_interval(auc.low, auc.high)}"
    return figure(
        "roc",
        f"ROC curve, {said}",
        axes.picture(f"ROC curve, {said}", content),
        "The nearer to the upper left corner, the better; on the diagonal the scores say nothing.",
        [("c0", "this model"), ("reference", "no skill"), ("mark", "at the threshold")],
    )


def precision_recall(result: Evaluation, t: Thresholds) -> str:
    """Return the precision-recall curve with the share of positives, which is what no skill gives."""
    axes = Axes(x=_UNIT, y=_UNIT)
    share = t.positives / (t.positives + t.negatives)
    curve = [(1.0, share), *zip(t.recall.tolist(), t.precision.tolist(), strict=True)]
    at = int(np.flatnonzero(t.threshold == 0.5)[0])
    content = axes.frame("recall", "precision", x_ticks=_FIFTHS, y_ticks=_FIFTHS)
    content += axes.line([(0, share), (1, share)], "reference") + axes.line(curve, "curve c0")
    if np.isfinite(t.precision[at]):
        content += axes.dot(float(t.recall[at]), float(t.precision[at]), "mark", radius=5)
    average = result.metrics["average_precision"]
    said = f"average precision {number(average.value)}{_interval(average.low, average.high)}"
    return figure(
        "precision-recall",
        f"Precision and recall, {said}",
        axes.picture(f"Precision against recall, {said}; {percent(share)} of the rows are positive", content),
        f"The nearer to the upper right corner, the better; without skill precision is {percent(share)}, the share of "
        "positives.",
        [("c0", "this model"), ("reference", "share of positives"), ("mark", "at the threshold")],
    )


def reliability(result: Evaluation, found: Reliability) -> str:
    """Return the reliability diagram: share that came true by probability, with Wilson's intervals."""
    axes = Axes(x=_UNIT, y=_UNIT)
    of, outcome = (
        _probability_of(result),
        "share that was right" if result.task == "multiclass" else "share that came true",
    )
    content = axes.frame(of, outcome, x_ticks=_FIFTHS, y_ticks=_FIFTHS) + axes.line([(0, 0), (1, 1)], "reference")
    used = np.flatnonzero(found.count > 0)
    scale = result.rows / float(found.count.sum())  # rows per weight; of labels: rows per label
    band, points = [], []
    for k in used.tolist():
        x, y, n = float(found.confidence[k]), float(found.rate[k]), float(found.count[k])
        low, high = wilson(y, n * scale)
        assert low is not None
        assert high is not None
        band.append((x, low, high))
        unit = "labels" if result.task == "multilabel" else "rows"
        title = f"{number(n)} {unit}, mean probability {x:.3f}, {outcome} {y:.3f} ({low:.3f} … {high:.3f})"
        points.append(axes.whisker(x, low, high) + axes.dot(x, y, "dot c0", title))
        content += axes.bar(float(found.edges[k]), float(found.edges[k + 1]), 0.0, 0.12 * n / found.count.max(), "rows")
    content += axes.band(band, "band") + axes.line(
        [(p[0], float(found.rate[k])) for p, k in zip(band, used, strict=True)], "curve c0"
    )
    content += "".join(points)
    said = f"expected calibration error {number(found.error)} in {found.count.size} bins"
    pooled = " All labels together; intervals as if a row were one observation." if result.task == "multilabel" else ""
    return figure(
        "reliability",
        f"Reliability, {said}",
        axes.picture(f"Reliability diagram, {said}", content),
        "On the diagonal a probability of 0.8 comes true 8 times in 10. Below it the model is too sure. Lines are 95 % "
        f"intervals; the bars at the bottom say where the rows are.{pooled}",
        [("c0", "rows by probability"), ("reference", "perfectly calibrated")],
    )


def _probability_of(result: Evaluation) -> str:
    if result.task == "binary":
        return f"probability of {shortened(result.class_names[1])}"
    return "probability of a label" if result.task == "multilabel" else "probability of the answer"


def scores(result: Evaluation, found: Scores) -> str:
    """Return the histogram of probabilities by class (binary, labels) or by right and wrong (multiclass), as shares."""
    sums = found.counts.sum(axis=1, keepdims=True)
    shares = found.counts / np.where(sums > 0, sums, 1)
    top = float(shares.max()) or 1.0
    axes = Axes(x=_UNIT, y=(0.0, 1.05 * top))
    many = result.task == "multiclass"
    pooled = ("labels that are not there", "labels that are there")
    names = (
        ("wrong answers", "right answers") if many else pooled if result.task == "multilabel" else result.class_names
    )
    content = axes.frame(_probability_of(result), "share" if many else "share of the class", x_ticks=_FIFTHS)
    for kind, row, raw, name in zip(("c1", "c0"), shares.tolist(), found.counts.tolist(), names, strict=True):
        for k, share in enumerate(row):
            if share:
                title = (
                    f"{name}: {number(raw[k])}, {percent(share)}, at {found.edges[k]:.3g} to {found.edges[k + 1]:.3g}"
                )
                content += axes.bar(float(found.edges[k]), float(found.edges[k + 1]), 0.0, share, f"area {kind}", title)
    if not many:
        content += axes.whisker(0.5, 0.0, 1.05 * top, "mark-line")
    return figure(
        "scores",
        "Probabilities of right and wrong answers" if many else "Probabilities by class",
        axes.picture(f"Histogram of probabilities of {names[0]} and {names[1]}", content),
        "Wrong answers on the right side are those the model was sure of."
        if many
        else "The less the two overlap, the better they can be told apart.",
        [("c1", names[0]), ("c0", names[1]), *([] if many else [("mark", "threshold")])],
    )


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({number(low)} … {number(high)})"


# --- slices ----------------------------------------------------------------------------------------------------------
def slices(result: Evaluation) -> str:
    """Return the loss of the slices beside that of all rows; an empty string where there are none."""
    known = [s for s in result.slices if s.loss is not None]
    if len(known) < 2:
        return ""
    known = sorted(known, key=lambda s: -(s.loss or 0.0))[:_SLICES]
    rows = sum(s.rows for s in result.slices if s.column == result.slices[0].column)
    overall = sum((s.loss or 0.0) * s.rows for s in result.slices if s.column == result.slices[0].column) / rows
    ends = [x for s in known for x in (s.loss, s.low, s.high) if x is not None]
    lines = [
        Line(
            name=shortened(f"{s.column}: {s.value}"),
            low=s.low,
            value=s.loss or 0.0,
            high=s.high,
            kind="c1" if s.worse else "c0",
            title=f"{s.column}: {s.value}, {s.rows} rows: {number(s.loss)}{_interval(s.low, s.high)}",
        )
        for s in known
    ]
    title = f"{known[0].title[:1].upper()}{known[0].title[1:]} by slice"
    span = min([overall, *ends]), max([overall, *ends])
    picture = forest(lines, span, overall, f"{title}, with 95 % intervals", axis=known[0].title)
    legend = [("c1", "worse than the other rows"), ("c0", "not worse, or not judged"), ("reference", "all rows")]
    reading = "Lines are 95 % intervals. Even slices lie around the dashed line."
    return f'<div class="figures">{figure("slices", title, picture, reading, legend)}</div>'


# --- numbers ---------------------------------------------------------------------------------------------------------
def joint(grid: Grid) -> str:
    """Return predictions against targets."""
    axes, content = _cells(grid, "target", "prediction")
    content += axes.line([(axes.x[0], axes.x[0]), (axes.x[1], axes.x[1])], "reference")
    return figure(
        "predicted",
        "Predicted against actual",
        axes.picture("Histogram of predictions against targets", content),
        f"Good predictions lie along the diagonal.{_outside(grid)}",
        [("heat", "more rows are darker"), ("reference", "perfect")],
    )


def residual(grid: Grid) -> str:
    """Return errors against predictions."""
    axes, content = _cells(grid, "prediction", "prediction − target")
    if axes.y[0] <= 0 <= axes.y[1]:
        content += axes.line([(axes.x[0], 0.0), (axes.x[1], 0.0)], "reference")
    middles = (grid.y_edges[1:] + grid.y_edges[:-1]) / 2
    sums = grid.counts.sum(axis=0)
    across = (grid.x_edges[1:] + grid.x_edges[:-1]) / 2
    means = [(float(x), float(grid.counts[:, k] @ middles / sums[k])) for k, x in enumerate(across) if sums[k] >= 10]
    content += axes.line(means, "curve c1")
    return figure(
        "residuals",
        "Errors by prediction",
        axes.picture("Histogram of errors against predictions", content),
        f"A cloud around zero of even height is good; a bent line is a bias, a funnel a spread that grows."
        f"{_outside(grid)}",
        [("heat", "more rows are darker"), ("c1", "mean error")],
    )


def _cells(grid: Grid, x_label: str, y_label: str) -> tuple[Axes, str]:
    x, y = ((float(e[0]), float(e[-1])) for e in (grid.x_edges, grid.y_edges))
    axes = Axes(x=x, y=y)
    top = float(grid.counts.max()) or 1.0
    cells = []
    for i, k in zip(*(a.tolist() for a in np.nonzero(grid.counts)), strict=True):
        n = float(grid.counts[i, k])
        level = 1 + int(8 * (n / top) ** 0.5 - 1e-9)
        (left, right), (low, high) = grid.x_edges[k : k + 2].tolist(), grid.y_edges[i : i + 2].tolist()
        cells.append(axes.bar(left, right, low, high, f"h{level}"))
    return axes, axes.frame(x_label, y_label) + f'<g class="heat">{"".join(cells)}</g>'


def _outside(grid: Grid) -> str:
    return f" {number(grid.outside)} rows lie outside of the picture." if grid.outside >= 0.5 else ""


def histogram(errors: Errors) -> str:
    """Return the histogram of the errors."""
    total = float(errors.counts.sum()) or 1.0
    shares = (errors.counts / total).tolist()
    axes = Axes(x=(float(errors.edges[0]), float(errors.edges[-1])), y=(0.0, 1.05 * (max(shares) or 1.0)))
    content = axes.frame("prediction − target", "share of rows")
    for k, share in enumerate(shares):
        if share:
            low, high = errors.edges[k : k + 2].tolist()
            title = f"{number(low)} to {number(high)}: {number(float(errors.counts[k]))} rows"
            content += axes.bar(low, high, 0.0, share, "area c0", title)
    if axes.x[0] <= 0 <= axes.x[1]:
        content += axes.whisker(0.0, 0.0, axes.y[1], "reference")
    half, most, nearly = (number(errors.quantiles[q]) for q in ("0.5", "0.9", "0.99"))
    return figure(
        "errors",
        "Errors",
        axes.picture("Histogram of prediction minus target", content),
        f"Half of the errors are at most {half} in size, 90 % at most {most}, 99 % at most {nearly}.",
    )


def deciles(errors: Errors) -> str:
    """Return the mean absolute error by tenth of the target, with intervals."""
    parts = errors.deciles
    top = max((d.absolute_high or d.absolute for d in parts), default=1.0) or 1.0
    axes = Axes(x=(0.5, len(parts) + 0.5), y=(0.0, 1.05 * top))
    content = axes.frame("tenths of the target, lowest first", "mean absolute error", x_ticks=range(1, len(parts) + 1))
    for k, d in enumerate(parts, start=1):
        title = f"target {number(d.low)} to {number(d.high)}: {d.rows} rows, mean absolute error {number(d.absolute)}"
        content += axes.bar(k - 0.36, k + 0.36, 0.0, d.absolute, "area c0", f"{title}, mean error {number(d.bias)}")
        if d.absolute_low is not None and d.absolute_high is not None:
            content += axes.whisker(k, max(0.0, d.absolute_low), d.absolute_high)
    return figure(
        "deciles",
        "Error by size of the target",
        axes.picture("Mean absolute error by tenth of the target", content),
        "Bars of even height are good. Tall bars at the ends: the model shrinks towards the middle.",
    )


# --- several sets of predictions -------------------------------------------------------------------------------------
def overlaid(sets: Sequence[tuple[str, Figures]]) -> list[str]:
    """Return the curves of several sets of predictions of the same rows, each kind in one frame.

    Args:
        sets: (name, what is drawn of it).
    """
    legend = [(f"c{k % COLOURS}", name) for k, (name, _) in enumerate(sets)]
    found = []
    ranked = [f.thresholds for _, f in sets]
    if all(t is not None for t in ranked):
        known = [t for t in ranked if t is not None]
        share = known[0].positives / (known[0].positives + known[0].negatives)
        rates = [
            [(1.0, 1.0), *zip(t.false_alarm_rate.tolist(), t.recall.tolist(), strict=True), (0.0, 0.0)] for t in known
        ]
        hits = [[(1.0, share), *zip(t.recall.tolist(), t.precision.tolist(), strict=True)] for t in known]
        labels = "false positive rate", "true positive rate (recall)"
        found += [
            _together("roc", "ROC curves", labels, rates, [(0, 0), (1, 1)], [*legend, ("reference", "no skill")]),
            _together(
                "precision-recall",
                "Precision and recall",
                ("recall", "precision"),
                hits,
                [(0, share), (1, share)],
                [*legend, ("reference", "share of positives")],
            ),
        ]
    calibrated = [f.reliability for _, f in sets]
    if all(r is not None for r in calibrated):
        lines = [
            [(x, y) for x, y, n in zip(r.confidence, r.rate, r.count, strict=True) if n > 0]
            for r in calibrated
            if r is not None
        ]
        marks = [*legend, ("reference", "perfectly calibrated")]
        labels = "probability", "share that came true"
        found.append(_together("reliability", "Reliability", labels, lines, [(0, 0), (1, 1)], marks))
    wrong = [f.errors for _, f in sets]
    if all(e is not None for e in wrong):
        found.append(_errors_together([e for e in wrong if e is not None], legend))
    return found


def _together(
    name: str,
    title: str,
    labels: tuple[str, str],
    curves: Sequence[Sequence[tuple[float, float]]],
    reference: Sequence[tuple[float, float]],
    legend: Sequence[tuple[str, str]],
) -> str:
    axes = Axes(x=_UNIT, y=_UNIT)
    content = axes.frame(*labels, x_ticks=_FIFTHS, y_ticks=_FIFTHS) + axes.line(reference, "reference")
    content += "".join(axes.line(curve, f"curve c{k % COLOURS}") for k, curve in enumerate(curves))
    reading = "Where two curves cross, which set is better depends on the threshold." if name != "reliability" else ""
    return figure(name, title, axes.picture(title, content), reading, legend)


def _errors_together(sets: Sequence[Errors], legend: Sequence[tuple[str, str]]) -> str:
    top = max((d.absolute for e in sets for d in e.deciles), default=1.0) or 1.0
    tenths = max(len(e.deciles) for e in sets)
    axes = Axes(x=(0.5, tenths + 0.5), y=(0.0, 1.05 * top))
    content = axes.frame("tenths of the target, lowest first", "mean absolute error", x_ticks=range(1, tenths + 1))
    for k, errors in enumerate(sets):
        content += axes.line([(i, d.absolute) for i, d in enumerate(errors.deciles, start=1)], f"curve c{k % COLOURS}")
    title = "Error by size of the target"
    return figure(
        "deciles", title, axes.picture("Mean absolute error by tenth of the target, each set", content), "", legend
    )
