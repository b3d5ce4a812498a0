"""What is tested of every loss: its parameters, kinds of target and shapes; drawn from the loss's own domain.

A new loss is covered as soon as it is registered, with its defaults; a new parameter needs a line in ``GRID``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import NAMES
from losses import textbook

CLASS_WEIGHT = (0.5, 2.0, 1.25)

GRID: dict[str, list[dict[str, Any]]] = {
    "huber": [{"delta": 0.25}, {"delta": 2.5}],
    "absolute_percentage_error": [{"epsilon": 1.5}],
    "poisson": [{"epsilon": 0.01}, {"full": True}],
    "poisson_log_rate": [{"full": True}],
    "sigmoid_cross_entropy": [{"pos_weight": 3.0}, {"label_smoothing": 0.2}, {"pos_weight": 0.5, "label_smoothing": 1}],
    "binary_cross_entropy": [{"pos_weight": 3.0}, {"label_smoothing": 0.2}, {"epsilon": 0.2, "pos_weight": 0.5}],
    "softmax_cross_entropy": [
        {"label_smoothing": 0.1},
        {"class_weight": CLASS_WEIGHT},
        {"label_smoothing": 0.3, "class_weight": CLASS_WEIGHT},
        {"label_smoothing": 1.0},
        {"z_loss": 0.01},
        {"z_loss": 0.5, "class_weight": CLASS_WEIGHT},
    ],
    "categorical_cross_entropy": [
        {"label_smoothing": 0.1},
        {"class_weight": CLASS_WEIGHT},
        {"label_smoothing": 0.3, "class_weight": CLASS_WEIGHT, "epsilon": 0.25},
    ],
    "categorical_hinge": [{"rivals_from_zero": True}],
    **textbook.GRID,
}
ELEMENT_SHAPE, ROW_SHAPE, IMAGE_SHAPE = (4, 3), (4, 3), (2, 3, 2, 2)


@dataclass(frozen=True)
class Case:
    """One way of calling one loss.

    Attributes:
        loss: The definition.
        parameters: The loss's own parameters.
        form: "values" for a target of the prediction's shape, "per_row" for one number per row; "labels", "dense" (soft
            rows) or "one_hot" for classes.
        shape: Of the prediction.
        axis: The class axis of a row loss.
    """

    loss: lm.Loss
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    form: str = "values"
    shape: tuple[int, ...] = ELEMENT_SHAPE
    axis: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", self.fitting(self.shape))

    def fitting(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return ``shape`` with the length that the loss fixes: boxes have four corners, preferences two answers."""
        length = self.loss.prediction.length
        if length is None:
            return shape
        at = self.axis % len(shape)
        return (*shape[:at], length, *shape[at + 1 :])

    def __str__(self) -> str:
        shown = [f"{k}={'w' if k == 'class_weight' else v}" for k, v in self.parameters.items()]
        form = [] if self.form == "values" else [self.form]
        axis = [] if self.axis == -1 else [f"axis={self.axis}"]
        return "-".join([self.loss.name, *form, *shown, *axis])

    @property
    def settings(self) -> dict[str, Any]:
        """Keywords of the public function and class."""
        return self.parameters if self.axis == -1 else {**self.parameters, "axis": self.axis}

    @property
    def full(self) -> dict[str, Any]:
        """All parameters, defaults included."""
        return {**self.loss.defaults, **self.parameters}

    @property
    def function(self) -> Any:
        """The public function."""
        return getattr(lm, self.loss.name)

    @property
    def object(self) -> lm.LossFunction:
        """The public object."""
        return getattr(lm, self.loss.object_name)(**self.settings)

    def extras(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Return valid extra arrays for a prediction of the case's shape, class axis last."""
        rng = np.random.default_rng([seed, 1, zlib.crc32(self.loss.name.encode())])
        rows = self.shape if self.loss.layout == "element" else self.shape[:-1]
        shapes = {"values": rows, "prediction": self.shape}
        return {e.name: e.domain.sample(rng, shapes[e.shape]) for e in self.loss.extras}

    def draw(self, seed: int = 0, shape: tuple[int, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return a valid prediction (float64) and target (float64, or int64 labels)."""
        rng = np.random.default_rng([seed, zlib.crc32(self.loss.name.encode())])
        shape = self.shape if shape is None else self.fitting(shape)
        at = self.axis % len(shape)
        last = (*shape[:at], *shape[at + 1 :], shape[at])
        prediction = np.moveaxis(self.loss.prediction.sample(rng, last), -1, at)
        if self.form in ("labels", "one_hot"):
            labels = rng.integers(0, shape[at], size=last[:-1])
            target = labels if self.form == "labels" else np.moveaxis(np.eye(shape[at])[labels], -1, at)
        elif self.form == "per_row":
            target = self.loss.target.sample(rng, last[:-1])
        elif self.form == "dense":
            target = np.moveaxis(rng.dirichlet(np.ones(shape[at]), size=last[:-1]), -1, at)
        else:
            target = np.moveaxis(self.loss.target.sample(rng, last), -1, at)
        return prediction, target


def forms_of(loss: lm.Loss) -> tuple[str, ...]:
    """Return the kinds of target that a loss takes."""
    if loss.target_per_row:
        return ("per_row",)
    if loss.target.role != "classes":
        return ("values",)
    return ("labels", "dense") if loss.target.soft else ("labels", "one_hot")


def plain(loss: lm.Loss) -> Case:
    """Return the loss with its defaults and its first kind of target."""
    return Case(loss, form=forms_of(loss)[0])


def losses_without_extras() -> list[lm.Loss]:
    """Return the losses of elements and rows from prediction and target alone; ``test_extras`` has the others.

    ``losses.coupled`` has those of regions and batches.
    """
    return [loss for loss in lm.losses() if not loss.extras and loss.layout in ("element", "row")]


def cases() -> list[Case]:
    """Return every loss with every line of the grid and every kind of target, and row losses on another axis."""
    result = []
    for loss in losses_without_extras():
        for form in forms_of(loss):
            result += [Case(loss, parameters, form) for parameters in [{}, *GRID.get(loss.name, [])]]
            if loss.layout == "row":
                result.append(Case(loss, {}, form, IMAGE_SHAPE, 1))
    weighted = {"class_weight": CLASS_WEIGHT, "label_smoothing": 0.1}
    result += [Case(lm.get("ce").definition, weighted, form, IMAGE_SHAPE, -3) for form in ("labels", "dense")]
    return result


FEW = ("huber", "sigmoid_cross_entropy", "softmax_cross_entropy", "kl_divergence")
PLACES = [  # framework and dtype, for tables of edges: JAX would compile each line anew and has its values elsewhere
    ("numpy", "float64"),
    ("numpy", "float32"),
    ("torch", "float64"),
    ("torch", "float32"),
    ("tensorflow", "float32"),
]


def pairs(chosen: list[Case]) -> list[Any]:
    """Return (framework, case) for the ``backend`` fixture and a case.

    NumPy and PyTorch get all. JAX compiles each operation for each shape and TensorFlow is slow when eager: what the
    core does alike for every loss is tested there on one loss of each layout and kind of target.
    """
    return [
        pytest.param(name, case, id=f"{name}-{case}")
        for name in NAMES
        for case in chosen
        if name in ("numpy", "torch") or case.loss.name in FEW
    ]


PLAIN = [plain(loss) for loss in losses_without_extras()]
CASES = cases()
WITH_EXTRAS = [
    Case(loss, parameters, forms_of(loss)[0])
    for loss in lm.losses()
    if loss.extras and loss.layout in ("element", "row")
    for parameters in [{}, *GRID.get(loss.name, [])]
]
