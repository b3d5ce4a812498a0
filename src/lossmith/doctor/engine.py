"""Run the rules on the evidence, and let root causes stand for their consequences.

A rule that fails itself becomes one line, "bug of lossmith", and the others go on. Nothing that was given is changed:
not the arrays, the model, its mode, its gradients or the state of any random generator.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .course import course
from .criteria.curves import ENOUGH_EPOCHS
from .evidence import Evidence, gather
from .finding import SEVERITIES, Finding, Findings, ranked
from .history import History
from .rule import Rule, rule, rules


def check(
    loss: Any,
    prediction: Any = None,
    target: Any = None,
    inputs: Any = None,
    model: Any = None,
    *,
    weight: Any = None,
    activation: str | None = None,
    history: Any = None,
    stage: str | None = None,
    validation: tuple[Any, Any] | None = None,
    ignore: Iterable[str] = (),
) -> Findings:
    """Look for misuse of a loss in one batch, in finished predictions, in a model's configuration or in its curves.

    Give what you have: the more is given, the more can be seen. All is only read.

    Args:
        loss: A loss of lossmith, torch.nn, torch.nn.functional, Keras or optax (object, class, function or name:
            ``"mse"``, ``"nn.CrossEntropyLoss"``), any other callable, which is called with the batch to find out which
            it is (once, or three times where it hands on another prediction than it got), or None if it is not known
            (for a compiled Keras model then the model's).
        prediction: What the loss gets as prediction, any shape, of any framework.
        target: What the loss gets as target.
        inputs: (N, …) the model's inputs of the same rows.
        model: The torch or Keras model, for its last activation, its first layer and its metrics.
        weight: Factors along the target's leading axes; rows of weight 0 do not count.
        activation: The last activation ("softmax", "sigmoid", "relu", "tanh", "linear", …), if no model is given.
        history: The learning curves: Keras's History, one mapping per epoch, lists by name, or pairs (training loss,
            validation loss). What they say of over- and underfitting becomes the findings' ``verdict``.
        stage: "start" for an untrained model, "training", or "finished" for predictions that are to be judged; None if
            unknown, and rules that need to know stay silent.
        validation: (inputs, target) of the validation set, beside ``inputs`` and ``target`` of the training set; either
            may be None. For rows in both sets, other shares of the classes, another scale.
        ignore: Codes of rules to leave out.

    Returns:
        The findings, most serious first; an empty list where there is nothing to say. ``print`` shows them.

    Raises:
        InputError: An argument is of no known kind.
        UnknownNameError: No loss, activation, stage or rule of that name.

    Example:
        >>> import numpy as np
        >>> from lossmith.doctor import check
        >>> p = np.random.default_rng(0).dirichlet(np.ones(10), size=64)
        >>> findings = check("nn.CrossEntropyLoss", p, np.arange(64) % 10)
        >>> findings.codes, findings[0].what
        (('OUT02',), 'Softmax output is fed to a loss that applies softmax itself.')
    """
    evidence = gather(
        loss,
        prediction,
        target,
        inputs=inputs,
        weight=weight,
        model=model,
        activation=activation,
        history=history,
        stage=stage,
        validation=validation,
    )
    found = diagnose(evidence, ignore=ignore)
    return found if evidence.history is None else _with_verdict(found, evidence, evidence.history, ignore)


def _with_verdict(found: Findings, evidence: Evidence, history: History, ignore: str | Iterable[str]) -> Findings:
    """Add what the curves say together; where the rules have too few epochs, the last two numbers decide."""
    plain = evidence.score is not None and evidence.loss is not None and not evidence.loss.weights
    said = course(history, constant=evidence.score.constant_mean if plain and evidence.score is not None else None)
    told = {*found.codes, *_codes(ignore)}
    more = [f for f in said.findings if f.code not in told and history.epochs < ENOUGH_EPOCHS]
    return Findings(settled([*found, *more]), broken=found.broken, seen=found.seen, verdict=said.sentence)


def diagnose(evidence: Evidence, *, ignore: Iterable[str] = ()) -> Findings:
    """Return the findings of all rules that the evidence is enough for.

    Raises:
        UnknownNameError: ``ignore`` names no rule.
    """
    found, broken = judged(evidence, ignore=ignore)
    return Findings(settled(found), broken=broken, seen=seen(evidence))


def judged(
    evidence: Evidence, *, ignore: Iterable[str] = (), only: Iterable[Rule] | None = None
) -> tuple[list[Finding], list[str]]:
    """Return all that the rules (or ``only`` some) find, consequences included, and a line for each that failed itself.

    Raises:
        UnknownNameError: ``ignore`` names no rule.
    """
    left_out = _codes(ignore)
    found: list[Finding] = []
    broken: list[str] = []
    for one in rules() if only is None else only:
        if one.code not in left_out and any(evidence.known.issuperset(needs) for needs in one.needs):
            _run(one, evidence, found, broken)
    return found, broken


def _codes(given: str | Iterable[str]) -> set[str]:
    return {rule(code).code for code in ([given] if isinstance(given, str) else given)}


def settled(found: list[Finding]) -> list[Finding]:
    """Return findings without those that others explain, most serious first."""
    return ranked(_without_consequences(found))


def _run(one: Rule, evidence: Evidence, found: list[Finding], broken: list[str]) -> None:
    for judge in one.judges:
        try:
            with np.errstate(all="ignore"):
                found.extend(judge(evidence))
        except Exception as error:
            text = str(error).partition("\n")[0][:200]
            broken.append(
                f"Bug of lossmith, not yours: rule {one.code} failed ({type(error).__name__}: {text}); the other rules "
                "went on. Please report it."
            )


def _without_consequences(found: list[Finding]) -> list[Finding]:
    """Drop findings that a finding at least as serious explains, and name them there."""
    roots: dict[str, str] = {}  # consequence → root
    for finding in found:
        for other in found:
            if finding.code in rule(other.code).explains and _weight(other) <= _weight(finding):
                roots.setdefault(finding.code, other.code)
    kept = []
    for finding in found:
        if finding.code in roots:
            continue
        mine = tuple(dict.fromkeys(c for c in (f.code for f in found) if _root(c, roots) == finding.code != c))
        kept.append(replace(finding, consequences=mine) if mine else finding)
    return kept


def _root(code: str, roots: dict[str, str]) -> str:
    """Follow the chain of causes to its start; the catalogue has no circles (a test proves it)."""
    while code in roots:
        code = roots[code]
    return code


def _weight(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def seen(evidence: Evidence) -> str:
    """Say in words what the rules had to go by."""
    parts = []
    if evidence.loss is not None:
        known = "" if evidence.loss.definition is not None else " (unknown to lossmith)"
        parts.append(f"loss {evidence.loss.shown}{known}")
    for name in ("prediction", "target", "inputs", "weight"):
        array = getattr(evidence, name)
        if array is not None:
            parts.append(f"{name} {array.shape}")
    if evidence.activation is not None:
        parts.append(f"last activation {evidence.activation}")
    if evidence.history is not None:
        parts.append(f"{evidence.history.epochs} epochs")
    if evidence.stage is not None:
        parts.append(f"stage {evidence.stage}")
    return ", ".join(parts)
