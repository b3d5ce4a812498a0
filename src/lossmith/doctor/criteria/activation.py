"""OUT01 to OUT08: the last activation against the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np

from ..evidence import Evidence, distributions
from ..finding import Finding
from ..rule import judges, rule
from .axes import ENOUGH, log_sum_exp, other_axis
from .narrow import bounded_logits, narrow_logits
from .words import num, plural, share, size, span

_CHANCE = 1e-6
_BOUNDED = ("softmax", "sigmoid", "hard_sigmoid")
_RECTIFIED = ("relu", "relu6", "softplus", "exponential", "abs")
_REACH = {
    "softmax": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
    "abs": (0.0, np.inf),
}


@judges("OUT01")
def single_softmax(e: Evidence) -> Iterator[Finding]:
    """Judge OUT01: softmax over a single unit is always 1."""
    p = e.prediction
    if p is None or p.ndim == 0 or (p.ndim > 1 and p.shape[-1] != 1):
        return
    ones = bool(np.all(p == 1))
    of_model = e.activation == "softmax" and p.ndim > 1
    if not of_model and (not ones or e.activation is not None or not _ones_are_odd(e)):
        return
    same = "all exactly 1" if ones else f"in {span(p)}"
    claim = "the last activation is a softmax" if of_model else "a saturated sigmoid would be the only other way"
    yield rule("OUT01").finding(
        evidence=f"{plural(p.size, 'prediction')} ({size(p.shape)}), {same}; {claim}.",
        framework=e.framework,
        certainty="certain" if of_model else "likely",
        rows=p.size,
    )


def _ones_are_odd(e: Evidence) -> bool:
    """Whether targets say that 1 cannot be the answer to every row, and labels are not the fault."""
    t = e.numeric_target
    if t is None or t.size < 16 or bool(np.all(t == t.flat[0])):
        return False
    wrong_labels = e.loss is not None and e.loss.binary and (t.min() < 0 or t.max() > 1)
    return not wrong_labels and (e.loss is None or e.loss.form in ("", "probabilities", "values"))


@judges("OUT02")
def probabilities_into_logits(e: Evidence) -> Iterator[Finding]:
    """Judge OUT02: probabilities are fed to a loss that applies softmax or sigmoid itself."""
    facts, p = e.loss, e.prediction
    if facts is None or facts.form != "logits" or not (facts.categorical or facts.binary):
        return
    if e.activation == "log_softmax" or (e.activation is None and facts.categorical and _log_probabilities(e)):
        yield _already_log(e)
    elif facts.categorical and (e.rows is None or e.rows.shape[1] > 1):
        known = e.activation in _BOUNDED
        rows_tell = p is not None and p.size >= ENOUGH and e.sums_to_one is True
        if known or rows_tell:
            yield _softmax_twice(e, e.activation if known and e.activation else "softmax")
    elif facts.binary:
        known = e.activation in _BOUNDED or e.origin.reach == (0, 1)
        if known or (e.activation is None and p is not None and _in_unit_beyond_chance(p) < _CHANCE):
            yield _sigmoid_twice(e, known)


def _log_probabilities(e: Evidence) -> bool:
    if e.rows is None or e.rows.shape[1] < 2 or e.rows.size < ENOUGH or not np.isfinite(e.rows).all():
        return False
    return bool(e.rows.max() <= 0 and np.all(np.abs(log_sum_exp(e.rows)) <= e.tolerance))


def _already_log(e: Evidence) -> Finding:
    return rule("OUT02").finding(
        what="Log-probabilities are fed to a loss that takes any logits.",
        evidence=f"The rows' log-sum-exp is 0: {e.loss.shown if e.loss else 'the loss'} would do without log_softmax.",
        why="Harmless: log_softmax of log-probabilities changes nothing. It only costs time.",
        fix="drop the log_softmax, or take the negative log-likelihood",
        severity="note",
    )


def _softmax_twice(e: Evidence, activation: str) -> Finding:
    shown = e.loss.shown if e.loss else "the loss"
    evidence = f"The last activation is {activation}; the loss is {shown}."
    numbers: dict[str, Any] = {}
    classes = 2
    if e.rows is not None:
        classes = e.rows.shape[1]
        off = float(np.max(np.abs(e.rows.sum(axis=1, dtype=np.float64) - 1)))
        sums = f", rows sum to 1 (at most {off:.1g} off)" if e.sums_to_one else ""
        evidence = f"{size(e.rows.shape)} outputs, all in {span(e.rows)}{sums}; the loss is {shown}."
        numbers = {"rows": e.rows.shape[0], "classes": classes, "row_sum_error": off}
    floor = math.log1p((classes - 1) / math.e)
    now = f" (now {num(e.score.mean)})" if e.score is not None else ""
    tf = " Keras on TensorFlow trains on the logits that it keeps, and only warns." if e.backend == "tensorflow" else ""
    return rule("OUT02").finding(
        what=f"{activation.capitalize()} output is fed to a loss that applies softmax itself.",
        evidence=evidence,
        why=f"With {classes} classes the loss cannot go below {num(floor)}{now}, however good the model, and gradients "
        f"shrink.{tf}",
        framework=e.framework,
        floor=floor,
        **numbers,
    )


def _in_unit_beyond_chance(p: np.ndarray) -> float:
    """Return the probability that normal logits of this mean and spread all lie in (0, 1); 1 where they do not.

    No more than 512 numbers count, for neighbours (pixels, columns) are not independent.
    """
    if p.size < 2 * ENOUGH or not np.isfinite(p).all() or p.min() <= 0 or p.max() >= 1:
        return 1.0
    mean, spread = float(p.mean(dtype=np.float64)), float(p.std(dtype=np.float64))
    if spread < 1e-3:
        return 1.0
    normal = NormalDist(mean, spread)
    inside = normal.cdf(1) - normal.cdf(0)
    return inside ** min(p.size, 512)


def _sigmoid_twice(e: Evidence, known: bool) -> Finding:
    shown = e.loss.shown if e.loss else "the loss"
    evidence = f"The last activation is {e.activation}; the loss is {shown}."
    numbers: dict[str, Any] = {}
    if e.prediction is not None and e.prediction.size:
        p = e.prediction
        evidence = f"All {p.size} outputs lie in {span(p)}, strictly between 0 and 1; the loss is {shown}."
        numbers = {"outputs": p.size, "chance": _in_unit_beyond_chance(p)}
        if not known:
            evidence += f" Logits of this mean and spread would do so with p < {max(numbers['chance'], 1e-99):.0e}."
    now = f" (now {num(e.score.mean)})" if e.score is not None else ""
    return rule("OUT02").finding(
        what="Sigmoid output is fed to a loss that applies the sigmoid itself.",
        evidence=evidence,
        why="The loss of a row cannot go below 0.6931 for a target of 0, nor below 0.3133 for a target of 1"
        f"{now}, however good the model.",
        framework=e.framework,
        certainty="certain" if known else "statistical",
        **numbers,
    )


@judges("OUT03")
def logits_into_probabilities(e: Evidence) -> Iterator[Finding]:
    """Judge OUT03: logits are fed to a loss that expects probabilities."""
    facts, p = e.loss, e.prediction
    if facts is None or facts.form != "probabilities" or not (facts.categorical or facts.binary):
        return
    slack = 1e-2 if e.half else 1e-5
    outside = 0.0
    if p is not None and p.size:
        outside = float(np.mean((p < -slack) | (p > 1 + slack)))
    inside = p is not None and p.size > 0 and bool(p.min() >= 0 and p.max() <= 1)
    unbounded = e.activation not in (None, *_BOUNDED) and (e.framework == "keras" or not inside)
    if outside == 0 and not unbounded and not _rectified_rows(e):
        return
    parts = [] if e.activation is None else [f"the last activation is {e.activation}"]
    if p is not None and p.size:
        parts.append(f"{plural(p.size, 'output')} in {span(p)}")
    if outside:
        parts.append(f"{share(outside)} of them outside [0, 1], clipped and without gradient")
    elif not unbounded:
        parts.append(f"{share(float(np.mean(p == 0)))} exactly 0, and rows do not sum to 1: a ReLU's output")
    yield rule("OUT03").finding(
        what=f"{facts.shown} expects probabilities, and gets something else.",
        evidence=f"{_sentence('; '.join(parts))}",
        framework=e.framework,
        certainty="certain" if outside or unbounded else "likely",
        outside=outside,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _rectified_rows(e: Evidence) -> bool:
    """Whether rows over classes are neither distributions nor sigmoids, but rectified."""
    if e.loss is None or not e.loss.categorical or e.rows is None or e.activation is not None:
        return False
    if e.rows.shape[1] < 2 or e.rows.size < 2 * ENOUGH or not np.isfinite(e.rows).all():
        return False
    zeros = float(np.mean(e.rows == 0))
    return bool(e.rows.min() == 0) and 0.01 <= zeros < 1 and _sums_off(e.rows) > 0.01 and other_axis(e) is None


def _sums_off(rows: np.ndarray) -> float:
    """Return by how much more than two digits' rounding the sums of the worst tenth of the rows miss 1."""
    off = float(np.quantile(np.abs(rows.sum(axis=1, dtype=np.float64) - 1), 0.9))
    return off - 0.005 * rows.shape[1]


