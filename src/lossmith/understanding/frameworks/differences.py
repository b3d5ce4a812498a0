"""The table of differences: where Keras, PyTorch and optax disagree, and what the faces do."""

from __future__ import annotations

from .formulas import PROBABILITIES, SHAPES_OF_LOSSES
from .labels import LABELS, SHAPES
from .precision import LIMITS, PRECISION
from .reductions import REDUCTIONS

DIFFERENCES = (REDUCTIONS, PROBABILITIES, SHAPES_OF_LOSSES, LABELS, SHAPES, PRECISION, LIMITS)
