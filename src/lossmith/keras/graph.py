"""The check of labels inside of a TensorFlow graph; imported only where Keras runs on TensorFlow.

Only assertions, arithmetic and constants are used, so that XLA can compile the graph (it drops assertions). The cause
is worked out in the branch that fails; a healthy step pays for one comparison per label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def assert_in_range(y_true: Any, y_pred: Any, axis: int, can_ignore: bool) -> Any:
    """Return ``y_true``, integers as int64, to be used only after the check; outside of graphs nothing is looked at.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs: a label is not a whole number from 0 to C - 1.
    """
    if tf.executing_eagerly():
        return y_true  # on a device: looking would wait for it
    if y_true.dtype.is_floating:
        labels, classes = y_true, tf.cast(tf.shape(y_pred)[axis], y_true.dtype)
        fine = tf.reduce_all(_inside(labels, classes))
    else:
        labels, classes = tf.cast(y_true, tf.int64), tf.shape(y_pred, tf.int64)[axis]
        # One comparison is enough: as an unsigned number a negative label is larger than any class.
        fine = tf.reduce_all(tf.bitcast(labels, tf.uint64) < tf.cast(classes, tf.uint64))
    check = tf.cond(
        fine, tf.no_op, lambda: _fail(labels, classes, ~_inside(labels, classes), y_pred.shape[axis], can_ignore)
    )
    with tf.control_dependencies([check]):
        return tf.identity(labels)


def _inside(labels: Any, classes: Any) -> Any:
    good = (labels >= 0) & (labels < classes)
    return good & (labels == tf.floor(labels)) if labels.dtype.is_floating else good


def _fail(labels: Any, classes: Any, bad: Any, static: int | None, can_ignore: bool) -> Any:
    """Fail with the text of the core's check on the host; ``static`` is the number of classes where it is known."""
    at = tf.argmax(tf.reshape(bad, [-1]))
    first = tf.gather(tf.reshape(labels, [-1]), at)
    numbers = (first, _coordinates(at, tf.shape(labels, tf.int64), labels.shape.rank), classes)
    count, size = tf.reduce_sum(tf.cast(bad, tf.int64)), tf.size(labels, tf.int64)

    def fail(cause: str) -> Any:
        def branch() -> Any:  # strings are made in here: XLA does not let one into a branch
            text = ("y_true holds label", numbers[0], "at position", numbers[1], "but y_pred has", numbers[2])
            text = (*text, "classes (valid: 0 … C-1);", count, "of", size, "labels are out of range;", cause)
            # The raw operation: tf.debugging.Assert would put one more condition around it.
            return tf.raw_ops.Assert(condition=False, data=[tf.convert_to_tensor(t) for t in text], summarize=10)

        return branch

    same = tf.reduce_all(tf.where(bad, labels, first) == first)
    no_label = same & ((first == -1) | (first == -100) | (first == 255))
    from_one = (tf.reduce_min(labels) == 1) & (tf.reduce_max(labels) == classes)
    advice = "add ignore_class= that label" if can_ignore else "leave such rows out"
    cases = [
        (no_label, fail(f"if it means «no label», {advice}")),
        (from_one, fail("labels seem to count from 1: use y_true - 1")),
    ]
    if static is None or static <= 2:
        mask = (classes <= 2) & tf.reduce_all((labels == 0) | (labels == 255))
        cases.insert(0, (mask, fail("this looks like a mask image: use y_true // 255")))
    if labels.dtype.is_floating:
        fraction = tf.reduce_any(labels != tf.floor(labels))
        cases.insert(0, (fraction, fail("class indices are whole numbers; for numbers take a regression loss")))
    default = fail("the model needs more outputs, or the labels need mapping to 0 … C-1")
    for condition, branch in reversed(cases):
        default = _either(condition, branch, default)
    return default()


def _either(condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: tf.cond(condition, yes, no)


def _coordinates(at: Any, shape: Any, rank: int) -> Any:
    index = []
    for axis in reversed(range(rank)):
        index.append(at % shape[axis])
        at = at // shape[axis]
    return tf.stack(index[::-1]) if index else at
