"""Value and gradient of a loss along one line through its predictions, for a fixed target: what a picture shows.

Every number comes from ``lossmith.core``; no formula stands here. A scene says which line: the prediction itself for
element losses, the true class of two for losses over classes, the angle for losses between vectors. Any other loss is
shown on its own example: one entry of the first row moves, and the axis says what stays. Where a value depends on more
than one row, the whole example stands at every place, and the mean is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import value_and_gradient
from ..losses import Domain, Loss

POINTS = 401
_CALLS = 261  # places of a curve that takes a call for each
_REACH = 4.0  # how far an unbounded prediction is followed from the best one
_EDGE = 0.004  # share of a bounded interval that is left out at each end, where logarithms leave the picture
_SHARES = (0.7, 0.3)  # the target of losses between distributions
_FEW = 9  # entries of an example's array that words can still list
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
        extras: The loss's other arrays, for one prediction.
        whole: Whether a prediction is all that a call takes, and not one element or row of it.
    """

    axis: str
    x: np.ndarray
    prediction: Callable[[np.ndarray], np.ndarray]
    tangent: Callable[[np.ndarray], np.ndarray]
    targets: dict[str, tuple[Any, float | None]]
    extras: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


def curves(loss: Loss, parameters: Mapping[str, Any] | None = None) -> tuple[str, tuple[Curve, ...]]:
    """Return what x is, in words, and the curves of a loss, one for each target that is worth a look.

    Args:
        loss: The definition.
        parameters: Parameters of the loss that differ from their defaults.

    Raises:
        InputError: A parameter out of bounds.
    """
    given = dict(parameters or {})
    resolved = loss.resolve(given)
    scene = scene_of(loss, resolved)
    title = ", ".join([loss.title, *(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in given.items())])
    made = (_curve(loss, resolved, scene, title, words) for words in scene.targets)
    return scene.axis, tuple(made)


def _curve(loss: Loss, parameters: dict[str, Any], scene: Scene, title: str, words: str) -> Curve:
    target, best = scene.targets[words]
    value, gradient = (_one_by_one if scene.whole else _together)(loss, parameters, scene, target)
    slope = (gradient * scene.tangent(scene.x)).reshape(len(scene.x), -1).sum(axis=-1)
    keep = np.isfinite(value) & np.isfinite(slope)
    return Curve(
        loss=loss.name, title=title, target=words, x=scene.x[keep], value=value[keep], gradient=slope[keep], best=best
    )


