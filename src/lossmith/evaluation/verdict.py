"""The numbers in words: better than a constant prediction or not, and what else stands out.

There is no absolute cut-off of "good" here: every number is held against the constant predictor's, with its interval.
"""

from __future__ import annotations

from collections.abc import Mapping

from .inputs import Subject
from .result import ClassScore, Confusion, LossScore, Metric

FEW_ROWS = 100
_NAMED = 5  # classes listed by name in one sentence
_PAIR_SHARE = 0.1  # of the errors that a pair of classes must make to be told
_CONFIDENCE_GAP = 0.02  # between mean confidence and accuracy, beside being outside the interval

_CONSTANT = {
    "regression": "always answering the mean",
    "binary": "always answering the share of positives",
    "multiclass": "always answering the class shares",
    "multilabel": "always answering each label's share",
}


def number(x: float | None) -> str:
    """Return a number to four digits, and – for none."""
    return "–" if x is None else f"{x:.4g}"


def percent(x: float | None) -> str:
    """Return a share in per cent, and – for none."""
    return "–" if x is None else f"{100 * x:.1f} %"


def headline(inputs: Subject, losses: Mapping[str, LossScore], metrics: Mapping[str, Metric]) -> str:
    """Return the verdict: one sentence against the constant predictor."""
    if not losses:
        return _of_labels(inputs, metrics)
    loss = next(iter(losses.values()))
    rival = _CONSTANT[inputs.task] + (" of the training targets" if inputs.train_target is not None else "")
    if loss.value is None:
        return (
            f"Worse than {rival}: {_lower(loss.title)} is infinite, as something happened that was predicted to be "
            "impossible."
        )
    if loss.constant is None:
        return f"{loss.title} {number(loss.value)}; there is no finite constant to hold it against."
    if loss.constant == 0:
        return (
            f"Nothing to learn here: all targets are equal, so {rival} scores 0; {_lower(loss.title)} is "
            f"{number(loss.value)}."
        )
    skill = "" if loss.skill is None or loss.skill <= 0 else f" (skill {percent(loss.skill)})"
    against = f"{_lower(loss.title)} {number(loss.value)} against {number(loss.constant)}{skill}"
    return f"{_standing(loss, rival)}: {against}{_besides(inputs, metrics)}."


def _standing(loss: LossScore, rival: str) -> str:
    low, high = loss.gain_low, loss.gain_high
    if low is None or high is None:
        return f"Beside {rival}"
    if low > 0:
        return f"Better than {rival}"
    if high < 0:
        return f"Worse than {rival}"
    return f"Not distinguishable from {rival} (95 % interval of the gain {number(low)} … {number(high)})"


def _besides(inputs: Subject, metrics: Mapping[str, Metric]) -> str:
    if inputs.task == "regression":
        rmse, r2 = metrics["rmse"], metrics["r2"]
        tail = "" if r2.value is None else f", R² {number(r2.value)}"
        return f"; RMSE {number(rmse.value)} against {number(rmse.constant)}{tail}"
    if inputs.task == "multilabel":
        hamming = metrics["hamming_loss"]
        return (
            f"; {percent(hamming.value)} of the single labels are wrong against {percent(hamming.constant)} for always "
            f"answering the more frequent value, {percent(metrics['exact_match'].value)} of the rows are right in all"
        )
    accuracy = metrics["accuracy"]
    return f"; accuracy {_share(accuracy)} against {percent(accuracy.constant)} for always the most frequent class"


def _of_labels(inputs: Subject, metrics: Mapping[str, Metric]) -> str:
    """Return the verdict on hard labels, which have no loss to speak of."""
    if inputs.task == "multilabel":
        return f"Hard labels{_besides(inputs, metrics)}."
    accuracy = metrics["accuracy"]
    low, high, constant = accuracy.low, accuracy.high, accuracy.constant
    rival = "always answering the most frequent class"
    if low is None or high is None or constant is None:
        return f"Accuracy {percent(accuracy.value)}."
    if low > constant:
        start = f"Better than {rival}"
    elif high < constant:
        start = f"Worse than {rival}"
    else:
        start = f"Not distinguishable from {rival}"
    return f"{start}: accuracy {_share(accuracy)} against {percent(constant)}."


