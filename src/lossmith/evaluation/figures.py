"""What a report draws: summaries of fixed size of all rows, so a page has the same size for ten rows and for billions.

They are made either from whole arrays (here) or from the states of a stream (``figures_of_states``), which lack what
no state keeps: the grids of a regression.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import load
from . import losses
from .calibration import CalibrationTerms, reliability, terms
from .inputs import Inputs
from .intervals import effective_rows, of_mean
from .plain import plain
from .states.calibration import Reliability

RELIABILITY_BINS = 15
SCORE_BINS = 40
WORST = 50
_GRID = 40  # cells of the two-dimensional histograms per side
_ERROR_BINS = 60
_QUANTILES = np.linspace(0, 1, 101)
_TRIM, _TRIM_ROWS = 0.001, 1000  # share beyond each end that is left out of the axes, from so many rows on


@dataclass(frozen=True, kw_only=True, eq=False)
class Thresholds:
    """What a binary answer would be at other thresholds; positive is what lies above.

    Attributes:
        threshold: (T,) probabilities, ascending; 0.5 is among them.
        hits: (T,) positive rows above (or their weight).
        alarms: (T,) negative rows above.
        positives: All positive rows.
        negatives: All negative rows.
    """

    threshold: np.ndarray
    hits: np.ndarray
    alarms: np.ndarray
    positives: float
    negatives: float

    @property
    def recall(self) -> np.ndarray:
        """True positive rate, (T,)."""
        return self.hits / self.positives

    @property
    def false_alarm_rate(self) -> np.ndarray:
        """False positive rate, (T,)."""
        return self.alarms / self.negatives

    @property
    def precision(self) -> np.ndarray:
        """Share of the rows above that are positive, (T,); NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return self.hits / (self.hits + self.alarms)

    @property
    def f1(self) -> np.ndarray:
        """F1 of the positive class, (T,)."""
        return 2 * self.hits / (self.hits + self.alarms + self.positives)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """How many rows of each outcome have a probability in each bin.

    Attributes:
        edges: (B + 1,).
        counts: (2, B): negatives and positives (binary, labels), wrong and right answers (multiclass).
    """

    edges: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """A two-dimensional histogram: counts (Y, X), edges (X + 1,) and (Y + 1,), and the rows that lie outside."""

    x_edges: np.ndarray
    y_edges: np.ndarray
    counts: np.ndarray
    outside: float


@dataclass(frozen=True, kw_only=True)
class Decile:
    """The rows whose target lies in [low, high]: how many, their mean absolute error with its interval, mean error."""

    low: float
    high: float
    rows: int
    absolute: float
    absolute_low: float | None
    absolute_high: float | None
    bias: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """What a regression gets wrong, and where.

    Attributes:
        joint: Target (x) against prediction (y), both on the same scale.
        residual: Prediction (x) against prediction - target (y).
        edges: (B + 1,) of the histogram of prediction - target.
        counts: (B,).
        deciles: Error by tenth of the target.
        quantiles: The absolute error's quantiles by probability.
    """

    joint: Grid
    residual: Grid
    edges: np.ndarray
    counts: np.ndarray
    deciles: tuple[Decile, ...]
    quantiles: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class WorstRow:
    """One of the rows with the largest loss; ``confidence`` is the probability of the answer, None for numbers."""

    row: str
    target: str
    predicted: str
    loss: float
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """Everything that is drawn; None or empty where the task or the source has no such thing.

    Attributes:
        thresholds: Binary scores alone.
        reliability: Of the positive class (binary), of all labels together (multilabel), of the answer (multiclass).
        calibration: What the bins of ``reliability`` say in numbers.
        scores: Probabilities by outcome.
        errors: Of a regression.
        worst: The rows of largest loss, worst first.
        concentration: Share of all loss that the worst 1 % of the rows hold.
    """

    thresholds: Thresholds | None = None
    reliability: Reliability | None = None
    calibration: CalibrationTerms | None = None
    scores: Scores | None = None
    errors: Errors | None = None
    worst: tuple[WorstRow, ...] = ()
    concentration: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values; what is not finite is None."""
        return plain(self)


def of_rows(inputs: Inputs, name_of: Callable[[int], str] = str) -> Figures:
    """Return what is drawn of rows that are at hand as a whole.

    Args:
        inputs: The rows.
        name_of: Says in words where a row is.
    """
    if inputs.form == "labels":
        return Figures()
    worst, share = _worst(inputs, name_of)
    if inputs.task == "regression":
        return Figures(errors=_errors(inputs), worst=worst, concentration=share)
    confidence, outcome = probability_and_outcome(inputs)
    weight = inputs.weight
    if inputs.task == "multilabel" and weight is not None:
        weight = np.repeat(weight, inputs.target.shape[1])
    edges = np.arange(SCORE_BINS + 1) / SCORE_BINS
    bins = reliability(confidence, outcome, weight, bins=RELIABILITY_BINS)
    brier = float(np.average((confidence - outcome) ** 2, weights=weight))
    return Figures(
        thresholds=_thresholds(inputs) if inputs.task == "binary" else None,
        reliability=bins,
        calibration=terms(bins, brier, effective_rows(inputs.weight, inputs.rows)),
        scores=Scores(edges=edges, counts=_by_outcome(confidence, outcome, weight)),
        worst=worst,
        concentration=share,
    )


def probability_and_outcome(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return what a reliability diagram is made of, (N,) both; of labels (N * L,).

    The probability of the positive class and whether it came (binary), that of each label likewise (multilabel), that
    of the answer and whether it is right (multiclass).
    """
    backend, p = load("numpy"), inputs.prediction
    if inputs.task in ("binary", "multilabel"):
        positive = backend.sigmoid(p) if inputs.form == "logits" else p
        return positive.reshape(-1), inputs.target.reshape(-1).astype(np.float64)
    shares = backend.softmax(p) if inputs.form == "logits" else p
    return shares.max(axis=1), (p.argmax(axis=1) == inputs.target).astype(np.float64)


