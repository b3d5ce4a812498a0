"""Losses of a batch whose rows compare with each other: the value and the gradient of each row of a matrix (N, N).

What is computed is what ``lossmith.losses`` defines of such a matrix; see ``batch_rows.hpp`` for the edges. A row's
result depends on nothing but that row and the groups, bit for bit, as in :mod:`lossmith.native`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..losses import contrastive, contrastive_groups, mining
from . import CODES, _core, empty_gradient
from .row_pairs import OWN_POOL

# The losses as functions of a matrix: formula(xp, matrix, groups, inside, **settings) -> values.
FORMULAS: dict[str, Callable[..., Any]] = {
    "nt_xent": contrastive_groups.nt_xent_rows,
    "supervised_contrastive": contrastive_groups.supcon_rows,
    "siglip": contrastive.siglip_rows,
    "triplet_hard": mining.hard_rows,
    "triplet_semi_hard": mining.semi_hard_rows,
}
NUMBERS = {name: number for number, name in enumerate(FORMULAS)}  # in the order of BatchLoss


def run(
    loss: str,
    matrix: NDArray[Any],
    groups: NDArray[np.int64] | None,
    present: NDArray[np.bool_] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    scale: NDArray[Any] | float = 1.0,
    gradient: bool = True,
    executor: int = OWN_POOL,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the loss of each row and, if asked for, ``scale`` times its gradient with respect to the matrix.

    Args:
        loss: One of NUMBERS.
        matrix: (N, N), C-contiguous float32 or float64: similarities as the loss multiplies them, or distances.
        groups: (N,) int64, C-contiguous; None for SigLIP, whose rows belong to their own column.
        present: (N,) booleans. Rows that are False are no columns for the others and have the value 0; None for all.
        settings: The ``margin`` of triplets, and whether they are ``soft``.
        scale: A number, or (N,) factors of the gradient; the values are not scaled.
        gradient: False returns None in place of the gradient and is faster.
        executor: Who runs it: OWN_POOL, 0, or the address of a function like ``torch_parallel_for``.

    Returns:
        The values (N,) and the gradient (N, N) or None, in the matrix' dtype.

    Raises:
        ValueError: Shapes, dtypes or strides that do not fit.
        MemoryError: No room for the results.
    """
    _check(matrix, groups, present)
    rows = len(matrix)
    values, slopes = np.empty(rows, matrix.dtype), empty_gradient(matrix) if gradient else None
    of_row = None if isinstance(scale, int | float) else np.ascontiguousarray(scale, matrix.dtype)
    _core.batch_rows(
        executor,
        CODES[matrix.dtype],
        NUMBERS[loss],
        matrix,
        groups,
        present,
        rows,
        values,
        slopes,
        of_row,
        scale if of_row is None else 1.0,
        *numbers(settings or {}),
    )
    return values, slopes


def numbers(settings: Mapping[str, Any]) -> tuple[float, bool]:
    """Return the settings as the compiled module takes them."""
    return float(settings.get("margin", 0.0)), bool(settings.get("soft", False))


def _check(matrix: NDArray[Any], groups: NDArray[Any] | None, present: NDArray[Any] | None) -> None:
    if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not _usual(matrix, (np.float32, np.float64)):
        raise ValueError(
            f"matrix is an array of shape {matrix.shape} and dtype {matrix.dtype}; expected a square C-contiguous one "
            "of float32 or float64: type np.ascontiguousarray(matrix, np.float32)"
        )
    for name, x, dtype in (("groups", groups, np.int64), ("present", present, np.bool_)):
        if x is not None and (x.shape != matrix.shape[:1] or not _usual(x, (dtype,))):
            expected = np.dtype(dtype).name
            raise ValueError(
                f"{name} is an array of shape {x.shape} and dtype {x.dtype}; expected a C-contiguous one of {expected} "
                f"with {len(matrix)} elements: type np.ascontiguousarray({name}, np.{expected})"
            )


def _usual(x: NDArray[Any], dtypes: tuple[Any, ...]) -> bool:
    return x.dtype in dtypes and x.dtype.isnative and x.flags.c_contiguous and x.flags.aligned
