"""Where predictions and targets may lie, as data: checks, error texts, test inputs and documents all read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Role = Literal[
    "values",
    "logits",
    "probabilities",
    "distribution",
    "classes",
    "signs",
    "flags",
    "vectors",
    "log_probabilities",
    "boxes",
    "ranks",
    "groups",
    "tokens",
    "times",
]


ROUNDING = 1e-3  # how far a probability or the sum of a row may be off, in float32 and float64
BLOCK_BYTES = 1 << 19  # what a second look finds in a core's own cache still


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The set of valid values of one argument.

    Attributes:
        role: What the numbers mean. "distribution" is probabilities that sum to 1 over the class axis; "classes" are
            integer class indices, or the same thing as a distribution (one-hot or soft) over the class axis;
            "signs" are -1 and +1, "flags" 0 and 1; "boxes" are corners (x1, y1, x2, y2); "ranks" are
            whole numbers 0 … K for K ordered thresholds on the prediction's last axis; "groups" are integers that say
            which rows of a batch belong together; "tokens" are sequences of class indices; "times" may tie.
        low: Lower bound of every element.
        high: Upper bound of every element.
        low_included: Whether ``low`` itself is valid.
        high_included: Whether ``high`` itself is valid.
        excluded: One value inside the bounds that is not valid (0 for a target that is divided by).
        soft: For "classes": whether rows may spread over several classes, or must be one-hot.
        neutral: A valid value to put where a mask hides the real one.
        length: What the length of the last axis must be, where the loss fixes it.
        slack: How far rounding may carry a value beyond the bounds.
    """

    role: Role
    low: float = -np.inf
    high: float = np.inf
    low_included: bool = True
    high_included: bool = True
    excluded: float | None = None
    soft: bool = True
    neutral: float = 0.0
    length: int | None = None
    slack: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether there is a bound to check."""
        return np.isfinite(self.low) or np.isfinite(self.high)

    def describe(self) -> str:
        """Return the domain in words, for documents and errors."""
        if self.role == "classes":
            rows = "rows of probabilities (one-hot or soft)" if self.soft else "one-hot rows"
            return f"integer class indices 0 … C-1, or {rows} over the C classes"
        if self.role == "signs":
            return "-1 or +1"
        if self.role == "flags":
            return "0 or 1"
        if self.role == "ranks":
            return "ranks 0 … C-1 of the C ordered classes, one more than the prediction has thresholds"
        words = {
            "groups": "integers: rows with the same number belong together",
            "tokens": "sequences of class indices 0 … C-1",
            "logits": "logits: any real scores, before softmax or sigmoid",
            "log_probabilities": "log-probabilities (at most 0)",
            "vectors": "vectors along the last axis",
            "boxes": "boxes (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2",
        }.get(self.role)
        if words:
            return words
        text = "any real number"
        if self.bounded:
            text = f"{'[' if self._closed_low else '('}{_number(self.low)}, {_number(self.high)}"
            text += "]" if self.high_included and np.isfinite(self.high) else ")"
        if self.role == "probabilities":
            text = f"probabilities in {text}"
        if self.role == "distribution":
            text = f"probabilities in {text}, each row summing to 1"
        if self.role == "times":
            text = f"times in {text}"
        return text if self.excluded is None else f"{text} except {_number(self.excluded)}"

    @property
    def _closed_low(self) -> bool:
        return self.low_included and np.isfinite(self.low)

    def violations(self, x: np.ndarray) -> np.ndarray:
        """Return a boolean array: True where an element lies outside the bounds. NaN is not judged here."""
        bad = np.zeros(x.shape, bool)
        if np.isfinite(self.low):
            bad |= x < self.low - self.slack if self.low_included else x <= self.low
        if np.isfinite(self.high):
            bad |= x > self.high + self.slack if self.high_included else x >= self.high
        if self.excluded is not None:
            bad |= x == self.excluded
        if self.role == "flags":
            bad |= (x != 0) & (x != 1) & ~np.isnan(x)
        return bad

    def admits(self, x: np.ndarray) -> bool:
        """Return whether ``violations(x)`` finds nothing; healthy values take one reading and no memory.

        >>> PROBABILITY.admits(np.array([0.0, 0.5, np.nan])), PROBABILITY.admits(np.array([0.5, 1.5]))
        (True, False)
        """
        return all(self._holds(block) or not self.violations(block).any() for block in blocks(x))

    def _holds(self, block: np.ndarray) -> bool:
        """Whether the block is certainly inside the bounds: one with NaN is not, as extremes of NaN tell nothing."""
        if self.role == "flags":
            return bool(((block == 0) | (block == 1)).all())
        if self.excluded is not None and (block == self.excluded).any():
            return False
        if np.isfinite(self.low):
            low = np.minimum.reduce(block)
            if not (low >= self.low - self.slack if self.low_included else low > self.low):
                return False
        if np.isfinite(self.high):
            high = np.maximum.reduce(block)
            if not (high <= self.high + self.slack if self.high_included else high < self.high):
                return False
        return True

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Draw valid float64 values of ``shape`` (the last axis is the class axis where the role has one)."""
        if self.role == "signs":
            return rng.choice([-1.0, 1.0], size=shape)
        if self.role == "flags":
            return rng.choice([0.0, 1.0], size=shape)
        if self.role == "ranks":
            return rng.integers(0, 3, size=shape).astype(np.float64)  # valid from two thresholds on
        if self.role == "tokens":
            return rng.integers(1, 3, size=shape)
        if self.role == "times":
            return rng.integers(1, 5, size=shape) / 2
        if self.role == "groups":
            return np.arange(np.prod(shape, dtype=int)).reshape(shape) // 2 % 3
        if self.role == "boxes":
            corner = rng.uniform(0.1, 1.5, size=(*shape[:-1], 2))
            return np.concatenate([corner, corner + rng.uniform(0.4, 2.0, size=corner.shape)], axis=-1)
        if self.role == "distribution":
            return rng.dirichlet(np.full(shape[-1], 1.5), size=shape[:-1])
        if self.role == "log_probabilities":
            return np.log(rng.dirichlet(np.full(shape[-1], 1.5), size=shape[:-1]))
        if np.isfinite(self.low) and np.isfinite(self.high):
            margin = 0.02 * (self.high - self.low)
            return rng.uniform(self.low + margin, self.high - margin, size=shape)
        if np.isfinite(self.low):
            return self.low + 0.05 + rng.gamma(1.5, 2.0, size=shape)
        if np.isfinite(self.high):
            return self.high - 0.05 - rng.gamma(1.5, 2.0, size=shape)
        x = rng.normal(scale=2.0, size=shape)
        return x if self.excluded is None else self.excluded + np.sign(x) * (np.abs(x) + 0.1)


def blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield all elements in flat pieces of at most ``BLOCK_BYTES``, in the order in which they lie in memory.

    >>> [len(piece) for piece in blocks(np.zeros((300, 500)))]
    [65536, 65536, 18928]
    """
    flat, step = x.ravel(order="K"), BLOCK_BYTES // x.itemsize
    for start in range(0, flat.size, step):
        yield flat[start : start + step]


def _number(x: float) -> str:
    if not np.isfinite(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:g}"


REAL = Domain(role="values")
LOGITS = Domain(role="logits")
PROBABILITY = Domain(role="probabilities", low=0.0, high=1.0, neutral=0.5)
DISTRIBUTION = Domain(role="distribution", low=0.0, high=1.0, slack=ROUNDING, neutral=0.5)
CLASSES = Domain(role="classes")
ONE_CLASS = Domain(role="classes", soft=False)
SIGNS = Domain(role="signs", low=-1.0, high=1.0, neutral=1.0)
FLAGS = Domain(role="flags", low=0.0, high=1.0, neutral=1.0)
BOXES = Domain(role="boxes", length=4)
LOG_PROBABILITIES = Domain(role="log_probabilities", neutral=-1.0)
RANKS = Domain(role="ranks", low=0.0)
COSINES = Domain(role="values", low=-1.0, high=1.0, slack=0.01)
VECTORS = Domain(role="vectors", neutral=1.0)
POSITIVE = Domain(role="values", low=0.0, low_included=False, neutral=1.0)
GROUPS = Domain(role="groups")
TIMES = Domain(role="times", low=0.0)
TOKENS = Domain(role="tokens")
LENGTHS = Domain(role="values", low=0.0)
NONNEGATIVE = Domain(role="values", low=0.0, neutral=1.0)
