"""Metrics of several yes-or-no labels per row, (N, L); equal to scikit-learn's where it has them.

Three constant answers stand beside them, each the best of its kind: for Hamming loss each label's more frequent value,
for exact match the most frequent set of labels, for F1 always the k most frequent labels, with the k of largest micro
F1. Scores are held against each label's share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .confusion import Counts, class_scores, count_labels
from .curves import Ranking
from .influence import of_area, of_labels
from .inputs import Inputs
from .intervals import Interval, Mean, effective_rows, mean_of, wilson
from .result import ClassScore, Confusion, Metric, with_intervals
from .scorers import answers


@dataclass(frozen=True, eq=False)
class Sets:
    """Sets of labels, (N, L) 0 and 1 each, and how much each counts, (N,), or None for 1."""

    target: np.ndarray
    weight: np.ndarray | None

    def shares(self) -> np.ndarray:
        """Return each label's share, (L,)."""
        return np.average(self.target, axis=0, weights=self.weight)

    def usual(self) -> np.ndarray:
        """Return the most frequent set, (L,)."""
        sets, index = np.unique(self.target, axis=0, return_inverse=True)
        return sets[int(np.argmax(np.bincount(index.reshape(-1), weights=self.weight)))]

    def mean(self, values: np.ndarray) -> float:
        """Return the mean of one value per set, (N,)."""
        return float(np.average(values, weights=self.weight))


def compute(inputs: Inputs) -> tuple[list[Metric], Confusion | None, tuple[ClassScore, ...]]:
    """Return the metrics and the scores per label."""
    target, weight = inputs.target, inputs.weight
    predicted, rows = answers(inputs), Sets(target, weight)
    train = rows if inputs.train_target is None else Sets(inputs.train_target, None)
    counts = count_labels(target, predicted, weight)
    per_row = by_row(target, predicted)
    means = {name: rows.mean(x) for name, x in per_row.items()}
    total = len(target) if weight is None else float(weight.sum())
    constant = constants_of_counts(train.shares(), counts.support, total) | constants_of_sets(train, rows)
    metrics = of_answers(means, counts, constant)
    metrics = with_intervals(metrics, of_labels(target, predicted, weight, counts))
    ends = ends_of({name: mean_of(per_row[name], weight) for name in ("hamming_loss", "samples_f1")})
    ends["exact_match"] = wilson(means["exact_match"], effective_rows(weight, inputs.rows))
    metrics = with_intervals(metrics, ends)
    labels = class_scores(inputs.class_names, counts)
    if inputs.form == "labels":
        return metrics, None, labels
    ranked, labels = _areas(inputs, labels)
    mine = by_order(inputs.prediction, target)
    ends = ends_of({name: mean_of(x, weight) for name, x in mine.items()})
    ordered = of_order({name: rows.mean(x) for name, x in mine.items()}, constants_of_order(train.shares(), rows))
    return metrics + ranked + with_intervals(ordered, ends), None, labels


def ends_of(means: Mapping[str, Mean]) -> dict[str, Interval]:
    """Return the intervals of means over rows, by the name of the metric; all but one are of shares."""
    return {name: x.interval() if name == "coverage_error" else x.share_interval() for name, x in means.items()}


# --- answers ---------------------------------------------------------------------------------------------------------
def by_row(target: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return three numbers per row, (N,) each, of labels that are there and that are answered, (N, L) both."""
    wrong = predicted != target
    both = target.sum(axis=1) + predicted.sum(axis=1)
    return {
        "exact_match": 1.0 - wrong.any(axis=1),
        "hamming_loss": wrong.mean(axis=1),
        "samples_f1": 2 * (target * predicted).sum(axis=1) / np.where(both > 0, both, 1),
    }


def of_answers(means: Mapping[str, float], counts: Counts, constant: Mapping[str, float | None]) -> list[Metric]:
    """Return the metrics of answers, without intervals, from the means of :func:`by_row` and the counts per label."""
    values = {**means, **_f1(counts)}
    return [
        Metric(name=name, title=title, value=values[name], constant=constant.get(name))
        for name, title in (
            ("exact_match", "exact match"),
            ("hamming_loss", "Hamming loss"),
            ("micro_f1", "micro F1"),
            ("macro_f1", "macro F1"),
            ("weighted_f1", "weighted F1"),
            ("samples_f1", "F1 per row (samples)"),
        )
    ]


def _f1(counts: Counts) -> dict[str, float | None]:
    f1 = counts.f1()
    weighted = float(counts.weighted(f1)) if counts.support.any() else None
    return {"micro_f1": counts.pooled_f1(), "macro_f1": float(np.mean(f1)), "weighted_f1": weighted}


def constants_of_counts(shares: np.ndarray, support: np.ndarray, rows: float) -> dict[str, float | None]:
    """Return what constant answers score, where counts per label are enough to know it.

    Args:
        shares: (L,) of each label among the training rows, from which the answers are made.
        support: (L,) rows that have the label.
        rows: All rows.
    """
    often = _frequent(shares)
    wrong = np.where(shares > 0.5, rows - support, support) / rows
    return {"hamming_loss": float(wrong.mean()), **_f1(Counts(support, often * rows, often * support))}


def constants_of_sets(train: Sets, rows: Sets) -> dict[str, float | None]:
    """Return what constant answers made of the training rows score, where it takes the sets of labels to know it."""
    usual, often = (np.broadcast_to(x, rows.target.shape) for x in (train.usual(), _frequent(train.shares())))
    found = {"exact_match": by_row(rows.target, usual), "samples_f1": by_row(rows.target, often)}
    return {name: rows.mean(numbers[name]) for name, numbers in found.items()}


def _frequent(shares: np.ndarray) -> np.ndarray:
    """Return the best answer of those that always name the k most frequent labels, (L,), by micro F1."""
    order = np.argsort(-shares, kind="stable")
    named = np.arange(1, shares.size + 1)
    f1 = 2 * np.cumsum(shares[order]) / (shares.sum() + named)
    answer = np.zeros(shares.size, np.int64)
    answer[order[: int(np.argmax(f1)) + 1]] = 1
    return answer


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


def of_order(means: Mapping[str, float], constant: Mapping[str, float]) -> list[Metric]:
    """Return the metrics of how a row's labels are put in order, without intervals, from means of :func:`by_order`."""
    return [
        Metric(name=name, title=title, value=means[name], constant=constant.get(name), proportion=proportion)
        for name, title, proportion in (
            ("lrap", "label ranking average precision", True),
            ("coverage_error", "coverage error (labels until all are found)", False),
            ("ranking_loss", "ranking loss", True),
        )
    ]


def constants_of_order(shares: np.ndarray, rows: Sets) -> dict[str, float]:
    """Return what it scores to put each row's labels in the order of their shares, (L,)."""
    theirs = by_order(np.broadcast_to(shares, rows.target.shape), rows.target)
    return {name: rows.mean(x) for name, x in theirs.items()}


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
