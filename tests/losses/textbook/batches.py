"""Losses between the rows of a batch: the textbook formulas, pair by pair; ``losses.coupled`` says what they return."""

from __future__ import annotations

from mpmath import fdot, mp, mpf


def length(x):
    return mp.sqrt(fdot(x, x))


def cosine(a, b):
    return fdot(a, b) / (length(a) * length(b))


def alike(a, b, normalise):
    return cosine(a, b) if normalise else fdot(a, b)


def apart(a, b, distance):
    d = length([x - y for x, y in zip(a, b, strict=True)])
    return d if distance == "euclidean" else d**2


def log1p_exp(x):
    return mp.log(1 + mp.exp(x))


def others(groups, i):
    """The positives and the negatives of row ``i``."""
    rest = [j for j in range(len(groups)) if j != i]
    return [j for j in rest if groups[j] == groups[i]], [j for j in rest if groups[j] != groups[i]]


def info_nce(p, t, temperature, normalise):
    def row(i):
        return [mp.exp(alike(p[i], k, normalise) / temperature) for k in t]

    return [(-mp.log(row(i)[i] / sum(row(i))), 1) for i in range(len(p))]


def clip(p, t, scale):
    there, back = info_nce(p, t, 1 / scale, True), info_nce(t, p, 1 / scale, True)
    return [((a + b) / 2, 1) for (a, _), (b, _) in zip(there, back, strict=True)]


def siglip(p, t, scale, bias):
    def pair(i, j):
        sign = 1 if i == j else -1
        return -mp.log(1 / (1 + mp.exp(sign * (-scale * cosine(p[i], t[j]) - bias))))

    return [(sum(pair(i, j) for j in range(len(t))), 1) for i in range(len(p))]


def nt_xent(p, t, temperature, normalise):
    result = []
    for i in range(len(p)):
        positives, negatives = others(t, i)
        e = [mp.exp(alike(p[i], x, normalise) / temperature) for x in p]
        against = sum((e[k] for k in negatives), mpf(0))
        result.append((sum((-mp.log(e[j] / (e[j] + against)) for j in positives), mpf(0)), len(positives)))
    return result


def supervised_contrastive(p, t, temperature, normalise):
    result = []
    for i in range(len(p)):
        positives, negatives = others(t, i)
        e = [mp.exp(alike(p[i], x, normalise) / temperature) for x in p]
        total = sum(e[k] for k in positives + negatives)
        terms = [mp.log(e[j] / total) for j in positives]
        result.append((-sum(terms) / len(terms), 1) if terms else (mpf(0), 0))
    return result


def triplet_semi_hard(p, t, margin, distance):
    result = []
    for i in range(len(p)):
        positives, negatives = others(t, i)
        d = [apart(p[i], x, distance) for x in p]
        value = mpf(0)
        for j in positives if negatives else []:
            farther = [d[k] for k in negatives if d[k] > d[j]]
            value += max(mpf(0), margin + d[j] - (min(farther) if farther else max(d[k] for k in negatives)))
        result.append((value, len(positives) if negatives else 0))
    return result


def triplet_hard(p, t, margin, soft, distance):
    result = []
    for i in range(len(p)):
        positives, negatives = others(t, i)
        d = [apart(p[i], x, distance) for x in p]
        if not positives or not negatives:
            result.append((mpf(0), 0))
            continue
        gap = max(d[j] for j in positives) - min(d[k] for k in negatives)
        result.append((log1p_exp(gap) if soft else max(mpf(0), gap + margin), 1))
    return result


def circle(p, t, gamma, margin, remove_diagonal, normalise):
    """In similarities, as in the paper: optima 1 + m and -m, boundaries 1 - m and m."""
    result = []
    for i in range(len(p)):
        positives, negatives = others(t, i)
        positives += [] if remove_diagonal else [i]
        s = [min(mpf(1), alike(p[i], x, normalise)) for x in p]
        if not positives or not negatives:
            result.append((mpf(0), 0))
            continue
        near = sum(mp.exp(-gamma * max(0, 1 + margin - s[j]) * (s[j] - (1 - margin))) for j in positives)
        far = sum(mp.exp(gamma * max(0, s[k] + margin) * (s[k] - margin)) for k in negatives)
        result.append((mp.log(1 + near * far), 1))
    return result


def cox_partial_likelihood(p, t, event, ties):
    """Efron's tied events share the mean of the terms in which they leave the risk set one after the other."""
    result = []
    for i in range(len(p)):
        risk = sum(mp.exp(p[j]) for j in range(len(p)) if t[j] >= t[i])
        tied = [mp.exp(p[j]) for j in range(len(p)) if t[j] == t[i] and event[j]]
        gone = [mpf(r) / len(tied) if ties == "efron" else mpf(0) for r in range(len(tied))]
        terms = [mp.log(risk - part * sum(tied)) for part in gone]
        result.append((sum(terms) / len(terms) - p[i], 1) if event[i] else (mpf(0), 0))
    return result


REGION = ()
BATCH = (
    *(info_nce, clip, siglip, nt_xent, supervised_contrastive),
    *(triplet_semi_hard, triplet_hard, circle, cox_partial_likelihood),
)
GRID = {
    "info_nce": [{"temperature": 0.5}, {"normalise": False, "temperature": 2.0}],
    "clip": [{"scale": 2.0}],
    "siglip": [{"scale": 3.0}, {"bias": -1.5}],
    "nt_xent": [{"temperature": 0.5}, {"normalise": False, "temperature": 2.0}],
    "supervised_contrastive": [{"temperature": 0.5}, {"normalise": False, "temperature": 2.0}],
    "triplet_semi_hard": [{"margin": 0.25}, {"distance": "squared", "margin": 3.0}],
    "triplet_hard": [{"margin": 0.25}, {"soft": True}, {"distance": "squared", "margin": 3.0}],
    "circle": [
        {"gamma": 2.0, "margin": 0.25},
        {"remove_diagonal": False, "gamma": 8.0},
        {"normalise": False, "gamma": 0.5},
    ],
    "cox_partial_likelihood": [{"ties": "breslow"}],
}
