"""Which losses can be boosted: a loss in any form → its definition and parameters, or an error that names another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import LossFunction
from ..core.arguments import settings_of
from ..core.values import PARTNERS
from ..errors import InputError
from ..losses import Loss, find
from ..losses import losses as all_losses
from . import multiclass

_PARTNERS = {  # what to take where the prediction of a loss is bounded
    **PARTNERS,
    "poisson": "poisson_log_rate",
    "gamma_nll": "gamma_log_mean",
    "tweedie": "tweedie_log_mean",
    "negative_binomial_nll": "poisson_log_rate or tweedie_log_mean",
    "squared_logarithmic_error": "squared_error on the targets numpy.log1p(y), and numpy.expm1 of the predictions",
    "negative_log_likelihood": "softmax_cross_entropy",
    "generalised_cross_entropy": "softmax_focal or poly_cross_entropy",
}
_REFUSED = {"perceptron": "a score of 0 for every row costs nothing under it, so that no tree is grown; use hinge"}


def losses() -> tuple[Loss, ...]:
    """Return the definitions of all losses that can be boosted, in the order of ``lossmith.losses()``.

    >>> import lossmith
    >>> [loss.name for loss in lossmith.boosting.losses()][:4]
    ['squared_error', 'absolute_error', 'huber', 'log_cosh']
    """
    return tuple(loss for loss in all_losses() if _obstacle(loss) is None)


def accept(loss: Any, parameters: Mapping[str, Any]) -> tuple[Loss, dict[str, Any]]:
    """Return the definition and all parameters of a loss.

    Args:
        loss: A name, a function of lossmith, a class, an object with its parameters set, or a definition.
        parameters: As the function takes them; none beside an object, which has its own.

    Raises:
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: Something else than a loss was given, a parameter is out of bounds, or the loss cannot be boosted.
    """
    definition, parameters = _take_apart(loss, parameters)
    obstacle = _obstacle(definition)
    if obstacle:
        raise InputError(f"{definition.name} cannot be boosted: {obstacle}")
    resolved = _resolve(definition, parameters)
    if definition.layout == "row":
        multiclass.check_parameters(definition, resolved)
    return definition, resolved


def resolve_metric(loss: Any, parameters: Mapping[str, Any]) -> tuple[Loss, dict[str, Any]]:
    """Return the definition and all parameters of a loss that is to be a metric: any without further arrays.

    Raises:
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss needs further arrays, no loss was given at all, or a parameter is out of bounds.
    """
    definition, parameters = _take_apart(loss, parameters)
    obstacle = _needs_extras(definition) or _is_of_many_rows(definition)
    if obstacle:
        raise InputError(f"{definition.name} cannot be a metric: {obstacle}")
    return definition, _resolve(definition, parameters)


def _take_apart(loss: Any, parameters: Mapping[str, Any]) -> tuple[Loss, Mapping[str, Any]]:
    if isinstance(loss, LossFunction):
        return loss.definition, _own_parameters(loss, parameters)
    return _definition(loss), parameters


def _resolve(loss: Loss, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters, checked; vectors as arrays."""
    resolved = loss.resolve(parameters)
    vectors = {p.name for p in loss.parameters if p.kind in ("vector", "factor")}
    return {k: np.asarray(v, np.float64) if k in vectors and hasattr(v, "__len__") else v for k, v in resolved.items()}


def _definition(loss: Any) -> Loss:
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        return find(loss)
    definition = getattr(loss, "definition", None)
    if isinstance(definition, Loss):
        return definition
    raise InputError(
        f"loss is {loss!r} ({type(loss).__name__}); expected a loss of lossmith: a name ('huber'), a function "
        "(lossmith.huber) or an object (lossmith.Huber(delta=2.0))"
    )


def _own_parameters(loss: LossFunction, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if parameters:
        raise InputError(
            f"{loss!r} has its parameters already, and {', '.join(parameters)} came beside it; set them in one place: "
            f"lossmith.{loss.definition.object_name}({', '.join(f'{k}=…' for k in parameters)})"
        )
    mine = loss.parameters
    for name, default in settings_of(loss.definition).items():
        if mine[name] != default:
            raise InputError(
                f"{loss!r} sets {name}, which has no meaning in boosting: trees add up rows one by one; leave it out, "
                "and give rows that do not count a sample weight of 0"
            )
    return {name: mine[name] for name in loss.definition.defaults}


def _obstacle(loss: Loss) -> str | None:
    """Return why a loss cannot be an objective, and what to take instead; None if it can."""
    if loss.name in _REFUSED:
        return _REFUSED[loss.name]
    if loss.name in _PARTNERS:
        return (
            f"it takes {loss.prediction.describe()}, and a boosted model answers any real number; "
            f"use {_PARTNERS[loss.name]}"
        )
    if loss.layout == "row":
        if loss.name in multiclass.BOUNDS:
            return None
        return f"it consumes a whole axis; of those losses {', '.join(multiclass.BOUNDS)} can be boosted"
    obstacle = _needs_extras(loss) or _is_of_many_rows(loss)
    if obstacle:
        return obstacle
    if loss.prediction.bounded:
        return (
            f"it takes {loss.prediction.describe()}, and a boosted model answers any real number; "
            "lossmith.boosting.losses() lists those that fit"
        )
    return None


def _needs_extras(loss: Loss) -> str | None:
    if not loss.extras:
        return None
    names = ", ".join(extra.name for extra in loss.extras)
    return f"it needs {names} besides prediction and target, and a boosting library hands over those two alone"


def _is_of_many_rows(loss: Loss) -> str | None:
    if loss.layout in ("element", "row"):
        return None
    instead = "; use squared_error" if loss.name.endswith("root_mean_squared_error") else ""
    return f"its value belongs to many rows at once, and here each row has its own{instead}"
