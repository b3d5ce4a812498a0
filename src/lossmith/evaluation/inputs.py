"""From what a user gives to canonical arrays of one task, or to an error that says what to type.

After ``prepare`` the target is class indices, 0/1 or numbers, the prediction is float64 (class indices for hard
labels); whatever was guessed on the way stands among the assumptions, whatever was repaired among the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..core import values
from ..errors import DomainError, InputError, LabelError, ShapeError
from . import infer
from .arrays import Locate, is_binary, is_text, is_whole, position, to_array
from .intervals import effective_rows
from .labels import check_class_names, distinct, encode, signs_to_bits

_ROUNDING = 1e-3  # the losses accept sums this far from 1 as they are


class Subject(Protocol):
    """What is said about predictions without looking at them: ``Inputs``, or what was kept of a stream."""

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def form(self) -> str: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def class_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def weighted(self) -> bool: ...  # noqa: D102
    @property
    def effective(self) -> float: ...  # noqa: D102
    @property
    def train_target(self) -> np.ndarray | None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """Canonical arguments of one evaluation.

    Attributes:
        task: "regression", "binary", "multiclass" or "multilabel".
        form: "values", "probabilities", "logits" or "labels".
        prediction: (N,) or (N, C) float64; (N,) int64 for the labels of binary and multiclass.
        target: (N,) or (N, K) float64 for regression; (N,) int64 for binary and multiclass; (N, L) int64
            for multilabel.
        weight: (N,) float64, or None for 1 everywhere.
        train_target: The targets that the constant predictor learns from, like ``target``; None for the target itself.
        class_names: Names of the classes, of the labels (multilabel) or none (regression).
        assumptions: What was guessed, in sentences, each with the option that says otherwise.
        notes: What was repaired, in sentences.
    """

    task: str
    form: str
    prediction: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    train_target: np.ndarray | None
    class_names: tuple[str, ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of examples."""
        return len(self.target)

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self.weight is not None

    @property
    def effective(self) -> float:
        """The number of unweighted rows that tell as much as these."""
        return effective_rows(self.weight, self.rows)


@dataclass
class _Draft:
    """The arguments on their way to ``Inputs``."""

    prediction: np.ndarray
    target: np.ndarray
    train_target: np.ndarray | None
    class_names: tuple[str, ...] | None
    form: str | None
    hint: str | None  # the form that column names tell
    locate: Locate
    assumptions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare(
    prediction: Any,
    target: Any,
    *,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    weight: Any = None,
    train_target: Any = None,
    form_hint: str | None = None,
    locate: Locate = position,
) -> Inputs:
    """Return canonical inputs; :func:`lossmith.evaluate` documents the arguments.

    Besides, ``form_hint`` is the form that the names of columns tell, taken where it fits the task and none is given,
    and ``locate`` says in words where a row is.

    Raises:
        InputError: Something does not fit; the subclass and the text say what.
        UnknownNameError: No task, form or class has this name.
    """
    if task in infer.GROUPED:
        raise InputError(
            f"task {task!r} is no task of rows; where it is taken, type evaluate(prediction, target, task={task!r})"
        )
    infer.check_choice("task", task, (*infer.TASKS, *infer.GROUPED))
    infer.check_choice("form", form, infer.FORMS)
    names = None if class_names is None else check_class_names(class_names)
    p, t = to_array("prediction", prediction, locate), to_array("target", target, locate)
    if len(p) != len(t):
        raise ShapeError(f"prediction has {len(p)} rows and target has {len(t)}; expected one prediction per target")
    train = None if train_target is None else to_array("train_target", train_target)
    draft = _Draft(p, t, train, names, form, form_hint, locate)
    if task is None:
        task, why = infer.task_of(p, t, names)
        draft.assumptions.append(f"Task {task}, as {why}; task= (--task) says otherwise.")
    _PREPARE[task](draft)
    return Inputs(
        task=task,
        form=str(draft.form),
        prediction=draft.prediction,
        target=draft.target,
        weight=_weight(weight, len(draft.target)),
        train_target=draft.train_target,
        class_names=draft.class_names or (),
        assumptions=tuple(draft.assumptions),
        notes=tuple(draft.notes),
    )


