"""Metrics of several yes-or-no labels per row, (N, L); equal to scikit-learn's where it has them.

Three constant answers stand beside them, each the best of its kind: for Hamming loss each label's more frequent value,
for exact match the most frequent set of labels, for F1 always the k most frequent labels, with the k of largest micro
F1. Scores are held against each label's share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .confusion import Counts, class_scores, count_labels
from .curves import Ranking
from .influence import of_area, of_labels
from .inputs import Inputs
from .intervals import Interval, effective_rows, mean_of, wilson
from .result import ClassScore, Confusion, Metric, with_intervals


@dataclass(frozen=True, eq=False)
class _Train:
    """The targets that the constant predictor learns from, (N, L), and their weights or None."""

    target: np.ndarray
    weight: np.ndarray | None

    def shares(self) -> np.ndarray:
        """Return each label's share, (L,)."""
        return np.average(self.target, axis=0, weights=self.weight)


def compute(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    """Return the metrics and the scores per label."""
    p, target, weight = inputs.prediction, inputs.target, inputs.weight
    predicted = p if inputs.form == "labels" else (p > (0 if inputs.form == "logits" else 0.5)).astype(np.int64)
    train = _Train(target, weight) if inputs.train_target is None else _Train(inputs.train_target, None)
    counts = count_labels(target, predicted, weight)
    rows = _by_row(target, predicted)
    means = {name: float(np.average(x, weights=weight)) for name, x in rows.items()}
    often = np.broadcast_to(_frequent(train), target.shape)
    constant = {name: value for name, value, _ in _f1(count_labels(target, often, weight))}
    usual = np.broadcast_to(_usual_set(train), target.shape)
    majority = np.broadcast_to(train.shares() > 0.5, target.shape)
    metrics = [
        Metric(name="exact_match", title="exact match", value=means["exact_match"],
               constant=float(np.average((usual == target).all(axis=1), weights=weight))),
        Metric(name="hamming_loss", title="Hamming loss", value=means["hamming_loss"],
               constant=float(np.average((majority != target).mean(axis=1), weights=weight))),
        *(Metric(name=name, title=title, value=value, constant=constant[name]) for name, value, title in _f1(counts)),
        Metric(name="samples_f1", title="F1 per row (samples)", value=means["samples_f1"],
               constant=float(np.average(_by_row(target, often)["samples_f1"], weights=weight))),
    ]  # fmt: skip
    metrics = with_intervals(metrics, of_labels(target, predicted, weight, counts))
    ends = {name: mean_of(rows[name], weight).share_interval() for name in ("hamming_loss", "samples_f1")}
    ends["exact_match"] = wilson(means["exact_match"], effective_rows(weight, inputs.rows))
    metrics = with_intervals(metrics, ends)
    labels = class_scores(inputs.class_names, counts)
    if inputs.form == "labels":
        return metrics, None, labels
    ranked, labels = _areas(inputs, labels)
    return metrics + ranked + _of_order(inputs, train), None, labels


# --- answers ---------------------------------------------------------------------------------------------------------
def _by_row(target: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    wrong = predicted != target
    both = target.sum(axis=1) + predicted.sum(axis=1)
    return {
        "exact_match": 1.0 - wrong.any(axis=1),
        "hamming_loss": wrong.mean(axis=1),
        "samples_f1": 2 * (target * predicted).sum(axis=1) / np.where(both > 0, both, 1),
    }


def _f1(counts: Counts) -> list[tuple[str, float | None, str]]:
    f1 = counts.f1()
    weighted = float(counts.weighted(f1)) if counts.support.any() else None
    return [
        ("micro_f1", counts.pooled_f1(), "micro F1"),
        ("macro_f1", float(np.mean(f1)), "macro F1"),
        ("weighted_f1", weighted, "weighted F1"),
    ]


def _frequent(train: _Train) -> np.ndarray:
    """Return the best answer of those that always name the k most frequent labels, (L,), by micro F1."""
    shares = train.shares()
    order = np.argsort(-shares, kind="stable")
    named = np.arange(1, shares.size + 1)
    f1 = 2 * np.cumsum(shares[order]) / (shares.sum() + named)
    answer = np.zeros(shares.size, np.int64)
    answer[order[: int(np.argmax(f1)) + 1]] = 1
    return answer


def _usual_set(train: _Train) -> np.ndarray:
    """Return the most frequent set of labels, (L,)."""
    sets, index = np.unique(train.target, axis=0, return_inverse=True)
    return sets[int(np.argmax(np.bincount(index.reshape(-1), weights=train.weight)))]


# --- scores ----------------------------------------------------------------------------------------------------------
def _areas(inputs: Inputs, labels: tuple[ClassScore, ...]) -> tuple[list[Metric], tuple[ClassScore, ...]]:
    """Return the areas under both curves, averaged over the labels that have rows of both kinds, and those of each."""
    shares = np.average(inputs.target, axis=0, weights=inputs.weight)
    both = [k for k in range(shares.size) if 0 < shares[k] < 1]
    found = list(labels)
    areas = macro_areas(inputs.prediction[:, both], inputs.target[:, both], inputs.weight)
    for k, auc, average in zip(both, *areas.each, strict=True):
        found[k] = replace(found[k], auc=auc, average_precision=average)
    return areas.metrics(float(shares[both].mean()) if both else None), tuple(found)


@dataclass(frozen=True, eq=False)
class MacroAreas:
    """Areas under the ROC and the precision-recall curve: of each column, their means and the means' intervals."""

    each: tuple[list[float], list[float]]
    ends: tuple[Interval, Interval]

    def metrics(self, share: float | None) -> list[Metric]:
        """Return the means; ``share`` is that of the positives, averaged over the columns."""
        names = (("macro_auc", "macro ROC AUC", 0.5), ("macro_average_precision", "macro average precision", share))
        return [
            Metric(name=name, title=title, value=float(np.mean(x)) if x else None, low=low, high=high,
                   constant=constant if x else None)
            for (name, title, constant), x, (low, high) in zip(names, self.each, self.ends, strict=True)
        ]  # fmt: skip


def macro_areas(score: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> MacroAreas:
    """Return the areas of the columns of scores and 0/1 targets, (N, K) both, each with rows of both kinds."""
    each: tuple[list[float], list[float]] = [], []
    columns, lift = target.shape[1], 0.0
    moved, variances = np.zeros((2, len(target))), np.zeros((2, columns))
    shares = np.average(target, axis=0, weights=weight)
    rows = effective_rows(weight, len(target))
    rarer = np.minimum(shares, 1 - shares) * rows
    few = columns / float(np.sqrt(np.sum(rarer**-2.0)))  # of a mean of independent areas
    for k in range(columns):
        ranking = Ranking(target[:, k], score[:, k])
        for i, (value, influence) in enumerate(
            zip((ranking.auc(weight), ranking.average_precision(weight)), ranking.influences(weight), strict=True)
        ):
            each[i].append(value)
            moved[i] += influence / columns
            variances[i, k] = mean_of(influence, weight).error ** 2
        lift += ranking.lift(weight, 1.0 if weight is None else rows / float(weight.sum())) / columns
    ends = [
        of_area(float(np.mean(x)), m, weight, few, above, _freedom(v, rarer)) if x else (None, None)
        for x, m, above, v in zip(each, moved, (0.0, lift), variances, strict=True)
    ]
    return MacroAreas(each, (ends[0], ends[1]))


def _freedom(variances: np.ndarray, rows: np.ndarray) -> float:
    """Return the degrees of freedom of a sum of numbers with these variances, each known from so many rows, (K,) both.

    F. E. Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bull. 2(6), 1946.
    """
    own = float(np.sum(variances**2 / np.maximum(rows - 1, 1)))
    return float(np.sum(variances)) ** 2 / own if own else float(rows.min(initial=1.0))


def _of_order(inputs: Inputs, train: _Train) -> list[Metric]:
    """Return the metrics of how a row's labels are put in order."""
    mine = by_order(inputs.prediction, inputs.target)
    theirs = by_order(np.broadcast_to(train.shares(), inputs.target.shape), inputs.target)
    found = []
    for name, title, proportion in (
        ("lrap", "label ranking average precision", True),
        ("coverage_error", "coverage error (labels until all are found)", False),
        ("ranking_loss", "ranking loss", True),
    ):
        value, constant = (float(np.average(x[name], weights=inputs.weight)) for x in (mine, theirs))
        mean = mean_of(mine[name], inputs.weight)
        low, high = mean.share_interval() if proportion else mean.interval()
        found.append(
            Metric(name=name, title=title, value=value, low=low, high=high, constant=constant, proportion=proportion)
        )
    return found


def by_order(score: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """Return three numbers per row, (N,) each; labels of equal score share the last of their ranks.

    Args:
        score: (N, L).
        target: (N, L) 0 and 1.

    Returns:
        ``lrap``: mean, over a row's labels, of the share of its labels among those ranked as high (1 where it has none
        or all). ``coverage_error``: how far down the last of its labels is (0 where it has none). ``ranking_loss``: the
        share of pairs of a label that is there and one that is not with the wrong order (0 where it has none or all).

    >>> found = by_order(np.array([[0.75, 0.5, 1.0], [1.0, 0.2, 0.1]]), np.array([[1, 0, 0], [0, 0, 1]]))
    >>> found["lrap"].round(4).tolist(), found["coverage_error"].tolist(), found["ranking_loss"].tolist()
    ([0.5, 0.3333], [2.0, 3.0], [0.5, 1.0])
    """
    labels = target.shape[1]
    order = np.argsort(-score, axis=1, kind="stable")
    ranked, there = np.take_along_axis(score, order, axis=1), np.take_along_axis(target, order, axis=1)
    last = np.ones(there.shape, bool)
    last[:, :-1] = ranked[:, 1:] != ranked[:, :-1]
    at = np.where(last, np.arange(labels), labels)
    end = np.minimum.accumulate(at[:, ::-1], axis=1)[:, ::-1]  # where the labels of equal score end
    found = np.take_along_axis(np.cumsum(there, axis=1), end, axis=1)
    positives = there.sum(axis=1)
    some, pairs = np.maximum(positives, 1), np.maximum(positives * (labels - positives), 1)
    mixed = (positives > 0) & (positives < labels)
    return {
        "lrap": np.where(mixed, (there * found / (end + 1)).sum(axis=1) / some, 1.0),
        "coverage_error": (there * (end + 1)).max(axis=1).astype(np.float64),
        "ranking_loss": np.where(mixed, (there * (end + 1 - found)).sum(axis=1) / pairs, 0.0),
    }
