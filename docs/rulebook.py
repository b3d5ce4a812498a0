"""Sphinx extension: one page per rule of the doctor, from the catalogue in ``lossmith.doctor``.

Pages land in ``docs/rules/`` and are never edited: change the rule instead.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from lossmith.doctor import page, rules


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write the index and the pages; files that would not change keep their time, those of no rule go."""
    folder = Path(app.srcdir) / "rules"
    folder.mkdir(exist_ok=True)
    texts = pages()
    for stale in {p.name for p in folder.glob("*.md")} - set(texts):
        (folder / stale).unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the texts of the pages by file name."""
    return {"index.md": page.index(), **{f"{one.code.lower()}.md": page.markdown(one) for one in rules()}}
