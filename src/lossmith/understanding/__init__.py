"""Making a loss understood: formulas as text and MathML, explanations in words, pictures of value and gradient."""

from .chart import plot
from .explanation import Argument, Explanation, explain

__all__ = ["Argument", "Explanation", "explain", "plot"]
