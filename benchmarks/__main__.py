"""``python -m benchmarks cpu [--quick]``: measure, print, append to ``cpu.csv``; then what ``chart`` does.

``python -m benchmarks chart`` draws ``cpu.svg`` and writes the README's table from the last measurements.

``python -m benchmarks memory`` appends to ``memory.csv`` what a step takes at most.
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

from . import chart, cpu, memory, results

# Makes glibc keep what is freed instead of handing it back: PyTorch's own gradients then cost no page faults.
TUNED = {"MALLOC_MMAP_THRESHOLD_": "1073741824000", "MALLOC_TRIM_THRESHOLD_": "1073741824000"}
ALLOCATOR = ("LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "THP_MEM_ALLOC_ENABLE")


def _setting() -> dict[str, object]:
    versions = []
    for package in ("numpy", "torch", "jax", "tensorflow-cpu", "tensorflow"):
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
        choices=["cpu", "memory", "chart"],
        help="what to measure, or only draw the chart and write the table again",
    )
    parser.add_argument("--quick", action="store_true", help="the small sizes, without torch.compile; records nothing")
    parser.add_argument("--seconds", type=float, default=cpu.WORK_SECONDS, help="per loss, size and pass")
    parser.add_argument("--only", default="", help="only the losses whose names begin so")
    parser.add_argument("--tuned-malloc", action="store_true", help="with a malloc that gives no memory back")
    arguments = parser.parse_args()
    if arguments.tuned_malloc and not TUNED.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], {**os.environ, **TUNED})
    setting = _setting()
    if arguments.what == "cpu":
        for row in cpu.measure(arguments.quick, print, arguments.seconds, arguments.only):
            print(
                f"{row['work']:>28} {row['shape']:>11} {row['dtype']:>8} {row['pass']:>16}  {row['contender']:<14}"
                f" {row['median_ms']:>10} ms {row['times_ours']:>7} x ours {row['times_floor']:>8} x floor",
                flush=True,
            )
            if not arguments.quick:
                _append(results.FILE, setting | row)
    elif arguments.what == "memory":
        for row in memory.measure():
            print(f"{row['contender']:<16} {row['megabytes']:>8} MB {row['times_ours']:>6} x ours")
            _append(results.FILE.with_name("memory.csv"), setting | row)
    if arguments.what == "chart" or (arguments.what == "cpu" and not (arguments.quick or arguments.tuned_malloc)):
        chart.draw()
        results.write_readme()


def _append(file: Path, row: dict[str, object]) -> None:
    fresh = not file.exists()
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(row), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":  # a contender's process imports this file too
    main()
