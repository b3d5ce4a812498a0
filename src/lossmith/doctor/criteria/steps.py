"""OUT18, OPT03, OPT05, OPT08 to OPT11, OPT13, OPT14, ACT, INIT02: what gradients, updates, modes and units show.

These rules look while the training runs, so each has a criterion that chance or a healthy training does not meet, and
those that could (large steps, dead units) are warnings only where the training has got nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding, Severity
from ..rule import judges, rule
from ..steps import StepFacts
from .words import num, plural, share

_STEPS = 20
_STALE = 5
_ACCUMULATED = 8  # updates of several micro-batches
_MOVED = 0.05  # of the weight of an update
_LARGE_STEP = 0.1
_JUMP = 100.0  # of the median
_JUMP_AT_START = 10.0  # of the first norms
_SIGMAS = 6.0
_CLIPPED = 0.5
_OVERLAPS = ("dice", "jaccard")
_EXPLODED = 1e6  # times the very first loss
_UNIT_ROWS = 2000
_WHOLE = 0.95  # of a layer's units: nothing passes it


def _few(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@judges("OPT10")
def keeps_gradients(e: Evidence) -> Iterator[Finding]:
    """Judge OPT10: gradients are not reset."""
    s = e.steps
    if s is None or s.stale < _STALE:
        return
    norms = s.norms
    growth = f" The gradient's norm went from {num(norms[0])} to {num(norms[-1])}." if norms.size > 1 else ""
    yield rule("OPT10").finding(
        evidence=f"In {plural(s.stale, 'step')} in a row backward() found the gradients of the step before, and added "
        f"to them.{growth}",
        framework=e.framework,
        steps=s.stale,
    )


@judges("OPT09")
def minimises_minus_the_loss(e: Evidence) -> Iterator[Finding]:
    """Judge OPT09: a function of one's own returns minus the loss."""
    facts, t = e.loss, e.numeric_target
    if (
        facts is None
        or not facts.negated
        or facts.part
        or facts.definition is None
        or t is None
        or e.prediction is None
    ):
        return
    if t.size < 8 or np.all(t == t.flat[0]):  # one side of a game may want the other to fail
        return
    if facts.definition.name in _OVERLAPS:
        name = facts.definition.name.capitalize()
        yield rule("OPT09").finding(
            what=f"The {name} coefficient is minimised.",
            evidence=f"{facts.shown} gives the {name} coefficient of its arguments, which is 1 for perfect ones.",
            fix="return 1 - coefficient",
            framework=e.framework,
        )
        return
    if facts.definition.name == "cosine_similarity":
        yield rule("OPT09").finding(
            what="The cosine of prediction and target is minimised: they are turned away from each other.",
            evidence=f"{facts.shown} grows by exactly as much as the cosine of its arguments.",
            fix="keras.losses.cosine_similarity is minus the cosine already: return it as it is, or 1 + it"
            if e.framework == "keras"
            else "1 - cosine, or -cosine",
            framework=e.framework,
        )
        return
    yield rule("OPT09").finding(
        what="Minus the loss is minimised.",
        evidence=f"{facts.shown} gives exactly minus the {facts.definition.name.replace('_', ' ')} of its arguments.",
        fix="return the loss itself: drop the minus, or put one in front of a log-likelihood",
        framework=e.framework,
    )


@judges("OPT09")
def climbs(e: Evidence) -> Iterator[Finding]:
    """Judge OPT09: the step goes uphill."""
    s = e.steps
    if s is None or e.loss is None or e.loss.definition is None or e.loss.part or s.uphill < _STEPS:
        return
    if s.downhill or not s.rises:
        return
    yield rule("OPT09").finding(
        evidence=f"In each of {s.uphill} backward passes the gradient that reached the loss was negative, and the loss "
        f"rose from {num(float(np.median(s.first)))} to {num(float(np.median(s.last)))}.",
        framework=e.framework,
        uphill=s.uphill,
    )


