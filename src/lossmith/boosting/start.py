"""The constant to start boosting from: the best single answer under a loss."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..arrays import load
from ..errors import InputError, ShapeError
from . import curvature
from .objective import Objective

_XP = load("numpy")
_FAR = 60.0  # a score beyond it is on its way to infinity: exp(-60) of the slope is left
_STEPS = 1000


def base_score(loss: Any, y: Any, sample_weight: Any = None, **parameters: Any) -> Any:
    """Return the constant prediction that scores best on the targets: the raw score that training starts from.

    Boosting starts from one number. A start far from the targets costs trees, and under a robust loss it may never be
    made up for. XGBoost starts from 0.5 under an objective of one's own, LightGBM and CatBoost from 0.

    Args:
        loss: As for an objective.
        y: Targets (N,) or (N, K), or class labels (N,).
        sample_weight: (N,), or None for 1.
        **parameters: Of the loss.

    Returns:
        A float; an array (K,) for targets (N, K), (C,) for C classes. It is a raw score, so the log-odds for a logit
        and the logarithm of the mean for a log-mean.

    Raises:
        InputError: The best constant is infinite (targets of one class, counts that are all 0), or there is no row;
            else as for an objective.

    >>> import lossmith
    >>> lossmith.boosting.base_score("squared_error", [1.0, 2.0, 6.0])
    3.0
    >>> round(lossmith.boosting.base_score("sigmoid_cross_entropy", [0, 0, 0, 1]), 6)
    -1.098612
    """
    objective = Objective(loss, **parameters)
    target, weight = _inputs(objective, y, sample_weight)
    if target.ndim == 1:  # few different targets, or as many as rows
        target, inverse = np.unique(target, return_inverse=True)
        weight = np.bincount(inverse, weight)
    best = _closed_form(objective, target, weight)
    if best is None:
        best = _search(objective, target, weight)
    return float(best) if np.ndim(best) == 0 else best


def _inputs(objective: Objective, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and weights, looked at as training does."""
    target = np.asarray(y)
    if target.size == 0:
        raise InputError("y holds no target to start from")
    if target.dtype.kind not in "biuf":
        raise InputError(f"y has dtype {target.dtype}; expected numbers, for classes the labels 0 … C-1")
    weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weight.shape != target.shape[:1]:
        raise ShapeError(f"sample_weight has shape {weight.shape}; expected {target.shape[:1]}, one per row")
    objective.derivatives(_scores(objective, target), target, weight)
    if not weight.any():
        raise InputError("sample_weight is 0 for every row; at least one has to count")
    return target, weight


def _scores(objective: Objective, target: np.ndarray, constant: Any = 0.0) -> np.ndarray:
    """The constant as the prediction for every row: (N,) or (N, K)."""
    if objective.definition.layout == "element":
        return np.zeros(target.shape) + constant
    if np.ndim(constant):
        classes = len(constant)
    else:
        classes = max(2, int(np.max(target, where=np.isfinite(target), initial=0)) + 1)
    return np.zeros((len(target), classes)) + constant


def _closed_form(objective: Objective, target: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """Return the definition's best constant if it is finite and the total slope vanishes there.

    Smoothing and factors on classes move the optimum away from what the definition says of the plain loss.
    """
    loss = objective.definition
    if loss.best_constant is None:
        return None
    scores = _scores(objective, target)
    rows = np.eye(scores.shape[1])[target.astype(int)] if loss.layout == "row" else target.astype(np.float64)
    with np.errstate(all="ignore"):
        best = np.asarray(loss.best_constant(rows, weight, **objective.parameters))
    if not np.isfinite(best).all():
        return None
    if objective.kind in ("kinked", "one"):
        return best
    slope, _ = objective.derivatives(_scores(objective, target, best), target, weight)
    return best if np.all(np.abs(slope.sum(axis=0)) <= 1e-6 * np.abs(slope).sum(axis=0)) else None


def _search(objective: Objective, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Follow the steps that trees of one leaf would take, from the best of a few starts."""
    bounded = curvature.of_errors(objective.definition)
    best = _shares(objective, target, weight) if objective.kind == "classes" else _start(objective, target, weight)
    for _ in range(_STEPS):
        gradient, hessian = objective.derivatives(_scores(objective, target, best), target, weight)
        step = gradient.sum(axis=0) / hessian.sum(axis=0)
        best = best - step
        if np.all(np.abs(step) <= 1e-9 * (1 + np.abs(best))):
            return best
        if not bounded and np.any(np.abs(best) > _FAR):
            break
    if bounded:
        return best  # slow, but it cannot leave the range of the targets
    raise InputError(
        f"the best constant under {objective.definition.name} is infinite for these targets (one class alone, or "
        "counts that are all 0?); start from a number of your own, such as 0"
    )


def _start(objective: Objective, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The best of 33 quantiles of the target, or of 41 scores from -10 to 10."""
    if curvature.of_errors(objective.definition):
        starts = np.apply_along_axis(_quantiles, 0, target, weight)
    else:
        starts = np.multiply.outer(np.linspace(-10, 10, 41), np.ones(target.shape[1:]))
    value = partial(objective.definition.value, **objective.parameters)
    heavy = weight.reshape(weight.shape + (1,) * (target.ndim - 1))
    with np.errstate(all="ignore"):
        costs = np.stack([np.sum(heavy * value(_XP, 0.0 * target + s, target), axis=0) for s in starts])
    return np.take_along_axis(starts, np.argmin(costs, axis=0)[None], axis=0)[0]


def _quantiles(column: np.ndarray, weight: np.ndarray) -> np.ndarray:
    order = np.argsort(column)
    heap = np.cumsum(weight[order])
    return column[order][np.searchsorted(heap, (np.arange(33) + 0.5) / 33 * heap[-1])]


def _shares(objective: Objective, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Logarithms of the classes' shares."""
    scores = _scores(objective, target)
    share = np.bincount(target.astype(int), weight, scores.shape[1]) / weight.sum()
    return np.log(np.maximum(share, 1e-6))
