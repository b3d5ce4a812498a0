"""Which call of JAX arrays has a kernel of the native core; see ``core.kernel`` for who asks.

Each family is a file of its own: losses on rows, of sequences, of batches, and sums of elementwise losses. What JAX may
do with a call is in ``primitives``, and where it becomes the kernel in ``lowering``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import contrastive_kernel
from ..core.check import Inputs
from ..losses import Loss
from . import fast_batches, fast_elements, fast_rows, fast_sequences, lowering


def kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return ``kernel(inputs, scale, gradient=…) -> (values, gradient or None)``, or None."""
    finder = _FINDERS.get(loss.layout)
    return None if finder is None else finder(loss, inputs)


def _of_batch(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    if not isinstance(inputs.prediction.size, int) or inputs.prediction.dtype not in lowering.DTYPES:
        return None  # a size is no number in programs that are exported for any of them
    if not lowering.available():
        return None
    own_columns = functools.partial(fast_rows.own_columns, inputs)
    return contrastive_kernel.find(loss, inputs, own_columns, fast_batches.compared)


def total_kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the same with the sum of the weighted values in their place, or None."""
    return fast_elements.total_kernel(loss, inputs) if loss.layout == "element" else None


_FINDERS: dict[str, Callable[[Loss, Inputs], Callable[..., tuple[Any, Any]] | None]] = {
    "row": fast_rows.kernel,
    "sequence": fast_sequences.kernel,
    "batch": _of_batch,
}
