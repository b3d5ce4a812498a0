"""OPT06, OPT11: how far the weights have come (hardly at all, or no further), and rates that are over too early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..steps import StepFacts
from .words import num, plural, share

_STEPS = 100
_NOWHERE = 0.02  # of a matrix's norm
_DEAD = 1e-4  # of the greatest learning rate
_EARLY = 0.2  # of the steps
_ALIVE = 0.01  # of the first gradients' norm


@judges("OPT06")
def hardly_moves(e: Evidence) -> Iterator[Finding]:
    """Judge OPT06: the weights are where they started, and the model has learned nothing."""
    s, score = e.steps, e.score
    if s is None or score is None or score.gain is None or e.learned or s.steps < _STEPS or s.falls:
        return
    way = travelled(s)
    if way is None or not 0 < way < _NOWHERE:
        return
    yield rule("OPT06").finding(
        what="The learning rate is so low that the weights stay where they started.",
        evidence=f"In {plural(s.steps, 'step')} no weight matrix has moved by more than {share(way)} of its "
        "norm, and the predictions are no better than a constant.",
        severity="warning",
        certainty="statistical",
        framework=e.framework,
        way=way,
    )


@judges("OPT06")
def dies_away(e: Evidence) -> Iterator[Finding]:
    """Judge OPT06: the schedule of the learning rate is over long before the training is."""
    s = e.steps
    if s is None or s.steps < _STEPS or not len(s.rates) or not np.isfinite(s.rates).all():
        return
    steps, rates = s.rates.T
    alive = np.flatnonzero(rates >= _DEAD * rates.max())
    last = float(steps[alive[-1]]) if rates.max() > 0 else 0.0
    if rates.max() <= 0 or last > s.steps / 2 or alive[-1] == len(rates) - 1:
        return
    yield rule("OPT06").finding(
        what="The learning rate has died away.",
        evidence=f"Its schedule goes from {num(float(rates.max()))} to less than {num(_DEAD)} of that between step "
        f"{num(last)} and {num(float(steps[alive[-1] + 1]))}, and stays there: {num(float(rates[-1]))} at step "
        f"{s.steps}.",
        fix="a schedule counts steps, not epochs: decay_steps=epochs * steps_per_epoch, decay_rate for all of them",
        severity="warning" if last <= _EARLY * s.steps else "note",
        certainty="certain",
        framework=e.framework,
        since=last,
    )


def travelled(s: StepFacts) -> float | None:
    """Return how far the weight matrix that moved most has come, against its norm; None if unknown.

    Where gradients vanish on their way down, only the lower ones stand still.
    """
    matrices = np.array([r >= 2 for r in s.ranks], bool)
    if s.moved is not None:
        found = s.moved[matrices]
    elif s.moves is not None and s.weights is not None and len(s.moves):
        with np.errstate(all="ignore"):
            ratios = s.moves[:, matrices] / s.weights[:, matrices]
        found = _summed(ratios[:, np.isfinite(ratios).all(axis=0)], s)
    else:
        return None
    found = found[np.isfinite(found)]
    return float(np.max(found)) if found.size else None


def _summed(ratios: np.ndarray, s: StepFacts) -> np.ndarray:
    """Return the sums of all steps, those between two looks taken to be as long as the longer of the two."""
    before = np.vstack([ratios[:1], ratios[:-1]])
    spans = np.diff(np.array([1, *s.at[1:], s.steps + 1], np.float64))
    return (np.maximum(before, ratios) * spans[:, None]).sum(axis=0)


@judges("OPT11")
def comes_to_rest(e: Evidence) -> Iterator[Finding]:
    """Judge OPT11: parameters have stopped, while their gradients have not."""
    s = e.steps
    if s is None or s.moves is None or s.gradients is None or s.steps < _STEPS or len(s.at) != len(s.moves):
        return
    columns = np.isfinite(s.moves).all(axis=0) & np.array(s.owned, bool)
    norms = s.norms
    if not columns.any() or norms.size < 8:
        return
    moving = np.flatnonzero((s.moves[:, columns] > 0).any(axis=1))
    last = float(s.at[moving[-1]]) if moving.size else 0.0
    rest = norms[moving[-1] + 1 :] if moving.size else norms
    if last == 0 or last > s.steps / 2 or rest.size < 3 or np.median(rest) <= _ALIVE * np.median(norms[:8]):
        return
    yield rule("OPT11").finding(
        what="The parameters have come to rest.",
        evidence=f"Since step {num(last)} of {s.steps} no update has changed a weight, bit for bit, though the "
        f"gradient has a norm of {num(float(np.median(rest)))}: the learning rate is as good as 0.",
        fix="print the learning rate: a scheduler that is stepped once a batch is meant for epochs",
        severity="warning",
        certainty="certain",
        framework=e.framework,
        since=last,
    )
