"""Checks that look at the numbers themselves, written once in NumPy.

They run where the values are on the host already (NumPy, CPU tensors outside of traces); on accelerators and inside
compiled graphs they would cost a synchronisation, and a label out of range turns its row's loss into NaN instead.

Healthy arrays are read once, in blocks that stay in a cache, and nothing of their size is made; only where a block is
not certainly healthy are all places looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import DomainError, InputError, LabelError
from ..losses import ROUNDING, Domain, Loss
from ..losses.domain import BLOCK_BYTES, blocks

PARTNERS = {  # the loss to take when probabilities were expected and logits came
    "binary_cross_entropy": "sigmoid_cross_entropy",
    "categorical_cross_entropy": "softmax_cross_entropy",
    "binary_focal": "sigmoid_focal",
    "categorical_focal": "softmax_focal",
    **{name: f"sigmoid_{name}" for name in ("dice", "jaccard", "tversky", "focal_tversky")},
}


class View(NamedTuple):
    """Prediction and target as NumPy, as far as they count."""

    loss: Loss
    parameters: Mapping[str, Any]
    prediction: np.ndarray
    target: np.ndarray
    labels: bool
    dtype: Any  # as given by the user: half precision may miss a sum of 1 by more


def check_labels(view: View) -> None:
    """Raise LabelError if an integer label is not in 0 … C-1; the text names value, position and likely cause."""
    labels, classes = view.target, view.prediction.shape[-1]
    if labels.size == 0 or (labels.min() >= 0 and labels.max() < classes):
        return
    bad = (labels < 0) | (labels >= classes)
    at = _first(bad)
    raise LabelError(
        f"target holds label {labels[at]} at position {_show(at)}, but prediction has {classes} classes "
        f"(valid: 0 … {classes - 1}); {int(bad.sum())} of {labels.size} labels are out of range; "
        f"{_label_cause(labels, bad, classes)}"
    )


def _label_cause(labels: np.ndarray, bad: np.ndarray, classes: int) -> str:
    wrong = np.unique(labels[bad])
    if set(np.unique(labels)) <= {0, 255} and classes <= 2:
        return "this looks like a mask image: use target // 255"
    if len(wrong) == 1 and wrong[0] in (-100, -1, 255):
        return f"if {wrong[0]} means «no label», add ignore_index={wrong[0]}"
    if labels.min() == 1 and labels.max() == classes:
        return "labels seem to count from 1: use target - 1"
    return f"the model needs at least {labels.max() + 1} outputs, or the labels need mapping to 0 … {classes - 1}"


def check_domains(view: View) -> None:
    """Raise DomainError or LabelError where prediction or target leave the loss's domain."""
    loss = view.loss
    if loss.prediction.role == "distribution":
        _check_distributions(view, "prediction", view.prediction, loss.prediction)
    else:
        check_bounds(loss, "prediction", view.prediction, loss.prediction)
    if loss.prediction.role == "log_probabilities":
        _check_log_rows(view)
    elif loss.prediction.role == "boxes":
        _check_boxes(loss, "prediction", view.prediction)
    if view.labels:
        return
    if loss.target.role == "classes":
        _check_dense(view)
    elif loss.target.role == "signs":
        _check_signs(loss, view.target)
    elif loss.target.role == "ranks":
        _check_ranks(view)
    elif loss.target.role == "distribution":
        _check_distributions(view, "target", view.target, loss.target)
    elif loss.target.excluded is None or not view.parameters.get("epsilon"):
        check_bounds(loss, "target", view.target, loss.target)
    if loss.target.role == "boxes":
        _check_boxes(loss, "target", view.target)


def check_bounds(loss: Loss, name: str, x: np.ndarray, domain: Domain) -> None:
    """Raise DomainError if a value of the array called ``name`` lies outside ``domain``."""
    if not domain.bounded and domain.excluded is None:
        return
    if domain.admits(x):
        return
    at = _first(domain.violations(x))
    raise DomainError(
        f"{name} is {x[at]:g} at position {_show(at)}; {loss.name} takes {domain.describe()}"
        f"{_domain_cause(loss, name, domain)}"
    )


def _domain_cause(loss: Loss, name: str, domain: Domain) -> str:
    if name == "prediction" and loss.name in PARTNERS:
        return f"; for logits use {PARTNERS[loss.name]}"
    if name == "target" and loss.task == "binary":
        return "; for class indices use softmax_cross_entropy, for a void value add ignore_index="
    if name == "target" and loss.task == "segmentation":
        return (
            "; a mask image of 0 and 255? use target / 255; class indices? use a loss with softmax_ in its name; for a "
            "void value add ignore_index="
        )
    if name == "target" and domain.excluded is not None:
        return "; epsilon= admits it (Keras: 1e-7), or select with mask="
    return ""


