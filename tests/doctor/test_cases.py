"""Each faulty program is detected for the right reason, and nothing is found in the same one mended."""

from __future__ import annotations

import pytest

from .counting import detected, runs
from .faulty import CASES, Case

ALL = [pytest.param(case, id=case.name) for case in CASES]
# What cannot always be told: sigmoids after training nearly sum to 1 where the model is nearly perfect; predictions may
# happen to lie near unscaled targets; scores of yes or no may happen to lie in [0, 1], as probabilities do.
UNDECIDABLE = {
    "sigmoid for exclusive classes": 2,
    "sigmoid for exclusive classes, lossmith": 3,
    "unscaled inputs and targets": 2,
    "integer labels and one output, hugging face": 1,
}


@pytest.mark.parametrize("case", ALL)
def test_fault_is_found_and_for_the_right_reason(case: Case) -> None:
    found = runs(case.name, case.make)
    missed = [f.codes for f in found if not detected(case, f)]
    wrong = [f.codes for f in found if any(e.code not in case.owed for e in f.errors)]
    broken = [f.broken for f in found if f.broken]
    assert (wrong, broken) == ([], [])
    assert len(missed) <= UNDECIDABLE.get(case.name, 0), missed


@pytest.mark.parametrize("case", ALL)
def test_nothing_is_found_in_the_mended_program(case: Case) -> None:
    for found in runs(case.name, case.mend):
        assert (found.errors, found.warnings, found.broken) == ([], [], ())


def test_few_cases_are_undecidable() -> None:
    assert sum(UNDECIDABLE.values()) <= 0.02 * 10 * len(CASES)
