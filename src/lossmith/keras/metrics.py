"""Metrics for ``model.compile(metrics=[…])``, on the TensorFlow, JAX and PyTorch backends.

>>> from lossmith.keras.metrics import AUROC, LogLoss  # doctest: +SKIP
>>> model.compile(loss="binary_crossentropy", metrics=[AUROC(), LogLoss()])  # doctest: +SKIP

The numbers are those of ``lossmith.evaluate``, by the same formulas, in float32. They run inside of compiled steps,
take ``sample_weight`` (as ``weighted_metrics``) and masks, and are saved with the model. Counts are right beyond 2**24
rows, where a float32 stops counting. Where nothing was seen the number is 0, as with Keras' own metrics; where a label
is out of range, or a score is NaN, it is NaN.
"""

from .metrics_base import Metric
from .metrics_counts import (
    MCC,
    Accuracy,
    BalancedAccuracy,
    CohenKappa,
    ConfusionMatrix,
    FBeta,
    MeanIoU,
    Precision,
    Recall,
)
from .metrics_scores import AUROC, MAE, R2, RMSE, AveragePrecision, Brier, CalibrationError, LogLoss, Perplexity

__all__ = [
    "AUROC",
    "MAE",
    "MCC",
    "R2",
    "RMSE",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "Brier",
    "CalibrationError",
    "CohenKappa",
    "ConfusionMatrix",
    "FBeta",
    "LogLoss",
    "MeanIoU",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
]
