"""Losses on two or three things at once: which of two scores is higher, which vectors belong together.

Hinges here have the slope of their active side at the kink itself, as PyTorch's have: equal scores with a margin of 0
are pulled apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.composite import norm_and_direction, power_norm, smaller
from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import FLAGS, REAL, SIGNS, VECTORS

_HERBRICH = Reference(
    text="R. Herbrich, T. Graepel, K. Obermayer (2000). Large margin rank boundaries for ordinal regression",
    link="https://doi.org/10.7551/mitpress/1113.003.0010",
)
_HADSELL = Reference(
    text="R. Hadsell, S. Chopra, Y. LeCun (2006). Dimensionality reduction by learning an invariant mapping. CVPR",
    link="https://doi.org/10.1109/CVPR.2006.100",
)
_BROMLEY = Reference(
    text='J. Bromley et al. (1993). Signature verification using a "Siamese" time delay neural network. NIPS 6',
    link="https://doi.org/10.1142/S0218001493000339",
)
_BALNTAS = Reference(
    text="V. Balntas et al. (2016). Learning local feature descriptors with triplets and shallow CNNs. BMVC",
    link="https://doi.org/10.5244/C.30.119",
)
_SCHROFF = Reference(
    text="F. Schroff, D. Kalenichenko, J. Philbin (2015). FaceNet: a unified embedding for face recognition. CVPR",
    link="https://arxiv.org/abs/1503.03832",
)
_RENDLE = Reference(
    text="S. Rendle et al. (2009). BPR: Bayesian personalized ranking from implicit feedback. UAI",
    link="https://arxiv.org/abs/1205.2618",
)
_OTHER = "The vector of the other of the pair."


def hinge(xp: Any, shortfall: Any) -> Any:
    """``max(shortfall, 0)`` with slope 1 at 0."""
    return xp.at_least(shortfall, 0.0)


def hinge_slope(xp: Any, shortfall: Any) -> Any:
    """The gradient of :func:`hinge`: 1 from 0 on, NaN at NaN."""
    return xp.where(xp.isnan(shortfall), shortfall, xp.cast(shortfall >= 0, shortfall.dtype))


def _margin_ranking(xp: Any, prediction: Any, target: Any, *, other: Any, margin: float) -> Any:
    return hinge(xp, margin - target * (prediction - other))


def _margin_ranking_gradient(xp: Any, prediction: Any, target: Any, *, other: Any, margin: float) -> Any:
    return -target * hinge_slope(xp, margin - target * (prediction - other))


margin_ranking = register(
    Loss(
        name="margin_ranking",
        object_name="MarginRanking",
        aliases=("margin_ranking_loss", "pairwise_hinge"),
        title="Margin ranking",
        summary="How far the score that should be higher falls short of the other one plus a margin.",
        task="ranking",
        layout="element",
        value=_margin_ranking,
        gradient=_margin_ranking_gradient,
        prediction=REAL,
        target=SIGNS,
        extras=(Extra(name="other", domain=REAL, shape="prediction", meaning="The second score of each pair."),),
        parameters=(Parameter(name="margin", default=0.0, meaning="By how much the right score should be higher."),),
        formula=r"\max(0, m - t (p - o))",
        gradient_formula=r"\begin{cases} -t & t (p - o) \le m \\ 0 & \text{otherwise} \end{cases}",
        example=([0.8, 0.2], [1.0, 1.0], 0.15),
        example_extras={"other": [0.5, 0.5]},
        advice=Advice(
            use="You know which of two scores should be higher, and nothing else: comparisons, clicks, votes.",
            avoid="Whole lists with grades are known (list_net, lambda_rank), or probabilities are wanted "
            "(bradley_terry).",
            good_value="0 is every pair in order by the margin; a model that gives equal scores scores the margin.",
            pitfalls=(
                "With a margin of 0 a model that gives everything the same score is perfect: give a margin.",
                "The target is +1 where the prediction should be higher, -1 where the other one should.",
            ),
        ),
        references=(_HERBRICH,),
    )
)


def _unit(xp: Any, x: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Length ``√(‖x‖² + ε)``, ``x`` over it, and what that lacks of a square of 1: ``ε / (‖x‖² + ε)``.

    Scaled by the largest entry, so that neither 1e30 nor 1e-30 leaves float32. A vector of length 0 has direction 0.
    """
    largest = xp.stop_gradient(xp.max(xp.abs0(x), axis=-1, keepdims=True))
    if epsilon:
        largest = xp.at_least(largest, float(np.sqrt(epsilon)))
    zero = largest == 0
    scale = xp.where(zero, xp.zeros_like(largest) + 1, largest)
    scaled, floor = x / scale, epsilon / scale / scale
    squares = xp.sum(scaled * scaled, axis=-1, keepdims=True) + floor
    squares = xp.where(zero, xp.zeros_like(squares) + 1, squares)
    length = xp.sqrt(squares)
    direction = xp.where(zero, xp.zeros_like(x), scaled / length)
    lack = xp.where(zero, xp.zeros_like(squares) + 1, floor / squares)
    return xp.where(zero, xp.zeros_like(length), length * scale), direction, lack


