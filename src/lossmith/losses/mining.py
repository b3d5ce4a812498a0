"""Losses that pick, from the rows of a batch, what each row is compared with: triplets and weighted similarities.

The target says which rows belong together. A row counts if the batch has both a positive (another row of its group)
and a negative (a row of another group) for it; where it has only one of them its value is 0 and it does not count.
A masked row leaves the batch: it is no anchor, no positive and no negative. Hinges have slope 1 at the kink.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import chosen_softmax
from .batch import diagonal, directions, distances, lone_rows, number, numbers, present, pull_back, relations, scaled
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import GROUPS, VECTORS
from .pairs import hinge, hinge_slope

_SCHROFF = Reference(
    text="F. Schroff, D. Kalenichenko, J. Philbin (2015). FaceNet: a unified embedding for face recognition. CVPR",
    link="https://arxiv.org/abs/1503.03832",
)
_HERMANS = Reference(
    text="A. Hermans, L. Beyer, B. Leibe (2017). In defense of the triplet loss for person re-identification",
    link="https://arxiv.org/abs/1703.07737",
)
_SUN = Reference(
    text="Y. Sun et al. (2020). Circle loss: a unified perspective of pair similarity optimization. CVPR",
    link="https://arxiv.org/abs/2002.10857",
)
_MEMORY = "Memory grows with the square of the batch, and not with its cube: no triplet is written down."
_ALONE = "A row without a positive or without a negative does not count; others score such rows as if at distance 0."
_DISTANCE = Parameter(
    name="distance",
    kind="choice",
    choices=("euclidean", "squared"),
    default="euclidean",
    meaning="Of two vectors: Euclid's, or its square, whose slope fades as they meet.",
)


def _margin(meaning: str) -> Parameter:
    return Parameter(name="margin", default=1.0, low=0.0, meaning=meaning)


def _examine(target: Any, inside: Any, **parameters: Any) -> str | None:
    return lone_rows(target, inside, negatives=True)


def apart(xp: Any, prediction: Any, inside: Any, distance: str) -> tuple[Any, Any, Any, Any]:
    """The rows in units of their size, that unit, their distances in it, and the distances asked for."""
    y, unit = scaled(xp, prediction, inside)
    length, square = distances(xp, y)
    return y, unit, length, length * unit if distance == "euclidean" else square * unit * unit


def push(xp: Any, slope: Any, y: Any, unit: Any, length: Any, distance: str) -> Any:
    """The gradient with respect to the rows, given that with respect to their distances (N, N)."""
    if distance == "euclidean":
        zero = length == 0
        pull = xp.where(zero, xp.zeros_like(slope), slope / xp.where(zero, xp.zeros_like(length) + 1, length))
    else:
        pull = 2 * unit * slope
    both_ways = xp.sum(pull, axis=-1, keepdims=True) + xp.swap(xp.sum(pull, axis=-2, keepdims=True))
    return both_ways * y - xp.matmul(pull, y) - xp.matmul(xp.swap(pull), y)


def _semi_hard_pairs(xp: Any, away: Any, groups: Any, inside: Any) -> tuple[Any, Any, Any]:
    """For each anchor (row), from near to far: the other rows, the negative of each, and whether the two count.

    The negative is the nearest that is farther than the row, or the farthest of all where there is none. Sorting finds
    it: among rows in order of distance, negatives first where they tie, the count of negatives up to a row says which.
    """
    positives, negatives = relations(xp, groups, inside)
    away, amount = xp.stop_gradient(away), number(xp, negatives)
    ahead = xp.order(xp.cast(negatives, away.dtype))
    row = xp.take_along(ahead, xp.order(-xp.take_along(away, ahead)))
    passed = xp.cumsum(xp.take_along(xp.to_int(negatives), row))
    last = xp.expand(xp.where(amount > 0, amount - 1, xp.zeros_like(amount)), -1)
    by_distance = xp.order(xp.where(negatives, -away, xp.zeros_like(away) - math.inf))
    negative = xp.take_along(by_distance, xp.where(passed < last, passed, last + xp.zeros_like(passed)))
    counted = xp.take_along(xp.to_int(positives), row) * xp.expand(xp.to_int(amount > 0), -1)
    return row, negative, counted > 0


def semi_hard_rows(xp: Any, away: Any, groups: Any, inside: Any, margin: float) -> Any:
    """The semi-hard triplet loss (N,) of distances (N, N)."""
    row, negative, counted = _semi_hard_pairs(xp, away, groups, inside)
    short = margin + xp.take_along(away, row) - xp.take_along(away, negative)
    return xp.sum(xp.where(counted, hinge(xp, short), xp.zeros_like(short)), axis=-1)


def _semi_hard(xp: Any, prediction: Any, target: Any, inside: Any, *, margin: float, distance: str) -> Any:
    return semi_hard_rows(xp, apart(xp, prediction, inside, distance)[3], target, inside, margin)


def _semi_hard_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, margin: float, distance: str
) -> Any:
    y, unit, length, away = apart(xp, prediction, inside, distance)
    row, negative, counted = _semi_hard_pairs(xp, away, target, inside)
    short = margin + xp.take_along(away, row) - xp.take_along(away, negative)
    active = xp.where(counted, hinge_slope(xp, short), xp.zeros_like(short)) * xp.expand(cotangent, -1)
    return push(xp, xp.add_along(active, row) - xp.add_along(active, negative), y, unit, length, distance)


def _number_of_pairs(xp: Any, target: Any, inside: Any, **parameters: Any) -> Any:
    positives, negatives = numbers(xp, target, inside)
    return positives * xp.to_int(negatives > 0)


triplet_semi_hard = register(
    Loss(
        name="triplet_semi_hard",
        object_name="TripletSemiHard",
        aliases=("triplet_semihard", "triplet_semihard_loss"),
        title="Triplet, semi-hard negatives",
        summary="How far positives are from their anchor, beyond the nearest negative that is farther, plus a margin.",
        task="embedding",
        layout="batch",
        value=_semi_hard,
        gradient=_semi_hard_gradient,
        row_weight=_number_of_pairs,
        examine=_examine,
        prediction=VECTORS,
        target=GROUPS,
        parameters=(_margin("How much farther away the negative should be than the positive."), _DISTANCE),
        formula=r"d_{ij} = \|p_i - p_j\|, \quad h_{ij} = \min_{k \in N_i, d_{ik} > d_{ij}} d_{ik}, \quad "
        r"\sum_{j \in P_i} \max(0, m + d_{ij} - h_{ij})",
        gradient_formula=r"\sum_{j} (w_{ij} + w_{ji}) \frac{p_i - p_j}{d_{ij}}",
        example=([[0.0, 0.0], [0.0, 1.0], [1.4, 0.0], [3.0, 0.0]], [0, 0, 1, 1], 0.439767),
        advice=Advice(
            use="Embeddings with labels of many small groups (faces, products): each anchor meets a negative that is "
            "hard, but not so hard that training collapses.",
            avoid="Batches hold one or two rows of most groups: nearly all pairs are then missing. Contrastive losses "
            "use every negative at once.",
            good_value="0 is every pair in order; an embedding that maps all to one point scores the margin.",
            pitfalls=(
                "The mean is over pairs of an anchor and a positive, not over rows; a value that stays at the margin "
                "is a collapsed embedding.",
                "Where no negative is farther than the positive, the farthest one is taken, as in TensorFlow Addons.",
                _ALONE,
                _MEMORY,
            ),
        ),
        references=(_SCHROFF,),
    )
)


def _extremes(xp: Any, away: Any, groups: Any, inside: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Distance of the farthest positive and of the nearest negative, who they are (ties share), and who has both."""
    positives, negatives = relations(xp, groups, inside)
    both = (number(xp, positives) > 0) & (number(xp, negatives) > 0)
    found = []
    for chosen, signed in ((positives, away), (negatives, -away)):
        kept = xp.where(chosen, signed, xp.zeros_like(away) - math.inf)
        most = xp.max(xp.where(xp.expand(both, -1), kept, xp.zeros_like(away)), axis=-1, keepdims=True)
        tied = xp.cast(chosen & (signed == most), away.dtype)
        found += [most[..., 0], tied / xp.at_least(xp.sum(tied, axis=-1, keepdims=True), 1.0)]
    return found[0], -found[2], found[1], found[3], both


