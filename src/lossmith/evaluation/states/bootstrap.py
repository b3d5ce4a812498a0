"""Intervals by bootstrap that merge: the Poisson bootstrap, with weights decided by hashes of row ids.

In a Poisson bootstrap each row counts Poisson(1) times in each replicate. Here the weight is decided by the hash of the
row id and the replicate's number, so shards agree on it without talking, and a repeated run finds the same interval.
Rows whose hashes agree in their last bits (512 groups by default) share their weights. That leaves the distribution
as it is, as which rows these are has nothing to do with their values, and it makes the cost of a row independent of the
number of replicates: the state holds exact sums per group, and replicates are drawn from them when the result is asked.
What groups cost is that the spread is known from 512 of them, not from all rows: to 3 % of the interval's width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import InputError, ShapeError
from ...native import evaluation as kernels
from ..intervals import skewed_ends, t_quantile
from .exact import ExactSums, rounded_to
from .hashing import group_bits, mix, poisson_weights, seed_word, words_of
from .parts import Part
from .state import State, rows_of
from .tallies import tallied, tallies, tally

REPLICATES = 1000
Totals = Mapping[str, np.ndarray]


class Bootstrap(State):
    """Sums and counts per group of rows, from which intervals of any function of the totals come.

    Args:
        sums: Names of the quantities to add up.
        cells: How many kinds of rows to count, such as the cells of a confusion matrix.
        groups: How many groups, a power of two of at most 65,536. With few rows nearly each has a group of its own.
        seed: Another seed is another bootstrap.
        units: For each of ``sums`` the power of two of whose multiples its values are taken as, or None for the values
            as they are; all are None if it is empty. Whole multiples are what the compiled kernel adds.
        weighted: Whether rows have weights: "rows" and "cells" are then sums of weights, and sums those of weighted
            values.

    >>> state = Bootstrap(sums=("loss",))
    >>> state.update(np.arange(1000), loss=np.arange(1000) / 999)
    >>> low, high = state.interval(lambda t: t["loss"] / t["rows"])
    >>> 0.47 < low < 0.49 and 0.51 < high < 0.53
    True
    """

    kind = "bootstrap"

    def __init__(
        self,
        sums: tuple[str, ...] = (),
        cells: int = 0,
        groups: int = 512,
        seed: int = 0,
        units: tuple[int | None, ...] = (),
        weighted: bool = False,
    ) -> None:
        if groups < 2 or groups & (groups - 1) or groups > 1 << 16:
            raise InputError(f"groups is {groups}; expected a power of two of at most 65536, such as 512")
        if len(units) not in (0, len(sums)):
            raise InputError(f"there are {len(units)} units for {len(sums)} sums; expected one for each, or none")
        settings = {"cells": int(cells), "groups": int(groups), "seed": int(seed), "weighted": bool(weighted)}
        super().__init__(sums=tuple(sums), units=tuple(units), **settings)
        self._rows, self._cells = tallies(groups, weighted), tallies(groups * cells, weighted)
        self._sums = {name: ExactSums(groups) for name in self.settings["sums"]}
        self.parts: dict[str, Part] = {"rows": self._rows, "cells": self._cells}
        self.parts |= {f"sum_{name}": part for name, part in self._sums.items()}

    def group_of(self, row_id: np.ndarray) -> np.ndarray:
        """Return the group of each row, (N,) int64."""
        return groups_of(row_id, self.settings["groups"], self.settings["seed"])

    def update(
        self,
        row_id: np.ndarray,
        cell: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        **values: np.ndarray,
    ) -> None:
        """Look at rows.

        Args:
            row_id: (N,) integers or strings.
            cell: (N,) integers; or (N, cells) booleans, where a row may be of several kinds.
            weight: (N,), where the settings ask for weights.
            values: The named quantities, (N,) float64 each.
        """
        several = cell is not None and cell.ndim == 2
        rows_of(row_id=row_id, **({} if cell is None or several else {"cell": cell}), **values)
        if cell is not None and several and cell.shape != (len(row_id), self.settings["cells"]):
            raise ShapeError(
                f"cell has shape {cell.shape}; expected (N, {self.settings['cells']}) for {len(row_id)} rows"
            )
        if set(values) != set(self._sums) or (cell is None) != (self.settings["cells"] == 0):
            wanted = [*self._sums, *(["cell"] if self.settings["cells"] else [])]
            raise InputError(f"update got {sorted(values)}; this state takes {wanted}")
        self.check_weight(weight)
        group = self.group_of(row_id)
        tally(self._rows, group, weight)
        if cell is not None:
            rows: Any = slice(None)
            if several:
                rows, cell = np.nonzero(cell)
            place = group[rows] * self.settings["cells"] + cell
            tally(self._cells, place, None if weight is None else weight[rows])
        for name, unit in zip(self._sums, self.settings["units"] or [None] * len(self._sums), strict=True):
            summed = values[name] if unit is None else rounded_to(values[name], unit)
            self._sums[name].add(summed if weight is None else weight * summed, group)

    def result(self, replicates: int = REPLICATES) -> dict[str, np.ndarray]:
        """Return the totals of each replicate: "rows" and each sum (R,), "cells" (R, cells)."""
        weights = weights_of(self.settings["groups"], self.settings["seed"], replicates)
        # Whole numbers below 2**53 are exact in any order; sums are added row by row, which no library reorders.
        rows, of_cells = self._counted()
        counts = np.concatenate([rows[:, None], of_cells], axis=1)
        if self.settings["weighted"]:
            totals = np.stack([(w[:, None] * counts).sum(axis=0) for w in weights])
        else:
            totals = (weights @ counts.astype(np.float64)).astype(np.int64)
        found = {"rows": totals[:, 0], "cells": totals[:, 1:]}
        with np.errstate(invalid="ignore"):  # a sum may be infinite
            return found | {n: np.array([(w * s).sum() for w in weights]) for n, s in self._sums_of_groups().items()}

    def totals(self) -> dict[str, np.ndarray]:
        """Return the totals without resampling, shaped as one replicate."""
        rows, cells = self._counted()
        found = {"rows": rows.sum()[None], "cells": cells.sum(axis=0)[None, :]}
        return found | {n: np.array([s.sum()]) for n, s in self._sums_of_groups().items()}

    def interval(self, statistic: Callable[[Totals], np.ndarray], replicates: int = REPLICATES) -> tuple[float, float]:
        """Return the 95 % percentile interval of a statistic; NaN where it is finite in no replicate.

        Args:
            statistic: From totals of R replicates to (R,) numbers; not finite ones are passed over.
            replicates: How many; the state does not grow with them.
        """
        with np.errstate(all="ignore"):
            values = np.asarray(statistic(self.result(replicates)), np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            return float("nan"), float("nan")
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)

    def mean_interval(self, statistic: Callable[[Totals], np.ndarray]) -> tuple[float, float]:
        """Return the 95 % interval of a mean, or of another statistic that is nearly linear in the totals.

        The groups are left out one by one (see :func:`left_out_ends`). NaN where it is not defined.

        Args:
            statistic: As for :meth:`interval`.
        """
        rows, cells = self._counted()
        there = rows > 0
        total, of_groups = self.totals(), self._sums_of_groups()
        left = {
            "rows": total["rows"] - rows,
            "cells": total["cells"] - cells,
        }
        with np.errstate(all="ignore"):  # a sum may be infinite
            left |= {name: total[name] - x for name, x in of_groups.items()}
            middle = float(np.asarray(statistic(total))[0])
            without = np.asarray(statistic({name: x[there] for name, x in left.items()}), np.float64)
        return left_out_ends(middle, without)

    def _counted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows (G,) and the cells (G, cells) of each group, or their weights."""
        groups, cells = self.settings["groups"], self.settings["cells"]
        return tallied(self._rows), tallied(self._cells).reshape(groups, cells)

    def _sums_of_groups(self) -> dict[str, np.ndarray]:
        return {name: part.result() for name, part in self._sums.items()}


