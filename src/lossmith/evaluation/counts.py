"""Counts per class and the numbers that are functions of them: one formula each, for arrays of any library.

``xp`` is a module with NumPy's names (``numpy``, ``keras.ops``), so that an evaluation, a bootstrap of thousands of
tables and a metric inside a compiled training step are computed by the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

AVERAGES = ("positive", "macro", "micro", "weighted")


@dataclass(frozen=True, eq=False)
class Counts:
    """Per class, (C,) each, or (…, C) for several tables at once: rows that are it, rows predicted as it, rows that are
    both; sums of weights if weighted.

    ``scale`` times a count is the effective number of rows behind it (1 without weights).
    """

    support: Any
    predicted: Any
    hits: Any
    scale: float = 1.0
    xp: Any = np

    @classmethod
    def of_matrix(cls, matrix: Any, xp: Any = np) -> Counts:
        """Return the counts of confusion matrices (…, C, C); rows are true, columns predicted."""
        hits = xp.diagonal(matrix, axis1=-2, axis2=-1)
        return cls(xp.sum(matrix, axis=-1), xp.sum(matrix, axis=-2), hits, xp=xp)

    # --- per class ---------------------------------------------------------------------------------------------------
    def precision(self) -> Any:
        """Return the share of what is predicted as the class that is it, 0 where it is never predicted."""
        return self._share(self.hits, self.predicted)

    def recall(self) -> Any:
        """Return the share of the class that is found, 0 where it does not occur."""
        return self._share(self.hits, self.support)

    def fbeta(self, beta: float = 1.0) -> Any:
        """Return F-beta per class, 0 where the class neither occurs nor is predicted."""
        square = beta * beta
        return self._share((1 + square) * self.hits, square * self.support + self.predicted)

    def f1(self) -> Any:
        """Return F1 per class (the Dice coefficient of label maps), 0 where it neither occurs nor is predicted."""
        return self.fbeta()

    def iou(self) -> Any:
        """Return intersection over union per class (Jaccard), 0 where it neither occurs nor is predicted."""
        return self._share(self.hits, self.support + self.predicted - self.hits)

    # --- over the classes --------------------------------------------------------------------------------------------
    def accuracy(self) -> Any:
        """Return the share of the rows that are right."""
        return self._sum(self.hits) / self._sum(self.support)

    def balanced_accuracy(self) -> Any:
        """Return the mean recall of the classes that occur."""
        return self._sum(self.recall()) / self._sum(self._flags(self.support > 0))

    def macro(self, values: Any) -> Any:
        """Return the mean of values (…, C) over the classes that occur or are predicted."""
        seen = self._flags(self.support + self.predicted > 0)
        return self._sum(values * seen) / self._sum(seen)

    def weighted(self, values: Any) -> Any:
        """Return the mean of values (…, C), each class with the weight of its rows."""
        return self._sum(values * self.support) / self._sum(self.support)

    def macro_f1(self) -> Any:
        """Return the mean F1 of the classes that occur or are predicted."""
        return self.macro(self.f1())

    def weighted_f1(self) -> Any:
        """Return the mean F1, each class with the weight of its rows."""
        return self.weighted(self.f1())

    def mean_iou(self) -> Any:
        """Return the mean intersection over union of the classes that occur or are predicted."""
        return self.macro(self.iou())

    def pooled(self) -> Counts:
        """Return the counts of all labels together, (…, 1), for averages called "micro"."""
        parts = (self.xp.sum(x, axis=-1, keepdims=True) for x in (self.support, self.predicted, self.hits))
        return Counts(*parts, scale=self.scale, xp=self.xp)

    def pooled_f1(self) -> float | None:
        """Return F1 of all labels together (micro), None if there is neither a positive nor a prediction of one."""
        both = float(self.support.sum() + self.predicted.sum())
        return float(self.pooled().f1()[0]) if both else None

    def averaged(self, of: str, average: str, **parameters: float) -> Any:
        """Return a number per class ("precision", "recall", "fbeta") averaged over the classes.

        ``average`` is "positive" (the last class alone), "macro", "micro" or "weighted", as in scikit-learn.
        """
        if average == "micro":
            return getattr(self.pooled(), of)(**parameters)[..., 0]
        values = getattr(self, of)(**parameters)
        if average == "positive":
            return values[..., -1]
        return self.macro(values) if average == "macro" else self.weighted(values)

    def mcc(self) -> Any:
        """Return Matthews' correlation coefficient for any number of classes (Gorodkin 2004); 0 where it is 0 / 0."""
        together, true, guessed = self.products()
        spread = self.xp.sqrt(self.xp.maximum((1 - guessed) * (1 - true), 0.0))
        return (self.accuracy() - together) / self.xp.where(spread > 0, spread, np.inf)

    def kappa(self) -> Any:
        """Return Cohen's kappa: accuracy beyond that of answers drawn with the same shares; NaN where it is 0 / 0."""
        together, _, _ = self.products()
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.accuracy() - together) / (1 - together)

    # --- answers that never change -----------------------------------------------------------------------------------
    def always(self, chosen: int) -> Counts:
        """Return the counts of always answering one class, of one table."""
        rows = self.support.sum()
        predicted, hits = np.zeros(self.support.shape), np.zeros(self.support.shape)
        predicted[chosen], hits[chosen] = rows, self.support[chosen]
        return replace(self, predicted=predicted, hits=hits)

    def products(self) -> tuple[Any, Any, Any]:
        """Return the sums over the classes of true x predicted, true x true and predicted x predicted shares."""
        rows = self.xp.sum(self.support, axis=-1, keepdims=True)
        true, guessed = self.support / rows, self.predicted / rows
        return self._sum(true * guessed), self._sum(true * true), self._sum(guessed * guessed)

    def _share(self, above: Any, below: Any) -> Any:
        return above / self.xp.where(below > 0, below, 1)

    def _flags(self, condition: Any) -> Any:
        return self.xp.where(condition, 1.0, 0.0)

    def _sum(self, x: Any) -> Any:
        return self.xp.sum(x, axis=-1)
