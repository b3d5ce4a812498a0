"""Sphinx extension: pages about the frameworks, from the tables in ``lossmith.understanding.frameworks``.

Pages land in ``docs/frameworks/`` and are never edited: change the tables, whose numbers ``tests/faces`` holds against
the installed frameworks. Building the pages needs none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from lossmith.understanding.frameworks.capabilities import CAPABILITIES, REFUSED, THEIRS, losses_of
from lossmith.understanding.frameworks.differences import DIFFERENCES
from lossmith.understanding.frameworks.porting import CONVENTIONS, OUT, PORTS, names_in
from lossmith.understanding.frameworks.tables import (
    IMPORTS,
    KERAS,
    LM,
    OPTAX,
    TITLES,
    TORCH,
    VERSIONS,
    Call,
    Difference,
    Port,
    shown,
)

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_CODE = re.compile(r"((?:\b[A-Za-z]+\.)*\b[A-Za-z]\w*(?:_\w+)+(?:=[\w.-]*\w|=)?|\b[a-z]\w*=(?:[\w.-]*\w)?)")
_FACES = {"torch": "lossmith.torch", "jax": "lossmith.jax", "keras": "lossmith.keras, on TensorFlow"}
_INSTALLED = ", ".join(f"{TITLES[name]} {version}" for name, version in VERSIONS.items())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write the pages; files that would not change keep their time."""
    folder = Path(app.srcdir) / "frameworks"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the texts of the pages by file name."""
    return {"differences.md": differences(), "porting.md": porting(), "capabilities.md": capabilities()}


def differences() -> str:
    """Return the page of differences."""
    count = sum(len(topic.rows) for topic in DIFFERENCES)
    parts = [
        "# Where frameworks differ",
        f"{count} places where Keras, PyTorch and optax disagree with each other or with themselves, and what lossmith "
        f"does there. Every number was computed with {_INSTALLED}, and the tests compute it again.",
        "Where a framework is merely different, its face does as it does; where it is wrong or silent, the face is "
        "right or says so. «Keras» alone stands for all four backends.",
        _preamble(IMPORTS.values()),
        "Inputs are arrays of the framework: float32, and int64 for whole numbers. `grad(f, x)` is the gradient of the "
        "sum of `f(x)` by `torch.autograd`, and `autocast(f)` is `f` under `torch.autocast` to bfloat16.",
    ]
    for topic in DIFFERENCES:
        parts.append(f"## {topic.title}")
        for row in topic.rows:
            parts += [f"### {_plain(row.title)}", _prose(row.why), *_inputs(row), _calls(row.calls)]
    return "\n\n".join(parts) + "\n"


def porting() -> str:
    """Return the page of ports."""
    parts = [
        "# Port a loss",
        "You have a loss in one framework and want it in another: find it here, and copy the line. All lines of a "
        f"table give the same number on the same input, with {_INSTALLED}; the tests hold them to it.",
        "The faces make most of it unnecessary: `lossmith.torch`, `lossmith.keras` and `lossmith.jax` have the names, "
        "the arguments and the conventions of their framework, so that changing the import is enough.",
        _preamble(IMPORTS[name] for name in (KERAS, TORCH, OPTAX, LM)),
        "`x` is the prediction, `p` a prediction in probabilities, `y` the target.",
        "## Conventions",
        _table(("", "Keras", "PyTorch", "optax", "lossmith"), CONVENTIONS, escape=_prose),
        "## You have …",
    ]
    for name in (KERAS, TORCH, OPTAX):
        parts += [f"### … {TITLES[name]}", _directory(name)]
    for group, ports in PORTS.items():
        parts.append(f"## {group}")
        for port in ports:
            parts += [f"({_target(port)})=\n### {port.title}", *[_prose(port.note)] * bool(port.note)]
            parts += [_assignments(port.inputs), _forms(port)]
    return "\n\n".join(parts) + "\n"


def capabilities() -> str:
    """Return the page of capabilities."""
    parts = [
        "# What works on which loss",
        "A tick says that a test runs this cell and compares with the plain loss; everything else would say why it is "
        "refused. Nothing is silently wrong.",
    ]
    for face, meanings in CAPABILITIES.items():
        parts += [f"## {_FACES[face]}", "\n".join(f"- **{name}**: {meaning}" for name, meaning in meanings.items())]
        rows = [(f"`{loss}`", *(_cell(face, loss, name) for name in meanings)) for loss in losses_of(face)]
        parts.append(_table(("loss", *meanings), rows))
        if face == "torch":
            own = [f"- `nn.{loss}`, {name}: {why}." for (loss, name), why in THEIRS.items()]
            parts.append(f"°: `torch.nn`'s own module, in PyTorch {VERSIONS['torch']}, does not do it:")
            parts.append("\n".join(own))
        refused = [f"- `{loss}`, {name}: {why}." for (of, loss, name), why in REFUSED.items() if of == face]
        parts += ["\n".join(refused)] * bool(refused)
    return "\n\n".join(parts) + "\n"


def _preamble(imports: Iterable[str]) -> str:
    return "\n".join(["```python", *imports, "```"])


def _inputs(row: Difference) -> list[str]:
    return [_assignments(row.inputs)] if row.inputs else []


def _assignments(inputs: Mapping[str, Any]) -> str:
    return "\n".join(["```python", *(f"{name} = {value!r}" for name, value in inputs.items()), "```"])


def _calls(calls: Iterable[Call]) -> str:
    rows = [(TITLES[call.where], f"`{call.code}`", _plain(shown(call.gives))) for call in calls]
    return _table(("", "call", "gives"), rows)


def _forms(port: Port) -> str:
    by_name = {call.where: f"`{call.code}`" for call in port.calls}
    rows = [(TITLES[name], by_name.get(name, "–")) for name in (KERAS, TORCH, OPTAX, LM)]
    return _table(("", f"gives {shown(port.value)}"), rows)


def _directory(framework: str) -> str:
    """Return the list of a framework's names, each with the rows that it stands in."""
    found: dict[str, list[Port]] = {}
    for port in (port for ports in PORTS.values() for port in ports):
        for name in names_in(port).get(framework, ()):
            found.setdefault(name, []).append(port)
    lines = [
        f"- `{name}`: {', '.join(f'[{port.title}](#{_target(port)})' for port in ports)}"
        for name, ports in sorted(found.items())
    ]
    lines += [f"- `{name}`: no row; {why}" for name, why in OUT[framework].items()]
    return "\n".join(lines)


def _target(port: Port) -> str:
    return "port-" + re.sub(r"[^a-z0-9]+", "-", port.title.lower()).strip("-")


def _cell(face: str, loss: str, capability: str) -> str:
    if (face, loss, capability) in REFUSED:
        return "✗"
    return "✓ °" if face == "torch" and (loss, capability) in THEIRS else "✓"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], escape: Callable[[str], str] = str) -> str:
    """Return a table; cells are Markdown without bars, or what ``escape`` makes of them."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _prose(text: str) -> str:
    """Escape a text, and set names and arguments as code."""
    parts = _CODE.split(text)  # code stands at the odd places
    return "".join(f"`{part}`" if i % 2 else _plain(part) for i, part in enumerate(parts))


def _plain(text: str) -> str:
    """Escape what Markdown would take for markup."""
    return _SPECIAL.sub(r"\\\1", text)