def hard_rows(xp: Any, away: Any, groups: Any, inside: Any, margin: float, soft: bool) -> Any:
    """The triplet loss (N,) of the hardest of each row of distances (N, N)."""
    far, near, _, _, both = _extremes(xp, away, groups, inside)
    value = xp.softplus(far - near) if soft else hinge(xp, far - near + margin)
    return xp.where(both, value, xp.zeros_like(value))


def _hard(xp: Any, prediction: Any, target: Any, inside: Any, *, margin: float, soft: bool, distance: str) -> Any:
    return hard_rows(xp, apart(xp, prediction, inside, distance)[3], target, inside, margin, soft)


def _hard_gradient(
    xp: Any, prediction: Any, target: Any, inside: Any, cotangent: Any, *, margin: float, soft: bool, distance: str
) -> Any:
    y, unit, length, away = apart(xp, prediction, inside, distance)
    far, near, positive, negative, both = _extremes(xp, away, target, inside)
    rise = xp.sigmoid(far - near) if soft else hinge_slope(xp, far - near + margin)
    rise = xp.where(both, rise, xp.zeros_like(rise)) * cotangent
    return push(xp, xp.expand(rise, -1) * (positive - negative), y, unit, length, distance)


def _has_both(xp: Any, target: Any, inside: Any, **parameters: Any) -> Any:
    return _number_of_pairs(xp, target, inside) > 0


