"""Formulas as text and as MathML: the converter on its own, then on every formula that is registered."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from lossmith.formula import mathml, parse, text
from lossmith.losses import losses

FORMULAS = [
    pytest.param(latex, id=f"{loss.name}-{kind}")
    for loss in losses()
    for kind in ("formula", "gradient_formula", "dropped")
    if (latex := getattr(loss, kind))
]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"(p - t)^2", "(p − t)²"),
        (r"\frac{1}{2} (p - t)^2", "½ (p − t)²"),
        (r"\frac{a + b}{c d}", "(a + b) / (c d)"),
        (r"\frac{a + b}{c}", "(a + b) / c"),
        (r"\frac{a}{b + c}", "a / (b + c)"),
        (r"\frac{a b}{c}", "a b / c"),
        (r"a - \frac{b - c}{d}", "a − (b − c) / d"),
        (r"\frac{-a}{-b}", "−a / (−b)"),
        (r"\frac{\log p}{2}", "(log p) / 2"),
        (r"\frac{\log(p)}{2}", "log(p) / 2"),
        (r"\frac{a}{\max(b, c)}", "a / max(b, c)"),
        (r"\log \frac{a}{b}", "log (a / b)"),
        (r"\frac{a}{b} c", "(a / b) c"),
        (r"c \frac{a}{b}", "c a / b"),
        (r"\frac{\frac{a}{b}}{c}", "(a / b) / c"),
        (r"\frac{a}{\frac{b}{c}}", "a / (b / c)"),
        (r"{\frac{a}{b}}^2", "(a / b)²"),
        (r"\sqrt{a + b}", "√(a + b)"),
        (r"\sqrt{a}", "√a"),
        (r"2t p_{i}", "2 t pᵢ"),
        (r"p_c t_i", "p_c t_i"),
        (r"x_{i + 1}", "x_(i + 1)"),
        (r"w_{+} x_0", "w₊ x₀"),
        (r"x^{-1} e^{-p} e^{z_k}", "x⁻¹ e^(−p) e^(zₖ)"),
        (r"\sum_{i} p_i t_i", "∑ᵢ pᵢ tᵢ"),
        (r"\max_{c \ne y} z_c", "max_(c ≠ y) z_c"),
        (r"\operatorname{softmax}(z)_c", "softmax(z)_c"),
        (r"\|p\| \left( a \right)", "‖p‖ (a)"),
        (r"\delta \epsilon \sigma(p) \le \infty", "δ ε σ(p) ≤ ∞"),
        (r"a, \quad b", "a,   b"),
        (r"\log(t!)", "log(t!)"),
        (r"-a - -b", "−a − −b"),
    ],
)
def test_text(latex: str, expected: str) -> None:
    assert text(latex) == expected


def test_cases_stand_one_above_the_other() -> None:
    assert text(r"f = \begin{cases} 1 & a < b \\ 20 & a = b \\ 0 & \text{otherwise} \end{cases}").splitlines() == [
        "f = ⎧ 1    if a < b",
        "    ⎨ 20   if a = b",
        "    ⎩ 0    otherwise",
    ]


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        (r"\binom{a}{b}", r"\\binom in the formula .* is outside of the LaTeX"),
        (r"\frac{a}{b", "ends too early"),
        (r"a}", "'}' closes nothing"),
        (r"\begin{matrix} a \end{matrix}", "only cases can begin"),
        (r"\begin{cases} a \\ b \end{cases}", "is missing"),
        ("a # b", "'#' has no meaning"),
        (r"\sqrt{\begin{cases} a & b \end{cases}}", "cases stand on their own"),
    ],
)
def test_what_is_outside_of_the_subset_is_named(latex: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        text(latex)


@pytest.mark.parametrize("latex", FORMULAS)
def test_every_formula_reads_as_text(latex: str) -> None:
    shown = text(latex)
    assert not set(shown) & set("\\&")
    assert shown.count("{") == latex.count(r"\{")
    for opening, closing in ("()", "[]", "{}"):
        assert shown.count(opening) == shown.count(closing)


@pytest.mark.parametrize("latex", FORMULAS)
def test_every_formula_is_well_formed_mathml_without_rest(latex: str) -> None:
    root = ElementTree.fromstring(mathml(latex))
    assert root.get("display") == "block"
    drawn = "".join(root.itertext())
    assert "\\" not in drawn
    for element in root.iter("mfrac"):
        assert len(element) == 2
    for tag, parts in (("msub", 2), ("msup", 2), ("munder", 2), ("msubsup", 3)):
        assert all(len(element) == parts for element in root.iter(tag))


def test_mathml_keeps_the_order_of_symbols() -> None:
    root = ElementTree.fromstring(mathml(r"\frac{2 (a + b)}{\max(c, 1)} < \sqrt{d}", display=False))
    assert "".join(root.itertext()) == "2(a+b)max(c,1)<d"


def test_a_formula_parses_to_the_same_tree_with_any_spacing() -> None:
    assert parse(r"\frac{a}{b}") == parse(r"\frac {a} {b}")