def _together(loss: Loss, parameters: dict[str, Any], scene: Scene, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return value and gradient at all places, which are elements or rows of one call."""
    times = len(scene.x)
    extras = {name: _repeated(x, times) for name, x in scene.extras.items()}
    arrays = scene.prediction(scene.x), _repeated(target, times)
    return value_and_gradient(loss, *arrays, parameters=parameters, extras=extras, reduction="none")


def _one_by_one(loss: Loss, parameters: dict[str, Any], scene: Scene, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and gradient of one call at each place."""
    made = [
        value_and_gradient(loss, prediction, target, parameters=parameters, extras=scene.extras)
        for prediction in scene.prediction(scene.x)
    ]
    return np.array([value for value, _ in made]), np.stack([gradient for _, gradient in made])


def _repeated(x: Any, times: int) -> np.ndarray:
    return np.broadcast_to(x, (times, *np.shape(x)))


def scene_of(loss: Loss, parameters: Mapping[str, Any]) -> Scene:
    """Return the line to follow for a loss."""
    prediction, target = loss.prediction.role, loss.target.role
    if loss.coupled or loss.layout == "sequence":
        return _whole_example(loss)
    if loss.layout == "element":
        known = not loss.extras and loss.task not in ("ranking", "preference")
        return _element_scene(loss, parameters) if known else _element_example(loss)
    if loss.extras:
        return _row_example(loss)
    if target == "classes" and prediction in ("values", "logits"):
        return _two_scores(loss)
    if prediction in ("distribution", "log_probabilities"):
        return _two_probabilities(loss)
    return _turning_vector() if prediction == target == "vectors" else _row_example(loss)


def _element_scene(loss: Loss, parameters: Mapping[str, Any]) -> Scene:
    role = loss.prediction.role
    targets = _both(loss) or {f"target {_LEVEL:g}": _LEVEL}
    if loss.target.role == "signs":
        role = "scores" if loss.task == "binary" else "embedding"
    best = {words: (t, _best(loss, t, parameters)) for words, t in targets.items()}
    known = [b for _, b in best.values() if b is not None]
    centres = known or ([-1.0, 1.0] if _both(loss) else [_LEVEL])
    if role == "values" and centres[0] != _LEVEL:
        role = "transformed"
    x = _places(loss.prediction, centres, _REACH / 2 if role == "transformed" else _REACH)
    return Scene(axis=_AXES[role], x=x, prediction=lambda x: x, tangent=np.ones_like, targets=best)


def _both(loss: Loss) -> dict[str, float]:
    """Return the two targets of a loss that has no others, in words; of any other loss nothing."""
    if loss.target.role == "signs":
        return {"target −1": -1.0, "target +1": 1.0}
    return {"target 0": 0.0, "target 1": 1.0} if loss.target.role in ("probabilities", "flags") else {}


def _element_example(loss: Loss) -> Scene:
    """Return the line of a loss between numbers that is shown beside the first target and extras of its example."""
    start, target, extras = _first_of_example(loss)
    targets = _both(loss) or {f"target {_tuple(target)}": target}
    fixed = [*(targets if len(targets) == 1 else ()), *_in_words(extras)]
    return Scene(
        axis=", ".join(["prediction", *fixed]),
        x=_places(loss.prediction, [start, *_inside(loss.prediction, target)], _REACH),
        prediction=lambda x: x,
        tangent=np.ones_like,
        targets={words: (t, None) for words, t in targets.items()},
        extras=extras,
    )


def _row_example(loss: Loss) -> Scene:
    """Return the line on which one entry of the example's first row moves, and all else stays."""
    row, target, extras = _first_of_example(loss)
    row = np.asarray(row, float)
    at = {"boxes": 2, "vectors": len(row) - 1}.get(loss.prediction.role, 0)
    low = row[0] if loss.prediction.role == "boxes" else -math.inf  # the right edge moves, and stays the right one
    direction = np.eye(len(row))[at]
    targets: dict[str, Any] = dict(_both(loss)) if np.ndim(target) == 0 else {}
    targets = targets or {f"target {_tuple(target)}": target}
    fixed = [*(targets if len(targets) == 1 else ()), *_in_words(extras)]
    x = _places(loss.prediction, [row[at]], max(_REACH, abs(row[at])))
    return Scene(
        axis="; ".join([f"x in the prediction {_tuple(row, at)}", *fixed]),
        x=x[x > low],
        prediction=lambda x: row + (x - row[at])[:, None] * direction,
        tangent=lambda x: _repeated(direction, len(x)),
        targets={words: (t, None) for words, t in targets.items()},
        extras=extras,
    )


def _whole_example(loss: Loss) -> Scene:
    """Return the line on which the first entry of the example moves, for losses whose values do not stand alone."""
    given, goal, _ = loss.example
    start, target = np.asarray(given, float), np.asarray(goal)
    direction = np.zeros_like(start)
    direction.flat[0] = 1
    targets = {_target_words(target): target}
    fixed = [*targets, *_in_words(loss.example_extras)]
    if both := _both(loss):
        targets = {words: _with_first(target, t) for words, t in both.items()}
        fixed[0] = f"the others' targets being {_tuple(target.ravel()[1:])}"
    first = float(start.flat[0])
    return Scene(
        axis="; ".join([f"x in the prediction {_moving(start)}", *fixed]),
        x=_places(loss.prediction, [first], max(_REACH, abs(first)), _CALLS),
        prediction=lambda x: start + (x - first).reshape(-1, *[1] * start.ndim) * direction,
        tangent=lambda x: _repeated(direction, len(x)),
        targets={words: (t, None) for words, t in targets.items()},
        extras={name: np.asarray(x) for name, x in loss.example_extras.items()},
        whole=True,
    )


def _with_first(target: np.ndarray, value: float) -> np.ndarray:
    """Return a copy of a target with another first entry."""
    made = target.astype(float)
    made.flat[0] = value
    return made


def _target_words(target: np.ndarray) -> str:
    return f"target {_tuple(_alone(target))}" if target.size <= _FEW else "the example's target"


def _moving(prediction: np.ndarray) -> str:
    """Return an example's prediction in words, an x in the place of its first entry; in short where it is long."""
    if prediction.size > _FEW:
        return "(x, …) of the example"
    return _tuple(_alone(prediction)).replace(_tuple(prediction.flat[0]), "x", 1)


def _alone(x: np.ndarray) -> np.ndarray:
    """Return the only sample of an array that has one."""
    return x[0] if x.ndim > 1 and len(x) == 1 else x


def _first_of_example(loss: Loss) -> tuple[Any, Any, dict[str, Any]]:
    """Return the first prediction of a definition's example, with its target and extras."""
    prediction, target, _ = loss.example
    return prediction[0], target[0], {name: np.asarray(x)[0] for name, x in loss.example_extras.items()}


def _in_words(extras: Mapping[str, Any]) -> list[str]:
    return [f"{name} {_tuple(x)}" for name, x in extras.items()]


def _tuple(x: Any, at: int | None = None) -> str:
    """Return a number or a row in words, with an x in the place of the entry ``at``."""
    if np.ndim(x) == 0:
        return f"{x:g}".replace("-", "−")
    return f"({', '.join('x' if i == at else _tuple(entry) for i, entry in enumerate(x))})"


def _inside(domain: Domain, x: float) -> list[float]:
    return [] if domain.violations(np.array([x])).any() else [x]


def _best(loss: Loss, target: float, parameters: Mapping[str, Any]) -> float | None:
    """Where one target's value is lowest; None where that is at infinity or not known."""
    if loss.best_constant is None:
        return None
    best = float(loss.best_constant(np.array([target]), np.ones(1), **parameters))
    return round(best, 12) if math.isfinite(best) else None


def _places(domain: Domain, centres: list[float], reach: float, points: int = POINTS) -> np.ndarray:
    """Return where to look: the domain if it is bounded, else the neighbourhood of the centres; these included."""
    low, high = max(domain.low, min(centres) - reach), min(domain.high, max(centres) + reach)
    edge = _EDGE * (high - low)
    low = low + edge if low == domain.low else low
    high = high - edge if high == domain.high else high
    return np.unique([*np.linspace(low, high, points), *(c for c in centres if low < c < high)])


def _two_scores(loss: Loss) -> Scene:
    what = "cosine" if loss.prediction.bounded else "score"
    return Scene(
        axis=f"{what} of the true class, the other class's being 0",
        x=_places(loss.prediction, [0.0], _REACH),
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


def _turning_vector() -> Scene:
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
    "embedding": "prediction: a distance",
    "transformed": "prediction (its best is not the target itself)",
}
