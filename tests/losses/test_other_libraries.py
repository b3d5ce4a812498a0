"""SciPy's, scikit-learn's and PyTorch's own functions give the same numbers, where they define the same loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from losses.cases import CLASS_WEIGHT, Case, forms_of

special = require("scipy.special")

SCIPY: dict[str, Callable[..., Any]] = {
    "huber": lambda p, t: special.huber(1.0, p - t).mean(),
    "log_cosh": lambda p, t: np.log(np.cosh(p - t)).mean(),
    "kl_divergence": lambda p, t: special.rel_entr(t, p).sum(-1).mean(),
    "softmax_cross_entropy": lambda p, t: -special.log_softmax(p, -1)[np.arange(len(t)), t].mean(),
    "sigmoid_cross_entropy": lambda p, t: -(t * special.log_expit(p) + (1 - t) * special.log_expit(-p)).mean(),
}
SKLEARN: dict[str, Callable[..., Any]] = {
    "squared_error": lambda m, p, t: m.mean_squared_error(t, p),
    "absolute_error": lambda m, p, t: m.mean_absolute_error(t, p),
    "squared_logarithmic_error": lambda m, p, t: m.mean_squared_log_error(t, p),
    "absolute_percentage_error": lambda m, p, t: 100 * m.mean_absolute_percentage_error(t, p),
    "categorical_cross_entropy": lambda m, p, t: m.log_loss(t, p, labels=range(3)),
    "categorical_hinge": lambda m, p, t: m.hinge_loss(t, p, labels=range(3)),
}
TORCH: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "binary_cross_entropy": ({}, lambda f, p, t: f.binary_cross_entropy(p, t)),
    "sigmoid_cross_entropy": (
        {"pos_weight": 3.0},
        lambda f, p, t: f.binary_cross_entropy_with_logits(p, t, pos_weight=p.new_tensor(3.0)),
    ),
    "softmax_cross_entropy": (
        {"class_weight": CLASS_WEIGHT, "label_smoothing": 0.2},
        lambda f, p, t: f.cross_entropy(p, t, weight=p.new_tensor(CLASS_WEIGHT), label_smoothing=0.2),
    ),
    "poisson": ({"full": True, "epsilon": 0.01}, lambda f, p, t: f.poisson_nll_loss(p, t, False, True, eps=0.01)),
    "poisson_log_rate": ({}, lambda f, p, t: f.poisson_nll_loss(p, t)),
    "kl_divergence_log_probabilities": ({}, lambda f, p, t: f.kl_div(p, t, reduction="batchmean")),
    "cosine_similarity": ({}, lambda f, p, t: -f.cosine_similarity(p, t, dim=-1).mean()),
    "huber": ({"delta": 2.0}, lambda f, p, t: f.huber_loss(p, t, delta=2.0)),
}


def drawn(name: str) -> tuple[np.ndarray, np.ndarray]:
    loss = lm.get(name).definition
    return Case(loss, {}, forms_of(loss)[0]).draw(13, (20, 3))


@pytest.mark.parametrize("name", SCIPY)
def test_scipy(name: str) -> None:
    p, t = drawn(name)
    assert getattr(lm, name)(p, t) == pytest.approx(SCIPY[name](p, t), rel=1e-10)


@pytest.mark.parametrize("name", SKLEARN)
def test_sklearn(name: str) -> None:
    p, t = drawn(name)
    if name in ("squared_error", "absolute_error", "squared_logarithmic_error", "absolute_percentage_error"):
        p, t = p.ravel(), t.ravel()
    assert getattr(lm, name)(p, t) == pytest.approx(SKLEARN[name](require("sklearn.metrics"), p, t), rel=1e-10)


@pytest.mark.parametrize("name", TORCH)
def test_torch(name: str) -> None:
    torch = require("torch")
    p, t = map(torch.tensor, drawn(name))
    parameters, theirs = TORCH[name]
    got = getattr(lm, name)(p, t, **parameters)
    assert got.item() == pytest.approx(theirs(torch.nn.functional, p, t).item(), rel=1e-10)
