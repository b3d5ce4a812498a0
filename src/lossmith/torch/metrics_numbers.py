"""Metrics of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import call
from ..errors import ShapeError
from ..evaluation.moments import Spread
from ..losses import find
from .metrics_base import MeanMetric, Metric


class _Errors(MeanMetric):
    """The mean of an elementwise loss of numbers, (N, …) prediction and target."""

    higher_is_better = False
    _name = ""

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        p, t = (x.to(torch.float64) for x in (prediction, target))
        self._add(call(find(self._name), p, t, parameters={}, reduction="none"))


class MAE(_Errors):
    """Mean absolute error."""

    _name = "absolute_error"


class RMSE(_Errors):
    """Root of the mean squared error."""

    _name = "squared_error"

    def _result(self) -> Any:
        return np.sqrt(self._mean())


class R2(Metric):
    """R²: 1 - squared error / squared distance from the mean of the target; the mean over several columns.

    Args:
        columns: How many targets there are per row.
        options: As for :class:`Metric`.

    ``update`` takes (N,) or (N, columns) numbers.
    """

    higher_is_better = True
    rows: Tensor
    mean: Tensor
    squares: Tensor
    error: Tensor

    def __init__(self, columns: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.columns = columns
        self._keep("rows", dtype=torch.float64)
        for name in ("mean", "squares", "error"):
            self._keep(name, (columns,), torch.float64)

    def _look(self, prediction: Tensor, target: Tensor) -> None:
        wanted = (target.shape[0], self.columns) if target.ndim else ()
        if prediction.shape != target.shape or target.ndim > 2 or target.numel() != math.prod(wanted):
            raise ShapeError(
                f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; expected "
                f"{'(N,)' if self.columns == 1 else f'(N, {self.columns})'} for both"
            )
        if not target.numel():
            return
        p, t = (x.reshape(wanted).to(torch.float64) for x in (prediction, target))
        mean = t.mean(dim=0)
        rows = torch.tensor(target.shape[0], dtype=torch.float64, device=t.device)
        squares = call(find("squared_error"), t, mean.expand_as(t), parameters={}, reduction="none").sum(dim=0)
        error = call(find("squared_error"), p, t, parameters={}, reduction="none").sum(dim=0)
        self._fold({"rows": rows, "mean": mean, "squares": squares, "error": error})

    def _fold(self, other: Any) -> None:
        device = self.rows.device
        rows, mean, squares, error = (other[n].to(device) for n in ("rows", "mean", "squares", "error"))
        both = Spread(self.rows, self.mean, self.squares).merge(Spread(rows, mean, squares), torch)
        self.rows, self.mean, self.squares = both.weight, both.mean, both.squares
        self.error = self.error + error

    def _result(self) -> Any:
        error, squares = self.error.cpu().numpy(), self.squares.cpu().numpy()
        return np.mean(1 - error / squares) if (squares > 0).all() else math.nan
