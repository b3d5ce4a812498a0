"""Value and gradient of a loss along one line through its predictions, for a fixed target: what a picture shows.

Every number comes from ``lossmith.core``; no formula stands here. A scene says which line: the prediction itself for
element losses, the true class of two for losses over classes, the angle for losses between vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import value_and_gradient
from ..errors import InputError
from ..losses import Domain, Loss

POINTS = 401
_REACH = 4.0  # how far an unbounded prediction is followed from the best one
_EDGE = 0.004  # share of a bounded interval that is left out at each end, where logarithms leave the picture
_SHARES = (0.7, 0.3)  # the target of losses between distributions
_LEVEL = 2.0  # the target of losses between numbers: inside of every such loss's domain


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One loss for one target.

    Attributes:
        loss: Name of the loss.
        title: The loss with the parameters that were set, for a legend.
        target: The target in words.
        x: Where on the line; ``value`` and ``gradient`` (the slope of the value along the line) belong to it.
        best: Where the value is lowest, or None where that is not one place.
    """

    loss: str
    title: str
    target: str
    x: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    best: float | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A line through the predictions, and the targets to draw.

    Attributes:
        axis: What x is, in words.
        x: The places.
        prediction: From places to predictions.
        tangent: Derivative of the prediction with respect to x: the slope along the line is gradient · tangent.
        targets: Target in words → the target of one prediction, and where the value is lowest (None: no one place).
    """

    axis: str
    x: np.ndarray
    prediction: Callable[[np.ndarray], np.ndarray]
    tangent: Callable[[np.ndarray], np.ndarray]
    targets: dict[str, tuple[Any, float | None]]


def curves(loss: Loss, parameters: Mapping[str, Any] | None = None) -> tuple[str, tuple[Curve, ...]]:
    """Return what x is, in words, and the curves of a loss, one for each target that is worth a look.

    Args:
        loss: The definition.
        parameters: Parameters of the loss that differ from their defaults.

    Raises:
        InputError: A parameter out of bounds, or a loss for which no line through its predictions is known.
    """
    given = dict(parameters or {})
    resolved = loss.resolve(given)
    scene = scene_of(loss, resolved)
    title = ", ".join([loss.title, *(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in given.items())])
    made = (_curve(loss, resolved, scene, title, words) for words in scene.targets)
    return scene.axis, tuple(made)


def _curve(loss: Loss, parameters: dict[str, Any], scene: Scene, title: str, words: str) -> Curve:
    target, best = scene.targets[words]
    prediction = scene.prediction(scene.x)
    repeated = np.broadcast_to(target, (len(scene.x), *np.shape(target)))
    value, gradient = value_and_gradient(loss, prediction, repeated, parameters=parameters, reduction="none")
    slope = gradient * scene.tangent(scene.x)
    if loss.layout == "row":
        slope = slope.sum(axis=-1)
    keep = np.isfinite(value) & np.isfinite(slope)
    return Curve(
        loss=loss.name, title=title, target=words, x=scene.x[keep], value=value[keep], gradient=slope[keep], best=best
    )


def scene_of(loss: Loss, parameters: Mapping[str, Any]) -> Scene:
    """Return the line to follow for a loss.

    Raises:
        InputError: None is known for this kind of prediction.
    """
    if loss.layout == "element":
        return _element_scene(loss, parameters)
    make = _ROW_SCENES.get(loss.prediction.role)
    if make is None:
        raise InputError(f"{loss.name} takes {loss.prediction.describe()}; no picture is known for such predictions")
    return make(loss)


def _element_scene(loss: Loss, parameters: Mapping[str, Any]) -> Scene:
    role = loss.prediction.role
    if loss.target.role == "signs":
        targets, role = {"target −1": -1.0, "target +1": 1.0}, "scores"
    elif loss.target.role == "probabilities":
        targets = {"target 0": 0.0, "target 1": 1.0}
    else:
        targets = {f"target {_LEVEL:g}": _LEVEL}
    best = {words: (t, _best(loss, t, parameters)) for words, t in targets.items()}
    centres = [b for _, b in best.values() if b is not None] or [-1.0, 1.0]
    if role == "values" and centres[0] != _LEVEL:
        role = "transformed"
    x = _places(loss.prediction, centres, _REACH / 2 if role == "transformed" else _REACH)
    return Scene(axis=_AXES[role], x=x, prediction=lambda x: x, tangent=np.ones_like, targets=best)


def _best(loss: Loss, target: float, parameters: Mapping[str, Any]) -> float | None:
    """Where one target's value is lowest; None where that is at infinity or not known."""
    if loss.best_constant is None:
        return None
    best = float(loss.best_constant(np.array([target]), np.ones(1), **parameters))
    return round(best, 12) if math.isfinite(best) else None


def _places(domain: Domain, centres: list[float], reach: float) -> np.ndarray:
    """Return where to look: the domain if it is bounded, else the neighbourhood of the centres; these included."""
    low, high = max(domain.low, min(centres) - reach), min(domain.high, max(centres) + reach)
    edge = _EDGE * (high - low)
    low = low + edge if low == domain.low else low
    high = high - edge if high == domain.high else high
    return np.unique([*np.linspace(low, high, POINTS), *(c for c in centres if low < c < high)])


def _two_scores(loss: Loss) -> Scene:
    return Scene(
        axis="score of the true class, the other class's being 0",
        x=np.linspace(-_REACH, _REACH, POINTS),
        prediction=lambda x: np.stack([x, 0 * x], axis=-1),
        tangent=lambda x: np.stack([0 * x + 1, 0 * x], axis=-1),
        targets={"target": (0, None)},
    )


def _two_probabilities(loss: Loss) -> Scene:
    classes = loss.target.role == "classes"
    logarithmic = loss.prediction.role == "log_probabilities"
    return Scene(
        axis="probability of the true class" if classes else "probability of the first of two classes",
        x=np.unique([*np.linspace(_EDGE, 1 - _EDGE, POINTS), _SHARES[0]]),
        prediction=lambda x: _of_shares(np.log, x) if logarithmic else _of_shares(np.asarray, x),
        tangent=lambda x: _of_shares(np.reciprocal if logarithmic else np.ones_like, x) * np.array([1.0, -1.0]),
        targets={"target": (0, 1.0)} if classes else {"target (0.7, 0.3)": (np.array(_SHARES), _SHARES[0])},
    )


def _of_shares(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.stack([function(x), function(1 - x)], axis=-1)


def _turning_vector(loss: Loss) -> Scene:
    def direction(degrees: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=-1)

    return Scene(
        axis="angle between prediction and target, in degrees",
        x=np.linspace(-180.0, 180.0, POINTS),
        prediction=direction,
        tangent=lambda x: np.radians(1.0) * direction(x + 90),
        targets={"the target's direction": (np.array([1.0, 0.0]), 0.0)},
    )


_AXES = {
    "values": "prediction, in units of the target",
    "logits": "prediction: a score, before any sigmoid",
    "scores": "prediction: a score, before any sigmoid",
    "probabilities": "prediction: a probability",
    "transformed": "prediction (its best is not the target itself)",
}
_ROW_SCENES: dict[str, Callable[[Loss], Scene]] = {
    "values": _two_scores,
    "logits": _two_scores,
    "distribution": _two_probabilities,
    "log_probabilities": _two_probabilities,
    "vectors": _turning_vector,
}
