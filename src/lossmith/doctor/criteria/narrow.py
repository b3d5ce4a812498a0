"""OUT08, of logits that lie so close together that no answer can be sure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..evidence import Evidence
from ..finding import Finding
from ..rule import rule
from .words import num, plural, span

_NARROW = 0.8  # of the loss of equal logits; contrastive losses with many others at a temperature of 0.5 have half
_CROSS_ENTROPIES = ("softmax_cross_entropy", "sigmoid_cross_entropy")


def bounded_logits(e: Evidence) -> Iterator[Finding]:
    """Logits in -1 … 1: a cross-entropy of them stays above a floor, where a hinge is at home."""
    name = e.loss.definition.name if e.loss is not None and e.loss.definition is not None else ""
    if name not in _CROSS_ENTROPIES:
        return
    classes = 2 if (e.loss is not None and e.loss.binary) or e.rows is None else e.rows.shape[1]
    # The best pair of logits of two classes is 1 and -1; a single logit of a binary loss stands against 0.
    reach = 1.0 if e.loss is not None and e.loss.binary else 2.0
    floor = math.log1p((classes - 1) * math.exp(-reach))
    shown = "" if e.prediction is None or not e.prediction.size else f"; predictions in {span(e.prediction)}"
    yield rule("OUT08").finding(
        what="Logits are bounded by tanh: no answer can be sure.",
        evidence=f"The last activation is tanh{shown}. Even where every answer is right the loss is {num(floor)}.",
        framework=e.framework,
        floor=floor,
    )


def narrow_logits(e: Evidence, low: float, high: float) -> Iterator[Finding]:
    """Cosines, or another bounded function, so small that the loss of the best answers is close to that of none."""
    known = e.loss is not None and e.loss.definition is not None and e.loss.definition.name in _CROSS_ENTROPIES
    if not (known and math.isfinite(low) and math.isfinite(high)) or e.rows is None or e.rows.shape[1] < 2:
        return
    classes = e.rows.shape[1]
    floor, blind = math.log1p((classes - 1) * math.exp(low - high)), math.log(classes)
    if floor < _NARROW * blind:
        return
    yield rule("OUT08").finding(
        what=f"Logits lie between {num(low)} and {num(high)}: no answer can be sure.",
        evidence=f"Even where each of {plural(e.rows.shape[0], 'answer')} is right the loss is {num(floor)}; that of "
        f"{classes} equal logits is {num(blind)}.",
        fix="divide by the temperature (similarity / 0.1), do not multiply by it",
        framework=e.framework,
        floor=floor,
    )
