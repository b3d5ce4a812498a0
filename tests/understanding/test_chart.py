"""Pictures: all formats, whole files, and what cannot be drawn."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import lossmith as lm
from lossmith.losses import Loss, losses
from lossmith.understanding import plot
from lossmith.understanding.chart import chart

pytest.importorskip("altair")
pytest.importorskip("vl_convert")


def definition(name: str) -> Loss:
    return lm.get(name).definition


def layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [layer for panel in spec["hconcat"] for layer in panel["layer"]]


# One of each kind: the curves of all are tested beside them, and altair takes a third of a second for a picture.
KINDS = list(
    {(loss.task, loss.layout, bool(loss.extras)): pytest.param(loss, id=loss.name) for loss in losses()}.values()
)


@pytest.mark.parametrize("loss", KINDS)
def test_a_loss_has_a_picture_with_its_title_and_words(loss: Loss) -> None:
    spec = chart([loss], {})
    assert spec["title"]["text"] == loss.title
    lines = [layer for layer in layers(spec) if layer["mark"]["type"] == "line"]
    assert [line["encoding"]["y"]["title"] for line in lines] == ["value of the loss", "gradient (slope of the value)"]
    assert len({tuple(line["encoding"]["x"]["scale"]["domain"]) for line in lines}) == 1
    for line in lines:
        low, high = line["encoding"]["y"]["scale"]["domain"]
        assert low <= 0 <= high


def test_points_are_those_of_the_curves_and_end_near_the_picture() -> None:
    spec = chart([definition("bce")], {})
    names = {layer["data"]["name"] for layer in layers(spec) if layer["mark"]["type"] == "line"}
    assert names == {"value", "gradient"} <= set(spec["datasets"])
    values = [row["y"] for row in spec["datasets"]["gradient"]]
    assert -100 < min(values) < 0 < max(values) < 100


def test_several_losses_share_a_picture_and_have_a_legend() -> None:
    spec = chart([definition("huber"), definition("mse")], {"delta": 2.0})
    colour = layers(spec)[-1]["encoding"]["color"]
    assert colour["scale"]["domain"] == ["Huber, delta=2", "Squared error"]
    assert colour["legend"]["orient"] == "bottom"


def test_target_is_marked_with_a_rule_and_its_name() -> None:
    marks = [layer["mark"]["type"] for layer in layers(chart([definition("mse")], {}))]
    assert marks == ["rule", "text", "line"] * 2


def test_steep_ends_do_not_flatten_the_rest() -> None:
    line = layers(chart([definition("bce")], {}))[-1]
    low, high = line["encoding"]["y"]["scale"]["domain"]
    assert -30 < low < 0 < high < 30


def test_png_svg_and_html(tmp_path: Path) -> None:
    assert plot("huber", output=tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    svg = ElementTree.fromstring(plot("huber", output=tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert "Huber" in "".join(svg.itertext())
    page = plot("huber", output=str(tmp_path / "a.HTML")).read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
    assert not re.search(r"\bfrom\s*[\"']https?://|import\([\"']https?://", page)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.HTML", "a.png", "a.svg"]


def test_default_name_is_that_of_the_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert plot("mae") == Path("absolute_error.png")
    assert plot("mae", "mse", "l1") == Path("absolute_error-squared_error.png")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        ((), {}, lm.InputError, "no loss to plot"),
        (("hubr",), {}, lm.UnknownNameError, r"did you mean 'huber'"),
        (("huber",), {"output": "a.pdf"}, lm.InputError, r"expected a name ending in \.png, \.svg, \.html"),
        (("huber",), {"output": "nowhere/a.svg"}, lm.DataError, "does not exist; create it first"),
        (("huber",), {"output": "a.svg", "parameters": {"delta": 0}}, lm.InputError, r"delta is 0.* in \(0, ∞\)"),
        (("huber", "mse"), {"parameters": {"dleta": 1}}, lm.UnknownNameError, "did you mean 'delta'"),
        (
            ("huber", "kl"),
            {},
            lm.InputError,
            "huber is drawn over «prediction.* and kl_divergence over .* plot them apart",
        ),
    ],
)
def test_what_cannot_be_drawn(
    names: tuple[str, ...],
    options: dict[str, Any],
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        plot(*names, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_without_the_extra_the_error_names_it(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(lm.MissingDependencyError, match=r"pip install 'lossmith\[report\]'"):
        plot("huber", output=tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plot("huber", output=tmp_path / "a.svg")
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(lm.DataError, match="No space left"):
        plot("mse", output=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
