"""What stands out in an evaluation, as findings of the doctor: code, severity, evidence with numbers, why, and fix.

The rules EVAL01 … EVAL09 are decided here; ``slices``, ``duplicates``, a stream's summary and ``tasks`` decide the
others and make their findings in the same way. ``lossmith explain EVAL05`` prints a rule.

The doctor is built on parts of the evaluation, so it is imported only when there is something to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .figures import Figures
from .inputs import Subject
from .intervals import Z, wilson
from .p_values import at_least
from .result import ClassScore, Confusion, Evaluation, LossScore, Metric
from .temperature import Temperature
from .verdict import Standing, number, percent, standing

if TYPE_CHECKING:
    from ..doctor import Finding, Findings

FEW_ROWS = 100
_NAMED = 5  # classes listed by name in one sentence
_PAIR_SHARE = 0.1  # of the errors that a pair of classes must make to be told
_PAIR_CHANCE = 0.01  # of any pair making so many, if errors fell on all of them alike
_TEMPERATURE_GAIN = 0.01  # of the loss that a temperature must win to be told
_THRESHOLD_GAIN, _THRESHOLD_ERRORS = 0.02, 3  # of F1 that another threshold must win: at least, and in standard errors
_FEW_HOLD = 0.4  # of the loss that the worst 1 % of the rows must hold to be told; squares of normal errors: 0.08
_CHANCE = "Chance alone could make such a gain."
_CONFIDENCE_GAP = 0.02  # between mean confidence and accuracy, beside being outside the interval


def finding(code: str, **parts: Any) -> Finding:
    """Return a finding of a rule; ``parts`` are those of ``lossmith.doctor.Rule.finding``."""
    from ..doctor import rule

    return rule(code).finding(**parts)


def ordered(found: Iterable[Finding]) -> Findings:
    """Return findings, most serious first, without those that others explain."""
    from ..doctor import Findings
    from ..doctor.engine import settled

    return Findings(settled(list(found)))


def added(result: Evaluation, more: Iterable[Finding]) -> Evaluation:
    """Return the evaluation with more findings in their places."""
    return replace(result, findings=ordered([*more, *result.findings]))


def found(
    inputs: Subject,
    losses: Mapping[str, LossScore],
    metrics: Mapping[str, Metric],
    confusion: Confusion | None,
    classes: tuple[ClassScore, ...],
    drawn: Figures | None = None,
    temperature: Temperature | None = None,
) -> list[Finding]:
    """Return what stands out in the numbers.

    Args:
        inputs: What was evaluated.
        losses: By name; the first one decides.
        metrics: By name.
        confusion: Which class was taken for which, or None.
        classes: One record per class.
        drawn: What is known about thresholds and about the worst rows, or None.
        temperature: What a temperature would give, or None.
    """
    told = [
        _constant(standing(inputs, losses, metrics), losses, metrics.get("accuracy")),
        _majority(metrics.get("accuracy")),
        few(inputs.rows),
        never_predicted(classes, "weight" if inputs.weighted else "rows"),
        _calibration(metrics, temperature),
        _threshold(inputs, metrics, drawn),
        pair(confusion, len(classes)),
        _bias(metrics),
        _concentrated(inputs, drawn),
    ]
    return [f for f in told if f is not None]


def _constant(beside: Standing, losses: Mapping[str, LossScore], accuracy: Metric | None) -> Finding | None:
    if beside.word not in ("worse", "undecided"):
        return None
    loss = next(iter(losses.values()), None)
    if loss is None:
        assert accuracy is not None
        numbers = {n: getattr(accuracy, n) for n in ("value", "constant", "low", "high")}
        evidence = f"{beside.numbers[:1].upper()}{beside.numbers[1:]}."
    else:
        numbers = {n: getattr(loss, n) for n in ("value", "constant", "gain_low", "gain_high")}
        evidence = f"{loss.title} {number(loss.value)} against {number(loss.constant)}"
        gain = f"; 95 % interval of the gain {number(loss.gain_low)} … {number(loss.gain_high)}"
        evidence += "." if loss.gain_low is None else f"{gain}."
    chance = _CHANCE if beside.word == "undecided" else ""
    return finding(
        "EVAL01",
        what=f"{beside.start}.",
        evidence=evidence,
        why=chance,
        fix="more rows would tell; lossmith doctor FILE looks for what may have gone wrong" if chance else "",
        severity="warning" if chance else "error",
        certainty="statistical",
        **numbers,
    )


def of_verdict(verdict: str) -> list[Finding]:
    """Return the finding of a verdict in words that is not better than its constant; none of others."""
    start, _, numbers = verdict.partition(": ")
    if not start.startswith(("Worse than", "Not distinguishable from")):
        return []
    chance = start.startswith("Not")
    return [
        finding(
            "EVAL01",
            what=f"{start}.",
            evidence=numbers[:1].upper() + numbers[1:],
            why=_CHANCE if chance else "",
            severity="warning" if chance else "error",
            certainty="statistical",
        )
    ]


def _majority(accuracy: Metric | None) -> Finding | None:
    """Say where a high accuracy is what the most frequent class alone gives."""
    if accuracy is None or accuracy.low is None or accuracy.high is None or accuracy.constant is None:
        return None
    if not accuracy.low <= accuracy.constant <= accuracy.high:
        return None
    return finding(
        "EVAL02",
        what="The accuracy is no better than always answering the most frequent class.",
        evidence=f"Accuracy {percent(accuracy.value)} (95 % interval {100 * accuracy.low:.1f} … "
        f"{100 * accuracy.high:.1f} %) against {percent(accuracy.constant)}.",
        certainty="statistical",
        accuracy=accuracy.value,
        constant=accuracy.constant,
    )


def few(rows: int, unit: str = "row", enough: int = FEW_ROWS) -> Finding | None:
    """Say where there are so few rows, groups or images that all numbers are rough."""
    if rows >= enough:
        return None
    low, high = wilson(0.5, rows)
    assert low is not None
    assert high is not None
    return finding(
        "EVAL03",
        what=f"Only {rows} {unit}{'s' if rows > 1 else ''}.",
        evidence=f"The 95 % interval of a share of 50 % is {100 * (high - low):.0f} points wide.",
        rows=rows,
    )


def never_predicted(classes: tuple[ClassScore, ...], unit: str) -> Finding | None:
    """Name the classes that occur and are never the answer; ``unit`` is what their support counts."""
    never = [c for c in classes if c.support > 0 and c.predicted == 0]
    if not never:
        return None
    named = ", ".join(f"{c.name!r} ({number(c.support)} {unit})" for c in never[:_NAMED])
    more = f" and {len(never) - _NAMED} more" if len(never) > _NAMED else ""
    return finding(
        "EVAL04",
        what=f"Never predicted: {named}{more}.",
        evidence=f"{len(never)} of {sum(c.support > 0 for c in classes)} classes that occur are never the answer.",
        classes=len(never),
    )


def _calibration(metrics: Mapping[str, Metric], mend: Temperature | None) -> Finding | None:
    """Say whether probabilities are too sure or too unsure, and which temperature mends them."""
    gap = _confidence_gap(metrics)
    if mend is not None and (not mend.certain or mend.before - mend.after < _TEMPERATURE_GAIN * mend.before):
        mend = None
    if gap is None and mend is None:
        return None
    sure = mend.value > 1 if mend is not None else (gap or 0.0) > 0
    numbers: dict[str, Any] = {}
    evidence, fix = [], ""
    if gap is not None:
        confidence, accuracy, error = (metrics[n].value for n in ("mean_confidence", "accuracy", "ece"))
        numbers |= {"confidence": confidence, "accuracy": accuracy, "calibration_error": error}
        evidence.append(
            f"Mean confidence {percent(confidence)}, accuracy {percent(accuracy)} (calibration error {number(error)})."
        )
    if mend is not None:
        numbers |= {"temperature": mend.value, "before": mend.before, "after": mend.after}
        evidence.append(
            f"Logits divided by {number(mend.value)} (the temperature, fitted on these rows) would lower the "
            f"cross-entropy from {number(mend.before)} to {number(mend.after)}."
        )
        fix = f"divide the logits by about {mend.value:.2g}; fit the temperature anew on validation rows"
    return finding(
        "EVAL05",
        what=f"The probabilities are too {'sure' if sure else 'unsure'}.",
        evidence=" ".join(evidence),
        fix=fix,
        severity="warning" if sure else "note",
        certainty="statistical",
        **numbers,
    )


def _confidence_gap(metrics: Mapping[str, Metric]) -> float | None:
    """Return mean confidence less accuracy where it is more than chance and more than a trifle."""
    confidence, accuracy = metrics.get("mean_confidence"), metrics.get("accuracy")
    if confidence is None or accuracy is None or confidence.value is None or accuracy.value is None:
        return None
    if accuracy.low is None or accuracy.high is None or accuracy.low <= confidence.value <= accuracy.high:
        return None
    gap = confidence.value - accuracy.value
    return gap if abs(gap) >= _CONFIDENCE_GAP else None


def _threshold(inputs: Subject, metrics: Mapping[str, Metric], drawn: Figures | None) -> Finding | None:
    """Say which threshold has a better F1, where the gain is far beyond what choosing the best of many gives."""
    f1 = metrics.get("f1")
    if drawn is None or drawn.thresholds is None or f1 is None or f1.value is None or f1.low is None or f1.high is None:
        return None
    t = drawn.thresholds
    at, best = int(np.flatnonzero(t.threshold == 0.5)[0]), int(np.argmax(t.f1))
    gain, error = float(t.f1[best] - t.f1[at]), (f1.high - f1.low) / (2 * Z)
    if gain < max(_THRESHOLD_GAIN, _THRESHOLD_ERRORS * error):
        return None
    recall, precision = ([percent(_defined(x[k])) for k in (at, best)] for x in (t.recall, t.precision))
    better = float(t.threshold[best])
    return finding(
        "EVAL06",
        what=f"A threshold of 0.5 is not the best for {inputs.class_names[1]!r}.",
        evidence=f"At {number(better)} F1 rises from {number(float(t.f1[at]))} to {number(float(t.f1[best]))} (recall "
        f"{recall[0]} to {recall[1]}, precision {precision[0]} to {precision[1]}); chosen on these rows.",
        certainty="statistical",
        threshold=better,
        before=float(t.f1[at]),
        after=float(t.f1[best]),
    )


def _defined(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def pair(confusion: Confusion | None, classes: int, counted: str = "rows") -> Finding | None:
    """Name the two classes whose confusion, in both directions, makes most of the errors; ``counted`` are these."""
    if confusion is None or confusion.most_confused is None or classes < 3:
        return None
    first = max(confusion.pairs, key=lambda p: confusion.between(p.true, p.predicted))
    both = confusion.between(first.true, first.predicted)
    share, pairs = both / confusion.errors, classes * (classes - 1) // 2
    if share < _PAIR_SHARE or pairs * at_least(int(both), int(confusion.errors), 1 / pairs) > _PAIR_CHANCE:
        return None
    return finding(
        "EVAL07",
        what=f"Most confused: {first.true!r} and {first.predicted!r}.",
        evidence=f"{number(both)} of {number(confusion.errors)} errors ({percent(share)}); {first.true!r} taken for "
        f"{first.predicted!r}: {number(first.count)}.",
        why=f"Mending one pair mends much; mislabelled {counted} often gather there.",
        fix=f"look at {counted} of the two classes, their labels first",
        share=share,
    )


def _bias(metrics: Mapping[str, Metric]) -> Finding | None:
    """Say where predictions lie on one side of the targets on average, by more than chance."""
    bias = metrics.get("bias")
    if bias is None or bias.value is None or bias.low is None or bias.high is None or bias.low <= 0 <= bias.high:
        return None
    side = "high" if bias.value > 0 else "low"
    return finding(
        "EVAL08",
        what=f"Predictions are too {side} by {number(abs(bias.value))} on average.",
        evidence=f"Mean error {number(bias.value)} (95 % interval {number(bias.low)} … {number(bias.high)}).",
        certainty="statistical",
        bias=bias.value,
        low=bias.low,
        high=bias.high,
    )


def _concentrated(inputs: Subject, drawn: Figures | None) -> Finding | None:
    """Say where few rows make up much of the loss."""
    if drawn is None or drawn.concentration is None or drawn.concentration < _FEW_HOLD or inputs.rows < FEW_ROWS:
        return None
    remedy = "; Huber or absolute error would not let them rule" if inputs.task == "regression" else ""
    return finding(
        "EVAL09",
        what="Few rows rule the loss.",
        evidence=f"The worst 1 % of the rows hold {percent(drawn.concentration)} of it.",
        fix=f"look at them first, they may be mislabelled{remedy}",
        share=drawn.concentration,
    )
