"""The losses for one yes or no, and for one of several classes without an order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import weights
from .column import Column, shares
from .grades import corn
from .readings import order_of
from .result import Expected, Suggestion
from .suggesting import (
    AS_FLOATS,
    LOGIT,
    LOGITS,
    Advice,
    Labels,
    always,
    bias,
    indices,
    new_model,
    numbered,
    of_probabilities,
    prior,
    rare_classes,
    suggest,
)
from .words import POSITIVE, percent, shown
from .yardsticks import constant, untrained

_RARE = 0.1  # share of the rarer class below which the bias should start at the prior
_VERY_RARE = 0.05
_STEPS = 20  # whole numbers that may well be grades
_LITERAL = 10  # classes whose counts are written out in a line of code


# --- one yes or no ---------------------------------------------------------------------------------------------------
def binary(column: Column, positive: str | None) -> Advice:
    """Return the advice for two classes."""
    yes, labels, y = _two(column, positive)
    flags, share = y.astype(np.float64), float(y.mean())
    answer, value = constant("sigmoid_cross_entropy", flags)
    best = always("H(prior)", value, f"the share of {yes}, {percent(share)}")
    expected = [new_model("ln 2", untrained("sigmoid_cross_entropy", flags)), best]
    rarer = min(share, 1 - share)
    if rarer < _RARE:
        expected.append(bias("ln(p / (1 - p))", float(answer), "so that the first loss is H(prior)"))
    first = suggest(
        "sigmoid_cross_entropy",
        "one yes or no per row: the surprise at the answer, exact for any logit",
        labels,
        1,
        LOGIT,
        *expected,
        weights=weights.of_two(int(len(y) - y.sum()), int(y.sum())),
    )
    others = [_focal(flags, rarer, labels)] if rarer < _VERY_RARE else []
    if tuple(column.distinct) == (-1, 1):
        others.append(_hinge(column))
    return (first, *[*others, of_probabilities(flags, labels, 1, best)][:2]), ()


def _two(column: Column, positive: str | None) -> tuple[str, Labels, np.ndarray]:
    """Return the name of the class that counts as yes, the labels, and the target as 0 and 1."""
    if column.values.ndim == 2:
        i = 1 if positive is None else column.labels.index(positive)
        labels = _zero_and_one(column.labels[1 - i], column.labels[i], f'y = y[:, {i}].astype("float32")')
        return repr(column.labels[i]), labels, column.values[:, i]
    found = ["False", "True"] if column.boolean else [str(v) for v in column.distinct]
    i = found.index(positive) if positive is not None else _likely_yes(found) if column.text else 1
    y = (column.values == column.distinct[i]).astype(np.int64)
    if column.boolean:  # which a CSV reader may hand on as words
        line = f'y = (np.char.lower(np.asarray(y, dtype=str)) == "{found[i].lower()}").astype("float32")'
        return found[i], _zero_and_one(found[1 - i], found[i], line), y
    if found == ["0", "1"] and i == 1:
        return "1", Labels("0 and 1 as floats", AS_FLOATS), y
    names = [repr(word) for word in found] if column.text else found
    return names[i], _zero_and_one(names[1 - i], names[i], f'y = (y == {names[i]}).astype("float32")'), y


def _zero_and_one(no: str, yes: str, line: str) -> Labels:
    return Labels(f"0 and 1 as floats: {no} → 0, {yes} → 1; positive= (--positive) says otherwise", line)


def _likely_yes(words: Sequence[str]) -> int:
    """Return which of two words is the yes: the one whose name says so, or the second."""
    known = [i for i, word in enumerate(words) if word.lower() in POSITIVE]
    return known[0] if len(known) == 1 else 1


def _focal(flags: np.ndarray, rarer: float, labels: Labels) -> Suggestion:
    return suggest(
        "sigmoid_focal",
        f"only {percent(rarer)} of the rows are of one kind: rows that are easy already count less; its values do not "
        "compare with a cross-entropy, and its probabilities come out less sure",
        labels,
        1,
        LOGIT,
        new_model("ln 2 / 4", untrained("sigmoid_focal", flags)),
    )


def _hinge(column: Column) -> Suggestion:
    signs = column.values.astype(np.float64)
    more = float(max(np.mean(signs > 0), np.mean(signs < 0)))
    return suggest(
        "hinge",
        "takes -1 and 1 as they are and asks for a margin: scores, but no probabilities",
        Labels("-1 and 1 as floats, as they are", AS_FLOATS),
        1,
        "no activation: a score",
        new_model("1", untrained("hinge", signs)),
        always("2 min(p, 1 - p)", constant("hinge", signs)[1], f"the more frequent sign ({percent(more)})"),
    )


# --- one of several classes ------------------------------------------------------------------------------------------
def multiclass(column: Column, positive: str | None) -> Advice:
    """Return the advice for classes without an order."""
    names, counts, prepare = indices(column)
    c, labels, best = len(names), numbered(names, prepare), prior(names, shares(counts))
    first = suggest(
        "softmax_cross_entropy",
        f"one of {c} classes per row: the surprise at the true one, exact for any logits",
        labels,
        c,
        LOGITS,
        new_model(f"ln {c}", untrained("softmax_cross_entropy", shares(counts)[None])),
        best,
        weights=weights.of_classes(counts),
    )
    others = []
    if max(counts) >= weights.RARE * min(counts) > 0:
        others.append(_balanced(counts, labels))
    if c > 2 and column.values.ndim == 1 and _may_have_an_order(column):
        others.append(corn(column))
    return (first, *[*others, _softmax_probabilities(c, labels, best)][:2]), rare_classes(names, counts)


def _may_have_an_order(column: Column) -> bool:
    return order_of(column) is not None if column.text else column.distinct.size <= _STEPS


def _balanced(counts: list[int], labels: Labels) -> Suggestion:
    c = len(counts)
    listed = f"[{', '.join(map(str, counts))}]" if c <= _LITERAL else "np.bincount(y)"
    start = untrained("balanced_softmax", shares(counts)[None], {"class_count": counts})
    return suggest(
        "balanced_softmax",
        f"the most frequent class has {shown(max(counts) / min(counts))} times the rows of the rarest: the counts go "
        "into the loss, and the plain logits then treat all classes alike",
        labels,
        c,
        LOGITS,
        always("H(prior)", start, "the class shares, which is where a new model starts", must=False),
        extra=f"class_count={listed}",
    )


def _softmax_probabilities(c: int, labels: Labels, best: Expected) -> Suggestion:
    uniform = untrained("categorical_cross_entropy", np.full((1, c), 1 / c), output=1 / c)
    return suggest(
        "categorical_cross_entropy",
        "the same numbers, if the last layer has to give probabilities; less exact where these come near 0",
        labels,
        c,
        "softmax: probabilities",
        new_model(f"ln {c}", uniform, f"outputs near 1 / {c}"),
        best,
    )
