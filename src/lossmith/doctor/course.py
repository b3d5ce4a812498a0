"""The verdict on a whole training: what its two curves say together, which their last two numbers alone do not."""

from __future__ import annotations

import math

import numpy as np

from .criteria.curves import ENOUGH_EPOCHS, past_best, rise
from .criteria.words import num, plural, share
from .evidence import Evidence
from .finding import Findings
from .history import History, shared
from .verdict import Verdict, verdict

_CLEAR = 2.0  # validation over training from which a gap is large
_LOST = 0.25  # of what was to be learned: the loss of the best constant, or of the first epoch
_LAST = 3


def course(
    history: History,
    *,
    constant: float | None = None,
    train_rows: int | None = None,
    validation_rows: int | None = None,
) -> Verdict:
    """Return the verdict on a training's curves.

    A validation loss that has risen above its best by more than chance, while the training loss fell, is overfitting
    since that epoch. Where it has not risen, the last epochs decide: a validation loss of twice the training loss or
    more is overfitting if the gap is more than a quarter of what was to be learned, else a gap; of fewer than six
    epochs it is a gap as long as the validation loss falls. The rest is what :func:`lossmith.doctor.verdict` says of
    two numbers.

    Args:
        history: The curves.
        constant: The loss of the best constant prediction, if known.
        train_rows: Rows of the training set, if known.
        validation_rows: Rows of the validation set, if known.

    Example:
        >>> from lossmith.doctor import History
        >>> from lossmith.doctor.course import course
        >>> train = [2.0, 1.2, 0.8, 0.6, 0.45, 0.35, 0.28, 0.22, 0.17, 0.13, 0.1]
        >>> validation = [2.1, 1.4, 1.0, 0.9, 0.86, 0.88, 0.95, 1.05, 1.2, 1.35, 1.5]
        >>> print(course(History.of({"loss": train, "val_loss": validation})).sentence)
        Overfitting since epoch 5: training 0.1, validation 1.5; its best was 0.86, 6 epochs ago.
    """
    if history.train is None or history.validation is None:
        return _one_curve(history)
    epochs, train, validation = shared(history.train, history.validation)
    if epochs.size == 0 or not (np.isfinite(train[-1]) and np.isfinite(validation[-1])):
        return verdict(float(history.train.values[-1]), float(history.validation.values[-1]))
    found = rise(history, constant)
    if found is not None and found.material:
        best = float(validation[epochs == found.epoch][0])
        sentence = (
            f"Overfitting since epoch {num(found.epoch)}: training {num(float(train[-1]))}, validation "
            f"{num(float(validation[-1]))}; its best was {num(best)}, {plural(found.wasted, 'epoch')} ago."
        )
        return Verdict(
            word="overfitting",
            sentence=sentence,
            findings=Findings([past_best(Evidence(history=history), found, "GEN01", "Overfitting")]),
            train=float(train[-1]),
            validation=float(validation[-1]),
            numbers={"epoch": found.epoch, "best": best, "gap": float(validation[-1] - train[-1])},
        )
    enough = epochs.size >= ENOUGH_EPOCHS
    last = slice(-_LAST, None) if enough else slice(-1, None)
    t, v = float(train[last].mean()), float(validation[last].mean())
    to_learn = constant if constant is not None and constant > 0 else float(max(train[0], validation[0]))
    falls = 1 < epochs.size < ENOUGH_EPOCHS and bool(validation[-1] <= validation.min())
    if to_learn > 0 and t >= 0 and v >= _CLEAR * t and (falls or v - t <= _LOST * to_learn):
        return _small(t, v, to_learn)
    return verdict(t, v, constant=constant, train_rows=train_rows, validation_rows=validation_rows)


def _small(t: float, v: float, to_learn: float) -> Verdict:
    """A validation loss that is many times a training loss near 0, and near 0 itself."""
    gap = v - t
    return Verdict(
        word="a gap",
        sentence=f"A gap, but no sign of overfitting: validation {num(v)} is above training {num(t)} and has not "
        f"risen from its best; the gap is {share(gap / to_learn)} of what there was to learn.",
        findings=Findings(),
        train=t,
        validation=v,
        numbers={"gap": gap, "ratio": v / t if t > 0 else math.inf},
    )


def _one_curve(history: History) -> Verdict:
    train = history.train
    last = float(train.values[-1]) if train is not None else math.nan
    other = history.validation
    sentence = (
        f"Training loss {num(last)}. Whether it overfits cannot be told: no validation loss was seen."
        if other is None
        else "Whether it overfits cannot be told: no training loss was seen."
    )
    return Verdict(
        word="undecided",
        sentence=sentence,
        findings=Findings(),
        train=last,
        validation=math.nan if other is None else float(other.values[-1]),
    )
