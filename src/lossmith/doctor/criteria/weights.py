"""OUT19: weights of rows, given or made from those of classes: none counts, or the wrong ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from .words import num, plural, share

_ROWS = 32  # which a mask may well leave out by chance where they are fewer
_ENOUGH = 128  # rows, to know which class is rare
_RARE = 5  # rows
_TIMES = 3.0  # as frequent, and as heavy


@judges("OUT19")
def nothing_counts(e: Evidence) -> Iterator[Finding]:
    """Judge OUT19: every row of a batch has weight 0."""
    w = e.weight
    if e.loss is None or w is None or w.size < _ROWS or len(w) < _ROWS or np.any(w != 0):
        return
    yield rule("OUT19").finding(
        what="All weights of the batch are 0: it teaches nothing.",
        evidence=f"Each of {plural(w.size, 'weight')} is exactly 0, of dtype {w.dtype}.",
        why="The loss is 0 whatever the model answers, and so is its gradient.",
        fix="look at weight.min() and weight.max(): a // b of whole numbers, or a cast to them, rounds down to 0",
        severity="error",
        framework=e.framework,
    )


@judges("OUT19")
def exchanged(e: Evidence) -> Iterator[Finding]:
    """Judge OUT19: the rows' weights of the rare and the common classes have changed places.

    Weights that the loss has itself are judged with it, in ``task``.
    """
    found = _by_class(e)
    if found is None:
        return
    counts, weights = found
    order = np.argsort(counts)
    rare, common = int(order[0]), int(order[-1])
    if counts.sum() < _ENOUGH or counts[rare] < _RARE or counts[common] < _TIMES * counts[rare]:
        return
    pairs = itertools.permutations(range(len(counts)), 2)
    if any(counts[a] >= 2 * counts[b] and weights[a] < weights[b] for a, b in pairs):
        return
    if not weights[common] >= _TIMES * weights[rare] > 0:
        return
    times, lot = float(weights[common] / weights[rare]), counts * weights
    yield rule("OUT19").finding(
        what="The common class weighs more than the rare one.",
        evidence=f"A row of the class of {share(float(counts[common] / counts.sum()))} of the rows counts "
        f"{num(times)} times one of the class of {share(float(counts[rare] / counts.sum()))}, so that the rare class "
        f"makes {share(float(lot[rare] / lot.sum()))} of the weight.",
        why="Weights of classes are there to let the rare one count. These make it rarer still.",
        certainty="likely",
        framework=e.framework,
        ratio=times,
    )


def _by_class(e: Evidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Return how many rows each class has, and their weight, where all rows of a class have the same one; or None."""
    labels = _labels(e)
    if labels is None or e.weight is None or e.weight.size != labels.size:
        return None
    weight = e.weight.reshape(-1).astype(np.float64)
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if classes.size < 2 or not np.isfinite(weight).all():
        return None
    weights = np.bincount(place, weight) / counts
    same = np.allclose(weight, weights[place], rtol=1e-5, atol=0)
    return (counts, weights) if same else None


def _labels(e: Evidence) -> np.ndarray | None:
    """Return the class of each row, or None where rows have none."""
    facts, t = e.loss, e.numeric_target
    if facts is None or t is None:
        return None
    if facts.binary and (t.ndim == 1 or (t.ndim == 2 and t.shape[1] == 1)):
        return t.reshape(-1) if bool(np.all((t == 0) | (t == 1))) else None
    if not facts.categorical:
        return None
    if e.indices is not None:
        return e.indices
    rows = e.dense_target
    one = rows is not None and bool(np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(axis=1) == 1))
    return rows.argmax(axis=1) if rows is not None and one else None
