"""Which task and which form of prediction is this? Guessed from shapes and values, and said in a note each time.

A guess never decides silently: what it was and how to say otherwise stands among the notes of the result.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError, UnknownNameError
from .arrays import is_binary, is_text, is_whole

TASKS = ("regression", "binary", "multiclass", "multilabel")
FORMS = ("values", "probabilities", "logits", "labels")
FORMS_OF = {
    "regression": ("values",),
    "binary": ("probabilities", "logits", "labels"),
    "multiclass": ("probabilities", "logits", "labels"),
    "multilabel": ("probabilities", "logits", "labels"),
}
SUM_TOLERANCE = 0.02  # of a row of probabilities: values that were rounded to two digits on their way to a file


def check_choice(kind: str, name: str | None, known: tuple[str, ...]) -> None:
    """Raise UnknownNameError unless ``name`` is None or among ``known``."""
    if name is not None and name not in known:
        raise UnknownNameError(kind, name, known)


def task_of(prediction: np.ndarray, target: np.ndarray, class_names: tuple[str, ...] | None) -> tuple[str, str]:
    """Return the task that fits the arrays, and why.

    Args:
        prediction: (N,) or (N, C).
        target: (N,), or (N, C) for one-hot rows, several labels or several targets.
        class_names: As given by the user, or None.
    """
    if prediction.ndim == 2:
        return _task_of_columns(prediction, target)
    if is_text(target) or is_text(prediction):
        named = [x for x in (prediction, target) if is_text(x)]
        classes = len(class_names or {str(v) for x in named for v in np.unique(x)})
        if classes <= 2:
            return "binary", "two classes are named"
        return "multiclass", f"{classes} classes are named"
    if is_binary(target):
        return "binary", "the target holds only 0 and 1"
    if np.all(np.abs(target) == 1):
        return "binary", "the target holds only -1 and 1"
    if class_names:
        return "multiclass", "class names are given"
    if target.dtype.kind in "iu" and prediction.dtype.kind in "iu" and target.min() >= 0 and _few(target):
        return "multiclass", "target and prediction are both class numbers"
    return "regression", "the target is not a class label"


def _few(target: np.ndarray) -> bool:
    """Whether whole numbers look like class labels: few, and repeated."""
    classes = np.unique(target).size
    return classes <= 100 and classes * 2 <= target.size


def _task_of_columns(prediction: np.ndarray, target: np.ndarray) -> tuple[str, str]:
    if target.ndim == 1:
        if is_text(target) or is_whole(target):
            if prediction.shape[1] == 2:
                return "binary", "the prediction has two columns; the second is taken as the positive class"
            return "multiclass", f"the prediction has {prediction.shape[1]} columns and the target is one label per row"
        raise InputError(
            f"prediction has shape {prediction.shape} and target has shape {target.shape} and is not a class label; "
            "give one prediction column for a regression"
        )
    if not is_binary(target):
        return "regression", "the target has several columns of numbers"
    if np.all(target.sum(axis=1) == 1):
        return "multiclass", "each row of the target is one-hot"
    return "multilabel", "rows of the target hold several labels, or none"


def form_of(task: str, prediction: np.ndarray) -> str:
    """Return the form that the values of ``prediction`` have under ``task``."""
    if task == "regression":
        return "values"
    if is_text(prediction) or (task == "multiclass" and prediction.ndim == 1):
        return "labels"
    if prediction.min() >= 0 and prediction.max() <= 1:
        hard = is_binary(prediction) and prediction.dtype.kind in "iu"
        return "labels" if hard or (task != "multiclass" and is_binary(prediction)) else "probabilities"
    if task == "multiclass" and np.mean(np.abs(prediction.sum(axis=1) - 1) <= SUM_TOLERANCE) > 0.95:
        return "probabilities"  # with a value gone astray, which is then an error
    return "logits"
