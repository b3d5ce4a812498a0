"""``torch.nn.functional.ctc_loss``: PyTorch's layouts of targets and its mean, around the one definition of CTC."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..arrays import load
from ..core import call
from ..errors import InputError, ShapeError
from ..losses import find

_XP, _CTC = load("torch"), find("ctc")


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """CTC of log-probabilities (T, N, C) or (T, C), as ``torch.nn.functional.ctc_loss``.

    Targets are (N, S), (S,) for one sequence, or all one after the other, (sum of the lengths,). As there, the mean
    divides each loss by its target length (at least 1) and then averages. Rows are normalised within, so that logits
    give the right loss, too, and the gradient is that with respect to logits, as PyTorch's.

    Raises:
        LabelError: A target holds the blank or no class.
        DomainError: A length does not fit.
    """
    if reduction not in ("none", "mean", "sum"):
        raise InputError(f"{reduction!r} is not a valid value for reduction; use 'none', 'mean' or 'sum'")
    if log_probs.ndim not in (2, 3):
        raise ShapeError(f"log_probs has shape {tuple(log_probs.shape)}; ctc_loss takes (T, N, C) or (T, C)")
    steps, lengths = (_lengths(x, log_probs.device) for x in (input_lengths, target_lengths))
    rows = log_probs.transpose(0, 1) if log_probs.ndim == 3 else log_probs.unsqueeze(0)
    if targets.ndim == 1:
        targets = targets.unsqueeze(0) if log_probs.ndim == 2 else _rows(targets, lengths)
    settings: dict[str, Any] = {"blank": blank, "infeasible": "zero" if zero_infinity else "inf"}
    lengths = lengths.expand(len(rows))
    each = lengths.clamp(min=1).to(_XP.compute_dtype(log_probs))
    mean: dict[str, Any] = {"weight": 1 / each, "normalizer": len(rows), "empty": "nan"}
    values = call(
        _CTC,
        rows,
        targets,
        parameters=_CTC.resolve(settings),
        extras={"prediction_length": steps.expand(len(rows)), "target_length": lengths},
        reduction=reduction,
        xp=_XP,
        check="labels",
        **(mean if reduction == "mean" else {}),
    )
    if reduction != "none":
        return values
    values = values.to(log_probs.dtype)
    return values if log_probs.ndim == 3 else values[0]


def _lengths(x: Any, device: torch.device) -> Tensor:
    return torch.as_tensor(x, device=device).reshape(-1)


def _rows(targets: Tensor, lengths: Tensor) -> Tensor:
    """Cut targets that stand one after the other into rows, filled up with what follows."""
    total = len(targets)
    if total == 0:
        return targets.new_zeros((len(lengths), 0))
    start = lengths.cumsum(0) - lengths
    at = start.unsqueeze(1) + torch.arange(total, device=targets.device)
    return targets[at.clamp(max=total - 1)]
