"""Evaluation beside what others need for the same sums; ``python -m benchmarks.evaluation PART … [--rows N]``.

Parts, each a few minutes at most:

- ``parquet``: two columns (score float32, target int8) of a file. "pyarrow decode" reads them and does nothing with
  them: no evaluation is faster. DuckDB and Polars compute less than lossmith does: log loss, Brier score, confusion and
  calibration bins, but no score histogram, no worst rows and no intervals.
- ``peak``: lossmith's memory at ten million and at a hundred million rows.
- ``losses``: log loss, Brier score and calibration bins of arrays in memory; scikit-learn and torchmetrics compute what
  each line names, and "lossmith evaluate" everything that an evaluation says.
- ``confusion``: the confusion matrix alone, and ``auc``: the exact area under the ROC curve alone, of arrays.
- ``classes`` and ``values``: the numbers of ten classes, and of a regression, of arrays.
- ``intervals``: all states of a binary evaluation without those that intervals come from, and with them.
- ``goals`` measures nothing: it holds the newest records against what they should be.

Each contender is run in turn, round after round, in a process of its own with two threads, which says how long it
worked (on the wall and in CPU seconds, without imports) and its peak memory. Files are in the page cache; arrays have
been looked at once before, so that nobody pays for threads that start or modules that are loaded at the first call.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .evaluation_contenders import PARTS, THREADS, write

FILE = Path(__file__).with_name("evaluation.csv")
ROUNDS = 3
PEAK_ROWS = (10_000_000, 100_000_000)
_WARM = "warm.parquet"  # read before the clock starts: what is loaded at the first call does not grow with the rows


@dataclass(frozen=True)
class Goal:
    """A ratio to be held: another contender's seconds over ours, at least (or, of ``most``, at most) so much.

    Attributes:
        what: In words.
        part: Of ``PARTS``.
        other: The contender.
        least: The smallest ratio that is wanted, or None.
        most: The largest ratio, or of megabytes where ``other`` is "" the largest number, or None.
    """

    what: str
    part: str
    other: str
    least: float | None = None
    most: float | None = None


GOALS = (
    Goal("share of the rate at which pyarrow decodes", "parquet", "pyarrow decode", least=0.65),
    Goal("times DuckDB's rate for the same sums", "parquet", "duckdb", least=2),
    Goal("megabytes", "peak", "", most=400),
    Goal("times DuckDB's rate", "confusion", "duckdb", least=10),
    Goal("times Polars' rate", "confusion", "polars", least=10),
    Goal("times scikit-learn's rate", "confusion", "sklearn confusion_matrix", least=100),
    Goal("times torchmetrics' rate", "confusion", "torchmetrics confusion", least=100),
    Goal("times DuckDB's rate", "losses", "duckdb", least=10),
    Goal("times Polars' rate", "losses", "polars", least=10),
    Goal("times scikit-learn's rate", "losses", "sklearn log_loss + brier + calibration", least=100),
    Goal("times torchmetrics' rate", "losses", "torchmetrics calibration + MSE, torch BCE", least=100),
    Goal("times scikit-learn's rate", "auc", "sklearn roc_auc_score", least=15),
    Goal("times the cost without intervals", "intervals", "lossmith with intervals", most=4),
)


def measure(rows: int, rounds: int = ROUNDS, in_memory: bool = True) -> Iterator[dict[str, object]]:
    """Yield a record per contender of the Parquet file, and of the arrays, if they are wanted."""
    yield from measure_parts(["parquet", *(["losses"] if in_memory else [])], rows, rounds)


def measure_parts(parts: Sequence[str], rows: int, rounds: int) -> Iterator[dict[str, object]]:
    """Yield a record per contender of each part; those that are not installed are said and left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write(path.with_name(_WARM), 100_000)
        for part in parts:
            sizes = {"parquet": (rows,), "peak": PEAK_ROWS}.get(part, ())
            for size in sizes:
                write(path, size)
                yield from _measured(part, path, size, 1 if part == "peak" else rounds)
            if not sizes:
                yield from _measured(part, path, PARTS[part].rows, rounds)


