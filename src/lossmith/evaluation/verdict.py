"""The numbers in words: better than a constant prediction or not, and what else stands out.

There is no absolute cut-off of "good" here: every number is held against the constant predictor's, with its interval.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .figures import Figures
from .inputs import Subject
from .intervals import Z
from .result import ClassScore, Confusion, LossScore, Metric
from .temperature import Temperature

FEW_ROWS = 100
_NAMED = 5  # classes listed by name in one sentence
_PAIR_SHARE = 0.1  # of the errors that a pair of classes must make to be told
_TEMPERATURE_GAIN = 0.01  # of the loss that a temperature must win to be told
_THRESHOLD_GAIN, _THRESHOLD_ERRORS = 0.02, 3  # of F1 that another threshold must win: at least, and in standard errors
_FEW_HOLD = 0.4  # of the loss that the worst 1 % of the rows must hold to be told; squares of normal errors: 0.08
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
    best = "always answering that quantile" if loss.name == "quantile" else _CONSTANT[inputs.task]
    rival = best + (" of the training targets" if inputs.train_target is not None else "")
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
    inputs: Subject,
    metrics: Mapping[str, Metric],
    confusion: Confusion | None,
    classes: tuple[ClassScore, ...],
    drawn: Figures | None = None,
    temperature: Temperature | None = None,
) -> tuple[str, ...]:
    """Return what else stands out, most serious first, in sentences.

    Args:
        inputs: What was evaluated.
        metrics: By name.
        confusion: Which class was taken for which, or None.
        classes: One record per class.
        drawn: What is known about thresholds and about the worst rows, or None.
        temperature: What a temperature would give, or None.
    """
    sentences = [
        _rows(inputs.rows),
        _majority(metrics.get("accuracy")),
        _never_predicted(inputs, classes),
        _confidence(metrics),
        _temperature(temperature),
        _threshold(inputs, metrics, drawn),
        _pair(confusion, len(classes)),
        _bias(metrics),
        _concentrated(inputs, drawn),
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


def _temperature(found: Temperature | None) -> str:
    """Say which temperature mends the probabilities, where it tells from 1 and gives more than a trifle."""
    if found is None or not found.certain or found.before - found.after < _TEMPERATURE_GAIN * found.before:
        return ""
    return (
        f"Too {'sure' if found.value > 1 else 'unsure'}: logits divided by {number(found.value)} (the temperature, "
        f"fitted on these rows) would lower the cross-entropy from {number(found.before)} to {number(found.after)}."
    )


def _threshold(inputs: Subject, metrics: Mapping[str, Metric], drawn: Figures | None) -> str:
    """Say which threshold has a better F1, where the gain is far beyond what choosing the best of many gives."""
    f1 = metrics.get("f1")
    if drawn is None or drawn.thresholds is None or f1 is None or f1.value is None or f1.low is None or f1.high is None:
        return ""
    t = drawn.thresholds
    at, best = int(np.flatnonzero(t.threshold == 0.5)[0]), int(np.argmax(t.f1))
    gain, error = float(t.f1[best] - t.f1[at]), (f1.high - f1.low) / (2 * Z)
    if gain < max(_THRESHOLD_GAIN, _THRESHOLD_ERRORS * error):
        return ""
    recall, precision = ([percent(_defined(x[k])) for k in (at, best)] for x in (t.recall, t.precision))
    return (
        f"A threshold of 0.5 is not the best for {inputs.class_names[1]!r}: at {number(float(t.threshold[best]))} F1 "
        f"rises from {number(float(t.f1[at]))} to {number(float(t.f1[best]))} (recall {recall[0]} to "
        f"{recall[1]}, precision {precision[0]} to {precision[1]}); chosen on these rows, so choose it anew on "
        "validation data."
    )


def _defined(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def _concentrated(inputs: Subject, drawn: Figures | None) -> str:
    """Say where few rows make up much of the loss."""
    if drawn is None or drawn.concentration is None or drawn.concentration < _FEW_HOLD or inputs.rows < FEW_ROWS:
        return ""
    remedy = "; Huber or absolute error would not let them rule" if inputs.task == "regression" else ""
    return (
        f"Few rows rule the loss: the worst 1 % hold {percent(drawn.concentration)} of it. Look at them first, they "
        f"may be mislabelled{remedy}."
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
