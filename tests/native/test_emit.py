"""From definitions to C++: the generated headers are up to date, and symbols mean what the operations mean."""

import math
from pathlib import Path

import pytest

from lossmith.losses import find, losses
from lossmith.native import emit, symbols
from lossmith.native.symbols import Lanes, Number, Untraceable

SOURCES = Path(__file__).parents[2] / "src" / "lossmith" / "native"  # a wheel has no C++


@pytest.fixture(autouse=True)
def fresh():
    symbols.forget()


def test_the_headers_are_up_to_date():
    for name, text in emit.headers().items():
        written = (SOURCES / name).read_text(encoding="utf-8")
        assert written == text, f"{name} is out of date; run: python -m lossmith.native.emit"


def test_emitting_twice_gives_the_same():
    assert emit.headers() == emit.headers()


def test_what_is_left_out_has_an_operation_without_lanes():
    traced, left_out = emit.all_traced()
    assert set(left_out.values()) <= {"erf", "lgamma"}
    elements = {loss.name for loss in losses() if loss.layout == "element"}
    assert {entry.loss.name for entry in traced} | set(left_out) == elements
    assert len(traced) >= 40


def test_equal_expressions_are_one_node():
    p, t = Lanes("array", "p"), Lanes("array", "t")
    assert p + t is t + p
    assert p - t is not t - p
    assert 1 * p is p
    negative = -p
    assert -negative is p
    assert symbols.abs0(-p) is symbols.abs0(p)
    assert symbols.exp(-symbols.abs0(-p)) is symbols.exp(-symbols.abs0(p))
    assert symbols.where(p > 0, t, t) is t
    assert p * 0.0 is not p * -0.0


def test_zeros_plus_a_number_are_that_number():
    p, a = Lanes("array", "p"), Number("parameter", 0)
    assert symbols.zeros_like(p) + a is symbols.lanes(a)
    assert p + 0.0 is not p  # -0 + 0 is 0


def test_branches_are_followed_both_ways():
    a = Number("parameter", 0)

    def run():
        if a > 2:
            return "large" if a != 3 else "three"
        return "small" if a else "zero"

    found = [([outcome for _, outcome in taken], result) for taken, result in symbols.paths(run)]
    assert found == [
        ([True, True], "large"),
        ([True, False], "three"),
        ([False, True], "small"),
        ([False, False], "zero"),
    ]


def test_a_question_is_asked_once():
    a = Number("parameter", 0)
    outcomes = [result for _, result in symbols.paths(lambda: (bool(a > 2), bool(a > 2)))]
    assert outcomes == [(True, True), (False, False)]


def test_branches_on_elements_are_refused():
    p = Lanes("array", "p")
    with pytest.raises(Untraceable, match="branch on an element"):
        bool(p > 0)
    with pytest.raises(Untraceable, match="branch on an element"):
        bool(p)
    with pytest.raises(Untraceable, match="lgamma"):
        symbols.lgamma(p)
    with pytest.raises(Untraceable, match="exponent per element"):
        2.0**p


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda p: symbols.exp(-symbols.abs0(p)), (0.0, 1.0)),
        (lambda p: symbols.at_most(symbols.at_least(p, -1.0), 1.0), (-1.0, 1.0)),
        (lambda p: -2 * symbols.at_least(symbols.abs0(p), 1.0), (-math.inf, -2.0)),
        (lambda p: p * p, (-math.inf, math.inf)),
        (lambda p: symbols.tanh(p), (-1.0, 1.0)),
        (lambda p: symbols.where(p > 0, symbols.tanh(p), symbols.lanes(3.0)), (-1.0, 3.0)),
    ],
)
def test_bounds(build, expected):
    assert symbols.bounds(build(Lanes("array", "p"))) == expected


def test_log1p_of_what_is_known_to_be_small_is_the_quick_one():
    p = Lanes("array", "p")
    assert symbols.softplus(p).args[1].op == "log1p_near" or symbols.softplus(p).args[0].op == "log1p_near"
    assert symbols.log1p(p).op == "log1p"


def test_tanh_of_a_clipped_number_is_shared():
    p = Lanes("array", "p")
    clipped = symbols.tanh(symbols.at_most(p, 1.0))
    assert clipped.args[0] is symbols.tanh(p)
    assert clipped.args[1].args[0] == math.tanh(1.0)


def test_a_choice_inside_the_same_choice_is_made_already():
    p, t = Lanes("array", "p"), Lanes("array", "t")
    positive = p > 0
    inner = symbols.log(symbols.where(positive, p, 1.0))
    assert symbols.where(positive, inner, t) is symbols.where(positive, symbols.log(p), t)
    assert symbols.where(~positive, t, inner) is symbols.where(positive, symbols.log(p), t)
    assert symbols.where(positive, t, symbols.where(positive, p, t)) is t
    assert symbols.where(p > 1, inner, t).args[1] is inner


def test_a_function_of_a_choice_that_both_sides_call_is_called_once():
    p, t = Lanes("array", "p"), Lanes("array", "t")
    log = symbols.log(symbols.where(p > 0, p, t))
    assert symbols.where(p > 0, 2 * log, -log) is Lanes("where", p > 0, 2 * log, -log)


def test_what_waits_for_another_long_function_comes_in_a_later_stage():
    (formula,) = emit.trace(find("log_cosh")).formulas
    names, done = [], set()
    for stage in emit._stages(formula):
        names.append(sorted(node.op for node in stage))
        for node in stage:
            assert not any(n.op in symbols.LONG and n is not node and n not in done for n in emit._reached(node))
        done.update(stage)
    assert names == [["exp", "tanh"], ["log1p_near"]]


def test_a_single_long_function_makes_no_stage():
    assert "stages = 0" in emit.headers()["elementwise_formulas.hpp"].split("struct Exponential ")[1].split("};")[0]


def test_math_of_the_definitions_is_back_after_tracing():
    emit.trace(find("general_robust"))
    from lossmith.losses import general_robust

    assert general_robust.math is math
