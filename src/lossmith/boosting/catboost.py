"""CatBoost: ``objective`` for ``loss_function`` and ``objective.metric`` for ``eval_metric``.

>>> import catboost, numpy
>>> from lossmith import boosting
>>> x = numpy.arange(80.0)[:, None]
>>> y = numpy.where(x[:, 0] < 40, 1.0, 5.0)
>>> huber = boosting.catboost.objective("huber", delta=2.0)
>>> start = boosting.base_score("huber", y, delta=2.0)
>>> quiet = {"iterations": 50, "verbose": False, "allow_writing_files": False, "thread_count": 1}
>>> model = catboost.CatBoostRegressor(loss_function=huber, eval_metric=huber.metric, learning_rate=0.3, **quiet)
>>> import warnings
>>> with warnings.catch_warnings():  # CatBoost says that numba is missing, or of no use here
...     warnings.simplefilter("ignore")
...     model = model.fit(x, y, baseline=numpy.full(len(y), start))
>>> (start + model.predict(x[[0, 79]])).round(1).tolist()
[1.0, 5.0]

What to know of CatBoost:

- It starts from 0 under an objective of one's own. Give ``baseline=``, and add it to what ``predict`` says.
- Predictions are raw scores: apply the sigmoid.
- It hands over rows in blocks, so that hessians are not divided by their mean (see ``lossmith.boosting.curvature``):
  scale the target to a spread of about 1 for robust losses whose curvature depends on its unit.
- It hands weights over and multiplies nothing itself, so this does.
- It wraps an error in ``CatBoostError``, whose text ends with ours.
- Losses over classes are not offered: CatBoost asks for them row by row. It has ``MultiClass`` itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .objective import Metric, Objective, need


def objective(loss: Any, hessian: str = "auto", **parameters: Any) -> CatBoostObjective:
    """Return a loss as an objective for CatBoost.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        hessian: "auto", "exact" or "one"; see :class:`lossmith.boosting.Objective`.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: CatBoost is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss cannot be boosted; the message says what to take instead.
    """
    need("catboost")
    return CatBoostObjective(loss, hessian, **parameters)


def metric(loss: Any, **parameters: Any) -> CatBoostMetric:
    """Return a loss as a metric for CatBoost, of raw scores.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: CatBoost is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss needs further arrays.
    """
    need("catboost")
    return CatBoostMetric(loss, **parameters)


class CatBoostObjective(Objective):
    """A loss for ``loss_function``; made by :func:`objective`."""

    library = "catboost"

    def __init__(self, loss: Any, hessian: str = "auto", **parameters: Any) -> None:
        super().__init__(loss, hessian, **parameters)
        if self.definition.layout == "row":
            raise InputError(
                f"{self.definition.name} cannot be boosted with CatBoost, which asks for classes row by row; take its "
                "own MultiClass, or lossmith.boosting.xgboost or lossmith.boosting.lightgbm"
            )

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> np.ndarray:
        """Return (N, 2): minus the gradient and minus the hessian, as CatBoost goes uphill."""
        gradient, hessian = self.derivatives(approxes, targets, weights, whole=False)
        return -np.stack([gradient, hessian], axis=1)

    @property
    def metric(self) -> CatBoostMetric:
        """The same loss for ``eval_metric``."""
        return CatBoostMetric(self.definition, **self.parameters)


class CatBoostMetric(Metric):
    """A loss for ``eval_metric``; made by :func:`metric` or ``objective.metric``."""

    library = "catboost"

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """Return ``(Σ w·l, Σ w)`` of a block of rows; ``approxes`` holds one array per class, or one in all."""
        prediction = approxes[0] if len(approxes) == 1 else np.stack(approxes, axis=1)
        return self.total(prediction, target, weight)

    def get_final_error(self, error: float, weight: float) -> float:
        """Return the mean; 0 where nothing counts."""
        return error / weight if weight else 0.0

    def is_max_optimal(self) -> bool:
        """Return False: lower is better."""
        return False