@judges("OUT18")
def mean_of_means(e: Evidence) -> Iterator[Finding]:
    """Judge OUT18: the loss is reduced to the wrong scale."""
    s = e.steps
    if s is None:
        return
    moved, factors, misses = [], [], []
    for count, loss, slope in (parts.T for parts in s.micro):
        if not 0 < slope.max() <= slope.min() * (1 + 1e-3) or count.min() <= 0 or not np.isfinite(loss).all():
            return
        moved.append(float(np.abs(count / count.sum() - 1 / count.size).sum() / 2))
        factors.append(float(count.max() / count.min()))
        exact = float(np.average(loss, weights=count))
        misses.append(abs(float(loss.mean()) - exact) / max(abs(exact), 1e-12))
    if len(moved) < _ACCUMULATED or not np.median(moved) > _MOVED:
        return
    yield rule("OUT18").finding(
        what="Micro-batches of unequal size weigh the same in the gradient.",
        evidence=f"In {plural(len(moved), 'update')} each micro-batch's mean went in with the same factor, so that a "
        f"target of one counted {num(float(np.median(factors)))} times one of another; "
        f"{share(float(np.median(moved)))} of the weight lies on the wrong targets, and the loss is "
        f"off by {share(float(np.median(misses)))} (medians).",
        framework=e.framework,
        updates=len(moved),
        moved=float(np.median(moved)),
        off=float(np.median(misses)),
    )


@judges("OPT11")
def stands_still(e: Evidence) -> Iterator[Finding]:
    """Judge OPT11: parameters are not updated."""
    s = e.steps
    if s is not None and s.frozen:
        yield rule("OPT11").finding(
            what="No parameter of the model is to learn.",
            evidence=f"None of its parameters is trainable, of which {s.frozen} are matrices of weights.",
            fix={
                "torch": "parameter.requires_grad_(True) for what is to learn, before the optimiser is made",
                "keras": "layer.trainable = True before compile(), for what is to learn",
            }.get(e.framework, "let learn what is to learn"),
            certainty="certain",
            framework=e.framework,
        )
        return
    if s is not None and s.unregistered and s.steps >= _STEPS:
        yield _in_plain_lists(e, s)
    if s is None or s.unchanged is None or not s.names or s.steps < (_STEPS if any(s.owned) else 1):
        return
    still = [i for i, same in enumerate(s.unchanged) if same]
    if len(still) == len(s.names):
        yield from _nothing_moves(e, s)
        return
    if s.steps < _STEPS:
        return
    apart = [i for i in still if not s.owned[i]]
    head = [i for i, rank in enumerate(s.ranks) if rank >= 2][-1:]
    if apart:
        of_head = bool(set(head) & set(apart))
        yield _still(e, s, apart, "are not in the optimiser", "warning" if of_head else "note")
    never = [i for i in still if s.owned[i] and s.gradients is not None and np.isnan(s.gradients[:, i]).all()]
    if never:
        yield _still(e, s, never, "got no gradient", "note")


def _nothing_moves(e: Evidence, s: StepFacts) -> Iterator[Finding]:
    """All stand still: an optimiser of other parameters, or no gradient; a loss of 0 has none to give."""
    if s.last.size and np.all(s.last == 0):
        return
    none = not any(s.owned)
    why = "the optimiser has none of them" if none else "their gradients are 0, or the learning rate is"
    yield rule("OPT11").finding(
        what="No parameter of the model changes.",
        evidence=f"After {plural(s.steps, 'step')} all {len(s.names)} are as they started, bit for bit: {why}.",
        framework=e.framework,
        certainty="certain",
        parameters=len(s.names),
    )


def _in_plain_lists(e: Evidence, s: StepFacts) -> Finding:
    """Layers that the model uses and does not know of."""
    names = list(s.unregistered)
    return rule("OPT11").finding(
        what=f"The model does not know of {plural(len(names), 'parameter')} of layers in a plain list or dictionary.",
        evidence=f"{_few(names)}: with a gradient, and unchanged, bit for bit, after {plural(s.steps, 'step')}.",
        why="model.parameters(), state_dict() and to(device) do not see them: they stay as they started, and are not "
        "saved.",
        fix="nn.ModuleList([…]), nn.ModuleDict({…}) or nn.ParameterList([…]) in place of the list or dictionary",
        severity="warning",
        framework=e.framework,
        parameters=len(names),
    )