@judges("OUT04")
def sigmoid_on_exclusive(e: Evidence) -> Iterator[Finding]:
    """Judge OUT04: independent sigmoids for exclusive classes."""
    facts = e.loss
    if facts is None or facts.form != "probabilities" or e.rows is None or e.rows.shape[1] < 2:
        return
    if facts.categorical:
        yield from _sigmoid_rows(e)
    elif facts.binary and facts.definition is not None and facts.definition.layout == "element":
        yield from _exclusive_targets(e)


def _sigmoid_rows(e: Evidence) -> Iterator[Finding]:
    rows = e.rows
    if rows is None or not np.isfinite(rows).all() or rows.min() < 0 or rows.max() > 1 or rows.shape[0] < 2:
        return
    off = _sums_off(rows)
    known = e.activation == "sigmoid" and not e.sums_to_one
    values_tell = e.activation in (None, "sigmoid") and rows.size >= ENOUGH and off > 0.01
    if not known and not (values_tell and not _rectified_rows(e) and other_axis(e) is None):
        return
    mean = float(rows.sum(axis=1, dtype=np.float64).mean())
    keras = e.framework == "keras"
    on_tf = keras and e.backend in ("tensorflow", "")
    tf = " Keras on TensorFlow trains such a model like a softmax, on the logits that it keeps." if on_tf else ""
    yield rule("OUT04").finding(
        evidence=f"{size(rows.shape)} outputs in {span(rows)}; rows sum to {num(mean)} on average, not to 1.",
        why=rule("OUT04").why + tf,
        severity="warning" if on_tf else "error",
        certainty="certain",
        framework=e.framework,
        row_sum=mean,
    )


