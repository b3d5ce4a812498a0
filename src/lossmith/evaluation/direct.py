"""The usual numbers of arrays and nothing else: no intervals, no constant to compare with, no words.

``evaluate`` looks at rows several times, since it says how far to believe a number and what stands out. Where the plain
numbers are wanted - in a loop over thousands of models, or of 10⁹ rows - these functions read the arrays once, in their
own dtypes and on all threads, and write nothing of their size.

Counts are exact and do not depend on the order of the rows. Sums are made per chunk of rows and added in the order of
the chunks, so the same arrays give the same bits with any number of threads. The log loss is the logarithm of a
product: each row moves it by at most 2**-53 beside what rounding 1 - p does. Probabilities of calibration bins are
summed as whole multiples of 2**-32, Brier scores of binary predictions of 2**-46, as a streamed evaluation does.

What the compiled kernels do not take (class names, one-hot targets, half precision, infinite logits, no compiled core)
goes the way of ``evaluate``, through its checks, and gives the same numbers more slowly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import load
from ..core import call
from ..errors import InputError, LabelError, ShapeError
from ..losses import find
from ..native import evaluation_direct as kernels
from .arrays import is_text, is_whole, to_array, to_numpy
from .calibration import of_gaps, reliability
from .inputs import Inputs, prepare
from .metrics import CALIBRATION_BINS
from .states.calibration import Reliability
from .states.confusion import ConfusionCounts


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassificationScores:
    """Numbers of a classification of N rows in C classes.

    Attributes:
        rows: N.
        log_loss: The mean of -log of the probability of what happened, in nats; 100 where that probability is 0.
        brier: The mean squared distance of the probabilities from what happened: of two classes that of the positive
            one, (p - y)², of several the sum over all of them.
        confusion: (C, C) int64: rows are true, columns predicted.
        calibration: The bins of the reliability diagram: of the positive probability, or of several classes of that of
            the answer.
    """

    rows: int
    log_loss: float
    brier: float
    confusion: np.ndarray
    calibration: Reliability

    @property
    def accuracy(self) -> float:
        """The share of the rows that are right (top-1)."""
        return float(np.trace(self.confusion)) / self.rows

    @property
    def ece(self) -> float:
        """The expected calibration error, that is the gap of probability and outcome averaged over the bins."""
        return self.calibration.error


@dataclass(frozen=True, kw_only=True)
class RegressionScores:
    """Numbers of predicted numbers; of (N, K) each is the mean over the columns.

    Attributes:
        rows: N.
        mse: Mean squared error.
        mae: Mean absolute error.
        bias: Mean of prediction - target.
        max_error: The largest absolute error.
        r2: 1 - mse / variance of the target; None where that is 0.
    """

    rows: int
    mse: float
    mae: float
    bias: float
    max_error: float
    r2: float | None

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return self.mse**0.5


def confusion_matrix(
    prediction: Any, target: Any, *, threshold: float | None = None, classes: int | None = None
) -> np.ndarray:
    """Count rows by true and predicted class.

    Args:
        prediction: (N,) floats: scores of the positive class; (N, C) floats: scores of classes, of which the first
            largest is the answer; (N,) integers or booleans: class indices.
        target: (N,) class indices; 0 or 1 (of any dtype) beside scores of the positive class.
        threshold: Scores of the positive class that are larger mean 1; 0.5 if None. Of logits give 0.
        classes: How many classes there are; if None as many as there are columns, or as the largest index says.

    Returns:
        (C, C) int64; rows are true, columns predicted.

    Raises:
        InputError: Arguments that do not go together; ShapeError and LabelError say what does not fit.

    >>> from lossmith.evaluation import confusion_matrix
    >>> confusion_matrix([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1]).tolist()
    [[1, 0], [1, 2]]
    >>> confusion_matrix([2, 0, 1], [2, 1, 1]).tolist()
    [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    """
    p, t = _column(to_numpy("prediction", prediction)), _column(to_numpy("target", target))
    scores = p.dtype.kind == "f" and p.ndim == 1
    if threshold is not None and (not scores or not math.isfinite(threshold)):
        raise InputError(
            f"threshold is {threshold} beside predictions of shape {p.shape} and dtype {p.dtype}; expected a finite "
            "number, and scores (N,) of the positive class"
        )
    if classes is not None and classes < 1:
        raise InputError(f"classes is {classes}; expected at least 1")
    if scores and classes in (None, 2):
        cut = 0.5 if threshold is None else float(threshold)
        found = kernels.count_binary(p, t, cut)
        if found is not None:
            return found
        p = (to_array("prediction", p) > np.float64(cut)).astype(np.int64)
        classes = 2
    elif scores:
        raise InputError(
            f"classes is {classes} beside scores (N,) of one class; give (N, {classes}) scores, or indices"
        )
    elif p.ndim == 2:
        p = to_array("prediction", p)
        classes = p.shape[1] if classes is None else classes
        p = p.argmax(axis=1)
    return _count(_labels("prediction", p), _labels("target", t), classes)


def binary_scores(
    prediction: Any, target: Any, *, from_logits: bool = False, bins: int = CALIBRATION_BINS
) -> ClassificationScores:
    """Return log loss, Brier score, confusion and calibration of a binary classification, in one pass.

    Args:
        prediction: (N,) probabilities of the positive class, or its logits.
        target: (N,) 0 and 1, or what :func:`lossmith.evaluate` takes.
        from_logits: Whether predictions are logits.
        bins: Of the reliability diagram, of equal width.

    Returns:
        The numbers; the class is predicted where the probability is above 0.5.

    Raises:
        InputError: Something does not fit, as in :func:`lossmith.evaluate`.

    >>> from lossmith.evaluation import binary_scores
    >>> found = binary_scores([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1])
    >>> round(found.log_loss, 4), round(found.brier, 4), found.accuracy, round(found.ece, 4)
    (0.367, 0.1125, 0.75, 0.275)
    """
    p, t = _column(to_numpy("prediction", prediction)), _column(to_numpy("target", target))
    _check_bins(bins)
    found = kernels.binary_numbers(p, t, from_logits, bins)
    if found is not None and p.size:
        return _of_totals(found, p.size)
    inputs = prepare(prediction, target, task="binary", form=_form(from_logits))
    score = inputs.prediction
    probability = load("numpy").sigmoid(score) if from_logits else score
    outcome = inputs.target.astype(np.float64)
    return ClassificationScores(
        rows=inputs.rows,
        log_loss=_mean("sigmoid_cross_entropy" if from_logits else "binary_cross_entropy", inputs),
        brier=float(call(find("squared_error"), probability, outcome, parameters={})),
        confusion=_count((score > (0 if from_logits else 0.5)).astype(np.int64), inputs.target, 2),
        calibration=reliability(probability, outcome, bins=bins),
    )


def multiclass_scores(
    prediction: Any, target: Any, *, from_logits: bool = False, bins: int = CALIBRATION_BINS
) -> ClassificationScores:
    """Return log loss, Brier score, confusion (and with it top-1 accuracy) and calibration, in one pass.

    Args:
        prediction: (N, C) probabilities or logits.
        target: (N,) class indices, or what :func:`lossmith.evaluate` takes.
        from_logits: Whether predictions are logits.
        bins: Of the reliability diagram, of equal width.

    Raises:
        InputError: Something does not fit, as in :func:`lossmith.evaluate`.

    >>> from lossmith.evaluation import multiclass_scores
    >>> found = multiclass_scores([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]], [0, 2, 0])
    >>> round(found.log_loss, 4), round(found.brier, 4), found.confusion.tolist()
    (0.8256, 0.46, [[1, 1, 0], [0, 0, 0], [0, 0, 1]])
    """
    p, t = to_numpy("prediction", prediction), _column(to_numpy("target", target))
    _check_bins(bins)
    found = kernels.class_numbers(p, t, from_logits, bins)
    if found is not None and len(p):
        return _of_totals(found, len(p))
    inputs = prepare(prediction, target, task="multiclass", form=_form(from_logits))
    probability = load("numpy").softmax(inputs.prediction) if from_logits else inputs.prediction
    own = np.take_along_axis(probability, inputs.target[:, None], axis=1)[:, 0]
    answer = inputs.prediction.argmax(axis=1)
    return ClassificationScores(
        rows=inputs.rows,
        log_loss=_mean("softmax_cross_entropy" if from_logits else "categorical_cross_entropy", inputs),
        brier=float(np.mean(np.sum(probability**2, axis=1) - 2 * own + 1)),
        confusion=_count(answer, inputs.target, probability.shape[1]),
        calibration=reliability(probability.max(axis=1), (answer == inputs.target).astype(np.float64), bins=bins),
    )


def regression_scores(prediction: Any, target: Any) -> RegressionScores:
    """Return MSE, MAE, bias, largest error and R², in one pass.

    Args:
        prediction: (N,) or (N, K) numbers.
        target: Likewise.

    Raises:
        InputError: Something does not fit, as in :func:`lossmith.evaluate`.

    >>> from lossmith.evaluation import regression_scores
    >>> found = regression_scores([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> found.mse, found.mae, found.bias, round(found.r2, 4)
    (0.375, 0.5, 0.25, 0.9486)
    """
    p, t = _column(to_numpy("prediction", prediction)), _column(to_numpy("target", target))
    found = _of_values(p, t) if p.shape == t.shape and p.size else None
    if found is None:  # its checks say what is wrong, if anything is
        inputs = prepare(prediction, target, task="regression", form="values")
        p, t = inputs.prediction, inputs.target
        found = _of_values(p, t) or _plain(p, t)
    return found


# --- classes ---------------------------------------------------------------------------------------------------------
def _of_totals(found: kernels.ClassTotals, rows: int) -> ClassificationScores:
    count, hits = found.rows.sum(axis=1), found.rows[:, 1]
    with np.errstate(invalid="ignore"):
        bins = Reliability(
            edges=np.arange(count.size + 1) / count.size,
            count=count,
            confidence=found.probability / count,
            rate=hits / count,
            error=float(of_gaps(np, found.probability - hits, rows)),
        )
    loss, brier = found.loss / rows, found.squared / rows
    return ClassificationScores(rows=rows, log_loss=loss, brier=brier, confusion=found.cells, calibration=bins)


def _mean(name: str, inputs: Inputs) -> float:
    loss = find(name)
    return float(call(loss, inputs.prediction, inputs.target, parameters=loss.defaults))


def _form(from_logits: bool) -> str:
    return "logits" if from_logits else "probabilities"


def _check_bins(bins: int) -> None:
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise InputError(f"bins is {bins!r}; expected a whole number of at least 1, such as {CALIBRATION_BINS}")


def _labels(name: str, x: np.ndarray) -> np.ndarray:
    """Return class indices as integers of the dtype that they have, if it is one."""
    if x.dtype.kind in "iub" and x.ndim == 1:
        return x
    array = to_array(name, x)
    if array.ndim != 1:
        raise ShapeError(f"{name} has shape {array.shape}; expected class indices (N,)")
    if is_text(array) or not is_whole(array):
        held = repr(str(array[0])) if is_text(array) else f"{array[array != np.rint(array)][0]:g}"
        raise LabelError(f"{name} holds {held}; expected class indices 0, 1, …; lossmith.evaluate takes class names")
    return array.astype(np.int64)


def _count(prediction: np.ndarray, target: np.ndarray, classes: int | None) -> np.ndarray:
    if prediction.shape != target.shape:
        raise ShapeError(
            f"prediction has {len(prediction)} rows and target has {len(target)}; expected one prediction per target"
        )
    if not prediction.size:
        raise InputError("prediction has no rows: there is nothing to count")
    if classes is None:
        classes = int(max(prediction.max(), target.max())) + 1
    counts = ConfusionCounts(classes=max(classes, 1))
    counts.update(target, prediction)
    return counts.result()


def _column(x: np.ndarray) -> np.ndarray:
    return x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x


# --- numbers ---------------------------------------------------------------------------------------------------------
def _of_values(prediction: np.ndarray, target: np.ndarray) -> RegressionScores | None:
    """Return the numbers that the kernel finds, or None where it does not take the arrays, or they are not finite."""
    if prediction.ndim == 2:
        columns = [_of_values(p, t) for p, t in zip(prediction.T, target.T, strict=True)]
        known = [c for c in columns if c is not None]
        return _averaged(known) if len(known) == len(columns) else None
    found = kernels.value_numbers(prediction, target)
    if found is None or not all(map(math.isfinite, found)):
        return None
    error, absolute, squared, largest, _, spread = found
    rows = prediction.size
    return RegressionScores(
        rows=rows,
        mse=squared / rows,
        mae=absolute / rows,
        bias=error / rows,
        max_error=largest,
        r2=1 - squared / spread if spread > 0 else None,
    )


def _plain(prediction: np.ndarray, target: np.ndarray) -> RegressionScores:
    """Return the same numbers by NumPy, of float64."""
    if prediction.ndim == 2:
        return _averaged([_plain(p, t) for p, t in zip(prediction.T, target.T, strict=True)])
    with np.errstate(over="ignore", invalid="ignore"):
        error = prediction - target
        mse, spread = float(np.mean(error**2)), float(np.var(target))
        r2 = 1 - mse / spread if 0 < spread < math.inf else None
    size = np.abs(error)
    return RegressionScores(
        rows=error.size,
        mse=mse,
        mae=float(size.mean()),
        bias=float(error.mean()),
        max_error=float(size.max()),
        r2=r2,
    )


def _averaged(columns: list[RegressionScores]) -> RegressionScores:
    r2 = [c.r2 for c in columns if c.r2 is not None]
    return RegressionScores(
        rows=columns[0].rows,
        mse=float(np.mean([c.mse for c in columns])),
        mae=float(np.mean([c.mae for c in columns])),
        bias=float(np.mean([c.bias for c in columns])),
        max_error=max(c.max_error for c in columns),
        r2=float(np.mean(r2)) if len(r2) == len(columns) else None,
    )
