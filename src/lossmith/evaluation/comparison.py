"""``compare``: which of several sets of predictions is better, and whether the rows are enough to tell."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .figures import Figures, of_rows
from .p_values import holm
from .paired import ALPHA, Difference, Discordant, differences, mcnemar
from .pairing import Paired, of_arrays, of_files
from .plain import plain
from .scorers import answers, scores
from .verdict import number

SCHEMA = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """How several sets of predictions of the same rows differ, all against the first.

    Attributes:
        names: One per set; the first is the one that the others are held against.
        task: "regression", "binary", "multiclass" or "multilabel".
        rows: Rows that all have.
        decides: Key of the number that the verdicts go by.
        verdicts: One sentence per set after the first.
        differences: Every number of every set after the first.
        discordant: McNemar's test per set after the first; empty where there are no single answers to be right.
        how: How rows were paired.
        assumptions: What was guessed.
        notes: What was left out, and how to read the numbers.
        figures: What the page draws of each set, in the order of ``names``.

    ``print(comparison)`` shows all of it.
    """

    names: tuple[str, ...]
    task: str
    rows: int
    decides: str
    verdicts: tuple[str, ...]
    differences: tuple[Difference, ...]
    discordant: tuple[Discordant, ...]
    how: str
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    figures: tuple[Figures, ...] = field(default=(), repr=False)

    def of(self, model: str, metric: str) -> Difference:
        """Return one difference.

        Raises:
            InputError: There is none of this model and metric.
        """
        for d in self.differences:
            if (d.model, d.metric) == (model, metric):
                return d
        known = ", ".join(dict.fromkeys(d.metric for d in self.differences))
        raise InputError(
            f"no difference of {metric!r} for {model!r}; there are {known} for {', '.join(self.names[1:])}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values; what is not finite is None."""
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "task": self.task,
            "rows": self.rows,
            "decides": self.decides,
            "verdicts": list(self.verdicts),
            "differences": [plain(d) for d in self.differences],
            "discordant": [plain(d) for d in self.discordant],
            "how": self.how,
            "assumptions": list(self.assumptions),
            "notes": list(self.notes),
            "figures": {name: drawn.to_dict() for name, drawn in zip(self.names, self.figures, strict=True)},
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_html(self) -> str:
        """Return the comparison as one HTML page that needs nothing else."""
        from ..report.comparison import to_html

        return to_html(self)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page to ``path``, whole or not at all.

        Raises:
            DataError: The file cannot be written.
        """
        from ..files import write_whole

        write_whole(path, self.to_html())

    def __str__(self) -> str:
        from ..report.comparison import to_text

        return to_text(self)


def compare(
    *predictions: Any,
    target: Any = None,
    names: Sequence[str] | None = None,
    prediction: str | Sequence[str] | None = None,
    row_id: str | None = None,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    weight: Any = None,
    seed: int = 0,
) -> Comparison:
    """Hold sets of predictions for the same rows against the first one, row by row.

    Each number's difference has a 95 % interval that is paired by row: normal for means over rows, a bootstrap (Poisson
    weights, seeded) for all else. Accuracies also get McNemar's test. Where a difference cannot be told from chance, it
    is said how many rows a difference of that size would take (80 % power, two-sided 5 %). Nothing is chosen for you:
    with more than two sets all are held against the first, and the p-values behind the verdicts are adjusted (Holm).

    Args:
        *predictions: Two or more: arrays as :func:`evaluate` takes them, or paths of Parquet, CSV and NPZ files.
        target: The targets of the arrays; of files, the column, guessed from the usual names if None.
        names: What to call the sets; else the names of the files, or A, B, …
        prediction: Of files: the column or columns.
        row_id: Of files: the column that tells rows apart. If None one of the usual names ("row_id", "id", …), where
            all files have it and it comes once per row; else rows are paired by their order.
        task: As in :func:`evaluate`.
        form: As in :func:`evaluate`.
        class_names: As in :func:`evaluate`.
        weight: (N,) factors per row; with arrays only.
        seed: Of the bootstrap.

    Raises:
        InputError: There are fewer than two sets, or they differ in task or classes.
        DataError: A file cannot be read, ids come twice, or the targets are not the same.
        UnknownNameError: There is no such column.

    Example:
        >>> import numpy as np, lossmith as lm
        >>> y = np.tile([0, 1], 500)
        >>> noise = np.random.default_rng(0).normal(size=1000)
        >>> result = lm.compare(y + noise, y + 0.5 * noise, target=y.astype(float), task="regression")
        >>> result.of("B", "squared_error").better
        True
        >>> print(result.verdicts[0].partition(":")[0])
        B is better than A
    """
    if len(predictions) < 2:
        raise InputError(f"compare takes two or more sets of predictions, and got {len(predictions)}")
    paths = [isinstance(p, str | os.PathLike) for p in predictions]
    if any(paths) and not all(paths):
        raise InputError("predictions are partly files and partly arrays; give all as files, or all as arrays")
    options: dict[str, Any] = {"task": task, "form": form, "class_names": class_names}
    named = _names(names, predictions, all(paths))
    if all(paths):
        if weight is not None:
            raise InputError("weight= is for arrays; leave it out for files")
        columns = {"target": target, "prediction": prediction}
        paired = of_files(predictions, named, columns, row_id, options)
    else:
        if target is None:
            raise InputError("target is None; expected the targets of the rows: compare(a, b, target=y)")
        if prediction is not None or row_id is not None:
            raise InputError("prediction= and row_id= name columns of files; leave them out for arrays")
        paired = of_arrays(predictions, target, named, options | {"weight": weight})
    return _comparison(paired, seed)


def _names(names: Sequence[str] | None, predictions: Sequence[Any], files: bool) -> tuple[str, ...]:
    if names is None:
        short = [Path(p).name for p in predictions] if files else []
        if files and len(set(short)) == len(short):
            return tuple(short)
        return tuple(map(str, predictions)) if files else tuple(_letter(i) for i in range(len(predictions)))
    found = tuple(map(str, names))
    if isinstance(names, str) or len(found) != len(predictions):
        raise InputError(
            f"names is {names!r}; expected one name for each of the {len(predictions)} sets of predictions"
        )
    if len(set(found)) < len(found):
        raise InputError(f"names is {names!r}; each set of predictions needs a name of its own")
    return found


def _letter(i: int) -> str:
    return chr(ord("A") + i) if i < 26 else f"set {i + 1}"


def _comparison(paired: Paired, seed: int) -> Comparison:
    first, *others = paired.inputs
    weight = np.ones(first.rows) if first.weight is None else first.weight
    numbers = [scores(i) for i in paired.inputs]
    named = list(zip(paired.names[1:], numbers[1:], strict=True))
    found = differences(numbers[0], named, weight, seed)
    common = [n for n in numbers[0] if all(n in other for _, other in named)]
    decides = common[0]
    single = first.task in ("binary", "multiclass") and first.weight is None
    tests = _discordant(paired) if single else ()
    found = [_exact(d, tests) for d in found]
    deciding = [d for d in found if d.metric == decides]
    adjusted = holm([d.p for d in deciding])
    return Comparison(
        names=paired.names,
        task=first.task,
        rows=first.rows,
        decides=decides,
        verdicts=tuple(
            _verdict(d, paired.names[0], first.rows, p, len(others)) for d, p in zip(deciding, adjusted, strict=True)
        ),
        differences=tuple(found),
        discordant=tests,
        how=paired.how,
        assumptions=paired.assumptions,
        notes=(*paired.notes, *_left_out(paired, numbers, common)),
        figures=tuple(of_rows(i) for i in paired.inputs),
    )


def _discordant(paired: Paired) -> tuple[Discordant, ...]:
    right = [answers(i) == i.target for i in paired.inputs]
    return tuple(mcnemar(right[0], r, name) for name, r in zip(paired.names[1:], right[1:], strict=True))


def _exact(difference: Difference, tests: Sequence[Discordant]) -> Difference:
    """Return the difference of an accuracy with the p-value of McNemar's test."""
    test = next((t for t in tests if t.model == difference.model), None)
    return difference if test is None or difference.metric != "accuracy" else replace(difference, p=test.p)


