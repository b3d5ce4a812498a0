"""What stands out, in words: each finding where it must appear, and where it must not."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from lossmith.evaluation.inputs import prepare
from lossmith.evaluation.temperature import fit


def logits(rng: np.random.Generator, rows: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are ``sharpness`` times too large, and targets drawn from the right ones."""
    z = rng.normal(size=rows) * 1.5
    return sharpness * z, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


def told(result: lm.evaluation.Evaluation, start: str) -> list[str]:
    return [f for f in result.findings if f.startswith(start)]


@pytest.mark.parametrize(("sharpness", "word"), [(3.0, "Too sure"), (0.3, "Too unsure")])
@pytest.mark.parametrize("form", ["logits", "probabilities"])
def test_temperature_is_told_with_its_gain(rng: np.random.Generator, sharpness: float, word: str, form: str) -> None:
    z, y = logits(rng, 3000, sharpness)
    given = z if form == "logits" else 1 / (1 + np.exp(-z))
    found = fit(prepare(given, y, task="binary", form=form))
    assert found.value == pytest.approx(sharpness, rel=0.12)
    mended = lm.evaluate(z / found.value, y, task="binary", form="logits")
    assert mended.losses["sigmoid_cross_entropy"].value == pytest.approx(found.after)
    (sentence,) = told(lm.evaluate(given, y, task="binary", form=form), word)
    assert f"divided by {found.value:.4g}" in sentence
    assert f"from {found.before:.4g} to {found.after:.4g}" in sentence
    assert not told(mended, "Too ")


def test_temperature_of_many_classes_is_that_of_columns(rng: np.random.Generator) -> None:
    z = rng.normal(size=(4000, 5)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    assert fit(prepare(2.0 * z, y, task="multiclass", form="logits")).value == pytest.approx(2.0, rel=0.08)
    assert not told(lm.evaluate(z, y), "Too ")


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
    (sentence,) = told(result, "A threshold of 0.5 is not the best for 'yes': at 0.")
    t = result.drawn().thresholds
    assert f"to {t.f1.max():.4g} (recall" in sentence
    balanced = rng.integers(0, 2, 2000)
    fine = rng.normal(size=2000) + 2.0 * balanced - 1.0
    assert not told(lm.evaluate(1 / (1 + np.exp(-2 * fine)), balanced), "A threshold")


def test_a_better_threshold_is_not_told_of_noise(rng: np.random.Generator) -> None:
    """The best of 300 thresholds always looks better; with 60 rows that is no finding."""
    y = np.arange(60) % 2
    assert not told(lm.evaluate(1 / (1 + np.exp(-(rng.normal(size=60) + y - 0.5))), y), "A threshold")


def test_few_rows_that_rule_the_loss_are_told(rng: np.random.Generator) -> None:
    y, e = rng.normal(size=(2, 2000))
    assert not told(lm.evaluate(y + e, y), "Few rows")
    e[:8] *= 60
    (sentence,) = told(lm.evaluate(y + e, y), "Few rows rule the loss: the worst 1 % hold ")
    assert "Huber" in sentence
    share = np.sort(e**2)[-20:].sum() / (e**2).sum()
    assert f"{100 * share:.1f} %" in sentence
    assert not told(lm.evaluate(e[:50], y[:50]), "Few rows rule")
