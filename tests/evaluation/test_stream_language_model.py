"""Tokens of a stream: the numbers of whole arrays, the same bits from any split, documents, bytes, bad input."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DataError, DomainError, InputError, LabelError, ShapeError
from lossmith.evaluation import Evaluation
from lossmith.evaluation.states import TokenCounts, from_json, to_json

from .streams import pa, write

RNG = np.random.default_rng(21)
TOKENS, VOCABULARY = 6000, 12
LOGITS = RNG.standard_normal((TOKENS, VOCABULARY))
LOGITS[:, :3] += 1.0
IDS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
NLL = np.log(np.exp(LOGITS).sum(axis=1)) - LOGITS[np.arange(TOKENS), IDS]
LABELS = np.where(RNG.random(TOKENS) < 0.05, -100, IDS)
BYTES = RNG.integers(0, 6, TOKENS)
DOCUMENTS = np.char.add("d", np.sort(RNG.integers(0, 300, TOKENS)).astype(np.str_))
TASK: dict[str, Any] = {"task": "language_model"}


def agree(whole: Evaluation, streamed: Evaluation, documents: bool) -> None:
    """All numbers are those of whole arrays; intervals over documents come from groups of them.

    How skewed the loss per byte is, and the gains over the constant, which is known at the end, no stream knows.
    """
    for what in ("task", "form", "rows", "unit", "notes"):
        assert getattr(streamed, what) == getattr(whole, what), what
    assert streamed.verdict.partition(":")[0] == whole.verdict.partition(":")[0]
    assert [(f.code, f.what) for f in streamed.findings] == [(f.code, f.what) for f in whole.findings]
    assert list(streamed.metrics) == list(whole.metrics)
    for name, mine in whole.metrics.items():
        slack = 0.2 if documents else 0.01 if name == "bits_per_byte" else 1e-7
        theirs = streamed.metrics[name]
        assert (theirs.value, theirs.constant) == pytest.approx((mine.value, mine.constant), rel=1e-12), name
        assert theirs.title == mine.title
        ends = (mine.low, mine.high)
        assert (theirs.low, theirs.high) == pytest.approx(ends, abs=slack * (mine.high - mine.low)), name
    (one,), (other,) = whole.losses.values(), streamed.losses.values()
    assert (other.name, other.title) == (one.name, one.title)
    assert (other.value, other.constant, other.skill) == pytest.approx((one.value, one.constant, one.skill), rel=1e-12)
    ends, width = (one.gain_low, one.gain_high), one.gain_high - one.gain_low
    assert (other.gain_low, other.gain_high) == pytest.approx(ends, abs=(0.45 if documents else 0.01) * width)


@pytest.mark.parametrize("group", [None, DOCUMENTS], ids=["tokens", "documents"])
@pytest.mark.parametrize("kind", ["losses", "logits", "probabilities", "single precision"])
def test_numbers_are_those_of_whole_arrays(kind: str, group: np.ndarray | None) -> None:
    shares = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    prediction = {"losses": NLL, "probabilities": shares, "single precision": LOGITS.astype(np.float32)}.get(
        kind, LOGITS
    )
    options = {"form": "probabilities"} if kind == "probabilities" else {}
    given: dict[str, Any] = {**TASK, **options, "group": group, "bytes": BYTES if kind != "logits" else 20_000}
    agree(*(lm.evaluate(prediction, LABELS, **given, stream=s) for s in (False, True)), documents=group is not None)


def test_sequences_as_arrays_and_as_lists() -> None:
    shape = (TOKENS // 20, 20)
    nll, labels, documents = NLL.reshape(shape), LABELS.reshape(shape), DOCUMENTS.reshape(shape)[:, 0]
    labels[3, 5:] = -100
    given: dict[str, Any] = {**TASK, "group": documents, "bytes": np.arange(1, shape[0] + 1)}
    whole, streamed = (lm.evaluate(nll, labels, **given, stream=stream) for stream in (False, True))
    agree(whole, streamed, documents=True)
    ragged = {"nll": [x[:k] for x, k in zip(nll, 5 + np.arange(shape[0]) % 16, strict=True)]}
    ragged["token"] = [x[:k] for x, k in zip(labels, 5 + np.arange(shape[0]) % 16, strict=True)]
    table = pa.table({**ragged, "text": documents, "bytes": given["bytes"]})
    columns = {**TASK, "target": "token", "prediction": "nll", "group": "text", "bytes": "bytes"}
    found = lm.evaluate(table, **columns)
    flat = {name: np.concatenate(x) for name, x in ragged.items()}
    lengths = [len(x) for x in ragged["nll"]]
    counted = [max(1, int((x != -100).sum())) for x in ragged["token"]]
    expected = lm.evaluate(
        flat["nll"], flat["token"], **TASK, group=np.repeat(documents, lengths),
        bytes=np.repeat(given["bytes"] / counted, lengths),
    )  # fmt: skip
    agree(expected, found, documents=True)
    scores = LOGITS.reshape(*shape, VOCABULARY)
    whole, streamed = (lm.evaluate(scores, labels, **TASK, stream=stream) for stream in (False, True))
    agree(whole, streamed, documents=False)
    nested = lm.evaluate(pa.table({"logits": scores.tolist(), "token": labels.tolist()}), target="token", **TASK)
    assert nested.metrics == streamed.metrics and to_json(nested.states) == to_json(streamed.states)
    listed = lm.evaluate(pa.table({"logits": LOGITS.tolist(), "token": labels.reshape(-1)}), target="token", **TASK)
    assert listed.metrics == streamed.metrics
    several = {f"logit_{k}": LOGITS[:, k] for k in range(VOCABULARY)} | {"token": labels.reshape(-1)}
    assert lm.evaluate([several], target="token", **TASK).metrics == streamed.metrics


def columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    return {"token": LABELS[rows], "nll": NLL[rows], "document": DOCUMENTS[rows], "bytes": BYTES[rows]}


@pytest.mark.parametrize("beside", [{}, {"group": "document", "bytes": "bytes"}], ids=["tokens", "documents"])
def test_same_bits_from_any_split_order_and_executor(tmp_path: Path, beside: dict[str, str]) -> None:
    options: dict[str, Any] = {**TASK, "target": "token", "prediction": "nll", **beside}
    found = []
    for parts in (1, 2, 7):
        for k, rows in enumerate(np.array_split(np.arange(TOKENS), parts)):
            write(tmp_path / str(parts) / f"{k}.parquet", 500, **columns(rows))
        found.append(lm.evaluate(tmp_path / str(parts), stream=True, **options))
    order = RNG.permutation(TOKENS)
    found.append(lm.evaluate((columns(rows) for rows in np.array_split(order, 9)), **options))
    found.append(lm.evaluate(pa.table(columns(order)), **options))
    with ThreadPoolExecutor(3) as threads:
        found.append(lm.evaluate(tmp_path / "7", executor=threads, **options))
    found += [lm.evaluate(tmp_path / "2", resume=tmp_path / "partials", **options) for _ in range(2)]
    assert "2 finished splits were taken from the earlier run (resume=)." in found[-1].notes
    lines = [
        f"{t},{loss!r},{d},{b}" for t, loss, d, b in zip(*(x.tolist() for x in columns(order).values()), strict=True)
    ]
    (tmp_path / "a.csv").write_text("\n".join(["token,nll,document,bytes", *lines]) + "\n")
    found.append(lm.evaluate(tmp_path / "a.csv", stream=True, **options))
    assert all(to_json(other.states) == to_json(found[0].states) for other in found[1:])
    assert all(other.metrics == found[0].metrics and other.losses == found[0].losses for other in found[1:])


def test_reports() -> None:
    result = lm.evaluate(NLL, LABELS, **TASK, bytes=20_000, stream=True)
    assert json.loads(result.to_json())["metrics"]["bits_per_byte"]["low"] > 0
    assert "perplexity" in str(result) and f"{np.count_nonzero(LABELS + 100)} tokens" in str(result)
    assert "perplexity" in result.to_html()


@pytest.mark.parametrize("group", [None, np.arange(4)])
def test_infinite_and_huge_losses(group: np.ndarray | None) -> None:
    given: dict[str, Any] = {**TASK, "group": group, "bytes": np.ones(4), "stream": True}
    impossible = lm.evaluate([1.0, np.inf, 2.0, 1.0], [0, 1, 2, 3], **given)
    assert impossible.verdict.startswith("The perplexity is infinite")
    huge = lm.evaluate([1000.0, 1200.0, 900.0, 900.0], [0, 1, 2, 3], **given)
    assert huge.metrics["perplexity"].value is None
    assert huge.metrics["bits_per_token"].value == pytest.approx(1000 / math.log(2))
    for result in (impossible, huge):
        json.loads(result.to_json())
        assert "<html" in result.to_html()
    one = lm.evaluate([2.0], [7], **TASK, stream=True)
    assert one.metrics["perplexity"].low is None and one.metrics["perplexity"].constant == 1.0


def test_few_documents_are_told() -> None:
    result = lm.evaluate(NLL, LABELS, **TASK, group=np.arange(TOKENS) % 3, stream=True)
    assert ("EVAL03", "Only 3 documents.") in [(f.code, f.what) for f in result.findings]


# --- states ----------------------------------------------------------------------------------------------------------
def test_the_interval_of_the_gain_over_documents_holds_the_truth() -> None:
    """Documents differ in how well they are predicted; 95 % of the intervals hold a gain whose mean is 0."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(400):
        state = TokenCounts(documents=True)
        document = np.repeat(np.arange(100), 10)
        loss = np.repeat(rng.standard_normal(100), 10) + 5
        state.update(np.zeros(1000, np.int64), loss, document)
        low, high = state.gain(np.array([5.0]), None)
        held += low <= 0 <= high
    assert 0.91 * 400 <= held <= 0.98 * 400


