"""The plan of a streamed evaluation: which columns, which task, form and classes. Made once, from the first rows.

Guesses are made as for arrays in memory, and said. They hold for all rows to come: a later row that does not fit them
is an error that names it, never a new guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...errors import DataError, InputError
from ..columns import Choice, choose, named
from ..inputs import Inputs, prepare
from ..labels import check_class_names
from ..sources import side_by_side
from ..tasks import check_options
from .batch import Batch, Wanted

NESTED = {"segmentation": "flat", "language_model": "lists"}  # how tasks read lists that others want of one length
_HEAD_ROWS, _HEAD_LISTS = 1 << 16, 16
_BATCH_VALUES = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every split is told.

    Attributes:
        targets: Columns.
        predictions: Columns.
        row_id: The column of row ids, or None where the place in the source is the id.
        weight: The column of the rows' weights, or None.
        slices: Columns whose values are slices.
        task: As ``lossmith.evaluate`` names it.
        form: Of the prediction as it stands in the source.
        kept: Of the prediction in the states: "percentages" become "probabilities".
        class_names: Of the classes; empty for regression.
        types: Of the columns in text formats: "float", "int" or "text".
        origin: A target of the first rows, from which squares are taken so that they stay small.
        batch_rows: How many rows are looked at together.
        skip_bad: Whether pieces that cannot be read are left out.
        nested: How columns of lists are read (``Wanted``).
        group: The column that names the group or the document of each row, or None.
        bytes: The column with the bytes of each row's text, or their sum, or None.
        ignore_index: The label that does not count, or None.
        k: Where lists are cut, or None.
        width: How many tokens of a vocabulary are scored; 0 where none are.
    """

    targets: tuple[str, ...]
    predictions: tuple[str, ...]
    row_id: str | None
    weight: str | None
    slices: tuple[str, ...]
    task: str
    form: str
    kept: str
    class_names: tuple[str, ...]
    types: tuple[tuple[str, str], ...]
    origin: float
    batch_rows: int
    skip_bad: bool
    nested: str = "matrix"
    group: str | None = None
    bytes: str | float | None = None
    ignore_index: int | None = None
    k: int | None = None
    width: int = 0

    @property
    def wanted(self) -> Wanted:
        """What is to be read."""
        return Wanted(
            names=names_of(self.targets, self.predictions, self.row_id, self.weight, column_of(self.bytes)),
            slices=(*self.slices, *([] if self.group is None else [self.group])),
            batch_rows=self.batch_rows,
            types=dict(self.types),
            nested=self.nested,
        )

    def fingerprint(self) -> dict[str, Any]:
        """Return what decides on the states, as plain values."""
        return asdict(self)


def names_of(targets: Sequence[str], predictions: Sequence[str], *others: str | None) -> tuple[str, ...]:
    """Return the columns of numbers and labels, each once."""
    return tuple(dict.fromkeys([*targets, *predictions, *(name for name in others if name is not None)]))


@dataclass(frozen=True)
class Options:
    """What the user said; None where it is to be guessed."""

    target: str | Sequence[str] | None = None
    prediction: str | Sequence[str] | None = None
    task: str | None = None
    form: str | None = None
    class_names: Sequence[object] | None = None
    row_id: str | None = None
    weight: str | None = None
    slices: tuple[str, ...] = ()
    skip_bad: bool = False
    group: str | None = None
    bytes: str | float | None = None
    ignore_index: int | None = None
    k: int | None = None

    @property
    def beside(self) -> dict[str, str]:
        """The columns beside target and prediction that are asked for by name, and what each is for."""
        asked = {
            "row ids (row_id=)": self.row_id,
            "weights (weight=)": self.weight,
            "groups (group=)": self.group,
            "bytes (bytes=)": column_of(self.bytes),
        }
        return {name: what for what, name in asked.items() if name is not None}

    @property
    def of_tasks(self) -> dict[str, Any]:
        """The options that some tasks take, by name."""
        return {name: getattr(self, name) for name in ("group", "bytes", "ignore_index", "k")}

    @property
    def head(self) -> Wanted:
        """How the first rows are read: few, where each may be an image or a document."""
        nested = NESTED.get(self.task or "", "matrix")
        return Wanted(names=(), nested=nested, batch_rows=_HEAD_ROWS if nested == "matrix" else _HEAD_LISTS)


def column_of(given: str | float | None) -> str | None:
    """Return what is given where it is the name of a column."""
    return given if isinstance(given, str) else None


def choose_columns(names: Sequence[str], options: Options, where: str) -> Choice:
    """Return target and prediction columns; DataError or UnknownNameError where there are none."""
    for name, what in options.beside.items():
        if name not in names:
            raise DataError(f"{where} has no column {name!r} for {what}")
    free = [n for n in names if n not in options.beside]
    return choose(free, options.target, options.prediction, where)


