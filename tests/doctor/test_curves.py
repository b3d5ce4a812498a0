"""Learning curves and the verdict on two losses: what is found, and how often where nothing is."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lossmith.doctor import Curve, History, check, verdict
from lossmith.doctor.course import course
from lossmith.doctor.criteria.curves import Rise, rise
from lossmith.errors import InputError

EPOCHS = np.arange(1, 31)


def healthy(rng: np.random.Generator, jitter: float, epochs: int = 30) -> list[dict[str, float]]:
    """Return curves that fall towards a floor; the validation loss lies above by an offset that stays."""
    e = np.arange(epochs)
    fall = np.exp(-e / rng.uniform(3, 10))
    floor, offset = rng.uniform(0.1, 0.5), rng.uniform(0, 0.2)
    train = floor + fall * (1 + 0.2 * jitter * rng.normal(size=epochs))
    validation = (floor + offset + fall) * (1 + jitter * rng.normal(size=epochs))
    return [{"epoch": i + 1, "loss": float(train[i]), "val_loss": float(validation[i])} for i in e]


def overfitting(rng: np.random.Generator, jitter: float) -> list[dict[str, float]]:
    """Return curves whose validation loss rises by .02 an epoch from the tenth on."""
    found = healthy(rng, jitter)
    train = 0.3 * np.exp(-EPOCHS / 10)
    for i, row in enumerate(found):
        row["loss"] = float(train[i])
        row["val_loss"] += 0.02 * max(0, i - 9)
    return found


@pytest.mark.parametrize("jitter", [0.005, 0.01, 0.02, 0.05])
def test_healthy_curves_looked_at_after_every_epoch_are_not_called_overfitting(jitter: float) -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(100):
        curve = History.of(healthy(rng, jitter))
        alarms += any(_relative(rise(until(curve, n))) > 0.05 for n in range(6, 31))
    assert alarms <= 1  # of 100 runs with 25 looks each


def until(history: History, epoch: int) -> History:
    """Return the history as it was after so many epochs."""
    assert history.train and history.validation
    cut = [Curve(epochs=c.epochs[:epoch], values=c.values[:epoch]) for c in (history.train, history.validation)]
    return History(train=cut[0], validation=cut[1])


def _relative(found: Rise | None) -> float:
    return found.relative if found else 0.0


@pytest.mark.parametrize(("jitter", "least"), [(0.005, 58), (0.01, 58), (0.02, 57), (0.05, 48)])
def test_overfitting_is_found_with_its_epoch(jitter: float, least: int) -> None:
    rng = np.random.default_rng(8)
    found = [rise(History.of(overfitting(rng, jitter))) for _ in range(60)]
    assert sum(_relative(f) > 0.05 for f in found) >= least
    assert abs(np.median([f.epoch for f in found if f]) - 11) <= 4


def test_a_rise_that_is_nothing_beside_what_was_learned_is_no_overfitting() -> None:
    """A model trained for moments: from 2.3 to .05, and up to .06; its twin loses a fifth of what it had learned."""
    e = np.arange(16)
    train = 2.3 * np.exp(-e)
    for up, expected in ((0.01, ("GEN04",)), (0.45, ("GEN01",))):
        validation = 0.05 + 2.25 * np.exp(-1.5 * e) + up * np.clip((e - 5) / 8, 0, 1)
        history = [{"loss": float(t), "val_loss": float(v)} for t, v in zip(train, validation, strict=True)]
        assert check(None, history=history).codes == expected
        word = course(History.of(history), constant=2.3).word
        assert (word == "overfitting") == (expected == ("GEN01",))


def test_a_rise_counts_beside_all_that_was_learned_also_in_the_first_epoch() -> None:
    """Two groups far apart, from ln 2: a first epoch that learns nearly all, and what is lost of that since."""
    train = [0.16, 0.062, 0.05, 0.043, 0.036, 0.03, 0.024, 0.02]
    y = np.arange(200) % 2
    p = np.where(y == 1, 4.0, -4.0)
    for up, alone, known in ((0.004, "GEN04", "GEN04"), (0.02, "GEN01", "GEN04"), (0.14, "GEN01", "GEN01")):
        validation = [0.0598 + up * k / 7 for k in range(8)]
        history = {"loss": train, "val_loss": validation}
        assert check(None, history=history).codes == (alone,)
        assert known in check("nn.BCEWithLogitsLoss", p, y.astype(float), history=history).codes


def test_message_of_overfitting() -> None:
    found = check(None, history=overfitting(np.random.default_rng(0), 0.005))
    assert found.codes == ("GEN01",)
    assert found[0].severity == "warning"
    assert found[0].what.startswith("Overfitting: the lowest validation loss was in epoch 1")
    assert "restore_best_weights" in check("keras.losses.MeanSquaredError", history=overfitting(fresh(), 0.005))[0].fix


def fresh() -> np.random.Generator:
    return np.random.default_rng(0)


def test_accuracy_that_holds_is_told_beside_overfitting() -> None:
    curve = overfitting(fresh(), 0.005)
    rows = [{**row, "val_accuracy": 0.9} for row in curve]
    assert check(None, history=rows)[0].consequences == ("GEN08",)


@pytest.mark.parametrize(
    ("train", "code", "severity"),
    [
        ([1.0, 0.5, 0.3, 0.29, 2.0, 40.0, 900.0], "OPT03", "error"),
        ([0.6931472, 0.6931472, 0.6931472], "OPT04", "error"),
        ([0.69] * 5, "OPT04", "warning"),
        ([1.0, 0.5, math.nan, math.nan], "NUM01", "error"),
        ([0.5, 0.2, -0.3, -4.0], "OUT15", "error"),
    ],
)
def test_training_losses_alone(train: list[float], code: str, severity: str) -> None:
    found = check("binary_crossentropy", history=train)
    assert (found.codes, found[0].severity) == ((code,), severity)


@pytest.mark.parametrize(
    "train",
    [
        [0.69] * 4,  # four epochs with two digits say little
        [0.0] * 6,  # nothing left to learn
        [1.0, 0.5, 0.25, 0.25, 0.25, 0.25],  # has converged
        [1.0, 0.8, 0.9, 0.7, 0.75, 0.6, 0.62, 0.5],
        list(np.exp(-EPOCHS / 5) + 0.01 * np.random.default_rng(1).normal(size=30)),
        list(1 + 0.05 * np.random.default_rng(2).normal(size=40)),
    ],
)
def test_harmless_training_losses(train: list[float]) -> None:
    assert check("mse" if min(train) >= 0 else None, history=train).codes == ()


def test_loss_that_swings() -> None:
    swinging = list(1 + 0.4 * (-1.0) ** np.arange(30))
    assert check(None, history=swinging).codes == ("OPT07",)
    noise = [check(None, history=list(np.random.default_rng(s).uniform(0.5, 1.5, 40))).codes for s in range(40)]
    assert sum("OPT07" in codes for codes in noise) <= 1


def test_zero_loss_with_wrong_answers() -> None:
    rows = [{"loss": 0.0, "accuracy": 0.2}, {"loss": 0.0, "accuracy": 0.2}]
    assert check(None, history=rows).codes == ("OUT15",)


def test_accuracy_that_stands_while_the_loss_falls() -> None:
    def rows(accuracy: float) -> list[dict[str, float]]:
        return [{"loss": 0.7 - 0.05 * i, "accuracy": accuracy} for i in range(8)]

    assert [(f.code, f.severity) for f in check(None, history=rows(0.48))] == [("MET02", "warning")]
    assert [(f.code, f.severity) for f in check(None, history=rows(0.99))] == [("MET02", "note")]
    assert check(None, history=rows(1.0)).codes == ()


def test_validation_below_training_is_a_note() -> None:
    rows = [{"loss": 1.0 - 0.05 * i, "val_loss": 0.7 - 0.04 * i} for i in range(8)]
    assert [(f.code, f.severity) for f in check(None, history=rows)] == [("GEN03", "note")]


def test_nothing_learned_needs_the_target() -> None:
    t = np.arange(100) % 2.0
    found = check(
        "lm.sigmoid_cross_entropy", np.zeros(100) + 1e-3 * np.cos(np.arange(100)), t, history=[0.69, 0.69, 0.69]
    )
    assert "OPT02" in found.codes


HISTORY_FORMS = [
    [{"epoch": 1, "loss": 1.0, "val_loss": 2.0}, {"epoch": 2, "loss": 0.5, "val_loss": 1.5}],
    {"loss": [1.0, 0.5], "val_loss": [2.0, 1.5]},
    {"train/loss": [1.0, 0.5], "val/loss": [2.0, 1.5]},
    [(1.0, 2.0), (0.5, 1.5)],
    np.array([[1.0, 2.0], [0.5, 1.5]]),
    {"epoch": ["0", "0", "1", "1"], "train_loss_epoch": ["", "1.0", "", "0.5"], "val_loss": ["2.0", "", "1.5", ""]},
    type("History", (), {"history": {"loss": [1.0, 0.5], "val_loss": [2.0, 1.5]}})(),
]


@pytest.mark.parametrize("form", HISTORY_FORMS, ids=range(len(HISTORY_FORMS)))
def test_forms_of_a_history(form: object) -> None:
    history = History.of(form)
    assert history.train is not None and history.validation is not None
    assert history.train.values.tolist() == [1.0, 0.5]
    assert history.validation.values.tolist() == [2.0, 1.5]


@pytest.mark.parametrize(
    ("train", "validation", "word"),
    [
        (0.1, 1.5, "overfitting"),
        (0.01, 0.5, "overfitting"),
        (0.05, 1.5, "overfitting"),
        (0.0, 0.4, "overfitting"),
        (0.5, 0.7, "a gap"),
        (0.5, 0.52, "no gap"),
        (0.5, 0.5, "no gap"),
        (0.0, 0.0, "no gap"),
        (0.5, 0.3, "validation below training"),
        (-1.0, 2.0, "undecided"),
        (math.nan, 2.0, "undecided"),
        (0.1, math.inf, "undecided"),
    ],
)
def test_verdict_on_two_numbers(train: float, validation: float, word: str) -> None:
    seen = verdict(train, validation)
    assert seen.word == word
    assert all(f.certainty != "statistical" for f in seen.findings)
    assert str(seen) and json.loads(seen.to_json())["word"] == word


@pytest.mark.parametrize(("train", "validation"), [(0.1, 1.5), (0.01, 0.5), (0.05, 1.5)])
def test_verdict_hedges_where_the_number_of_rows_is_unknown(train: float, validation: float) -> None:
    seen = verdict(train, validation)
    assert seen.sentence.startswith("Overfitting, very likely: ")
    (found,) = seen.findings
    assert (found.code, found.severity, found.certainty) == ("GEN01", "warning", "likely")
    assert "How many rows these are means of is not known" in found.evidence
    assert f"from about {seen.numbers['rows_needed']:.0f} validation rows on" in found.evidence


def test_rows_needed_are_those_of_a_significant_gap() -> None:
    needed = int(verdict(0.5, 1.5).numbers["rows_needed"])
    rng = np.random.default_rng(0)
    z = [(rng.exponential(1.5, needed).mean() - 0.5) / (1.5 / math.sqrt(needed)) for _ in range(4000)]
    assert np.mean(z) == pytest.approx(3.29, rel=0.08)  # the gap in standard errors, where rows scatter as their mean


def test_verdict_with_few_rows_is_a_gap_only() -> None:
    assert verdict(0.1, 1.5, validation_rows=5).word == "a gap"
    assert verdict(0.1, 1.5, validation_rows=500).word == "overfitting"
    assert "may be chance" in verdict(0.1, 1.5, validation_rows=5).findings[0].evidence


def test_verdict_against_the_constant() -> None:
    assert "worse than always answering the best constant" in verdict(0.1, 1.5, constant=1.1).findings[0].evidence
    assert verdict(0.68, 0.69, constant=0.693).word == "underfitting"
    assert verdict(0.1, 0.1, constant=0.693).word == "no gap"


def test_verdict_on_rows_is_a_test() -> None:
    rng = np.random.default_rng(1)
    seen = verdict(rng.exponential(0.1, 400), rng.exponential(1.5, 200))
    assert (seen.word, seen.findings[0].certainty) == ("overfitting", "statistical")
    alarms = [verdict(rng.exponential(1, 60), rng.exponential(1, 60)).word for _ in range(300)]
    assert alarms.count("overfitting") <= 2  # p < .001, and a floor on the gap
    assert verdict(np.full(9, 0.5), np.full(9, 0.5)).word == "no gap"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (([], 1.0), "train has shape \\(0,\\)"),
        (("a", 1.0), "train has shape"),
        ((0.1, np.ones((2, 2))), "validation has shape \\(2, 2\\)"),
    ],
)
def test_verdict_refuses_what_is_no_loss(call: tuple, text: str) -> None:
    with pytest.raises(InputError, match=text):
        verdict(*call)
    with pytest.raises(InputError, match="validation_rows is 0"):
        verdict(0.1, 1.5, validation_rows=0)
    with pytest.raises(InputError, match="goes with one number"):
        verdict(np.ones(3), 1.5, train_rows=3)
    with pytest.raises(InputError, match="constant is inf"):
        verdict(0.1, 1.5, constant=math.inf)
