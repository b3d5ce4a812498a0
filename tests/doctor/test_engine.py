"""The engine: causes stand for consequences, failing rules stop nothing, and nothing that is given changes."""

from __future__ import annotations

import graphlib
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lossmith.doctor import check, diagnose, gather, rule, rules
from lossmith.doctor import rule as rule_module
from lossmith.doctor.rule import _judges
from lossmith.errors import InputError, LossmithError, ShapeError, UnknownNameError

from .programs import softmax

LOSSES = (
    None,
    "nn.CrossEntropyLoss",
    "nn.NLLLoss",
    "nn.BCEWithLogitsLoss",
    "nn.MSELoss",
    "nn.KLDivLoss",
    "nn.SoftMarginLoss",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "keras.losses.Poisson",
    "mape",
    "lm.dice",
    "lm.info_nce",
    "lm.gaussian_nll",
    "ctc",
)


def test_catalogue_is_complete_and_without_circles() -> None:
    codes = {r.code for r in rules()}
    assert len(codes) == len(rules()) >= 70
    for r in rules():
        assert set(r.explains) <= codes
        assert r.criterion and r.why and r.fixes and r.needs and r.when
    graphlib.TopologicalSorter({r.code: set(r.explains) for r in rules()}).prepare()  # raises on a circle


def test_rule_is_found_by_its_code_and_otherwise_the_nearest_are_offered() -> None:
    assert rule("out02") is rule("OUT02")
    with pytest.raises(UnknownNameError, match="no rule named 'OUT99'"):
        rule("OUT99")


def test_cause_stands_for_its_consequences() -> None:
    y = np.arange(64) % 5
    found = check("CategoricalCrossentropy", np.full((64, 1), 1.0), y[:, None].astype(float))
    assert found.codes == ("OUT06",)
    assert "PRED01" in found[0].consequences or "LAB02" not in found.codes


def test_ignored_rules_are_left_out() -> None:
    p, y = softmax(np.random.default_rng(0).normal(size=(64, 5))), np.arange(64) % 5
    assert check("nn.CrossEntropyLoss", p, y, ignore=["OUT02"]).codes == ()
    with pytest.raises(UnknownNameError, match="no rule named 'OUT77'"):
        check("nn.CrossEntropyLoss", p, y, ignore=["OUT77"])


def test_rule_that_fails_is_our_bug_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(evidence: object) -> list:
        raise ZeroDivisionError("nobody divides\nby zero")

    monkeypatch.setitem(_judges, "OUT01", [fails])
    p, y = softmax(np.random.default_rng(0).normal(size=(64, 5))), np.arange(64) % 5
    found = check("nn.CrossEntropyLoss", p, y)
    assert found.codes == ("OUT02",)
    assert found.broken == (
        "Bug of lossmith, not yours: rule OUT01 failed (ZeroDivisionError: nobody divides); the other rules went on. "
        "Please report it.",
    )
    assert found.broken[0] in str(found)


def test_unknown_loss_leaves_the_rules_on_data() -> None:
    found = check(lambda p, t: 0.0, np.ones(8), np.array([1.0, np.nan] * 4))
    assert found.codes == ("LAB06",)
    assert "unknown to lossmith" in found.seen


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"loss": "no_such_loss"}, UnknownNameError, "no loss named 'no_such_loss'"),
        ({"loss": "nn.NoLoss"}, UnknownNameError, "no loss of torch named 'NoLoss'"),
        ({"loss": 3}, InputError, "loss is 3 \\(int\\); expected a loss, its name, or None"),
        ({"loss": "mse", "prediction": ["a"]}, InputError, "prediction holds str values; expected numbers"),
        ({"loss": "mse", "prediction": [[1.0], [2.0, 3.0]]}, InputError, "prediction cannot be read as an array"),
        ({"loss": "mse", "prediction": {"a": [1.0]}}, InputError, "prediction holds several arrays"),
        ({"loss": "mse", "activation": "swish"}, UnknownNameError, "no activation named 'swish'"),
        ({"loss": "mse", "stage": "end"}, UnknownNameError, "no stage named 'end'"),
        ({"loss": "mse", "target": [1.0], "weight": [1.0, 2.0]}, ShapeError, "weight has shape \\(2,\\)"),
        ({"loss": "mse", "history": []}, InputError, "history is empty"),
        ({"loss": "mse", "history": [{"epoch": 1, "f1": 0.3}]}, InputError, "no column with a loss \\(it has 'f1'\\)"),
        ({"loss": "mse", "history": "loss"}, InputError, "history is str; expected one mapping per epoch"),
    ],
)
def test_bad_arguments_are_named(call: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check(**call)


ARRAYS = st.one_of(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.float16]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
        elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.25, 3.0, np.nan, np.inf, -np.inf, 65504.0]),
    ),
    hnp.arrays(np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9), elements=st.integers(-2, 9)),
    hnp.arrays(np.float64, st.sampled_from([(40,), (40, 1), (40, 3), (2, 40)]), elements=st.sampled_from([0.0, 1e308])),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LOSSES), ARRAYS, ARRAYS, st.sampled_from([None, "start", "finished"]))
def test_never_raises_and_never_fails_on_odd_arrays(loss: str, p: np.ndarray, t: np.ndarray, stage: str) -> None:
    before = p.tobytes(), t.tobytes()
    found = check(loss, p, t, inputs=p, stage=stage)
    assert found.broken == ()
    assert (p.tobytes(), t.tobytes()) == before
    assert str(found) and found.to_json()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows", [1, 40])
def test_no_rule_fails_on_matching_shapes(loss: str | None, rows: int) -> None:
    for bad in (0.0, 1.0, np.nan, np.inf, -np.inf, 1e300):
        for p in (np.full((rows, 4), bad), np.linspace(-1, 1, rows * 4).reshape(rows, 4) + bad):
            for t in (p, np.arange(rows) % 4, np.eye(4)[np.arange(rows) % 4], np.full((rows, 4), bad)):
                try:
                    assert check(loss, p, t, inputs=p, stage="finished").broken == ()
                except LossmithError as error:
                    raise AssertionError(f"{loss} {p.shape} {t.shape} {bad}") from error


def test_random_states_are_left_alone() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    p = np.random.default_rng(0).beta(1, 3, size=600)
    check("lm.binary_cross_entropy", p, (p > 0.4).astype(float), stage="finished")
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


def test_read_only_arrays_and_evidence_that_is_gathered_once() -> None:
    p, y = np.eye(4)[np.arange(64) % 4], np.arange(64) % 4
    p.flags.writeable = y.flags.writeable = False
    evidence = gather("nn.CrossEntropyLoss", p, y)
    assert diagnose(evidence).codes == diagnose(evidence).codes == ("OUT02",)


def test_doctor_imports_no_framework() -> None:
    code = (
        "import sys, lossmith; f = lossmith.doctor.check('nn.CrossEntropyLoss', [[0.2, 0.8]] * 16, [1] * 16); "
        "assert f.codes == ('OUT02',), f; "
        "assert not {'torch', 'jax', 'tensorflow', 'keras', 'pyarrow', 'typer', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_registering_a_code_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="OUT01 is taken already"):
        rule_module.__globals__["register"](rule("OUT01"))
    with pytest.raises(ValueError, match="no rule XYZ01"):
        rule_module.__globals__["judges"]("XYZ01")
