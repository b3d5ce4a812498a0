"""What all metric objects of this face share: states as buffers, forward, reset, merging, ranks.

A state is a buffer of whole numbers or of float64 sums: it moves with ``.to(device)`` (to one that has float64), is
saved by ``state_dict`` and merges with that of other rows. ``half()`` and the like do not touch it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, distributed, nn

from ..errors import InputError, LabelError


class Metric(nn.Module):
    """A number of all rows that were seen: ``update`` looks at a batch, ``compute`` says the number, ``reset`` forgets.

    Calling the object does what torchmetrics' do: it updates, and returns the number of the batch alone.

    Args:
        sync: Whether ``compute`` is over the rows of all ranks, where ``torch.distributed`` is initialised; every rank
            must call it then.
        process_group: The ranks; the default group if None.
    """

    higher_is_better: ClassVar[bool | None] = None

    def __init__(self, *, sync: bool = True, process_group: Any = None) -> None:
        super().__init__()
        self.sync, self.process_group = sync, process_group
        self._starts: dict[str, float] = {}

    # --- for subclasses ----------------------------------------------------------------------------------------------
    def _keep(self, name: str, shape: tuple[int, ...] = (), dtype: torch.dtype = torch.int64, start: float = 0) -> None:
        """Make a state; it is merged by addition, or by the smaller or larger value where it starts at ±infinity."""
        self._starts[name] = start
        self.register_buffer(name, torch.full(shape, start, dtype=dtype))

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch to the states."""
        raise NotImplementedError

    def _result(self) -> Any:
        """Return the number, a float or an array, from the states."""
        raise NotImplementedError

    def _fold(self, other: Mapping[str, Tensor]) -> None:
        """Add the states of other rows."""
        for name, start in self._starts.items():
            mine, theirs = getattr(self, name), other[name].to(getattr(self, name).device)
            if start == 0:
                mine += theirs
            else:
                torch.minimum(mine, theirs, out=mine) if start > 0 else torch.maximum(mine, theirs, out=mine)

    # --- for users ---------------------------------------------------------------------------------------------------
    @torch.no_grad()
    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Look at a batch.

        Raises:
            ShapeError: The shapes do not fit; LabelError: a label is none (on a device ``compute`` raises it).
        """
        self._look(prediction.detach(), target.detach())

    def compute(self) -> Tensor:
        """Return the number of all rows seen, of all ranks, float64; NaN where there is none or it is not defined."""
        whole = self.whole()
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.asarray(whole._result())
        dtype = torch.int64 if value.dtype.kind in "iu" else torch.float64
        return torch.tensor(value, dtype=dtype, device=next(iter(self.buffers())).device)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Look at a batch, and return the number of this batch on this rank alone."""
        before = {name: getattr(self, name).clone() for name in self._starts}
        self.reset()
        sync, self.sync = self.sync, False
        try:
            self.update(prediction, target)
            return self.compute()
        finally:
            self.sync = sync
            self._fold(before)

    def reset(self) -> None:
        """Forget all rows."""
        for name, start in self._starts.items():
            getattr(self, name).fill_(start)

    def merge_state(self, other: Metric | Mapping[str, Tensor]) -> Self:
        """Add what another object of the same kind and settings has seen, or its ``state_dict``; return this one.

        Raises:
            InputError: Its states have other names or shapes.
        """
        if isinstance(other, Metric) and type(other) is not type(self):
            raise InputError(f"{type(self).__name__} cannot merge the state of {type(other).__name__}")
        states = other.state_dict() if isinstance(other, Metric) else other
        mine = {name: tuple(getattr(self, name).shape) for name in self._starts}
        theirs = {name: tuple(x.shape) for name, x in states.items()}
        if mine != theirs:
            raise InputError(
                f"{type(self).__name__} has states {mine} and cannot merge {theirs}; make both with the same settings"
            )
        self._fold(states)
        return self

    def whole(self) -> Self:
        """Return an object that has seen the rows of all ranks: this one, where there is only one."""
        return self._of_ranks() if self.sync and _running() else self

    def _of_ranks(self) -> Self:
        """Return an object that has seen the rows of all ranks; the same on all of them, as ranks go in order."""
        whole = self._like()
        ranks: list[dict[str, Tensor]] = [{} for _ in range(distributed.get_world_size(self.process_group))]
        for name in self._starts:
            mine = getattr(self, name).contiguous()
            parts = [torch.empty_like(mine) for _ in ranks]
            distributed.all_gather(parts, mine, group=self.process_group)
            for rank, part in zip(ranks, parts, strict=True):
                rank[name] = part
        for rank in ranks:
            whole._fold(rank)
        return whole

    def _like(self) -> Self:
        """Return an object with the same settings that has seen nothing; it shares no state with this one."""
        other = type(self).__new__(type(self))
        nn.Module.__init__(other)
        other.__dict__.update({name: x for name, x in self.__dict__.items() if name not in other.__dict__})
        for name in self._starts:
            other.register_buffer(name, getattr(self, name).clone())
        other.reset()
        return other

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move states between devices, and keep their dtypes: half of a sum's digits are no sum."""
        for name in self._starts:
            state = getattr(self, name)
            moved = fn(state)
            setattr(self, name, moved if moved.dtype == state.dtype else state.to(moved.device))
        return self


class MeanMetric(Metric):
    """The mean of one value per row or element."""

    rows: Tensor
    total: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._keep("rows")
        self._keep("total", dtype=torch.float64)

    def _add(self, rows: Tensor) -> None:
        self.rows += rows.numel()
        self.total += rows.to(torch.float64).sum()

    def _mean(self) -> Any:
        return self.total.cpu().numpy() / self.rows.cpu().numpy()

    def _result(self) -> Any:
        return self._mean()


def _running() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def count_cells(index: Tensor, size: int) -> Tensor:
    """Return how often each of ``size`` cells comes, (size,) int64, without a pause where the device would need one."""
    index = index.reshape(-1)
    if index.device.type == "cpu":
        return torch.bincount(index, minlength=size)
    return torch.zeros(size, dtype=torch.int64, device=index.device).scatter_add_(0, index, torch.ones_like(index))


def odd_labels(count: int, classes: int) -> LabelError:
    """Return the error for labels that are none, which a device reports when the number is asked for."""
    return LabelError(
        f"{count} labels are out of range: there are {classes} classes (valid: 0 … {classes - 1}); labels that do not "
        "count are named with ignore_index="
    )
