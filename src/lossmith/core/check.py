"""From what a user passes to canonical arrays, or to an error that says what to type.

After ``prepare`` the class axis is last, prediction and target have the dtype to compute in (labels: integers), weight
and mask have the rank of the values, and whatever a mask or ``ignore_index`` hides has been replaced by a harmless
valid number, so that a NaN under it reaches neither value nor gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..arrays import is_native, namespace_of
from ..errors import InputError, LabelError, ShapeError
from ..losses import Domain, Extra, Loss
from . import regions, values


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
    prediction = xp.cast(prediction, wide)
    if loss.class_axis or loss.layout == "sequence":
        prediction, target = _last_axis(xp, loss, prediction, target, axis)
    labels = _match(xp, loss, prediction, target, axis)
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
        arrays = {e.name: _hide_extra(xp, loss, e, arrays[e.name], keep) for e in loss.extras}
    if check != "none" and xp.is_concrete(prediction) and xp.is_concrete(target):
        view = values.View(loss, parameters, xp.to_numpy(prediction), xp.to_numpy(target), labels, dtype)
        _look(xp, view, {k: x for k, x in arrays.items() if x is not None and xp.is_concrete(x)}, check)
    weight = None if weight is None else _weight(xp, weight, prediction, check)
    outer = inside = None
    if loss.layout == "region":
        if weight is not None and regions.weighs_regions(region or "", len(xp.shape(weight))):
            outer, weight = _align(xp, "weight", weight, shape[:1]), None
        inner = _factor(xp, weight, keep, shape, prediction)
        flat = regions.flatten(xp, loss, region or "", prediction, target, inner, outer, shape)
        prediction, target, factor, inside = flat.prediction, flat.target, flat.factor, flat.inside
        unhidden = prediction
    else:
        factor = _factor(xp, weight, keep, shape, prediction)
        if keep is not None and loss.layout == "batch":
            inside = xp.cast(keep, prediction.dtype)
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
    )


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


def _as_array(xp: ModuleType, name: str, x: Any, like: Any) -> Any:
    if x is None:
        raise InputError(f"{name} is None; expected an array of numbers")
    try:
        array = x if is_native(x, xp.name) and hasattr(x, "dtype") else xp.asarray(x, like)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} cannot be read as an array of numbers ({error}); rows of one length and numbers alone are needed"
        ) from None
    if xp.kind(array) not in ("float", "int", "bool"):
        words = getattr(getattr(array, "dtype", None), "kind", "") in ("U", "S", "O") and name == "target"
        fix = (
            "classes, target = numpy.unique(target, return_inverse=True) makes class indices of names"
            if words
            else f"convert it first, for example numpy.asarray({name}, float)"
        )
        raise InputError(f"{name} has dtype {xp.kind(array)}; expected real numbers; {fix}")
    return array


def _last_axis(xp: ModuleType, loss: Loss, prediction: Any, target: Any, axis: int) -> tuple[Any, Any]:
    rank = len(xp.shape(prediction))
    if rank == 0:
        raise ShapeError(f"prediction is a single number; {loss.name} needs the class axis, shape (…, C)")
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise InputError(f"axis is {axis!r}; expected one whole number, as in axis=-1")
    if not -rank <= axis < rank:
        raise ShapeError(f"axis is {axis}, but prediction has shape {xp.shape(prediction)}; use -{rank} … {rank - 1}")
    if xp.shape(prediction)[axis] == 0:
        raise ShapeError(f"prediction has shape {xp.shape(prediction)}: axis {axis} holds no class or feature to score")
    if axis in (-1, rank - 1):
        return prediction, target
    dense = len(xp.shape(target)) == rank
    return xp.moveaxis(prediction, axis, -1), xp.moveaxis(target, axis, -1) if dense else target


def consumed(loss: Loss, shape: tuple) -> int:
    """Return how many of the prediction's last axes do not belong to the values (of regions: to the elements)."""
    if loss.layout == "batch":
        return len(shape) - 1
    return 2 if loss.layout == "sequence" else int(loss.class_axis)


def _match(xp: ModuleType, loss: Loss, prediction: Any, target: Any, axis: int) -> bool:
    """Check the shapes against each other; return whether the target is integer labels."""
    p, t = xp.shape(prediction), xp.shape(target)
    if loss.layout in ("batch", "sequence"):
        _check_ranks(loss, p, t)
        if loss.target.role in ("groups", "tokens"):
            return _check_integers(xp, loss, target, p, t)
    length = loss.prediction.length
    if length is not None and p[-1] not in (length, None):
        raise ShapeError(f"prediction has shape {p}; {loss.name} takes rows of {length} on the last axis")
    if loss.target_per_row:
        if not _same(p[:-1], t):
            raise ShapeError(f"prediction has shape {p} and target has shape {t}; expected {p[:-1]}, one per row")
        return False
    if _same(p, t):
        return False
    if loss.target.role != "classes":
        raise ShapeError(_mismatch(p, t, xp.kind(target)))
    if not _same(p[:-1], t):
        raise ShapeError(_label_mismatch(p, t, axis))
    if xp.kind(target) == "float" and 0 not in t:
        raise LabelError(
            f"target has shape {t} and a floating dtype, prediction has shape {p}: class indices must be integers; "
            f"convert the target (NumPy: target.astype(int); torch: target.long()), or give rows over the {p[-1]} "
            "classes"
        )
    return True


