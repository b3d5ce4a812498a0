"""A target column: from whatever holds it to clean values, with what is missing counted and left out.

Values are int64 (also for booleans), float64 or strings, of shape (N,), or numbers of shape (N, K) for several columns.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import DomainError, InputError, ShapeError
from ...evaluation.arrays import Locate, is_text, is_whole, position, to_numpy
from ...evaluation.parsing import MISSING, bad_value, is_number, numbers
from .words import plural

_GAPS = frozenset(MISSING) - {"none"}  # "none" may well be a class
_IGNORED = -100  # what PyTorch's CrossEntropyLoss ignores, and with it nearly every tokenizer's collator
_MOSTLY = 0.5  # share of numbers above which a column holds numbers, and something else in it is a mistake


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """A target without its missing rows.

    Attributes:
        name: For messages and the result.
        values: (N,) or (N, K).
        rows: The number of rows with the missing ones.
        labels: Names of the columns where there are several.
        boolean: Whether the values were True and False.
        assumptions: What was guessed when reading, in sentences.
    """

    name: str
    values: np.ndarray
    rows: int
    labels: tuple[str, ...] = ()
    boolean: bool = False
    assumptions: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of rows that have a value."""
        return len(self.values)

    @property
    def missing(self) -> int:
        """The number of rows that have none."""
        return self.rows - self.n

    @property
    def text(self) -> bool:
        """Whether the values are strings."""
        return is_text(self.values)

    @cached_property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return is_whole(self.values)

    @cached_property
    def tally(self) -> tuple[np.ndarray, np.ndarray]:
        """The different values, sorted, and how often each occurs."""
        return np.unique(self.values, return_counts=True)

    @property
    def distinct(self) -> np.ndarray:
        """The different values, sorted."""
        return self.tally[0]


@dataclass(frozen=True)
class _Cleaned:
    values: np.ndarray
    there: np.ndarray  # (N,) which rows have a value
    boolean: bool = False
    example: str = ""  # of a number with a decimal comma


def from_array(target: Any, decimal: str | None = None) -> Column:
    """Return a column from an array of any framework, a list, or a column or table of a data frame.

    Raises:
        InputError: It is no such array, or holds no value; the subclass and the text say what.
    """
    if target is None:
        raise InputError("target is None; expected an array, a list or a column of a data frame")
    name = str(getattr(target, "name", None) or "target")
    labels = [str(label) for label in getattr(target, "columns", ())]
    if hasattr(target, "to_numpy") and hasattr(target, "dtype") and str(target.dtype) in ("category", "boolean"):
        target = target.astype(object)
    array = to_numpy("target", target)
    if array.ndim == 2 and array.shape[1] == 1:
        array, labels = array[:, 0], []
    if array.ndim not in (1, 2):
        raise ShapeError(f"target has shape {array.shape}; expected (N,), or (N, K) for several columns")
    if array.ndim == 1:
        return from_columns({name: array}, name=name, decimal=decimal)
    labels = labels or [str(i) for i in range(array.shape[1])]
    return from_columns(dict(zip(labels, array.T, strict=True)), name=name, decimal=decimal)


def from_columns(
    arrays: Mapping[str, np.ndarray], *, name: str, locate: Locate = position, decimal: str | None = None
) -> Column:
    """Return one column, or several side by side, without the rows in which one of them is missing.

    Raises:
        InputError: Nothing is left, several columns hold text or have different shapes, or a value is infinite.
        DataError: A value is text where a number belongs.
    """
    if len(arrays) == 1:
        (array,) = arrays.values()
        if array.ndim == 2 and array.shape[1] > 1:
            arrays = {str(i): array[:, i] for i in range(array.shape[1])}
        else:
            return _one(name, _clean(name, array.reshape(len(array)), locate, decimal))
    cleaned = {label: _clean(label, array, locate, decimal) for label, array in arrays.items()}
    rows = {len(c.there) for c in cleaned.values()}
    for label, c in cleaned.items():
        if is_text(c.values):
            raise InputError(f"column {label!r} holds text ({str(c.values[0])!r}); several columns must hold numbers")
        if c.values.ndim != 1 or len(rows) > 1:
            raise ShapeError(f"column {label!r} has {len(c.there)} rows; several columns must be of one length")
    there = np.all([c.there for c in cleaned.values()], axis=0)
    whole = all(c.values.dtype.kind == "i" for c in cleaned.values())
    values = np.empty((int(there.sum()), len(cleaned)), np.int64 if whole else np.float64)
    for k, c in enumerate(cleaned.values()):
        values[:, k] = c.values[there[c.there]]
    if not len(values):
        raise InputError(f"{name} has no row in which every column has a value")
    return Column(name=name, values=values, rows=len(there), labels=tuple(arrays), assumptions=_said(cleaned))


def _one(name: str, c: _Cleaned) -> Column:
    if not len(c.there):
        raise InputError(f"{name} has no rows")
    if not len(c.values):
        raise InputError(f"{name} has no values: all of its {len(c.there)} rows are missing")
    labelled = _labelled(c.values)
    ignored = len(c.values) - int(labelled.sum())
    return Column(
        name=name,
        values=c.values[labelled] if ignored else c.values,
        rows=len(c.there),
        boolean=c.boolean,
        assumptions=(*_said({name: c}), *([_said_of_ignored(name, ignored)] if ignored else [])),
    )


