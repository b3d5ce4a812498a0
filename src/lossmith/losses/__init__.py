"""The definitions of all losses; the order here is the order of ``lossmith.losses()``."""

from . import regression, probabilistic, binary, multiclass, embedding  # noqa: F401, I001
from .definition import Advice, Loss, Parameter, Reference, find, losses
from .domain import Domain

__all__ = ["Advice", "Domain", "Loss", "Parameter", "Reference", "find", "losses"]
