r"""A formula as Unicode text that reads in a terminal.

>>> text(r"\frac{1}{2} (p - t)^2")
'½ (p − t)²'
>>> text(r"-\frac{\sum_{i} p_i t_i}{\|p\| \|t\|}")
'−(∑ᵢ pᵢ tᵢ) / (‖p‖ ‖t‖)'

Cases take one line each:

>>> print(text(r"\begin{cases} -t & t p < 1 \\ 0 & \text{otherwise} \end{cases}"))
⎧ −t   if t p < 1
⎩ 0    otherwise
"""

from __future__ import annotations

from .latex import Cases, Fence, Fraction, Node, Root, Row, Script, Symbol, is_call, is_space, parse, walk

_SUBSCRIPTS: dict[str, str] = dict(zip("0123456789+−aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_SUPERSCRIPTS: dict[str, str] = dict(zip("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", strict=True))
_QUOTED = {("1", "2"): "½", ("1", "3"): "⅓", ("2", "3"): "⅔", ("1", "4"): "¼", ("3", "4"): "¾"}
_SIGNS = ("operator", "relation", "comma")


def text(latex: str) -> str:
    """Return a formula as text; one line, or one per case.

    Args:
        latex: A formula in the subset of ``lossmith.formula.latex``.

    Raises:
        ValueError: The formula is outside the subset.
    """
    row = parse(latex)
    return "\n".join(line.rstrip() for line in _Printer(row).block(row))


class _Printer:
    """Prints rows; a formula writes its letter subscripts either all as ₖ or all as _k."""

    def __init__(self, row: Row) -> None:
        below = [
            n for script in walk(row) if isinstance(script, Script) and len(script.below) == 1 for n in script.below
        ]
        letters = [n.text for n in below if isinstance(n, Symbol) and n.kind == "letter"]
        exist = all(letter in _SUBSCRIPTS for letter in letters)
        self.small = {k: v for k, v in _SUBSCRIPTS.items() if exist or not k.isalpha()}

    def block(self, row: Row) -> list[str]:
        """Return the lines of a row, in which cases stand one above the other."""
        at = next((i for i, node in enumerate(row) if isinstance(node, Cases)), None)
        if at is None:
            return [self.line(row)]
        before, after = self.line(row[:at]), self.line(row[at + 1 :])
        lines = self.cases(row[at])
        pad = " " * (len(before) + 1) if before else ""
        return [f"{before} {lines[0]}{after}" if before else lines[0] + after, *(pad + line for line in lines[1:])]

    def cases(self, node: Node) -> list[str]:
        rows = [(self.line(value), self.line(condition)) for value, condition in getattr(node, "rows", ())]
        wide = max(len(value) for value, _ in rows)
        edges = ["⎧", *["⎨"] * (len(rows) - 2), "⎩"] if len(rows) > 1 else ["{"]
        joined = [c if c == "otherwise" else f"if {c}" for _, c in rows]
        return [f"{e} {v:<{wide}}   {c}" for e, (v, _), c in zip(edges, rows, joined, strict=True)]

    def line(self, row: Row) -> str:
        """Return a row on one line."""
        out = ""
        for i, node in enumerate(row):
            if isinstance(node, Symbol) and node.kind in _SIGNS:
                out = self.sign(out, node, unary=_starts_term(row[:i]))
            elif isinstance(node, Symbol) and node.kind == "space":
                out += node.text if out and not out.endswith(" ") else node.text[1:]
            else:
                piece = self.node(node)
                if isinstance(node, Fraction) and (_bound_left(row[:i]) or _followed(row[i + 1 :])):
                    piece = piece if piece in _QUOTED.values() else f"({piece})"
                out += f" {piece}" if _touches(row[:i], node) else piece
        return out.strip()

    def sign(self, out: str, node: Symbol, *, unary: bool) -> str:
        if node.kind == "comma":
            return f"{out.rstrip()}{node.text} "
        if unary:
            return out + node.text
        return f"{out.rstrip()} {node.text} "

    def node(self, node: Node) -> str:
        match node:
            case Symbol(text=symbol):
                return symbol
            case Fence(opening=opening, body=body, closing=closing):
                return f"{opening}{self.line(body)}{closing}"
            case Fraction(above=above, below=below):
                return self.fraction(above, below)
            case Root(body=body):
                return f"√{self.grouped(body, _is_factor(body))}"
            case Script():
                return self.script(node)
        raise ValueError("cases stand on their own, not inside of another part of a formula")

    def fraction(self, above: Row, below: Row) -> str:
        top, bottom = self.line(above), self.line(below)
        if (top, bottom) in _QUOTED:
            return _QUOTED[top, bottom]
        return f"{self.grouped(above, not _is_open(above))} / {self.grouped(below, _is_factor(below))}"

    def grouped(self, row: Row, bare: bool) -> str:
        return self.line(row) if bare else f"({self.line(row)})"

    def script(self, node: Script) -> str:
        base = self.node(node.base)
        if isinstance(node.base, Fraction | Root):
            base = f"({base})"
        return base + self.below(node.below) + self.above(node.above)

    def below(self, row: Row) -> str:
        plain = self.line(row)
        if not plain or all(c in self.small for c in plain):
            return "".join(self.small[c] for c in plain)
        return f"_{self.grouped(row, len(row) == 1)}"

    def above(self, row: Row) -> str:
        plain = self.line(row)
        if not plain or all(c in _SUPERSCRIPTS for c in plain):
            return "".join(_SUPERSCRIPTS[c] for c in plain)
        return f"^{self.grouped(row, len(row) == 1 and isinstance(row[0], Symbol))}"


def _dense(row: Row) -> Row:
    return tuple(n for n in row if not is_space(n))


def _kind(node: Node) -> str:
    """The kind of a symbol, also below a script; "part" for anything else."""
    if isinstance(node, Script):
        return _kind(node.base)
    return node.kind if isinstance(node, Symbol) else "part"


def _starts_term(before: Row) -> bool:
    dense = _dense(before)
    return not dense or _kind(dense[-1]) in _SIGNS


def _bound_left(before: Row) -> bool:
    """Whether a function or sum without brackets stands right before, and would take only a part of a fraction."""
    dense = _dense(before)
    return bool(dense) and _kind(dense[-1]) in ("function", "large")


def _followed(after: Row) -> bool:
    """Whether another factor follows, which would look like a part of the denominator."""
    dense = _dense(after)
    return bool(dense) and _kind(dense[0]) not in _SIGNS


def _touches(before: Row, node: Node) -> bool:
    """Whether two names stand side by side in the source and would run into one word."""
    return (
        bool(before)
        and _kind(before[-1]) in ("letter", "number", "large", "text")
        and _kind(node)
        in (
            "letter",
            "function",
            "large",
            "text",
        )
    )


def _is_open(row: Row) -> bool:
    """Whether a row is a sum, or ends in a function whose reach would swallow a division sign."""
    dense = _dense(row)
    if any(isinstance(n, Fraction) for n in dense):
        return True
    kinds = [_kind(n) for n in dense]
    if any(k in _SIGNS for k in kinds[1:]) or "large" in kinds:
        return True
    return any(k == "function" and not is_call(dense[i + 1 :]) for i, k in enumerate(kinds))


def _is_factor(row: Row) -> bool:
    """Whether a row is one thing: a name, a number, a bracket, or a function of a bracket."""
    dense = _dense(row)
    if len(dense) == 2:
        return _kind(dense[0]) == "function" and is_call(dense[1:])
    return len(dense) == 1 and not isinstance(dense[0], Fraction) and _kind(dense[0]) != "operator"
