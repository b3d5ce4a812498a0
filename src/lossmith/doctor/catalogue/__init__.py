"""The rules as data: importing this package fills the registry of ``lossmith.doctor.rule``."""

from . import code, data, evaluation, labels, output, results, start, training

__all__ = ["code", "data", "evaluation", "labels", "output", "results", "start", "training"]
