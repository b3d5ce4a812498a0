"""Losses between vectors on the last axis, one value per row."""

from __future__ import annotations

from typing import Any

from ..arrays.composite import norm_and_direction
from .definition import Advice, Loss, Reference, register
from .domain import VECTORS


def _cosine(xp: Any, prediction: Any, target: Any) -> Any:
    _, toward = norm_and_direction(xp, prediction)
    _, wanted = norm_and_direction(xp, target)
    return -xp.sum(toward * wanted, axis=-1)


def _cosine_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    length, toward = norm_and_direction(xp, prediction)
    _, wanted = norm_and_direction(xp, target)
    cosine = xp.sum(toward * wanted, axis=-1, keepdims=True)
    zero = length == 0
    slope = (cosine * toward - wanted) / xp.where(zero, xp.zeros_like(length) + 1, length)
    return xp.where(zero, xp.zeros_like(slope), slope)


cosine_similarity = register(
    Loss(
        name="cosine_similarity",
        object_name="CosineSimilarity",
        aliases=("cosine", "cosine_loss"),
        title="Cosine similarity",
        summary="Minus the cosine of the angle between prediction and target: -1 is the same direction, +1 opposite.",
        task="embedding",
        layout="row",
        value=_cosine,
        gradient=_cosine_gradient,
        prediction=VECTORS,
        target=VECTORS,
        formula=r"-\frac{\sum_{i} p_i t_i}{\|p\| \|t\|}",
        gradient_formula=r"\frac{1}{\|p\|} (\cos(p, t) \frac{p_i}{\|p\|} - \frac{t_i}{\|t\|})",
        example=([[3.0, 4.0]], [[4.0, 3.0]], -0.96),
        advice=Advice(
            use="Only the direction of an embedding matters, not its length.",
            avoid="Lengths carry meaning (take the squared error), or you have no negatives: everything may then "
            "collapse to one direction.",
            good_value="-1 is perfect, 0 is unrelated; always answering the mean direction scores minus its length.",
            pitfalls=(
                "The sign is Keras' own: it is minimised. 1 - cos, which others call cosine distance, is this plus 1.",
                "A zero vector has no direction: it scores 0 with gradient 0, where others give NaN.",
            ),
        ),
        references=(
            Reference(
                text="G. Salton, A. Wong, C. S. Yang (1975). A vector space model for automatic indexing. CACM 18(11)",
                link="https://doi.org/10.1145/361219.361220",
            ),
        ),
    )
)
