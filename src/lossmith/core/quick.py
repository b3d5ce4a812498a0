"""The short way for small calls: loss and gradient of ordinary arrays without the general preparation.

``find(loss, parameters, settings)`` returns ``quick(prediction, target) -> (value, gradient) or None``, or None where a
loss has no short way. ``quick`` returns what `compute.value_and_gradient` returns, or None for whatever is not entirely
ordinary - then the long way decides, and finds the words where something is wrong: a label out of range, a NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import native
from ..losses import Loss

Quick = Callable[[Any, Any], "tuple[Any, Any] | None"]


def find(loss: Loss, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> Quick | None:
    """Return the short way for a loss with these parameters and options, or None."""
    if loss.name != "softmax_cross_entropy" or not native.has_native() or parameters["class_weight"] is not None:
        return None
    ignored = settings["ignore_index"]
    if settings["reduction"] not in ("mean", "sum") or settings["axis"] not in (-1, 1):
        return None
    if not (ignored is None or type(ignored) is int) or not -(2**63) <= (ignored or 0) < 2**63:
        return None
    options = (settings["reduction"] == "mean", ignored is not None, ignored or 0)
    smoothing = (float(parameters["label_smoothing"]), float(parameters["z_loss"]))
    return functools.partial(_softmax_cross_entropy, options, smoothing)


def _softmax_cross_entropy(
    options: tuple[bool, bool, int], smoothing: tuple[float, float], prediction: Any, target: Any
) -> tuple[Any, Any] | None:
    if type(prediction) is not np.ndarray:
        return _tensors(options, smoothing, prediction, target)
    if type(target) is not np.ndarray or target.dtype.num != _INT64 or target.ndim != 1 or prediction.ndim != 2:
        return None
    code = _CODES.get(prediction.dtype.num)
    rows, classes = prediction.shape
    flags, target_flags = prediction.flags, target.flags
    if code is None or rows != target.size or not prediction.size or not prediction.dtype.isnative:
        return None
    if not (flags.c_contiguous and flags.aligned and target_flags.c_contiguous and target_flags.aligned):
        return None
    if not target.dtype.isnative:
        return None
    gradient = native.empty_gradient(prediction)
    total = native.softmax_total(code, prediction, target, rows, classes, gradient, options, smoothing)
    return None if total is None else (total, gradient)


_INT64 = np.dtype(np.int64).num
_CODES = {dtype.num: code for dtype, code in native.CODES.items()}


def _tensors(
    options: tuple[bool, bool, int], smoothing: tuple[float, float], prediction: Any, target: Any
) -> tuple[Any, Any] | None:
    if type(prediction).__module__ not in ("torch", "torch.nn.parameter"):
        return None
    from ..torch import fast  # a tensor is there, and so is PyTorch

    return fast.softmax_value_and_gradient(options, smoothing, prediction, target)
