r"""Contrastive losses: tell the vectors that belong together from all others of the batch.

The values of a batch come from its matrix of similarities (N, N). A masked row leaves the batch: it is no anchor, no
positive and no negative. A weight weighs the values of its rows, not their part in those of others.
"""

from __future__ import annotations

from typing import Any

from ..arrays.composite import chosen_softmax
from .batch import (
    as_number,
    diagonal,
    directions,
    present,
    pull_back,
)
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import VECTORS

_OORD = Reference(
    text="A. van den Oord, Y. Li, O. Vinyals (2018). Representation learning with contrastive predictive coding",
    link="https://arxiv.org/abs/1807.03748",
)
_HE = Reference(
    text="K. He et al. (2020). Momentum contrast for unsupervised visual representation learning. CVPR",
    link="https://arxiv.org/abs/1911.05722",
)
_RADFORD = Reference(
    text="A. Radford et al. (2021). Learning transferable visual models from natural language supervision. ICML",
    link="https://arxiv.org/abs/2103.00020",
)
_ZHAI = Reference(
    text="X. Zhai et al. (2023). Sigmoid loss for language image pre-training. ICCV",
    link="https://arxiv.org/abs/2303.15343",
)
MEMORY = "Memory grows with the square of the batch: the similarities are a matrix (N, N)."
SLOPE = r"u = \frac{p_i}{\|p_i\|}, \quad \frac{g - u (u \cdot g)}{\|p_i\|}"


def temperature_of(default: float) -> Parameter:
    """Return the parameter ``temperature`` with a default."""
    return Parameter(
        name="temperature",
        default=default,
        low=0.0,
        low_included=False,
        meaning="What the similarities are divided by: small ones look at the hardest negatives alone.",
    )


NORMALISE = Parameter(
    name="normalise",
    kind="bool",
    default=True,
    meaning="Compare directions (cosines); False compares the vectors as they are (dot products).",
)


def _candidates(xp: Any, u: Any, inside: Any) -> tuple[Any, Any]:
    """Booleans (N, N): the columns that compete in a row, all of them in a masked row; and the diagonal."""
    own, both = diagonal(xp, u[..., 0]), present(xp, inside)
    if both is None:
        return own | ~own, own
    return both | (xp.expand(inside, -1) == 0), own


def _surprise(xp: Any, similarity: Any, chosen: Any, own: Any, scale: Any) -> tuple[Any, Any]:
    """Cross-entropy of each row against its own column, and the softmax."""
    top, log_total, soft = chosen_softmax(xp, similarity, chosen, scale)
    right = xp.sum(xp.where(own, similarity, xp.zeros_like(similarity)), axis=-1)
    return scale * (top - right) + log_total, soft


def _info_nce(xp: Any, prediction: Any, target: Any, inside: Any, *, temperature: Any, normalise: bool) -> Any:
    _, u = directions(xp, prediction, normalise)
    _, v = directions(xp, target, normalise)
    similarity = xp.matmul(u, xp.swap(v))
    chosen, own = _candidates(xp, u, inside)
    return _surprise(xp, similarity, chosen, own, 1 / as_number(xp, temperature, similarity))[0]


def _info_nce_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, temperature: Any, normalise: bool
) -> Any:
    length, u = directions(xp, prediction, normalise)
    _, v = directions(xp, target, normalise)
    similarity, scale = xp.matmul(u, xp.swap(v)), 1 / as_number(xp, temperature, prediction)
    chosen, own = _candidates(xp, u, inside)
    soft = _surprise(xp, similarity, chosen, own, scale)[1]
    slope = (soft - xp.cast(own, soft.dtype)) * xp.expand(cotangent, -1) * scale
    return pull_back(xp, xp.matmul(slope, v), length, u)