def _check_signs(loss: Loss, target: np.ndarray) -> None:
    bad = _found(target, lambda x: (np.abs(x) != 1) & ~np.isnan(x))
    if bad is None:
        return
    at = _first(bad)
    hint = "; for 0 and 1 use 2 * target - 1" if np.isin(target, (0, 1)).all() else ""
    raise LabelError(f"target is {target[at]:g} at position {_show(at)}; {loss.name} takes -1 and +1{hint}")


def _check_boxes(loss: Loss, name: str, x: np.ndarray) -> None:
    bad = (x[..., 2] < x[..., 0]) | (x[..., 3] < x[..., 1])
    if not bad.any():
        return
    at = _first(bad)
    corners = ", ".join(f"{c:g}" for c in x[at])
    raise DomainError(
        f"{name} row {_show(at)} is ({corners}), with x2 < x1 or y2 < y1; {loss.name} takes {loss.target.describe()}; "
        "for (x, y, width, height) add x and y to the last two"
    )


def _check_ranks(view: View) -> None:
    ranks, top = view.target, view.prediction.shape[-1]
    bad = _found(ranks, lambda x: ((x < 0) | (x > top) | (x != np.floor(x))) & ~np.isnan(x))
    if bad is None:
        return
    at = _first(bad)
    raise LabelError(
        f"target is {ranks[at]:g} at position {_show(at)}; {view.loss.name} takes ranks 0 … {top}, as the prediction "
        f"has {top} thresholds for {top + 1} ordered classes; ranks that count from 1? use target - 1"
    )


def _check_distributions(view: View, name: str, x: np.ndarray, domain: Domain) -> None:
    if not _are_distributions(x, domain.low - domain.slack, domain.high + domain.slack, _tolerance(view.dtype)):
        check_bounds(view.loss, name, x, domain)
        _check_rows(view, name, x)


def _are_distributions(x: np.ndarray, low: float, high: float, tolerance: float) -> bool:
    """Whether all elements of (…, C) are certainly in [low, high], and all rows sum to 1; False wants a closer look."""
    for rows in _row_blocks(x):
        flat = rows.reshape(-1)
        if not np.minimum.reduce(flat, initial=np.inf) >= low:
            return False
        if high < np.inf and not np.maximum.reduce(flat, initial=-np.inf) <= high:
            return False
        if not _sum_to_one(rows, tolerance):
            return False
    return True


def _sum_to_one(rows: np.ndarray, tolerance: float) -> bool:
    """Whether all rows of (N, C) certainly sum to 1: half the tolerance is left to the rounding of these sums."""
    # Many times as fast as sum(axis=-1) where rows are short; where they are very long it would round more.
    sums = np.einsum("ij->i", rows) if rows.shape[1] <= 4096 else rows.sum(axis=-1)
    return bool((np.abs(sums - 1) <= tolerance / 2).all())


