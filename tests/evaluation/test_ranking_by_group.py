"""Ranking by group: equal to scikit-learn group by group, ties as random orders, edges, bad input with its message."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DomainError, InputError, LossmithError, ShapeError
from lossmith.evaluation.groups import Groups
from lossmith.evaluation.intervals import wilson

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def items(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, relevances, groups of very different sizes, some without a relevant item."""
    group = rng.choice([3, 8, 11, 12, 30, 31], 120, p=[0.02, 0.08, 0.1, 0.2, 0.3, 0.3])
    group = np.concatenate([group, [77, 78, 78]])
    return np.round(rng.normal(size=123), 1), np.append(rng.choice([0, 0, 0, 1, 3], 120), [1, 0, 0]), group


def by_hand(score: np.ndarray, relevance: np.ndarray, k: int) -> dict[str, float]:
    """One group, with scikit-learn; precision and recall over all orders of ties are exact for small groups only."""
    if relevance.size == 1:
        ndcg = full = float(relevance[0] > 0)
    else:
        ndcg = sklearn_metrics.ndcg_score([relevance], [score], k=k)
        full = sklearn_metrics.ndcg_score([relevance], [score])
    average = sklearn_metrics.average_precision_score(relevance > 0, score) if relevance.any() else 0.0
    return {f"ndcg_at_{k}": ndcg, "ndcg": full, "map": average}


@pytest.mark.parametrize("k", [1, 5, 1000])
def test_means_over_groups_are_those_of_sklearn(items: tuple[np.ndarray, ...], k: int) -> None:
    score, relevance, group = items
    result = lm.evaluate(score, relevance, group=group, k=k)
    hand = [by_hand(score[group == g], relevance[group == g], k) for g in np.unique(group)]
    assert (result.task, result.rows, result.unit) == ("ranking", 123, "item")
    for name in hand[0]:
        values = np.array([h[name] for h in hand])
        metric = result.metrics[name]
        assert metric.value == pytest.approx(values.mean()), name
        mean, error = values.mean(), values.std(ddof=1) / len(values) ** 0.5
        assert (metric.low, metric.high) == pytest.approx(wilson(mean, mean * (1 - mean) / error**2)), name
    alike = [by_hand(np.zeros((group == g).sum()), relevance[group == g], k) for g in np.unique(group)]
    assert result.metrics["map"].constant == pytest.approx(np.mean([a["map"] for a in alike]))
    assert result.metrics["ndcg"].constant == pytest.approx(np.mean([a["ndcg"] for a in alike]))


def test_ties_count_as_the_mean_over_their_orders() -> None:
    score, relevance = np.array([3.0, 2.0, 2.0, 2.0, 1.0]), np.array([0, 1, 0, 0, 2])
    orders = [[0, *order, 4] for order in permutations([1, 2, 3])]
    reciprocal = np.mean([1 / (1 + next(r for r, i in enumerate(o) if relevance[i])) for o in orders])
    at_two = np.mean([sum(relevance[i] > 0 for i in o[:2]) for o in orders])
    found = Groups.of(score, relevance.astype(float), np.zeros(5, int)).numbers(2)
    assert found["mrr"][0] == pytest.approx(reciprocal)
    assert found["precision_at_2"][0] == pytest.approx(at_two / 2)
    assert found["recall_at_2"][0] == pytest.approx(at_two / 2)  # two relevant items
    assert found["auc"][0] == pytest.approx(sklearn_metrics.roc_auc_score(relevance > 0, score))


def test_a_perfect_and_a_reversed_order() -> None:
    relevance, group = [2, 1, 0, 0] * 30, np.repeat(np.arange(30), 4)
    best = lm.evaluate([4, 3, 2, 1] * 30, relevance, group=group, k=2)
    assert {n: m.value for n, m in best.metrics.items()} == dict.fromkeys(best.metrics, 1.0)
    worst = lm.evaluate([1, 2, 3, 4] * 30, relevance, group=group)
    assert worst.metrics["mrr"].value == pytest.approx(1 / 3)
    assert worst.metrics["auc"].value == 0.0
    assert best.verdict.startswith("Better than items in random order: NDCG@2 1 ")
    assert worst.verdict.startswith("Worse than items in random order: NDCG@10 ")


def test_all_scores_alike_are_the_constant() -> None:
    result = lm.evaluate(np.zeros(40), [0, 0, 1, 2] * 10, group=np.repeat(np.arange(10), 4))
    for metric in result.metrics.values():
        assert metric.value == pytest.approx(metric.constant)
    assert result.metrics["auc"].value == 0.5
    assert result.verdict.startswith("Not distinguishable from items in random order")


