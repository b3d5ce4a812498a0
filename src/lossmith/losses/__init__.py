"""The definitions of all losses; the order here is the order of ``lossmith.losses()``."""

from . import regression, probabilistic, binary, multiclass, focal, polynomial, margin  # noqa: F401, I001
from . import angular, longtail, ordinal, distillation  # noqa: F401
from . import embedding, pairs, ranking, boxes, preference, survival, sequence  # noqa: F401
from . import root, quantile, robust, general_robust, likelihood, score, positive, divergence  # noqa: F401
from . import segmentation, compound, lovasz  # noqa: F401
from . import contrastive, contrastive_groups, mining  # noqa: F401
from .definition import Advice, Extra, Loss, Parameter, Reference, find, losses
from .domain import ROUNDING, Domain

__all__ = ["ROUNDING", "Advice", "Domain", "Extra", "Loss", "Parameter", "Reference", "find", "losses"]