def slice_columns(names: Sequence[str], options: Options, where: str) -> tuple[str, ...]:
    """Return the columns whose values are slices; UnknownNameError where there are none of these names."""
    return tuple(dict.fromkeys(c for name in options.slices for c in named(names, name, where)))


def make(choice: Choice, head: Batch, options: Options, slices: tuple[str, ...] = ()) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan, and what was assumed.

    Raises:
        InputError: The first rows do not fit what is asked for, or the task cannot be streamed.
    """
    names = check_class_names(options.class_names) if options.class_names is not None else choice.class_names
    if options.weight is not None:
        numbers_of(head, options.weight)
    prediction, target, kept_rows = arrays_of(head, choice.targets, choice.predictions)
    good = kept_rows & finite_rows(prediction, options.form) & finite_rows(target, None)
    if not good.any():
        raise InputError("the first rows have no finite prediction with a target; give task= and form=, or clean them")
    prediction, target = prediction[good][:_HEAD_ROWS], target[good][:_HEAD_ROWS]
    inputs = prepare(prediction, target, task=options.task, form=options.form, form_hint=choice.form, class_names=names)
    _check_streamable(inputs)
    check_options(inputs.task, options.of_tasks)
    percentages = inputs.form == "probabilities" and bool(prediction.max() > 1)
    regression = inputs.task == "regression"
    plan = Plan(
        targets=choice.targets,
        predictions=choice.predictions,
        row_id=options.row_id,
        weight=options.weight,
        slices=slices,
        task=inputs.task,
        form="percentages" if percentages else inputs.form,
        kept=inputs.form,
        class_names=inputs.class_names,
        types=_types(head, choice, options, slices, regression or inputs.form != "labels", regression),
        origin=float(inputs.target[0]) if regression else 0.0,
        batch_rows=max(1024, _BATCH_VALUES // (prediction.shape[1] if prediction.ndim == 2 else 1)),
        skip_bad=options.skip_bad,
    )
    return plan, tuple(a for a in (choice.note, *inputs.assumptions) if a)


def arrays_of(
    batch: Batch, targets: Sequence[str], predictions: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return prediction (N,) or (N, C), target (N,) or (N, K), and which rows have both, (N,)."""
    prediction = side_by_side([batch.columns[c] for c in predictions], predictions, "the source")
    target = side_by_side([batch.columns[c] for c in targets], targets, "the source")
    there = np.ones(len(target), bool) if batch.missing is None else ~batch.missing
    # The order in memory decides in which order a row's values are added.
    return np.ascontiguousarray(prediction), np.ascontiguousarray(target), there


def numbers_of(batch: Batch, column: str) -> np.ndarray:
    """Return the column of weights, (N,); InputError where it is no such column."""
    found = batch.columns[column]
    if found.ndim != 1 or found.dtype.kind not in "iufb":
        raise InputError(
            f"column {column!r} of weights holds {found.dtype} of shape {found.shape}; expected one number per row"
        )
    return found


def finite_rows(x: np.ndarray, form: str | None) -> np.ndarray:
    """Return which rows hold numbers to work with; a logit may be -inf, where not all of its row are."""
    if x.dtype.kind != "f":
        return np.ones(len(x), bool)
    if form != "logits":
        return np.asarray(np.isfinite(x) if x.ndim == 1 else np.isfinite(x).all(axis=1))
    good = np.asarray(~(np.isnan(x) | (x == np.inf)))
    return good if x.ndim == 1 else np.asarray(good.all(axis=1) & (x > -np.inf).any(axis=1))


def _types(
    head: Batch, choice: Choice, options: Options, slices: Sequence[str], numbers: bool, regression: bool
) -> tuple[tuple[str, str], ...]:
    """Return the types that text formats are to be read with: what the first rows hold must not decide on 1 or 1.0."""
    found = dict.fromkeys(slices, "text")
    for name in names_of(choice.targets, choice.predictions, options.row_id):
        kind = head.columns[name].dtype.kind
        found[name] = "text" if kind == "U" else "int" if kind in "iub" else "float"
    if numbers:
        found |= dict.fromkeys(choice.predictions, "float")
    if regression:
        found |= dict.fromkeys(choice.targets, "float")
    if options.weight is not None:
        found[options.weight] = "float"
    return tuple(sorted(found.items()))


def _check_streamable(inputs: Inputs) -> None:
    if inputs.target.ndim == 2 and inputs.task != "multilabel":
        raise InputError(
            "several targets are not evaluated in splits yet; name one with target=, or give the arrays themselves"
        )
