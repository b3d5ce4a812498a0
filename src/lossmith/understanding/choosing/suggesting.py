"""What all kinds of targets share: making a suggestion, and the values to expect of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...losses import find
from . import code
from .column import Column
from .result import Expected, Suggestion, Weights
from .words import percent, plural, some
from .yardsticks import constant, entropy_of, untrained

Advice = tuple[tuple[Suggestion, ...], tuple[str, ...]]  # suggestions, the first choice first, and notes
UNTRAINED = "outputs near 0, as a new model gives"
MUST = "what the model must beat"
LOGIT, LOGITS = "no activation: a logit", "no activation: logits"
AS_INTEGERS, AS_FLOATS = 'y = y.astype("int64")', 'y = y.astype("float32")'
_FEW = 10  # rows of a class with which it can be neither learned nor measured


@dataclass(frozen=True)
class Labels:
    """What the target has to look like: in words, and the line of Python that makes it so."""

    words: str
    prepare: str


def suggest(
    loss: str,
    why: str,
    labels: Labels,
    units: int,
    activation: str,
    *expected: Expected,
    weights: Weights | None = None,
    extra: str = "",
    columns: bool = False,
    template: str = "",
) -> Suggestion:
    """Return a suggestion with its code.

    Args:
        loss: Name in the registry.
        why: What speaks for it.
        labels: What the target looks like.
        units: Of the last layer.
        activation: Of the last layer.
        *expected: Values to expect.
        weights: Against imbalance.
        extra: An argument of the loss, as ``delta=1.345``.
        columns: Whether the target has columns, so that an output of one unit keeps its axis.
        template: How the loss is called, where there are several ways; its name otherwise.
    """
    return Suggestion(
        loss=loss,
        title=find(loss).title,
        why=why,
        units=units,
        activation=activation,
        labels=labels.words,
        prepare=labels.prepare,
        expected=expected,
        weights=weights,
        code=code.lines(template or loss, units, extra, columns),
    )


# --- values to expect ------------------------------------------------------------------------------------------------
def new_model(formula: str, value: float, meaning: str = UNTRAINED) -> Expected:
    """Return what an untrained model scores."""
    return Expected(role="untrained", formula=formula, value=value, meaning=meaning)


def always(formula: str, value: float, answer: str, must: bool = True) -> Expected:
    """Return what the best answer scores that is always the same."""
    end = f": {MUST}" if must else ""
    return Expected(role="constant", formula=formula, value=value, meaning=f"always answering {answer}{end}")


def floor(value: float) -> Expected:
    """Return what targets that are probabilities score as their own prediction."""
    return Expected(
        role="floor", formula="mean H(y)", value=value, meaning="the targets themselves: no model can score less"
    )


def bias(formula: str, value: float, meaning: str) -> Expected:
    """Return what the last bias should start at."""
    return Expected(role="bias", formula=formula, value=value, meaning=f"what the last bias should start at, {meaning}")


def prior(names: Sequence[str], share: np.ndarray) -> Expected:
    """Return what always answering the class shares scores; the shares are named, most frequent first."""
    order = np.argsort(-share, kind="stable")
    listed = some((f"{names[i]}: {percent(share[i])}" for i in order), last=False)
    return always("H(prior)", entropy_of(share), f"the class shares ({listed})")


# --- classes ---------------------------------------------------------------------------------------------------------
def indices(column: Column) -> tuple[list[str], list[int], str]:
    """Return the names of the classes, how often each occurs, and the line that makes them 0 … C-1."""
    if column.values.ndim == 2:
        counts = column.values.sum(axis=0)
        return list(map(repr, column.labels)), counts.astype(int).tolist(), "y = y.argmax(axis=1)"
    found, counts = column.tally
    names = [repr(str(v)) if column.text else str(v) for v in found]
    prepare = "names, y = np.unique(y, return_inverse=True)"
    if not column.text and found[0] in (0, 1) and found[-1] - found[0] == found.size - 1:
        prepare = AS_INTEGERS if found[0] == 0 else f"{AS_INTEGERS} - 1"
    return names, counts.tolist(), prepare


def numbered(names: Sequence[str], prepare: str) -> Labels:
    """Return labels 0 … C-1 in words."""
    named = some(f"{name} → {i}" for i, name in enumerate(names))
    end = ", as they are" if prepare == AS_INTEGERS else f": {named}"
    return Labels(f"whole numbers 0 … {len(names) - 1}{end}", prepare)


def rare_classes(names: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Return a note on classes that hardly occur, and one on those that never do."""
    pairs = list(zip(names, counts, strict=True))
    few = [f"{name} ({plural(count, 'row')})" for name, count in pairs if 0 < count < _FEW]
    never = [name for name, count in pairs if not count]
    rare = f"Too rare to learn or to measure, below {_FEW} rows: {some(few)}. Collect more, or merge classes."
    absent = f"No row is of {some(never)}: leave such classes out, or find rows of them."
    return tuple(note for note, found in ((rare, few), (absent, never)) if found)


def of_probabilities(target: np.ndarray, labels: Labels, units: int, best: Expected) -> Suggestion:
    """Return binary cross-entropy, for a last layer that has to give probabilities."""
    return suggest(
        "binary_cross_entropy",
        "the same numbers, if the last layer has to give probabilities; less exact where these come near 0 or 1",
        labels,
        units,
        "sigmoid: probabilities" if units > 1 else "sigmoid: a probability",
        new_model("ln 2", untrained("binary_cross_entropy", target, output=0.5), "outputs near 0.5"),
        best,
        columns=target.ndim == 2,
    )


def squared(y: np.ndarray, labels: Labels, why: str, answer: str, formula: str = "y") -> Suggestion:
    """Return squared error on numbers (N,) that a linear unit answers."""
    return suggest(
        "squared_error",
        why,
        labels,
        1,
        "no activation: a number",
        new_model(f"mean of ({formula})²" if " " in formula else f"mean of {formula}²", untrained("squared_error", y)),
        always(f"Var {formula}", constant("squared_error", y)[1], answer),
    )