triplet_hard = register(
    Loss(
        name="triplet_hard",
        object_name="TripletHard",
        aliases=("batch_hard_triplet", "triplet_hard_loss"),
        title="Triplet, hardest of the batch",
        summary="How much farther a row's farthest positive is than its nearest negative, plus a margin.",
        task="embedding",
        layout="batch",
        value=_hard,
        gradient=_hard_gradient,
        row_weight=_has_both,
        examine=_examine,
        prediction=VECTORS,
        target=GROUPS,
        parameters=(
            _margin("How much farther away the nearest negative should be than the farthest positive."),
            Parameter(
                name="soft",
                kind="bool",
                default=False,
                meaning="log(1 + exp(difference)) in place of the hinge; the margin is not used then.",
            ),
            _DISTANCE,
        ),
        formula=r"d_{ij} = \|p_i - p_j\|, \quad \max(0, m + \max_{j \in P_i} d_{ij} - \min_{j \in N_i} d_{ij})",
        gradient_formula=r"\sum_{j} (w_{ij} + w_{ji}) \frac{p_i - p_j}{d_{ij}}",
        example=([[0.0, 0.0], [0.0, 1.0], [1.4, 0.0], [3.0, 0.0]], [0, 0, 1, 1], 0.519884),
        advice=Advice(
            use="Re-identification and retrieval with batches of a few groups with several rows each (18 groups of 4).",
            avoid="Labels are noisy: the hardest positive is then a wrong label. Take triplet_semi_hard or "
            "multi-row contrastive losses.",
            good_value="0 is every row nearer to its own group than to any other; an embedding that maps all to one "
            "point scores the margin, or ln 2 with soft=True.",
            pitfalls=(
                "A value that stays at the margin (or ln 2) is a collapsed embedding: lower the learning rate, or "
                "start with triplet_semi_hard.",
                "With squared distances large embeddings make huge gradients: normalise them, or take euclidean.",
                _ALONE,
                _MEMORY,
            ),
        ),
        references=(_HERMANS,),
    )
)


def _circle_parts(
    xp: Any, u: Any, groups: Any, inside: Any, gamma: float, margin: float, remove_diagonal: bool
) -> tuple[Any, ...]:
    """Cosine distances, before and after clipping, what each weighs in its row, the rows' exponents, who counts."""
    raw = 1 - xp.matmul(u, xp.swap(u))
    d = xp.relu0(raw)
    positives, negatives = relations(xp, groups, inside)
    if not remove_diagonal:
        here, both = diagonal(xp, groups), present(xp, inside)
        positives = positives | (here if both is None else here & both)
    top, log_near, near = chosen_softmax(xp, (margin + d) * (d - margin), positives, gamma)
    peak, log_far, far = chosen_softmax(xp, xp.relu0(1 + margin - d) * (1 - margin - d), negatives, gamma)
    counted = (number(xp, positives) > 0) & (number(xp, negatives) > 0)
    exponent = log_near + log_far + gamma * (top + peak)
    return raw, d, near, far, xp.where(counted, exponent, xp.zeros_like(exponent)), counted


