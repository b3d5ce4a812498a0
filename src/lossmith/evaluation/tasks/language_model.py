"""Language models: the loss of each token in nats, or its logits, to perplexity, bits per token and bits per byte.

Perplexity is exp of the mean loss over all tokens that count (not a mean of means), so batches and lengths do not
matter. Its interval is over documents where groups are given, as the tokens of one document are alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import call
from ...errors import DomainError, EmptyError, InputError, LabelError, ShapeError
from ...losses import find
from ..arrays import to_numpy
from ..influence import of_ratio
from ..intervals import Interval, wilson
from ..labels import check_class_names
from ..metrics import among_top
from ..result import Evaluation, LossScore
from ..slices import MISSING, texts
from .given import Given
from .perplexity import LOSS, TOPS, Told, costs_of_shares, loss_score, per_byte_of_all, shares_of_most, told

if TYPE_CHECKING:
    pass

IGNORED = -100  # the label that PyTorch and Hugging Face give to tokens that do not count
FORMS = ("losses", "logits", "probabilities")


@dataclass(frozen=True, eq=False)
class _Tokens:
    """The tokens that count, T of them.

    Attributes:
        loss: (T,) nats.
        label: (T,), or None where only losses are given.
        scores: (T, V) logits or probabilities, or None.
        group: (T,) index of the document, or None.
        names: Of the documents.
        bytes: (T,) of each token, one number for all, or None.
        ignored: How many tokens do not count.
        form: Of the prediction.
    """

    loss: np.ndarray
    label: np.ndarray | None
    scores: np.ndarray | None
    group: np.ndarray | None
    names: np.ndarray
    bytes: np.ndarray | float | None
    ignored: int
    form: str


def evaluation(given: Given) -> Evaluation:
    """Return the evaluation of tokens."""
    tokens = _tokens(given)
    units = _Units(tokens)
    loss = _loss(tokens, units, _constant(tokens))
    shares: list[tuple[int, float, Interval]] = []
    often: tuple[float, ...] = ()
    if tokens.scores is not None and tokens.label is not None:
        often = shares_of_most(np.bincount(tokens.label))
        for k in TOPS:
            inside = among_top(tokens.scores, tokens.label, k).astype(np.float64)
            share = float(inside.mean())
            ends = wilson(share, inside.size) if units.documents is None else units.mean_interval(inside)
            shares.append((k, share, ends))
    return told(
        Told(
            form=tokens.form,
            tokens=tokens.loss.size,
            ignored=tokens.ignored,
            documents=units.documents,
            loss=loss,
            bytes=None if tokens.bytes is None else float(np.sum(tokens.bytes)),
            per_byte=_per_byte(tokens, units, loss),
            shares=tuple(shares),
            often=often,
        ),
        given.assumptions,
    )


# --- what is given ---------------------------------------------------------------------------------------------------
def _tokens(given: Given) -> _Tokens:
    check_no_names(given.class_names)
    x = to_numpy("prediction", given.prediction)
    label = None if given.target is None else to_numpy("target", given.target)
    form = form_of(given.form, x.ndim, None if label is None else label.ndim)
    shape = x.shape if form == "losses" else x.shape[:-1]
    if label is not None and (label.shape != shape or label.dtype.kind not in "iu"):
        raise ShapeError(
            f"target has shape {label.shape} and dtype {label.dtype} beside a prediction of shape {x.shape} read as "
            f"{form}; expected whole numbers of shape {shape}: one token id per {'loss' if form == 'losses' else 'row'}"
        )
    ignore = IGNORED if given.ignore_index is None else given.ignore_index
    keep = np.ones(shape, bool) if label is None else label != ignore
    if not keep.any():
        raise EmptyError(f"no token is left to evaluate: all {keep.size} have the label {ignore}, which does not count")
    flat = x.reshape(-1) if form == "losses" else x.reshape(-1, x.shape[-1])
    labels = None if label is None else label.reshape(-1)
    names, group = _groups(given.group, shape, keep)
    return _Tokens(
        loss=token_losses(form, flat, labels, keep.reshape(-1), ignore, lambda i: f"position {_place(shape, i)}"),
        label=None if label is None else label[keep].astype(np.int64),
        scores=None if form == "losses" else x[keep],
        group=group,
        names=names,
        bytes=_bytes(given.bytes, shape, keep),
        ignored=int(keep.size - keep.sum()),
        form=form,
    )


def check_no_names(class_names: Any) -> None:
    """Raise InputError where names of classes are given."""
    if class_names is not None:
        check_class_names(class_names)
        raise InputError("class_names= is not for language_model, whose classes are tokens; leave it out")


def form_of(form: str | None, prediction: int, target: int | None) -> str:
    """Return the form of predictions with so many dimensions, beside a target with so many or none.

    Raises:
        InputError: The form that is given is none of tokens, or does not fit.
    """
    if form is not None and form not in FORMS:
        raise InputError(f"form is {form!r}, but language_model takes {', '.join(map(repr, FORMS))}")
    if form is None:
        form = "logits" if target is not None and prediction == target + 1 else "losses"
    if form != "losses" and (target is None or prediction < 2):
        raise InputError(f"form {form!r} takes (…, V) numbers per token of the vocabulary and the token ids as target")
    return form


def token_losses(
    form: str, x: np.ndarray, label: np.ndarray | None, keep: np.ndarray, ignore: int, where: Callable[[int], str]
) -> np.ndarray:
    """Return the losses of the tokens that count, (T,) float64 nats, checked.

    Args:
        form: Of the prediction.
        x: (P,) losses, or (P, V) logits or probabilities.
        label: (P,) whole numbers, or None beside losses.
        keep: (P,) which tokens count.
        ignore: The label of the others.
        where: Says in words where a token is.

    Raises:
        DomainError: A loss is negative or NaN, or a logit is NaN; LabelError: a label is beyond the vocabulary.
    """
    if x.dtype.kind not in "iuf":
        raise InputError(f"prediction has dtype {x.dtype}; expected losses per token, or logits over the vocabulary")
    if form == "losses":
        return _checked(x, keep, ignore, where)
    assert label is not None
    vocabulary = x.shape[1]
    bad = keep & ((label < 0) | (label >= vocabulary))
    if bad.any():
        at = int(np.argmax(bad))
        raise LabelError(
            f"target is {label[at]} at {where(at)}, and prediction scores {vocabulary} tokens (valid: 0 … "
            f"{vocabulary - 1}; {ignore} does not count, ignore_index= says otherwise)"
        )
    odd = np.isnan(x).any(axis=1) & keep if x.dtype.kind == "f" else np.zeros(keep.size, bool)
    if odd.any():
        at = where(int(np.argmax(odd)))
        raise DomainError(f"prediction is NaN at {at} ({int(odd.sum())} of {int(keep.sum())} tokens that count)")
    loss = find(LOSS[form])
    scores = x[keep] if x.dtype.kind == "f" else x[keep].astype(np.float64)
    kept = label[keep].astype(np.int64)
    return np.asarray(call(loss, scores, kept, parameters=loss.defaults, reduction="none"), np.float64)


def _checked(loss: np.ndarray, keep: np.ndarray, ignore: int, where: Callable[[int], str]) -> np.ndarray:
    """Return given losses of the tokens that count."""
    bad = keep & ~(loss >= 0)
    if bad.any():
        at = int(np.argmax(bad))
        value = float(loss[at])
        hint = (
            f"mark tokens that do not count with the label {ignore} in target"
            if math.isnan(value)
            else "a token's loss is -log of its probability; are these log-probabilities? then give their negative"
        )
        raise DomainError(f"prediction is {value:g} at {where(at)} ({int(bad.sum())} of {bad.size} tokens); {hint}")
    return loss[keep].astype(np.float64)


def _place(shape: tuple[int, ...], flat: int) -> str:
    """Say where an element of an array is."""
    at = [int(i) for i in np.unravel_index(flat, shape)]
    return str(at[0]) if len(at) == 1 else str(tuple(at))


def _groups(given: Any, shape: tuple[int, ...], keep: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the names of the documents, and the index of that of each token that counts."""
    if given is None:
        return np.zeros(0, np.str_), None
    array = to_numpy("group", given)
    every = _per_token("group", texts("group", array.reshape(-1)).reshape(array.shape), shape)[keep]
    if (every == MISSING).any():
        raise DomainError("group is missing for a token that counts; every token needs its document")
    names, index = np.unique(every, return_inverse=True)
    return names, index.reshape(-1)


