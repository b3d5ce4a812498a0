"""lossmith: every loss, right the first time, on NumPy, PyTorch, TensorFlow/Keras and JAX.

>>> import lossmith as lm
>>> lm.squared_error([2.0, 3.0], [1.0, 5.0])
2.5
>>> lm.Huber(delta=2.0)([2.0, 3.0], [1.0, 6.0], weight=[3.0, 1.0])
1.375

Functions and classes are made from the definitions in ``lossmith.losses`` when first asked for. Importing this package
imports NumPy and no framework; the faces ``lossmith.torch``, ``lossmith.keras`` and ``lossmith.jax`` import theirs.
"""

from __future__ import annotations

import importlib
from typing import Any

from .core import LossFunction, function_of, object_of
from .errors import (
    DataError,
    DomainError,
    EmptyError,
    InputError,
    LabelError,
    LossmithError,
    MissingDependencyError,
    ShapeError,
    UnknownNameError,
)
from .losses import Loss, find, losses
from .native import has_native, trim

__version__ = "0.1.0"

_SUBMODULES = ("boosting", "doctor", "evaluation", "jax", "keras", "report", "torch", "understanding")
_ELSEWHERE = {"choose": "understanding", "compare": "evaluation", "evaluate": "evaluation"}
_BY_NAME = {d.name: d for d in losses()}
_BY_OBJECT_NAME = {d.object_name: d for d in losses()}

__all__ = [
    "DataError",
    "DomainError",
    "EmptyError",
    "InputError",
    "LabelError",
    "Loss",
    "LossFunction",
    "LossmithError",
    "MissingDependencyError",
    "ShapeError",
    "UnknownNameError",
    "get",
    "has_native",
    "losses",
    "trim",
]
__all__ += [*_BY_NAME, *_BY_OBJECT_NAME, *_ELSEWHERE]  # pyrefly: ignore


def get(name: str, **parameters: Any) -> LossFunction:
    """Return the loss with this name or alias as an object, with ``parameters`` set.

    Args:
        name: A name or alias from ``lossmith.losses()``; case, ``_``, ``-`` and spaces do not matter.
        **parameters: As the class takes them.

    Raises:
        UnknownNameError: No loss has this name; the message offers the nearest ones.

    >>> import lossmith as lm
    >>> lm.get("mse")
    SquaredError()
    >>> lm.get("huber", delta=2.0)
    Huber(delta=2.0)
    """
    return getattr(importlib.import_module(__name__), find(name).object_name)(**parameters)


def __getattr__(name: str) -> Any:
    if name in _BY_NAME:
        made: Any = function_of(_BY_NAME[name])
    elif name in _BY_OBJECT_NAME:
        made = object_of(_BY_OBJECT_NAME[name])
    elif name in _ELSEWHERE:
        made = getattr(importlib.import_module(f".{_ELSEWHERE[name]}", __name__), name)
    elif name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'lossmith' has no attribute {name!r}")
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES, "__version__"})
