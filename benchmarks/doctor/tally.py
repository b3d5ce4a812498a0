"""Counts over runs: how often the doctor finds a fault, names a wrong cause, or cries wolf; with Wilson's intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lossmith.evaluation.intervals import wilson

Run = dict[str, Any]


@dataclass(frozen=True)
class Count:
    """So many of so many, and whether that is what was aimed at."""

    what: str
    count: int
    of: int
    aim: str

    @property
    def share(self) -> float:
        return self.count / self.of

    @property
    def met(self) -> bool:
        sign, _, limit = self.aim.partition(" ")
        return self.share >= float(limit) / 100 if sign == "≥" else self.share <= float(limit) / 100

    def row(self) -> list[str]:
        low, high = wilson(self.share, self.of)
        interval = f"{100 * (low or 0):.1f} … {100 * (high or 0):.1f} %"
        return [self.what, f"{self.count} of {self.of}", f"{100 * self.share:.1f} %", interval, f"{self.aim} %"]


def counts(runs: Iterable[Run]) -> Iterator[Count]:
    """Yield what was aimed at, in order, as far as there are runs for it."""
    runs = list(runs)
    faulty = [r for r in runs if r["version"] == "faulty"]
    sound = [r for r in runs if r["version"] != "faulty"]
    early, late = ([r for r in faulty if r["tier"] == tier] for tier in ("early", "late"))
    yield from _count("found by configuration or first batch", early, lambda r: r["detected"], "≥ 95")
    yield from _count("found in training", late, lambda r: r["detected"], "≥ 80")
    yield from _count("wrong cause", faulty, lambda r: bool(r["wrong"]), "≤ 3")
    for version in ("fixed", "healthy"):
        some = [r for r in sound if r["version"] == version]
        yield from _count(f"false error, {version}", some, lambda r: bool(r["errors"]), "≤ 1")
        yield from _count(f"false warning, {version}", some, lambda r: bool(r["warnings"]), "≤ 3")
    if {r["version"] for r in sound} == {"fixed", "healthy"}:
        yield from _count("false error, all", sound, lambda r: bool(r["errors"]), "≤ 1")
        yield from _count("false warning, all", sound, lambda r: bool(r["warnings"]), "≤ 3")


def _count(what: str, runs: list[Run], true: Callable[[Run], bool], aim: str) -> Iterator[Count]:
    if runs:
        yield Count(what, sum(map(true, runs)), len(runs), aim)


def table(runs: Iterable[Run]) -> str:
    """Return the counts as a table in Markdown."""
    rows = [["", "runs", "share", "95 % interval", "aim"], *(c.row() for c in counts(runs))]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def complaints(runs: Iterable[Run]) -> Iterator[str]:
    """Yield one line for each run in which the doctor was wrong, for a person to read."""
    for r in runs:
        at = f"{r['framework']:<16} seed {r['seed']:<4} {r['version']:<7} {r['program']}"
        if r["version"] == "faulty" and not r["detected"]:
            others = ", ".join(f"{c} {v[0]}" for c, v in r["found"].items()) or "nothing"
            yield f"missed         {at}: owed {' or '.join(r['owed'])}, found {others}"
        for what, codes in (("wrong cause", "wrong"), ("false error", "errors"), ("false warning", "warnings")):
            for code in r[codes]:
                _, phase, said = r["found"][code]
                yield f"{what:<14} {at}: {code} ({phase}) {said}"
        for line in r["broken"]:
            yield f"bug of ours    {at}: {line}"
        if r["raised"] and r["version"] != "faulty":
            yield f"does not run   {at}: {r['raised']}"


def by_program(runs: Iterable[Run]) -> Iterator[dict[str, Any]]:
    """Yield one row per program, framework and version: what was found in how many of its runs."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for r in runs:
        groups.setdefault((r["framework"], r["program"], r["version"]), []).append(r)
    for (framework, program, version), some in groups.items():
        codes = sorted({f"{c} {v[0]}" for r in some for c, v in r["found"].items()})
        seen = {code: sum(f"{c} {v[0]}" == code for r in some for c, v in r["found"].items()) for code in codes}
        yield {
            "framework": framework,
            "program": program,
            "version": version,
            "tier": some[0]["tier"] if version == "faulty" else "",
            "seeds": f"{min(r['seed'] for r in some)}-{max(r['seed'] for r in some)}",
            "unseen": int(some[0]["unseen"]),
            "runs": len(some),
            "detected": sum(r["detected"] for r in some) if version == "faulty" else "",
            "wrong_cause": sum(bool(r["wrong"]) for r in some) if version == "faulty" else "",
            "false_error": sum(bool(r["errors"]) for r in some) if version != "faulty" else "",
            "false_warning": sum(bool(r["warnings"]) for r in some) if version != "faulty" else "",
            "found": ", ".join(f"{code} ×{n}" for code, n in seen.items()),
        }
