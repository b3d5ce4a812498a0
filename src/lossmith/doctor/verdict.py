"""Two losses, training and validation: is that overfitting? The verdict, as sure as the numbers allow.

From two numbers alone nobody can compute a p-value. But how many rows the gap would take to be more than chance can be
said, if rows scatter about as much as their mean (as cross-entropies and squared errors do); so the verdict says that.
With one loss per row it is Welch's test.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..evaluation.arrays import to_numpy
from ..evaluation.p_values import two_sided
from .criteria.words import num, plural, share
from .finding import SCHEMA, Findings, Severity
from .rule import rule

_SURE = 3.29  # standard errors: p < .001
_CLEAR = 2.0  # validation over training from which two numbers speak of overfitting
_SLIGHT = 1.2
_BELOW = 0.9


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a training and a validation loss say.

    Attributes:
        word: "overfitting", "a gap", "underfitting", "no gap", "validation below training" or "undecided".
        sentence: The verdict in one or two sentences.
        findings: The findings of the rules GEN01 to GEN03 and NUM01.
        train: The training loss.
        validation: The validation loss.
        numbers: Gap, ratio, rows needed, p-value, as far as known.
    """

    word: str
    sentence: str
    findings: Findings
    train: float
    validation: float
    numbers: Mapping[str, float] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON; numbers that are not finite are None."""
        numbers = {"train": self.train, "validation": self.validation, **self.numbers}
        return {
            "schema": SCHEMA,
            "word": self.word,
            "sentence": self.sentence,
            "numbers": {name: x if math.isfinite(x) else None for name, x in numbers.items()},
            "findings": [f.to_dict() for f in self.findings],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def __str__(self) -> str:
        parts = [self.sentence, *(f.to_text() for f in self.findings)]
        return "\n\n".join(parts)


@dataclass(frozen=True, kw_only=True)
class _Side:
    """A mean with its standard error; the error is None where rows are not known."""

    mean: float
    error: float | None
    rows: int | None


def verdict(
    train: Any,
    validation: Any,
    *,
    constant: float | None = None,
    train_rows: int | None = None,
    validation_rows: int | None = None,
) -> Verdict:
    """Say what a training loss and a validation (or test) loss mean beside each other.

    Args:
        train: The training loss: a number, or one loss per row, (N,).
        validation: The validation loss, likewise; of the same loss, both as means over rows.
        constant: The loss of the best constant prediction, if known: ln K for K even classes, the variance of the
            targets for the squared error.
        train_rows: How many rows the number ``train`` is a mean of, if known.
        validation_rows: The same for ``validation``.

    Raises:
        InputError: A loss is no number or array of numbers, is empty, or counts of rows are not positive.

    Example:
        >>> from lossmith.doctor import verdict
        >>> seen = verdict(0.1, 1.5)
        >>> seen.word, seen.findings[0].certainty
        ('overfitting', 'likely')
        >>> print(seen.sentence)
        Overfitting, very likely: the validation loss 1.5 is 15 times the training loss 0.1.
        >>> verdict(0.5, 0.52).word
        'no gap'
    """
    t, v = _side("train", train, train_rows), _side("validation", validation, validation_rows)
    if constant is not None and not math.isfinite(constant):
        raise InputError(f"constant is {constant!r}; expected the finite loss of the best constant, or None")
    if not (math.isfinite(t.mean) and math.isfinite(v.mean)):
        return _not_finite(t, v)
    measured = t.error is not None and v.error is not None
    return _measured(t, v, constant) if measured else _two_numbers(t, v, constant)


def _side(name: str, given: Any, rows: int | None) -> _Side:
    array = to_numpy(name, given)
    if array.dtype.kind not in "biuf" or array.size == 0 or array.ndim > 1:
        raise InputError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; expected a loss, or one per row (N,)"
        )
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 1):
        raise InputError(f"{name}_rows is {rows!r}; expected a whole number of 1 or more")
    if array.size > 1 and rows is not None:
        raise InputError(f"{name}_rows goes with one number; {name} has {array.size} rows of its own")
    values = array.reshape(-1).astype(np.float64)
    with np.errstate(all="ignore"):
        mean = float(values.mean())
        if values.size > 1:
            return _Side(mean=mean, error=float(values.std(ddof=1) / math.sqrt(values.size)), rows=values.size)
    return _Side(mean=mean, error=None, rows=rows)


def _not_finite(t: _Side, v: _Side) -> Verdict:
    name, value = ("training", t.mean) if not math.isfinite(t.mean) else ("validation", v.mean)
    found = rule("NUM01").finding(what=f"The {name} loss is {num(value)}.", evidence="It is not a finite number.")
    return Verdict(
        word="undecided",
        sentence=f"Nothing can be compared: the {name} loss is {num(value)}.",
        findings=Findings([found]),
        train=t.mean,
        validation=v.mean,
    )


def _measured(t: _Side, v: _Side, constant: float | None) -> Verdict:
    """Welch's test between losses per row, with the floors on the size of the gap."""
    gap = v.mean - t.mean
    error = math.hypot(t.error or 0.0, v.error or 0.0)
    z = gap / error if error > 0 else math.copysign(math.inf, gap) if gap else 0.0
    p = two_sided(z)
    low, high = gap - 1.96 * error, gap + 1.96 * error
    numbers = {"gap": gap, "low": low, "high": high, "p": p}
    evidence = (
        f"Training {num(t.mean)} ({plural(t.rows or 0, 'row')}), validation {num(v.mean)} "
        f"({plural(v.rows or 0, 'row')}); the gap is {num(gap)}, 95 % interval {num(low)} … {num(high)}, p = {p:.1e}."
    )
    floor = max(0.2 * abs(t.mean), 0.05 * constant if constant is not None else 0.0)
    if p < 0.001 and gap > floor:
        sentence = (
            f"Overfitting: the validation loss {num(v.mean)} is above the training loss {num(t.mean)} by more "
            "than chance."
        )
        return _made("overfitting", sentence, evidence, "GEN01", "warning", "statistical", t, v, numbers, constant)
    if p < 0.001 and -gap > 0.1 * abs(t.mean):
        sentence = f"The validation loss {num(v.mean)} is below the training loss {num(t.mean)} by more than chance."
        return _made(
            "validation below training", sentence, evidence, "GEN03", "note", "statistical", t, v, numbers, constant
        )
    return _no_gap(t, v, constant, numbers, f"the gap of {num(gap)} is within chance or small (p = {p:.2g})")


