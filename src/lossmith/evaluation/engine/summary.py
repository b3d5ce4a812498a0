"""From merged states to an ``Evaluation``: the same records as for arrays in memory, and bounds where they are due."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import DataError
from ...losses import Loss, find
from .. import findings, slices, verdict
from ..confusion import class_scores, from_matrix
from ..figures_of_states import of_states
from ..infer import GROUPED
from ..influence import Cells
from ..intervals import wilson
from ..losses import best
from ..metrics import TOP, calibration_metric, of_positive, shared
from ..resampling import percentiles
from ..result import ClassScore, Confusion, Evaluation, LossScore, Metric, finite, with_intervals
from ..states import Bundle
from . import grouped, multilabel
from .numbers import bracketed, mean_interval, mean_metric, said_of_bounds
from .partial import Partial
from .per_row import constant_of_two, losses_of, values
from .plan import Plan

_LEFT_OUT = {
    "missing": "have a missing value",
    "nan_prediction": "have a prediction that is NaN",
    "infinite_prediction": "have an infinite prediction",
    "odd_target": "have a target that is NaN or infinite",
}


@dataclass(frozen=True)
class _Kept:
    """What verdict and metrics ask about the rows."""

    task: str
    form: str
    rows: int
    class_names: tuple[str, ...]
    weighted: bool
    effective: float
    train_target: None = None


def evaluation(plan: Plan, total: Partial, assumptions: tuple[str, ...], notes: Sequence[str]) -> Evaluation:
    """Return the evaluation of all rows that the states have seen.

    Raises:
        DataError: There is none.
    """
    states = total.states
    if plan.task in GROUPED:
        found = grouped.evaluation(plan, states, assumptions)
        left_out = (f"Left out: {text}." for _, text in total.bad)
        return replace(found, notes=(*found.notes, *left_out, *notes), states=states)
    counts = states["rows"].result()
    if not counts["used"]:
        raise DataError(f"no row is left to evaluate: {'; '.join(_left_out(total).values()) or 'the source is empty'}")
    total_weight, effective = _weights(states, counts["used"])
    if not total_weight:
        raise DataError(f"column {plan.weight!r} of weights is 0 in every row: there is nothing to evaluate")
    kept = _Kept(plan.task, plan.kept, counts["used"], plan.class_names, plan.weight is not None, effective)
    losses: dict[str, LossScore] = {}
    confusion, classes = None, ()
    if plan.task == "regression":
        losses, said = _losses_of_numbers(plan, states)
        metrics = _of_numbers(states, losses)
    elif plan.task == "multilabel":
        if plan.kept != "labels":
            score = multilabel.loss_of(plan, states)
            losses = {score.name: score}
        metrics, classes, said = multilabel.numbers(plan, kept, states, effective / total_weight)
    else:
        said = []
        if plan.kept != "labels":
            score = _loss_of_classes(plan, states)
            losses = {score.name: score}
        metrics, confusion, classes, said = _of_classes(plan, kept, states, effective / total_weight)
    named = {m.name: m for m in metrics}
    drawn = of_states(kept, states)
    cut, not_told = slices.of_states(kept, states["slices"]) if plan.slices else ((), ())
    of_all = findings.found(kept, losses, named, confusion, classes, drawn)
    return Evaluation(
        task=plan.task,
        form=plan.kept,
        rows=counts["used"],
        class_names=plan.class_names,
        losses=losses,
        metrics=named,
        confusion=confusion,
        per_class=classes,
        verdict=verdict.standing(kept, losses, named).sentence,
        findings=findings.ordered([*_said(total), *slices.told(cut), *of_all]),
        assumptions=assumptions,
        notes=(*_rescaled(counts), *(f"Left out: {text}." for _, text in total.bad), *said, *not_told, *notes),
        states=states,
        figures=drawn,
        slices=cut,
    )


def _weights(states: Bundle, rows: int) -> tuple[float, float]:
    """Return the sum of the weights, and the effective rows: both are the rows where they have no weights."""
    if "weights" not in states.states:
        return rows, rows
    found = states["weights"].result()
    n, mean = float(found.count[0]), float(found.mean[0])
    squares = n * mean * mean + ((n - 1) * float(found.variance[0]) if n > 1 else 0.0)
    return n * mean, (n * mean) ** 2 / squares if squares else 0.0


def named(result: Evaluation, source: str) -> Evaluation:
    """Return the evaluation with the name of its source."""
    return replace(result, source=source)


def _left_out(total: Partial) -> dict[str, str]:
    """Return what is said of the rows that are in no number, by kind, without a point."""
    counts = total.states["rows"].result()
    rows = sum(counts[k] for k in _LEFT_OUT) + counts["used"]
    return {
        kind: f"{counts[kind]} of {rows} rows {text} and are left out of every number"
        for kind, text in _LEFT_OUT.items()
        if counts[kind]
    }


def _said(total: Partial) -> list[Any]:
    """Return findings about the rows that are in no number."""
    return [
        findings.finding(
            "EVAL12",
            what=f"{text}.",
            evidence=f"The first: {total.first[kind][1]}.",
            rows=total.states["rows"].result()[kind],
        )
        for kind, text in _left_out(total).items()
    ]


def _rescaled(counts: dict[str, int]) -> list[str]:
    if not counts["rescaled"]:
        return []
    return [
        f"{counts['rescaled']} rows of probabilities do not sum to 1 exactly, as rounded values do; these were divided "
        "by their sum."
    ]


# --- classes ---------------------------------------------------------------------------------------------------------
def _loss_of_classes(plan: Plan, states: Bundle) -> LossScore:
    """Return the loss beside that of the best constant, which has one value per class of the target."""
    loss = losses_of(plan)[0]
    counts = _rows_per_class(states)
    constant = _constant_per_class(loss, plan, counts)
    whole = states["loss"].overall()
    value, present = float(whole.mean[0]), counts > 0
    mean = float(np.sum(counts[present] * constant[present]) / counts.sum())
    if plan.task == "binary":
        low, high = mean_interval(states, lambda t: t["loss"])
        gain_low, gain_high = mean_interval(
            states, lambda t: t["cells"].reshape(-1, 2, 2).sum(axis=2) @ constant - t["loss"]
        )
    else:
        low, high = whole.of_group().interval()
        gain_low, gain_high = states["loss"].gain(constant).interval()
    return LossScore(
        name=loss.name,
        title=loss.title,
        value=finite(value),
        low=low,
        high=high,
        constant=finite(mean),
        skill=finite(1 - value / mean) if mean > 0 else None,
        gain_low=gain_low,
        gain_high=gain_high,
    )


def _rows_per_class(states: Bundle) -> np.ndarray:
    """Return how many rows are of each class, (C,)."""
    return states["confusion"].result().sum(axis=1)


def _constant_per_class(loss: Loss, plan: Plan, counts: np.ndarray) -> np.ndarray:
    """Return what the best constant prediction scores on a row of each class, (C,); 0 for classes without rows."""
    if plan.task == "binary":
        return constant_of_two(loss, counts)
    present = np.flatnonzero(counts)
    found = np.zeros(counts.size)
    constant = best(loss, np.eye(counts.size), counts)
    found[present] = values(loss, np.broadcast_to(constant, (present.size, counts.size)), present)
    return found


def _of_classes(
    plan: Plan, kept: _Kept, states: Bundle, scale: float
) -> tuple[list[Metric], Confusion, tuple[ClassScore, ...], list[str]]:
    names = plan.class_names
    matrix = states["confusion"].result()
    counts, confusion = from_matrix(matrix, names, scale)
    classes = class_scores(names, counts)
    metrics = shared(kept, counts)
    if plan.task == "binary":
        metrics += of_positive(classes)
    said: list[str] = []
    if plan.kept != "labels":
        confidence = ("mean_confidence", "mean confidence")
        if plan.task == "binary":
            ranked, said = _ranked(states, scale)
            sure = _mean_of_groups(*confidence, states, "confidence")
            metrics += [*ranked, _brier(states), _ece(states, kept, 0.0), sure]
        else:
            metrics += [*_top(states, kept), _ece(states, kept), mean_metric(*confidence, states["confidence"])]
    return with_intervals(metrics, Cells.of_matrix(matrix, counts).intervals()), confusion, classes, said


def _top(states: Bundle, kept: _Kept) -> list[Metric]:
    if "top" not in states.states:
        return []
    share = float(states["top"].result().mean[0])
    low, high = wilson(share, kept.effective)
    return [Metric(name="top_5_accuracy", title=f"top-{TOP} accuracy", value=share, low=low, high=high)]


def _ranked(states: Bundle, scale: float) -> tuple[list[Metric], list[str]]:
    found = states["scores"].result(scale)
    share = found.positives / (found.positives + found.negatives)
    kinds = found.auc is not None
    metrics = [
        bracketed("auc", "ROC AUC", found.auc, 0.5 if kinds else None, (found.auc_low, found.auc_high)),
        bracketed("average_precision", "average precision", found.average_precision, share if kinds else None),
    ]
    return metrics, said_of_bounds(metrics)


def _brier(states: Bundle) -> Metric:
    count = _rows_per_class(states)
    rate = float(count[1] / count.sum())
    return replace(_mean_of_groups("brier", "Brier score", states, "brier"), constant=rate * (1 - rate))


def _mean_of_groups(name: str, title: str, states: Bundle, total: str) -> Metric:
    """Return the mean of one of the bootstrap's sums."""
    low, high = mean_interval(states, lambda t: t[total])
    totals = states["bootstrap"].totals()
    return Metric(name=name, title=title, value=float(totals[total][0] / totals["rows"][0]), low=low, high=high)


