"""What the variables of a Keras model show: whether they move, and whether units started equal."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..doctor.steps import StepFacts
from ..evaluation.arrays import to_numpy

_SAMPLE = 256  # numbers of each variable
_UNITS = 64
_RATES = 32  # steps at which a schedule is asked
_SCHEDULED = 100  # steps: the rules ask for no fewer


class Variables:
    """The trainable variables at the start of a training; samples of them are kept, not all.

    Args:
        model: The model, built or not.
    """

    def __init__(self, model: Any) -> None:
        self._steps = updates(model)
        self._variables = [v for v in model.trainable_variables if "float" in str(v.dtype)]
        self._start = [_sample(v) for v in self._variables]
        matrices = [v for v in self._variables if len(v.shape) >= 2]
        self._hidden = max(0, len(matrices) - 1)
        every = [] if self._variables else [v for v in model.weights if len(v.shape) >= 2]
        self._frozen = sum("float" in str(v.dtype) for v in every)
        self._equal = tuple(v.path for v in matrices[:-1] if _equal_units(v))

    @property
    def odd(self) -> bool:
        """Whether the start is odd: units of a layer are all equal, or nothing is trainable."""
        return bool(self._equal or self._frozen)

    def facts(self, model: Any) -> StepFacts | None:
        """Return what is known now, or None where there is nothing to follow."""
        if not self._variables:
            return StepFacts(steps=0, frozen=self._frozen) if self._frozen else None
        optimizer = getattr(model, "optimizer", None)
        now = [_sample(v) for v in self._variables]
        have = {id(v) for v in getattr(optimizer, "_trainable_variables", None) or self._variables}
        steps = updates(model) - self._steps
        return StepFacts(
            steps=steps,
            rates=self._scheduled(optimizer, steps),
            names=tuple(v.path for v in self._variables),
            ranks=tuple(len(v.shape) for v in self._variables),
            owned=tuple(id(v) in have for v in self._variables),
            moved=np.array([_distance(x, s) for x, s in zip(now, self._start, strict=True)]),
            unchanged=np.array([np.array_equal(x, s) for x, s in zip(now, self._start, strict=True)]),
            equal=self._equal,
            hidden=self._hidden,
        )

    def _scheduled(self, optimizer: Any, steps: int) -> np.ndarray:
        """Return (R, 2) steps and the rates of the optimiser's schedule there, a function of the step alone."""
        schedule = getattr(optimizer, "_learning_rate", None)
        if steps < _SCHEDULED or not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return np.zeros((0, 2))
        at = np.unique(np.linspace(0, steps, _RATES + 1).astype(np.int64))
        counts = [keras.ops.convert_to_tensor(int(k) + self._steps, "int32") for k in at]
        return np.array([(k, float(to_numpy("rate", schedule(c)))) for k, c in zip(at, counts, strict=True)])


def updates(model: Any) -> int:
    """Return how many updates the model's optimiser has made."""
    count = getattr(getattr(model, "optimizer", None), "iterations", None)
    return 0 if count is None else int(to_numpy("iterations", keras.ops.convert_to_tensor(count)))


def penalty(model: Any) -> float | None:
    """Return what regularisers of weights add to the loss, or None where there are none."""
    parts = [v.regularizer(v) for v in model.trainable_variables if getattr(v, "regularizer", None) is not None]
    return sum(float(to_numpy("penalty", keras.ops.convert_to_tensor(part))) for part in parts) if parts else None


def _sample(variable: Any) -> np.ndarray:
    """Return the first numbers of a variable, on the host."""
    first = keras.ops.reshape(variable.value, (-1,))[:_SAMPLE]
    return np.array(to_numpy(variable.path, first))


def _distance(now: np.ndarray, start: np.ndarray) -> float:
    """Return how far a sample is from the start, against its norm there; NaN where that is 0."""
    size = float(np.linalg.norm(start))
    return float(np.linalg.norm(now - start)) / size if size > 0 else float("nan")


def _equal_units(variable: Any) -> bool:
    """Whether all units, along the last axis, have the same weights."""
    units = keras.ops.reshape(variable.value, (-1, variable.shape[-1]))[: _SAMPLE * 16, :_UNITS]
    table = to_numpy(variable.path, units)
    return table.shape[1] > 1 and bool((table == table[:, :1]).all())
