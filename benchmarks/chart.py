"""The README's chart, drawn from the last run in a results file."""

from __future__ import annotations

import csv
from pathlib import Path


def draw(results: Path) -> Path:
    """Draw how many times as long as lossmith the others take, forward and backward, beside ``results`` as SVG."""
    import altair as alt

    with results.open() as file:
        rows = list(csv.DictReader(file))
    last = rows[-1]["date"]
    shown = [
        {
            "work": f"{row['work'].split(',')[0].replace('_', ' ')} {row['shape'].replace('x', ' × ')} {row['dtype']}",
            "contender": row["contender"],
            "times": float(row["times_ours"]),
        }
        for row in rows
        if row["date"] == last and row["pass"] == "forward+backward" and not row["contender"].startswith("lossmith")
    ]
    order = list(dict.fromkeys(str(row["work"]) for row in shown))
    bars = alt.Chart(alt.Data(values=shown)).encode(
        y=alt.Y("contender:N", title=None),
        x=alt.X("times:Q", title="time, in times of lossmith's (log scale)", scale=alt.Scale(type="log")),
    )
    labels = bars.mark_text(align="left", dx=3).encode(text=alt.Text("times:Q", format=".1f"))
    picture = (bars.mark_bar(color="#4269d0") + labels).properties(width=360, height={"step": 14})
    target = results.with_suffix(".svg")
    picture.facet(
        row=alt.Row("work:N", sort=order, title=None, header=alt.Header(labelAngle=0, labelAlign="left"))
    ).save(target)
    return target