def _weight(weight: Any, rows: int) -> np.ndarray | None:
    if weight is None:
        return None
    array = to_array("weight", weight)
    if array.shape != (rows,):
        raise ShapeError(f"weight has shape {array.shape}; expected ({rows},), one factor per row")
    if is_text(array):
        raise InputError("weight holds text; expected numbers")
    array = array.astype(np.float64)
    values.check_weight("weight", array)
    if array.sum() == 0:
        raise InputError("weight is 0 in every row: there is nothing to evaluate")
    return array


def _choose_form(draft: _Draft, task: str) -> str:
    if draft.form is None:
        draft.form = _guess_form(draft, task)
    if draft.form == "percentages" and task != "regression":
        _divide_per_cent(draft)
    if draft.form not in infer.FORMS_OF[task]:
        raise InputError(f"form is {draft.form!r}, but {task} takes {' or '.join(map(repr, infer.FORMS_OF[task]))}")
    return draft.form


def _guess_form(draft: _Draft, task: str) -> str:
    if task == "regression":
        return "values"
    form, why = infer.form_of(task, draft.prediction, draft.target)
    if draft.hint in infer.FORMS_OF[task] and form != "labels":
        form, why = str(draft.hint), "by the column's name"
    draft.assumptions.append(f"Predictions read as {form}, {why}; form= (--form) says otherwise.")
    return form


def _divide_per_cent(draft: _Draft) -> None:
    """Make probabilities of percentages."""
    p = draft.prediction
    if is_text(p):
        raise InputError(f"prediction holds text ({str(p[0])!r} at {draft.locate(0)}); percentages are numbers")
    bad = (p < 0) | (p > 100)
    if bad.any():
        at = int(np.argmax(bad.reshape(len(p), -1).any(axis=1)))
        raise DomainError(
            f"prediction holds {p[bad][0]:g} at {draft.locate(at)}, and percentages lie in [0, 100]; form= (--form) "
            "says what they are"
        )
    draft.prediction, draft.form = p / 100, "probabilities"


# --- one function per task -------------------------------------------------------------------------------------------
def _regression(draft: _Draft) -> None:
    _choose_form(draft, "regression")
    draft.class_names = None
    arrays = {"prediction": draft.prediction, "target": draft.target, "train_target": draft.train_target}
    for name, x in arrays.items():
        if x is not None and is_text(x):
            raise InputError(f"{name} holds text ({str(x[0])!r} at {draft.locate(0)}); regression needs numbers")
        if x is not None and not np.isfinite(x).all():
            at = int(np.argmax(~np.isfinite(x).reshape(len(x), -1).all(axis=1)))
            raise DomainError(f"{name} is infinite at {draft.locate(at)}; leave such rows out")
    if draft.prediction.shape != draft.target.shape:
        raise ShapeError(
            f"prediction has shape {draft.prediction.shape} and target has shape {draft.target.shape}; regression "
            "takes one prediction per target"
        )
    _same_columns(draft)
    draft.prediction, draft.target = _floats(draft.prediction), _floats(draft.target)
    draft.train_target = None if draft.train_target is None else _floats(draft.train_target)


def _binary(draft: _Draft) -> None:
    if draft.prediction.ndim == 2:
        _one_column(draft)
    form = _choose_form(draft, "binary")
    t = signs_to_bits(draft.target)
    if draft.class_names is None:
        draft.class_names = _names_of_two(draft, t, form)
        if draft.class_names != ("0", "1"):
            named = f"Positive class: {draft.class_names[1]!r}"
            draft.assumptions.append(f"{named}; class_names= (--classes) names both, the negative one first.")
    if len(draft.class_names) != 2:
        raise LabelError(f"binary needs 2 classes, not {len(draft.class_names)}; take task multiclass")
    draft.target = encode("target", t, draft.class_names, draft.locate)
    _encode_train(draft)
    if form == "labels":
        draft.prediction = encode("prediction", signs_to_bits(draft.prediction), draft.class_names, draft.locate)
    else:
        draft.prediction = _scores(draft, form)


