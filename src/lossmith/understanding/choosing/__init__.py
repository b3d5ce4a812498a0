"""Which loss fits a target: from the column alone, with the numbers that speak for it."""

from .result import Choice, Expected, Reading, Suggestion, Weights
from .run import choose, choose_file

__all__ = ["Choice", "Expected", "Reading", "Suggestion", "Weights", "choose", "choose_file"]