def _exclusive_targets(e: Evidence) -> Iterator[Finding]:
    t = e.dense_target
    if t is None or t.shape[1] < 3 or t.shape[0] < 32 or t.size < 200 or e.prediction is None or e.prediction.ndim != 2:
        return
    one_hot = bool(np.all((t == 0) | (t == 1)) and np.all(t.sum(axis=1) == 1))
    if not one_hot or e.activation == "softmax" or e.sums_to_one:
        return
    yield rule("OUT04").finding(
        what="A binary loss on classes that exclude each other.",
        evidence=f"All {t.shape[0]} rows of the target are one-hot over {t.shape[1]} columns; independent labels would "
        "also come in none or several.",
        severity="warning",
        certainty="statistical",
        framework=e.framework,
        rows=t.shape[0],
        classes=t.shape[1],
    )


@judges("OUT05")
def binary_on_softmax(e: Evidence) -> Iterator[Finding]:
    """Judge OUT05: binary cross-entropy on a softmax over several classes."""
    facts = e.loss
    if facts is None or not facts.binary or facts.form != "probabilities" or e.rows is None or e.rows.shape[1] < 2:
        return
    if facts.definition is None or facts.definition.layout != "element" or e.prediction is None:
        return
    if not (e.activation == "softmax" or (e.sums_to_one and e.prediction.ndim == 2 and e.rows.size >= ENOUGH)):
        return
    classes = e.rows.shape[1]
    yield rule("OUT05").finding(
        evidence=f"{size(e.rows.shape)} outputs whose rows sum to 1; the loss is {facts.shown}.",
        why="With two columns it is the categorical cross-entropy, up to a factor." if classes == 2 else "",
        severity="note" if classes == 2 else "warning",
        framework=e.framework,
        classes=classes,
    )


@judges("OUT06")
def one_class(e: Evidence) -> Iterator[Finding]:
    """Judge OUT06: a categorical loss over one class is 0 for any model."""
    facts = e.loss
    if facts is None or not facts.categorical or e.rows is None or e.rows.shape[1] != 1:
        return
    if facts.definition is None or facts.definition.layout != "row" or facts.definition.task != "multiclass":
        return
    t = e.numeric_target
    levels = np.unique(t) if t is not None else np.zeros(0)
    many = levels.size > 2 and bool(np.all(levels == np.rint(levels)))
    labels = f" The labels hold {levels.size} different values, up to {num(float(levels.max()))}." if many else ""
    yield rule("OUT06").finding(
        what=f"{facts.shown} over one class is 0 for any model.",
        evidence=f"The prediction has shape {size(e.prediction.shape)}: its class axis has length 1.{labels}"
        if e.prediction is not None
        else "",
        framework=e.framework,
    )


