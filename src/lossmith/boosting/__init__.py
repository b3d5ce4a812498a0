"""Losses as objectives and metrics of gradient boosting: XGBoost, LightGBM and CatBoost.

>>> import lossmith
>>> lossmith.boosting.xgboost.objective("focal", gamma=1.5)
lossmith.boosting.xgboost.objective('sigmoid_focal', gamma=1.5)
>>> lossmith.boosting.base_score("quantile", [1.0, 2.0, 5.0, 9.0], level=0.75)
5.0

One module per library, each with ``objective(loss, hessian="auto", **parameters)``. Gradient and hessian come from the
definition of the loss, the checks of targets and weights from the core. Every loss of :func:`losses` is accepted: those
of one value per element whose prediction is any real number (a boosted model answers any real number), and those over
classes that are made of a softmax. A library is imported when its objective is made, not before.
"""

from . import catboost, lightgbm, xgboost
from .accept import losses
from .objective import Metric, Objective
from .start import base_score

__all__ = ["Metric", "Objective", "base_score", "catboost", "lightgbm", "losses", "xgboost"]
