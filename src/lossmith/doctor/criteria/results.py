"""OPT02, PRED, DATA04, GEN05 to GEN12: what finished predictions are worth.

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
from .words import num, plural, share

_ALPHA = 0.001
_ROWS = 50
_WORTH = 0.02  # of the cross-entropy: less than that is not worth a warning


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
    if (e.loss is not None and e.loss.weights) or _weighed(e):
        return False  # weighted losses give up some of the plain loss, which this would compare
    gain, error = score.gain
    return score.values.size >= _ROWS and gain <= 2 * error and score.skill < 0.05


def _weighed(e: Evidence) -> bool:
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
    yield rule("DATA04").finding(
        evidence=f"The rarest of {present.size} classes has {share(float(shares.min()))} of {score.truth.size} rows; "
        f"always answering the most frequent one is right in {share(always)}.{failed}",
        severity="warning" if failed else "note",
        certainty="statistical",
        framework=e.framework,
        majority=always,
    )


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


@judges("GEN07")
def miscalibrated(e: Evidence) -> Iterator[Finding]:
    """Judge GEN07: the probabilities are not calibrated."""
    score = e.score
    if e.stage != "finished" or score is None or score.confidence is None or score.truth is None:
        return
    if score.truth.size < 200 or _soft(e):
        return
    confidence, right = _confidence(score)
    c = np.clip(confidence, 1e-6, 1 - 1e-6)
    spread = math.sqrt(float(np.sum((1 - 2 * c) ** 2 * c * (1 - c))))
    z = float(np.sum((right - c) * (1 - 2 * c))) / spread if spread > 0 else 0.0
    error, by_chance = _calibration_errors(c, right)
    if two_sided(z) >= _ALPHA or error - by_chance <= 0.02:
        return
    gap = float(c.mean() - right.mean())
    word = "over-confident" if gap > 0 else "under-confident"
    bent = _bends_probabilities(e)
    helped, saved = _temperature(e, score)
    slight = saved is not None and saved < _WORTH
    yield rule("GEN07").finding(
        what=f"The probabilities are {word}.",
        evidence=f"Mean confidence {share(float(c.mean()))}, right in {share(float(right.mean()))} of "
        f"{plural(c.size, 'row')}; calibration error {num(error)}, of which chance makes {num(by_chance)} "
        f"(p = {two_sided(z):.1e}).{helped}",
        why=f"{bent} bends probabilities on purpose: fit a temperature before reading them as chances." if bent else "",
        severity="warning" if gap > 0 and not (bent or slight) else "note",
        certainty="statistical",
        framework=e.framework,
        error=error,
        chance=by_chance,
    )


def _bends_probabilities(e: Evidence) -> str:
    """Name the setting that keeps the loss from being lowest at honest probabilities, or return nothing."""
    if e.loss is None or e.loss.definition is None:
        return ""
    if e.loss.settings.get("label_smoothing"):
        return "Label smoothing"
    if e.loss.weights:
        return "A weight by class"
    return "A focal loss" if "focal" in e.loss.definition.name else ""


def _soft(e: Evidence) -> bool:
    t = e.dense_target
    return t is not None and bool(np.any((t != 0) & (t != 1)))


def _confidence(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of the answer that is given, and whether it is right."""
    p, truth = score.confidence, score.truth
    if p is None or truth is None:
        raise ValueError("no probabilities")
    if p.ndim == 1:
        return np.maximum(p, 1 - p), ((p > 0.5) == truth).astype(np.float64)
    return p.max(axis=1), (p.argmax(axis=1) == truth).astype(np.float64)


