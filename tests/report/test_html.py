"""The HTML report: well formed, self-contained, safe against hostile names, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.errors import InputError
from lossmith.report import forest, history, matrix, svg
from lossmith.report.page import _json

VOID = {"meta", "input", "line", "polyline", "polygon", "circle"}
EVIL = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Checks that elements are balanced, and keeps what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

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
    assert not page.all("link")
    assert not any("src" in attributes for _, attributes in page.tags)
    assert all(attributes.get("href", "#").startswith("#") for _, attributes in page.tags)
    assert not re.search(r"https?://(?!www\.w3\.org)|url\(|@import|\son\w+=|innerHTML|eval\(", text)
    assert page.text["title"][0] == results[name].verdict
    assert "prefers-color-scheme: dark" in text
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in page.all("svg"))
    anchors = {a["href"] for a in page.all("a")}
    assert {f"#{attributes['id']}" for _, attributes in page.tags if "id" in attributes} >= anchors
    assert all("scope" in attributes for attributes in page.all("th"))
    assert any(a.get("name") == "viewport" for a in page.all("meta"))
    assert len(text.encode()) < 200_000


def test_only_our_scripts_may_run(results: dict) -> None:
    """The page's policy names exactly the scripts that stand in it, by their hashes."""
    text = results["binary"].to_html()
    policy = next(a["content"] for a in Page(text).all("meta") if a.get("http-equiv"))
    sources = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in sources]
    assert len(hashes) == 3
    assert policy.split("script-src ")[1].split() == hashes
    assert "default-src 'none'" in policy


def test_data_cannot_end_their_element() -> None:
    given = {"names": ["</script><img src=x onerror=alert(1)>", "<!--", "\u2028", "\ud800"]}
    text = _json(given)
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == given


def test_a_thousand_classes_fit_into_2_mb(rng: np.random.Generator) -> None:
    names = [f"{EVIL} of class number {i}, which has a long name" * 3 for i in range(1000)]
    y = np.repeat(np.arange(1000), 160)
    text = lm.evaluate(rng.integers(0, 1000, y.size), y, task="multiclass", class_names=names).to_html()
    assert len(text.encode()) < 2_000_000
    assert EVIL not in text
    assert "rows together, are left out" in text


def test_cells_of_the_picture_are_the_largest() -> None:
    counts = np.zeros((50, 50), np.int64)
    counts[3, 4], counts[49, 49], counts[0, 0] = 7, 9, 2
    found = lm.evaluation.Confusion(class_names=tuple(map(str, range(50))), counts=counts, pairs=(), errors=7)
    _, data = matrix.draw(found)
    assert data["cells"] == [0, 2, 154, 7, 2345, 9]
    assert (data["rows"][3], data["columns"][4], data["unit"]) == (7, 7, 1.0)
    weighted = lm.evaluation.Confusion(class_names=found.class_names, counts=counts / 3, pairs=(), errors=7 / 3)
    _, data = matrix.draw(weighted)
    assert [data["cells"][i] * data["unit"] for i in (1, 3, 5)] == pytest.approx([2 / 3, 7 / 3, 3.0], rel=1e-5)


def test_page_shows_the_matrix_and_its_classes(results: dict) -> None:
    page = Page(results["multiclass"].to_html())
    captions = page.text["caption"]
    numbers = ["Losses", "Metrics", "Confusion matrix", "Most confused", "Calibration in numbers", "Classes"]
    assert captions[:6] == numbers
    cells = re.findall(
        r'<td class="(?:hit|miss)" style="[^"]*" title="[^"]*">(\d+)</td>', results["multiclass"].to_html()
    )
    assert sum(map(int, cells)) == 300
    assert "Confusion matrix" not in Page(results["many"].to_html()).text["caption"]


def test_what_was_assumed_stands_in_the_head(results: dict) -> None:
    text, result = results["binary"].to_html(), results["binary"]
    assert text.index(result.assumptions[0].replace("'", "&#x27;")) < text.index("</header>")
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
    page = Page(history.draw(epochs))
    assert [a["aria-label"] for a in page.all("svg")] == [
        "Loss by epoch: train_loss, val_loss",
        "Other metrics by epoch: accuracy",
    ]
    curves = [a["points"].split() for a in page.all("polyline")]
    assert [len(points) for points in curves] == [2, 3, 2]
    assert "lowest: 0.9, epoch 2" in page.text["text"]


def test_history_has_the_doctors_marks() -> None:
    v = [1.0, 0.7, 0.5, 0.42, 0.4, 0.41, 0.45, 0.5, 0.56, 0.63, 0.7, 0.78]
    curves = {"loss": [1 / (1 + k) for k in range(12)], "val_loss": v}
    drawn = history.draw(curves)
    assert "<b>GEN01</b>" in drawn
    assert '<text class="doctor"' in drawn
    assert "GEN01" not in history.draw({"loss": [1.0, 0.5], "val_loss": [1.0, 0.6]})
    assert "doctor" not in history.draw([{"accuracy": 0.5}, {"accuracy": 0.6}])


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
    ticks = svg.ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(set(ticks))


# --- files -----------------------------------------------------------------------------------------------------------
def test_save_html(tmp_path: Path) -> None:
    result = lm.evaluate([1.0, 2.0], [1.5, 2.0])
    result.save_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == result.to_html()
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(InputError, match=r"to_html got '.*r\.html'; .* save_html\(path\) writes a file"):
        result.to_html(tmp_path / "r.html")


def test_slices_are_drawn_with_their_intervals(rng: np.random.Generator) -> None:
    place = np.array(["here", EVIL, "there"])[np.arange(600) % 3]
    y = rng.normal(size=600)
    result = lm.evaluate(y + rng.normal(size=600) * np.where(place == EVIL, 3, 1), y, slices={"place": place})
    text = result.to_html()
    figure = text.split('data-name="slices"')[1].split("</figure>")[0]
    assert figure.count("<circle") == 3
    assert figure.count('class="curve c1"') == figure.count('class="dot c1"') == 1
    assert EVIL not in text
    assert "Squared error by slice" in text
    assert '<td class="worse">worse</td>' in text
    assert 'data-name="slices"' not in lm.evaluate(y, y + 1).to_html()


def test_forest_keeps_what_lies_beyond_at_the_end() -> None:
    line = forest.Line(name="a" * 40, low=-9.0, value=0.5, high=9.0, kind="c0", title="<t>")
    text = forest.forest([line], (0.0, 1.0), 0.5, "label", axis="loss")
    assert 'x1="156.0" x2="424.0"' in text
    assert "&lt;t&gt;" in text
    assert "a" * 23 + "…" in text


def test_labels_have_a_reliability_diagram(results: dict) -> None:
    drawn = results["multilabel"].drawn()
    assert drawn.reliability.count.sum() == drawn.scores.counts.sum() == 900
    rate = np.nansum(drawn.reliability.rate * drawn.reliability.count) / 900
    assert rate == pytest.approx(drawn.scores.counts[1].sum() / 900)
    text = results["multilabel"].to_html()
    assert "3 labels" in text and "as if a row were one observation" in text
