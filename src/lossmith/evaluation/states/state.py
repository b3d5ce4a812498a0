"""The contract of a state, and how states are stored.

A state is a summary of rows, of a size that does not depend on how many there were, and a commutative monoid: a new
one is the zero, ``update`` looks at a batch of rows, ``merge`` adds another state of the same kind and settings,
``result`` says what was found. Whatever the batches, the shards and the order, the state is the same to the last bit:
everything inside is whole numbers, exact sums, extremes or a selection of rows by a total order.

States are stored as JSON or Arrow with a schema version, never as pickles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ...errors import DataError, InputError, ShapeError
from .parts import Part

SCHEMA = 5
READS = (3, SCHEMA)  # 3 has no weights and 4 no cubes, and their states are those without
_KINDS: dict[str, type[State]] = {}


class State(ABC):
    """A mergeable summary; see the module's docstring.

    A subclass names itself with ``kind``, hands its constructor's arguments to ``super().__init__`` as settings and
    sets ``parts`` in its constructor.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    def __init__(self, **settings: Any) -> None:
        self.settings: dict[str, Any] = settings
        self.parts: dict[str, Part] = {}

    def merge(self, other: State) -> Self:
        """Add what another state has seen to this one, and return this one.

        Raises:
            InputError: It is of another kind, or has other settings.
        """
        self.check_alike(other)
        for name, part in self.parts.items():
            part.merge(other.parts[name])
        return self

    @abstractmethod
    def result(self) -> Any:
        """Return what was found."""

    def empty(self) -> Self:
        """Return a state of the same kind and settings that has seen nothing."""
        return type(self)(**self.settings)

    def check_alike(self, other: State) -> None:
        """Raise InputError unless ``other`` has this state's kind and settings."""
        if type(self) is not type(other):
            raise InputError(f"a state of kind {self.kind!r} cannot merge one of kind {_kind(other)!r}")
        for name, mine in self.settings.items():
            theirs = other.settings.get(name)
            if mine != theirs:
                raise InputError(
                    f"states of kind {self.kind!r} with {name} {mine!r} and {theirs!r} cannot be merged; make both "
                    "with the same settings"
                )

    def check_weight(self, weight: np.ndarray | None) -> None:
        """Raise InputError unless there are weights where the settings say so, and none where they do not."""
        if (weight is not None) != self.settings["weighted"]:
            asked = "weights of the rows" if self.settings["weighted"] else "no weights"
            raise InputError(f"a state of kind {self.kind!r} with weighted={self.settings['weighted']} takes {asked}")

    def to_dict(self) -> dict[str, Any]:
        """Return kind, settings and contents; the leaves are one-dimensional NumPy arrays."""
        return {
            "kind": self.kind,
            "settings": dict(self.settings),
            "parts": {name: part.arrays() for name, part in self.parts.items()},
        }

    @classmethod
    def _from_dict(cls, plain: Mapping[str, Any]) -> Self:
        state = cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain["settings"].items()})
        parts = plain["parts"]
        if set(parts) != set(state.parts):
            raise DataError(f"a stored {cls.kind!r} has parts {sorted(parts)}; expected {sorted(state.parts)}")
        for name, part in state.parts.items():
            part.load(parts[name])
        return state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and _same(self.to_dict(), other.to_dict())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in self.settings.items())
        return f"{type(self).__name__}({shown})"


def state_from_dict(plain: Mapping[str, Any]) -> State:
    """Return the state that :meth:`State.to_dict` described.

    Raises:
        DataError: It is none, or is damaged.
    """
    try:
        kind = plain["kind"]
        if kind not in _KINDS:
            raise DataError(f"no state of kind {kind!r} is known; known: {', '.join(sorted(_KINDS))}")
        return _KINDS[kind]._from_dict(plain)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"a stored state is damaged: {type(error).__name__} {error}") from None


def rows_of(**arrays: np.ndarray) -> int:
    """Return the number of rows that all arrays have.

    Raises:
        ShapeError: One is not one-dimensional, or they differ.
    """
    shapes = {name: np.shape(x) for name, x in arrays.items()}
    name, first = next(iter(shapes.items()))
    for other, shape in shapes.items():
        if len(shape) != 1:
            raise ShapeError(f"{other} has shape {shape}; expected (N,), one per row")
        if shape != first:
            raise ShapeError(f"{name} has {first[0]} rows and {other} has {shape[0]}; expected one per row")
    return first[0]


def _kind(x: object) -> str:
    return x.kind if isinstance(x, State) else type(x).__name__


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype.kind == b.dtype.kind and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(a == b)
