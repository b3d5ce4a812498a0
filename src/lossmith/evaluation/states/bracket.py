"""A number with the bounds between which it certainly lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bracket:
    """An estimate and its guaranteed bounds (not a confidence interval: they hold always).

    >>> print(Bracket(0.8553, 0.8552, 0.8554))
    0.8553 ± 0.0001 (guaranteed)
    """

    value: float
    low: float
    high: float

    @property
    def bound(self) -> float:
        """How far the number can be from ``value``."""
        return max(self.high - self.value, self.value - self.low)

    def __str__(self) -> str:
        return f"{self.value:.6g} ± {self.bound:.1g} (guaranteed)"
