"""From what a user passes to canonical arrays, or to an error that says what to type.

After ``prepare`` the class axis is last, prediction and target have the dtype to compute in (labels: integers), weight
and mask have the rank of the values, and whatever a mask or ``ignore_index`` hides has been replaced by a harmless
valid number, so that a NaN under it reaches neither value nor gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..arrays import is_native, namespace_of
from ..errors import InputError, ShapeError
from ..losses import Domain, Extra, Loss
from . import regions, values
from .matching import align, broadcasts, consumed, last_axis, match_target, mismatch, same


class Inputs(NamedTuple):
    """Canonical arguments of one call; see the module's docstring."""

    xp: ModuleType
    prediction: Any
    target: Any
    factor: Any  # weight, 0 where masked; None for 1 everywhere
    parameters: dict[str, Any]
    axis: int
    dtype: Any  # of the prediction as given
    shape: tuple  # of the prediction, class axis last, before it was flattened into regions
    inside: Any = None  # of a region's elements or a batch's rows: how much they count within; None for 1 everywhere
    region: str = ""
    keep: Any = None  # False where a mask or ignore_index hides a value; None for True everywhere
    unhidden: Any = None  # the prediction before that was hidden, for kernels that leave values out themselves
    narrow: tuple[Any, Any] = (None, None)  # both in NumPy's float16, where given so, for kernels that widen themselves


def prepare(
    loss: Loss,
    prediction: Any,
    target: Any,
    *,
    parameters: Mapping[str, Any],
    extras: Mapping[str, Any] | None = None,
    weight: Any = None,
    mask: Any = None,
    ignore_index: int | None = None,
    axis: int = -1,
    region: str | None = None,
    xp: ModuleType | None = None,
    check: str = "full",
    hide: bool = True,
) -> Inputs:
    """Return canonical inputs.

    Args:
        loss: The definition.
        prediction: Array, tensor or nested list.
        target: The same, or labels.
        parameters: Parameters of the loss, resolved.
        extras: The arrays besides prediction and target that the loss takes, by name.
        weight: Weights along the leading axes of the values.
        mask: True where a value counts.
        ignore_index: Target value that does not count (classification only).
        axis: The class or feature axis of a row loss.
        region: "sample" or "batch" for a loss over regions; None for the loss's own default.
        xp: The operations module, where the caller knows it.
        check: What to look at on the host: "full" is values and, in a result, NaN; "values" leaves NaN alone as
            frameworks do; "labels" is integer labels only; "none" is shapes alone.
        hide: False leaves the prediction as it is under a mask, for a kernel that looks at ``keep`` itself; it is not
            copied then.

    Raises:
        InputError: Something does not fit; the subclass and the text say what.
    """
    if xp is None:
        xp = namespace_of(prediction=prediction, target=target)
    prediction, target = _to_arrays(xp, loss, prediction, target)
    dtype = prediction.dtype
    wide = xp.compute_dtype(prediction, target)
    if loss.class_axis or loss.layout == "sequence":
        prediction, target = last_axis(xp, loss, prediction, target, axis)
    narrow = _narrow(xp, loss, prediction, target, wide)
    prediction = xp.cast(prediction, wide)
    labels = match_target(xp, loss, prediction, target, axis)
    whole = xp.full_shape(prediction)
    shape = xp.shape(prediction)[: len(whole) - consumed(loss, whole)]
    if loss.layout == "region":
        region = regions.check_region(loss, region, shape)
    keep = _selection(xp, loss, target, mask, ignore_index, shape, labels)
    target = xp.to_int(target) if labels else xp.cast(target, wide)
    parameters = {k: _vector(xp, loss, k, v, prediction) for k, v in parameters.items()}
    arrays = {
        e.name: _extra(xp, loss, e, (extras or {}).get(e.name), prediction, target, shape, axis) for e in loss.extras
    }
    unhidden = prediction
    if keep is not None:
        prediction, target = _hide(xp, loss, prediction if hide else None, target, keep, labels)
        prediction = prediction if hide else unhidden
        narrow = _hide(xp, loss, *narrow, keep, labels)
        arrays = {e.name: _hide_extra(xp, loss, e, arrays[e.name], keep) for e in loss.extras}
    if check != "none" and xp.is_concrete(prediction) and xp.is_concrete(target):
        view = values.View(loss, parameters, xp.to_numpy(prediction), xp.to_numpy(target), labels, dtype)
        _look(xp, view, {k: x for k, x in arrays.items() if x is not None and xp.is_concrete(x)}, check)
    weight = None if weight is None else _weight(xp, weight, prediction, check)
    if loss.layout == "region":
        flat = _regions(xp, loss, region or "", prediction, target, weight, keep, shape)
        prediction, target, factor, inside = flat.prediction, flat.target, flat.factor, flat.inside
        unhidden = prediction
    else:
        factor = _factor(xp, weight, keep, shape, prediction)
        inside = xp.cast(keep, prediction.dtype) if keep is not None and loss.layout == "batch" else None
    if check == "full" and loss.examine is not None and loss.coupled:
        regions.examine(xp, loss, target, inside, parameters | arrays)
    return Inputs(
        xp,
        prediction,
        target,
        factor,
        parameters | arrays,
        axis,
        dtype,
        shape=whole,
        inside=inside,
        region=region or "",
        keep=keep,
        unhidden=unhidden,
        narrow=narrow,
    )


