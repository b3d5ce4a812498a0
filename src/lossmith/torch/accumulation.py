"""What the micro-batches of an update weigh: how many targets each one counts, and with what slope its loss went in.

Seen in the first updates alone, on the device; :meth:`MicroBatches.read` waits for it once.
"""

from __future__ import annotations

import numpy as np
import torch

_UPDATES = 24  # as many are followed
_MOST = 64  # micro-batches of an update


class MicroBatches:
    """The losses of each update, where each had a ``backward()`` of its own.

    Several losses before one ``backward()`` are parts of a sum (heads, pairs), not micro-batches: such an update is
    left out.
    """

    def __init__(self) -> None:
        self._open: list[tuple[torch.Tensor | int, torch.Tensor, torch.Tensor]] = []
        self._called: tuple[torch.Tensor | int, torch.Tensor] | None = None
        self._mixed = False
        self._updates: list[list[tuple[torch.Tensor | int, torch.Tensor, torch.Tensor]]] = []

    def called(self, count: torch.Tensor | int | None, value: torch.Tensor) -> None:
        """Take note of a loss before its ``backward()``, and of how many targets it is the mean of."""
        self._mixed = self._mixed or count is None or self._called is not None
        self._called = None if count is None else (count, value.detach())

    def returned(self, slope: torch.Tensor) -> None:
        """Take note of the slope that reached the latest loss."""
        if self._called is None or len(self._open) >= _MOST:
            self._mixed = True
        else:
            self._open.append((*self._called, slope))
        self._called = None

    def updated(self) -> None:
        """End an update."""
        if len(self._open) > 1 and not self._mixed and len(self._updates) < _UPDATES:
            self._updates.append(self._open)
        self._open, self._called, self._mixed = [], None, False

    def read(self) -> tuple[np.ndarray, ...]:
        """Return an array (micro-batches, 3) for each update: targets that count, loss, slope."""
        flat = [x for parts in self._updates for part in parts for x in part]
        tensors = [x.double() for x in flat if isinstance(x, torch.Tensor)]
        known = iter(torch.stack(tensors).tolist() if tensors else [])
        numbers = [next(known) if isinstance(x, torch.Tensor) else float(x) for x in flat]
        rows = np.array(numbers, np.float64).reshape(-1, 3)
        ends = np.cumsum([len(parts) for parts in self._updates])[:-1]
        return tuple(np.split(rows, ends)) if self._updates else ()


def counted(target: torch.Tensor, ignored: int | None) -> torch.Tensor | int:
    """Return how many targets are not the ignored label: on the device, where they must be looked at."""
    if ignored is None or target.is_floating_point():
        return target.numel()
    return (target != ignored).sum()
