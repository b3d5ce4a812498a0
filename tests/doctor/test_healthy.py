"""Healthy programs: no error and no warning, in five draws of each, before and after training."""

from __future__ import annotations

import pytest

from .counting import runs
from .healthy import HEALTHY
from .programs import Make

ALL = [pytest.param(name, make, id=name) for name, make in HEALTHY.items()]


@pytest.mark.parametrize(("name", "make"), ALL)
def test_no_alarm(name: str, make: Make) -> None:
    for found in runs(name, make):
        assert (found.errors, found.warnings, found.broken) == ([], [], ())


def test_there_are_enough() -> None:
    assert len(HEALTHY) >= 60
