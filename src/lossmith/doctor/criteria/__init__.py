"""The judges: functions from evidence to findings, by family; importing this package registers them."""

from . import activation, axes, curves, labels, noise, penalty, results, scale, split, steps, task

__all__ = ["activation", "axes", "curves", "labels", "noise", "penalty", "results", "scale", "split", "steps", "task"]
