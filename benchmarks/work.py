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
}


@dataclass(frozen=True)
class Work:
    """One loss at one size."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    target: str = "like"  # "labels", "rows" of probabilities, "logits" of a teacher, or "like" the prediction

    @property
    def title(self) -> str:
        """What the results file calls it."""
        return self.name if self.target == "like" else f"{self.name}, {self.target}"

    @property
    def size(self) -> str:
        """The shape as the results file writes it: 8x10."""
        return "x".join(map(str, self.shape))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return prediction and target in float32; labels in int64."""
        rng = np.random.default_rng(0)
        prediction = rng.standard_normal(self.shape, np.float32)
        if self.target == "labels":
            return prediction, rng.integers(0, self.shape[1], self.shape[0])
        if self.target == "logits":
            return prediction, rng.standard_normal(self.shape, np.float32)
        if self.target == "rows":
            rows = np.exp(rng.standard_normal(self.shape, np.float32))
            return prediction, rows / rows.sum(axis=1, keepdims=True)
        return prediction, rng.random(self.shape, np.float32)

    def floor(self, bandwidth: float, exponentials: float) -> tuple[float, float]:
        """Return the least seconds of a forward pass, and of forward and backward.

        Args:
            bandwidth: Bytes per second, read and written.
            exponentials: Exponentials per second.
        """
        count = int(np.prod(self.shape))
        size = count * (2 if self.dtype == "bfloat16" else 4)
        reads = size if self.target == "labels" else 2 * size
        computing = count * _TRANSCENDENTAL[self.name] / exponentials
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
    for count in shapes.QUICK_ELEMENTS if quick else shapes.ELEMENTS:
        for name in ("squared_error", "huber", "log_cosh", "sigmoid_cross_entropy"):
            yield Work(name, (count,))
