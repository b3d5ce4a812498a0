"""DATA01, DATA02, DATA10, INIT01, INIT03, NUM01: scale of inputs, targets and predictions; numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..score import Score, aligned
from .words import few, num, plural, share, size, span

_FEW_ROWS = 16
_SCALE = 30.0
_SMALL = 1e-3
_TINY = 1e-3  # targets against the spread of the predictions, and in themselves
_COMPARED = 2_000_000  # values of inputs that are looked at for duplicates


@judges("DATA01")
def input_scale(e: Evidence) -> Iterator[Finding]:
    """Judge DATA01: the inputs are not scaled."""
    x, score = e.inputs, e.score
    if x is None or x.ndim < 2 or len(x) < _FEW_ROWS or score is None or e.stage == "finished":
        return
    if (e.model is not None and e.model.normalises) or x.dtype.kind not in "uif" or not np.isfinite(x).all():
        return
    if x.dtype.kind in "iu" and not (x.min() >= 0 and x.max() <= 255 and x.ndim > 2):
        return  # whole numbers in a table may be indices of an embedding
    constant = score.constant_mean
    spreads = x.reshape(len(x), -1).std(axis=0, dtype=np.float64)
    varying = spreads[spreads > 0]
    if varying.size == 0:
        return
    if e.stage == "start" and e.model is not None and e.model.squashes and np.median(varying) > _SCALE:
        yield _saturating(e, x, varying)
        return
    if constant is None or not constant > 0:
        return
    limit = max(3 * constant, constant + 3) if score.classes else 5 * constant
    if not score.mean > limit:
        return
    bytes_ = bool(x.min() >= 0 and x.max() <= 255 and x.max() > _SCALE)
    if not bytes_ and varying.min() >= _SMALL and varying.max() <= _SCALE:
        return
    yield rule("DATA01").finding(
        evidence=f"Inputs in {span(x)}, with standard deviations in {span(varying)}; the loss is {num(score.mean)}, "
        f"and {num(constant)} for always the same answer.",
        fix="x = x / 255" if bytes_ else "",
        certainty="likely",
        framework=e.framework,
        loss=score.mean,
        constant=constant,
    )


def _saturating(e: Evidence, x: np.ndarray, varying: np.ndarray) -> Finding:
    """A first layer of tanh or sigmoid, which such inputs drive to its ends whatever the loss is."""
    return rule("DATA01").finding(
        evidence=f"Inputs in {span(x)}, with standard deviations in {span(varying)}, go into a layer whose activation "
        "is flat beyond a few units.",
        why="Most units of the first layer stand at one of their two ends: the inputs' differences do not pass, and no "
        "gradient comes back.",
        certainty="likely",
        framework=e.framework,
    )


@judges("DATA02")
def target_scale(e: Evidence) -> Iterator[Finding]:
    """Judge DATA02: the targets are far from the scale of the outputs."""
    pair = aligned(e) if e.loss is not None and e.loss.distance and e.stage != "finished" else None
    if pair is None or pair[0].shape[1] != 1 or len(pair[0]) < _FEW_ROWS or not np.isfinite(pair).all():
        return
    p, t = pair[0][:, 0], pair[1][:, 0]
    spread, theirs = _robust(t), _robust(p)
    if spread == 0 or not np.mean((p - t) ** 2) > 2 * t.var():
        return
    level = float(np.sqrt(np.mean(t**2)))
    if level < _TINY * min(theirs, 1.0):
        yield _tiny(e, p, t, theirs / level)
        return
    ratio = spread / max(theirs, 1e-300)
    shift = abs(float(np.median(t))) / max(spread, theirs)
    if ratio <= _SCALE and shift <= _SCALE:
        return
    said = f"their spread is {num(ratio)} times the predictions'" if ratio > _SCALE else ""
    said = said or f"their middle is {num(shift)} times as far from 0 as they spread"
    yield rule("DATA02").finding(
        evidence=f"Targets in {span(t)}, predictions in {span(p)}: {said}.",
        fix=f"y = (y - {num(float(t.mean()))}) / {num(float(t.std()))}  # and undo it when predicting",
        certainty="likely",
        framework=e.framework,
        ratio=ratio,
        shift=shift,
    )


def _tiny(e: Evidence, p: np.ndarray, t: np.ndarray, ratio: float) -> Finding:
    return rule("DATA02").finding(
        what="The targets are tiny beside the outputs.",
        evidence=f"Targets in {span(t)}, predictions in {span(p)}: these spread {num(ratio)} times as far as the "
        "targets lie from 0.",
        why="Next to the steps of the optimiser such targets are all 0: the loss falls nearly to 0 for any answer that "
        "is small, and their differences are never learned.",
        fix=f"y = (y - {num(float(t.mean()))}) / {num(float(t.std()))}  # and undo it when predicting",
        certainty="likely",
        framework=e.framework,
        ratio=ratio,
    )


def _robust(x: np.ndarray) -> float:
    """Return the spread as a standard deviation, from the median of the distances to the median."""
    spread = 1.4826 * float(np.median(np.abs(x - np.median(x))))
    return spread or float(x.std())


@judges("DATA10")
def contradictions(e: Evidence) -> Iterator[Finding]:
    """Judge DATA10: equal inputs have different labels."""
    x, score = e.inputs, e.score
    if x is None or score is None or score.truth is None or x.size > _COMPARED or len(x) < 100:
        return
    if len(score.truth) != len(x) or not np.isfinite(x).all():
        return
    _, group = np.unique(x.reshape(len(x), -1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    if group.max() + 1 < len(x) / 10:  # few different inputs: a table of categories, where this is normal
        return
    table = np.zeros((group.max() + 1, int(score.truth.max()) + 1))
    np.add.at(table, (group, score.truth), 1)
    mixed = int(table[np.count_nonzero(table, axis=1) > 1].sum())
    if mixed < 0.01 * len(x):
        return
    lost = int(len(x) - table.max(axis=1).sum())
    yield rule("DATA10").finding(
        evidence=f"{mixed} of {len(x)} rows equal another one in all inputs and differ from it in the label; at least "
        f"{lost} of them are answered wrongly by any model.",
        framework=e.framework,
        rows=mixed,
    )


@judges("INIT01")
def first_loss(e: Evidence) -> Iterator[Finding]:
    """Judge INIT01: the first loss is far above that of guessing."""
    score = e.score
    if score is None or score.classes < 2 or score.values.size < _FEW_ROWS or e.loss is None:
        return
    if e.stage not in (None, "start") or not (e.loss.categorical or e.loss.binary):
        return
    if not np.isfinite(score.values).all() or e.loss.definition is None or e.loss.definition.best_constant is None:
        return
    if score.truth is not None and np.array_equal(score.truth, np.arange(score.classes)):
        return  # each row's class is the row itself: rows against each other, at a temperature
    guess = math.log(score.classes)
    if e.stage != "start" and not _ignorant(score):
        return
    if not score.mean > max(3 * guess, guess + 3):
        return
    inputs = f" Inputs span {span(e.inputs)}." if e.inputs is not None else ""
    kept = e.model is not None and e.model.frozen
    yield rule("INIT01").finding(
        what=f"The loss is {num(score.mean / guess)} times that of guessing.",
        evidence=f"{num(score.mean)} against ln {score.classes} = {num(guess)} on {plural(score.values.size, 'row')}."
        f"{inputs}{' Part of the weights is kept as it is, and sets the scale.' if kept else ''}",
        severity="note" if kept else "warning",
        certainty="likely" if e.stage != "start" else "statistical",
        framework=e.framework,
        loss=score.mean,
        guess=guess,
    )


def _ignorant(score: Score) -> bool:
    """Whether the answers are no better than always the most frequent class, by three standard errors."""
    if score.answers is None or score.truth is None:
        return False
    right, frequent = float(np.mean(score.answers == score.truth)), float(np.bincount(score.truth).max())
    chance = frequent / score.truth.size
    return right - chance <= 3 * math.sqrt(chance * (1 - chance) / score.truth.size)


@judges("INIT03")
def output_bias(e: Evidence) -> Iterator[Finding]:
    """Judge INIT03: the output bias is far from the share of positives."""
    score = e.score
    if e.stage != "start" or score is None or score.truth is None or score.classes != 2 or score.confidence is None:
        return
    if score.confidence.ndim != 1 or score.truth.size < 100 or e.weight is not None:
        return
    prior, mean = float(score.truth.mean()), float(score.confidence.mean())
    if not (0 < prior < 0.1 and 0 < mean < 1):
        return
    off = abs(math.log(mean / (1 - mean)) - math.log(prior / (1 - prior)))
    if off <= 2:
        return
    wasted = prior * math.log(prior / mean) + (1 - prior) * math.log((1 - prior) / (1 - mean))
    yield rule("INIT03").finding(
        evidence=f"{share(prior)} of the labels are positive, the mean prediction is {num(mean)}: {num(wasted)} of "
        "the loss "
        "are this one number.",
        fix=f"bias = {num(math.log(prior / (1 - prior)))}  # log(p / (1 - p))",
        certainty="likely",
        framework=e.framework,
    )


@judges("NUM01")
def located(e: Evidence) -> Iterator[Finding]:
    """Judge NUM01: NaN or infinity."""
    p = e.prediction
    if p is not None and p.dtype.kind == "f" and p.size:
        bad = np.isnan(p) | (p == np.inf)
        if not (e.loss is not None and e.loss.form in ("logits", "log-probabilities")):
            bad |= np.isinf(p)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            rows = int(bad.reshape(len(p), -1).any(axis=1).sum()) if p.ndim else 1
            yield rule("NUM01").finding(
                what="Predictions are NaN or infinite.",
                evidence=f"{plural(int(bad.sum()), 'value')} of {size(p.shape)} ({plural(rows, 'row')}): "
                f"{few(p[bad], 3)}; the first one at {first}. The others are in {span(p)}.",
                framework=e.framework,
                count=int(bad.sum()),
            )
    yield from _epochs(e)


def _epochs(e: Evidence) -> Iterator[Finding]:
    if e.history is None:
        return
    for name, curve in (("training", e.history.train), ("validation", e.history.validation)):
        if curve is None or curve.finite:
            continue
        at = int(np.argmax(~np.isfinite(curve.values)))
        before = f"the last finite value was {num(float(curve.values[at - 1]))}" if at else "already the first one"
        yield rule("NUM01").finding(
            what=f"The {name} loss is {num(float(curve.values[at]))} from {e.history.unit} "
            f"{num(float(curve.epochs[at]))} on.",
            evidence=f"{int(np.sum(~np.isfinite(curve.values)))} of {plural(len(curve), e.history.unit)} are not "
            f"finite; {before}.",
            framework=e.framework,
            epoch=float(curve.epochs[at]),
        )
        return
