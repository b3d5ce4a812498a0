"""Comparisons: pairing, intervals, tests, what is said, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.evaluation.p_values import holm
from lossmith.evaluation.paired import differences, mcnemar, rows_needed
from lossmith.evaluation.scorers import Score

stats = pytest.importorskip("scipy.stats")
sklearn_metrics = pytest.importorskip("sklearn.metrics")


def scores(rng: np.random.Generator, rows: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y = (rng.random(rows) < 0.3).astype(int)
    z = rng.normal(size=rows) + 2.0 * y - 1.0
    one, other = (1 / (1 + np.exp(-(z + s * rng.normal(size=rows)))) for s in (0.0, noise))
    return y, one, other


def write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


# --- numbers ---------------------------------------------------------------------------------------------------------
def test_differences_are_those_of_the_numbers(rng: np.random.Generator) -> None:
    y, one, other = scores(rng, 400, 1.5)
    found = lm.compare(one, other, target=y)
    for d in found.differences:
        assert d.difference == pytest.approx(d.value - d.first)
        assert d.low <= d.difference <= d.high
    a, b = lm.evaluate(one, y), lm.evaluate(other, y)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "brier", "auc", "average_precision"):
        d = found.of("B", name)
        assert (d.first, d.value) == pytest.approx((a.metrics[name].value, b.metrics[name].value)), name
    gap = -np.log(np.where(y, other, 1 - other)) + np.log(np.where(y, one, 1 - one))
    d = found.of("B", "log_loss")
    assert (d.low + d.high) / 2 == pytest.approx(gap.mean())
    assert (d.high - d.low) / (2 * 1.959964) == pytest.approx(gap.std(ddof=1) / 20, rel=1e-6)
    assert d.better is False
    assert found.verdicts[0].startswith("B is worse than A: cross-entropy")


def test_bootstrap_is_seeded_and_as_wide_as_theory(rng: np.random.Generator) -> None:
    y, p, q = rng.normal(size=(3, 600))
    one, other, again = (lm.compare(p, q, target=y, seed=s).of("B", "rmse") for s in (1, 2, 1))
    assert one == again
    assert one.low != other.low
    squared = (q - y) ** 2 - (p - y) ** 2
    root = 2 * math.sqrt(((p - y) ** 2).mean())  # the derivative of the root, where both roots are alike
    assert (one.high - one.low) == pytest.approx(2 * 1.96 * squared.std() / math.sqrt(600) / root, rel=0.15)


def test_intervals_cover_a_known_difference() -> None:
    """Of 1,000 data sets without a difference, about 5 % are called different."""
    rng = np.random.default_rng(3)
    called, ones = 0, np.ones(150)
    for _ in range(1000):
        first, other = (
            {"x": Score(name="x", title="x", higher=True, rows=rng.exponential(size=150))} for _ in range(2)
        )
        called += differences(first, [("B", other)], ones, 0)[0].better is not None
    assert 30 <= called <= 75


@pytest.mark.parametrize("counts", [(9, 2), (0, 0), (5, 5), (1, 0), (120, 80), (0, 30)])
def test_mcnemar(counts: tuple[int, int]) -> None:
    first = np.repeat([True, False, True], [*counts, 4])
    other = np.repeat([False, True, True], [*counts, 4])
    found = mcnemar(first, other, "B")
    assert (found.first_only, found.model_only) == counts
    expected = stats.binomtest(counts[0], sum(counts)).pvalue if sum(counts) else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_rows_is_near_the_exact_test() -> None:
    first, other = np.repeat([True, False], [6000, 6200]), np.repeat([False, True], [6000, 6200])
    assert mcnemar(first, other, "B").p == pytest.approx(stats.binomtest(6000, 12200).pvalue, rel=0.01)


def test_holm() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_rows_needed_give_the_power_they_promise() -> None:
    need = rows_needed(0.1, 1 / math.sqrt(500), 500)
    assert need == pytest.approx((1.959964 + 0.841621) ** 2 / 0.01, rel=1e-3)
    rng = np.random.default_rng(4)
    means = rng.normal(0.1, 1 / math.sqrt(need), 4000)
    assert np.mean(np.abs(means) * math.sqrt(need) > 1.96) == pytest.approx(0.8, abs=0.03)
    assert rows_needed(0.0, 1.0, 100) is None
    assert rows_needed(1.0, math.nan, 100) is None


# --- what is said ----------------------------------------------------------------------------------------------------
def test_too_few_rows_are_said_with_how_many_it_takes(rng: np.random.Generator) -> None:
    y = rng.normal(size=300)
    found = lm.compare(y + rng.normal(size=300), y + 1.02 * rng.normal(size=300), target=y)
    assert found.verdicts[0].startswith("Cannot tell B and A apart with 300 rows; you need about ")
    same = lm.compare(y + 1, y + 1, target=y)
    assert same.verdicts == ("B and A have the same squared error in every row: 1.",)
    assert "too few rows" in lm.compare([1.0], [2.0], target=[3.0]).verdicts[0]


def test_several_are_held_against_the_first_and_adjusted(rng: np.random.Generator) -> None:
    y = rng.normal(size=500)
    e = rng.normal(size=500)
    found = lm.compare(y + e, y + 0.5 * e, y + 2 * e, y + e + 0.01, target=y, names=["old", "half", "double", "near"])
    assert [v.partition(":")[0] for v in found.verdicts[:2]] == [
        "half is better than old",
        "double is worse than old",
    ]
    assert found.verdicts[2].startswith("Cannot tell near and old apart")
    assert "adjusted for 3 comparisons" in found.verdicts[0]
    assert len(found.differences) == 3 * 4
    text = str(found)
    for part in ("half is better", "paired by their order", "squared error", "undecided", "95 % interval"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_labels_and_multilabel(rng: np.random.Generator) -> None:
    y = rng.integers(0, 3, 300)
    a, b = (np.where(rng.random(300) < share, y, (y + 1) % 3) for share in (0.9, 0.6))
    found = lm.compare(a, b, target=y, task="multiclass")
    assert found.decides == "accuracy"
    assert found.of("B", "accuracy").p == found.discordant[0].p < 0.001
    assert found.of("B", "mcc").value == pytest.approx(sklearn_metrics.matthews_corrcoef(y, b))
    bits = (rng.random((200, 3)) < 0.4).astype(int)
    p, q = (np.clip(bits * 0.6 + 0.2 + s * rng.normal(size=bits.shape), 0.01, 0.99) for s in (0.05, 0.5))
    several = lm.compare(p, q, target=bits, task="multilabel")
    assert several.discordant == ()
    assert several.of("B", "macro_f1").value == pytest.approx(sklearn_metrics.f1_score(bits, q > 0.5, average="macro"))
    assert several.of("B", "exact_match").better is False


def test_what_not_all_have_is_left_out_and_said(rng: np.random.Generator) -> None:
    y, one, other = scores(rng, 200, 1.0)
    names = ["no", "yes"]
    found = lm.compare(one, np.array(names)[(other > 0.5).astype(int)], target=np.array(names)[y], class_names=names)
    assert found.decides == "accuracy"
    assert "cross-entropy, Brier score, ROC AUC, average precision (A: probabilities, B: labels)" in found.notes[0]


def test_json_and_html(rng: np.random.Generator, tmp_path: Path) -> None:
    y, one, other = scores(rng, 200, 1.0)
    evil = "</script><b>"
    found = lm.compare(one, other, target=y, names=["A", evil])
    data = json.loads(found.to_json(), parse_constant=pytest.fail)
    assert data == found.to_dict()
    assert data["differences"][0]["metric"] == "log_loss"
    found.save_html(tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert evil not in page
    assert page.count('class="dot') == len(found.differences)
    assert found.verdicts[0].split(":")[0].replace("<", "&lt;").replace(">", "&gt;") in page


# --- files -----------------------------------------------------------------------------------------------------------
def test_files_are_paired_by_id(rng: np.random.Generator, tmp_path: Path) -> None:
    y, one, other = scores(rng, 100, 1.0)
    ids = np.array([f"r{i}" for i in range(100)])
    order = rng.permutation(100)[:90]
    a = write(tmp_path / "a.csv", {"id": ids[5:], "y": y[5:], "p": one[5:]})
    b = write(tmp_path / "b.csv", {"id": ids[order], "y": y[order], "p": other[order]})
    common = [i for i in range(5, 100) if i in set(order)]
    expected = lm.compare(one[common], other[common], target=y[common])
    for row_id in (None, "id"):
        found = lm.compare(a, b, row_id=row_id)
        assert found.names == ("a.csv", "b.csv")
        assert found.rows == len(common)
        assert found.of("b.csv", "log_loss").difference == pytest.approx(expected.of("B", "log_loss").difference)
        assert "paired by column 'id'" in found.how
        assert found.notes == (
            f"{95 - len(common)} of 95 rows of a.csv are left out, as their ids are not in all files.",
            f"{90 - len(common)} of 90 rows of b.csv are left out, as their ids are not in all files.",
        )


def test_ids_that_do_not_tell_rows_apart_are_not_guessed(tmp_path: Path) -> None:
    columns = {"id": np.array([1, 1, 2]), "y": np.array([0.5, 1.5, 2.5]), "pred": np.array([0.4, 1.0, 2.0])}
    found = lm.compare(write(tmp_path / "a.csv", columns), write(tmp_path / "b.csv", columns))
    assert "paired by their order" in found.how


def test_labels_of_files_share_their_classes(tmp_path: Path) -> None:
    y = np.array(["x", "y", "z", "x"] * 10)
    a = write(tmp_path / "a.csv", {"y": y, "pred": y})
    b = write(tmp_path / "b.csv", {"y": y, "pred": np.where(y == "z", "w", y)})
    assert lm.compare(a, b).of("b.csv", "accuracy").value == 0.75


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ({"id": [1, 2], "y": [0.5, 1.5]}, {"id": [1, 1], "y": [0.5, 1.5]}, {"row_id": "id"},
         r"column 'id' of .*b\.csv holds '1' 2 times \(1 rows too many\)"),
        ({"id": [1, 2], "y": [0.5, 1.5]}, {"id": [1, ""], "y": [0.5, 1.5]}, {"row_id": "id"},
         r"column 'id' of b\.csv is empty at row 2 .*\(1 of 2 rows\)"),
        ({"id": [1, 2], "y": [0.5, 1.5]}, {"id": [3, 4], "y": [0.5, 1.5]}, {}, "no row id is in all of a.csv, b.csv"),
        ({"id": [1, 2], "y": [0.5, 1.5]}, {"id": [2, 1], "y": [0.5, 1.5]}, {},
         r"other targets in 2 of 2 rows \(id '1': 0.5 and 1.5\)"),
        ({"y": [0.5, 1.5]}, {"y": [0.5, 1.7]}, {}, r"1 of 2 rows \(position 1: 1.5 and 1.7\).*row_id= \(--row-id\)"),
        ({"y": [0.5, 1.5]}, {"y": [0.5]}, {}, "a.csv has 2 rows and b.csv has 1; to compare the rows they share"),
        ({"y": [0.5, 1.5]}, {"y": [0, 1]}, {}, "a.csv is read as regression and b.csv as binary; say which"),
        ({"y": [0.5, 1.5]}, {"y": [0.5, 1.5]}, {"row_id": "key"}, "no column named 'key'"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, a: dict, b: dict, options: dict, message: str) -> None:
    paths = [
        write(tmp_path / name, {**columns, "pred": [0.25] * len(columns["y"])})
        for name, columns in (("a.csv", a), ("b.csv", b))
    ]
    with pytest.raises(lm.LossmithError, match=message):
        lm.compare(*paths, **options)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (([1.0],), {"target": [1.0]}, "two or more sets of predictions, and got 1"),
        (([1.0], "x.csv"), {}, "partly files and partly arrays"),
        (([1.0], [2.0]), {}, r"expected the targets of the rows: compare\(a, b, target=y\)"),
        (([1.0], [2.0]), {"target": [1.0], "row_id": "id"}, "name columns of files"),
        (("a.csv", "b.csv"), {"weight": [1.0]}, "weight= is for arrays"),
        (([1.0], [2.0]), {"target": [1.0], "names": ["x"]}, "one name for each of the 2 sets"),
        (([1.0], [2.0]), {"target": [1.0], "names": ["x", "x"]}, "needs a name of its own"),
        (([1.0, 2.0], [2.0]), {"target": [1.0, 1.5]}, "prediction has 1 rows and target has 2"),
    ],
)
def test_bad_input(given: tuple, options: dict, message: str) -> None:
    with pytest.raises(lm.InputError, match=message):
        lm.compare(*given, **options)


def test_unknown_difference() -> None:
    with pytest.raises(lm.InputError, match="no difference of 'auc' for 'B'; there are squared_error"):
        lm.compare([1.0, 2.0], [2.0, 1.0], target=[1.5, 2.5]).of("B", "auc")


def test_curves_of_all_sets_share_a_frame(rng: np.random.Generator) -> None:
    y, one, other = scores(rng, 300, 1.0)
    found = lm.compare(one, other, 1 - one, target=y, names=["a", "b", "c"])
    page = found.to_html()
    for name, curves in (("roc", 3), ("precision-recall", 3), ("reliability", 3)):
        figure = page.split(f'data-name="{name}"')[1].split("</figure>")[0]
        assert figure.count('<polyline class="curve') == curves, name
        assert all(f'<li class="c{k}">{n}</li>' in figure for k, n in enumerate("abc"))
    assert "<caption>Values</caption>" in page
    drawn = json.loads(found.to_json())["figures"]
    assert list(drawn) == ["a", "b", "c"]
    assert drawn["b"]["thresholds"]["hits"] == found.figures[1].thresholds.hits.tolist()
    z = rng.normal(size=(3, 200))
    assert 'data-name="deciles"' in lm.compare(z[0], z[1], target=z[2]).to_html()
    assert "<h2>Curves</h2>" not in lm.compare(y, 1 - y, target=y, form="labels").to_html()
