"""Evaluation: what a set of predictions is worth, in numbers and in words."""

from .comparison import Comparison, compare
from .direct import (
    ClassificationScores,
    RegressionScores,
    binary_scores,
    confusion_matrix,
    multiclass_scores,
    regression_scores,
)
from .paired import Difference, Discordant
from .result import ClassScore, Confused, Confusion, Duplicates, Evaluation, LossScore, Metric, Slice
from .run import evaluate, evaluate_file
from .sources import Predictions, load

__all__ = [
    "ClassScore",
    "ClassificationScores",
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
    "RegressionScores",
    "Slice",
    "binary_scores",
    "compare",
    "confusion_matrix",
    "evaluate",
    "evaluate_file",
    "load",
    "multiclass_scores",
    "regression_scores",
]
