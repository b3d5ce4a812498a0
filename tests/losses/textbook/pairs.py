"""Pairs, rankings, boxes, preferences and survival: the textbook formulas."""

from __future__ import annotations

from mpmath import inf, mp, mpf


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _minus(a, b, epsilon=0):
    return [x - y + epsilon for x, y in zip(a, b, strict=True)]


def _surprise(gap):
    return mp.log(1 + mp.exp(-gap))


# --- pairs -----------------------------------------------------------------------------------------------------------
def margin_ranking(p, t, other, margin):
    return max(mpf(0), margin - t * (p - other))


def cosine_embedding(p, t, other, margin, epsilon):
    cosine = _dot(p, other) / mp.sqrt((_dot(p, p) + epsilon) * (_dot(other, other) + epsilon))
    return 1 - cosine if t == 1 else max(mpf(0), cosine - margin)


def contrastive(p, t, other, margin):
    apart = _minus(p, other)
    distance = mp.sqrt(_dot(apart, apart))
    return distance**2 / 2 if t else max(mpf(0), margin - distance) ** 2 / 2


def _norm(x, power):
    return max(map(abs, x)) if power == inf else sum(abs(a) ** power for a in x) ** (1 / mpf(power))


def triplet_margin(p, t, negative, margin, power, epsilon, swap):
    far = _norm(_minus(p, negative, epsilon), power)
    if swap:
        far = min(far, _norm(_minus(t, negative, epsilon), power))
    return max(mpf(0), margin + _norm(_minus(p, t, epsilon), power) - far)


def bayesian_personalised_ranking(p, t):
    return _surprise(p - t)


# --- rankings: valid items only, from the definitions over the sorted list -----------------------------------------
def _valid(p, t, valid):
    keep = [i for i, v in enumerate(valid) if v]
    return [p[i] for i in keep], [t[i] for i in keep]


def _order(x):
    return sorted(range(len(x)), key=lambda i: (-x[i], i))


def list_net(p, t, valid):
    p, t = _valid(p, t, valid)
    if len(set(t)) < 2:
        return mpf(0)
    share = [mp.exp(x) / sum(map(mp.exp, t)) for x in t]
    return -sum(q * mp.log(mp.exp(x) / sum(map(mp.exp, p))) for q, x in zip(share, p, strict=True))


def list_mle(p, t, valid):
    p, t = _valid(p, t, valid)
    if len(set(t)) < 2:
        return mpf(0)
    drawn = [mp.exp(p[i]) for i in _order(t)]
    return -sum(mp.log(x / sum(drawn[i:])) for i, x in enumerate(drawn))


def _pairs(t):
    return [(i, j) for i in range(len(t)) for j in range(len(t)) if t[i] > t[j]]


def rank_net(p, t, valid, scale):
    p, t = _valid(p, t, valid)
    pairs = _pairs(t)
    return sum(_surprise(scale * (p[i] - p[j])) for i, j in pairs) / len(pairs) if pairs else mpf(0)


def _discounts(x):
    """The discount of each item when sorted by ``x``."""
    places = {i: place for place, i in enumerate(_order(x), 1)}
    return [1 / mp.log(1 + places[i], 2) for i in range(len(x))]


def _best(t):
    return _dot([2**x - 1 for x in t], _discounts(t))


def lambda_rank(p, t, valid, scale):
    p, t = _valid(p, t, valid)
    d = _discounts(p)
    return sum(
        abs((2 ** t[i] - 2 ** t[j]) * (d[i] - d[j])) / _best(t) * _surprise(scale * (p[i] - p[j])) for i, j in _pairs(t)
    ) + mpf(0)


def approx_ndcg(p, t, valid, temperature):
    p, t = _valid(p, t, valid)
    if len(set(t)) < 2:
        return mpf(0)
    ranks = [mpf(1) / 2 + sum(1 / (1 + mp.exp((x - y) / temperature)) for y in p) for x in p]  # 1/2 is the item itself
    return 1 - sum((2**x - 1) / mp.log(1 + r, 2) for x, r in zip(t, ranks, strict=True)) / _best(t)


# --- boxes -----------------------------------------------------------------------------------------------------------
def _areas(p, t):
    """Intersection, union and enclosing box's sides."""
    sides = [max(mpf(0), min(p[i + 2], t[i + 2]) - max(p[i], t[i])) for i in (0, 1)]
    hull = [max(p[i + 2], t[i + 2]) - min(p[i], t[i]) for i in (0, 1)]
    common = sides[0] * sides[1]
    union = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (p, t)) - common
    return common, union, hull