@pytest.mark.parametrize("documents", [False, True])
def test_ids_of_any_sign_and_stored_states(documents: bool) -> None:
    ids, loss = np.array([-7, 5, 5, 1 << 39]), np.array([0.1, 0.2, 0.3, 0.4])
    whole, parts = TokenCounts(documents), [TokenCounts(documents) for _ in range(2)]
    whole.update(ids, loss, ids % 3 if documents else None)
    for part, rows in zip(parts, ([3, 0], [2, 1]), strict=True):
        part.update(ids[rows], loss[rows], (ids % 3)[rows] if documents else None)
    assert from_json(to_json(parts[1])).merge(parts[0]) == whole
    assert [x.tolist() for x in whole.result()] == [[-7, 5, 1 << 39], [1, 2, 1]]
    few = TokenCounts(documents, most=2)
    with pytest.raises(LabelError, match="target holds more than 2 different values; expected ids of tokens"):
        few.update(ids, loss, ids if documents else None)
    with pytest.raises(LabelError, match="which is no id of a token"):
        whole.update(ids << 2, loss, ids if documents else None)


# --- bad input -------------------------------------------------------------------------------------------------------
GOOD = {"p": [1.0, 0.5], "y": [3, 4], "g": ["a", "b"], "b": [2, 1]}
COLUMNS = {"target": "y", "prediction": "p"}


