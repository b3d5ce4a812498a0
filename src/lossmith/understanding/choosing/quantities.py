"""The losses for counts, for positive and skewed amounts, and for amounts that are often 0."""

from __future__ import annotations

import numpy as np

from .column import Column
from .readings import skewness
from .result import Expected, Suggestion
from .suggesting import AS_FLOATS, UNTRAINED, Advice, Labels, always, bias, new_model, squared, suggest
from .words import literal, percent, plural, shown
from .yardsticks import constant, untrained

_OVERDISPERSED = 2.0  # variance over mean above which a Poisson likelihood is no longer the first choice
_EXCESS = 1.2  # variance over mean above which a negative binomial is worth a word
_POWER = 1.5  # of Tweedie: in the middle between counts and gamma amounts
_COUNTS = Labels("counts as floats, as they are", AS_FLOATS)
_AMOUNTS = Labels("amounts as floats, as they are", AS_FLOATS)


# --- counts ----------------------------------------------------------------------------------------------------------
def counts(column: Column, positive: str | None) -> Advice:
    """Return the advice for whole numbers from 0 on."""
    y = column.values.astype(np.float64)
    mean, variance = float(y.mean()), float(y.var())
    found = [_poisson(y, mean, variance)]
    if variance > _EXCESS * mean:
        found.insert(0 if variance > _OVERDISPERSED * mean else 1, _negative_binomial(y, mean, variance))
    return tuple(found), _zero_inflated(y, mean, variance)


def _poisson(y: np.ndarray, mean: float, variance: float) -> Suggestion:
    answer, value = constant("poisson_log_rate", y)
    return suggest(
        "poisson_log_rate",
        f"counts whose variance is {shown(variance / mean)} times the mean (1 would be Poisson); the mean comes out "
        "right whatever the variance is",
        _COUNTS,
        1,
        "no activation: the logarithm of the rate (but exponential in Keras, whose loss takes the rate)",
        new_model("", untrained("poisson_log_rate", y), f"{UNTRAINED}: a rate of 1"),
        always("m - m ln m", value, f"the mean m = {shown(mean)}"),
        bias("ln m", float(answer), "so that the first answer is the mean"),
    )


def _negative_binomial(y: np.ndarray, mean: float, variance: float) -> Suggestion:
    dispersion = float(literal((variance - mean) / mean**2))
    parameters = {"dispersion": dispersion}
    return suggest(
        "negative_binomial_nll",
        f"counts that vary more than Poisson ones: variance {shown(variance)}, mean {shown(mean)}. From these comes "
        f"the dispersion, {shown(dispersion)}; lower it where the model explains part of the variance",
        _COUNTS,
        1,
        "exponential: the mean",
        new_model("", untrained("negative_binomial_nll", y, parameters, output=1.0), f"{UNTRAINED}: a mean of 1"),
        always("", constant("negative_binomial_nll", y, parameters)[1], f"the mean, {shown(mean)}"),
        bias("ln m", float(np.log(mean)), "so that the first answer is the mean"),
        extra=f"dispersion={literal(dispersion)}",
    )


def _zero_inflated(y: np.ndarray, mean: float, variance: float) -> tuple[str, ...]:
    """Say where zeros are more than the distributions expect."""
    zeros = float(np.mean(y == 0))
    expected, name = float(np.exp(-mean)), "a Poisson count of this mean"
    if variance > mean:
        dispersion = (variance - mean) / mean**2
        expected = float((1 + dispersion * mean) ** (-1 / dispersion))
        name = "a negative binomial count of this mean and variance"
    error = (expected * (1 - expected) / len(y)) ** 0.5
    if zeros - expected < max(0.02, 4 * error):
        return ()
    return (
        f"More zeros than expected: {percent(zeros)} of the rows, where {name} has {percent(expected)}. If zeros have "
        "a cause of their own, take two models: a yes or no for «above 0», and counts for the rows above 0.",
    )


# --- amounts ---------------------------------------------------------------------------------------------------------
def positive_amounts(column: Column, positive: str | None) -> Advice:
    """Return the advice for positive, skewed numbers."""
    y = column.values.astype(np.float64)
    scaled, labels, unit = _by_mean(y)
    logs = np.log(y)
    first = suggest(
        "gamma_log_mean",
        f"positive and skewed (skewness {shown(skewness(y))}, of the logarithm {shown(skewness(logs))}): relative "
        "errors count, and the answer is the mean",
        labels,
        1,
        f"no activation: the logarithm of the mean{unit}",
        *_log_mean("gamma_log_mean", scaled, "1 + ln m", {}),
    )
    why = (
        "on the logarithm: twice too much costs as much as half; the answer is the geometric mean, "
        f"{shown(np.exp(logs.mean()))} over all rows, and the mean is {shown(y.mean())}"
    )
    of_logs = Labels("logarithms as floats; np.exp of the answer is the amount", 'y = np.log(y).astype("float32")')
    return (first, squared(logs, of_logs, why, f"the mean logarithm, {shown(logs.mean())}", "ln y")), ()


def nonnegative(column: Column, positive: str | None) -> Advice:
    """Return the advice for amounts that are often exactly 0."""
    y = column.values.astype(np.float64)
    zeros = float(np.mean(y == 0))
    scaled, labels, unit = _by_mean(y)
    first = suggest(
        "tweedie_log_mean",
        f"amounts from 0 on, {percent(zeros)} exactly 0: one distribution for both, and the answer is the mean",
        labels,
        1,
        f"no activation: the logarithm of the mean{unit}",
        *_log_mean("tweedie_log_mean", scaled, "4 √m", {"power": _POWER}),
        extra=f"power={_POWER}",
    )
    start = untrained("squared_logarithmic_error", y, output=float(np.log(2)))
    answer, value = constant("squared_logarithmic_error", y)
    other = suggest(
        "squared_logarithmic_error",
        "if ratios count, and 0 is a small amount like others: squared difference of ln(1 + y)",
        _AMOUNTS,
        1,
        "softplus: the amount",
        new_model("", start, f"{UNTRAINED}: an amount of ln 2"),
        always("Var ln(1 + y)", value, shown(float(answer))),
    )
    return (first, other), _two_models(y, zeros)


def _two_models(y: np.ndarray, zeros: float) -> tuple[str, ...]:
    if not zeros:
        return ()
    above = y[y > 0]
    return (
        f"If zeros have a cause of their own, take two models: a yes or no for «above 0» ({percent(1 - zeros)} of the "
        f"rows), and an amount for those {plural(len(above), 'row')}, whose mean is {shown(above.mean())}.",
    )


def _by_mean(y: np.ndarray) -> tuple[np.ndarray, Labels, str]:
    """Return y in units of its mean where that is far from 1, the labels, and what the answer is measured in."""
    mean = float(y.mean())
    if 0.5 <= mean <= 2:
        return y, _AMOUNTS, ""
    labels = Labels(
        f"amounts divided by their mean, {shown(mean)}, as floats", f'y = (y / {literal(mean)}).astype("float32")'
    )
    return y / float(literal(mean)), labels, f" in units of {shown(mean)}"


def _log_mean(loss: str, y: np.ndarray, formula: str, parameters: dict[str, float]) -> tuple[Expected, Expected]:
    return (
        new_model("", untrained(loss, y, parameters), f"{UNTRAINED}: a mean of 1"),
        always(formula, constant(loss, y, parameters)[1], f"the mean m = {shown(y.mean())}"),
    )
