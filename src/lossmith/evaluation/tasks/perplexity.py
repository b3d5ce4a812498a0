"""What is told of tokens, from numbers of tokens at hand or of a stream: perplexity, bits, the verdict in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import call
from ...losses import find
from .. import findings
from ..intervals import Interval
from ..losses import best
from ..result import Evaluation, LossScore, Metric, finite
from ..verdict import claim, number, percent
from .words import interval

if TYPE_CHECKING:
    from ...doctor import Findings

LOSS = {"logits": "softmax_cross_entropy", "probabilities": "categorical_cross_entropy"}
TOPS = (1, 5)  # among how many of the most likely tokens the next one is looked for


@dataclass(frozen=True, kw_only=True)
class Told:
    """What there is to tell of tokens.

    Attributes:
        form: Of the prediction.
        tokens: How many count.
        ignored: How many do not.
        documents: How many documents there are, over which intervals are made; None where they are over tokens.
        loss: Per token, in nats.
        bytes: Of the text in all, or None.
        per_byte: The interval of the loss per byte.
        shares: How often the next token is among the k most likely ones: k, the share and its interval.
        often: The share of the k most frequent tokens, for the same k.
    """

    form: str
    tokens: int
    ignored: int
    documents: int | None
    loss: LossScore
    bytes: float | None = None
    per_byte: Interval = (None, None)
    shares: tuple[tuple[int, float, Interval], ...] = ()
    often: tuple[float, ...] = ()


def told(found: Told, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of what there is to tell."""
    metrics = _metrics(found)
    verdict = _verdict(found.loss, metrics)
    return Evaluation(
        task="language_model",
        form=found.form,
        rows=found.tokens,
        class_names=(),
        losses={found.loss.name: found.loss},
        metrics={m.name: m for m in metrics},
        confusion=None,
        per_class=(),
        verdict=verdict,
        findings=_findings(verdict, found),
        assumptions=assumptions,
        notes=_notes(found),
    )


def loss_score(form: str, value: float, ends: Interval, constant: float | None, gain: Interval) -> LossScore:
    """Return the loss per token beside that of the constant, from its numbers."""
    return LossScore(
        name=LOSS.get(form, "softmax_cross_entropy"),
        title="Loss per token (nats)",
        value=finite(value),
        low=ends[0],
        high=ends[1],
        constant=constant,
        skill=finite(1 - value / constant) if constant else None,
        gain_low=gain[0],
        gain_high=gain[1],
    )


def costs_of_shares(counts: np.ndarray) -> np.ndarray:
    """Return what it costs to predict each token's share where that token comes, (K,) nats, from counts (K,)."""
    loss = find("categorical_cross_entropy")
    shares = best(loss, (counts / counts.sum())[None], np.ones(1))
    surprise = find("binary_cross_entropy")  # of a share: what happened had that probability
    return np.asarray(call(surprise, shares, np.ones(shares.size), parameters=surprise.defaults, reduction="none"))


def shares_of_most(counts: np.ndarray) -> tuple[float, ...]:
    """Return the share of the k most frequent tokens for each k of ``TOPS``, from counts (K,)."""
    ordered = np.sort(counts)[::-1] / counts.sum()
    return tuple(float(ordered[:k].sum()) for k in TOPS)


def per_byte_of_all(loss: LossScore, tokens: int, total: float) -> Interval:
    """Return the interval of the loss per byte where only the bytes of the whole text are known."""
    low, high = (None if x is None else x * tokens / total for x in (loss.low, loss.high))
    return low, high


# --- numbers and words ------------------------------------------------------------------------------------------------
def _metrics(found: Told) -> list[Metric]:
    loss, bits = found.loss, 1 / math.log(2)
    ends = loss.low, loss.high
    metrics = [
        _made("perplexity", "perplexity", loss.value, ends, loss.constant, math.exp),
        _made("bits_per_token", "bits per token", loss.value, ends, loss.constant, lambda x: bits * x),
    ]
    if found.bytes is not None:
        share = found.tokens / found.bytes
        value, constant = (None if x is None else x * share for x in (loss.value, loss.constant))
        metrics.append(
            _made("bits_per_byte", "bits per byte", value, found.per_byte, constant, lambda x: x / math.log(2))
        )
    for (k, value, (low, high)), often in zip(found.shares, found.often, strict=True):
        name, title = ("accuracy", "next-token accuracy") if k == 1 else (f"top_{k}_accuracy", f"top-{k} accuracy")
        metrics.append(Metric(name=name, title=title, value=value, low=low, high=high, constant=often))
    return metrics


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


def _findings(verdict: str, found: Told) -> Findings:
    count, unit = (found.tokens, "token") if found.documents is None else (found.documents, "document")
    rough = findings.few(count, unit)
    return findings.ordered([*findings.of_verdict(verdict), *([] if rough is None else [rough])])


def _notes(found: Told) -> tuple[str, ...]:
    notes = []
    if found.ignored:
        whole = found.ignored + found.tokens
        notes.append(f"{found.ignored} of {whole} tokens are marked as ignored and count nowhere.")
    if found.documents is None:
        notes.append(
            "The intervals take tokens as independent, which those of one document are not; group= (--group) names the "
            "document of each token."
        )
    if found.bytes is None:
        notes.append(
            "Perplexities of different tokenisers do not compare, bits per byte do: bytes= (--bytes) gives the text's "
            "length in bytes."
        )
    return tuple(notes)
