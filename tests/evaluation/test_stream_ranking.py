"""Ranking of a stream: the numbers of whole arrays, the same bits wherever groups are cut, torn groups, bad input."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, DomainError, InputError, ShapeError
from lossmith.evaluation import Evaluation
from lossmith.evaluation.engine import splits
from lossmith.evaluation.states import RankedGroups, from_json, to_json

from .streams import pa, write

RNG = np.random.default_rng(17)
GROUPS = 150
SIZES = RNG.integers(1, 40, GROUPS)
ITEMS = int(SIZES.sum())
GROUP = np.repeat(np.char.add("q", RNG.permutation(GROUPS).astype(np.str_)), SIZES)
RELEVANCE = RNG.choice([0, 0, 0, 1, 2.5], ITEMS)
SCORE = np.round(RNG.standard_normal(ITEMS) + 0.7 * RELEVANCE, 1)  # with ties
OPTIONS: dict[str, Any] = {"target": "y", "prediction": "p", "group": "q", "k": 5}


def columns(rows: Any) -> dict[str, np.ndarray]:
    return {"p": SCORE[rows], "y": RELEVANCE[rows], "q": GROUP[rows]}


def agree(whole: Evaluation, streamed: Evaluation) -> None:
    for what in ("task", "form", "rows", "unit", "notes", "assumptions", "verdict"):
        assert getattr(streamed, what) == getattr(whole, what), what
    assert [(f.code, f.what) for f in streamed.findings] == [(f.code, f.what) for f in whole.findings]
    assert list(streamed.metrics) == list(whole.metrics)
    for name, mine in whole.metrics.items():
        theirs = streamed.metrics[name]
        assert (theirs.title, theirs.proportion) == (mine.title, mine.proportion)
        for what in ("value", "low", "high", "constant"):
            one, other = getattr(mine, what), getattr(theirs, what)
            assert other is None if one is None else other == pytest.approx(one, rel=1e-11), (name, what)


@pytest.mark.parametrize("k", [1, 5, None])
def test_numbers_are_those_of_whole_arrays(k: int | None) -> None:
    agree(*(lm.evaluate(SCORE, RELEVANCE, group=GROUP, k=k, stream=stream) for stream in (False, True)))
    worse = (lm.evaluate(-SCORE, RELEVANCE, group=GROUP, k=k, stream=stream) for stream in (False, True))
    agree(*worse)


def test_groups_of_one_kind() -> None:
    for relevance in (np.zeros(6), np.ones(6)):
        given: dict[str, Any] = {"group": [1, 1, 2, 3, 3, 3]}
        agree(*(lm.evaluate(np.arange(6.0), relevance, **given, stream=stream) for stream in (False, True)))
    agree(*(lm.evaluate([2.0, 1.0], [0, 1], group=["a", "a"], stream=stream) for stream in (False, True)))


class Pickling(Executor):
    """What processes and clusters do with a split and its partial, and in an order of their own."""

    def __init__(self) -> None:
        self._first: list[Any] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn, args = pickle.loads(pickle.dumps((fn, args)))
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(fn(*args, **kwargs))))
        return future


def test_same_bits_wherever_groups_are_cut_and_in_any_order(tmp_path: Path) -> None:
    found = []
    for parts in (1, 2, 7):
        for k, rows in enumerate(np.array_split(np.arange(ITEMS), parts)):
            write(tmp_path / str(parts) / f"{k}.parquet", 90, **columns(rows))
        found.append(lm.evaluate(tmp_path / str(parts), stream=True, **OPTIONS))
    starts = np.append(np.flatnonzero(np.append(True, GROUP[1:] != GROUP[:-1])), ITEMS)
    order = np.concatenate(
        [RNG.permutation(np.arange(starts[g], starts[g + 1])) for g in RNG.permutation(GROUPS)]
    )  # groups, and items within them
    cuts = [0, 1, 2, 700, 701, ITEMS]
    found.append(lm.evaluate((columns(order[a:b]) for a, b in pairwise(cuts)), **OPTIONS))
    found.append(lm.evaluate(pa.table(columns(order)), **OPTIONS))
    with ThreadPoolExecutor(3) as threads:
        found.append(lm.evaluate(tmp_path / "7", executor=threads, **OPTIONS))
    found.append(lm.evaluate(tmp_path / "7", executor=Pickling(), **OPTIONS))
    found += [lm.evaluate(tmp_path / "2", resume=tmp_path / "partials", **OPTIONS) for _ in range(2)]
    assert "2 finished splits were taken from the earlier run (resume=)." in found[-1].notes
    items = columns(order)
    lines = [f"{p!r},{y!r},{q}" for p, y, q in zip(*(items[n].tolist() for n in "pyq"), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["p,y,q", *lines]) + "\n")
    found.append(lm.evaluate(tmp_path / "a.csv", stream=True, **OPTIONS))
    assert all(to_json(other.states) == to_json(found[0].states) for other in found[1:])
    assert all(other.metrics == found[0].metrics and other.verdict == found[0].verdict for other in found[1:])
    assert found[0].metrics == lm.evaluate(SCORE, RELEVANCE, group=GROUP, k=5, stream=True).metrics


def test_a_group_may_be_as_long_as_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    one = [{"p": SCORE[a:b], "y": RELEVANCE[a:b], "q": np.zeros(b - a, int)} for a, b in pairwise(range(0, 400, 50))]
    whole = lm.evaluate(SCORE[:350], RELEVANCE[:350], group=np.zeros(350), k=5)
    found = lm.evaluate(one, **OPTIONS)
    assert {n: m.value for n, m in found.metrics.items()} == pytest.approx(
        {n: m.value for n, m in whole.metrics.items()}
    )
    pieces = list(splits.gathered(splits.of_batches(one), rows=120))
    assert [len(piece.parts) for piece in pieces] == [3, 3, 1]
    monkeypatch.setattr(splits, "gathered", lambda every: every)  # each batch a part of its own
    assert to_json(lm.evaluate(one, **OPTIONS).states) == to_json(found.states)


def test_whole_numbers_and_texts_name_groups(tmp_path: Path) -> None:
    ids = np.unique(GROUP, return_inverse=True)[1]
    expected = lm.evaluate([columns(slice(None)) | {"q": ids}], **OPTIONS)
    for group in (ids.astype(np.int16), ids.astype(np.float64), ids.astype(np.str_), pa.array(ids.tolist())):
        found = lm.evaluate(pa.table(columns(slice(None)) | {"q": group}), **OPTIONS)
        assert to_json(found.states) == to_json(expected.states)


def test_reports() -> None:
    result = lm.evaluate([columns(slice(None))], **OPTIONS)
    assert json.loads(result.to_json())["metrics"]["ndcg_at_5"]["low"] > 0
    assert "NDCG@5" in str(result) and f"{ITEMS} items" in str(result)
    assert "NDCG@5" in result.to_html()


# --- torn groups -----------------------------------------------------------------------------------------------------
def batch(*groups: str) -> dict[str, Any]:
    return {"p": np.arange(len(groups), dtype=float), "y": np.ones(len(groups)), "q": list(groups)}


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([batch("a", "b", "a", "c")], "^group 'a' comes again at row 3: the items of a group do not stand together"),
        ([batch("a", "b", "c", "b")], "^group 'b' comes again at row 4"),
        ([batch("a", "b", "c"), batch("c", "d"), batch("d", "b")], "^group 'b' comes again at row 7"),
        ([batch("a", "b", "c"), batch("c", "a")], "^group 'a' comes again at row 5"),
    ],
)
def test_a_torn_group_is_named(batches: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        lm.evaluate(batches, **OPTIONS)


def test_a_group_torn_between_files_is_found(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet", **batch("a", "b", "c"))
    write(tmp_path / "1.parquet", **batch("c", "d"))  # goes on here, which is well
    assert lm.evaluate(tmp_path, **OPTIONS).rows == 5
    for groups in (("x", "b", "y"), ("x", "y", "b")):  # whole in both, and whole in one
        write(tmp_path / "2.parquet", **batch(*groups))
        with pytest.raises(InputError, match=r"do not stand together, .* sort the rows by group \(ORDER BY\)"):
            lm.evaluate(tmp_path, **OPTIONS)


# --- states ----------------------------------------------------------------------------------------------------------
def test_states_hold_what_may_go_on_and_merge_to_the_same_bits() -> None:
    key = np.repeat(np.arange(40), 3)
    score, relevance = RNG.standard_normal(120), RNG.choice([0.0, 1.0], 120)
    whole = RankedGroups(k=2)
    whole.update(key, score, relevance)
    parts = []
    for rows in np.array_split(np.arange(120), 11):
        part = RankedGroups(k=2)
        part.update(key[rows], score[rows], relevance[rows], np.isin(key[rows], [key[rows[0]], key[rows[-1]]]))
        parts.append(from_json(to_json(part)))
    merged = RankedGroups(k=2)
    for k in RNG.permutation(11):
        merged.merge(parts[k])
    found = merged.result()
    assert found.counts == whole.result().counts and merged != whole  # looking changes nothing
    assert merged.settle() == whole
    with pytest.raises(InputError, match="do not stand together"):
        merged.merge(whole)
    with pytest.raises(DataError, match="stored keys are damaged"):
        from_json(to_json(whole).replace('"key":{"whole":[0,1,', '"key":{"whole":[1,0,'))


# --- bad input -------------------------------------------------------------------------------------------------------
GOOD = batch("a", "a", "b")


@pytest.mark.parametrize(
    ("bad", "options", "error", "said"),
    [
        ({"y": [1, -1, 0]}, {}, DomainError, "target is -1 at row 5; a relevance is 0 for none"),
        ({"y": [1, np.inf, 0]}, {}, DomainError, "target is inf at row 5"),
        ({"p": [1, np.nan, 0]}, {}, DomainError, "prediction is NaN at row 5"),
        ({"p": ["x", "y", "z"]}, {}, InputError, r"prediction holds text \('x' at row 4\); ranking takes numbers"),
        ({"p": np.ones((3, 2))}, {}, ShapeError, r"prediction has shape \(3, 2\); ranking takes \(N,\)"),
        ({"q": ["b", None, "c"]}, {}, DomainError, "group is missing at row 5"),
        ({}, {"group": None, "task": "ranking"}, InputError, "task 'ranking' needs group="),
        ({}, {"group": "query"}, DataError, r"has no column 'query' for groups \(group=\)"),
        ({}, {"prediction": "p,r"}, InputError, "ranking takes one column of prediction, and there are 2"),
        ({}, {"k": 2.5}, InputError, "k is 2.5; expected a whole number"),
        ({}, {"skip_bad": True}, InputError, "skip_bad= would leave parts of groups"),
        ({}, {"weight": "r"}, InputError, "weight= is for tasks whose examples are rows, and this is ranking"),
        ({}, {"slices": ["r"]}, InputError, "slices= is for tasks whose examples are rows, and this is ranking"),
        ({}, {"ignore_index": 0}, InputError, "ignore_index= is for task language_model or segmentation"),
        ({}, {"quantile": 0.5}, InputError, "quantile= needs all rows at once"),
    ],
)
def test_bad_input(bad: dict[str, Any], options: dict[str, Any], error: type[Exception], said: str) -> None:
    batches = [GOOD | {"r": np.ones(3)}, GOOD | {"r": np.ones(3)} | bad]
    with pytest.raises(error, match=said):
        lm.evaluate(batches, **(OPTIONS | options))


def test_bad_sources() -> None:
    with pytest.raises(
        DomainError, match="a value is missing at row 2; task ranking counts all that is in the same gr"
    ):
        lm.evaluate(pa.table({"p": [1.0, None], "y": [1, 0], "q": ["a", "a"]}), **OPTIONS)
    with pytest.raises(DomainError, match="group is missing at row 2"):
        lm.evaluate(pa.table({"p": [1.0, 2.0], "y": [1, 0], "q": ["a", None]}), **OPTIONS)
    with pytest.raises(DataError, match="the source has no rows"):
        lm.evaluate([{"p": [], "y": [], "q": []}], **OPTIONS)
    with pytest.raises(ShapeError, match=r"^group has shape \(2,\)"):
        lm.evaluate(SCORE, RELEVANCE, group=["a", "b"], stream=True)
