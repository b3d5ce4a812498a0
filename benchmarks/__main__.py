"""``python -m benchmarks cpu [--quick]``: measure, print, append to ``cpu.csv``; then what ``chart`` does.

``python -m benchmarks cpu --goals [--only NAMES]`` measures what has a goal, forward and backward alone; with
``--tuned-malloc`` on a malloc that keeps what is freed, which is recorded beside the rest.
``python -m benchmarks goals`` prints how far the last measurements are from their goals.

``python -m benchmarks chart`` draws ``cpu.svg`` and writes the README's table from the last measurements.

``python -m benchmarks memory`` appends to ``memory.csv`` what a step takes at most.
``python -m benchmarks evaluation [--rows N]`` appends to ``evaluation.csv`` what streamed evaluation takes.
``python -m benchmarks doctor [--seeds N] [--only NAME] [--framework NAME]`` trains faulty and healthy programs,
counts what the doctor finds in them, lists where it is wrong, and appends to ``doctor.csv`` (a whole run alone).
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import lossmith as lm

from . import chart, cpu, evaluation, goals, memory, results
from .doctor import run as doctor
from .doctor.program import FRAMEWORKS

# Makes glibc keep what is freed instead of handing it back: PyTorch's own gradients then cost no page faults. One arena
# for all threads, because the others cannot hold large blocks, and XLA asks for its results on a thread of its own.
TUNED = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824000",
    "MALLOC_TRIM_THRESHOLD_": "1073741824000",
    "MALLOC_ARENA_MAX": "1",
}
PEERS = ("pyarrow", "polars", "duckdb", "torchmetrics", "scikit-learn")
ALLOCATOR = ("LD_PRELOAD", "GLIBC_TUNABLES", *TUNED, "THP_MEM_ALLOC_ENABLE")


def _setting() -> dict[str, object]:
    versions = []
    for package in ("numpy", "torch", "jax", "tensorflow-cpu", "tensorflow", "keras", *PEERS):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    tuned = " ".join(f"{name}={os.environ[name]}" for name in ALLOCATOR if name in os.environ)
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "lossmith": f"{lm.__version__}{'' if lm.has_native() else ' (no native core)'}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_instructions()}",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "",
        "allocator": tuned or "default",
        "versions": ", ".join(versions),
    }


def _instructions() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "unknown vector unit"
    return next((name for name in ("avx512f", "avx2") if name in flags), "baseline")


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        choices=["cpu", "goals", "memory", "chart", "doctor", "evaluation"],
        help="what to measure; chart: only draw it and write the README's table again; goals: only print them",
    )
    parser.add_argument("--quick", action="store_true", help="the small sizes, without torch.compile; records nothing")
    parser.add_argument("--seconds", type=float, default=cpu.WORK_SECONDS, help="per loss, size and pass")
    parser.add_argument(
        "--only", default="", help="only the losses whose names begin so, or the programs that are named so"
    )
    parser.add_argument("--shape", default="", help="only these sizes, such as 8x10,100000")
    parser.add_argument("--dtype", default="", help="only these, such as float32")
    parser.add_argument("--goals", action="store_true", help="only what has a goal, forward and backward")
    parser.add_argument("--dry", action="store_true", help="cpu: print, and record nothing")
    parser.add_argument("--tuned-malloc", action="store_true", help="with a malloc that gives no memory back")
    parser.add_argument("--rows", type=int, default=100_000_000, help="evaluation: of the Parquet file")
    parser.add_argument("--seeds", type=int, default=5, help="doctor: how many")
    parser.add_argument("--first-seed", type=int, default=0, help="doctor: take fresh ones for a run that is recorded")
    parser.add_argument("--framework", choices=FRAMEWORKS, help="doctor: this one alone")
    parser.add_argument(
        "--without-kept", action="store_true", help="doctor: leave out the programs that are kept aside"
    )
    parser.add_argument("--at-once", type=int, default=1, help="doctor: how many processes")
    arguments = parser.parse_args()
    if arguments.tuned_malloc and not TUNED.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], {**os.environ, **TUNED})
    setting = _setting()
    recorded = not (arguments.quick or arguments.dry)
    if arguments.what == "cpu":
        lists = (tuple(filter(None, given.split(","))) for given in (arguments.only, arguments.shape, arguments.dtype))
        choice = cpu.Choice(*lists, with_goals=arguments.goals)
        for row in cpu.measure(arguments.quick, print, arguments.seconds, choice):
            print(
                f"{row['work']:>28} {row['shape']:>11} {row['dtype']:>8} {row['pass']:>16}  {row['contender']:<14}"
                f" {row['median_ms']:>10} ms {row['times_ours']:>7} x ours {row['times_floor']:>8} x floor",
                flush=True,
            )
            if recorded:
                _append(results.FILE, setting | row)
    elif arguments.what == "goals":
        print(*goals.report(), sep="\n")
    elif arguments.what == "memory":
        for row in memory.measure():
            print(f"{row['contender']:<16} {row['megabytes']:>8} MB {row['times_ours']:>6} x ours")
            _append(results.FILE.with_name("memory.csv"), setting | row)
    elif arguments.what == "evaluation":
        for row in evaluation.measure(arguments.rows, in_memory=not arguments.quick):
            print(
                f"{row['work']:<18} {row['contender']:<26} {row['wall_s']:>8} s {row['cpu_s']:>8} CPU-s"
                f" {row['million_rows_per_cpu_s']:>8} M rows/CPU-s {row['cpu_times_ours']:>7} x ours"
                f" {row['peak_mb']:>6} MB",
                flush=True,
            )
            if not arguments.quick:
                _append(results.FILE.with_name("evaluation.csv"), setting | row)
    elif arguments.what == "doctor":
        _prove(arguments, setting)
    if arguments.what == "chart" or (arguments.what == "cpu" and recorded and not arguments.tuned_malloc):
        chart.draw()
        results.write_readme()


def _prove(arguments: argparse.Namespace, setting: dict[str, object]) -> None:
    """Judge the doctor, print what it is worth, and record a whole run."""
    frameworks = [arguments.framework] if arguments.framework else FRAMEWORKS
    first, seeds, aside = arguments.first_seed, arguments.seeds, not arguments.without_kept
    runs = list(doctor.prove(frameworks, first, seeds, arguments.only, aside, arguments.at_once))
    print(doctor.report(runs))
    if aside and not (arguments.only or arguments.framework or arguments.quick):
        doctor.append(runs, setting)


def _append(file: Path, row: dict[str, object]) -> None:
    fresh = not file.exists()
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(row), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":  # a contender's process imports this file too
    main()
