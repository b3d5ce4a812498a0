"""The page around a report: style, scripts, data; no network, and no script but ours.

A policy in the page names our scripts by their hashes, so a browser runs nothing else, whatever the data holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from .. import __version__
from .svg import escape

_ASSETS = files("lossmith.report").joinpath("assets")


def page(title: str, sections: Sequence[tuple[str, str, str]], data: Mapping[str, Any], scripts: Sequence[str]) -> str:
    """Return a whole page.

    Args:
        title: Of the window.
        sections: (anchor, words in the menu, content); an empty anchor stands in no menu, empty content is left out.
        data: What the scripts need, as JSON.
        scripts: Names of the files in ``assets`` to run, beside ``page.js``.
    """
    shown = [s for s in sections if s[2]]
    menu = "".join(f'<a href="#{anchor}">{escape(words)}</a>' for anchor, words, _ in shown if anchor)
    body = "\n".join(
        f'<section id="{anchor}" aria-label="{escape(words)}">\n{content}\n</section>' if anchor else content
        for anchor, words, content in shown
    )
    sources = [_read(name) for name in ("page.js", *scripts)]
    hashes = " ".join(f"'sha256-{_hash(source)}'" for source in sources)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {hashes}"
    running = "\n".join(f"<script>{source}</script>" for source in sources)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f"<title>{escape(title)}</title>\n<style>{_read('page.css')}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">To the report</a>\n'
        f'<div class="top"><div><nav aria-label="Parts of the report">{menu}</nav>'
        '<button type="button" id="theme" class="scripted" aria-pressed="false">Dark</button></div></div>\n'
        f'<main id="main">\n{body}\n<footer>Made by lossmith {escape(__version__)}. Intervals are at 95 %; the guide '
        "to evaluation says how each is made.</footer>\n</main>\n"
        f'<script type="application/json" id="data">{_json(data)}</script>\n{running}\n</body>\n</html>\n'
    )


def _read(name: str) -> str:
    return _ASSETS.joinpath(name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _json(data: Mapping[str, Any]) -> str:
    """Return JSON in ASCII that cannot end the element it stands in."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
