"""Metrics of predicted numbers, (N,) or (N, K); equal to scikit-learn's where it has them.

Of several targets each number is the plain mean over them, as in scikit-learn. Intervals are those of means
(``intervals``), by the delta method for ratios, and by order statistics for quantiles of the error.
"""

from __future__ import annotations

import numpy as np

from ..core import call
from ..losses import find
from .influence import of_shortfall
from .inputs import Inputs
from .intervals import Interval, effective_rows, of_mean, wilson
from .losses import best, parameters_at, values_per_row
from .result import Confusion, Metric, with_intervals

_ERROR_QUANTILE = 0.9


def compute(inputs: Inputs, level: float | None = None) -> tuple[list[Metric], Confusion | None, tuple[()]]:
    """Return the metrics; those that a stream has, too, come first.

    Args:
        inputs: The rows.
        level: That of the quantile which the predictions are meant to be, or None.
    """
    error = inputs.prediction - inputs.target
    rows = error if error.ndim == 1 else error.mean(axis=1)
    squared, absolute = _mean(inputs, "squared_error"), _mean(inputs, "absolute_error")
    spread = {n: of_mean(values_per_row(find(n), inputs), inputs.weight) for n in ("squared_error", "absolute_error")}
    r2, r2_ends = _shortfall(inputs, "squared_error")
    d2, d2_ends = _shortfall(inputs, "absolute_error")
    largest, middle = float(np.abs(error).max()), (_train(inputs).max(axis=0) + _train(inputs).min(axis=0)) / 2
    metrics = [
        Metric(name="rmse", title="RMSE", value=squared[0] ** 0.5, constant=squared[1] ** 0.5, proportion=False),
        Metric(name="mae", title="MAE", value=absolute[0], constant=absolute[1], proportion=False),
        Metric(name="r2", title="R²", value=r2, constant=0.0, proportion=False),
        *([_bias(inputs, rows)] if level is None else []),  # of a quantile there is meant to be one
        Metric(name="max_error", title="largest error", value=largest, proportion=False,
               constant=float(np.abs(inputs.target - middle).max())),
        *_quantiles(inputs, np.abs(error)),
        Metric(name="d2_absolute", title="D² (absolute error)", value=d2, constant=0.0, proportion=False),
        *_explained(inputs, error),
        _smape(inputs),
        *_rmsle(inputs),
        *([] if level is None else _of_level(inputs, level)),
    ]  # fmt: skip
    intervals = {
        "rmse": _roots(spread["squared_error"]),
        "mae": spread["absolute_error"],
        "r2": r2_ends,
        "d2_absolute": d2_ends,
    }
    return with_intervals(metrics, intervals), None, ()


def _bias(inputs: Inputs, rows: np.ndarray) -> Metric:
    low, high = of_mean(rows, inputs.weight)
    value, constant = float(np.average(rows, weights=inputs.weight)), 0.0
    if inputs.train_target is not None:
        theirs = np.average(inputs.target, axis=0, weights=inputs.weight)
        constant = float(np.mean(inputs.train_target.mean(axis=0) - theirs))
    name, title = "bias", "bias (mean error)"
    return Metric(name=name, title=title, value=value, low=low, high=high, constant=constant, proportion=False)


def _train(inputs: Inputs) -> np.ndarray:
    """Return the targets that the constant predictor learns from."""
    return inputs.target if inputs.train_target is None else inputs.train_target


def _mean(inputs: Inputs, name: str) -> tuple[float, float]:
    """Return a loss of the predictions and of the constant that is best for it."""
    loss, target, weight = find(name), inputs.target, inputs.weight
    constant = np.broadcast_to(best(loss, _train(inputs), _train_weight(inputs)), target.shape)
    values = (call(loss, p, target, parameters=loss.defaults, weight=weight) for p in (inputs.prediction, constant))
    first, second = map(float, values)
    return first, second


def _train_weight(inputs: Inputs) -> np.ndarray | None:
    return inputs.weight if inputs.train_target is None else None


def _shortfall(inputs: Inputs, name: str, level: float | None = None) -> tuple[float | None, Interval]:
    """Return 1 - loss / loss of the constant that is best on the target itself, with its interval.

    Of the squared error that is R², of the absolute and the quantile error D².
    """
    target = inputs.target.reshape(inputs.rows, -1)
    if (np.ptp(target, axis=0) == 0).any():
        return None, (None, None)
    loss = find(name)
    parameters = parameters_at(loss, level)
    constant = np.broadcast_to(best(loss, target, inputs.weight, parameters), target.shape)
    sides = inputs.prediction.reshape(target.shape), constant
    mine, theirs = (call(loss, p, target, parameters=parameters, reduction="none") for p in sides)
    means = [np.average(x, axis=0, weights=inputs.weight) for x in (mine, theirs)]
    if not np.all(means[1] > 0):
        return None, (None, None)
    return float(np.mean(1 - means[0] / means[1])), of_shortfall(mine, theirs, inputs.weight)


def _explained(inputs: Inputs, error: np.ndarray) -> list[Metric]:
    """Return R² without the bias: the share of the target's variance that is not in the errors."""
    target, error = inputs.target.reshape(inputs.rows, -1), error.reshape(inputs.rows, -1)
    value, ends = None, (None, None)
    if (np.ptp(target, axis=0) > 0).all():
        left, whole = ((x - np.average(x, axis=0, weights=inputs.weight)) ** 2 for x in (error, target))
        means = [np.average(x, axis=0, weights=inputs.weight) for x in (left, whole)]
        if np.all(means[1] > 0):
            value, ends = float(np.mean(1 - means[0] / means[1])), of_shortfall(left, whole, inputs.weight)
    name, title = "explained_variance", "explained variance"
    return [Metric(name=name, title=title, value=value, low=ends[0], high=ends[1], constant=0.0, proportion=False)]