def left_out_ends(middle: float, without: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a statistic from what it is when groups of rows are left out one by one.

    The jackknife of B. Efron and C. Stein ("The jackknife estimate of variance", Ann. Statist. 9(3), 1981); Student's t
    makes up for how few groups there are, and what is skewed, as squared errors are, has an interval that is (see
    :func:`skewed_ends`). NaN where it is not defined.

    Args:
        middle: The statistic of all rows.
        without: (G,) the statistic without each of the groups.
    """
    count = without.size
    if count < 2 or not math.isfinite(middle) or not np.isfinite(without).all():
        return math.nan, math.nan
    with np.errstate(all="ignore"):
        pull = without.mean() - without  # by how much each group raises the statistic
        squares, cubes = float(np.sum(pull**2)), float(np.sum(pull**3))
    low, high = skewed_ends(t_quantile(count - 1), cubes / squares**1.5 if squares else 0.0)
    spread = math.sqrt(squares * (count - 1) / count)
    return middle + low * spread, middle + high * spread


def groups_of(row_id: np.ndarray, groups: int, seed: int = 0) -> np.ndarray:
    """Return the group of each row, (N,) int64 below ``groups``, a power of two, from ids (N,) integers or strings."""
    if kernels.available():
        return kernels.hash_groups(words_of(row_id), seed_word(seed), groups - 1)
    return (group_bits(words_of(row_id), seed) & np.uint64(groups - 1)).view(np.int64)


@lru_cache(maxsize=4)
def weights_of(groups: int, seed: int, replicates: int) -> np.ndarray:
    """Return how often each group counts in each replicate, (replicates, groups) float64."""
    numbers = mix(np.arange(groups, dtype=np.uint64) + np.uint64(seed))
    weights = poisson_weights(numbers, replicates).astype(np.float64)
    weights.flags.writeable = False
    return weights