def _names_of_two(draft: _Draft, target: np.ndarray, form: str) -> tuple[str, ...]:
    """Return the two classes, the negative one first: 0 and 1, or what the arrays hold."""
    if form == "labels" and (is_text(target) or is_text(draft.prediction)):
        names = _distinct_labels(draft)
    elif is_text(target) or (is_whole(target) and not is_binary(target)):
        names = distinct(target)
    else:
        return "0", "1"
    if len(names) == 1:
        raise LabelError(f"target holds one class only, {names[0]!r}; name both with class_names= (--classes)")
    if len(names) > 2:
        raise LabelError(f"binary needs 2 classes, not {len(names)} ({', '.join(names[:8])}); take task multiclass")
    return names


def _one_column(draft: _Draft) -> None:
    """Make one column of the two of a binary classifier: the positive probability, or the difference of the logits."""
    if draft.prediction.shape[1] != 2:
        raise ShapeError(f"prediction has shape {draft.prediction.shape}; binary takes (N,) or (N, 2)")
    form = _choose_form(draft, "multiclass")
    if form == "labels":
        raise ShapeError(f"prediction has shape {draft.prediction.shape}; class labels have shape (N,)")
    p = _scores(draft, form)
    if form == "probabilities":
        _normalise(draft, p)
        p = p / p.sum(axis=1, keepdims=True)
    draft.form, draft.prediction = form, p[:, 1] if form == "probabilities" else p[:, 1] - p[:, 0]


def _multiclass(draft: _Draft) -> None:
    form = _choose_form(draft, "multiclass")
    if (form == "labels") != (draft.prediction.ndim == 1):
        raise ShapeError(
            f"prediction has shape {draft.prediction.shape}; multiclass takes (N, C) probabilities or logits, or (N,) "
            "labels with form='labels'"
        )
    if form == "labels":
        draft.class_names = draft.class_names or _distinct_labels(draft)
        draft.prediction = encode("prediction", draft.prediction, draft.class_names, draft.locate)
    else:
        draft.class_names = draft.class_names or _names_of_columns(draft)
        if len(draft.class_names) != draft.prediction.shape[1]:
            raise ShapeError(
                f"prediction has {draft.prediction.shape[1]} columns for {len(draft.class_names)} class names; "
                "expected one column per class, in the order of the names"
            )
        draft.prediction = _scores(draft, form)
        if form == "probabilities":
            draft.prediction = _normalise(draft, draft.prediction)
    draft.target = encode("target", draft.target, draft.class_names, draft.locate)
    _encode_train(draft)


def _distinct_labels(draft: _Draft) -> tuple[str, ...]:
    if is_text(draft.target) != is_text(draft.prediction):
        with_text = "target" if is_text(draft.target) else "prediction"
        raise LabelError(
            f"only the {with_text} holds class names; say which number each has with class_names= (--classes)"
        )
    if draft.target.ndim == 2:
        return tuple(map(str, range(draft.target.shape[1])))
    return distinct(draft.target, draft.prediction)


def _names_of_columns(draft: _Draft) -> tuple[str, ...]:
    columns = draft.prediction.shape[1]
    if not is_text(draft.target):
        return tuple(map(str, range(columns)))
    names = distinct(draft.target)
    if len(names) != columns:
        raise LabelError(
            f"prediction has {columns} columns and target holds {len(names)} classes ({', '.join(names[:8])}); name "
            "the classes with class_names= (--classes), in the order of the columns"
        )
    draft.assumptions.append(
        "Prediction columns taken as the classes in alphabetical order; class_names= (--classes) says otherwise."
    )
    return names


