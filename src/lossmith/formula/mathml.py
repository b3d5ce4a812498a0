r"""A formula as MathML, which browsers draw on their own: no script, no font, no network.

>>> mathml(r"\frac{t}{p}", display=False)
'<math><mfrac><mi>t</mi><mi>p</mi></mfrac></math>'
"""

from __future__ import annotations

from html import escape

from .latex import Cases, Fence, Fraction, Node, Root, Row, Script, Symbol, is_call, parse, walk

_STACKED = frozenset(("max", "min", "sup", "inf", "argmax", "argmin"))  # a subscript goes under these in display style
_TAGS = {"letter": "mi", "number": "mn", "postfix": "mo", "comma": "mo", "operator": "mo", "relation": "mo"}
_THIN = '<mspace width="0.17em"></mspace>'


def mathml(latex: str, *, display: bool = True) -> str:
    """Return a formula as a MathML element.

    Args:
        latex: A formula in the subset of ``lossmith.formula.latex``.
        display: Whether it stands on a line of its own, or within a text.

    Raises:
        ValueError: The formula is outside the subset.
    """
    opening = '<math display="block">' if display else "<math>"
    return f"{opening}{_row(parse(latex))}</math>"


def _row(row: Row) -> str:
    parts = []
    for i, node in enumerate(row):
        parts.append(_node(node))
        if _name_of(node) and not is_call(row[i + 1 :]):
            parts.append(_THIN)
    joined = "".join(parts)
    return joined if len(parts) == 1 else f"<mrow>{joined}</mrow>"


def _node(node: Node) -> str:
    match node:
        case Symbol():
            return _symbol(node)
        case Fence():
            return _fence(node)
        case Fraction(above=above, below=below):
            return f"<mfrac>{_row(above)}{_row(below)}</mfrac>"
        case Root(body=body):
            return f"<msqrt>{_row(body)}</msqrt>"
        case Script():
            return _script(node)
        case Cases(rows=rows):
            return _cases(rows)


def _fence(node: Fence) -> str:
    """Brackets grow only around what is tall: a stretched glyph of ordinary height is spaced badly by some fonts."""
    tall = any(
        isinstance(n, Fraction | Cases) or (isinstance(n, Symbol) and n.kind == "large") for n in walk(node.body)
    )
    stretchy = "true" if tall else "false"
    edges = [("prefix", node.opening), ("postfix", node.closing)]
    left, right = (f'<mo form="{form}" stretchy="{stretchy}">{escape(edge)}</mo>' for form, edge in edges)
    return f"<mrow>{left}{_row(node.body)}{right}</mrow>"


def _symbol(node: Symbol) -> str:
    shown = escape(node.text)
    match node.kind:
        case "function":
            return f'<mi mathvariant="normal">{shown}</mi>' if len(node.text) == 1 else f"<mi>{shown}</mi>"
        case "large":
            return f'<mo largeop="true" movablelimits="true">{shown}</mo>'
        case "text":
            return f"<mtext>{shown}</mtext>"
        case "space":
            return f'<mspace width="{len(node.text) / 3:.2g}em"></mspace>' if len(node.text) > 1 else ""
    tag = _TAGS[node.kind]
    return f"<{tag}>{shown}</{tag}>"


def _script(node: Script) -> str:
    under = isinstance(node.base, Symbol) and (node.base.kind == "large" or node.base.text in _STACKED)
    below, above = ("under", "over") if under else ("sub", "sup")
    tag = "m" + (below if node.below else "") + (above if node.above else "")
    scripts = "".join(_row(row) for row in (node.below, node.above) if row)
    return f"<{tag}>{_node(node.base)}{scripts}</{tag}>"


def _cases(rows: tuple[tuple[Row, Row], ...]) -> str:
    cell = '<mtd style="text-align: left; padding: 0.2em 1em 0.2em 0">{}</mtd>'
    lines = "".join(f"<mtr>{cell.format(_row(v))}{cell.format(_row(c))}</mtr>" for v, c in rows)
    return f'<mrow><mo form="prefix" stretchy="true">{{</mo><mtable>{lines}</mtable></mrow>'


def _name_of(node: Node) -> str:
    """The name of a function that ends here, also below a script; empty for anything else."""
    base = node.base if isinstance(node, Script) else node
    return base.text if isinstance(base, Symbol) and base.kind == "function" else ""
