"""Mergeable states: what evaluation keeps of any number of rows, in constant memory, the same bits from any split."""

from .bootstrap import Bootstrap
from .bracket import Bracket
from .calibration import CalibrationBins, Reliability
from .composite import Bundle, Slices
from .confusion import ConfusionCounts, RowCounts
from .exact import ExactSums
from .hashing import hash_rows, poisson_weights
from .histogram import Ranking, ScoreHistogram
from .labels import FewTexts, LabelCounts
from .losses import LossSummary, LossSums
from .maps import MapCounts, PixelCounts
from .moments import Moments, MomentSummary
from .quantiles import Quantiles
from .ranked import RankedGroups, RankedSummary
from .rows import Sample, WorstRows
from .state import SCHEMA, State
from .storage import from_arrow, from_json, to_arrow, to_json
from .tokens import TokenCounts

__all__ = [
    "SCHEMA",
    "Bootstrap",
    "Bracket",
    "Bundle",
    "CalibrationBins",
    "ConfusionCounts",
    "ExactSums",
    "FewTexts",
    "LabelCounts",
    "LossSummary",
    "LossSums",
    "MapCounts",
    "MomentSummary",
    "Moments",
    "PixelCounts",
    "Quantiles",
    "RankedGroups",
    "RankedSummary",
    "Ranking",
    "Reliability",
    "RowCounts",
    "Sample",
    "ScoreHistogram",
    "Slices",
    "State",
    "TokenCounts",
    "WorstRows",
    "from_arrow",
    "from_json",
    "hash_rows",
    "poisson_weights",
    "to_arrow",
    "to_json",
]