def _ece(states: Bundle, kept: _Kept, constant: float | None = None) -> Metric:
    return calibration_metric(states["calibration"].result(), kept.effective, constant)


# --- numbers ---------------------------------------------------------------------------------------------------------
def _losses_of_numbers(plan: Plan, states: Bundle) -> tuple[dict[str, LossScore], list[str]]:
    misfits = states["misfits"].result()
    found, said = {}, []
    for loss in losses_of(plan):
        if misfits[loss.name]:
            said.append(
                f"{loss.title} left out: {misfits[loss.name]} rows lie outside of what it takes (prediction "
                f"{loss.prediction.describe()}, target {loss.target.describe()})."
            )
            continue
        summed = states[f"loss_{loss.name}"].result()
        low, high = _interval_of_loss(loss, states)
        score = LossScore(
            name=loss.name,
            title=loss.title,
            value=finite(float(summed.mean[0])),
            low=low,
            high=high,
            constant=None,
            skill=None,
            gain_low=None,
            gain_high=None,
        )
        found[loss.name] = _BESIDE[loss.name](score, states) if loss.name in _BESIDE else score
    without = [score.title for score in found.values() if score.constant is None]
    if without:
        said.append(f"The best constant of {', '.join(without)} would need a second look at the rows; it is left out.")
    bound = found["absolute_error"].constant_bound
    if bound:
        said.append(f"The absolute error of the best constant is known to ± {bound:.1g} (guaranteed).")
    return found, said


