"""Classification: the textbook formulas."""

from __future__ import annotations

from mpmath import mp, mpf

COUNTS = (100.0, 10.0, 40.0)
CLASS_WEIGHT = (0.5, 2.0, 1.25)


def _log(p):
    return max(mp.log(p), mpf(-100)) if p > 0 else mpf(-100)


def _softmax(z):
    norm = sum(mp.exp(x) for x in z)
    return [mp.exp(x) / norm for x in z]


def _weights(class_weight, classes):
    return [mpf(1)] * classes if class_weight is None else [mpf(float(x)) for x in class_weight]


def _over_classes(scores, t, label_smoothing, class_weight):
    """Sum over the classes of weight times smoothed target times score."""
    q = [(1 - label_smoothing) * x + mpf(label_smoothing) / len(t) for x in t]
    return sum(w * a * b for w, a, b in zip(_weights(class_weight, len(t)), q, scores, strict=True))


def _softmax_cross_entropy(z, t, label_smoothing, class_weight):
    return _over_classes([-mp.log(s) for s in _softmax(z)], t, label_smoothing, class_weight)


def negative_log_likelihood(p, t, label_smoothing, class_weight):
    return _over_classes([-x for x in p], t, label_smoothing, class_weight)


def _focal(p, t, gamma, alpha, label_smoothing, epsilon):
    t = t * (1 - label_smoothing) + mpf(label_smoothing) / 2
    inner = min(max(p, epsilon), 1 - epsilon)
    balance = 1 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    right = p * t + (1 - p) * (1 - t)
    return balance * (1 - right) ** gamma * (-t * _log(inner) - (1 - t) * _log(1 - inner))


def binary_focal(p, t, gamma, alpha, label_smoothing, epsilon):
    return _focal(p, t, gamma, alpha, label_smoothing, epsilon)


def sigmoid_focal(p, t, gamma, alpha, label_smoothing):
    return _focal(1 / (1 + mp.exp(-p)), t, gamma, alpha, label_smoothing, mpf(0))


def categorical_focal(p, t, gamma, label_smoothing, class_weight, epsilon):
    p = [min(max(x, epsilon), 1 - epsilon) for x in p]
    return _over_classes([-((1 - x) ** gamma) * _log(x) for x in p], t, label_smoothing, class_weight)


def softmax_focal(p, t, gamma, label_smoothing, class_weight):
    return _over_classes([-((1 - s) ** gamma) * mp.log(s) for s in _softmax(p)], t, label_smoothing, class_weight)


def asymmetric(p, t, gamma_positive, gamma_negative, clip):
    yes = 1 / (1 + mp.exp(-p))
    shifted = max(yes - clip, mpf(0))
    positive = (1 - yes) ** gamma_positive * mp.log(yes)
    negative = shifted**gamma_negative * mp.log(1 - shifted)
    return -t * positive - (1 - t) * negative


def generalised_cross_entropy(p, t, q, class_weight):
    return _over_classes([(1 - x**q) / q for x in p], t, 0, class_weight)


def poly_cross_entropy(p, t, epsilon, class_weight):
    return _over_classes([-mp.log(s) + epsilon * (1 - s) for s in _softmax(p)], t, 0, class_weight)


def soft_margin(p, t):
    return mp.log(1 + mp.exp(-t * p))


def exponential(p, t):
    return mp.exp(-t * p)


def perceptron(p, t):
    return max(mpf(0), -t * p)


def hinge_embedding(p, t, margin):
    return p if t == 1 else max(mpf(0), margin - p)


def multi_margin(p, t, margin, squared, class_weight):
    true = t.index(1)
    short = [max(mpf(0), margin - p[true] + x) for i, x in enumerate(p) if i != true]
    return _weights(class_weight, len(p))[true] * sum(x**2 if squared else x for x in short) / len(p)


