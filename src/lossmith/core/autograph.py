"""Keeps TensorFlow's AutoGraph from rewriting the library, without importing TensorFlow.

In a ``tf.function``, AutoGraph turns every Python function that it meets into another one, so that ``if`` and ``while``
on tensors work. Nothing here branches on a tensor; the rewriting would only cost seconds at the first trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def unconverted(function: F) -> F:
    """Mark a function as one that AutoGraph calls as it is, with all that it calls."""
    function.autograph_info__ = {}  # pyrefly: ignore[missing-attribute]
    return function
