"""What the steps of a training show: norms of gradients, weights and updates, modes, units; and when to look at them.

A face collects these numbers on its device and brings them here as NumPy a few times in a training. A parameter is one
that should learn (``requires_grad``, Keras's trainable variables). Nothing here knows a framework.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_EVERY_STEP = 24  # the first steps are all looked at
_STRIDE = 32
_LATER = 256  # from here on looks are rarer
_KEPT = 96  # looks that are kept after the first ones
_LOSSES = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """One layer's activations over the rows that were looked at.

    Attributes:
        name: The layer's name in the model.
        kind: "relu", "sigmoid" or "tanh".
        rows: How many rows (for images: pixels of channels) each unit was seen on.
        units: How many units (features, channels) it has.
        idle: How many of them were exactly 0 on every row (relu), or flat on 95 % of the rows (sigmoid, tanh).
    """

    name: str
    kind: str
    rows: int
    units: int
    idle: int


@dataclass(frozen=True, kw_only=True, eq=False)
class StepFacts:
    """What is known of the steps so far; P parameters, T looks.

    Attributes:
        steps: Updates so far.
        names: The parameters' names.
        ranks: Their numbers of axes; matrices have 2 or more, biases 1.
        owned: Whether the optimiser has them.
        at: (T,) the steps that were looked at, counted from 1.
        gradients: (T, P) norms; NaN where there was no gradient. None where gradients are not seen.
        weights: (T, P) norms of a sample of each parameter; NaN where it was not sampled.
        moves: (T, P) norms of that sample's update.
        pull: (P,) what the optimiser adds to the gradient for each unit of ``weights``, as weight decay that passes
            through the gradient; None where that is not known.
        frozen: How many weight matrices the model has, if none of its parameters is to learn; else 0.
        moved: (P,) how far the sample is from the start, against its norm there; None where ``moves`` says more.
        rates: (R, 2) steps of this training, in their order, and the learning rate that its schedule has there; empty
            where there is no schedule.
        unchanged: (P,) whether the sample is bit for bit what it was at the start; None where that is not known.
        first: (up to 20,) the first training losses of single steps, or of epochs where steps are not seen.
        last: (up to 20,) the last ones; empty until they are others than the first.
        stale: In how many steps in a row, up to now, backward() added to the gradients of the step before.
        uphill: In how many backward passes the loss was being maximised.
        downhill: In how many it was being minimised.
        noisy: Whether the model has dropout or batch normalisation in it, which differ between the modes.
        asleep: Steps in evaluation mode since the model was last in training mode; 0 where it never was.
        awake: Losses without gradient in training mode, as an evaluation that forgot ``model.eval()`` makes.
        micro: For each of the first updates that several backward() made, a loss each: (micro-batches, 3) how many
            targets the loss is the mean of, its value, and the slope with which it went in.
        units: Activations by layer.
        equal: Names of weight matrices that started with all units equal.
        hidden: How many weight matrices the model has before the last one.
        unregistered: Names of parameters that stand in plain lists or dictionaries of the model, where it does not know
            of them, and that got a gradient and are bit for bit as they were at the start.
    """

    steps: int
    names: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    owned: tuple[bool, ...] = ()
    at: np.ndarray = field(default_factory=lambda: np.zeros(0))
    gradients: np.ndarray | None = None
    weights: np.ndarray | None = None
    moves: np.ndarray | None = None
    pull: np.ndarray | None = None
    frozen: int = 0
    moved: np.ndarray | None = None
    rates: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    unchanged: np.ndarray | None = None
    first: np.ndarray = field(default_factory=lambda: np.zeros(0))
    last: np.ndarray = field(default_factory=lambda: np.zeros(0))
    stale: int = 0
    uphill: int = 0
    downhill: int = 0
    noisy: bool = False
    asleep: int = 0
    awake: int = 0
    micro: tuple[np.ndarray, ...] = ()
    units: tuple[Units, ...] = ()
    equal: tuple[str, ...] = ()
    hidden: int = 0
    unregistered: tuple[str, ...] = ()

    @property
    def norms(self) -> np.ndarray:
        """(T,) the norm of the whole gradient at each look, missing ones counted as 0."""
        if self.gradients is None or self.gradients.size == 0:
            return np.zeros(0)
        return np.sqrt(np.nansum(np.square(self.gradients, dtype=np.float64), axis=1))

    @property
    def falls(self) -> bool:
        """Whether the last losses are below the first ones: 15 of 20 below their median."""
        return self._share(below=True) >= 0.75

    @property
    def rises(self) -> bool:
        """Whether the last losses are above the first ones: 19 of 20 above their median (p < 1e-4 by chance)."""
        return self._share(below=False) >= 0.95

    def _share(self, *, below: bool) -> float:
        if self.first.size < _LOSSES or self.last.size < _LOSSES or not np.isfinite(self.first).all():
            return 0.0
        middle = float(np.median(self.first))
        return float(np.mean(self.last < middle if below else self.last > middle))


def due(step: int) -> bool:
    """Whether a step, counted from 1, is to be looked at.

    All of the first 24 are; then every 32nd, from 256 on every 64th, and half as many with every four times more steps
    from there: what looks add to a step shrinks as a training gets longer. That is by number, not by the clock, so that
    the same training is always seen alike. What lasts less than such a distance, and is gone again, may be missed.
    """
    return step <= _EVERY_STEP or step % stride(step) == 0


def next_due(step: int) -> int:
    """Return the first step after ``step`` that is to be looked at."""
    step += 1
    if step <= _EVERY_STEP:
        return step
    return -(-step // stride(step)) * stride(step)


def stride(step: int) -> int:
    """Return how many steps lie between two looks at ``step``, after the first ones."""
    between, limit = _STRIDE, _LATER
    while step >= limit:
        between, limit = 2 * between, 4 * limit
    return between


class Looks:
    """What was seen at the looks, in bounded memory: the first ones and the latest."""

    def __init__(self) -> None:
        self._first: list[tuple[int, Any]] = []
        self._latest: deque[tuple[int, Any]] = deque(maxlen=_KEPT)

    def add(self, step: int, seen: Any) -> None:
        """Keep what was seen at a step."""
        (self._first if len(self._first) < _EVERY_STEP else self._latest).append((step, seen))

    def __iter__(self) -> Any:
        return iter((*self._first, *self._latest))

    def __len__(self) -> int:
        return len(self._first) + len(self._latest)


class Ends:
    """The first and the last losses of a training."""

    def __init__(self) -> None:
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=_LOSSES)

    def add(self, losses: list[float]) -> None:
        """Take note of losses, in their order."""
        room = _LOSSES - len(self._first)
        self._first.extend(losses[:room] if room > 0 else [])
        self._last.extend(losses[max(room, 0) :])

    @property
    def first(self) -> np.ndarray:
        """The first ones."""
        return np.array(self._first, np.float64)

    @property
    def last(self) -> np.ndarray:
        """The last ones."""
        return np.array(self._last, np.float64)
