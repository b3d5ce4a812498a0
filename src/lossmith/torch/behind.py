"""What a loss got that shows nothing but its value: read from PyTorch's graph behind it, for the doctor."""

from __future__ import annotations

from typing import Any

import torch

from ..doctor.batch import Batch
from ..doctor.own import beside, by_value, with_told
from ..doctor.traced import traced
from ..doctor.watch import Watch

_TRIES = 8  # losses that are looked behind in vain


class Behind:
    """Looks behind the losses of one training, and tells its watch what they are.

    Args:
        watch: The watch.
        loss: The loss that the user gave, or None.
    """

    def __init__(self, watch: Watch, loss: Any) -> None:
        self._watch, self._loss = watch, loss
        self._own = not watch.knows_loss  # the user's own: what it got may be another thing than what was given to it
        self._tries = _TRIES
        self._by_value = False  # whether it was told by what it gave: what it got is then what it is given
        self._parted = False

    def shown(self, value: torch.Tensor, batch: Batch | None, inputs: Any) -> Batch | None:
        """Return what a loss got: as it was shown, or as the graph has it; before ``backward()``."""
        if (batch is not None and not self._own) or not self._tries:
            return batch
        facts = self._watch.loss
        given, target = (None, None) if batch is None else batch[:2]
        if self._by_value and facts is not None:
            return batch if batch is None else batch._replace(target=beside(target, given, facts))
        found = by_value(self._loss, value, given, target, facts)
        known = self._watch.knows_loss
        other = known and found is not None and facts is not None and found.loss.definition is not facts.definition
        if found is None or other or (batch is None and _one_valued(found.target)):
            self._tries -= 1
            self._look_at_parts(value)
            return batch
        if not known:
            found = found if batch is None else with_told(self._loss, found, given, target)
            self._watch.recognised(found.loss)
            self._by_value = found.prediction is given and _same_numbers(found.target, target)
        inputs, weight = (inputs, None) if batch is None else batch[2:]
        return Batch(found.prediction, found.target, inputs, found.weight if weight is None else weight)

    def _look_at_parts(self, value: torch.Tensor) -> None:
        """Judge, once, each of several losses of which the value is a sum."""
        found = [] if self._parted else traced(value)
        if len(found) < 2:
            return
        self._parted = True
        for place, one in enumerate(found, start=1):
            if not _one_valued(one.target):
                batch = Batch(one.prediction, one.target, None, one.weight)
                self._watch.part(f"{one.loss.shown}, loss {place} of {len(found)}", one.loss, batch)


def _same_numbers(one: Any, other: Any) -> bool:
    """Whether a loss got the target that it was given, in whatever shape."""
    return one.numel() == other.numel() and bool((one.reshape(-1) == other.reshape(-1)).all())


def _one_valued(target: torch.Tensor) -> bool:
    """Whether all targets are the same: one side of a game, perhaps, of which the rules would make a fault."""
    return bool((target == target.flatten()[:1]).all())
