"""What the tasks say alike."""

from __future__ import annotations


def interval(low: float | None, high: float | None) -> str:
    """Return an interval in brackets, with a space before it, or nothing."""
    return "" if low is None or high is None else f" (95 % interval {low:.4g} … {high:.4g})"


def counted(number: int, unit: str) -> str:
    """Return a number with its unit: "1 image", "2 images"."""
    return f"{number} {unit}{'' if number == 1 else 's'}"
