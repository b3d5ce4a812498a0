"""Rules about what a loss takes and what it gets: the last activation, the number of units, a dropout in between."""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import rule
from .layers import BOUNDED, RECTIFIED, UNBOUNDED
from .values import LossSpec, Tensor

_LOGARITHMS = frozenset({"log_softmax", "log_sigmoid"})
_LOG_LOSSES = ("negative_log_likelihood", "kl_divergence_log_probabilities")


def fits(spec: LossSpec, x: Tensor) -> Iterator[Finding]:
    """Yield what is wrong between a loss and the tensor that it gets as prediction."""
    if spec.kind == "categorical" and x.units == 1 and x.predicted:
        yield _one_class(spec, x)
        return
    if x.activation is None:
        return
    if spec.kind in ("categorical", "binary"):
        yield from _classes(spec, x)
    if spec.form == "log-probabilities" and spec.name in _LOG_LOSSES:
        yield from _logarithms(spec, x)
    yield from _softmax_of_one(spec, x)


def _classes(spec: LossSpec, x: Tensor) -> Iterator[Finding]:
    if spec.form == "logits":
        if x.activation in BOUNDED:
            yield _twice(spec, x)
        elif x.activation in RECTIFIED:
            yield rule("OUT08").finding(evidence=_gets(spec, x, "takes logits of any sign"), framework=spec.framework)
    elif spec.form == "probabilities":
        if x.activation in UNBOUNDED | _LOGARITHMS:
            yield _not_probabilities(spec, x)
        elif spec.kind == "categorical" and x.activation in ("sigmoid", "hard_sigmoid"):
            yield _independent(spec, x)
        elif x.activation == "softmax" and x.axis == 0 and x.shown.startswith("Softmax (line"):
            # Of Keras's layer alone: its first axis is the batch. A function may get a single row.
            yield rule("OUT14").finding(
                evidence=f"{x.shown} is over axis 0, the rows of the batch; {_placed(spec)} is over classes.",
                framework=spec.framework,
            )
        elif spec.name == "binary_cross_entropy" and x.activation == "softmax" and (x.units or 0) > 2:
            yield rule("OUT05").finding(
                evidence=_gets(spec, x, "scores every column as a yes or no of its own"), framework=spec.framework
            )
    if x.dropout:
        yield rule("OUT16").finding(
            evidence=f"A dropout stands between the last weights and {spec.shown}.", framework=spec.framework
        )


def labels(spec: LossSpec, target: Tensor) -> Iterator[Finding]:
    """Yield what is wrong between a loss over classes and labels whose making the source shows."""
    given = "rows" if target.one_hot else "indices" if target.hard == "argmax" else ""
    if given and spec.takes and given != spec.takes:
        one_hot = "one-hot rows", "class indices"
        gets, takes = one_hot if given == "rows" else reversed(one_hot)
        yield rule("LAB02").finding(
            what=f"{spec.shown} takes {takes} and gets {gets}.",
            evidence=f"The target is made by {'a one-hot function' if given == 'rows' else 'argmax'}.",
            framework=spec.framework,
        )


def _gets(spec: LossSpec, x: Tensor, takes: str) -> str:
    return f"{_placed(spec)} {takes}; it gets the output of {x.shown}."


def _placed(spec: LossSpec) -> str:
    return spec.shown if not spec.line else f"{spec.shown} (line {spec.line})"


def _twice(spec: LossSpec, x: Tensor) -> Finding:
    own = "softmax" if spec.kind == "categorical" else "the sigmoid"
    backend = " (Keras on TensorFlow trains on the logits that it keeps; the other backends do not.)"
    return rule("OUT02").finding(
        what=f"{_word(x.activation)} output is fed to a loss that applies {own} itself.",
        evidence=_gets(spec, x, "takes logits"),
        why=rule("OUT02").why + (backend if spec.framework == "keras" else ""),
        framework=spec.framework,
    )


def _word(activation: str | None) -> str:
    return (activation or "").replace("_", " ").capitalize()


def _not_probabilities(spec: LossSpec, x: Tensor) -> Finding:
    return rule("OUT03").finding(
        what=f"{spec.shown} expects probabilities; the last activation is {x.activation}.",
        evidence=_gets(spec, x, "takes probabilities"),
        framework=spec.framework,
    )


def _independent(spec: LossSpec, x: Tensor) -> Finding:
    return rule("OUT04").finding(
        evidence=_gets(spec, x, "is over classes of which exactly one is right"),
        severity="warning" if spec.framework == "keras" else "error",
        framework=spec.framework,
    )


def _one_class(spec: LossSpec, x: Tensor) -> Finding:
    return rule("OUT06").finding(
        what=f"{spec.shown} over one class is 0 for any model.",
        evidence=f"{_placed(spec)} is over classes; the last layer has one unit.",
        framework=spec.framework,
    )


def _logarithms(spec: LossSpec, x: Tensor) -> Iterator[Finding]:
    if x.activation in BOUNDED | UNBOUNDED:
        kind = "probabilities" if x.activation in BOUNDED else "scores"
        yield rule("OUT11").finding(
            what=f"{spec.shown} expects log-probabilities and gets {kind}.",
            evidence=_gets(spec, x, "takes log-probabilities"),
            framework=spec.framework,
        )


def _softmax_of_one(spec: LossSpec, x: Tensor) -> Iterator[Finding]:
    """A softmax along axis 1 is over the single unit if it goes straight into a loss; else it may be attention."""
    if x.activation == "softmax" and x.units == 1 and x.axis in (1, None):
        yield rule("OUT01").finding(
            evidence=f"{x.shown} is over one unit, and {spec.shown} gets its output.", framework=spec.framework
        )
