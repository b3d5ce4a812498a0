"""``keras.losses``' functions of whole regions, batches and sequences; formulas come from ``lossmith.losses``."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask  # Keras' own way to say which values count

from ..arrays import load
from ..core import call
from ..errors import InputError, ShapeError
from . import settings
from .inputs import tensor, wide
from .settings import Settings
from .shapes import aligned, one_rank, one_shape, shape_of
from .wording import speaking_keras

ops = keras.ops


def _values(chosen: Settings, y_true: Any, y_pred: Any, **options: Any) -> Any:
    return speaking_keras(
        call,
        chosen.loss,
        y_pred,
        y_true,
        parameters=chosen.parameters,
        reduction="none",
        xp=load(keras.backend.backend()),
        check="labels",
        **options,
    )


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """Dice of probabilities over ``axis`` (one or several; None: everything); nothing found where nothing is scores 0.

    Raises:
        ShapeError: The shapes differ, or an axis is out of range.
    """
    return _overlap(settings.dice(axis), y_true, y_pred)


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """Tversky of probabilities over ``axis``; ``alpha`` weighs false positives and ``beta`` false negatives.

    Raises:
        ShapeError: The shapes differ, or an axis is out of range.
    """
    return _overlap(settings.tversky(alpha, beta, axis), y_true, y_pred)


def _overlap(chosen: Settings, y_true: Any, y_pred: Any) -> Any:
    mask, y_pred = get_keras_mask(y_pred), wide(y_pred)
    y_true, y_pred = one_shape(*one_rank(ops.cast(tensor(y_true), y_pred.dtype), y_pred))
    shape = shape_of("y_pred", y_pred)
    if mask is not None:  # what is neither predicted nor there does not count
        keep = aligned("the mask of y_pred", ops.cast(mask, "bool"), shape)
        y_true, y_pred = (ops.where(keep, x, ops.zeros_like(x)) for x in (y_true, y_pred))
    summed = _axes(chosen.axis, shape)
    kept = [i for i in range(len(shape)) if i not in summed]
    sizes = [ops.shape(y_pred)[i] for i in (*kept, *summed)]
    flat = (len(kept) and -1) or 1, math.prod(sizes[len(kept) :]) if kept else -1
    rows = [ops.reshape(ops.transpose(x, (*kept, *summed)), flat) for x in (y_true, y_pred)]
    values = _values(chosen, *rows, region="sample")
    return ops.reshape(values, sizes[: len(kept)]) if kept else values[0]


def _axes(axis: Any, shape: tuple) -> list[int]:
    rank = len(shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    for i in axes:
        if not -rank <= i < rank:
            raise ShapeError(f"axis {i} is given, but y_pred has shape {shape}")
    return sorted({i % rank for i in axes})


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Circle loss of unit vectors (N, F) and their labels (N,); rows without a positive or a negative do not count.

    Raises:
        InputError: References are given: this function compares the rows of one batch.
    """
    if ref_labels is not None or ref_embeddings is not None:
        raise InputError("ref_labels and ref_embeddings are not taken; compare one batch: keras.ops.concatenate both")
    chosen = settings.circle(gamma, margin, remove_diagonal)
    y_true, y_pred = ops.cast(tensor(y_true), "int32"), wide(y_pred)
    if len(y_true.shape) == 2 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    values = _values(chosen, y_true, y_pred)
    set_keras_mask(values, values > 0)
    return values


def ctc(y_true: Any, y_pred: Any) -> Any:
    """CTC of logits (N, T, C) and targets (N, S) filled up with 0, which is the blank.

    Raises:
        LabelError: A target holds no class; in a graph the value of its sequence is NaN.
        ShapeError: The shapes do not fit.
    """
    y_true, y_pred = tensor(y_true), wide(y_pred)
    t, p = shape_of("y_true", y_true), shape_of("y_pred", y_pred)
    if len(t) != 2 or len(p) != 3:
        raise ShapeError(f"y_true has shape {t} and y_pred {p}; CTC takes targets (N, S) and logits (N, T, C)")
    lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return _values(settings.ctc(), ops.cast(y_true, "int32"), y_pred, extras={"target_length": lengths})
