"""DATA07 and DATA08: wrong labels are told from confusions, and labels without inputs from models that fail."""

from __future__ import annotations

import numpy as np
import pytest

from lossmith.doctor import check

from .programs import softmax

LOSS = "nn.CrossEntropyLoss"


def answers(rng: np.random.Generator, rows: int = 800, classes: int = 6, sure: float = 6.0) -> tuple:
    """Return logits of a good model, in which neighbouring classes are alike, and the true labels."""
    place = rng.uniform(-0.5, classes - 0.5, size=rows)
    logits = -sure * (place[:, None] - np.arange(classes)) ** 2 + 0.3 * rng.normal(size=(rows, classes))
    honest = softmax(logits)
    y = (honest.cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    return logits, y


def flipped(rng: np.random.Generator, y: np.ndarray, classes: int, part: float) -> np.ndarray:
    wrong = rng.random(y.size) < part
    return np.where(wrong, (y + rng.integers(1, classes, size=y.size)) % classes, y)


@pytest.mark.parametrize("part", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_are_found_and_counted(part: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, y = answers(rng, rows=1200, sure=20.0)
    found = check(LOSS, logits, flipped(rng, y, 6, part), stage="finished")
    (one,) = [f for f in found if f.code == "DATA07"]
    assert (one.severity, one.certainty) == ("warning", "statistical")
    assert abs(one.numbers["part"] - part) < 0.05
    assert 0.35 < one.numbers["rank"] < 0.65
    wrong = one.numbers["rows"]
    assert len(wrong) == 20
    assert "GEN07" not in found.codes, "their consequence"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("sure", [0.3, 1.0, 6.0])
def test_classes_that_overlap_are_no_wrong_labels(sure: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, y = answers(rng, sure=sure)
    assert "DATA07" not in check(LOSS, logits, y, stage="finished").codes


def test_what_cannot_be_told_is_not_said() -> None:
    rng = np.random.default_rng(0)
    logits, y = answers(rng)
    noisy = flipped(rng, y, 6, 0.2)
    assert "DATA07" not in check(LOSS, logits, noisy).codes, "a model that still learns"
    assert "DATA07" not in check(LOSS, logits[:150], noisy[:150], stage="finished").codes, "few rows"
    assert "DATA07" not in check(LOSS, logits, flipped(rng, y, 6, 0.02), stage="finished").codes, "few wrong labels"
    assert "DATA07" not in check(LOSS, 0 * logits, noisy, stage="finished").codes, "a model that knows nothing"
    three, of_three = answers(rng, classes=3)
    assert "DATA07" not in check(LOSS, three, flipped(rng, of_three, 3, 0.2), stage="finished").codes, "three classes"


def guess(y: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    shares = np.bincount(y, minlength=classes) / y.size
    return np.log(shares) + 0.01 * rng.normal(size=(y.size, classes))


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_lost_their_inputs(seed: int) -> None:
    """The same model that learned nothing: beside inputs that tell the label, and beside shuffled ones."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, size=700)
    x = rng.normal(size=(4, 12))[y] + rng.normal(size=(700, 12))
    p = guess(y, 4, rng)
    together = check(LOSS, p, y, x, stage="finished")
    apart = check(LOSS, p, y, rng.permutation(x), stage="finished")
    assert "OPT02" in together.codes and "DATA08" not in together.codes
    assert "DATA08" in apart.codes and "OPT02" not in apart.codes
    (one,) = [f for f in apart if f.code == "DATA08"]
    assert one.severity == "warning" and "OPT02" in one.consequences
    assert min(one.numbers["neighbours"], one.numbers["inputs"]) > 0.05


def test_numbers_that_lost_their_inputs() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 5))
    t = x @ rng.normal(size=5)
    p = 0.001 * rng.normal(size=900) + t.mean()
    assert "DATA08" not in check("mse", p, t, x, stage="finished").codes
    assert "DATA08" in check("mse", p, np.sort(t), x, stage="finished").codes
    assert "DATA08" not in check("mse", p[:400], np.sort(t[:400]), x[:400], stage="finished").codes, "few rows"
    assert "DATA08" not in check("mse", t, t, rng.permutation(x), stage="finished").codes, "the model knows more"


def test_inputs_that_cannot_be_compared_are_left_alone() -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 4, size=700)
    p = guess(y, 4, rng)
    tokens = rng.integers(0, 30, size=(700, 12))
    broken = rng.normal(size=(700, 12))
    broken[5, 5] = np.nan
    for x in (tokens, broken, np.zeros((700, 12)), rng.normal(size=700)):
        assert "DATA08" not in check(LOSS, p, y, x, stage="finished").codes


def test_rows_that_do_not_count_alike_are_not_compared_with_a_constant() -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(400) < 0.1).astype(float)
    p = np.full(400, 0.5) + 0.01 * rng.normal(size=400)
    plain = check("keras.losses.BinaryCrossentropy", p, y, stage="finished")
    even = check("keras.losses.BinaryCrossentropy", p, y, weight=np.full(400, 2.0), stage="finished")
    weighed = check("keras.losses.BinaryCrossentropy", p, y, weight=np.where(y == 1, 9.0, 1.0), stage="finished")
    assert "OPT02" in plain.codes and "OPT02" in even.codes and "OPT02" not in weighed.codes
