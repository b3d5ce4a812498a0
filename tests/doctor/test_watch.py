"""The doctor beside a training, without a framework: what it says, when, how often, and what it leaves behind."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from lossmith.doctor import History, check_file
from lossmith.doctor.course import course
from lossmith.doctor.rule import _judges
from lossmith.doctor.steps import StepFacts, Units, due, next_due
from lossmith.doctor.watch import Batch, Watch
from lossmith.errors import DataError, InputError, MisuseError, UnknownNameError

from .programs import softmax


class Said(list[str]):
    """What was said; to be given as ``say``."""

    def __call__(self, text: str) -> None:
        self.append(text)

    @property
    def findings(self) -> list[str]:
        return [line.split("\n")[0] for line in self if ":" in line and " · " in line.split("\n")[0]]


def watching(loss: object = "nn.CrossEntropyLoss", **options: object) -> tuple[Watch, Said]:
    said = Said()
    return Watch(loss, say=said, **options), said  # type: ignore[arg-type]


def good(rng: np.random.Generator, rows: int = 32) -> Batch:
    return Batch(rng.normal(size=(rows, 5)), rng.integers(0, 5, size=rows))


def bad(rng: np.random.Generator, rows: int = 32) -> Batch:
    p, t, *_ = good(rng, rows)
    return Batch(softmax(p), t)


def test_misuse_in_the_first_batch_is_said_once_and_at_once() -> None:
    watch, said = watching()
    rng = np.random.default_rng(0)
    for _ in range(12):
        watch.batch(bad(rng))
        watch.look()
    assert said.findings == [
        "lossmith doctor, first batch: OUT02 error · Softmax output is fed to a loss that applies softmax itself."
    ]
    assert watch.findings.codes == ("OUT02",)
    assert not watch.wants_batch
    watch.close()
    watch.close()
    assert len(said) == 2
    assert said[-1].splitlines()[:2] == [
        "lossmith doctor: 1 error.",
        "  OUT02 error · Softmax output is fed to a loss that applies softmax itself.",
    ]


def test_healthy_training_gets_one_line_and_the_verdict() -> None:
    watch, said = watching()
    rng = np.random.default_rng(1)
    watch.batch(good(rng))
    watch.look()
    for e in range(12):
        fall = math.exp(-e / 4)
        watch.losses(0.3 + fall + 0.05 * rng.normal(size=40))
        watch.epoch({"loss": 0.3 + fall, "val_loss": 0.35 + fall})
    watch.close()
    assert len(said) == 1
    assert said[0].startswith("lossmith doctor: nothing found in loss nn.CrossEntropyLoss")
    assert "480 steps, 12 epochs" in said[0]
    assert watch.verdict is not None
    assert watch.verdict.word == "no gap"


def test_batches_are_judged_together_when_one_is_too_small() -> None:
    """Exclusive classes under a binary loss show in many rows of the target only."""
    rng = np.random.default_rng(2)
    watch, _ = watching("binary_crossentropy")
    for n in range(8):
        watch.batch(Batch(rng.uniform(0.1, 0.9, size=(16, 4)), np.eye(4)[rng.integers(0, 4, size=16)]))
        watch.look()
        assert ("OUT04" in watch.findings.codes) == (n == 7)


def test_overfitting_must_hold_for_three_epochs_before_it_is_said() -> None:
    watch, said = watching(None)
    train = [1.0, 0.8, 0.6, 0.45, 0.35, 0.28, 0.22, 0.18, 0.14, 0.11, 0.09, 0.07, 0.05]
    validation = [1.0, 0.85, 0.7, 0.62, 0.6, 0.63, 0.7, 0.78, 0.88, 1.0, 1.12, 1.26, 1.4]
    for t, v in zip(train, validation, strict=True):
        watch.epoch({"loss": t, "val_loss": v})
    assert [line.partition(" warning")[0] for line in said.findings] == ["lossmith doctor, epoch 10: GEN01"]
    assert watch.verdict is not None
    assert watch.verdict.sentence == (
        "Overfitting since epoch 5: training 0.05, validation 1.4; its best was 0.6, 8 epochs ago."
    )
    watch.close()
    assert "GEN01" in watch.findings.codes


@pytest.mark.parametrize(
    ("steps", "looks"), [(32, [*range(1, 9), 16, 24]), (256, list(range(1, 26))), (0, list(range(1, 26)))]
)
def test_short_epochs_are_not_all_looked_at(steps: int, looks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    watch, _ = watching()
    seen: list[int] = []
    monkeypatch.setattr(watch, "_curves", lambda **_: seen.append(len(watch._keeper.rows)))
    for _ in range(25):
        watch.epoch({"loss": math.inf}, steps=steps)
    assert seen == looks


def test_steps_that_are_due_get_rarer() -> None:
    wanted = [s for s in range(1, 20_000) if due(s)]
    found, step = [], 0
    while (step := next_due(step)) < 20_000:
        found.append(step)
    assert found == wanted
    assert wanted[:26] == [*range(1, 25), 32, 64]
    for begin, end, apart in ((32, 256, 32), (256, 1024, 64), (1024, 4096, 128), (4096, 16384, 256)):
        assert [s for s in wanted if begin <= s < end] == list(range(begin, end, apart))


def test_restart_of_a_schedule_is_no_divergence_but_growth_beyond_the_start_is() -> None:
    watch, said = watching(None)
    for loss in (1.0, 0.5, 0.2, 0.1, 0.05, 0.04, 0.03, 0.4, 0.35, 0.3, 0.2, 0.1, 0.05, 0.03):
        watch.epoch({"loss": loss})
    watch.close()
    assert watch.findings.codes == ()
    watch, said = watching(None)
    for loss in (1.0, 0.8, 0.7, 0.65, 0.6, 0.58, 2.5, 4.0, 7.0, 20.0, 50.0, 90.0):
        watch.epoch({"loss": loss})
    assert said.findings == ["lossmith doctor, epoch 10: OPT03 error · The training diverges."]


def test_finding_that_no_longer_holds_at_the_end_is_withdrawn() -> None:
    watch, said = watching(None)
    for loss in (1.0, 0.8, 0.7, 0.6, 5.0, 6.0, 7.0, 8.0, 9.0, 8.0, 3.0, 0.9, 0.5, 0.4, 0.3):
        watch.epoch({"loss": loss})
    assert any("OPT03" in line for line in said)
    watch.close()
    assert watch.findings.codes == ()


def test_loss_that_is_lost_is_named_with_its_step() -> None:
    watch, said = watching(None)
    watch.losses([1.0, 0.5, math.inf, 0.4])  # one step that a loss scaler leaves out
    assert not said
    watch.losses([0.3, math.nan, math.nan, math.nan])
    assert said.findings == [
        "lossmith doctor, step 8: NUM01 error · The training loss is NaN or infinite from step 6 on."
    ]
    assert "the last finite one was 0.3" in said[0]
    watch.losses([math.nan] * 5)
    assert len(said) == 1


def test_steps_without_epochs_make_windows_whose_number_is_bounded() -> None:
    watch, _ = watching(None)
    assert watch.history is None
    for _ in range(100):
        watch.losses([2.5123457] * 100)
    assert watch.history is not None
    assert watch.history.unit == "window"
    assert watch.history.train is not None
    assert 8 <= len(watch.history.train) <= 64
    watch.curves()
    (found,) = watch.findings
    assert found.code == "OPT04"
    assert "windows" in found.evidence


def test_strict_raises_on_errors_and_only_there() -> None:
    watch, _ = watching(strict=True)
    watch.batch(bad(np.random.default_rng(3)))
    with pytest.raises(MisuseError, match=r"^OUT02 error · Softmax output") as raised:
        watch.look()
    assert [f.code for f in raised.value.findings] == ["OUT02"]  # type: ignore[attr-defined]
    watch, said = watching(None, strict=True)
    for e in range(14):
        watch.epoch({"loss": 1 / (1 + e), "val_loss": 0.5 + 0.05 * (e - 4) ** 2})
    watch.close()
    assert watch.findings.warnings
    assert said.findings


def test_strict_raises_at_the_end_for_what_is_seen_only_there() -> None:
    watch, _ = watching(None, strict=True)
    for loss in (1.0, 0.8, 0.7, 0.65, 0.6, 0.58, 2.5, 4.0):
        watch.epoch({"loss": loss})
    with pytest.raises(MisuseError, match="OPT03"):
        watch.close()


def test_rule_that_fails_is_our_bug_in_one_line_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(evidence: object) -> list:
        raise ZeroDivisionError("nobody divides")

    monkeypatch.setitem(_judges, "OPT04", [fails])
    watch, said = watching(None, strict=True)
    for e in range(5):
        watch.epoch({"loss": 1.0 - e / 10})
    watch.close()
    lines = [line for line in said if line.startswith("Bug of lossmith")]
    assert lines == [
        "Bug of lossmith, not yours: rule OPT04 failed (ZeroDivisionError: nobody divides); the other rules went on. "
        "Please report it."
    ]
    assert watch.findings.broken == tuple(lines)


def test_bug_in_what_says_things_stops_nothing() -> None:
    def say(text: str) -> None:
        raise OSError("no terminal")

    watch = Watch("nn.CrossEntropyLoss", say=say)
    watch.batch(bad(np.random.default_rng(4)))
    watch.look()
    watch.close()
    assert watch.findings.codes == ("OUT02",)
    assert "OSError: no terminal" in watch.findings.broken[0]


def test_batch_that_cannot_be_read_leaves_the_curves() -> None:
    watch, said = watching(None)
    assert not watch.batch(Batch({"a": np.ones(3)}, np.ones(3)))
    watch.epoch({"loss": 1.0})
    watch.close()
    assert "The first batch could not be read: prediction holds several arrays" in said[-1]


@pytest.mark.parametrize("name", ["history.json", "history.csv"])
def test_history_goes_to_a_file_that_the_doctor_reads(tmp_path: Path, name: str) -> None:
    watch, said = watching(None, file=tmp_path / name)
    rng = np.random.default_rng(5)
    for e in range(30):
        watch.epoch({"loss": 0.3 * math.exp(-e / 10), "val_loss": 0.5 + 0.03 * max(0, e - 9) + 0.002 * rng.normal()})
    watch.close()
    assert f"History: {tmp_path / name}" in said[-1]
    found = check_file(tmp_path / name)
    assert found.codes == watch.findings.codes == ("GEN01",)
    assert found[0].numbers == watch.findings[0].numbers
    if name.endswith("json"):
        saved = json.loads((tmp_path / name).read_text())
        assert saved["verdict"]["word"] == "overfitting"
        assert saved["findings"][0]["code"] == "GEN01"


def test_file_survives_numbers_that_are_none(tmp_path: Path) -> None:
    watch, _ = watching(None, file=tmp_path / "h.json")
    watch.epoch({"loss": 1.0, "name": "first", "val_loss": None})
    watch.epoch({"loss": math.nan})
    watch.close()
    assert check_file(tmp_path / "h.json").codes == ("NUM01",)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"file": "history.txt"}, InputError, r"file is 'history.txt'; expected a name that ends in .json or .csv"),
        ({"ignore": ["OUT99"]}, UnknownNameError, "no rule named 'OUT99'"),
        ({"loss": 3}, InputError, "loss is 3"),
    ],
)
def test_bad_options_are_named(options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        watching(**options)


def test_directory_that_is_not_there_is_said_before_the_training_and_stops_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no directory .*; create it first"):
        watching(None, file=tmp_path / "no" / "h.json")
    (tmp_path / "gone").mkdir()
    watch, said = watching(None, file=tmp_path / "gone" / "h.json")
    (tmp_path / "gone").rmdir()
    watch.epoch({"loss": 1.0})
    watch.close()
    assert "does not exist; create it first" in said[0]
    assert said[1].startswith("lossmith doctor: nothing found")


# --- the verdict on curves --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("train", "validation", "word"),
    [
        ([2.3, 1.0, 0.5, 0.3, 0.2, 0.15, 0.12, 0.1], [2.3, 1.8, 1.6, 1.55, 1.5, 1.5, 1.5, 1.5], "overfitting"),
        ([2.3, 0.5, 0.1, 0.03, 0.01, 0.004, 0.002], [2.3, 0.6, 0.2, 0.08, 0.04, 0.03, 0.02], "a gap"),
        ([0.1], [1.5], "overfitting"),
        ([1.0, 0.5, 0.5], [1.0, 0.55, 0.52], "no gap"),
    ],
)
def test_verdict_on_curves(train: list[float], validation: list[float], word: str) -> None:
    assert course(History.of({"loss": train, "val_loss": validation})).word == word


def test_verdict_says_when_a_curve_is_missing() -> None:
    assert "no validation loss was seen" in course(History.of([1.0, 0.5])).sentence
    assert "no training loss was seen" in course(History.of({"val_loss": [1.0]})).sentence
    assert course(History.of({"loss": [1.0, math.nan], "val_loss": [1.0, 1.0]})).word == "undecided"


# --- what steps show --------------------------------------------------------------------------------------------------
def steps(**more: object) -> StepFacts:
    """Return the facts of a healthy training of three matrices over 60 looks."""
    rng = np.random.default_rng(6)
    facts = {
        "steps": 1000,
        "names": ("a.weight", "b.weight", "c.weight"),
        "ranks": (2, 2, 2),
        "owned": (True, True, True),
        "at": np.arange(60),
        "gradients": np.exp(0.3 * rng.normal(size=(60, 3))),
        "weights": np.ones((60, 3)),
        "moves": 1e-3 * np.exp(0.3 * rng.normal(size=(60, 3))),
        "unchanged": np.zeros(3, bool),
        "first": np.linspace(2.3, 2.0, 20),
        "last": np.linspace(0.5, 0.4, 20),
        "downhill": 24,
        "noisy": True,
        "hidden": 2,
    }
    return StepFacts(**{**facts, **more})  # type: ignore[arg-type]


UP = np.linspace(2.4, 3.0, 20)
NOISE = np.exp(0.3 * np.random.default_rng(7).normal(size=(60, 1)))
FLAT = np.full(20, 2.2)
SPIKES = np.ones((60, 3))
SPIKES[[25, 40, 55]] = 1e4
HALVES = np.array([[40, 2.0, 0.5], [10, 2.1, 0.5]])  # targets that count, loss, slope
WEIGHED = np.array([[40, 2.0, 0.8], [10, 2.1, 0.2]])
EVEN = np.array([[32, 2.0, 0.5], [32, 2.1, 0.5]])
CLIPPED = np.where(np.arange(60)[:, None] % 5 > 0, [0.6, 0.8, 0.0], [0.1, 0.2, 0.0])


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, None),
        ({"stale": 5}, ("OPT10", "error")),
        ({"stale": 4}, None),
        ({"uphill": 24, "downhill": 0, "last": UP}, ("OPT09", "error")),
        ({"uphill": 24, "downhill": 0}, None),  # a loss that falls is the user's own sign
        ({"uphill": 24, "downhill": 24, "last": UP}, None),  # one of two players
        ({"micro": 8 * (HALVES,)}, ("OUT18", "warning")),
        ({"micro": 7 * (HALVES,)}, None),
        ({"micro": 12 * (HALVES,) + (WEIGHED,)}, None),  # the loop knows how to weigh
        ({"micro": 12 * (WEIGHED,)}, None),
        ({"micro": 9 * (EVEN,) + 2 * (HALVES,)}, None),  # a smaller batch at the end of each epoch
        ({"unchanged": np.ones(3, bool)}, ("OPT11", "error")),
        ({"unchanged": np.ones(3, bool), "last": np.zeros(20)}, None),  # learned to 0
        ({"unchanged": np.array([0, 0, 1], bool), "owned": (True, True, False)}, ("OPT11", "warning")),
        ({"unchanged": np.array([1, 0, 0], bool), "owned": (False, True, True)}, ("OPT11", "note")),
        ({"unchanged": np.ones(3, bool), "steps": 10}, None),
        ({"unchanged": np.ones(3, bool), "steps": 1, "owned": (False, False, False)}, ("OPT11", "error")),
        ({"unchanged": np.array([1, 1, 0], bool), "steps": 1, "owned": (False, False, False)}, None),  # by another
        ({"gradients": SPIKES}, ("OPT08", "warning")),
        ({"gradients": np.where(np.arange(60)[:, None] < 30, 1e3, 1.0) * np.ones(3)}, None),  # large at the start
        ({"gradients": CLIPPED}, ("OPT13", "note")),
        ({"moves": np.full((60, 3), 0.3), "last": FLAT}, ("OPT05", "warning")),
        ({"moves": np.full((60, 3), 0.3)}, None),  # large steps that learn
        (
            {
                "gradients": np.array([1e-6, 1e-3, 1.0]) * NOISE,
                "moves": np.array([1e-8, 1e-4, 1e-3]) * np.ones((60, 3)),
            },
            ("ACT01", "warning"),
        ),
        ({"gradients": np.array([1e-6, 1e-3, 1.0]) * NOISE}, None),  # an optimiser that rescales
        ({"units": (Units(name="1", kind="relu", rows=2048, units=10, idle=8),), "last": FLAT}, ("ACT02", "warning")),
        ({"units": (Units(name="1", kind="relu", rows=2048, units=10, idle=8),)}, ("ACT02", "note")),
        ({"units": (Units(name="1", kind="relu", rows=2048, units=10, idle=5),)}, None),
        ({"units": (Units(name="1", kind="tanh", rows=2048, units=10, idle=8),)}, ("ACT03", "note")),
        ({"asleep": 20}, ("OPT14", "warning")),
        ({"asleep": 20, "noisy": False}, None),
        ({"awake": 3}, ("OPT14", "warning")),
        ({"equal": ("a.weight", "b.weight"), "steps": 24}, ("INIT02", "warning")),
        ({"equal": ("a.weight", "b.weight"), "steps": 0}, ("INIT02", "warning")),
        ({"equal": ("a.weight",), "steps": 24}, None),  # a residual branch that starts at 0
    ],
)
def test_steps_are_judged(facts: dict, found: tuple[str, str] | None) -> None:
    watch, said = watching()
    watch.facts(steps(**facts))
    assert watch.findings.broken == ()
    assert [(f.code, f.severity) for f in watch.findings] == ([found] if found else [])
    assert len(said) == (found is not None and found[1] != "note")
