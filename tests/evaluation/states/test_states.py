"""Every state: a commutative monoid to the last bit, stored and read back, and refused where it does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from lossmith.errors import DataError, InputError, LabelError, ShapeError
from lossmith.evaluation.intervals import mean_of
from lossmith.evaluation.states import (
    SCHEMA,
    Bootstrap,
    Bundle,
    CalibrationBins,
    ConfusionCounts,
    LossSums,
    Moments,
    Quantiles,
    RowCounts,
    Sample,
    ScoreHistogram,
    Slices,
    State,
    WorstRows,
    from_arrow,
    from_json,
    to_arrow,
    to_json,
)

ROWS = 3000
Rows = Mapping[str, np.ndarray]


def _rows() -> Rows:
    rng = np.random.default_rng(7)
    score = rng.beta(0.3, 0.6, ROWS)
    score[:6] = [0.0, 1.0, 0.5, 5e-324, 1 - 2**-53, 1e-13]
    target = (rng.random(ROWS) < score).astype(np.int64)
    loss = np.where(rng.random(ROWS) < 0.3, 0.25, rng.standard_exponential(ROWS) ** 5)  # with ties
    country = np.array(["de", "fr", "日本", ""])[rng.integers(0, 4, ROWS)]
    weight = np.where(rng.random(ROWS) < 0.1, 0.0, rng.standard_exponential(ROWS) ** 3)
    found = {"score": score, "target": target, "loss": loss, "id": np.arange(ROWS) * 7 - 500, "country": country}
    return found | {"weight": weight}


DATA = _rows()

# name → (an empty state, how it looks at rows)
STATES: dict[str, tuple[Callable[[], State], Callable[[Any, Rows], None]]] = {
    "confusion": (
        lambda: ConfusionCounts(classes=2),
        lambda s, r: s.update(r["target"], (r["score"] > 0.5).astype(np.int64)),
    ),
    "rows": (lambda: RowCounts(names=("used", "bad")), lambda s, r: s.update(used=len(r["id"]))),
    "loss": (lambda: LossSums(skewed=True), lambda s, r: s.update(r["loss"])),
    "loss by class": (lambda: LossSums(groups=2), lambda s, r: s.update(r["loss"], r["target"])),
    "calibration": (lambda: CalibrationBins(), lambda s, r: s.update(r["score"], r["target"])),
    "logit calibration": (lambda: CalibrationBins("logit", 64), lambda s, r: s.update(r["score"], r["target"])),
    "scores": (lambda: ScoreHistogram(keep=5), lambda s, r: s.update(r["score"], r["target"])),
    "values": (lambda: ScoreHistogram("value", 4), lambda s, r: s.update(r["score"] * 40 - 20, r["target"])),
    "moments": (lambda: Moments(), lambda s, r: s.update(r["score"] + 1e8, r["loss"])),
    "quantiles": (lambda: Quantiles(), lambda s, r: s.update(r["loss"] - 1)),
    "worst": (
        lambda: WorstRows(k=20, columns=("score",)),
        lambda s, r: s.update(np.minimum(r["loss"], 2.0), r["id"], score=r["score"]),
    ),
    "sample": (
        lambda: Sample(k=30, columns=("score", "target")),
        lambda s, r: s.update(r["id"].astype(np.str_), score=r["score"], target=r["target"]),
    ),
    "bootstrap": (
        lambda: Bootstrap(sums=("loss",), cells=2, groups=64),
        lambda s, r: s.update(r["id"], r["target"], loss=r["loss"]),
    ),
    "weighted confusion": (
        lambda: ConfusionCounts(classes=2, weighted=True),
        lambda s, r: s.update(r["target"], (r["score"] > 0.5).astype(np.int64), r["weight"]),
    ),
    "weighted loss by class": (
        lambda: LossSums(groups=2, weighted=True, skewed=True),
        lambda s, r: s.update(r["loss"], r["target"], r["weight"]),
    ),
    "weighted calibration": (
        lambda: CalibrationBins(unit=-32, weighted=True),
        lambda s, r: s.update(r["score"], r["target"], r["weight"]),
    ),
    "weighted scores": (
        lambda: ScoreHistogram(keep=3, weighted=True),
        lambda s, r: s.update(r["score"], r["target"], r["weight"]),
    ),
    "weighted quantiles": (
        lambda: Quantiles(keep=3, weighted=True),
        lambda s, r: s.update(r["loss"] - 1, r["weight"]),
    ),
    "weighted bootstrap": (
        lambda: Bootstrap(sums=("loss",), cells=2, groups=64, weighted=True),
        lambda s, r: s.update(r["id"], r["target"], r["weight"], loss=r["loss"]),
    ),
    "slices": (
        lambda: Slices(Bundle({"loss": LossSums(), "scores": ScoreHistogram(keep=2)})),
        lambda s, r: _update_slices(s, r),
    ),
}


def _update_slices(state: Slices, rows: Rows) -> None:
    """Slices of a bundle are looked at state by state, as each takes other columns."""
    for value in np.unique(rows["country"]):
        here = rows["country"] == value
        inner = state._of(str(value))
        inner["loss"].update(rows["loss"][here])  # type: ignore[index]
        inner["scores"].update(rows["score"][here], rows["target"][here])  # type: ignore[index]


def seen(name: str, places: np.ndarray) -> State:
    """The state after one update with some of the rows."""
    make, update = STATES[name]
    state = make()
    update(state, {k: v[places] for k, v in DATA.items()})
    return state


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("parts", [2, 7])
def test_same_bits_from_any_split_and_order(name: str, parts: int) -> None:
    whole = seen(name, np.arange(ROWS))
    shuffled = np.random.default_rng(parts).permutation(ROWS)
    total = STATES[name][0]()
    for places in np.array_split(shuffled, parts):
        total.merge(seen(name, places))
    assert to_json(total) == to_json(whole)
    assert total == whole
    assert repr(total.result()) == repr(whole.result())
    batches = STATES[name][0]()
    for places in np.array_split(np.arange(ROWS), parts):
        STATES[name][1](batches, {k: v[places] for k, v in DATA.items()})
    assert to_json(batches) == to_json(whole)


@pytest.mark.parametrize("name", STATES)
def test_zero_is_neutral_and_states_come_back_from_storage(name: str) -> None:
    state = seen(name, np.arange(0, ROWS, 3))
    text = to_json(state)
    assert to_json(state.merge(state.empty())) == text
    assert to_json(state.empty().merge(state)) == text
    back = from_json(text)
    assert type(back) is type(state) and back == state and to_json(back) == text
    assert from_json(to_json(state.empty())) == state.empty()
    more = seen(name, np.arange(1, ROWS, 3))
    assert to_json(back.merge(more)) == to_json(state.merge(more))


@pytest.mark.parametrize("name", STATES)
def test_arrow_round_trip(name: str) -> None:
    pytest.importorskip("pyarrow")
    state = seen(name, np.arange(ROWS))
    assert to_json(from_arrow(to_arrow(state))) == to_json(state)


@pytest.mark.parametrize("name", STATES)
def test_an_empty_batch_changes_nothing(name: str) -> None:
    state = seen(name, np.arange(100))
    text = to_json(state)
    STATES[name][1](state, {k: v[:0] for k, v in DATA.items()})
    assert to_json(state) == text


def test_states_without_weights_are_read_from_the_version_before() -> None:
    tree = json.loads(to_json(seen("loss by class", np.arange(50))))
    del tree["state"]["settings"]["weighted"]
    tree["schema"] = 3
    assert from_json(json.dumps(tree)) == seen("loss by class", np.arange(50))


def test_weights_go_with_states_that_ask_for_them() -> None:
    with pytest.raises(InputError, match="kind 'loss' with weighted=False takes no weights"):
        LossSums().update(np.ones(2), weight=np.ones(2))
    with pytest.raises(InputError, match="kind 'confusion' with weighted=True takes weights of the rows"):
        ConfusionCounts(classes=2, weighted=True).update(np.zeros(2, int), np.zeros(2, int))


def test_weighted_means_and_their_errors() -> None:
    loss, weight, group = DATA["loss"], DATA["weight"], DATA["target"]
    state: Any = seen("weighted loss by class", np.arange(ROWS))
    found = state.result()
    for k in (0, 1):
        here = group == k
        assert found.of_group(k) == pytest.approx(mean_of(loss[here], weight[here]), rel=1e-12)
    assert state.overall().of_group() == pytest.approx(mean_of(loss, weight), rel=1e-12)
    constant = np.array([0.7, 3.0])
    assert state.gain(constant) == pytest.approx(mean_of(constant[group] - loss, weight), rel=1e-9)
    for given, factor in ((state, weight), (seen("loss by class", np.arange(ROWS)), None)):
        expected = mean_of(constant[group] - loss, factor)
        assert given.gain(constant)[:3] == pytest.approx(expected[:3], rel=1e-12)  # type: ignore[attr-defined]
    far = LossSums(skewed=True)
    far.update(1e9 + loss)  # the cubes' rounding is larger than what they would tell
    assert far.mean().skewness == 0
    assert np.isnan(state.gain(np.array([0.7, np.inf]))[:3]).all() and np.isnan(LossSums().gain(np.ones(1))[:3]).all()
    one = LossSums(weighted=True)
    one.update(np.array([np.inf, 2.0]), weight=np.array([0.0, 0.5]))  # what does not count has no say
    assert one.mean() == pytest.approx((2.0, np.nan, 1.0, 0.0), nan_ok=True)


def test_weighted_quantiles_are_those_of_repeated_values() -> None:
    values, times = DATA["loss"][:500], np.arange(500) % 4
    weighted, repeated = Quantiles(weighted=True), Quantiles()
    weighted.update(values, times / 4)
    repeated.update(np.repeat(values, times))
    assert [weighted.result(q) for q in (0.0, 0.1, 0.5, 0.999)] == [repeated.result(q) for q in (0.0, 0.1, 0.5, 0.999)]
    assert weighted.count * 4 == repeated.count


def test_slices_may_bear_any_name() -> None:
    slices = Slices(LossSums())
    slices.update(np.array(["whole", "leaf", "floats", '<b>"'])[:1], np.ones(1))
    assert from_json(to_json(slices)) == slices
    assert from_arrow(to_arrow(slices)) == slices


def test_states_that_do_not_fit_are_not_merged() -> None:
    with pytest.raises(InputError, match="kind 'loss' cannot merge one of kind 'moments'"):
        LossSums().merge(Moments())
    with pytest.raises(InputError, match="with classes 2 and 3 cannot be merged; make both with the same settings"):
        ConfusionCounts(classes=2).merge(ConfusionCounts(classes=3))
    with pytest.raises(InputError, match=r"bundles of \['a'\] and of \['b'\]"):
        Bundle({"a": LossSums()}).merge(Bundle({"b": LossSums()}))
    with pytest.raises(InputError, match="with groups 1 and 2"):
        Slices(LossSums()).merge(Slices(LossSums(groups=2)))
    left = Bundle({"a": LossSums(), "b": ConfusionCounts(classes=2)})
    left["a"].update(np.ones(3))
    before = to_json(left)
    with pytest.raises(InputError, match="classes"):
        left.merge(Bundle({"a": LossSums(), "b": ConfusionCounts(classes=3)}))
    assert to_json(left) == before


def test_sample_ids_of_two_kinds() -> None:
    one, other = Sample(k=3), Sample(k=3)
    one.update(np.arange(3))
    other.update(np.array(["a"]))
    with pytest.raises(InputError, match="strings in one part and numbers in another"):
        one.merge(other)


def _damaged(change: Callable[[dict[str, Any]], None]) -> str:
    tree = json.loads(to_json(seen("loss by class", np.arange(50))))
    change(tree)
    return json.dumps(tree)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: t.update(schema=SCHEMA + 1),
            f"schema version {SCHEMA + 1} and this lossmith reads 3 to {SCHEMA}",
        ),
        (lambda t: t.pop("schema"), "lacks 'schema' and 'state'"),
        (lambda t: t["state"].update(kind="lost"), "no state of kind 'lost' is known; known: bootstrap, bundle"),
        (lambda t: t["state"].pop("parts"), "a stored state is damaged: KeyError 'parts'"),
        (lambda t: t["state"]["parts"].pop("rows"), r"has parts \['extremes', 'squares', 'sums'\]; expected"),
        (lambda t: t["state"]["settings"].update(groups=1), r"outside of \[0, 1\)|no list of 1 numbers"),
        (lambda t: t["state"]["settings"].update(tails=1), "a stored state is damaged: TypeError"),
        (lambda t: t["state"]["parts"]["rows"].update(count={"whole": [-1, 2]}), "one positive count"),
        (lambda t: t["state"]["parts"]["rows"].update(count={"whole": ["x", 2]}), "a stored state is damaged"),
        (lambda t: t["state"]["parts"]["sums"].update(exponent=7), "'exponent' is no list|a stored state is damaged"),
    ],
)
def test_damaged_states_have_their_sentence(change: Callable[[dict[str, Any]], None], said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_json(_damaged(change))


def test_what_is_no_state() -> None:
    with pytest.raises(DataError, match="this is no stored state"):
        from_json("{cut")
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="its schema has no 'lossmith_state'"):
        from_arrow(pyarrow.table({"a": [1]}))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: ConfusionCounts(classes=2).update(np.array([0, 2]), np.array([0, 1])), LabelError, "holds class 2"),
        (lambda: ConfusionCounts(classes=2).update(np.array([0]), np.array([0, 1])), ShapeError, "target has 1 rows"),
        (lambda: LossSums().update(np.ones((2, 2))), ShapeError, r"loss has shape \(2, 2\); expected \(N,\)"),
        (lambda: CalibrationBins("round"), InputError, "grid is 'round'; expected 'equal' or 'logit'"),
        (lambda: ScoreHistogram("round"), InputError, "scale is 'round'"),
        (lambda: Quantiles().update(np.array([1.0, np.nan])), InputError, "NaN, which has no place in an order"),
        (lambda: WorstRows().update(np.array([np.nan]), np.array([0])), InputError, "NaN, which has no place"),
        (lambda: WorstRows(columns=("a",)).update(np.ones(1), np.ones(1, int)), InputError, r"keeps \['a'\]"),
        (lambda: Sample().update(np.ones(2)), InputError, "row ids have dtype float64; expected whole numbers"),
        (lambda: Bootstrap(groups=100), InputError, "groups is 100; expected a power of two"),
        (lambda: Bootstrap(sums=("a",)).update(np.arange(2)), InputError, r"this state takes \['a'\]"),
        (lambda: Slices(LossSums(), limit=2).update(np.arange(3), np.ones(3)), InputError, "more than 2 different"),
        (lambda: Quantiles().result(2.0), InputError, r"q is 2.0; expected a number in \[0, 1\]"),
    ],
)
def test_bad_calls_have_their_sentence(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
