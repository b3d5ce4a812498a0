"""What all metric objects of the Keras face share: sums that do not stop growing, rows and weights, saving.

Everything is made of ``keras.ops``, so it runs inside compiled training steps of every backend. Sums are pairs of
float32 (the sum, and what rounding took from it): a plain float32 stops at 2**24 rows.
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
from keras.src.backend.common.masking import get_keras_mask  # Keras' own way to say which values count

from ..errors import InputError, ShapeError
from .inputs import tensor, wide
from .shapes import aligned, one_rank, shape_of

ops = keras.ops


class Metric(keras.metrics.Metric):
    """A metric with settings that are saved with the model, and sums as variables."""

    higher_is_better: ClassVar[bool] = True

    def __init__(self, name: str | None = None, dtype: Any = None, **settings: Any) -> None:
        super().__init__(name=name or keras.src.utils.naming.to_snake_case(type(self).__name__), dtype=dtype)
        self._direction = "up" if self.higher_is_better else "down"  # what callbacks with mode="auto" ask for
        self._settings = settings

    def get_config(self) -> dict[str, Any]:
        """Return every argument, so that a saved model comes back with the same metric."""
        return {**super().get_config(), **self._settings}

    def _sum(self, name: str, shape: tuple[int, ...] = ()) -> None:
        """Make a sum, 0 at first."""
        for part in (name, f"{name}_lost"):
            setattr(self, f"_sum_{part}", self.add_weight(shape=shape, initializer="zeros", dtype="float32", name=part))

    def _add(self, name: str, x: Any) -> None:
        """Add to a sum, and keep what rounding takes (Knuth's two-sum)."""
        whole, lost = getattr(self, f"_sum_{name}"), getattr(self, f"_sum_{name}_lost")
        x = ops.cast(x, "float32")
        old = ops.convert_to_tensor(whole)
        new = old + x
        part = new - old
        lost.assign(lost + ((old - (new - part)) + (x - part)))
        whole.assign(new)

    def _total(self, name: str) -> Any:
        """Return a sum."""
        return ops.convert_to_tensor(getattr(self, f"_sum_{name}")) + getattr(self, f"_sum_{name}_lost")


def share(above: Any, below: Any) -> Any:
    """Return above / below, 0 where nothing was seen, as Keras' own metrics do."""
    none = ops.equal(below, 0)
    return ops.where(none, 0.0, above / ops.where(none, 1.0, below))


def register(cls: type[Metric]) -> type[Metric]:
    """Let models with this metric be loaded."""
    return keras.saving.register_keras_serializable(package="lossmith.metrics")(cls)


def two_classes(y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return labels, scores and weights of two classes, float32 (M,) each.

    Raises:
        ShapeError: They are not of one shape.
    """
    mask, y_pred = get_keras_mask(y_pred), wide(y_pred)
    y_true, y_pred = one_rank(tensor(y_true), y_pred)
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    if len(t) != len(p) or any(a is not None and b is not None and a != b for a, b in zip(t, p, strict=True)):
        raise ShapeError(f"y_true has shape {t} and y_pred has shape {p}; expected one score per label")
    weight = _weights(y_pred, p, sample_weight, mask)
    return tuple(ops.reshape(ops.cast(x, "float32"), (-1,)) for x in (y_true, y_pred, weight))


def many_classes(y_true: Any, y_pred: Any, sample_weight: Any, classes: int | None = None) -> tuple[Any, Any, Any]:
    """Return labels int32 (M,), scores float32 (M, C) and weights float32 (M,); labels may be one-hot rows.

    Raises:
        ShapeError: The scores are not of ``classes``, or the labels do not go with them.
    """
    mask, y_pred, y_true = get_keras_mask(y_pred), wide(y_pred), tensor(y_true)
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    found = p[-1]
    if len(t) == len(p) and t[-1] == 1:
        y_true, t = ops.squeeze(y_true, -1), t[:-1]
    elif len(t) == len(p) and t[-1] == found:
        y_true, t = ops.argmax(y_true, axis=-1), t[:-1]
    fits = len(t) == len(p) - 1 and all(None in (a, b) or a == b for a, b in zip(t, p, strict=False))
    if found is None or not fits or (classes is not None and found != classes):
        raise ShapeError(
            f"y_true has shape {shape_of('y_true', y_true)} and y_pred has shape {p}; expected scores (…, "
            f"{classes or 'classes'}) and one label or one-hot row for each"
        )
    weight = _weights(y_pred[..., 0], p[:-1], sample_weight, mask)
    label = ops.cast(y_true, "int32")
    return ops.reshape(label, (-1,)), ops.reshape(y_pred, (-1, found)), ops.reshape(weight, (-1,))


def _weights(like: Any, shape: Any, sample_weight: Any, mask: Any) -> Any:
    """Return a factor per value; a mask makes it 0."""
    weight = ops.cast(ops.ones_like(like), "float32")
    if sample_weight is not None:
        weight = weight * aligned("sample_weight", ops.cast(tensor(sample_weight), "float32"), shape)
    if mask is not None:
        keep = ops.logical_and(
            ops.cast(ops.ones_like(weight), "bool"), aligned("the mask", ops.cast(mask, "bool"), shape)
        )
        weight = ops.where(keep, weight, ops.zeros_like(weight))
    return weight


def poisoned(weight: Any, good: Any) -> Any:
    """Return weights with NaN for rows that count and cannot be counted: an error where nothing can be raised."""
    return ops.where(ops.logical_or(good, ops.equal(weight, 0)), weight, np.nan)


def counted(index: Any, weight: Any, size: int) -> Any:
    """Return the sum of weights in each of ``size`` cells, (size,)."""
    return ops.segment_sum(weight, index, num_segments=size)


def check(name: str, good: bool, value: Any, wanted: str) -> None:
    """Raise InputError where a setting is no good."""
    if not good:
        raise InputError(f"{name} is {value!r}; expected {wanted}")
