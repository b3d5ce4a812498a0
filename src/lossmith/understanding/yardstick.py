"""A loss on its own small example, beside what the best constant prediction scores there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import call
from ..losses import Loss


@dataclass(frozen=True)
class Yardstick:
    """What an example scores, and what always answering the same would score on it.

    Attributes:
        prediction: Of the example.
        target: Of the example.
        value: Mean loss of the prediction.
        constant: The constant prediction that scores best, or None where there is none to compare with.
        constant_value: Mean loss of that constant, or None.
        extras: The other arrays of the example, by name.
    """

    prediction: Any
    target: Any
    value: float
    constant: Any = None
    constant_value: float | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def skill(self) -> float | None:
        """``1 - value / constant_value``: 1 is perfect, 0 no better than the constant; None without a yardstick."""
        if self.constant_value is None or self.constant_value <= 0:
            return None
        return 1 - self.value / self.constant_value


def yardstick(loss: Loss) -> Yardstick:
    """Return the example of a definition, computed, beside its best constant.

    A single row has no yardstick, as the best constant is its target itself; nor has a loss with extras, or one whose
    best constant is infinite.
    """
    prediction, target, _ = loss.example
    extras = dict(loss.example_extras)
    value = float(call(loss, prediction, target, parameters=loss.defaults, extras=extras))
    alone = Yardstick(prediction, target, value, extras=extras)
    if loss.best_constant is None or loss.extras or len(target) < 2:
        return alone
    rows = _dense(target, np.shape(prediction)) if loss.target.role == "classes" else np.asarray(target, float)
    constant = np.asarray(loss.best_constant(rows, np.ones(len(rows)), **loss.defaults))
    if not np.isfinite(constant).all():
        return alone
    repeated = np.broadcast_to(constant, np.shape(prediction))
    constant_value = float(call(loss, repeated, target, parameters=loss.defaults))
    if not np.isfinite(constant_value):
        return alone
    return Yardstick(prediction, target, value, np.round(constant, 6).tolist(), constant_value)


def _dense(target: Any, shape: tuple[int, ...]) -> np.ndarray:
    labels = np.asarray(target)
    return labels.astype(float) if labels.ndim == len(shape) else np.eye(shape[-1])[labels]
