"""Columns of text to columns of numbers, or to an error that names the value that is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from .arrays import Locate, is_text

MISSING = ("", "na", "n/a", "#n/a", "null", "none", "nan", "-", "?")


def settle(where: str, x: np.ndarray, text_allowed: bool, known: tuple[str, ...] | None, locate: Locate) -> np.ndarray:
    """Return a column of strings as integers or floats where it holds numbers, and as strings where it holds names.

    A column that is mostly numbers is a column of numbers with a mistake in it, unless ``known`` has its strings.

    Raises:
        DataError: A value is missing, or is text in a column of numbers.
    """
    if not is_text(x) or x.ndim != 1:
        return x
    for dtype in (np.int64, np.float64):
        try:
            return x.astype(dtype)
        except (ValueError, OverflowError):
            continue
    distinct = np.unique(x)
    strange = [str(v) for v in distinct if not is_number(str(v))]
    names = known is not None and set(known) >= set(strange)
    missing = [s for s in strange if s.strip().lower() in MISSING and not (names and s)]
    mostly_numbers = np.isin(x, strange).mean() < 0.5
    if missing or not text_allowed or (mostly_numbers and not names):
        raise bad_value(where, x, locate)
    return x


def bad_value(where: str, texts: Sequence[str] | np.ndarray, locate: Locate) -> DataError:
    """Return the error about the first value that is missing, or else the first that is no number."""
    lost = (i for i, text in enumerate(texts) if text.strip().lower() in MISSING)
    strange = (i for i, text in enumerate(texts) if not is_number(text))
    at = next(lost, None)
    if at is None:
        at = next(strange)
    text = str(texts[at])
    if text.strip().lower() in MISSING:
        shown = f" ({text!r})" if text else ""
        return DataError(f"{locate(at)}: {where} has no value{shown}; leave such rows out")
    return DataError(f"{locate(at)}: {where} holds {text[:40]!r}; expected a number")


def is_number(text: str) -> bool:
    """Whether ``float`` reads ``text``."""
    try:
        float(text)
    except ValueError:
        return False
    return True
