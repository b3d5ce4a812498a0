"""Losses over a list of items: scores (…, L) against relevances (…, L), one value per list.

Three rules hold for all: items whose ``valid`` is 0 count nowhere, whatever their numbers; a list whose relevances are
all equal says nothing about an order and scores 0 with gradient 0; and pairs of items are compared in matrices of
L x L, so that no sorting is in the way of gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ..arrays.composite import mul0, over
from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import FLAGS, NONNEGATIVE, REAL
from .pairs import surprise, surprise_slope

_CAO = Reference(
    text="Z. Cao et al. (2007). Learning to rank: from pairwise approach to listwise approach. ICML",
    link="https://doi.org/10.1145/1273496.1273513",
)
_XIA = Reference(
    text="F. Xia et al. (2008). Listwise approach to learning to rank: theory and algorithm. ICML",
    link="https://doi.org/10.1145/1390156.1390306",
)
_BURGES = Reference(
    text="C. Burges et al. (2005). Learning to rank using gradient descent. ICML",
    link="https://doi.org/10.1145/1102351.1102363",
)
_LAMBDA = Reference(
    text="C. J. C. Burges (2010). From RankNet to LambdaRank to LambdaMART: an overview. MSR-TR-2010-82",
    link="https://www.microsoft.com/en-us/research/publication/from-ranknet-to-lambdarank-to-lambdamart-an-overview/",
)
_QIN = Reference(
    text="T. Qin, T. Liu, H. Li (2010). A general approximation framework for direct optimization of IR measures",
    link="https://doi.org/10.1007/s10791-009-9124-x",
)
_UNLESS = "0 marks items that only fill the list up; by default all items count."
_VALID = (Extra(name="valid", domain=FLAGS, shape="prediction", required=False, meaning=_UNLESS),)
_SCALE = Parameter(
    name="scale",
    default=1.0,
    low=0.0,
    low_included=False,
    meaning="How fast the probability that one item beats another grows with the difference of their scores.",
)
_PADDING = "Lists of different lengths need valid=: items that fill up would be learned as irrelevant ones."
_GAINS = "Gains are 2^relevance - 1: grades 0 … 4, not counts of clicks. Give items that fill up relevance 0."
_LN2 = math.log(2)


class Lists(NamedTuple):
    """Lists with what does not count replaced by 0."""

    scores: Any
    relevance: Any
    inside: Any  # booleans (…, L): items that count
    flat: Any  # booleans (…, 1): lists without an order
    poison: Any  # (…, 1): NaN where a score or relevance that counts is NaN, otherwise 0


def _lists(xp: Any, prediction: Any, target: Any, valid: Any) -> Lists:
    zeros = xp.zeros_like(target)
    inside = zeros == 0 if valid is None else valid > 0
    below = zeros - math.inf
    high = xp.max(xp.where(inside, target, below), axis=-1, keepdims=True)
    low = -xp.max(xp.where(inside, -target, below), axis=-1, keepdims=True)
    flat = high <= low
    scores = xp.where(inside & (high > low), prediction, zeros)
    worst = high + 0 * xp.stop_gradient(xp.max(xp.sign0(scores), axis=-1, keepdims=True))  # NaN if any is
    poison = xp.where(xp.isnan(worst), worst, xp.zeros_like(high))
    return Lists(scores, xp.where(inside, target, zeros), inside, flat, poison)


def _value(xp: Any, lists: Lists, value: Any) -> Any:
    """Return one value per list: 0 for a list without an order."""
    return xp.where(lists.flat, xp.zeros_like(value), value + lists.poison)[..., 0]


def _slope(xp: Any, lists: Lists, slope: Any) -> Any:
    """Return the gradient: 0 for items that do not count and lists without an order."""
    return xp.where(lists.inside & ~lists.flat, slope + lists.poison, xp.zeros_like(slope))


def _rows(xp: Any, x: Any) -> tuple[Any, Any]:
    """Return ``x`` of item i and of item j in matrices [i, j]; the two broadcast against each other."""
    return xp.expand(x, -1), xp.expand(x, -2)


def _pairs(xp: Any, lists: Lists) -> Any:
    """Booleans [i, j]: item i is more relevant than item j, and both count."""
    (more, less), (one, other) = _rows(xp, lists.relevance), _rows(xp, lists.inside)
    return (more > less) & one & other


def _before(xp: Any, x: Any) -> Any:
    """Booleans [i, j]: item j stands before item i when sorted by falling ``x``, ties in given order."""
    (mine, theirs), (my_place, their_place) = _rows(xp, x), _rows(xp, xp.positions(x))
    return (theirs > mine) | ((theirs == mine) & (their_place < my_place))


def _rank(xp: Any, lists: Lists, x: Any) -> Any:
    """Rank, from 1, of each item by falling ``x`` among those that count."""
    return 1 + xp.sum(xp.cast(_before(xp, x) & xp.expand(lists.inside, -2), x.dtype), axis=-1)


def _list_net_parts(xp: Any, prediction: Any, target: Any, valid: Any) -> tuple[Lists, Any, Any]:
    lists = _lists(xp, prediction, target, valid)
    below = xp.zeros_like(target) - math.inf
    shown = lists.inside | lists.flat
    wanted = xp.softmax(xp.where(shown, lists.relevance, below))
    return lists, wanted, xp.where(shown, lists.scores, below)


def _list_net(xp: Any, prediction: Any, target: Any, *, valid: Any) -> Any:
    lists, wanted, scores = _list_net_parts(xp, prediction, target, valid)
    return _value(xp, lists, -xp.sum(mul0(xp, wanted, xp.log_softmax(scores)), axis=-1, keepdims=True))


def _list_net_gradient(xp: Any, prediction: Any, target: Any, *, valid: Any) -> Any:
    lists, wanted, scores = _list_net_parts(xp, prediction, target, valid)
    return _slope(xp, lists, xp.softmax(scores) - wanted)


list_net = register(
    Loss(
        name="list_net",
        object_name="ListNet",
        aliases=("listnet",),
        title="ListNet",
        summary="Cross-entropy, in nats, between the softmax of the relevances and the softmax of the scores.",
        task="ranking",
        layout="row",
        value=_list_net,
        gradient=_list_net_gradient,
        prediction=REAL,
        target=REAL,
        extras=_VALID,
        formula=r"-\sum_{i} q_i (p_i - \log \sum_{j} e^{p_j}), \quad q = \operatorname{softmax}(t)",
        gradient_formula=r"\operatorname{softmax}(p)_i - q_i",
        example=([[2.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], 1.043431),
        advice=Advice(
            use="Graded lists of moderate length; cheap, smooth, and the first thing to try.",
            avoid="Only the top of the list counts (lambda_rank, approx_ndcg).",
            good_value="The entropy of softmax(relevances) is the least, ln L a model that gives all the same score.",
            pitfalls=(
                "Relevances pass through a softmax: grades 0 … 4 as they are; multiply them to sharpen.",
                "Others divide the relevances by their sum instead: for that use softmax_cross_entropy.",
                _PADDING,
            ),
        ),
        references=(_CAO,),
    )
)


def _steps(xp: Any, lists: Lists) -> tuple[Any, Any]:
    """Scores [i, j] of the items j that are left when item i is chosen, and which [i, j] is item i itself."""
    my_place, their_place = _rows(xp, xp.positions(lists.scores))
    self = my_place == their_place
    left = ~_before(xp, lists.relevance) & xp.expand(lists.inside, -2) | self
    scores = xp.expand(lists.scores, -2) + 0 * xp.expand(lists.scores, -1)
    return xp.where(left, scores, xp.zeros_like(scores) - math.inf), self


def _list_mle(xp: Any, prediction: Any, target: Any, *, valid: Any) -> Any:
    lists = _lists(xp, prediction, target, valid)
    scores, self = _steps(xp, lists)
    log_p = xp.log_softmax(scores)
    surprises = -xp.sum(xp.where(self, log_p, xp.zeros_like(log_p)), axis=-1)
    surprises = xp.where(lists.inside, surprises, xp.zeros_like(surprises))
    return _value(xp, lists, xp.sum(surprises, axis=-1, keepdims=True))


def _list_mle_gradient(xp: Any, prediction: Any, target: Any, *, valid: Any) -> Any:
    lists = _lists(xp, prediction, target, valid)
    p = xp.softmax(_steps(xp, lists)[0])
    p = xp.where(xp.expand(lists.inside, -1), p, xp.zeros_like(p))
    return _slope(xp, lists, xp.sum(p, axis=-2) - 1)


list_mle = register(
    Loss(
        name="list_mle",
        object_name="ListMLE",
        aliases=("listmle", "plackett_luce"),
        title="ListMLE",
        summary="Surprise, in nats, of the relevance order when items are drawn one by one by softmax of their scores.",
        task="ranking",
        layout="row",
        value=_list_mle,
        gradient=_list_mle_gradient,
        prediction=REAL,
        target=REAL,
        extras=_VALID,
        formula=r"\sum_{i} (\log \sum_{j \ge i} e^{p_j} - p_i), \quad t_1 \ge t_2 \ge \dots \ge t_L",
        gradient_formula=r"\sum_{i \le k} \frac{e^{p_k}}{\sum_{j \ge i} e^{p_j}} - 1",
        example=([[2.0, 1.0, 0.0]], [[2.0, 1.0, 0.0]], 0.720868),
        advice=Advice(
            use="Whole orders are known (rankings by people, finishing orders), or graded lists with few ties.",
            avoid="Most items share one relevance: their given order would be learned as if it meant something.",
            good_value="ln L! is a model that gives all the same score: 1.792 for 3 items, 15.104 for 10.",
            pitfalls=(
                "It is the sum over items: longer lists cost more and weigh more.",
                "Items of equal relevance count in the order in which they are given: shuffle them.",
                _PADDING,
            ),
        ),
        references=(_XIA,),
    )
)


def _over_pairs(weights_of: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Value and gradient of the sum over pairs [i, j] of the weighted surprise that item i beats item j."""

    def parts(xp: Any, prediction: Any, target: Any, valid: Any, scale: float) -> tuple[Lists, Any, Any]:
        lists = _lists(xp, prediction, target, valid)
        weights = weights_of(xp, lists)
        mine, theirs = _rows(xp, lists.scores)
        return lists, weights, xp.where(weights > 0, scale * (mine - theirs), xp.zeros_like(weights))

    def value(xp: Any, prediction: Any, target: Any, *, valid: Any, scale: float) -> Any:
        lists, weights, gap = parts(xp, prediction, target, valid, scale)
        return _value(xp, lists, xp.expand(xp.sum(xp.sum(weights * surprise(xp, gap), axis=-1), axis=-1), -1))

    def gradient(xp: Any, prediction: Any, target: Any, *, valid: Any, scale: float) -> Any:
        lists, weights, gap = parts(xp, prediction, target, valid, scale)
        push = scale * weights * surprise_slope(xp, gap)
        return _slope(xp, lists, xp.sum(push, axis=-1) - xp.sum(push, axis=-2))

    return value, gradient


