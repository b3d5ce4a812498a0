"""A loss in words: everything that its definition knows, as text, Markdown or a dictionary.

>>> from lossmith.understanding import explain
>>> explain("mse").formula
'(p − t)²'
>>> print(explain("huber").text.splitlines()[0])
Huber (huber)
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..core.docstrings import shapes_of
from ..formula import text as formula_text
from ..losses import Loss, Parameter, find
from .words import lines_of_code, symbols
from .yardstick import Yardstick, yardstick

Style = Literal["text", "list", "formula", "code"]


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; ``style`` says what kind of lines these are."""

    heading: str
    lines: tuple[str, ...]
    style: Style = "text"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A parameter, in words."""

    name: str
    default: Any
    valid: str
    meaning: str


@dataclass(frozen=True)
class Argument:
    """An array besides prediction and target, in words."""

    name: str
    valid: str
    meaning: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What there is to know about a loss.

    Attributes:
        name: The function; ``object_name`` is the class.
        title: As written in running text.
        summary: What one value means.
        formula: Value as Unicode text, ``latex`` its source; the same for ``gradient``.
        symbols: What the letters of the formula stand for.
        dropped: The additive constant that is left out, as Unicode text, or an empty string.
        prediction: Valid predictions in words, shape first; the same for ``target``.
        extras: The other arrays that the loss takes.
        parameters: What can be set.
        use: When it fits.
        avoid: When it does not.
        good_value: What a good value is, against a constant prediction.
        example: The definition's example, computed.
        pitfalls: How people get it wrong.
        code: The line to type, by framework.
        references: Sources, each with its link.
        aliases: Other names.
    """

    name: str
    object_name: str
    title: str
    summary: str
    formula: str
    latex: str
    gradient: str
    gradient_latex: str
    symbols: dict[str, str]
    dropped: str
    prediction: str
    target: str
    extras: tuple[Argument, ...]
    parameters: tuple[Setting, ...]
    use: str
    avoid: str
    good_value: str
    example: Yardstick
    pitfalls: tuple[str, ...]
    code: dict[str, str]
    references: tuple[str, ...]
    aliases: tuple[str, ...]

    @property
    def text(self) -> str:
        """Plain text, 88 characters wide."""
        return self.to_text()

    @property
    def markdown(self) -> str:
        """Markdown, headings from level one."""
        return to_markdown(self.heading, self.summary, self.sections())

    @property
    def heading(self) -> str:
        """Title and name."""
        return f"{self.title} ({self.name})"

    def to_text(self, width: int = 88) -> str:
        """Return plain text whose prose is wrapped at ``width``; formulas and code keep their lines."""
        parts = [self.heading, textwrap.fill(self.summary, width)]
        parts += [f"{s.heading}\n{section_text(s, width)}" for s in self.sections()]
        return "\n\n".join(parts) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can hold."""
        data = asdict(self)
        data["example"]["skill"] = self.example.skill
        return data

    def sections(self) -> tuple[Section, ...]:
        """Return the parts in reading order; empty ones are left out."""
        legend = ", ".join(f"{symbol}: {meaning}" for symbol, meaning in self.symbols.items())
        given = (f"prediction: {self.prediction}", f"target: {self.target}")
        everything = (
            Section("Formula", tuple(self.formula.splitlines()), "formula"),
            Section("Gradient", tuple(self.gradient.splitlines()), "formula"),
            Section("Symbols", (legend,) if legend else ()),
            Section("Left out", (self.dropped,) if self.dropped else (), "formula"),
            Section("Prediction and target", (*given, *map(_argument_line, self.extras)), "list"),
            Section("Parameters", tuple(map(_setting_line, self.parameters)), "list"),
            Section("Take it when", (self.use,)),
            Section("Take another when", (self.avoid,)),
            Section("What a good value is", (self.good_value, *_example_lines(self.example))),
            Section("Pitfalls", self.pitfalls, "list"),
            Section("Type", tuple(_code_lines(self.code)), "code"),
            Section("Also known as", (", ".join(self.aliases),) if self.aliases else ()),
            Section("References", self.references, "list"),
        )
        return tuple(section for section in everything if section.lines)


def explain(name: str) -> Explanation:
    """Explain a loss in words.

    Args:
        name: A name or alias from ``lossmith.losses()``.

    Raises:
        UnknownNameError: No loss has this name; the message offers the nearest ones.
    """
    loss = find(name)
    prediction_shape, target_shape, _ = shapes_of(loss)
    return Explanation(
        name=loss.name,
        object_name=loss.object_name,
        title=loss.title,
        summary=loss.summary,
        formula=formula_text(loss.formula),
        latex=loss.formula,
        gradient=formula_text(loss.gradient_formula),
        gradient_latex=loss.gradient_formula,
        symbols=symbols(loss),
        dropped=formula_text(loss.dropped),
        prediction=f"{prediction_shape}; {loss.prediction.describe()}",
        target=f"{target_shape}; {loss.target.describe()}",
        extras=tuple(Argument(e.name, e.domain.describe(), e.meaning, e.required) for e in loss.extras),
        parameters=_settings(loss),
        use=loss.advice.use,
        avoid=loss.advice.avoid,
        good_value=loss.advice.good_value,
        example=yardstick(loss),
        pitfalls=loss.advice.pitfalls,
        code=lines_of_code(loss),
        references=tuple(f"{r.text}. {r.link}" for r in loss.references),
        aliases=loss.aliases,
    )


def section_text(section: Section, width: int) -> str:
    """Return the lines of a section, indented and, where they are prose, wrapped."""
    if section.style in ("formula", "code"):
        return "\n".join(f"  {line}" for line in section.lines)
    mark = "- " if section.style == "list" else ""
    wrapped = (
        textwrap.fill(
            line,
            width,
            initial_indent=f"  {mark}",
            subsequent_indent="  " + " " * len(mark),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in section.lines
    )
    return "\n".join(wrapped)


def to_markdown(title: str, summary: str, sections: Iterable[Section]) -> str:
    """Return a Markdown document of sections."""
    parts = [f"# {title}", summary]
    for section in sections:
        if section.style in ("formula", "code"):
            body = "\n".join((f"```{'python' if section.style == 'code' else 'text'}", *section.lines, "```"))
        else:
            body = "\n".join(f"- {x}" for x in section.lines) if section.style == "list" else "\n\n".join(section.lines)
        parts.append(f"## {section.heading}\n\n{body}")
    return "\n\n".join(parts) + "\n"


def _settings(loss: Loss) -> tuple[Setting, ...]:
    return tuple(Setting(name=p.name, default=p.default, valid=_valid(p), meaning=p.meaning) for p in loss.parameters)


def _argument_line(argument: Argument) -> str:
    may = "" if argument.required else " (may be left out)"
    return f"{argument.name}{may}: {argument.valid}. {argument.meaning}"


def _valid(parameter: Parameter) -> str:
    number = f"a number {parameter.bounds()}"
    words = {
        "bool": "True or False",
        "choice": " or ".join(f'"{word}"' for word in parameter.choices),
        "int": number.replace("a number", "a whole number"),
        "vector": "one number per class, or None",
        "factor": f"{number}, or one per class",
    }
    return words.get(parameter.kind, number)


def _setting_line(setting: Setting) -> str:
    return f"{setting.name} = {setting.default} ({setting.valid}): {setting.meaning}"


def _code_lines(code: dict[str, str]) -> Iterable[str]:
    """Yield each line once, with the frameworks that it is for."""
    for line in dict.fromkeys(code.values()):
        yield f"{line}  # {', '.join(where for where, other in code.items() if other == line)}"


def _example_lines(example: Yardstick) -> tuple[str, ...]:
    extras = "".join(f", with {name} {x}," for name, x in example.extras.items())
    scored = (
        f"Example: prediction {example.prediction} against target {example.target}{extras} scores {example.value:.4g}"
    )
    if example.constant_value is None:
        return (f"{scored}.",)
    against = f"always answering {_short(example.constant)} scores {example.constant_value:.4g}"
    if example.skill is None:
        return (f"{scored}; {against}.",)
    verdict = "" if example.skill > 0 else ", which is no better than the constant"
    skill = f"1 - {example.value:.4g} / {example.constant_value:.4g} = {example.skill:.3g}"
    return (f"{scored}; {against}. The skill is {skill}{verdict}.",)


def _short(constant: Any) -> str:
    if isinstance(constant, list):
        return f"[{', '.join(map(_short, constant))}]"
    return f"{constant:.4g}"