def _circle(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    *,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    normalise: bool,
) -> Any:
    _, u = directions(xp, prediction, normalise)
    *_, exponent, counted = _circle_parts(xp, u, target, inside, gamma, margin, remove_diagonal)
    return xp.where(counted, xp.softplus(exponent), xp.zeros_like(exponent))


def _circle_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    inside: Any,
    cotangent: Any,
    *,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    normalise: bool,
) -> Any:
    length, u = directions(xp, prediction, normalise)
    raw, d, near, far, exponent, counted = _circle_parts(xp, u, target, inside, gamma, margin, remove_diagonal)
    rise = gamma * xp.where(counted, xp.sigmoid(exponent), xp.zeros_like(exponent)) * cotangent
    weighed = xp.cast(d < 1 + margin, d.dtype)
    slope = 2 * xp.expand(rise, -1) * (near * d - far * weighed * (1 - d)) * xp.cast(raw > 0, d.dtype)
    return pull_back(xp, -xp.matmul(slope + xp.swap(slope), u), length, u)


def _circle_counts(xp: Any, target: Any, inside: Any, *, remove_diagonal: bool, **parameters: Any) -> Any:
    positives, negatives = numbers(xp, target, inside)
    return (negatives > 0) & ((positives > 0) | (not remove_diagonal))


def _circle_examine(target: Any, inside: Any, *, remove_diagonal: bool, **parameters: Any) -> str | None:
    return lone_rows(target, inside, negatives=True) if remove_diagonal else None


circle = register(
    Loss(
        name="circle",
        object_name="Circle",
        aliases=("circle_loss",),
        title="Circle",
        summary="How far cosine distances within a group exceed those to other groups, each weighted by its own error.",
        task="embedding",
        layout="batch",
        value=_circle,
        gradient=_circle_gradient,
        row_weight=_circle_counts,
        examine=_circle_examine,
        prediction=VECTORS,
        target=GROUPS,
        parameters=(
            Parameter(
                name="gamma",
                default=80.0,
                low=0.0,
                low_included=False,
                meaning="How sharply the hardest pairs stand out.",
            ),
            Parameter(
                name="margin",
                default=0.4,
                low=0.0,
                high=1.0,
                meaning="Of relaxation: positives aim at a distance below it, negatives at one above 1 minus it.",
            ),
            Parameter(
                name="remove_diagonal",
                kind="bool",
                default=True,
                meaning="Leave out each row as a positive of its own.",
            ),
            Parameter(
                name="normalise",
                kind="bool",
                default=True,
                meaning="Compare directions; False takes the vectors for unit vectors as they are, as Keras does.",
            ),
        ),
        formula=r"d_{ij} = \max(0, 1 - \cos(p_i, p_j)), \quad L_i = \log \sum_{j \in P_i} e^{\gamma (d_{ij} + m) "
        r"(d_{ij} - m)} + \log \sum_{j \in N_i} e^{\gamma \max(0, 1 + m - d_{ij}) (1 - m - d_{ij})}, \quad "
        r"\log(1 + e^{L_i})",
        gradient_formula=r"w_{ij} = 2 \gamma \sigma(L_i) q_{ij} \begin{cases} d_{ij} & j \in P_i \\ "
        r"d_{ij} - 1 & j \in N_i, d_{ij} < 1 + m \\ 0 & \text{otherwise} \end{cases}, "
        r"\quad g = -\sum_{j} (w_{ij} + w_{ji}) \frac{p_j}{\|p_j\|}, \quad "
        r"u = \frac{p_i}{\|p_i\|}, \quad \frac{g - u (u \cdot g)}{\|p_i\|}",
        example=([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 2.0]], [0, 0, 1, 1], 3.393471),
        advice=Advice(
            use="Embeddings with labels, where pairs far from where they should be are to be pulled harder than those "
            "nearly there.",
            avoid="You need a value that reads as a distance or a probability: this one has the scale of gamma.",
            good_value="0 is perfect; an embedding that maps all to one point scores about gamma (1 - 2 margin²), "
            "more with more rows: 54 with the defaults.",
            pitfalls=(
                "Give vectors of any length: they are normalised here. Keras expects unit vectors and does not look.",
                "The weights are part of the gradient, as in Keras; other implementations hold them constant.",
                "A row without a positive or without a negative scores 0 and does not count in the mean.",
                _MEMORY,
            ),
        ),
        references=(_SUN,),
    )
)