def _cosine_parts(xp: Any, prediction: Any, other: Any, epsilon: float) -> tuple[Any, Any, Any, Any]:
    """Length and direction of the prediction, direction of the other, and 1 - cos without cancellation."""
    length, toward, lack = _unit(xp, prediction, epsilon)
    _, wanted, other_lack = _unit(xp, other, epsilon)
    apart = toward - wanted
    distance = (xp.sum(apart * apart, axis=-1, keepdims=True) + lack + other_lack) / 2
    return length, toward, wanted, distance


def _cosine_embedding(xp: Any, prediction: Any, target: Any, *, other: Any, margin: float, epsilon: float) -> Any:
    distance = _cosine_parts(xp, prediction, other, epsilon)[3][..., 0]
    return xp.where(target > 0, distance, hinge(xp, 1 - margin - distance))


def _cosine_embedding_gradient(
    xp: Any, prediction: Any, target: Any, *, other: Any, margin: float, epsilon: float
) -> Any:
    length, toward, wanted, distance = _cosine_parts(xp, prediction, other, epsilon)
    zero = length == 0
    rise = (wanted - toward + distance * toward) / xp.where(zero, xp.zeros_like(length) + 1, length)
    same = xp.expand(target, -1) > 0
    slope = xp.where(same, -rise, rise * hinge_slope(xp, 1 - margin - distance))
    return xp.where(zero, xp.zeros_like(slope), slope)


cosine_embedding = register(
    Loss(
        name="cosine_embedding",
        object_name="CosineEmbedding",
        aliases=("cosine_embedding_loss",),
        title="Cosine embedding",
        summary="Cosine distance of two vectors that belong together; of others, by how much the cosine tops a margin.",
        task="embedding",
        layout="row",
        value=_cosine_embedding,
        gradient=_cosine_embedding_gradient,
        prediction=VECTORS,
        target=SIGNS,
        target_per_row=True,
        extras=(Extra(name="other", domain=VECTORS, shape="prediction", meaning=_OTHER),),
        parameters=(
            Parameter(
                name="margin",
                default=0.0,
                low=-1.0,
                high=1.0,
                meaning="The cosine up to which vectors that do not belong together cost nothing.",
            ),
            Parameter(
                name="epsilon",
                default=0.0,
                low=0.0,
                meaning="Added to the squared lengths (PyTorch: 1e-12). With 0 a zero vector has cosine 0, gradient 0.",
            ),
        ),
        formula=r"\begin{cases} 1 - \cos(p, o) & t = 1 \\ \max(0, \cos(p, o) - m) & t = -1 \end{cases}",
        gradient_formula=r"g_i = \frac{1}{\|p\|} (\frac{o_i}{\|o\|} - \cos(p, o) \frac{p_i}{\|p\|}), \quad "
        r"\begin{cases} -g_i & t = 1 \\ g_i & t = -1, \cos(p, o) \ge m \\ 0 & \text{otherwise} \end{cases}",
        example=([[3.0, 4.0], [3.0, 4.0]], [1.0, -1.0], 0.5),
        example_extras={"other": [[4.0, 3.0], [4.0, 3.0]]},
        advice=Advice(
            use="Pairs of embeddings are labelled as belonging together or not, and only directions count.",
            avoid="You have many negatives per positive: a contrastive loss over the batch uses them all.",
            good_value="0 is perfect; vectors at random score 1 on pairs that belong together, near 0 on the others.",
            pitfalls=(
                "The target is +1 or -1, not 1 or 0.",
                "PyTorch's epsilon gives a zero vector a gradient of length 1e6; with epsilon 0 it gets none.",
            ),
        ),
        references=(_BROMLEY,),
    )
)


