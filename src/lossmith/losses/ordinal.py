"""Losses for classes with an order, 0 < 1 < … < C-1: the C-1 questions «is it above k?» instead of C classes.

The prediction has one logit per threshold, shape (…, C-1), and the target is one rank per row, 0 … C-1. The predicted
rank is the number of thresholds that are passed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .binary import sigmoid_ce, sigmoid_ce_gradient
from .definition import Advice, Loss, Reference, register
from .domain import LOGITS, RANKS

_CAO = Reference(
    text="W. Cao, V. Mirjalili, S. Raschka (2020). Rank consistent ordinal regression for neural networks. PRL 140",
    link="https://arxiv.org/abs/1901.07884",
)
_SHI = Reference(
    text="X. Shi, W. Cao, S. Raschka (2023). Deep neural networks for rank-consistent ordinal regression. PAA 26",
    link="https://arxiv.org/abs/2111.08851",
)
_SHAPE_PITFALL = "Five grades need four logits, not five; ranks count from 0."


def _above(xp: Any, prediction: Any, target: Any) -> tuple[Any, Any]:
    """For each threshold k whether the rank is above it, and whether it is at k or above; a rank that none is: NaN."""
    rank, k = xp.expand(target, -1), xp.positions(prediction)
    valid = (rank >= 0) & (rank <= prediction.shape[-1])
    nothing = xp.zeros_like(prediction) + np.nan
    return tuple(xp.where(valid, xp.cast(at, prediction.dtype), nothing) for at in (rank > k, rank >= k))


def _coral(xp: Any, prediction: Any, target: Any) -> Any:
    above, _ = _above(xp, prediction, target)
    return xp.sum(sigmoid_ce(xp, prediction, above), axis=-1)


def _coral_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    above, _ = _above(xp, prediction, target)
    return sigmoid_ce_gradient(xp, prediction, above)


coral = register(
    Loss(
        name="coral",
        object_name="Coral",
        title="CORAL",
        summary="Surprise, in nats, of the answers to «is the rank above k?», summed over the thresholds.",
        task="multiclass",
        layout="row",
        value=_coral,
        gradient=_coral_gradient,
        prediction=LOGITS,
        target=RANKS,
        target_per_row=True,
        formula=r"\sum_{k} [t > k] \log(1 + e^{-z_k}) + [t \le k] \log(1 + e^{z_k})",
        gradient_formula=r"\sigma(z_k) - [t > k]",
        example=([[2.0, -1.0]], [1], 0.440190),
        advice=Advice(
            use="Grades, ages, severities: classes with an order, where near misses are better than far ones.",
            avoid="The classes have no order (softmax_cross_entropy), or the ranks are numbers with equal steps (a "
            "regression loss).",
            good_value="(C - 1) ln 2 is a model that answers 0; always answering the shares above each threshold "
            "scores the sum of their entropies.",
            pitfalls=(
                _SHAPE_PITFALL,
                "The thresholds stay in order only if they share one weight vector and differ in their bias.",
            ),
        ),
        references=(_CAO,),
    )
)


def _corn(xp: Any, prediction: Any, target: Any) -> Any:
    above, asked = _above(xp, prediction, target)
    terms = sigmoid_ce(xp, prediction, above)
    return xp.sum(xp.where(asked == 0, xp.zeros_like(terms), terms), axis=-1)


def _corn_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    above, asked = _above(xp, prediction, target)
    slope = sigmoid_ce_gradient(xp, prediction, above)
    return xp.where(asked == 0, xp.zeros_like(slope), slope)


corn = register(
    Loss(
        name="corn",
        object_name="Corn",
        title="CORN",
        summary="Surprise, in nats, of the answers to «is the rank above k, given that it is above k-1?».",
        task="multiclass",
        layout="row",
        value=_corn,
        gradient=_corn_gradient,
        prediction=LOGITS,
        target=RANKS,
        target_per_row=True,
        formula=r"\sum_{k \le t} [t > k] \log(1 + e^{-z_k}) + [t = k] \log(1 + e^{z_k})",
        gradient_formula=r"\begin{cases} \sigma(z_k) - [t > k] & k \le t \\ 0 & \text{otherwise} \end{cases}",
        example=([[2.0, -1.0]], [0], 2.126928),
        advice=Advice(
            use="As coral, with free weights for every threshold: probabilities stay in order by themselves.",
            avoid="The classes have no order: take softmax_cross_entropy.",
            good_value="It is the cross-entropy of the rank: ln C is a uniform guess, and always answering the shares "
            "scores their entropy.",
            pitfalls=(
                _SHAPE_PITFALL,
                "The logits are conditional: the probability of a rank above k is the product of the sigmoids up to k.",
                "The authors' code divides by the number of questions asked, not of rows: "
                "normalizer=np.minimum(t + 1, C - 1).sum().",
            ),
        ),
        references=(_SHI,),
    )
)
