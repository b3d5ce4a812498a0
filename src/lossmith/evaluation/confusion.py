"""Rows counted by class: precision, recall and F1 with their intervals; who was taken for whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .counts import Counts
from .influence import f1_limits
from .intervals import effective_rows, wilson
from .result import ClassScore, Confused, Confusion

MATRIX_CLASSES = 1000  # above, the matrix is left out and the pairs alone are told
PAIRS = 20


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
    limits = (end.tolist() for end in f1_limits(counts))
    found = []
    for name, support, predicted, hits, f1, f1_low, f1_high in zip(names, *columns, *limits, strict=True):
        known = support or predicted
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
                f1=f1 if known else None,
                f1_low=f1_low if known else None,
                f1_high=f1_high if known else None,
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


def from_matrix(matrix: np.ndarray, names: tuple[str, ...], scale: float = 1.0) -> tuple[Counts, Confusion]:
    """Return the counts per class and the confusion of a matrix (C, C) of rows or weights; rows of it are true.

    ``scale`` times a weight is the effective number of rows behind it.
    """
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong.ravel(), kind="stable")[:PAIRS]
    pairs = tuple(
        Confused(true=names[i // len(names)], predicted=names[i % len(names)], count=wrong.flat[i].item())
        for i in order.tolist()
        if wrong.flat[i]
    )
    counts = replace(Counts.of_matrix(matrix), scale=scale)
    shown = matrix if len(names) <= MATRIX_CLASSES else None
    return counts, Confusion(class_names=names, counts=shown, pairs=pairs, errors=wrong.sum().item())
