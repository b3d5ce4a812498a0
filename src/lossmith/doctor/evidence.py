"""What is known: the loss, a batch or all predictions, inputs, model, curves; as NumPy, and nothing is changed.

Arrays of any framework are read, not touched: no gradient is recorded, no mode switched, no random number drawn. What
rules share (rows over classes, labels, the value of the loss beside that of a constant) is computed once, when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..arrays.namespace import framework_of
from ..errors import InputError, ShapeError, UnknownNameError
from ..evaluation.arrays import to_numpy
from .history import History
from .loss import LossFacts, recognise
from .model import ModelFacts, keras_backend, look_at
from .origin import Origin, origin
from .own import by_call
from .score import Score, score
from .steps import StepFacts

Stage = Literal["start", "training", "finished"]
STAGES = ("start", "training", "finished")
_HALF = ("float16", "bfloat16")
_RANGES = {
    "softmax": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
    "abs": (0.0, np.inf),
    "log_softmax": (-np.inf, 0.0),
    "log_sigmoid": (-np.inf, 0.0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """All that rules may look at; what is not known is None.

    Attributes:
        loss: What is known of the loss.
        prediction: As the loss gets it.
        target: As the loss gets it; numbers, booleans or strings.
        inputs: (N, …) inputs of the model.
        weight: Factors along the target's leading axes.
        model: What is known of the model.
        claimed: The last activation as given, as the graph of the prediction shows it, or as the model says.
        history: The learning curves.
        constant: The loss of the best constant prediction beside the curves, where ``score`` has none.
        stage: "start" (untrained), "training", "finished" (saved predictions), or None.
        validation: Inputs and target of a second set, for rules that compare sets.
        steps: What the steps of a training show: gradients, updates, modes.
        origin: What PyTorch's graph behind the prediction shows.
        half: Whether the prediction is of half precision.
        framework: Of the loss, the model or the prediction, for the lines to type.
    """

    loss: LossFacts | None = None
    prediction: np.ndarray | None = None
    target: np.ndarray | None = None
    inputs: np.ndarray | None = None
    weight: np.ndarray | None = None
    model: ModelFacts | None = None
    claimed: str | None = None
    history: History | None = None
    constant: float | None = None
    stage: Stage | None = None
    validation: tuple[np.ndarray | None, np.ndarray | None] | None = None
    steps: StepFacts | None = None
    origin: Origin = field(default_factory=Origin)
    half: bool = False
    framework: str = ""

    @cached_property
    def known(self) -> frozenset[str]:
        """What there is, in the words of ``Rule.needs``."""
        have = {
            "loss": self.loss is not None,
            "activation": self.activation is not None,
            "prediction": self.prediction is not None and self.prediction.size > 0,
            "target": self.target is not None and self.target.size > 0,
            "inputs": self.inputs is not None and self.inputs.size > 0,
            "model": self.model is not None,
            "gradients": self.steps is not None,
            "history": self.history is not None,
            "validation": self.validation is not None,
        }
        return frozenset(name for name, there in have.items() if there)

    @property
    def tolerance(self) -> float:
        """How far rounding may carry the sum of a row of probabilities."""
        return 1e-2 if self.half else 1e-3

    @property
    def backend(self) -> str:
        """The backend of Keras, where the loss or model is Keras's and it is imported."""
        return keras_backend() if self.framework == "keras" else ""

    @cached_property
    def numeric_target(self) -> np.ndarray | None:
        """The target as numbers, or None where it is text."""
        if self.target is None or self.target.dtype.kind not in "biuf":
            return None
        return self.target.astype(np.int8) if self.target.dtype.kind == "b" else self.target

    @cached_property
    def activation(self) -> str | None:
        """The last activation, as claimed and not contradicted by the predictions."""
        if self.claimed is None or self.prediction is None or self.prediction.size == 0:
            return self.claimed
        low, high = _RANGES.get(self.claimed, (-np.inf, np.inf))
        p = self.prediction
        slack = 1e-2 if self.half else 1e-5
        with np.errstate(invalid="ignore"):
            inside = bool(np.all((p >= low - slack) & (p <= high + slack) | np.isnan(p)))
        if not inside or (self.claimed == "softmax" and self.sums_to_one is False):
            return None
        if self.claimed == "linear" and self.framework != "keras" and self._within_unit:
            return None  # an activation may follow outside of the model
        return self.claimed

    @cached_property
    def _within_unit(self) -> bool:
        p = self.prediction
        return p is not None and p.size > 0 and bool(p.min() >= 0 and p.max() <= 1)

    # --- over exclusive classes ---------------------------------------------------------------------------------------
    @cached_property
    def class_axis(self) -> int:
        """The classes' axis of the prediction, from the end."""
        ndim = 1 if self.prediction is None else self.prediction.ndim
        return -1 if self.loss is None else self.loss.class_axis(ndim)

    @cached_property
    def rows(self) -> np.ndarray | None:
        """The prediction as (M, K) rows over its class axis; (M, 1) for a vector, as each element then stands alone."""
        if self.prediction is None or self.prediction.ndim == 0 or self.prediction.size == 0:
            return None
        p = self.prediction
        if p.ndim == 1:
            alone = self.loss is not None and self.loss.categorical
            return p[None, :] if alone else p[:, None]
        p = np.moveaxis(p, self.class_axis, -1)
        return p.reshape(-1, p.shape[-1])

    @cached_property
    def sums_to_one(self) -> bool | None:
        """Whether all rows of two or more predictions lie in [0, 1] and sum to 1; None where rows are of length 1."""
        return None if self.rows is None or self.rows.shape[1] < 2 else distributions(self.rows, self.tolerance)

    @cached_property
    def dense_target(self) -> np.ndarray | None:
        """The target as (M, K) rows beside ``rows``, where it has the prediction's shape."""
        t, p = self.numeric_target, self.prediction
        if t is None or p is None or t.shape != p.shape or p.ndim < 2 or p.size == 0:
            return None
        t = np.moveaxis(t, self.class_axis, -1)
        return t.reshape(-1, t.shape[-1])

    @cached_property
    def indices(self) -> np.ndarray | None:
        """The target as (M,) labels beside ``rows``, where it has one number per row; ignored ones are in there."""
        t, p = self.numeric_target, self.prediction
        if t is None or p is None or self.rows is None:
            return None
        shape = tuple(n for i, n in enumerate(p.shape) if i != p.ndim + self.class_axis)
        if t.shape == shape or (t.shape == (*shape, 1) and t.shape != p.shape):
            return t.reshape(-1)
        return None

    @cached_property
    def counted(self) -> np.ndarray | None:
        """(M,) booleans beside ``indices``: which labels are not ignored and have weight."""
        if self.indices is None:
            return None
        counted = np.ones(self.indices.shape, bool)
        if self.loss is not None and self.loss.ignored is not None:
            counted &= self.indices != self.loss.ignored
        return counted if self.weight_of_labels is None else counted & (self.weight_of_labels != 0)

    @cached_property
    def weight_of_labels(self) -> np.ndarray | None:
        """The weight beside ``indices``, where it can be brought to their shape."""
        if self.weight is None or self.indices is None or self.target is None:
            return None
        return _spread(self.weight, self.target.shape).reshape(-1)

    # --- the value ----------------------------------------------------------------------------------------------------
    @cached_property
    def score(self) -> Score | None:
        """The loss of each row beside that of the best constant; None where it cannot be computed, or says nothing."""
        return None if self.loss is not None and self.loss.told else score(self)

    @property
    def to_learn(self) -> float | None:
        """The loss of the best constant, from which learning curves fall; None where it is not known on their scale."""
        if self.loss is None or not self.loss.plain_mean or self.loss.part:
            return None
        return self.constant if self.score is None else self.score.constant_mean

    @property
    def learned(self) -> bool:
        """Whether the predictions are better than a constant, beyond three standard errors."""
        return self.score is not None and self.score.beats_constant