def _calibration_errors(confidence: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Return the calibration error over bins of equally many rows, and what chance makes of it if all were honest."""
    bins = max(2, min(15, confidence.size // 50))
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    error = chance = 0.0
    for part in parts:
        c, r = confidence[part], right[part]
        error += abs(float(c.mean() - r.mean())) * part.size
        # The mean of |normal| is its standard deviation times sqrt(2 / pi).
        chance += math.sqrt(2 / math.pi * float(np.sum(c * (1 - c))))
    return error / confidence.size, chance / confidence.size


def _temperature(e: Evidence, score: Score) -> tuple[str, float | None]:
    """Say which temperature helps, fitted on every second row and judged on the others, and which share it saves.

    The share is None for yes or no, of which no temperature is fitted.
    """
    p, truth = score.confidence, score.truth
    if p is None or truth is None or p.ndim != 2:
        return "", None
    logs = np.log(np.maximum(p, 1e-30))
    fit, judge = slice(0, None, 2), slice(1, None, 2)
    temperatures = np.geomspace(0.25, 8, 61)
    best = min(temperatures, key=lambda t: _nll(logs[fit] / t, truth[fit]))
    before, after = _nll(logs[judge], truth[judge]), _nll(logs[judge] / best, truth[judge])
    if after >= before:
        return "", 0.0
    said = f" A temperature of {num(float(best))} lowers the cross-entropy from {num(before)} to {num(after)}."
    return said, 1 - after / before


def _nll(logits: np.ndarray, truth: np.ndarray) -> float:
    top = logits.max(axis=1, keepdims=True)
    normaliser = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return float(np.mean(normaliser - logits[np.arange(truth.size), truth]))


@judges("GEN09")
def threshold(e: Evidence) -> Iterator[Finding]:
    """Judge GEN09: another threshold scores better."""
    score = e.score
    if e.stage != "finished" or score is None or score.truth is None or score.confidence is None or not e.learned:
        return
    p, t = score.confidence, score.truth.astype(bool)
    if p.ndim != 1 or p.size < 200 or min(int(t.sum()), int((~t).sum())) < 20:
        return
    halves = (np.arange(p.size) % 2 == 0, np.arange(p.size) % 2 == 1)
    chosen = [_best_threshold(p[half], t[half]) for half in halves]
    gains = [_f1(p[o] > c, t[o]) - _f1(p[o] > 0.5, t[o]) for c, o in zip(chosen, reversed(halves), strict=True)]
    if min(gains) < 0.02 or not _gain_is_sure(p, t, float(np.mean(chosen))):
        return
    cut = float(np.mean(chosen))
    yield rule("GEN09").finding(
        evidence=f"F1 is {num(_f1(p > 0.5, t))} at 0.5 and {num(_f1(p > cut, t))} at {num(cut)} (chosen on one half "
        "of the "
        "rows, judged on the other).",
        fix=f"threshold = {num(cut)}",
        certainty="statistical",
        framework=e.framework,
        threshold=cut,
    )


def _best_threshold(p: np.ndarray, t: np.ndarray) -> float:
    grid = np.unique(np.quantile(p, np.linspace(0.01, 0.99, 99)))
    return float(max(grid, key=lambda cut: _f1(p > cut, t)))


def _f1(answer: np.ndarray, truth: np.ndarray) -> float:
    hits = float(np.sum(answer & truth))
    return 2 * hits / max(float(answer.sum() + truth.sum()), 1.0)


def _gain_is_sure(p: np.ndarray, t: np.ndarray, cut: float) -> bool:
    """Whether the gain of a threshold is above two standard errors, by a bootstrap with a generator of its own."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, p.size, p.size) for _ in range(100)]
    gains = [_f1(p[d] > cut, t[d]) - _f1(p[d] > 0.5, t[d]) for d in draws]
    return float(np.mean(gains)) > 2 * float(np.std(gains, ddof=1))


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
    if t.std() == 0 or abs(mean) <= 0.1 * t.std() or (spread > 0 and two_sided(mean / spread) >= _ALPHA):
        return
    yield rule("GEN12").finding(
        what=f"The predictions are too {'high' if mean > 0 else 'low'} by {num(abs(mean))} on average.",
        evidence=f"Mean error {num(mean)} ± {num(spread)} on {plural(error.size, 'row')}; the targets spread by "
        f"{num(float(t.std()))}.",
        certainty="statistical",
        framework=e.framework,
        bias=mean,
    )
