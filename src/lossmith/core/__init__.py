"""From arrays to a number: ``check`` → ``compute`` → ``reduce``, and ``api`` that makes public functions of it."""

from .api import LossFunction, function_of, object_of
from .compute import call, value_and_gradient

__all__ = ["LossFunction", "call", "function_of", "object_of", "value_and_gradient"]