def _verdict(d: Difference, first: str, rows: int, p: float | None, looks: int) -> str:
    """Return one sentence: better, worse, or not to be told apart, and what that would take."""
    values = f"{d.title} {number(d.value)} against {number(d.first)}"
    if d.low is not None and d.high is not None:
        values += f", difference {d.difference:+.4g} (95 % interval {number(d.low)} … {number(d.high)})"
    if not d.difference and d.low == d.high == 0:
        return f"{d.model} and {first} have the same {d.title} in every row: {number(d.value)}."
    if p is None or not math.isfinite(p):
        return f"{d.model} beside {first}: {values}; too few rows for an interval."
    chance = f"p = {p:.2g}{' (adjusted for ' + str(looks) + ' comparisons)' if looks > 1 else ''}"
    if p < ALPHA:
        word = "better" if (d.difference > 0) == d.higher_is_better else "worse"
        return f"{d.model} is {word} than {first}: {values}, {chance}."
    need = "" if d.rows_needed is None or d.rows_needed <= rows else f"; you need about {_about(d.rows_needed)}"
    return f"Cannot tell {d.model} and {first} apart with {rows} rows{need}: {values}, {chance}."


def _about(rows: int) -> str:
    """Return a number of rows to two digits, for it is known no better."""
    digits = 10 ** max(0, len(str(rows)) - 2)
    return f"{math.ceil(rows / digits) * digits:,}"


def _left_out(paired: Paired, numbers: Sequence[dict[str, Any]], common: Sequence[str]) -> list[str]:
    lost = list(dict.fromkeys(s.title for found in numbers for n, s in found.items() if n not in common))
    if not lost:
        return []
    forms = ", ".join(f"{n}: {i.form}" for n, i in zip(paired.names, paired.inputs, strict=True))
    return [f"Left out, as not all predictions have it: {', '.join(lost)} ({forms})."]
