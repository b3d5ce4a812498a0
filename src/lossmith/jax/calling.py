"""How the functions of this face call a loss: optax's axes and masks on one side, rows and the core on the other.

A loss on rows gets its axes at the end and flattened to one, whatever hides classes as logits of -inf (or zeros) with
targets of 0, and the rows that are hidden wholly as a mask: ``where`` selects, so that a NaN under it touches nothing.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple, TypedDict

import jax.numpy as jnp
import numpy as np

from ..arrays import load
from ..core import call
from ..errors import InputError, ShapeError
from ..losses import find

XP = load("jax")
Axis = int | tuple[int, ...] | None


class Options(TypedDict, total=False):
    """What every function of this face takes by keyword, with the meaning that it has everywhere in lossmith.

    ``reduction`` is "none" by default, as optax reduces nothing.
    """

    weight: Any
    mask: Any
    ignore_index: int | None
    reduction: str
    normalizer: Any
    empty: str


class Rows(NamedTuple):
    """Arguments of a loss on rows: the axis that it consumes is last, and what ``where`` hides is harmless."""

    prediction: Any
    target: Any
    options: Options


def apply(
    name: str,
    prediction: Any,
    target: Any,
    options: Options,
    *,
    extras: dict[str, Any] | None = None,
    like: tuple[Any, ...] | None = None,
    **parameters: Any,
) -> Any:
    """Return the loss ``name``; without a reduction in optax's dtype, otherwise in float32 or better.

    Args:
        name: Of the definition.
        prediction: Array.
        target: Array; None for zeros.
        options: The caller's options.
        extras: Further arrays that the loss takes.
        like: Arrays whose dtypes are promoted to that of values without a reduction; by default the first two.
        **parameters: Of the loss.
    """
    loss = find(name)
    prediction = jnp.asarray(prediction)
    target = jnp.zeros_like(prediction) if target is None else jnp.asarray(target)
    settings: dict[str, Any] = {"reduction": "none", **options}
    parameters = loss.resolve(parameters)
    result = call(loss, prediction, target, parameters=parameters, extras=extras, xp=XP, check="labels", **settings)
    if settings["reduction"] != "none":
        return result
    dtypes = [jnp.asarray(x).dtype for x in like or (prediction, target)]
    floats = [dtype for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)]
    return result.astype(jnp.result_type(*floats)) if floats else result


def scaled(result: Any, factor: float) -> Any:
    """Return ``factor`` times a result of :func:`apply`; of a pair (total, weight) the total."""
    return (factor * result[0], result[1]) if isinstance(result, tuple) else factor * result


def to_rows(
    prediction: Any,
    target: Any,
    axis: Axis,
    where: Any,
    options: Options,
    *,
    hidden: float = -jnp.inf,
    where_per_row: bool = False,
) -> Rows:
    """Return the arguments with ``axis`` last and ``where`` applied.

    Args:
        prediction: Array.
        target: Array of the same shape, or of one number per row.
        axis: The axis, or axes, that the loss consumes; None for all.
        where: Booleans that broadcast to the prediction; True counts. None for all.
        options: The caller's options.
        hidden: What the prediction becomes where it does not count: -inf, or 0 for vectors. A row that is hidden wholly
            does not count either, unless it is a vector, of length 0.
        where_per_row: Whether ``where`` may also have one boolean per row.

    Raises:
        ShapeError: An axis that is not there, or a ``where`` that does not fit.
        InputError: An axis that is no whole number, or a ``where`` that is not boolean.
    """
    prediction, target = jnp.asarray(prediction), jnp.asarray(target)
    shape = prediction.shape
    axes = _axes(axis, shape)
    dense = target.shape == shape
    rows, goal = _flatten(prediction, axes), _flatten(target, axes) if dense else target
    if where is None:
        return Rows(rows, goal, options)
    counts = _flatten(_fitting(jnp.asarray(where), shape, axes, where_per_row), axes)
    if hidden:
        some, mask = jnp.any(counts, axis=-1), options.get("mask")
        options = {**options, "mask": some if mask is None else some & _aligned(jnp.asarray(mask) != 0, some.shape)}
        if not hides_classes(where, shape, axis):
            return Rows(rows, goal, options)  # the mask says it all
    return Rows(jnp.where(counts, rows, hidden), jnp.where(counts, goal, 0) if dense else goal, options)


def shown(x: Any, options: Options) -> Any:
    """Return rows with zeros where ``mask`` hides them: for what is computed from them before the core hides them."""
    mask = options.get("mask")
    if mask is None:
        return x
    return jnp.where(_aligned(jnp.asarray(mask) != 0, x.shape[:-1])[..., None], x, 0)


def hides_classes(where: Any, shape: tuple[int, ...], axis: Axis) -> bool:
    """Whether ``where`` tells the entries of one row apart."""
    given = np.shape(where)
    return len(given) == len(shape) and any(given[a] != 1 for a in _axes(axis, shape))


def flatten(x: Any, axis: Axis) -> Any:
    """Return ``x`` with ``axis`` at the end, several axes as one."""
    x = jnp.asarray(x)
    return _flatten(x, _axes(axis, x.shape))


def wide(*arrays: Any) -> list[Any]:
    """Return the arrays in the dtype to compute in: the widest of them, float32 or better."""
    dtype = XP.compute_dtype(*arrays)
    return [x.astype(dtype) for x in arrays]


def number(name: str, x: Any) -> Any:
    """Return ``x``.

    Raises:
        InputError: It is not a single number.
    """
    if np.ndim(x):
        raise InputError(f"{name} has shape {np.shape(x)}; expected one number")
    return x


def _axes(axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes counted from the end: (-1,) is the last one."""
    rank = len(shape)
    given = range(rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    try:
        axes = [operator.index(a) for a in given if not isinstance(a, bool)]
    except TypeError:
        axes = []
    if len(axes) != len(given) or axis == ():
        raise InputError(f"axis is {axis!r}; expected a whole number, a tuple of them, or None for all axes")
    if any(not -rank <= a < rank for a in axes) and rank:
        raise ShapeError(f"axis is {axis}, but the prediction has shape {shape}; use -{rank} … {rank - 1}")
    axes = [a - rank if a >= 0 else a for a in axes]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis is {axis}, which names an axis of shape {shape} twice; name each once")
    return tuple(axes)


def _flatten(x: Any, axes: tuple[int, ...]) -> Any:
    if axes == (-1,) or not x.ndim:
        return x  # the core says what is wrong with a single number
    if len(axes) == 1:
        return jnp.moveaxis(x, axes[0], -1)
    x = jnp.moveaxis(x, axes, range(-len(axes), 0))
    return x.reshape(*x.shape[: x.ndim - len(axes)], -1)


def _fitting(where: Any, shape: tuple[int, ...], axes: tuple[int, ...], per_row: bool) -> Any:
    """Return ``where`` in the prediction's shape."""
    if where.dtype != bool:
        raise InputError(f"where has dtype {where.dtype}; expected booleans, as in where=where != 0")
    rows = tuple(n for i, n in enumerate(shape) if i - len(shape) not in axes)
    full = where
    if per_row and where.ndim != len(shape) and where.shape == rows:
        full = jnp.expand_dims(where, axes)
    if full.ndim != len(shape) or any(w not in (1, n) for w, n in zip(full.shape, shape, strict=True)):
        fits = f"{shape}, with 1 where it is the same along an axis" + (
            f", or {rows} for whole rows" if per_row else ""
        )
        raise ShapeError(f"where has shape {where.shape} and the prediction {shape}; expected {fits}")
    return jnp.broadcast_to(full, shape)


def _aligned(mask: Any, shape: tuple[int, ...]) -> Any:
    """Return ``mask``, which goes along the leading axes of the rows, with the rank of ``shape``."""
    fits = mask.ndim == len(shape) and all(m in (1, n) for m, n in zip(mask.shape, shape, strict=True))
    if not fits and mask.shape != shape[: mask.ndim]:
        raise ShapeError(f"mask has shape {mask.shape}; it goes along the leading axes of the values, {shape}")
    return mask.reshape(*mask.shape, *[1] * (len(shape) - mask.ndim))
