"""What a loss should be on a column: of an untrained model, and of the best answer that is always the same.

No formula stands here: values and best constants come from the definitions in ``lossmith.losses``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core import call
from ...evaluation.losses import best
from ...losses import find

Parameters = Mapping[str, Any]


def untrained(
    name: str,
    target: np.ndarray,
    parameters: Parameters | None = None,
    weight: Any = None,
    *,
    output: float = 0.0,
    shape: tuple[int, ...] | None = None,
) -> float:
    """Return the mean loss of a model whose output is ``output`` everywhere.

    Args:
        name: Of the loss.
        target: As the loss takes it.
        parameters: Of the loss.
        weight: One factor per row, or None.
        output: A logit of 0, a rate of 1.
        shape: Of the prediction; that of the target if None.
    """
    prediction = np.full(target.shape if shape is None else shape, output)
    return _mean(name, prediction, target, parameters, weight)


def constant(
    name: str, target: np.ndarray, parameters: Parameters | None = None, weight: Any = None
) -> tuple[np.ndarray, float]:
    """Return the constant prediction that scores best, and its mean loss."""
    loss = find(name)
    answer = np.asarray(best(loss, target, weight, parameters))
    return answer, _mean(name, np.broadcast_to(answer, target.shape), target, parameters, weight)


def entropy_of(shares: np.ndarray) -> float:
    """Return the entropy of class shares (C,) in nats: what always answering them scores."""
    return constant("softmax_cross_entropy", shares[None])[1]


def entropies(rows: np.ndarray) -> float:
    """Return the mean entropy of rows of probabilities (N, C): no model can score less on them."""
    return _mean("categorical_cross_entropy", rows, rows, None, None)


def entropies_of_two(probabilities: np.ndarray) -> float:
    """Return the mean entropy of probabilities of yes: no model can score less on them."""
    return _mean("binary_cross_entropy", probabilities, probabilities, None, None)


def _mean(name: str, prediction: np.ndarray, target: np.ndarray, parameters: Parameters | None, weight: Any) -> float:
    loss = find(name)
    return float(call(loss, prediction, target, parameters=loss.resolve(parameters or {}), weight=weight))
