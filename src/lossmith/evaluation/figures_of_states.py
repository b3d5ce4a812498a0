"""What a report draws, from the merged states of a stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import load
from .calibration import terms
from .figures import SCORE_BINS, Figures, Scores, Thresholds, WorstRow, text_of
from .states import Bundle, ScoreHistogram
from .states.labels import columns_as_sets
from .states.parts import Extremes

_WANTED = np.linspace(0, 1, 101)


def of_states(subject: Any, states: Bundle) -> Figures:
    """Return what is drawn; ``subject`` says task and class names."""
    found: dict[str, Any] = {}
    if "calibration" in states.states:
        found["reliability"] = states["calibration"].result()
        found["calibration"] = terms(found["reliability"], _brier(subject, states), subject.effective)
        found["scores"] = _answers(states) if subject.task == "multiclass" else None
    if "areas" in states.states:
        of_labels = [_scores(state) for state in states["areas"].states.values()]
        found["scores"] = replace(of_labels[0], counts=np.sum([s.counts for s in of_labels], axis=0))
    if "scores" in states.states:
        found["thresholds"] = _thresholds(states)
        found["scores"] = _scores(states["scores"])
    return Figures(**found, worst=_worst(subject, states))


def _brier(subject: Any, states: Bundle) -> float | None:
    """Return the Brier score of a binary stream or of single labels; that of an answer's confidence is not kept."""
    if subject.task == "multilabel":
        return float(states["brier"].result().mean[0])
    if subject.task != "binary" or "bootstrap" not in states.states:
        return None
    totals = states["bootstrap"].totals()
    return float(totals["brier"][0] / totals["rows"][0]) if "brier" in totals else None


def _answers(states: Bundle) -> Scores:
    """Return right and wrong answers by confidence, in the bins of the calibration."""
    found = states["calibration"].result()
    right = np.nan_to_num(found.rate * found.count)
    if not states["calibration"].settings["weighted"]:
        right = np.rint(right)
    return Scores(edges=found.edges, counts=np.stack([found.count - right, right]))


def _probability(state: ScoreHistogram, score: np.ndarray) -> np.ndarray:
    return score if state.settings["scale"] == "probability" else load("numpy").sigmoid(score)


def _extremes(state: ScoreHistogram) -> Extremes:
    """Return the smallest and the largest score of each bin."""
    found = state.parts["extremes"]
    assert isinstance(found, Extremes)
    return found


def _thresholds(states: Bundle) -> Thresholds | None:
    """Return exact counts at the largest scores of chosen bins, and at 0.5 those of the confusion matrix."""
    state: ScoreHistogram = states["scores"]
    negative, positive = state.counts()
    used = np.flatnonzero(negative + positive)
    negative, positive = negative[used], positive[used]
    positives, negatives = positive.sum().item(), negative.sum().item()
    if not positives or not negatives:
        return None
    at = _probability(state, _extremes(state).high[used])
    hits, alarms = (np.maximum(x.sum() - np.cumsum(x), 0) for x in (positive, negative))
    chosen = np.unique(
        np.concatenate(
            [
                np.minimum(np.searchsorted(at, _WANTED), at.size - 1),
                *(np.searchsorted(np.cumsum(x), _WANTED * x.sum()).clip(0, at.size - 1) for x in (positive, negative)),
            ]
        )
    )
    matrix = states["confusion"].result()
    table = np.stack([at[chosen], hits[chosen], alarms[chosen]])
    middle = np.array([[0.5], [matrix[1, 1]], [matrix[0, 1]]])
    table = np.concatenate([table[:, table[0] < 0.5], middle, table[:, table[0] > 0.5]], axis=1)
    return Thresholds(
        threshold=table[0], hits=table[1], alarms=table[2], positives=float(positives), negatives=float(negatives)
    )


def _scores(state: ScoreHistogram) -> Scores:
    """Return counts in bins of equal width; a fine bin that lies across an edge goes with its smallest score."""
    counts = state.counts()
    used = np.flatnonzero(counts[0] + counts[1])
    low = _probability(state, _extremes(state).low[used])
    index = np.minimum((low * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    found = [np.bincount(index, weights=x[used], minlength=SCORE_BINS) for x in counts]
    return Scores(edges=np.arange(SCORE_BINS + 1) / SCORE_BINS, counts=np.stack(found))


def _worst(subject: Any, states: Bundle) -> tuple[WorstRow, ...]:
    if "worst" not in states.states:
        return ()
    found = states["worst"].result()
    if not found:
        return ()
    confidence = found.get("confidence", np.full(found["loss"].size, np.nan))
    if subject.task == "multilabel":
        found |= {name: columns_as_sets(name, found, len(subject.class_names)) for name in ("target", "predicted")}
    columns = (found["row_id"], found["target"], found["predicted"], found["loss"], confidence)
    return tuple(
        WorstRow(
            row=str(row),
            target=text_of(subject, target),
            predicted=text_of(subject, predicted),
            loss=float(loss),
            confidence=None if np.isnan(sure) else float(sure),
        )
        for row, target, predicted, loss, sure in zip(*columns, strict=True)
    )
