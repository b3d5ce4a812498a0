"""LightGBM: ``objective`` for ``params["objective"]`` and for the scikit-learn wrappers, and ``metric`` beside it.

>>> import lightgbm, numpy
>>> from lossmith import boosting
>>> x = numpy.arange(80.0)[:, None]
>>> y = numpy.where(x[:, 0] < 40, 1.0, 5.0)
>>> huber = boosting.lightgbm.objective("huber", delta=2.0)
>>> start = boosting.base_score("huber", y, delta=2.0)
>>> data = lightgbm.Dataset(x, y, init_score=numpy.full(len(y), start))
>>> model = lightgbm.train({"objective": huber, "verbose": -1, "num_threads": 1}, data, 100, feval=huber.metric)
>>> (start + model.predict(x[[0, 79]])).round(1).tolist()
[1.0, 5.0]

What to know of LightGBM:

- It starts from 0 under an objective of one's own. Give ``init_score=`` to the data set (or to ``fit``), and add it to
  what ``predict`` says, as the model does not keep it.
- Predictions are raw scores, from ``LGBMClassifier`` too: apply the sigmoid or softmax.
- LightGBM multiplies neither gradient nor hessian with sample weights, so this does. ``is_unbalance`` and
  ``scale_pos_weight`` do nothing; take ``pos_weight=`` of the loss.
- ``lambda_l2`` is 0: with gross outliers 1 is better, as it is XGBoost's.
- For classes set ``num_class``; scores are then (N, C).
- It turns a target that is NaN into 0 before anybody sees it (its wrappers refuse it, and so does ``base_score``), and
  takes the share of the hessian for the share of the rows when it applies ``min_data_in_leaf``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .objective import Metric, Objective, need, unpack


def objective(loss: Any, hessian: str = "auto", **parameters: Any) -> LightGBMObjective:
    """Return a loss as an objective for LightGBM.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        hessian: "auto", "exact" or "one"; see :class:`lossmith.boosting.Objective`.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: LightGBM is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss cannot be boosted; the message says what to take instead.
    """
    need("lightgbm")
    return LightGBMObjective(loss, hessian, **parameters)


def metric(loss: Any, **parameters: Any) -> LightGBMMetric:
    """Return a loss as a metric for LightGBM, of what the model's objective answers: raw scores, or probabilities.

    Args:
        loss: A name, a function of lossmith, a class, or an object with its parameters set.
        **parameters: Of the loss.

    Raises:
        MissingDependencyError: LightGBM is not installed.
        UnknownNameError: No loss, or no parameter, has this name.
        InputError: The loss needs further arrays.
    """
    need("lightgbm")
    return LightGBMMetric(loss, **parameters)


class LightGBMObjective(Objective):
    """A loss for ``objective`` of ``lightgbm.train`` and of the wrappers; made by :func:`objective`."""

    library = "lightgbm"

    def __call__(self, y_true: Any, y_pred: Any, weight: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and hessian, float32, for (targets, scores, weights) or for (scores, ``Dataset``)."""
        prediction, target, weight, _ = unpack(y_true, y_pred, weight)
        gradient, hessian = self.derivatives(prediction, target, weight)
        return gradient.astype(np.float32), hessian.astype(np.float32)

    @property
    def metric(self) -> LightGBMMetric:
        """The same loss for ``feval=`` of ``lightgbm.train`` and ``eval_metric=`` of ``fit``."""
        return LightGBMMetric(self.definition, **self.parameters)


class LightGBMMetric(Metric):
    """A loss for ``feval=`` and ``eval_metric=``; made by :func:`metric` or ``objective.metric``."""

    library = "lightgbm"

    def __call__(self, y_true: Any, y_pred: Any, weight: Any = None) -> tuple[str, float, bool]:
        """Return (name, mean, False: lower is better) for (targets, predictions, weights) or (predictions, data)."""
        prediction, target, weight, _ = unpack(y_true, y_pred, weight)
        return self.definition.name, self.value(prediction, target, weight), False
