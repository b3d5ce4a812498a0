"""Training and validation set beside each other: duplicates, shares, scale; and splits that are right."""

from __future__ import annotations

import numpy as np
import pytest

from lossmith.doctor import check
from lossmith.errors import InputError

SEEDS = range(5)


def data(seed: int, rows: int = 400, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, size=rows)
    return rng.normal(size=(rows, 6)) + y[:, None], y


def codes(x: np.ndarray, y: np.ndarray, v: np.ndarray | None, w: np.ndarray | None) -> list[tuple[str, str]]:
    found = check("nn.CrossEntropyLoss", None, y, inputs=x, validation=(v, w))
    assert found.broken == ()
    return [(f.code, f.severity) for f in found]


@pytest.mark.parametrize("seed", SEEDS)
def test_right_splits(seed: int) -> None:
    x, y = data(seed)
    assert codes(x[:300], y[:300], x[300:], y[300:]) == []
    assert codes(np.abs(x[:300]) < 1, y[:300], np.abs(x[300:]) < 1, y[300:]) == []  # yes and no repeat by themselves
    z = (x > 0).astype(float)
    assert codes(z[:300], y[:300], z[300:], y[300:]) == []
    images = np.zeros((300, 4, 4))
    images[30:] = np.random.default_rng(seed).random((270, 4, 4))
    shuffled = images[np.random.default_rng(seed).permutation(300)]
    assert codes(shuffled[:200], y[:200], shuffled[200:], y[200:300]) == []  # blank images among them


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_in_both_sets(seed: int) -> None:
    x, y = data(seed)
    v = np.concatenate([x[300:], x[:20]])
    found = check("nn.CrossEntropyLoss", None, y[:300], inputs=x[:300], validation=(v, None))
    assert [(f.code, f.severity) for f in found] == [("DATA06", "error")]
    assert found[0].what == "20 of 120 validation rows (16.7 %) occur in the training set, too."
    assert found[0].evidence.endswith("validation rows 100, 101, 102, 103, 104, ….")
    one = np.concatenate([x[300:], x[:1]])
    assert codes(x[:300], y[:300], one, None) == [("DATA06", "note")]


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_copied_before_the_split(seed: int) -> None:
    """Rare rows copied, and then split; split, and then copied; a few settings that repeat; many blank rows."""
    rng = np.random.default_rng(seed)
    x, y = data(seed, 600)
    rare = np.arange(60)
    every = rng.permutation(np.concatenate([np.arange(600), np.tile(rare, 4)]))
    found = check("nn.CrossEntropyLoss", None, None, inputs=x[every[:600]], validation=(x[every[600:]], None))
    assert [(f.code, f.severity) for f in found] == [("DATA06", "error")]
    assert "training rows are copies, too." in found[0].evidence
    assert "split first" in found[0].fix
    train = np.concatenate([x[:400], np.tile(x[:60], (4, 1))])
    assert codes(train, np.resize(y, len(train)), x[400:], None) == []
    settings = rng.normal(size=(40, 6))[rng.integers(0, 40, 600)]
    assert codes(settings[:400], y[:400], settings[400:], None) == []
    x[rng.random(600) < 0.3] = 0
    assert codes(x[:400], y[:400], x[400:], None) == []


def sentences(seed: int, rows: int, length: int = 6) -> np.ndarray:
    """Return rows of few distinct tokens, of which some come often: some rows are equal by chance."""
    shares = 1 / np.arange(1, 9)
    return np.random.default_rng(seed).choice(8, size=(rows, length), p=shares / shares.sum())


def test_short_rows_of_tokens_are_equal_by_chance() -> None:
    found = [codes(s[:600], s[:600, 0], s[600:], s[600:, 0]) for s in (sentences(seed, 900) for seed in range(50))]
    twice = [len({*map(tuple, s[:600])} & {*map(tuple, s[600:])}) for s in (sentences(seed, 900) for seed in range(10))]
    assert min(twice) >= 9  # 3 % of the validation rows
    assert sum(bool(f) for f in found) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_of_tokens_in_both_sets_are_more_than_chance(seed: int) -> None:
    s = sentences(seed, 900)
    v = np.concatenate([s[600:840], s[:60]])
    found = check("nn.CrossEntropyLoss", None, None, inputs=s[:600], validation=(v, None))
    assert [(f.code, f.severity) for f in found] == [("DATA06", "error")]
    assert "By chance, as within the training set, " in found[0].evidence
    assert found[0].numbers["rows"] > 2 * found[0].numbers["chance"] > 0
    z = sentences(seed, 900, length=20)  # too long to be equal by chance
    v = np.concatenate([z[600:880], z[:20]])
    assert codes(z[:600], z[:600, 0], v, v[:, 0]) == [("DATA06", "error")]


@pytest.mark.parametrize("seed", SEEDS)
def test_split_of_sorted_labels(seed: int) -> None:
    x, y = data(seed)
    order = np.argsort(y, kind="stable")
    x, y = x[order], y[order]
    assert ("DATA05", "warning") in codes(x[:300], y[:300], x[300:], y[300:])
    assert [c for c, _ in codes(x[:300], y[:300], None, y[300:])] == ["DATA05"]
    assert [c for c, _ in codes(x[:300], np.eye(3)[y[:300]], None, np.eye(3)[y[300:]])] == ["DATA05"]
    x, y = 3 * x[::3], y[::3]  # classes that lie apart: other means are the consequence of other shares
    assert codes(x[:100], y[:100], x[100:], y[100:]) == [("DATA05", "warning")]


def test_small_sets_of_a_right_split_have_shares_that_differ_by_chance() -> None:
    found = [codes(x[:100], y[:100], x[100:], y[100:]) for x, y in (data(seed, 134) for seed in range(200))]
    assert sum(bool(f) for f in found) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_inputs_prepared_differently(seed: int) -> None:
    x, y = data(seed)
    assert codes(x[:300], y[:300], 255 * x[300:], y[300:]) == [("DATA03", "error")]
    assert codes(x[:300], y[:300], x[300:] + 3, y[300:]) == [("DATA03", "warning")]


def test_shares_that_differ_by_chance() -> None:
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y, w = rng.integers(0, 4, size=120), rng.integers(0, 4, size=120)
        alarms += bool(codes(np.zeros((0, 2)), y, None, w))
    assert alarms <= 2  # p < .001 each


@pytest.mark.parametrize("given", [3, (1,), "ab"])
def test_validation_is_a_pair(given: object) -> None:
    with pytest.raises(InputError, match=r"validation (must be a pair|inputs has dtype|inputs)"):
        check("mse", None, [1.0], inputs=[[1.0]], validation=given)  # pyrefly: ignore