def multilabel_margin(p, t):
    present, absent = ([x for x, there in zip(p, t, strict=True) if there == k] for k in (1, 0))
    return sum(max(mpf(0), 1 - a + b) for a in present for b in absent) / len(p)


def multilabel_soft_margin(p, t, class_weight):
    yes = [1 / (1 + mp.exp(-x)) for x in p]
    terms = [-a * mp.log(y) - (1 - a) * mp.log(1 - y) for a, y in zip(t, yes, strict=True)]
    return sum(w * x for w, x in zip(_weights(class_weight, len(p)), terms, strict=True)) / len(p)


def _turned(cosine, margin):
    angle = mp.acos(cosine) + margin
    return mp.cos(angle) if angle < mp.pi else cosine - margin * mp.sin(margin)


def angular_margin(p, t, margin, scale, label_smoothing, class_weight):
    logits = [scale * ((1 - a) * x + a * _turned(x, margin)) for x, a in zip(p, t, strict=True)]
    return _softmax_cross_entropy(logits, t, label_smoothing, class_weight)


def cosine_margin(p, t, margin, scale, label_smoothing, class_weight):
    logits = [scale * (x - margin * a) for x, a in zip(p, t, strict=True)]
    return _softmax_cross_entropy(logits, t, label_smoothing, class_weight)


def _adjusted(p, prior, tau):
    return p if prior is None else [x + tau * mp.log(mpf(n)) for x, n in zip(p, prior, strict=True)]


def logit_adjusted(p, t, class_prior, tau, label_smoothing, class_weight):
    return _softmax_cross_entropy(_adjusted(p, class_prior, tau), t, label_smoothing, class_weight)


def balanced_softmax(p, t, class_count, label_smoothing, class_weight):
    return _softmax_cross_entropy(_adjusted(p, class_count, 1), t, label_smoothing, class_weight)


def ldam(p, t, class_count, max_margin, scale, label_smoothing, class_weight):
    raw = [1 / mp.sqrt(mp.sqrt(n)) for n in class_count or [1] * len(p)]
    margins = [max_margin * x / max(raw) for x in raw]
    logits = [scale * (x - m * a) for x, m, a in zip(p, margins, t, strict=True)]
    return _softmax_cross_entropy(logits, t, label_smoothing, class_weight)


def _answer(z, yes):
    return -mp.log(1 / (1 + mp.exp(-z if yes else z)))


def coral(p, t):
    return sum(_answer(z, t > k) for k, z in enumerate(p))


def corn(p, t):
    """The chance of rank t: above 0, 1, … t-1 and then not above t."""
    chance = mpf(1)
    for k, z in enumerate(p):
        above = 1 / (1 + mp.exp(-z))
        if t > k:
            chance *= above
        elif t == k:
            chance *= 1 - above
    return -mp.log(chance)


def _softened(p, t, temperature):
    return _softmax([x / temperature for x in p]), _softmax([x / temperature for x in t])


def _kl(a, b):
    return sum(x * mp.log(x / y) for x, y in zip(a, b, strict=True))


def distillation_kl(p, t, temperature):
    student, teacher = _softened(p, t, temperature)
    return temperature**2 * _kl(teacher, student)


def distillation_jsd(p, t, temperature, beta):
    student, teacher = _softened(p, t, temperature)
    mixture = [beta * b + (1 - beta) * a for a, b in zip(student, teacher, strict=True)]
    return beta * _kl(teacher, mixture) + (1 - beta) * _kl(student, mixture)


def distillation_total_variation(p, t, temperature):
    student, teacher = _softened(p, t, temperature)
    return sum(abs(a - b) for a, b in zip(student, teacher, strict=True)) / 2


