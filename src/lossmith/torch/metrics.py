"""Metrics with a state, as torchmetrics users know them: ``update``, ``compute``, ``reset``, ``merge_state``.

>>> import torch
>>> from lossmith.torch.metrics import AUROC, Accuracy
>>> accuracy = Accuracy(classes=3)
>>> accuracy.update(torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), torch.tensor([0, 1]))
>>> accuracy.compute().item()
0.5
>>> area = AUROC()
>>> area.update(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0, 0, 1, 1]))
>>> area.compute().item(), str(area.bracket())
(0.75, '0.75 ± 0 (guaranteed)')

The numbers are those of ``lossmith.evaluate``, by the same formulas, from whole numbers and float64 sums. States are of
fixed size, move with ``.to(device)``, are saved by ``state_dict`` and merge; under ``torch.distributed`` ``compute`` is
over the rows of all ranks. Predictions come first, classes are on axis 1, as in ``torch.nn``.
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
from .metrics_numbers import MAE, R2, RMSE
from .metrics_scores import AUROC, AveragePrecision, Brier, CalibrationError, LogLoss, Perplexity

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
