"""Class labels in any spelling (indices, class names, one-hot rows) to integers 0 … C-1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..errors import InputError, LabelError, UnknownNameError
from .arrays import Locate, is_binary, is_text, is_whole


def distinct(*arrays: np.ndarray) -> tuple[str, ...]:
    """Return the distinct labels of all ``arrays`` as class names, sorted (numbers by value)."""
    if any(is_text(a) for a in arrays):
        found = {str(v) for a in arrays for v in np.unique(a)}
        return tuple(sorted(found))
    values = np.unique(np.concatenate([np.unique(a) for a in arrays]))
    return tuple(f"{v:g}" if v != round(float(v)) else str(int(v)) for v in values)


def check_class_names(names: Sequence[object]) -> tuple[str, ...]:
    """Return class names as strings.

    Raises:
        InputError: A name occurs twice, or the names are a string.
    """
    if isinstance(names, str):
        raise InputError(f"class_names is the string {names!r}; expected a list of names")
    texts = tuple(str(n) for n in names)
    text, times = Counter(texts).most_common(1)[0] if texts else ("", 0)
    if times > 1:
        raise InputError(f"class_names holds {text!r} {times} times; each class needs a name of its own")
    return texts


def encode(name: str, values: np.ndarray, class_names: tuple[str, ...], locate: Locate) -> np.ndarray:
    """Return ``values`` as int64 class indices.

    Strings are looked up in ``class_names``. So are numbers where the names themselves are numbers (classes 1 … 10);
    otherwise a number is the index.

    Args:
        name: "target" or "prediction", for the message.
        values: (N,) labels, or (N, C) one-hot rows.
        class_names: The C names.
        locate: Says in words where a row is.

    Raises:
        UnknownNameError: A string is not among the class names.
        LabelError: A number is not whole or out of range, or a row is not one-hot.
    """
    if values.ndim == 2:
        return _from_one_hot(name, values, len(class_names), locate)
    if is_text(values):
        return _from_names(name, values, class_names, locate)
    if not is_whole(values):
        at = int(np.argmax(values != np.rint(values)))
        raise LabelError(f"{name} is {values[at]:g} at {locate(at)}; class labels are whole numbers or class names")
    if _numeric(class_names) and class_names != tuple(map(str, range(len(class_names)))):
        return _from_names(name, values.astype(np.int64).astype(np.str_), class_names, locate)
    labels = values.astype(np.int64)
    _check_range(name, labels, len(class_names), locate)
    return labels


def signs_to_bits(values: np.ndarray) -> np.ndarray:
    """Return labels -1 and +1 as 0 and 1; others as they are."""
    if is_text(values) or values.ndim != 1 or not np.all(np.abs(values) == 1) or values.min() == 1:
        return values
    return (values > 0).astype(np.int64)


def _numeric(class_names: tuple[str, ...]) -> bool:
    return all(n.removeprefix("-").isdecimal() for n in class_names)


def _from_names(name: str, values: np.ndarray, class_names: tuple[str, ...], locate: Locate) -> np.ndarray:
    found, index = np.unique(values, return_inverse=True)
    place = {text: i for i, text in enumerate(class_names)}
    for text in found:
        if str(text) not in place:
            at = int(np.argmax(values == text))
            raise UnknownNameError("class", text, class_names, where=f"the class names ({name}, {locate(at)})")
    return np.array([place[str(text)] for text in found], dtype=np.int64)[index]


def _from_one_hot(name: str, values: np.ndarray, classes: int, locate: Locate) -> np.ndarray:
    if values.shape[1] != classes:
        raise LabelError(f"{name} has {values.shape[1]} columns for {classes} classes")
    bad = (values.sum(axis=1) != 1) | ~((values == 0) | (values == 1)).all(axis=1)
    if bad.any():
        at = int(np.argmax(bad))
        several = is_binary(values) and values[at].sum() > 1
        hint = "several labels per row are task 'multilabel'" if several else "for soft rows give target.argmax(-1)"
        raise LabelError(f"{name} at {locate(at)} is not one-hot; {hint}")
    return values.argmax(axis=1)


def _check_range(name: str, labels: np.ndarray, classes: int, locate: Locate) -> None:
    bad = (labels < 0) | (labels >= classes)
    if not bad.any():
        return
    at = int(np.argmax(bad))
    if labels.min() == 1 and labels.max() == classes:
        hint = f"labels seem to count from 1: subtract 1, or name the classes 1 … {classes}"
    elif labels.max() < classes:
        hint = "leave unlabelled rows out"
    else:
        hint = (
            f"the prediction needs at least {labels.max() + 1} columns, or the labels need mapping to 0 … {classes - 1}"
        )
    raise LabelError(
        f"{name} holds label {labels[at]} at {locate(at)}, but there are {classes} classes (valid: 0 … {classes - 1}); "
        f"{int(bad.sum())} of {labels.size} labels are out of range; {hint}"
    )
