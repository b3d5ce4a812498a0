"""What a loss got in one step, of any framework, and its way to the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..evaluation.arrays import to_numpy

_MOST_ELEMENTS = 1 << 20  # of one array
_MOST_ROWS = 4096
_ONE_SIDED = 8  # targets: fewer may be equal by chance


class Batch(NamedTuple):
    """What the loss got in one step: prediction, target, the model's inputs, weights; what is unknown is None."""

    prediction: Any
    target: Any
    inputs: Any = None
    weight: Any = None


def read(batch: Batch) -> Batch:
    """Return a batch on the host, in NumPy; of large arrays only the first rows, the same number of each.

    Raises:
        InputError: One of them is no array.
    """
    for name, x in zip(batch._fields, batch, strict=True):
        if isinstance(x, Mapping):
            raise InputError(f"{name} holds several arrays; the doctor looks at one output at a time: give one of them")
    lengths = {_length(x) for x in batch[:2]}
    rows = min(lengths)
    if len(lengths) == 1 and rows:
        sizes = [int(np.prod(x.shape)) for x in batch if _length(x) == rows and hasattr(x, "shape")]
        rows = max(1, min(rows, _MOST_ROWS, *(_MOST_ELEMENTS * rows // max(n, 1) for n in sizes)))
    else:
        rows = 0
    arrays = [None if x is None else to_numpy("batch", x[:rows] if rows else x) for x in batch]
    beside = [x if x is not None and rows and len(x) == rows else None for x in arrays[2:]]
    return Batch(*arrays[:2], *beside)


def _length(x: Any) -> int:
    shape = getattr(x, "shape", None)
    if shape is None:
        shape = np.shape(x) if isinstance(x, list | tuple) else ()
    return int(shape[0]) if len(shape) else 0


def shapes(batch: Batch) -> tuple[Any, ...]:
    """Return what two batches must share to stand beside each other."""
    return tuple(None if x is None else (x.shape[1:], x.dtype) for x in batch)


def one_sided(batches: Sequence[Batch]) -> bool:
    """Whether every one of several batches has one target alone, and not all the same: a game, real against made."""
    if len(batches) < 2 or any(np.size(b.target) < _ONE_SIDED for b in batches):
        return False
    targets = [np.asarray(b.target) for b in batches]
    return all(bool((t == t.flat[0]).all()) for t in targets) and any(t.flat[0] != targets[0].flat[0] for t in targets)


def is_half(x: Any) -> bool:
    """Whether an array of any framework is of half precision."""
    return any(half in str(getattr(x, "dtype", "")) for half in ("float16", "bfloat16"))
