"""OPT03, OPT04, OPT06, OPT07, OUT15, MET02, GEN01, GEN03, GEN04, GEN08: what learning curves show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..history import Curve, History, noise, shared, threes
from ..rule import judges, rule
from .words import num, plural, share

_LOST = 0.1  # of what the loss had fallen
ENOUGH_EPOCHS = 6  # from which the course of a validation loss is judged
_NEVER_NEGATIVE = frozenset(
    (
        *("squared_error", "absolute_error", "huber", "log_cosh", "squared_logarithmic_error"),
        *("absolute_percentage_error", "sigmoid_cross_entropy", "binary_cross_entropy", "softmax_cross_entropy"),
        *("categorical_cross_entropy", "negative_log_likelihood", "sigmoid_focal", "binary_focal", "softmax_focal"),
        *("categorical_focal", "hinge", "squared_hinge", "categorical_hinge", "kl_divergence"),
    )
)


@judges("OUT15")
def impossible(e: Evidence) -> Iterator[Finding]:
    """Judge OUT15: the loss has a value that it cannot have."""
    history, facts = e.history, e.loss
    if history is None or history.train is None:
        return
    loss = history.train.values
    never = facts is not None and facts.definition is not None and facts.definition.name in _NEVER_NEGATIVE
    if facts is not None and never and not (facts.part or facts.negated) and np.any(loss < -1e-6):
        at = int(np.nanargmin(loss))
        yield rule("OUT15").finding(
            what=f"The loss falls to {num(float(loss[at]))}; {facts.shown} is never below 0.",
            evidence=f"{history.unit.capitalize()} {num(float(history.train.epochs[at]))} of {len(loss)}.",
            framework=e.framework,
        )
        return
    if history.accuracy is None:
        return
    _, losses, accuracies = shared(history.train, history.accuracy)
    odd = (losses == 0) & (accuracies < 1)
    if int(odd.sum()) >= 2:
        yield rule("OUT15").finding(
            what="The loss is exactly 0 while answers are wrong.",
            evidence=f"{plural(int(odd.sum()), 'epoch')} with a loss of 0 and an accuracy of "
            f"{num(float(accuracies[odd][0]))}.",
            framework=e.framework,
            fix="a categorical loss over one output is always 0: one output per class, or sigmoid and binary loss",
        )


@judges("OPT03")
def diverges(e: Evidence) -> Iterator[Finding]:
    """Judge OPT03: the training diverges."""
    curve = None if e.history is None else e.history.train
    if curve is None or len(curve) < 5 or not curve.finite:
        return
    v = curve.values
    best, last = float(v[:-3].min()), float(np.median(v[-3:]))
    jitter = _jitter_until(v)
    known = e.loss is not None and e.loss.definition is not None and not e.loss.part
    # A loss that nobody knows may be one player's in a game, which falls and comes back to where it started.
    grown = last > 3 * best > 0 and last - best > 5 * jitter and (known or last > 2 * float(v[0]))
    huge = v[0] > 0 and last > 1e6 * v[0]
    if not grown and not huge:
        return
    at, unit = int(np.argmin(v[:-3])), "epoch" if e.history is None else e.history.unit
    yield rule("OPT03").finding(
        evidence=f"The training loss was {num(best)} in {unit} {num(float(curve.epochs[at]))} and is {num(last)} in "
        f"the last three (median); {unit}s jitter by {num(jitter)}.",
        certainty="statistical",
        framework=e.framework,
        best=best,
        last=last,
    )


def _jitter_until(v: np.ndarray) -> float:
    """Return the noise between epochs up to the best one, or 0 where that is too early to tell."""
    before = v[: int(np.argmin(v)) + 1]
    return noise(before) if before.size >= 6 else 0.0


@judges("OPT04")
def frozen(e: Evidence) -> Iterator[Finding]:
    """Judge OPT04: the loss does not move."""
    curve = None if e.history is None else e.history.train
    if curve is None or len(curve) < 3 or not curve.finite:
        return
    v = curve.values
    if v[0] == 0 or v[0] != v[-1]:
        return
    same = int(np.argmax(v != v[0])) if np.any(v != v[0]) else v.size
    digits = _digits(float(v[0]))
    sure = digits >= 6
    if same < (3 if sure else 5) or same < v.size:
        return
    yield rule("OPT04").finding(
        evidence=f"{num(float(v[0]))} in each of {plural(v.size, 'epoch' if e.history is None else e.history.unit)}"
        f"{', to the last digit' if sure else ' (given with few digits)'}.",
        severity="error" if sure else "warning",
        certainty="certain" if sure else "likely",
        framework=e.framework,
    )


def _digits(x: float) -> int:
    """Return how many digits a number is given with."""
    mantissa = f"{np.float32(x):.9g}" if float(np.float32(x)) == x else repr(x)
    return len(mantissa.partition("e")[0].replace(".", "").replace("-", "").strip("0"))


@judges("OPT06")
def crawls(e: Evidence) -> Iterator[Finding]:
    """Judge OPT06: the learning rate is low."""
    curve = None if e.history is None else e.history.train
    if curve is None or len(curve) < 10 or not curve.finite or curve.values[0] <= 0:
        return
    v = curve.values
    middle = len(v) // 2
    early, late = float(v[0] - v[middle]) / middle, float(v[middle] - v[-1]) / (len(v) - 1 - middle)
    fallen = float(v[0] - v[-1]) / float(v[0])
    steady = float(np.mean(np.diff(v) < 0)) >= 0.9 and late >= 0.5 * early > 0
    if not steady or not 0 < fallen < 0.15 or late <= 2 * noise(v) / math.sqrt(len(v)):
        return
    yield rule("OPT06").finding(
        evidence=f"In {plural(len(v), 'epoch')} the training loss fell by {share(fallen)}, from {num(float(v[0]))} to "
        f"{num(float(v[-1]))}, nearly evenly: {num(early)} an epoch in the first half and {num(late)} in the second.",
        severity="note",
        certainty="likely",
        framework=e.framework,
        fallen=fallen,
        early=early,
        late=late,
    )


@judges("OPT07")
def oscillates(e: Evidence) -> Iterator[Finding]:
    """Judge OPT07: the loss goes up and down."""
    curve = None if e.history is None else e.history.train
    if curve is None or len(curve) < 20 or not curve.finite:
        return
    v = curve.values
    rest = v[1:-1] - threes(v)
    if rest.std() == 0 or np.median(v) <= 0:
        return
    swing = float(np.percentile(np.abs(np.diff(v)), 50) / np.median(v))
    # Detrending by three neighbours alone makes white noise look alternating: -2/3. Only what is beyond counts.
    lag = float(np.corrcoef(rest[:-1], rest[1:])[0, 1])
    limit = -2 / 3 - 3.3 * math.sqrt((1 - 4 / 9) / rest.size)
    if swing <= 0.2 or lag > max(limit, -0.95):
        return
    yield rule("OPT07").finding(
        evidence=f"Neighbouring epochs differ by {share(swing)} of the loss (median), up and down in turn "
        f"(autocorrelation {num(lag)}).",
        certainty="statistical",
        framework=e.framework,
        swing=swing,
    )


@judges("MET02")
def metric_stands(e: Evidence) -> Iterator[Finding]:
    """Judge MET02: the loss improves and the metric does not."""
    history = e.history
    if history is None or history.train is None or history.accuracy is None:
        return
    epochs, loss, accuracy = shared(history.train, history.accuracy)
    if len(epochs) < 5 or not (np.isfinite(loss).all() and np.isfinite(accuracy).all()):
        return
    still = int(np.argmax(accuracy[::-1] != accuracy[-1])) if np.any(accuracy != accuracy[-1]) else accuracy.size
    if still < 5 or accuracy[-1] >= 1 or loss[-still] <= 0 or loss[-1] > 0.9 * loss[-still]:
        return
    frequent = accuracy[-1] >= 0.9 or accuracy[-1] == 0
    yield rule("MET02").finding(
        evidence=f"Over the last {plural(still, 'epoch')} the loss falls from {num(float(loss[-still]))} to "
        f"{num(float(loss[-1]))}; the accuracy is {num(float(accuracy[-1]))} in each.",
        severity="note" if frequent else "warning",
        certainty="statistical",
        framework=e.framework,
    )


@dataclass(frozen=True, kw_only=True)
class Rise:
    """A validation loss past its best: epochs, means of three, the noise between epochs, how far the loss had fallen.

    The first epoch may have learned the most: so the fall is counted from the highest of the first training loss, the
    first validation loss and the loss of the best constant prediction.
    """

    epoch: float
    best: float
    last: float
    train: float
    noise: float
    wasted: int
    fallen: float

    @property
    def relative(self) -> float:
        """The rise against the best."""
        return (self.last - self.best) / abs(self.best) if self.best else math.inf

    @property
    def material(self) -> bool:
        """Whether it is large beside the best, and beside what the loss had fallen until then."""
        return self.relative > 0.05 and self.last - self.best > _LOST * self.fallen


def rise(history: History, constant: float | None = None) -> Rise | None:
    """Return the rise of the validation loss over its best by more than chance, while the training loss falls.

    ``constant`` is the loss of the best constant prediction, if known.
    """
    if history.train is None or history.validation is None:
        return None
    epochs, train, validation = shared(history.train, history.validation)
    if len(epochs) < ENOUGH_EPOCHS or not (np.isfinite(train).all() and np.isfinite(validation).all()):
        return None
    means, jitter = threes(validation), noise(validation)
    best = int(np.argmin(means[:-3])) if len(means) > 3 else 0
    gap = float(means[-1] - means[best])
    fallen = float(threes(train)[-1]) < float(threes(train)[best])
    if not fallen or gap <= 4 * jitter * math.sqrt(2 / 3) or gap <= 0:
        return None
    at = best + int(np.argmin(validation[best : best + 3]))
    return Rise(
        epoch=float(epochs[at]),
        best=float(means[best]),
        last=float(means[-1]),
        train=float(train[-1]),
        noise=jitter,
        wasted=len(epochs) - 1 - at,
        fallen=max(0.0, float(max(train[0], validation[0], constant or 0.0)) - float(means[best])),
    )


@judges("GEN01")
def overfits(e: Evidence) -> Iterator[Finding]:
    """Judge GEN01: overfitting."""
    found = None if e.history is None else rise(e.history, e.to_learn)
    if found is not None and found.material:
        yield past_best(e, found, "GEN01", "Overfitting")


@judges("GEN04")
def best_has_passed(e: Evidence) -> Iterator[Finding]:
    """Judge GEN04: the best epoch has passed."""
    found = None if e.history is None else rise(e.history, e.to_learn)
    if found is not None and not found.material:
        yield past_best(e, found, "GEN04", "The best epoch has passed")


def past_best(e: Evidence, found: Rise, code: str, what: str) -> Finding:
    """Return the finding of a validation loss past its best."""
    return rule(code).finding(
        what=f"{what}: the lowest validation loss was in epoch {num(found.epoch)}.",
        evidence=f"Validation {num(found.best)} then and {num(found.last)} now (means of three epochs, which jitter by "
        f"{num(found.noise)}), training {num(found.train)}; {plural(found.wasted, 'epoch')} since.",
        certainty="statistical",
        framework=e.framework,
        epoch=found.epoch,
        best=found.best,
        last=found.last,
    )


@judges("GEN03")
def validation_below(e: Evidence) -> Iterator[Finding]:
    """Judge GEN03: the validation loss is below the training loss."""
    history = e.history
    if history is None or history.train is None or history.validation is None:
        return
    _, train, validation = shared(history.train, history.validation)
    if train.size < 5 or not np.all(validation[-5:] < 0.9 * train[-5:]) or not np.all(validation[-5:] > 0):
        return
    yield rule("GEN03").finding(
        evidence=f"In the last five epochs: {num(float(validation[-5:].mean()))} against "
        f"{num(float(train[-5:].mean()))}.",
        certainty="statistical",
        framework=e.framework,
    )


@judges("GEN08")
def too_sure(e: Evidence) -> Iterator[Finding]:
    """Judge GEN08: the validation loss rises while its accuracy holds."""
    history = e.history
    found = None if history is None else rise(history)
    if found is None or history is None or history.validation_accuracy is None or found.relative <= 0.05:
        return
    accuracy: Curve = history.validation_accuracy
    near = np.flatnonzero(accuracy.epochs == found.epoch)
    if len(accuracy) < 6 or near.size == 0:
        return
    around = accuracy.values[max(0, near[0] - 1) : near[0] + 2]
    now, then = float(accuracy.values[-3:].mean()), float(around.mean())
    if now < then - 0.005:
        return
    yield rule("GEN08").finding(
        evidence=f"Since epoch {num(found.epoch)} the validation loss went from {num(found.best)} to "
        f"{num(found.last)}, its accuracy from {num(then)} to {num(now)}.",
        certainty="statistical",
        framework=e.framework,
    )
