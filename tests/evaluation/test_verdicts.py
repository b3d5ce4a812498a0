"""What stands out, in words: each finding where it must appear, and where it must not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.doctor import Finding, rules
from lossmith.errors import UnknownNameError
from lossmith.evaluation.inputs import prepare
from lossmith.evaluation.temperature import fit


def logits(rng: np.random.Generator, rows: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are ``sharpness`` times too large, and targets drawn from the right ones."""
    z = rng.normal(size=rows) * 1.5
    return sharpness * z, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


def told(result: lm.evaluation.Evaluation, code: str) -> list[Finding]:
    return [f for f in result.findings if f.code == code]


@pytest.mark.parametrize(("sharpness", "word"), [(3.0, "sure"), (0.3, "unsure")])
@pytest.mark.parametrize("form", ["logits", "probabilities"])
def test_temperature_is_told_with_its_gain(rng: np.random.Generator, sharpness: float, word: str, form: str) -> None:
    z, y = logits(rng, 3000, sharpness)
    given = z if form == "logits" else 1 / (1 + np.exp(-z))
    found = fit(prepare(given, y, task="binary", form=form))
    assert found.value == pytest.approx(sharpness, rel=0.12)
    mended = lm.evaluate(z / found.value, y, task="binary", form="logits")
    assert mended.losses["sigmoid_cross_entropy"].value == pytest.approx(found.after)
    (said,) = told(lm.evaluate(given, y, task="binary", form=form), "EVAL05")
    assert said.what == f"The probabilities are too {word}."
    assert said.severity == ("warning" if word == "sure" else "note")
    assert f"divided by {found.value:.4g}" in said.evidence
    assert f"from {found.before:.4g} to {found.after:.4g}" in said.evidence
    assert said.numbers["temperature"] == pytest.approx(found.value)
    assert not told(mended, "EVAL05")