def _contrastive(xp: Any, prediction: Any, target: Any, *, other: Any, margin: float) -> Any:
    distance = norm_and_direction(xp, prediction - other)[0][..., 0]
    short = xp.relu0(margin - distance)
    return xp.where(target > 0, 0.5 * distance * distance, 0.5 * short * short)


def _contrastive_gradient(xp: Any, prediction: Any, target: Any, *, other: Any, margin: float) -> Any:
    distance, direction = norm_and_direction(xp, prediction - other)
    same = xp.expand(target, -1) > 0
    return xp.where(same, prediction - other, -xp.relu0(margin - distance) * direction)


contrastive = register(
    Loss(
        name="contrastive",
        object_name="Contrastive",
        aliases=("contrastive_loss", "siamese"),
        title="Contrastive",
        summary="Half the squared distance of vectors that belong together; of others, of what lacks to a margin.",
        task="embedding",
        layout="row",
        value=_contrastive,
        gradient=_contrastive_gradient,
        prediction=VECTORS,
        target=FLAGS,
        target_per_row=True,
        extras=(Extra(name="other", domain=VECTORS, shape="prediction", meaning=_OTHER),),
        parameters=(
            Parameter(
                name="margin",
                default=1.0,
                low=0.0,
                low_included=False,
                meaning="The distance from which vectors that do not belong together cost nothing.",
            ),
        ),
        formula=r"d = \|p - o\|, \quad \begin{cases} \frac{1}{2} d^2 & t = 1 \\ "
        r"\frac{1}{2} \max(0, m - d)^2 & t = 0 \end{cases}",
        gradient_formula=r"\begin{cases} p_i - o_i & t = 1 \\ -\max(0, m - d) \frac{p_i - o_i}{d} & t = 0 \end{cases}",
        example=([[3.0, 4.0], [0.0, 0.5]], [1.0, 0.0], 0.3125),
        example_extras={"other": [[3.0, 3.0], [0.0, 0.0]]},
        advice=Advice(
            use="Pairs are labelled as same or different and distances in the embedding should mean something.",
            avoid="Only the order of distances counts (triplet_margin), or only directions do (cosine_embedding).",
            good_value="0 is perfect; an embedding that maps all to one point scores margin² / 2 on different pairs.",
            pitfalls=(
                "The target is 1 for the same and 0 for different; Hadsell's own Y is the other way round.",
                "Some libraries leave out the factor 1/2, which doubles the loss.",
                "Different vectors at exactly one point get no gradient: there is no direction to push them in.",
            ),
        ),
        references=(_HADSELL,),
    )
)


def _triplet(
    xp: Any, prediction: Any, target: Any, *, negative: Any, margin: float, power: float, epsilon: float, swap: bool
) -> Any:
    return hinge(xp, _triplet_parts(xp, prediction, target, negative, margin, power, epsilon, swap)[0])[..., 0]


def _triplet_parts(
    xp: Any, anchor: Any, positive: Any, negative: Any, margin: float, power: float, epsilon: float, swap: bool
) -> tuple[Any, Any]:
    """By how much the margin is missed, and the gradient of that with respect to the anchor."""
    near, pull = power_norm(xp, anchor - positive + epsilon, power)
    far, push = power_norm(xp, anchor - negative + epsilon, power)
    if swap:
        across, _ = power_norm(xp, positive - negative + epsilon, power)
        push = (1 + xp.sign0(across - far)) / 2 * push  # half of it at a tie
        far = smaller(xp, far, across)
    return margin + near - far, pull - push


def _triplet_gradient(
    xp: Any, prediction: Any, target: Any, *, negative: Any, margin: float, power: float, epsilon: float, swap: bool
) -> Any:
    short, slope = _triplet_parts(xp, prediction, target, negative, margin, power, epsilon, swap)
    return hinge_slope(xp, short) * slope