def test_groups_without_relevant_items_count_as_0_and_are_told() -> None:
    result = lm.evaluate([2.0, 1.0, 2.0, 1.0, 5.0], [1, 0, 0, 0, 1], group=["a", "a", "b", "b", "c"])
    assert result.metrics["ndcg"].value == pytest.approx(2 / 3)
    assert result.notes[0] == (
        "1 of 3 groups hold no relevant item and count as 0, as in scikit-learn; without them NDCG@10 is 1."
    )
    assert result.notes[1] == "1 of 3 groups hold one item, whose order is always right."
    none = lm.evaluate([2.0, 1.0], [0, 0], group=[1, 1])
    assert none.metrics["ndcg"].value == 0.0
    assert none.metrics["auc"].value is None
    assert none.metrics["auc"].constant is None


def test_a_single_group_has_no_interval() -> None:
    result = lm.evaluate([3.0, 1.0, 2.0], [1, 0, 1], group=[0, 0, 0])
    assert result.metrics["ndcg"].low is None
    assert result.verdict.startswith("Beside items in random order")
    assert [(f.code, f.what) for f in result.findings] == [("EVAL03", "Only 1 group.")]


def test_shown_everywhere(items: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    score, relevance, group = items
    path = tmp_path / "items.csv"
    rows = "\n".join(f"q{g},{r},{s}" for g, r, s in zip(group, relevance, score, strict=True))
    path.write_text(f"query,relevance,score\n{rows}\n", encoding="utf-8")
    result = lm.evaluate(path, target="relevance", group="query", k=5)
    assert result.metrics == lm.evaluate(score, relevance, group=group, k=5).metrics
    for options, text in (
        ({"group": group}, "group= and bytes= of a file are names of its columns"),
        ({"group": "quer*"}, "'quer*' is no name of a column"),
        ({"group": "kwery"}, "no column named 'kwery'"),
        ({"group": "query", "slices": ["query"]}, "slices= is for tasks whose examples are rows"),
        ({"task": "ranking", "stream": True}, "task 'ranking' needs group= (--group)"),
    ):
        with pytest.raises(LossmithError) as caught:
            lm.evaluate(path, target="relevance", **options)
        assert text in str(caught.value)
    text, page, plain = str(result), result.to_html(), json.loads(result.to_json())
    assert "ranking, 123 items, items.csv" in text and "NDCG@5" in text and "best constant" in text
    assert "NDCG@5" in page and "123 items" in page
    assert plain["metrics"]["ndcg_at_5"]["constant"] > 0


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"group": None, "task": "ranking"}, InputError, "needs group= (--group)"),
        ({"group": [0, 0]}, ShapeError, "group has 2 values for 3 items"),
        ({"group": [0, None, 1]}, DomainError, "group is missing at position 1"),
        ({"k": 0}, InputError, "k is 0; expected a whole number from 1 on"),
        ({"k": 2.5}, InputError, "k is 2.5"),
        ({"k": True}, InputError, "k is True"),
        ({"target": [0, -1, 1]}, DomainError, "target is -1 at position 1"),
        ({"target": [0, np.inf, 1]}, DomainError, "target is inf at position 1"),
        ({"target": [0, 1]}, ShapeError, "prediction has 3 items and target has 2"),
        ({"target": ["a", "b", "c"]}, InputError, "target holds text ('a' at position 0)"),
        ({"prediction": [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]}, ShapeError, "takes (N,), one number per item"),
        ({"prediction": [1.0, np.nan, 2.0]}, DomainError, "prediction is NaN at position 1"),
        ({"weight": [1, 1, 1]}, InputError, "weight= is for tasks whose examples are rows, and this is ranking"),
        ({"slices": {"a": [1, 2, 3]}}, InputError, "slices= is for tasks whose examples are rows"),
        ({"bytes": 3}, InputError, "bytes= is for task language_model, and this is ranking"),
        ({"stream": True, "k": 0}, InputError, "k is 0; expected a whole number from 1 on"),
    ],
)
def test_bad_input(options: dict, kind: type[Exception], text: str) -> None:
    given = {"prediction": [3.0, 1.0, 2.0], "target": [1, 0, 0], "group": [0, 0, 1]} | options
    with pytest.raises(kind) as caught:
        lm.evaluate(given.pop("prediction"), given.pop("target"), **given)
    assert text in str(caught.value)