def gather(
    loss: Any = None,
    prediction: Any = None,
    target: Any = None,
    *,
    inputs: Any = None,
    weight: Any = None,
    model: Any = None,
    activation: str | None = None,
    history: Any = None,
    stage: str | None = None,
    validation: Any = None,
) -> Evidence:
    """Return the evidence from what a user gives.

    Raises:
        InputError: An argument is none of what it may be; the text names it.
        UnknownNameError: No loss, activation or stage of that name.
    """
    if stage is not None and stage not in STAGES:
        raise UnknownNameError("stage", stage, STAGES)
    if activation is not None and activation not in (*_RANGES, "linear"):
        raise UnknownNameError("activation", activation, (*_RANGES, "linear"))
    seen = None if model is None else look_at(model)
    if loss is None and model is not None:
        loss = getattr(model, "loss", None) if seen is not None and seen.framework == "keras" else None
        loss = loss if isinstance(loss, str) or callable(loss) else None
    keras = seen is not None and seen.framework == "keras"
    facts = recognise(loss, keras=keras)
    if facts is not None and facts is not loss and facts.definition is None and weight is None:
        own = by_call(loss, facts, prediction, target, keras=keras or facts.framework == "keras")
        facts, prediction, target, weight = (facts, prediction, target, None) if own is None else own
    behind = origin(prediction, target)
    p, t, x = (_array(n, a) for n, a in (("prediction", prediction), ("target", target), ("inputs", inputs)))
    if p is not None and p.dtype.kind not in "biuf":
        raise InputError(f"prediction has dtype {p.dtype}; expected numbers")
    w = _array("weight", weight)
    if w is not None and (w.dtype.kind not in "biuf" or t is None or w.ndim > t.ndim):
        raise InputError("weight must hold numbers along the leading axes of the target")
    if w is not None and t is not None and t.shape[: w.ndim] != w.shape:
        raise ShapeError(f"weight has shape {w.shape} and target has shape {t.shape}; expected {t.shape[: w.ndim]}")
    return Evidence(
        loss=facts,
        prediction=_floats(p),
        target=t,
        inputs=None if x is None or x.dtype.kind not in "biuf" else x,
        weight=w,
        model=seen,
        claimed=activation or behind.activation or (seen.activation if seen is not None else None),
        history=None if history is None else History.of(history),
        stage=stage,  # pyrefly: ignore[bad-argument-type]
        validation=_pair(validation),
        origin=behind,
        half=_dtype(prediction) in _HALF,
        framework=_framework_of(facts, seen, prediction),
    )


