"""Losses over regions of an image: the textbook formulas; ``losses.coupled`` says what they get and return.

A region is a list of elements; of a loss over classes each element is a row. All that is asked of a region is computed
by plain loops over its elements, and the Lovász extension from the set function that it extends.
"""

from __future__ import annotations

from mpmath import mp, mpf


def _index(p, t, w, alpha, beta, smooth, squared=False):
    """1 minus the Tversky index of one mask, from true and false positives and false negatives."""
    power = 2 if squared else 1
    both = sum(c * a * b for a, b, c in zip(p, t, w, strict=True))
    predicted = sum(c * a**power for a, c in zip(p, w, strict=True))
    wanted = sum(c * b**power for b, c in zip(t, w, strict=True))
    return 1 - (both + smooth) / (both + alpha * (predicted - both) + beta * (wanted - both) + smooth)


def _dice(p, t, w, smooth, squared):
    power = 2 if squared else 1
    both = sum(c * a * b for a, b, c in zip(p, t, w, strict=True))
    return 1 - (2 * both + smooth) / (sum(c * (a**power + b**power) for a, b, c in zip(p, t, w, strict=True)) + smooth)


def _jaccard(p, t, w, smooth, squared):
    return _index(p, t, w, 1, 1, smooth, squared)


def _tversky(p, t, w, alpha, beta, smooth):
    return _index(p, t, w, alpha, beta, smooth)


def _focal_tversky(p, t, w, alpha, beta, gamma, smooth):
    return _index(p, t, w, alpha, beta, smooth) ** gamma


def _sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def _softmax(row):
    return [mp.exp(z) / sum(mp.exp(k) for k in row) for z in row]


def _mask(f, link):
    def loss(p, t, w, empty_target, **settings):
        skipped = empty_target == "skip" and not any(b * c for b, c in zip(t, w, strict=True))
        return (mpf(0), 0) if skipped else (f([link(a) for a in p], t, w, **settings), 1)

    return loss


def _columns(rows):
    return list(map(list, zip(*rows, strict=True)))


def _classes(f):
    def loss(p, t, w, empty_target, class_weight, **settings):
        factors = class_weight or [1] * len(p[0])
        pairs = []
        for column, wanted, factor in zip(_columns(map(_softmax, p)), _columns(t), factors, strict=True):
            skipped = empty_target == "skip" and not any(b * c for b, c in zip(wanted, w, strict=True))
            pairs.append((mpf(0), 0) if skipped else (factor * f(column, wanted, w, **settings), factor))
        return pairs

    return loss


def _named(name, f):
    f.__name__ = name
    return f


_FAMILY = {"dice": _dice, "jaccard": _jaccard, "tversky": _tversky, "focal_tversky": _focal_tversky}
_BINARY = [_named(name, _mask(f, lambda p: p)) for name, f in _FAMILY.items()]
_LOGITS = [_named(f"sigmoid_{name}", _mask(f, _sigmoid)) for name, f in _FAMILY.items()]
_SOFTMAX = [_named(f"softmax_{name}", _classes(f)) for name, f in _FAMILY.items()]


def _jaccard_of_mistakes(wrong, t, w):
    """The Jaccard loss of the mask in which exactly the elements ``wrong`` are wrong."""
    mask = [1 - b if i in wrong else b for i, b in enumerate(t)]
    both = sum(c for a, b, c in zip(mask, t, w, strict=True) if a and b)
    either = sum(c for a, b, c in zip(mask, t, w, strict=True) if a or b)
    return 1 - both / either if either else mpf(0)


def _lovasz(errors, t, w):
    wrong, value, before = set(), mpf(0), mpf(0)
    for i in sorted(range(len(errors)), key=lambda i: -errors[i]):
        wrong.add(i)
        after = _jaccard_of_mistakes(wrong, t, w)
        value, before = value + errors[i] * (after - before), after
    return value


def _hinge_extension(z, t, w):
    return _lovasz([max(mpf(0), 1 - (2 * b - 1) * a) for a, b in zip(z, t, strict=True)], t, w)


def _probability_extension(p, t, w):
    return _lovasz([abs(b - a) for a, b in zip(p, t, strict=True)], t, w)


lovasz_hinge = _named("lovasz_hinge", _mask(_hinge_extension, lambda z: z))
lovasz_softmax = _named("lovasz_softmax", _classes(_probability_extension))


