"""OPT12: a penalty on weights, in the loss or as weight decay, that leaves nothing of the data's gradient.

Both criteria add the cause to a training that has learned nothing (OPT02): a healthy one ends where penalty and data
balance, so that their sizes alone say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..history import shared
from ..rule import judges, rule
from .results import nothing_learned
from .words import num, share

_LOOKS = 20
_LATEST = 8
_PULL = 0.5  # of the data's gradient, at the start
_PART = 0.5  # of the loss, in the first epochs
_SHRUNK = 0.5


@judges("OPT12")
def decays(e: Evidence) -> Iterator[Finding]:
    """Judge OPT12: weight decay that passes through the gradient."""
    s = e.steps
    if s is None or s.pull is None or s.weights is None or s.gradients is None or len(s.weights) < _LOOKS + _LATEST:
        return
    columns = np.flatnonzero((s.pull > 0) & np.isfinite(s.weights).any(axis=0))
    if columns.size == 0 or not nothing_learned(e):
        return
    with np.errstate(all="ignore"):
        ratio = s.pull[columns] * s.weights[:_LOOKS, columns] / s.gradients[:_LOOKS, columns]
        shrunk = s.weights[-_LATEST:, columns].mean(axis=0) / s.weights[0, columns]
    ratio, shrunk = ratio[np.isfinite(ratio)], shrunk[np.isfinite(shrunk)]
    if ratio.size == 0 or shrunk.size == 0 or np.median(ratio) <= _PULL or np.median(shrunk) >= _SHRUNK:
        return
    yield rule("OPT12").finding(
        evidence=f"Weight decay added {num(float(np.median(ratio)))} times the data's gradient (median of the first "
        f"looks); the weights have shrunk to {share(float(np.median(shrunk)))} of their first norm, and the "
        "predictions are no better than a constant.",
        certainty="statistical",
        framework=e.framework,
        ratio=float(np.median(ratio)),
        left=float(np.median(shrunk)),
    )


@judges("OPT12")
def penalty_alone_fell(e: Evidence) -> Iterator[Finding]:
    """Judge OPT12: penalties that the loss reports."""
    history = e.history
    if history is None or history.train is None or history.penalty is None or not nothing_learned(e):
        return
    _, loss, penalty = shared(history.train, history.penalty)
    if loss.size < 3 or not (np.isfinite(loss).all() and np.isfinite(penalty).all() and loss[:3].min() > 0):
        return
    part = float((penalty[:3] / loss[:3]).max())
    if part <= _PART or penalty[-1] >= _SHRUNK * penalty.max():
        return
    yield rule("OPT12").finding(
        evidence=f"At the start {share(part)} of the loss was the penalty on weights, which fell from "
        f"{num(float(penalty.max()))} to {num(float(penalty[-1]))}; and the predictions are no better "
        "than a constant.",
        certainty="statistical",
        framework=e.framework,
        part=part,
    )