def _regions(
    xp: ModuleType, loss: Loss, region: str, prediction: Any, target: Any, weight: Any, keep: Any, shape: tuple
) -> regions.Flat:
    """Flatten into regions; a weight of one number per region goes with the regions, any other with their elements."""
    outer = None
    if weight is not None and regions.weighs_regions(region, len(xp.shape(weight))):
        outer, weight = align(xp, "weight", weight, shape[:1]), None
    inner = _factor(xp, weight, keep, shape, prediction)
    return regions.flatten(xp, loss, region, prediction, target, inner, outer, shape)


def _look(xp: ModuleType, view: values.View, arrays: Mapping[str, Any], check: str) -> None:
    """Look at what is on the host; the errors name the argument and the first value that does not fit."""
    loss = view.loss
    if view.labels and loss.target.role == "classes":
        values.check_labels(view)
    elif loss.target.role == "tokens" and len(arrays) == len(loss.extras):
        values.check_tokens(view, {k: xp.to_numpy(x) for k, x in arrays.items()})
    if check not in ("full", "values"):
        return
    values.check_domains(view)
    for extra in loss.extras:
        if extra.name in arrays:
            values.check_bounds(loss, extra.name, xp.to_numpy(arrays[extra.name]), extra.domain)


def _to_arrays(xp: ModuleType, loss: Loss, prediction: Any, target: Any) -> tuple[Any, Any]:
    like = prediction if is_native(prediction, xp.name) else target if is_native(target, xp.name) else None
    given = {"prediction": prediction, "target": target}
    arrays = {name: _as_array(xp, name, x, like) for name, x in given.items()}
    p, t = arrays["prediction"], arrays["target"]
    if xp.kind(p) != "float":
        p = xp.cast(p, xp.compute_dtype(p))
    if xp.kind(t) == "float" and not is_native(target, xp.name):
        t = xp.cast(t, xp.compute_dtype(p))  # a list, or NumPy beside a tensor, does not widen the result
    return p, t


def _narrow(xp: ModuleType, loss: Loss, prediction: Any, target: Any, wide: Any) -> tuple[Any, Any]:
    """Return what NumPy holds in float16 and a float32 kernel may read as it is: NumPy's own conversion is slow."""
    if xp.name != "numpy" or wide != np.float32 or prediction.dtype != np.float16 or loss.layout == "region":
        return None, None
    return prediction, target if target.dtype == np.float16 else None


def _as_array(xp: ModuleType, name: str, x: Any, like: Any) -> Any:
    if x is None:
        raise InputError(f"{name} is None; expected an array of numbers")
    try:
        array = x if is_native(x, xp.name) and hasattr(x, "dtype") else xp.asarray(x, like)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} cannot be read as an array of numbers ({error}); rows of one length and numbers alone are needed"
        ) from None
    if not xp.is_dense(array):
        raise InputError(
            f"{name} is a sparse, nested or quantised tensor; expected a dense one; give {name}.to_dense(), "
            f"{name}.to_padded_tensor(0) with a mask, or {name}.dequantize()"
        )
    if xp.kind(array) not in ("float", "int", "bool"):
        words = getattr(getattr(array, "dtype", None), "kind", "") in ("U", "S", "O") and name == "target"
        fix = (
            "classes, target = numpy.unique(target, return_inverse=True) makes class indices of names"
            if words
            else f"convert it first, for example numpy.asarray({name}, float)"
        )
        raise InputError(f"{name} has dtype {xp.kind(array)}; expected real numbers; {fix}")
    return array


def _selection(
    xp: ModuleType, loss: Loss, target: Any, mask: Any, ignore_index: int | None, shape: tuple, labels: bool
) -> Any:
    """Return the boolean array of values that count, aligned to the values, or None for all."""
    keep = None
    if mask is not None:
        mask = _as_array(xp, "mask", mask, target)
        if xp.kind(mask) == "float":
            raise InputError(
                "mask has a floating dtype; give booleans, as in mask=mask != 0, or pass factors as weight=mask"
            )
        keep = align(xp, "mask", mask if xp.kind(mask) == "bool" else mask != 0, shape)
    if ignore_index is None:
        return keep
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, Real):
        raise InputError(f"ignore_index is {ignore_index!r}; expected one number")
    if "ignore_index" not in loss.options:
        raise InputError(f"ignore_index is for classes, and {loss.name} has none; select with mask= instead")
    if loss.class_axis and not labels and not loss.target_per_row:
        raise InputError("ignore_index needs integer labels, and the target is dense rows; select with mask= instead")
    valid = (xp.to_int(target) if xp.kind(target) == "int" else target) != ignore_index  # uint8 cannot hold -100
    return valid if keep is None else keep & valid


