"""What the doctor says about one run, by phase, brought together as a person would read it.

Phases: "batch" (the first one, before the first step), "data" (training beside validation set), "training" (what is
attached to the training says), "end" (the curves and the finished predictions of the validation set).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lossmith.doctor import Finding, Findings
from lossmith.doctor.engine import settled
from lossmith.doctor.finding import SEVERITIES

from .program import Program


@dataclass
class Opinion:
    """All findings of a run.

    Attributes:
        found: Each with its phase.
        broken: What rules failed themselves, and what the doctor itself raised: bugs of ours.
        raised: What the framework raised, where the program does not run.
    """

    found: list[tuple[str, Finding]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    raised: str = ""

    def ask(self, phase: str, question: Callable[[], Iterable[Finding]]) -> None:
        """Add what ``question`` finds; that it raises is a bug of ours."""
        try:
            findings = question()
        except Exception as error:
            self.broken.append(f"{phase}: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            return
        self.found += [(phase, finding) for finding in findings]
        self.broken += [
            f"{phase}: {line}" for line in getattr(findings, "broken", ()) if isinstance(findings, Findings)
        ]

    def causes(self) -> dict[str, tuple[str, str, str]]:
        """Return severity, phase and text by code, the most serious of each, without what another one explains."""
        best: dict[str, tuple[str, Finding]] = {}
        for phase, f in self.found:
            if f.code not in best or _rank(f.severity) < _rank(best[f.code][1].severity):
                best[f.code] = (phase, f)
        kept = settled([f for _, f in best.values()])
        return {f.code: (f.severity, best[f.code][0], f"{f.what} {f.evidence}") for f in kept}


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def record(program: Program, framework: str, fixed: bool, seed: int, opinion: Opinion, seconds: float) -> dict:
    """Return a run as plain values: what was found, and what that means for this program."""
    causes = opinion.causes()
    faulty = bool(program.owed) and not fixed
    enough = SEVERITIES[: _rank(program.severity) + 1]
    errors = [c for c, v in causes.items() if v[0] == "error"]
    warnings = [c for c, v in causes.items() if v[0] == "warning"]
    return {
        "program": program.name,
        "version": "faulty" if faulty else "fixed" if program.owed else "healthy",
        "framework": framework,
        "seed": seed,
        "tier": program.tier,
        "unseen": program.unseen,
        "owed": list(program.owed),
        "detected": faulty and any(c in causes and causes[c][0] in enough for c in program.owed),
        "wrong": [c for c in errors if faulty and c not in program.owed],
        "errors": [] if faulty else errors,
        "warnings": [] if faulty else warnings,
        "found": {c: list(v) for c, v in causes.items()},
        "broken": opinion.broken,
        "raised": opinion.raised,
        "seconds": round(seconds, 2),
    }
