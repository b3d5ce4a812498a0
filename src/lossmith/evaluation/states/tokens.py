"""Tokens of a vocabulary: how often each comes, and what the constant that predicts their shares would gain."""

from __future__ import annotations

import math

import numpy as np

from ...errors import LabelError
from ..intervals import t_quantile
from .bootstrap import groups_of, left_out_ends
from .exact import ExactSums
from .losses import LossSummary
from .parts import Counts, SparseCounts
from .state import State, rows_of
from .tallies import SparseSums

_MOST_ID = 1 << 40
_GROUP_BITS = 4


class TokenCounts(State):
    """Counts of tokens by id, with the sums of their losses: as much as there are different tokens.

    What the best constant prediction costs is known at the end, when all counts are. For the interval of its loss less
    that of the predictions the sums of the losses of each token are enough where tokens are independent. Where those
    of a document are alike, tokens are counted in 16 groups of documents, which are left out one by one: intervals of
    16 groups are right, and by a tenth wider than those of many.

    Args:
        documents: Whether there are documents.
        most: More different tokens than these are an error: they are no ids of a vocabulary.

    >>> state = TokenCounts()
    >>> state.update(np.array([5, 7, 5]), np.array([0.5, 2.0, 1.0]))
    >>> [x.tolist() for x in state.result()]
    [[5, 7], [2, 1]]
    """

    kind = "tokens"

    def __init__(self, documents: bool = False, most: int = 1 << 20) -> None:
        super().__init__(documents=bool(documents), most=int(most))
        groups = (1 << _GROUP_BITS) if documents else 0
        self._counts = SparseCounts()
        self._losses, self._tokens, self._sums = SparseSums(), Counts(groups), ExactSums(groups)
        self.parts = {"counts": self._counts}
        self.parts |= {"tokens": self._tokens, "sums": self._sums} if documents else {"losses": self._losses}

    def update(self, label: np.ndarray, loss: np.ndarray, document: np.ndarray | None = None) -> None:
        """Look at tokens: ids (N,) int64, losses (N,) float64, and documents (N,) integers or strings if asked for.

        Raises:
            LabelError: An id is beyond ±2**40, or there are too many different ones.
        """
        rows_of(label=label, loss=loss)
        if not label.size:
            return
        if label.min() < -_MOST_ID or label.max() > _MOST_ID:
            odd = label[np.abs(label) > _MOST_ID][0]
            raise LabelError(f"target holds {odd}, which is no id of a token; expected ids within ± 2**40")
        if document is None:
            self._counts.add(label)
            self._losses.add(label, loss)
        else:
            group = groups_of(document, 1 << _GROUP_BITS)
            self._counts.add(label << _GROUP_BITS | group)
            self._tokens.add(group)
            self._sums.add(loss, group)
        self._check()

    def merge(self, other: State) -> TokenCounts:
        """Add the tokens of another state.

        Raises:
            LabelError: There are too many different ones.
        """
        super().merge(other)
        self._check()
        return self

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of the tokens (K,), ascending, and how often each came, (K,) int64."""
        if not self.settings["documents"]:
            return self._counts.keys.copy(), self._counts.counts.copy()
        labels, index = np.unique(self._counts.keys >> _GROUP_BITS, return_inverse=True)
        counts = np.zeros(labels.size, np.int64)
        np.add.at(counts, index.reshape(-1), self._counts.counts)
        return labels, counts

    def gain(self, costs: np.ndarray, loss: LossSummary) -> tuple[float, float]:
        """Return the 95 % interval of the mean of cost - loss; NaN where it is not defined.

        Args:
            costs: (K,) what the constant costs at each of the tokens of :meth:`result`.
            loss: The losses of the same tokens.
        """
        if self.settings["documents"]:
            return self._gain_of_documents(costs)
        rows, mean = int(loss.count[0]), float(loss.mean[0])
        if rows < 2 or not math.isfinite(float(loss.variance[0])):
            return math.nan, math.nan
        counts = self._counts.counts.astype(np.float64)
        middle = math.fsum(counts * costs) / rows
        away, sums = costs - middle, self._losses.counts - counts * mean
        scatter = math.fsum(counts * away**2) - 2 * math.fsum(away * sums) + float(loss.variance[0]) * (rows - 1)
        half = t_quantile(rows - 1) * math.sqrt(max(0.0, scatter) / (rows - 1) / rows)
        return middle - mean - half, middle - mean + half

    def _gain_of_documents(self, costs: np.ndarray) -> tuple[float, float]:
        label, group = self._counts.keys >> _GROUP_BITS, self._counts.keys & ((1 << _GROUP_BITS) - 1)
        cost = self._counts.counts * costs[np.searchsorted(np.unique(label), label)]
        gain = np.bincount(group, weights=cost, minlength=1 << _GROUP_BITS) - self._sums.result()
        tokens = self._tokens.values
        there = tokens > 0
        with np.errstate(all="ignore"):
            without = (gain.sum() - gain[there]) / (tokens.sum() - tokens[there])
            return left_out_ends(float(gain.sum() / tokens.sum()), without)

    def _check(self) -> None:
        keys = self._counts.keys
        if self.settings["documents"]:
            keys = np.unique(keys >> _GROUP_BITS)
        if keys.size > self.settings["most"]:
            raise LabelError(f"target holds more than {self.settings['most']} different values; expected ids of tokens")
