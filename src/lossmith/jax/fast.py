"""Which call of JAX arrays has a kernel of the native core; see ``core.kernel`` for who asks.

Each family is a file of its own: losses on rows, and sums of elementwise losses. What JAX may do with a call is
in ``primitives``, and where it becomes the kernel in ``lowering``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.check import Inputs
from ..losses import Loss
from . import fast_elements, fast_rows


def kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None."""
    return None if loss.layout == "element" else fast_rows.kernel(loss, inputs)


def total_kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the same with the sum of the weighted values in their place, or None."""
    return fast_elements.total_kernel(loss, inputs) if loss.layout == "element" else None
