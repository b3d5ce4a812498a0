"""A loss as gradient and hessian per row, and as a metric, checked and weighted: what the libraries have in common."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import load
from ..core import call, values
from ..core import check as checking
from ..errors import DomainError, InputError, MissingDependencyError, ShapeError
from ..losses import Loss
from . import curvature, multiclass
from .accept import accept, resolve_metric

HESSIANS = ("auto", "exact", "one")
_XP = load("numpy")


class _Named:
    """A loss with its parameters set, for one library: equality, hash and how it prints."""

    library = ""
    role = ""
    definition: Loss
    parameters: dict[str, Any]
    hessian = "auto"

    def __repr__(self) -> str:
        shown = {} if self.hessian == "auto" else {"hessian": self.hessian}
        plain = {k: np.asarray(v).tolist() if hasattr(v, "__len__") else v for k, v in self.parameters.items()}
        shown |= {k: v for k, v in plain.items() if v != self.definition.defaults[k]}
        settings = "".join(f", {k}={v!r}" for k, v in shown.items())
        return f"lossmith.boosting.{self.library}.{self.role}({self.definition.name!r}{settings})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __copy__(self) -> _Named:
        return self  # nothing in it changes; scikit-learn's clone wants the same object back from CatBoost

    def __deepcopy__(self, memo: Any) -> _Named:
        return self


class Objective(_Named):
    """A loss with its parameters set, as gradient and hessian.

    Objects of one library with the same settings are equal, can be pickled, and print as the call that makes them.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        hessian: "auto" takes the second derivative where it makes good trees, and where it does not, what
            ``lossmith.boosting.curvature`` describes; "exact" takes it everywhere, at least 1e-16; "one" takes 1 for
            each row, as LightGBM does for Huber.
        **parameters: Of the loss.

    Attributes:
        definition: The loss.
        parameters: All its parameters.
        hessian: As given.
        kind: How the hessian is made: "exact", "bound", "kinked", "capped", "one"; "classes" for losses over classes.

    Raises:
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss cannot be boosted, or an argument is out of bounds; the message says what to take instead.
    """

    role = "objective"

    def __init__(self, loss: Any, hessian: str = "auto", **parameters: Any) -> None:
        self.definition, self.parameters = accept(loss, parameters)
        self.hessian = hessian
        self.kind = self._kind()

    def _kind(self) -> str:
        loss = self.definition
        if self.hessian not in HESSIANS:
            raise InputError(f"hessian is {self.hessian!r}; expected one of {', '.join(map(repr, HESSIANS))}")
        if self.hessian == "exact" and loss.hessian is None:
            raise InputError(
                f'hessian is "exact", and {loss.name} has no second derivative to take; "auto" and "one" are left'
            )
        if self.hessian != "auto":
            return self.hessian
        return "classes" if loss.layout == "row" else curvature.kind_of(loss, self.parameters)

    def derivatives(
        self, prediction: Any, target: Any, weight: Any = None, *, whole: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and hessian with respect to the prediction, times the weight.

        Args:
            prediction: Raw scores: (N,), or (N, K) for K targets or classes.
            target: The same shape; (N,) labels 0 … K-1 for a loss over classes.
            weight: (N,), or None for 1.
            whole: Whether these are all rows, so that "bound" and "kinked" may be divided by the mean hessian.

        Returns:
            Two float64 arrays of the prediction's shape.

        Raises:
            DomainError: A target lies outside the domain of the loss, a prediction or a target is NaN, or a gradient is
                too large for float32.
            LabelError: A class label is out of range.
            ShapeError: Shapes do not fit.
        """
        p, t = shaped(self.definition, prediction, target)
        inputs = checking.prepare(self.definition, p, t, parameters=self.parameters, weight=_weights(weight), xp=_XP)
        factor = _aligned(inputs.factor, p)
        with np.errstate(all="ignore"):
            gradient, hessian = self._unweighted(inputs, factor, whole)
            gradient, hessian = gradient * factor, hessian * factor
        _check_finite(self.definition, gradient, hessian, inputs)
        return gradient, hessian

    def _unweighted(self, inputs: checking.Inputs, factor: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
        loss, p, t, parameters = self.definition, inputs.prediction, inputs.target, inputs.parameters
        if self.kind == "classes":
            return multiclass.gradient_and_curvature(loss, p, t, parameters)
        return curvature.gradient_and_curvature(self.kind, loss, p, t, parameters, factor, scale=whole)

    @property
    def metric(self) -> Any:
        """The same loss as a metric of the library: the mean over the rows, weighted, of raw scores."""
        raise NotImplementedError


class Metric(_Named):
    """A loss with its parameters set, as a metric: what the function of lossmith gives for the same arrays.

    Args:
        loss: As for an objective, and also a loss on probabilities, for what a library's own objective answers.
        **parameters: Of the loss.

    Attributes:
        definition: The loss.
        parameters: All its parameters.

    Raises:
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss needs further arrays, or a parameter is out of bounds.
    """

    role = "metric"

    def __init__(self, loss: Any, **parameters: Any) -> None:
        self.definition, self.parameters = resolve_metric(loss, parameters)
        self.__name__ = self.definition.name  # XGBoost prints it

    def total(self, prediction: Any, target: Any, weight: Any = None) -> tuple[float, float]:
        """Return ``(Σ w·l, Σ w)`` of predictions (N,) or (N, K); the quotient is the mean."""
        p, t = shaped(self.definition, prediction, target)
        return call(self.definition, p, t, parameters=self.parameters, weight=_weights(weight), reduction="total")

    def value(self, prediction: Any, target: Any, weight: Any = None) -> float:
        """Return the weighted mean; 0 where nothing counts."""
        total, count = self.total(prediction, target, weight)
        return float(total / count) if count else 0.0


def shaped(loss: Loss, prediction: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 predictions, and targets in the shape and dtype that the core expects.

    Raises:
        ShapeError: A loss over classes got one score per row.
    """
    p, t = np.asarray(prediction, np.float64), np.asarray(target)
    if loss.layout == "row":
        if p.ndim != 2:
            raise ShapeError(
                f"prediction has shape {p.shape}; {loss.name} needs one score per class, (N, C): set num_class, or, "
                "where there are two classes, take sigmoid_cross_entropy or sigmoid_focal"
            )
        if loss.target.role == "classes" and t.ndim == 1 and t.dtype.kind == "f" and np.array_equal(t, np.floor(t)):
            t = t.astype(np.int64)  # the libraries keep labels as floats
    elif t.ndim == 1 and p.ndim == 2 and t.size == p.size:
        t = t.reshape(p.shape)  # several targets per row, laid end to end by the library
    return p, t


def unpack(first: Any, second: Any, weight: Any) -> tuple[Any, Any, Any, bool]:
    """Return prediction, target, weight, and whether the native interface called.

    The native interface of XGBoost and LightGBM gives (predictions, data set), that of scikit-learn (targets,
    predictions[, weights]).
    """
    if not hasattr(second, "get_label"):
        return second, first, weight, False
    weight = second.get_weight()
    return first, second.get_label(), None if weight is None or len(weight) == 0 else weight, True


def need(library: str) -> ModuleType:
    """Return a library, imported.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise MissingDependencyError(library, f"lossmith.boosting.{library}", "boosting") from None


def _weights(weight: Any) -> Any:
    return None if weight is None else np.asarray(weight, np.float64)


def _aligned(factor: Any, prediction: np.ndarray) -> np.ndarray:
    """The weights in the prediction's shape; those of rows hold for all its columns."""
    if factor is None:
        return np.ones_like(prediction)
    return np.broadcast_to(factor.reshape(factor.shape + (1,) * (prediction.ndim - factor.ndim)), prediction.shape)


def _check_finite(loss: Loss, gradient: np.ndarray, hessian: np.ndarray, inputs: checking.Inputs) -> None:
    bad = ~(np.maximum(np.abs(gradient), hessian) < np.finfo(np.float32).max)
    if not bad.any():
        return
    values.explain_nan(values.View(loss, inputs.parameters, inputs.prediction, inputs.target, False, None))
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    raise DomainError(
        f"{loss.name} has the gradient {gradient[at]:g} and the hessian {hessian[at]:g} at row {at[0]}, where the "
        f"prediction has come to {inputs.prediction[at]:g}: training ran away; start at lossmith.boosting.base_score, "
        "take a lower learning rate, or limit a step (max_delta_step)"
    )
