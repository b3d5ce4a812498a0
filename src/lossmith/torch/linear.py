"""The last linear layer and the softmax cross-entropy in one call, whole or in chunks that never hold all logits.

A chunk's logits are computed again in the backward pass instead of being kept. As everything is plain autograd, what
works for ``cross_entropy`` works here: smoothing, dense targets, every reduction, double backward.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..errors import ShapeError
from . import functional as F


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """Softmax cross-entropy of ``input @ linear_weight.T + linear_bias``, as ``torch.nn.functional``'s.

    ``input`` is (N, F) or (F,), ``linear_weight`` (C, F), or (C, d1, …, F) for targets (N, d1, …). With
    ``options=torch.nn.LinearCrossEntropyOptions()`` the rows are worked off in chunks, of sizes as that object says,
    and the memory for the logits is that of one chunk; unlike PyTorch's chunks, these take label smoothing and dense
    targets, and differentiate twice.

    Raises:
        ShapeError: The shapes do not fit each other.
    """
    _check(input, linear_weight, linear_bias)
    classes, outer = linear_weight.shape[0], linear_weight.shape[1:-1]
    flat = linear_weight.reshape(-1, linear_weight.shape[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    settings: dict[str, Any] = {"weight": weight, "label_smoothing": label_smoothing}
    settings["ignore_index"] = -100 if ignore_index is None else ignore_index

    def loss(rows: Tensor, labels: Tensor, flat: Tensor, bias: Tensor | None, kind: str) -> Tensor:
        logits = torch.nn.functional.linear(rows, flat, bias).reshape(*rows.shape[:-1], classes, *outer)
        return F.cross_entropy(logits, labels, reduction=kind, **settings)

    size = len(input) if options is None or input.ndim == 1 else _chunk(options, input, classes * math.prod(outer))
    if input.ndim == 1 or size >= len(input):
        return loss(input, target, flat, bias, reduction)
    kind = "none" if reduction == "none" else "sum"
    parts = [
        checkpoint(loss, rows, labels, flat, bias, kind, use_reentrant=False)
        for rows, labels in zip(input.split(size), target.split(size), strict=True)
    ]
    if reduction == "none":
        return torch.cat(parts)
    total = torch.stack(parts).sum()
    return total if reduction == "sum" else total / _count(target, len(input), classes, settings)


def _check(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> None:
    if input.ndim not in (1, 2) or linear_weight.ndim < 2 or input.shape[-1] != linear_weight.shape[-1]:
        raise ShapeError(
            f"input has shape {tuple(input.shape)} and linear_weight {tuple(linear_weight.shape)}; expected (N, F) and "
            "(C, …, F) with one F"
        )
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise ShapeError(
            f"linear_bias has shape {tuple(linear_bias.shape)}; expected {tuple(linear_weight.shape[:-1])}, as "
            f"linear_weight has shape {tuple(linear_weight.shape)}"
        )
    if linear_weight.ndim > 2 and input.ndim == 1:
        raise ShapeError(f"linear_weight has shape {tuple(linear_weight.shape)}; it needs an input (N, F), not (F,)")


def _chunk(options: Any, input: Tensor, columns: int) -> int:
    """Rows per chunk, by the rules that ``torch.nn.LinearCrossEntropyOptions`` documents."""
    if options.batch_chunk_size:
        return options.batch_chunk_size
    if not options.chunking_method:
        return len(input)
    _, _, share = options.chunking_method.partition(":")
    share = 2 if options.chunking_method == "auto" else int(share or 1)
    rows = max(1, math.ceil(len(input) / max(1, math.ceil(columns / max(1, input.shape[-1])))))
    return max(1, 2 ** math.ceil(math.log2(rows)) // share)


def _count(target: Tensor, rows: int, classes: int, settings: dict[str, Any]) -> Tensor | int:
    """What the mean divides by: the rows that count, by their class weights; all rows for dense targets."""
    if target.is_floating_point():
        return target.numel() // classes
    valid = target != settings["ignore_index"]
    weight = settings["weight"]
    if weight is None:
        return valid.sum()
    return torch.where(valid, weight[torch.where(valid, target, 0)], torch.zeros_like(weight[:1])).sum()