# --- classes ---------------------------------------------------------------------------------------------------------
def _thresholds(inputs: Inputs) -> Thresholds | None:
    score, positive = inputs.prediction, inputs.target == 1
    if not 0 < positive.sum() < positive.size:
        return None
    weight = np.ones(score.size) if inputs.weight is None else inputs.weight
    sides = [_above(score[side], weight[side]) for side in (positive, ~positive)]
    logits = inputs.form == "logits"
    with np.errstate(divide="ignore"):
        grid = np.log(_QUANTILES) - np.log1p(-_QUANTILES) if logits else _QUANTILES
    own = [np.quantile(score[side], _QUANTILES, method="inverted_cdf") for side in (positive, ~positive)]
    middle = 0.0 if logits else 0.5
    at = np.unique(np.concatenate([grid, *own, [middle]]))
    (hits, all_hits), (alarms, all_alarms) = (above(at) for above in sides)
    shown = load("numpy").sigmoid(at) if logits else at
    return Thresholds(threshold=shown, hits=hits, alarms=alarms, positives=all_hits, negatives=all_alarms)


def _above(score: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, float]]:
    """Return a function from thresholds to the weight of scores above each, and the weight of all."""
    order = np.argsort(score)
    ranked, below = score[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    total = float(below[-1])

    def count(at: np.ndarray) -> tuple[np.ndarray, float]:
        return total - below[np.searchsorted(ranked, at, side="right")], total

    return count


def _by_outcome(confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    index = np.minimum((confidence * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    index += SCORE_BINS * outcome.astype(np.int64)
    return np.bincount(index, weights=weight, minlength=2 * SCORE_BINS).reshape(2, SCORE_BINS)


# --- numbers ---------------------------------------------------------------------------------------------------------
def _errors(inputs: Inputs) -> Errors:
    prediction, target = inputs.prediction.reshape(-1), inputs.target.reshape(-1)
    columns = target.size // inputs.rows
    weight = None if inputs.weight is None else np.repeat(inputs.weight, columns)
    error = prediction - target
    both = _span(np.concatenate([prediction, target]))
    span = _span(error)
    edges = np.linspace(*span, _ERROR_BINS + 1)
    absolute = np.abs(error)
    return Errors(
        joint=_grid(target, prediction, both, both, weight),
        residual=_grid(prediction, error, _span(prediction), span, weight),
        edges=edges,
        counts=np.histogram(error, edges, weights=weight)[0].astype(np.float64),
        deciles=_deciles(target, error, weight),
        quantiles={f"{q:g}": float(np.quantile(absolute, q)) for q in (0.5, 0.9, 0.99)},
    )


def _span(x: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis: of all values, without the outermost where there are many."""
    ends = (_TRIM, 1 - _TRIM) if x.size >= _TRIM_ROWS else (0.0, 1.0)
    low, high = map(float, np.quantile(x, ends))
    if high > low:
        return low, high
    slack = abs(low) / 2 or 0.5
    return low - slack, high + slack


def _grid(
    x: np.ndarray, y: np.ndarray, across: tuple[float, float], up: tuple[float, float], weight: np.ndarray | None
) -> Grid:
    edges = np.linspace(*across, _GRID + 1), np.linspace(*up, _GRID + 1)
    counts = np.histogram2d(x, y, edges, weights=weight)[0].T
    total = x.size if weight is None else float(weight.sum())
    return Grid(x_edges=edges[0], y_edges=edges[1], counts=counts, outside=max(0.0, total - float(counts.sum())))


def _deciles(target: np.ndarray, error: np.ndarray, weight: np.ndarray | None) -> tuple[Decile, ...]:
    edges = np.unique(np.quantile(target, np.linspace(0, 1, 11)))
    place = np.clip(np.searchsorted(edges, target, side="left") - 1, 0, max(0, edges.size - 2))
    found = []
    for k in range(int(place.max()) + 1):
        rows = place == k
        w = None if weight is None else weight[rows]
        if not rows.any() or (w is not None and not w.sum()):
            continue
        low, high = of_mean(np.abs(error[rows]), w)
        found.append(
            Decile(
                low=float(target[rows].min()),
                high=float(target[rows].max()),
                rows=int(rows.sum()),
                absolute=float(np.average(np.abs(error[rows]), weights=w)),
                absolute_low=low,
                absolute_high=high,
                bias=float(np.average(error[rows], weights=w)),
            )
        )
    return tuple(found)


# --- rows ------------------------------------------------------------------------------------------------------------
def _worst(inputs: Inputs, name_of: Callable[[int], str]) -> tuple[tuple[WorstRow, ...], float | None]:
    loss = losses.per_row(inputs)
    if inputs.weight is not None:
        loss = np.where(inputs.weight > 0, loss, 0.0)
    first = np.argsort(-loss, kind="stable")[:WORST] if loss.size <= WORST else _largest(loss)
    rows = tuple(
        WorstRow(
            row=name_of(int(i)),
            target=text_of(inputs, inputs.target[i]),
            predicted=text_of(inputs, _answer(inputs, int(i))),
            loss=float(loss[i]),
            confidence=_confidence(inputs, int(i)),
        )
        for i in first
    )
    return rows, _concentration(loss if inputs.weight is None else loss * inputs.weight)


def _largest(loss: np.ndarray) -> np.ndarray:
    """Return the places of the largest losses, largest first, ties in the order of the rows."""
    edge = np.partition(loss, loss.size - WORST)[loss.size - WORST]
    places = np.flatnonzero(loss >= edge)
    return places[np.argsort(-loss[places], kind="stable")][:WORST]


def _concentration(loss: np.ndarray) -> float | None:
    """Return the share of all loss that the worst 1 % of the rows hold; None where losses may be negative."""
    few = loss.size // 100
    total = float(loss.sum())
    if not few or not math.isfinite(total) or total <= 0 or loss.min() < 0:
        return None
    return float(np.partition(loss, loss.size - few)[-few:].sum() / total)


def _answer(inputs: Inputs, row: int) -> Any:
    p = inputs.prediction[row]
    if inputs.task == "regression":
        return p
    middle = 0.0 if inputs.form == "logits" else 0.5
    return int(p.argmax()) if inputs.task == "multiclass" else (p > middle).astype(np.int64)


def _confidence(inputs: Inputs, row: int) -> float | None:
    if inputs.task not in ("binary", "multiclass"):
        return None
    p, backend = inputs.prediction[row : row + 1], load("numpy")
    if inputs.task == "binary":
        positive = float((backend.sigmoid(p) if inputs.form == "logits" else p)[0])
        return max(positive, 1 - positive)
    return float((backend.softmax(p) if inputs.form == "logits" else p).max())


def text_of(subject: Any, value: Any) -> str:
    """Return a target or an answer in words: a class's name, the names of labels, a number."""
    if subject.task == "regression":
        return ", ".join(f"{v:.6g}" for v in np.atleast_1d(value))
    if subject.task == "multilabel":
        return ", ".join(n for n, v in zip(subject.class_names, value, strict=True) if v) or "none"
    return subject.class_names[int(value)]