_IN_GROUPS = {"squared_error": "squared", "absolute_error": "absolute"}  # by name, the sum per group


def _interval_of_loss(loss: Loss, states: Bundle) -> tuple[float | None, float | None]:
    """Return the interval of a loss's mean, from the groups where they hold it: those know how skewed it is."""
    name = _IN_GROUPS.get(loss.name)
    if name is None:
        return states[f"loss_{loss.name}"].mean().interval()
    return mean_interval(states, lambda t: t[name])


def _beside_mean(score: LossScore, states: Bundle) -> LossScore:
    """Squared error: the best constant is the mean of the target, its loss the variance."""
    constant = _target_variance(states)
    with np.errstate(all="ignore"):
        totals = states["bootstrap"].result()
        low, high = percentiles(_variance(totals) - totals["squared"] / totals["rows"])
    return _beside(replace(score, gain_low=low, gain_high=high), constant)


def _beside_median(score: LossScore, states: Bundle) -> LossScore:
    """Absolute error: the best constant is the median, from bins whose half widths bound its loss."""
    brackets, counts = states["target"].bins()
    middle = np.array([b.value for b in brackets])
    half = np.array([b.bound for b in brackets])
    constant = best(find("absolute_error"), middle, counts)
    value = float(np.sum(counts * np.abs(middle - constant)) / counts.sum())
    bound = float(np.sum(counts * half) / counts.sum())
    return replace(_beside(score, value), constant_bound=bound or None)


def _beside(score: LossScore, constant: float | None) -> LossScore:
    skill = None
    if constant is not None and constant > 0 and score.value is not None:
        skill = finite(1 - score.value / constant)
    return replace(score, constant=finite(constant), skill=skill)


_BESIDE: dict[str, Callable[[LossScore, Bundle], LossScore]] = {
    "squared_error": _beside_mean,
    "absolute_error": _beside_median,
}


def _variance(totals: dict[str, Any]) -> np.ndarray:
    """Return the target's variance in each replicate."""
    return totals["target_squared"] / totals["rows"] - (totals["target"] / totals["rows"]) ** 2


def _target_variance(states: Bundle) -> float | None:
    """Return the target's variance: from exact moments, or weighted sums of squares about the first target."""
    if "moments" in states.states:
        return states["moments"].result().variance_y
    return finite(_variance(states["bootstrap"].totals())[0])


def _r2(states: Bundle, squared: float | None) -> float | None:
    if "moments" in states.states:
        return states["moments"].result().r2
    variance = _target_variance(states)
    return 1 - squared / variance if squared is not None and variance is not None and variance > 0 else None


def _of_numbers(states: Bundle, losses: dict[str, LossScore]) -> list[Metric]:
    squared, absolute = losses["squared_error"], losses["absolute_error"]
    with np.errstate(all="ignore"):
        totals = states["bootstrap"].result()
        r2 = percentiles(1 - totals["squared"] / totals["rows"] / _variance(totals))
    share = _r2(states, squared.value)
    largest = float(states["loss_absolute_error"].result().high[0])
    return [
        Metric(name="rmse", title="RMSE", value=_root(squared.value), low=_root(squared.low), high=_root(squared.high),
               constant=_root(squared.constant), proportion=False),
        Metric(name="mae", title="MAE", value=absolute.value, low=absolute.low, high=absolute.high,
               constant=absolute.constant, proportion=False),
        Metric(name="r2", title="R²", value=share, low=r2[0] if share is not None else None,
               high=r2[1] if share is not None else None, constant=0.0, proportion=False),
        mean_metric("bias", "bias (mean error)", states["error"], proportion=False),
        Metric(name="max_error", title="largest error", value=largest, proportion=False),
    ]  # fmt: skip


def _root(x: float | None) -> float | None:
    return None if x is None else math.sqrt(max(0.0, x))
