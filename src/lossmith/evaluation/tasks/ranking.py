"""Ranking: a score per item, its relevance, and the group (query, user) within which items are put in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DomainError, InputError, ShapeError
from .. import findings
from ..arrays import Locate, is_text, position, to_array, to_numpy
from ..groups import Groups
from ..intervals import mean_of, of_mean
from ..result import Evaluation, Metric
from ..slices import MISSING, texts
from ..verdict import claim, number
from .given import Given
from .words import counted, interval

if TYPE_CHECKING:
    from ...doctor import Findings

CUT = 10  # the k of NDCG@k where none is given
_TITLES = {"ndcg": "NDCG", "map": "MAP", "mrr": "MRR", "auc": "ROC AUC within groups"}


@dataclass(frozen=True)
class Number:
    """A number over groups: its mean, the mean's interval, and that of items scored alike; None where not defined."""

    value: float | None
    ends: tuple[float | None, float | None]
    alike: float | None


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """What there is to tell of groups.

    Attributes:
        items: How many in all groups.
        groups: How many.
        k: Where lists are cut.
        numbers: By name, those of :class:`lossmith.evaluation.groups.Groups`.
        gain: The interval of the mean of NDCG@k less that of items scored alike.
        relevant: The mean NDCG@k of the groups with a relevant item, or None.
        empty: Groups without a relevant item.
        alone: Groups of one item.
        mixed: Groups with items of both kinds.
        worse: Groups in an order worse than a random one.
    """

    items: int
    groups: int
    k: int
    numbers: Mapping[str, Number]
    gain: tuple[float | None, float | None]
    relevant: float | None
    empty: int
    alone: int
    mixed: int
    worse: int


def evaluation(given: Given) -> Evaluation:
    """Return the evaluation of items (N,) in groups."""
    score, relevance, group = _prepared(given)
    k = CUT if given.k is None else int(given.k)
    groups = Groups.of(score, relevance, group)
    mine, alike = groups.numbers(k), Groups.of(np.zeros(score.size), relevance, group).numbers(k)
    first = f"ndcg_at_{k}"
    relevant = np.bincount(groups.group, weights=groups.relevance > 0)
    some = mine[first][relevant > 0]
    return told(
        Ranked(
            items=score.size,
            groups=groups.size.size,
            k=k,
            numbers={name: _number(values, alike[name]) for name, values in mine.items()},
            gain=of_mean(mine[first] - alike[first], None),
            relevant=float(some.mean()) if some.size else None,
            empty=int((relevant == 0).sum()),
            alone=int((groups.size == 1).sum()),
            mixed=int(((relevant > 0) & (relevant < groups.size)).sum()),
            worse=int((mine[first] < alike[first] - 1e-12).sum()),
        ),
        given.assumptions,
    )


def told(found: Ranked, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of what there is to tell."""
    metrics = {name: _metric(name, x) for name, x in found.numbers.items()}
    first = metrics[f"ndcg_at_{found.k}"]
    verdict = _verdict(first, found, metrics["map"])
    return Evaluation(
        task="ranking",
        form="values",
        rows=found.items,
        class_names=(),
        losses={},
        metrics=metrics,
        confusion=None,
        per_class=(),
        verdict=verdict,
        findings=_findings(verdict, found),
        assumptions=assumptions,
        notes=_notes(found, first),
    )


def check_group(group: Any) -> None:
    """Raise InputError unless there are groups."""
    if group is None:
        raise InputError("task 'ranking' needs group= (--group): which query or user each item belongs to")


def _prepared(given: Given) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, relevances and indices of groups, (N,) each."""
    check_group(given.group)
    score, relevance = checked(given.prediction, given.target, position)
    names = texts("group", to_numpy("group", given.group).reshape(-1))
    if names.shape != score.shape:
        raise ShapeError(f"group has {names.size} values for {score.size} items; expected one per item")
    if (names == MISSING).any():
        raise DomainError(f"group is missing at {position(int(np.argmax(names == MISSING)))}; leave such rows out")
    return score, relevance, np.unique(names, return_inverse=True)[1].reshape(-1)


def checked(prediction: Any, target: Any, locate: Locate) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and relevances, (N,) float64 both.

    Raises:
        InputError: They are no such numbers; the subclass and the text say what.
    """
    score, relevance = to_array("prediction", prediction, locate), to_array("target", target, locate)
    for name, x in (("prediction", score), ("target", relevance)):
        if is_text(x):
            raise InputError(f"{name} holds text ({str(x[0])!r} at {locate(0)}); ranking takes numbers")
        if x.ndim != 1:
            raise ShapeError(
                f"{name} has shape {x.shape}; ranking takes (N,), one number per item of all groups: .reshape(-1), and "
                "group= says which item belongs where"
            )
    if score.shape != relevance.shape:
        raise ShapeError(f"prediction has {score.size} items and target has {relevance.size}; expected as many")
    bad = (relevance < 0) | ~np.isfinite(relevance)
    if bad.any():
        at = int(np.argmax(bad))
        raise DomainError(
            f"target is {relevance[at]:g} at {locate(at)}; a relevance is 0 for none and larger the more there is"
        )
    return score.astype(np.float64), relevance.astype(np.float64)


def _number(values: np.ndarray, alike: np.ndarray) -> Number:
    known = ~np.isnan(values)
    if not known.any():
        return Number(None, (None, None), None)
    mean = mean_of(values[known], None)
    return Number(mean.value, mean.share_interval(), float(alike[known].mean()))


def _metric(name: str, found: Number) -> Metric:
    head, _, k = name.partition("_at_")
    title = _TITLES.get(head, head) + (f"@{k}" if k else "")
    low, high = found.ends
    ends = (None, None) if low is None or high is None else (max(0.0, low), min(1.0, high))
    return Metric(name=name, title=title, value=found.value, low=ends[0], high=ends[1], constant=found.alike)


def _verdict(first: Metric, found: Ranked, average: Metric) -> str:
    _, start = claim("items in random order", *found.gain)
    return (
        f"{start}: {first.title} {number(first.value)}{interval(first.low, first.high)} against "
        f"{number(first.constant)}, over {counted(found.groups, 'group')}; MAP {number(average.value)} against "
        f"{number(average.constant)}."
    )


def _findings(verdict: str, ranked: Ranked) -> Findings:
    found = [*findings.of_verdict(verdict), findings.few(ranked.groups, "group")]
    worse = ranked.worse / ranked.groups
    if worse > 0.25 and ranked.groups >= findings.FEW_ROWS:
        found.append(
            findings.finding(
                "EVAL14",
                what=f"In {100 * worse:.0f} % of the groups the order is worse than a random one.",
                evidence=f"{ranked.worse} of {ranked.groups} groups.",
                share=worse,
            )
        )
    return findings.ordered(f for f in found if f is not None)


def _notes(ranked: Ranked, first: Metric) -> tuple[str, ...]:
    found, groups = [], ranked.groups
    if ranked.empty:
        rest = ranked.relevant
        without = "" if rest is None else f"; without them {first.title} is {number(rest)}"
        found.append(
            f"{ranked.empty} of {groups} groups hold no relevant item and count as 0, as in scikit-learn{without}."
        )
    if ranked.alone:
        found.append(f"{ranked.alone} of {groups} groups hold one item, whose order is always right.")
    if ranked.mixed < groups:
        found.append(f"ROC AUC is the mean over the {ranked.mixed} groups that hold items of both kinds.")
    return tuple(found)
