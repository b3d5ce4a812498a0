"""The first batches of ``fit``, taken ahead of the training, which then gets the very same ones in the same order.

On TensorFlow and JAX the function that makes a step gets an iterator: batches are taken from it once, and handed on by
one that stands in for it. On PyTorch it gets the batch itself.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras

from ..doctor.watch import ENOUGH_ROWS, MOST_BATCHES


class Ahead(NamedTuple):
    """What was taken.

    Attributes:
        shown: One batch for each step, or each execution of several steps; empty where the data is hidden.
        iterator: What stands in for the training's iterator, or None where nothing does.
        calls: How many calls it serves.
    """

    shown: list[Any]
    iterator: Any = None
    calls: int = 1


def take(args: tuple[Any, ...], together: int, most: int | None) -> Ahead:
    """Take batches of 256 rows together, if that is at most 8 batches; in any case what one execution needs.

    Args:
        args: What the function that makes a step was called with.
        together: How many steps an execution has.
        most: How many executions are left of the epoch, if known: later ones may get another iterator.

    Raises:
        StopIteration: The data is at its end, as the training itself would find.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return Ahead([args[0][0]])
    source = args[-1]
    if backend == "tensorflow" and not _is_of_tensorflow(source):
        return Ahead([])
    batches = _some(source, together)
    wanted = min(MOST_BATCHES // together, -(-ENOUGH_ROWS // max(1, _rows(batches[0]))))
    wanted = wanted if most is None else min(wanted, most)
    calls = 1
    while calls < wanted and len(batches) == calls * together:
        with contextlib.suppress(StopIteration):
            batches += _some(source, together)
        calls += 1
    calls = -(-len(batches) // together)
    stand_in = _replayed(source, batches) if backend == "tensorflow" else itertools.chain(batches, source)
    return Ahead(batches[::together], stand_in, calls)


def _some(source: Any, count: int) -> list[Any]:
    """Take up to ``count`` batches, at least one.

    Raises:
        StopIteration: There is none.
    """
    taken = [next(source)]
    with contextlib.suppress(StopIteration):
        while len(taken) < count:
            taken.append(next(source))
    return taken


def _rows(batch: Any) -> int:
    shapes = [part.shape for part in keras.tree.flatten(batch) if hasattr(part, "shape")]
    return int(shapes[0][0]) if shapes and len(shapes[0]) else 1


def _is_of_tensorflow(source: Any) -> bool:
    import tensorflow as tf

    return isinstance(source, tf.data.Iterator)


def _replayed(source: Any, batches: Sequence[Any]) -> Iterator[Any]:
    """Return an iterator of the same type as TensorFlow's own, so that the step is not traced a second time."""
    import tensorflow as tf

    try:
        rows, spec = _rows(batches[0]), source.element_spec
        all_rows = keras.tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)
        for static in (False, True):
            made = tf.data.Dataset.from_tensor_slices(all_rows).batch(rows, drop_remainder=static)
            if made.element_spec == spec and _same_sizes(batches, rows):
                return iter(made)
    except Exception:  # batches of several sizes, ragged or sparse ones
        pass
    try:
        return iter(tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=source.element_spec))
    except Exception:  # a structure that generators cannot give; the step takes any iterator
        return iter(batches)


def _same_sizes(batches: Sequence[Any], rows: int) -> bool:
    """Whether cutting all rows into parts of so many gives the batches again."""
    sizes = [{len(part) for part in keras.tree.flatten(batch)} for batch in batches]
    return all(size == {rows} for size in sizes[:-1]) and len(sizes[-1]) == 1 and max(sizes[-1]) <= rows


def joined(parts: Sequence[Any]) -> Any:
    """Return the inputs of several batches as one, or None where they do not stand below each other."""
    shapes = {tuple(tuple(p.shape[1:]) for p in keras.tree.flatten(x)) for x in parts}
    if len(parts) < 2 or len(shapes) > 1 or any(not len(p.shape) for x in parts for p in keras.tree.flatten(x)):
        return None
    return keras.tree.map_structure(lambda *some: keras.ops.concatenate(some, axis=0), *parts)
