"""Which task and which form of prediction is this? Guessed from shapes and values, and said each time.

A guess never decides silently: what it was and how to say otherwise stands among the assumptions of the result.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError, UnknownNameError
from .arrays import is_binary, is_text, is_whole

TASKS = ("regression", "binary", "multiclass", "multilabel")
GROUPED = ("ranking", "language_model", "segmentation")  # looked at by ``tasks``, and never guessed from rows
FORMS = ("values", "probabilities", "percentages", "logits", "labels")
_OF_CLASSES = ("probabilities", "percentages", "logits", "labels")
FORMS_OF = {"regression": ("values",), "binary": _OF_CLASSES, "multiclass": _OF_CLASSES, "multilabel": _OF_CLASSES}
SUM_TOLERANCE = 0.02  # of a row of probabilities: values that were rounded to two digits on their way to a file
_FEW = 20  # different whole numbers that may be classes without anybody saying so
_PER_CENT = 20.0  # logits of one yes or no hardly go beyond, least of all without a negative one among them


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
    found = np.unique(target)
    if found.size <= 2 and is_whole(target):
        return _task_of_two(prediction, target, found, class_names)
    if class_names:
        return "multiclass", "class names are given"
    if target.dtype.kind in "iu" and prediction.dtype.kind in "iu":
        return _task_of_whole_numbers(prediction, target)
    return "regression", "the target holds numbers, not class labels"


def _task_of_two(
    prediction: np.ndarray, target: np.ndarray, found: np.ndarray, class_names: tuple[str, ...] | None
) -> tuple[str, str]:
    """Return the task of a target with one or two different whole numbers."""
    probable = bool(prediction.min() >= 0 and prediction.max() <= 1)
    both = " and ".join(f"{v:g}" for v in found)
    held = f"the target holds only {both}" if found.size == 2 else f"the target is {both} in every row"
    if found.size == 1 and not probable and not class_names and target.dtype.kind == "f":
        return "regression", f"{held}, and the predictions are no probabilities"
    if is_binary(found) or np.all(np.abs(found) == 1):
        more = prediction.dtype.kind in "iu" and prediction.min() >= 0 and prediction.max() > 1
        return _task_of_whole_numbers(prediction, target) if more else ("binary", held)
    if class_names and len(class_names) > 2:
        return "multiclass", "class names are given"
    if class_names or (found.size == 2 and (probable or np.isin(prediction, found).all())):
        also = "so do the predictions" if np.isin(prediction, found).all() else "the predictions lie in [0, 1]"
        return "binary", f"{held}, and {also}"
    return "regression", f"{held}, and the predictions are neither class numbers nor probabilities"


def _task_of_whole_numbers(prediction: np.ndarray, target: np.ndarray) -> tuple[str, str]:
    """Return the task where target and prediction are whole numbers: few that come again and again are classes."""
    found = np.union1d(target, prediction).size
    held = f"target and prediction hold {found} different whole numbers"
    if found <= _FEW and found * 2 <= target.size and min(target.min(), prediction.min()) >= 0:
        return "multiclass", f"{held}, taken as classes"
    if found > _FEW:
        return "regression", f"{held}, too many for classes"
    if min(target.min(), prediction.min()) < 0:
        return "regression", f"{held}, some below 0"
    return "regression", f"{held} that hardly come again, so they are no classes"


def _task_of_columns(prediction: np.ndarray, target: np.ndarray) -> tuple[str, str]:
    if target.ndim == 1:
        columns = prediction.shape[1]
        if is_text(target) or (is_whole(target) and not _too_many_classes(prediction, target)):
            if columns == 2:
                return "binary", "the prediction has two columns; the second is taken as the positive class"
            return "multiclass", f"the prediction has {columns} columns and the target is one label per row"
        one = "for a regression give one prediction per target (--prediction NAME)"
        if not is_whole(target):
            odd = target[target != np.rint(target)][0] if np.isfinite(target).all() else np.inf
            raise InputError(
                f"prediction has {columns} columns and target holds {odd:g}, which is no class label; {one}"
            )
        raise InputError(
            f"prediction has {columns} columns and target holds {np.unique(target).size} different numbers, which are "
            f"not the labels of {columns} classes; {one}, for classes task='multiclass' (--task multiclass)"
        )
    if not is_binary(target):
        return "regression", "the target has several columns of numbers"
    if np.all(target.sum(axis=1) == 1):
        return "multiclass", "each row of the target is one-hot"
    return "multilabel", "rows of the target hold several labels, or none"


def _too_many_classes(prediction: np.ndarray, target: np.ndarray) -> bool:
    """Whether whole numbers are too many to be the labels of the prediction's columns."""
    return np.unique(target).size > max(_FEW, 2 * prediction.shape[1])


def form_of(task: str, prediction: np.ndarray, target: np.ndarray) -> tuple[str, str]:
    """Return the form that the values of ``prediction`` have under ``task``, and why."""
    if task == "regression":
        return "values", "as regression takes nothing else"
    if is_text(prediction) or (task == "multiclass" and prediction.ndim == 1):
        return "labels", "by their values"
    if prediction.ndim == 1 and not is_text(target) and not is_binary(target) and np.isin(prediction, target).all():
        return "labels", "as the target holds the same values"
    low, high = float(prediction.min()), float(prediction.max())
    if low >= 0 and high <= 1:
        hard = is_binary(prediction) and prediction.dtype.kind in "iu"
        labels = hard or (task != "multiclass" and is_binary(prediction))
        return "labels" if labels else "probabilities", "by their values"
    span = f"as they lie between {low:.4g} and {high:.4g}"
    if task == "multiclass":
        sums = prediction.sum(axis=1)
        if np.mean(np.abs(sums - 1) <= SUM_TOLERANCE) > 0.95:
            return "probabilities", "as rows sum to 1"  # with a value gone astray, which is then an error
        if low >= 0 and high <= 100 and np.mean(np.abs(sums - 100) <= 100 * SUM_TOLERANCE) > 0.95:
            return "percentages", "as rows sum to 100"
        return "logits", span
    if low >= 0 and high <= 100:
        if high > _PER_CENT:
            return "percentages", span
        return "logits", f"{span} (if these are per cent: form='percentages')"
    return "logits", span
