"""The style sheet of the HTML report."""

CSS = """
:root {
  --ground: #fcfcfb; --panel: #f3f3f0; --ink: #1b1c20; --soft: #5d6069; --line: #dcdcd6;
  --hit: 37 99 235; --miss: 234 108 24; --depth: .62; --good: #17803d; --bad: #c2320f; --even: #946200;
  --bar: rgb(37 99 235 / .17);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15161a; --panel: #1f2127; --ink: #ececef; --soft: #a2a5b0; --line: #34363f;
    --hit: 96 150 250; --miss: 245 135 60; --depth: .55; --good: #5fd38a; --bad: #ff8a66; --even: #e8b84a;
    --bar: rgb(96 150 250 / .26);
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { border-left: .3rem solid var(--even); padding-left: 1.1rem; }
header.good { border-color: var(--good); }
header.bad { border-color: var(--bad); }
.kicker, .assumed { margin: 0; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
h1 { margin: .25rem 0 .4rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
.lead { margin: 0; max-width: 46rem; font-size: 1.05rem; overflow-wrap: anywhere; }
h2, caption { font-size: 1.1rem; font-weight: 650; text-align: left; }
h2 { margin: 0 0 .5rem; }
caption { padding: 0 0 .5rem; }
section { margin-top: 2.75rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
.cards > div { background: var(--panel); border-radius: .6rem; padding: .85rem 1rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.6rem; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; }
dd small { display: block; font-size: .85rem; font-weight: 400; color: var(--soft); }
ul { margin: 0; padding-left: 1.2rem; }
li { margin: .25rem 0; overflow-wrap: anywhere; }
.notes, .note, footer { color: var(--soft); font-size: .9rem; }
.notes h2 { color: var(--ink); }
.note { margin: .5rem 0 0; }
.scroll { overflow-x: auto; }
.scroll + .scroll, p + .scroll { margin-top: 2.25rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; }
th, td { padding: .32rem .9rem .32rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; white-space: normal; min-width: 5rem; max-width: 18rem; overflow-wrap: break-word; }
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
td.bar { min-width: 6.5rem; padding-right: .4rem;
  background: linear-gradient(var(--bar), var(--bar)) no-repeat left center / calc(var(--v) * 100%) 72%; }
.matrix { width: auto; border-collapse: separate; border-spacing: 2px; }
.matrix th, .matrix td { padding: .3rem .45rem; min-width: 2.5rem; }
.matrix td { text-align: center; border-radius: .25rem; background: var(--panel); }
.matrix thead th { max-width: 8rem; overflow: hidden; text-overflow: ellipsis; text-align: center; }
.matrix thead th:first-child { text-align: left; }
.matrix th:first-child { position: sticky; left: 0; background: var(--ground); }
.matrix tbody th { white-space: nowrap; max-width: 12rem; overflow: hidden; text-overflow: ellipsis; }
.matrix.long thead th:not(:first-child) { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem;
  text-align: left; padding: .45rem .3rem; }
.matrix td.none { color: var(--soft); background: none; opacity: .55; }
.matrix td.hit { background: rgb(var(--hit) / calc(var(--a) * var(--depth))); }
.matrix td.miss { background: rgb(var(--miss) / calc(.1 + var(--a) * var(--depth))); }
.matrix b { font-weight: 550; }
.matrix i { display: none; font-style: normal; }
section:has(#shares:checked) .matrix b { display: none; }
section:has(#shares:checked) .matrix i { display: inline; }
.switch { margin: .5rem 0 0; font-size: .9rem; }
#shares { margin: 0 .45rem 0 0; vertical-align: -.1rem; accent-color: rgb(var(--hit)); }
figure { margin: 0 0 1.5rem; }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .9rem; color: var(--soft); }
figcaption span::before { content: ""; display: inline-block; width: 1.1rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; background: var(--c); border-radius: .1rem; }
svg { display: block; width: 100%; max-width: 42rem; height: auto; }
svg text { fill: var(--soft); font-size: 13px; font-family: inherit; }
svg .grid { stroke: var(--line); }
svg .best { stroke: var(--soft); stroke-dasharray: 3 4; }
.c0 { --c: rgb(var(--hit)); } .c1 { --c: rgb(var(--miss)); } .c2 { --c: #16a37b; } .c3 { --c: #a259d9; }
.c4 { --c: #c79a10; } .c5 { --c: #d6427e; }
svg .curve { stroke: var(--c); fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .dot { fill: var(--c); }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem; }
@media (max-width: 36rem) {
  main { padding: 1.25rem .9rem 2.5rem; }
  h1 { font-size: 1.4rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  dd { font-size: 1.3rem; }
  table { font-size: .88rem; }
}
@media print {
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  tr, figure, header, .cards > div { break-inside: avoid; }
  caption, h2 { break-after: avoid; }
  td, .cards > div { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .switch { display: none; }
}
"""
