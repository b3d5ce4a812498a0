"""Inputs for the functions of the JAX face, as NumPy: one valid call each, and what optax's own function takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

rng = np.random.default_rng(3)
x, z = rng.normal(size=(2, 6, 4))
labels = np.array([0, 1, 2, 3, 0, 1])
soft = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
signs = np.sign(z)
counts = np.abs(z).round()
where = np.abs(x) > 0.4
where[2] = False


@dataclass(frozen=True)
class Call:
    """Arguments of one function: prediction, what follows in order, and keywords."""

    prediction: Any
    rest: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)


CALLS = {
    "absolute_error": Call(x, (z,)),
    "absolute_percentage_error": Call(x, (z,)),
    "binary_cross_entropy": Call(1 / (1 + np.exp(-x)), (soft,)),
    "categorical_cross_entropy": Call(np.exp(log_p), (labels,)),
    "convex_kl_divergence": Call(x, (soft,)),
    "cosine_distance": Call(x, (z,)),
    "cosine_similarity": Call(x, (z,)),
    "generalized_kl_divergence": Call(x, (soft,)),
    "hinge_loss": Call(x, (signs,)),
    "huber_loss": Call(x, (z,), {"delta": 0.4}),
    "kl_divergence": Call(log_p, (soft,)),
    "kl_divergence_with_log_targets": Call(log_p, (np.log(soft),)),
    "l2_loss": Call(x, (z,)),
    "log_cosh": Call(x, (z,)),
    "multiclass_hinge_loss": Call(x, (labels,)),
    "perceptron_loss": Call(x, (signs,)),
    "poisson": Call(np.abs(x) + 0.1, (counts,)),
    "poisson_log_rate": Call(x, (counts,)),
    "poly_loss_cross_entropy": Call(x, (soft,)),
    "ranking_softmax_loss": Call(x, (np.abs(z),), {"reduce_fn": None}),
    "safe_softmax_cross_entropy": Call(x, (soft,)),
    "sigmoid_binary_cross_entropy": Call(x, (soft,)),
    "sigmoid_focal_loss": Call(x, (soft,), {"alpha": 0.3, "gamma": 1.5}),
    "softmax_cross_entropy": Call(x, (soft,)),
    "softmax_cross_entropy_with_integer_labels": Call(x, (labels,)),
    "squared_error": Call(x, (z,)),
    "squared_hinge": Call(x, (signs,)),
    "squared_logarithmic_error": Call(np.abs(x), (np.abs(z),)),
    "triplet_margin_loss": Call(x, (z, z[::-1])),
}

_REGIONS = x.reshape(2, 3, 4)[:, :, :3]
_TRUE = np.eye(3)[np.array([[0, 1, 2], [2, 2, 1]])]
_PADDING = np.zeros((2, 3)), np.array([[0.0, 0.0], [0.0, 1.0]])
WHOLE = {  # functions with reductions of their own, of whole samples or batches
    "binary_dice_loss": Call(x[:2], (signs[:2] * 0.5 + 0.5,)),
    "ctc_loss": Call(_REGIONS, (_PADDING[0], np.array([[1, 2], [1, 0]]), _PADDING[1])),
    "dice_loss": Call(_REGIONS, (_TRUE,)),
    "multiclass_generalized_dice_loss": Call(_REGIONS, (_TRUE,)),
    "ntxent": Call(x[:4], (np.array([0, 0, 1, 1]),)),
}

# Far out, at 0 and beside it; kinks and infinities are differences, and stand with them.
EDGES = np.array([-1e30, -1e4, -100, -30, -1.5, -1e-3, -0.0, 0, 1e-3, 1.5, 30, 100, 1e4, 1e30])[:, None]
_ROWS = np.array([[0, 0, 0], [1e4, 0, -1e4], [1e30, -1e30, 0], [-100, 100, 3], [5, 5, 4], [1, 2, 1]], float)
_FIRST = np.tile([1.0, 0, 0], (6, 1))
_MIXED = np.tile([0.5, 0.2, 0.3], (6, 1))
_ZEROS_AND_ONES = np.tile([0, 0.3, 1], (14, 1))
_EDGES_3 = EDGES + np.zeros(3)

GRID: list[tuple[str, Call]] = [
    *((name, Call(EDGES + 0 * z[:1, :2], (np.tile([0.0, 1.0], (14, 1)),))) for name in ("squared_error", "log_cosh")),
    ("huber_loss", Call(EDGES[:, 0], (np.ones(14),))),
    *((name, Call(EDGES, ())) for name in ("squared_error", "l2_loss", "huber_loss", "log_cosh")),
    ("sigmoid_binary_cross_entropy", Call(_EDGES_3, (_ZEROS_AND_ONES,))),
    ("sigmoid_binary_cross_entropy", Call(x, ((z > 0).astype(int),))),
    ("sigmoid_focal_loss", Call(_EDGES_3, (_ZEROS_AND_ONES,))),
    ("sigmoid_focal_loss", Call(_EDGES_3, (_ZEROS_AND_ONES,), {"alpha": 0.25, "gamma": 0.5})),
    ("hinge_loss", Call(EDGES, (np.ones((14, 1)),))),
    ("hinge_loss", Call(np.float64(0.3), (np.float64(-1),))),
    *(("softmax_cross_entropy_with_integer_labels", Call(_ROWS, (np.full(6, label),))) for label in (0, 2)),
    *(
        (name, Call(_ROWS, (target,)))
        for name in ("softmax_cross_entropy", "poly_loss_cross_entropy", "kl_divergence")
        for target in (_FIRST, _MIXED)
    ),
    ("poly_loss_cross_entropy", Call(x, (soft,), {"epsilon": -0.5})),
    ("multiclass_hinge_loss", Call(_ROWS[[0, 1, 3, 5]], (np.zeros(4, int),))),
    ("softmax_cross_entropy_with_integer_labels", Call(x.reshape(2, 3, 4), (np.array([5, 7]),), {"axis": (1, 2)})),
    ("softmax_cross_entropy_with_integer_labels", Call(x.reshape(2, 3, 4), (np.array([5, 7, 0]),), {"axis": (2, 0)})),
    ("softmax_cross_entropy_with_integer_labels", Call(x, (np.array([0, 5, 3, 2]),), {"axis": 0})),
    ("softmax_cross_entropy_with_integer_labels", Call(x, (labels,), {"where": np.arange(6) > 1})),
    ("softmax_cross_entropy_with_integer_labels", Call(x, (labels,), {"where": where | (np.eye(4)[labels] > 0)})),
    ("softmax_cross_entropy", Call(x, (soft,), {"where": np.arange(6) > 1})),
    ("triplet_margin_loss", Call(x, (z, z[::-1]), {"axis": 0, "norm_degree": 4, "margin": 3.0, "eps": 0.1})),
    ("ranking_softmax_loss", Call(x, (np.abs(z),), {"where": where, "weights": np.abs(x)})),
    ("ranking_softmax_loss", Call(x, (np.abs(z),), {"where": where, "reduce_fn": "sum"})),
    ("ranking_softmax_loss", Call(x[0], (np.abs(z[0]),))),
    *(
        (name, Call(np.stack([3 * x, 0 * x + x[:1]]), (np.stack([z, x]),), {"epsilon": 2.5}))
        for name in ("cosine_similarity", "cosine_distance")
    ),
]
_OVER_AXES = {
    "softmax_cross_entropy": (x, soft),
    "poly_loss_cross_entropy": (x, soft),
    "kl_divergence": (log_p, soft),
    "kl_divergence_with_log_targets": (log_p, np.log(soft)),
    "generalized_kl_divergence": (x, soft),
    "cosine_similarity": (x, z),
    "cosine_distance": (x, z),
}
_AXES: dict[str, list[dict[str, Any]]] = {
    "softmax_cross_entropy": [{"axis": 1}, {"axis": None}, {"axis": (0, -1), "where": where.reshape(2, 3, 4)}],
    "kl_divergence": [{"axis": 0}, {"axis": None, "where": where[:1].reshape(1, 1, 4)}],
}
for _name, (_prediction, _target) in _OVER_AXES.items():
    for _options in (*_AXES.get(_name, []), {"axis": (2, 0), "where": where.reshape(2, 3, 4)}):
        _least = {"epsilon": 0.5} if _name.startswith("cosine") else {}
        _image = Call(_prediction.reshape(2, 3, 4), (_target.reshape(2, 3, 4),), {**_options, **_least})
        GRID.append((_name, _image))