def _vector(xp: ModuleType, loss: Loss, name: str, value: Any, prediction: Any) -> Any:
    """Return a parameter that may hold one number per class as an array of the compute dtype; others as they are."""
    kind = next(p.kind for p in loss.parameters if p.name == name)
    if value is None or kind not in ("vector", "factor") or isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value):
        value = np.asarray(value, np.float64)  # torch and TensorFlow read numbers as float32
    value = _as_array(xp, name, value, prediction)
    shape, given = xp.shape(prediction), xp.shape(value)
    fits = shape[-1:] if kind == "vector" else shape[len(shape) - len(given) :]
    if not (same(given, fits) or (kind == "factor" and broadcasts(given, fits))):
        raise ShapeError(f"{name} has shape {given}; expected {shape[-1:]}, one factor per class on the last axis")
    value = xp.cast(value, prediction.dtype)
    if xp.is_concrete(value):
        values.check_weight(name, xp.to_numpy(value))
    return value


def _extra(
    xp: ModuleType, loss: Loss, extra: Extra, x: Any, prediction: Any, target: Any, shape: tuple, axis: int
) -> Any:
    """Return one extra array in the compute dtype, aligned to the values or of the prediction's shape."""
    if x is None and extra.default is not None:
        x = extra.default(xp, prediction, target)
    if x is None:
        if extra.required:
            raise InputError(f"{extra.name} is missing; {loss.name}(prediction, target, {extra.name}) needs it")
        return None
    x = xp.cast(_as_array(xp, extra.name, x, prediction), prediction.dtype)
    if extra.shape == "values":
        return align(xp, extra.name, x, shape)
    if loss.class_axis and axis not in (-1, len(xp.shape(x)) - 1):
        x = xp.moveaxis(x, axis, -1)
    if not same(xp.shape(x), xp.shape(prediction)):
        raise ShapeError(mismatch(xp.shape(prediction), xp.shape(x)).replace("target", extra.name))
    return x


def _hide_extra(xp: ModuleType, loss: Loss, extra: Extra, x: Any, keep: Any) -> Any:
    if x is None:
        return None
    rows = xp.expand(keep, -1) if len(xp.shape(x)) > len(xp.shape(keep)) else keep
    return xp.where(rows, x, xp.zeros_like(x) + extra.domain.neutral)


def _hide(xp: ModuleType, loss: Loss, prediction: Any, target: Any, keep: Any, labels: bool) -> tuple[Any, Any]:
    def along(x: Any) -> Any:
        rows = keep
        for _ in range(len(xp.shape(x)) - len(xp.shape(keep))):
            rows = xp.expand(rows, -1)
        return rows

    if prediction is not None:
        prediction = xp.where(along(prediction), prediction, _neutral(xp, loss.prediction, prediction))
    if target is None:
        return prediction, None
    neutral = xp.zeros_like(target) if labels else _neutral(xp, loss.target, target)
    return prediction, xp.where(along(target), target, neutral)


def _neutral(xp: ModuleType, domain: Domain, x: Any) -> Any:
    """Valid values of the shape of ``x``: the domain's neutral number, or whole rows where rows must sum to 1."""
    zeros = xp.zeros_like(x)
    if domain.role == "classes":
        return xp.one_hot(xp.to_int(zeros[..., 0]), x.shape[-1], x.dtype)
    if domain.role == "distribution":
        return xp.softmax(zeros)
    return xp.log_softmax(zeros) if domain.role == "log_probabilities" else zeros + domain.neutral


def _weight(xp: ModuleType, weight: Any, like: Any, check: str) -> Any:
    weight = xp.cast(_as_array(xp, "weight", weight, like), like.dtype)
    if check == "full" and xp.is_concrete(weight):
        values.check_weight("weight", xp.to_numpy(weight))
    return weight


def _factor(xp: ModuleType, weight: Any, keep: Any, shape: tuple, like: Any) -> Any:
    """Return the weight aligned to the values, 0 where masked; None for 1 everywhere."""
    weight = None if weight is None else align(xp, "weight", weight, shape)
    if keep is None:
        return weight
    ones = xp.cast(keep, like.dtype)
    return ones if weight is None else xp.where(keep, weight + xp.zeros_like(ones), xp.zeros_like(weight + ones))
