"""GEN07, GEN09: whether finished probabilities are honest, and where to cut them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...evaluation.p_values import two_sided
from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..score import Score
from .results import ALPHA, weighed
from .words import num, plural, share

_WORTH = 0.02  # of the cross-entropy: less than that is not worth a warning


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
    if two_sided(z) >= ALPHA or error - by_chance <= 0.02:
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
    if e.loss.weights or weighed(e):
        return "A weight by class or row"
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
