"""Evaluation: what a set of predictions is worth, in numbers and in words."""

from .result import ClassScore, Confused, Confusion, Evaluation, LossScore, Metric
from .run import evaluate, evaluate_file
from .sources import Predictions, load

__all__ = [
    "ClassScore",
    "Confused",
    "Confusion",
    "Evaluation",
    "LossScore",
    "Metric",
    "Predictions",
    "evaluate",
    "evaluate_file",
    "load",
]
