"""A choice as plain text: what ``print(choice)`` and ``lossmith choose`` show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ...report.tables import visible
from . import weights
from .code import LEGEND
from .result import Choice, Expected, Reading, Suggestion, Weights
from .words import plural, shown

FRAMEWORKS = {"keras": "Keras", "torch": "PyTorch", "jax": "JAX"}
_START = "  {:<12}"  # of a paragraph, around its heading
_TOGETHER = "\N{NO-BREAK SPACE}"


def to_text(choice: Choice, width: int) -> str:
    """Return the reading, the suggestions and the notes, prose wrapped at ``width``; code keeps its lines."""
    lines = [line for said in _head(choice) for line in _wrapped(said, width)]
    for suggestion in choice.suggestions:
        lines += ["", heading(choice, suggestion), *_suggestion(choice, suggestion, width)]
    lines += ["", *_wrapped(LEGEND, width)]
    if choice.notes:
        lines += ["", "Notes", *(line for note in choice.notes for line in _wrapped(note, width, "- "))]
    return "\n".join(map(visible, lines)) + "\n"


def heading(choice: Choice, suggestion: Suggestion) -> str:
    """Return the line above a suggestion."""
    word = "Take" if suggestion is choice.first else "Or"
    return f"{word} {suggestion.title} ({suggestion.loss})"


def _head(choice: Choice) -> Iterator[str]:
    where = f"{choice.name} of {choice.source}" if choice.source else choice.name
    gaps = f", {choice.missing:,} of them without a value" if choice.missing else ""
    yield f"{where}: {plural(choice.rows, 'row')}{gaps}"
    yield from choice.assumptions
    yield _read_as(choice.reading)
    if choice.others:
        listed = "; or ".join(f"{r.task} (--task {r.task}) {r.why}" for r in choice.others)
        yield f"It may also be {listed}."


def _read_as(reading: Reading) -> str:
    if reading.certainty == "given":
        return f"Read as {reading.task}, {reading.why}."
    return f"Read as {reading.task} ({reading.certainty}): {reading.why}; task= (--task) says otherwise."


def _suggestion(choice: Choice, s: Suggestion, width: int) -> Iterator[str]:
    yield from _entry("Why", [s.why], width)
    yield from _entry("Last layer", [f"{plural(s.units, 'unit')}, {s.activation}"], width)
    if s is choice.first or (s.labels, s.prepare) != (choice.first.labels, choice.first.prepare):
        yield from _entry("Labels", [s.labels], width)
        yield from _code("", [s.prepare])
    yield from _entry("Expect", map(_expected, s.expected), width)
    for framework, lines in s.code.items():
        yield from _code(FRAMEWORKS[framework], lines)
    if s.weights is not None:
        yield from _weights(s.weights, width)


def _expected(e: Expected) -> str:
    name = f", {e.formula}" if e.formula and e.formula != shown(e.value) else ""
    return f"{shown(e.value)}{name}: {e.meaning}"


def _weights(w: Weights, width: int) -> Iterator[str]:
    if w.advice == "not needed":
        yield from _entry("Weights", [f"not needed: {w.why}"], width)
        return
    said = [f"{w.advice}: {w.why}", weights.in_words(w), f"Not if {w.not_if}."]
    yield from _entry("Weights", said, width)
    for framework, line in w.code.items():
        yield from _code("", [f"{line}  # {FRAMEWORKS[framework]}"])


def _entry(label: str, paragraphs: Iterable[str], width: int) -> Iterator[str]:
    start = _START.format(label)
    for paragraph in paragraphs:
        yield from _wrapped(paragraph, width, start)
        start = " " * len(start)


def _code(label: str, lines: Iterable[str]) -> Iterator[str]:
    start = _START.format(label)
    for line in lines:
        yield f"{start}{line}"
        start = " " * len(start)


def _wrapped(text: str, width: int, start: str = "") -> list[str]:
    lines = textwrap.wrap(
        text.replace(" %", f"{_TOGETHER}%"),
        width,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TOGETHER, " ") for line in lines]
