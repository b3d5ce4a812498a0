"""The semantic array operations that losses are written in, one module per framework, the same names in each.

A definition never calls a framework: it receives one of these modules as ``xp``. What raw framework operations
disagree on (ties, ±0, ±inf, NaN) is pinned here, in value and gradient, by ``tests/arrays``.
"""

from .namespace import is_native, load, namespace_of

__all__ = ["is_native", "load", "namespace_of"]
