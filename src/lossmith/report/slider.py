"""The threshold: a slider that moves the confusion matrix, what follows from it, and the marks in the curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..evaluation.figures import Thresholds
from ..evaluation.result import Evaluation
from .svg import escape
from .tables import count, share, shortened

LIVE = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("specificity", "specificity"),
    ("f1", "F1"),
    ("accuracy", "accuracy"),
    ("flagged", "share called positive"),
)


def draw(result: Evaluation, t: Thresholds) -> tuple[str, dict[str, Any]]:
    """Return the panel, set to 0.5, and what the script needs."""
    at = int(np.flatnonzero(t.threshold == 0.5)[0])
    hits, alarms = float(t.hits[at]), float(t.alarms[at])
    negative, positive = (escape(shortened(n)) for n in result.class_names)
    numbers = at_threshold(hits, alarms, t.positives, t.negatives)
    live = "".join(f'<div><dt>{said}</dt><dd id="live-{name}">{share(numbers[name])}</dd></div>' for name, said in LIVE)
    cells = [[t.negatives - alarms, alarms], [t.positives - hits, hits]]
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(
            f'<td class="{"hit" if i == k else "miss"}" id="live-{i}{k}" style="--a:{(c / sum(row)) ** 0.5:.3f}">'
            f"{count(_whole(c))}</td>"
            for k, c in enumerate(row)
        )
        + "</tr>"
        for i, (name, row) in enumerate(zip((negative, positive), cells, strict=True))
    )
    panel = (
        '<div class="panel" id="threshold">\n<div class="scripted slide">'
        f'<label for="slider">Call it {positive} above <output id="slider-value" for="slider">0.5</output></label>'
        f'<input type="range" id="slider" min="0" max="{t.threshold.size - 1}" step="1" value="{at}" '
        'aria-valuetext="0.5">'
        '<span class="group" role="group" aria-label="Thresholds to jump to"><button type="button" data-pick="middle">'
        '0.5</button><button type="button" data-pick="f1">Best F1</button><button type="button" data-pick="cost">'
        "Lowest cost</button></span>"
        '<span class="costs"><label>A false alarm costs <input type="number" id="cost-alarm" value="1" min="0" '
        'step="any"></label> <label>a miss costs <input type="number" id="cost-miss" value="1" min="0" step="any">'
        "</label></span></div>\n"
        '<div class="scroll" role="region" aria-label="Confusion matrix at the threshold" tabindex="0">'
        '<table class="matrix live"><caption>At the threshold</caption><thead><tr>'
        f'<th scope="col">true \\ predicted</th><th scope="col">{negative}</th><th scope="col">{positive}</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>\n"
        f'<dl class="live">{live}<div class="scripted"><dt>cost</dt><dd id="live-cost"></dd></div></dl>\n'
        '<p class="note">A threshold that was chosen on these rows looks better here than it will be on others; choose '
        "it on validation data.</p>\n</div>"
    )
    data = {
        "threshold": [float(f"{x:.6g}") for x in t.threshold],
        "hits": _rounded(t.hits),
        "alarms": _rounded(t.alarms),
        "positives": _whole(t.positives),
        "negatives": _whole(t.negatives),
        "start": at,
    }
    return panel, data


def at_threshold(hits: float, alarms: float, positives: float, negatives: float) -> dict[str, float | None]:
    """Return what follows from the counts at a threshold; None where a number is not defined."""
    called, total = hits + alarms, positives + negatives
    return {
        "precision": hits / called if called else None,
        "recall": hits / positives,
        "specificity": 1 - alarms / negatives,
        "f1": 2 * hits / (called + positives),
        "accuracy": (hits + negatives - alarms) / total,
        "flagged": called / total,
    }


def _whole(x: float) -> float:
    """Return counts as whole numbers, sums of weights as they are."""
    return int(x) if float(x).is_integer() else round(x, 6)


def _rounded(x: np.ndarray) -> list[float]:
    return [_whole(v) for v in x.tolist()]
