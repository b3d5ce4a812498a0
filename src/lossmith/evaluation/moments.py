"""Mean and spread of numbers that come in batches, without cancellation, for arrays of any library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Weight of the rows, mean, and sum of squared distances from the mean; scalars or arrays of any library.

    >>> both = Spread(2, 1.0, 2.0).merge(Spread(2, 5.0, 2.0))
    >>> float(both.mean), float(both.squares)
    (3.0, 20.0)
    """

    weight: Any
    mean: Any
    squares: Any

    def merge(self, other: Spread, xp: Any = np) -> Spread:
        """Return that of the rows of both (Chan, Golub and LeVeque 1979); ``xp`` is a module with NumPy's names."""
        weight = self.weight + other.weight
        gap, share = other.mean - self.mean, other.weight / xp.where(weight > 0, weight, 1)
        return Spread(weight, self.mean + gap * share, self.squares + other.squares + gap * gap * self.weight * share)
