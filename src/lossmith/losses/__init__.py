"""The definitions of all losses; the order here is the order of ``lossmith.losses()``."""

from . import regression, probabilistic, binary, multiclass, embedding  # noqa: F401, I001
from .definition import Advice, Loss, Parameter, Reference, find, losses
from .domain import ROUNDING, Domain

__all__ = ["ROUNDING", "Advice", "Domain", "Loss", "Parameter", "Reference", "find", "losses"]
