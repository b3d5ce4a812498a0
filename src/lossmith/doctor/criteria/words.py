"""Numbers in sentences."""

from __future__ import annotations

import numpy as np


def size(shape: tuple[int, ...]) -> str:
    """Return a shape as 128×10."""
    return "×".join(map(str, shape)) if shape else "1"


def num(x: float) -> str:
    """Return a number to four digits."""
    return f"{x:.4g}"


def share(part: float) -> str:
    """Return a share in per cent; a small one is not rounded to 0."""
    return "under 0.1 %" if 0 < part < 0.001 else f"{100 * part:.3g} %"


def span(x: np.ndarray) -> str:
    """Return the range of an array, of its finite values."""
    x = x[np.isfinite(x)] if x.dtype.kind == "f" else x
    return "no finite value" if x.size == 0 else f"{num(float(x.min()))} … {num(float(x.max()))}"


def plural(n: int, word: str) -> str:
    """Return a count with its word: 1 row, 2 rows."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def few(values: np.ndarray, most: int = 6) -> str:
    """Return the first few of some values as a list."""
    shown = ", ".join(num(float(v)) for v in values[:most])
    return f"{shown}, …" if values.size > most else shown