@pytest.mark.parametrize(
    ("bad", "options", "error", "said"),
    [
        ({"p": [1.0, -0.5]}, {}, DomainError, r"prediction is -0.5 at row 4 \(1 of 2 tokens\); a token's loss is"),
        ({"p": [np.nan, 0.5]}, {}, DomainError, r"prediction is nan at row 3 .* mark tokens that do not count with"),
        ({"y": [0.5, 1.0]}, {}, ShapeError, "target holds float64; expected whole numbers"),
        (
            {"y": [[1, 2], [3, 4]]},
            {},
            ShapeError,
            "prediction has 2 losses and target has 4 token ids in the rows from",
        ),
        ({"p": ["a", "b"]}, {}, InputError, "prediction has dtype <U1; expected losses per token"),
        ({"g": ["a", None]}, {"group": "g"}, DomainError, "group is missing at row 4, for a token that counts"),
        ({"b": [1, -1]}, {"bytes": "b"}, DomainError, "bytes is -1 at row 4; bytes must be finite"),
        ({"b": [1, np.nan]}, {"bytes": "b"}, DomainError, "bytes is nan at row 4"),
        ({"b": ["x", "y"]}, {"bytes": "b"}, InputError, "bytes holds <U1; expected numbers"),
        ({}, {"bytes": 0}, DomainError, "bytes is 0; bytes must be finite, not negative and not 0 in all"),
        ({}, {"bytes": "n"}, DataError, r"has no column 'n' for bytes \(bytes=\)"),
        ({}, {"group": "n"}, DataError, r"has no column 'n' for groups \(group=\)"),
        ({}, {"group": ["a", "b"]}, InputError, "group= and bytes= of a file are names of its columns"),
        ({}, {"form": "labels"}, InputError, "form is 'labels', but language_model takes 'losses', 'logits'"),
        ({}, {"form": "logits"}, InputError, "takes .* numbers per token of the vocabulary"),
        ({}, {"class_names": ["a"]}, InputError, "class_names= is not for language_model"),
        ({}, {"k": 3}, InputError, "k= needs all rows at once"),
        ({}, {"weight": "b"}, InputError, "weight= is for tasks whose examples are rows"),
        ({}, {"slices": ["g"]}, InputError, "slices= is for tasks whose examples are rows"),
    ],
)
def test_bad_input(bad: dict[str, Any], options: dict[str, Any], error: type[Exception], said: str) -> None:
    batches = [GOOD, GOOD | bad]
    with pytest.raises(error, match=said):
        lm.evaluate(batches, **TASK, **COLUMNS, **options)