def sigmoid_dice_cross_entropy(z, t, w, dice_share, smooth, squared, label_smoothing):
    p = [_sigmoid(a) for a in z]
    soft = [(1 - label_smoothing) * b + label_smoothing / 2 for b in t]
    surprise = [-b * mp.log(a) - (1 - b) * mp.log(1 - a) for a, b in zip(p, soft, strict=True)]
    mean = sum(c * h for h, c in zip(surprise, w, strict=True)) / sum(w)
    return dice_share * _dice(p, t, w, smooth, squared) + (1 - dice_share) * mean, 1


def softmax_dice_cross_entropy(z, t, w, dice_share, smooth, squared, label_smoothing, class_weight, empty_target):
    p, factors = [_softmax(row) for row in z], class_weight or [1] * len(z[0])
    pairs = _classes(_dice)(z, t, w, empty_target, factors, smooth=smooth, squared=squared)
    dice = sum(v for v, _ in pairs) / sum(n for _, n in pairs)
    total = count = mpf(0)
    for row, wanted, c in zip(p, t, w, strict=True):
        soft = [(1 - label_smoothing) * b + label_smoothing / len(row) for b in wanted]
        total -= c * sum(f * b * mp.log(a) for a, b, f in zip(row, soft, factors, strict=True))
        count += c * sum(f * b for b, f in zip(wanted, factors, strict=True))
    return dice_share * dice + (1 - dice_share) * total / count, 1


def softmax_generalised_dice(z, t, w, volume_power, smooth, squared, empty_target):
    columns, wanted, power = _columns(map(_softmax, z)), _columns(t), 2 if squared else 1
    volumes = [sum(b * c for b, c in zip(column, w, strict=True)) for column in wanted]
    least = min(v for v in volumes if v)
    absent = 0 if empty_target == "skip" else 1
    weights = [(least / v) ** volume_power if v else absent for v in volumes]
    both = whole = mpf(0)
    for factor, p, b in zip(weights, columns, wanted, strict=True):
        both += factor * sum(c * x * y for x, y, c in zip(p, b, w, strict=True))
        whole += factor * sum(c * (x**power + y**power) for x, y, c in zip(p, b, w, strict=True))
    return 1 - (2 * both + smooth) / (whole + smooth), 1


REGION = (
    *_BINARY,
    *_LOGITS,
    *_SOFTMAX,
    lovasz_hinge,
    lovasz_softmax,
    sigmoid_dice_cross_entropy,
    softmax_dice_cross_entropy,
    softmax_generalised_dice,
)
BATCH = ()

_INDEX = {
    "dice": [{"smooth": 0.0}, {"smooth": 2.5, "squared": True}, {"empty_target": "skip"}],
    "jaccard": [{"smooth": 0.0}, {"smooth": 0.5, "squared": True}, {"empty_target": "skip"}],
    "tversky": [{"alpha": 0.0, "smooth": 1e-5}, {"beta": 1.5, "empty_target": "skip"}],
    "focal_tversky": [{"alpha": 0.5, "beta": 0.5, "gamma": 2.0, "smooth": 0.5, "empty_target": "skip"}],
}
_WEIGHT = {"class_weight": [0.5, 2.0, 1.0]}
GRID = {
    **{form + name: lines for form in ("", "sigmoid_") for name, lines in _INDEX.items()},
    **{
        f"softmax_{name}": [{**line, **_WEIGHT, "empty_target": "skip"} for line in lines]
        for name, lines in _INDEX.items()
    },
    "lovasz_hinge": [{"empty_target": "skip"}],
    "lovasz_softmax": [{"empty_target": "count"}, _WEIGHT],
    "sigmoid_dice_cross_entropy": [{"dice_share": 0.0, "label_smoothing": 0.2}, {"smooth": 0.5, "squared": True}],
    "softmax_dice_cross_entropy": [
        {"dice_share": 0.8, "label_smoothing": 0.2, **_WEIGHT},
        {"squared": True, "smooth": 0.0, "empty_target": "skip"},
    ],
    "softmax_generalised_dice": [
        {"volume_power": 1.0, "smooth": 0.0},
        {"volume_power": 0.0, "squared": True, "empty_target": "skip"},
    ],
}
