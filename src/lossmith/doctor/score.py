"""The loss of each row beside that of the best constant prediction: the yardstick of the statistical rules.

No formula stands here: values and constants come from the definitions, with their default parameters (no smoothing, no
class weights), so that the yardstick is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import load
from ..core import call
from ..errors import LossmithError
from ..evaluation.losses import best
from ..losses import Loss

if TYPE_CHECKING:
    from .evidence import Evidence

_SURE = 3.0  # standard errors


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """A loss by rows.

    Attributes:
        values: (M,) the loss of each row (elements of a row are averaged).
        constant: (M,) the same of the best constant prediction, or None where there is none.
        answers: (M,) the class that is predicted, or None for numbers.
        truth: (M,) the class that is true, or None.
        confidence: (M, K) predicted probabilities, (M,) those of yes, or None for numbers.
        classes: K; 2 for yes or no, 0 for numbers.
        parallel: (M,) arrays of predictions and targets for numbers, else None.
    """

    values: np.ndarray
    constant: np.ndarray | None
    answers: np.ndarray | None = None
    truth: np.ndarray | None = None
    confidence: np.ndarray | None = None
    classes: int = 0
    parallel: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def mean(self) -> float:
        """The mean loss."""
        return float(self.values.mean())

    @property
    def constant_mean(self) -> float | None:
        """The mean loss of the best constant."""
        return None if self.constant is None else float(self.constant.mean())

    @property
    def gain(self) -> tuple[float, float] | None:
        """The mean of constant - value over the rows, and its standard error; None for fewer than two rows."""
        if self.constant is None or self.values.size < 2:
            return None
        difference = self.constant - self.values
        if not np.isfinite(difference).all():
            return None
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(difference.size))

    @property
    def skill(self) -> float | None:
        """``1 - mean / constant``; None where the constant's loss is not above 0."""
        constant = self.constant_mean
        if constant is None or not np.isfinite(constant) or constant <= 0:
            return None
        return 1 - self.mean / constant

    @property
    def beats_constant(self) -> bool:
        """Whether the loss is below the constant's by more than three standard errors."""
        gain = self.gain
        return gain is not None and gain[0] > _SURE * gain[1] and gain[0] > 0


def score(e: Evidence) -> Score | None:
    """Return the score, or None where loss, shapes or values do not allow one."""
    facts = e.loss
    if facts is None or facts.definition is None or facts.definition.layout not in ("element", "row"):
        return None
    if any(extra.required for extra in facts.definition.extras):
        return None
    try:
        with np.errstate(all="ignore"):
            if facts.categorical:
                return _of_classes(e, facts.definition)
            return _of_elements(e, facts.definition) if facts.definition.layout == "element" else None
    except LossmithError:  # outside of the loss's domain: another rule's matter
        return None


def _of_classes(e: Evidence, loss: Loss) -> Score | None:
    if e.rows is None or e.rows.shape[1] < 2:
        return None
    if e.indices is not None and e.counted is not None and loss.target.role == "classes":
        p, t = e.rows[e.counted].astype(np.float64), e.indices[e.counted]
        whole = t.size > 0 and bool(np.all(t == np.rint(t)) and t.min() >= 0 and t.max() < p.shape[1])
        if not whole:
            return None
        t = truth = t.astype(np.int64)
    elif e.dense_target is not None:
        p, t = e.rows.astype(np.float64), e.dense_target.astype(np.float64)
        truth = t.argmax(axis=1)
    else:
        return None
    values = np.asarray(call(loss, p, t, parameters=loss.defaults, reduction="none"))
    return Score(
        values=values.reshape(-1),
        constant=_constant_of_classes(loss, t, p.shape[1]),
        answers=p.argmax(axis=1),
        truth=truth,
        confidence=_probabilities(p, loss.prediction.role),
        classes=p.shape[1],
    )


def _constant_of_classes(loss: Loss, t: np.ndarray, classes: int) -> np.ndarray | None:
    if loss.best_constant is None:
        return None
    if t.ndim == 2:
        constant = best(loss, t, None)
        return np.asarray(call(loss, np.broadcast_to(constant, t.shape), t, parameters=loss.defaults, reduction="none"))
    counts = np.bincount(t, minlength=classes)
    constant = best(loss, np.eye(classes), counts)
    present = np.flatnonzero(counts)
    rows = np.broadcast_to(constant, (present.size, classes))
    table = np.zeros(classes)
    table[present] = call(loss, rows, present, parameters=loss.defaults, reduction="none")
    return table[t]


def _probabilities(p: np.ndarray, role: str) -> np.ndarray | None:
    if role == "distribution":
        return p
    if role in ("logits", "log_probabilities"):
        shifted = np.exp(p - p.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    return None


def _of_elements(e: Evidence, loss: Loss) -> Score | None:
    pair = aligned(e)
    if pair is None:
        return None
    p, t = pair
    shape = p.shape
    values = np.asarray(call(loss, p, t, parameters=loss.defaults, reduction="none"))
    constant = None
    if loss.best_constant is not None:
        at = np.broadcast_to(best(loss, t, None), shape)
        constant = np.asarray(call(loss, at, t, parameters=loss.defaults, reduction="none"))
    binary = e.loss is not None and e.loss.binary
    single = shape[1] == 1
    return Score(
        values=values.mean(axis=1),
        constant=None if constant is None else constant.mean(axis=1),
        answers=(p[:, 0] > (0 if loss.prediction.role == "logits" else 0.5)).astype(np.int64)
        if binary and single
        else None,
        truth=(t[:, 0] > 0.5).astype(np.int64) if binary and single else None,
        confidence=(1 / (1 + np.exp(-p[:, 0])) if loss.prediction.role == "logits" else p[:, 0])
        if binary and single
        else None,
        classes=2 if binary else 0,
        parallel=(p[:, 0], t[:, 0]) if not binary and single else None,
    )


def unchecked_mean(e: Evidence) -> float | None:
    """Return the mean of an element loss on values that may lie outside of its domain, or None."""
    loss, pair = (None, None) if e.loss is None else (e.loss.definition, aligned(e))
    if loss is None or pair is None or loss.layout != "element" or any(extra.required for extra in loss.extras):
        return None
    value = float(np.mean(loss.value(load("numpy"), *pair, **loss.defaults)))
    return value if np.isfinite(value) else None


def aligned(e: Evidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Return prediction and target as (N, M) float64 beside each other, rows without weight left out; or None.

    (N, 1) beside (N,) counts as aligned here: what a framework makes of it is the matter of a rule.
    """
    p, t = e.prediction, e.numeric_target
    if p is None or t is None or p.size == 0 or p.size != t.size or p.ndim == 0:
        return None
    if p.shape != t.shape and p.squeeze().shape != t.squeeze().shape:
        return None
    p2 = p.reshape(len(p), -1).astype(np.float64)
    t2 = t.reshape(p2.shape).astype(np.float64)
    if e.weight is not None:
        if e.weight.ndim != 1 or e.weight.shape != (len(p2),):
            return None
        p2, t2 = p2[e.weight != 0], t2[e.weight != 0]
    return (p2, t2) if p2.size else None