@pytest.mark.parametrize(
    ("batches", "options", "error", "said"),
    [
        ([(LOGITS[:4], IDS[:4]), (LOGITS[:2], [99, 0])], {}, LabelError, "target is 99 at row 5, and prediction"),
        ([(LOGITS[:4], IDS[:4]), (LOGITS[:2, :5], [1, 0])], {}, ShapeError, "scores 5 tokens at row 5, and 12 in the"),
        ([(LOGITS[:4] * np.nan, IDS[:4])], {}, DomainError, r"prediction is NaN at row 1 \(4 of 4 tokens that count\)"),
        ([([[1.0, -1.0]], [[1, 2]])], {}, DomainError, r"prediction is -1 at row 1 \(token 2\)"),
        ([([1.0], [-100])], {}, DataError, "no token is left to evaluate: 1 are marked as ignored"),
        ([([1.0], [7])], {"ignore_index": 7}, DataError, "no token is left to evaluate"),
        ([([], np.zeros(0, int))], {}, DataError, "the source has no rows"),
        ([{"prediction": [1.0], "target": [7], "b": [0]}], {"bytes": "b"}, DomainError, "0 in all rows of column 'b'"),
        ([{"prediction": [[1.0, 2.0]], "target": [[-100, -100]], "b": [3]}], {"bytes": "b"}, ShapeError,
         "bytes is 3 at row 1, and no token of this row counts"),
        (pa.table({"prediction": [1.0, None], "target": [1, 2]}), {}, DomainError, "a value is missing at row 2"),
        (pa.table({"prediction": [[1.0, 2.0], [1.0]], "target": [1, 0]}), {}, ShapeError, "scores 1 tokens in one row"),
        (pa.table({"prediction": [[1.0, 2.0], [1.0]], "target": [[1], [0, 2]]}), {}, ShapeError, "in other rows"),
    ],
)  # fmt: skip
def test_bad_batches(batches: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        lm.evaluate(batches, **TASK, **options)


def test_arrays_beside_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"^group has shape \(2,\); of a stream expected \(6000,\), one for each row"):
        lm.evaluate(NLL, LABELS, **TASK, group=[0, 1], stream=True)
    with pytest.raises(InputError, match="target is None"):
        lm.evaluate(NLL, **TASK, stream=True)
