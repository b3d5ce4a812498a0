"""An evaluation beside the training that it comes from: the curves, and the doctor's verdict on their gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..doctor.course import course
from ..doctor.history import History, columns_of
from .result import Evaluation

_QUIET = ("no gap", "undecided")


def judge(result: Evaluation, history: Any) -> Evaluation:
    """Return the evaluation with curves; :meth:`Evaluation.with_history` documents the arguments.

    The rows and the loss of the curves need not be those of the evaluation, so they are judged by themselves.
    """
    verdict = course(History.of(history))
    said = f"Training curves: {verdict.sentence[:1].lower()}{verdict.sentence[1:]}"
    loud = verdict.word not in _QUIET
    return replace(
        result,
        history=columns_of(history),
        training=verdict,
        findings=(*result.findings, said) if loud else result.findings,
        notes=result.notes if loud else (*result.notes, said),
    )
