"""``python -m benchmarks cpu``: measure, print, and append to ``results.csv``."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import lossmith as lm

from . import cpu

RESULTS = Path(__file__).with_name("results.csv")


def _setting() -> dict[str, object]:
    versions = []
    for package in ("numpy", "torch", "jax", "optax"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "lossmith": f"{lm.__version__}{'' if lm.has_native() else ' (no native core)'}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_instructions()}",
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
    if sys.argv[1:] != ["cpu"]:
        raise SystemExit("usage: python -m benchmarks cpu")
    rows = [_setting() | row for row in cpu.measure()]
    for row in rows:
        print(f"{row['shape']:>12}  {row['contender']:<16} {row['median_ms']:>9} ms   {row['times_ours']:>6} x ours")
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


main()
