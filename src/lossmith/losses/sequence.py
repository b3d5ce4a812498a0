"""Connectionist temporal classification: scores of every step against a shorter sequence of tokens, not aligned.

The states of the usual trellis are kept as two arrays: ``blank[i]`` is the log-probability of having written i tokens
and a blank last, ``token[i]`` of having written i + 1 tokens, the last of them just now. Every step adds its emission;
steps beyond a sequence's own length leave the states alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import LENGTHS, LOGITS, TOKENS

NEVER = -1e30  # a log-probability that stands for 0: finite, so that differences of two of them are no NaN

_GRAVES = Reference(
    text="A. Graves, S. Fernández, F. Gomez, J. Schmidhuber (2006). Connectionist temporal classification. ICML",
    link="https://doi.org/10.1145/1143844.1143891",
)


class Trellis(NamedTuple):
    """What one call is computed from; T steps, S tokens, any leading axes."""

    blank: Any  # (T, …): log-probability of the blank
    token: Any  # (T, …, S): log-probability of each token of the target
    lasts: Any  # (T, …): whether the step belongs to the sequence
    change: Any  # (…, S): 0 where a token differs from the one before it, NEVER where it repeats it
    length: Any  # (…): number of tokens, as an index
    tokens: Any  # (…, S): the target, 0 where there is none
    wrong: Any  # (…): whether a token is the blank or no class


def _add(xp: Any, *x: Any) -> Any:
    """``log(sum(exp))`` of arrays of one shape."""
    top = x[0]
    for other in x[1:]:
        top = xp.where(other > top, other, top)
    top = xp.stop_gradient(top)
    return top + xp.log(sum(xp.exp(part - top) for part in x))


def _trellis(xp: Any, prediction: Any, target: Any, steps: Any, length: Any, blank: Any) -> Trellis:
    log_p = xp.at_least(xp.log_softmax(prediction), NEVER)
    whole = xp.to_int(length)
    counts = xp.positions(xp.cast(target, length.dtype)) < xp.expand(length, -1)
    bad = ((target < 0) | (target >= prediction.shape[-1]) | (target == blank)) & counts
    wrong = xp.sum(xp.cast(bad, length.dtype), axis=-1) > 0
    tokens = xp.where(counts & ~bad, target, xp.zeros_like(target))
    each_step = xp.expand(tokens, -2) + xp.to_int(xp.zeros_like(log_p[..., :1]))
    emitted = xp.take_along(log_p, each_step)
    first = xp.positions(log_p[..., 0]) < xp.expand(steps, -1)
    repeats = tokens == xp.pad_front(tokens, -1)[..., :-1]
    zeros = xp.zeros_like(emitted[..., 0, :])
    return Trellis(
        blank=xp.moveaxis(log_p[..., blank], -1, 0),
        token=xp.moveaxis(emitted, -2, 0),
        lasts=xp.moveaxis(first, -1, 0),
        change=xp.where(repeats, zeros + NEVER, zeros),
        length=whole,
        tokens=tokens,
        wrong=wrong,
    )


def _forward(xp: Any, trellis: Trellis) -> tuple[Any, Any]:
    """Log-probabilities of all prefixes up to and with each step, (T, …, S + 1) and (T, …, S)."""

    def step(state: Any, now: Any) -> Any:
        (blank, token), (on_blank, on_token, lasts) = state, now
        before = xp.pad_front(token, NEVER)
        new_blank = xp.expand(on_blank, -1) + _add(xp, blank, before)
        new_token = on_token + _add(xp, token, blank[..., :-1], before[..., :-1] + trellis.change)
        inside = xp.expand(lasts, -1)
        return xp.where(inside, new_blank, blank), xp.where(inside, new_token, token)

    return xp.scan(step, _start(xp, trellis), (trellis.blank, trellis.token, trellis.lasts))


def _start(xp: Any, trellis: Trellis) -> tuple[Any, Any]:
    """Before the first step: certainly nothing written."""
    token = xp.zeros_like(trellis.token[0]) + NEVER
    return xp.pad_front(token, 0.0), token


def _backward(xp: Any, trellis: Trellis) -> tuple[Any, Any]:
    """Log-probabilities of completing the target after each step, which itself is left out."""
    end = xp.expand(xp.cast(trellis.length, trellis.blank.dtype), -1)
    token = xp.zeros_like(trellis.token[0])
    blank = xp.pad_front(token, 0.0)
    done = (
        xp.where(xp.positions(blank) == end, xp.zeros_like(blank), xp.zeros_like(blank) + NEVER),
        xp.where(xp.positions(token) == end - 1, token, token + NEVER),
    )

    def step(state: Any, now: Any) -> Any:
        (blank, token, _, _), (on_blank, on_token, lasts) = state, now
        blank_next, token_next = blank + xp.expand(on_blank, -1), token + on_token
        new_blank = _add(xp, blank_next, _behind(xp, token_next))
        skipped = _behind(xp, token_next + trellis.change)[..., 1:]
        new_token = _add(xp, token_next, blank_next[..., 1:], skipped)
        inside = xp.expand(lasts, -1)
        return xp.where(inside, new_blank, blank), xp.where(inside, new_token, token), blank, token

    turned = tuple(_reverse(xp, x) for x in (trellis.blank, trellis.token, trellis.lasts))
    _, _, blank, token = xp.scan(step, (*done, *done), turned)
    return _reverse(xp, blank), _reverse(xp, token)


def _reverse(xp: Any, x: Any) -> Any:
    """Turn the first axis round."""
    return xp.moveaxis(xp.flip(xp.moveaxis(x, 0, -1)), -1, 0)


def _behind(xp: Any, x: Any) -> Any:
    """The last axis with one more entry, NEVER, after the others."""
    return xp.flip(xp.pad_front(xp.flip(x), NEVER))


def _total(xp: Any, trellis: Trellis, blank: Any, token: Any) -> Any:
    """Log-probability of the target, from the states after the last step."""
    at = xp.expand(trellis.length, -1)
    ends = (xp.take_along(x, at)[..., 0] for x in (blank[-1], xp.pad_front(token[-1], NEVER)))
    return _add(xp, *ends)


def _ctc(xp: Any, prediction: Any, target: Any, *, blank: Any, infeasible: str, **lengths: Any) -> Any:
    trellis = _trellis(xp, prediction, target, lengths["prediction_length"], lengths["target_length"], blank)
    log_p = _total(xp, trellis, *_forward(xp, trellis))
    possible = log_p > NEVER / 2
    impossible = xp.zeros_like(log_p) + (0.0 if infeasible == "zero" else math.inf)
    value = xp.where(possible | xp.isnan(log_p), -log_p, impossible)
    return xp.where(trellis.wrong, xp.zeros_like(value) + math.nan, value)


def _ctc_gradient(xp: Any, prediction: Any, target: Any, *, blank: Any, infeasible: str, **lengths: Any) -> Any:
    trellis = _trellis(xp, prediction, target, lengths["prediction_length"], lengths["target_length"], blank)
    before, after = _forward(xp, trellis), _backward(xp, trellis)
    log_p = _total(xp, trellis, *before)
    possible = (log_p > NEVER / 2) | xp.isnan(log_p)
    total = xp.expand(xp.where(possible, log_p, xp.zeros_like(log_p)), -1)
    on_blank, on_token = (xp.moveaxis(xp.exp(a + b - total), 0, -2) for a, b in zip(before, after, strict=True))
    classes = prediction.shape[-1]
    on_token = xp.matmul(on_token, xp.one_hot(trellis.tokens, classes, prediction.dtype))
    only_blank = xp.one_hot(xp.zeros_like(trellis.length) + blank, classes, prediction.dtype)
    posterior = on_token + xp.expand(xp.sum(on_blank, axis=-1), -1) * xp.expand(only_blank, -2)
    counts = xp.expand(xp.moveaxis(trellis.lasts, 0, -1) & xp.expand(possible, -1), -1)
    slope = xp.where(counts, xp.softmax(prediction) - posterior, xp.zeros_like(prediction))
    wrong = xp.expand(xp.expand(trellis.wrong, -1), -1)
    return xp.where(wrong, xp.zeros_like(slope) + math.nan, slope)


def _all_steps(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sum(xp.zeros_like(prediction[..., 0]) + 1, axis=-1)


def _all_tokens(xp: Any, prediction: Any, target: Any) -> Any:
    return xp.sum(xp.cast(xp.zeros_like(target), prediction.dtype) + 1, axis=-1)


ctc = register(
    Loss(
        name="ctc",
        object_name="CTC",
        aliases=("ctc_loss", "connectionist_temporal_classification"),
        title="CTC",
        summary="Negative log-probability, in nats, that the steps write the tokens, over all ways to align the two.",
        task="sequence",
        layout="sequence",
        value=_ctc,
        gradient=_ctc_gradient,
        prediction=LOGITS,
        target=TOKENS,
        extras=(
            Extra(
                name="prediction_length",
                domain=LENGTHS,
                required=False,
                default=_all_steps,
                meaning="How many of the steps belong to each sequence; all by default.",
            ),
            Extra(
                name="target_length",
                domain=LENGTHS,
                required=False,
                default=_all_tokens,
                meaning="How many of the tokens belong to each target; all by default. What stands behind is not read.",
            ),
        ),
        parameters=(
            Parameter(
                name="blank",
                kind="int",
                default=0,
                low=0,
                meaning="The class that stands for writing nothing: 0 as in PyTorch, optax and Keras.",
            ),
            Parameter(
                name="infeasible",
                kind="choice",
                choices=("error", "inf", "zero"),
                default="error",
                meaning='What a target that needs more steps than there are gives: "error" (in a graph infinity), '
                '"inf", or "zero"; its gradient is 0.',
            ),
        ),
        formula=r"-\log \sum_{a \in A(t)} \prod_{i=1}^{T} q_{i, a_i}, \quad q = \operatorname{softmax}(p)",
        gradient_formula=r"q_{i, k} - \frac{1}{\sum_{a \in A(t)} q_a} \sum_{a \in A(t), a_i = k} q_a",
        example=([[[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]], [[1, 2]], 0.610535),
        advice=Advice(
            use="Speech, handwriting, lines of text in images: many steps, fewer tokens in the same order, and no "
            "alignment between the two.",
            avoid="Tokens may change order (use attention and the softmax cross-entropy), or each step has its own "
            "label.",
            good_value="T ln C per sequence is what uniform scores cost at most; compare per token: a model that reads "
            "well is far below 1 nat a token.",
            pitfalls=(
                "Give logits or log-probabilities (rows are normalised within), never probabilities.",
                "A repeated token needs a blank between: L tokens with r repeats need at least L + r steps.",
                "The blank is a class: C counts it, and targets must not hold it.",
                "PyTorch's mean divides each sequence by its target length first; Keras' and this one do not.",
                "Models first learn to write only blanks: the loss falls fast, then stands still for a while.",
            ),
        ),
        references=(_GRAVES,),
    )
)
