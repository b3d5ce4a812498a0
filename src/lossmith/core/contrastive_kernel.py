"""InfoNCE and CLIP by the kernel of the softmax cross-entropy: each row of similarities against its own column.

The similarities stay with the framework's matrix product, and so do the directions of the vectors: whatever autograd
wants to know of predictions, targets and a learned temperature goes through them. In place of the matrices that the
formula makes on its way to the softmax, the kernel makes the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..losses import Loss
from ..losses.batch import as_number, directions, present, pull_back
from .check import Inputs

# rows(logits, scale, gradient=…): the cross-entropy of each row with its own column, and scale times its gradient or
# None.
Rows = Callable[..., tuple[Any, Any]]


def find(loss: Loss, inputs: Inputs, rows: Rows) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None for another loss."""
    if loss.name not in ("info_nce", "clip") or 0 in inputs.xp.shape(inputs.prediction):
        return None
    both_ways = loss.name == "clip"

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        xp, parameters = inputs.xp, inputs.parameters
        length, u = directions(xp, inputs.prediction, both_ways or parameters["normalise"])
        _, v = directions(xp, inputs.target, both_ways or parameters["normalise"])
        factor = as_number(xp, parameters["scale"], u) if both_ways else 1 / as_number(xp, parameters["temperature"], u)
        similarity = xp.matmul(u, xp.swap(v)) * factor
        values, slope = rows(_hidden(xp, similarity, inputs.inside), scale, gradient=gradient)
        if both_ways:
            others, turned = rows(_hidden(xp, xp.swap(similarity), inputs.inside), scale, gradient=gradient)
            values = (values + others) / 2
            slope = None if slope is None else (slope + xp.swap(turned)) / 2
        if inputs.inside is not None:
            values = xp.where(inputs.factor > 0, values, xp.zeros_like(values))
        if slope is None:
            return values, None
        return values, pull_back(xp, xp.matmul(slope, v) * factor, length, u)

    return kernel


def _hidden(xp: Any, similarity: Any, inside: Any) -> Any:
    """The similarities, -inf where a column is masked; a masked row keeps all of its own, and its value is not read."""
    both = present(xp, inside)
    if both is None:
        return similarity
    chosen = both | (xp.expand(inside, -1) == 0)
    return xp.where(chosen, similarity, xp.zeros_like(similarity) - float("inf"))
