"""Run cases and count what was found."""

from __future__ import annotations

import zlib

import numpy as np

from lossmith.doctor import Findings, check

from .faulty import Case
from .programs import Make

SEEDS = 5


def runs(name: str, make: Make, seeds: int = SEEDS) -> list[Findings]:
    """Return what is found by run: each seed, before and after training."""
    found = []
    for seed in range(seeds):
        for trained in (False, True):
            call = make(np.random.default_rng([seed, zlib.crc32(name.encode())]), trained)
            found.append(check(**call))
    return found


def detected(case: Case, found: Findings) -> bool:
    """Whether an owed rule is there, at the severity owed or a worse one."""
    severities = ("error",) if case.severity == "error" else ("error", "warning")
    return any(f.code in case.owed and f.severity in severities for f in found)