def iou_loss(p, t, epsilon):
    common, union, _ = _areas(p, t)
    return 1 - common / (union + epsilon)


def giou_loss(p, t, epsilon):
    _, union, (width, height) = _areas(p, t)
    return iou_loss(p, t, epsilon) + (width * height - union) / (width * height + epsilon)


def diou_loss(p, t, epsilon):
    _, _, (width, height) = _areas(p, t)
    shift = [(p[i] + p[i + 2] - t[i] - t[i + 2]) / 2 for i in (0, 1)]
    return iou_loss(p, t, epsilon) + _dot(shift, shift) / (width**2 + height**2 + epsilon)


def _aspect(p, t):
    lean = [mp.atan((b[2] - b[0]) / (b[3] - b[1])) for b in (p, t)]
    return 4 / mp.pi**2 * (lean[0] - lean[1]) ** 2


def ciou_loss(p, t, epsilon):
    here = [mpf(float(x)) for x in p]  # without the step of the difference quotient: the factor is a constant in it
    factor = _aspect(here, t) / (iou_loss(here, t, epsilon) + _aspect(here, t) + epsilon)
    return diou_loss(p, t, epsilon) + factor * _aspect(p, t)


# --- preferences -----------------------------------------------------------------------------------------------------
def _lead(p, t):
    return (p[0] - p[1]) - (t[0] - t[1])


def dpo(p, t, beta, label_smoothing):
    h = beta * _lead(p, t)
    return (1 - label_smoothing) * _surprise(h) + label_smoothing * _surprise(-h)


def ipo(p, t, beta):
    return (_lead(p, t) - 1 / (2 * beta)) ** 2


def simpo(p, t, beta, gamma):
    return _surprise(beta * (p - t) - gamma)


def orpo_odds_ratio(p, t):
    odds = [mp.exp(x) / (1 - mp.exp(x)) for x in (p, t)]
    return _surprise(mp.log(odds[0] / odds[1]))


def bradley_terry(p, t, margin):
    return _surprise(p - t - margin)


def kto(p, t, beta, reference_point, desirable_weight, undesirable_weight):
    value = 1 / (1 + mp.exp(-beta * t * (p - reference_point)))
    return (desirable_weight if t == 1 else undesirable_weight) * (1 - value)


# --- survival --------------------------------------------------------------------------------------------------------
def discrete_time_survival(p, t, event):
    hazards, at = [1 / (1 + mp.exp(-x)) for x in p], t.index(1)
    survival = mp.fprod(1 - h for h in hazards[:at])
    return -mp.log(survival * (hazards[at] if event else 1 - hazards[at]))


ELEMENT = (
    margin_ranking,
    bayesian_personalised_ranking,
    simpo,
    orpo_odds_ratio,
    bradley_terry,
    kto,
)
ROW = (
    cosine_embedding,
    contrastive,
    triplet_margin,
    list_net,
    list_mle,
    rank_net,
    lambda_rank,
    approx_ndcg,
    iou_loss,
    giou_loss,
    diou_loss,
    ciou_loss,
    dpo,
    ipo,
    discrete_time_survival,
)
WEIGHTED = ()
GRID: dict[str, list[dict]] = {
    "margin_ranking": [{"margin": 0.75}],
    "cosine_embedding": [{"margin": 0.25}, {"margin": -0.5, "epsilon": 1e-12}, {"epsilon": 0.5}],
    "contrastive": [{"margin": 6.0}],
    "triplet_margin": [
        {"margin": 4.0, "epsilon": 0.0},
        {"margin": 3.0, "power": 1.0},
        {"margin": 3.0, "power": 1.5, "swap": True},
        {"margin": 3.0, "power": 3.0, "epsilon": 0.25},
        {"margin": 3.0, "power": float("inf")},
        {"margin": 3.0, "swap": True},
    ],
    "rank_net": [{"scale": 2.5}],
    "lambda_rank": [{"scale": 0.5}],
    "approx_ndcg": [{"temperature": 2.0}],
    **{name: [{"epsilon": 0.3}, {"epsilon": 1e-7}] for name in ("iou_loss", "giou_loss", "diou_loss", "ciou_loss")},
    "dpo": [{"beta": 0.4, "label_smoothing": 0.2}],
    "ipo": [{"beta": 0.6}],
    "simpo": [{"beta": 0.7, "gamma": 0.3}],
    "bradley_terry": [{"margin": 0.8}],
    "kto": [{"beta": 0.5, "reference_point": 0.4, "desirable_weight": 1.5, "undesirable_weight": 0.75}],
}
