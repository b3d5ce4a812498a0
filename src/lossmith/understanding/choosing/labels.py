"""The losses for several labels per row, and for targets that are probabilities or shares."""

from __future__ import annotations

import numpy as np

from . import weights
from .column import Column
from .result import Suggestion
from .suggesting import (
    AS_FLOATS,
    LOGIT,
    LOGITS,
    Advice,
    Labels,
    always,
    floor,
    new_model,
    of_probabilities,
    prior,
    suggest,
)
from .words import percent, shown, some
from .yardsticks import constant, entropies, entropies_of_two, untrained

_SPARSE = 0.1  # mean share of yes below which easy negatives rule the loss


def multilabel(column: Column, positive: str | None) -> Advice:
    """Return the advice for several labels per row, hard or soft."""
    flags, names = column.values.astype(np.float64), list(map(repr, column.labels))
    share, k = flags.mean(axis=0), flags.shape[1]
    hard = bool(np.all((flags == 0) | (flags == 1)))
    labels = Labels(f"{'0 and 1' if hard else 'probabilities'} as floats, (N, {k}), one column per label", AS_FLOATS)
    listed = some(f"{name}: {percent(p)}" for name, p in zip(names, share, strict=True))
    best = always("mean H(prior)", constant("sigmoid_cross_entropy", flags)[1], f"the share of each label ({listed})")
    first = suggest(
        "sigmoid_cross_entropy",
        f"{k} labels, each a yes or no of its own, {shown(flags.sum(axis=1).mean())} per row on average",
        labels,
        k,
        LOGITS,
        new_model("ln 2", untrained("sigmoid_cross_entropy", flags)),
        best,
        *([] if hard else [floor(entropies_of_two(flags))]),
        columns=True,
        weights=weights.of_labels(share, names) if hard else None,
    )
    others = [of_probabilities(flags, labels, k, best)]
    if hard and share.mean() < _SPARSE:
        others.insert(0, _asymmetric(flags, float(share.mean()), labels))
    return (first, *others), _silent(share, names)


def _asymmetric(flags: np.ndarray, share: float, labels: Labels) -> Suggestion:
    return suggest(
        "asymmetric",
        f"a label is a yes in only {percent(share)} of the rows on average: easy negatives count less; its values do "
        "not compare with a cross-entropy",
        labels,
        flags.shape[1],
        LOGITS,
        new_model("", untrained("asymmetric", flags)),
        columns=True,
    )


def _silent(share: np.ndarray, names: list[str]) -> tuple[str, ...]:
    never = [name for name, p in zip(names, share, strict=True) if p in (0, 1)]
    return (f"Nothing to learn about {some(never)}: the same in every row; leave it out.",) if never else ()


def distribution(column: Column, positive: str | None) -> Advice:
    """Return the advice for rows of probabilities."""
    rows = column.values / column.values.sum(axis=1, keepdims=True)
    c, share = rows.shape[1], rows.mean(axis=0)
    labels = Labels(f"rows of probabilities as floats, (N, {c}), as they are", AS_FLOATS)
    first = suggest(
        "softmax_cross_entropy",
        f"a distribution over {c} classes per row: its cross-entropy, exact for any logits",
        labels,
        c,
        LOGITS,
        new_model(f"ln {c}", untrained("softmax_cross_entropy", rows)),
        prior(list(map(repr, column.labels)), share),
        floor(entropies(rows)),
        template="softmax_cross_entropy rows",
    )
    other = suggest(
        "kl_divergence",
        "the same gradients, less the entropy of the targets: 0 is perfect",
        labels,
        c,
        "softmax: probabilities",
        new_model(f"ln {c} - mean H(y)", untrained("kl_divergence", rows, output=1 / c), f"outputs near 1 / {c}"),
        always("H(prior) - mean H(y)", constant("kl_divergence", rows)[1], "the mean row"),
    )
    return (first, other), ()


def proportion(column: Column, positive: str | None, scale: float = 1.0) -> Advice:
    """Return the advice for numbers in [0, 1], or in [0, ``scale``]."""
    y = column.values / scale
    labels = Labels("numbers in [0, 1] as floats, as they are", AS_FLOATS)
    if scale != 1:
        labels = Labels(f"numbers in [0, 1] as floats: divided by {scale:g}", f'y = (y / {scale:g}).astype("float32")')
    answer = f"the mean, {percent(y.mean())}"
    first = suggest(
        "sigmoid_cross_entropy",
        "a share in [0, 1] counts as that much of a yes, and a sigmoid cannot leave [0, 1]",
        labels,
        1,
        LOGIT,
        new_model("ln 2", untrained("sigmoid_cross_entropy", y)),
        always("H(mean)", constant("sigmoid_cross_entropy", y)[1], answer),
        floor(entropies_of_two(y)),
    )
    other = suggest(
        "squared_error",
        "if distances count alike everywhere in [0, 1]: squared error after a sigmoid",
        labels,
        1,
        "sigmoid: a share",
        new_model("mean of (y - ½)²", untrained("squared_error", y, output=0.5), "outputs near 0.5"),
        always("Var y", constant("squared_error", y)[1], answer),
        template="squared_error of probabilities",
    )
    return (first, other), ()


def percentage(column: Column, positive: str | None) -> Advice:
    """Return the advice for numbers in [0, 100]."""
    return proportion(column, positive, 100.0)