def _even_weights(xp: Any, lists: Lists) -> Any:
    pairs = xp.cast(_pairs(xp, lists), lists.scores.dtype)
    count = xp.sum(xp.sum(pairs, axis=-1), axis=-1)
    return pairs / xp.expand(xp.expand(xp.at_least(count, 1.0), -1), -1)


_rank_net, _rank_net_gradient = _over_pairs(_even_weights)
rank_net = register(
    Loss(
        name="rank_net",
        object_name="RankNet",
        aliases=("ranknet",),
        title="RankNet",
        summary="Mean surprise, in nats, over the pairs of a list, that the more relevant item beats the other one.",
        task="ranking",
        layout="row",
        value=_rank_net,
        gradient=_rank_net_gradient,
        prediction=REAL,
        target=REAL,
        extras=_VALID,
        parameters=(_SCALE,),
        formula=r"\frac{1}{n} \sum_{t_i > t_j} \log(1 + e^{-\kappa (p_i - p_j)})",
        gradient_formula=r"\frac{\kappa}{n} (\sum_{t_i > t_k} \frac{1}{1 + e^{\kappa (p_i - p_k)}} "
        r"- \sum_{t_k > t_j} \frac{1}{1 + e^{\kappa (p_k - p_j)}})",
        example=([[2.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], 0.220095),
        advice=Advice(
            use="Every pair in the right order counts the same, as in the area under the ROC curve.",
            avoid="Only the top of the list counts (lambda_rank).",
            good_value="ln 2 = 0.693 is a model that scores all the same; exp(-loss) the chance of a right order.",
            pitfalls=(
                "It is the mean over the n pairs of a list, so that each list counts the same; others take the sum.",
                "Items of equal relevance make no pair.",
                _PADDING,
            ),
        ),
        references=(_BURGES,),
    )
)


def _gains(xp: Any, lists: Lists) -> Any:
    """Gains ``2^t - 1`` over the best possible discounted sum: what an item adds to the NDCG at discount 1."""
    top = xp.max(lists.relevance, axis=-1, keepdims=True)
    gain = -xp.exp(_LN2 * (lists.relevance - top)) * xp.expm1(-_LN2 * lists.relevance)  # in units of 2^top
    gain = xp.where(lists.inside, gain, xp.zeros_like(gain))
    ideal = xp.sum(gain * _discount(xp, _rank(xp, lists, lists.relevance)), axis=-1, keepdims=True)
    return over(xp, gain, ideal + xp.zeros_like(gain))


def _discount(xp: Any, rank: Any) -> Any:
    return _LN2 / xp.log1p(rank)


def _swap_weights(xp: Any, lists: Lists) -> Any:
    """How much the NDCG changes when items i and j swap places; 0 unless i is the more relevant one."""
    gain, other_gain = _rows(xp, _gains(xp, lists))
    discount, other_discount = _rows(xp, _discount(xp, _rank(xp, lists, xp.stop_gradient(lists.scores))))
    change = xp.abs0((gain - other_gain) * (discount - other_discount))
    return xp.where(_pairs(xp, lists), change, xp.zeros_like(change))


_lambda_rank, _lambda_rank_gradient = _over_pairs(_swap_weights)
lambda_rank = register(
    Loss(
        name="lambda_rank",
        object_name="LambdaRank",
        aliases=("lambdarank", "lambda_loss"),
        title="LambdaRank",
        summary="RankNet with each pair weighted by how much swapping the two would change the NDCG.",
        task="ranking",
        layout="row",
        value=_lambda_rank,
        gradient=_lambda_rank_gradient,
        prediction=REAL,
        target=NONNEGATIVE,
        extras=_VALID,
        parameters=(_SCALE,),
        formula=r"\sum_{t_i > t_j} w_{i j} \log(1 + e^{-\kappa (p_i - p_j)}), \quad "
        r"w_{i j} = \frac{1}{Z} |2^{t_i} - 2^{t_j}| |\frac{1}{\log_2(1 + r_i)} - \frac{1}{\log_2(1 + r_j)}|",
        gradient_formula=r"\kappa (\sum_{t_i > t_k} \frac{w_{i k}}{1 + e^{\kappa (p_i - p_k)}} "
        r"- \sum_{t_k > t_j} \frac{w_{k j}}{1 + e^{\kappa (p_k - p_j)}})",
        example=([[2.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], 0.17908),
        advice=Advice(
            use="Search and recommendation, where the NDCG judges and the top counts most.",
            avoid="The value is to be read: it depends on the current order (report the NDCG).",
            good_value="Values compare only at one order of the items; watch the NDCG beside it.",
            pitfalls=(
                "The weights count as constants in the gradient; at ties of scores the given order decides the ranks.",
                "It is the sum over pairs, as in LightGBM, whose normalisation by list is left out.",
                _GAINS,
                _PADDING,
            ),
        ),
        references=(_LAMBDA,),
    )
)


def _soft_rank(xp: Any, lists: Lists, temperature: float) -> tuple[Any, Any]:
    """Smoothed rank of each item, and the matrix [i, j] of its slopes with respect to the other items' scores."""
    mine, theirs = _rows(xp, lists.scores)
    my_place, their_place = _rows(xp, xp.positions(lists.scores))
    gap = (theirs - mine) / temperature
    ahead = xp.expand(lists.inside, -2) & (my_place != their_place)
    p, zeros = xp.sigmoid(gap), xp.zeros_like(gap)
    slope = xp.where(ahead, p * xp.sigmoid(-gap) / temperature, zeros)
    return 1 + xp.sum(xp.where(ahead, p, zeros), axis=-1), slope


def _approx_ndcg(xp: Any, prediction: Any, target: Any, *, valid: Any, temperature: float) -> Any:
    lists = _lists(xp, prediction, target, valid)
    rank, _ = _soft_rank(xp, lists, temperature)
    return _value(xp, lists, 1 - xp.sum(_gains(xp, lists) * _discount(xp, rank), axis=-1, keepdims=True))


def _approx_ndcg_gradient(xp: Any, prediction: Any, target: Any, *, valid: Any, temperature: float) -> Any:
    lists = _lists(xp, prediction, target, valid)
    rank, slope = _soft_rank(xp, lists, temperature)
    cost = xp.expand(_gains(xp, lists) * _LN2 / ((1 + rank) * xp.log1p(rank) * xp.log1p(rank)), -1)  # of a rank more
    push = cost * slope
    return _slope(xp, lists, xp.sum(push, axis=-2) - xp.sum(push, axis=-1))


approx_ndcg = register(
    Loss(
        name="approx_ndcg",
        object_name="ApproxNDCG",
        aliases=("approxndcg", "soft_ndcg"),
        title="ApproxNDCG",
        summary="One minus a smooth NDCG, with ranks counted by sigmoids of score differences.",
        task="ranking",
        layout="row",
        value=_approx_ndcg,
        gradient=_approx_ndcg_gradient,
        prediction=REAL,
        target=NONNEGATIVE,
        extras=_VALID,
        parameters=(
            Parameter(
                name="temperature",
                default=0.1,
                low=0.0,
                low_included=False,
                meaning="Score difference over which ranks blur: towards 0 the NDCG itself, without any gradient.",
            ),
        ),
        formula=r"1 - \frac{1}{Z} \sum_{i} \frac{2^{t_i} - 1}{\log_2(1 + r_i)}, \quad "
        r"r_i = 1 + \sum_{j \ne i} \sigma(\frac{p_j - p_i}{\tau})",
        gradient_formula=r"\sum_{i \ne k} (c_i - c_k) \frac{1}{\tau} \sigma(\frac{p_i - p_k}{\tau}) "
        r"\sigma(\frac{p_k - p_i}{\tau}), \quad c_i = \frac{(2^{t_i} - 1) \ln 2}{Z (1 + r_i) {(\ln(1 + r_i))}^2}",
        example=([[2.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], 3.3e-05),
        advice=Advice(
            use="The NDCG judges, and a value is wanted that can be read as one.",
            avoid="Training starts from scratch: scores far apart have no gradient (start with list_net).",
            good_value="0 is the ideal order; 1 - loss is close to the NDCG.",
            pitfalls=(
                "It is bounded and not convex: it can get stuck, and outlying scores stop learning.",
                _GAINS,
                _PADDING,
            ),
        ),
        references=(_QIN,),
    )
)
