"""OPT02, PRED, DATA04, GEN05, GEN11, GEN12: what finished predictions are worth.

Most of these rules speak of finished predictions alone (``stage="finished"``), or of a model that has learned
something: an untrained one fails in all these ways, and that is no fault.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...evaluation.intervals import wilson
from ...evaluation.p_values import two_sided
from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..score import Score
from .task import accuracy_alone
from .words import num, plural, share

ALPHA = 0.001
_ROWS = 50
_LITTLE = 0.05  # of the loss of the best constant
_LESS = 0.6  # of that


@judges("OPT02")
def no_better_than_constant(e: Evidence) -> Iterator[Finding]:
    """Judge OPT02: no better than a constant."""
    score = e.score
    if score is None or score.gain is None or not nothing_learned(e):
        return
    gain, error = score.gain
    yield rule("OPT02").finding(
        what="The predictions are no better than always the same answer.",
        evidence=f"The loss is {num(score.mean)}, and {num(score.constant_mean or 0)} for the best constant; the "
        f"gain is {num(gain)} ± {num(error)} on {plural(score.values.size, 'row')}.",
        certainty="statistical",
        framework=e.framework,
        loss=score.mean,
        constant=score.constant_mean,
    )


def nothing_learned(e: Evidence) -> bool:
    """Whether a trained model is no better than the best constant."""
    score = e.score
    after = e.history is not None and e.history.epochs >= 3
    if score is None or score.gain is None or score.skill is None or not (e.stage == "finished" or after):
        return False
    if (e.loss is not None and (e.loss.weights or e.loss.uneven)) or weighed(e):
        return False  # weighted losses give up some of the plain loss, which this would compare
    gain, error = score.gain
    if score.values.size < _ROWS or gain > 2 * error or score.skill >= _LITTLE:
        return False
    most, little = gain + 2 * error, _LITTLE * (score.constant_mean or 0.0)
    # A gain that may be more than little, on few rows, is no sign that there is none.
    return most <= 0 or most < (little if gain <= 0 else _LESS * little)


def weighed(e: Evidence) -> bool:
    """Whether rows that count do not count alike."""
    return e.weight is not None and np.unique(e.weight[e.weight != 0]).size > 1


@judges("PRED01")
def constant_prediction(e: Evidence) -> Iterator[Finding]:
    """Judge PRED01: the model gives every row the same answer."""
    p, t = e.prediction, e.numeric_target
    if (
        p is None
        or t is None
        or p.ndim == 0
        or t.ndim == 0
        or len(p) < 32
        or not np.isfinite(p).all()
        or len(t) != len(p)
    ):
        return
    flat, targets = p.reshape(len(p), -1), t.reshape(len(t), -1)
    if not np.any(targets != targets[0]) or _one_output_of_classes(e):
        return
    ranges = flat.max(axis=0) - flat.min(axis=0)
    if np.any(ranges > 1e-6 * np.maximum(np.abs(flat).max(axis=0), 1e-12)):
        return
    harmless = bool(np.all(p == 0)) or e.stage == "start"
    severity = "error" if e.stage == "finished" else "note" if harmless else "warning"
    yield rule("PRED01").finding(
        evidence=f"{plural(len(p), 'prediction')}, all {num(float(flat[0, 0]))}{' …' if flat.shape[1] > 1 else ''}; "
        "the "
        "targets differ.",
        why="A last layer that starts at 0 does this before the first step; a trained model must not."
        if harmless and e.stage != "finished"
        else "",
        severity=severity,
        certainty="certain" if e.stage == "finished" else "likely",
        framework=e.framework,
    )


def _one_output_of_classes(e: Evidence) -> bool:
    return e.loss is not None and e.loss.categorical and e.rows is not None and e.rows.shape[1] < 2


@judges("PRED02")
def collapsed(e: Evidence) -> Iterator[Finding]:
    """Judge PRED02: the predictions have collapsed to the mean."""
    score = e.score
    if e.stage != "finished" or score is None or score.parallel is None or score.values.size < _ROWS:
        return
    p, t = score.parallel
    if e.loss is None or not e.loss.distance or t.std() == 0 or score.gain is None:
        return
    ratio = float(p.std() / t.std())
    if ratio >= 0.05 or score.gain[0] > 2 * score.gain[1]:
        return
    yield rule("PRED02").finding(
        evidence=f"They spread by {num(float(p.std()))} around {num(float(p.mean()))}; the targets by "
        f"{num(float(t.std()))} around {num(float(t.mean()))}.",
        certainty="statistical",
        framework=e.framework,
        ratio=ratio,
    )


@judges("PRED03")
def never_predicted(e: Evidence) -> Iterator[Finding]:
    """Judge PRED03: a class is never predicted."""
    score = e.score
    if score is None or score.answers is None or score.truth is None or not e.learned:
        return
    counts = np.bincount(score.truth, minlength=score.classes)
    given = np.bincount(score.answers, minlength=score.classes)
    total = score.truth.size
    # By chance: n answers, each this class with its share.
    never = [c for c in np.flatnonzero((given == 0) & (counts >= 30)) if total * math.log1p(-counts[c] / total) < -13.8]
    if not never:
        return
    overlooked = e.stage == "finished" and any(_overlooked(score, int(c), counts[c] / total) for c in never)
    listed = ", ".join(f"{c} ({counts[c]} rows)" for c in never[:5])
    yield rule("PRED03").finding(
        what=f"{plural(len(never), 'class') if len(never) == 1 else f'{len(never)} classes'} never predicted: "
        f"{listed}.",
        evidence=f"{total} rows, {score.classes} classes; the model does better than a constant, so it has learned the "
        "others.",
        why=""
        if overlooked or e.stage != "finished"
        else "Its probabilities are as high as it is frequent: it is seen, and never the likeliest.",
        severity="warning" if overlooked else "note",
        certainty="statistical",
        framework=e.framework,
        classes=[int(c) for c in never],
    )


def _overlooked(score: Score, c: int, part: float) -> bool:
    """Whether a class gets less than half of its share of the probability, so that no threshold would find it."""
    p = score.confidence
    if p is None:
        return True
    given = float(p[:, c].mean()) if p.ndim == 2 else float(p.mean() if c == 1 else 1 - p.mean())
    return given < 0.5 * part


@judges("DATA04")
def imbalance(e: Evidence) -> Iterator[Finding]:
    """Judge DATA04: the classes are out of balance."""
    score = e.score
    if score is None or score.truth is None or score.truth.size < 200 or score.answers is None:
        return
    counts = np.bincount(score.truth, minlength=score.classes)
    present = counts[counts > 0]
    if present.size < 2:
        return
    shares = present / present.sum()
    even = float(-(shares * np.log(shares)).sum() / math.log(present.size))
    if not (shares.min() < 0.05 if present.size == 2 else even < 0.5):
        return
    always = float(shares.max())
    failed = _failed(score, counts) if e.stage == "finished" and e.learned else ""
    blind = " Nothing else is measured: accuracy is the only metric of compile()." if _blind(e, present) else ""
    yield rule("DATA04").finding(
        evidence=f"The rarest of {present.size} classes has {share(float(shares.min()))} of {score.truth.size} rows; "
        f"always answering the most frequent one is right in {share(always)}.{failed}{blind}",
        severity="warning" if failed or blind else "note",
        certainty="statistical",
        framework=e.framework,
        majority=always,
    )


def _blind(e: Evidence, present: np.ndarray) -> bool:
    """Return whether a training on two classes is followed by what imbalance makes worthless, and weighs no rows."""
    return present.size == 2 and e.weight is None and accuracy_alone(e)


def _failed(score: Score, counts: np.ndarray) -> str:
    """Say which rare class the model fails, or return nothing."""
    if score.answers is None or score.truth is None:
        return ""
    right = score.answers == score.truth
    for c in np.argsort(counts):
        if counts[c] < 10 or counts[c] * 2 > score.truth.size:
            continue
        recall = float(right[score.truth == c].mean())
        high = wilson(recall, int(counts[c]))[1]
        if high is not None and high < 0.5 * float(right.mean()):
            return f" Of class {c} only {share(recall)} are found (95 % interval up to {share(high)})."
    return ""


@judges("GEN05")
def too_small(e: Evidence) -> Iterator[Finding]:
    """Judge GEN05: the evaluation set is too small."""
    score = e.score
    if e.stage != "finished" or score is None or score.answers is None or score.truth is None:
        return
    n, right = score.truth.size, float(np.mean(score.answers == score.truth))
    low, high = wilson(right, n)
    if low is None or high is None or (high - low) / 2 <= 0.05:
        return
    needed = math.ceil(1.96**2 * max(right * (1 - right), 0.05) / 0.05**2)
    yield rule("GEN05").finding(
        evidence=f"Accuracy {share(right)} on {plural(n, 'row')}: 95 % interval {share(low)} … {share(high)}.",
        fix=f"about {max(needed, 2 * n if needed <= n else needed)} rows for ±5 points, or cross-validation",
        certainty="statistical",
        framework=e.framework,
        low=low,
        high=high,
    )


@judges("GEN11")
def few_rows_dominate(e: Evidence) -> Iterator[Finding]:
    """Judge GEN11: a few rows make most of the loss."""
    score = e.score
    if score is None or e.loss is None or e.loss.definition is None or e.loss.definition.name != "squared_error":
        return
    if score.values.size < 200 or not e.learned or not np.isfinite(score.values).all():
        return
    order = np.argsort(score.values)[::-1]
    worst = order[: max(1, score.values.size // 100)]
    held = float(score.values[worst].sum() / max(score.values.sum(), 1e-300))
    if held <= 0.5:
        return
    yield rule("GEN11").finding(
        evidence=f"The worst {plural(worst.size, 'row')} of {score.values.size} hold {share(held)} of the squared "
        f"error: rows {', '.join(map(str, worst[:5]))}.",
        certainty="statistical",
        framework=e.framework,
        held=held,
        rows=[int(i) for i in worst[:5]],
    )


@judges("GEN12")
def biased(e: Evidence) -> Iterator[Finding]:
    """Judge GEN12: the predictions are off on average."""
    score = e.score
    if e.stage != "finished" or score is None or score.parallel is None or e.loss is None or not e.loss.distance:
        return
    if e.loss.definition is None or e.loss.definition.name != "squared_error" or score.values.size < _ROWS:
        return
    p, t = score.parallel
    error = p - t
    spread = float(error.std(ddof=1)) / math.sqrt(error.size)
    mean = float(error.mean())
    if t.std() == 0 or abs(mean) <= 0.1 * t.std() or (spread > 0 and two_sided(mean / spread) >= ALPHA):
        return
    yield rule("GEN12").finding(
        what=f"The predictions are too {'high' if mean > 0 else 'low'} by {num(abs(mean))} on average.",
        evidence=f"Mean error {num(mean)} ± {num(spread)} on {plural(error.size, 'row')}; the targets spread by "
        f"{num(float(t.std()))}.",
        certainty="statistical",
        framework=e.framework,
        bias=mean,
    )
