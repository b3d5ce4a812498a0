"""``get``, ``serialize`` and ``deserialize``, as in ``keras.losses``; one rule says whose loss a name means.

A name means the loss of this face, and Keras' own where this face has none of that name. A configuration that says
which module it is from, as all do that ``serialize`` writes, means exactly that loss, Keras' own included; one without
a module means what its name means. What is callable already stays as it is; a class becomes an object.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras

from ..errors import InputError, UnknownNameError
from .classes import CLASSES, FUNCTIONS

_ALIASES = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_NAMES = CLASSES | FUNCTIONS | {alias: FUNCTIONS[name] for alias, name in _ALIASES.items()}
_NAMES |= {alias.upper(): FUNCTIONS[name] for alias, name in _ALIASES.items()}
_NO_LOSSES = ("Loss", "deserialize", "get", "serialize")


def get(identifier: Any) -> Any:
    """Return a loss object or function, as ``keras.losses.get``.

    Args:
        identifier: None; a name of a class, a function, or a short one ("mse"); a configuration
            (``{"class_name": "Huber", "config": {"delta": 2.0}}``); a class; a loss object; any function.

    Raises:
        InputError: It means no loss; the message offers the nearest names.

    >>> import lossmith.keras as lk  # doctest: +SKIP
    >>> lk.get("mse") is lk.mean_squared_error  # doctest: +SKIP
    True
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return _named(identifier)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, keras.losses.Loss):
        return identifier()
    if callable(identifier) and not inspect.isclass(identifier):
        return identifier
    raise InputError(
        f"Could not interpret loss identifier: {identifier!r}; expected a name, a configuration, a loss object or a "
        "function of y_true and y_pred"
    )


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss object or function, as ``keras.losses.serialize``; it names the module."""
    return keras.losses.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss of a configuration or a name, as ``keras.losses.deserialize``.

    Args:
        name: What ``serialize`` returned, or a name; see the rule at the top of the module.
        custom_objects: Classes and functions by name; they go before all others.

    Raises:
        InputError: It means no loss; the message offers the nearest names.
    """
    custom_objects = custom_objects or {}
    if isinstance(name, str):
        return custom_objects[name] if name in custom_objects else _named(name)
    if not isinstance(name, dict):
        return get(name)
    kind = name.get("class_name")
    if kind is None or "module" in name or kind in custom_objects:
        loss = keras.losses.deserialize(name, custom_objects)
        if callable(loss):
            return loss
        raise _unknown(name, name["config"] if kind == "function" else kind)  # Keras hands the name back
    if kind == "function":
        return _named(name.get("config"))
    return CLASSES[kind].from_config(name.get("config") or {}) if kind in CLASSES else _keras(name, kind)


def _named(name: Any) -> Any:
    found = _NAMES.get(name)
    if found is None:
        return _keras(name, name)
    return found() if inspect.isclass(found) else found


def _keras(identifier: Any, name: Any) -> Any:
    """Return Keras' own loss."""
    try:
        return keras.losses.get(identifier)
    except ValueError:
        raise _unknown(identifier, name) from None


def _unknown(identifier: Any, name: Any) -> InputError:
    others = [n for n in dir(keras.losses) if not n.startswith("_") and n not in _NO_LOSSES]
    near = UnknownNameError("loss", name, [*_NAMES, *others])
    return InputError(f"Could not interpret loss identifier: {identifier}; {near}")
