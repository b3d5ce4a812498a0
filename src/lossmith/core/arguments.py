"""What a call of a loss takes: its arrays, its own parameters and the options that all losses share."""

from __future__ import annotations

import inspect
from typing import Any

from ..errors import InputError, UnknownNameError
from ..losses import Loss

DATA = ("prediction", "target")
PER_CALL = ("weight", "mask", "normalizer")
_SETTINGS = {"ignore_index": None, "axis": -1, "region": "sample", "reduction": "mean", "empty": "zero"}


def settings_of(loss: Loss) -> dict[str, Any]:
    """Return the options besides the loss's own parameters that apply to it, with their defaults."""
    settings = {name: default for name, default in _SETTINGS.items() if name in loss.options}
    return settings | {"region": loss.region} if "region" in settings else settings


def extras_of(loss: Loss, arrays: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return the extra arrays of a call by name, whether they came in order or by name.

    Raises:
        InputError: More arrays than the loss takes, or one given twice.
        UnknownNameError: A name that the loss does not take.
    """
    names = [extra.name for extra in loss.extras]
    if len(arrays) > len(names):
        takes = ", ".join((*DATA, *names))
        raise InputError(
            f"{loss.name} was given {len(arrays) + 2} arguments; it takes {takes}, and settings by name"
            f"{by_name(loss, arrays[len(names) :])}"
        )
    given = dict(zip(names, arrays, strict=False))
    for name, x in named.items():
        if name not in names:
            raise UnknownNameError("argument", name, [*DATA, *names, *PER_CALL], where=loss.name)
        if name in given:
            raise InputError(f"{name} was given twice, in order and by name; drop one of the two")
        given[name] = x
    return given


def by_name(loss: Loss, values: tuple[Any, ...]) -> str:
    """Return how settings that came without a name are written."""
    named = zip([*loss.defaults, *settings_of(loss)], values, strict=False)
    shown = [f"{name}={value!r}" for name, value in named if isinstance(value, bool | int | float | str)]
    return f": {', '.join(shown)}" if shown else ""


def signature_of(loss: Loss, *, data: bool) -> inspect.Signature:
    """Return the signature of a loss's function (``data``: with prediction and target) or of its class."""
    options = {**loss.defaults, **(dict.fromkeys(PER_CALL) if data else {}), **settings_of(loss)}
    either, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(n, either) for n in DATA if data]
    for extra in loss.extras if data else ():
        parameters.append(
            inspect.Parameter(extra.name, either, default=inspect.Parameter.empty if extra.required else None)
        )
    parameters += [inspect.Parameter(n, keyword, default=d) for n, d in options.items()]
    return inspect.Signature(parameters)
