"""What an evaluation found: frozen records, and their way to dictionaries, JSON, text and HTML."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .plain import plain

if TYPE_CHECKING:
    from ..doctor import Findings, Verdict
    from .figures import Figures
    from .states import Bundle

SCHEMA = 2  # 2: findings are records, not sentences
_UNITS = {"ranking": "item", "language_model": "token", "segmentation": "image"}


@dataclass(frozen=True, kw_only=True)
class LossScore:
    """One loss of the predictions, beside what the best constant prediction scores.

    Attributes:
        name: Name in the registry.
        title: As written in running text.
        value: The (weighted) mean.
        low: Lower end of the mean's 95 % confidence interval; ``high`` likewise.
        constant: The same loss of the best constant prediction.
        skill: ``1 - value / constant``; None where that says nothing.
        gain_low: Lower end of the 95 % confidence interval of ``constant - value``, paired by row.
        gain_high: Its upper end.
        constant_bound: How far the constant's loss can be from ``constant``; None where it is exact.
    """

    name: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    constant: float | None
    skill: float | None
    gain_low: float | None
    gain_high: float | None
    constant_bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One reported number.

    Attributes:
        name: Key in ``Evaluation.metrics``.
        title: As written in running text.
        value: The number; None where it is not defined.
        low: Lower end of the 95 % confidence interval, or None; ``high`` likewise.
        constant: What the best constant prediction scores, or None.
        proportion: Whether it lies between 0 and 1.
        bound: How far the number can be from ``value`` at most, where it comes from a summary of a stream; None where
            it is exact.
    """

    name: str
    title: str
    value: float | None
    low: float | None = None
    high: float | None = None
    constant: float | None = None
    proportion: bool = True
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The numbers of one class or label; None where a number is not defined (no such row, never predicted).

    Of label maps rows are pixels, ``f1`` is the Dice coefficient, and ``iou`` stands beside it with its interval; of
    labels with scores the areas under both curves are there.
    """

    name: str
    support: float
    predicted: float
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float | None
    f1_low: float | None = None
    f1_high: float | None = None
    iou: float | None = None
    iou_low: float | None = None
    iou_high: float | None = None
    auc: float | None = None
    average_precision: float | None = None


@dataclass(frozen=True, kw_only=True)
class Confused:
    """Rows of one class that were taken for another."""

    true: str
    predicted: str
    count: float


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The rows that have one value of a column, beside all other rows.

    Attributes:
        column: Name of the column.
        value: The value as text; "missing" for none, "other" for those that are too rare to be told apart.
        values: How many values are counted here: 1, or those that "other" stands for.
        rows: The number of rows.
        title: Name of the loss: that of the verdict, or of hard labels the share of wrong answers.
        loss: Its (weighted) mean in the slice.
        low: Lower end of the mean's 95 % confidence interval; ``high`` likewise.
        rest: The mean in all other rows, or None if there is none.
        quality: Accuracy, exact match or mean absolute error in the slice, with its interval.
        p: Two-sided p-value of Welch's test of slice against rest; None where it is not judged.
        worse: Whether it is worse than the rest beyond chance, over all slices, and by more than the floor; None where
            it is not judged.
    """

    column: str
    value: str
    values: int
    rows: int
    title: str
    loss: float | None
    low: float | None
    high: float | None
    rest: float | None
    quality: Metric
    p: float | None
    worse: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Rows that are in the training data, too.

    Attributes:
        train: The file of training rows.
        rows: How many rows are in it.
        of: Of how many.
        by: What tells that a row is the same: "row id" or "columns".
        columns: The names of the column of ids, or of all columns that are equal.
        title: Name of the loss: that of the verdict, or of hard labels the share of wrong answers.
        loss: Its mean over these rows, and ``rest`` over the others; None if there are none, or it is infinite.
    """

    train: str
    rows: int
    of: int
    by: str
    columns: tuple[str, ...]
    title: str
    loss: float | None
    rest: float | None

    @property
    def share(self) -> float:
        """How much of all rows it is."""
        return self.rows / self.of


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """Which class was taken for which.

    Attributes:
        class_names: Names of rows and columns.
        counts: (C, C); rows are true, columns predicted; None above ``metrics.MATRIX_CLASSES`` classes.
        pairs: The most frequent mistakes, most frequent first.
        errors: The number of all mistakes.
    """

    class_names: tuple[str, ...]
    counts: np.ndarray | None
    pairs: tuple[Confused, ...]
    errors: float

    @property
    def most_confused(self) -> Confused | None:
        """The most frequent mistake, or None if there is none."""
        return self.pairs[0] if self.pairs else None

    def between(self, one: str, other: str) -> float:
        """Return how often either class was taken for the other (told by ``pairs`` alone where there is no matrix)."""
        if self.counts is None:
            return sum(p.count for p in self.pairs if {p.true, p.predicted} == {one, other})
        i, k = self.class_names.index(one), self.class_names.index(other)
        return (self.counts[i, k] + self.counts[k, i]).item()


def _no_findings() -> Findings:
    from ..doctor import Findings  # the doctor is built on parts of the evaluation

    return Findings()


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a set of predictions is worth.

    Attributes:
        task: "regression", "binary", "multiclass", "multilabel", "ranking", "language_model" or "segmentation".
        form: "values", "probabilities", "logits", "labels" or "losses".
        rows: The number of examples: rows, items, tokens or images, as ``unit`` says.
        class_names: Names of the classes or labels.
        losses: The losses that fit the task, by name; the first one decides the verdict.
        metrics: Other numbers, by name.
        confusion: Which class was taken for which (binary and multiclass), or None.
        per_class: One record per class or label; empty for regression.
        verdict: One sentence: better than a constant prediction or not.
        assumptions: What was guessed about columns, task and form, each with the option that says otherwise.
        findings: What stands out, most serious first: the doctor's records, of the rules EVAL01 to EVAL14.
        notes: What was repaired or left out.
        source: The file, or an empty string.
        states: What was kept of the rows of a stream (``lossmith.evaluation.states``), or None: it can be merged with
            that of other rows.
        figures: What the report draws of the rows (``lossmith.evaluation.figures``), or None.
        slices: One record per value of the columns that were asked for.
        duplicates: Rows that are in the file of training rows, too; None where none was given or nothing tells.
        history: The training curves by name, from ``with_history``, or None.
        training: The doctor's verdict on them, or None.

    ``print(evaluation)`` shows all of it as text.
    """

    task: str
    form: str
    rows: int
    class_names: tuple[str, ...]
    losses: Mapping[str, LossScore]
    metrics: Mapping[str, Metric]
    confusion: Confusion | None
    per_class: tuple[ClassScore, ...]
    verdict: str
    assumptions: tuple[str, ...] = ()
    findings: Findings = field(default_factory=_no_findings)
    notes: tuple[str, ...] = ()
    source: str = field(default="")
    states: Bundle | None = field(default=None, repr=False)
    figures: Figures | None = field(default=None, repr=False)
    slices: tuple[Slice, ...] = ()
    duplicates: Duplicates | None = None
    history: Mapping[str, Sequence[Any]] | None = field(default=None, repr=False)
    training: Verdict | None = field(default=None, repr=False)

    @property
    def unit(self) -> str:
        """What an example is: "row", "item" (ranking), "token" (language model) or "image" (segmentation)."""
        return _UNITS.get(self.task, "row")

    def drawn(self) -> Figures:
        """Return what the report draws, as far as it is known."""
        from .figures import Figures

        return Figures() if self.figures is None else self.figures

    def with_history(self, history: Any) -> Evaluation:
        """Return the same with the training's curves, and the doctor's verdict on them among findings or notes.

        Args:
            history: What ``lossmith.doctor.check`` takes: one mapping per epoch, one list per curve, Keras's History.

        Raises:
            InputError: There is no curve of a loss in it.

        Example:
            >>> import lossmith as lm
            >>> result = lm.evaluate([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1])
            >>> result.with_history({"loss": [0.7, 0.4, 0.2], "val_loss": [0.7, 0.6, 0.9]}).findings.codes
            ('EVAL01', 'GEN01', 'EVAL03')
        """
        from .training import judge

        return judge(self, history)

    def ignoring(self, codes: Iterable[str]) -> Evaluation:
        """Return the same without the findings of some rules.

        Args:
            codes: "EVAL03", …

        Raises:
            UnknownNameError: There is no such rule.

        Example:
            >>> import lossmith as lm
            >>> result = lm.evaluate([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1])
            >>> result.findings.codes, result.ignoring(["EVAL03"]).findings.codes
            (('EVAL01', 'EVAL03'), ('EVAL01',))
        """
        from ..doctor import Findings, rule

        left_out = {rule(code).code for code in ([codes] if isinstance(codes, str) else codes)}
        return replace(self, findings=Findings(f for f in self.findings if f.code not in left_out))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON; what is not finite or not defined is None."""
        return {
            "schema": SCHEMA,
            "task": self.task,
            "form": self.form,
            "rows": self.rows,
            "source": self.source,
            "assumptions": list(self.assumptions),
            "verdict": self.verdict,
            "findings": [f.to_dict() for f in self.findings],
            "notes": list(self.notes),
            "losses": {k: plain(v) for k, v in self.losses.items()},
            "metrics": {k: plain(v) for k, v in self.metrics.items()},
            "class_names": list(self.class_names),
            "per_class": [plain(c) for c in self.per_class],
            "confusion": None if self.confusion is None else _plain_confusion(self.confusion),
            "slices": [plain(s) for s in self.slices],
            "duplicates": plain(self.duplicates),
            "training": None if self.training is None else self.training.to_dict(),
            "figures": self.drawn().to_dict(),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_html(self, history: Sequence[Mapping[str, Any]] | None = None) -> str:
        """Return the report: one HTML page that needs nothing else.

        Args:
            history: One mapping per epoch (``{"epoch": 1, "train_loss": 0.7, "val_loss": 0.8}``), drawn as curves; else
                those of ``with_history``.

        Raises:
            InputError: A path was given: :meth:`save_html` writes a file.
        """
        from ..report import to_html

        if isinstance(history, str | os.PathLike):
            raise InputError(
                f"to_html got {os.fspath(history)!r}; it returns the page as text, and takes a history: one mapping "
                "per epoch. save_html(path) writes a file"
            )
        return to_html(self, self.history if history is None else history)

    def save_html(self, path: str | os.PathLike[str], history: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Write the report to ``path``, whole or not at all.

        Raises:
            DataError: The file cannot be written.
        """
        from ..files import write_whole

        write_whole(path, self.to_html(history))

    def __str__(self) -> str:
        from ..report import to_text

        return to_text(self)

    def __repr__(self) -> str:
        return f"<evaluation of {self.rows} {self.unit}s ({self.task}, {self.form}): {self.verdict}>"


def with_intervals(metrics: Sequence[Metric], found: Mapping[str, tuple[float | None, float | None]]) -> list[Metric]:
    """Return the metrics, those without an interval with the one that was found for them, if any."""
    return [
        replace(m, low=found[m.name][0], high=found[m.name][1])
        if m.name in found and m.low is None and m.value is not None
        else m
        for m in metrics
    ]


def finite(x: float | None) -> float | None:
    """Return ``x`` as a Python float, and None if it is not finite."""
    return float(x) if x is not None and math.isfinite(x) else None


def _plain_confusion(confusion: Confusion) -> dict[str, Any]:
    return {
        "class_names": list(confusion.class_names),
        "counts": None if confusion.counts is None else confusion.counts.tolist(),
        "pairs": [asdict(p) for p in confusion.pairs],
        "errors": confusion.errors,
    }
