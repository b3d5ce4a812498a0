"""Several labels per row of a stream: its states, how rows go into them, and the numbers that come out.

Counts per label, means over rows and their intervals are those of rows at hand. The areas under curves come from one
score histogram per label, finer where labels are few, and F1 has its intervals from groups of rows. The best constant
answers ask which sets of labels occur, which is kept up to ``SETS`` different ones. What would need a state that grows
with labels in the thousands is left out above ``MANY`` labels, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import load
from ..confusion import Counts, class_scores
from ..figures import RELIABILITY_BINS
from ..inputs import Inputs, Subject
from ..intervals import Mean, wilson
from ..losses import values_per_row
from ..metrics_multilabel import (
    Sets,
    by_order,
    by_row,
    constants_of_counts,
    constants_of_order,
    constants_of_sets,
    ends_of,
    of_answers,
    of_order,
)
from ..resampling import percentiles
from ..result import ClassScore, LossScore, Metric, finite, with_intervals
from ..scorers import answers
from ..states import (
    Bootstrap,
    Bracket,
    Bundle,
    CalibrationBins,
    FewTexts,
    LabelCounts,
    LossSums,
    ScoreHistogram,
    State,
    WorstRows,
)
from ..states.labels import columns_of_sets, sets_as_columns, sets_as_texts, texts_as_sets
from .numbers import Ends, bracketed, mean_interval, said_of_bounds
from .per_row import constant_of_two, losses_of

if TYPE_CHECKING:
    from .plan import Plan

MANY = 1024  # labels above which there are no histograms and no groups
SETS = 1 << 16  # different sets of labels up to which constant answers are held against them
_FINE, _FINE_LABELS, _COARSE = 9, 8, 4  # bits of a histogram's bins: so many for few labels, down to so many
_ANSWERS = ("exact_match", "hamming_loss", "samples_f1")
_ORDERS = ("lrap", "coverage_error", "ranking_loss")


def states(plan: Plan) -> dict[str, State]:
    """Return the empty states of a plan."""
    labels, weighted = len(plan.class_names), plan.weight is not None
    scored = plan.kept != "labels"
    made: dict[str, State] = {
        "labels": LabelCounts(labels, weighted),
        "sets": FewTexts(SETS, weighted),
        **{name: LossSums(weighted=weighted, skewed=True) for name in (*_ANSWERS, *(_ORDERS if scored else ()))},
    }
    if labels <= MANY:
        made["bootstrap"] = Bootstrap(sums=("loss",) if scored else (), cells=3 * labels, weighted=weighted)
    if not scored:
        return made
    if labels <= MANY:
        scale = "value" if plan.kept == "logits" else "probability"
        made["areas"] = Bundle(
            {str(k): ScoreHistogram(scale, keep=_bits(labels), weighted=weighted) for k in range(labels)}
        )
    return made | {
        "loss": LossSums(weighted=weighted, skewed=True),
        "brier": LossSums(spread=False, weighted=weighted),
        "calibration": CalibrationBins(bins=RELIABILITY_BINS, weighted=weighted),
        "worst": WorstRows(columns=(*columns_of_sets("target", labels), *columns_of_sets("predicted", labels))),
    }


def update(bundle: Bundle, plan: Plan, inputs: Inputs, row_id: np.ndarray) -> None:
    """Let the states look at a batch of clean rows."""
    target, weight, predicted = inputs.target, inputs.weight, answers(inputs)
    bundle["labels"].update(target, predicted, weight)
    bundle["sets"].update(sets_as_texts(target), weight)
    per_row, sums = by_row(target, predicted), {}
    if plan.kept != "labels":
        per_row |= by_order(inputs.prediction, target)
        sums["loss"] = _update_scores(bundle, plan, inputs, predicted, row_id)
    for name, x in per_row.items():
        bundle[name].update(x, weight=weight)
    if "bootstrap" in bundle.states:
        marks = np.concatenate([target, predicted, target * predicted], axis=1).astype(bool)
        bundle["bootstrap"].update(row_id, marks, weight, **sums)


def _update_scores(bundle: Bundle, plan: Plan, inputs: Inputs, predicted: np.ndarray, row_id: np.ndarray) -> np.ndarray:
    """Let the states of scores look at rows, and return the loss of each, (N,)."""
    p, target, weight = inputs.prediction, inputs.target, inputs.weight
    labels = target.shape[1]
    probability = load("numpy").sigmoid(p) if plan.kept == "logits" else p
    single = None if weight is None else np.repeat(weight, labels)
    bundle["calibration"].update(probability.reshape(-1), target.reshape(-1), single)
    bundle["brier"].update(((probability - target) ** 2).mean(axis=1), weight=weight)
    if "areas" in bundle.states:
        for k in range(labels):
            bundle["areas"][str(k)].update(np.ascontiguousarray(p[:, k]), np.ascontiguousarray(target[:, k]), weight)
    loss = np.asarray(values_per_row(losses_of(plan)[0], inputs), np.float64)
    bundle["loss"].update(loss, weight=weight)
    bundle["worst"].update(loss, row_id, **sets_as_columns("target", target), **sets_as_columns("predicted", predicted))
    return loss


def _bits(labels: int) -> int:
    """Return how fine the histograms are: all of them together take the room that eight labels' finest ones do."""
    return max(_COARSE, _FINE - max(0, math.ceil(math.log2(labels / _FINE_LABELS))))


