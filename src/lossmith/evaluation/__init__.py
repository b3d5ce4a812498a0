"""Evaluation: what a set of predictions is worth, in numbers and in words."""

from .comparison import Comparison, compare
from .paired import Difference, Discordant
from .result import ClassScore, Confused, Confusion, Duplicates, Evaluation, LossScore, Metric, Slice
from .run import evaluate, evaluate_file
from .sources import Predictions, load

__all__ = [
    "ClassScore",
    "Comparison",
    "Confused",
    "Confusion",
    "Difference",
    "Discordant",
    "Duplicates",
    "Evaluation",
    "LossScore",
    "Metric",
    "Predictions",
    "Slice",
    "compare",
    "evaluate",
    "evaluate_file",
    "load",
]
