"""Learning curves from TensorBoard event files, through the ``tensorboard`` package: one file, or a log directory.

A directory may hold the files of one training: its own, or in subdirectories ``train`` and ``validation`` as Keras's
callback writes them. Where losses were logged more often than they were validated, the training loss of a point is the
mean since the point before.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError, MissingDependencyError
from .history import is_loss

_MARK = "tfevents"
_VALIDATION = ("validation", "valid", "val", "eval", "evaluation", "test", "dev")
_TRAIN = ("train", "training")
_MOST = 256  # points of a curve without validation; more are averaged
Scalars = dict[str, dict[int, float]]


def is_events(path: Path) -> bool:
    """Whether a path is an event file by its name, or a directory that has one in it."""
    return any(path.rglob(f"*{_MARK}*")) if path.is_dir() else _MARK in path.name.lower()


def read(path: Path) -> dict[str, list[float | None]]:
    """Return the columns of the losses and whatever else was logged, one row for each point.

    Raises:
        MissingDependencyError: tensorboard is not installed.
        DataError: The file cannot be read, no scalar is in it, or the directory holds several trainings.
    """
    folders = sorted({file.parent for file in path.rglob(f"*{_MARK}*")}) if path.is_dir() else [path]
    found: Scalars = {}
    for folder in _one_training(path, folders):
        of_validation = folder != path and folder.name.lower() in _VALIDATION
        for tag, values in _scalars(folder).items():
            name = tag.removeprefix("epoch_").removeprefix("evaluation_")
            name = name.removesuffix("_vs_iterations")
            found.setdefault(f"val_{name}" if of_validation else name, {}).update(values)
    if not found:
        raise DataError(f"{path.name} has no scalars in it; expected a loss, logged by epoch or step")
    return _columns(found)


def _one_training(path: Path, folders: list[Path]) -> list[Path]:
    """Return the folders, if they can be of one training.

    Raises:
        DataError: They cannot.
    """
    roots = {f.parent if f.name.lower() in (*_TRAIN, *_VALIDATION) and f != path else f for f in folders}
    if len(roots) > 1:
        names = ", ".join(str(f.relative_to(path)) or "." for f in sorted(roots)[:6])
        raise DataError(f"{path} holds several trainings ({names}{', …' if len(roots) > 6 else ''}); give one of them")
    return folders


def _scalars(path: Path) -> Scalars:
    """Return the scalars of a file or folder: values by step, by tag; those that TensorFlow keeps as tensors, too."""
    try:
        reading: Any = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
        util: Any = importlib.import_module("tensorboard.util.tensor_util")
    except ImportError as error:
        raise MissingDependencyError("tensorboard", f"TensorBoard event files ({path.name})") from error
    try:
        events = reading.EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        tags = events.Tags()
        found = {tag: {e.step: float(e.value) for e in events.Scalars(tag)} for tag in tags["scalars"]}
        for tag in tags["tensors"]:
            rows = [(e.step, util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            if rows and all(value.size == 1 and value.dtype.kind in "fiu" for _, value in rows):
                found[tag] = {step: float(value.reshape(())) for step, value in rows}
    except Exception as error:  # the package raises whatever its records make it
        raise DataError(f"{path.name} cannot be read as TensorBoard events: {error}") from error
    return found


def _columns(found: Scalars) -> dict[str, list[float | None]]:
    """Return one row for each point of validation, or, where there is none, for each point of the training loss."""
    losses = {name: values for name, values in found.items() if is_loss(name)}
    validated = {name: v for name, v in losses.items() if "val" in name.lower() or "test" in name.lower()}
    clock = min((validated or losses or found).values(), key=len)
    ends = sorted(clock)
    if not validated and len(ends) > _MOST:
        ends = ends[:: -math.ceil(len(ends) / _MOST)][::-1]
    return {name: [_mean(values, low, high) for low, high in _spans(ends)] for name, values in found.items()}


def _spans(ends: list[int]) -> Iterable[tuple[float, float]]:
    return zip((-math.inf, *ends[:-1]), ends, strict=True)


def _mean(values: Mapping[int, float], low: float, high: float) -> float | None:
    """Return the mean of the values after ``low`` up to ``high``, or None of none."""
    inside = [v for step, v in values.items() if low < step <= high]
    return math.fsum(inside) / len(inside) if inside else None
