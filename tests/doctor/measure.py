"""Run all cases and count: ``python -m tests.doctor.measure`` from the root prints the table that the tests assert."""

from __future__ import annotations

import zlib

import numpy as np

from lossmith.doctor import check
from lossmith.doctor.finding import Findings

from .faulty import CASES, Case
from .healthy import HEALTHY
from .programs import Make

SEEDS = 5


def runs(name: str, make: Make, seeds: int = SEEDS) -> list[tuple[str, Findings]]:
    """Return what is found, by run: each seed, before and after training."""
    found = []
    for seed in range(seeds):
        for trained in (False, True):
            call = make(np.random.default_rng([seed, zlib.crc32(name.encode())]), trained)
            found.append((f"seed {seed}{', trained' if trained else ''}", check(**call)))
    return found


def detected(case: Case, found: Findings) -> bool:
    """Whether an owed rule is there, at the severity owed or a worse one."""
    severities = ("error",) if case.severity == "error" else ("error", "warning")
    return any(f.code in case.owed and f.severity in severities for f in found)


def main() -> None:
    total = {"detected": 0, "faulty": 0, "wrong": 0, "errors": 0, "warnings": 0, "mended": 0}
    for case in CASES:
        for run, found in runs(case.name, case.make):
            total["faulty"] += 1
            total["detected"] += detected(case, found)
            wrong = [f.code for f in found.errors if f.code not in case.owed]
            total["wrong"] += bool(wrong)
            if wrong or not detected(case, found) or found.broken:
                print("FAULTY", case.name, run, found.codes, found.broken)
        for run, found in runs(case.name, case.mend):
            total["mended"] += 1
            total["errors"] += bool(found.errors)
            total["warnings"] += bool(found.warnings)
            if found.errors or found.warnings or found.broken:
                print("MENDED", case.name, run, found.codes, found.broken)
    total |= {"healthy": 0, "healthy errors": 0, "healthy warnings": 0, "healthy notes": 0}
    for name, make in HEALTHY.items():
        for run, found in runs(name, make):
            total["healthy"] += 1
            total["healthy errors"] += bool(found.errors)
            total["healthy warnings"] += bool(found.warnings)
            total["healthy notes"] += bool(found.notes)
            if found.errors or found.warnings or found.broken:
                print("HEALTHY", name, run, found.codes, found.broken)
    print(total)


if __name__ == "__main__":
    main()
