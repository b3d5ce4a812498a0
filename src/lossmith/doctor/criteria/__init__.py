"""The judges: functions from evidence to findings, by family; importing this package registers them."""

from . import (
    activation,
    axes,
    calibration,
    curves,
    labels,
    noise,
    pace,
    penalty,
    results,
    scale,
    split,
    steps,
    task,
    weights,
)

__all__ = ["activation", "axes", "calibration", "curves", "labels", "noise", "pace", "penalty", "results"]
__all__ += ["scale", "split", "steps", "task", "weights"]
