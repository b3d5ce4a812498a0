"""The rules as data: importing this package fills the registry of ``lossmith.doctor.rule``."""

from . import data, labels, output, results, start, training

__all__ = ["data", "labels", "output", "results", "start", "training"]
