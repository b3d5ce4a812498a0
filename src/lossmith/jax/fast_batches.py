"""The losses whose rows compare with each other under JAX: a value and a gradient for each row of a matrix (N, N).

InfoNCE and CLIP, which are a softmax over such a row, use ``fast_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core.check import Inputs
from ..native import batch_rows
from . import lowering
from .fast_rows import run_with
from .primitives import XP, Family, Primitives, Settings


class Compared(NamedTuple):
    """A loss among FORMULAS of matrices (…, N, N), with targets (…, N, 2): groups, and whether a row is present."""

    name: str
    settings: tuple[tuple[str, Any], ...]
    masked: bool  # whether a row may be absent


def _formula(matrix: Any, target: Any, *_: Any, settings: Settings) -> Any:
    own: Compared = settings.own

    def of_one(matrix: Any, target: Any) -> Any:
        there = target[..., 1] != 0
        inside = there.astype(matrix.dtype) if own.masked else None
        values = batch_rows.FORMULAS[own.name](XP, matrix, target[..., 0], inside, **dict(own.settings))
        return jnp.where(there, values, 0)

    function = of_one
    for _ in range(matrix.ndim - 2):
        function = jax.vmap(function)
    return function(matrix, target)


def _attributes(own: Compared) -> dict[str, Any]:
    margin, soft = batch_rows.numbers(dict(own.settings))
    return {"loss": np.int64(batch_rows.NUMBERS[own.name]), "margin": np.float64(margin), "soft": np.int64(soft)}


FAMILY = Family("batch_rows", "batch_rows_handler", _formula, _attributes, class_weights=False)
batches_p = Primitives(FAMILY) if lowering.supported else None


def compared(
    name: str, inputs: Inputs, matrix: Any, settings: Mapping[str, Any], scale: Any, *, gradient: bool
) -> tuple[Any, Any]:
    """Return the values and ``scale`` times the gradient or None; see ``core.contrastive_kernel``."""
    rows, groups = matrix.shape[0], inputs.target
    if name == "siglip" or groups.dtype not in (np.int32, np.int64):  # of others it matters which are the same
        groups = jnp.zeros(rows, jnp.int32) if name == "siglip" else groups.astype(jnp.int32)
    there = jnp.ones_like(groups) if inputs.inside is None else (inputs.inside > 0).astype(groups.dtype)
    own = Compared(name, tuple(sorted(settings.items())), inputs.inside is not None)
    run = run_with(batches_p, Settings(own), matrix, jnp.stack([groups, there], axis=-1))
    return run(inputs, scale, gradient=gradient)
