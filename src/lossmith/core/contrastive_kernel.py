"""The losses of batches by kernels that take a matrix: how each row compares with each other.

The similarities stay with the framework's matrix product, and so do the directions of the vectors, or the distances:
whatever autograd wants to know of predictions, targets and a learned temperature goes through them. In place of the
matrices that the formula makes on its way from there to the values, the kernel makes the gradient.

InfoNCE and CLIP are the softmax cross-entropy of each row of similarities against its own column; the others have a
kernel of their own, `lossmith.native.batch_rows`. With PyTorch, `lossmith.torch.batch_rows` puts the same together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..losses import Loss, contrastive, mining
from ..losses.batch import as_number, directions, present, pull_back
from ..native import batch_rows
from ..native.batch_rows import FORMULAS
from .check import Inputs
from .elementwise_kernel import plain

Kernel = Callable[..., tuple[Any, Any]]


def find(loss: Loss, inputs: Inputs, own_columns: Kernel, compared: Kernel) -> Kernel | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None for another loss.

    Args:
        loss: The definition.
        inputs: Of the call.
        own_columns: ``own_columns(logits, scale, gradient=…)``: the cross-entropy of each row with its own column, and
            ``scale`` times its gradient or None.
        compared: ``compared(name, inputs, matrix, settings, scale, gradient=…)``: the same of a loss among FORMULAS.
    """
    if 0 in inputs.xp.shape(inputs.prediction):
        return None
    if inputs.xp.name == "numpy" and inputs.prediction.dtype not in (np.float32, np.float64):
        return None
    if loss.name in ("info_nce", "clip"):
        return _own_columns(loss.name == "clip", own_columns)
    if loss.name not in FORMULAS or not isinstance(inputs.parameters.get("margin", 0.0), int | float):
        return None  # a tensor that may want a gradient
    if loss.name == "siglip":
        return _siglip(compared)
    return (_triplets if "distance" in loss.defaults else _groups)(loss.name, compared)


def _own_columns(both_ways: bool, rows: Kernel) -> Kernel:
    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        xp, parameters = inputs.xp, inputs.parameters
        length, u = directions(xp, inputs.prediction, both_ways or parameters["normalise"])
        _, v = directions(xp, inputs.target, both_ways or parameters["normalise"])
        factor = as_number(xp, parameters["scale"], u) if both_ways else 1 / as_number(xp, parameters["temperature"], u)
        similarity = xp.matmul(u * factor, xp.swap(v))
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


def candidates(xp: Any, inside: Any) -> Any:
    """Booleans (N, N): the columns that count in a row, all of them in a masked row; None where nothing is masked."""
    both = present(xp, inside)
    return None if both is None else both | (xp.expand(inside, -1) == 0)


def _hidden(xp: Any, similarity: Any, inside: Any) -> Any:
    """The similarities, -inf where a column is masked; the value of a masked row is not read."""
    chosen = candidates(xp, inside)
    return similarity if chosen is None else xp.where(chosen, similarity, xp.zeros_like(similarity) - float("inf"))


def _groups(name: str, compared: Kernel) -> Kernel:
    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        xp, parameters = inputs.xp, inputs.parameters
        length, u = directions(xp, inputs.prediction, parameters["normalise"])
        factor = 1 / as_number(xp, parameters["temperature"], u)
        similarity = xp.matmul(u * factor, xp.swap(u))
        values, slope = compared(name, inputs, similarity, {}, scale, gradient=gradient)
        if slope is None:
            return values, None
        both = xp.matmul(slope, u) + xp.matmul(xp.swap(slope), u)
        return values, pull_back(xp, both * factor, length, u)

    return kernel


def _siglip(compared: Kernel) -> Kernel:
    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        xp, parameters = inputs.xp, inputs.parameters
        length, u = directions(xp, inputs.prediction, True)
        _, v = directions(xp, inputs.target, True)
        logits = contrastive.siglip_logits(xp, u, v, parameters["scale"], parameters["bias"])
        values, slope = compared("siglip", inputs, logits, {}, scale, gradient=gradient)
        if slope is None:
            return values, None
        return values, pull_back(xp, xp.matmul(slope, v) * as_number(xp, parameters["scale"], u), length, u)

    return kernel


def _triplets(name: str, compared: Kernel) -> Kernel:
    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        xp, parameters = inputs.xp, dict(inputs.parameters)
        distance = parameters.pop("distance")
        y, unit, length, away = mining.apart(xp, inputs.prediction, inputs.inside, distance)
        values, slope = compared(name, inputs, away, parameters, scale, gradient=gradient)
        return values, None if slope is None else mining.push(xp, slope, y, unit, length, distance)

    return kernel


def compared_on_numpy(
    name: str, inputs: Inputs, matrix: Any, settings: dict[str, Any], scale: Any, *, gradient: bool
) -> tuple[Any, Any]:
    """Return the values and ``scale`` times the gradient, for NumPy arrays; see :func:`find`."""
    groups = None if name == "siglip" else np.ascontiguousarray(inputs.target, np.int64)
    present = None if inputs.inside is None else inputs.inside > 0
    along = 1.0 if scale is None else float(scale) if np.ndim(scale) == 0 else np.broadcast_to(scale, len(matrix))
    options: dict[str, Any] = {"settings": settings, "scale": along, "gradient": gradient}
    return batch_rows.run(name, plain(matrix), groups, present, **options)
