"""XGBoost: ``objective`` for ``xgboost.train(obj=…)`` and for the scikit-learn wrappers, and ``metric`` beside it.

>>> import numpy, xgboost
>>> from lossmith import boosting
>>> x = numpy.arange(20.0)[:, None]
>>> y = numpy.where(x[:, 0] < 10, 1.0, 5.0)
>>> huber = boosting.xgboost.objective("huber", delta=2.0)
>>> start = {"base_score": boosting.base_score("huber", y, delta=2.0), "nthread": 1}
>>> model = xgboost.train(start, xgboost.DMatrix(x, y), 20, obj=huber, custom_metric=huber.metric)
>>> model.predict(xgboost.DMatrix(x[[0, 19]])).round(1).tolist()
[1.0, 5.0]
>>> boosting.xgboost.objective("quantile", level=0.9).metric
lossmith.boosting.xgboost.metric('quantile', level=0.9)

What to know of XGBoost:

- ``base_score`` is 0.5 under an objective of one's own; give ``lossmith.boosting.base_score``. Where ``objective`` is
  named too, it is on that objective's scale: ``XGBClassifier`` takes the probability of it.
- Predictions under an objective of one's own are raw scores; ``XGBClassifier`` makes probabilities of them.
- XGBoost multiplies neither gradient nor hessian with sample weights, so this does. ``scale_pos_weight`` does nothing;
  take ``pos_weight=`` of the loss.
- For classes set ``num_class``; scores are then (N, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .objective import Metric, Objective, need, unpack


def objective(loss: Any, hessian: str = "auto", **parameters: Any) -> XGBoostObjective:
    """Return a loss as an objective for XGBoost.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        hessian: "auto", "exact" or "one"; see :class:`lossmith.boosting.Objective`.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: XGBoost is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss cannot be boosted; the message says what to take instead.
    """
    need("xgboost")
    return XGBoostObjective(loss, hessian, **parameters)


def metric(loss: Any, **parameters: Any) -> XGBoostMetric:
    """Return a loss as a metric for XGBoost, of what the model's objective answers: raw scores, or probabilities.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: XGBoost is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss needs further arrays.
    """
    need("xgboost")
    return XGBoostMetric(loss, **parameters)


class XGBoostObjective(Objective):
    """A loss for ``obj=`` of ``xgboost.train`` and ``objective=`` of the wrappers; made by :func:`objective`."""

    library = "xgboost"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and hessian, float32, for (targets, scores, weights) or for (scores, ``DMatrix``)."""
        prediction, target, weight, _ = unpack(y_true, y_pred, sample_weight)
        gradient, hessian = self.derivatives(prediction, target, weight)
        return gradient.astype(np.float32), hessian.astype(np.float32)

    @property
    def metric(self) -> XGBoostMetric:
        """The same loss for ``custom_metric=`` of ``xgboost.train`` and ``eval_metric=`` of the wrappers."""
        return XGBoostMetric(self.definition, **self.parameters)


class XGBoostMetric(Metric):
    """A loss for ``custom_metric=`` and ``eval_metric=``; made by :func:`metric` or ``objective.metric``."""

    library = "xgboost"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the mean for (targets, predictions, weights), and (name, mean) for (predictions, ``DMatrix``)."""
        prediction, target, weight, native = unpack(y_true, y_pred, sample_weight)
        value = self.value(prediction, target, weight)
        return (self.definition.name, value) if native else value
