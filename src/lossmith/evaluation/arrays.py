"""From any framework's arrays, lists or columns to NumPy, with the checks that do not depend on the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import namespace_of
from ..errors import DomainError, InputError, ShapeError

Locate = Callable[[int], str]


def position(row: int) -> str:
    """Say where a row of an array is; rows of files are found by number and line instead."""
    return f"position {row}"


def to_array(name: str, x: Any, locate: Locate = position) -> np.ndarray:
    """Return ``x`` as integers, floats or strings in NumPy, of shape (N,) or (N, C).

    Args:
        name: What the array is, for the message.
        x: Array of any framework, list, or column of a data frame.
        locate: Says in words where a row is.

    Raises:
        InputError: ``x`` is no such array; ShapeError and DomainError (NaN, missing) where they say more.
    """
    if x is None:
        raise InputError(f"{name} is None; expected an array")
    array = to_numpy(name, x)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise ShapeError(f"{name} has shape {array.shape}; expected (N,) or (N, C), one row per example")
    if array.size == 0:
        raise InputError(f"{name} has shape {array.shape}: there is nothing to evaluate")
    if array.dtype.kind in "OSUT":
        return _from_objects(name, array, locate)
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} has dtype {array.dtype}; expected numbers or class names")
    check_missing(name, array, locate)
    return array


def to_numpy(name: str, x: Any) -> np.ndarray:
    """Return any framework's array, or a list, as a NumPy array; bfloat16 becomes float64.

    Raises:
        InputError: ``x`` is none of these.
    """
    namespace = namespace_of(**{name: x})
    if namespace.name == "numpy":
        try:
            array = np.asarray(x)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} cannot be read as an array: {error}") from None
    else:
        array = np.asarray(namespace.to_numpy(x.cpu() if namespace.name == "torch" else x))
    return array.astype(np.float64) if array.dtype.name == "bfloat16" else array


def _from_objects(name: str, array: np.ndarray, locate: Locate) -> np.ndarray:
    """Return strings as they are and Python objects as the numbers or strings they hold."""
    if array.dtype.kind == "O":
        missing = np.array([v is None or v != v for v in array.flat]).reshape(array.shape)
        if missing.any():
            raise DomainError(f"{name} is missing at {locate(int(np.argwhere(missing)[0][0]))}; leave such rows out")
        if not any(isinstance(v, str | bytes) for v in array.flat):
            return to_array(name, _numbers(name, array), locate)
    if array.ndim == 2:
        raise InputError(f"{name} of shape {array.shape} holds text; text is for class names, one per row")
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in array.tolist()]
    return np.array(texts, dtype=np.str_)


def _numbers(name: str, array: np.ndarray) -> np.ndarray:
    if all(isinstance(v, int | np.integer) for v in array.flat):  # bool is an int
        return array.astype(np.int64)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        kinds = sorted({type(v).__name__ for v in array.flat})
        raise InputError(f"{name} holds {', '.join(kinds[:3])}; expected numbers or class names") from None


def check_missing(name: str, array: np.ndarray, locate: Locate) -> None:
    """Raise DomainError naming the first row that holds NaN."""
    if array.dtype.kind != "f":
        return
    with np.errstate(invalid="ignore", over="ignore"):
        if not np.isnan(array.sum(dtype=np.float64)):
            return  # one pass without a mask: a sum is NaN if an element is
    bad = np.asarray(np.isnan(array).reshape(len(array), -1).any(axis=1))
    if bad.any():
        raise DomainError(
            f"{name} is NaN at {locate(int(np.argmax(bad)))} ({int(bad.sum())} of {len(bad)} rows); "
            "leave such rows out, or find where they come from"
        )


def is_text(array: np.ndarray) -> bool:
    """Whether the array holds strings."""
    return array.dtype.kind == "U"


def is_whole(array: np.ndarray) -> bool:
    """Whether the array holds whole numbers (of any dtype)."""
    if array.dtype.kind in "iu":
        return True
    return array.dtype.kind == "f" and bool(np.all(np.isfinite(array)) and np.all(array == np.rint(array)))


def is_binary(array: np.ndarray) -> bool:
    """Whether the array holds nothing but 0 and 1."""
    return not is_text(array) and bool(np.all((array == 0) | (array == 1)))
