"""Making a loss understood: formulas as text and MathML, explanations in words, pictures of value and gradient."""

from .chart import plot
from .explanation import Explanation, explain

__all__ = ["Explanation", "explain", "plot"]
