"""Formulas: the LaTeX subset that the definitions are written in, as text for terminals and as MathML for pages."""

from .latex import parse
from .mathml import mathml
from .plain import text

__all__ = ["mathml", "parse", "text"]
