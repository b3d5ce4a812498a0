"""States as JSON text or Arrow tables, and back.

JSON needs nothing. Arrow (with pyarrow) is smaller and faster for large states: one row per array, its elements as
little-endian bytes, and the tree around them in the schema's metadata. Both carry the schema version; what a later
version wrote is refused with a sentence, not half read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import DataError, MissingDependencyError
from .state import READS, SCHEMA, State, state_from_dict

_KEY = b"lossmith_state"
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(state: State) -> str:
    """Return a state as JSON.

    >>> from lossmith.evaluation.states import ConfusionCounts
    >>> from_json(to_json(ConfusionCounts(classes=3))).settings
    {'classes': 3, 'weighted': False}
    """
    return json.dumps({"schema": SCHEMA, "state": _plain(state.to_dict())}, allow_nan=False, separators=(",", ":"))


def from_json(text: str | bytes) -> State:
    """Return the state in JSON.

    Raises:
        DataError: It is no state, is damaged, or was written by a later version.
    """
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise DataError(f"this is no stored state: {error}") from None
    return state_from_dict(_arrays(_of_schema(tree)))


def to_arrow(state: State) -> Any:
    """Return a state as a ``pyarrow.Table``.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    pyarrow = _pyarrow()
    leaves: list[np.ndarray] = []
    tree = json.dumps({"schema": SCHEMA, "state": _outline(state.to_dict(), leaves)})
    table = pyarrow.table(
        {
            "dtype": pyarrow.array([_dtype(x) for x in leaves], pyarrow.string()),
            "data": pyarrow.array([_bytes(x) for x in leaves], pyarrow.large_binary()),
        }
    )
    return table.replace_schema_metadata({_KEY: tree.encode()})


def from_arrow(table: Any) -> State:
    """Return the state in a ``pyarrow.Table`` made by :func:`to_arrow`.

    Raises:
        DataError: It is no state, is damaged, or was written by a later version.
    """
    metadata = table.schema.metadata or {}
    if _KEY not in metadata:
        raise DataError("this Arrow table is no stored state: its schema has no 'lossmith_state'")
    tree = _of_schema(json.loads(metadata[_KEY]))
    try:
        pairs = zip(table.column("dtype").to_pylist(), table.column("data").to_pylist(), strict=True)
        leaves = [_array(dtype, data) for dtype, data in pairs]
        return state_from_dict(_filled(tree, leaves))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"a stored state is damaged: {error}") from None


def _of_schema(tree: Any) -> Any:
    if not isinstance(tree, Mapping) or "schema" not in tree or "state" not in tree:
        raise DataError("this is no stored state: it lacks 'schema' and 'state'")
    if tree["schema"] not in READS:
        raise DataError(
            f"this state has schema version {tree['schema']!r} and this lossmith reads {READS[0]} to {SCHEMA}; compute "
            "it again, or use the version of lossmith that wrote it"
        )
    return tree["state"]


# --- JSON ------------------------------------------------------------------------------------------------------------
def _plain(x: Any) -> Any:
    """Return a tree with lists for arrays; those of floats say so, as 1.0 may be written as 1."""
    if isinstance(x, Mapping):
        return {k: _plain(v) for k, v in x.items()}
    if isinstance(x, np.ndarray):
        if x.dtype.kind == "f":
            return {"floats": [v if math.isfinite(v) else str(v) for v in x.tolist()]}
        if x.dtype.kind == "U":
            return {"texts": x.tolist()}
        return {"unsigned": x.tolist()} if x.dtype.kind == "u" else {"whole": x.tolist()}
    return x


_DTYPES = {"floats": np.float64, "texts": np.str_, "unsigned": np.uint64, "whole": np.int64}


def _arrays(x: Any) -> Any:
    if isinstance(x, Mapping):
        name, values = next(iter(x.items()), ("", None))
        if len(x) == 1 and name in _DTYPES and isinstance(values, list):  # a slice may bear such a name, too
            try:
                return np.array([_ODD.get(v, v) for v in values] if name == "floats" else values, _DTYPES[name])
            except (ValueError, TypeError, OverflowError) as error:
                raise DataError(f"a stored state is damaged: {error}") from None
        return {k: _arrays(v) for k, v in x.items()}
    return x


# --- Arrow -----------------------------------------------------------------------------------------------------------
def _outline(x: Any, leaves: list[np.ndarray]) -> Any:
    """Return the tree with numbers of leaves in place of the arrays, which go to ``leaves``."""
    if isinstance(x, Mapping):
        return {k: _outline(v, leaves) for k, v in x.items()}
    if isinstance(x, np.ndarray):
        leaves.append(x)
        return {"leaf": len(leaves) - 1}
    return x


def _filled(x: Any, leaves: list[np.ndarray]) -> Any:
    if isinstance(x, Mapping):
        if set(x) == {"leaf"} and isinstance(x["leaf"], int):
            return leaves[x["leaf"]]
        return {k: _filled(v, leaves) for k, v in x.items()}
    return x


def _dtype(x: np.ndarray) -> str:
    return "text" if x.dtype.kind == "U" else x.dtype.newbyteorder("<").str


def _bytes(x: np.ndarray) -> bytes:
    if x.dtype.kind == "U":
        return json.dumps(x.tolist()).encode()
    return x.astype(x.dtype.newbyteorder("<")).tobytes()


def _array(dtype: str, data: bytes) -> np.ndarray:
    if dtype == "text":
        return np.array(json.loads(data), np.str_)
    if dtype not in ("<i8", "<u8", "<f8"):
        raise DataError(f"a stored state is damaged: no array has dtype {dtype!r}")
    return np.frombuffer(data, dtype).astype(np.dtype(dtype).newbyteorder("="))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingDependencyError("pyarrow", "storing states as Arrow", "eval") from None
    return pyarrow