def _still(e: Evidence, s: StepFacts, which: list[int], how: str, severity: Severity) -> Finding:
    names = [s.names[i] for i in which]
    return rule("OPT11").finding(
        what=f"{plural(len(which), 'parameter')} {how}." if len(which) > 1 else f"The parameter {names[0]} {how}.",
        evidence=f"{_few(names)}: unchanged, bit for bit, after {plural(s.steps, 'step')}.",
        severity=severity,
        certainty="certain",
        framework=e.framework,
        parameters=len(which),
    )


@judges("OPT03")
def explodes_at_once(e: Evidence) -> Iterator[Finding]:
    """Judge OPT03: the first steps lead so far away that all epochs are spent on the way back."""
    s = e.steps
    if s is None or s.first.size == 0 or s.last.size < _STEPS or not (s.first[0] > 0 and np.isfinite(s.last).all()):
        return
    first, last = float(s.first[0]), float(np.median(s.last))
    if not last > _EXPLODED * first:
        return
    yield rule("OPT03").finding(
        evidence=f"The very first loss was {num(first)}, the largest of the first {plural(s.first.size, 'step')} "
        f"{num(float(s.first.max()))}, and after {plural(s.steps, 'step')} it is {num(last)} (median of 20).",
        framework=e.framework,
        best=first,
        last=last,
    )


@judges("OPT08")
def explodes(e: Evidence) -> Iterator[Finding]:
    """Judge OPT08: gradients explode."""
    s = e.steps
    norms = np.zeros(0) if s is None else s.norms
    if s is None or norms.size < 2 * _STEPS:
        return
    finite = norms[np.isfinite(norms) & (norms > 0)]
    if finite.size < 2 * _STEPS:
        return
    logs = np.log(finite)
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), 0.05)
    start = float(np.median(finite[:_STEPS]))
    high = (logs - middle > _SIGMAS * spread) & (finite > _JUMP * np.exp(middle)) & (finite > _JUMP_AT_START * start)
    high[:_STEPS] = False
    if int(high.sum()) < 3:
        return
    yield rule("OPT08").finding(
        evidence=f"{int(high.sum())} of {plural(finite.size, 'gradient')} looked at have a norm of up to "
        f"{num(float(finite[high].max()))}; the median is {num(float(np.exp(middle)))}, the first ones {num(start)}.",
        certainty="statistical",
        framework=e.framework,
        median=float(np.exp(middle)),
        largest=float(finite[high].max()),
    )


@judges("OPT13")
def is_clipped(e: Evidence) -> Iterator[Finding]:
    """Judge OPT13: nearly every gradient is clipped."""
    s = e.steps
    norms = np.zeros(0) if s is None else s.norms
    if s is None or s.steps < 200 or norms.size < 2 * _STEPS or not np.isfinite(norms).all() or norms.max() <= 0:
        return
    at = float(norms.max())
    part = float(np.mean(norms >= at * (1 - 1e-3)))
    if part <= _CLIPPED:
        return
    yield rule("OPT13").finding(
        evidence=f"{share(part)} of {norms.size} gradients looked at have exactly the largest norm, {num(at)}.",
        certainty="likely",
        framework=e.framework,
        share=part,
        norm=at,
    )


def _ratios(s: StepFacts) -> np.ndarray:
    """Return (T, P) of norm of the update over norm of the weights, for the matrices that are followed."""
    if s.moves is None or s.weights is None:
        return np.zeros((0, 0))
    columns = np.array([r >= 2 for r in s.ranks]) & np.isfinite(s.moves).any(axis=0)
    with np.errstate(all="ignore"):
        return s.moves[:, columns] / s.weights[:, columns]


@judges("OPT05")
def strides(e: Evidence) -> Iterator[Finding]:
    """Judge OPT05: the learning rate is high."""
    s = e.steps
    ratios = np.zeros((0, 0)) if s is None else _ratios(s)
    if s is None or s.steps < 100 or len(ratios) < _STEPS or s.last.size < _STEPS or s.falls:
        return
    last = ratios[-_STEPS:]
    typical = float(np.median(last[np.isfinite(last)])) if np.isfinite(last).any() else 0.0
    if typical <= _LARGE_STEP:
        return
    yield rule("OPT05").finding(
        evidence=f"An update is {share(typical)} of the weights in the median of the last looks, and the loss does not "
        f"fall: {num(float(np.median(s.first)))} at first, {num(float(np.median(s.last)))} now.",
        fix=f"a learning rate {num(typical / 1e-3)} times smaller",
        certainty="statistical",
        framework=e.framework,
        ratio=typical,
    )