def _labelled(values: np.ndarray) -> np.ndarray:
    """Return which rows have a label: not -100 beside classes 0 to C - 1 or 1 to C (among numbers it is one)."""
    everything = np.ones(len(values), bool)
    if values.ndim != 1 or values.dtype.kind != "i" or not len(values) or values.min() != _IGNORED:
        return everything
    labelled = values != _IGNORED
    classes = np.unique(values[labelled])
    consecutive = classes.size > 1 and classes[0] in (0, 1) and classes[-1] - classes[0] == classes.size - 1
    return labelled if consecutive else everything


def _said_of_ignored(name: str, ignored: int) -> str:
    return (
        f"{_IGNORED} in {plural(ignored, 'row')} of {name!r} read as no label, as PyTorch's CrossEntropyLoss has it: "
        f"leave such rows out (y != {_IGNORED}), or give a softmax cross-entropy ignore_index={_IGNORED} (Keras: "
        f"ignore_class={_IGNORED})."
    )


def _said(cleaned: Mapping[str, _Cleaned]) -> tuple[str, ...]:
    found = {label: c.example for label, c in cleaned.items() if c.example}
    if not found:
        return ()
    label, text = next(iter(found.items()))
    more = f" and {len(found) - 1} more columns" if len(found) > 1 else ""
    read = f"{text} read as {text.replace(',', '.')}"
    return (f"Decimal commas in {label!r}{more}: {read}; decimal= (--decimal) says otherwise.",)


def _clean(name: str, array: np.ndarray, locate: Locate, decimal: str | None) -> _Cleaned:
    """Return what there is of one column."""
    if array.ndim != 1:
        raise ShapeError(f"column {name!r} has shape {array.shape}; expected one number or word per row")
    if array.dtype.kind in "Mm":
        raise _dates(name, array[0])
    if array.dtype.kind == "O":
        return _from_objects(name, array, locate, decimal)
    if array.dtype.kind in "US":
        return _from_texts(name, array.astype(np.str_), locate, decimal)
    if array.dtype.kind == "b":
        return _Cleaned(array.astype(np.int64), np.ones(len(array), bool), boolean=True)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} has dtype {array.dtype}; expected numbers, words or booleans")
    if array.dtype.kind in "iu":
        return _Cleaned(array.astype(np.int64), np.ones(len(array), bool))
    there = ~np.isnan(array)
    return _Cleaned(_settled(name, array[there].astype(np.float64), np.flatnonzero(there), locate), there)


def _settled(name: str, values: np.ndarray, rows: np.ndarray, locate: Locate) -> np.ndarray:
    """Return floats as integers where they are whole, as a column of integers with gaps is."""
    infinite = np.isinf(values)
    if infinite.any():
        at = int(np.argmax(infinite))
        raise DomainError(f"{name} is {values[at]} at {locate(int(rows[at]))}; no loss takes an infinite target")
    if is_whole(values) and (not len(values) or np.abs(values).max() < 2**53):
        return values.astype(np.int64)
    return values


def _from_objects(name: str, array: np.ndarray, locate: Locate, decimal: str | None) -> _Cleaned:
    there = np.array([not _absent(v) for v in array])
    kept = array[there].tolist()
    if any(isinstance(v, datetime.date | datetime.time | datetime.timedelta) for v in kept):
        raise _dates(name, kept[0])
    if kept and all(isinstance(v, bool | np.bool_) for v in kept):
        return _Cleaned(np.array(kept, np.int64), there, boolean=True)
    if any(isinstance(v, str | bytes) for v in kept):
        texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in kept]
        inner = _from_texts(name, np.array(texts), lambda row: locate(int(np.flatnonzero(there)[row])), decimal)
        there[there] = inner.there
        return _Cleaned(inner.values, there, example=inner.example)
    try:
        values = np.array([float(v) for v in kept])
    except (TypeError, ValueError):
        kinds = sorted({type(v).__name__ for v in kept})
        raise InputError(f"{name} holds {', '.join(kinds[:3])}; expected numbers, words or booleans") from None
    return _Cleaned(_settled(name, values, np.flatnonzero(there), locate), there)


def _absent(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return bool(isinstance(value, float | np.floating) and value != value)


def _from_texts(name: str, texts: np.ndarray, locate: Locate, decimal: str | None) -> _Cleaned:
    stripped = np.char.strip(texts)
    found, index = np.unique(stripped, return_inverse=True)
    there = ~np.isin(found, [word for word in found if word.lower() in _GAPS])[index]
    kept = stripped[there]
    rows = np.flatnonzero(there)
    read = numbers(f"column {name!r}", kept, decimal, lambda row: locate(int(rows[row])))
    if {str(word).lower() for word in found} - _GAPS == {"true", "false"}:
        return _Cleaned((np.char.lower(kept) == "true").astype(np.int64), there, boolean=True)
    if read.values is not None and len(kept):
        values = read.values if read.values.dtype.kind == "i" else _settled(name, read.values, rows, locate)
        return _Cleaned(values, there, example=read.example)
    numeric = np.array([is_number(str(word)) for word in found])[index][there]
    if len(kept) and numeric.mean() > _MOSTLY:
        raise bad_value(f"column {name!r}", kept, lambda row: locate(int(rows[row])))
    return _Cleaned(kept, there)


def _dates(name: str, value: Any) -> InputError:
    return InputError(
        f"{name} holds dates or times ({value}), which are no target; predict a number made of them, such as the days "
        "from another date"
    )


def shares(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return counts as shares of their sum."""
    return np.asarray(counts) / np.sum(counts)
