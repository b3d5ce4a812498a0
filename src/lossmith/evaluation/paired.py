"""Differences between predictions of the same rows: intervals, tests, and how many rows would tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from .intervals import Z, normal
from .p_values import at_least, two_sided
from .scorers import Score

ALPHA = 0.05
POWER = 0.8
_DRAWS = 5e7  # rows times replicates, about
_REPLICATES = (200, 1000)
_EXACT = 10_000  # discordant rows up to which McNemar's test is exact


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How one number of one set of predictions differs from that of the first one.

    Attributes:
        model: Whose number it is.
        metric: Its key: "accuracy", "log_loss", …
        title: As written in running text.
        higher_is_better: Which way is up.
        first: The first one's value.
        value: The model's value.
        difference: ``value - first``.
        low: Lower end of the 95 % confidence interval of the difference, paired by row; ``high`` likewise.
        p: Two-sided p-value of no difference; None where it is not defined.
        rows_needed: How many rows would show a difference of this size with a chance of 80 %; None where there is none.
        better: True or False where the interval does not hold 0, None where it does.
    """

    model: str
    metric: str
    title: str
    higher_is_better: bool
    first: float
    value: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    rows_needed: int | None
    better: bool | None


@dataclass(frozen=True, kw_only=True)
class Discordant:
    """McNemar's test: rows that one has right and the other one wrong, and how likely so uneven by chance."""

    model: str
    first_only: int
    model_only: int
    p: float


def differences(
    first: dict[str, Score], others: Sequence[tuple[str, dict[str, Score]]], weight: np.ndarray, seed: int
) -> list[Difference]:
    """Return the differences of each number that all have, model by model.

    Means over rows get the normal interval of their paired differences; all else a percentile interval over Poisson
    weights, the same for all models, so rows stay paired.

    Args:
        first: The numbers of the first predictions.
        others: (name, numbers) of the others.
        weight: (N,) factors per row.
        seed: Of the bootstrap.
    """
    names = [n for n in first if all(n in scores for _, scores in others)]
    drawn = [n for n in names if first[n].rows is None]
    replicates = _replicates([first, *(scores for _, scores in others)], drawn, weight, seed)
    found = []
    for k, (model, scores) in enumerate(others, start=1):
        for name in names:
            one, other = first[name], scores[name]
            values = one.value(weight), other.value(weight)
            if one.rows is not None and other.rows is not None:
                low, high, error, p = _of_means(other.rows - one.rows, weight)
            else:
                at = drawn.index(name)
                low, high, error, p = _of_replicates(replicates[:, k, at] - replicates[:, 0, at])
            found.append(_difference(model, one, values, (low, high), error, p, weight.size))
    return found


def _difference(
    model: str,
    score: Score,
    values: tuple[float, float],
    interval: tuple[float | None, float | None],
    error: float,
    p: float | None,
    rows: int,
) -> Difference:
    low, high = interval
    gap = values[1] - values[0]
    told = low is not None and high is not None and not low <= 0 <= high
    return Difference(
        model=model,
        metric=score.name,
        title=score.title,
        higher_is_better=score.higher,
        first=values[0],
        value=values[1],
        difference=gap,
        low=low,
        high=high,
        p=p,
        rows_needed=rows_needed(gap, error, rows),
        better=(gap > 0) == score.higher if told else None,
    )


def rows_needed(difference: float, error: float, rows: int) -> int | None:
    """Return how many rows would show a difference with a chance of 80 % in a two-sided test at 5 %.

    The standard error falls with the root of the rows, so ``n * ((1.96 + 0.84) * error / difference)²``.

    Args:
        difference: As observed; the answer is only as good as it.
        error: Its standard error.
        rows: With so many rows.

    >>> rows_needed(0.01, 0.01, 1000)
    7849
    """
    if not difference or not math.isfinite(difference) or not error > 0 or not math.isfinite(error):
        return None
    return math.ceil(rows * ((Z + NormalDist().inv_cdf(POWER)) * error / difference) ** 2)


def mcnemar(first: np.ndarray, other: np.ndarray, model: str) -> Discordant:
    """Return McNemar's test; exact (binomial) up to 10,000 discordant rows, then normal with continuity correction.

    Args:
        first: (N,) bool: whether the first one is right.
        other: (N,) bool, likewise.
        model: Name of the other.

    >>> found = mcnemar(np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool), "B")
    >>> found.first_only, found.model_only, found.p
    (2, 1, 1.0)
    """
    one, two = int(np.sum(first & ~other)), int(np.sum(~first & other))
    both, few = one + two, min(one, two)
    if not both:
        p = 1.0
    elif both <= _EXACT:
        p = min(1.0, 2 * at_least(both - few, both, 0.5))
    else:
        p = two_sided(max(0.0, abs(one - two) - 1) / math.sqrt(both))
    return Discordant(model=model, first_only=one, model_only=two, p=p)


def _of_means(gap: np.ndarray, weight: np.ndarray) -> tuple[float | None, float | None, float, float | None]:
    """Return interval, standard error and p-value of a weighted mean of differences."""
    if not gap.any():
        return 0.0, 0.0, 0.0, 1.0
    low, high = normal(gap, weight)
    if low is None or high is None:
        return None, None, math.nan, None
    error, middle = (high - low) / (2 * Z), (high + low) / 2
    p = two_sided(middle / error) if error > 0 else 0.0
    return low, high, error, p


def _of_replicates(gap: np.ndarray) -> tuple[float | None, float | None, float, float | None]:
    known = gap[np.isfinite(gap)]
    if known.size < _REPLICATES[0] // 2:
        return None, None, math.nan, None
    low, high = (float(x) for x in np.quantile(known, [ALPHA / 2, 1 - ALPHA / 2]))
    tail = min(np.sum(known <= 0), np.sum(known >= 0))
    return low, high, float(known.std()), min(1.0, 2 * (float(tail) + 1) / (known.size + 1))


def _replicates(models: Sequence[dict[str, Score]], names: Sequence[str], weight: np.ndarray, seed: int) -> np.ndarray:
    """Return the numbers under Poisson weights, (R, models, names)."""
    times = int(np.clip(_DRAWS / weight.size, *_REPLICATES)) if names else 0
    rng = np.random.default_rng(seed)
    found = np.empty((times, len(models), len(names)))
    with np.errstate(all="ignore"):
        for r in range(times):
            drawn = weight * rng.poisson(1.0, weight.size)
            found[r] = [[m[n].value(drawn) if drawn.any() else math.nan for n in names] for m in models]
    return found
