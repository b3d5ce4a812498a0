"""One split, read and summed up: what a worker does, and what it sends back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import DataError, InputError, LabelError, UnknownNameError
from .. import slices
from ..infer import GROUPED
from ..inputs import prepare
from ..states import SCHEMA, Bundle, from_json, to_json
from . import collect, grouped
from .batch import Batch, UnreadableError
from .plan import Plan, arrays_of, finite_rows, numbers_of
from .rows import Rows
from .split import Piece, Split

_ROUNDING, _TOLERANCE = 1e-3, 0.02  # as for arrays: sums of rows that are left, and that are repaired


@dataclass
class Partial:
    """What is known of one or more splits; merging is the same in any order.

    Attributes:
        states: See ``collect``.
        first: By what was wrong with rows that were left out: key of the split, and the first of these rows in words.
        bad: Key of the split, and what could not be read, in a sentence each.
    """

    states: Bundle
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    bad: list[tuple[str, str]] = field(default_factory=list)

    def merge(self, other: Partial) -> None:
        """Add another one."""
        self.states.merge(other.states)
        for kind, place in other.first.items():
            self.first[kind] = min(self.first.get(kind, place), place)
        self.bad = sorted([*self.bad, *other.bad])

    def to_bytes(self) -> bytes:
        """Return it as compressed JSON."""
        plain = {"schema": SCHEMA, "states": to_json(self.states), "first": self.first, "bad": self.bad}
        return gzip.compress(json.dumps(plain).encode(), compresslevel=1, mtime=0)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Partial:
        """Return what :meth:`to_bytes` wrote.

        Raises:
            DataError: It is damaged, or of another schema version.
        """
        try:
            plain = json.loads(gzip.decompress(raw))
            states = from_json(plain["states"])
            first = {str(k): (str(v[0]), str(v[1])) for k, v in plain["first"].items()}
            bad = [(str(key), str(text)) for key, text in plain["bad"]]
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise DataError(f"a stored partial is damaged: {type(error).__name__} {error}") from None
        if not isinstance(states, Bundle):
            raise DataError("a stored partial is damaged: it holds no bundle of states")
        return cls(states, first, bad)


def run(plan: Plan, split: Split) -> Partial:
    """Return the partial of one split.

    Raises:
        UnreadableError: A piece cannot be read, and the plan does not say to skip it.
        LossmithError: A row does not fit the plan.
    """
    found = Partial(collect.states(plan))
    try:
        pieces = split.pieces(plan.wanted)
        if not plan.skip_bad:
            _take_pieces(found, plan, split.key, pieces)
            return found
        for piece in pieces:
            part = Partial(found.states.empty())
            try:
                _take_pieces(part, plan, split.key, [piece])
            except UnreadableError as error:  # all of the piece: half of it would be counted for the whole
                found.bad.append((split.key, str(error)))
            else:
                found.merge(part)
    except UnreadableError as error:
        if not plan.skip_bad:
            raise
        found.bad.append((split.key, str(error)))
    return found


def _take_pieces(part: Partial, plan: Plan, key: str, pieces: Iterable[Piece]) -> None:
    if plan.task in GROUPED:
        taker = grouped.taker(plan, part.states)
        for piece in pieces:
            for batch in piece.batches:
                taker.take(batch)
        taker.close()
        return
    rows = Rows(plan, part.states)
    for piece in pieces:
        for batch in piece.batches:
            if not rows.take_columns(batch):
                _take(part, rows, plan, key, batch)
    rows.close()


def _take(part: Partial, rows: Rows, plan: Plan, key: str, batch: Batch) -> None:
    prediction, target, there = arrays_of(batch, plan.targets, plan.predictions)
    if not len(target):
        return
    _check_kinds(plan, batch)
    keep = _usable(part, plan, key, batch, prediction, target, there)
    if not keep.any():
        return
    whole = bool(keep.all())
    places = None if whole else np.flatnonzero(keep)
    if not whole:
        prediction, target = prediction[keep], target[keep]
    if plan.form in ("probabilities", "percentages") and prediction.ndim == 2 and plan.task != "multilabel":
        prediction = _rescaled(part, prediction, 100.0 if plan.form == "percentages" else 1.0)
    try:
        inputs = prepare(
            prediction,
            target,
            task=plan.task,
            form=plan.form,
            class_names=plan.class_names or None,
            locate=lambda row: batch.locate(row if places is None else int(places[row])),
        )
    except (LabelError, UnknownNameError) as error:
        settled = "task and classes were settled by the first rows: task= and class_names= say otherwise"
        error.args = (f"{error}; {settled}",)
        raise
    if plan.weight is not None:
        inputs = replace(inputs, weight=_weights(plan.weight, batch)[keep])
    ids = _row_ids(plan, batch)
    rows.take(inputs, ids if places is None else ids[places])
    if plan.slices:
        cut = batch.slices if places is None else {n: (v, index[places]) for n, (v, index) in batch.slices.items()}
        slices.update(part.states["slices"], inputs, cut)


def _check_kinds(plan: Plan, batch: Batch) -> None:
    """Raise UnreadableError where a column holds text and the first rows held numbers, or the other way round."""
    for name, kind in plan.types:
        if name not in batch.columns:
            continue
        there = batch.columns[name].dtype.kind == "U"
        if there != (kind == "text"):
            raise UnreadableError(
                f"{batch.locate(0)}: column {name!r} holds {'text' if there else 'numbers'}, and "
                f"{'text' if kind == 'text' else 'numbers'} in the files before; convert one of them"
            )


def _usable(
    part: Partial,
    plan: Plan,
    key: str,
    batch: Batch,
    prediction: np.ndarray,
    target: np.ndarray,
    there: np.ndarray,
) -> np.ndarray:
    """Return which rows are looked at; the others are counted by what is wrong with them."""
    form = "logits" if plan.form == "logits" else None
    good, known = finite_rows(prediction, form), finite_rows(target, None)
    keep = there & good & known
    if keep.all():
        return keep
    nan = np.isnan(prediction.reshape(len(prediction), -1)).any(axis=1) if prediction.dtype.kind == "f" else ~there
    wrong = {
        "missing": ~there,
        "nan_prediction": there & ~good & nan,
        "infinite_prediction": there & ~good & ~nan,
        "odd_target": there & good & ~known,
    }
    for kind, rows in wrong.items():
        if rows.any():
            part.states["rows"].update(**{kind: int(rows.sum())})
            at = int(np.argmax(rows))
            place = (f"{key}/{batch.first + at:018d}", batch.locate(at))
            part.first[kind] = min(part.first.get(kind, place), place)
    return keep


def _rescaled(part: Partial, p: np.ndarray, whole: float) -> np.ndarray:
    """Return rows of probabilities with those that rounding left off their sum divided by it; others as they are."""
    sums = p.sum(axis=1)
    off = np.abs(sums / whole - 1)
    repair = (off > _ROUNDING) & (off <= _TOLERANCE)
    if not repair.any():
        return p
    part.states["rows"].update(rescaled=int(repair.sum()))
    return np.where(repair[:, None], p * (whole / np.where(repair, sums, 1.0))[:, None], p)


def _weights(column: str, batch: Batch) -> np.ndarray:
    """Return the weight of each row, (N,) float64; where it is missing stands anything.

    Raises:
        InputError: One is negative, infinite or NaN.
    """
    weight = numbers_of(batch, column).astype(np.float64)
    bad = ~((weight >= 0) & (weight < np.inf))
    if batch.missing is not None:
        bad &= ~batch.missing
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(f"weight is {weight[at]:g} at {batch.locate(at)}; weights are finite and not negative")
    return weight


def _row_ids(plan: Plan, batch: Batch) -> np.ndarray:
    if plan.row_id is None:
        rows = len(batch.columns[plan.targets[0]])
        return np.arange(batch.first, batch.first + rows, dtype=np.int64)
    ids: Any = batch.columns[plan.row_id]
    if ids.dtype.kind not in "iuU":
        raise InputError(f"column {plan.row_id!r} of row ids holds {ids.dtype}; expected whole numbers or strings")
    return ids