# --- what comes out --------------------------------------------------------------------------------------------------
def loss_of(plan: Plan, bundle: Bundle) -> LossScore:
    """Return the loss beside that of the best constant answer, which has a value for each label."""
    loss, found = losses_of(plan)[0], bundle["labels"].result()
    rows, support = float(found["rows"][0]), found["support"]
    labels = support.size
    cost = np.stack([constant_of_two(loss, np.array([rows - yes, yes])) for yes in support.tolist()])
    constant = float(np.sum((rows - support) * cost[:, 0] + support * cost[:, 1]) / (rows * labels))
    whole = bundle["loss"].result()
    value = float(whole.mean[0])
    low, high = whole.of_group().interval()
    gain: Ends = (None, None)
    if "bootstrap" in bundle.states:
        more = (cost[:, 1] - cost[:, 0]) / labels
        gain = mean_interval(
            bundle, lambda t: t["rows"] * cost[:, 0].mean() + t["cells"][:, :labels] @ more - t["loss"]
        )
    return LossScore(
        name=loss.name,
        title=loss.title,
        value=finite(value),
        low=low,
        high=high,
        constant=finite(constant),
        skill=finite(1 - value / constant) if constant > 0 else None,
        gain_low=gain[0],
        gain_high=gain[1],
    )


def numbers(
    plan: Plan, kept: Subject, bundle: Bundle, scale: float
) -> tuple[list[Metric], tuple[ClassScore, ...], list[str]]:
    """Return the metrics, the scores of each label, and notes; ``scale`` times a weight is the effective rows of it."""
    found = bundle["labels"].result()
    rows, support = found["rows"][0].item(), found["support"]
    counts = Counts(support, found["predicted"], found["hits"], scale)
    shares = support / rows
    sets = _sets(bundle, support.size)
    constant = constants_of_counts(shares, support, rows)
    constant |= {} if sets is None else constants_of_sets(sets, sets)
    metrics = of_answers(_means(bundle, _ANSWERS), counts, constant)
    metrics = with_intervals(metrics, _of_f1(bundle) | ends_of(_whole(bundle, ("hamming_loss", "samples_f1"))))
    share = float(bundle["exact_match"].result().mean[0])
    metrics = with_intervals(metrics, {"exact_match": wilson(share, kept.effective)})
    labels, said = class_scores(plan.class_names, counts), _left_out(plan, sets)
    if plan.kept == "labels":
        return metrics, labels, said
    if "areas" in bundle.states:
        areas, labels, of_each = _areas(bundle, labels, shares)
        metrics, said = [*metrics, *areas], [*said_of_bounds(areas), *of_each, *said]
    order = of_order(_means(bundle, _ORDERS), {} if sets is None else constants_of_order(shares, sets))
    return [*metrics, *with_intervals(order, ends_of(_whole(bundle, _ORDERS)))], labels, said


def _means(bundle: Bundle, names: Sequence[str]) -> dict[str, float]:
    return {name: float(bundle[name].result().mean[0]) for name in names}


def _whole(bundle: Bundle, names: Sequence[str]) -> dict[str, Mean]:
    return {name: bundle[name].mean() for name in names}


def _sets(bundle: Bundle, labels: int) -> Sets | None:
    """Return the sets of labels that occur and how often; None where there were too many to be told apart."""
    found = bundle["sets"].result()
    if found is None:
        return None
    texts, counts = found
    return Sets(texts_as_sets(texts, labels), counts.astype(np.float64))


def _of_f1(bundle: Bundle) -> dict[str, Ends]:
    if "bootstrap" not in bundle.states:
        return {}
    cells = bundle["bootstrap"].result()["cells"].astype(np.float64)
    support, predicted, hits = np.split(cells, 3, axis=1)
    drawn = Counts(support, predicted, hits)
    with np.errstate(all="ignore"):
        micro = drawn.pooled().f1()[..., 0]
        return {
            "micro_f1": percentiles(micro),
            "macro_f1": percentiles(drawn.f1().mean(axis=1)),
            "weighted_f1": percentiles(drawn.weighted_f1()),
        }


def _areas(
    bundle: Bundle, labels: tuple[ClassScore, ...], shares: np.ndarray
) -> tuple[list[Metric], tuple[ClassScore, ...], list[str]]:
    """Return the areas averaged over the labels that have rows of both kinds, those of each, and a note on these."""
    rankings = [bundle["areas"][str(k)].result() for k in range(len(labels))]
    there = [k for k, ranking in enumerate(rankings) if ranking.auc is not None]
    each: dict[str, list[Bracket]] = {
        name: [bracket for k in there if (bracket := getattr(rankings[k], name)) is not None]
        for name in ("auc", "average_precision")
    }
    scores = list(labels)
    for k, auc, average in zip(there, *each.values(), strict=True):
        scores[k] = replace(scores[k], auc=auc.value, average_precision=average.value)
    share = float(shares[there].mean()) if there else None
    metrics = [
        bracketed("macro_auc", "macro ROC AUC", _mean(each["auc"]), 0.5),
        bracketed("macro_average_precision", "macro average precision", _mean(each["average_precision"]), share),
    ]
    loose = max((bracket.bound for brackets in each.values() for bracket in brackets), default=0.0)
    return metrics, tuple(scores), [f"The areas of single labels are known to ± {loose:.1g}."] if loose else []


def _mean(brackets: Sequence[Bracket]) -> Bracket | None:
    if not brackets:
        return None
    value, low, high = (float(np.mean([getattr(b, end) for b in brackets])) for end in ("value", "low", "high"))
    return Bracket(value, min(low, value), max(high, value))


def _left_out(plan: Plan, sets: Sets | None) -> list[str]:
    found = []
    if sets is None:
        found.append(
            f"There are more than {SETS} different sets of labels: what constant answers score in exact match, F1 per "
            "row and the order of labels is not known of a stream."
        )
    if len(plan.class_names) > MANY:
        areas = "" if plan.kept == "labels" else "areas under curves, the interval of the gain and "
        found.append(f"Above {MANY} labels a stream has no {areas}intervals of F1.")
    return found