def _measured(part: str, path: Path, rows: int, rounds: int) -> Iterator[dict[str, object]]:
    taken: dict[str, list[dict[str, float]]] = {}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "LOSSMITH_NUM_THREADS"), str(THREADS))
    for _ in range(rounds):
        for name, (_, package) in PARTS[part].contenders.items():
            if importlib.util.find_spec(package) is None:
                if name not in taken:
                    print(f"{name} is left out: {package} is not installed", flush=True)
                taken.setdefault(name, [])
                continue
            command = [sys.executable, "-m", "benchmarks.evaluation", "--one", part, name, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | threads)
            taken.setdefault(name, []).append(json.loads(done.stdout.splitlines()[-1]))
    ours = _median(taken["lossmith"], "cpu")
    for name, runs in taken.items():
        if runs:
            cpu = _median(runs, "cpu")
            yield {
                "work": PARTS[part].work,
                "rows": rows,
                "contender": name,
                "wall_s": round(_median(runs, "wall"), 3),
                "cpu_s": round(cpu, 3),
                "million_rows_per_cpu_s": round(rows / cpu / 1e6, 2),
                "cpu_times_ours": round(cpu / ours, 2),
                "peak_mb": round(max(run["megabytes"] for run in runs)),
            }


def _median(runs: list[dict[str, float]], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def _run_one(part: str, name: str, path: str) -> None:
    """Time one contender, and print seconds and megabytes."""
    make = PARTS[part].contenders[name][0]
    if part in ("parquet", "peak"):
        make(str(Path(path).with_name(_WARM)))()
        _into_cache(path)
    run = make(path)
    if part not in ("parquet", "peak"):
        run()
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "megabytes": megabytes}))


def _into_cache(path: str) -> None:
    """Read a file and forget it, as the system may have dropped it from the page cache since it was written."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def goals(file: Path = FILE) -> list[str]:
    """Return a line per goal: the newest record against it, in CPU seconds and on the wall."""
    newest: dict[tuple[str, str], dict[str, str]] = {}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            newest[row["work"], row["contender"]] = row
    return [_against(goal, newest) for goal in GOALS]


def _against(goal: Goal, newest: dict[tuple[str, str], dict[str, str]]) -> str:
    work = PARTS[goal.part].work
    wanted = f"at least {goal.least:g}" if goal.least is not None else f"at most {goal.most:g}"
    head = f"{work:<25} {goal.what:<43}"
    ours, theirs = newest.get((work, "lossmith")), newest.get((work, goal.other or "lossmith"))
    if ours is None or theirs is None:
        return f"{head} not measured; {wanted}"
    if not goal.other:
        found = [float(ours["peak_mb"])]
        said = f"{found[0]:.0f} MB at {int(ours['rows']):,} rows"
    else:
        found = [float(theirs[kind]) / float(ours[kind]) for kind in ("cpu_s", "wall_s")]
        said = f"{found[0]:.2f} in CPU seconds, {found[1]:.2f} on the wall"
    held = [(goal.least is None or x >= goal.least) and (goal.most is None or x <= goal.most) for x in found]
    verdict = "met" if all(held) else "in part" if any(held) else "missed"
    return f"{head} {verdict:<7} {said}; {wanted} ({ours['date'][:10]})"


def main() -> None:
    """Measure the parts that are asked for, or say how the goals stand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "goals"])
    parser.add_argument("--rows", type=int, default=100_000_000, help="of the Parquet file")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--dry", action="store_true", help="record nothing")
    arguments = parser.parse_args()
    from .__main__ import _append, _setting

    for row in measure_parts([part for part in arguments.parts if part != "goals"], arguments.rows, arguments.rounds):
        print(
            f"{row['work']:<25} {row['contender']:<40} {row['wall_s']:>8} s {row['cpu_s']:>8} CPU-s"
            f" {row['million_rows_per_cpu_s']:>8} M rows/CPU-s {row['cpu_times_ours']:>7} x ours"
            f" {row['peak_mb']:>6} MB",
            flush=True,
        )
        if not arguments.dry:
            _append(FILE, _setting() | row)
    if "goals" in arguments.parts:
        print("\n".join(goals()))


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        _run_one(*sys.argv[2:5])
    else:
        main()
