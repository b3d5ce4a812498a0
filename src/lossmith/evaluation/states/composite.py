"""States made of states: several at once, and one per slice of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from ...errors import InputError
from .state import State, rows_of, state_from_dict


class Bundle(State):
    """Named states that merge together.

    Args:
        states: The states by name.

    >>> from lossmith.evaluation.states import ConfusionCounts, LossSums
    >>> bundle = Bundle({"confusion": ConfusionCounts(classes=2), "loss": LossSums()})
    >>> bundle["loss"].update(np.array([0.5]))
    >>> bundle.merge(bundle.empty()).result()["loss"].mean.tolist()
    [0.5]
    """

    kind = "bundle"

    def __init__(self, states: Mapping[str, State]) -> None:
        super().__init__()
        self.states = dict(states)

    def __getitem__(self, name: str) -> Any:
        return self.states[name]

    def merge(self, other: State) -> Self:
        """Merge each state with its namesake; all are checked before one is changed."""
        self.check_alike(other)
        assert isinstance(other, Bundle)
        for name, state in self.states.items():
            state.merge(other.states[name])
        return self

    def check_alike(self, other: State) -> None:
        """Raise InputError unless ``other`` bundles states of the same names, kinds and settings."""
        super().check_alike(other)
        assert isinstance(other, Bundle)
        if set(self.states) != set(other.states):
            raise InputError(f"bundles of {sorted(self.states)} and of {sorted(other.states)} cannot be merged")
        for name, state in self.states.items():
            state.check_alike(other.states[name])

    def result(self) -> dict[str, Any]:
        """Return the results by name."""
        return {name: state.result() for name, state in self.states.items()}

    def empty(self) -> Self:
        """Return a bundle of empty states."""
        return type(self)({name: state.empty() for name, state in self.states.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the states by name."""
        return {"kind": self.kind, "states": {name: s.to_dict() for name, s in sorted(self.states.items())}}

    @classmethod
    def _from_dict(cls, plain: Mapping[str, Any]) -> Self:
        return cls({name: state_from_dict(s) for name, s in plain["states"].items()})

    def __repr__(self) -> str:
        return f"Bundle({self.states!r})"


class Slices(State):
    """A copy of one state per value of a column.

    Args:
        template: What each slice holds; it is not changed.
        limit: More different values than this are an error, not a silent choice: they are an identifier, no slice.
        column: What the column is called, for messages.

    >>> from lossmith.evaluation.states import LossSums
    >>> slices = Slices(LossSums())
    >>> slices.update(np.array(["de", "fr", "de"]), np.array([1.0, 2.0, 5.0]))
    >>> {name: found.mean.tolist() for name, found in slices.result().items()}
    {'de': [3.0], 'fr': [2.0]}
    """

    kind = "slices"

    def __init__(self, template: State, limit: int = 1000, column: str = "") -> None:
        super().__init__(limit=int(limit), column=str(column))
        self.template = template.empty()
        self.states: dict[str, State] = {}

    def update(self, value: np.ndarray, *columns: Any, **named: Any) -> None:
        """Look at rows: value (N,) strings or whole numbers, and what the template's ``update`` takes, (N, …) each.

        Raises:
            InputError: There are more values than the limit.
        """
        rows_of(value=value)
        for state, rows in self.parts_of(*np.unique(value.astype(np.str_), return_inverse=True)):
            taken = {n: None if x is None else x[rows] for n, x in named.items()}
            state.update(*(None if x is None else x[rows] for x in columns), **taken)

    def parts_of(self, values: np.ndarray, index: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
        """Yield the state of each value, and the places of its rows.

        Args:
            values: (K,) strings.
            index: (N,) integers in [0, K): which value each row has.

        Raises:
            InputError: There are more values than the limit.
        """
        order = np.argsort(index, kind="stable")
        ends = np.searchsorted(index[order], np.arange(values.size + 1))
        for k in np.flatnonzero(np.diff(ends)).tolist():
            yield self._of(str(values[k])), order[ends[k] : ends[k + 1]]

    def merge(self, other: State) -> Self:
        """Merge the slices of the same value."""
        self.check_alike(other)
        assert isinstance(other, Slices)
        for name, state in other.states.items():
            self._of(name).merge(state)
        return self

    def check_alike(self, other: State) -> None:
        """Raise InputError unless ``other`` has slices of the same template."""
        super().check_alike(other)
        assert isinstance(other, Slices)
        self.template.check_alike(other.template)

    def result(self) -> dict[str, Any]:
        """Return the results by the slice's value, sorted."""
        return {name: self.states[name].result() for name in sorted(self.states)}

    def empty(self) -> Self:
        """Return slices of the same template that have seen nothing."""
        return type(self)(self.template, **self.settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the template and the slices."""
        states = {name: self.states[name].to_dict() for name in sorted(self.states)}
        return {
            "kind": self.kind,
            "settings": dict(self.settings),
            "template": self.template.to_dict(),
            "states": states,
        }

    @classmethod
    def _from_dict(cls, plain: Mapping[str, Any]) -> Self:
        found = cls(state_from_dict(plain["template"]), **plain["settings"])
        found.states = {name: state_from_dict(s) for name, s in plain["states"].items()}
        for state in found.states.values():
            found.template.check_alike(state)
        return found

    def _of(self, name: str) -> State:
        if name not in self.states:
            if len(self.states) >= self.settings["limit"]:
                column = self.settings["column"]
                raise InputError(
                    f"{f'column {column!r}' if column else 'the column of slices'} has more than "
                    f"{self.settings['limit']} different values, such as {name!r}, and a stream keeps numbers of each; "
                    "slice by a column with fewer, or cut its values into ranges or groups first"
                )
            self.states[name] = self.template.empty()
        return self.states[name]
