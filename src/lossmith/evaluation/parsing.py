"""Columns of text to columns of numbers, or to an error that names the value that is none.

Decimal points and decimal commas are told apart by the values of a column; ``decimal`` says it instead of them, and
then the other sign may group the thousands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError, InputError
from .arrays import Locate, is_text

MISSING = ("", "na", "n/a", "#n/a", "null", "none", "nan", "-", "?")
DECIMALS = (".", ",")
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # 1,234 may be either
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"),
}


@dataclass(frozen=True)
class Numbers:
    """What was read from text.

    Attributes:
        values: int64 or float64; None where the text holds no numbers.
        decimal: The sign that the values show, or an empty string where they show none.
        example: A value with a decimal comma, or an empty string.
    """

    values: np.ndarray | None
    decimal: str = ""
    example: str = ""


def check_decimal(decimal: str | None) -> None:
    """Raise InputError unless ``decimal`` is None, a point or a comma."""
    if decimal not in (None, *DECIMALS):
        raise InputError(f"decimal is {decimal!r}; expected '.' or ','")


def numbers(where: str, texts: Sequence[str] | np.ndarray, decimal: str | None, locate: Locate) -> Numbers:
    """Return texts as numbers.

    Args:
        where: The column, for messages.
        texts: What stands in it.
        decimal: "." or ","; None to tell by the values.
        locate: Says in words where a row is.

    Raises:
        DataError: Every comma may be a decimal comma or group thousands, and ``decimal`` does not say which.
    """
    if decimal != ",":
        plain = _plain(texts)
        if plain is not None:
            return Numbers(plain, "." if any("." in text for text in texts) else "")
    stripped = [text.strip() for text in texts]
    if decimal is None:
        return _told_by_values(where, stripped, locate)
    other = DECIMALS[decimal == "."]
    shapes = (_WHOLE, _GROUPED[decimal], *([_COMMA] if decimal == "," else []))
    if not all(any(shape.fullmatch(t) for shape in shapes) or (decimal == "." and is_number(t)) for t in stripped):
        return Numbers(None)
    read = _plain([t.replace(other, "").replace(",", ".") for t in stripped])
    return Numbers(read, decimal)


def _plain(texts: Sequence[str] | np.ndarray) -> np.ndarray | None:
    array = np.asarray(texts, dtype=np.str_)
    for dtype in (np.int64, np.float64):
        try:
            return array.astype(dtype)
        except (ValueError, OverflowError):
            continue
    return None


def _told_by_values(where: str, texts: Sequence[str], locate: Locate) -> Numbers:
    commas = [i for i, text in enumerate(texts) if "," in text]
    if not commas or not all((_COMMA if "," in text else _WHOLE).fullmatch(text) for text in texts):
        return Numbers(None)
    first = texts[commas[0]]
    if all(_THOUSANDS.fullmatch(texts[i]) for i in commas):
        point, plain = first.replace(",", "."), first.replace(",", "")
        raise DataError(
            f"{locate(commas[0])}: {where} holds {first!r}, which is {point} with a decimal comma and {plain} without; "
            "say which with decimal=',' or decimal='.' (--decimal)"
        )
    return Numbers(_plain([text.replace(",", ".") for text in texts]), ",", first)


def settle(
    where: str,
    x: np.ndarray,
    text_allowed: bool,
    known: tuple[str, ...] | None,
    locate: Locate,
    decimal: str | None = None,
) -> tuple[np.ndarray, str]:
    """Return a column of strings as integers or floats where it holds numbers, and as strings where it holds names.

    A column that is mostly numbers is a column of numbers with a mistake in it, unless ``known`` has its strings.
    Beside it stands a value with a decimal comma, if that is how it was read, or an empty string.

    Raises:
        DataError: A value is missing, is text in a column of numbers, or may be read in two ways.
    """
    if not is_text(x) or x.ndim != 1:
        return x, ""
    read = numbers(where, x, decimal, locate)
    if read.values is not None:
        return read.values, read.example
    strange = [str(v) for v in np.unique(x) if not _numeric(str(v))]
    names = known is not None and set(known) >= set(strange)
    missing = [s for s in strange if s.strip().lower() in MISSING and not (names and s)]
    mostly_numbers = np.isin(x, strange).mean() < 0.5
    if missing or not text_allowed or (mostly_numbers and not names):
        raise bad_value(where, x, locate)
    return x, ""


def bad_value(where: str, texts: Sequence[str] | np.ndarray, locate: Locate) -> DataError:
    """Return the error about the first value that is missing, or else the first that is no number."""
    wrong = (_missing, _no_number, _no_plain_number, lambda text: "." in text or "," in text)
    at = next(i for is_wrong in wrong for i, text in enumerate(texts) if is_wrong(text))
    text = str(texts[at])
    if _missing(text):
        shown = f" ({text!r})" if text else ""
        return DataError(f"{locate(at)}: {where} has no value{shown}; leave such rows out")
    hint = "; decimal=',' or decimal='.' (--decimal) says what its signs mean" if _numeric(text) else ""
    return DataError(f"{locate(at)}: {where} holds {text[:40]!r}; expected a number{hint}")


def _missing(text: str) -> bool:
    return text.strip().lower() in MISSING


def _no_number(text: str) -> bool:
    return not _numeric(text)


def _no_plain_number(text: str) -> bool:
    return not is_number(text)


def _numeric(text: str) -> bool:
    """Whether ``text`` is a number in some country's writing."""
    shapes = (_COMMA, *_GROUPED.values())
    return is_number(text) or any(shape.fullmatch(text.strip()) for shape in shapes)


def is_number(text: str) -> bool:
    """Whether ``float`` reads ``text``."""
    try:
        float(text)
    except ValueError:
        return False
    return True
