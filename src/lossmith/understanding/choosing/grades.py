"""The losses for classes with an order: grades, ratings, severities."""

from __future__ import annotations

import numpy as np

from .column import Column, shares
from .readings import order_of
from .result import Suggestion
from .suggesting import (
    AS_FLOATS,
    LOGITS,
    Advice,
    Labels,
    always,
    indices,
    new_model,
    numbered,
    prior,
    rare_classes,
    squared,
    suggest,
)
from .words import shown
from .yardsticks import entropy_of, untrained


def ordinal(column: Column, positive: str | None) -> Advice:
    """Return the advice for classes with an order."""
    names, counts, prepare = _graded(column)
    c = len(names)
    forgetful = suggest(
        "softmax_cross_entropy",
        "forgets the order: every wrong grade costs the same",
        numbered(names, prepare),
        c,
        LOGITS,
        new_model(f"ln {c}", untrained("softmax_cross_entropy", shares(counts)[None])),
        prior(names, shares(counts)),
    )
    notes = rare_classes(names, counts)
    if column.text and order_of(column) is None:
        alphabet = "The order of these words is not known here, so that of the alphabet stands in"
        notes = (f"{alphabet}: put the lowest first in the line that makes the labels.", *notes)
    return (corn(column), forgetful, _as_numbers(column)), notes


def corn(column: Column) -> Suggestion:
    """Return CORN for a column of grades: one question per threshold."""
    names, counts, prepare = _graded(column)
    c = len(names)
    start = untrained("corn", np.arange(c), weight=np.array(counts), shape=(c, c - 1))
    return suggest(
        "corn",
        f"{c} grades with an order: {c - 1} questions «is it above?», so that near misses cost less than far ones",
        numbered(names, prepare),
        c - 1,
        "no activation: logits of «above k, given above k - 1»",
        new_model("ln 2 per question asked", start),
        always("H(prior)", entropy_of(shares(counts)), "the shares of the grades"),
        columns=True,
    )


def _as_numbers(column: Column) -> Suggestion:
    names, counts, prepare = _graded(column)
    labels = Labels("the grades as floats", AS_FLOATS)
    y = np.repeat(np.arange(len(names)), counts).astype(np.float64)
    if column.text:
        labels = Labels("the places in the order as floats, from 0", f'{prepare}.astype("float32")')
    else:
        y = column.values.astype(np.float64)
    why = "if the steps between the grades are equal: near misses cost little, and fractions are answers"
    return squared(y, labels, why, f"the mean, {shown(y.mean())}")


def _graded(column: Column) -> tuple[list[str], list[int], str]:
    """Return the grades from the lowest to the highest, how often each occurs, and the line that makes them 0 … C-1."""
    if not column.text:
        return indices(column)
    found, counts = column.tally
    place = {str(word): int(count) for word, count in zip(found, counts, strict=True)}
    order = list(order_of(column) or place)
    return list(map(repr, order)), [place[word] for word in order], f"y = np.array([{order}.index(v) for v in y])"
