"""What is measured: losses at sizes and dtypes, on data that all contenders share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import shapes

# Exponentials and logarithms per element that a forward pass cannot do without.
_TRANSCENDENTAL = {
    "softmax_cross_entropy": 1,
    "distillation_kl": 2,  # student and teacher
    "squared_error": 0,
    "huber": 0,
    "log_cosh": 2,
    "sigmoid_cross_entropy": 2,
    "softmax_focal": 1,
    "ctc": 1,
}
# The same per pair of rows, of losses whose rows compare with each other.
_TRANSCENDENTAL_OF_PAIRS = {
    "info_nce": 1,
    "clip": 2,
    "nt_xent": 1,
    "supervised_contrastive": 1,
    "triplet_hard": 0,
    "triplet_semi_hard": 0,
}
# Losses whose rows compare with each other, and their targets.
_OF_BATCHES = (
    ("info_nce", "like"),
    ("clip", "like"),
    ("nt_xent", "views"),
    ("supervised_contrastive", "groups"),
    ("triplet_hard", "groups"),
    ("triplet_semi_hard", "groups"),
)


@dataclass(frozen=True)
class Work:
    """One loss at one size."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    # "labels", "rows" of probabilities, "logits" of a teacher, "tokens" to write, two "views" of each sample, "groups"
    # of eight rows, or "like" the prediction
    target: str = "like"

    @property
    def title(self) -> str:
        """What the results file calls it."""
        return self.name if self.target == "like" else f"{self.name}, {self.target}"

    @property
    def size(self) -> str:
        """The shape as the results file writes it: 8x10."""
        return "x".join(map(str, self.shape))

    @property
    def whole_target(self) -> bool:
        """Whether the target is whole numbers."""
        return self.target in ("labels", "tokens", "views", "groups")

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return prediction and target in float32; whole numbers in int64."""
        rng = np.random.default_rng(0)
        prediction = rng.standard_normal(self.shape, np.float32)
        if self.target == "labels":
            return prediction, rng.integers(0, self.shape[1], self.shape[0])
        if self.target == "tokens":
            return prediction, rng.integers(1, self.shape[2], (self.shape[0], shapes.TOKENS))
        if self.target == "views":
            return prediction, np.tile(np.arange(self.shape[0] // 2), 2)
        if self.target == "groups":
            return prediction, rng.permutation(np.arange(self.shape[0]) // 8)
        if self.target == "logits":
            return prediction, rng.standard_normal(self.shape, np.float32)
        if self.target == "rows":
            rows = np.exp(rng.standard_normal(self.shape, np.float32))
            return prediction, rows / rows.sum(axis=1, keepdims=True)
        return prediction, rng.random(self.shape, np.float32)

    def floor(self, bandwidth: float, exponentials: float) -> tuple[float, float]:
        """Return the least seconds of a forward pass, and of forward and backward, beside products of matrices.

        Args:
            bandwidth: Bytes per second, read and written.
            exponentials: Exponentials per second.
        """
        count = int(np.prod(self.shape))
        size = count * (2 if self.dtype == "bfloat16" else 4)
        reads = size if self.whole_target else 2 * size
        pairs = self.shape[0] ** 2 * _TRANSCENDENTAL_OF_PAIRS.get(self.name, 0)
        computing = (count * _TRANSCENDENTAL.get(self.name, 0) + pairs) / exponentials
        return max(reads / bandwidth, computing), max((reads + size) / bandwidth, computing)


def works(quick: bool) -> Iterator[Work]:
    """All that is measured, small before large."""
    for shape in shapes.SMALL_STEPS:
        yield Work("softmax_cross_entropy", shape, target="labels")
    for shape in shapes.SMALL_ELEMENTS:
        yield Work("squared_error", shape)
    for shape in shapes.QUICK_ROWS_AND_CLASSES if quick else shapes.ROWS_AND_CLASSES:
        for dtype in ("float32", "bfloat16"):
            yield Work("softmax_cross_entropy", shape, dtype, "labels")
        if shape[1] in (1_000, 32_000):
            yield Work("softmax_cross_entropy", shape, target="rows")
            yield Work("distillation_kl", shape, target="logits")
    yield Work("softmax_focal", shapes.FOCAL, target="labels")
    yield Work("ctc", shapes.SEQUENCES, target="tokens")
    for name, target in _OF_BATCHES:
        yield Work(name, shapes.BATCH, target=target)
    for count in shapes.QUICK_ELEMENTS if quick else shapes.ELEMENTS:
        for name in ("squared_error", "huber", "log_cosh", "sigmoid_cross_entropy"):
            yield Work(name, (count,))
