"""Reliability: in bins of the predicted probability, how often did it come true?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...native import evaluation as kernels
from .exact import ExactSums, rounded_to
from .parts import Counts
from .state import State, rows_of
from .tallies import tallied, tallies, tally

_LOGIT_RANGE = 16.0  # the outermost bins of the logit grid hold all beyond ±16 (probabilities of 1e-7)
GRIDS = ("equal", "logit")


@dataclass(frozen=True, eq=False)
class Reliability:
    """Per bin, (B,) each; NaN in bins without rows.

    Attributes:
        edges: (B + 1,) the probabilities between bins.
        count: Rows.
        confidence: Mean predicted probability.
        rate: Share that came true.
        error: The expected calibration error: gap between the two, averaged over the rows.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    rate: np.ndarray
    error: float


class CalibrationBins(State):
    """Rows, Σ probability and Σ outcome in bins of the probability; sums are exact.

    Args:
        grid: "equal" for bins of equal width over [0, 1]; "logit" for bins of equal width of log(p / (1 - p)) in
            [-16, 16], which stay fine near 0 and 1 and from which bins of equal mass can be put together.
        bins: How many.
        unit: The power of two of whose multiples probabilities are summed, or None for the probabilities as they are;
            the compiled kernel of whole rows takes -32.
        weighted: Whether rows have weights.

    >>> state = CalibrationBins(bins=10)
    >>> state.update(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1, 0, 0, 0]))
    >>> round(state.result().error, 4)
    0.25
    """

    kind = "calibration"

    def __init__(self, grid: str = "equal", bins: int = 15, unit: int | None = None, weighted: bool = False) -> None:
        if grid not in GRIDS:
            raise InputError(f"grid is {grid!r}; expected 'equal' or 'logit'")
        super().__init__(grid=grid, bins=int(bins), unit=unit, weighted=bool(weighted))
        self._edges = _edges(grid, bins)
        self._rows, self._hits, self._confidence = tallies(bins, weighted), tallies(bins, weighted), ExactSums(bins)
        self.parts = {"rows": self._rows, "hits": self._hits, "confidence": self._confidence}

    def update(self, confidence: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Look at probabilities (N,) float64 in [0, 1], whether each came true (N,) 0 or 1, and weights (N,)."""
        rows_of(confidence=confidence, outcome=outcome)
        self.check_weight(weight)
        if kernels.available() and isinstance(self._rows, Counts) and isinstance(self._hits, Counts):
            edges = None if self.settings["grid"] == "equal" else self._edges[1:-1]
            index = kernels.calibrate(confidence, outcome, edges, self._rows.values, self._hits.values)
        else:
            index = self._bin(confidence)
            true = outcome.astype(bool)
            tally(self._rows, index, weight)
            tally(self._hits, index[true], None if weight is None else weight[true])
        unit = self.settings["unit"]
        summed = confidence if unit is None else rounded_to(confidence, unit)
        self._confidence.add(summed if weight is None else weight * summed, index)

    def result(self) -> Reliability:
        """Return the reliability."""
        rows, hits = tallied(self._rows), tallied(self._hits)
        gap = np.abs(self._confidence.result() - hits)
        with np.errstate(invalid="ignore"):
            rate = hits / rows
            weighted = self.settings["weighted"]
            confidence = self._confidence.result() / rows if weighted else self._confidence.result(rows)
        total = rows.sum()
        return Reliability(
            edges=self._edges.copy(),
            count=rows.copy(),
            confidence=confidence,
            rate=rate,
            error=float(gap.sum() / total) if total else float("nan"),
        )

    def _bin(self, confidence: np.ndarray) -> np.ndarray:
        bins = self.settings["bins"]
        if self.settings["grid"] == "equal":
            return np.minimum((confidence * bins).astype(np.int64), bins - 1)
        return np.searchsorted(self._edges[1:-1], confidence, side="right")


def _edges(grid: str, bins: int) -> np.ndarray:
    if grid == "equal":
        return np.arange(bins + 1) / bins
    logits = np.linspace(-_LOGIT_RANGE, _LOGIT_RANGE, bins + 1)
    edges = np.round(1 / (1 + np.exp(-logits)), 12)  # so that the last digit of exp decides on no row's bin
    edges[0], edges[-1] = 0.0, 1.0
    return edges
