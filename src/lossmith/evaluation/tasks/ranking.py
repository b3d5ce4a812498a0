"""Ranking: a score per item, its relevance, and the group (query, user) within which items are put in order."""

from __future__ import annotations

import numpy as np

from ...errors import DomainError, InputError, ShapeError
from ..arrays import is_text, position, to_array, to_numpy
from ..groups import Groups
from ..intervals import normal
from ..result import Evaluation, Metric
from ..slices import MISSING, texts
from ..verdict import FEW_ROWS, number
from .given import Given
from .words import counted, interval, standing

CUT = 10  # the k of NDCG@k where none is given
_TITLES = {"ndcg": "NDCG", "map": "MAP", "mrr": "MRR", "auc": "ROC AUC within groups"}


def evaluation(given: Given) -> Evaluation:
    """Return the evaluation of items (N,) in groups."""
    score, relevance, group, names = _prepared(given)
    k = CUT if given.k is None else int(given.k)
    groups = Groups.of(score, relevance, group)
    alike = Groups.of(np.zeros(score.size), relevance, group)
    mine, theirs = groups.numbers(k), alike.numbers(k)
    metrics = {name: _metric(name, values, theirs[name]) for name, values in mine.items()}
    first = f"ndcg_at_{k}"
    return Evaluation(
        task="ranking",
        form="values",
        rows=score.size,
        class_names=(),
        losses={},
        metrics=metrics,
        confusion=None,
        per_class=(),
        verdict=_verdict(metrics[first], mine[first] - theirs[first], metrics["map"], len(names)),
        findings=_findings(len(names), mine[first], theirs[first]),
        assumptions=given.assumptions,
        notes=_notes(groups, metrics[first], mine[first]),
    )


def _prepared(given: Given) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, relevances and indices of groups, (N,) each, and the names of the groups."""
    if given.group is None:
        raise InputError("task 'ranking' needs group= (--group): which query or user each item belongs to")
    score, relevance = to_array("prediction", given.prediction), to_array("target", given.target)
    for name, x in (("prediction", score), ("target", relevance)):
        if is_text(x):
            raise InputError(f"{name} holds text ({str(x[0])!r} at position 0); ranking takes numbers")
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
            f"target is {relevance[at]:g} at {position(at)}; a relevance is 0 for none and larger the more there is"
        )
    names = texts("group", to_numpy("group", given.group).reshape(-1))
    if names.shape != score.shape:
        raise ShapeError(f"group has {names.size} values for {score.size} items; expected one per item")
    if (names == MISSING).any():
        raise DomainError(f"group is missing at {position(int(np.argmax(names == MISSING)))}; leave such rows out")
    found, index = np.unique(names, return_inverse=True)
    return score.astype(np.float64), relevance.astype(np.float64), index.reshape(-1), found


def _metric(name: str, values: np.ndarray, constant: np.ndarray) -> Metric:
    known = ~np.isnan(values)
    head, _, k = name.partition("_at_")
    title = _TITLES.get(head, head) + (f"@{k}" if k else "")
    if not known.any():
        return Metric(name=name, title=title, value=None)
    low, high = normal(values[known], None)
    ends = (None, None) if low is None or high is None else (max(0.0, low), min(1.0, high))
    value, theirs = float(values[known].mean()), float(constant[known].mean())
    return Metric(name=name, title=title, value=value, low=ends[0], high=ends[1], constant=theirs)


def _verdict(first: Metric, gain: np.ndarray, average: Metric, groups: int) -> str:
    start = standing("items in random order", *normal(gain, None))
    return (
        f"{start}: {first.title} {number(first.value)}{interval(first.low, first.high)} against "
        f"{number(first.constant)}, over {counted(groups, 'group')}; MAP {number(average.value)} against "
        f"{number(average.constant)}."
    )


def _findings(groups: int, mine: np.ndarray, theirs: np.ndarray) -> tuple[str, ...]:
    found = []
    if groups < FEW_ROWS:
        found.append(f"Only {counted(groups, 'group')}: all numbers here are rough, as they are means over groups.")
    worse = float(np.mean(mine < theirs - 1e-12))
    if worse > 0.25 and groups >= FEW_ROWS:
        found.append(f"In {100 * worse:.0f} % of the groups the order is worse than a random one.")
    return tuple(found)


def _notes(groups: Groups, first: Metric, values: np.ndarray) -> tuple[str, ...]:
    found = []
    relevant = np.bincount(groups.group, weights=groups.relevance > 0)
    empty = int((relevant == 0).sum())
    if empty:
        rest = values[relevant > 0]
        without = f"; without them {first.title} is {number(float(rest.mean()))}" if rest.size else ""
        found.append(
            f"{empty} of {values.size} groups hold no relevant item and count as 0, as in scikit-learn{without}."
        )
    alone = int((groups.size == 1).sum())
    if alone:
        found.append(f"{alone} of {values.size} groups hold one item, whose order is always right.")
    mixed = int(((relevant > 0) & (relevant < groups.size)).sum())
    if mixed < values.size:
        found.append(f"ROC AUC is the mean over the {mixed} groups that hold items of both kinds.")
    return tuple(found)