@judges("OUT07")
def unreachable_targets(e: Evidence) -> Iterator[Finding]:
    """Judge OUT07: targets lie where the last activation cannot reach."""
    facts, t = e.loss, e.numeric_target
    if facts is None or not facts.regression or t is None or t.size == 0 or not np.isfinite(t).all():
        return
    activation, certain = (e.activation, True) if e.activation else (_shown_by_values(e), False)
    if e.origin.reach is not None and activation not in _REACH:
        (low, high), activation, certain = e.origin.reach, "the model's last step", True
    elif activation in _REACH:
        low, high = _REACH[activation]
    else:
        return
    t = t.astype(np.float64)
    slack = 1e-6 * max(float(np.ptp(t)), 1e-12)
    outside = float(np.mean((t < low - slack) | (t > high + slack)))
    if outside == 0:
        return
    reach = float(np.mean((t - np.clip(t, low, high)) ** 2))
    top = "" if not np.isfinite(high) else f"{num(high)}"
    yield rule("OUT07").finding(
        what=f"{share(outside)} of the targets lie outside what {activation} can produce ({num(low)} … {top}).",
        evidence=f"Targets in {span(t)}. The best reachable squared error is {num(reach)}; answering the mean would "
        f"give {num(float(t.var()))}.",
        severity="error" if outside > 0.01 else "warning",
        certainty="certain" if certain else "likely",
        framework=e.framework,
        outside=outside,
        reachable=reach,
        variance=float(t.var()),
    )


def _shown_by_values(e: Evidence) -> str | None:
    """Return the activation that predictions give away: softmax by its sums, ReLU by its zeros."""
    p = e.prediction
    if p is None or p.size < ENOUGH or not np.isfinite(p).all():
        return None
    if p.ndim == 2 and p.shape[1] > 1 and distributions(p, e.tolerance):
        return "softmax"
    if p.size >= 16 and bool(np.all(p == 1)):
        return "softmax"
    zeros = float(np.mean(p == 0))
    return "relu" if p.min() == 0 and 0.01 <= zeros < 0.99 and p.size >= 2 * ENOUGH else None


@judges("OUT08")
def rectified_logits(e: Evidence) -> Iterator[Finding]:
    """Judge OUT08: logits are rectified: none can be negative."""
    facts, p = e.loss, e.prediction
    if facts is not None and facts.definition is not None and facts.definition.name == "poisson_log_rate":
        yield from _rate_in_place_of_its_logarithm(e)
    if facts is None or not (facts.categorical or facts.binary):
        return
    if e.model is not None and e.model.before in _RECTIFIED and e.activation == e.model.activation:
        yield rule("OUT08").finding(
            evidence=f"The last layers are {e.model.before}, then {e.activation}.", framework=e.framework
        )
        return
    if facts.form != "logits":
        return
    if e.activation == "tanh":
        yield from bounded_logits(e)
        return
    if facts.categorical and e.activation in (None, "linear") and e.origin.reach is not None:
        yield from narrow_logits(e, *e.origin.reach)
    known = e.activation in _RECTIFIED
    zeros = 0.0 if p is None or not p.size else float(np.mean(p == 0))
    tell = p is not None and p.size >= 2 * ENOUGH and bool(p.min() == 0) and 0.01 <= zeros < 1
    if not known and (e.activation is not None or not tell):
        return
    if p is not None and p.size and np.all((p == 0) | (p == 1)):
        return  # hard answers: another rule's matter
    shown = f"; {plural(p.size, 'logit')} in {span(p)}, {share(zeros)} exactly 0" if p is not None and p.size else ""
    yield rule("OUT08").finding(
        evidence=f"The last activation {f'is {e.activation}' if known else 'looks like a ReLU'}{shown}.",
        certainty="certain" if known else "likely",
        framework=e.framework,
        zeros=zeros,
    )


def _rate_in_place_of_its_logarithm(e: Evidence) -> Iterator[Finding]:
    if e.activation not in _RECTIFIED or e.loss is None:
        return
    t = e.numeric_target
    mean = float(t.mean(dtype=np.float64)) if t is not None and t.size >= ENOUGH else math.nan
    counts = f" The targets' mean is {num(mean)}, which no such rate comes down to." if mean < 1 else ""
    yield rule("OUT08").finding(
        what=f"{e.loss.shown} takes the logarithm of a rate, and gets something that cannot be negative.",
        evidence=f"The last activation is {e.activation}: no rate is below 1, and exp is taken twice if it was meant "
        f"as one.{counts}",
        fix="drop the last activation, or nn.PoissonNLLLoss(log_input=False)",
        severity="error" if counts else "warning",
        framework=e.framework,
    )
