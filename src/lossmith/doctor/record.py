"""The numbers of a training: epochs by name, windows of steps where there are no epochs, and the file of both."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import write_whole
from .finding import SCHEMA, Findings
from .history import Curve, History
from .verdict import Verdict

_MOST_WINDOWS = 64
_FEWEST_WINDOWS = 8
_FIRST_WINDOW = 8  # steps
_FAR = 2.0  # a training loss within so many times its best does not diverge
_RISEN = 0.05  # of the best mean of three: a validation loss has risen (the rules on overfitting ask for as much)
_PAUSE = 30.0  # seconds between two writings of the file


class Keeper:
    """The epochs: one mapping of names to numbers each, ``epoch`` counted from 1.

    Attributes:
        rows: The mappings.
        quiet: Whether the last epoch can be no sign of anything: the training loss is finite, above 0, near its best
            and not what it was; the validation loss finite, and its mean of three not risen above the best one before.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self._written = time.monotonic()
        self._made: tuple[int, History | None] = (0, None)
        self._last = math.nan
        self._best = math.inf
        self._validation: list[float] = []  # the last three
        self._means: list[float] = []  # of three, the last three of them
        self._best_mean = math.inf  # of those before
        self.quiet = True

    def add(self, record: Mapping[str, Any]) -> None:
        """Add an epoch; what is no single number is left out."""
        row = {"epoch": float(len(self.rows) + 1)}
        for name, value in record.items():
            number = _number(value)
            if number is not None and name != "epoch":
                row[str(name)] = number
        self.rows.append(row)
        self._watch_best(row)

    def _watch_best(self, row: Mapping[str, float]) -> None:
        train = row.get("loss", 1.0)
        rises = "val_loss" in row and self._rises(row["val_loss"])
        near = 0 < train < math.inf and train != self._last and train <= _FAR * self._best
        self.quiet = near and not rises and len(row) > 1
        self._last = train
        self._best = min(self._best, train)

    def _rises(self, value: float) -> bool:
        """Take in a validation loss, and return whether the rules should look at it."""
        self._validation = [*self._validation[-2:], value]
        if not math.isfinite(value):
            return True
        if len(self._validation) < 3:
            return False
        mean = sum(self._validation) / 3
        if len(self._means) == 3:
            self._best_mean = min(self._best_mean, self._means[0])
        self._means = [*self._means[-2:], mean]
        return mean > self._best_mean + _RISEN * abs(self._best_mean)

    @property
    def history(self) -> History | None:
        """The curves, or None where no epoch has a loss."""
        if self._made[0] != len(self.rows):
            try:
                self._made = (len(self.rows), History.of(self.rows))
            except InputError:
                self._made = (len(self.rows), None)
        return self._made[1]

    def is_time(self) -> bool:
        """Whether the file should be written again."""
        now = time.monotonic()
        if now - self._written < _PAUSE:
            return False
        self._written = now
        return True


class Windows:
    """Means of the losses over windows of steps, at most 64: when there are more, neighbours become one."""

    def __init__(self) -> None:
        self._size = _FIRST_WINDOW
        self._means: list[float] = []
        self._open: list[float] = []

    def add(self, losses: Iterable[float]) -> None:
        """Add losses of steps, in their order."""
        self._open.extend(losses)
        while len(self._open) >= self._size:
            self._means.append(math.fsum(self._open[: self._size]) / self._size)
            del self._open[: self._size]
            if len(self._means) >= _MOST_WINDOWS:
                self._means = [(a + b) / 2 for a, b in zip(self._means[::2], self._means[1::2], strict=True)]
                self._size *= 2

    @property
    def history(self) -> History | None:
        """The curve, its points numbered from 1; None before there are eight."""
        if len(self._means) < _FEWEST_WINDOWS:
            return None
        numbers = np.arange(1, len(self._means) + 1, dtype=np.float64)
        return History(train=Curve(epochs=numbers, values=np.array(self._means)), unit="window")


def write(path: Path, rows: list[dict[str, float]], findings: Findings, verdict: Verdict | None) -> None:
    """Write the history, as CSV, or with findings and verdict as JSON; ``lossmith doctor`` reads both.

    Raises:
        DataError: The file cannot be written.
    """
    if path.suffix.lower() == ".csv":
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        table = csv.DictWriter(text, names, lineterminator="\n")
        table.writeheader()
        table.writerows({n: int(v) if n == "epoch" else repr(v) for n, v in row.items()} for row in rows)
        write_whole(path, text.getvalue())
        return
    plain = [{n: v if math.isfinite(v) else str(v) for n, v in row.items()} for row in rows]
    content = {
        **findings.to_dict(),
        "schema": SCHEMA,
        "history": plain,
        "verdict": None if verdict is None else verdict.to_dict(),
    }
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return None