@judges("ACT01")
def vanishes(e: Evidence) -> Iterator[Finding]:
    """Judge ACT01: gradients vanish on their way down."""
    s = e.steps
    if s is None or s.gradients is None or s.steps < 60:
        return
    matrices = [i for i, r in enumerate(s.ranks) if r >= 2 and s.owned[i]]
    if len(matrices) < 3:
        return
    first, last = matrices[0], matrices[-1]
    with np.errstate(all="ignore"):
        ratio = s.gradients[:, first] / s.gradients[:, last]
        moved = s.moves[:, first] / s.weights[:, first] if s.moves is not None and s.weights is not None else ratio
    known = np.isfinite(ratio) & np.isfinite(moved)
    parts = np.array_split(np.flatnonzero(known), 3)
    if known.sum() < 3 * 6 or not all(np.median(ratio[p]) < 1e-4 and np.median(moved[p]) < 1e-6 for p in parts):
        return
    yield rule("ACT01").finding(
        evidence=f"The gradient of {s.names[first]} is {num(float(np.median(ratio[known])))} of that of "
        f"{s.names[last]}, and a step moves it by {num(float(np.median(moved[known])))} of its norm.",
        certainty="statistical",
        framework=e.framework,
        ratio=float(np.median(ratio[known])),
    )


@judges("ACT02")
def dead(e: Evidence) -> Iterator[Finding]:
    """Judge ACT02: dead units."""
    yield from _idle(e, "ACT02", ("relu",), "exactly 0 on every one")


@judges("ACT03")
def saturated(e: Evidence) -> Iterator[Finding]:
    """Judge ACT03: saturated units."""
    yield from _idle(e, "ACT03", ("sigmoid", "tanh"), "flat on more than 95 %")


def _idle(e: Evidence, code: str, kinds: tuple[str, ...], how: str) -> Iterator[Finding]:
    s = e.steps
    if s is None:
        return
    layers = [u for u in s.units if u.kind in kinds and u.rows >= _UNIT_ROWS and u.idle > 0.5 * u.units]
    if not layers:
        return
    worst = max(layers, key=lambda u: u.idle / u.units)
    whole = code == "ACT02" and worst.idle >= _WHOLE * worst.units
    yield rule(code).finding(
        evidence=f"{worst.idle} of the {worst.units} units of {worst.name or 'the model'} ({worst.kind}) are {how} of "
        f"{worst.rows} rows.",
        severity="warning" if whole or (s.last.size >= _STEPS and not s.falls) else "note",
        certainty="statistical",
        framework=e.framework,
        idle=worst.idle,
        units=worst.units,
    )


@judges("OPT14")
def wrong_mode(e: Evidence) -> Iterator[Finding]:
    """Judge OPT14: training mode at evaluation, or the reverse."""
    s = e.steps
    if s is None or not s.noisy:
        return
    if s.asleep >= _STEPS:
        yield rule("OPT14").finding(
            what="The model is trained in evaluation mode.",
            evidence=f"It was in training mode before; {plural(s.asleep, 'update')} since were made in evaluation "
            "mode, without dropout and with fixed statistics of the batch normalisation.",
            fix="model.train()  # after every evaluation",
            certainty="likely",
            framework=e.framework,
            steps=s.asleep,
        )
    elif s.awake >= 3:
        yield rule("OPT14").finding(
            what="The model is evaluated in training mode.",
            evidence=f"{s.awake} losses without gradient in training mode, in which dropout is on and batch "
            "normalisation learns from the evaluated rows.",
            fix="model.eval()  # before evaluating, and model.train() after it",
            certainty="likely",
            framework=e.framework,
            losses=s.awake,
        )


@judges("INIT02")
def symmetric(e: Evidence) -> Iterator[Finding]:
    """Judge INIT02: the start is symmetric."""
    s = e.steps
    if s is None or not s.hidden or len(s.equal) < s.hidden:
        return
    yield rule("INIT02").finding(
        what="All units of the hidden layers start equal.",
        evidence=f"{_few(list(s.equal))}: every unit has the same weights, so all get the same gradient and stay "
        "equal.",
        certainty="certain",
        framework=e.framework,
        matrices=len(s.equal),
    )
