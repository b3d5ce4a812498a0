"""Numbers with their intervals and bounds, from states: what the summaries of all tasks ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import verdict
from ..result import Metric, finite
from ..states import Bracket, Bundle, LossSums

Ends = tuple[float | None, float | None]


def both(ends: tuple[float, float]) -> Ends:
    """Return both ends, or neither where one is not defined."""
    low, high = map(finite, ends)
    return (low, high) if low is not None and high is not None else (None, None)


def mean_interval(states: Bundle, total: Callable[[Any], np.ndarray]) -> Ends:
    """Return the interval of the mean per row of what ``total`` makes of the totals."""
    return both(states["bootstrap"].mean_interval(lambda t: total(t) / t["rows"]))


def mean_metric(name: str, title: str, state: LossSums, proportion: bool = True) -> Metric:
    """Return the mean of values per row."""
    found = state.result()
    low, high = found.of_group().interval()
    return Metric(name=name, title=title, value=float(found.mean[0]), low=low, high=high, proportion=proportion)


def bracketed(
    name: str, title: str, bracket: Bracket | None, constant: float | None, ends: Ends = (None, None)
) -> Metric:
    """Return a metric that is known with bounds."""
    if bracket is None:
        return Metric(name=name, title=title, value=None)
    bound = bracket.bound or None
    return Metric(
        name=name, title=title, value=bracket.value, low=ends[0], high=ends[1], constant=constant, bound=bound
    )


def said_of_bounds(metrics: Sequence[Metric]) -> list[str]:
    """Return a note on the metrics that are known with bounds, if there is one."""
    loose = [f"{m.title} {verdict.number(m.value)} ± {m.bound:.1g}" for m in metrics if m.bound]
    return [f"From score histograms, with guaranteed bounds: {', '.join(loose)}."] if loose else []
