"""CTC under JAX: the value and the gradient of each sequence, in one call of the kernel.

The formula is a scan over the steps and, differentiated, a second one that keeps all states of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..core.check import Inputs
from ..losses import Loss, find
from . import lowering
from .fast_rows import run_with
from .primitives import XP, Family, Primitives, Settings

CTC = find("ctc")


class Sequences(NamedTuple):
    """CTC of logits (…, T, C), with targets (…, S + 2): the tokens, how many steps there are, and how many tokens."""

    blank: int
    infeasible: str


def _formula(logits: Any, target: Any, *_: Any, settings: Settings) -> Any:
    logits = logits.astype(XP.compute_dtype(logits))
    steps, length = (target[..., k].astype(logits.dtype) for k in (-2, -1))
    own: Sequences = settings.own
    return CTC.value(XP, logits, target[..., :-2], **own._asdict(), prediction_length=steps, target_length=length)


def _attributes(own: Sequences) -> dict[str, Any]:
    return {"blank": np.int64(own.blank), "impossible_is_zero": np.int64(own.infeasible == "zero")}


FAMILY = Family("ctc", "ctc_handler", _formula, _attributes)
sequences_p = Primitives(FAMILY) if lowering.supported else None


def kernel(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the kernel of a call, or None; see ``core.kernel``."""
    given, target = inputs.parameters, inputs.target
    if loss is not CTC or not isinstance(given["blank"], int | np.integer) or not lowering.available():
        return None
    logits = lowering.before_cast(inputs.prediction, inputs.dtype)
    steps, classes = logits.shape[-2:]
    if not all(isinstance(n, int) for n in (steps, classes, target.shape[-1])):
        return None  # a size is no number in programs that are exported for any of them
    if logits.dtype not in lowering.DTYPES or target.dtype not in (np.int32, np.int64):
        return None
    if not 0 <= given["blank"] < classes:
        return None
    counts = (
        jnp.clip(given["prediction_length"], 0, steps),
        jnp.where(given["target_length"] <= target.shape[-1], given["target_length"], -1),  # or there is no such target
    )
    wide = (jnp.broadcast_to(count, logits.shape[:-2])[..., None].astype(target.dtype) for count in counts)
    own = Sequences(int(given["blank"]), given["infeasible"])
    return run_with(sequences_p, Settings(own, axes=2), logits, jnp.concatenate([target, *wide], axis=-1))
