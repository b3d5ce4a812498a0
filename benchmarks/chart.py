"""The README's chart, drawn from the last measurements in the results file."""

from __future__ import annotations

from pathlib import Path

from .results import FILE, Measured, last

SHOWN = ("torch eager", "torch compile", "jax jit", "tf graph", "tf xla")
# One size of each loss, the large ones: what a training step is likely to wait for.
WORKS = (
    "softmax cross-entropy, class indices, 65,536 × 10 float32",
    "softmax cross-entropy, class indices, 8,192 × 1,000 float32",
    "softmax cross-entropy, class indices, 1,024 × 32,000 float32",
    "softmax cross-entropy, class indices, 1,024 × 32,000 bfloat16",
    "softmax cross-entropy, dense targets, 1,024 × 32,000 float32",
    "KL divergence of logits, 8,192 × 1,000 float32",
    "squared error, 10,000,000 float32",
    "sigmoid cross-entropy, 10,000,000 float32",
)


def draw(results: Path = FILE) -> Path:
    """Draw how many times as long as lossmith the others take, forward and backward, beside ``results`` as SVG."""
    import altair as alt

    by_title = {one.title: one for one in last(results)}
    rows = [row for title in WORKS if title in by_title for row in _rows(by_title[title])]
    bars = alt.Chart().encode(
        y=alt.Y("contender:N", title=None, sort=[*SHOWN], axis=alt.Axis(domain=False, ticks=False)),
        x=alt.X("times:Q", title="time, in times of lossmith.torch's", axis=alt.Axis(gridOpacity=0.4)),
        color=alt.Color("contender:N", legend=None, scale=alt.Scale(domain=[*SHOWN], range=_COLOURS)),
    )
    labels = bars.mark_text(align="left", dx=3, fontSize=11).encode(
        text=alt.Text("times:Q", format=".1f"), color=alt.value("#333")
    )
    ours = alt.Chart().mark_rule(color="#333", strokeDash=[3, 3]).encode(x=alt.datum(1))
    picture = alt.layer(bars.mark_bar(), labels, ours).properties(width=330, height={"step": 15})
    target = results.with_suffix(".svg")
    title = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelFontSize=12, labelFontWeight="bold")
    facet = alt.Facet("work:N", sort=[*WORKS], header=title)
    picture.facet(facet, data=alt.Data(values=rows), columns=2, spacing=18).properties(background="white").save(target)
    return target


_COLOURS = ["#d1495b", "#edae49", "#4269d0", "#8d96a3", "#66a182"]


def _rows(one: Measured) -> list[dict[str, object]]:
    return [{"work": one.title, "contender": name, "times": one.ratios[name]} for name in SHOWN if name in one.ratios]