ELEMENT = (
    binary_focal,
    sigmoid_focal,
    asymmetric,
    soft_margin,
    exponential,
    perceptron,
    hinge_embedding,
)
ROW = (
    negative_log_likelihood,
    categorical_focal,
    softmax_focal,
    generalised_cross_entropy,
    poly_cross_entropy,
    multi_margin,
    multilabel_margin,
    multilabel_soft_margin,
    angular_margin,
    cosine_margin,
    logit_adjusted,
    balanced_softmax,
    ldam,
    coral,
    corn,
    distillation_kl,
    distillation_jsd,
    distillation_total_variation,
)
PER_ROW = ("multi_margin", "multilabel_soft_margin")  # take class weights, but a row counts 1 in their mean
WEIGHTED = (
    "negative_log_likelihood",
    "categorical_focal",
    "softmax_focal",
    "generalised_cross_entropy",
    "poly_cross_entropy",
    "angular_margin",
    "cosine_margin",
    "logit_adjusted",
    "balanced_softmax",
    "ldam",
    *PER_ROW,
)
_LABELLED = [{"label_smoothing": 0.1}, {"class_weight": CLASS_WEIGHT}]
_FOCAL = [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 1.0}, {"gamma": 3.5}]
GRID: dict[str, list[dict]] = {
    "negative_log_likelihood": _LABELLED,
    "sigmoid_focal": [
        *_FOCAL,
        {"alpha": 0.25},
        {"label_smoothing": 0.2},
        {"gamma": 1.5, "alpha": 0.75, "label_smoothing": 0.1},
    ],
    "binary_focal": [
        *_FOCAL,
        {"alpha": 0.25},
        {"label_smoothing": 0.2},
        {"epsilon": 0.2},
        {"gamma": 1.5, "alpha": 0.75, "label_smoothing": 0.1, "epsilon": 0.1},
    ],
    "softmax_focal": [*_FOCAL, *_LABELLED, {"gamma": 1.5, "label_smoothing": 0.2, "class_weight": CLASS_WEIGHT}],
    "categorical_focal": [
        *_FOCAL,
        *_LABELLED,
        {"gamma": 1.5, "label_smoothing": 0.2, "class_weight": CLASS_WEIGHT, "epsilon": 0.25},
    ],
    "asymmetric": [
        {"clip": 0.0},
        {"gamma_positive": 0.0, "gamma_negative": 0.0},
        {"gamma_positive": 0.5, "gamma_negative": 0.5, "clip": 0.2},
        {"gamma_positive": 2.5, "gamma_negative": 1.0, "clip": 0.0},
    ],
    "generalised_cross_entropy": [{"q": 0.01}, {"q": 1.0}, {"q": 0.5, "class_weight": CLASS_WEIGHT}],
    "poly_cross_entropy": [{"epsilon": -1.0}, {"epsilon": 2.0, "class_weight": CLASS_WEIGHT}],
    "hinge_embedding": [{"margin": 3.0}],
    "multi_margin": [{"margin": 0.5}, {"squared": True}, {"class_weight": CLASS_WEIGHT, "squared": True}],
    "multilabel_soft_margin": [{"class_weight": CLASS_WEIGHT}],
    "angular_margin": [*_LABELLED, {"margin": 0.0}, {"margin": 1.2, "scale": 8.0}, {"margin": 2.8, "scale": 3.0}],
    "cosine_margin": [*_LABELLED, {"margin": 0.1, "scale": 8.0}],
    "logit_adjusted": [*_LABELLED, {"class_prior": (0.2, 0.5, 0.3)}, {"class_prior": COUNTS, "tau": 1.5}],
    "balanced_softmax": [*_LABELLED, {"class_count": COUNTS}, {"class_count": COUNTS, "class_weight": CLASS_WEIGHT}],
    "ldam": [*_LABELLED, {"class_count": COUNTS}, {"class_count": COUNTS, "max_margin": 0.2, "scale": 5.0}],
    "distillation_kl": [{"temperature": 3.0}, {"temperature": 0.5}],
    "distillation_jsd": [{"temperature": 3.0}, {"beta": 0.1}, {"beta": 0.9, "temperature": 0.5}],
    "distillation_total_variation": [{"temperature": 3.0}],
}
