"""Slices: their numbers, which are called worse and which not, what is missing, rare or too small, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import InputError, ShapeError, UnknownNameError
from lossmith.evaluation import slices
from lossmith.evaluation.inputs import Inputs, prepare
from lossmith.evaluation.p_values import discoveries, student, welch

COUNTRIES = np.array(["at", "de", "fr"])


def regression(rng: np.random.Generator, rows: int, worse: np.ndarray | bool = False, factor: float = 2.0):
    """Return predictions and targets whose errors are ``factor`` times as large where ``worse``."""
    y = rng.normal(size=rows)
    return y + rng.normal(size=rows) * np.where(worse, factor, 1.0), y


def _inputs(p: np.ndarray, y: np.ndarray) -> Inputs:
    return prepare(p, y, task="regression")


def by_value(result: lm.evaluation.Evaluation, column: str = "country") -> dict[str, lm.evaluation.Slice]:
    return {s.value: s for s in result.slices if s.column == column}


def test_numbers_are_those_of_the_rows_alone(rng: np.random.Generator) -> None:
    z, y = rng.normal(size=300), rng.integers(0, 2, 300)
    country, weight = COUNTRIES[rng.integers(0, 3, 300)], rng.random(300) + 0.5
    options = {"task": "binary", "form": "logits"}
    result = lm.evaluate(z, y, weight=weight, slices={"country": country}, **options)
    for value, found in by_value(result).items():
        rows = country == value
        alone = lm.evaluate(z[rows], y[rows], weight=weight[rows], **options)
        loss, accuracy = alone.losses["sigmoid_cross_entropy"], alone.metrics["accuracy"]
        assert (found.rows, found.title) == (int(rows.sum()), "sigmoid cross-entropy")
        assert (found.loss, found.low, found.high) == pytest.approx((loss.value, loss.low, loss.high))
        got = found.quality
        assert (got.name, got.value, got.low, got.high) == pytest.approx(
            ("accuracy", accuracy.value, accuracy.low, accuracy.high)
        )
        rest = lm.evaluate(z[~rows], y[~rows], weight=weight[~rows], **options)
        assert found.rest == pytest.approx(rest.losses["sigmoid_cross_entropy"].value)


def test_p_is_welchs(rng: np.random.Generator) -> None:
    special = pytest.importorskip("scipy.special")
    p, y = regression(rng, 200)
    country = COUNTRIES[rng.integers(0, 3, 200)]
    loss = (p - y) ** 2
    for value, found in by_value(lm.evaluate(p, y, slices={"country": country})).items():
        sides = loss[country == value], loss[country != value]
        errors = [side.var(ddof=1) / side.size for side in sides]
        freedom = sum(errors) ** 2 / sum(e**2 / (side.size - 1) for e, side in zip(errors, sides, strict=True))
        t = (sides[0].mean() - sides[1].mean()) / sum(errors) ** 0.5
        assert found.p == pytest.approx(2 * special.stdtr(freedom, -abs(t)), rel=1e-9)
    for freedom in (1.0, 3.7, 40.0, 99_999.0):
        for t in (0.0, 1e-6, 0.5, 2.0, 9.0):
            assert student(t, freedom) == pytest.approx(2 * special.stdtr(freedom, -t), rel=1e-8)


def test_discoveries_are_those_whose_adjusted_p_is_small(rng: np.random.Generator) -> None:
    p = np.sort(rng.random(50) ** 3)
    adjusted = [min(p[k:] * 50 / np.arange(k + 1, 51)) for k in range(50)]
    found = discoveries(p[::-1], 0.05)[::-1]
    assert found == [a <= 0.05 for a in adjusted]
    assert 0 < sum(found) < 50


def test_test_of_means_at_its_edges() -> None:
    assert welch((1.0, 0.0, 30), (1.0, 0.0, 30)) == 1.0
    assert welch((2.0, 0.0, 30), (1.0, 0.0, 30)) == 0.0
    assert welch((np.inf, np.nan, 30), (1.0, 0.1, 30)) is None
    assert discoveries([], 0.05) == []
    assert discoveries([0.2, 0.9], 0.05) == [False, False]
    assert student(3.0, 2e5) == pytest.approx(0.0026998, rel=1e-4)


def test_a_failing_slice_is_the_first_warning(rng: np.random.Generator) -> None:
    country = COUNTRIES[rng.integers(0, 3, 900)]
    p, y = regression(rng, 900, country == "fr")
    result = lm.evaluate(p, y, slices={"country": country, "shop": np.arange(900) % 5})
    assert [s.value for s in result.slices if s.worse] == ["fr"]
    found = by_value(result)["fr"]
    first = next(f for f in result.findings if f.severity == "warning")
    assert (first.code, first.what) == ("EVAL10", f"Worse where country is 'fr' ({found.rows} rows).")
    assert f"against {found.rest:.4g} elsewhere, {found.loss / found.rest:.4g} times (p" in first.evidence
    assert first.numbers["loss"] == found.loss
    assert by_value(result)["de"].worse is False
    assert set(by_value(result, "shop")) == set("01234")


def test_at_most_three_are_named(rng: np.random.Generator) -> None:
    shop = np.arange(4000) % 10
    p, y = regression(rng, 4000, shop < 5, 3.0)
    told = [f for f in lm.evaluate(p, y, slices={"shop": shop}).findings if f.code == "EVAL10"]
    assert len(told) == slices.NAMED
    assert told[-1].evidence.endswith(" 2 more slices are worse than the other rows; the table of slices marks them.")


def test_chance_is_not_called_worse(rng: np.random.Generator) -> None:
    """Of 25 evaluations of 30 slices that are all alike, at most 5 % (and what chance adds) have a finding."""
    alarms = 0
    for _ in range(25):
        p, y = regression(rng, 900)
        columns = {"one": rng.integers(0, 20, 900), "two": rng.integers(0, 10, 900)}
        found, _ = slices.compute(_inputs(p, y), columns)
        assert sum(s.p is not None for s in found) > 25
        alarms += any(s.worse for s in found)
    assert alarms <= 4


def test_a_trifle_is_not_called_worse(rng: np.random.Generator) -> None:
    half = np.arange(60_000) % 2
    p, y = regression(rng, half.size, half == 1, 1.04)
    one = slices.compute(_inputs(p, y), {"half": half})[0][1]
    assert (one.value, one.p < 1e-3) == ("1", True)
    assert one.loss < (1 + slices.FLOOR) * one.rest
    assert one.worse is False


def test_small_slices_are_shown_and_not_judged(rng: np.random.Generator) -> None:
    country = np.array(["fr"] * 19 + ["de"] * 20 + ["at"] * 61)
    p, y = regression(rng, 100, country == "fr", 20.0)
    found = by_value(lm.evaluate(p, y, slices={"country": country}))
    assert (found["fr"].rows, found["fr"].p, found["fr"].worse) == (19, None, None)
    assert found["de"].p is not None
    (only,) = lm.evaluate(p, y, slices={"all": ["same"] * 100}).slices
    assert (only.rest, only.p, only.worse) == (None, None, None)


def test_missing_values_are_a_slice() -> None:
    y = np.arange(8.0)
    country = ["de", None, float("nan"), "", " de ", "NA", "missing", np.str_("de")]
    assert {v: s.rows for v, s in by_value(lm.evaluate(y + 1, y, slices={"country": country})).items()} == {
        "missing": 4,
        "de": 3,
        "NA": 1,  # Namibia
    }
    ages = np.array([30, np.nan, 30, 41, np.nan, 41, 41, 41])
    assert {v: s.rows for v, s in by_value(lm.evaluate(y + 1, y, slices={"country": ages})).items()} == {
        "41": 4,
        "30": 2,
        "missing": 2,
    }
    days = np.array(["2026-01-01", "NaT"] * 4, dtype="datetime64[D]")
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": days}))) == {"2026-01-01", "missing"}
    both = np.array([1.0, 2.5, -0.0, 1e300, -np.inf, np.nan, 0.1, 7.0])
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": both}))) == {
        "1", "2.5", "0", "1e+300", "-inf", "missing", "0.1", "7"
    }  # fmt: skip
    halves = np.array([0.5, np.nan] * 4, np.float32)
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": halves}))) == {"0.5", "missing"}
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": halves.astype(np.float16)}))) == {"0.5", "missing"}
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": halves.astype(object)}))) == {"0.5", "missing"}
    assert set(by_value(lm.evaluate(y + 1, y, slices={"country": list(halves)}))) == {"0.5", "missing"}


def test_data_frames_bring_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"shop": pandas.array([1, None, 1], dtype="Int64"), "kind": pandas.Categorical(list("aab"))}
    )
    result = lm.evaluate([1.0, 2.0, 3.0], [1.5, 2.5, 3.0], slices=frame)
    assert {(s.column, s.value, s.rows) for s in result.slices} == {
        ("shop", "1", 2), ("shop", "missing", 1), ("kind", "a", 2), ("kind", "b", 1)
    }  # fmt: skip


def test_rare_values_are_counted_together(rng: np.random.Generator) -> None:
    many = np.concatenate([np.repeat(np.arange(60), np.arange(60, 0, -1)), [999]])
    p, y = regression(rng, many.size)
    result = lm.evaluate(p, y, slices={"many": many, "country": np.where(many < 30, "other", "de")})
    found = [s for s in result.slices if s.column == "many"]
    assert len(result.slices) == slices.MOST + 1
    other = found[-1]
    assert (other.value, other.values, other.p, other.worse) == ("other", 13, None, None)
    assert sum(s.rows for s in found) == many.size
    assert any(
        n.startswith("Column 'many' has 61 values; the 48 most frequent are slices, the other 13 (")
        for n in result.notes
    )
    assert by_value(result)["other"].values == 1  # a value of that name is a slice like any other
    assert "many: other (13 values)" in str(result)


@pytest.mark.parametrize("task", ["labels", "multilabel", "multiclass"])
def test_other_tasks(rng: np.random.Generator, task: str) -> None:
    hard = np.arange(600) % 3 == 0
    if task == "multilabel":
        y = rng.integers(0, 2, (600, 3))
        p = np.where(hard[:, None], 0.5 + 0.3 * rng.normal(size=y.shape).clip(-1, 1), 0.1 + 0.8 * y)
    else:
        y = rng.integers(0, 3, 600)
        p = rng.normal(size=(600, 3))
        p[np.arange(600), y] += np.where(hard, 0.0, 4.0)
        p = p.argmax(axis=1) if task == "labels" else p
    result = lm.evaluate(p, y, task="multilabel" if task == "multilabel" else "multiclass", slices={"hard": hard})
    found = by_value(result, "hard")
    assert (found["True"].worse, found["False"].worse) == (True, False)
    assert found["True"].quality.name == ("exact_match" if task == "multilabel" else "accuracy")
    if task == "labels":
        assert found["True"].title == "share of wrong answers"
        assert found["True"].loss == pytest.approx(1 - found["True"].quality.value)


def test_infinite_losses_are_not_judged() -> None:
    z = np.array([[0.0, -np.inf]] + [[0.0, 1.0]] * 79)
    result = lm.evaluate(z, np.ones(80, int), task="multiclass", form="logits", slices={"k": np.arange(80) % 2})
    assert {s.p for s in result.slices} == {None}
    assert "Slices are not judged: the loss is infinite in 1 row." in result.notes


def test_report_and_json_hold_the_slices(rng: np.random.Generator) -> None:
    evil = "<script>alert(1)</script>"
    p, y = regression(rng, 100)
    result = lm.evaluate(p, y, slices={evil: np.where(np.arange(100) % 2 == 0, evil, "b")})
    page = result.to_html()
    assert "<caption>Slices</caption>" in page
    assert evil not in page
    data = json.loads(result.to_json())["slices"]
    assert [s["rows"] for s in data] == [50, 50]
    assert data[0]["loss"] == result.slices[0].loss
    assert data[0]["quality"]["value"] == result.slices[0].quality.value
    assert json.loads(lm.evaluate(p, y).to_json())["slices"] == []
    assert "<caption>Slices</caption>" not in lm.evaluate(p, y).to_html()


# --- files -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def table(tmp_path: Path, rng: np.random.Generator) -> Path:
    country = COUNTRIES[rng.integers(0, 3, 400)]
    p, y = regression(rng, 400, country == "fr", 3.0)
    lines = [
        f"{t:.6f},{q:.6f},{'' if i < 25 else c},{i % 4}" for i, (t, q, c) in enumerate(zip(y, p, country, strict=True))
    ]
    path = tmp_path / "p.csv"
    path.write_text("\n".join(["target,prediction,country,shop", *lines]) + "\n")
    return path


def test_columns_of_files(table: Path) -> None:
    result = lm.evaluate(table, slices=["country", "shop"])
    assert {v: s.worse for v, s in by_value(result).items()} == {
        "at": False, "de": False, "fr": True, "missing": False
    }  # fmt: skip
    assert by_value(result)["missing"].rows == 25
    assert {s.rows for s in by_value(result, "shop").values()} == {100}
    assert lm.evaluate(table, slices="country").slices == lm.evaluate(table, slices=["country"], stream=False).slices
    assert lm.evaluate(table).slices == ()


def test_parquet_columns_with_gaps(tmp_path: Path, table: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    y, p, country, shop = zip(*rows, strict=True)
    path = tmp_path / "p.parquet"
    parquet.write_table(
        pyarrow.table({"target": list(map(float, y)), "prediction": list(map(float, p)),
                       "country": pyarrow.array([c or None for c in country]).dictionary_encode(),
                       "shop": [None if s == "3" else int(s) for s in shop]}), path,
    )  # fmt: skip
    result = lm.evaluate(path, slices=["country", "shop"])
    assert by_value(result) == by_value(lm.evaluate(table, slices=["country"]))
    assert set(by_value(result, "shop")) == {"0", "1", "2", "missing"}


def test_command_line(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("typer")
    from lossmith.cli import main

    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(table), "--slice", "country", "--slice", "shop"])
    out = capsys.readouterr().out
    assert end.value.code in (0, None)
    assert "EVAL10 warning · Worse where country is 'fr'" in " ".join(out.split())
    assert "country: missing" in out


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"k": [1, 2]}, ShapeError, "slices['k'] has shape (2,); expected (3,), one value per row"),
        ({"k": [[1, 2]] * 3}, InputError, "slices['k']"),
        ({"k": np.ones(3, complex)}, InputError, "slices['k'] has dtype complex128; expected strings or numbers"),
        (["k"], InputError, "beside arrays expected columns by name: slices={'country': country}"),
        ("k", InputError, "slices is str; beside arrays"),
    ],
)
def test_bad_columns_beside_arrays(given: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        lm.evaluate([1.0, 2.0, 3.0], [1.0, 2.5, 3.0], slices=given)
    assert text in str(caught.value)


def test_bad_columns_of_files(table: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no column named 'county' in p\.csv; did you mean 'country'"):
        lm.evaluate(table, slices=["county"])
    with pytest.raises(InputError, match="of a source expected names of its columns"):
        lm.evaluate(table, slices={"country": ["de"] * 400})
