"""Counts of classes: support, predictions, hits; precision, recall and F1 from them; who was taken for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .intervals import effective_rows, wilson
from .result import ClassScore, Confused, Confusion

MATRIX_CLASSES = 1000  # above, the matrix is left out and the pairs alone are told
PAIRS = 20


@dataclass(frozen=True, eq=False)
class Counts:
    """Per class, (C,) each, or (…, C) for several tables at once: rows that are it, rows predicted as it, rows that are
    both; sums of weights if weighted.

    ``scale`` times a count is the effective number of rows behind it (1 without weights).
    """

    support: np.ndarray
    predicted: np.ndarray
    hits: np.ndarray
    scale: float = 1.0

    def f1(self) -> np.ndarray:
        """Return F1 per class, 0 where the class neither occurs nor is predicted."""
        both = self.support + self.predicted
        return 2 * self.hits / np.where(both > 0, both, 1)

    def accuracy(self) -> Any:
        """Return the share of the rows that are right."""
        return self.hits.sum(axis=-1) / self.support.sum(axis=-1)

    def balanced_accuracy(self) -> Any:
        """Return the mean recall of the classes that occur."""
        present = self.support > 0
        return (self.hits / np.where(present, self.support, 1)).sum(axis=-1) / present.sum(axis=-1)

    def macro_f1(self) -> Any:
        """Return the mean F1 of the classes that occur or are predicted."""
        return self.f1().sum(axis=-1) / ((self.support > 0) | (self.predicted > 0)).sum(axis=-1)

    def weighted_f1(self) -> Any:
        """Return the mean F1, each class with the weight of its rows."""
        return np.sum(self.f1() * self.support, axis=-1) / self.support.sum(axis=-1)

    def mcc(self) -> Any:
        """Return Matthews' correlation coefficient for any number of classes (Gorodkin 2004); 0 where it is 0 / 0."""
        rows = self.support.sum(axis=-1, dtype=np.float64)
        together, true, guessed = self._products(rows)
        spread = np.sqrt(np.maximum((1 - guessed) * (1 - true), 0.0))
        return (self.accuracy() - together) / np.where(spread > 0, spread, np.inf)

    def kappa(self) -> Any:
        """Return Cohen's kappa: accuracy beyond that of answers drawn with the same shares; NaN where it is 0 / 0."""
        together, _, _ = self._products(self.support.sum(axis=-1, dtype=np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.accuracy() - together) / (1 - together)

    def _products(self, rows: Any) -> tuple[Any, Any, Any]:
        """Return the sums over the classes of true x predicted, true x true and predicted x predicted shares."""
        true, guessed = (x / np.expand_dims(rows, -1) for x in (self.support, self.predicted))
        return np.sum(true * guessed, axis=-1), np.sum(true * true, axis=-1), np.sum(guessed * guessed, axis=-1)

    def pooled_f1(self) -> float | None:
        """Return F1 of all labels together (micro), None if there is neither a positive nor a prediction of one."""
        both = float(self.support.sum() + self.predicted.sum())
        return 2 * float(self.hits.sum()) / both if both else None


def of_classes(target: np.ndarray, predicted: np.ndarray, classes: int, weight: np.ndarray | None) -> Counts:
    """Count class indices (N,)."""
    right = target == predicted
    return Counts(
        np.bincount(target, weights=weight, minlength=classes),
        np.bincount(predicted, weights=weight, minlength=classes),
        np.bincount(target[right], weights=None if weight is None else weight[right], minlength=classes),
        _scale(weight),
    )


def count_labels(target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> Counts:
    """Count the positives of independent labels (N, L)."""
    factor = np.ones(len(target), np.int64) if weight is None else weight
    return Counts(factor @ target, factor @ predicted, factor @ (target * predicted), _scale(weight))


def _scale(weight: np.ndarray | None) -> float:
    return 1.0 if weight is None else effective_rows(weight, 0) / float(weight.sum())


def class_scores(names: tuple[str, ...], counts: Counts) -> tuple[ClassScore, ...]:
    """Return one record per class."""
    columns = (counts.support.tolist(), counts.predicted.tolist(), counts.hits.tolist(), counts.f1().tolist())
    found = []
    for name, support, predicted, hits, f1 in zip(names, *columns, strict=True):
        precision, recall = hits / predicted if predicted else None, hits / support if support else None
        precision_low, precision_high = wilson(precision, predicted * counts.scale)
        recall_low, recall_high = wilson(recall, support * counts.scale)
        found.append(
            ClassScore(
                name=name,
                support=support,
                predicted=predicted,
                precision=precision,
                precision_low=precision_low,
                precision_high=precision_high,
                recall=recall,
                recall_low=recall_low,
                recall_high=recall_high,
                f1=f1 if support or predicted else None,
            )
        )
    return tuple(found)


def most_confused(
    target: np.ndarray, predicted: np.ndarray, names: tuple[str, ...], weight: np.ndarray | None
) -> Confusion:
    """Return the confusion: the matrix, and the most frequent mistakes."""
    classes = len(names)
    wrong = target != predicted if weight is None else (target != predicted) & (weight > 0)
    cell = target[wrong] * classes + predicted[wrong]
    found, index = np.unique(cell, return_inverse=True)
    count = np.bincount(index, weights=None if weight is None else weight[wrong], minlength=found.size)
    order = np.argsort(-count, kind="stable")[:PAIRS]
    pairs = tuple(
        Confused(true=names[found[i] // classes], predicted=names[found[i] % classes], count=count[i].item())
        for i in order
    )
    matrix = None
    if classes <= MATRIX_CLASSES:
        flat = np.bincount(target * classes + predicted, weights=weight, minlength=classes * classes)
        matrix = flat.reshape(classes, classes)
    return Confusion(class_names=names, counts=matrix, pairs=pairs, errors=count.sum().item())


def from_matrix(matrix: np.ndarray, names: tuple[str, ...]) -> tuple[Counts, Confusion]:
    """Return the counts per class and the confusion of a matrix (C, C) of whole numbers; rows are true."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong.ravel(), kind="stable")[:PAIRS]
    pairs = tuple(
        Confused(true=names[i // len(names)], predicted=names[i % len(names)], count=wrong.flat[i].item())
        for i in order.tolist()
        if wrong.flat[i]
    )
    counts = Counts(matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix).copy())
    shown = matrix if len(names) <= MATRIX_CLASSES else None
    return counts, Confusion(class_names=names, counts=shown, pairs=pairs, errors=wrong.sum().item())
