"""The kernel of whole rows leaves the same bits as the states, one by one, do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith.core import call
from lossmith.losses import find
from lossmith.native import emit_evaluation
from lossmith.native import evaluation as kernels

from .streams import bits

pytestmark = pytest.mark.skipif(not kernels.available(), reason="there is no native core")
SOURCES = Path(__file__).parents[2] / "src" / "lossmith" / "native"  # a wheel has no C++
EDGES = [0.0, -0.0, 1.0, 0.5, 0.5 + 2**-53, 0.5 - 2**-54, 5e-324, 1e-310, 1e-300, 1e-20, 1 - 2**-53, 1 / 15, 2**-40]


def evaluated(prediction: Any, target: Any, batch: int = 700, **options: Any) -> str:
    at = range(0, len(target), batch)
    batches = [
        {"p": prediction[k : k + batch], "y": target[k : k + batch], "id": ids(target)[k : k + batch]} for k in at
    ]
    return bits(lm.evaluate(iter(batches), row_id="id", task="binary", **options))


def ids(target: Any) -> np.ndarray:
    return np.arange(len(target)) * 3 - 500


def probabilities(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.beta(0.3, 0.5, 4000), rng.beta(0.01, 0.01, 500), EDGES, EDGES, np.full(300, 0.25)])


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Any:
    def refuse() -> None:
        monkeypatch.setattr(kernels.BinaryRows, "update", lambda *_: False)

    return refuse


@pytest.mark.parametrize(
    ("score", "label"),
    [("f4", "?"), ("f4", "i1"), ("f4", "u1"), ("f8", "i4"), ("f8", "i8"), ("f4", "u8"), ("f8", "f4"), ("f4", "f8")],
)
def test_probabilities_of_any_type(score: str, label: str, rng: np.random.Generator, refusing: Any) -> None:
    p = probabilities(rng).astype(score)
    y = (rng.random(p.size) < p).astype(label)
    found = evaluated(p, y, form="probabilities")
    assert found == evaluated(p, y, batch=10_000, form="probabilities")
    refusing()
    assert found == evaluated(p, y, form="probabilities")


def test_probabilities_that_are_nearly_certain(rng: np.random.Generator, refusing: Any) -> None:
    p = np.concatenate([10.0 ** -rng.uniform(0, 320, 3000), 1 - 10.0 ** -rng.uniform(8, 16, 3000)])
    y = (rng.random(p.size) < 0.5).astype(np.int64)
    found = evaluated(p, y, form="probabilities")
    refusing()
    assert found == evaluated(p, y, form="probabilities")


def test_logits_do_not_depend_on_the_rows_beside_them(rng: np.random.Generator) -> None:
    z = np.concatenate(
        [rng.standard_normal(3000) * 5, rng.standard_normal(300) * 200, [0.0, -0.0, 127, -127, 127.5, 1e300]]
    )
    z = np.concatenate([z, np.nextafter(EDGES, 1)])
    y = (rng.random(z.size) < 1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.int64)
    assert evaluated(z, y, form="logits") == evaluated(z, y, batch=len(y), form="logits")
    assert evaluated(z, y, form="logits") == evaluated(z, y, batch=41, form="logits")


def test_logits_agree_with_the_states(rng: np.random.Generator, refusing: Any) -> None:
    z = np.concatenate([rng.standard_normal(4000) * 5, rng.standard_normal(300) * 60])
    y = (rng.random(z.size) < 1 / (1 + np.exp(-z))).astype(np.int64)

    def result() -> Any:
        return lm.evaluate(z, y, form="logits", stream=True)

    found = result()
    refusing()
    plain = result()
    assert found.confusion.counts.tolist() == plain.confusion.counts.tolist()
    assert found.states["scores"] == plain.states["scores"]
    assert found.losses["sigmoid_cross_entropy"].value == plain.losses["sigmoid_cross_entropy"].value
    for name, metric in plain.metrics.items():
        assert found.metrics[name].value == pytest.approx(metric.value, rel=1e-9), name


def test_odd_batches_go_the_other_way_to_the_same_bits(rng: np.random.Generator) -> None:
    p = probabilities(rng)
    y = (rng.random(p.size) < p).astype(np.float64)
    p[5] = np.nan
    y[1000] = np.nan
    found = evaluated(p, y, form="probabilities")
    assert found == evaluated(p, y, batch=99, form="probabilities")
    good = ~np.isnan(p) & ~np.isnan(y)
    clean = lm.evaluate({"p": p[good], "y": y[good], "id": ids(y)[good]}, row_id="id", task="binary")
    odd = lm.evaluate({"p": p, "y": y, "id": ids(y)}, row_id="id", task="binary")
    assert clean.metrics == odd.metrics
    assert clean.losses == odd.losses


def test_a_wrong_target_is_an_error_that_names_it(rng: np.random.Generator) -> None:
    p, y = rng.random(100), np.arange(100) % 2
    y[70] = 2
    with pytest.raises(lm.LabelError, match="row 71"):
        lm.evaluate(iter([(p[:50], y[:50]), (p[50:], y[50:])]), task="binary")


def test_generated_formulas_are_those_of_the_definitions() -> None:
    assert (SOURCES / emit_evaluation.HEADER).read_text(encoding="utf-8") == emit_evaluation.header()


def test_worst_rows_of_many_that_tie(rng: np.random.Generator, refusing: Any) -> None:
    p = np.where(rng.random(3000) < 0.5, 0.0, rng.integers(0, 4, 3000) / 4)
    y = rng.integers(0, 2, 3000)
    order = rng.permutation(3000)

    def worst(at: np.ndarray) -> Any:
        found = lm.evaluate({"p": p[at], "y": y[at], "id": at // 2}, row_id="id", task="binary", form="probabilities")
        return {name: x.tolist() for name, x in found.states["worst"].result().items()}

    found = worst(order)
    assert found == worst(np.arange(3000))
    refusing()
    assert found == worst(order)


def test_the_mean_loss_is_rounded_once(rng: np.random.Generator) -> None:
    p = probabilities(rng)
    y = (rng.random(p.size) < p).astype(np.int64)
    loss = find("binary_cross_entropy")
    losses = call(loss, p, y, parameters=loss.defaults, reduction="none")
    found = lm.evaluate(iter([(p, y)]), task="binary", form="probabilities").states["loss"]
    assert found.overall().mean[0] == pytest.approx(math.fsum(losses) / p.size, rel=2**-52)
