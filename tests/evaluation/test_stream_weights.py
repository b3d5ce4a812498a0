"""Weights of the rows of a stream: the numbers of whole arrays, the same bits from any split, files, bad input."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, InputError, UnknownNameError
from lossmith.evaluation.states import to_json

from .streams import CLASS, LOGITS, NAMES, RNG, ROWS, P, X, Y, Z, pa, write

WEIGHT = np.where(RNG.random(ROWS) < 0.05, 0.0, 3 * RNG.random(ROWS))
SHOP = np.arange(ROWS) % 3
PAIRS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "probabilities": (P, Y),
    "logits": (np.log(P + 1e-9) - np.log1p(1e-9 - P), Y),
    "labels": ((P > 0.3).astype(np.int64), Y),
    "many classes": (np.concatenate([LOGITS, LOGITS - 2, LOGITS - 4], axis=1), CLASS),
    "class names": (NAMES[LOGITS.argmax(1)], NAMES[CLASS]),
    "numbers": (X, Z),
}
# Whole arrays draw counts anew or take the normal interval, streams leave out groups or draw them: alike, not the same.
CLOSE = {"auc", "balanced_accuracy", "f1", "kappa", "macro_f1", "mcc", "weighted_f1", "r2", "rmse", "mae", "brier"}
CLOSE |= {"mean_confidence", "squared_error", "absolute_error", "binary_cross_entropy", "sigmoid_cross_entropy"}


def near(one: float | None, other: float | None, rel: float = 1e-9) -> bool:
    return one is other if one is None or other is None else one == pytest.approx(other, rel=rel, abs=1e-12)


@pytest.mark.parametrize("kind", PAIRS)
def test_numbers_are_those_of_whole_arrays(kind: str) -> None:
    options: dict[str, Any] = {"weight": WEIGHT, "slices": {"shop": SHOP}}
    whole = lm.evaluate(*PAIRS[kind], **options)
    streamed = lm.evaluate(*PAIRS[kind], stream=True, **options)
    assert (streamed.rows, streamed.verdict) == (whole.rows, whole.verdict)
    numbers = [*streamed.losses.items(), *streamed.metrics.items()]
    for name, found in numbers:
        expected: Any = whole.losses.get(name) or whole.metrics[name]
        if found.value is None:
            assert expected.value is None
            continue
        bound = getattr(found, "bound", None) or 0.0
        assert found.value == pytest.approx(expected.value, rel=1e-9, abs=bound + 1e-12), name
        if found.constant is not None:
            slack = getattr(found, "constant_bound", None) or 1e-3 * (name == "mae")
            assert found.constant == pytest.approx(expected.constant, rel=1e-9, abs=slack + 1e-12), name
        for low, high in (("low", "high"), ("gain_low", "gain_high")):
            if getattr(found, low, None) is not None:
                ends = [(getattr(x, low), getattr(x, high)) for x in (found, expected)]
                width = ends[1][1] - ends[1][0]
                slack = 0.12 * width if name in CLOSE else 1e-9 * max(1.0, width)
                assert ends[0] == pytest.approx(ends[1], abs=slack), (name, low)
    for one, other in zip(whole.per_class, streamed.per_class, strict=True):
        for name in ("support", "predicted", "precision_low", "precision_high", "recall_low", "recall_high", "f1"):
            assert near(getattr(other, name), getattr(one, name)), (one.name, name)
    if whole.confusion is not None and streamed.confusion is not None:
        np.testing.assert_allclose(streamed.confusion.counts, whole.confusion.counts, rtol=1e-9)
    for s, t in zip(whole.slices, streamed.slices, strict=True):
        ends = [(x.rows, x.loss, x.low, x.rest, x.p, x.quality.value, x.quality.low) for x in (s, t)]
        assert all(near(a, b) for a, b in zip(*ends, strict=True)), s.value
    a, b = whole.drawn(), streamed.drawn()
    if b.reliability is not None and a.reliability is not None:
        np.testing.assert_allclose(b.reliability.count, a.reliability.count, rtol=1e-9)
        np.testing.assert_allclose(b.reliability.rate, a.reliability.rate, rtol=1e-9)
    assert streamed.to_html().count("<table") and streamed.to_json()


@pytest.mark.parametrize("kind", ["probabilities", "many classes", "numbers"])
def test_whole_weights_are_repeated_rows(kind: str) -> None:
    times = np.arange(ROWS) % 3
    weighted = lm.evaluate(*PAIRS[kind], weight=times, stream=True)
    repeated = lm.evaluate(*(np.repeat(x, times, axis=0) for x in PAIRS[kind]), stream=True)
    assert weighted.rows == ROWS and repeated.rows == times.sum()
    for name, found in weighted.metrics.items():
        assert found.value == pytest.approx(repeated.metrics[name].value, rel=1e-9, abs=1e-12), name
        assert near(found.bound, repeated.metrics[name].bound, 1e-6), name
    for name, loss in weighted.losses.items():
        expected = repeated.losses[name]
        assert near(loss.value, expected.value) and near(loss.constant, expected.constant), name


@pytest.mark.parametrize("kind", ["probabilities", "numbers"])
def test_same_bits_whatever_the_split_and_the_executor(kind: str, tmp_path: Path) -> None:
    p, y = PAIRS[kind]
    columns = {"y": y, "w": WEIGHT, "id": np.arange(ROWS), "shop": SHOP}
    columns |= {"p": p} if p.ndim == 1 else {f"p_{k}": p[:, k] for k in range(p.shape[1])}
    order = RNG.permutation(ROWS)
    for k, rows in enumerate(np.array_split(order, 3)):
        write(tmp_path / "data" / f"{k}.parquet", 400, **{n: x[rows] for n, x in columns.items()})
    options: dict[str, Any] = {"target": "y", "prediction": "p*", "row_id": "id", "weight": "w", "slices": ["shop"]}
    table = pa.table(columns)
    if kind == "numbers":  # squares are taken from the first target: it is part of the plan
        table = table.take(order)
    expected = lm.evaluate(table, **options)
    with ThreadPoolExecutor(3) as threads:
        found = lm.evaluate(tmp_path / "data", executor=threads, resume=tmp_path / "partials", **options)
    assert to_json(found.states) == to_json(expected.states)
    assert (found.metrics, found.losses, found.slices) == (expected.metrics, expected.losses, expected.slices)
    again = lm.evaluate(tmp_path / "data", resume=tmp_path / "partials", **options)
    assert to_json(again.states) == to_json(expected.states)
    assert any("3 finished splits" in note for note in again.notes)


def test_a_column_of_weights_in_files_of_any_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.parquet", p=P, y=Y, target_weight=WEIGHT)
    whole = lm.evaluate(P, Y, weight=WEIGHT)
    small = lm.evaluate(path, target="y", prediction="p", weight="target_weight")
    assert small.states is None and (small.losses, small.metrics) == (whole.losses, whole.metrics)
    lines = [f"{p},{y},{w}" for p, y, w in zip(P[:50], Y[:50], [7, *WEIGHT[1:50]], strict=True)]
    (tmp_path / "b.csv").write_text("\n".join(["p,target,w", *lines]) + "\n")
    parts = [lm.evaluate(tmp_path / "b.csv", prediction="p", weight="w", stream=s) for s in (True, False)]
    assert near(parts[0].metrics["accuracy"].value, parts[1].metrics["accuracy"].value)
    assert near(parts[0].metrics["accuracy"].low, parts[1].metrics["accuracy"].low)
    pytest.importorskip("typer")
    from lossmith.cli import main

    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "b.csv"), "--prediction", "p", "--weight", "w"])
    assert f"{parts[1].metrics['accuracy'].value:.4f}" in capsys.readouterr().out


def test_rows_without_weight_are_left_out() -> None:
    weight = pa.array([None if k == 5 else w for k, w in enumerate(WEIGHT.tolist())])
    result = lm.evaluate(pa.table({"p": P, "y": Y, "w": weight}), target="y", prediction="p", weight="w")
    assert result.rows == ROWS - 1
    assert any("1 of 4000 rows have a missing value" in f.what for f in result.findings)


def test_bad_weights(tmp_path: Path) -> None:
    for bad, said in ((-1.0, "-1"), (np.nan, "nan"), (np.inf, "inf")):
        weight = WEIGHT.copy()
        weight[17] = bad
        with pytest.raises(InputError, match=f"weight is {said} at row 18; weights are finite and not negative"):
            lm.evaluate(P, Y, weight=weight, stream=True)
    with pytest.raises(DataError, match="column 'weight' of weights is 0 in every row: there is nothing to evaluate"):
        lm.evaluate(P, Y, weight=0 * WEIGHT, stream=True)
    with pytest.raises(InputError, match="expected one number"):
        lm.evaluate(P, Y, weight=WEIGHT[1:], stream=True)
    with pytest.raises(InputError, match="column 'w' of weights holds <U1 of shape"):
        lm.evaluate([{"p": P, "y": Y, "w": np.full(ROWS, "a")}], target="y", prediction="p", weight="w")
    with pytest.raises(InputError, match="weight is ndarray; of a source expected the name of its column"):
        lm.evaluate([(P, Y)], weight=WEIGHT)
    path = write(tmp_path / "a.parquet", p=P, y=Y, shop=SHOP)
    with pytest.raises(UnknownNameError, match=r"no column named 'w' in a\.parquet"):
        lm.evaluate(path, target="y", prediction="p", weight="w")
    with pytest.raises(DataError, match=r"a\.parquet has no column 'w' for weights \(weight=\)"):
        lm.evaluate(path, target="y", prediction="p", weight="w", stream=True)
    with pytest.raises(InputError, match="weight= is for tasks whose examples are rows"):
        lm.evaluate(path, target="y", prediction="p", weight="shop", task="ranking", group="shop")