def _multilabel(draft: _Draft) -> None:
    form = _choose_form(draft, "multilabel")
    if draft.prediction.shape != draft.target.shape or draft.target.ndim != 2:
        raise ShapeError(
            f"prediction has shape {draft.prediction.shape} and target has shape {draft.target.shape}; multilabel "
            "takes (N, L) for both, one column per label"
        )
    for name, x in (("target", draft.target), ("train_target", draft.train_target)):
        if x is not None and not is_binary(x):
            at = int(np.argmax(~((x == 0) | (x == 1)).all(axis=1))) if x.ndim == 2 else 0
            raise LabelError(
                f"{name} holds something else than 0 and 1 at {draft.locate(at)}; multilabel takes 0 and 1"
            )
    _same_columns(draft)
    draft.class_names = draft.class_names or tuple(map(str, range(draft.target.shape[1])))
    if len(draft.class_names) != draft.target.shape[1]:
        raise ShapeError(f"target has {draft.target.shape[1]} columns for {len(draft.class_names)} class names")
    if form == "labels" and not is_binary(draft.prediction):
        raise LabelError("prediction holds something else than 0 and 1; form 'labels' takes 0 and 1")
    draft.target = draft.target.astype(np.int64)
    draft.prediction = draft.prediction.astype(np.int64) if form == "labels" else _scores(draft, form)
    draft.train_target = None if draft.train_target is None else draft.train_target.astype(np.int64)


_PREPARE = {"regression": _regression, "binary": _binary, "multiclass": _multiclass, "multilabel": _multilabel}


# --- shared steps ----------------------------------------------------------------------------------------------------
def _floats(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float64, copy=False)


def _encode_train(draft: _Draft) -> None:
    if draft.train_target is not None:
        train = signs_to_bits(draft.train_target) if len(draft.class_names or ()) == 2 else draft.train_target
        draft.train_target = encode("train_target", train, draft.class_names or (), position)


def _same_columns(draft: _Draft) -> None:
    if draft.train_target is not None and draft.train_target.shape[1:] != draft.target.shape[1:]:
        raise ShapeError(
            f"train_target has shape {draft.train_target.shape} and target has shape {draft.target.shape}; only the "
            "number of rows may differ"
        )


def _scores(draft: _Draft, form: str) -> np.ndarray:
    """Return probabilities or logits as float64, checked."""
    p = draft.prediction
    if is_text(p):
        raise InputError(
            f"prediction holds text ({str(p[0])!r} at {draft.locate(0)}); {form} are numbers (form='labels' for names)"
        )
    if form == "probabilities":
        bad = (p < 0) | (p > 1)
        hint = "are these logits? then form='logits' (--form logits)"
    else:
        bad = p == np.inf
        if p.ndim == 2 and draft.target.ndim == 1:
            bad |= (p == -np.inf).all(axis=1, keepdims=True)
        hint = "a logit may be -inf for an impossible class, but not +inf, and not for all classes"
    if bad.any():
        rows = bad.reshape(len(p), -1).any(axis=1)
        at = int(np.argmax(rows))
        raise DomainError(
            f"prediction holds {p[bad][0]:g} at {draft.locate(at)} ({int(rows.sum())} of {len(p)} rows), and {form} "
            f"were expected; {hint}"
        )
    return _floats(p)


def _normalise(draft: _Draft, p: np.ndarray) -> np.ndarray:
    """Return rows of probabilities that sum to 1, repairing what rounding has done."""
    sums = p.sum(axis=1)
    off = np.abs(sums - 1)
    worst = int(np.argmax(off))
    if off[worst] > infer.SUM_TOLERANCE:
        at = int(np.argmax(off > infer.SUM_TOLERANCE))
        raise DomainError(
            f"prediction at {draft.locate(at)} sums to {sums[at]:.4g}, and the probabilities of a row sum to 1 "
            f"({int((off > infer.SUM_TOLERANCE).sum())} of {len(p)} rows do not); is a column missing, or is each "
            "column a yes or no of its own (a sigmoid per class)? Then end the model in softmax, or divide each row by "
            "its sum"
        )
    if off[worst] <= _ROUNDING:
        return p
    draft.notes.append(
        f"{int((off > _ROUNDING).sum())} rows of probabilities do not sum to 1 exactly (worst: {sums[worst]:.4g}), as "
        "rounded values do; all rows were divided by their sum."
    )
    return p / sums[:, None]
