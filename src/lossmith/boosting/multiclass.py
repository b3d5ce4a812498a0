"""Hessians of losses over classes: a diagonal for the C logits of a row, none of whose steps is too long.

Trees of C classes take one number per logit, and the true second derivatives of a row are a matrix ``H``. Its diagonal
alone is too small, as all C logits move at once. Here are diagonals ``D`` with ``D - H`` positive semi-definite
(Gershgorin: at least the sum of a row of ``|H|``), so that no step asks for more than the parabola allows. For the
softmax cross-entropy that is ``2 p (1 - p)``, as in XGBoost; LightGBM takes ``C / (C - 1)`` in place of 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays import load
from ..errors import InputError
from ..losses import Loss
from ..losses.multiclass import dense_target, weighted_target

_XP = load("numpy")
_UNUSED = {"z_loss": "0, as trees cannot run away with the size of all logits", "label_smoothing": "0"}


def _cross_entropy(
    logits: np.ndarray, labels: np.ndarray, gradient: np.ndarray, parameters: Mapping[str, Any]
) -> np.ndarray:
    """For ``gradient = W s - w q`` with a softmax s, whatever was added to the logits: ``H = W (diag s - s sᵀ)``."""
    wanted = weighted_target(_XP, logits, labels, parameters["label_smoothing"], parameters["class_weight"])
    total = wanted.sum(axis=-1, keepdims=True)
    share = np.divide(gradient + wanted, total, out=np.zeros_like(gradient), where=total > 0).clip(0, 1)
    return 2 * total * share * (1 - share)


def _of_true_class(bend: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """For ``F(log s_y)``: ``H = F'' v vᵀ - F' (diag s - s sᵀ)`` with ``v = e_y - s``; ``bend`` is F''."""

    def bound(
        logits: np.ndarray, labels: np.ndarray, gradient: np.ndarray, parameters: Mapping[str, Any]
    ) -> np.ndarray:
        true = dense_target(_XP, logits, labels)
        log_s = _XP.log_softmax(logits)
        share, log_true = np.exp(log_s), np.sum(np.where(true > 0, log_s, 0), axis=-1, keepdims=True)
        missed = np.sum(np.where(true > 0, 0, share), axis=-1, keepdims=True)  # 1 - s_y with all its digits
        pull = np.sum(np.where(true > 0, 0, gradient), axis=-1, keepdims=True)
        slope = np.divide(pull, missed, out=np.zeros_like(pull), where=missed > 0)  # -F', from gradient_k = -F' s_k
        weights = parameters["class_weight"]
        weight = 1.0 if weights is None else np.sum(true * weights, axis=-1, keepdims=True)
        convex = np.maximum(weight * bend(missed, log_true, parameters), 0)
        off = np.where(true > 0, missed, share)
        return 2 * (slope * off * np.where(true > 0, 1 - missed, 1 - share) + convex * off * missed)

    return bound


def _focal_bend(missed: np.ndarray, log_true: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    """F'' of ``F(l) = -(1 - e^l)^γ l``."""
    gamma, share = parameters["gamma"], np.exp(log_true)
    inside = 2 * missed + missed * log_true - (gamma - 1) * share * log_true
    return gamma * share * np.maximum(missed, 1e-12) ** (gamma - 2) * inside


def _poly_bend(missed: np.ndarray, log_true: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    """F'' of ``F(l) = -l + ε (1 - e^l)``."""
    return -parameters["epsilon"] * np.exp(log_true)


BOUNDS: dict[str, Callable[..., np.ndarray]] = {
    "softmax_cross_entropy": _cross_entropy,
    "logit_adjusted": _cross_entropy,
    "balanced_softmax": _cross_entropy,
    "softmax_focal": _of_true_class(_focal_bend),
    "poly_cross_entropy": _of_true_class(_poly_bend),
}


def check_parameters(loss: Loss, parameters: Mapping[str, Any]) -> None:
    """Raise InputError for a parameter whose hessian is not known here."""
    names = ["z_loss"] if BOUNDS[loss.name] is _cross_entropy else ["label_smoothing"]
    for name in names:
        if parameters.get(name):
            raise InputError(f"{name} is {parameters[name]!r}; boosting {loss.name} takes {_UNUSED[name]}")


def gradient_and_curvature(
    loss: Loss, logits: np.ndarray, labels: np.ndarray, parameters: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and hessian (N, C) of logits (N, C) for integer labels (N,)."""
    gradient = loss.gradient(_XP, logits, labels, **parameters)
    return gradient, np.maximum(BOUNDS[loss.name](logits, labels, gradient, parameters), 1e-16)
