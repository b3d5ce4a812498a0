"""A rule's page: what ``lossmith explain OUT02`` prints and the documents hold, made from the rule's data."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from .finding import SCHEMA
from .lint.config import STATIC
from .rule import Rule, rule, rules

_TITLES = {"torch": "PyTorch", "keras": "Keras", "optax": "optax", "lossmith": "lossmith", "": "Everywhere"}
_WORDS = {
    "static": "from the configuration",
    "first batch": "from the first batch",
    "start": "at the start",
    "training": "while it runs",
    "predictions": "from finished predictions",
    "data": "from the data",
}


def sections(one: Rule) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return headings and paragraphs of a rule's page."""
    explains = [f"{code} {rule(code).title}" for code in one.explains]
    explained = [f"{r.code} {r.title}" for r in rules() if one.code in r.explains]
    found = (
        ("Criterion", (one.criterion,)),
        ("Why it matters", (one.why,)),
        ("Fix", tuple(f"{_TITLES.get(name, name)}: {line}" for name, line in _ordered(one))),
        ("When it can be seen", (_when(one),)),
        ("What it explains", tuple(explains)),
        ("What explains it", tuple(explained)),
        ("Silence it", (_silence(one),)),
        ("References", one.references),
    )
    return tuple((heading, lines) for heading, lines in found if lines)


def heading(one: Rule) -> str:
    """Return code and title."""
    return f"{one.code} · {one.title}"


def facts(one: Rule) -> str:
    """Return family and severity in one line."""
    less = "" if one.severity == "note" else " or less"
    return f"{one.family}; severity: {one.severity}{less}"


def text(one: Rule, width: int = 100) -> str:
    """Return the page as plain text."""
    lines = [heading(one), facts(one)]
    for title, paragraphs in sections(one):
        lines += ["", title]
        keep = title in ("Fix", "Silence it", "References")
        for paragraph in paragraphs:
            lines += [f"  {paragraph}"] if keep else _wrapped(paragraph, width)
    return "\n".join(lines)


def markdown(one: Rule) -> str:
    """Return the page as Markdown."""
    parts = [f"# {one.code}: {escaped(one.title)}", escaped(facts(one)) + "."]
    for title, paragraphs in sections(one):
        parts.append(f"## {title}")
        if title == "Fix":
            parts.append("\n".join(f"- {escaped(_TITLES[name])}: `{line}`" for name, line in _ordered(one)))
        elif title == "References":
            parts.append("\n".join(f"- <{address}>" for address in paragraphs))
        elif title.startswith("What"):
            lines = (p.partition(" ") for p in paragraphs)
            parts.append("\n".join(f"- [{code}]({code.lower()}.md) {escaped(said)}" for code, _, said in lines))
        else:
            parts += [f"`{p}`" if title == "Silence it" else escaped(p) for p in paragraphs]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """Return the list of all rules as Markdown: those that are looked for, by family, then the others."""
    parts = ["# Rules of the doctor", "Every page here is made from the rule's data, the same that the doctor goes by."]
    looked_for = [r for r in rules() if r.judges]
    for family in dict.fromkeys(r.family for r in looked_for):
        parts += [f"## {family}", _table([r for r in looked_for if r.family == family])]
    told = [r for r in rules() if _is_of_evaluation(r)]
    parts += ["## Said by `evaluate`", "An evaluation says these beside its numbers.", _table(told)]
    others = [r for r in rules() if not r.judges and not _is_of_evaluation(r)]
    parts += [
        "## Not looked for by `check`",
        "These need what a batch, a file or a curve does not show: the source or the gradients.",
        _table(others),
    ]
    parts.append("\n".join(["```{toctree}", ":hidden:", "", *(r.code.lower() for r in rules()), "```"]))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return a text without what Markdown would take for markup."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)


def _table(some: list[Rule]) -> str:
    rows = [f"| [{r.code}]({r.code.lower()}.md) | {escaped(r.title)} | {r.severity} |" for r in some]
    return "\n".join(["| code | what | severity |", "|---|---|---|", *rows])


def to_dict(one: Rule) -> dict[str, Any]:
    """Return a rule as plain data."""
    return {
        "schema": SCHEMA,
        "code": one.code,
        "title": one.title,
        "family": one.family,
        "tier": one.tier,
        "severity": one.severity,
        "when": list(one.when),
        "needs": [list(needs) for needs in one.needs],
        "criterion": one.criterion,
        "why": one.why,
        "fixes": dict(one.fixes),
        "explains": list(one.explains),
        "references": list(one.references),
        "checked": bool(one.judges),
    }


def _ordered(one: Rule) -> list[tuple[str, str]]:
    return [(name, one.fixes[name]) for name in _TITLES if name in one.fixes]


def _when(one: Rule) -> str:
    needs = "; or ".join(", ".join(alternative) for alternative in one.needs)
    when = ", ".join(_WORDS[w] for w in one.when)
    if one.judges:
        return f"{when[:1].upper()}{when[1:]}. It needs: {needs}."
    who = "lossmith lint alone looks for it" if one.code in STATIC else "lossmith.doctor.check does not look for it"
    who += ", lossmith.evaluate does" if _is_of_evaluation(one) else ""
    return f"{when[:1].upper()}{when[1:]}; {who}. It needs: {needs}."


def _is_of_evaluation(one: Rule) -> bool:
    return one.code.startswith("EVAL")


def _silence(one: Rule) -> str:
    call, command = ("evaluate",) * 2 if _is_of_evaluation(one) else ("check", "doctor")
    return f'{call}(…, ignore=["{one.code}"]), or lossmith {command} FILE --ignore {one.code}'


def _wrapped(paragraph: str, width: int) -> list[str]:
    return textwrap.wrap(paragraph, max(width, 40), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