def test_temperature_of_many_classes_is_that_of_columns(rng: np.random.Generator) -> None:
    z = rng.normal(size=(4000, 5)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    assert fit(prepare(2.0 * z, y, task="multiclass", form="logits")).value == pytest.approx(2.0, rel=0.08)
    assert not told(lm.evaluate(z, y), "EVAL05")


def test_temperature_is_not_told_by_chance(rng: np.random.Generator) -> None:
    """Of 60 calibrated sets of 300 rows none is called mendable."""
    for _ in range(60):
        found = fit(prepare(*logits(rng, 300, 1.0), task="binary", form="logits"))
        assert not found.certain


def test_temperature_needs_finite_probabilities() -> None:
    assert fit(prepare([0.0, 0.4, 1.0], [0, 1, 1], task="binary", form="probabilities")) is None
    assert fit(prepare([0, 1, 1], [0, 1, 0], task="binary", form="labels")) is None
    assert fit(prepare([0.5, 1.5], [0.5, 1.0], task="regression")) is None


def test_a_better_threshold_is_told(rng: np.random.Generator) -> None:
    y = (rng.random(4000) < 0.06).astype(int)
    z = rng.normal(size=4000) + 2.0 * y - 4.0
    result = lm.evaluate(1 / (1 + np.exp(-z)), y, class_names=["no", "yes"])
    (found,) = told(result, "EVAL06")
    t = result.drawn().thresholds
    assert found.what == "A threshold of 0.5 is not the best for 'yes'."
    assert f"to {t.f1.max():.4g} (recall" in found.evidence
    assert found.numbers["threshold"] == t.threshold[t.f1.argmax()]
    balanced = rng.integers(0, 2, 2000)
    fine = rng.normal(size=2000) + 2.0 * balanced - 1.0
    assert not told(lm.evaluate(1 / (1 + np.exp(-2 * fine)), balanced), "EVAL06")


def test_a_better_threshold_is_not_told_of_noise(rng: np.random.Generator) -> None:
    """The best of 300 thresholds always looks better; with 60 rows that is no finding."""
    y = np.arange(60) % 2
    assert not told(lm.evaluate(1 / (1 + np.exp(-(rng.normal(size=60) + y - 0.5))), y), "EVAL06")


def test_few_rows_that_rule_the_loss_are_told(rng: np.random.Generator) -> None:
    y, e = rng.normal(size=(2, 2000))
    assert not told(lm.evaluate(y + e, y), "EVAL09")
    e[:8] *= 60
    (found,) = told(lm.evaluate(y + e, y), "EVAL09")
    assert "Huber" in found.fix
    share = np.sort(e**2)[-20:].sum() / (e**2).sum()
    assert f"{100 * share:.1f} %" in found.evidence
    assert not told(lm.evaluate(e[:50], y[:50]), "EVAL09")


def test_every_finding_has_a_rule_and_its_four_parts(rng: np.random.Generator) -> None:
    """All rules of the evaluation are found by some evaluation of this suite; here those that need no file."""
    y = np.repeat([0, 1, 2], [150, 100, 50])
    z = np.zeros((300, 3))
    z[np.arange(300), np.where(y == 2, 1, y)] = 9.0
    z[:60] = [0.0, 9.0, 0.0]
    results = [
        lm.evaluate(z, y),
        lm.evaluate(rng.normal(size=60), rng.normal(size=60) + 3),
        lm.evaluate(rng.normal(size=(300, 3)) * 5, y, slices={"half": np.arange(300) < 150}),
    ]
    found = [f for r in results for f in r.findings]
    assert {"EVAL01", "EVAL03", "EVAL04", "EVAL05", "EVAL07", "EVAL08"} <= {f.code for f in found}
    known = {r.code for r in rules() if r.code.startswith("EVAL")}
    assert len(known) == 14
    for f in found:
        assert f.code in known
        assert f.what.endswith(".") and f.evidence.endswith(".") and f.why and f.fix and f.numbers
        assert f"{f.code} {f.severity} · {f.what}" == f.headline
    assert results[0].to_dict()["findings"] == [f.to_dict() for f in results[0].findings]
    text, page = str(results[0]), results[0].to_html()
    for f in results[0].findings:
        assert f.headline in " ".join(text.split()) and f"Fix: {f.fix}" in text
        assert f"<b>{f.code}</b> <span>{f.severity}</span>" in page


def test_worse_than_a_constant_is_an_error_and_undecided_a_warning(rng: np.random.Generator) -> None:
    y = rng.normal(size=200)
    (worse,) = told(lm.evaluate(y + 5, y), "EVAL01")
    assert (worse.severity, worse.certainty, worse.what) == (
        "error",
        "statistical",
        "Worse than always answering the mean.",
    )
    assert worse.numbers["gain_high"] < 0
    undecided = lm.evaluate(np.full(200, y.mean()) + 0.01 * rng.normal(size=200), y)
    assert told(undecided, "EVAL01")[0].severity == "warning"
    assert not told(lm.evaluate(y + 0.1 * rng.normal(size=200), y), "EVAL01")


def test_findings_can_be_ignored(rng: np.random.Generator) -> None:
    y = rng.normal(size=20)
    assert lm.evaluate(y, y).findings.codes == ("EVAL03",)
    assert lm.evaluate(y, y, ignore=["eval03"]).findings.codes == ()
    with pytest.raises(UnknownNameError, match="no rule named 'EVAL99'"):
        lm.evaluate(y, y, ignore=["EVAL99"])


def test_the_guide_lists_every_rule() -> None:
    guide = (Path(__file__).parents[2] / "docs/guide/report.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (EVAL\d+) \| .* \| ([a-z, ]+) \|$", guide, flags=re.MULTILINE)
    assert [(code, said.split(", ")[0]) for code, said in listed] == [
        (r.code, r.severity) for r in rules() if r.code.startswith("EVAL")
    ]


def test_a_pair_is_told_only_if_it_is_confused_more_than_chance_would() -> None:
    truth = np.repeat(np.arange(10), 45)
    few = truth.copy()
    few[[0, 45, 90, 135, 180, 225, 270]] = [1, 0, 5, 9, 7, 3, 2]  # two of seven mistakes between 0 and 1
    even = np.where(np.arange(450) % 9 == 0, (truth + 1 + np.arange(450) // 9 % 9) % 10, truth)
    some = np.where((truth == 3) & (np.arange(450) % 2 == 0), 8, few)
    for predicted, told in ((few, False), (even, False), (some, True)):
        result = lm.evaluate(predicted, truth, task="multiclass", form="labels")
        assert ("EVAL07" in result.findings.codes) is told
    third = np.resize([0, 0, 1, 1, 2, 2], 300_000)  # of three pairs each makes a third of the mistakes
    mixed = np.where(np.arange(300_000) % 5 == 0, (third + 1 + np.arange(300_000) % 2) % 3, third)
    assert "EVAL07" not in lm.evaluate(mixed, third, task="multiclass", form="labels").findings.codes
