"""Score histograms whose bins are floats with fewer bits: areas under curves with bounds that always hold.

A probability's bin is the top bits of its float64, mirrored around 0.5: fine near 0 and near 1, nothing to tune, and
in the order of the scores. Other scores (logits) are binned by their own top bits, mirrored around 0. Rows of different
bins are ranked as they are, and those of a bin whose smallest and largest score agree are tied; how the rows of the
other bins are ranked is not known, and that is all the bounds have to cover. So few different scores give exact areas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...native import evaluation as kernels
from ..intervals import t_quantile
from .bracket import Bracket
from .parts import Counts, Extremes
from .state import State, rows_of
from .tallies import tallied, tallies, tally

SCALES = ("probability", "value")
_MANTISSA = 52
# Between which powers of two bins are fine: of probabilities (or their distance from 1), and of the sizes of values.
_FINE = {"probability": (-40, -1), "value": (-20, 12)}


@dataclass(frozen=True)
class Ranking:
    """How well scores tell positives from negatives.

    Attributes:
        positives: Rows, or their weight.
        negatives: Likewise.
        auc: Area under the ROC curve; None where one kind of row is missing, as for all that follow.
        auc_low: Lower end of the 95 % confidence interval (DeLong), the bounds included; ``auc_high`` likewise.
        average_precision: Without interpolation.
        ks: Kolmogorov-Smirnov: the largest gap between the true and the false positive rate.
    """

    positives: float
    negatives: float
    auc: Bracket | None
    auc_low: float | None
    auc_high: float | None
    average_precision: Bracket | None
    ks: Bracket | None


class ScoreHistogram(State):
    """Counts of positives and negatives per bin of the score, and the smallest and largest score of each bin.

    Args:
        scale: "probability" for scores in [0, 1], "value" for any others.
        keep: How many bits of the mantissa decide on the bin: 2**keep bins per power of two.
        weighted: Whether weights of the rows are added up instead of rows.

    >>> state = ScoreHistogram()
    >>> state.update(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> print(state.result().auc)
    0.75 ± 0 (guaranteed)
    """

    kind = "scores"

    def __init__(self, scale: str = "probability", keep: int = 9, weighted: bool = False) -> None:
        if scale not in SCALES:
            raise InputError(f"scale is {scale!r}; expected 'probability' or 'value'")
        super().__init__(scale=scale, keep=int(keep), weighted=bool(weighted))
        low, high = _FINE[scale]
        self.half = ((high - low) << keep) + 1  # bins of one side; the first one holds all that is smaller
        self.first_bits = ((low + 1023) << keep) - 1  # the top bits of the largest float below the fine ones
        self._counts, self._extremes = tallies(4 * self.half, weighted), Extremes(2 * self.half)
        self.parts = {"counts": self._counts, "extremes": self._extremes}

    def update(self, score: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Look at scores (N,) float64 without NaN, targets (N,) 0 or 1, and weights (N,) where these are asked for."""
        rows_of(score=score, target=target)
        self.check_weight(weight)
        if isinstance(self._counts, Counts) and kernels.available():
            probability, keep = self.settings["scale"] == "probability", self.settings["keep"]
            into = (self._counts.values, self._extremes.low, self._extremes.high)
            kernels.count_scores(score, target, probability, keep, self.first_bits, *into)
            return
        bins = self.bins_of(score)
        tally(self._counts, bins + target.astype(np.int64) * (2 * self.half), weight)
        self._extremes.add(score, bins)

    def bins_of(self, score: np.ndarray) -> np.ndarray:
        """Return the bin of each score, (N,) int64, ascending with the score."""
        if self.settings["scale"] == "probability":
            upper = score >= 0.5
            size = np.where(upper, 1.0 - score, score)  # exact, as the score is at least a half
            inner = self._top_bits(size)
            return np.where(upper, 2 * self.half - 1 - inner, inner)
        inner = self._top_bits(np.abs(score))
        return np.where(score < 0, self.half - 1 - inner, self.half + inner)

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return negatives and positives per bin, (B,) int64 (weights: float64) each, in the order of the scores."""
        negatives, positives = tallied(self._counts).reshape(2, 2 * self.half)
        return negatives.copy(), positives.copy()

    def edges(self) -> np.ndarray:
        """Return (B + 1,) the scores between bins; a bin holds its lower edge, above the middle its upper edge."""
        keep = self.settings["keep"]
        inner = (np.arange(self.half + 1, dtype=np.int64) + self.first_bits) << (_MANTISSA - keep)
        size = inner.view(np.float64)
        size[0] = 0.0
        if self.settings["scale"] == "probability":
            return np.concatenate([size[:-1], [0.5], (1.0 - size[:-1])[::-1]])
        size[-1] = np.inf
        return np.concatenate([-size[:0:-1], size])

    def result(self, scale: float = 1.0) -> Ranking:
        """Return the areas with their bounds; ``scale`` times a weight is the effective number of rows behind it."""
        n, p = self.counts()
        used = (n + p) > 0
        n, p, loose = n[used], p[used], (self._extremes.low < self._extremes.high)[used]
        negatives, positives = n.sum().item(), p.sum().item()
        if not negatives or not positives:
            return Ranking(positives, negatives, None, None, None, None, None)
        auc = _auc(n, p, loose)
        low, high = _delong(n * scale, p * scale, auc)
        least = 0.0 if self.settings["weighted"] else 1.0
        precision = _average_precision(n, p, loose, least)
        return Ranking(positives, negatives, auc, low, high, precision, _ks(n, p, loose))

    def _top_bits(self, size: np.ndarray) -> np.ndarray:
        """Return 0 … half - 1, ascending with a size that is not negative."""
        bits = np.ascontiguousarray(size, np.float64).view(np.int64) & np.int64((1 << 63) - 1)  # -0.0 is 0.0
        top = (bits >> (_MANTISSA - self.settings["keep"])) - self.first_bits
        return np.clip(top, 0, self.half - 1)


def _auc(n: np.ndarray, p: np.ndarray, loose: np.ndarray) -> Bracket:
    """Return (pairs in order + half the pairs within a bin) / pairs: of rows from whole numbers, so exactly."""
    below = np.cumsum(n) - n
    twice = sum(a * (2 * b + c) for a, b, c in zip(p.tolist(), below.tolist(), n.tolist(), strict=True))
    slack = sum(a * b for a, b in zip(p[loose].tolist(), n[loose].tolist(), strict=True))
    pairs = 2 * n.sum().item() * p.sum().item()
    return Bracket(twice / pairs, (twice - slack) / pairs, (twice + slack) / pairs)


def _delong(n: np.ndarray, p: np.ndarray, auc: Bracket) -> tuple[float | None, float | None]:
    """Return DeLong's 95 % interval on the logit scale, with pairs of one bin as ties, widened by the bounds.

    Student's t makes up for how few rows of the rarer kind there are.
    """
    negatives, positives = float(n.sum()), float(p.sum())
    if min(negatives, positives) < 2:
        return None, None
    of_positive = (np.cumsum(n) - n / 2) / negatives
    of_negative = 1 - (np.cumsum(p) - p / 2) / positives
    variance = float(np.sum(p * (of_positive - auc.value) ** 2)) / ((positives - 1) * positives)
    variance += float(np.sum(n * (of_negative - auc.value) ** 2)) / ((negatives - 1) * negatives)
    if auc.value <= 0 or auc.value >= 1:
        # No pair is out of order: "rule of three" for the rarer kind of row.
        slack = min(1.0, 3 / min(negatives, positives))
        return (auc.low - slack, auc.high) if auc.value >= 1 else (auc.low, auc.high + slack)
    half = t_quantile(min(negatives, positives) - 1) * math.sqrt(variance) / (auc.value * (1 - auc.value))
    middle = math.log(auc.value / (1 - auc.value))
    ends = [1 / (1 + math.exp(-(middle + side * half))) for side in (-1, 1)]
    return max(0.0, ends[0] - (auc.value - auc.low)), min(1.0, ends[1] + (auc.high - auc.value))


def _average_precision(n: np.ndarray, p: np.ndarray, loose: np.ndarray, least: float) -> Bracket:
    """Return the mean precision at the positives, whose rows count ``least`` or more.

    Within a bin all is best when its positives come first, tied; and worst when its negatives come first and no
    positives are tied: then the sum of (t + i) / (t + i + f) over i = 1 … p is p - f * (sum of 1 / k), and
    the sum of 1 / k for k = a + 1 … a + p is at most log((a + p) / a). Weights are steps of other widths under the
    same integral.
    """
    n, p, loose = n[::-1].astype(np.float64), p[::-1].astype(np.float64), loose[::-1]
    hits, alarms = np.cumsum(p) - p, np.cumsum(n) - n
    high = p * _share(hits + p, alarms)
    tied = p * _share(hits + p, alarms + n)
    worst = alarms + n
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = p - worst * np.log1p(p / (hits + worst))
    low = np.where(worst > 0, np.maximum(logarithm, p * _share(hits + least, worst)), p)
    total = p.sum()
    ends = [float(np.where(loose, x, tied).sum() / total) for x in (tied, low, high)]
    return Bracket(ends[0], min(ends[0], ends[1]), max(ends[0], ends[2]))


def _share(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    both = hits + alarms
    return hits / np.where(both > 0, both, 1)


def _ks(n: np.ndarray, p: np.ndarray, loose: np.ndarray) -> Bracket:
    below_n, below_p = np.cumsum(n) / n.sum(), np.cumsum(p) / p.sum()
    before_n, before_p = below_n - n / n.sum(), below_p - p / p.sum()
    seen = float(np.abs(below_n - below_p).max())
    possible = np.maximum(np.abs(below_n - before_p), np.abs(below_p - before_n))
    return Bracket(seen, seen, max(seen, float(possible[loose].max(initial=0.0))))