def _check_ranks(loss: Loss, p: tuple, t: tuple) -> None:
    if loss.layout == "sequence":
        if len(p) < 2 or len(t) < 1 or not _same(p[:-2], t[:-1]):
            raise ShapeError(
                f"prediction has shape {p} and target has shape {t}; {loss.name} takes (…, T, C) scores and (…, S) "
                "tokens with the same leading axes"
            )
        if p[-2] == 0:
            raise ShapeError(f"prediction has shape {p}: axis -2 holds no step to read")
        return
    rank = 1 if loss.prediction.role == "values" else 2
    if len(p) != rank:
        wanted = "(N,), one score per row" if rank == 1 else "(N, F), one vector per row"
        hint = "; use prediction.squeeze(-1) (prediction[..., 0])" if rank == 1 and p[1:] == (1,) else ""
        raise ShapeError(
            f"prediction has shape {p}; {loss.name} compares the rows of one batch and takes {wanted}{hint}"
        )
    if rank == 2 and p[-1] == 0:
        raise ShapeError(f"prediction has shape {p}: axis -1 holds no feature to compare")


def _check_integers(xp: ModuleType, loss: Loss, target: Any, p: tuple, t: tuple) -> bool:
    if loss.target.role == "groups" and not _same(p[:1], t):
        hint = "; use target.squeeze(-1) (target[..., 0])" if t == (*p[:1], 1) else ""
        raise ShapeError(f"prediction has shape {p} and target has shape {t}; expected {p[:1]}, one per row{hint}")
    if xp.kind(target) == "float" and 0 not in t:
        raise LabelError(
            f"target has a floating dtype; {loss.name} takes {loss.target.describe()}: convert it "
            "(NumPy: target.astype(int); torch: target.long())"
        )
    return True


def _same(a: tuple, b: tuple) -> bool:
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _mismatch(p: tuple, t: tuple, kind: str = "") -> str:
    text = f"prediction has shape {p} and target has shape {t}; they must be equal, as nothing is broadcast"
    if p == (*t, 1):
        return f"{text}; use prediction.squeeze(-1) (prediction[..., 0])"
    if t == (*p, 1):
        return f"{text}; use target.squeeze(-1) (target[..., 0])"
    if len(p) == len(t) + 1 and kind == "int":
        return f"{text}; class indices as target? take softmax_cross_entropy, or one-hot rows"
    return f"{text}; pick, reduce or reshape the one that is wrong, for example target.reshape({p})"


def _label_mismatch(p: tuple, t: tuple, axis: int) -> str:
    """Return what is wrong with a target; ``p`` has its classes last, the text shows them where they were."""
    rows, place = p[:-1], axis % len(p)
    where = "the last axis" if place == len(p) - 1 else f"axis {axis}"
    given = (*rows[:place], p[-1], *rows[place:])
    if len(t) == len(p):
        t = (*t[:-1][:place], t[-1], *t[:-1][place:])  # dense rows were moved, too
    text = (
        f"prediction has shape {given}, that is {p[-1]} classes on {where}; target has shape {t}, expected {rows} for "
        f"class indices or {given} for one-hot or soft rows"
    )
    if t == (*rows, 1):
        return f"{text}; use target.squeeze(-1) (target[..., 0])"
    if len(p) > 2 and given == p and t == (p[0], *p[2:]):
        return f"{text}; are the classes on axis 1? then add axis=1"
    return text


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
        keep = _align(xp, "mask", mask if xp.kind(mask) == "bool" else mask != 0, shape)
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


def _align(xp: ModuleType, name: str, x: Any, shape: tuple) -> Any:
    """Give ``x`` the rank of the values; it matches their leading axes, or all of them with ones."""
    given = xp.shape(x)
    if len(given) == len(shape):
        if _broadcasts(given, shape):
            return x
    elif _same(given, shape[: len(given)]):
        for _ in range(len(shape) - len(given)):
            x = xp.expand(x, -1)
        return x
    allowed = " or ".join(str(shape[:n]) for n in range(1, len(shape) + 1)) or "()"
    hint = f"; use {name}.squeeze(-1)" if given[-1:] == (1,) and _same(given[:-1], shape[: len(given) - 1]) else ""
    raise ShapeError(f"{name} has shape {given}; it goes along the leading axes of the values, so {allowed}{hint}")


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
    if not (_same(given, fits) or (kind == "factor" and _broadcasts(given, fits))):
        raise ShapeError(f"{name} has shape {given}; expected {shape[-1:]}, one factor per class on the last axis")
    value = xp.cast(value, prediction.dtype)
    if xp.is_concrete(value):
        values.check_weight(name, xp.to_numpy(value))
    return value


def _broadcasts(given: tuple, shape: tuple) -> bool:
    return len(given) == len(shape) and all(
        a is None or b is None or a == b or a == 1 for a, b in zip(given, shape, strict=True)
    )


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
        return _align(xp, extra.name, x, shape)
    if loss.class_axis and axis not in (-1, len(xp.shape(x)) - 1):
        x = xp.moveaxis(x, axis, -1)
    if not _same(xp.shape(x), xp.shape(prediction)):
        raise ShapeError(_mismatch(xp.shape(prediction), xp.shape(x)).replace("target", extra.name))
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
    weight = None if weight is None else _align(xp, "weight", weight, shape)
    if keep is None:
        return weight
    ones = xp.cast(keep, like.dtype)
    return ones if weight is None else xp.where(keep, weight + xp.zeros_like(ones), xp.zeros_like(weight + ones))
