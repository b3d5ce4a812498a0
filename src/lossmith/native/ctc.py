"""CTC of the native core: the value and the gradient of each sequence, for NumPy arrays on the CPU.

What it computes is what ``lossmith.losses.sequence`` says; see ``ctc.hpp`` for the edges. A sequence's result depends
on nothing but that sequence, bit for bit, as in :mod:`lossmith.native`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import CODES, _core, empty_gradient
from .row_pairs import OWN_POOL


def run(
    logits: NDArray[Any],
    tokens: NDArray[np.int64],
    step_counts: NDArray[np.int64],
    token_counts: NDArray[np.int64],
    *,
    blank: int = 0,
    infeasible: str = "inf",
    scale: NDArray[Any] | float = 1.0,
    gradient: bool = True,
    executor: int = OWN_POOL,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the loss of each sequence and, if asked for, ``scale`` times its gradient with respect to the logits.

    Args:
        logits: (N, T, C), C-contiguous; float32, float64 or float16.
        tokens: (N, S), C-contiguous int64. What stands behind a target's length is not read.
        step_counts: (N,) int64, how many of the T steps belong to each sequence.
        token_counts: (N,) int64, how many of the S tokens belong to each target.
        blank: The class that stands for writing nothing.
        infeasible: "zero" makes a target that cannot be written cost 0, anything else infinity; its gradient is 0.
        scale: A number, or (N,) factors of the gradient; the values are not scaled.
        gradient: False returns None in place of the gradient and is faster.
        executor: Who runs it: OWN_POOL, 0, or the address of a function like ``torch_parallel_for``.

    Returns:
        The values (N,), in float32 for float16, and the gradient (N, T, C) in the logits' dtype, or None.

    Raises:
        ValueError: Shapes, dtypes or strides that do not fit, or a blank that is no class.
        MemoryError: No room for the results.
    """
    _check(logits, tokens, step_counts, token_counts)
    samples, steps, classes = logits.shape
    compute = np.float32 if logits.dtype == np.float16 else logits.dtype
    values = np.empty(samples, compute)
    slopes = empty_gradient(logits.reshape(samples * steps, classes)).reshape(logits.shape) if gradient else None
    of_sample = None if isinstance(scale, int | float) else np.ascontiguousarray(scale, compute)
    _core.ctc(
        executor,
        CODES[logits.dtype],
        logits,
        tokens,
        samples,
        steps,
        classes,
        tokens.shape[1],
        False,
        step_counts,
        token_counts,
        blank,
        infeasible == "zero",
        values,
        slopes,
        of_sample,
        scale if of_sample is None else 1.0,
    )
    return values, slopes


def _check(logits: NDArray[Any], tokens: NDArray[Any], *counts: NDArray[Any]) -> None:
    usual = logits.dtype in CODES and logits.dtype.isnative and logits.flags.c_contiguous and logits.flags.aligned
    if logits.ndim != 3 or not usual:
        raise ValueError(
            f"logits is an array of shape {logits.shape} and dtype {logits.dtype}; expected a 3-D C-contiguous one of "
            "float32, float64 or float16: type np.ascontiguousarray(logits, np.float32)"
        )
    shapes = {"tokens": (len(logits), *tokens.shape[1:2]), "step_counts": logits.shape[:1]}
    shapes["token_counts"] = logits.shape[:1]
    for (name, shape), x in zip(shapes.items(), (tokens, *counts), strict=True):
        wrong = x.dtype != np.int64 or not x.dtype.isnative or not x.flags.c_contiguous or not x.flags.aligned
        if wrong or x.shape != shape or x.ndim != len(shape):
            raise ValueError(
                f"{name} is an array of shape {x.shape} and dtype {x.dtype}; expected a C-contiguous one of int64, "
                f"{len(shape)}-D with {len(logits)} rows: type np.ascontiguousarray({name}, np.int64)"
            )
