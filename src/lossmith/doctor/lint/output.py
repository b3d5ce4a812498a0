"""Diagnostics as text like ruff's, as JSON, as annotations of GitHub, and as SARIF 2.1.0."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Any

from ..finding import SEVERITIES
from ..rule import rule
from .linter import Diagnostic, Report

FORMATS = ("text", "concise", "json", "github", "sarif")
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report, form: str = "text") -> str:
    """Return a report as text of the form ``form``, one of ``FORMATS``, without a last newline."""
    if form == "json":
        return json.dumps([_plain(d) for d in report.diagnostics], indent=2)
    if form == "sarif":
        return json.dumps(_sarif(report), indent=2)
    if form == "github":
        return "\n".join(_annotation(d) for d in report.diagnostics)
    lines = [_line(d) if form == "concise" else _block(d) for d in report.diagnostics]
    return "\n".join([*lines, summary(report)])


def summary(report: Report) -> str:
    """Return one line: how many findings of which severity, in how many files."""
    files = f"{report.files} file{'' if report.files == 1 else 's'}"
    if not report.diagnostics:
        return f"Nothing found in {files}."
    counts = {s: sum(d.finding.severity == s for d in report.diagnostics) for s in SEVERITIES}
    shown = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)
    return f"Found {shown} in {files}."


def _line(d: Diagnostic) -> str:
    return f"{d.finding.where}: {d.finding.code} {d.finding.what}"


def _block(d: Diagnostic) -> str:
    return "\n".join([_line(d), f"    {d.finding.evidence} {d.finding.why}", f"    Fix: {d.finding.fix}"])


def _plain(d: Diagnostic) -> dict[str, Any]:
    return {
        **d.finding.to_dict(),
        "filename": str(d.path),
        "cell": d.cell,
        "line": d.line,
        "column": d.column,
        "end_line": d.end_line,
        "end_column": d.end_column,
    }


def _annotation(d: Diagnostic) -> str:
    f = d.finding
    inside = f" (cell {d.cell}, line {d.line})" if d.cell else ""
    place = f"file={_property(_posix(d.path))}" + (
        "" if d.cell else f",line={d.line},col={d.column},endLine={d.end_line},endColumn={d.end_column}"
    )
    message = _data(f"{f.what}{inside} {f.evidence} Fix: {f.fix}")
    return f"::{_LEVELS[f.severity]} title=lossmith ({f.code}),{place}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _posix(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return PurePath(path).as_posix()


def _sarif(report: Report) -> dict[str, Any]:
    from ... import __version__

    codes = sorted({d.finding.code for d in report.diagnostics})
    driver = {
        "name": "lossmith",
        "version": __version__,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": rule(code).title},
                "fullDescription": {"text": rule(code).why},
                "help": {"text": f"{rule(code).criterion} Fix: {rule(code).fix()}"},
                "defaultConfiguration": {"level": rule(code).severity},
            }
            for code in codes
        ],
    }
    invocation = {
        "executionSuccessful": not report.problems,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": p}} for p in report.problems],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "invocations": [invocation],
        "results": [_result(d, codes.index(d.finding.code)) for d in report.diagnostics],
    }
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _result(d: Diagnostic, index: int) -> dict[str, Any]:
    region = {"startLine": d.line, "startColumn": d.column, "endLine": d.end_line, "endColumn": d.end_column}
    inside = f" (cell {d.cell})" if d.cell else ""
    return {
        "ruleId": d.finding.code,
        "ruleIndex": index,
        "level": d.finding.severity,
        "message": {"text": f"{d.finding.what}{inside} {d.finding.evidence} Fix: {d.finding.fix}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _posix(d.path)}, "region": region}}],
    }
