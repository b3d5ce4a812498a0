r"""Contrastive losses whose positives are told by groups: rows of one group belong together, all others apart.

As in ``contrastive``, the values come from the matrix of similarities (N, N), and a masked row leaves the batch.
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import chosen_softmax
from .batch import as_number, directions, lone_rows, number, numbers, pull_back, relations, share
from .contrastive import MEMORY, NORMALISE, SLOPE, temperature_of
from .definition import Advice, Loss, Reference, register
from .domain import GROUPS, VECTORS

_CHEN = Reference(
    text="T. Chen et al. (2020). A simple framework for contrastive learning of visual representations. ICML",
    link="https://arxiv.org/abs/2002.05709",
)
_KHOSLA = Reference(
    text="P. Khosla et al. (2020). Supervised contrastive learning. NeurIPS", link="https://arxiv.org/abs/2004.11362"
)


def _nt_xent_parts(xp: Any, similarity: Any, groups: Any, inside: Any, scale: Any) -> tuple[Any, Any, Any]:
    """By how much the negatives outweigh each positive, which pairs that is for, and the softmax of the negatives."""
    positives, negatives = relations(xp, groups, inside)
    top, log_total, soft = chosen_softmax(xp, similarity, negatives, scale)
    pairs = positives & xp.expand(number(xp, negatives) > 0, -1)
    gap = xp.expand(log_total, -1) + scale * (xp.expand(top, -1) - similarity)
    return xp.where(pairs, gap, xp.zeros_like(gap)), pairs, soft


def nt_xent_rows(xp: Any, similarity: Any, groups: Any, inside: Any, scale: Any = 1.0) -> Any:
    """NT-Xent (N,) of the rows of ``scale * similarity`` (N, N)."""
    gap, pairs, _ = _nt_xent_parts(xp, similarity, groups, inside, scale)
    return xp.sum(xp.where(pairs, xp.softplus(gap), xp.zeros_like(gap)), axis=-1)


def _nt_xent(xp: Any, prediction: Any, target: Any, inside: Any, *, temperature: Any, normalise: bool) -> Any:
    _, u = directions(xp, prediction, normalise)
    return nt_xent_rows(xp, xp.matmul(u, xp.swap(u)), target, inside, 1 / as_number(xp, temperature, u))


def _nt_xent_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, temperature: Any, normalise: bool
) -> Any:
    length, u = directions(xp, prediction, normalise)
    scale = 1 / as_number(xp, temperature, u)
    gap, pairs, soft = _nt_xent_parts(xp, xp.matmul(u, xp.swap(u)), target, inside, scale)
    pull = xp.where(pairs, xp.sigmoid(gap), xp.zeros_like(gap)) * xp.expand(cotangent, -1) * scale
    slope = xp.sum(pull, axis=-1, keepdims=True) * soft - pull
    return pull_back(xp, xp.matmul(slope + xp.swap(slope), u), length, u)


def _number_of_positives(xp: Any, target: Any, inside: Any, **parameters: Any) -> Any:
    return numbers(xp, target, inside)[0]


def _examine_positives(target: Any, inside: Any, **parameters: Any) -> str | None:
    return lone_rows(target, inside, negatives=False)


nt_xent = register(
    Loss(
        name="nt_xent",
        object_name="NTXent",
        aliases=("ntxent", "simclr"),
        title="NT-Xent",
        summary="Surprise, in nats, that a row's positive is the one that belongs to it, and none of its negatives.",
        task="embedding",
        layout="batch",
        value=_nt_xent,
        gradient=_nt_xent_gradient,
        row_weight=_number_of_positives,
        examine=_examine_positives,
        prediction=VECTORS,
        target=GROUPS,
        parameters=(temperature_of(0.07), NORMALISE),
        formula=r"s_{ij} = \frac{\cos(p_i, p_j)}{\tau}, \quad "
        r"\sum_{j \in P_i} \log \left( 1 + \sum_{k \in N_i} e^{s_{ik} - s_{ij}} \right)",
        gradient_formula=r"n_i = \log \sum_{k \in N_i} e^{s_{ik}}, \quad w_{ij} = \begin{cases} "
        r"-\sigma(n_i - s_{ij}) & j \in P_i \\ e^{s_{ij} - n_i} \sum_{k \in P_i} \sigma(n_i - s_{ik}) & j \in N_i "
        r"\end{cases}, \quad g = \frac{1}{\tau} \sum_{j} (w_{ij} + w_{ji}) \frac{p_j}{\|p_j\|}, \quad " + SLOPE,
        example=([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 2.0]], [0, 0, 1, 1], 0.028836),
        advice=Advice(
            use="Each sample is in the batch as two augmented views: give both the sample's number, and no labels are "
            "needed.",
            avoid="Groups are classes with many rows each: supervised_contrastive weighs their rows alike.",
            good_value="A model that knows nothing scores ln(N - 1) for N rows in pairs (N / 2 samples of two views); "
            "0 is every view found.",
            pitfalls=(
                "The mean is over pairs, not rows: a row counts once for each of its positives, as in optax.",
                "In groups of more than two the other positives are no candidates; in SimCLR's own text, of pairs "
                "only, that cannot happen.",
                "Interleaved or stacked views? The groups say which rows belong together, so both work.",
                MEMORY,
            ),
        ),
        references=(_CHEN,),
    )
)


def _supcon_parts(xp: Any, similarity: Any, groups: Any, inside: Any, scale: Any) -> tuple[Any, Any, Any]:
    """The values, how much each positive counts in its row, and the softmax over all others."""
    positives, negatives = relations(xp, groups, inside)
    top, log_total, soft = chosen_softmax(xp, similarity, positives | negatives, scale)
    shares = share(xp, positives, similarity)
    value = log_total + scale * xp.sum(shares * (xp.expand(top, -1) - similarity), axis=-1)
    anchors = number(xp, positives) > 0
    soft = xp.where(xp.expand(anchors, -1), soft, xp.zeros_like(soft))
    return xp.where(anchors, value, xp.zeros_like(value)), shares, soft


def supcon_rows(xp: Any, similarity: Any, groups: Any, inside: Any, scale: Any = 1.0) -> Any:
    """Supervised contrastive loss (N,) of the rows of ``scale * similarity`` (N, N)."""
    return _supcon_parts(xp, similarity, groups, inside, scale)[0]


def _supcon(xp: Any, prediction: Any, target: Any, inside: Any, *, temperature: Any, normalise: bool) -> Any:
    _, u = directions(xp, prediction, normalise)
    return supcon_rows(xp, xp.matmul(u, xp.swap(u)), target, inside, 1 / as_number(xp, temperature, u))


def _supcon_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, temperature: Any, normalise: bool
) -> Any:
    length, u = directions(xp, prediction, normalise)
    scale = 1 / as_number(xp, temperature, u)
    _, shares, soft = _supcon_parts(xp, xp.matmul(u, xp.swap(u)), target, inside, scale)
    slope = (soft - shares) * xp.expand(cotangent, -1) * scale
    return pull_back(xp, xp.matmul(slope + xp.swap(slope), u), length, u)


def _has_positives(xp: Any, target: Any, inside: Any, **parameters: Any) -> Any:
    return _number_of_positives(xp, target, inside) > 0


supervised_contrastive = register(
    Loss(
        name="supervised_contrastive",
        object_name="SupervisedContrastive",
        aliases=("supcon", "sup_con", "supervised_contrastive_loss"),
        title="Supervised contrastive",
        summary="Mean surprise, in nats, at the rows of the same class when one of all others is to be named.",
        task="embedding",
        layout="batch",
        value=_supcon,
        gradient=_supcon_gradient,
        row_weight=_has_positives,
        examine=_examine_positives,
        prediction=VECTORS,
        target=GROUPS,
        parameters=(temperature_of(0.1), NORMALISE),
        formula=r"s_{ij} = \frac{\cos(p_i, p_j)}{\tau}, \quad "
        r"\log \sum_{j \ne i} e^{s_{ij}} - \frac{1}{|P_i|} \sum_{j \in P_i} s_{ij}",
        gradient_formula=r"w_{ij} = \frac{e^{s_{ij}}}{\sum_{k \ne i} e^{s_{ik}}} - \begin{cases} "
        r"\frac{1}{|P_i|} & j \in P_i \\ 0 & \text{otherwise} \end{cases}, \quad "
        r"g = \frac{1}{\tau} \sum_{j} (w_{ij} + w_{ji}) \frac{p_j}{\|p_j\|}, \quad " + SLOPE,
        example=([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 2.0]], [0, 0, 1, 1], 0.069151),
        advice=Advice(
            use="Labels are known and the embedding is to be reused: train it with this, then a classifier on top.",
            avoid="You only want a classifier and have few epochs: softmax_cross_entropy gets there sooner.",
            good_value="It does not reach 0: with K positives per row the best is ln K; a model that knows nothing "
            "scores ln(N - 1).",
            pitfalls=(
                "Rows whose class is alone in the batch have no value and do not count in the mean.",
                "Some implementations multiply by temperature / 0.07, which scales the gradient and nothing else.",
                "Draw batches by class, or rare classes never meet a positive.",
                MEMORY,
            ),
        ),
        references=(_KHOSLA,),
    )
)
