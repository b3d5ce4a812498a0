"""Every rule on faulty sources, with its exact lines, and silence on healthy ones."""

from __future__ import annotations

import pytest

from lossmith.doctor.lint.config import STATIC

from . import faulty_keras, faulty_torch, healthy_keras, healthy_torch
from .sources import KERAS, TORCH, diagnose, expected, found, source

FAULTY = {f"torch: {k}": source(TORCH, v) for k, v in faulty_torch.FAULTY.items()}
FAULTY |= {f"keras: {k}": source(KERAS, v) for k, v in faulty_keras.FAULTY.items()}
HEALTHY = {f"torch: {k}": source(TORCH, v) for k, v in healthy_torch.SOURCES.items()}
HEALTHY |= {f"keras: {k}": source(KERAS, v) for k, v in healthy_keras.SOURCES.items()}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty(name: str) -> None:
    text = FAULTY[name]
    assert expected(text)
    assert found(text) == expected(text)


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy(name: str) -> None:
    assert [(d.finding.code, d.line, d.finding.evidence) for d in diagnose(HEALTHY[name])] == []


def test_every_static_rule_has_a_faulty_source() -> None:
    assert {code for text in FAULTY.values() for code, _ in expected(text)} == STATIC


@pytest.mark.parametrize("name", FAULTY)
def test_all_parts_of_a_finding_are_said(name: str) -> None:
    for one in diagnose(FAULTY[name]):
        f = one.finding
        assert all((f.what, f.evidence, f.why, f.fix))
        assert f.where == f"case.py:{one.line}:{one.column}"
        assert f.severity in ("error", "warning")
        assert "None" not in f.evidence and "(line 0)" not in f.evidence


def test_the_place_is_that_of_the_call() -> None:
    text = TORCH + "loss = (\n    F.cross_entropy(\n        F.softmax(x, 1), y))\n"
    (one,) = diagnose(text)
    assert (one.line, one.column, one.end_line, one.end_column) == (6, 5, 7, 28)


def test_evidence_names_both_lines() -> None:
    (one,) = diagnose(FAULTY["torch: softmax in forward, then CrossEntropyLoss"])
    assert (
        one.finding.evidence == "nn.CrossEntropyLoss (line 14) takes logits; it gets the output of F.softmax (line 11)."
    )