def _bytes(given: Any, shape: tuple[int, ...], keep: np.ndarray) -> np.ndarray | float | None:
    if given is None:
        return None
    array = to_numpy("bytes", given)
    try:
        array = array.astype(np.float64)  # a column of a file may hold them as text
    except (TypeError, ValueError):
        array = np.full(array.shape, np.nan)
    if not np.isfinite(array).all() or (array < 0).any() or not array.sum():
        raise DomainError("bytes must be finite, not negative and not 0 in all: the length of the text in UTF-8")
    if array.ndim == 0:
        return float(array)
    if array.shape == shape:
        return array[keep].astype(np.float64)
    tokens = keep.reshape(len(keep), -1).sum(axis=1)
    if array.shape != shape[:1] or ((tokens == 0) & (array > 0)).any():
        raise ShapeError(
            f"bytes has shape {array.shape}; expected one number for the whole text, {shape} (each token's) or "
            f"{shape[:1]} (each sequence's, with a token that counts in each)"
        )
    share = np.broadcast_to((array / np.maximum(tokens, 1)).reshape(-1, *[1] * (len(shape) - 1)), shape)
    return share[keep]


def _per_token(name: str, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if x.shape == shape:
        return x
    if x.shape == shape[:1]:
        return np.broadcast_to(x.reshape(-1, *[1] * (len(shape) - 1)), shape)
    raise ShapeError(f"{name} has shape {x.shape}; expected {shape} (of each token) or {shape[:1]} (of each sequence)")


# --- numbers ---------------------------------------------------------------------------------------------------------
class _Units:
    """What intervals are over: documents, or tokens where there are none; sums per unit, (U,) each."""

    def __init__(self, tokens: _Tokens) -> None:
        self._group = tokens.group
        self.documents = None if tokens.group is None else tokens.names.size
        self.tokens = self.sum(np.ones(tokens.loss.size))

    def sum(self, x: np.ndarray) -> np.ndarray:
        return x if self._group is None else np.bincount(self._group, weights=x)

    def mean_interval(self, x: np.ndarray) -> Interval:
        """Return the interval of the mean of x (T,) over the tokens."""
        return of_ratio(self.sum(x), self.tokens, None)


def _constant(tokens: _Tokens) -> np.ndarray | None:
    """Return the loss per token, (T,), of always predicting each token's share among the labels."""
    if tokens.label is None:
        return None
    _, index, counts = np.unique(tokens.label, return_inverse=True, return_counts=True)
    return costs_of_shares(counts)[index.reshape(-1)]


def _loss(tokens: _Tokens, units: _Units, constant: np.ndarray | None) -> LossScore:
    mean = None if constant is None else float(constant.mean())
    gain = (None, None) if constant is None else _difference(units, constant - tokens.loss)
    return loss_score(tokens.form, float(tokens.loss.mean()), units.mean_interval(tokens.loss), mean, gain)


def _difference(units: _Units, x: np.ndarray) -> Interval:
    return units.mean_interval(x) if np.isfinite(x).all() else (None, None)


def _per_byte(tokens: _Tokens, units: _Units, loss: LossScore) -> Interval:
    """Return the interval of the loss per byte."""
    if isinstance(tokens.bytes, np.ndarray):
        return of_ratio(units.sum(tokens.loss), units.sum(tokens.bytes), None)
    return (None, None) if tokens.bytes is None else per_byte_of_all(loss, tokens.loss.size, tokens.bytes)
