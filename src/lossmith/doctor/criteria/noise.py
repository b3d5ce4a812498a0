"""DATA07, DATA08: labels that are wrong here and there, and labels that have nothing to do with the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..score import Score
from .results import nothing_learned
from .words import few, num, plural, share

_CLASSES = 4  # with fewer, the rank of a label among the others says nothing
_ROWS = 200
_WRONG = 20  # rows of the surer half with another label
_SHARE = 0.03
_SURE = 3.09  # standard errors: p < .001, one-sided
_RANDOM = 0.35  # mean rank among the other classes from which on it is a draw: .5, of which confusions take some
_CONFUSED = 0.2  # at most so far down the list are the labels of honest confusions, on average
_PROBED = 1000  # rows
_PROBE_ROWS = 500
_FEATURES = 1024
_DRAWS = 199
_NEIGHBOURS = 5


@judges("DATA07")
def wrong_labels(e: Evidence) -> Iterator[Finding]:
    """Judge DATA07: some of the labels are wrong."""
    score = e.score
    if e.stage != "finished" or score is None or score.truth is None or score.confidence is None:
        return
    p, truth = score.confidence, score.truth
    if p.ndim != 2 or p.shape[1] < _CLASSES or truth.size < _ROWS or not np.isfinite(p).all():
        return
    answers, sure = p.argmax(axis=1), p.max(axis=1)
    frequent = float(np.bincount(truth).max()) / truth.size
    if np.mean(answers == truth) - frequent <= 3 * math.sqrt(frequent * (1 - frequent) / truth.size):
        return
    surer = np.argsort(-sure, kind="stable")[: truth.size // 2]
    odd = surer[answers[surer] != truth[surer]]
    part, whole = odd.size / surer.size, float(np.mean(answers != truth))
    z = (part - _SHARE) / math.sqrt(_SHARE * (1 - _SHARE) / surer.size)
    if odd.size < _WRONG or z <= _SURE or whole > 2 * part:
        return
    rank = _ranks(p[odd], truth[odd])
    error = float(rank.std(ddof=1)) / math.sqrt(rank.size)
    if rank.mean() < _RANDOM or rank.mean() - _SURE * error <= _CONFUSED:
        return
    rows = odd if truth.size == len(e.target if e.target is not None else ()) else odd[:0]
    listed = f" The surest: rows {few(rows, 5)}." if rows.size else ""
    yield rule("DATA07").finding(
        what=f"About {share(part)} of the labels look wrong.",
        evidence=f"Of the {surer.size} rows that the model is surest of (half of {truth.size}), {odd.size} have "
        f"another label, and it stands anywhere in the model's list of the other {p.shape[1] - 1} classes: "
        f"{share(float(rank.mean()))} down it on average, where a draw gives 50 % and a mix-up of similar classes "
        f"under 20 %.{listed}",
        certainty="statistical",
        framework=e.framework,
        part=part,
        rank=float(rank.mean()),
        rows=[int(i) for i in rows[:20]],
    )


def _ranks(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return where the label stands among the classes that were not answered: 0 the likeliest, 1 the least likely."""
    given = p[np.arange(truth.size), truth][:, None]
    above = (p > given).sum(axis=1) - 1  # without the answer itself
    level = (p == given).sum(axis=1) - 1
    return (above + level / 2) / (p.shape[1] - 2)


@judges("DATA08")
def unrelated(e: Evidence) -> Iterator[Finding]:
    """Judge DATA08: the labels do not depend on the inputs."""
    score = e.score
    if score is None or not nothing_learned(e):
        return
    pair = _table(e, score)
    if pair is None:
        return
    x, y = pair
    p_near, p_line = _by_neighbours(x, y), _by_columns(x, y)
    if min(p_near, p_line) <= 0.05:
        return
    yield rule("DATA08").finding(
        evidence=f"The model learned nothing, and neither do {_NEIGHBOURS} nearest neighbours (p = {num(p_near)} "
        f"against shuffled labels) nor any single input (p = {num(p_line)}), on {plural(len(x), 'row')}.",
        certainty="likely",
        framework=e.framework,
        neighbours=p_near,
        inputs=p_line,
    )


def _table(e: Evidence, score: Score) -> tuple[np.ndarray, np.ndarray] | None:
    """Return standardised inputs (N, F) and labels as columns (N, K) of mean 0; None where rows cannot be compared."""
    x = e.inputs
    if x is None or x.ndim < 2 or len(x) < _PROBE_ROWS or not (x.dtype.kind == "f" or (x.ndim > 2 and x.max() <= 255)):
        return None  # whole numbers in a table may be indices
    if score.truth is not None and score.truth.size == len(x):
        y = np.eye(max(score.classes, int(score.truth.max()) + 1))[score.truth]
    elif score.parallel is not None and score.parallel[1].size == len(x):
        y = score.parallel[1][:, None]
    else:
        return None
    x = x[:_PROBED].reshape(min(len(x), _PROBED), -1)
    x = x[:, :: max(1, x.shape[1] // _FEATURES)].astype(np.float64)
    if not np.isfinite(x).all():
        return None
    x, y = x - x.mean(axis=0), y[:_PROBED] - y[:_PROBED].mean(axis=0)
    spread = x.std(axis=0)
    return (x[:, spread > 0] / spread[spread > 0], y) if (spread > 0).any() and y.any() else None


def _p_value(statistic: np.ndarray) -> float:
    """Return the p-value of the first of several values, of which the others are by chance."""
    return float(np.mean(statistic >= statistic[0]))


def _orders(rows: int) -> Iterator[np.ndarray]:
    """Yield the order as it is, and shuffled ones, by a generator of its own."""
    rng = np.random.default_rng(0)
    yield np.arange(rows)
    for _ in range(_DRAWS):
        yield rng.permutation(rows)


def _by_neighbours(x: np.ndarray, y: np.ndarray) -> float:
    square = (x * x).sum(axis=1)
    apart = square[:, None] + square - 2 * x @ x.T
    np.fill_diagonal(apart, np.inf)
    near = np.argpartition(apart, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return _p_value(np.array([float((y[o] * y[o][near].mean(axis=1)).sum()) for o in _orders(len(x))]))


def _by_columns(x: np.ndarray, y: np.ndarray) -> float:
    scaled = y / np.maximum(y.std(axis=0), 1e-12)
    return _p_value(np.array([float(np.abs(x.T @ scaled[o]).max()) for o in _orders(len(x))]))
