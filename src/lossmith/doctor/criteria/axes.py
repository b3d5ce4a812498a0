"""OUT11, OUT14: along which axis the classes lie, and whether rows along it are what the loss expects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from .words import num, size, span

ENOUGH = 32  # numbers, before their form says something


@judges("OUT11")
def not_log_probabilities(e: Evidence) -> Iterator[Finding]:
    """Judge OUT11: the loss expects log-probabilities and gets something else."""
    facts, p = e.loss, e.prediction
    if facts is None or facts.form != "log-probabilities" or p is None or p.ndim == 0 or p.size < 2:
        return
    if np.isnan(p).any() or e.rows is None or e.rows.shape[1] < 2 or other_axis(e) is not None or flattened(e):
        return
    off = _log_sums_off(e, p)
    if off <= (3e-2 if e.half else 1e-3):
        return
    form = "probabilities" if e.sums_to_one else "logits" if p.max() > 0 else "no log-probabilities"
    now = f" The loss is {num(e.score.mean)} now." if e.score is not None else ""
    yield rule("OUT11").finding(
        what=f"{facts.shown} expects log-probabilities, and gets {form}.",
        evidence=f"{size(p.shape)} values in {span(p)}; the log-sum-exp of a row misses 0 by up to {num(off)}.{now}",
        framework=e.framework,
        log_sum_exp=off,
    )


def _log_sums_off(e: Evidence, p: np.ndarray) -> float:
    """Return how far the log-sum-exp is from 0 along the best of the axes that may be the classes'."""
    ways = [p if p.ndim == 1 else np.moveaxis(p, e.class_axis, -1), p]
    if e.loss is not None and not e.loss.takes and p.ndim > 1:  # a divergence has no class axis of its own
        ways += [np.moveaxis(p, 1, -1), p.reshape(len(p), -1)]
    return min(float(np.max(np.abs(log_sum_exp(way)))) for way in ways)


@judges("OUT14")
def wrong_axis(e: Evidence) -> Iterator[Finding]:
    """Judge OUT14: softmax runs over the wrong axis."""
    facts = e.loss
    if facts is None or not facts.categorical or e.prediction is None or e.rows is None:
        return
    axis, steps = other_axis(e), flattened(e)
    if axis is None and not steps:
        yield from _reshaped(e)
        yield from _classes_last(e)
        return
    rows = np.exp(e.rows) if facts.form == "log-probabilities" else e.rows
    along = f"axis {axis}" if axis is not None else f"every {steps} rows"
    yield rule("OUT14").finding(
        what=f"Softmax runs over {along}, and the classes are on axis {e.class_axis % e.prediction.ndim}.",
        evidence=f"{size(e.prediction.shape)} values in [0, 1] that sum to 1 along {along}; along the classes they sum "
        f"to {span(rows.sum(axis=1, dtype=np.float64))}.",
        framework=e.framework,
        axis=axis if axis is not None else 0,
    )


def _reshaped(e: Evidence) -> Iterator[Finding]:
    if e.origin.scrambled is None:
        return
    before, after = e.origin.scrambled
    yield rule("OUT14").finding(
        what=f"A reshape from {size(before)} to {size(after)} stands where an axis was to be moved.",
        evidence="A reshape keeps numbers in their order: the classes of one row come from different rows or steps.",
        fix="p.transpose(1, 2), or p.movedim(-1, 1), before any reshape",
        certainty="likely",
        framework=e.framework,
    )


def _classes_last(e: Evidence) -> Iterator[Finding]:
    """Judge classes on the last axis for a loss that has them on axis 1, where all lengths are equal: nothing fails."""
    p, t = e.prediction, e.target
    if p is None or t is None or not e.origin.last or e.class_axis == -1 or p.ndim < 3:
        return
    if t.shape != p.shape[:-1] or len(set(p.shape[1:])) != 1:
        return
    yield rule("OUT14").finding(
        what=f"The classes are on the last axis, and {e.loss.shown if e.loss else 'the loss'} has them on axis 1.",
        evidence=f"The prediction {size(p.shape)} comes from a linear layer, whose outputs are on the last axis; with "
        f"{p.shape[1]} of both, no shape tells.",
        fix="p.movedim(-1, 1)",
        certainty="likely",
        framework=e.framework,
    )


def flattened(e: Evidence) -> int:
    """Return over how many rows (M, K) each column sums to 1, block by block: steps of rows that were flattened; or 0.

    If so, every column sums to the number of blocks.
    """
    p = _as_probabilities(e)
    if p is None or p.ndim != 2 or p.shape[1] < 2:
        return 0
    blocks = round(float(p[:, 0].sum(dtype=np.float64)))
    if blocks < 2 or len(p) % blocks or len(p) // blocks < 2:
        return 0
    steps = len(p) // blocks
    sums = p.reshape(blocks, steps, -1).sum(axis=1, dtype=np.float64)
    along = np.all(np.abs(p.sum(axis=1, dtype=np.float64) - 1) <= e.tolerance)
    return 0 if along or np.any(np.abs(sums - 1) > e.tolerance) else steps


def _as_probabilities(e: Evidence) -> np.ndarray | None:
    """Return enough predictions in [0, 1], or None; of log-probabilities the exponentials."""
    p = e.prediction
    if p is None or p.ndim < 2 or p.size < ENOUGH or e.loss is None or np.isnan(p).any():
        return None
    p = np.exp(p) if e.loss.form == "log-probabilities" else p
    return None if p.min() < 0 or p.max() > 1 + e.tolerance else p


def other_axis(e: Evidence) -> int | None:
    """Return the axis along which predictions sum to 1 where they do not along the classes'."""
    p = _as_probabilities(e)
    if p is None:
        return None

    def sums(axis: int) -> bool:
        return p.shape[axis] > 1 and bool(np.all(np.abs(p.sum(axis=axis, dtype=np.float64) - 1) <= e.tolerance))

    here = e.class_axis % p.ndim
    if sums(here):
        return None
    return next((axis for axis in range(p.ndim) if axis != here and sums(axis)), None)


def log_sum_exp(rows: np.ndarray) -> np.ndarray:
    """Return the log-sum-exp along the last axis."""
    top = rows.max(axis=-1, keepdims=True).astype(np.float64)
    top = np.where(np.isfinite(top), top, 0)
    return (top + np.log(np.exp(rows - top).sum(axis=-1, keepdims=True)))[..., 0]