def _share(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return percent(metric.value)
    return f"{percent(metric.value)} (95 % interval {100 * metric.low:.1f} … {100 * metric.high:.1f} %)"


def findings(
    inputs: Subject, metrics: Mapping[str, Metric], confusion: Confusion | None, classes: tuple[ClassScore, ...]
) -> tuple[str, ...]:
    """Return what else stands out, most serious first, in sentences."""
    sentences = [
        _rows(inputs.rows),
        _majority(metrics.get("accuracy")),
        _never_predicted(inputs, classes),
        _confidence(metrics),
        _pair(confusion, len(classes)),
        _bias(metrics),
    ]
    return tuple(s for s in sentences if s)


def _rows(rows: int) -> str:
    if rows >= FEW_ROWS:
        return ""
    return f"Only {rows} row{'s' if rows > 1 else ''}: all numbers here are rough, and small differences are chance."


def _majority(accuracy: Metric | None) -> str:
    """Say where a high accuracy is what the most frequent class alone gives."""
    if accuracy is None or accuracy.low is None or accuracy.high is None or accuracy.constant is None:
        return ""
    if not accuracy.low <= accuracy.constant <= accuracy.high:
        return ""
    return f"The accuracy is no better than always answering the most frequent class ({percent(accuracy.constant)})."


def _never_predicted(inputs: Subject, classes: tuple[ClassScore, ...]) -> str:
    never = [c for c in classes if c.support > 0 and c.predicted == 0]
    if not never:
        return ""
    unit = "rows" if inputs.weight is None else "weight"
    named = ", ".join(f"{c.name!r} ({number(c.support)} {unit})" for c in never[:_NAMED])
    more = f" and {len(never) - _NAMED} more" if len(never) > _NAMED else ""
    return f"Never predicted: {named}{more}."


def _confidence(metrics: Mapping[str, Metric]) -> str:
    confidence, accuracy = metrics.get("mean_confidence"), metrics.get("accuracy")
    if confidence is None or accuracy is None or confidence.value is None or accuracy.value is None:
        return ""
    gap = confidence.value - accuracy.value
    if accuracy.low is None or accuracy.high is None or accuracy.low <= confidence.value <= accuracy.high:
        return ""
    if abs(gap) < _CONFIDENCE_GAP:
        return ""
    word = "Over-confident" if gap > 0 else "Under-confident"
    return (
        f"{word}: mean confidence {percent(confidence.value)}, accuracy {percent(accuracy.value)} "
        f"(calibration error {number(metrics['ece'].value)})."
    )


def _pair(confusion: Confusion | None, classes: int) -> str:
    """Name the two classes whose confusion, in both directions, makes most of the errors."""
    if confusion is None or confusion.most_confused is None or classes < 3:
        return ""
    first = max(confusion.pairs, key=lambda p: confusion.between(p.true, p.predicted))
    both = confusion.between(first.true, first.predicted)
    share = both / confusion.errors
    if share < _PAIR_SHARE:
        return ""
    return (
        f"Most confused: {first.true!r} and {first.predicted!r}, {number(both)} of {number(confusion.errors)} errors "
        f"({percent(share)}); {first.true!r} taken for {first.predicted!r}: {number(first.count)}."
    )


def _bias(metrics: Mapping[str, Metric]) -> str:
    """Say where predictions lie on one side of the targets on average, by more than chance."""
    bias = metrics.get("bias")
    if bias is None or bias.value is None or bias.low is None or bias.high is None or bias.low <= 0 <= bias.high:
        return ""
    side = "high" if bias.value > 0 else "low"
    return (
        f"Predictions are too {side} by {number(abs(bias.value))} on average "
        f"(95 % interval {number(bias.low)} … {number(bias.high)})."
    )


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