def _two_numbers(t: _Side, v: _Side, constant: float | None) -> Verdict:
    gap = v.mean - t.mean
    if t.mean < 0 or v.mean < 0:
        return _negative(t, v, gap)
    ratio = v.mean / t.mean if t.mean > 0 else math.inf if v.mean > 0 else 1.0
    needed = math.ceil((_SURE * v.mean / gap) ** 2) if gap > 0 else 0
    numbers = {"gap": gap, "ratio": ratio, "rows_needed": float(needed)}
    few = v.rows is not None and v.rows < needed
    times = "above a training loss of 0" if math.isinf(ratio) else f"{num(ratio)} times the training loss {num(t.mean)}"
    if ratio >= _CLEAR and not few:
        sure = "Overfitting" if v.rows is not None else "Overfitting, very likely"
        sentence = f"{sure}: the validation loss {num(v.mean)} is {times}."
        return _made(
            "overfitting", sentence, _hedge(t, v, needed), "GEN01", "warning", "likely", t, v, numbers, constant
        )
    if ratio > _SLIGHT:
        sentence = f"There is a gap: the validation loss {num(v.mean)} is {times}. It may be overfitting, or chance."
        return _made("a gap", sentence, _hedge(t, v, needed), "GEN01", "note", "likely", t, v, numbers, constant)
    if ratio < _BELOW:
        sentence = f"The validation loss {num(v.mean)} is below the training loss {num(t.mean)}."
        evidence = f"Training {num(t.mean)}, validation {num(v.mean)}; how many rows these are means of is not known."
        return _made(
            "validation below training", sentence, evidence, "GEN03", "note", "likely", t, v, numbers, constant
        )
    return _no_gap(t, v, constant, numbers, f"validation {num(v.mean)} is close to training {num(t.mean)}")


def _hedge(t: _Side, v: _Side, needed: int) -> str:
    """Say what the verdict rests on."""
    parts = [f"Training {num(t.mean)}, validation {num(v.mean)}: a gap of {num(v.mean - t.mean)}."]
    if v.rows is None:
        parts.append(
            "How many rows these are means of is not known; if rows scatter as much as their mean, the gap is more "
            f"than chance from about {plural(max(needed, 2), 'validation row')} on."
        )
    else:
        enough = "is more than chance" if v.rows >= needed else "may be chance"
        parts.append(
            f"With {plural(v.rows, 'validation row')} it {enough}, if rows scatter as much as their mean (then about "
            f"{max(needed, 2)} are enough)."
        )
    parts.append(
        "It supposes that both are means over rows of the same loss, and that the sets are alike; sets that differ "
        "show the same gap."
    )
    return " ".join(parts)


def _made(
    word: str,
    sentence: str,
    evidence: str,
    code: str,
    severity: Severity,
    certainty: Any,
    t: _Side,
    v: _Side,
    numbers: dict[str, float],
    constant: float | None,
) -> Verdict:
    more = _against_constant(t, v, constant)
    found = rule(code).finding(
        what=sentence if code == "GEN03" else f"{sentence.partition(':')[0]}.",
        evidence=" ".join(filter(None, (evidence, more))),
        severity=severity,
        certainty=certainty,
        **dict[str, Any](numbers),
    )
    return Verdict(
        word=word, sentence=sentence, findings=Findings([found]), train=t.mean, validation=v.mean, numbers=numbers
    )


def _against_constant(t: _Side, v: _Side, constant: float | None) -> str:
    if constant is None or constant <= 0:
        return ""
    if v.mean > constant:
        return f"Validation is worse than always answering the best constant ({num(constant)})."
    return (
        f"Of the best constant's {num(constant)}, training saves {share(1 - t.mean / constant)}, validation "
        f"{share(1 - v.mean / constant)}."
    )


def _no_gap(t: _Side, v: _Side, constant: float | None, numbers: dict[str, float], why: str) -> Verdict:
    if constant is not None and constant > 0 and 1 - v.mean / constant < 0.2 and v.mean <= 1.1 * t.mean:
        sentence = (
            f"Underfitting: training {num(t.mean)} and validation {num(v.mean)} are both near the best "
            f"constant's {num(constant)}."
        )
        return _made(
            "underfitting", sentence, f"{why[:1].upper()}{why[1:]}.", "GEN02", "note", "likely", t, v, numbers, constant
        )
    return Verdict(
        word="no gap",
        sentence=f"No sign of overfitting: {why}.",
        findings=Findings(),
        train=t.mean,
        validation=v.mean,
        numbers=numbers,
    )


def _negative(t: _Side, v: _Side, gap: float) -> Verdict:
    sentence = (
        f"Undecided: a loss that can be negative has no 0 to measure a ratio from, so training {num(t.mean)} and "
        f"validation {num(v.mean)} do not tell how large a gap of {num(gap)} is; give one loss per row."
    )
    return Verdict(
        word="undecided",
        sentence=sentence,
        findings=Findings(),
        train=t.mean,
        validation=v.mean,
        numbers={"gap": gap},
    )
