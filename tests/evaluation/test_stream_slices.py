"""Slices of a stream: the numbers of whole arrays, the same bits from any split, values as texts, a cap, bad input."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, InputError, ShapeError, UnknownNameError
from lossmith.evaluation import Slice, slices
from lossmith.evaluation.states import to_json

from .streams import CLASS, LOGITS, NAMES, RNG, ROWS, P, X, Y, Z, pa, write

COUNTRY = np.array(["at", "de", "fr"])[RNG.integers(0, 3, ROWS)]
SHOP = np.where(RNG.random(ROWS) < 0.1, np.nan, (60 * RNG.random(ROWS) ** 2).astype(np.int64))
WORSE = np.where(COUNTRY == "fr", 0.5, P)
PAIRS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "binary": (WORSE, Y),
    "labels": ((WORSE > 0.4).astype(np.int64), Y),
    "classes": (np.where(COUNTRY == "fr", 0.0, 1.0)[:, None] * LOGITS, CLASS),
    "class names": (NAMES[LOGITS.argmax(1)], NAMES[CLASS]),
    "numbers": (X + np.where(COUNTRY == "fr", 3.0, 0.0), Z),
}


def told(found: Slice) -> tuple[Any, ...]:
    q = found.quality
    numbers = (found.loss, found.low, found.high, found.rest, found.p, q.value, q.low, q.high)
    return tuple(None if x is None else pytest.approx(x, rel=1e-9, abs=1e-15) for x in numbers)


@pytest.mark.parametrize("kind", PAIRS)
def test_numbers_are_those_of_whole_arrays(kind: str) -> None:
    columns = {"country": COUNTRY, "shop": SHOP, "target": Y}
    whole = lm.evaluate(*PAIRS[kind], slices=columns)
    streamed = lm.evaluate(*PAIRS[kind], slices=columns, stream=True)
    assert len(whole.slices) == slices.MOST + 1
    for one, other in zip(whole.slices, streamed.slices, strict=True):
        names = ("column", "value", "values", "rows", "title", "worse")
        assert [getattr(one, n) for n in names] == [getattr(other, n) for n in names]
        assert one.quality.name == other.quality.name
        assert (other.loss, other.low, other.high, other.rest, other.p, other.quality.value, other.quality.low,
                other.quality.high) == told(one)  # fmt: skip
    assert any("values; the 4" in note for note in whole.notes)
    assert [n for n in streamed.notes if "«other»" in n] == [n for n in whole.notes if "«other»" in n]
    findings = [[f.what for f in r.findings if f.code == "EVAL10"] for r in (whole, streamed)]
    assert findings[0] == findings[1]
    assert (kind in ("class names",)) == (not findings[0])


def test_same_bits_whatever_the_split_and_the_executor(tmp_path: Path) -> None:
    """Files whose columns have different types, read in other pieces and another order, hold the same slices."""
    order = RNG.permutation(ROWS)
    shop = pa.array([None if np.isnan(s) else int(s) for s in SHOP])
    whole = {"p": P, "y": Y, "id": np.arange(ROWS), "country": COUNTRY, "shop": shop}
    write(tmp_path / "one" / "a.parquet", 700, **whole)
    half = order[: ROWS // 2], order[ROWS // 2 :]
    write(tmp_path / "two" / "a.parquet", 300, p=P[half[0]], y=Y[half[0]], id=half[0], shop=SHOP[half[0]],
          country=pa.array(COUNTRY[half[0]]).dictionary_encode())  # fmt: skip
    write(tmp_path / "two" / "b.parquet", 900, p=P[half[1]], y=Y[half[1]], id=half[1], shop=shop.take(half[1]),
          country=COUNTRY[half[1]])  # fmt: skip
    options: dict[str, Any] = {"target": "y", "prediction": "p", "row_id": "id", "slices": ["country", "shop"]}
    expected = lm.evaluate(tmp_path / "one", **options)
    with ThreadPoolExecutor(3) as threads:
        found = lm.evaluate(tmp_path / "two", executor=threads, **options)
    assert to_json(found.states) == to_json(expected.states)
    assert (found.slices, found.metrics, found.findings) == (expected.slices, expected.metrics, expected.findings)
    table = pa.table(whole).take(order)
    assert to_json(lm.evaluate(table, **options).states) == to_json(expected.states)
    batches = ({n: whole[n][k : k + 333] for n in ("p", "y", "id", "country")} | {"shop": SHOP[k : k + 333]}
               for k in range(0, ROWS, 333))  # fmt: skip
    assert to_json(lm.evaluate(batches, **options).states) == to_json(expected.states)


def test_values_are_texts_and_none_is_a_slice(tmp_path: Path) -> None:
    half = ROWS // 2
    day = pa.array(np.arange(ROWS) // 3000, pa.int32()).cast(pa.date32())
    write(tmp_path / "a" / "site=de" / "0.parquet", p=P[:half], y=Y[:half], day=day[:half], ok=P[:half] > 0.5)
    write(tmp_path / "a" / "site=__HIVE_DEFAULT_PARTITION__" / "0.parquet", p=P[half:], y=Y[half:], day=day[half:],
          ok=pa.nulls(ROWS - half))  # fmt: skip
    result = lm.evaluate(tmp_path / "a", target="y", prediction="p", slices=["site", "day", "ok"])
    found = {(s.column, s.value): s.rows for s in result.slices}
    assert found == {
        ("site", "de"): half,
        ("site", "missing"): half,
        ("day", "1970-01-01"): 3000,
        ("day", "1970-01-02"): 1000,
        ("ok", "True"): int((P[:half] > 0.5).sum()),
        ("ok", "False"): int((P[:half] <= 0.5).sum()),
        ("ok", "missing"): half,
    }
    lines = [f"{p},{y},{s}" for p, y, s in zip(P[:6], Y[:6], ["007", "", " a ", "a", "1.50", "NA"], strict=True)]
    (tmp_path / "b.csv").write_text("\n".join(["p,target,shop", *lines]) + "\n")
    result = lm.evaluate(tmp_path / "b.csv", stream=True, prediction="p", slices="shop")
    assert {s.value: s.rows for s in result.slices} == {"007": 1, "missing": 1, "a": 2, "1.50": 1, "NA": 1}


def test_a_column_may_be_target_and_slice_and_its_rows_left_out() -> None:
    p = P.copy()
    p[:10] = np.nan
    result = lm.evaluate({"p": p, "y": Y}, target="y", prediction="p", slices=["y"])
    assert sum(s.rows for s in result.slices) == result.rows == ROWS - 10
    assert {s.value: s.rows for s in result.slices} == {"0": int((Y[10:] == 0).sum()), "1": int(Y[10:].sum())}


def test_rare_values_and_infinite_losses() -> None:
    z = np.where(np.arange(80)[:, None] == 0, [[0.0, -np.inf]], [[0.0, 1.0]])
    result = lm.evaluate(z, np.ones(80, int), task="multiclass", form="logits", slices={"k": np.arange(80) % 60},
                         stream=True)  # fmt: skip
    assert {s.p for s in result.slices} == {None}
    assert (result.slices[-1].value, result.slices[-1].values, result.slices[-1].rows) == ("other", 10, 10)
    assert "Slices are not judged: the loss is infinite in 1 row." in result.notes


def test_reports_hold_the_slices() -> None:
    result = lm.evaluate(WORSE, Y, slices={"country": COUNTRY}, stream=True)
    assert [s["value"] for s in json.loads(result.to_json())["slices"]] == [s.value for s in result.slices]
    assert "<caption>Slices</caption>" in result.to_html()
    assert "country: fr" in str(result) and "Worse where country is 'fr'" in str(result)


def test_too_many_values_are_an_error_that_names_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST_OF_A_STREAM", 5)
    batches = [(P[:100], Y[:100], np.arange(100) % 3), (P[100:200], Y[100:200], np.arange(100) % 4 + 2)]
    source = [{"p": p, "y": y, "id": k} for p, y, k in batches]
    with pytest.raises(InputError, match=r"column 'id' has more than 5 different values, such as '\d', and a stream"):
        lm.evaluate(source, target="y", prediction="p", slices=["id"])
    result = lm.evaluate(source[:1], target="y", prediction="p", slices=["id"])
    assert {s.value for s in result.slices} == {"0", "1", "2"}


def test_bad_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", p=P, y=Y, where=pa.array([[1, 2]] * ROWS))
    with pytest.raises(UnknownNameError, match=r"no column named 'wher' in a\.parquet; did you mean 'where'"):
        lm.evaluate(tmp_path, target="y", prediction="p", slices=["wher"])
    with pytest.raises(DataError, match=r"column 'where' of a\.parquet \(row group 0\) is of type list"):
        lm.evaluate(tmp_path, target="y", prediction="p", slices=["where"])
    with pytest.raises(UnknownNameError, match="no column named 'country' in the source"):
        lm.evaluate([(P, Y)], slices=["country"])
    with pytest.raises(InputError, match="of a source expected names of its columns"):
        lm.evaluate([(P, Y)], slices={"country": COUNTRY})
    with pytest.raises(ShapeError, match=r"slices\['c'\] has shape \(2,\); expected \(4000,\)"):
        lm.evaluate(P, Y, slices={"c": [1, 2]}, stream=True)
    with pytest.raises(InputError, match=r"column 'c' has shape \(4000, 4\); slices need one value per row"):
        lm.evaluate({"p": P, "y": Y, "c": LOGITS}, target="y", prediction="p", slices=["c"])
