"""Language models: perplexity, bits, what is ignored, intervals over documents, edges, bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import DomainError, EmptyError, InputError, LabelError, ShapeError
from lossmith.evaluation.intervals import of_mean

V = 11


@pytest.fixture
def text(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Logits (6, 20, V) and token ids, some of them padding with NaN under it."""
    ids = rng.zipf(1.6, (6, 20)) % V
    logits = rng.normal(size=(6, 20, V))
    logits[np.arange(6)[:, None], np.arange(20), ids] += 2.0
    ids[1, 12:], ids[4, :3] = -100, -100
    logits[ids == -100] = np.nan
    return logits, ids


def losses_of(logits: np.ndarray, ids: np.ndarray) -> np.ndarray:
    keep = ids != -100
    z = logits[keep]
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), ids[keep]]


def test_logits_against_the_formula(text: tuple[np.ndarray, np.ndarray]) -> None:
    logits, ids = text
    loss = losses_of(logits, ids)
    result = lm.evaluate(logits, ids, task="language_model", bytes=400)
    value = {name: m.value for name, m in result.metrics.items()}
    assert (result.rows, result.form, result.unit) == (loss.size, "logits", "token")
    assert result.losses["softmax_cross_entropy"].value == pytest.approx(loss.mean())
    assert value["perplexity"] == pytest.approx(math.exp(loss.mean()))
    assert value["bits_per_token"] == pytest.approx(loss.mean() / math.log(2))
    assert value["bits_per_byte"] == pytest.approx(loss.sum() / math.log(2) / 400)
    keep = ids != -100
    ranks = (logits[keep] > np.take_along_axis(logits[keep], ids[keep][:, None], 1)).sum(1)
    assert value["accuracy"] == pytest.approx(np.mean(ranks < 1))
    assert value["top_5_accuracy"] == pytest.approx(np.mean(ranks < 5))
    share = np.bincount(ids[keep], minlength=V) / keep.sum()
    entropy = -np.sum(share[share > 0] * np.log(share[share > 0]))
    assert result.metrics["perplexity"].constant == pytest.approx(math.exp(entropy))
    assert result.metrics["accuracy"].constant == pytest.approx(share.max())
    low, high = of_mean(loss, None)
    ends = result.metrics["perplexity"].low, result.metrics["perplexity"].high
    assert ends == pytest.approx((math.exp(low), math.exp(high)))
    assert f"{(ids == -100).sum()} of 120 tokens are marked as ignored" in result.notes[0]


def test_losses_and_probabilities_give_the_same(text: tuple[np.ndarray, np.ndarray]) -> None:
    logits, ids = text
    expected = lm.evaluate(logits, ids, task="language_model").metrics
    every = np.full(ids.shape, np.nan)
    every[ids != -100] = losses_of(logits, ids)
    for given in (every, every.reshape(-1)):
        found = lm.evaluate(given, ids.reshape(given.shape), task="language_model").metrics
        for name in ("perplexity", "bits_per_token"):
            assert found[name].value == pytest.approx(expected[name].value)
            assert found[name].high == pytest.approx(expected[name].high)
            assert found[name].constant == pytest.approx(expected[name].constant)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    shares = lm.evaluate(p, ids, task="language_model", form="probabilities").metrics
    assert shares["perplexity"].value == pytest.approx(expected["perplexity"].value)
    without = lm.evaluate(every[ids != -100], task="language_model")
    assert without.metrics["perplexity"].value == pytest.approx(expected["perplexity"].value)
    assert without.metrics["perplexity"].constant is None
    assert "without token ids there is no constant" in without.verdict


def test_half_precision_is_computed_in_float32(text: tuple[np.ndarray, np.ndarray]) -> None:
    logits, ids = text
    half = logits.astype(np.float16)
    expected = lm.evaluate(half.astype(np.float32), ids, task="language_model").metrics["perplexity"].value
    assert lm.evaluate(half, ids, task="language_model").metrics["perplexity"].value == pytest.approx(
        expected, rel=1e-6
    )