def _row_blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (…, C) as (n, C) in pieces that stay in a cache, or in longer ones of one row."""
    classes = x.shape[-1]
    rows = x.reshape(math.prod(x.shape[:-1]), classes)
    step = max(BLOCK_BYTES // max(classes * x.itemsize, 1), 1)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _found(x: np.ndarray, test: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """Return ``test(x)``, a boolean for each element, or None if it is False for all."""
    return test(x) if any(test(block).any() for block in blocks(x)) else None


def _check_rows(view: View, name: str, x: np.ndarray) -> None:
    sums = x.sum(axis=-1)
    bad = ~(np.abs(sums - 1) <= _tolerance(view.dtype))
    if not bad.any():
        return
    explain_nan(view)  # a NaN beside the true class would not reach the value
    at = _first(bad)
    partner = PARTNERS.get(view.loss.name) if name == "prediction" else None
    hint = f"; for logits use {partner}" if partner else f"; normalise it: {name} / {name}.sum(-1, keepdims=True)"
    raise DomainError(f"{name} row {_show(at)} sums to {sums[at]:g}; {view.loss.name} takes rows that sum to 1{hint}")


def _check_log_rows(view: View) -> None:
    tolerance = _tolerance(view.dtype)
    if all(_sum_to_one(np.exp(rows), tolerance) for rows in _row_blocks(view.prediction)):
        return
    sums = np.exp(view.prediction).sum(axis=-1)
    bad = np.abs(sums - 1) > tolerance
    if bad.any():
        at = _first(bad)
        raise DomainError(
            f"the exponentials of prediction row {_show(at)} sum to {sums[at]:g}, not 1; {view.loss.name} takes "
            "log-probabilities: apply log_softmax first"
        )


def _check_dense(view: View) -> None:
    if not _are_distributions(view.target, 0.0, np.inf, _tolerance(view.dtype)):
        _check_dense_rows(view)
    if not view.loss.target.soft:
        _check_one_hot(view)


def _check_dense_rows(view: View) -> None:
    target, sums = view.target, view.target.sum(axis=-1)
    negative = target < 0
    bad = (np.abs(sums - 1) > _tolerance(view.dtype)) | negative.any(axis=-1)
    if not bad.any():
        return
    at = _first(bad)
    hint = "give class indices of shape " + str(target.shape[:-1]) + ", or one-hot rows"
    if negative[at].any():
        what = f"holds {target[at].min():g}, which is no probability"
    else:
        what = f"sums to {sums[at]:g}, not 1"
        if np.isin(target[at], (0, 1)).all():
            hint = "several labels per row? take sigmoid_cross_entropy; no label? select with mask="
    raise LabelError(
        f"target has the shape of the prediction, {target.shape}, and so is read as probabilities of the classes, but "
        f"its row {_show(at)} {what}; {hint}"
    )


def _check_one_hot(view: View) -> None:
    between = _found(view.target, lambda x: (x > 0) & (x < 1))
    if between is not None:
        at = _first(between)
        raise LabelError(
            f"target is {view.target[at]:g} at position {_show(at)}; {view.loss.name} takes one class per row: one-hot "
            "rows or class indices (target.argmax(-1))"
        )


def check_tokens(view: View, lengths: Mapping[str, np.ndarray]) -> None:
    """Raise LabelError or DomainError if a target of tokens cannot be written: wrong tokens, lengths, or too few steps.

    ``lengths`` holds ``prediction_length`` and ``target_length``, one number per sequence.
    """
    steps, classes = view.prediction.shape[-2:]
    blank, tokens = view.parameters["blank"], view.target
    if blank >= classes:
        raise InputError(f"blank is {blank}, but prediction has {classes} classes (valid: 0 … {classes - 1})")
    for name, most, what in (("prediction_length", steps, "steps"), ("target_length", tokens.shape[-1], "tokens")):
        x = lengths[name]
        bad = ~((x >= 0) & (x <= most) & (x == np.floor(x)))
        if bad.any():
            at = _first(bad)
            raise DomainError(
                f"{name} is {x[at]:g} at position {_show(at)}; expected a whole number 0 … {most}, as there are {most} "
                f"{what}"
            )
    counts = np.arange(tokens.shape[-1]) < lengths["target_length"][..., None]
    bad = counts & ((tokens < 0) | (tokens >= classes) | (tokens == blank))
    if bad.any():
        at = _first(bad)
        why = (
            f"which is the blank (another one is set by blank=, for example blank={classes - 1})"
            if tokens[at] == blank
            else f"but prediction has {classes} classes (valid: 0 … {classes - 1})"
        )
        raise LabelError(
            f"target holds token {tokens[at]} at position {_show(at)}, {why}; if it only fills the target up, give "
            "target_length"
        )
    if view.parameters["infeasible"] == "error":
        _check_feasible(counts, tokens, lengths)


def _check_feasible(counts: np.ndarray, tokens: np.ndarray, lengths: Mapping[str, np.ndarray]) -> None:
    repeats = ((tokens[..., 1:] == tokens[..., :-1]) & counts[..., 1:]).sum(axis=-1)
    needed = lengths["target_length"] + repeats
    bad = needed > lengths["prediction_length"]
    if bad.any():
        at = _first(bad)
        raise DomainError(
            f"target {_show(at)} has {lengths['target_length'][at]:g} tokens with {repeats[at]} repeats and so needs "
            f"{needed[at]:g} steps, but there are {lengths['prediction_length'][at]:g}; {int(bad.sum())} of {bad.size} "
            'targets are too long: shorten them or the stride of the model, or leave them out with infeasible="zero"'
        )


def _tolerance(dtype: Any) -> float:
    return 2e-2 if "16" in str(dtype) else ROUNDING


def check_weight(name: str, weight: np.ndarray) -> None:
    """Raise InputError if a weight is negative, infinite or NaN."""
    if all(np.minimum.reduce(x) >= 0 and np.maximum.reduce(x) < np.inf for x in blocks(weight)):
        return
    bad = ~((weight >= 0) & (weight < np.inf))
    if bad.any():
        at = _first(bad)
        raise InputError(f"{name} is {weight[at]:g} at position {_show(at)}; weights are finite and not negative")


def explain_nan(view: View) -> None:
    """Raise DomainError naming the first NaN of prediction, target or a further array; return if none holds one."""
    extras = {e.name: view.parameters.get(e.name) for e in view.loss.extras}
    for name, x in {"prediction": view.prediction, "target": view.target, **extras}.items():
        if x is None or x.dtype.kind != "f":
            continue
        bad = np.isnan(x)
        if bad.any():
            at = _first(bad)
            raise DomainError(
                f"{name} is NaN at position {_show(at)} ({int(bad.sum())} of {x.size} values); "
                f"leave such rows out with mask=, or find where they come from"
            )


def _first(bad: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))


def _show(at: tuple[int, ...]) -> str:
    return str(at[0]) if len(at) == 1 else str(at)
