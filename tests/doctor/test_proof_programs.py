"""The proof of the doctor (``benchmarks/doctor``) still runs: a small sample of its programs, and its counting."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from frameworks import require
from lossmith.doctor import rule

ROOT = Path(__file__).parents[2]
CASES = {f"A{n:02}" for n in range(2, 29, 2)} | {f"B{n:02}" for n in range(2, 19, 2)}
CASES |= {"C02", "C04", "D02", "D04", "D06"} | {f"E{n:02}" for n in range(2, 23, 2)}


def proof(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module of the proof; skips where the tests run without the repository."""
    if not (ROOT / "benchmarks" / "doctor").is_dir():
        pytest.skip("benchmarks/ is not here")
    pytest.importorskip("sklearn")
    if "benchmarks" not in sys.modules:
        monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module(f"benchmarks.doctor.{name}")


def examined(run: ModuleType, framework: str, number: str, fixed: bool) -> dict[str, Any]:
    """Return the record of one run of the program whose name begins so."""
    (program,) = [p for p in run.programs(framework) if p.name.startswith(number)]
    (record,) = run.examine(program, framework, fixed, [1])
    assert record["broken"] == []
    return record


@pytest.mark.parametrize("number", ["E04", "E10"])
def test_a_faulty_torch_program_is_found_and_the_mended_one_is_not(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("torch")
    run = proof("run", monkeypatch)
    faulty = examined(run, "torch", number, fixed=False)
    assert faulty["detected"] and faulty["wrong"] == [] and faulty["raised"] == ""
    fixed = examined(run, "torch", number, fixed=True)
    assert fixed["errors"] == fixed["warnings"] == [] and fixed["version"] == "fixed"


@pytest.mark.parametrize("name", ["regression on scaled targets", "generator against discriminator, squared error"])
def test_a_healthy_torch_program_is_not_blamed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require("torch")
    record = examined(proof("run", monkeypatch), "torch", name, fixed=False)
    assert record["errors"] == record["warnings"] == [] and record["version"] == "healthy"


def test_a_keras_program_that_is_refused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    require("keras")
    record = examined(proof("run", monkeypatch), "keras-tensorflow", "C04", fixed=False)
    assert record["detected"] and "LAB02" in record["found"]


def test_all_cases_are_there_and_enough_healthy_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    require("torch"), require("keras")
    programs = proof("program", monkeypatch).programs
    found = [*programs("torch"), *programs("keras-tensorflow")]
    assert {p.name[:3] for p in found if p.owed} >= CASES
    assert len({p.name for p in found if not p.owed}) >= 60
    for code in {code for p in found for code in p.owed}:
        assert rule(code).code == code


def test_counts_have_intervals_and_complaints_name_program_and_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    require("torch")
    tally = proof("tally", monkeypatch)
    base = {"framework": "torch", "tier": "early", "unseen": False, "owed": ["OUT02"], "broken": [], "raised": ""}
    quiet = {"wrong": [], "errors": [], "warnings": [], "found": {}, "detected": False}
    blamed = {"errors": ["LAB01"], "found": {"LAB01": ["error", "batch", "said so"]}}
    runs = [{**base, **quiet, "program": "P", "version": "faulty", "seed": s, "detected": s != 3} for s in range(4)]
    runs += [{**base, **quiet, "program": "Q", "version": "healthy", "seed": s} for s in range(3)]
    runs.append({**base, **quiet, **blamed, "program": "Q", "version": "healthy", "seed": 9})
    counts = {c.what: c for c in tally.counts(runs)}
    assert (counts["found by configuration or first batch"].count, counts["wrong cause"].of) == (3, 4)
    assert not counts["false error, healthy"].met and counts["false warning, healthy"].met
    assert "| 3 of 4 | 75.0 % | 30.1 … 95.4 % |" in tally.table(runs).replace("  ", " ")
    missed, alarm = tally.complaints(runs)
    assert missed.startswith("missed") and "seed 3" in missed and "owed OUT02, found nothing" in missed
    assert alarm.startswith("false error") and "seed 9" in alarm and "LAB01 (batch) said so" in alarm
    rows = list(tally.by_program(runs))
    assert [(r["program"], r["runs"], r["seeds"]) for r in rows] == [("P", 4, "0-3"), ("Q", 4, "0-9")]
