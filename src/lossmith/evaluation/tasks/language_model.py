"""Language models: the loss of each token in nats, or its logits, to perplexity, bits per token and bits per byte.

Perplexity is exp of the mean loss over all tokens that count (not a mean of means), so batches and lengths do not
matter. Its interval is over documents where groups are given, as the tokens of one document are alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import call
from ...errors import DomainError, EmptyError, InputError, LabelError, ShapeError
from ...losses import find
from .. import findings
from ..arrays import to_numpy
from ..influence import of_ratio
from ..intervals import Interval, wilson
from ..labels import check_class_names
from ..losses import best
from ..metrics import among_top
from ..result import Evaluation, LossScore, Metric, finite
from ..slices import MISSING, texts
from ..verdict import claim, number, percent
from .given import Given
from .words import interval

if TYPE_CHECKING:
    from ...doctor import Findings

IGNORED = -100  # the label that PyTorch and Hugging Face give to tokens that do not count
FORMS = ("losses", "logits", "probabilities")
_LOSS = {"logits": "softmax_cross_entropy", "probabilities": "categorical_cross_entropy"}
_TOP = 5


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
    constant = _constant(tokens)
    loss = _loss(tokens, units, constant)
    metrics = _metrics(tokens, units, loss)
    verdict = _verdict(loss, metrics)
    return Evaluation(
        task="language_model",
        form=tokens.form,
        rows=tokens.loss.size,
        class_names=(),
        losses={loss.name: loss},
        metrics={m.name: m for m in metrics},
        confusion=None,
        per_class=(),
        verdict=verdict,
        findings=_findings(verdict, tokens, units),
        assumptions=given.assumptions,
        notes=_notes(tokens),
    )


# --- what is given ---------------------------------------------------------------------------------------------------
def _tokens(given: Given) -> _Tokens:
    if given.class_names is not None:
        check_class_names(given.class_names)
        raise InputError("class_names= is not for language_model, whose classes are tokens; leave it out")
    x = to_numpy("prediction", given.prediction)
    if x.dtype.kind not in "iuf":
        raise InputError(f"prediction has dtype {x.dtype}; expected losses per token, or logits over the vocabulary")
    label = None if given.target is None else to_numpy("target", given.target)
    form = _form(given.form, x, label)
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
    kept = None if label is None else label[keep].astype(np.int64)
    scores = None if form == "losses" else x[keep]
    loss = _checked(x, keep, ignore) if scores is None else _of_scores(scores, kept, form, x.shape[-1], label, ignore)
    names, group = _groups(given.group, shape, keep)
    return _Tokens(
        loss=loss,
        label=kept,
        scores=scores,
        group=group,
        names=names,
        bytes=_bytes(given.bytes, shape, keep),
        ignored=int(keep.size - keep.sum()),
        form=form,
    )


def _form(form: str | None, x: np.ndarray, label: np.ndarray | None) -> str:
    if form is not None and form not in FORMS:
        raise InputError(f"form is {form!r}, but language_model takes {', '.join(map(repr, FORMS))}")
    if form is None:
        form = "logits" if label is not None and x.ndim == label.ndim + 1 else "losses"
    if form != "losses" and (label is None or x.ndim < 2):
        raise InputError(f"form {form!r} takes (…, V) numbers per token of the vocabulary and the token ids as target")
    return form


def _checked(loss: np.ndarray, keep: np.ndarray, ignore: int) -> np.ndarray:
    """Return given losses of the tokens that count."""
    bad = keep & ~(loss >= 0)
    if bad.any():
        at, value = _place(bad), float(loss[bad][0])
        hint = (
            f"mark tokens that do not count with the label {ignore} in target"
            if math.isnan(value)
            else "a token's loss is -log of its probability; are these log-probabilities? then give their negative"
        )
        raise DomainError(f"prediction is {value:g} at position {at} ({int(bad.sum())} of {bad.size} tokens); {hint}")
    return loss[keep].astype(np.float64)


def _of_scores(
    scores: np.ndarray, label: np.ndarray | None, form: str, vocabulary: int, given: np.ndarray | None, ignore: int
) -> np.ndarray:
    assert label is not None
    assert given is not None
    bad = (given != ignore) & ((given < 0) | (given >= vocabulary))
    if bad.any():
        raise LabelError(
            f"target is {given[bad][0]} at position {_place(bad)}, and prediction scores {vocabulary} tokens (valid: 0 "
            f"… {vocabulary - 1}; {ignore} does not count, ignore_index= says otherwise)"
        )
    odd = np.isnan(scores).any(axis=1) if scores.dtype.kind == "f" else np.zeros(len(scores), bool)
    if odd.any():
        at = _place(given != ignore, int(np.argmax(odd)))
        raise DomainError(f"prediction is NaN at position {at} ({int(odd.sum())} of {odd.size} tokens that count)")
    loss = find(_LOSS[form])
    x = scores if scores.dtype.kind == "f" else scores.astype(np.float64)
    return np.asarray(call(loss, x, label, parameters=loss.defaults, reduction="none"), np.float64)


def _place(where: np.ndarray, which: int = 0) -> str:
    """Say where the ``which``-th element is that is True."""
    at = np.argwhere(where)[which].tolist()
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
    loss = find("categorical_cross_entropy")
    shares = best(loss, (counts / counts.sum())[None], np.ones(1))
    surprise = find("binary_cross_entropy")  # of a share: what happened had that probability
    cost = call(surprise, shares, np.ones(shares.size), parameters=surprise.defaults, reduction="none")
    return np.asarray(cost)[index.reshape(-1)]


def _loss(tokens: _Tokens, units: _Units, constant: np.ndarray | None) -> LossScore:
    value = float(tokens.loss.mean())
    low, high = units.mean_interval(tokens.loss)
    mean = None if constant is None else float(constant.mean())
    gain = (None, None) if constant is None else _difference(units, constant - tokens.loss)
    return LossScore(
        name=_LOSS.get(tokens.form, "softmax_cross_entropy"),
        title="Loss per token (nats)",
        value=finite(value),
        low=low,
        high=high,
        constant=mean,
        skill=finite(1 - value / mean) if mean else None,
        gain_low=gain[0],
        gain_high=gain[1],
    )


def _difference(units: _Units, x: np.ndarray) -> Interval:
    return units.mean_interval(x) if np.isfinite(x).all() else (None, None)


def _metrics(tokens: _Tokens, units: _Units, loss: LossScore) -> list[Metric]:
    bits = 1 / math.log(2)
    found = [
        _made("perplexity", "perplexity", loss.value, (loss.low, loss.high), loss.constant, math.exp),
        _made("bits_per_token", "bits per token", loss.value, (loss.low, loss.high), loss.constant,
              lambda x: bits * x),
    ]  # fmt: skip
    if tokens.bytes is not None:
        found.append(_per_byte(tokens, units, loss))
    if tokens.scores is not None and tokens.label is not None:
        counts = np.sort(np.bincount(tokens.label))[::-1] / tokens.label.size
        for k, name, title in ((1, "accuracy", "next-token accuracy"), (_TOP, "top_5_accuracy", "top-5 accuracy")):
            inside = among_top(tokens.scores, tokens.label, k).astype(np.float64)
            share = float(inside.mean())
            ends = wilson(share, inside.size) if units.documents is None else units.mean_interval(inside)
            found.append(
                Metric(name=name, title=title, value=share, low=ends[0], high=ends[1],
                       constant=float(counts[:k].sum()))
            )  # fmt: skip
    return found


def _made(name: str, title: str, value: float | None, ends: Interval, constant: float | None, of: Any) -> Metric:
    """Return a metric that is an increasing function of the loss; None where it is too large for a number."""

    def told(x: float | None) -> float | None:
        try:
            return None if x is None else finite(of(x))
        except OverflowError:
            return None

    low, high = map(told, ends)
    both = (low, high) if low is not None and high is not None else (None, None)
    return Metric(name=name, title=title, value=told(value), low=both[0], high=both[1], constant=told(constant),
                  proportion=False)  # fmt: skip


def _per_byte(tokens: _Tokens, units: _Units, loss: LossScore) -> Metric:
    assert tokens.bytes is not None
    tokens_per_byte = tokens.loss.size / float(np.sum(tokens.bytes))
    value = None if loss.value is None else loss.value * tokens_per_byte
    if isinstance(tokens.bytes, np.ndarray):
        ends = of_ratio(units.sum(tokens.loss), units.sum(tokens.bytes), None)
    else:
        ends = tuple(None if x is None else x * tokens_per_byte for x in (loss.low, loss.high))
    constant = None if loss.constant is None else loss.constant * tokens_per_byte
    return _made("bits_per_byte", "bits per byte", value, (ends[0], ends[1]), constant, lambda x: x / math.log(2))


# --- words -----------------------------------------------------------------------------------------------------------
def _verdict(loss: LossScore, metrics: list[Metric]) -> str:
    perplexity = metrics[0]
    if loss.value is None:
        return "The perplexity is infinite: a token came that was predicted to be impossible."
    said = f"perplexity {number(perplexity.value)}{interval(perplexity.low, perplexity.high)}"
    if loss.constant is None:
        return f"{said[0].upper()}{said[1:]}; without token ids there is no constant to hold it against."
    _, start = claim("always predicting each token's share", loss.gain_low, loss.gain_high)
    skill = "" if loss.skill is None or loss.skill <= 0 else f" (skill {percent(loss.skill)})"
    against = f"{number(loss.value)} nats per token against {number(loss.constant)}{skill}"
    return f"{start}: {said} against {number(perplexity.constant)}; {against}."


def _findings(verdict: str, tokens: _Tokens, units: _Units) -> Findings:
    count = units.documents if units.documents is not None else tokens.loss.size
    rough = findings.few(count, "token" if units.documents is None else "document")
    return findings.ordered([*findings.of_verdict(verdict), *([] if rough is None else [rough])])


def _notes(tokens: _Tokens) -> tuple[str, ...]:
    found = []
    if tokens.ignored:
        whole = tokens.ignored + tokens.loss.size
        found.append(f"{tokens.ignored} of {whole} tokens are marked as ignored and count nowhere.")
    if tokens.group is None:
        found.append(
            "The intervals take tokens as independent, which those of one document are not; group= (--group) names the "
            "document of each token."
        )
    if tokens.bytes is None:
        found.append(
            "Perplexities of different tokenisers do not compare, bits per byte do: bytes= (--bytes) gives the text's "
            "length in bytes."
        )
    return tuple(found)
