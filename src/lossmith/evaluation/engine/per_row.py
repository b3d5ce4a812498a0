"""The losses of a plan, and their values per row."""

from __future__ import annotations

import numpy as np

from ...core import call
from ...losses import Loss, find
from ..losses import LOSSES, best
from .plan import Plan


def losses_of(plan: Plan) -> tuple[Loss, ...]:
    """Return the losses of a plan, the one that decides on the verdict first."""
    return tuple(find(name) for name in LOSSES.get((plan.task, plan.kept), ()))


def values(loss: Loss, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return one value per row, (N,) float64."""
    return np.asarray(call(loss, prediction, target, parameters=loss.defaults, reduction="none"), np.float64)


def constant_of_two(loss: Loss, counts: np.ndarray) -> np.ndarray:
    """Return what the best constant answer to a yes or no costs where it is no and where it is yes, (2,).

    Args:
        loss: Of one probability or logit.
        counts: (2,) rows of each kind, or their weights; what does not occur costs 0.
    """
    present, found = np.flatnonzero(counts), np.zeros(2)
    constant = best(loss, np.arange(2.0), counts)
    found[present] = values(loss, np.broadcast_to(constant, present.shape), present)
    return found