def test_intervals_over_documents(rng: np.random.Generator) -> None:
    size = rng.integers(5, 40, 60)
    document = np.repeat(np.arange(60), size)
    loss = rng.gamma(2.0, 1.0, 60)[document] + 0.1 * rng.random(document.size)  # alike within a document
    length = rng.integers(1, 9, document.size)
    clustered = lm.evaluate(loss, task="language_model", group=document, bytes=length).metrics
    alone = lm.evaluate(loss, task="language_model", bytes=length).metrics
    assert clustered["perplexity"].value == alone["perplexity"].value
    means, bits = [], []
    for _ in range(400):  # the bootstrap of whole documents
        times = np.bincount(rng.integers(0, 60, 60), minlength=60)[document]
        means.append(np.average(loss, weights=times))
        bits.append(times @ loss / (times @ length) / math.log(2))
    for name, drawn in (("perplexity", np.exp(means)), ("bits_per_byte", bits)):
        low, high = np.quantile(drawn, [0.025, 0.975])
        width = clustered[name].high - clustered[name].low
        assert 0.8 < width / (high - low) < 1.25, name
        assert width > 3 * (alone[name].high - alone[name].low), name


def test_groups_and_bytes_per_sequence(text: tuple[np.ndarray, np.ndarray]) -> None:
    logits, ids = text
    documents = np.array(["a", "b", "b", "c", "d", "d"])
    one = lm.evaluate(logits, ids, task="language_model", group=documents, bytes=np.arange(50, 56))
    every = np.repeat(documents, 20).reshape(6, 20)
    other = lm.evaluate(logits, ids, task="language_model", group=every, bytes=float(np.arange(50, 56).sum()))
    assert one.metrics["perplexity"] == other.metrics["perplexity"]
    assert one.metrics["bits_per_byte"].value == pytest.approx(other.metrics["bits_per_byte"].value)
    assert ("EVAL03", "Only 4 documents.") in [(f.code, f.what) for f in one.findings]


def test_infinite_and_huge_losses() -> None:
    impossible = lm.evaluate([1.0, np.inf, 2.0], [0, 1, 2], task="language_model")
    assert impossible.metrics["perplexity"].value is None
    assert impossible.verdict.startswith("The perplexity is infinite")
    huge = lm.evaluate([1000.0, 1200.0], [0, 1], task="language_model")
    assert huge.metrics["perplexity"].value is None  # beyond a float
    assert huge.metrics["bits_per_token"].value == pytest.approx(1100 / math.log(2))
    for result in (impossible, huge):
        assert "–" in str(result) and "<html" in result.to_html()
        json.loads(result.to_json())


def test_one_token_and_one_kind_of_token() -> None:
    one = lm.evaluate([2.0], [7], task="language_model")
    assert one.metrics["perplexity"].value == pytest.approx(math.exp(2.0))
    assert one.metrics["perplexity"].low is None
    assert one.metrics["perplexity"].constant == 1.0
    assert one.losses["softmax_cross_entropy"].skill is None


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"target": [-100, -100, -100]}, EmptyError, "all 3 have the label -100, which does not count"),
        ({"target": [1, 1, 1], "ignore_index": 1}, EmptyError, "all 3 have the label 1"),
        ({"prediction": [1.0, -0.5, 2.0]}, DomainError, "prediction is -0.5 at position 1 (1 of 3 tokens); a token's"),
        ({"prediction": [1.0, np.nan, 2.0]}, DomainError, "mark tokens that do not count with the label -100"),
        ({"prediction": np.zeros((3, 2))}, LabelError, "target is 2 at position 2, and prediction scores 2 tokens"),
        ({"prediction": np.full((3, 4), np.nan)}, DomainError, "prediction is NaN at position 0"),
        ({"target": [[0, 1]]}, ShapeError, "target has shape (1, 2)"),
        ({"target": [0.5, 1.0, 2.0]}, ShapeError, "dtype float64"),
        ({"form": "labels"}, InputError, "form is 'labels', but language_model takes 'losses', 'logits'"),
        ({"form": "logits"}, InputError, "takes (…, V) numbers per token"),
        ({"group": [0, 1]}, ShapeError, "group has shape (2,)"),
        ({"group": [0, None, 1]}, DomainError, "group is missing for a token that counts"),
        ({"bytes": 0}, DomainError, "bytes must be finite, not negative and not 0"),
        ({"bytes": [1, -1, 2]}, DomainError, "bytes must be finite"),
        ({"bytes": [1, 2]}, ShapeError, "bytes has shape (2,)"),
        ({"k": 3}, InputError, "k= is for task ranking or multiclass, and this is language_model"),
        ({"class_names": ["a"]}, InputError, "class_names= is not for language_model"),
        ({"train_target": [1]}, InputError, "train_target= is for tasks whose examples are rows"),
    ],
)
def test_bad_input(options: dict, kind: type[Exception], message: str) -> None:
    given = {"prediction": [1.0, 0.5, 2.0], "target": [0, 1, 2], "task": "language_model"} | options
    with pytest.raises(kind) as caught:
        lm.evaluate(given.pop("prediction"), given.pop("target"), **given)
    assert message in str(caught.value)
