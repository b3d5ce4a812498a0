"""Losses that can be boosted, with settings, and small data for each: four groups of rows with targets of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lossmith as lm
from lossmith import boosting

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "huber": [{"delta": 0.5}],
    "quantile": [{"level": 0.8}],
    "expectile": [{"level": 0.8}],
    "cauchy": [{"scale": 2.0}],
    "charbonnier": [{"epsilon": 0.5}],
    "pseudo_huber": [{"delta": 0.5}],
    "general_robust": [{"alpha": -2.0}, {"alpha": 3.0}],
    "tweedie_log_mean": [{"power": 1.2}],
    "sigmoid_cross_entropy": [{"pos_weight": 3.0, "label_smoothing": 0.1}],
    "sigmoid_focal": [{"gamma": 0.0}, {"gamma": 5.0, "alpha": 0.25}],
    "asymmetric": [{"gamma_negative": 2.0, "clip": 0.0}],
    "softmax_focal": [{"gamma": 0.5, "class_weight": [1.0, 2.0, 0.5]}],
    "softmax_cross_entropy": [{"label_smoothing": 0.2, "class_weight": [1.0, 2.0, 0.5]}],
    "poly_cross_entropy": [{"epsilon": -1.0}],
    "logit_adjusted": [{"class_prior": [0.6, 0.3, 0.1], "tau": 0.5}],
    "balanced_softmax": [{"class_count": [6.0, 3.0, 1.0]}],
}
ENDLESS = ("bayesian_personalised_ranking", "bradley_terry", "kto")  # the higher the score, the better, without end
ROWS, GROUPS = 160, 4


@dataclass(frozen=True)
class Case:
    """One loss with parameters, and its data."""

    loss: lm.Loss
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return "-".join([self.loss.name, *(f"{k}={v}" for k, v in self.parameters.items())])

    @property
    def function(self) -> Any:
        """The public function of the loss."""
        return getattr(lm, self.loss.name)

    @property
    def classes(self) -> int:
        """The number of scores per row."""
        return 3 if self.loss.layout == "row" else 1

    def data(self, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features (N, 1), which are the group, targets (N,) in float32 and weights (N,)."""
        rng = np.random.default_rng(seed)
        group = np.arange(ROWS) % GROUPS
        share = np.array([0.15, 0.3, 0.6, 0.85])[group]
        if self.loss.layout == "row":
            target = np.where(rng.random(ROWS) < share, 0, rng.integers(0, 3, ROWS)).astype(float)
        elif self.loss.target.role == "signs":
            target = np.where(rng.random(ROWS) < share, 1.0, -1.0)
        elif self.loss.task == "binary":
            target = (rng.random(ROWS) < share).astype(float)
        elif self.loss.target.bounded:
            target = rng.gamma(2.0, 0.5 * (1 + group))
        else:
            target = 3.0 * group + 1 + rng.normal(size=ROWS)
        weight = rng.integers(1, 4, ROWS) / 2
        return group[:, None].astype(float), target.astype(np.float32), weight.astype(np.float32)

    def scores(self, seed: int = 1) -> np.ndarray:
        """Return raw scores for the rows: (N,), or (N, 3) for a loss over classes."""
        rng = np.random.default_rng(seed)
        _, target, _ = self.data()
        if self.loss.layout == "row":
            return 2 * rng.normal(size=(ROWS, self.classes))
        middle = target if self.loss.task == "regression" and not self.loss.target.bounded else 0.0
        return middle + 2 * rng.normal(size=ROWS)

    def mean(self, scores: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
        """Return the loss of float64 scores by the public function."""
        labels = target.astype(int) if self.classes > 1 else target.astype(float)
        return self.function(scores, labels, weight=weight, **self.parameters)


def table(seed: int = 0, rows: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, a signal in them, and weights, all in float32."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    signal = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=rows)
    return x.astype(np.float32), signal.astype(np.float32), rng.uniform(0.5, 2, rows).astype(np.float32)


def _cases() -> list[Case]:
    found = []
    for loss in boosting.losses():
        found += [Case(loss, parameters) for parameters in [{}, *SETTINGS.get(loss.name, [])]]
    return found


CASES = _cases()
ELEMENT = [case for case in CASES if case.loss.layout == "element"]
CLASSES = [case for case in CASES if case.loss.layout == "row"]
FINITE = [case for case in CASES if case.loss.name not in ENDLESS]
