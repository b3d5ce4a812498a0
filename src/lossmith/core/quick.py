"""The short way for small calls: loss and gradient of ordinary arrays without the general preparation.

``find(loss, parameters, settings)`` returns ``quick(prediction, target, gradient) -> (value, gradient) or None``, or
None where a loss has no short way. ``quick`` returns what `compute.value_and_gradient` returns - where ``gradient`` is
False, what `compute.call` returns, and None - or None for whatever is not entirely ordinary: then the long way decides,
and finds the words where something is wrong: a label out of range, a NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import native
from ..losses import Loss
from ..native import elementwise
from .compute import call

Quick = Callable[[Any, Any, bool], "tuple[Any, Any] | None"]


def find(loss: Loss, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> Quick | None:
    """Return the short way for a loss with these parameters and options, or None."""
    if not native.has_native() or settings["reduction"] not in ("mean", "sum"):
        return None
    if loss.layout == "element":
        return _find_elementwise(loss, parameters, settings)
    return _find_softmax(loss, parameters, settings) if loss.name == "softmax_cross_entropy" else None


def _find_softmax(loss: Loss, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> Quick | None:
    if settings["axis"] not in (-1, 1):
        return None
    ignored = settings["ignore_index"]
    if not (ignored is None or type(ignored) is int) or not -(2**63) <= (ignored or 0) < 2**63:
        return None
    options = (settings["reduction"] == "mean", ignored is not None, ignored or 0)
    smoothing = (float(parameters["label_smoothing"]), float(parameters["z_loss"]))

    def plain(prediction: Any, target: Any, weight: Any = None) -> Any:
        given = parameters if weight is None else {**parameters, "class_weight": weight}
        return call(loss, prediction, target, parameters=given, **settings, check="none", kernels=False)

    return functools.partial(_softmax_cross_entropy, options, smoothing, plain, parameters["class_weight"])


def _find_elementwise(loss: Loss, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> Quick | None:
    number, numbers = elementwise.find(loss), elementwise.numbers(loss, parameters)
    if number is None or numbers is None or loss.extras or settings.get("ignore_index") is not None:
        return None
    domains = loss.prediction, loss.target
    if not all(domain.role in ("values", "logits", "probabilities") for domain in domains):
        return None
    both = elementwise.limits_of(loss.prediction), elementwise.limits_of(loss.target)

    def plain(prediction: Any, target: Any) -> Any:
        return call(loss, prediction, target, parameters=parameters, **settings, check="none", kernels=False)

    limits = None if both == (None, None) else both
    kernel = elementwise.Call(number, numbers, settings["reduction"] == "mean", plain, limits)
    return functools.partial(_elementwise, kernel)


def _elementwise(kernel: elementwise.Call, prediction: Any, target: Any, wanted: bool) -> tuple[Any, Any] | None:
    if type(prediction) is not np.ndarray:
        torch = _torch_for(type(prediction))
        return torch and torch[1].value_and_gradient(kernel, prediction, target, wanted)
    code = _CODES.get(prediction.dtype.num)
    if type(target) is not np.ndarray or code is None or target.dtype.num != prediction.dtype.num:
        return None
    if prediction.shape != target.shape or not prediction.size or not (_plain(prediction) and _plain(target)):
        return None
    value, gradient = elementwise.total(kernel, code, prediction, target, wanted)
    return None if value != value else (value, gradient)


def _plain(x: np.ndarray) -> bool:
    return x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative


def _softmax_cross_entropy(
    options: tuple[bool, bool, int],
    smoothing: tuple[float, float],
    plain: Callable[..., Any],
    class_weight: Any,
    prediction: Any,
    target: Any,
    wanted: bool,
) -> tuple[Any, Any] | None:
    if type(prediction) is not np.ndarray:
        torch = _torch_for(type(prediction))
        settings = options, smoothing, plain, class_weight
        return torch and torch[0].softmax_value_and_gradient(*settings, prediction, target, wanted)
    if type(target) is not np.ndarray or target.dtype.num != _INT64 or target.ndim != 1 or prediction.ndim != 2:
        return None
    code = _CODES.get(prediction.dtype.num)
    rows, classes = prediction.shape
    if code is None or rows != target.size or not prediction.size or not (_plain(prediction) and _plain(target)):
        return None
    if class_weight is not None:
        class_weight = factors(class_weight, np.float64 if code == _DOUBLE else np.float32, classes)
        if class_weight is None:
            return None
    gradient = native.empty_gradient(prediction) if wanted else None
    arrays = prediction, target, rows, classes, gradient
    total = native.softmax_total(code, *arrays, options, smoothing, class_weight=class_weight)
    return None if total is None or total != total else (total, gradient)


def factors(class_weight: Any, dtype: Any, classes: int) -> np.ndarray | None:
    """Return the factors of the classes as the kernel takes them, which looks at their values, or None."""
    if type(class_weight) is np.ndarray:
        weight = np.ascontiguousarray(class_weight, dtype) if class_weight.dtype.kind in "fiu" else None
    elif type(class_weight) in (list, tuple) and all(type(x) in (float, int) for x in class_weight):
        weight = np.array(class_weight, dtype)
    else:
        weight = None
    return weight if weight is not None and weight.shape == (classes,) else None


_INT64 = np.dtype(np.int64).num
_CODES = {dtype.num: code for dtype, code in native.CODES.items()}
_DOUBLE = native.CODES[np.dtype(np.float64)]


@functools.lru_cache(maxsize=16)
def _torch_for(kind: type) -> tuple[Any, Any] | None:
    """Return the modules with PyTorch's short ways if arrays of this type are tensors, or None."""
    if kind.__module__ not in ("torch", "torch.nn.parameter"):
        return None
    from ..torch import fast, fast_elementwise  # a tensor is there, and so is PyTorch

    return fast, fast_elementwise
