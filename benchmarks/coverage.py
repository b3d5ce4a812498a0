"""How often 95 % intervals of evaluation hold the truth: ``python -m benchmarks.coverage [--samples N]``.

Samples of a known population are evaluated one after another, as streams or (``--whole``) as arrays; the truth is the
metric of two million other rows. The goal is 93 to 97 %. Each share is printed with its 95 % interval (Wilson), since
1,000 samples alone make it ± 1.4, and appended to ``coverage.csv``. ``--first`` says with which sample to begin, so
that runs can be added up; the view ``--table`` does so for the newest method of each source, task and size, and
measures nothing.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import lossmith as lm
from lossmith.evaluation.intervals import wilson

SIZES = (200, 2_000, 20_000)
TRUTH_ROWS = 2_000_000
GOAL = (0.93, 0.97)
FILE = Path(__file__).with_name("coverage.csv")
Rows = tuple[np.ndarray, np.ndarray]
Key = tuple[str, str, int, str]  # source, task, rows, metric


def binary(rng: np.random.Generator, rows: int) -> Rows:
    """Over-confident probabilities of a class that 30 % of the rows have."""
    logit = rng.standard_normal(rows) * 1.5 - 1.2
    target = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return 1 / (1 + np.exp(-1.4 * logit - 0.2 * rng.standard_normal(rows))), target


def multiclass(rng: np.random.Generator, rows: int) -> Rows:
    """Logits of four classes, one of them rare."""
    logits = rng.standard_normal((rows, 4)) * 1.5 + [0.8, 0.3, 0.0, -1.2]
    return logits * 1.3, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def regression(rng: np.random.Generator, rows: int) -> Rows:
    """Predictions with an error whose spread grows."""
    target = rng.gamma(4.0, 2.0, rows)
    return target + rng.standard_normal(rows) * (0.3 + 0.1 * target) + 0.1, target


def multilabel(rng: np.random.Generator, rows: int) -> Rows:
    """Logits of five labels that like to come together, one of them rare."""
    together = rng.standard_normal((rows, 1))
    logits = rng.standard_normal((rows, 5)) * 1.5 + together + [0.5, 0.0, -0.5, -1.0, -2.5]
    return logits * 1.2, (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int64)


def language_model(rng: np.random.Generator, rows: int) -> Rows:
    """Logits of the next of twelve tokens, of which few are frequent."""
    logits = rng.standard_normal((rows, 12)) * 1.5 - 0.3 * np.arange(12)
    return logits * 1.2, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


TASKS: dict[str, tuple[Callable[[np.random.Generator, int], Rows], dict[str, Any]]] = {
    "binary": (binary, {"task": "binary", "form": "probabilities"}),
    "multiclass": (multiclass, {"task": "multiclass", "form": "logits"}),
    "regression": (regression, {"task": "regression"}),
    "multilabel": (multilabel, {"task": "multilabel", "form": "logits"}),
    "language_model": (language_model, {"task": "language_model", "form": "logits"}),
}
NOT_STREAMED = ("multilabel", "language_model")


def ends(result: lm.Evaluation) -> dict[str, tuple[float, float, float]]:
    """Return value, low and high of all that has an interval."""
    found = {**result.losses, **result.metrics}
    return {
        name: (x.value, x.low, x.high)
        for name, x in found.items()
        if x.value is not None and x.low is not None and x.high is not None
    }


def covered(task: str, size: int, samples: int, first: int = 0, stream: bool = True) -> dict[str, tuple[int, int]]:
    """Return by metric in how many samples the interval holds the truth, and of how many."""
    make, options = TASKS[task]
    truth = ends(lm.evaluate(*make(np.random.default_rng(2**31), TRUTH_ROWS), stream=stream, **options))
    hits: dict[str, list[bool]] = defaultdict(list)
    for sample in range(first, first + samples):
        rng = np.random.default_rng([0, size, sample])
        for name, (_, low, high) in ends(lm.evaluate(*make(rng, size), stream=stream, **options)).items():
            if name in truth:
                hits[name].append(low <= truth[name][0] <= high)
    return {name: (sum(found), len(found)) for name, found in hits.items()}


def recorded() -> dict[Key, tuple[int, int]]:
    """Return what the file holds of the newest method of each source, task and size, runs of other samples added up."""
    with FILE.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    newest = {(row["source"], row["task"], row["rows"]): row["method"] for row in rows}
    found: dict[Key, tuple[int, int]] = {}
    for row in rows:
        if row["method"] == newest[row["source"], row["task"], row["rows"]]:
            key = row["source"], row["task"], int(row["rows"]), row["metric"]
            held, of = found.get(key, (0, 0))
            found[key] = held + int(row["held"]), of + int(row["samples"])
    return dict(sorted(found.items(), key=lambda item: item[0][:3]))


def line(key: Key, held: int, of: int) -> str:
    """Return one share in words."""
    share = held / of
    low, high = (float(end) for end in wilson(share, of))
    inside = (
        "" if GOAL[0] <= share <= GOAL[1] else "  outside" if high < GOAL[0] or low > GOAL[1] else "  within chance"
    )
    chance = f"({low:.1%} to {high:.1%} by chance, {of} samples)"
    return f"{key[0]:<6} {key[1]:<14} {key[2]:>6} {key[3]:<26} {share:6.1%}  {chance}{inside}"


def main() -> None:
    """Print a line per metric, task and size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first sample")
    parser.add_argument("--size", type=int, choices=SIZES, help="this one alone")
    parser.add_argument("--task", choices=TASKS, help="this one alone")
    parser.add_argument("--whole", action="store_true", help="samples are looked at as a whole, not as streams")
    parser.add_argument("--dry", action="store_true", help="record nothing")
    parser.add_argument("--method", default="", help="a word for how intervals are made; runs of one method add up")
    parser.add_argument("--table", action="store_true", help="only print what is recorded")
    arguments = parser.parse_args()
    if arguments.table:
        for key, (held, of) in recorded().items():
            print(line(key, held, of))
        return
    date = datetime.now(UTC).isoformat(timespec="minutes")
    source = "whole" if arguments.whole else "stream"
    for task in TASKS if arguments.task is None else [arguments.task]:
        for size in SIZES if arguments.size is None else [arguments.size]:
            if arguments.task is None and task in NOT_STREAMED and not arguments.whole:
                continue
            found = covered(task, size, arguments.samples, arguments.first, not arguments.whole)
            for name, (held, of) in found.items():
                print(line((source, task, size, name), held, of), flush=True)
                if not arguments.dry:
                    _append([date, arguments.method, source, task, size, name, arguments.first, of, held])


def _append(row: list[object]) -> None:
    fresh = not FILE.exists()
    with FILE.open("a", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if fresh:
            writer.writerow(["date", "method", "source", "task", "rows", "metric", "first", "samples", "held"])
        writer.writerow(row)


if __name__ == "__main__":
    main()
