"""The quick look at values in blocks finds what a look at every element finds, wherever in the array it stands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.core import values
from lossmith.errors import DomainError, InputError, LabelError
from lossmith.losses import Domain, domain

DOMAINS = list(
    dict.fromkeys(
        d for loss in lm.losses() for d in (loss.prediction, loss.target, *(extra.domain for extra in loss.extras))
    )
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of sixteen float32."""
    monkeypatch.setattr(domain, "BLOCK_BYTES", 64)
    monkeypatch.setattr(values, "BLOCK_BYTES", 64)


def healthy(limits: Domain, dtype: Any, rng: np.random.Generator) -> np.ndarray:
    shape = (6, 4) if limits.role == "boxes" else (8, 5)
    return limits.sample(rng, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limits", DOMAINS, ids=lambda d: d.describe())
def test_a_domain_admits_what_has_no_violation(limits: Domain, dtype: Any, rng: np.random.Generator) -> None:
    x = healthy(limits, dtype, rng)
    assert limits.admits(x)
    edges = [b + s * limits.slack for b in (limits.low, limits.high) for s in (-2, -1, -0.5, 0, 0.5, 1, 2)]
    edges += [np.nextafter(b, side, dtype=dtype) for b in (limits.low, limits.high) for side in (-np.inf, np.inf)]
    found = set()
    for odd in [*edges, 0.5, 0.0, -0.0, np.nan, np.inf, -np.inf]:
        for at in (0, 15, 16, x.size - 1):
            changed = x.copy()
            changed.flat[at] = odd
            for layout in (changed, changed.T, changed[:, ::2], changed[::-1], changed[:0], changed[0, 0]):
                wanted = not limits.violations(layout).any()
                found.add(wanted)
                assert limits.admits(layout) == wanted
    assert found == ({True, False} if limits.bounded or limits.excluded is not None else {True})


def rows_of(target: bool, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    rows = np.full((24, 4), 0.25, dtype)
    other = np.zeros((24, 4), dtype) if target else np.eye(4, dtype=dtype)[np.arange(24) % 4]
    return (other, rows) if target else (rows, other)


# The loss and the argument whose rows sum to 1; the error and what its message says of row 20.
SUMS: dict[str, tuple] = {
    "softmax_cross_entropy": (True, LabelError, r"its row 20 sums to {}, not 1"),
    "categorical_cross_entropy": (False, DomainError, r"prediction row 20 sums to {}; .* use softmax_cross_entropy"),
    "kl_divergence": (False, DomainError, r"prediction row 20 sums to {}"),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_may_miss_a_sum_of_one_by_the_tolerance(name: str, dtype: Any) -> None:
    target, error, text = SUMS[name]
    prediction, rows = rows_of(target, dtype)
    odd = rows if target else prediction
    if name == "kl_divergence":
        rows = prediction.copy()
    allowed = 2e-2 if dtype == np.float16 else 1e-3
    run = getattr(lm, name)
    for off in (0.8 * allowed, -0.8 * allowed, 0.3 * allowed):
        odd[20, 2] = 0.25 + off
        run(prediction, rows)
    odd[20, 2] = 0.75
    with pytest.raises(error, match=text.format("1.5")):
        run(prediction, rows)
    if dtype != np.float16:
        odd[20, 2] = 0.25 + 1.2 * allowed
        with pytest.raises(error, match=text.format(r"1\.0012")):
            run(prediction, rows)


def test_the_sum_of_a_long_row_is_not_rounded_away() -> None:
    row = np.full((2, 300_001), 1 / 300_001, np.float32)
    lm.softmax_cross_entropy(np.zeros_like(row), row)
    row[1] *= 1.0012
    with pytest.raises(LabelError, match=r"its row 1 sums to 1\.0012"):
        lm.softmax_cross_entropy(np.zeros_like(row), row)


NAN = np.nan
ODD: dict[str, tuple] = {
    "dense, negative": ("softmax_cross_entropy", True, [-0.5, 1.5, 0, 0], LabelError, "row 20 holds -0.5"),
    "dense, NaN": ("softmax_cross_entropy", True, [NAN, 1, 0, 0], DomainError, r"target is NaN at position \(20, 0\)"),
    "dense, inf": ("softmax_cross_entropy", True, [np.inf, 1, 0, 0], LabelError, "row 20 sums to inf"),
    "several": ("softmax_cross_entropy", True, [1, 1, 0, 0], LabelError, "row 20 sums to 2.*sigmoid_cross_entropy"),
    "above": ("kl_divergence", False, [2, -1, 0, 0], DomainError, r"prediction is 2 at position \(20, 0\)"),
    "below": ("kl_divergence", True, [-0.5, 1.5, 0, 0], DomainError, r"target is -0.5 at position \(20, 0\)"),
    "NaN": ("kl_divergence", True, [NAN, 1, 0, 0], DomainError, r"target is NaN at position \(20, 0\)"),
    "soft": (
        "categorical_hinge",
        True,
        [0.5, 0.5, 0, 0],
        LabelError,
        r"target is 0.5 at position \(20, 0\); .*one class",
    ),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("strided", [False, True])
def test_a_row_in_a_later_block_is_named(name: str, strided: bool) -> None:
    loss, target, row, error, text = ODD[name]
    prediction, rows = np.full((24, 4), 0.25, np.float32), np.eye(4, dtype=np.float32)[np.arange(24) % 4]
    getattr(lm, loss)(prediction, rows)
    (rows if target else prediction)[20] = row
    if strided:
        prediction, rows = np.asfortranarray(prediction), np.repeat(rows, 2, axis=1)[:, ::2]
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        getattr(lm, loss)(prediction, rows)


@pytest.mark.parametrize("bad", [-1e-6, np.inf, NAN])
def test_a_weight_in_a_later_block_is_named(bad: float) -> None:
    x, weight = np.zeros(40), np.ones(40)
    weight[33] = bad
    with pytest.raises(InputError, match=f"weight is {bad:g} at position 33"):
        lm.squared_error(x, x, weight=weight)
    with pytest.raises(InputError, match="weight is nan at position"):
        lm.squared_error(0.0, 0.0, weight=np.float64(NAN))


def test_signs_ranks_and_log_probabilities_in_a_later_block() -> None:
    signs = np.resize([1.0, -1.0], 40)
    lm.hinge(np.zeros(40), signs)
    signs[37] = 0.5
    with pytest.raises(LabelError, match=r"target is 0\.5 at position 37"):
        lm.hinge(np.zeros(40), signs)
    ranks = np.resize([0.0, 1.0, 2.0], 40)
    loss = next(entry for entry in lm.losses() if entry.target.role == "ranks")
    getattr(lm, loss.name)(np.zeros((40, 2)), ranks)
    ranks[35] = 1.5
    with pytest.raises(LabelError, match=r"target is 1\.5 at position 35"):
        getattr(lm, loss.name)(np.zeros((40, 2)), ranks)
    logs = np.full((20, 4), np.log(0.25))
    loss = next(entry for entry in lm.losses() if entry.prediction.role == "log_probabilities")
    target = np.zeros(20, int) if loss.target.role == "classes" else np.full((20, 4), 0.25)
    getattr(lm, loss.name)(logs, target)
    logs[17] = -0.5
    with pytest.raises(DomainError, match=r"prediction row 17 sum to 2\.4"):
        getattr(lm, loss.name)(logs, target)


def test_no_rows_are_no_violation() -> None:
    assert lm.softmax_cross_entropy(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
    assert lm.kl_divergence(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
