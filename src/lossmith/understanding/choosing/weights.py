"""Weights against imbalance: the numbers, and when to leave them alone.

Class weights give every class the same sum, n / (C · nᵢ); ``pos_weight`` does it for one yes or no, n₀ / n₁.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import code
from .result import Weights
from .words import literal, percent, shown, some

BALANCED = 3.0  # times the rows of the rarest class that the most frequent may have before anybody needs weights
RARE = 10.0
_LITERAL = 10  # classes whose weights are written out in a line of code


def of_two(negatives: int, positives: int) -> Weights:
    """Return the weights of a yes or no."""
    n, weight = negatives + positives, negatives / positives
    share, balance = positives / n, {0: n / (2 * negatives), 1: n / (2 * positives)}
    ratio = max(weight, 1 / weight)
    why = f"the rarer class has {percent(min(share, 1 - share))} of the rows, the other {shown(ratio)} times as many"
    if ratio < BALANCED:
        return Weights(advice="not needed", why=why, class_weight=balance, pos_weight=weight)
    return Weights(
        advice=_advice(ratio),
        why=why,
        class_weight=balance,
        pos_weight=weight,
        not_if=(
            f"you use the probabilities: pos_weight multiplies their odds by {shown(weight)}. Without weights, a yes "
            f"from {percent(share)} on instead of 50.0 % decides the same"
        ),
        code={
            "keras": f"model.fit(x, y, class_weight={_dictionary(list(balance.values()))})",
            "torch": code.loss_line("sigmoid_cross_entropy", f"pos_weight=torch.tensor({literal(weight)})", "torch"),
            "jax": code.loss_line("sigmoid_cross_entropy", f"pos_weight={literal(weight)}", "jax"),
        },
    )


def of_classes(counts: Sequence[int]) -> Weights:
    """Return the weights of C classes; a class without rows gets 1."""
    present = [count for count in counts if count]
    n, c, ratio = sum(present), len(present), max(present) / min(present)
    weights = [n / (c * count) if count else 1.0 for count in counts]
    rarest = percent(min(present) / n)
    why = f"the rarest class has {rarest} of the rows, the most frequent {shown(ratio)} times as many"
    if ratio < BALANCED:
        return Weights(advice="not needed", why=why, class_weight=dict(enumerate(weights)))
    array, mapping = f"[{', '.join(map(literal, weights))}]", _dictionary(weights)
    if _LITERAL < c == len(counts):
        array = f"len(y) / ({c} * np.bincount(y))"
        mapping = f"dict(enumerate({array}))"
    return Weights(
        advice=_advice(ratio),
        why=why,
        class_weight=dict(enumerate(weights)),
        not_if=(
            "you use the probabilities: they come out as if all classes were equally frequent. Dividing each by its "
            "weight, and the row by its sum, undoes it"
        ),
        code={
            "keras": f"model.fit(x, y, class_weight={mapping})",
            "torch": code.loss_line(
                "softmax_cross_entropy", f"weight=torch.tensor({array}, dtype=torch.float32)", "torch"
            ),
            "jax": code.loss_line("softmax_cross_entropy", f"class_weight={array}", "jax"),
        },
    )


def of_labels(shares: np.ndarray, names: Sequence[str]) -> Weights:
    """Return the weights of several yes-or-no labels, from the share of each that is yes.

    A label that is the same in every row gets 1.
    """
    learnable = (shares > 0) & (shares < 1)
    safe = np.where(learnable, shares, 0.5)
    weights = (1 - safe) / safe
    ratios = np.maximum(weights, 1 / weights)
    worst = int(np.argmax(ratios))
    kind, other = ("yes", "no") if safe[worst] < 0.5 else ("no", "yes")
    rarer = percent(min(safe[worst], 1 - safe[worst]))
    why = f"{names[worst]} is a {kind} in {rarer} of the rows, a {other} {shown(ratios[worst])} times as often"
    if ratios[worst] < BALANCED:
        return Weights(advice="not needed", why=why, pos_weight=tuple(weights.tolist()))
    row = f"[{', '.join(map(literal, weights))}]"
    if len(weights) > _LITERAL and learnable.all():
        row = "(1 - y.mean(axis=0)) / y.mean(axis=0)"
    own = f'lossmith.sigmoid_cross_entropy(y_pred, y_true, pos_weight={row}, reduction="none")'
    return Weights(
        advice=_advice(float(ratios[worst])),
        why=why,
        pos_weight=tuple(weights.tolist()),
        not_if=(
            "you use the probabilities: the odds of each label come out multiplied by its weight. Without weights, a "
            "threshold per label at its share decides the same"
        ),
        code={
            "keras": f'model.compile(optimizer="adam", loss=lambda y_true, y_pred: {own})',
            "torch": code.loss_line("sigmoid_cross_entropy", f"pos_weight=torch.tensor({row})", "torch"),
            "jax": code.loss_line("sigmoid_cross_entropy", f"pos_weight={row}", "jax"),
        },
    )


def in_words(weights: Weights) -> str:
    """Return the weights themselves, at most a few of them."""
    parts = []
    if weights.class_weight:
        parts.append(f"class_weight {{{some(f'{i}: {shown(w)}' for i, w in weights.class_weight.items())}}}")
    if isinstance(weights.pos_weight, float):
        parts.append(f"pos_weight {shown(weights.pos_weight)}")
    elif weights.pos_weight is not None:
        parts.append(f"pos_weight [{some(map(shown, weights.pos_weight))}]")
    return ", ".join(parts)


def _advice(ratio: float) -> str:
    return "worth a try" if ratio >= RARE else "optional"


def _dictionary(weights: Sequence[float]) -> str:
    return "{" + ", ".join(f"{i}: {literal(w)}" for i, w in enumerate(weights)) + "}"
