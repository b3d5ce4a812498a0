"""What the doctor found: one frozen record per finding, and the list of them, on their way to text and JSON.

A finding has four parts, always: *what* is wrong, the *evidence* with its numbers, *why* it matters, and the *fix*, a
line to type. Beside them stand how serious it is and how sure: a contract that is violated is "certain", a difference
that chance hardly makes is "statistical", and what two numbers without a sample size suggest is "likely".
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "note"]
Certainty = Literal["certain", "statistical", "likely"]

SEVERITIES: tuple[str, ...] = get_args(Severity)
CERTAINTIES: tuple[str, ...] = get_args(Certainty)
SCHEMA = 1
WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding.

    Attributes:
        code: The rule's code, "OUT02".
        severity: "error" (training or its numbers are wrong), "warning" (probably wrong) or "note" (worth knowing).
        certainty: "certain", "statistical" or "likely".
        what: One sentence: what is wrong.
        evidence: What shows it, with numbers.
        why: What it does to the training or its numbers.
        fix: What to type instead.
        where: File and line ("train.py:41"), or an empty string.
        numbers: The numbers of the evidence by name, for programs.
        consequences: Codes of findings that this one explains, which are not listed on their own.

    >>> from lossmith.doctor import check
    >>> finding = check("mse", [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])[0]
    >>> finding.code, finding.severity, finding.certainty
    ('LAB01', 'error', 'certain')
    """

    code: str
    severity: Severity
    certainty: Certainty
    what: str
    evidence: str
    why: str
    fix: str
    where: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict, hash=False)
    consequences: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain Python values, ready for JSON; numbers that are not finite are None."""
        return {
            "code": self.code,
            "severity": self.severity,
            "certainty": self.certainty,
            "what": self.what,
            "evidence": self.evidence,
            "why": self.why,
            "fix": self.fix,
            "where": self.where,
            "numbers": {name: _plain(value) for name, value in self.numbers.items()},
            "consequences": list(self.consequences),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @property
    def headline(self) -> str:
        """The first line of the text: code, severity, place, what."""
        return f"{self.code} {self.severity} · {f'{self.where}: ' if self.where else ''}{self.what}"

    @property
    def details(self) -> tuple[str, ...]:
        """The other lines of the text, not wrapped."""
        also = f"Explains also: {', '.join(self.consequences)}." if self.consequences else ""
        more = f'[{self.certainty} · lossmith explain {self.code} · ignore=["{self.code}"]]'
        return tuple(line for line in (self.evidence, self.why, f"Fix: {self.fix}", also, more) if line)

    def to_text(self, width: int = WIDTH) -> str:
        """Return the finding as lines of at most ``width`` characters; the fix is never broken."""
        lines = _wrapped(self.headline, width, "")
        for detail in self.details:
            lines += _wrapped(detail, width, "  ") if not detail.startswith("Fix: ") else _kept(detail)
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()


class Findings(list[Finding]):
    """A list of findings, most serious first, that prints as text.

    Attributes:
        broken: One line for each rule that failed itself: a bug of lossmith, not of your program.
        seen: What the rules had to go by, in words.
        assumptions: What was guessed about a file, in sentences, each with the option that says otherwise.
        verdict: What learning curves say of over- and underfitting, in a sentence; empty where there were none.
    """

    def __init__(
        self,
        findings: Iterable[Finding] = (),
        *,
        broken: Iterable[str] = (),
        seen: str = "",
        assumptions: Iterable[str] = (),
        verdict: str = "",
    ) -> None:
        super().__init__(findings)
        self.broken = tuple(broken)
        self.seen = seen
        self.assumptions = tuple(assumptions)
        self.verdict = verdict

    @property
    def errors(self) -> list[Finding]:
        """The findings of severity "error"."""
        return [f for f in self if f.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """The findings of severity "warning"."""
        return [f for f in self if f.severity == "warning"]

    @property
    def notes(self) -> list[Finding]:
        """The findings of severity "note"."""
        return [f for f in self if f.severity == "note"]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in order."""
        return tuple(f.code for f in self)

    @property
    def summary(self) -> str:
        """How many findings of which severity, in one line."""
        if not self:
            return "Nothing found."
        counts = {s: sum(f.severity == s for f in self) for s in SEVERITIES}
        return ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n) + "."

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON."""
        return {
            "schema": SCHEMA,
            "seen": self.seen,
            "assumptions": list(self.assumptions),
            "verdict": self.verdict,
            "findings": [f.to_dict() for f in self],
            "broken": list(self.broken),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_text(self, width: int = WIDTH) -> str:
        """Return all findings as text."""
        head = [f"Seen: {self.seen}."] if self.seen else []
        said = [self.verdict] if self.verdict else []
        lines = [line for text in (*head, *self.assumptions, *said, self.summary) for line in _wrapped(text, width, "")]
        return "\n\n".join(["\n".join(lines), *(f.to_text(width) for f in self), *self.broken])

    def __str__(self) -> str:
        return self.to_text()


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, errors first, and within a severity the surer first; otherwise in the order given."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), CERTAINTIES.index(f.certainty)))


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text, max(width, 40), initial_indent=indent, subsequent_indent=indent or "  ", break_on_hyphens=False
    )


def _kept(fix: str) -> list[str]:
    return [f"  {line}" if i == 0 else f"       {line}" for i, line in enumerate(fix.splitlines())]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and type(value).__name__.startswith(("int", "uint")) else number
