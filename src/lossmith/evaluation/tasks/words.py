"""What the tasks say alike."""

from __future__ import annotations


def standing(rival: str, low: float | None, high: float | None, against: float | None = 0.0) -> str:
    """Return how an interval of more is better lies to what the rival has.

    >>> standing("chance", 0.6, 0.7, 0.5), standing("chance", 0.4, 0.7, 0.5)
    ('Better than chance', 'Not distinguishable from chance')
    """
    if low is None or high is None or against is None:
        return f"Beside {rival}"
    if low > against:
        return f"Better than {rival}"
    return f"Worse than {rival}" if high < against else f"Not distinguishable from {rival}"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval in brackets, with a space before it, or nothing."""
    return "" if low is None or high is None else f" (95 % interval {low:.4g} … {high:.4g})"


def counted(number: int, unit: str) -> str:
    """Return a number with its unit: "1 image", "2 images"."""
    return f"{number} {unit}{'' if number == 1 else 's'}"
