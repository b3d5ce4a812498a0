"""The kernel of losses whose rows compare with each other, for tensors; see ``core.contrastive_kernel`` for the losses.

Autograd sees one function of the matrix, with the contract of :mod:`lossmith.torch.fast_rows`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import native
from ..arrays import load
from ..core.check import Inputs
from ..core.contrastive_kernel import FORMULAS
from ..native import batch_rows
from . import fast, fast_rows

_XP: Any = load("torch")
_core: Any = native._core


class _Compared:
    """A loss among FORMULAS; the target is the groups (N,)."""

    def __init__(self, name: str, inside: Tensor | None, settings: dict[str, Any]) -> None:
        self.name, self.inside, self.settings = name, inside, settings
        self.present = None if inside is None else (inside > 0).contiguous()

    def run(
        self,
        prediction: Tensor,
        target: Tensor,
        values: Tensor | None,
        gradient: Tensor | None,
        scale: fast_rows.Scale,
    ) -> None:
        along, factor = fast_rows._split(scale)
        _core.batch_rows(
            fast.executor(),
            fast._CODES[prediction.dtype],
            batch_rows.NUMBERS[self.name],
            prediction.data_ptr(),
            target.data_ptr() if target.numel() else None,
            fast_rows._address(self.present),
            len(prediction),
            fast_rows._address(values),
            fast_rows._address(gradient),
            fast_rows._address(along),
            factor,
            *batch_rows.numbers(self.settings),
        )

    def formula(self, prediction: Tensor, target: Tensor) -> Tensor:
        return FORMULAS[self.name](_XP, prediction, target, self.inside, **self.settings)


def compared(
    name: str, inputs: Inputs, matrix: Tensor, settings: dict[str, Any], scale: Any, *, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the values and ``scale`` times the gradient, or None; see ``core.contrastive_kernel.find``."""
    groups = torch.empty(0) if name == "siglip" else inputs.target.to(torch.int64).contiguous()
    call = _Compared(name, inputs.inside, settings)
    return fast_rows._run(call, matrix.contiguous(), groups, matrix.shape[:1], scale, gradient)
