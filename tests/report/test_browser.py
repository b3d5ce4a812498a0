"""The report in a browser: what moves, what can be put in order, and that nothing of the data ever runs.

Needs Chromium or Chrome on the path (no driver, no package); one browser serves all tests of this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.report import svg

pytest.importorskip("fcntl", reason="the browser is given its pipes in POSIX's way")

from .browser import Browser, executable

PATH = executable()
pytestmark = pytest.mark.skipif(PATH is None, reason="no Chromium or Chrome on the path")
HOSTILE = ["</script><img src=x onerror=window.hacked=1>", "\"'><svg onload=window.hacked=1>", "{{7*7}}<!--"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PATH is not None
    opened = Browser(PATH, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def binary() -> lm.evaluation.Evaluation:
    rng = np.random.default_rng(0)
    y = (rng.random(800) < 0.3).astype(int)
    p = 1 / (1 + np.exp(-(2 * rng.normal(size=800) + 2.5 * y - 1.5)))
    return lm.evaluate(p, y, class_names=["stays", "leaves"])


def save(result: lm.evaluation.Evaluation, folder: Path) -> Path:
    path = folder / "report.html"
    result.save_html(path)
    return path


def text(browser: Browser, selector: str) -> list[str]:
    return browser.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")


def test_slider_moves_what_the_json_says(browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path) -> None:
    browser.open(save(binary, tmp_path))
    figures = json.loads(binary.to_json())["figures"]["thresholds"]
    at = len(figures["threshold"]) // 3
    browser.run(f"slider.value = {at}; slider.dispatchEvent(new Event('input'))")
    hits, alarms = figures["hits"][at], figures["alarms"][at]
    positives, negatives = figures["positives"], figures["negatives"]
    cells = [negatives - alarms, alarms, positives - hits, hits]
    assert [float(t) for t in text(browser, "table.live td")] == cells
    shown = dict(zip(text(browser, "dl.live dt"), map(float, text(browser, "dl.live dd")), strict=True))
    assert shown["precision"] == pytest.approx(hits / (hits + alarms), abs=5e-5)
    assert shown["recall"] == pytest.approx(hits / positives, abs=5e-5)
    assert shown["F1"] == pytest.approx(2 * hits / (hits + alarms + positives), abs=5e-5)
    assert shown["specificity"] == pytest.approx(1 - alarms / negatives, abs=5e-5)
    assert shown["cost"] == alarms + positives - hits
    browser.run("document.getElementById('cost-miss').value = 5; document.querySelector('[data-pick=cost]').click()")
    costs = np.array(figures["alarms"]) + 5 * (positives - np.array(figures["hits"]))
    assert float(text(browser, "#live-cost")[0]) == costs.min()
    best = browser.run("document.querySelector('[data-pick=f1]').click(); Number(slider.value)")
    f1 = 2 * np.array(figures["hits"]) / (np.array(figures["hits"]) + figures["alarms"] + positives)
    assert f1[best] == f1.max()
    assert browser.errors == []


def test_slider_moves_the_marks_and_obeys_keys(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path
) -> None:
    browser.open(save(binary, tmp_path))
    where = "[...document.querySelectorAll('circle.mark')].map(m => m.getAttribute('cx'))"
    before, at = browser.run(where), browser.run("slider.focus(), Number(slider.value)")
    for _ in range(30):
        browser.press("ArrowRight", 39)
    assert browser.run("Number(slider.value)") == at + 30
    assert all(float(new) < float(old) for new, old in zip(browser.run(where), before, strict=True))
    assert browser.run("slider.getAttribute('aria-valuetext')") == text(browser, "#slider-value")[0]
    line = browser.run("Number(document.querySelector('line.mark-line').getAttribute('x1'))")
    threshold = binary.drawn().thresholds.threshold[at + 30]
    assert line == pytest.approx(svg.LEFT + (440 - svg.LEFT - svg.RIGHT) * threshold, abs=0.05)


def test_matrix_in_other_units_and_orders(browser: Browser, tmp_path: Path) -> None:
    counts = np.array([[5, 1, 0], [2, 30, 4], [0, 6, 9]])
    y, p = (np.repeat(np.indices((3, 3))[k].ravel(), counts.ravel()) for k in (0, 1))
    browser.open(save(lm.evaluate(p, y, task="multiclass", class_names=["b", "c", "a"]), tmp_path))
    cells = "table.matrix td"
    assert [int(t) for t in text(browser, cells)] == counts.ravel().tolist()
    browser.run("document.querySelector('[data-mode=rows]').click()")
    assert [float(t) for t in text(browser, cells)] == pytest.approx(
        (100 * counts / counts.sum(axis=1, keepdims=True)).ravel(), abs=0.05
    )
    browser.run("document.querySelector('[data-mode=columns]').click()")
    assert [float(t) for t in text(browser, cells)] == pytest.approx(
        (100 * counts / counts.sum(axis=0)).ravel(), abs=0.05
    )
    browser.run("document.querySelector('[data-mode=counts]').click()")
    order = "const s = document.querySelector('[data-order]'); s.value = '{}'; s.dispatchEvent(new Event('change'))"
    browser.run("{" + order.format("size") + "}")
    assert [int(t) for t in text(browser, cells)] == counts[[1, 2, 0]][:, [1, 2, 0]].ravel().tolist()
    browser.run("{" + order.format("name") + "}")
    assert text(browser, "table.matrix tbody th") == ["a", "b", "c"]
    browser.run("{" + order.format("given") + "}")
    browser.run("document.querySelectorAll('table.matrix thead button')[2].click()")  # by what was predicted as c
    assert text(browser, "table.matrix tbody th") == ["c", "a", "b"]
    assert browser.errors == []


def test_tables_are_put_in_order_by_key(browser: Browser, tmp_path: Path) -> None:
    y = np.repeat([0, 1, 2], [10, 30, 20])
    p = np.where(np.arange(60) % 7 == 0, (y + 1) % 3, y)
    browser.open(save(lm.evaluate(p, y, task="multiclass", class_names=["x", "y", "z"]), tmp_path))
    browser.run("document.querySelectorAll('#classes thead button')[1].focus()")
    names, heading = "#classes tbody th", "document.querySelectorAll('#classes thead th')[1].getAttribute('aria-sort')"
    found = []
    for _ in range(3):
        browser.press("Enter", 13, "\r")
        found.append((browser.run(heading), text(browser, names)))
    assert found == [("descending", ["y", "z", "x"]), ("ascending", ["x", "z", "y"]), (None, ["x", "y", "z"])]


def test_theme_follows_the_system_until_it_is_switched(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    path = save(binary, tmp_path)
    browser.open(path)
    light = browser.run(ground)
    browser.run("document.getElementById('theme').click()")
    dark = browser.run(ground)
    assert dark != light
    assert browser.run("document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    browser.open(path, scheme="dark")
    assert browser.run(ground) == dark
    browser.run("document.getElementById('theme').click()")
    assert browser.run(ground) == light


@pytest.mark.parametrize("kind", ["binary", "regression", "many", "history"])
def test_a_phone_needs_no_sideways_scroll(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path, kind: str
) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 50, 2000)
    results = {
        "binary": lambda: binary,
        "regression": lambda: lm.evaluate(rng.normal(size=500), rng.normal(size=500)),
        "many": lambda: lm.evaluate(
            (y + (y % 3 == 0)) % 50, y, task="multiclass", class_names=["n" * 90 + str(i) for i in range(50)]
        ),
        "history": lambda: binary,
    }
    path = tmp_path / "r.html"
    epochs = [{"loss": 1 / (k + 1), "val_loss": 1 / (k + 1) + 0.1} for k in range(9)]
    results[kind]().save_html(path, epochs if kind == "history" else None)
    browser.open(path, width=360, height=740)
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.errors == []


def test_hostile_names_never_run(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    few = lm.evaluate(rng.dirichlet(np.ones(3), 60), rng.integers(0, 3, 60), class_names=HOSTILE)
    many = [f"{HOSTILE[i % 3]}{i}" for i in range(60)]
    picture = lm.evaluate(rng.integers(0, 60, 500), rng.integers(0, 60, 500), task="multiclass", class_names=many)
    two = lm.evaluate(rng.random(50), rng.integers(0, 2, 50), class_names=HOSTILE[:2])
    for result in (few, picture, two):
        browser.open(save(result, tmp_path))
        browser.run("document.querySelectorAll('button:not(.export button)').forEach(b => b.click())")
        assert browser.run("window.hacked") is None
        assert browser.run("document.images.length + document.querySelectorAll('[onload],[onerror]').length") == 0
        assert browser.errors == []
    assert HOSTILE[1] in text(browser, "table.live thead th")


def test_picture_of_many_classes(browser: Browser, tmp_path: Path) -> None:
    y = np.arange(3000) % 60
    p = np.where(np.arange(3000) < 600, (y + 1) % 60, y)
    browser.open(save(lm.evaluate(p, y, task="multiclass"), tmp_path))
    browser.run("document.getElementById('matrix').focus()")
    browser.press("ArrowRight", 39)
    said = text(browser, "#matrix-cell")[0]
    assert said == "True 0, predicted 1: 10 rows, 20.0 % of the true class, 20.0 % of the predicted."
    pixels = """(() => { const c = document.getElementById('matrix').cloneNode();
        const copy = c.getContext('2d', { willReadFrequently: true });
        copy.drawImage(document.getElementById('matrix'), 0, 0);
        const d = copy.getImageData(0, 0, c.width, c.height).data;
        let blue = 0; for (let i = 0; i < d.length; i += 4) blue += d[i + 2] > d[i] + 60; return blue; })()"""
    whole = browser.run(pixels)
    assert 0.3 * 60 * 10 * 10 < whole < 60 * 11 * 11  # the diagonal
    browser.press("+", 187, "+")
    assert browser.run(pixels) > 1.5 * whole
    assert browser.errors == []


def test_figures_are_saved_with_their_styles(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path
) -> None:
    browser.open(save(binary, tmp_path))
    got = browser.run("""(async () => {
        const blobs = []; const real = URL.createObjectURL;
        URL.createObjectURL = (blob) => { blobs.push(blob); return 'blob:none'; };
        HTMLAnchorElement.prototype.click = function () { names.push(this.download); };
        const names = [];
        document.querySelectorAll('.export button').forEach((b) => b.click());
        const wanted = document.querySelectorAll('.export button').length;
        for (let k = 0; k < 100 && blobs.length < wanted; k++) await new Promise((r) => setTimeout(r, 50));
        URL.createObjectURL = real;
        const [kinds, sizes] = [blobs.map((b) => b.type), blobs.map((b) => b.size)];
        return {names, wanted, kinds, sizes, first: await blobs[0].text()};
    })()""")
    assert len(got["names"]) == got["wanted"] == 10
    assert {"roc.svg", "roc.png", "confusion-matrix.svg", "scores.png"} <= set(got["names"])
    assert sorted(set(got["kinds"])) == ["image/png", "image/svg+xml"]
    assert min(got["sizes"]) > 1000
    assert got["first"].startswith("<svg")
    assert "var(" not in got["first"]
    assert browser.errors == []


def test_paper_is_light_and_the_screen_as_it_was(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    browser.open(save(binary, tmp_path))
    light = browser.run(ground)
    browser.open(save(binary, tmp_path), scheme="dark")
    drawn = "window.drawn = []; document.addEventListener('themechange', () => drawn.push(%s)); 0"
    browser.run(drawn % ground)
    browser.send("Page.printToPDF")
    assert browser.run("drawn")[0] == light
    assert browser.run("document.documentElement.dataset.theme ?? ''") == ""
    assert browser.run(ground) != light
    browser.send("Emulation.setEmulatedMedia", media="print")
    hidden = "[...document.querySelectorAll('.top,.tools,.export,.costs,#slider')].every(e => !e.offsetParent)"
    assert browser.run(hidden)
    assert browser.errors == []


def test_long_tables_end_on_paper_and_say_so(browser: Browser, tmp_path: Path) -> None:
    y = np.arange(700) % 70
    browser.open(save(lm.evaluate((y + (y % 5 == 0)) % 70, y, task="multiclass"), tmp_path))
    shown = "[...document.querySelectorAll('#classes tbody tr')].filter(r => r.offsetParent).length"
    assert browser.run(shown) == 70
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run(shown) == 60
    below = "getComputedStyle(document.querySelector('#classes .scroll'), '::after').content"
    assert "first 60 rows" in browser.run(below)


def test_a_phone_shows_intervals_below_their_numbers(
    browser: Browser, binary: lm.evaluation.Evaluation, tmp_path: Path
) -> None:
    browser.open(save(binary, tmp_path), width=360, height=740)
    auc = binary.metrics["auc"]
    after = "getComputedStyle([...document.querySelectorAll('#numbers tr')].find(r => r.textContent.startsWith('ROC'))"
    assert browser.run(f"{after}.cells[1], '::after').content") == f'"{auc.low:.4f} … {auc.high:.4f}"'
    assert browser.run("document.querySelector('td.interval').offsetParent") is None
