"""Items in groups (queries, users), put in order by a score: NDCG, MAP, MRR, precision and recall at k, per group.

Every number is made per group and then averaged, so intervals are over groups. Items of equal score are in no order:
NDCG, precision, recall and reciprocal rank are what a random order of them gives on average, as in scikit-learn's
``ndcg_score``; average precision counts them as one step, as in its ``average_precision_score``. So the constant
predictor, which scores all items alike, has a value, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Groups:
    """Items sorted by group, and by score from the highest within each; I items, G groups.

    Attributes:
        relevance: (I,) not negative.
        group: (I,) index of the group.
        rank: (I,) place within the group, from 0.
        block: (I,) index of the block of items of equal score.
        start: (G,) place of the group's first item.
        size: (G,) items.
    """

    relevance: np.ndarray
    group: np.ndarray
    rank: np.ndarray
    block: np.ndarray
    start: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, score: np.ndarray, relevance: np.ndarray, group: np.ndarray) -> Groups:
        """Return the groups of items (I,) each; ``group`` holds indices 0 … G - 1, each at least once."""
        order = np.lexsort((-score, group))
        score, relevance, group = score[order], relevance[order], group[order]
        size = np.bincount(group)
        start = np.cumsum(size) - size
        new = np.append(True, (group[1:] != group[:-1]) | (score[1:] != score[:-1]))
        return cls(relevance, group, np.arange(group.size) - start[group], np.cumsum(new) - 1, start, size)

    def numbers(self, k: int) -> dict[str, np.ndarray]:
        """Return the numbers per group, (G,) each: 0 without a relevant item; ``auc`` is NaN without both kinds."""
        relevant = (self.relevance > 0).astype(np.float64)
        total = self._sum(relevant)
        hits = self._sum(self._within_block(relevant) * (self.rank < k))
        ideal = self._ideal()
        return {
            f"ndcg_at_{k}": self._ndcg(ideal, k),
            "ndcg": self._ndcg(ideal, int(self.size.max())),
            "map": self._average_precision(relevant, total),
            "mrr": self._reciprocal_rank(relevant),
            f"precision_at_{k}": hits / k,
            f"recall_at_{k}": hits / np.maximum(total, 1),
            "auc": self._auc(relevant, total),
        }

    # --- numbers -----------------------------------------------------------------------------------------------------
    def _ideal(self) -> np.ndarray:
        """Return the relevances of each group from the highest, (I,)."""
        return self.relevance[np.lexsort((-self.relevance, self.group))]

    def _ndcg(self, ideal: np.ndarray, k: int) -> np.ndarray:
        discount = np.where(self.rank < k, 1 / np.log2(self.rank + 2.0), 0.0)
        gain, most = self._sum(self._within_block(self.relevance) * discount), self._sum(ideal * discount)
        return gain / np.where(most > 0, most, 1)

    def _average_precision(self, relevant: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the precision at the end of each block, averaged over the relevant items in the blocks."""
        last = np.append(np.flatnonzero(np.diff(self.block)), self.block.size - 1)[self.block]
        found = self._cumulative(relevant)[last]
        return self._sum(relevant * found / (self.rank[last] + 1)) / np.maximum(total, 1)

    def _reciprocal_rank(self, relevant: np.ndarray) -> np.ndarray:
        """Return 1 / rank of the first relevant item, on average over the orders of its block."""
        sizes = np.bincount(self.block)
        firsts = np.cumsum(sizes) - sizes
        inside = np.bincount(self.block, weights=relevant)
        there = np.flatnonzero(inside > 0)
        groups, at = np.unique(self.group[firsts[there]], return_index=True)
        blocks = there[at]
        kinds, index = np.unique(
            np.stack([self.rank[firsts[blocks]], sizes[blocks], inside[blocks].astype(np.int64)]),
            axis=1,
            return_inverse=True,
        )
        found = np.zeros(self.size.size)
        found[groups] = np.array([_first_hit(*kind) for kind in kinds.T.tolist()] or [0.0])[index.reshape(-1)]
        return found

    def _auc(self, relevant: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Return the chance that a relevant item stands before another one of its group, ties half (Mann-Whitney)."""
        middle = self._within_block(self.rank.astype(np.float64))
        others = self.size - total
        before = self._sum(relevant * middle) - total * (total - 1) / 2  # others before each, ties half
        pairs = total * others
        return np.where(pairs > 0, 1 - before / np.where(pairs > 0, pairs, 1), np.nan)

    # --- sums --------------------------------------------------------------------------------------------------------
    def _sum(self, x: np.ndarray) -> np.ndarray:
        return np.bincount(self.group, weights=x)

    def _within_block(self, x: np.ndarray) -> np.ndarray:
        """Return each item's mean of x over its block."""
        return (np.bincount(self.block, weights=x) / np.bincount(self.block))[self.block]

    def _cumulative(self, x: np.ndarray) -> np.ndarray:
        """Return sums of x from the first item of the group on."""
        sums = np.cumsum(x)
        return sums - (sums - x)[self.start][self.group]


def _first_hit(before: int, items: int, hits: int) -> float:
    """Return the mean of 1 / rank of the first hit, where ``items`` with ``hits`` hits come in random order.

    Args:
        before: Items that come first of all.
        items: Items in random order.
        hits: How many of them are hits.

    >>> _first_hit(0, 2, 1)
    0.75
    """
    j = np.arange(items - hits + 1)
    stay = np.append(1.0, (items - hits - j[:-1]) / (items - j[:-1]))  # no hit before place j
    return float(np.sum(np.cumprod(stay) * hits / (items - j) / (before + j + 1)))
