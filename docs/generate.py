"""Sphinx extension: one page per registered loss, written before the build; formulas as MathML; and the check that
nothing public is undocumented.

Pages land in ``docs/losses/`` and are never edited: change the definition instead.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

import lossmith
from lossmith.formula import mathml
from lossmith.losses import Loss, losses
from lossmith.understanding import Argument, Explanation, explain, plot

_TASKS = {
    "regression": "Numbers",
    "distribution": "Distributions",
    "binary": "Yes or no, and independent labels",
    "multiclass": "One of several classes",
    "embedding": "Vectors",
    "ranking": "Rankings",
    "boxes": "Boxes",
    "preference": "Preferences",
    "segmentation": "Masks and segmentation",
    "sequence": "Sequences",
    "survival": "Survival times",
}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_NAMES = re.compile(rf"\b({'|'.join(loss.name for loss in losses() if '_' in loss.name)})\b")
_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    app.connect("env-check-consistency", check_coverage)
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write the index, and page and picture of every loss; files that would not change keep their time."""
    folder = Path(app.srcdir) / "losses"
    folder.mkdir(exist_ok=True)
    pages = {"index.md": index(), **{f"{loss.name}.md": page(loss) for loss in losses()}}
    for stale in {p.name for p in folder.glob("*.md")} - set(pages):
        (folder / stale).unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for loss in losses():
        plot(loss.name, output=folder / f"{loss.name}.svg")


def check_coverage(app: Sphinx, env: Any) -> None:
    """Warn, and so fail the build, where a loss has no page or a public name no description."""
    for loss in losses():
        if f"losses/{loss.name}" not in env.found_docs:
            _log.warning("%s has no page", loss.name)
    described = {name for name, *_ in env.get_domain("py").get_objects()}
    for name in lossmith.__all__:
        if f"lossmith.{name}" not in described:
            _log.warning("lossmith.%s is public, but described nowhere: add it to docs/api.md", name)


def index() -> str:
    """Return the page that lists all losses, by task."""
    parts = ["# Losses", "Every page here is made from the loss's definition, the same one that computes it."]
    for task, heading in _TASKS.items():
        rows = [f"| [{d.title}]({d.name}.md) | {_prose(d.summary)} |" for d in losses() if d.task == task]
        parts.append("\n".join([f"## {heading}", "", "| loss | what one value means |", "|---|---|", *rows]))
    parts.append("\n".join(["```{toctree}", ":hidden:", "", *(loss.name for loss in losses()), "```"]))
    return "\n\n".join(parts) + "\n"


def page(loss: Loss) -> str:
    """Return the page of a loss."""
    e = explain(loss.name)
    names = (f"lossmith.{e.name}", f"lossmith.{e.object_name}", *e.aliases)
    parts = [f"# {e.title}", " · ".join(f"`{name}`" for name in names), _prose(e.summary)]
    parts += [_math(e.latex), "Its gradient with respect to the prediction:", _math(e.gradient_latex), _legend(e)]
    if e.dropped:
        parts.append(
            f"The additive constant {{math}}`{loss.dropped}` is left out: it does not depend on the prediction."
        )
    parts.append(f"![Value and gradient of {e.title}]({e.name}.svg)")
    arrays = (f"- **prediction**: {_prose(e.prediction)}", f"- **target**: {_prose(e.target)}")
    parts += ["## Prediction and target", "\n".join([*arrays, *map(_argument, e.extras)])]
    parts += _parameters(e)
    for section in e.sections():
        if section.heading in ("Take it when", "Take another when", "What a good value is", "Pitfalls", "Type"):
            parts += [f"## {section.heading}", _lines(section.lines, section.style)]
    parts += ["## References", "\n".join(f"- [{_plain(r.text)}]({r.link})" for r in loss.references)]
    directives = (f".. autofunction:: lossmith.{e.name}", f".. autoclass:: lossmith.{e.object_name}")
    parts += ["## In full", "\n".join(["```{eval-rst}", directives[0], "", directives[1], "```"])]
    return "\n\n".join(parts) + "\n"


def _math(latex: str) -> str:
    return f"```{{math}}\n{latex}\n```"


def _legend(e: Explanation) -> str:
    names = {x.name for x in (*e.parameters, *e.extras)}
    meanings = {s: f"`{meaning}`" if meaning in names else _prose(meaning) for s, meaning in e.symbols.items()}
    return f"Here {', '.join(f'{symbol} is {meaning}' for symbol, meaning in meanings.items())}."


def _argument(extra: Argument) -> str:
    may = "" if extra.required else " (may be left out)"
    return f"- **{extra.name}**{may}: {_prose(extra.valid)}. {_prose(extra.meaning)}"


def _parameters(e: Explanation) -> list[str]:
    if not e.parameters:
        return []
    rows = [f"| `{p.name}` | `{p.default}` | {_prose(p.valid)} | {_prose(p.meaning)} |" for p in e.parameters]
    return ["## Parameters", "\n".join(["| name | default | valid | meaning |", "|---|---|---|---|", *rows])]


def _lines(lines: tuple[str, ...], style: str) -> str:
    if style == "code":
        return "\n".join(["```python", *lines, "```"])
    return "\n".join(f"- {_prose(x)}" for x in lines) if style == "list" else "\n\n".join(map(_prose, lines))


def _plain(text: str) -> str:
    """Escape what Markdown would take for markup."""
    return _SPECIAL.sub(r"\\\1", text)


def _prose(text: str) -> str:
    """Escape a text, and link the losses that it names."""
    parts = _NAMES.split(text)  # names stand at the odd places
    return "".join(f"[`{part}`]({part}.md)" if i % 2 else _plain(part) for i, part in enumerate(parts))


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{mathml(node.astext())}</div>')
    raise nodes.SkipNode