info_nce = register(
    Loss(
        name="info_nce",
        object_name="InfoNCE",
        aliases=("info_nce_loss", "multiple_negatives_ranking"),
        title="InfoNCE",
        summary="Surprise, in nats, that a query's own key is the one of all keys of the batch that belongs to it.",
        task="embedding",
        layout="batch",
        value=_info_nce,
        gradient=_info_nce_gradient,
        prediction=VECTORS,
        target=VECTORS,
        parameters=(temperature_of(0.07), NORMALISE),
        formula=r"s_{ij} = \frac{\cos(p_i, t_j)}{\tau}, \quad \log \sum_{j} e^{s_{ij}} - s_{ii}",
        gradient_formula=r"g = \frac{1}{\tau} \left( \sum_{j} \frac{e^{s_{ij}}}{\sum_{k} e^{s_{ik}}} "
        r"\frac{t_j}{\|t_j\|} - \frac{t_i}{\|t_i\|} \right), \quad " + SLOPE,
        example=([[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.6], [0.6, 0.8]], 0.055844),
        advice=Advice(
            use="Queries and keys come in pairs (two views, question and passage), and the other keys of the batch "
            "are good enough negatives.",
            avoid="Batches are small, or many keys of a batch would answer the same query: false negatives then "
            "push apart what belongs together.",
            good_value="A model that knows nothing scores ln N for a batch of N (ln 256 = 5.55); 0 is every key found.",
            pitfalls=(
                "The value depends on the batch size: compare runs of the same N only, and note a smaller last batch.",
                "Copies of a key in the batch count as negatives; mask them out or draw without them.",
                "A batch of one row has no negative: it scores 0 and teaches nothing.",
                MEMORY,
            ),
        ),
        references=(_OORD, _HE),
    )
)


def _clip(xp: Any, prediction: Any, target: Any, inside: Any, *, scale: Any) -> Any:
    _, u = directions(xp, prediction, True)
    _, v = directions(xp, target, True)
    similarity = xp.matmul(u, xp.swap(v))
    chosen, own = _candidates(xp, u, inside)
    scale = as_number(xp, scale, similarity)
    ways = [_surprise(xp, s, chosen, own, scale)[0] for s in (similarity, xp.swap(similarity))]
    return (ways[0] + ways[1]) / 2


def _clip_gradient(xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, scale: Any) -> Any:
    length, u = directions(xp, prediction, True)
    _, v = directions(xp, target, True)
    similarity, scale = xp.matmul(u, xp.swap(v)), as_number(xp, scale, prediction)
    chosen, own = _candidates(xp, u, inside)
    ways = [
        (_surprise(xp, s, chosen, own, scale)[1] - xp.cast(own, s.dtype)) * xp.expand(cotangent, -1)
        for s in (similarity, xp.swap(similarity))
    ]
    slope = (ways[0] + xp.swap(ways[1])) / 2 * scale
    return pull_back(xp, xp.matmul(slope, v), length, u)


clip = register(
    Loss(
        name="clip",
        object_name="CLIP",
        aliases=("clip_loss", "symmetric_info_nce"),
        title="CLIP",
        summary="Surprise, in nats, at which text belongs to an image and which image to a text, the mean of the two.",
        task="embedding",
        layout="batch",
        value=_clip,
        gradient=_clip_gradient,
        prediction=VECTORS,
        target=VECTORS,
        parameters=(
            Parameter(
                name="scale",
                default=1 / 0.07,
                low=0.0,
                low_included=False,
                meaning="What the cosines are multiplied by, e to the power of CLIP's logit_scale; a scalar tensor is "
                "learned with the rest.",
            ),
        ),
        formula=r"c_{ij} = \cos(p_i, t_j), \quad \frac{1}{2} \left( \log \sum_{j} e^{\kappa c_{ij}} + "
        r"\log \sum_{j} e^{\kappa c_{ji}} \right) - \kappa c_{ii}",
        gradient_formula=r"g = \frac{\kappa}{2} \sum_{j} \left( \frac{e^{\kappa c_{ij}}}{\sum_{k} e^{\kappa c_{ik}}} + "
        r"\frac{e^{\kappa c_{ij}}}{\sum_{k} e^{\kappa c_{kj}}} \right) \frac{t_j}{\|t_j\|} - "
        r"\kappa \frac{t_i}{\|t_i\|}, \quad " + SLOPE,
        example=([[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.6], [0.0, 1.0]], 0.014787),
        advice=Advice(
            use="Two kinds of things come in pairs (image and text), and each is to find the other.",
            avoid="Only one direction is ever searched (info_nce), or batches are too large for one softmax over all "
            "of it (siglip).",
            good_value="A model that knows nothing scores ln N for a batch of N (ln 32768 = 10.4); 0 is every pair "
            "found.",
            pitfalls=(
                "Clamp a learned scale at 100, as CLIP does: beyond that training becomes unstable.",
                "On several devices gather the embeddings first: the negatives are those of the whole batch.",
                "The value depends on the batch size: compare runs of the same N only.",
                MEMORY,
            ),
        ),
        references=(_RADFORD,),
    )
)


