"""Numbers that wait on their device, to be read many at once: the doctor's only moments of waiting for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

MOST_WAITING = 256  # scalars


def floats(values: Sequence[torch.Tensor]) -> list[float]:
    """Read scalars, with one wait where they are on one device."""
    if not values:
        return []
    try:
        together = torch.stack(list(values))
    except RuntimeError:  # of several devices, which is quicker found out so than asked of each
        return [float(v) for v in values]
    return together.cpu().double().tolist()


def vectors(values: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Read arrays of one axis, with one wait where they are on one device."""
    if not values:
        return []
    if any(v.device != values[0].device for v in values):
        return [v.cpu().double().numpy() for v in values]
    ends = np.cumsum([len(v) for v in values])[:-1]
    return np.split(torch.cat(list(values)).cpu().double().numpy(), ends)


def number(value: Any) -> Any:
    """Return a tensor of one element as a float, and anything else as it is."""
    return float(value.detach()) if isinstance(value, torch.Tensor) and value.numel() == 1 else value


class Mean:
    """A mean of scalars, of tensors of which at most 256 wait on their device, or of numbers.

    Attributes:
        count: How many there are since it was read.
    """

    def __init__(self) -> None:
        self._total = 0.0
        self._waiting: list[torch.Tensor] = []
        self.count = 0

    def add(self, *values: torch.Tensor | float) -> None:
        """Take in scalars."""
        self.count += len(values)
        for value in values:
            if isinstance(value, torch.Tensor):
                self._waiting.append(value)
            else:
                self._total += value
        if len(self._waiting) >= MOST_WAITING:
            self._flush()

    def read(self) -> float | None:
        """Return the mean, None of nothing, and start anew."""
        self._flush()
        mean = self._total / self.count if self.count else None
        self._total, self.count = 0.0, 0
        return mean

    def _flush(self) -> None:
        self._total += sum(floats(self._waiting))
        self._waiting.clear()
