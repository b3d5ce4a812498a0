"""Making losses understood: in words, in pictures of value and gradient, as a list, and as a choice for a target."""

from .catalogue import catalogue
from .chart import plot
from .choosing import Choice, choose, choose_file
from .explanation import Argument, Explanation, explain

__all__ = ["Argument", "Choice", "Explanation", "catalogue", "choose", "choose_file", "explain", "plot"]
