"""The call that gives the numbers of each counterpart in PyTorch, Keras and optax, in value and gradient.

Where a library has no such loss, the authors' code stands here in a few lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import backend_named, require

rng = np.random.default_rng(11)
N, C = 6, 4
REAL, TEACHER = rng.normal(scale=2, size=(2, N, C))
PROBABILITY = rng.uniform(0.01, 0.99, size=(N, C))
SHARES = PROBABILITY / PROBABILITY.sum(-1, keepdims=True)
LOG_SHARES = np.log(SHARES)
COSINES = rng.uniform(-1, 1, size=(N, C))
LABELS, ONE_HOT = np.array([0, 1, 2, 3, 1, 0]), np.eye(C)[[0, 1, 2, 3, 1, 0]]
FLAGS = (rng.random((N, C)) < 0.5).astype(float)
SIGNS, SOFT = 2 * FLAGS - 1, rng.dirichlet(np.ones(C), size=N)
WEIGHT, COUNTS = np.array([0.5, 2.0, 1.0, 3.0]), np.array([500.0, 40.0, 3.0, 90.0])
RANKS = np.array([0, 4, 2, 3, 1, 2])
PADDED = np.array([[*np.flatnonzero(row), *[-1] * int((row == 0).sum())] for row in FLAGS])


def _tensor(x: Any) -> Any:
    return require("torch").as_tensor(np.asarray(x))


def _nn(name: str, **settings: Any) -> Callable[[Any, Any], Any]:
    torch = require("torch")
    settings = {k: _tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    return getattr(torch.nn, name)(**settings)


def _insightface(x: Any, y: Any) -> Any:
    torch = require("torch")
    m, s = 0.5, 64.0
    cosine = x[torch.arange(N), y]
    turned = cosine * math.cos(m) - torch.sqrt(1 - cosine**2) * math.sin(m)
    turned = torch.where(cosine > math.cos(math.pi - m), turned, cosine - math.sin(math.pi - m) * m)
    logits = torch.where(_tensor(ONE_HOT) > 0, turned[:, None], x) * s
    return torch.nn.functional.cross_entropy(logits, y)


def _ldam(x: Any, y: Any) -> Any:
    torch = require("torch")
    margins = 1 / _tensor(COUNTS) ** 0.25
    margins = margins * (0.5 / margins.max())
    logits = torch.where(_tensor(ONE_HOT) > 0, x - margins[y][:, None], x)
    return torch.nn.functional.cross_entropy(30 * logits, y, weight=_tensor(WEIGHT))


def _coral(x: Any, y: Any) -> Any:
    functional, levels = require("torch").nn.functional, (y[:, None] > _tensor(np.arange(C))).double()
    term = functional.logsigmoid(x) * levels + (functional.logsigmoid(x) - x) * (1 - levels)
    return (-term.sum(dim=1)).mean()


def _corn(x: Any, y: Any) -> Any:
    functional, examples, losses = require("torch").nn.functional, 0, 0.0
    for k in range(C):
        asked = y > k - 1
        above = (y[asked] > k).double()
        examples += len(above)
        log_p = functional.logsigmoid(x[asked, k])
        losses = losses - (log_p * above + (log_p - x[asked, k]) * (1 - above)).sum()
    return losses / examples


def _asymmetric(x: Any, y: Any) -> Any:
    torch = require("torch")
    positive = torch.sigmoid(x)
    negative = (1 - positive + 0.05).clamp(max=1)
    log_p = y * torch.log(positive) + (1 - y) * torch.log(negative)
    p = positive * y + negative * (1 - y)
    return -(log_p * (1 - p) ** (1 * y + 4 * (1 - y))).mean()


def _kl(x: Any, y: Any) -> Any:
    f, t = require("torch").nn.functional, 3.0
    return t * t * f.kl_div((x / t).log_softmax(-1), (y / t).log_softmax(-1), reduction="batchmean", log_target=True)


def _trl_jsd(x: Any, y: Any) -> Any:
    torch, beta = require("torch"), 0.3
    student, teacher = (x / 2).log_softmax(-1), (y / 2).log_softmax(-1)
    mixture = torch.logsumexp(torch.stack([student + math.log(1 - beta), teacher + math.log(beta)]), dim=0)
    kl = torch.nn.functional.kl_div
    both = (kl(mixture, y_, reduction="none", log_target=True) for y_ in (teacher, student))
    return sum(w * part.sum() for w, part in zip((beta, 1 - beta), both, strict=True)) / N


# what: (loss, its settings and options, prediction, target, the other's function, the other's target)
TORCH: dict[str, tuple] = {
    "NLLLoss": ("nll", {}, LOG_SHARES, LABELS, lambda: _nn("NLLLoss"), LABELS),
    "NLLLoss weight": (
        "nll",
        {"class_weight": WEIGHT},
        LOG_SHARES,
        LABELS,
        lambda: _nn("NLLLoss", weight=WEIGHT),
        LABELS,
    ),
    "NLLLoss ignore": (
        "nll",
        {"class_weight": WEIGHT, "ignore_index": 1},
        LOG_SHARES,
        LABELS,
        lambda: _nn("NLLLoss", weight=WEIGHT, ignore_index=1),
        LABELS,
    ),
    "SoftMarginLoss": ("soft_margin", {}, REAL, SIGNS, lambda: _nn("SoftMarginLoss"), SIGNS),
    "HingeEmbeddingLoss": (
        "hinge_embedding",
        {"margin": 0.7},
        PROBABILITY,
        SIGNS,
        lambda: _nn("HingeEmbeddingLoss", margin=0.7),
        SIGNS,
    ),
    **{
        f"MultiMarginLoss {key}": (
            "multi_margin",
            mine,
            REAL,
            LABELS,
            lambda o=other: _nn("MultiMarginLoss", **o),
            LABELS,
        )
        for key, mine, other in (
            ("p=1", {}, {}),
            ("p=2", {"squared": True}, {"p": 2}),
            ("margin", {"margin": 0.3}, {"margin": 0.3}),
            ("weight", {"class_weight": WEIGHT}, {"weight": WEIGHT}),
            ("all", {"class_weight": WEIGHT, "squared": True}, {"weight": WEIGHT, "p": 2}),
            ("sum", {"class_weight": WEIGHT, "reduction": "sum"}, {"weight": WEIGHT, "reduction": "sum"}),
        )
    },
    "MultiLabelMarginLoss": ("multilabel_margin", {}, REAL, FLAGS, lambda: _nn("MultiLabelMarginLoss"), PADDED),
    "MultiLabelSoftMarginLoss": (
        "multilabel_soft_margin",
        {},
        REAL,
        FLAGS,
        lambda: _nn("MultiLabelSoftMarginLoss"),
        FLAGS,
    ),
    "MultiLabelSoftMarginLoss weight": (
        "multilabel_soft_margin",
        {"class_weight": WEIGHT},
        REAL,
        FLAGS,
        lambda: _nn("MultiLabelSoftMarginLoss", weight=WEIGHT),
        FLAGS,
    ),
    "KLDivLoss of softened logits": ("distillation_kl", {"temperature": 3.0}, REAL, TEACHER, lambda: _kl, TEACHER),
    "insightface ArcFace": ("arcface", {}, COSINES, LABELS, lambda: _insightface, LABELS),
    "authors' LDAM": ("ldam", {"class_count": COUNTS, "class_weight": WEIGHT}, COSINES, LABELS, lambda: _ldam, LABELS),
    "coral_pytorch CORAL": ("coral", {}, REAL, RANKS, lambda: _coral, RANKS),
    "coral_pytorch CORN": ("corn", {"normalizer": np.minimum(RANKS + 1, C).sum()}, REAL, RANKS, lambda: _corn, RANKS),
    "authors' asymmetric loss": ("asymmetric", {}, REAL, FLAGS, lambda: _asymmetric, FLAGS),
    "TRL JSD": ("distillation_jsd", {"temperature": 2.0, "beta": 0.3}, REAL, TEACHER, lambda: _trl_jsd, TEACHER),
}


def _both(name: str, settings: dict, prediction: Any, target: Any, per_call: Any = ("normalizer",)) -> tuple[Any, Any]:
    options = {k: v for k, v in settings.items() if k in per_call}
    return lm.get(name, **{k: v for k, v in settings.items() if k not in per_call}).value_and_gradient(
        prediction, target, **options
    )


def _same(got: tuple, wanted: tuple, tolerance: float) -> None:
    for mine, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("what", TORCH)
def test_torch(what: str) -> None:
    name, settings, prediction, target, make, other = TORCH[what]
    value, gradient = backend_named("torch").value_and_grad(lambda x: make()(x, _tensor(other)), _tensor(prediction))
    _same(_both(name, settings, prediction, target), (value, gradient), 1e-12)


EPSILON = {"epsilon": 1e-7, "reduction": "none"}
ALPHA = np.full(C, 0.25)
# what: (loss, settings, prediction, target, Keras' function, its settings, its target)
KERAS: dict[str, tuple] = {
    **{
        f"binary focal {mine} of {where}": (
            "binary_focal",
            {**EPSILON, **mine},
            prediction,
            FLAGS,
            "binary_focal_crossentropy",
            other,
            FLAGS,
        )
        for mine, other in (
            ({}, {}),
            ({"gamma": 0.5}, {"gamma": 0.5}),
            ({"alpha": 0.25}, {"apply_class_balancing": True}),
            (
                {"alpha": 0.7, "label_smoothing": 0.1},
                {"alpha": 0.7, "apply_class_balancing": True, "label_smoothing": 0.1},
            ),
        )
        for where, prediction in (("probabilities", PROBABILITY), ("certainties", (REAL > 0).astype(float)))
    },
    **{
        f"categorical focal {other} of {where}": (
            "categorical_focal",
            {**EPSILON, "class_weight": ALPHA, **mine},
            prediction,
            target,
            "categorical_focal_crossentropy",
            other,
            ONE_HOT,
        )
        for mine, other in (
            ({}, {}),
            ({"gamma": 1.0, "label_smoothing": 0.1}, {"gamma": 1.0, "label_smoothing": 0.1}),
            ({"class_weight": WEIGHT}, {"alpha": WEIGHT.tolist()}),
        )
        for where, prediction, target in (
            ("shares, labels", SHARES, LABELS),
            ("shares, rows", SHARES, ONE_HOT),
            ("certainties", np.eye(C)[[0, 1, 3, 2, 1, 3]], LABELS),
        )
    },
    **{
        f"softmax focal {other}": (
            "softmax_focal",
            {"class_weight": ALPHA, "reduction": "none", **mine},
            REAL,
            LABELS,
            "categorical_focal_crossentropy",
            {"from_logits": True, **other},
            ONE_HOT,
        )
        for mine, other in (({}, {}), ({"gamma": 0.5}, {"gamma": 0.5}), ({"label_smoothing": 0.2},) * 2)
    },
    "sigmoid focal": (
        "sigmoid_focal",
        {"reduction": "none"},
        REAL,
        FLAGS,
        "binary_focal_crossentropy",
        {"from_logits": True},
        FLAGS,
    ),
    **{
        f"generalised {q}": (
            "gce",
            {"q": q, "reduction": "none"},
            SHARES,
            LABELS,
            "categorical_generalized_cross_entropy",
            {"q": q},
            LABELS,
        )
        for q in (0.1, 0.5, 0.9)
    },
}


@pytest.mark.parametrize("what", KERAS)
def test_keras(what: str) -> None:
    keras = require("keras")
    name, settings, prediction, target, function, options, other = KERAS[what]
    target = target.astype("float32") if target.dtype.kind == "f" else target
    got = np.asarray(getattr(lm, lm.get(name).definition.name)(prediction.astype("float32"), target, **settings))
    wanted = getattr(keras.losses, function)(other.astype("float32"), prediction.astype("float32"), **options)
    got = got.mean(-1) if got.ndim == 2 else got
    np.testing.assert_allclose(got, keras.ops.convert_to_numpy(wanted), rtol=2e-5, atol=2e-6)


# what: (loss, settings, prediction, target, optax' function, its settings)
OPTAX: dict[str, tuple] = {
    "poly": ("poly_cross_entropy", {"epsilon": 2.0}, REAL, SOFT, "poly_loss_cross_entropy", {}),
    "poly -1": ("poly_cross_entropy", {"epsilon": -1.0}, REAL, ONE_HOT, "poly_loss_cross_entropy", {"epsilon": -1.0}),
    "focal": ("sigmoid_focal", {}, REAL, FLAGS, "sigmoid_focal_loss", {}),
    "focal alpha": (
        "sigmoid_focal",
        {"alpha": 0.25, "gamma": 0.5},
        REAL,
        FLAGS,
        "sigmoid_focal_loss",
        {"alpha": 0.25, "gamma": 0.5},
    ),
    "focal soft": ("sigmoid_focal", {"alpha": 0.6}, REAL, SOFT, "sigmoid_focal_loss", {"alpha": 0.6}),
    "perceptron": ("perceptron", {}, REAL, SIGNS, "perceptron_loss", {}),
}


@pytest.mark.parametrize("what", OPTAX)
def test_optax(what: str) -> None:
    optax, jax = require("optax"), backend_named("jax")
    name, settings, prediction, target, function, options = OPTAX[what]
    with jax.session("float64"):
        p, t = jax.asarray(prediction), jax.asarray(target)
        wanted = jax.value_and_grad(lambda x: getattr(optax.losses, function)(x, t, **options).mean(), p)
    _same(_both(name, settings, prediction, target), wanted, 1e-10)