def _siglip_parts(xp: Any, logits: Any, inside: Any) -> tuple[Any, Any]:
    """Logits (N, N) whose sign is turned where a pair belongs together, and 1 where both rows count, else 0."""
    own, both = diagonal(xp, xp.sum(logits, axis=-1)), present(xp, inside)
    counted = xp.zeros_like(logits) + 1 if both is None else xp.cast(both, logits.dtype)
    return xp.where(own, -logits, logits), counted


def siglip_logits(xp: Any, u: Any, v: Any, scale: Any, bias: Any) -> Any:
    """The logits (N, N) that a pair of directions belongs together."""
    return as_number(xp, scale, u) * xp.matmul(u, xp.swap(v)) + as_number(xp, bias, u)


def siglip_rows(xp: Any, logits: Any, groups: Any, inside: Any) -> Any:
    """SigLIP (N,) of logits (N, N), without groups: a row belongs to its own column."""
    wrong, counted = _siglip_parts(xp, logits, inside)
    return xp.sum(counted * xp.softplus(wrong), axis=-1)


def _siglip(xp: Any, prediction: Any, target: Any, inside: Any, *, scale: Any, bias: Any) -> Any:
    _, u = directions(xp, prediction, True)
    _, v = directions(xp, target, True)
    return siglip_rows(xp, siglip_logits(xp, u, v, scale, bias), None, inside)


def _siglip_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, scale: Any, bias: Any
) -> Any:
    length, u = directions(xp, prediction, True)
    _, v = directions(xp, target, True)
    wrong, counted = _siglip_parts(xp, siglip_logits(xp, u, v, scale, bias), inside)
    slope = counted * xp.sigmoid(wrong) * xp.expand(cotangent, -1) * as_number(xp, scale, u)
    slope = xp.where(diagonal(xp, u[..., 0]), -slope, slope)
    return pull_back(xp, xp.matmul(slope, v), length, u)


siglip = register(
    Loss(
        name="siglip",
        object_name="SigLIP",
        aliases=("siglip_loss", "sigmoid_contrastive"),
        title="SigLIP",
        summary="Surprise, in nats, at which of all texts of the batch belong to an image, each pair judged by itself.",
        task="embedding",
        layout="batch",
        value=_siglip,
        gradient=_siglip_gradient,
        prediction=VECTORS,
        target=VECTORS,
        parameters=(
            Parameter(
                name="scale",
                default=10.0,
                low=0.0,
                low_included=False,
                meaning="What the cosines are multiplied by, the paper's e to the power of t'; a scalar tensor is "
                "learned with the rest.",
            ),
            Parameter(
                name="bias",
                default=-10.0,
                meaning="Added to every logit: about minus the logarithm of how rare pairs are; may be learned, too.",
            ),
        ),
        formula=r"c_{ij} = \cos(p_i, t_j), \quad \log(1 + e^{-\kappa c_{ii} - b}) + "
        r"\sum_{j \ne i} \log(1 + e^{\kappa c_{ij} + b})",
        gradient_formula=r"g = \kappa \left( \sum_{j} \sigma(\kappa c_{ij} + b) \frac{t_j}{\|t_j\|} - "
        r"\frac{t_i}{\|t_i\|} \right), \quad " + SLOPE,
        example=([[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.6], [0.0, 1.0]], 1.419135),
        advice=Advice(
            use="Pairs of two kinds, as for clip, in batches small or large, with no softmax over the batch.",
            avoid="Scale and bias cannot be learned and the defaults do not fit: the bias carries how rare pairs are.",
            good_value="A model that answers the same for all pairs scores at best about 1 + ln N per row; 0 is "
            "perfect.",
            pitfalls=(
                "The value is the sum over all texts for each image, divided by the number of images and not of pairs.",
                "With a bias of 0 the many negatives dominate the first steps: start at -10.",
                MEMORY,
            ),
        ),
        references=(_ZHAI,),
    )
)
