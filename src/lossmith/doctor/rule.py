"""What a rule is: one frozen record of data, in ``catalogue/``, and the judges of ``criteria/`` that decide it.

The record says what the rule finds, by which criterion, from which evidence, why it matters and how to mend it on each
framework; pages, messages and tests read it. A judge is a function from evidence to findings::

    @judges("OUT02")
    def probabilities_into_logits(e: Evidence) -> Iterator[Finding]:
        ...
        yield rule("OUT02").finding(what="…", evidence="…", fix=…)

Whoever finds a rule's case by other means (in source code, during training) makes the finding in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..errors import UnknownNameError
from .finding import Certainty, Finding, Severity

When = Literal["static", "first batch", "start", "training", "predictions", "data"]
Need = Literal["loss", "activation", "prediction", "target", "inputs", "model", "gradients", "history", "validation"]
Judge = Callable[[Any], Iterable[Finding]]

WHENS: tuple[str, ...] = get_args(When)
NEEDS: tuple[str, ...] = get_args(Need)
FAMILIES = {
    "OUT": "Output and loss",
    "LAB": "Labels",
    "DATA": "Data",
    "INIT": "The start",
    "NUM": "Numbers",
    "OPT": "Optimisation",
    "ACT": "Activations",
    "PRED": "Predictions",
    "MET": "Metrics",
    "GEN": "Generalisation",
    "EVAL": "Evaluation",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule as data.

    Attributes:
        code: Family and number, "OUT02".
        title: What is wrong, in one line.
        tier: 1 for what misleads most often, 2 for the rest.
        severity: The most serious that its findings are.
        when: When it can be decided, earliest first.
        needs: What must be known, as alternatives: each tuple is enough.
        criterion: The exact criterion, in words and numbers.
        why: What the fault does.
        fixes: What to type, by framework ("torch", "keras", "optax", "lossmith"); "" is for all others.
        explains: Codes of rules whose findings are consequences of this one's.
        references: Where to read on, as addresses.
    """

    code: str
    title: str
    tier: int
    severity: Severity
    when: tuple[When, ...]
    needs: tuple[tuple[Need, ...], ...]
    criterion: str
    why: str
    fixes: Mapping[str, str] = field(hash=False)
    explains: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family in words."""
        return FAMILIES[self.code.rstrip("0123456789")]

    @property
    def judges(self) -> tuple[Judge, ...]:
        """What decides the rule; empty where nothing in lossmith does yet."""
        return tuple(_judges.get(self.code, ()))

    def fix(self, framework: str = "") -> str:
        """Return the line to type on ``framework``, or the general one."""
        return self.fixes.get(framework) or self.fixes.get("") or next(iter(self.fixes.values()))

    def finding(
        self,
        *,
        evidence: str,
        what: str = "",
        why: str = "",
        fix: str = "",
        framework: str = "",
        severity: Severity | None = None,
        certainty: Certainty = "certain",
        where: str = "",
        **numbers: Any,
    ) -> Finding:
        """Return a finding of this rule; what is not given is the rule's own."""
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            certainty=certainty,
            what=what or f"{self.title}.",
            evidence=evidence,
            why=why or self.why,
            fix=fix or self.fix(framework),
            where=where,
            numbers=numbers,
        )


_rules: dict[str, Rule] = {}
_judges: dict[str, list[Judge]] = {}


def register(*rules: Rule) -> None:
    """Add rules to the registry.

    Raises:
        ValueError: A code is taken, or its family unknown.
    """
    for rule in rules:
        if rule.code in _rules:
            raise ValueError(f"{rule.code} is taken already")
        if rule.code.rstrip("0123456789") not in FAMILIES:
            raise ValueError(f"{rule.code} is of no known family")
        _rules[rule.code] = rule


def judges(code: str) -> Callable[[Judge], Judge]:
    """Return the decorator that makes a function a judge of the rule ``code``."""
    if code not in _rules:
        raise ValueError(f"no rule {code} in the catalogue")

    def decorate(judge: Judge) -> Judge:
        _judges.setdefault(code, []).append(judge)
        return judge

    return decorate


def rules() -> tuple[Rule, ...]:
    """Return all rules, by family and number.

    >>> from lossmith.doctor import rules
    >>> [rule.code for rule in rules()][:3]
    ['OUT01', 'OUT02', 'OUT03']
    """
    order = list(FAMILIES)
    return tuple(sorted(_rules.values(), key=lambda r: (order.index(r.code.rstrip("0123456789")), r.code)))


def rule(code: str) -> Rule:
    """Return the rule with this code; case does not matter.

    Raises:
        UnknownNameError: There is none; the message offers the nearest codes.
    """
    found = _rules.get(str(code).upper())
    if found is None:
        raise UnknownNameError("rule", code, _rules)
    return found


def is_code(text: str) -> bool:
    """Whether a text has the form of a rule's code: a family and a number, in any case."""
    head = text.upper().rstrip("0123456789")
    return head in FAMILIES and head != text.upper()
