"""The HTML report: well formed, self-contained, safe against hostile names, written whole or not at all."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.report import history

VOID = {"meta", "input", "line", "polyline", "circle"}
EVIL = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Checks that elements are balanced, and keeps what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def evaluations() -> dict[str, lm.evaluation.Evaluation]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 12, 300)
    z = rng.normal(size=(300, 12))
    z[np.arange(300), y] += 2
    bits = (z[:, :3] > 0).astype(int)
    return {
        "multiclass": lm.evaluate(z, y, class_names=[EVIL, *(f"class {i}" for i in range(11))]),
        "labels": lm.evaluate(z.argmax(1), y, task="multiclass"),
        "binary": lm.evaluate(z[:, 0], y == 0),
        "weighted": lm.evaluate(z[:, 0], y == 0, weight=rng.uniform(size=300)),
        "multilabel": lm.evaluate(z[:, :3], bits, task="multilabel"),
        "regression": lm.evaluate(z[:, 0], z[:, 1]),
        "many": lm.evaluate(rng.integers(0, 80, 500), rng.integers(0, 80, 500), task="multiclass"),
    }


@pytest.fixture(scope="module")
def results() -> dict[str, lm.evaluation.Evaluation]:
    return evaluations()


@pytest.mark.parametrize("name", ["multiclass", "labels", "binary", "weighted", "multilabel", "regression", "many"])
def test_page_is_well_formed_and_needs_nothing(results: dict, name: str) -> None:
    text = results[name].to_html()
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert not page.all("script")
    assert not page.all("link")
    assert not re.search(r"https?://|url\(|@import|\bon\w+=", text)
    assert page.text["title"] == [results[name].verdict]
    assert "prefers-color-scheme: dark" in text
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in attributes for attributes in page.all("th"))
    assert any(a.get("name") == "viewport" for a in page.all("meta"))
    assert len(text.encode()) < 200_000


def test_page_shows_the_matrix_and_its_classes(results: dict) -> None:
    page = Page(results["multiclass"].to_html())
    captions = page.text["caption"]
    assert captions == ["Losses", "Metrics", "Confusion matrix", "Most confused", "Classes"]
    counts = [int(text) for text in page.text["b"]]
    assert sum(counts) == 300
    assert "Confusion matrix" not in Page(results["many"].to_html()).text["caption"]


def test_what_was_assumed_stands_before_the_verdict(results: dict) -> None:
    text, result = results["binary"].to_html(), results["binary"]
    assert text.index(result.assumptions[0].replace("'", "&#x27;")) < text.index("<h1>")
    assert "assumed" not in lm.evaluate([1.0, 2.0], [1.5, 2.0], task="regression").to_html().partition("<body>")[2]


def test_hostile_names_are_text(results: dict) -> None:
    text = results["multiclass"].to_html()
    assert EVIL not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in text
    names = ['"><img src=x onerror=alert(1)>', "\x1b[31m\ud800", "</title><b>"]
    page = Page(lm.evaluate(np.eye(3)[[0, 1, 2, 0]], [1, 1, 2, 0], class_names=names).to_html())
    assert not page.all("img")
    assert any(names[0] in text for text in page.text["th"])


def test_history_is_drawn() -> None:
    epochs = [
        {"epoch": 1, "train_loss": 1.0, "val_loss": 1.2, "accuracy": 0.5},
        {"epoch": 2, "train_loss": 0.5, "val_loss": 0.9, "accuracy": 0.7, "note": "text"},
        {"epoch": 3, "train_loss": float("nan"), "val_loss": 1.1, "accuracy": None},
    ]
    page = Page(lm.evaluate([1.0, 2.0], [1.5, 2.0]).to_html(history=epochs))
    assert [a["aria-label"] for a in page.all("svg")] == [
        "Loss by epoch: train_loss, val_loss",
        "Other metrics by epoch: accuracy",
    ]
    curves = [a["points"].split() for a in page.all("polyline")]
    assert [len(points) for points in curves] == [2, 3, 2]
    assert "lowest: 0.9, epoch 2" in page.text["text"]


def test_history_edges() -> None:
    assert history.draw([]) == ""
    assert history.draw([{"epoch": 1}]) == ""
    one = history.draw([{"loss": 0.5}])
    assert "<circle" in one
    assert "nan" not in one
    flat = history.draw([{EVIL: 2.0}, {EVIL: 2.0}])
    assert EVIL not in flat
    assert "&lt;script&gt;" in flat


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.3288, 2.41), (-5.0, 1e6), (3.0, 3.0), (0.0, 0.0), (1e-9, 2e-9)]
)
def test_ticks_enclose_the_values(low: float, high: float) -> None:
    ticks = history._ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(set(ticks))


# --- files -----------------------------------------------------------------------------------------------------------
def test_save_html(tmp_path: Path) -> None:
    result = lm.evaluate([1.0, 2.0], [1.5, 2.0])
    result.save_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == result.to_html()
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