def _pair(validation: Any) -> tuple[np.ndarray | None, np.ndarray | None] | None:
    """Return inputs and target of the second set, either of which may be None."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError("validation must be a pair (inputs, target); either may be None")
    inputs, target = validation
    return _array("validation inputs", inputs), _array("validation target", target)


def _framework_of(facts: LossFacts | None, seen: ModelFacts | None, prediction: Any) -> str:
    known = (facts.framework if facts else "") or (seen.framework if seen else "")
    by_array = {"torch": "torch", "tensorflow": "keras", "jax": "optax"}
    return known or by_array.get(framework_of(prediction) or "", "")


def _array(name: str, x: Any) -> np.ndarray | None:
    if x is None:
        return None
    if isinstance(x, Mapping) or (isinstance(x, tuple | list) and len({np.shape(v) for v in x if _is_array(v)}) > 1):
        raise InputError(f"{name} holds several arrays; the doctor looks at one output at a time: give one of them")
    array = to_numpy(name, x)
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if array.dtype.kind not in "biufUSO":
        raise InputError(
            f"{name} has dtype {array.dtype}; expected numbers{' or labels' if name.endswith('target') else ''}"
        )
    if array.dtype.kind in "USO" and name in ("prediction", "weight"):
        raise InputError(f"{name} holds {array.dtype.type.__name__.rstrip('_')} values; expected numbers")
    return array


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Return numbers that came as Python objects (a column of a data frame) as numbers; others as they are."""
    if all(v is None or isinstance(v, int | float | np.number | np.bool_) for v in array.flat):
        return array.astype(np.float64)
    return array


def _floats(p: np.ndarray | None) -> np.ndarray | None:
    """Return a prediction in a dtype to compute with; integers stay, for they are a finding."""
    if p is None or p.dtype.kind in "iu":
        return p
    return p.astype(np.float64) if p.dtype.kind == "b" or p.dtype.itemsize < 4 else p


def _dtype(x: Any) -> str:
    dtype = getattr(x, "dtype", "")
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


def _spread(weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim)), shape)


def distributions(rows: np.ndarray, tolerance: float) -> bool:
    """Whether all rows (M, K) lie in [0, 1] and sum to 1."""
    with np.errstate(invalid="ignore", over="ignore"):
        inside = rows.size > 0 and bool(rows.min() >= -tolerance / 100 and rows.max() <= 1 + tolerance)
        return inside and bool(np.all(np.abs(rows.sum(axis=1, dtype=np.float64) - 1) <= tolerance))