def _quantiles(inputs: Inputs, size: np.ndarray) -> list[Metric]:
    """Return quantiles of the absolute error; the constant is the median."""
    train = _train(inputs)
    median = best(find("absolute_error"), train, _train_weight(inputs))
    constant = np.abs(inputs.target - median)
    found = []
    for name, title, share in (
        ("median_absolute_error", "median absolute error", 0.5),
        ("absolute_error_90", "absolute error, 90 % of rows below", _ERROR_QUANTILE),
    ):
        low, high = quantile_interval(size, share, inputs.weight)
        found.append(
            Metric(name=name, title=title, value=_over_columns(size, share, inputs.weight), low=low, high=high,
                   constant=_over_columns(constant, share, inputs.weight), proportion=False)
        )  # fmt: skip
    return found


def _over_columns(x: np.ndarray, share: float, weight: np.ndarray | None) -> float:
    return float(np.mean([quantile(column, share, weight) for column in x.reshape(len(x), -1).T]))


def quantile(x: np.ndarray, share: float, weight: np.ndarray | None) -> float:
    """Return the (weighted) quantile of x, (N,): the middle of the values between which it lies.

    >>> quantile(np.array([1.0, 2.0, 10.0, 20.0]), 0.5, None)
    6.0
    """
    order = np.argsort(x, kind="stable")
    heap = np.cumsum(np.ones(x.size) if weight is None else weight[order])
    at = share * heap[-1]
    slack = 1e-12 * heap[-1]  # sums of weights are rounded
    first, after = np.searchsorted(heap, at - slack), np.searchsorted(heap, at + slack, side="right")
    last = x.size - 1
    return float(x[order[min(first, last)]] + x[order[min(after, last)]]) / 2


def quantile_interval(x: np.ndarray, share: float, weight: np.ndarray | None) -> Interval:
    """Return the 95 % interval of a quantile of x, (N,), by order statistics; none for several columns."""
    rows = effective_rows(weight, len(x))
    if x.ndim > 1 or rows <= 1:
        return None, None
    low, high = wilson(share, rows)
    assert low is not None
    assert high is not None
    return quantile(x, low, weight), quantile(x, high, weight)


def _smape(inputs: Inputs) -> Metric:
    """Return the symmetric error in per cent of the mean size of both numbers; 0 where both are 0."""
    median = np.broadcast_to(best(find("absolute_error"), _train(inputs), _train_weight(inputs)), inputs.target.shape)
    rows, constant = (_symmetric(p, inputs.target) for p in (inputs.prediction, median))
    low, high = of_mean(rows, inputs.weight)
    value, theirs = (float(np.average(x, weights=inputs.weight)) for x in (rows, constant))
    name, title = "smape", "symmetric percentage error (sMAPE)"
    return Metric(name=name, title=title, value=value, low=low, high=high, constant=theirs, proportion=False)


def _symmetric(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    size = np.abs(prediction) + np.abs(target)
    found = 200 * np.abs(prediction - target) / np.where(size > 0, size, 1)
    return found if found.ndim == 1 else found.mean(axis=1)


def _rmsle(inputs: Inputs) -> list[Metric]:
    """Return the root of the squared logarithmic error, where all numbers lie in its domain."""
    loss = find("squared_logarithmic_error")
    sides = ((inputs.prediction, loss.prediction), (inputs.target, loss.target), (_train(inputs), loss.target))
    if any(domain.violations(x).any() for x, domain in sides):
        return []
    value, constant = _mean(inputs, loss.name)
    low, high = _roots(of_mean(values_per_row(loss, inputs), inputs.weight))
    return [
        Metric(name="rmsle", title="RMSLE", value=value**0.5, low=low, high=high, constant=constant**0.5,
               proportion=False)
    ]  # fmt: skip


def _of_level(inputs: Inputs, level: float) -> list[Metric]:
    """Return how often the target lies at or below a predicted quantile, and D² of its loss."""
    below = (inputs.target <= inputs.prediction).reshape(inputs.rows, -1).mean(axis=1)
    share = float(np.average(below, weights=inputs.weight))
    hits = inputs.target.ndim == 1
    ends = wilson(share, effective_rows(inputs.weight, inputs.rows)) if hits else of_mean(below, inputs.weight)
    d2, d2_ends = _shortfall(inputs, "quantile", level)
    return [
        Metric(name="coverage", title=f"targets below the prediction (wanted: {level:g})", value=share, low=ends[0],
               high=ends[1], constant=_share_below(inputs, level)),
        Metric(name="d2_quantile", title=f"D² (quantile {level:g})", value=d2, low=d2_ends[0], high=d2_ends[1],
               constant=0.0, proportion=False),
    ]  # fmt: skip


def _share_below(inputs: Inputs, level: float) -> float:
    loss = find("quantile")
    constant = best(loss, _train(inputs), _train_weight(inputs), parameters_at(loss, level))
    return float(np.average((inputs.target <= constant).reshape(inputs.rows, -1).mean(axis=1), weights=inputs.weight))


def _roots(ends: Interval) -> Interval:
    low, high = ends
    return (None, None) if low is None or high is None else (max(0.0, low) ** 0.5, max(0.0, high) ** 0.5)
