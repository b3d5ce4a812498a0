"""The losses for numbers of any sign: their scale, their outliers, and several of them per row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .column import Column
from .result import Suggestion
from .suggesting import AS_FLOATS, Advice, Labels, always, new_model, squared, suggest
from .words import literal, percent, plural, shown
from .yardsticks import constant, untrained

CONSISTENT = 1.4826  # times the median absolute deviation is the standard deviation of a normal distribution
EFFICIENT = 1.345  # robust standard deviations: the delta of Huber that loses 5 % on normal errors
_OUTLIER = 5.0  # robust standard deviations from the median
_HEAVY = 0.1  # share of the squared deviations in outliers above which they rule a squared error


@dataclass(frozen=True)
class _Scaled:
    """A target as it goes into training, its labels, and its robust standard deviation."""

    y: np.ndarray
    labels: Labels
    robust: float


def regression(column: Column, positive: str | None) -> Advice:
    """Return the advice for numbers, one or several per row."""
    y = column.values.astype(np.float64)
    if y.ndim == 2:
        return _several(column, y)
    centre = float(np.median(y))
    robust = CONSISTENT * float(np.median(np.abs(y - centre)))
    far = np.abs(y - centre) > _OUTLIER * robust
    ruled = float(np.sum((y[far] - y.mean()) ** 2) / np.sum((y - y.mean()) ** 2))
    if robust > 0 and ruled >= _HEAVY:
        scaled = _scaled(y, robust, "median", centre, "robust standard deviation", robust)
        return _heavy(scaled, far, ruled, robust), _scale_note(y)
    scaled = _scaled(y, robust, "mean", float(y.mean()), "standard deviation", float(y.std()))
    return _light(scaled), _scale_note(y)


def _light(scaled: _Scaled) -> tuple[Suggestion, ...]:
    why = "no outliers rule the squares, and the answer is the mean"
    between = [_huber(scaled, "between the two, if single targets may be wrong")] if scaled.robust > 0 else []
    return _squared(scaled, why), _absolute(scaled), *between


def _heavy(scaled: _Scaled, far: np.ndarray, ruled: float, robust: float) -> tuple[Suggestion, ...]:
    lie = "lies" if far.sum() == 1 else "lie"
    why = (
        f"{plural(int(far.sum()), 'row')} ({percent(float(far.mean()))}) {lie} more than {_OUTLIER:g} robust standard "
        f"deviations ({shown(robust)} each) from the median and would make {percent(ruled)} of a squared error"
    )
    rule = "if those rows matter as much as their distance says: the answer is the mean"
    return _huber(scaled, why), _absolute(scaled), _squared(scaled, rule)


# --- one loss each ---------------------------------------------------------------------------------------------------
def _squared(scaled: _Scaled, why: str) -> Suggestion:
    return squared(scaled.y, scaled.labels, why, f"the mean, {_tidy(float(scaled.y.mean()), scaled.y)}")


def _absolute(scaled: _Scaled) -> Suggestion:
    answer, value = constant("absolute_error", scaled.y)
    return suggest(
        "absolute_error",
        "errors count as they are, and the answer is the median",
        scaled.labels,
        1,
        "no activation: a number",
        new_model("mean of |y|", untrained("absolute_error", scaled.y)),
        always("MAE about the median", value, f"the median, {_tidy(float(answer), scaled.y)}"),
    )


def _huber(scaled: _Scaled, why: str) -> Suggestion:
    delta = float(literal(EFFICIENT * scaled.robust))
    answer, value = constant("huber", scaled.y, {"delta": delta})
    return suggest(
        "huber",
        f"{why}. Its delta, {EFFICIENT} × {CONSISTENT} × MAD = {shown(delta)}, takes the spread of the target for that "
        "of the errors: set it anew from the residuals once there is a model",
        scaled.labels,
        1,
        "no activation: a number",
        new_model("", untrained("huber", scaled.y, {"delta": delta})),
        always("", value, _tidy(float(answer), scaled.y)),
        extra=f"delta={literal(delta)}",
    )


def _tidy(x: float, y: np.ndarray) -> str:
    """Return a number, and 0 for what rounding has left of it."""
    return shown(0.0 if abs(x) < 1e-4 * float(y.std()) else x)


# --- the scale -------------------------------------------------------------------------------------------------------
def _far_from_1(y: np.ndarray) -> bool:
    """Whether a network that starts with outputs near 0 and takes steps near 1 has a long way to go."""
    spread = float(y.std())
    return not 0.1 <= spread <= 10 or abs(float(y.mean())) > 10 * spread


def _scaled(y: np.ndarray, robust: float, middle: str, centre: float, width: str, spread: float) -> _Scaled:
    """Return y minus its middle and divided by its width where it is far from 0 and 1."""
    if not _far_from_1(y):
        return _Scaled(y, Labels("floats, as they are", AS_FLOATS), robust)
    words = f"floats, scaled: minus the {middle}, {shown(centre)}, divided by the {width}, {shown(spread)}"
    minus = f"- {literal(centre)}" if centre >= 0 else f"+ {literal(-centre)}"
    line = f'y = ((y {minus}) / {literal(spread)}).astype("float32")'
    divisor = float(literal(spread))
    return _Scaled((y - float(literal(centre))) / divisor, Labels(words, line), robust / divisor)


def _scale_note(y: np.ndarray) -> tuple[str, ...]:
    if not _far_from_1(y):
        return ()
    return (
        f"Scale the target: its mean is {shown(y.mean())} and its standard deviation {shown(y.std())}, while a new "
        "network answers near 0 and learns in steps near 1. Unscaled, the first squared error is "
        f"{shown(float(np.mean(y**2)))}; always answering the mean scores Var y = {shown(y.var())}, and the median a "
        f"mean absolute error of {shown(constant('absolute_error', y)[1])}. Take the scale from the training rows "
        "alone, and undo it on the answers.",
    )


# --- several numbers per row -----------------------------------------------------------------------------------------
def _several(column: Column, y: np.ndarray) -> Advice:
    k, spread = y.shape[1], y.std(axis=0)
    flat = [repr(label) for label, s in zip(column.labels, spread, strict=True) if s == 0]
    if flat:
        notes = (f"Nothing to learn in {', '.join(flat)}: the same in every row; leave it out.",)
        return _of_columns(y, Labels(f"floats, (N, {k}), as they are", AS_FLOATS)), notes
    if spread.max() <= 3 * spread.min() and not any(_far_from_1(one) for one in y.T):
        return _of_columns(y, Labels(f"floats, (N, {k}), as they are", AS_FLOATS)), ()
    words = f"floats, (N, {k}), each column minus its mean and divided by its standard deviation"
    line = 'y = ((y - y.mean(axis=0)) / y.std(axis=0)).astype("float32")'
    return _of_columns((y - y.mean(axis=0)) / spread, Labels(words, line)), (_columns_note(column, spread),)


def _columns_note(column: Column, spread: np.ndarray) -> str:
    least, most = int(np.argmin(spread)), int(np.argmax(spread))
    share = percent(float(spread[most] ** 2 / np.sum(spread**2)))
    return (
        f"Scale each column: the standard deviations go from {shown(spread[least])} ({column.labels[least]!r}) to "
        f"{shown(spread[most])} ({column.labels[most]!r}), so that {column.labels[most]!r} would make {share} of what "
        "always answering the means scores. Take the scales from the training rows alone, and undo them on the answers."
    )


def _of_columns(y: np.ndarray, labels: Labels) -> tuple[Suggestion, ...]:
    k = y.shape[1]
    mean = suggest(
        "squared_error",
        f"{k} numbers per row, and the answers are the means",
        labels,
        k,
        "no activation: numbers",
        new_model("mean of y²", untrained("squared_error", y)),
        always("mean Var y", constant("squared_error", y)[1], "the means"),
        columns=True,
    )
    median = suggest(
        "absolute_error",
        "errors count as they are, and the answers are the medians",
        labels,
        k,
        "no activation: numbers",
        new_model("mean of |y|", untrained("absolute_error", y)),
        always("mean MAE about the medians", constant("absolute_error", y)[1], "the medians"),
        columns=True,
    )
    return mean, median