triplet_margin = register(
    Loss(
        name="triplet_margin",
        object_name="TripletMargin",
        aliases=("triplet", "triplet_loss", "triplet_margin_loss"),
        title="Triplet margin",
        summary="How far the anchor's distance to the positive exceeds its distance to the negative minus a margin.",
        task="embedding",
        layout="row",
        value=_triplet,
        gradient=_triplet_gradient,
        prediction=VECTORS,
        target=VECTORS,
        extras=(
            Extra(name="negative", domain=VECTORS, shape="prediction", meaning="A vector that should be farther away."),
        ),
        parameters=(
            Parameter(
                name="margin",
                default=1.0,
                low=0.0,
                low_included=False,
                meaning="How much farther away the negative should be than the positive.",
            ),
            Parameter(name="power", default=2.0, low=1.0, meaning="Of the norm: 2 is Euclid's, inf the maximum."),
            Parameter(
                name="epsilon",
                default=1e-6,
                low=0.0,
                meaning="Added to every difference inside the norm, as PyTorch does.",
            ),
            Parameter(
                name="swap",
                default=False,
                kind="bool",
                meaning="Take the distance from positive to negative where it is the smaller one.",
            ),
        ),
        formula=r"\max(0, m + \|p - t + \epsilon\| - \|p - n + \epsilon\|)",
        gradient_formula=r"a = p - t + \epsilon, \quad b = p - n + \epsilon, \quad \begin{cases} "
        r"\frac{a_i}{\|a\|} - \frac{b_i}{\|b\|} & m + \|a\| \ge \|b\| \\ 0 & \text{otherwise} \end{cases}",
        example=([[0.0, 0.0]], [[0.0, 1.0]], 0.5),
        example_extras={"negative": [[1.5, 0.0]]},
        advice=Advice(
            use="You can name, for an anchor, something alike (the target) and something that is not (negative).",
            avoid="Most triplets are easy: they give no gradient. Mine hard ones, or take a loss over the whole batch.",
            good_value="0 is every triplet in order; an embedding that maps all to one point scores the margin.",
            pitfalls=(
                "The mean falls because easy triplets multiply, not because hard ones are learned: report the share "
                "of triplets above 0 as well.",
                "An embedding of free length can grow to satisfy any margin: normalise it, or watch its norm.",
            ),
        ),
        references=(_SCHROFF, _BALNTAS),
    )
)


def surprise(xp: Any, gap: Any) -> Any:
    """``-log σ(gap)``: surprise, in nats, that the right one of two wins."""
    return xp.softplus(-gap)


def surprise_slope(xp: Any, gap: Any) -> Any:
    """The gradient of :func:`surprise`."""
    return -xp.sigmoid(-gap)


def surprise_curvature(xp: Any, gap: Any) -> Any:
    """The second derivative of :func:`surprise`."""
    return xp.sigmoid(gap) * xp.sigmoid(-gap)


def _bpr(xp: Any, prediction: Any, target: Any) -> Any:
    return surprise(xp, prediction - target)


def _bpr_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    return surprise_slope(xp, prediction - target)


def _bpr_hessian(xp: Any, prediction: Any, target: Any) -> Any:
    return surprise_curvature(xp, prediction - target)


bayesian_personalised_ranking = register(
    Loss(
        name="bayesian_personalised_ranking",
        object_name="BayesianPersonalisedRanking",
        aliases=("bpr", "bayesian_personalized_ranking"),
        title="Bayesian personalised ranking",
        summary="Surprise, in nats, that the chosen item's score (prediction) beats another item's (target).",
        task="ranking",
        layout="element",
        value=_bpr,
        gradient=_bpr_gradient,
        hessian=_bpr_hessian,
        prediction=REAL,
        target=REAL,
        formula=r"\log(1 + e^{t - p})",
        gradient_formula=r"-\sigma(t - p)",
        example=([2.0, 0.5], [1.0, 1.0], 0.643669),
        advice=Advice(
            use="Only choices are known (bought, clicked, played), and items that were not chosen are sampled.",
            avoid="Grades or ratings are known: take a list loss or a regression.",
            good_value="ln 2 = 0.693 is a model that cannot tell the two apart; exp(-loss) is the typical probability "
            "that the chosen item wins.",
            pitfalls=(
                "The target holds scores of the same model: let gradients flow through both.",
                "Items that were not chosen are not all disliked; sampling popular ones makes that worse.",
            ),
        ),
        references=(_RENDLE,),
    )
)
