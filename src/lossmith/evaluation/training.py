"""An evaluation beside the training that it comes from: the curves, and the doctor's verdict on their gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..doctor.course import course
from ..doctor.history import History, columns_of
from .findings import added
from .result import Evaluation


def judge(result: Evaluation, history: Any) -> Evaluation:
    """Return the evaluation with curves; :meth:`Evaluation.with_history` documents the arguments.

    The rows and the loss of the curves need not be those of the evaluation, so they are judged by themselves: what the
    doctor finds joins the findings, and where he finds nothing his verdict is a note.
    """
    verdict = course(History.of(history))
    said = f"Training curves: {verdict.sentence[:1].lower()}{verdict.sentence[1:]}"
    notes = result.notes if verdict.findings else (*result.notes, said)
    return added(replace(result, history=columns_of(history), training=verdict, notes=notes), verdict.findings)
