"""Learning curves: read from whatever holds them, and the statistics that rules share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

_METRICS = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
_TRAIN = ("loss", "train_loss", "training_loss", "loss_train", "train_loss_epoch", "loss_epoch", "tr_loss")
_VALIDATION = ("val_loss", "valid_loss", "validation_loss", "eval_loss", "dev_loss", "test_loss", "loss_val")
_VALIDATION += ("val_loss_epoch", "loss_validation", "loss_valid", "loss_test", "loss_eval")
_TRAIN_ACCURACY = tuple(f"{head}{m}" for m in _METRICS for head in ("", "train_", "training_"))
_VALIDATION_ACCURACY = tuple(f"{head}{m}" for m in _METRICS for head in ("val_", "valid_", "validation_", "eval_"))
_CLOCKS = ("epoch", "step", "iteration", "global_step")
_EXPECTED = (
    "expected one mapping per epoch ({'loss': .7, 'val_loss': .8}), one list per curve, Keras's History, pairs of "
    "training and validation loss, or the training losses"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One curve: its epochs (counted from 1 where none are given) and its values; missing ones are left out."""

    epochs: np.ndarray
    values: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether all values are finite."""
        return bool(np.isfinite(self.values).all())

    def __len__(self) -> int:
        return self.values.size


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The curves of one training.

    Attributes:
        train: The training loss, or None.
        validation: The validation loss, or None.
        accuracy: The training accuracy, or None.
        validation_accuracy: The validation accuracy, or None.
        penalty: What penalties on weights (``kernel_regularizer=`` of Keras) are in the training loss, or None.
        unit: What one point stands for: "epoch", or "window" for so many steps of a training without epochs.
    """

    train: Curve | None = None
    validation: Curve | None = None
    accuracy: Curve | None = None
    validation_accuracy: Curve | None = None
    penalty: Curve | None = None
    unit: str = "epoch"

    @classmethod
    def of(cls, given: Any) -> History:
        """Return the history that an object holds.

        Raises:
            InputError: It holds none, or no loss; the text says what was expected.
        """
        if isinstance(given, History):
            return given
        columns = columns_of(given)
        found = {
            "train": _find(columns, _TRAIN),
            "validation": _find(columns, _VALIDATION),
            "accuracy": _find(columns, _TRAIN_ACCURACY),
            "validation_accuracy": _find(columns, _VALIDATION_ACCURACY),
            "penalty": _find(columns, ("penalty",)),
        }
        curves = {name: _curve(columns[column], columns) for name, column in found.items() if column}
        there = {name: curve if len(curve) else None for name, curve in curves.items()}
        made = cls(
            train=there.get("train"),
            validation=there.get("validation"),
            accuracy=there.get("accuracy"),
            validation_accuracy=there.get("validation_accuracy"),
            penalty=there.get("penalty"),
        )
        if made.train is None and made.validation is None:
            if found["train"] or found["validation"]:
                raise InputError(f"history is empty: {_listed(columns)} without a number")
            raise InputError(
                f"history has no column with a loss (it has {_listed(columns)}); name them loss and val_loss, or "
                "train_loss and val_loss"
                if columns
                else "history is empty: there is no epoch in it"
            )
        return made

    @property
    def epochs(self) -> int:
        """The number of epochs of the longest curve."""
        return max(len(curve) for curve in (self.train, self.validation) if curve is not None)


def is_loss(column: str) -> bool:
    """Whether a column has a name that learning curves of a loss have."""
    return _plain(column) in (*_TRAIN, *_VALIDATION)


def noise(values: np.ndarray) -> float:
    """Return the standard deviation of the jitter between epochs around a smooth curve, from second differences.

    Robust (median) from ten values on; below that the root mean square, which overstates it where the curve bends.
    """
    if values.size < 4:
        return math.inf
    second = np.diff(values, 2)
    if values.size < 10:
        return float(np.sqrt(np.mean(second**2) / 6))
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / math.sqrt(6))


def threes(values: np.ndarray) -> np.ndarray:
    """Return the means of three neighbours, (n - 2,)."""
    return (values[:-2] + values[1:-1] + values[2:]) / 3


def shared(one: Curve, other: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the epochs that both curves have, and the values of each there."""
    epochs, at, there = np.intersect1d(one.epochs, other.epochs, return_indices=True)
    return epochs, one.values[at], other.values[there]


def columns_of(given: Any) -> dict[str, list[Any]]:
    """Return columns by name; what is missing in an epoch is None."""
    inner = getattr(given, "history", None)
    if isinstance(inner, Mapping):
        given = inner
    if hasattr(given, "to_dict") and hasattr(given, "columns"):  # a data frame
        given = given.to_dict("list")
    if isinstance(given, Mapping):
        if all(isinstance(v, int | float) for v in given.values()):
            return {str(k): [v] for k, v in given.items()}
        if not all(isinstance(v, Iterable) and not isinstance(v, str | Mapping) for v in given.values()):
            raise InputError(f"history is a mapping whose values are no lists; {_EXPECTED}")
        return _by_epoch({str(k): list(v) for k, v in given.items()})
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"history is {type(given).__name__}; {_EXPECTED}")
    rows = list(given)
    if rows and all(isinstance(r, Mapping) for r in rows):
        names = dict.fromkeys(str(k) for r in rows for k in r)
        return _by_epoch({name: [r.get(name) for r in rows] for name in names})
    if rows and all(isinstance(r, Sequence | np.ndarray) and len(r) == 2 and not isinstance(r, str) for r in rows):
        return {"loss": [r[0] for r in rows], "val_loss": [r[1] for r in rows]}
    if rows and not all(isinstance(r, int | float | np.number) for r in rows):
        raise InputError(f"history is a list of {type(rows[0]).__name__}; {_EXPECTED}")
    return {"loss": rows} if rows else {}


def _by_epoch(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return one row per epoch where a logger wrote several: the last value that there is of each column."""
    clock = next((name for name in columns if _plain(name) == "epoch"), None)
    if clock is None or any(len(c) != len(columns[clock]) for c in columns.values()):
        return columns
    epochs = [_number(x) for x in columns[clock]]
    order = dict.fromkeys(x for x in epochs if x is not None)
    if len(order) == len(epochs):
        return columns
    rows: dict[float, dict[str, Any]] = {epoch: {} for epoch in order}
    for i, epoch in enumerate(epochs):
        if epoch is not None:
            rows[epoch].update({n: c[i] for n, c in columns.items() if _number(c[i]) is not None})
    return {name: [row.get(name) for row in rows.values()] for name in columns}


def _find(columns: Mapping[str, Any], names: Iterable[str]) -> str | None:
    plain = {_plain(column): column for column in columns}
    return next((plain[name] for name in names if name in plain), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _curve(column: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> Curve:
    clock = next((columns[name] for name in columns if _plain(name) == "epoch"), None)
    epochs, values = [], []
    for i, x in enumerate(column):
        value = _number(x)
        if value is None:
            continue
        epoch = _number(clock[i]) if clock is not None and i < len(clock) else None
        epochs.append(i + 1 if epoch is None else epoch)
        values.append(value)
    return Curve(epochs=np.array(epochs, np.float64), values=np.array(values, np.float64))


def _number(x: Any) -> float | None:
    """Return a number (NaN is one, if it was written), or None for what is missing."""
    if x is None or (isinstance(x, str) and not x.strip()):
        return None
    try:
        return float(x)
    except (TypeError, ValueError):
        return None


def _listed(columns: Mapping[str, Any]) -> str:
    names = [repr(name) for name in columns if _plain(name) not in _CLOCKS]
    return ", ".join(names[:8]) or "nothing but a clock"
